"""The real robot and real cameras. The only module that imports `jetbot`, and only when asked to.

The official classes (jetbot 0.4.3) have traps that no documentation names; each is worked round here,
with the reason beside it. What comes out is plain: a robot whose every `set_motors` and `stop` really
writes, or raises; a camera whose thread never keeps the program from ending.
"""
import importlib
import logging
import threading
import time

import cv2
import numpy as np
import traitlets

from jetbot_mlp.errors import HardwareError

NO_BOARD = (
    'robot: expected a motor board on I2C at 0x60 (Adafruit, Waveshare) or 0x5d (SparkFun), found none; '
    'check battery and cable, then restart the program (jetbot looks only once, when it is imported)'
)
CAMERA_OPEN_S = 30.0  # s, until the camera class is there
CAMERA_WAIT_S = 3.0  # s, from then to the first picture
CAMERA_STOP_S = 2.0  # s, ZmqCamera.stop() can block for ever


def open_robot(name='jetbot'):
    """-> OfficialRobot. Raises HardwareError when the package or the motor board is absent."""
    if name != 'jetbot':
        raise ValueError(f"open_robot: expected 'jetbot', found {name!r}; for the simulator use jetbot_mlp.simulator")
    robot_class = _import_jetbot().Robot
    try:
        # instance(): a second Robot() would zero the chip while the first one's traits keep their values
        robot = robot_class.instance() if hasattr(robot_class, 'instance') else robot_class()
    except Exception as error:
        raise HardwareError(f'robot: expected jetbot.Robot() to start, found {type(error).__name__}: {error}; '
                            'check battery and motor board') from error
    return OfficialRobot(robot)


def open_camera(name='jetbot', device=0, width=224, height=224, fps=30):
    """-> a camera with value (uint8 (height, width, 3) BGR), observe, unobserve, start, stop.

    name: 'jetbot' (the robot's own) or 'usb' (any webcam; device: its number, or a video file's path).
    While the robot's camera is open it is handed out again: a second one would be refused.
    Raises HardwareError when there is none or it shows nothing.
    """
    if name == 'usb':
        return UsbCamera(device, width, height, fps)
    if name != 'jetbot':
        raise ValueError(f"open_camera: expected 'jetbot' or 'usb', found {name!r}; "
                         'for the simulator use jetbot_mlp.simulator')
    open_one = OfficialCamera.opened
    if open_one is not None and open_one.running:
        return open_one
    return OfficialCamera(_import_jetbot().Camera)


def adapt_robot(robot):
    """The robot itself; or an OfficialRobot around a bare jetbot.Robot, whose stop() may write nothing."""
    for name in ('set_motors', 'stop'):
        if not callable(getattr(robot, name, None)):
            if type(robot).__module__.split('.')[0] == 'jetbot':
                raise HardwareError(NO_BOARD)
            raise ValueError(f'robot: expected set_motors(left, right) and stop(), found {type(robot).__name__} '
                             f'without {name}; use open_robot()')
    motors = [getattr(robot, side, None) for side in ('left_motor', 'right_motor')]
    bare = not isinstance(robot, OfficialRobot) and all(hasattr(m, '_write_value') for m in motors)
    return OfficialRobot(robot) if bare else robot


class OfficialRobot:
    """jetbot.Robot, obeying: every write reaches the chip or raises.

    Raises HardwareError when robot has no motion methods: that is how jetbot says "no board found".
    """

    def __init__(self, robot):
        if not callable(getattr(robot, 'set_motors', None)):
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
        values = [float(speed) for _, speed in speeds]  # the trait refuses np.float32, 0-d arrays and np.int64
        if not np.isfinite(values).all():
            # NaN and inf raise only after the trait has changed, and the old PWM would stay
            raise ValueError(f'set_motors: expected finite speeds, found {values}')
        errors = []
        for (motor, _), value in zip(speeds, values):
            try:
                self._write(motor, min(max(value, -1.0), 1.0))
            except Exception as error:  # the other motor must be tried all the same
                errors.append(f'{type(error).__name__}: {error}')
        if last is not None:
            try:
                last()
            except Exception as error:
                errors.append(f'{type(error).__name__}: {error}')
        if errors:
            raise HardwareError(f"motors: expected the board to obey, found {'; '.join(errors)}; check the battery")

    @staticmethod
    def _write(motor, value):
        # A trait notifies only when it changes, and a write that failed has changed it all the same:
        # where the trait says so already, write past it.
        if motor.value != value:
            motor.value = value
        elif hasattr(motor, '_write_value'):
            motor._write_value(value)
        else:
            motor.value = value + 1e-4  # rounds to the same PWM
            motor.value = value
        if value == 0.0 and getattr(motor, 'beta', 0.0):
            motor._release()  # an offset (beta) turns the wheel even at zero


class OfficialCamera(traitlets.HasTraits):
    """jetbot.Camera (OpenCvGstCamera or ZmqCamera) with an end.

    factory: the class (called, or its instance() if it has one). Its capture thread is no daemon and would keep
    a finished script alive with the wheels turning; a thread inherits that from the thread which starts
    it, so the camera is opened in a daemon.
    """

    opened = None  # the one open camera of this process: argus refuses a second one
    value = traitlets.Any()

    def __init__(self, factory):
        super().__init__()
        opening = getattr(factory, 'instance', factory)
        self.camera = _in_daemon(opening, CAMERA_OPEN_S)
        self._latest = self.value = getattr(self.camera, 'value', None)
        self._open()

    @property
    def running(self):
        """True while the capture thread lives (it ends without a word when the camera is unplugged)."""
        thread = self._capture_thread()
        return thread is not None and thread.is_alive()

    @property
    def width(self):
        """px; ZmqCamera has no width of its own."""
        return self.value.shape[1]

    @property
    def height(self):
        """px."""
        return self.value.shape[0]

    def start(self):
        """Start again after `stop`; nothing while running."""
        if self.running:
            return
        # The official start() asks thread.isAlive(), gone since Python 3.9, unless there is no thread attribute.
        for name in ('thread', '_thread'):
            if name in vars(self.camera):
                delattr(self.camera, name)
        if hasattr(self.camera, '_running'):
            self.camera._running = False
        self._latest = None
        _in_daemon(self.camera.start, CAMERA_OPEN_S)
        self._open()

    def stop(self):
        """Stop capturing. Returns within CAMERA_STOP_S, also inside an observer."""
        try:
            self.camera.unobserve(self._pass_on, names='value')
        except ValueError:
            pass  # stopped before
        if OfficialCamera.opened is self:
            OfficialCamera.opened = None
        inside = threading.current_thread() is self._capture_thread()  # the official stop() would join itself
        try:
            _in_daemon(self.camera.stop, 0.0 if inside else CAMERA_STOP_S)
        except HardwareError:
            if not inside:
                logging.getLogger(__name__).warning('camera: stop() did not come back; its thread is left behind')

    def _capture_thread(self):
        return getattr(self.camera, 'thread', None) or getattr(self.camera, '_thread', None)

    def _open(self):
        self.camera.observe(self._pass_on, names='value')
        OfficialCamera.opened = self
        try:
            _wait_for_picture(lambda: self._latest)
        except HardwareError:
            self.stop()
            raise

    def _pass_on(self, change):
        self._latest = change['new']
        try:
            self.value = self._latest
        except Exception:  # raised by an observer; it would end the official capture thread without a word
            logging.getLogger(__name__).exception('camera: an observer raised')


class UsbCamera(traitlets.HasTraits):
    """Any camera that OpenCV opens, or a video file at its own pace.

    The picture is scaled to width x height without keeping the aspect, as the official camera does.
    """

    value = traitlets.Any()

    def __init__(self, device=0, width=224, height=224, fps=30):
        super().__init__()
        self.device, self.width, self.height, self.fps = device, width, height, fps
        self._ending = True
        self._thread = None
        self._latest = None
        self.start()

    @property
    def running(self):
        """True while frames may come."""
        return self._thread is not None and self._thread.is_alive()

    def start(self):
        """Start again after `stop`; nothing while running. Raises HardwareError when there is no picture."""
        if self.running:
            return
        capture = cv2.VideoCapture(self.device)
        if not capture.isOpened():
            capture.release()
            raise HardwareError(f'camera: expected a webcam or video at {self.device!r}, found none; plug it in, close '
                                'other programs that use it, or name another number')
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # a queue of frames is a queue of old frames
        self._ending = False
        self._latest = None
        self._thread = threading.Thread(target=self._run, args=(capture,), name='usb-camera', daemon=True)
        self._thread.start()
        try:
            _wait_for_picture(lambda: self._latest)
        except HardwareError:
            self.stop()
            raise

    def stop(self):
        """Stop capturing and give the device back. Also inside an observer."""
        self._ending = True
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(CAMERA_STOP_S)

    def _run(self, capture):
        pause_s = 1.0 / (capture.get(cv2.CAP_PROP_FPS) or self.fps) if isinstance(self.device, str) else 0.0
        try:
            while not self._ending:
                good, image = capture.read()
                if not good:
                    break
                self._latest = cv2.resize(image, (self.width, self.height), interpolation=cv2.INTER_AREA)
                try:
                    self.value = self._latest
                except Exception:  # raised by an observer
                    logging.getLogger(__name__).exception('camera: an observer raised')
                time.sleep(pause_s)
        finally:
            capture.release()


def _import_jetbot():
    try:
        return importlib.import_module('jetbot')
    except Exception as error:  # it scans I2C and loads torch and TensorRT: anything may be raised
        raise HardwareError(
            f'jetbot: expected the official package, found {type(error).__name__}: {error}; '
            "run inside the robot's container, or use the simulator (--sim)"
        ) from error


def _in_daemon(function, timeout):
    """function() in a daemon thread. Returns what it returns; raises HardwareError for what it raises, or
    when it is not done after timeout s (None: wait)."""
    result = []

    def run():
        try:
            result.append((function(), None))
        except BaseException as error:
            result.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(timeout)
    if not result:
        raise HardwareError(f'camera: expected an answer within {timeout:g} s, found none; restart the container')
    value, error = result[0]
    if error is not None:
        raise HardwareError(
            f'camera: expected it to obey, found {type(error).__name__}: {error}; shut down other notebooks that '
            'use it, else run: sudo systemctl restart nvargus-daemon'
        ) from error
    return value


def _wait_for_picture(latest):
    """Wait until latest() is a picture that is not quite black (ZmqCamera begins with black)."""
    deadline = time.monotonic() + CAMERA_WAIT_S
    while not (isinstance(latest(), np.ndarray) and latest().any()):
        if time.monotonic() > deadline:
            raise HardwareError(f'camera: expected a picture within {CAMERA_WAIT_S:g} s, found '
                                f"{'none' if latest() is None else 'only black'}; check cap and cable, and, for "
                                'zmq_camera, that the camera container runs')
        time.sleep(0.01)
