import os
import sys
import time

import pytest
import traitlets
from driving_fakes import FakeRobot, straight_on, wait_until

from jetbot_mlp.control import RoadSettings
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.hardware import open_camera, open_robot
from jetbot_mlp.official_robot import OfficialRobot, adapt_robot, official

FORWARD = int(255 * RoadSettings().speed)  # what the motor chip gets when the driver goes straight on
BOARDS = pytest.mark.parametrize("board", ["adafruit", "sparkfun"])


def test_a_package_that_breaks_while_it_is_imported_is_told_as_it_is(monkeypatch, tmp_path):
    (tmp_path / "jetbot.py").write_text('raise OSError("libnvinfer.so.8: cannot open shared object file")')
    monkeypatch.delitem(sys.modules, "jetbot", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(HardwareError, match="libnvinfer"):
        open_robot()


def test_a_robot_without_a_board_is_refused_with_the_addresses(install):
    module = install(board=None)
    with pytest.raises(HardwareError, match="0x60.*0x5d.*found none"):
        open_robot()
    with pytest.raises(HardwareError, match="0x60"):
        adapt_robot(module.Robot())


@BOARDS
def test_speeds_are_clipped_and_nonsense_is_refused_before_it_reaches_the_trait(install, board):
    module, robot = install(board=board), open_robot()
    robot.set_motors(7.0, -7.0)
    assert module.chip.wheels == (255, -255)
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite"):
            robot.set_motors(0.1, bad)
    assert robot.right_motor.value == -1.0


def test_opening_twice_does_not_zero_the_chip_behind_the_first_ones_back(install):
    module = install()
    first = open_robot()
    first.set_motors(0.5, 0.5)
    open_robot()
    assert module.chip.wheels == (127, 127)


@BOARDS
def test_a_command_equal_to_the_last_one_is_written_too(install, board):
    module, robot = install(board=board), open_robot()
    robot.set_motors(0.5, 0.5)
    robot.robot.stop()  # on SparkFun past the traits
    robot.set_motors(0.5, 0.5)
    assert module.chip.wheels == (127, 127)


@BOARDS
def test_a_failed_write_can_be_repeated(install, board):
    module, robot = install(board=board), open_robot()
    robot.set_motors(0.5, 0.5)
    module.chip.broken = {1, 2}
    with pytest.raises(HardwareError, match="Remote I/O"):
        robot.stop()
    assert robot.left_motor.value == 0.0 and module.chip.wheels == (127, 127)  # the trap itself
    module.chip.broken = set()
    robot.stop()
    assert module.chip.wheels == (0, 0)


@BOARDS
def test_an_offset_of_the_motor_does_not_turn_it_at_zero(install, board):
    module, robot = install(board=board), open_robot()
    robot.left_motor.beta = robot.right_motor.beta = 0.1
    robot.set_motors(0.5, 0.5)
    robot.stop()
    assert module.chip.wheels == (0, 0)
    robot.set_motors(0.0, 0.0)
    assert module.chip.wheels == (0, 0)


def test_a_motor_that_has_only_a_trait_is_written_too():
    class Motor(traitlets.HasTraits):
        value = traitlets.Float()

    class Robot:
        left_motor, right_motor = Motor(), Motor()

        def set_motors(self, left, right):
            pass

        stop = set_motors

    written = []
    Robot.left_motor.observe(lambda change: written.append(change["new"]), names="value")
    OfficialRobot(Robot()).set_motors(0.0, 0.0)
    assert written[-1] == 0.0 and abs(written[0]) < 1 / 255


def test_only_a_bare_official_robot_is_wrapped(install):
    module = install()
    robot = FakeRobot()
    assert adapt_robot(robot) is robot
    official = open_robot()
    assert adapt_robot(official) is official
    assert isinstance(adapt_robot(module.Robot()), OfficialRobot)


@BOARDS
def test_driving_a_bare_official_robot_survives_i2c_failing_for_a_while(install, board):
    module = install(board=board)
    camera = open_camera()
    with Driver(straight_on, module.Robot(), camera) as driver:
        assert wait_until(lambda: module.chip.wheels == (FORWARD, FORWARD))
        module.chip.broken = {1, 2}
        time.sleep(0.2)
        assert module.chip.speed == {1: FORWARD, 2: FORWARD}
        module.chip.broken = set()
        assert wait_until(lambda: module.chip.wheels == (0, 0), 0.3)
        assert wait_until(lambda: not driver.status().running) and "Remote I/O" in driver.status().reason
        time.sleep(0.1)
        assert module.chip.wheels == (0, 0)
    camera.stop()


def test_a_stop_that_fails_tries_the_boards_other_way_too(install):
    """SparkFun: a write enables both motors, so whoever gives up after it leaves the broken one turning."""
    module = install(board="sparkfun")
    robot = open_robot()
    robot.set_motors(0.5, 0.5)
    module.chip.broken = {1}  # its speed can not be written any more, but the board can be disabled
    with pytest.raises(HardwareError):
        robot.stop()
    assert module.chip.wheels == (0, 0)


@BOARDS
def test_an_offset_or_a_factor_never_asks_for_more_than_full_power(install, board):
    """SparkFun's register would overflow into the other direction."""
    module, robot = install(board=board), open_robot()
    asked = []
    module.chip.write = lambda channel, speed: asked.append(speed)
    for motor in (robot.left_motor, robot.right_motor):
        motor.alpha, motor.beta = 2.0, 0.1
    robot.set_motors(1.0, -1.0)
    assert max(asked) == 255 and min(asked) == -255
    robot.left_motor.alpha, robot.left_motor.beta = 0.5, 0.0
    robot.set_motors(7.0, 0.0)
    assert 127 in asked
    robot.left_motor.alpha = 0.0
    robot.set_motors(0.5, 0.5)  # no division by zero


@BOARDS
def test_at_zero_the_offset_of_one_motor_stops_not_the_other(install, board):
    module, robot = install(board=board), open_robot()
    robot.left_motor.beta = robot.right_motor.beta = 0.1
    robot.set_motors(0.0, 0.4)
    assert module.chip.wheels == (0, 127)
    robot.set_motors(0.4, 0.0)
    assert module.chip.wheels == (127, 0)


def test_a_robot_that_does_not_start_says_why(install, monkeypatch):
    def broken(*words, **keywords):
        raise OSError(121, "Remote I/O error")

    monkeypatch.setattr(install().Robot, "instance", broken)
    with pytest.raises(HardwareError, match="Remote I/O.*check battery"):
        open_robot()


PACKAGE = {
    "__init__.py": "raise RuntimeError('this takes 16 s and torch')",
    "robot.py": "from .motor import Motor\nclass Robot: pass",
    "motor.py": "class Motor: pass",
    "camera/__init__.py": "from .zmq_camera import ZmqCamera as Camera",
    "camera/zmq_camera.py": "class ZmqCamera: pass",
    "slow.py": "",
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """-> function that writes an official package of these files, to be found by import."""
    def write(files):
        for name, text in files.items():
            path = tmp_path / "jetbot" / name
            os.makedirs(str(path.parent), exist_ok=True)
            path.write_text(text)
        monkeypatch.syspath_prepend(str(tmp_path))

    def forget():
        for name in [name for name in sys.modules if name.split(".")[0] == "jetbot"]:
            del sys.modules[name]

    forget()
    yield write
    forget()


def test_the_classes_are_had_without_the_packages_slow_start(package):
    package(PACKAGE)
    robot, camera = official("Robot"), official("Camera")
    assert robot.__module__ == "jetbot.robot" and official("ZmqCamera") is camera
    assert "jetbot" not in sys.modules  # the stand-in is gone
    with pytest.raises(RuntimeError, match="16 s"):
        import jetbot  # noqa: F401


def test_a_later_import_finds_the_same_classes(package):
    package(dict(PACKAGE, **{"__init__.py": "from .robot import Robot\nfrom .camera import Camera"}))
    robot = official("Robot")
    import jetbot

    assert jetbot.Robot is robot is official("Robot") and jetbot.Camera is official("ZmqCamera")


@pytest.mark.parametrize("raising, part", [
    ("raise OSError('/dev/i2c-1: no such file')", "--privileged"),
    ("raise SystemExit(1)", "SystemExit"),
    ("import no_such_driver", "no_such_driver"),
    ("raise RuntimeError('Could not determine default I2C bus')", "I2C bus"),
])
def test_a_package_that_breaks_says_how_and_what_to_do(package, raising, part):
    package(dict(PACKAGE, **{"motor.py": raising}))
    with pytest.raises(HardwareError, match="robot's container, or use the simulator") as caught:
        open_robot()
    assert part in str(caught.value) and "jetbot" not in sys.modules
