"""The real robot. The only module that imports `jetbot`, and only when asked to: that takes 11 to 17 s.

The official Robot (jetbot 0.4.3) has traps that no documentation names; each is worked round here, with
the reason beside it. What comes out is plain: every `set_motors` and `stop` really writes, or raises.
"""
import importlib

import numpy as np

from .cameras import OfficialCamera, UsbCamera
from .errors import HardwareError

NO_BOARD = (
    "robot: expected a motor board on I2C at 0x60 (Adafruit, Waveshare) or 0x5d (SparkFun), found none; "
    "check battery and cable, then restart the program (jetbot looks only once, when it is imported)"
)


def open_robot(name="jetbot"):
    """-> OfficialRobot. Raises HardwareError when the package or the motor board is absent."""
    if name != "jetbot":
        raise ValueError(f"open_robot: expected 'jetbot', found {name!r}; the simulator has its own robot")
    robot_class = _import_jetbot().Robot
    try:
        # instance(): a second Robot() would zero the chip while the first one's traits keep their values
        robot = robot_class.instance() if hasattr(robot_class, "instance") else robot_class()
    except Exception as error:
        raise HardwareError(f"robot: expected jetbot.Robot() to start, found {type(error).__name__}: "
                            f"{error}; check battery and motor board")
    return OfficialRobot(robot)


def open_camera(name="jetbot", device=0, width=224, height=224, fps=30):
    """-> a camera with value (uint8 (height, width, 3) BGR), observe, unobserve, start, stop.

    name: 'jetbot' (the robot's own) or 'usb' (any webcam; device: its number, or a video file's path).
    While the robot's camera is open it is handed out again: a second one would be refused.
    Raises HardwareError when there is none or it shows nothing.
    """
    if name == "usb":
        return UsbCamera(device, width, height, fps)
    if name != "jetbot":
        raise ValueError(f"open_camera: expected 'jetbot' or 'usb', found {name!r}; "
                         "the simulator has its own camera")
    open_one = OfficialCamera.opened
    if open_one is not None and open_one.running:
        return open_one
    return OfficialCamera(_import_jetbot().Camera)


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


class OfficialRobot:
    """jetbot.Robot, obeying: every write reaches the chip or raises.

    Raises HardwareError when robot has no motion methods: that is how jetbot says "no board found".
    """

    def __init__(self, robot):
        if not callable(getattr(robot, "set_motors", None)):
            raise HardwareError(NO_BOARD)
        self.robot = robot
        self.left_motor, self.right_motor = robot.left_motor, robot.right_motor

    def set_motors(self, left_speed, right_speed):
        """Speeds -1 to 1. Both motors are tried; raises HardwareError when one refused."""
        self._both(((self.left_motor, left_speed), (self.right_motor, right_speed)))

    def stop(self):
        """Both motors to zero, the right one too when the left one raises; then the board's own stop."""
        self._both(((self.left_motor, 0.0), (self.right_motor, 0.0)), last=self.robot.stop)

    def forward(self, speed=1.0):
        """Both wheels forward."""
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

    def _both(self, speeds, last=None):
        values = [float(speed) for _, speed in speeds]  # the trait refuses np.float32, np.int64, 0-d arrays
        if not np.isfinite(values).all():
            # NaN and inf raise only after the trait has changed, and the old PWM would stay
            raise ValueError(f"set_motors: expected finite speeds, found {values}")
        errors = []
        for (motor, _), value in zip(speeds, values):
            try:
                self._write(motor, min(max(value, -1.0), 1.0))
            except Exception as error:  # the other motor must be tried all the same
                errors.append(f"{type(error).__name__}: {error}")
        if last is not None:
            try:
                last()
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        if errors:
            raise HardwareError(f"motors: expected the board to obey, found {'; '.join(errors)}")

    @staticmethod
    def _write(motor, value):
        # A trait notifies only when it changes, and a write that failed has changed it all the same:
        # where the trait says so already, write past it.
        if motor.value != value:
            motor.value = value
        elif hasattr(motor, "_write_value"):
            motor._write_value(value)
        else:
            motor.value = value + 1e-4  # rounds to the same PWM
            motor.value = value
        if value == 0.0 and getattr(motor, "beta", 0.0):
            motor._release()  # an offset (beta) turns the wheel even at zero


def _import_jetbot():
    try:
        return importlib.import_module("jetbot")
    except Exception as error:  # it scans I2C and loads torch and TensorRT: anything may be raised
        raise HardwareError(
            f"jetbot: expected the official package, found {type(error).__name__}: {error}; "
            "run inside the robot's container, or use the simulator (--sim)"
        )
