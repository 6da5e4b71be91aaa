import subprocess
import sys
import time

import numpy as np
import pytest
import traitlets
from driving_fakes import FakeRobot, straight_on, wait_until

from jetbot_mlp.control import RoadSettings
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.hardware import OfficialRobot, adapt_robot, open_camera, open_robot

FORWARD = int(255 * RoadSettings().speed)  # what the motor chip gets when the driver goes straight on

BOARDS = pytest.mark.parametrize("board", ["adafruit", "sparkfun"])


def test_importing_this_package_does_not_import_jetbot():
    code = ('import sys, jetbot_mlp.hardware, jetbot_mlp.driver, jetbot_mlp.overlay; '
            'print("jetbot" in sys.modules, "torch" in sys.modules)')
    assert subprocess.check_output([sys.executable, "-c", code]).split() == [b"False", b"False"]


def test_without_the_package_it_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "jetbot", None)
    for opening in (open_robot, open_camera):
        with pytest.raises(HardwareError, match="robot's container, or use the simulator"):
            opening()


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


@pytest.mark.parametrize("opening, name", [(open_robot, "usb"), (open_camera, "csi"), (open_camera, "usb:x")])
def test_unknown_names_are_refused(opening, name):
    with pytest.raises(ValueError, match=name):
        opening(name)


@BOARDS
@pytest.mark.parametrize("speed", [np.float32(0.5), np.array(0.5), np.float64(0.5), 0.5])
def test_any_number_moves_the_wheels(install, board, speed):
    module = install(board=board)
    open_robot().set_motors(speed, -speed)
    assert module.chip.wheels == (127, -127)
    open_robot().set_motors(np.int64(1), 0)
    assert module.chip.wheels == (255, 0)


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
def test_a_stop_writes_even_when_the_traits_say_zero_already(install, board):
    module, robot = install(board=board), open_robot()
    module.chip.speed = {1: 90, 2: 90}  # someone else's Robot
    robot.stop()
    assert module.chip.wheels == (0, 0)


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
def test_one_motor_that_refuses_does_not_keep_the_other_from_stopping(install, board):
    module, robot = install(board=board), open_robot()
    robot.set_motors(0.5, 0.5)
    module.chip.broken = {1}
    with pytest.raises(HardwareError):
        robot.stop()
    assert module.chip.speed == {1: 127, 2: 0}


@BOARDS
def test_an_offset_of_the_motor_does_not_turn_it_at_zero(install, board):
    module, robot = install(board=board), open_robot()
    robot.left_motor.beta = robot.right_motor.beta = 0.1
    robot.set_motors(0.5, 0.5)
    robot.stop()
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


def test_the_notebooks_movements(install):
    module, robot = install(), open_robot()
    expected = {"forward": (51, 51), "backward": (-51, -51), "left": (-51, 51), "right": (51, -51)}
    for name, wheels in expected.items():
        getattr(robot, name)(0.2)
        assert module.chip.wheels == wheels


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
