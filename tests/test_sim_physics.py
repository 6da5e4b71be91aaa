"""Wheels, lag, trim and dead band."""
import math

import numpy as np
import pytest

from jetbot_mlp.sim_physics import AXLE_M, Motors, move, random_motors, target_speed, wheel_speeds, wheels


def test_equal_wheels_go_straight_and_opposite_ones_turn_on_the_spot():
    assert move((1.0, 2.0, math.pi / 2), (0.3, 0.3), 2.0) == pytest.approx((1.0, 2.6, math.pi / 2))
    x, y, heading = move((0.0, 0.0, 0.0), (-0.06, 0.06), 1.0)
    assert (x, y) == (0.0, 0.0) and heading == pytest.approx(0.12 / AXLE_M)


def test_a_circle_closes():
    pose = (0.0, 0.0, 0.0)
    for _ in range(1000):
        pose = move(pose, (0.2, 0.2 + AXLE_M * 2 * math.pi / 10), 0.01)
    assert pose[:2] == pytest.approx((0.0, 0.0), abs=1e-4) and pose[2] == pytest.approx(2 * math.pi)


def test_a_wheel_reaches_63_percent_after_the_lag_whatever_the_step():
    motors = Motors(lag_s=0.1, dead_band=0.0)
    once = wheel_speeds(motors, (0.0, 0.0), (1.0, 0.0), 0.1)
    often = (0.0, 0.0)
    for _ in range(20):
        often = wheel_speeds(motors, often, (1.0, 0.0), 0.005)
    assert once[0] == pytest.approx(0.5 * (1 - math.exp(-1))) and often == pytest.approx(once)


def test_the_dead_band_swallows_small_commands_and_trim_scales():
    motors = Motors(dead_band=0.06)
    assert target_speed(motors, 0.05, 1.0) == 0.0 and target_speed(motors, -0.05, 1.0) == 0.0
    assert target_speed(motors, 1.0, 0.9) == pytest.approx(0.45)
    assert target_speed(motors, -1.0, 1.0) == pytest.approx(-0.5)


def test_real_pairs_are_not_quite_equal():
    motors = random_motors(np.random.RandomState(1))
    assert motors.trim_left != motors.trim_right and abs(motors.trim_left / motors.trim_right - 1) < 0.07


def test_the_wheels_stand_beside_the_axles_middle():
    left, right, castor = wheels((1.0, 1.0, 0.0))
    assert left == pytest.approx((1.0, 1.06)) and right == pytest.approx((1.0, 0.94)) and castor[0] < 1.0
