import os
import subprocess
import sys
import threading
import time

import cv2
import numpy as np
import pytest
import traitlets
from driving_fakes import wait_until
from fake_jetbot import make_jetbot

import jetbot_mlp.cameras as cameras
from jetbot_mlp.cameras import OfficialCamera, UsbCamera
from jetbot_mlp.errors import HardwareError, JetbotMLPError
from jetbot_mlp.hardware import open_camera

CAMERAS = pytest.mark.parametrize("kind", ["gst", "zmq"])


@pytest.fixture
def end_camera():
    """Stops the robot's camera after a test, also one that failed."""
    yield
    if OfficialCamera.opened is not None:
        OfficialCamera.opened.stop()


pytestmark = pytest.mark.usefixtures("end_camera")


def open_official(kind):
    """-> (imitated jetbot package, its camera opened)."""
    module = make_jetbot(camera=kind)
    return module, OfficialCamera(module.Camera)


@CAMERAS
def test_frames_come_and_the_capture_thread_does_not_keep_the_program_alive(kind):
    camera, got = open_official(kind)[1], []
    camera.observe(lambda change: got.append(change["new"]), names="value")
    assert wait_until(lambda: len(got) >= 3)
    assert got[-1].dtype == np.uint8 and got[-1].any() and (camera.width, camera.height) == (224, 224)
    assert camera.running and camera._capture_thread().daemon
    camera.stop()
    assert not camera.running
    count = len(got)
    time.sleep(0.05)
    assert len(got) == count


@CAMERAS
def test_it_can_be_started_again_on_every_python(kind):
    camera, got = open_official(kind)[1], []
    camera.observe(lambda change: got.append(1), names="value")
    camera.stop()
    camera.stop()
    del got[:]
    camera.start()
    camera.start()
    assert camera.running and camera._capture_thread().daemon and wait_until(lambda: len(got) >= 3)
    camera.stop()


def test_a_camera_that_someone_else_holds_is_named():
    module = make_jetbot()
    module.sensor.owner = "another notebook"
    with pytest.raises(HardwareError, match="other notebooks"):
        OfficialCamera(module.Camera)


@CAMERAS
def test_an_observer_that_raises_does_not_end_the_capture(kind, caplog):
    camera, got = open_official(kind)[1], []

    def observer(change):
        got.append(1)
        raise RuntimeError("boom")

    camera.observe(observer, names="value")
    assert wait_until(lambda: len(got) >= 3) and camera.running
    assert "boom" in caplog.text
    camera.unobserve(observer, names="value")
    camera.stop()


@CAMERAS
def test_it_can_be_stopped_inside_an_observer(kind, caplog):
    camera, took = open_official(kind)[1], []

    def observer(change):
        began = time.monotonic()
        camera.stop()
        took.append(time.monotonic() - began)

    camera.observe(observer, names="value")
    assert wait_until(lambda: took)
    assert not camera.running and took[0] < 0.5 and "raised" not in caplog.text


def test_zmq_black_at_first_is_waited_for_and_its_blocking_stop_does_not_block(monkeypatch):
    monkeypatch.setattr(cameras, "STOP_S", 0.1)
    module = make_jetbot(camera="zmq")
    module.sensor.dark = True
    threading.Timer(0.1, setattr, (module.sensor, "dark", False)).start()
    camera = OfficialCamera(module.Camera)
    assert camera.value.any()
    module.sensor.unplugged = True
    began = time.monotonic()
    camera.stop()
    assert time.monotonic() - began < 1.0
    module.sensor.unplugged = False


@CAMERAS
def test_a_camera_that_stays_black_is_refused_and_given_back(kind, monkeypatch):
    monkeypatch.setattr(cameras, "WAIT_S", 0.1)
    module = make_jetbot(camera=kind)
    module.sensor.dark = True
    with pytest.raises(HardwareError, match="only black"):
        OfficialCamera(module.Camera)
    assert OfficialCamera.opened is None and module.sensor.owner is None


class Queue(traitlets.HasTraits):
    """Imitates the official camera's driver: 30 pictures a second queue up for who is slow."""

    value = traitlets.Any()

    def __init__(self):
        super().__init__()
        self.began, self.running = time.monotonic(), True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self):
        number = 0
        while self.running:
            number += 1
            time.sleep(max(0.0, self.began + number / 30 - time.monotonic()))
            self.value = np.full((4, 4, 3), number, np.uint8)

    def stop(self):
        self.running = False
        self.thread.join()


def test_a_slow_observer_misses_pictures_but_sees_no_old_ones():
    camera, ages = OfficialCamera(Queue), []

    def look(change):
        ages.append(time.monotonic() - camera.camera.began - int(change["new"][0, 0, 0]) / 30)
        time.sleep(0.1)

    camera.observe(look, names="value")
    time.sleep(1.2)  # in the capture thread it would lag by 0.8 s then
    camera.stop()
    assert len(ages) >= 5 and sorted(ages)[-2] < 0.15


def test_an_observer_that_ends_its_thread_ends_nothing(caplog):
    camera, got = open_official("gst")[1], []

    def look(change):
        got.append(1)
        raise SystemExit

    camera.observe(look, names="value")
    assert wait_until(lambda: len(got) >= 3) and camera.running
    camera.unobserve(look, names="value")
    camera.stop()


@CAMERAS
def test_stopping_while_the_program_ends_waits_for_no_thread(kind, monkeypatch):
    """Python 3.12 starts no thread any more by then; ZmqCamera's own end would wait for a picture for ever."""
    module, camera = open_official(kind)
    module.sensor.unplugged = True

    def refuse(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        camera.stop()
    began = time.monotonic()
    camera.camera.stop()  # as its __del__ does
    assert time.monotonic() - began < 0.5 and not camera.running


SCRIPT = """
import atexit, sys, time
sys.path.insert(0, {tests!r})
from fake_jetbot import make_jetbot
atexit.register(lambda: print(module.sensor.owner, flush=True))  # the last thing that is done
module = sys.modules["jetbot"] = make_jetbot(camera={kind!r})
from jetbot_mlp.hardware import open_camera
import jetbot_mlp.cameras as cameras
cameras.STOP_S = 0.2
camera = open_camera()
module.sensor.hangs = {hang}
time.sleep(0.05)
print("the end", flush=True)
"""


@pytest.mark.parametrize("kind, hang", [("gst", False), ("gst", True), ("zmq", False), ("zmq", True)])
def test_a_script_that_forgets_to_stop_the_camera_ends_all_the_same(kind, hang):
    script = SCRIPT.format(tests=os.path.dirname(os.path.abspath(__file__)), kind=kind, hang=hang)
    done = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, timeout=20)
    assert done.stdout == b"the end\nNone\n" and done.returncode == 0  # the sensor is given back, too


def test_a_camera_that_opens_too_late_is_given_back():
    late = []

    class Late:
        def stop(self):
            late.append("stopped")

    release = threading.Event()
    with pytest.raises(HardwareError, match="within 0.05 s"):
        cameras._in_daemon(lambda: release.wait(5.0) and Late(), 0.05, "", too_late=lambda camera: camera.stop())
    release.set()
    assert wait_until(lambda: late)


# -- a webcam ---------------------------------------------------------------------------------


@pytest.fixture
def video(tmp_path):
    path = str(tmp_path / "video.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 50.0, (64, 48))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no video")
    for i in range(25):
        writer.write(np.full((48, 64, 3), 40 + 8 * i, np.uint8))
    writer.release()
    return path


def test_a_video_file_plays_as_a_webcam_at_its_own_pace_and_ends_like_an_unplugged_one(video):
    began, camera, got = time.monotonic(), UsbCamera(video, width=100, height=80), []
    camera.observe(lambda change: got.append(change["new"].shape), names="value")
    assert wait_until(lambda: not camera.running)
    assert time.monotonic() - began > 0.4
    assert len(got) >= 15 and set(got) == {(80, 100, 3)}


def test_a_webcam_can_be_stopped_and_started_again_and_survives_its_observers(video, caplog):
    camera, got = UsbCamera(video), []

    def observer(change):
        got.append(1)
        raise RuntimeError("boom")

    camera.observe(observer, names="value")
    assert wait_until(lambda: len(got) >= 2) and camera.running
    camera.stop()
    assert not camera.running
    camera.start()
    assert camera.running
    camera.unobserve(observer, names="value")
    camera.observe(lambda change: camera.stop(), names="value")
    assert wait_until(lambda: not camera.running)


def test_no_webcam_is_told(tmp_path):
    with pytest.raises(HardwareError, match="plug it in"):
        UsbCamera(str(tmp_path / "none.avi"))


class StallingCapture:
    """Imitates cv2.VideoCapture; read() waits while `go` is clear. Another picture each time."""

    def __init__(self):
        self.go, self.opened, self.reading, self.seen = threading.Event(), 0, False, 0
        self.go.set()

    def __call__(self, device):
        self.opened += 1
        return self

    def isOpened(self):
        return True

    def set(self, name, value):
        pass

    def release(self):
        pass

    def read(self):
        self.reading = not self.go.is_set()
        self.go.wait(5.0)
        time.sleep(0.002)
        self.seen += 1
        return True, np.full((48, 64, 3), 50 + self.seen % 200, np.uint8)


def test_a_webcam_whose_read_hangs_is_told_at_the_next_start_and_comes_back_later(monkeypatch):
    monkeypatch.setattr(cameras, "STOP_S", 0.1)
    capture = StallingCapture()
    monkeypatch.setattr(cameras.cv2, "VideoCapture", capture)
    camera, got = UsbCamera(0), []
    capture.go.clear()
    assert wait_until(lambda: capture.reading)
    camera.stop()
    assert not camera.running
    camera.observe(lambda change: got.append(1), names="value")
    with pytest.raises(HardwareError, match="still reading"):
        camera.start()
    assert capture.opened == 1
    capture.go.set()
    camera.start()
    assert capture.opened == 2 and camera.running and wait_until(lambda: len(got) >= 2)
    camera.stop()
    assert not camera.running


def test_a_read_that_comes_back_after_the_stop_shows_nothing(monkeypatch):
    monkeypatch.setattr(cameras, "STOP_S", 0.1)
    capture = StallingCapture()
    monkeypatch.setattr(cameras.cv2, "VideoCapture", capture)
    camera, got = UsbCamera(0), []
    capture.go.clear()
    assert wait_until(lambda: capture.reading)
    camera.stop()
    camera.observe(lambda change: got.append(1), names="value")
    capture.go.set()
    camera._thread.join(2.0)
    assert not camera._thread.is_alive() and got == []


def test_a_video_whose_name_can_not_be_encoded_is_refused_before_opencv_crashes(monkeypatch):
    monkeypatch.setattr(cameras.cv2, "VideoCapture", None)
    with pytest.raises(JetbotMLPError, match="rename it, or set LC_ALL"):
        UsbCamera("/tmp/\udcea.avi")


def test_a_camera_that_died_by_itself_makes_room_for_the_next(install):
    module = install(camera="gst")
    dead = open_camera("jetbot")
    module.sensor.unplugged = True
    assert wait_until(lambda: not dead.running)
    module.sensor.unplugged = False
    camera = open_camera("jetbot")
    assert camera is not dead and camera.running and camera.value is not None


def test_the_time_of_capture_is_kept_while_a_slow_observer_holds_the_picture_back():
    module, camera = open_official("gst")
    seen = []

    def slow(change):
        module.sensor.image = camera.value.copy()
        time.sleep(0.3)

    def late(change):
        seen.append(time.monotonic() - camera.taken_at)

    camera.observe(slow, names="value")
    camera.observe(late, names="value")
    assert wait_until(lambda: len(seen) >= 2, 20.0)
    assert seen[0] >= 0.3
    camera.stop()


def test_a_webcams_picture_is_stamped_when_it_was_read(video):
    before = time.monotonic()
    camera = UsbCamera(video)
    assert before <= camera.taken_at <= time.monotonic()
    camera.stop()


def test_equal_pictures_keep_the_time_of_the_first_also_of_one_that_was_never_shown():
    camera = cameras.Camera("made up")
    picture = np.full((4, 4, 3), 9, np.uint8)
    camera._take(picture, 1.0)
    picture[:] = 0  # drawn on by an observer
    camera._take(np.full((4, 4, 3), 9, np.uint8), 2.0)
    camera._show(*camera._newest)
    assert (camera.taken_at, camera.changed_at) == (2.0, 1.0)
    camera._take(np.full((4, 4, 3), 8, np.uint8), 3.0)
    camera._show(*camera._newest)
    assert (camera.taken_at, camera.changed_at) == (3.0, 3.0)
