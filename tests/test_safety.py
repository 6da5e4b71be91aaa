"""Whatever breaks, the wheels of the imitated official robot are at zero within half a second, and it says why.

In real time, through the whole chain: official camera -> driver -> gate -> official motors -> chip. Every way
to break is broken for real; a start afterwards drives again, and nothing drives without one.
"""
import threading
import time

import numpy as np
import pytest
from driving_fakes import straight_on, wait_until

import jetbot_mlp.cameras as cameras
from jetbot_mlp.control import Limits, RoadSettings, Settings
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import JetbotMLPError, SettingsError
from jetbot_mlp.hardware import open_camera, open_robot
from jetbot_mlp.messages import RoadPrediction
from jetbot_mlp.robot_drive import drive_robot
from jetbot_mlp.robot_settings import RobotSettings, default_path, save_settings


class Rig:
    """An imitated robot that drives straight on until something is broken."""

    def __init__(self, module):
        self.chip, self.sensor = module.chip, module.sensor
        self.predict = straight_on
        self.release = threading.Event()
        self.camera, self.robot = open_camera(), open_robot()
        self.driver = Driver(lambda frame: self.predict(frame), self.robot, self.camera)

    def picture_freezes(self):
        self.sensor.image = self.camera.value.copy()

    def camera_is_unplugged(self):
        self.sensor.unplugged = True

    def observer_thread_dies(self):
        official = self.camera.camera

        def die(change):
            raise SystemExit  # ends a thread without a word

        official.observe(die, names="value")

    def wrong_shape(self):
        self.sensor.image = np.full((224, 224), 99, np.uint8)

    def black(self):
        self.sensor.dark = True

    def nan(self):
        self.predict = lambda frame: RoadPrediction(float("nan"), 0.0, frame.stamp)

    def prediction_raises(self):
        def predict(frame):
            raise MemoryError("out of it")

        self.predict = predict

    def prediction_hangs(self):
        def predict(frame):
            self.release.wait(5.0)
            return straight_on(frame)

        self.predict = predict

    def i2c_fails_for_a_while(self):
        self.chip.broken = {1, 2}
        threading.Timer(0.25, setattr, (self.chip, "broken", set())).start()

    def mend(self):
        self.predict = straight_on
        self.release.set()
        self.sensor.unplugged = self.sensor.dark = False
        self.sensor.image = None
        self.camera.stop()
        self.camera.start()


@pytest.fixture
def make_rig(install, monkeypatch):
    rigs = []

    def make(robot):
        board, kind = robot.split()
        rigs.append(Rig(install(board=board, camera=kind)))
        return rigs[0]

    monkeypatch.setattr(cameras, "STOP_S", 0.2)
    yield make
    for rig in rigs:
        rig.release.set()
        rig.driver.stop("the test is over")


ONE, OTHER = "adafruit gst", "sparkfun zmq"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("robot, how, reason", [
    (ONE, "picture_freezes", "frozen"),
    (ONE, "camera_is_unplugged", "no frame"),
    (OTHER, "camera_is_unplugged", "no frame"),
    (ONE, "observer_thread_dies", "no frame"),
    (OTHER, "observer_thread_dies", "no frame"),
    (OTHER, "wrong_shape", "expected uint8"),
    (OTHER, "black", "found black"),
    (ONE, "nan", "expected finite numbers"),
    (OTHER, "prediction_raises", "MemoryError: out of it"),
    (ONE, "prediction_hangs", "prediction hangs"),
    (ONE, "i2c_fails_for_a_while", "Remote I/O"),
    (OTHER, "i2c_fails_for_a_while", "Remote I/O"),
])
def test_the_wheels_stop_in_time_and_only_a_start_turns_them_again(make_rig, robot, how, reason):
    rig = make_rig(robot)
    rig.driver.start()
    assert wait_until(lambda: rig.chip.wheels != (0, 0))
    getattr(rig, how)()
    broken = time.monotonic()
    assert wait_until(lambda: rig.chip.wheels == (0, 0), 1.0)
    assert time.monotonic() - broken < 0.5
    assert wait_until(lambda: not rig.driver.status().running) and reason in rig.driver.status().reason
    rig.mend()
    rest = time.monotonic() + 0.1
    while time.monotonic() < rest:
        assert rig.chip.wheels == (0, 0)  # whole again, and still nothing moves by itself
        time.sleep(0.005)
    assert rig.driver.join(1.0)
    try:
        rig.driver.start()
    except JetbotMLPError as error:
        pytest.fail(str(error))
    assert wait_until(lambda: rig.chip.wheels != (0, 0))


@pytest.mark.parametrize("saved, asked, fastest", [(0.2, 1.0, 51), (1.0, 0.1, 25)])
def test_a_drive_keeps_the_lower_of_the_robots_and_the_drives_top_speed(install, capsys, saved, asked, fastest):
    module, seen = install(), [0]
    save_settings(RobotSettings(max_speed=saved, left_dead_band=0.05, right_dead_band=0.05))
    write = module.chip.write
    module.chip.write = lambda channel, speed: (seen.append(abs(speed)), write(channel, speed))
    drive_robot([straight_on], 0.4, settings=Settings(road=RoadSettings(speed=1.0, bias=1.0)),
                limits=Limits(max_speed=asked))
    assert max(seen) == fastest and module.chip.wheels == (0, 0)
    assert "found the official robot with an Adafruit or Waveshare board (I2C 0x60), calibrated; the robot's own " \
        "camera (OpenCvGstCamera)" in capsys.readouterr().err


def test_a_drive_with_damaged_settings_does_not_begin(install):
    module = install()
    with open(default_path(), "w") as stream:
        stream.write("{")
    writes = module.chip.writes
    with pytest.raises(SettingsError, match="jetbot-mlp calibrate"):
        drive_robot([straight_on], 0.4)
    assert module.chip.writes == writes and module.sensor.owner is None and not module.Robot.initialized()
