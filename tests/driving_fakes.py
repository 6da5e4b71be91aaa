"""A robot, a camera and a clock that can be broken at will."""
import threading
import time

import numpy as np

from jetbot_mlp.messages import RoadPrediction


class FakeRobot:
    """Remembers what its wheels do. While `broken` every write raises, as I2C does, and changes nothing."""

    def __init__(self):
        self.wheels = (0.0, 0.0)
        self.log = []  # (wall time s, left, right)
        self.stop_calls = 0
        self.broken = False
        self.hang = None  # a threading.Event that set_motors waits for, if its speeds are not zero

    def _write(self, left, right):
        if self.broken:
            raise OSError(121, "Remote I/O error")
        if self.hang is not None and (left or right):
            self.hang.wait(5.0)
        self.wheels = (left, right)
        self.log.append((time.monotonic(), left, right))

    def set_motors(self, left, right):
        assert type(left) is float and type(right) is float
        self._write(left, right)

    def stop(self):
        self.stop_calls += 1
        self._write(0.0, 0.0)

    @property
    def moving(self):
        return self.wheels != (0.0, 0.0)


class SentRobot:
    """Remembers all that was sent to its motors, in order. While `broken` it raises, as I2C does."""

    def __init__(self):
        self.sent = []  # (left, right)
        self.broken = False

    def set_motors(self, left, right):
        if self.broken:
            raise OSError("I2C")
        self.sent.append((left, right))

    def stop(self):
        self.set_motors(0.0, 0.0)

    @property
    def turning(self):
        return bool(self.sent) and self.sent[-1] != (0.0, 0.0)


class FakeCamera:
    """`show` delivers a frame as the official camera does: observers run in the thread that delivers."""

    def __init__(self):
        self.value = None
        self.observers = []
        self.seed = 0
        self.last_fresh = None  # wall time s of the last frame that was a new one
        self._running = False
        self._thread = None
        self.frozen = False

    def observe(self, f, names="value"):
        assert names == "value"
        self.observers.append(f)

    def unobserve(self, f, names="value"):
        self.observers.remove(f)

    def picture(self):
        self.seed += 1
        return np.random.RandomState(self.seed).randint(50, 200, (224, 224, 3)).astype(np.uint8)

    def show(self, image=None):
        if image is None:
            image = self.picture()
            self.last_fresh = time.monotonic()
        self.value = image
        for f in list(self.observers):
            f({"name": "value", "new": image})

    def run(self, hz=30.0):
        def loop():
            while self._running:
                self.show(self.value.copy() if self.frozen else None)
                time.sleep(1.0 / hz)

        self._running = True
        self._thread = threading.Thread(target=loop, daemon=True)
        self._thread.start()

    def end(self):
        self._running = False
        if self._thread is not None:
            self._thread.join()


class FakeClock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def straight_on(frame):
    return RoadPrediction(0.0, 0.0, frame.stamp)


def wait_until(condition, timeout=3.0):
    """True as soon as condition() is; False after timeout s."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.002)
    return bool(condition())


def wait_for(condition, timeout=3.0):
    """Until condition() is; the test fails when it is not after timeout s."""
    assert wait_until(condition, timeout)
