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
from .find_official import SIDES, find_official, is_official

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
        self.left_motor, self.right_motor = self._motors = robot.left_motor, robot.right_motor
        self.max_power = 1.0
        self.description = f"the official robot with {board_of(robot)}" if description is None else description

    def limit_power(self, most):
        """From now on no motor is given more than most (0 to 1), its own alpha and beta included."""
        self.max_power = min(max(0.0, float(most)), 1.0)  # NaN becomes 0

    def set_motors(self, left_speed, right_speed):
        """Speeds -1 to 1, clipped. Both motors are tried; raises HardwareError when one refused, ValueError
        for anything but finite numbers, before anything is written."""
        self._both((left_speed, right_speed))

    def stop(self):
        """Both motors to zero, the right one too when the left one raises; then the board's own stop."""
        self._both((0.0, 0.0), last=self.robot.stop)

    def _both(self, speeds, last=None):
        values = _finite(speeds)
        errors = self._write(values)
        if last is not None:
            errors += _tried(last)
            # the official stop sets value 0, which turns a motor by its offset
            errors += [e for motor in self._motors if getattr(motor, "beta", 0.0) for e in _tried(_write, motor, 0.0)]
        self._judge(errors, values)

    def _write(self, values):
        """Each motor, also when one before it refused. -> list of what they raised."""
        return [error for motor, value in zip(self._motors, values)
                for error in _tried(_write, motor, min(max(value, -1.0), 1.0), self.max_power)]

    def _judge(self, errors, values):
        if errors:
            if values == [0.0, 0.0]:  # last, because on SparkFun every write of a speed enables both motors
                for motor in self._motors:
                    _release(motor)
            raise HardwareError(f"motors: expected the board to obey, found {'; '.join(errors)}")


class OwnedRobot(OfficialRobot):
    """A notebook's own class around jetbot.Robot, or derived from it, obeying.

    Commands go through its own set_motors, which may limit, swap or trim; zeros go to the official motors, too.
    robot: the owner's; motors: the official ones behind it; official: their Robot, where there is one.
    """

    def __init__(self, robot, motors, official=None):
        self.robot, self.official = robot, official
        self._motors = tuple(motors)
        self.max_power = 1.0
        self._last = None  # the speeds commanded last, when they reached the motors through their traits
        self.description = f"the official robot as {type(robot).__name__} drives it"

    def set_motors(self, left_speed, right_speed):
        """Speeds -1 to 1, clipped, to the owner's set_motors; raises like OfficialRobot's, also when the owner keeps
        silent about a motor that refused."""
        values = _finite((left_speed, right_speed))
        watched = [_watch(motor) for motor in self._motors if hasattr(motor, "_write_value")]
        for watch in watched:
            watch.most, watch.writes = self.max_power, 0
        try:
            errors = _tried(self.robot.set_motors, *(min(max(value, -1.0), 1.0) for value in values))
            wrote = any(watch.writes for watch in watched)
            again = values == self._last and not wrote  # equal traits; but a chip may have forgotten, or not answer
            self._last = values if wrote or again else None  # on SparkFun an owner may drive past the traits
            for watch in watched:
                if not errors and (again or watch.failed):  # a failure unsaid: its trait claims that it was written
                    errors += _tried(watch, watch.motor.value)
        finally:
            for watch in watched:
                watch.most = 1.0
        if values == [0.0, 0.0]:
            errors += self._zeros()
        self._judge(errors, values)

    def stop(self):
        """Zeros to the motors at once, the owner's own stop, and zeros again, whatever that one did."""
        self._last = None
        self._zeros()
        self._judge(_tried(self.robot.stop) + self._zeros(), [0.0, 0.0])

    def _zeros(self):
        return self._write([0.0] * len(self._motors))


class _Watch:
    """Takes the place of one motor's _write_value: knows whether the last write failed, and lets no more than `most`
    through. Only so can writes be judged that an owner's code makes."""

    def __init__(self, motor):
        self.motor, self._write_value = motor, motor._write_value
        self.most, self.writes, self.failed = 1.0, 0, False

    def __call__(self, value):
        self.writes += 1
        self.failed = True
        self._write_value(_within(self.motor, value, self.most))
        self.failed = False


def _watch(motor):
    """-> the motor's one _Watch."""
    if not isinstance(vars(motor).get("_write_value"), _Watch):
        motor._write_value = _Watch(motor)
    return motor._write_value


def _finite(speeds):
    """-> list of floats, or ValueError."""
    try:
        values = [float(speed) for speed in speeds]  # the trait refuses np.float32, np.int64, 0-d arrays
    except (TypeError, ValueError):
        values = [math.nan]
    if not all(math.isfinite(value) for value in values):
        # NaN and inf raise only after the trait has changed, and the old PWM would stay
        raise ValueError(f"set_motors: expected finite speeds, found {speeds}")
    return values


def _tried(do, *words):
    """-> [] or [what it raised]: what comes after it must be tried all the same."""
    try:
        do(*words)
    except Exception as error:
        return [f"{type(error).__name__}: {error}"]
    return []


def _within(motor, value, most):
    """-> the value at which a motor, by its alpha and beta, gets what `value` asks for, but at most `most`."""
    alpha, beta = getattr(motor, "alpha", 1.0), getattr(motor, "beta", 0.0)
    if not alpha:
        if beta:
            motor.beta = 0.0  # it would turn whatever it is told, also at a stop
        return value
    # An offset (beta) would turn the wheel even at zero. Beyond full power SparkFun's register overflows
    # into the other direction; Adafruit's clips.
    power = 0.0 if value == 0.0 else min(max(alpha * value + beta, -most), most)
    return (power - beta) / alpha


def _write(motor, value, most=1.0):
    """One motor to a speed, for certain."""
    value = _within(motor, value, most)
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
    return _obeying(robot, (getattr(robot, side, None) for side in SIDES))


def adapt_robot(robot):
    """The robot itself; or an OfficialRobot around a bare jetbot.Robot, whose stop() may write nothing, an
    OwnedRobot around a class of one's own that moves the official motors."""
    for name in ("set_motors", "stop"):
        if not callable(getattr(robot, name, None)):
            if is_official(robot):
                raise HardwareError(NO_BOARD)
            raise ValueError("robot: expected set_motors(left, right) and stop(), found "
                             f"{type(robot).__name__} without {name}; use open_robot()")
    if any("limit_power" in vars(kind) for kind in type(robot).__mro__):  # ours, which obey
        return robot
    found = find_official(robot)
    motors = [getattr(robot, side, None) for side in SIDES] if found is None else found.motors
    if not (motors and all(hasattr(motor, "_write_value") for motor in motors)):
        return robot
    return _obeying(robot, motors, None if found is None else found.robot)


def _obeying(robot, motors, official_one=None):
    """-> OfficialRobot, or OwnedRobot when set_motors or stop are the owner's own, or a __getattr__ hands them on."""
    for name in ("set_motors", "stop"):
        kinds = [kind.__module__ for kind in type(robot).__mro__ if name in vars(kind)]
        own = not kinds or kinds[0].split(".")[0] not in ("jetbot", "jetbot_mlp")
        if callable(getattr(robot, name, None)) and (own or name in getattr(robot, "__dict__", {})):
            return OwnedRobot(robot, motors, official_one)
    return OfficialRobot(robot)


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
