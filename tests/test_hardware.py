import subprocess
import sys
import time

import numpy as np
import pytest
from driving_fakes import straight_on, wait_until

import jetbot_mlp.hardware as hardware
from jetbot_mlp.cameras import UsbCamera
from jetbot_mlp.control import Limits, RoadSettings, Settings
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import HardwareError, SettingsError
from jetbot_mlp.hardware import CalibratedRobot, OfficialRobot, camera_named, open_camera, open_robot
from jetbot_mlp.motor_guard import guard_for
from jetbot_mlp.robot_settings import RobotSettings, default_path, save_settings

FORWARD = int(255 * RoadSettings().speed)  # what the motor chip gets when the driver goes straight on


def test_importing_this_package_does_not_import_jetbot():
    code = ('import sys, jetbot_mlp.hardware, jetbot_mlp.driver, jetbot_mlp.overlay; '
            'print("jetbot" in sys.modules, "torch" in sys.modules)')
    assert subprocess.check_output([sys.executable, "-c", code]).split() == [b"False", b"False"]


def test_without_the_package_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "jetbot", None)
    for opening in (open_robot, open_camera):
        with pytest.raises(HardwareError, match="robot's container, or use the simulator"):
            opening()


@pytest.mark.parametrize("opening, name", [(open_robot, "usb"), (open_camera, "csi"), (open_camera, "usb:x")])
def test_unknown_names_are_refused(opening, name):
    with pytest.raises(ValueError, match=name):
        opening(name)


def test_a_second_camera_is_the_first_one_while_that_lives(install):
    install()
    camera = open_camera()
    assert open_camera() is camera
    camera.stop()
    assert open_camera() is not camera


def test_an_unplugged_camera_is_seen_and_the_wheels_stop(install):
    module = install()
    camera = open_camera()
    with Driver(straight_on, open_robot(), camera) as driver:
        assert wait_until(lambda: module.chip.wheels == (FORWARD, FORWARD))
        now = time.monotonic()
        module.sensor.unplugged = True
        assert wait_until(lambda: module.chip.wheels == (0, 0), 1.0)
        assert time.monotonic() - now < 0.55
        assert "no frame" in driver.status().reason and not camera.running


@pytest.fixture
def webcams(monkeypatch):
    """-> list of the numbers that are webcams; they open as imitations."""
    numbers = []

    class Webcam(UsbCamera):
        def start(self):
            if self.device not in numbers:
                raise HardwareError(f"no webcam {self.device}")
            self.value = np.full((8, 8, 3), 99, np.uint8)

    monkeypatch.setattr(hardware, "UsbCamera", Webcam)
    monkeypatch.setattr(hardware, "webcam_numbers", lambda: [0, 1, 2])
    return numbers


def test_auto_takes_the_robots_own_camera_and_says_so(install, webcams):
    install()
    webcams.append(0)
    assert "OpenCvGstCamera" in open_camera().description


def test_auto_takes_a_webcam_where_there_is_no_official_one_and_says_why(monkeypatch, webcams):
    monkeypatch.setitem(sys.modules, "jetbot", None)
    webcams.append(2)
    camera = open_camera()
    assert camera.device == 2 and "webcam 2 (before it: jetbot: expected the official package" in camera.description


def test_auto_finds_nothing_and_says_what_it_tried(monkeypatch, webcams):
    monkeypatch.setitem(sys.modules, "jetbot", None)
    with pytest.raises(HardwareError, match="jetbot: .*; no webcam 0; no webcam 1; no webcam 2"):
        open_camera()


def test_usb_is_the_first_that_opens_or_the_one_named(webcams):
    webcams.extend([1, 2])
    assert open_camera("usb").device == 1 and open_camera("usb:2").device == 2
    assert open_camera("usb", device=2).device == 2
    with pytest.raises(HardwareError, match="no webcam 0"):
        open_camera("usb:0")


def test_the_official_classes_by_name(install):
    install(camera="zmq")
    assert "ZmqCamera" in open_camera("zmq").description
    with pytest.raises(HardwareError, match="jetbot"):
        open_camera("gst")


def test_names_of_cameras(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"")
    assert camera_named("auto") == ("auto", None) and camera_named("usb:12") == ("usb", 12)
    assert camera_named(str(path)) == ("usb", str(path))
    assert camera_named("rtsp://10.0.0.7/live") == ("usb", "rtsp://10.0.0.7/live")
    with pytest.raises(ValueError, match="a video file or a URL, found 'b.mp4'"):
        camera_named("b.mp4")


def test_auto_never_takes_the_simulator_for_a_robot(monkeypatch):
    monkeypatch.setitem(sys.modules, "jetbot", None)
    with pytest.raises(HardwareError, match="--sim"):
        open_robot("auto")


def test_which_video_devices_may_be_webcams(monkeypatch):
    names = {0: "vi-output, imx219 6-0010", 2: "HD Webcam C270"}
    monkeypatch.setattr(hardware.glob, "glob", lambda pattern: ["/dev/video2", "/dev/video0"])
    monkeypatch.setattr(hardware, "_device_name", names.get)
    assert hardware.webcam_numbers() == [2]  # a Jetson's own camera shows noise as a webcam


# -- what calibrate saved ---------------------------------------------------------------------


def test_robot_and_camera_are_opened_as_they_were_calibrated(install):
    module = install()
    save_settings(RobotSettings(swapped=True, left_reversed=True, max_speed=0.5, camera_upside_down=True))
    robot, camera = open_robot(), open_camera()
    robot.set_motors(0.2, 0.4)
    assert module.chip.wheels == (102, -51) and camera.upside_down
    robot.set_motors(1.0, 1.0)
    assert module.chip.wheels == (127, -127)
    robot.stop()
    assert module.chip.wheels == (0, 0)


def test_a_damaged_file_opens_nothing(install):
    module = install()
    with open(default_path(), "w") as stream:
        stream.write("{}")
    writes = module.chip.writes
    for opening in (open_robot, open_camera):
        with pytest.raises(SettingsError):
            opening()
    assert module.chip.writes == writes and module.sensor.owner is None


def test_settings_may_be_given_and_the_simulator_has_none_of_this_robot(install):
    install()
    save_settings(RobotSettings(trim=0.2))
    assert isinstance(open_robot(settings=RobotSettings()), OfficialRobot)
    assert isinstance(open_robot("sim"), OfficialRobot)
    assert isinstance(open_robot(), CalibratedRobot)


def test_a_calibrated_robot_is_the_official_one_to_the_motor_guard(install, monkeypatch):
    install()
    asked = []
    monkeypatch.setattr("jetbot_mlp.motor_guard.MotorGuard.start", lambda self: asked.append(1) or self)
    monkeypatch.setattr("jetbot_mlp.motor_guard.MotorGuard.running", None)
    assert guard_for(open_robot(settings=RobotSettings(trim=0.1))) is not None and asked


def test_no_wheel_is_faster_than_the_limit_whatever_the_sliders_say(install):
    module = install()
    robot = open_robot(settings=RobotSettings(trim=-0.2, left_dead_band=0.1, right_dead_band=0.15, max_speed=0.3))
    camera, fastest = open_camera(), [0]
    camera.observe(lambda change: fastest.append(max(abs(v) for v in module.chip.wheels)), names="value")
    with Driver(straight_on, robot, camera, limits=Limits(max_speed=0.3)) as driver:
        for road in (RoadSettings(speed=1.0, kp=10.0), RoadSettings(speed=1.0, bias=1.0), RoadSettings(speed=0.05)):
            driver.settings = Settings(road=road)
            time.sleep(0.15)
        driver.settings = Settings(road=RoadSettings(speed=1e9))
        time.sleep(0.15)
        assert driver.status().running and max(fastest) == int(255 * 0.3)
