"""The official Robot, obeying; and the official package's classes without the official package's start.

The classes of `jetbot` 0.4.3 have traps that no documentation names; each is worked round here, with the
reason beside it. What comes out is plain: every `set_motors` and `stop` really writes, or raises.
"""
import importlib
import importlib.util
import math
import sys
import threading
import types

from .errors import HardwareError

NO_BOARD = (
    "robot: expected a motor board on I2C at 0x60 (Adafruit, Waveshare) or 0x5d (SparkFun), found none; "
    "check battery and cable, then restart the program (jetbot looks only once, when it is imported)"
)
MODULE_OF = {"Robot": "jetbot.robot", "Camera": "jetbot.camera", "ZmqCamera": "jetbot.camera.zmq_camera",
             "OpenCvGstCamera": "jetbot.camera.opencv_gst_camera"}
_importing = threading.RLock()


class Movements:
    """The official Robot's movements, for whatever has set_motors."""

    def forward(self, speed=1.0, duration=None):
        """Both wheels forward; the official class ignores the duration, too."""
        self.set_motors(speed, speed)

    def backward(self, speed=1.0):
        """Both wheels backward."""
        self.set_motors(-speed, -speed)

    def left(self, speed=1.0):
        """Turn left on the spot."""
        self.set_motors(-speed, speed)

    def right(self, speed=1.0):
        """Turn right on the spot."""
        self.set_motors(speed, -speed)


class OfficialRobot(Movements):
    """jetbot.Robot, obeying: every write reaches the chip or raises.

    description: what it is, for people.
    Raises HardwareError when robot has no motion methods: that is how jetbot says "no board found".
    """

    def __init__(self, robot, description=None):
        if not callable(getattr(robot, "set_motors", None)):  # then its motors raise TraitError
            raise HardwareError(NO_BOARD)
        self.robot = robot
        self.left_motor, self.right_motor = robot.left_motor, robot.right_motor
        self.description = f"the official robot with {board_of(robot)}" if description is None else description

    def set_motors(self, left_speed, right_speed):
        """Speeds -1 to 1, clipped. Both motors are tried; raises HardwareError when one refused, ValueError
        for anything but finite numbers, before anything is written."""
        self._both((left_speed, right_speed))

    def stop(self):
        """Both motors to zero, the right one too when the left one raises; then the board's own stop."""
        self._both((0.0, 0.0), last=self.robot.stop)

    def _both(self, speeds, last=None):
        try:
            values = [float(speed) for speed in speeds]  # the trait refuses np.float32, np.int64, 0-d arrays
        except (TypeError, ValueError):
            values = [math.nan]
        if not all(math.isfinite(value) for value in values):
            # NaN and inf raise only after the trait has changed, and the old PWM would stay
            raise ValueError(f"set_motors: expected finite speeds, found {speeds}")
        errors = []
        for motor, value in zip((self.left_motor, self.right_motor), values):
            try:
                _write(motor, min(max(value, -1.0), 1.0))
            except Exception as error:  # the other motor must be tried all the same
                errors.append(f"{type(error).__name__}: {error}")
        if last is not None:
            try:
                last()
                for motor in (self.left_motor, self.right_motor):
                    if getattr(motor, "beta", 0.0):  # the official stop sets value 0, which turns it by the offset
                        _write(motor, 0.0)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        if errors:
            if values == [0.0, 0.0]:  # last, because on SparkFun every write of a speed enables both motors
                _release(self.left_motor)
                _release(self.right_motor)
            raise HardwareError(f"motors: expected the board to obey, found {'; '.join(errors)}")


def _write(motor, value):
    """One motor to a speed, for certain."""
    alpha, beta = getattr(motor, "alpha", 1.0), getattr(motor, "beta", 0.0)
    if alpha:
        # An offset (beta) would turn the wheel even at zero. Beyond full power SparkFun's register overflows
        # into the other direction; Adafruit's clips.
        power = 0.0 if value == 0.0 else min(max(alpha * value + beta, -1.0), 1.0)
        value = (power - beta) / alpha
    # A trait notifies only when it changes, and a write that failed has changed it all the same:
    # where the trait says so already, write past it.
    if motor.value != value:
        motor.value = value
    elif hasattr(motor, "_write_value"):
        motor._write_value(value)
    else:
        motor.value = value + 1e-4  # rounds to the same PWM
        motor.value = value


def _release(motor):
    """The motor's other way to stand still, other writes to other registers: worth a try after a failure."""
    try:
        motor._release()
    except Exception:  # the caller has an error to raise already
        pass


def board_of(robot):
    """What an official Robot has for a motor board, for people."""
    driver = type(getattr(robot, "motor_driver", None)).__name__
    return {"Adafruit_MotorHAT": "an Adafruit or Waveshare board (I2C 0x60)",
            "QwiicScmd": "a SparkFun board (I2C 0x5d)"}.get(driver, "its motor board")


def open_official_robot():
    """-> OfficialRobot. Raises HardwareError when the package or the motor board is absent."""
    robot_class = official("Robot")
    try:
        # instance(): a second Robot() would zero the chip while the first one's traits keep their values
        robot = robot_class.instance() if hasattr(robot_class, "instance") else robot_class()
    except Exception as error:
        raise HardwareError(f"robot: expected jetbot.Robot() to start, found {type(error).__name__}: "
                            f"{error}; check battery and motor board, then restart the program")
    return OfficialRobot(robot)


def adapt_robot(robot):
    """The robot itself; or an OfficialRobot around a bare jetbot.Robot, whose stop() may write nothing."""
    for name in ("set_motors", "stop"):
        if not callable(getattr(robot, name, None)):
            if type(robot).__module__.split(".")[0] == "jetbot":
                raise HardwareError(NO_BOARD)
            raise ValueError("robot: expected set_motors(left, right) and stop(), found "
                             f"{type(robot).__name__} without {name}; use open_robot()")
    motors = [getattr(robot, side, None) for side in ("left_motor", "right_motor")]
    bare = not isinstance(robot, OfficialRobot) and all(hasattr(m, "_write_value") for m in motors)
    return OfficialRobot(robot) if bare else robot


def official(name):
    """A class of the official package: 'Robot', 'Camera' (JETBOT_DEFAULT_CAMERA says which), 'ZmqCamera' or
    'OpenCvGstCamera'.

    `import jetbot` would load torch and TensorRT: 11 to 17 s and most of the container's memory, for nothing.
    The robot's and the camera's module need neither, so they are loaded past the package's __init__; a later
    `import jetbot` in a notebook finds these same classes. Raises HardwareError when there is no such package,
    or when it breaks.
    """
    try:
        with _importing:
            return _load(name)
    except (Exception, SystemExit) as error:  # it scans I2C and loads drivers: anything may be raised
        what, bus = f"{type(error).__name__}: {error}", ""
        if "i2c" in what.lower():
            bus = "no I2C bus is to be seen (a container needs --privileged); "
        raise HardwareError(f"jetbot: expected the official package, found {what}; {bus}run inside the robot's "
                            "container, or use the simulator (on the command line: --sim)")


def _load(name):
    package = sys.modules.get("jetbot")
    if package is None:
        spec = None if "jetbot" in sys.modules else importlib.util.find_spec("jetbot")
        folders = None if spec is None else spec.submodule_search_locations
        if not folders:  # absent, which the import says best, or one file
            package = importlib.import_module("jetbot")
        else:
            package = sys.modules["jetbot"] = types.ModuleType("jetbot")
            package.__path__ = list(folders)
            try:
                return getattr(importlib.import_module(MODULE_OF[name]), name)
            finally:
                sys.modules.pop("jetbot", None)
    if hasattr(package, name):
        return getattr(package, name)
    if getattr(package.__dict__.get("Camera"), "__name__", None) == name:
        return package.Camera
    return getattr(importlib.import_module(MODULE_OF[name]), name)
