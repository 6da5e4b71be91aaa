import os
import sys
import threading
import time

import numpy as np
import pytest
import traitlets
from driving_fakes import FakeClock, FakeRobot, straight_on, wait_until

from jetbot_mlp.control import Limits, RoadSettings
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.hardware import CalibratedRobot, open_camera, open_robot
from jetbot_mlp.messages import WheelCommand
from jetbot_mlp.official_robot import OfficialRobot, adapt_robot, official
from jetbot_mlp.robot_settings import DEFAULTS

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


@BOARDS
@pytest.mark.parametrize("alpha, beta", [(2.0, 0.0), (1.0, 0.3), (0.5, 0.6), (2.0, -0.4), (0.0, 0.4), (-1.5, 0.1)])
def test_no_motor_is_given_more_than_the_drivers_limit_whatever_its_factor_and_offset(install, board, alpha, beta):
    module = install(board=board)
    clock, robot = FakeClock(), module.Robot()
    for motor in (robot.left_motor, robot.right_motor):
        motor.alpha, motor.beta = alpha, beta
    for given in (robot, Mine(robot)):
        gate = MotorGate(adapt_robot(given), clock, limits=Limits(max_speed=0.25), guard=NoGuard)
        gate.open()
        for left, right in ((0.25, 0.25), (-1.0, 1.0), (0.01, 0.2), (0.0, 0.25)):
            gate.drive(WheelCommand(left, right, clock.now))
            assert max(abs(speed) for speed in module.chip.wheels) <= 255 * 0.25
            assert left or module.chip.wheels[0] == 0
        gate.stop("enough")
        assert module.chip.wheels == (0, 0)
    adapt_robot(robot).set_motors(1.0, 1.0)  # without a driver: up to full power
    assert all(abs(speed) >= 254 if alpha else speed == 0 for speed in module.chip.wheels)


# -- an owner's own class around the official one ----------------------------------------------


class NoGuard:
    """A motor guard that consents to everything."""

    arm = rest = beat = staticmethod(lambda: None)


class Mine:
    """A notebook's own class: half speed; remembers what it was told, and may keep silent about errors."""

    def __init__(self, bot, silent=False):
        self.bot, self.silent, self.told = bot, silent, []

    def set_motors(self, left, right):
        assert type(left) is float and type(right) is float
        self.told.append((left, right))
        try:
            self.bot.set_motors(0.5 * left, 0.5 * right)
        except OSError:
            if not self.silent:
                raise

    def stop(self):
        try:
            self.bot.stop()
        except OSError:
            if not self.silent:
                raise


class Delegating(Mine):
    def __getattr__(self, name):
        return getattr(self.__dict__["bot"], name)


def derived(module):
    class Derived(module.Robot):
        def set_motors(self, left, right):
            super().set_motors(0.5 * left, 0.5 * right)

    return Derived()


OWNERS = pytest.mark.parametrize("owner", [
    lambda module: Mine(module.Robot()), lambda module: Mine(module.Robot(), silent=True),
    lambda module: Delegating(module.Robot()), derived,
    lambda module: CalibratedRobot(Mine(module.Robot()), DEFAULTS),
], ids=["wrapper", "silent", "delegating", "derived", "calibrated"])


@BOARDS
@OWNERS
def test_an_owners_own_set_motors_is_asked(install, board, owner):
    module = install(board=board)
    robot = adapt_robot(owner(module))
    robot.set_motors(np.float32(0.8), -0.4)
    assert module.chip.wheels == (102, -51)
    robot.set_motors(0.0, 0.0)
    assert module.chip.wheels == (0, 0)


@BOARDS
@OWNERS
def test_an_owners_robot_that_the_motors_disobey_for_a_while_is_stopped_or_said_not_to_be(install, board, owner,
                                                                                         monkeypatch):
    monkeypatch.setattr("jetbot_mlp.gate.RETRY_S", 0.0)
    module = install(board=board)
    gate, now = MotorGate(adapt_robot(owner(module)), lambda: 1.0, guard=NoGuard), 1.0
    gate.open()
    gate.drive(WheelCommand(0.4, 0.4, now))
    assert module.chip.wheels == (51, 51)
    module.chip.broken = {1, 2}
    assert not gate.stop("enough") and not gate.wheels_stopped and "Remote I/O" in gate.stop_error
    module.chip.broken = set()
    assert gate.at_rest() and module.chip.wheels == (0, 0)
    gate.open()
    gate.drive(WheelCommand(0.4, 0.4, now))
    assert module.chip.wheels == (51, 51)  # the traits did not keep what failed


@BOARDS
@OWNERS
@pytest.mark.parametrize("speed", [0.4, 0.6])
def test_a_command_through_an_owners_robot_that_does_not_reach_the_chip_stops(install, board, owner, speed):
    """0.4: equal to the last one, so that the traits write nothing."""
    module = install(board=board)
    gate, now = MotorGate(adapt_robot(owner(module)), lambda: 1.0, guard=NoGuard), 1.0
    gate.open()
    gate.drive(WheelCommand(0.4, 0.4, now))
    module.chip.broken = {1, 2}
    healed = threading.Timer(0.05, module.chip.broken.clear)
    healed.start()
    assert gate.drive(WheelCommand(speed, speed, now)) is None and "Remote I/O" in gate.stops[-1].reason
    assert gate.wheels_stopped and module.chip.wheels == (0, 0)
    healed.join()


def test_an_equal_command_through_an_owners_robot_is_written_again(install):
    module = install()
    robot = adapt_robot(Mine(module.Robot()))
    robot.set_motors(0.4, 0.4)
    module.chip.speed = {1: 0, 2: 0}  # a chip that started again, or another program's stop
    robot.set_motors(0.4, 0.4)
    assert module.chip.wheels == (51, 51)


def test_an_owner_who_drives_a_sparkfun_board_past_the_traits_is_left_alone(install):
    module = install(board="sparkfun")
    owner = Mine(module.Robot())
    owner.set_motors = lambda left, right: owner.bot.forward(left)
    robot = adapt_robot(owner)
    robot.stop()
    for _ in range(3):
        robot.set_motors(0.4, 0.4)
        assert module.chip.wheels == (102, 102)
    robot.stop()
    assert module.chip.wheels == (0, 0)


def test_whatever_an_owners_stop_does_the_wheels_stand_after_it(install):
    module = install()
    owner = Mine(module.Robot())
    owner.stop = lambda: owner.bot.set_motors(-0.1, -0.1)  # brakes, and forgets the end
    robot = adapt_robot(owner)
    robot.set_motors(0.4, 0.4)
    robot.stop()
    assert module.chip.wheels == (0, 0)


def test_opening_finds_the_owners_derived_class_that_is_the_instance_already(install):
    module = install()

    class Derived(module.Robot):
        def set_motors(self, left, right):
            super().set_motors(0.5 * left, 0.5 * right)

    Derived.instance()
    open_robot().set_motors(0.4, 0.4)
    assert module.chip.wheels == (51, 51)


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
