import time

import pytest
from driving_fakes import FakeCamera, FakeRobot, wait_until

from jetbot_mlp.control import DEFAULT_SETTINGS, Limits, RoadSettings
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.hardware import CalibratedRobot
from jetbot_mlp.live_drive import ARMED, DRY, STOPPED, LiveDrive
from jetbot_mlp.messages import RoadPrediction
from jetbot_mlp.robot_settings import DEFAULTS


def straight_on(frame):
    return RoadPrediction(0.0, -0.5, frame.stamp)


class Set:
    """Camera and robot under a LiveDrive."""

    def __init__(self, robot=None, **keywords):
        self.robot, self.camera = FakeRobot() if robot is None else robot, FakeCamera()
        self.camera.run(60)
        self.drive = LiveDrive(straight_on, self.robot, self.camera, **keywords)

    def armed(self):
        self.drive.start()
        assert wait_until(lambda: self.drive.why_not_armed() is None)
        self.drive.arm()
        assert wait_until(lambda: self.robot.moving)
        return self

    def end(self):
        self.drive.stop("the test ended")
        self.camera._running = False
        assert self.drive.join()


@pytest.fixture
def made():
    sets = []

    def make(**keywords):
        sets.append(Set(**keywords))
        return sets[-1]

    yield make
    for one in sets:
        one.end()


def test_the_dry_run_answers_and_moves_no_wheel(made):
    one = made()
    assert one.drive.state == STOPPED and one.drive.last_stop() is None
    one.drive.start()
    assert wait_until(lambda: one.drive.status().frames > 5)
    assert one.drive.state == DRY and not one.robot.moving and one.drive.step.command.left > 0


def test_armed_is_a_second_step_and_not_the_first(made):
    one = made()
    with pytest.raises(JetbotMLPError, match="start the dry run first"):
        one.drive.arm()
    one.armed()
    assert one.drive.state == ARMED and one.drive.status().running
    with pytest.raises(JetbotMLPError, match="it drives already"):
        one.drive.arm()


def test_without_an_answered_frame_it_is_not_armed(made):
    one = made()
    one.camera._running = False
    one.camera._thread.join()
    one.drive.start()
    with pytest.raises(JetbotMLPError, match="has not answered a frame"):
        one.drive.arm()


def test_without_a_robot_there_are_dry_runs_only(made):
    one = made()
    drive = LiveDrive(straight_on, None, one.camera)
    drive.start()
    assert wait_until(lambda: drive.step is not None)
    with pytest.raises(JetbotMLPError, match="no robot"):
        drive.arm()
    drive.stop()
    assert drive.join() and drive.last_stop().reason == "STOP was pressed"


def test_stop_ends_it_and_the_way_begins_again_with_a_start(made):
    one = made().armed()
    pressed = time.monotonic()
    one.drive.stop()
    assert not one.robot.moving and time.monotonic() - pressed < 0.2
    assert one.drive.state == STOPPED and one.drive.last_stop().reason == "STOP was pressed"
    with pytest.raises(JetbotMLPError, match="start the dry run first"):
        one.drive.arm()
    time.sleep(0.1)
    assert not one.robot.moving
    one.armed()


def test_handing_over_to_the_wheels_is_no_stop_that_one_hears_of(made):
    one = made().armed()
    assert one.drive.last_stop() is None
    one.camera.frozen = True
    assert wait_until(lambda: one.drive.state == STOPPED)
    assert "frozen" in one.drive.last_stop().reason and "frozen" in one.drive.status().reason


def test_a_stop_while_it_is_being_armed_wins(made):
    one = made()
    one.drive.start()
    assert wait_until(lambda: one.drive.step is not None)
    start = one.drive.armed.start

    def slow():
        one.drive.stop()
        return start()

    one.drive.armed.start = slow
    one.drive.arm()
    assert one.drive.state == STOPPED
    time.sleep(0.1)
    assert not one.robot.moving


def test_a_stop_at_the_first_moment_of_arming_wins_too(made):
    one = made()
    one.drive.start()
    assert wait_until(lambda: one.drive.step is not None)
    may = one.drive.why_not_armed

    def pressed_after_the_look():
        reason = may()
        one.drive.stop()
        return reason

    one.drive.why_not_armed = pressed_after_the_look
    one.drive.arm()
    assert one.drive.state == STOPPED
    time.sleep(0.1)
    assert not one.robot.moving


def test_the_stop_of_a_second_panel_stops_the_one_that_drives(made):
    one = made().armed()
    other = LiveDrive(straight_on, one.robot, one.camera)
    other.stop()
    assert one.drive.state == STOPPED and one.drive.last_stop().reason == "STOP was pressed"
    time.sleep(0.1)
    assert not one.robot.moving


def test_settings_are_taken_at_once_and_the_limit_holds_whatever_they_say(made):
    one = made(settings=DEFAULT_SETTINGS._replace(road=RoadSettings(speed=0.2))).armed()
    assert one.robot.wheels[0] == pytest.approx(0.2)
    one.drive.settings = DEFAULT_SETTINGS._replace(road=RoadSettings(speed=0.9))
    assert wait_until(lambda: one.robot.wheels[0] == pytest.approx(0.9))
    one.drive.set_max_speed(0.3)
    assert wait_until(lambda: one.robot.wheels == pytest.approx((0.3, 0.3)))
    one.drive.set_max_speed(0.0)
    assert wait_until(lambda: not one.robot.moving) and one.drive.state == ARMED


def test_no_slider_goes_beyond_the_ceiling(made):
    one = made(limits=Limits(max_speed=0.25), settings=DEFAULT_SETTINGS._replace(road=RoadSettings(speed=0.9))).armed()
    one.drive.set_max_speed(1.0)
    time.sleep(0.1)
    assert max(left for _, left, _ in one.robot.log) <= 0.25
    calibrated = CalibratedRobot(FakeRobot(), DEFAULTS._replace(max_speed=0.4, left_dead_band=0.1))
    drive = LiveDrive(straight_on, calibrated, one.camera)
    assert drive.top_speed == 0.4 and drive.dead_band == 0.1


@pytest.mark.parametrize("wrong", [float("nan"), -0.1, None])
def test_a_limit_that_is_none_is_refused(made, wrong):
    with pytest.raises(ValueError, match="max_speed: expected"):
        made().drive.set_max_speed(wrong)


def test_settings_that_are_not_finite_are_refused(made):
    one = made()
    with pytest.raises(ValueError, match="settings: expected finite"):
        one.drive.settings = DEFAULT_SETTINGS._replace(road=RoadSettings(speed=float("nan")))


def test_motors_that_refuse_to_stop_are_told(made):
    one = made().armed()
    assert one.drive.trouble() is None
    one.robot.broken = True
    one.drive.stop()
    assert "REFUSE TO STOP" in one.drive.trouble()
    one.robot.broken = False
    assert wait_until(lambda: one.drive.trouble() is None)
