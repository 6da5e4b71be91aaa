import gc
import os
import re
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest
import traitlets
from driving_fakes import FakeCamera, FakeClock, FakeRobot, straight_on, wait_until

import jetbot_mlp.gate
from jetbot_mlp.control import Limits, RoadSettings, Settings
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import HardwareError, JetbotMLPError, ModelFileError
from jetbot_mlp.messages import CollisionPrediction, RoadPrediction

AHEAD = (RoadSettings().speed, RoadSettings().speed)  # the wheels of straight_on


class Rig:
    """A driver with everything round it, in steps by a clock of its own or in real time."""

    def __init__(self, predictors=straight_on, clock=None, **keywords):
        self.robot, self.camera = FakeRobot(), FakeCamera()
        self.clock = FakeClock() if clock is None else clock
        self.driver = Driver(predictors, self.robot, self.camera, clock=self.clock, **keywords)

    def step(self, image=None, period=1 / 30):
        self.clock.now += period
        self.camera.show(image)
        return self.driver.step()

    @property
    def reason(self):
        return self.driver.status().reason


@pytest.fixture
def stepped():
    rig = Rig()
    rig.driver.start(threaded=False)
    return rig


@pytest.fixture
def real_time():
    """-> function that makes a rig which drives in real time; all are ended after the test."""
    rigs = []

    def make(predictors=straight_on, **keywords):
        rig = Rig(predictors, time.monotonic, **keywords)
        rigs.append(rig)
        rig.driver.start()
        rig.camera.run()
        assert wait_until(lambda: rig.robot.moving)
        return rig

    yield make
    for rig in rigs:
        rig.driver.stop("the test is over")
        rig.camera.end()


# -- one cycle, by a clock of our own ---------------------------------------------------------


def test_a_step_takes_the_newest_frame_to_the_wheels(stepped):
    result = stepped.step()
    assert stepped.robot.wheels == AHEAD == result.command[:2]
    assert result.frame.stamp == result.command.stamp == result.predictions[0].stamp == stepped.clock.now
    np.testing.assert_array_equal(result.frame.image, stepped.camera.value)


def test_the_frame_is_a_copy_so_the_camera_may_write_over_its_own(stepped):
    image = stepped.camera.picture()
    stepped.camera.show(image)
    before = image.copy()
    image[:] = 99
    np.testing.assert_array_equal(stepped.driver.step().frame.image, before)


def test_a_camera_that_writes_into_one_and_the_same_array_is_not_frozen(stepped):
    image = stepped.camera.picture()
    for level in range(60, 90):
        image[:] = level
        stepped.step(image)
    assert stepped.driver.status().frames == 30 and stepped.robot.moving


def test_no_frame_is_answered_twice(stepped):
    stepped.step()
    writes = len(stepped.robot.log)
    assert stepped.driver.step() is None and len(stepped.robot.log) == writes


def test_drawing_on_the_frame_does_not_hide_that_the_picture_is_frozen(stepped):
    def scribble(step):
        step.frame.image[:9] = 255

    stepped.driver.on_step = scribble
    stepped.step()
    frozen = stepped.camera.value
    for _ in range(14):
        stepped.step(frozen.copy())
    assert not stepped.robot.moving and "frozen" in stepped.reason


def test_older_frames_are_dropped_and_counted(stepped):
    for _ in range(3):
        stepped.camera.show()
    newest = stepped.camera.value
    np.testing.assert_array_equal(stepped.driver.step().frame.image, newest)
    stepped.camera.show()
    stepped.driver.step()
    status = stepped.driver.status()
    assert (status.frames, status.dropped) == (2, 2)


def test_step_before_start_says_what_to_do():
    with pytest.raises(ValueError, match="threaded=False"):
        Rig().driver.step()


def test_two_predictors_follow_the_road_and_stop_while_blocked():
    blocked = []
    rig = Rig([straight_on, lambda frame: CollisionPrediction(0.9 if blocked else 0.1, frame.stamp)])
    rig.driver.start(threaded=False)
    rig.step()
    assert rig.robot.wheels == AHEAD
    blocked.append(True)
    assert rig.step().command[:2] == (0.0, 0.0)
    assert not rig.robot.moving and rig.driver.status().running  # no latch: it goes on when the way is free
    blocked.clear()
    rig.step()
    assert rig.robot.moving


def test_settings_may_change_while_driving_but_the_speed_limit_holds():
    rig = Rig(limits=Limits(max_speed=0.3))
    rig.driver.start(threaded=False)
    rig.driver.settings = Settings(road=RoadSettings(speed=1.0))
    rig.step()
    assert rig.robot.wheels == (0.3, 0.3)
    rig.driver.settings = Settings(road=RoadSettings(speed=float("nan")))
    rig.step()
    assert rig.robot.wheels == (0.0, 0.0)


@pytest.mark.parametrize("moment", ["between two frames", "in the midst of a prediction"])
def test_a_model_that_is_exchanged_while_it_drives_stops_before_it_moves_a_wheel(moment):
    class Predictor:
        model = None

        def __init__(self):
            self.model, self.exchanged = "old", False

        def __call__(self, frame):
            if self.exchanged:
                self.model = "new"
            return RoadPrediction(0.0 if self.model == "old" else 1.0, 0.0, frame.stamp)

    predictor = Predictor()
    rig = Rig(predictor)
    rig.driver.start(threaded=False)
    rig.step()
    assert rig.robot.wheels == AHEAD
    predictor.exchanged = True
    if moment == "between two frames":
        predictor.model = "new"
    assert rig.step() is None and "the model was exchanged" in rig.reason and not rig.robot.moving
    assert {wheels[1:] for wheels in rig.robot.log} == {AHEAD, (0.0, 0.0)}
    rig.driver.start(threaded=False)  # knowingly
    assert rig.step().command.left > rig.step().command.right


def test_the_stamp_is_the_frames_whatever_the_predictor_says():
    rig = Rig(lambda frame: RoadPrediction(0.0, 0.0, 0.0))
    rig.driver.start(threaded=False)
    assert rig.step().command.stamp == rig.clock.now


@pytest.mark.parametrize("prediction, reason", [
    (RoadPrediction(float("nan"), 0.0, 0.0), "expected finite numbers"),
    (CollisionPrediction(float("inf"), 0.0), "expected finite numbers"),
    (None, "expected finite numbers"),
    (RoadPrediction(None, 0.0, 0.0), "expected finite numbers"),
])
def test_a_prediction_that_is_not_finite_stops_and_latches(prediction, reason):
    answers = [RoadPrediction(0.0, 0.0, 0.0), prediction]
    rig = Rig(lambda frame: answers.pop(0))
    rig.driver.start(threaded=False)
    rig.step()
    assert rig.robot.moving
    rig.step()
    assert not rig.robot.moving and reason in rig.reason
    assert rig.step() is None and not rig.robot.moving


@pytest.mark.parametrize("error, reason", [
    (ZeroDivisionError("boom"), "ZeroDivisionError: boom"),
    (ModelFileError("model: expected x"), "model: expected x"),
])
def test_a_prediction_that_raises_stops_and_says_so(error, reason):
    def predict(frame):
        raise error

    rig = Rig(predict)
    rig.driver.start(threaded=False)
    rig.step()
    assert not rig.robot.moving and reason in rig.reason


def test_ctrl_c_in_a_step_stops_the_wheels_before_it_goes_on_its_way():
    answers = []

    def predict(frame):
        if answers:
            raise KeyboardInterrupt
        answers.append(1)
        return straight_on(frame)

    rig = Rig(predict)
    rig.driver.start(threaded=False)
    rig.step()
    with pytest.raises(KeyboardInterrupt):
        rig.step()
    assert not rig.robot.moving and "KeyboardInterrupt" in rig.reason


def test_a_listener_that_raises_stops(stepped):
    stepped.driver.on_step = lambda step: 1 / 0
    stepped.step()
    assert not stepped.robot.moving and "ZeroDivisionError" in stepped.reason


@pytest.mark.parametrize("image, reason", [
    (np.zeros((224, 224, 3), np.uint8), "found black"),
    (np.full((224, 224), 90, np.uint8), "expected uint8 .*224, 224"),
    (np.full((224, 224, 4), 90, np.uint8), "expected uint8 .*224, 224, 4"),
    (np.full((224, 224, 3), 0.5), "found float64"),
    (np.zeros((0, 0, 3), np.uint8), "expected uint8"),
    (None, "found NoneType"),
    (b"jpeg", "found bytes"),
])
def test_a_picture_that_is_none_stops(stepped, image, reason):
    stepped.step()
    assert stepped.robot.moving
    stepped.clock.now += 0.03
    for f in list(stepped.camera.observers):  # not show(): None means a picture there
        f({"name": "value", "new": image})
    stepped.driver.step()
    assert not stepped.robot.moving
    assert re.search(reason, stepped.reason)


def test_the_observer_never_raises_into_the_cameras_thread(stepped):
    for change in ({}, None, {"new": object()}):
        stepped.camera.observers[0](change)
    assert stepped.driver.gate.stopped


def test_no_frame_for_half_a_second_stops_by_the_given_clock(stepped):
    stepped.step()
    stepped.clock.now += 0.39
    assert stepped.driver.step() is None and stepped.robot.moving
    stepped.clock.now += 0.03
    assert stepped.driver.step() is None
    assert not stepped.robot.moving and "no frame" in stepped.reason


def test_the_same_bytes_again_and_again_are_a_frozen_picture(stepped):
    stepped.step()
    frozen = stepped.camera.value
    for _ in range(12):
        stepped.step(frozen.copy())
    assert stepped.robot.moving  # 0.4 s
    stepped.step(frozen.copy())
    assert not stepped.robot.moving and "frozen" in stepped.reason
    assert stepped.driver.status().repeated == 13


def test_watchdog_check_stops_without_any_step(stepped):
    stepped.step()
    assert "no frame" in stepped.driver.watchdog.check(stepped.clock.now + 0.45)
    assert not stepped.robot.moving


def test_a_camera_that_shows_only_what_it_showed_before_is_refused_without_moving():
    rig = Rig()
    rig.camera.value = stale = rig.camera.picture()
    rig.driver.start(threaded=False)
    for _ in range(70):
        rig.step(stale.copy())
    assert "frozen" in rig.reason and all(left == right == 0.0 for _, left, right in rig.robot.log)


def test_a_camera_that_is_absent_is_refused_without_moving(stepped):
    stepped.clock.now += 1.9
    stepped.driver.step()
    assert stepped.driver.status().running
    stepped.clock.now += 0.2
    stepped.driver.step()
    assert "no frame for 2.1" in stepped.reason and not stepped.robot.moving


def test_a_first_prediction_that_takes_long_is_forgiven_but_a_slow_model_is_not():
    rig = Rig()
    took = [0.6]

    def slow(frame):
        rig.clock.now += took[0]
        rig.camera.show()  # the camera is well
        return straight_on(frame)

    rig.driver.predictors = (slow,)
    rig.driver.start(threaded=False)
    assert rig.step().command is None and rig.driver.status().running and not rig.robot.moving
    took[0] = 0.01
    rig.step()
    assert rig.robot.moving and rig.driver.status().refused == 1
    took[0] = 0.6
    rig.step()
    rig.driver.watchdog.check(rig.clock.now)
    assert not rig.robot.moving and "too slow" in rig.reason


def test_restart_is_explicit_and_begins_afresh(stepped):
    stepped.step()
    stepped.driver.stop("enough")
    for _ in range(3):
        assert stepped.step() is None
    assert not stepped.robot.moving and stepped.reason == "enough"
    stepped.driver.start(threaded=False)
    assert stepped.reason is None and stepped.driver.status().frames == 0
    assert not stepped.robot.moving  # not before it has seen a new frame
    stepped.step()
    assert stepped.robot.moving
    assert [s.reason for s in stepped.driver.status().stops] == ["enough"]


def test_the_camera_is_observed_only_while_driving(stepped):
    assert len(stepped.camera.observers) == 1
    stepped.driver.start(threaded=False)  # running already: nothing
    assert len(stepped.camera.observers) == 1
    stepped.driver.stop()
    stepped.driver.stop()
    assert stepped.camera.observers == []


def test_the_with_block_ends_at_rest_and_says_why():
    rig = Rig()
    with rig.driver.start(threaded=False):
        rig.step()
        assert rig.robot.moving
    assert not rig.robot.moving and rig.reason == "the with block ended"
    with pytest.raises(RuntimeError), rig.driver.start(threaded=False):
        rig.step()
        raise RuntimeError("boom")
    assert not rig.robot.moving and rig.reason == "the program raised RuntimeError"


def test_a_second_with_block_drives_again():
    rig = Rig(clock=time.monotonic)
    for _ in range(2):
        with rig.driver:
            rig.camera.show()
            assert wait_until(lambda: rig.robot.moving)
        assert not rig.robot.moving
    assert len(rig.driver.status().stops) == 2


@pytest.mark.parametrize("threaded", [False, True])
def test_a_stopped_driver_and_its_world_can_be_forgotten_without_join(threaded):
    def drive_and_stop():
        rig = Rig(clock=time.monotonic if threaded else None)
        rig.driver.start(threaded)
        rig.camera.show()
        if not threaded:
            rig.driver.step()
        assert wait_until(lambda: rig.robot.moving)
        rig.driver.stop()
        return [weakref.ref(thing) for thing in (rig.driver, rig.robot, rig.camera)]

    def forgotten():
        gc.collect()
        return all(reference() is None for reference in left)

    left = drive_and_stop()
    assert wait_until(forgotten, timeout=1.0)


def test_dry_run_does_all_but_the_wheels():
    rig = Rig(dry_run=True)
    rig.driver.start(threaded=False)
    assert rig.step().command[:2] == AHEAD
    rig.driver.stop()
    assert rig.robot.log == [] and rig.driver.status().frames == 1
    Driver(straight_on, None, rig.camera, dry_run=True)


def test_latency_and_rate_are_measured_by_the_given_clock():
    rig = Rig()

    def predict(frame):
        rig.clock.now += 0.010
        return straight_on(frame)

    rig.driver.predictors = (predict,)
    rig.driver.start(threaded=False)
    assert np.isnan(rig.driver.status().latency_p50_ms)
    for _ in range(10):
        rig.step(period=0.040)
    status = rig.driver.status()
    assert status.latency_p50_ms == pytest.approx(10.0) == status.latency_p99_ms
    assert status.fps == pytest.approx(20.0) and status.frame_age_s == pytest.approx(0.010)


def test_statistics_do_not_grow_for_ever(stepped):
    images = [stepped.camera.picture()[:8, :8] for _ in range(2)]
    for i in range(1200):
        stepped.step(images[i % 2])
    assert len(stepped.driver._ring) == 1000 and stepped.driver.status().frames == 1200


@pytest.mark.parametrize("keywords", [
    {"predictors": []}, {"predictors": [3]}, {"camera": object()}, {"robot": object()},
    {"frame_limit_s": 0.6}, {"robot": None},
])
def test_arguments_that_can_not_drive_are_refused(keywords):
    arguments = {"predictors": straight_on, "robot": FakeRobot(), "camera": FakeCamera()}
    arguments.update(keywords)
    with pytest.raises(ValueError, match="expected"):
        Driver(**arguments)


def test_two_predictors_of_one_task_are_refused():
    def predictor(task):
        def predict(frame):
            return straight_on(frame)

        predict.task = task
        return predict

    with pytest.raises(ValueError, match="one for each task, found road, road"):
        Rig([predictor("road"), predictor("road")])
    Rig([predictor("road"), predictor("collision")])
    Rig([straight_on, straight_on])  # they do not say


# -- in real time, broken for real ------------------------------------------------------------


def assert_stopped_in_time(rig, since, reason):
    """Wheels at zero within 0.5 s of `since` (wall time s), and still a while later."""
    assert wait_until(lambda: not rig.robot.moving)
    stopped_at = next(t for t, left, right in rig.robot.log if t > since and left == right == 0.0)
    assert stopped_at - since < 0.5
    assert wait_until(lambda: not rig.driver.status().running)
    assert reason in rig.reason
    time.sleep(0.1)
    assert not rig.robot.moving


def test_the_picture_freezes(real_time):
    rig = real_time()
    rig.camera.frozen = True
    time.sleep(0.05)
    assert_stopped_in_time(rig, rig.camera.last_fresh, "frozen")


def test_the_camera_thread_dies(real_time):
    rig = real_time()
    rig.camera.end()
    assert_stopped_in_time(rig, rig.camera.last_fresh, "no frame")


def test_the_prediction_hangs_and_its_late_command_moves_nothing(real_time):
    hang, release, began, back = threading.Event(), threading.Event(), [], threading.Event()

    def predict(frame):
        if hang.is_set():
            began.append(frame.stamp)
            release.wait(5.0)
            back.set()
        return straight_on(frame)

    rig = real_time(predict)
    hang.set()
    assert wait_until(lambda: began)
    assert_stopped_in_time(rig, began[0], "prediction hangs")
    with pytest.raises(JetbotMLPError, match="still busy"):
        rig.driver.start()
    release.set()
    assert back.wait(2.0) and rig.driver.join(2.0)
    assert not rig.robot.moving and rig.driver.status().refused >= 1
    hang.clear()
    rig.driver.start()  # now it may
    assert wait_until(lambda: rig.robot.moving)


def test_the_prediction_raises(real_time):
    broken = []

    def predict(frame):
        if broken:
            raise RuntimeError("boom")
        return straight_on(frame)

    rig = real_time(predict)
    now = time.monotonic()
    broken.append(1)
    assert_stopped_in_time(rig, now, "boom")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_drive_thread_is_killed(real_time):
    kill = []

    def predict(frame):
        if kill:
            raise SystemExit  # ends a thread without a word
        return straight_on(frame)

    rig = real_time(predict)
    now = time.monotonic()
    kill.append(1)
    assert_stopped_in_time(rig, now, "SystemExit")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_the_drive_loop_can_not_end_without_a_stop(real_time):
    rig = real_time()
    now = time.monotonic()

    def broken():
        raise SystemExit

    rig.driver.step = broken
    assert_stopped_in_time(rig, now, "the drive loop ended")


def test_stepping_by_the_wall_clock_is_watched_too():
    rig = Rig(clock=time.monotonic)
    rig.driver.start(threaded=False)
    rig.camera.show()
    rig.driver.step()
    assert rig.robot.moving  # and then the program hangs
    assert_stopped_in_time(rig, rig.camera.last_fresh, "no frame")


def test_i2c_writes_fail_for_a_while(real_time):
    rig = real_time()
    now = time.monotonic()
    rig.robot.broken = True
    time.sleep(0.25)
    assert rig.robot.moving and not rig.driver.status().wheels_stopped
    rig.robot.broken = False
    assert_stopped_in_time(rig, now, "the motors refused a command")
    assert rig.driver.status().wheels_stopped


def test_i2c_writes_fail_for_longer_than_a_stop_waits(real_time, monkeypatch):
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.05)
    rig = real_time()
    rig.robot.broken = True
    rig.camera.end()
    assert wait_until(lambda: "REFUSE TO STOP" in (rig.reason or ""))
    time.sleep(0.2)
    rig.robot.broken = False
    assert wait_until(lambda: not rig.robot.moving, 0.5)  # the watchdog has not given up
    assert rig.driver.join(2.0)


def test_stop_from_the_observer_and_from_many_threads_does_not_deadlock(real_time):
    rig = real_time()
    rig.camera.observe(lambda change: rig.driver.stop("from an observer"))
    threads = [threading.Thread(target=rig.driver.stop, args=("from a thread",)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(2.0)
        assert not t.is_alive()
    assert rig.driver.join(2.0) and not rig.robot.moving and len(rig.driver.status().stops) == 1


def test_the_newest_frame_only_when_the_prediction_is_slow(real_time):
    def slow(frame):
        time.sleep(0.12)
        return straight_on(frame)

    rig = real_time(slow)
    time.sleep(0.7)
    status = rig.driver.status()
    assert status.running and status.dropped > 0 < status.frames
    assert status.latency_p50_ms < 300.0  # a queue would have grown to 0.4 s and been refused


def test_a_fast_loop_keeps_up_with_the_camera(real_time):
    rig = real_time()
    time.sleep(0.6)
    status = rig.driver.status()
    assert status.frames >= 5 and status.latency_p50_ms < 100.0 and status.fps > 5.0


def test_starting_and_stopping_again_and_again_leaves_no_thread_behind(real_time):
    rig = real_time()
    before = threading.active_count()
    for _ in range(5):
        rig.driver.stop()
        rig.driver.start()
    assert wait_until(lambda: threading.active_count() <= before)
    assert len(rig.camera.observers) == 1


def test_starts_from_many_threads_are_one_start(real_time):
    rig = real_time()
    rig.driver.stop()
    threads = [threading.Thread(target=rig.driver.start) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(3.0)
    assert [t.name for t in threading.enumerate()].count("drive") == 1 and len(rig.camera.observers) == 1
    rig.driver.stop()
    assert not rig.driver.status().running


def test_a_restart_from_within_the_drive_loop_is_refused(real_time):
    rig, refused = real_time(), []

    def restart(step):
        rig.driver.stop()
        try:
            rig.driver.start()
        except ValueError as error:
            refused.append(str(error))

    rig.driver.on_step = restart
    assert wait_until(lambda: refused) and "drive loop" in refused[0]
    assert rig.driver.join(1.0) and not rig.robot.moving


def test_ctrl_c_while_starting_leaves_nothing_driving():
    rig = Rig()

    def observe(f, names):
        raise KeyboardInterrupt

    rig.camera.observe = observe
    with pytest.raises(KeyboardInterrupt):
        rig.driver.start()
    assert not rig.driver.status().running and not rig.robot.moving


def test_ctrl_c_just_after_the_gate_has_opened_leaves_nothing_driving(monkeypatch):
    rig = Rig()
    really_open = rig.driver.gate.open

    def open_then_ctrl_c():
        really_open()
        raise KeyboardInterrupt

    monkeypatch.setattr(rig.driver.gate, "open", open_then_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        rig.driver.start()
    assert not rig.driver.status().running and "KeyboardInterrupt" in rig.reason


def test_motors_that_do_not_obey_at_start_are_refused(monkeypatch):
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.0)
    rig = Rig()
    rig.robot.broken = True
    with pytest.raises(HardwareError, match="check battery"):
        rig.driver.start()
    assert not rig.driver.status().running and rig.camera.observers == []


def test_a_camera_that_can_not_be_observed_is_refused():
    rig = Rig()

    def observe(f, names):
        raise RuntimeError("gone")

    rig.camera.observe = observe
    with pytest.raises(HardwareError, match="gone"):
        rig.driver.start()
    assert not rig.driver.status().running


SCRIPT = """
import atexit, sys, threading, time
sys.path.insert(0, {tests!r})
from driving_fakes import FakeCamera, FakeRobot, straight_on, wait_until
from jetbot_mlp.driver import Driver
robot, camera = FakeRobot(), FakeCamera()
driver = Driver(straight_on, robot, camera)
atexit.register(lambda: print(robot.wheels, driver.status().reason, flush=True))
driver.start()
def show():
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and not driver.gate.stopped:
        camera.show()
        time.sleep(0.03)
threading.Thread(target=show, daemon={daemon}).start()
assert wait_until(lambda: robot.moving)
"""


@pytest.mark.parametrize("daemon, ending, status", [
    (False, "", 0), (False, 'raise RuntimeError("boom")', 1), (True, "sys.exit(3)", 3),
])
def test_a_script_that_just_ends_leaves_the_wheels_at_rest(daemon, ending, status):
    # daemon=False is the official camera: without the watchdog's help Python would wait for it for ever
    script = SCRIPT.format(tests=os.path.dirname(os.path.abspath(__file__)), daemon=daemon)
    result = subprocess.run([sys.executable, "-c", script + ending], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, timeout=20)
    assert "(0.0, 0.0) the program ended" in result.stdout.decode(), result.stderr.decode()
    assert result.returncode == status


class TraitCamera(traitlets.HasTraits):
    """Shows in the calling thread, as the official camera does."""

    value = traitlets.Any()


def test_it_sees_each_frame_before_observers_that_were_there_first():
    camera, order = TraitCamera(), []
    camera.observe(lambda change: order.append("display"), names="value")
    driver = Driver(lambda frame: straight_on(frame), FakeRobot(), camera)
    driver._on_frame = lambda change: order.append("driver")
    driver.start(threaded=False)
    try:
        camera.value = FakeCamera().picture()
    finally:
        driver.stop()
    assert order == ["driver", "display"]
    camera.value = FakeCamera().picture()
    assert order == ["driver", "display", "display"]


def test_the_age_of_a_frame_counts_from_its_capture_not_from_when_it_was_shown():
    rig = Rig(clock=time.monotonic)
    rig.driver.start(threaded=False)
    rig.camera.taken_at = time.monotonic() - 0.2
    rig.camera.changed_at = rig.camera.taken_at - 0.05  # its equals before were overtaken
    rig.camera.show()
    frame = rig.driver.step().frame
    assert frame.stamp == rig.camera.changed_at and rig.driver.status().frame_age_s >= 0.2
    rig.camera.changed_at -= 10.0  # handed on far too late: no wheel may answer it
    rig.camera.show()
    step = rig.driver.step()
    assert step is None or step.command is None  # None: the watchdog was faster
    rig.driver.stop()
    ahead = Rig(clock=time.monotonic)
    ahead.camera.taken_at = ahead.camera.changed_at = time.monotonic() + 100.0
    ahead.driver.start(threaded=False)
    ahead.camera.show()
    assert ahead.driver.step().frame.stamp <= time.monotonic()
    ahead.driver.stop()


def test_a_command_that_does_not_return_stops_by_its_name(stepped):
    stepped.step()
    stepped.driver.gate.writing_since = stepped.clock.now
    stepped.clock.now += 0.45
    stepped.driver.watchdog.check(stepped.clock.now)
    assert stepped.reason.startswith("a command to the motors does not return for 0.45 s: I2C hangs")


def test_a_write_that_hangs_is_named_and_neither_stop_nor_status_wait_for_it(real_time):
    rig = real_time()
    rig.driver.gate._zeros.patience_s = 0.1
    go_on = threading.Event()

    def hang(*speeds):
        go_on.wait(60.0)

    rig.robot.set_motors = rig.robot.stop = hang
    try:
        assert wait_until(lambda: "I2C hangs" in (rig.reason or "") and "REFUSE TO STOP" in rig.reason, 30.0)
        rig.driver.__exit__(None, None, None)
    finally:
        del rig.robot.set_motors, rig.robot.stop
        go_on.set()
    assert wait_until(lambda: rig.driver.join(1.0) and not rig.robot.moving, 30.0)
