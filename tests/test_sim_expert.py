"""The tasks can be solved: drivers that know the truth stay on the road and touch nothing.

Short versions; 10 laps and 5 minutes are driven the same way.
"""
import numpy as np
import pytest

from jetbot_mlp import sim_expert, sim_room
from jetbot_mlp.simulator import EVALUATION_SEED_OFFSET, Simulator, make_world


def blind(kind, k):
    """A simulator without pictures: the experts don't look at them, and the test is quicker."""
    sim = Simulator(make_world(kind, EVALUATION_SEED_OFFSET + k), seed=k)
    sim._renderer.picture = lambda pose: np.zeros((1, 1, 3), np.uint8)
    return sim


@pytest.mark.parametrize("k", range(5))
def test_the_road_expert_stays_on_the_road_at_a_quarter_metre_a_second(k):
    score = sim_expert.drive_road(blind("road", k), laps=1.2, max_seconds=60)
    assert score["laps"] >= 1.2 and score["off_track"] == 0 and score["collisions"] == 0
    assert score["cross_track_rms_m"] < 0.05
    assert 0.2 < score["distance_m"] / score["seconds"] < 0.3


@pytest.mark.parametrize("k", range(5))
def test_the_room_expert_touches_nothing_and_keeps_moving(k):
    score = sim_expert.drive_room(blind("room", k), seconds=40)
    assert score["collisions"] == 0
    assert score["distance_m"] > 15 * 40 / 300


@pytest.mark.parametrize("k", range(3))
def test_the_road_expert_drives_up_to_the_first_obstacle_and_stands_there(k):
    sim = blind("both", k)
    world, start = sim.world, sim.pose
    sim_expert.drive_road(sim, laps=2, max_seconds=25)
    stopped = sim.pose
    score = sim_expert.drive_road(sim, laps=2, max_seconds=2)
    assert sim.pose == stopped and score["collisions"] == 0 and score["off_track"] == 0
    (begin,), (end,) = (world.track.locate([pose[:2]])[0] for pose in (start, stopped))
    went = (end - begin) % world.track.length_m
    assert went == pytest.approx(score["distance_m"], abs=0.2) and went > 0.5
    assert 0.15 < sim_room.distance(world.solid, stopped[:2]) - 0.10 < 0.25  # an obstacle is right there
    way = [world.track.at(begin + d)[:2] for d in np.arange(0, went, 0.02)]
    assert sim_room.distance(world.solid, way) > 0.10  # and none was passed


def test_without_steering_the_road_is_left():
    score = sim_expert.drive_road(blind("road", 0), laps=1.0, gain=0.0, max_seconds=20)
    assert score["off_track"] > 0


def test_going_on_when_blocked_ends_in_a_collision():
    sim = blind("room", 1)
    sim.robot.forward(0.4)
    for _ in range(600):
        sim.step()
    assert sim.score()["collisions"] > 0
