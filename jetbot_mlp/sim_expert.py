"""Drivers that know the truth: they show that the simulator's tasks can be solved.

They obey the course's laws (steering from atan2 of the target; turn left while blocked) and differ from
a trained driver only in that nothing is predicted.
"""
import math

from . import sim_labels


def road_command(x, y, speed, gain=0.08):
    """(left, right) wheel commands for a target at x, y in [-1, 1], by the course's law without its kd."""
    steering = gain * math.atan2(x, (0.5 - y) / 2)
    return tuple(min(1.0, max(0.0, speed + side * steering)) for side in (1, -1))


def drive_road(sim, laps, speed=0.5, gain=0.08, max_seconds=1000.0):
    """Follow the true target until the laps are done or the time is up, stand while the way is blocked.

    speed : command, share of full speed. -> score
    """
    end = sim.clock() + max_seconds
    while sim.score()["laps"] < laps and sim.clock() < end and not sim.fallen:
        if sim_labels.is_blocked(sim.world, sim.pose):
            sim.robot.stop()
        else:
            px, py = sim_labels.road_target(sim.world, sim.pose)
            sim.robot.set_motors(*road_command((px - 112) / 112, (py - 112) / 112, speed, gain))
        sim.step()
    return sim.score()


def drive_room(sim, seconds, speed=0.4, turn=0.25):
    """Ahead while the truth is free, else turn left on the spot. speed, turn : commands. -> score"""
    end = sim.clock() + seconds
    while sim.clock() < end and not sim.fallen:
        if sim_labels.is_blocked(sim.world, sim.pose):
            sim.robot.left(turn)
        else:
            sim.robot.forward(speed)
        sim.step()
    return sim.score()
