"""Is this frame worth saving? Black, frozen, blurred, or nearly the same as one that is saved already.

*Blurred* is told as in Crete et al. 2007 (The blur effect, Proc. SPIE 6492): the picture is blurred once more, along
x and along y, and where that changes little, it was blurred before. No threshold on edges themselves would do: a bare
floor has few, sharp as it is. On 2206 real frames (six sets of JetBot owners) the measure is 0.14 to 0.32, on
simulated ones up to 0.377, so BLURRED = 0.38 calls none of them blurred; of the same real frames smeared sideways by
9 px, as a turning robot does it, it finds 99 %, by 5 px 91 %, out of focus by 2 px 99 %. Less does no harm: the
network sees the picture at half its size.
*Near-twins* are those of `near_twins`. *Frozen* is a picture that comes again byte for byte: a live camera's noise is
never the same twice.
"""
from collections import deque

import cv2
import numpy as np

from .near_twins import NEAR, thumbnails

BLACK_LEVEL = 4.0  # mean of 0..255, as the driver has it: cap on, sensor dead, zmq's first frame
BLURRED = 0.38  # of `blur`
FROZEN_S = 0.5  # s, after which a picture that does not change is called frozen; a camera takes 30 a second
_WINDOW = 9  # px, of the second blur
_EMPTY_EDGE = 0.3  # mean step from pixel to pixel, of 0..255, below which there is nothing to be sharp


def why_not_to_save(image, still_s=0.0):
    """-> '' or why saving this picture makes no sense, for people.

    image: uint8 (H, W, 3) BGR, or None; still_s: s since the picture changed (`FrozenWatch`).
    """
    if not (isinstance(image, np.ndarray) and image.dtype == np.uint8 and image.ndim == 3 and image.size
            and image.shape[2] == 3):
        return "no picture: start the camera"
    if still_s > FROZEN_S:
        return f"the picture is frozen for {still_s:.1f} s: restart the camera"
    if float(np.mean(image)) < BLACK_LEVEL:
        return "the picture is black: take the cap off, or restart the camera"
    return ""


def blur(image):
    """How blurred a frame is, from 0 (sharp) to 1: the worse of both directions; image: uint8 (H, W, 3) BGR.

    A picture of nothing at all (one colour) counts as 0, sharp: there is no edge that could be blurred.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32)
    worst = 0.0
    for axis, window in ((1, (_WINDOW, 1)), (0, (1, _WINDOW))):
        steps = np.abs(np.diff(grey, axis=axis))
        total = float(steps.sum())
        if total < _EMPTY_EDGE * steps.size:
            continue
        after = np.abs(np.diff(cv2.blur(grey, window), axis=axis))
        lost = float(np.maximum(steps - after, 0.0).sum())
        worst = max(worst, 1.0 - lost / total)
    return worst


class FrozenWatch:
    """Tells a camera whose picture stands still from one that looks at a still room. clock: () -> s."""

    def __init__(self, clock):
        self._clock = clock
        self._last, self._changed = None, None

    def look(self, image):
        """At the newest frame, before each question; None, as cameras begin with, is no frame."""
        if image is not None and (self._last is None or not np.array_equal(self._last, image)):
            self._last, self._changed = image.copy(), self._clock()

    @property
    def still_s(self):
        """s since the picture changed; 0 before the first."""
        return 0.0 if self._changed is None else self._clock() - self._changed


class TwinWatch:
    """Finds near-twins among the frames saved last; most: how many are remembered, 3 kB each."""

    def __init__(self, most=1000):
        self._most = most
        self._names, self._regions = deque(), deque()

    @property
    def names(self):
        """Of all frames remembered."""
        return tuple(self._names)

    def add(self, name, image):
        """image: uint8 (H, W, 3), of any size."""
        if len(self._names) >= self._most:
            self._names.popleft()
            self._regions.popleft()
        self._names.append(name)
        self._regions.append(thumbnails([image])[0])

    def discard(self, name):
        """The frame is gone; nothing when it never was there."""
        if name in self._names:
            index = self._names.index(name)
            del self._names[index]
            del self._regions[index]

    def twin_of(self, image, near=NEAR):
        """-> name of the nearest near-twin, or None."""
        if not self._names:
            return None
        difference = np.array(self._regions) - thumbnails([image])
        distance = np.sqrt(np.mean(difference * difference, axis=2).max(axis=1))
        nearest = int(np.argmin(distance))
        return self._names[nearest] if distance[nearest] < near else None
