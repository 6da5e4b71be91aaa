import functools
import threading
import time

import driving_fakes
import pytest
from driving_fakes import SentRobot

from jetbot_mlp import hand_drive
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.hand_drive import BEAT_S, MOVES, PULSE_S, HandDrive

wait_for = functools.partial(driving_fakes.wait_for, timeout=2.0)


class Browser:
    reason = None

    def lost(self):
        return self.reason


@pytest.fixture
def robot():
    return SentRobot()


def test_the_wheels_turn_while_it_is_held_and_stand_within_an_instant_of_the_release(robot):
    hand = HandDrive(robot)
    hand.hold("left", 0.3)
    wait_for(lambda: robot.turning)
    assert robot.sent[-1] == (-0.3, 0.3) and hand.moving
    time.sleep(5 * BEAT_S)
    assert robot.turning
    hand.release()
    assert not robot.turning and not hand.moving  # before release() came back
    hand.join()
    assert not robot.turning


def test_a_press_for_a_moment_ends_by_itself(robot):
    hand = HandDrive(robot)
    began = time.monotonic()
    hand.pulse("forward", 0.4)
    wait_for(lambda: robot.turning)
    wait_for(lambda: not robot.turning)
    assert time.monotonic() - began < PULSE_S["forward"] + 0.3


def test_a_release_that_got_lost_is_made_up_for(robot, monkeypatch):
    monkeypatch.setattr(hand_drive, "MAX_HOLD_S", 0.2)
    hand = HandDrive(robot)
    hand.hold("forward", 0.3, 0.2)
    wait_for(lambda: robot.turning)
    wait_for(lambda: not robot.turning, timeout=0.6)


def test_another_move_takes_over_at_once(robot):
    hand = HandDrive(robot)
    hand.hold("forward", 0.3)
    wait_for(lambda: robot.turning)
    hand.hold("right", 0.2)
    wait_for(lambda: robot.sent[-1] == (0.2, -0.2), timeout=0.2)
    hand.release()


def test_press_release_press_in_a_hurry_ends_as_the_last_one_wants(robot):
    hand = HandDrive(robot)
    for _ in range(50):
        hand.hold("forward", 0.3)
        hand.release()
        hand.hold("left", 0.3)
    wait_for(lambda: robot.turning and robot.sent[-1] == (-0.3, 0.3))
    hand.release()
    assert not robot.turning
    hand.join()
    assert not robot.turning


def test_a_press_right_after_a_release_counts(robot):
    hand = HandDrive(robot)
    for _ in range(20):
        hand.hold("forward", 0.3)
        wait_for(lambda: robot.turning)
        hand.release()
        hand.hold("left", 0.3)
        wait_for(lambda: robot.turning)
        hand.release()
        assert not robot.turning


def test_a_release_while_the_motor_guard_is_starting_leaves_the_wheels_at_rest(robot):
    opening, go_on = threading.Event(), threading.Event()

    class SlowGuard:
        def arm(self):
            opening.set()
            go_on.wait(2)

        def beat(self):
            return None

        def rest(self):
            pass

    hand = HandDrive(robot, guard=SlowGuard())
    hand.hold("forward", 0.3)
    opening.wait(2)
    hand.release()
    go_on.set()
    hand.join()
    assert set(robot.sent) == {(0.0, 0.0)} and not hand.moving


def test_the_wheels_stop_when_the_browser_is_gone_and_it_is_said(robot):
    browser, told = Browser(), []
    hand = HandDrive(robot, browser, told=told.append)
    hand.hold("forward", 0.3)
    wait_for(lambda: robot.turning)
    browser.reason = "the browser is gone"
    wait_for(lambda: not robot.turning, timeout=0.3)
    wait_for(lambda: told)
    assert told == ["the browser is gone"]
    hand.hold("forward", 0.3)
    hand.join()
    assert not robot.turning and len(told) == 2


@pytest.mark.parametrize("error", [HardwareError("no guard"), OSError(12, "Cannot allocate memory")])
def test_a_motor_guard_that_can_not_be_had_is_said_and_nothing_is_wanted_any_more(robot, error):
    class NoGuard:
        def arm(self):
            raise error

        def rest(self):
            pass

    told = []
    hand = HandDrive(robot, guard=NoGuard(), told=told.append)
    hand.hold("forward", 0.3)
    assert hand.join(10.0) and not hand.moving and set(robot.sent) == {(0.0, 0.0)}
    assert len(told) == 1 and str(error) in told[0] and hand._wanted is None


def test_motors_that_refuse_are_said(robot):
    told = []
    hand = HandDrive(robot, told=told.append)
    hand.hold("forward", 0.3)
    wait_for(lambda: robot.turning)
    robot.broken = True
    hand.join(3)
    assert "REFUSE TO STOP" in told[-1]
    robot.broken = False  # nobody presses anything, and yet
    wait_for(lambda: not robot.turning)


def test_a_listener_that_raises_does_not_end_driving_by_hand_for_good(robot):
    def told(reason):
        raise RuntimeError("the page is gone")

    hand = HandDrive(robot, heartbeat=Browser(), told=told)
    hand._lost = lambda: "the browser is gone"
    before, threading.excepthook = getattr(threading, "excepthook", None), lambda about: None
    try:
        hand.hold("forward", 0.3)
        hand._thread.join(5.0)
    finally:
        threading.excepthook = before
    hand._lost = lambda: None
    hand.hold("forward", 0.3)
    wait_for(lambda: robot.turning)
    hand.release()
    assert not robot.turning
    robot.broken = False


def test_another_driver_takes_over_and_a_late_release_does_not_disturb_it(robot):
    told = []
    hand = HandDrive(robot, told=told.append)
    hand.hold("forward", 0.3)
    wait_for(lambda: robot.turning)
    other = MotorGate(robot)
    other.open()
    hand.join()
    assert "another driver" in told[-1]
    n = len(robot.sent)
    hand.release()
    assert len(robot.sent) == n and not other.stopped


def test_stop_stops_whoever_drives_this_robot(robot):
    driving, hand = MotorGate(robot), HandDrive(robot)
    driving.open()
    hand.release()  # of nothing: the wheels are another one's
    assert not driving.stopped
    hand.stop()
    assert driving.stopped and driving.stops[-1].reason == "STOP was pressed"


def test_all_moves_are_known_and_others_refused(robot):
    hand = HandDrive(robot)
    assert set(MOVES) == set(PULSE_S)
    for bad in (("up", 0.3, 1.0), ("forward", 1.5, 1.0), ("forward", float("nan"), 1.0), ("forward", 0.3, 60.0)):
        with pytest.raises(ValueError, match="hold: expected"):
            hand.hold(*bad)
    assert not robot.sent
