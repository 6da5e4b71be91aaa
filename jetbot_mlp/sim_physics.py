"""Differential drive in metres and seconds: what the wheels make of a command."""
import math
from typing import NamedTuple

AXLE_M = 0.12  # between the wheels
RADIUS_M = 0.10  # of the robot's footprint, a circle around the middle of the axle
CASTOR_M = 0.05  # behind the axle


class Motors(NamedTuple):
    """Two motors and their driver."""

    top_speed_m_s: float = 0.5  #: of a wheel, at command 1
    lag_s: float = 0.1  #: time constant, first order
    dead_band: float = 0.06  #: commands up to this don't turn the wheel
    trim_left: float = 1.0  #: how fast it turns compared with an ideal motor
    trim_right: float = 1.0


def random_motors(random_state):
    """A pair as they come out of the box: not quite equal. -> Motors"""
    u = random_state.uniform
    return Motors(u(0.47, 0.53), u(0.08, 0.12), u(0.04, 0.08), 1 + u(-0.03, 0.03), 1 + u(-0.03, 0.03))


def target_speed(motors, command, trim):
    """Speed in m/s at which a wheel settles for a command in [-1, 1]."""
    push = max(0.0, abs(command) - motors.dead_band) / (1.0 - motors.dead_band)
    return math.copysign(push * trim * motors.top_speed_m_s, command)


def wheel_speeds(motors, speeds, commands, dt_s):
    """Both wheels' speeds (left, right) in m/s after dt_s, by the exact step of a first order lag."""
    keep = math.exp(-dt_s / motors.lag_s)
    return tuple(keep * v + (1 - keep) * target_speed(motors, c, trim)
                 for v, c, trim in zip(speeds, commands, (motors.trim_left, motors.trim_right)))


def move(pose, speeds, dt_s):
    """(x, y, heading) after dt_s at wheel speeds (left, right), by the midpoint rule."""
    x, y, heading = pose
    forward, turn = (speeds[0] + speeds[1]) / 2 * dt_s, (speeds[1] - speeds[0]) / AXLE_M * dt_s
    middle = heading + turn / 2
    return x + forward * math.cos(middle), y + forward * math.sin(middle), heading + turn


def wheels(pose):
    """Where the left and the right wheel and the castor stand: three (x, y) in m."""
    x, y, heading = pose
    c, s = math.cos(heading), math.sin(heading)
    half = AXLE_M / 2
    return (x - half * s, y + half * c), (x + half * s, y - half * c), (x - CASTOR_M * c, y - CASTOR_M * s)
