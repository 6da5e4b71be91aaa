"""The last second of what the camera saw, for whoever says afterwards: that was wrong.

A ring of copies: one memcpy of 150 kB for each frame that is kept, some 20 us on a laptop, and at most
`seconds` * `rate_hz` frames of memory (1.5 MB for ten of 224 x 224).
"""
import threading
import time
from collections import deque

import numpy as np

from .messages import Frame


class RecentFrames:
    """Keeps the frames of the last `seconds`, at most `rate_hz` of them a second.

    Neighbours at 30 frames a second are twins, and teach no more than one of them; hence 10 a second.
    clock: () -> s. Feed it from a camera (`watch`), from a driver (`on_step`), or by hand (`add`).
    """

    def __init__(self, seconds=1.0, rate_hz=10.0, clock=time.monotonic):
        if not (seconds > 0 and rate_hz > 0):
            raise ValueError(f"expected seconds and rate_hz above 0, found {seconds!r} and {rate_hz!r}")
        self.seconds, self.rate_hz, self._clock = float(seconds), float(rate_hz), clock
        self._ring = deque(maxlen=int(np.ceil(self.seconds * self.rate_hz)) + 1)
        self._lock = threading.Lock()  # a ring that grows while it is read raises
        self._camera = None
        self._sequence = 0

    def add(self, image, stamp=None):
        """Copy a picture, uint8 (H, W, 3) BGR, unless the last one is too young; stamp: s, of the clock."""
        stamp = self._clock() if stamp is None else stamp
        with self._lock:
            if self._ring and 0 <= stamp - self._ring[-1].stamp < 0.99 / self.rate_hz:  # 0.99: clocks jitter
                return
            self._ring.append(Frame(image.copy(), stamp, self._sequence))
            self._sequence += 1

    def frames(self):
        """The frames of the last `seconds` before the newest one, oldest first: list of `Frame`."""
        with self._lock:
            ring = list(self._ring)
        return [frame for frame in ring if ring[-1].stamp - frame.stamp <= self.seconds]

    def clear(self):
        """Forget them, so that nothing is kept twice."""
        with self._lock:
            self._ring.clear()

    def watch(self, camera):
        """From now on, what this camera sees (value, observe, unobserve). Returns self."""
        self.unwatch()
        camera.observe(self._on_frame, names="value")
        self._camera = camera
        return self

    def unwatch(self):
        """No longer."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.unobserve(self._on_frame, names="value")

    def on_step(self, step):
        """For `Driver(on_step=...)`: what the driver answered."""
        self.add(step.frame.image, step.frame.stamp)

    def _on_frame(self, change):
        image = change["new"]
        if isinstance(image, np.ndarray) and image.ndim == 3:  # an observer must not raise: it would end the camera
            self.add(image)
