"""What flows from the camera to the wheels: four plain tuples.

``stamp`` is everywhere the time at which the *frame* was taken (seconds on the driver's
monotonic clock), so the age of a command is the age of what the robot saw, all the way down.
"""
from typing import NamedTuple

import numpy as np

#: names of each task's classes, in the order of the network's outputs; road has none
CLASSES = {"collision": ("blocked", "free"), "mnist": tuple("0123456789")}


class Frame(NamedTuple):
    """One camera picture."""

    image: np.ndarray  #: uint8 (H, W, 3), BGR
    stamp: float  #: s, monotonic clock
    sequence: int  #: counts the frames of one camera, from 0


class CollisionPrediction(NamedTuple):
    """Is the way ahead blocked?"""

    prob_blocked: float  #: 0 (free) to 1 (blocked)
    stamp: float  #: s, of the frame


class RoadPrediction(NamedTuple):
    """Where on the picture the road goes: the target point."""

    x: float  #: -1 (left edge) to 1 (right edge)
    y: float  #: -1 (top edge) to 1 (bottom edge)
    stamp: float  #: s, of the frame


class DigitPrediction(NamedTuple):
    """Which digit is on the picture (the MNIST exercise)."""

    digit: int  #: 0 to 9
    probability: float  #: of that digit, 0 to 1
    stamp: float  #: s, of the frame


class WheelCommand(NamedTuple):
    """How fast each wheel turns, as a share of full speed; + is forward."""

    left: float  #: -1 to 1
    right: float  #: -1 to 1
    stamp: float  #: s, of the frame it answers


def no_picture(image):
    """None when image is a camera's picture, uint8 (H, W, 3) and not empty; else what was found, in words."""
    if not isinstance(image, np.ndarray):
        return type(image).__name__
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or image.size == 0:
        return f"{image.dtype} {image.shape}"
    return None


def in_words(prediction):
    """A prediction for people, short enough for a small picture."""
    if isinstance(prediction, RoadPrediction):
        return f"x {prediction.x:+.2f} y {prediction.y:+.2f}"
    if isinstance(prediction, CollisionPrediction):
        return f"P(blocked) {prediction.prob_blocked:.2f}"
    return " ".join(f"{name} {value:.2f}" for name, value in prediction._asdict().items() if name != "stamp")
