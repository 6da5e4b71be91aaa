"""Opens what there is: the official robot and its cameras, a webcam or video, the simulator.

By name, or found by looking; `description` of what is opened says in words what it is. What `jetbot-mlp
calibrate` found out about this robot is applied here, so that nobody drives without it.
"""
import functools
import glob
import os
import re

from .cameras import OfficialCamera, UsbCamera
from .errors import HardwareError
from .official_robot import Movements, OfficialRobot, adapt_robot, official, open_official_robot
from .robot_settings import DEFAULTS, load_settings, to_motors

__all__ = ["CalibratedRobot", "OfficialRobot", "adapt_robot", "camera_named", "open_camera", "open_robot"]

ROBOTS = ("auto", "jetbot", "sim")
CLASS_OF = {"jetbot": "Camera", "gst": "OpenCvGstCamera", "zmq": "ZmqCamera"}  # official cameras by name
CAMERAS = ("auto",) + tuple(CLASS_OF) + ("usb", "sim")


class CalibratedRobot(Movements):
    """A robot whose wheels go as told: wiring, trim, dead band and top speed of its `RobotSettings`.

    What is written is never faster than settings.max_speed, whatever was asked.
    """

    def __init__(self, robot, settings):
        self._robot = adapt_robot(robot)
        self.robot = getattr(robot, "robot", robot)  # the official one, as an OfficialRobot has it
        self.settings = settings
        self.description = f"{getattr(robot, 'description', type(robot).__name__)}, calibrated"
        self.limit_power(1.0)

    def limit_power(self, most):
        """From now on no motor is given more than these settings make of a speed `most` (0 to 1)."""
        if hasattr(self._robot, "limit_power"):
            most = min(max(0.0, float(most)), 1.0)  # NaN becomes 0
            self._robot.limit_power(max(abs(power) for power in to_motors(most, most, self.settings)))

    def set_motors(self, left_speed, right_speed):
        """Wheel speeds -1 to 1, clipped. Raises ValueError for anything but finite numbers."""
        self._robot.set_motors(*to_motors(left_speed, right_speed, self.settings))

    def stop(self):
        """Both wheels to zero, past all settings."""
        self._robot.stop()


def open_robot(name="auto", settings=None):
    """-> a robot with set_motors(left, right), stop(), forward, backward, left, right and description.

    name: 'jetbot' (the official package, either motor board), 'sim' (the simulator's, which `open_camera('sim')`
    sees through), or 'auto': the official one. It is never the simulator unless asked for by name: who
    meant a robot must hear that there is none.
    settings: RobotSettings; None: those which `jetbot-mlp calibrate` saved (the simulator's robot has none).
    Raises HardwareError when the package or the motor board is absent, SettingsError when the saved settings
    are damaged; then no wheel turns.
    """
    if name not in ROBOTS:
        raise ValueError(f"open_robot: expected {' or '.join(ROBOTS)}, found {name!r}")
    if name == "sim":
        settings = DEFAULTS if settings is None else settings
        robot = OfficialRobot(simulation().robot, "the simulator's robot")
    else:
        settings = load_settings() if settings is None else settings  # first: nothing is touched by bad ones
        robot = open_official_robot()
    wheels = settings._replace(camera_upside_down=False)
    return robot if wheels == DEFAULTS else CalibratedRobot(robot, settings)


def open_camera(name="auto", device=None, width=224, height=224, fps=30, upside_down=None):
    """-> a camera with value (uint8 (height, width, 3) BGR), observe, unobserve, start, stop, running, description.

    name: 'jetbot' (the robot's own; JETBOT_DEFAULT_CAMERA says which), 'gst' (its OpenCvGstCamera), 'zmq' (its
    ZmqCamera), 'usb' (the first webcam), 'usb:2' (webcam number 2), a video file, the URL of a stream, 'sim', or
    'auto': the robot's own, where there is the official package and it shows something, else a webcam.
    device: for 'usb', its number or a video's path. width, height: px, of webcams and videos.
    upside_down: None: as `jetbot-mlp calibrate` saved it; videos and the simulator stand upright.
    While the robot's camera is open it is handed out again: a second one would be refused.
    Raises HardwareError when there is none or it shows nothing, SettingsError when the saved settings are damaged.
    """
    kind, named = camera_named(name)
    device = named if device is None else device
    if kind == "sim":
        return OfficialCamera(_started_sim_camera, "the simulator's camera", bool(upside_down))
    if upside_down is None:
        upside_down = not isinstance(device, str) and load_settings().camera_upside_down
    if kind == "usb":
        numbers = [device] if device is not None else webcam_numbers() or [0]
        return _first([functools.partial(UsbCamera, n, width, height, fps, upside_down) for n in numbers])
    if kind == "auto":
        ways = [functools.partial(open_camera, "jetbot", upside_down=upside_down)]
        ways += [functools.partial(UsbCamera, n, width, height, fps, upside_down) for n in webcam_numbers()]
        return _first(ways)
    factory = official(CLASS_OF[kind])
    opened = OfficialCamera.opened
    if opened is not None and opened.running and opened.factory is factory:
        opened.upside_down = upside_down
        return opened
    return OfficialCamera(factory, f"the robot's own camera ({factory.__name__})", upside_down)


def camera_named(name):
    """-> (kind, device or None) of a camera's name. Raises ValueError for a name that says nothing."""
    if name in CAMERAS:
        return name, None
    number = re.match(r"usb:(\d{1,3})$", name)
    if number:
        return "usb", int(number.group(1))
    if "://" in name or os.path.isfile(name):
        return "usb", name
    raise ValueError(f"camera: expected {', '.join(CAMERAS)}, usb:NUMBER, a video file or a URL, found {name!r}")


def webcam_numbers():
    """Numbers of the video devices that may be webcams, in order.

    On a Jetson the robot's own camera is a video device too, but a raw one that OpenCV shows as noise; and
    a webcam's second device has no pictures, which shows when it is opened.
    """
    numbers = sorted(int(path[len("/dev/video"):]) for path in glob.glob("/dev/video[0-9]*")
                     if path[len("/dev/video"):].isdigit())
    if not os.path.isdir("/dev"):  # Windows: no way to look but to try
        return [0, 1]
    return [n for n in numbers if not _device_name(n).startswith("vi-output")]


def _device_name(number):
    try:
        with open(f"/sys/class/video4linux/video{number}/name", encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


def _first(ways):
    """The first camera that opens; its description says what refused before it."""
    refused = []
    for way in ways:
        try:
            camera = way()
        except HardwareError as error:
            refused.append(str(error))
        else:
            if refused:
                camera.description += f" (before it: {'; '.join(refused)})"
            return camera
    raise HardwareError(refused[0] if len(refused) == 1 else "camera: expected one that opens, found none: "
                        + "; ".join(refused))


@functools.lru_cache(maxsize=1)
def simulation(kind="road", seed=0):
    """The one Simulator whose robot and camera are opened as 'sim'."""
    from .simulator import EVALUATION_SEED_OFFSET, Simulator, make_world

    return Simulator(make_world(kind, EVALUATION_SEED_OFFSET + seed), seed)


def _started_sim_camera():
    camera = simulation().camera
    camera.start()
    return camera
