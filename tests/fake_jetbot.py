"""Imitates the official package jetbot 0.4.3 with its traps, on an imitated motor chip and camera.

Written from what the official classes do: traits that notify only on change and are changed even when
the write fails, Robot() without motion methods when no board answers, capture threads that are no
daemons and die of an observer's exception, one camera at a time.
"""
import atexit
import threading
import time
import types

import numpy as np
import traitlets
from traitlets.config.configurable import Configurable, SingletonConfigurable


class Chip:
    """What the wheels really do: -255 to 255 each. While `broken`, I2C writes raise."""

    def __init__(self):
        self.speed = {1: 0, 2: 0}
        self.enabled = True
        self.broken = set()  # channels
        self.writes = 0

    def write(self, channel, speed):
        self.writes += 1
        if channel in self.broken:
            raise OSError(121, "Remote I/O error")
        self.speed[channel] = max(-255, min(255, speed))

    def enable(self, on):
        """SparkFun: both bridges at once."""
        self.writes += 1
        if self.broken >= {1, 2}:
            raise OSError(121, "Remote I/O error")
        self.enabled = on

    @property
    def wheels(self):
        return (self.speed[1], self.speed[2]) if self.enabled else (0, 0)


def make_motor(chip, board):
    class Motor(Configurable):
        value = traitlets.Float()
        alpha = traitlets.Float(default_value=1.0).tag(config=True)
        beta = traitlets.Float(default_value=0.0).tag(config=True)

        def __init__(self, driver, channel, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.channel = channel

        @traitlets.observe("value")
        def _observe_value(self, change):
            self._write_value(change["new"])

        def _write_value(self, value):
            chip.write(self.channel, int(255 * (self.alpha * value + self.beta)))
            if board == "sparkfun":
                chip.enable(True)

        def _release(self):
            if board == "sparkfun":
                chip.enable(False)
            else:
                chip.write(self.channel, 0)

    return Motor


def make_robot(chip, board, motor_class):
    class Robot(SingletonConfigurable):
        left_motor = traitlets.Instance(motor_class)
        right_motor = traitlets.Instance(motor_class)

        if board is not None:
            def __init__(self, *args, **kwargs):
                super().__init__(*args, **kwargs)
                self.motor_driver = type("QwiicScmd" if board == "sparkfun" else "Adafruit_MotorHAT", (), {})()
                chip.speed = {1: 0, 2: 0}
                self.left_motor = motor_class(self.motor_driver, channel=1)
                self.right_motor = motor_class(self.motor_driver, channel=2)

            def set_motors(self, left_speed, right_speed):
                self.left_motor.value = left_speed
                self.right_motor.value = right_speed
                if board == "sparkfun":
                    chip.enable(True)

            def forward(self, speed=1.0, duration=None):
                if board == "sparkfun":  # past the traits
                    chip.write(1, int(speed * 255))
                    chip.write(2, int(speed * 255))
                    chip.enable(True)
                else:
                    self.set_motors(speed, speed)

            def stop(self):
                if board == "sparkfun":  # past the traits
                    chip.write(1, 0)
                    chip.write(2, 0)
                    chip.enable(False)
                else:
                    self.left_motor.value = 0
                    self.right_motor.value = 0

    return Robot


class Sensor:
    """The one camera sensor: whoever reads second is refused; unplugged: no more frames."""

    def __init__(self):
        self.owner = None
        self.unplugged = False
        self.dark = False
        self.hangs = False  # reads do not come back
        self.image = None  # shown instead of ever new ones
        self.count = 0

    def read(self):
        time.sleep(0.01)
        while self.hangs:
            time.sleep(0.01)
        if self.unplugged:
            return False, None
        self.count += 1
        if self.dark:
            return True, np.zeros((224, 224, 3), np.uint8)
        if self.image is not None:
            return True, self.image.copy()
        image = np.random.RandomState(self.count).randint(1, 200, (224, 224, 3)).astype(np.uint8)
        image[:112] += 50  # so that up can be told from down
        return True, image


class Capture:
    """What the official camera keeps of OpenCV's: releasing it gives the sensor back."""

    def __init__(self, sensor):
        self.sensor = sensor

    def release(self):
        self.sensor.owner = None


def make_gst_camera(sensor):
    class OpenCvGstCamera(traitlets.HasTraits):
        value = traitlets.Any()
        width = traitlets.Integer(default_value=224)
        height = traitlets.Integer(default_value=224)

        def __init__(self, *args, **kwargs):
            self.value = np.empty((self.height, self.width, 3), dtype=np.uint8)  # whatever was there
            super().__init__(*args, **kwargs)
            if sensor.owner is not None or sensor.unplugged:
                raise RuntimeError("Could not initialize camera.  Please see error trace.")
            self.value = sensor.read()[1]
            self.start()
            atexit.register(self.stop)

        @classmethod
        def instance(cls, *args, **kwargs):
            return cls(*args, **kwargs)  # a new one every time

        def _capture_frames(self):
            while sensor.owner is self:
                good, image = sensor.read()
                if not good:
                    break
                self.value = image

        def start(self):
            sensor.owner = self
            self.cap = Capture(sensor)
            if not hasattr(self, "thread") or not self.thread.isAlive():  # gone since Python 3.9
                self.thread = threading.Thread(target=self._capture_frames)
                self.thread.start()

        def stop(self):
            self.cap.release()
            if hasattr(self, "thread"):
                self.thread.join()

    return OpenCvGstCamera


def make_zmq_camera(sensor):
    class ZmqCamera(traitlets.HasTraits):
        value = traitlets.Any(default_value=np.zeros((224, 224, 3), dtype=np.uint8))

        def __init__(self, *args, **kwargs):
            self._running = False
            self.start()
            atexit.register(self.stop)

        def __del__(self):
            self.stop()

        def _run(self):
            while self._running:
                good, image = sensor.read()
                while not good:  # nothing published: recv blocks
                    good, image = sensor.read()
                image.setflags(write=False)  # a view of the message
                self.value = image

        def start(self):
            if not self._running:
                self._running = True
                self._thread = threading.Thread(target=self._run)
                self._thread.start()

        def stop(self):
            if self._running:
                self._running = False
                self._thread.join()

    return ZmqCamera


def make_jetbot(board="adafruit", camera="gst"):
    """-> a module for sys.modules['jetbot'], with the chip and the sensor to look at and to break."""
    module = types.ModuleType("jetbot")
    module.chip, module.sensor = Chip(), Sensor()
    module.Motor = make_motor(module.chip, board)
    module.Robot = make_robot(module.chip, board, module.Motor)
    module.Camera = (make_gst_camera if camera == "gst" else make_zmq_camera)(module.sensor)
    for c in (module.Motor, module.Robot, module.Camera):
        c.__module__ = "jetbot." + c.__name__.lower()
    return module
