import math
import threading
import time

import pytest
from driving_fakes import FakeRobot, wait_until

import jetbot_mlp.gate
import jetbot_mlp.wheel_calibration as wheel_calibration
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.robot_settings import DEFAULTS, RobotSettings
from jetbot_mlp.wheel_calibration import Calibration, DeadBandSearch, with_trim, with_wiring


@pytest.fixture
def robot():
    return FakeRobot()


def test_a_pulse_turns_one_motor_for_its_time_and_ends_at_zero(robot):
    calibration = Calibration(robot)
    began = time.monotonic()
    calibration.pulse_motor(1, -0.3, seconds=0.25)
    assert 0.2 < time.monotonic() - began < 0.6
    moving = [(left, right) for _, left, right in robot.log if (left, right) != (0.0, 0.0)]
    assert set(moving) == {(0.0, -0.3)} and len(moving) >= 3  # repeated: the motor guard takes silence for a hang
    assert robot.wheels == (0.0, 0.0)
    calibration.pulse_motor(0, 0.3, seconds=0.01)
    assert (0.3, 0.0) in [entry[1:] for entry in robot.log] and not robot.moving


def test_stop_stops_whoever_drives_this_robot(robot):
    driving = MotorGate(robot)
    driving.open()
    Calibration(robot).stop("STOP was pressed")
    assert driving.stopped and driving.stops[-1].reason == "STOP was pressed"


def test_wheels_are_turned_by_their_wiring_and_straight_by_all_that_is_known(robot):
    calibration = Calibration(robot, RobotSettings(swapped=True, left_reversed=True, trim=0.1, left_dead_band=0.1))
    calibration.pulse_wheel("left", 0.2, seconds=0.01)
    assert robot.log[-3][1:] == (0.0, -0.2)
    calibration.drive_straight(0.5, seconds=0.01)
    assert robot.log[-3][1:] == pytest.approx((0.45, -(0.1 + 0.9 * 0.5)))


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, RuntimeError])
def test_whatever_is_raised_in_a_pulse_the_wheels_stop(robot, error):
    def sleep(seconds):
        assert robot.moving
        raise error

    with pytest.raises(error):
        Calibration(robot, sleep=sleep).pulse_motor(0, 0.3)
    assert not robot.moving


def test_a_pulse_that_hangs_is_ended_by_the_timer(robot, monkeypatch):
    monkeypatch.setattr(wheel_calibration, "GRACE_S", 0.1)
    release = threading.Event()
    thread = threading.Thread(target=lambda: pytest.raises(HardwareError, Calibration(
        robot, sleep=lambda seconds: release.wait(5.0)).pulse_motor, 0, 0.3, 0.1))
    thread.start()
    assert wait_until(lambda: robot.moving) and wait_until(lambda: not robot.moving, 1.0)
    release.set()
    thread.join(5.0)
    assert not thread.is_alive() and not robot.moving


def test_a_stop_from_outside_ends_the_pulse_and_says_so(robot):
    calibration = Calibration(robot)
    threading.Timer(0.1, calibration.stop, ("SIGHUP received",)).start()
    with pytest.raises(HardwareError, match="SIGHUP"):
        calibration.pulse_motor(0, 0.3, seconds=2.0)
    assert not robot.moving
    calibration.pulse_motor(0, 0.3, seconds=0.01)  # the next one is an explicit start


def test_motors_that_refuse_are_told(robot, monkeypatch):
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.0)
    robot.broken = True
    with pytest.raises(HardwareError, match="check battery"):
        Calibration(robot).pulse_motor(0, 0.3, seconds=0.01)
    robot.broken = False

    def sleep(seconds):
        robot.broken = True

    with pytest.raises(HardwareError, match="SWITCH THE ROBOT OFF"):
        Calibration(robot, sleep=sleep).pulse_motor(0, 0.3, seconds=0.01)
    assert robot.moving
    robot.broken = False  # nobody presses anything, and yet
    assert wait_until(lambda: not robot.moving)


@pytest.mark.parametrize("seconds", [0.0, -1.0, 3.1, float("nan"), float("inf")])
def test_no_pulse_is_without_a_bound(robot, seconds):
    with pytest.raises(ValueError, match="seconds"):
        Calibration(robot).pulse_motor(0, 0.3, seconds)
    assert robot.log == []


def test_wiring_from_what_was_seen():
    assert with_wiring(DEFAULTS, ("left", True), ("right", True)) == DEFAULTS
    assert with_wiring(DEFAULTS, ("right", True), ("left", False)) == \
        RobotSettings(swapped=True, left_reversed=True)
    with pytest.raises(HardwareError, match="left twice"):
        with_wiring(DEFAULTS, ("left", True), ("left", False))


@pytest.mark.parametrize("dead_band", [0.001, 0.06, 0.31, 0.499])
def test_the_dead_band_is_found_by_halving(dead_band):
    search, asked = DeadBandSearch(), 0
    while not search.done:
        search.answer(search.power > dead_band)
        asked += 1
    assert search.power == pytest.approx(dead_band, abs=0.003) and asked <= 7


def arc(ratio, length=0.5, axle=0.12):
    """Where a drive ends whose left wheel is so many times as fast as the right one. -> (ahead, to the right)"""
    bend = 2 * (ratio - 1) / (ratio + 1) / axle
    return math.sin(bend * length) / bend, (1 - math.cos(bend * length)) / bend


@pytest.mark.parametrize("ratio", [0.9, 0.97, 1.02, 1.2])
@pytest.mark.parametrize("before", [0.0, 0.05, -0.1])
def test_the_trim_takes_back_what_was_seen(ratio, before):
    settings = with_trim(DEFAULTS._replace(trim=before), *arc(ratio))
    left, right = 1 + min(settings.trim, 0), 1 - max(settings.trim, 0)
    left_before, right_before = 1 + min(before, 0), 1 - max(before, 0)
    assert left / right * ratio == pytest.approx(left_before / right_before, rel=1e-3)


def test_a_straight_drive_changes_nothing_and_one_to_the_left_slows_the_right_wheel():
    assert with_trim(DEFAULTS, 0.5, 0.0) == DEFAULTS
    assert with_trim(DEFAULTS, 0.5, -0.04).trim > 0


@pytest.mark.parametrize("drift", [(0.0, 0.0), (0.04, 0.0), (-0.5, 0.0), (0.05, 0.9), (0.05, 0.05),
                                   (float("nan"), 0.0), (0.5, float("inf"))])
def test_a_drive_that_tells_nothing_is_refused(drift):
    with pytest.raises(HardwareError, match="trim"):
        with_trim(DEFAULTS, *drift)
