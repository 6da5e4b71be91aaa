"""Draws on a frame what the robot made of it: for the notebook, the replay video and the report."""
import math

import cv2
import numpy as np

from .control import all_finite, road_angle
from .messages import CollisionPrediction, RoadPrediction

# BGR
GREEN, RED, YELLOW = (80, 200, 60), (60, 60, 230), (40, 220, 250)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
FONT = cv2.FONT_HERSHEY_SIMPLEX


def draw(image, predictions=(), command=None, age_s=None, text=None, scale=1):
    """A new picture; `image` is not touched.

    image: uint8 (H, W, 3) BGR. predictions: what the predictors said, in any order. command: WheelCommand
    as written. age_s: of the frame, s. text: one more line, such as the reason of a stop.
    scale: whole number that enlarges the picture first, so that small frames carry readable text.
    Returns uint8 (H * scale, W * scale, 3) BGR. Nothing finite is required of the numbers.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ValueError(f"draw: expected an uint8 (H, W, 3) image, found {found}; give Frame.image")
    picture = np.ascontiguousarray(image.repeat(scale, axis=0).repeat(scale, axis=1))
    lines = []
    for prediction in predictions:
        if isinstance(prediction, RoadPrediction):
            _draw_road(picture, prediction)
            lines.append(f"x {prediction.x:+.2f} y {prediction.y:+.2f}")
        elif isinstance(prediction, CollisionPrediction):
            _draw_blocked(picture, prediction.prob_blocked)
            lines.append(f"P(blocked) {prediction.prob_blocked:.2f}")
    if command is not None:
        _draw_wheels(picture, command)
        lines.append(f"wheels {command.left:+.2f} {command.right:+.2f}")
    if age_s is not None:
        lines.append(f"age {age_s * 1000.0:.0f} ms")
    if text:
        lines.append(str(text))
    _write(picture, lines)
    return picture


def _draw_road(picture, prediction):
    """The target point, and the steering arrow: as the controller takes it, up is straight on."""
    if not all_finite(prediction):
        return
    height, width = picture.shape[:2]
    # keep far-off targets drawable: OpenCV takes 32-bit integers
    x, y = (min(max(v, -4.0), 4.0) for v in (prediction.x, prediction.y))
    target = int(round((x + 1.0) / 2.0 * (width - 1))), int(round((y + 1.0) / 2.0 * (height - 1)))
    cv2.circle(picture, target, max(width // 28, 3), GREEN, max(width // 112, 1), cv2.LINE_AA)
    angle, length = road_angle(prediction.x, prediction.y), height * 0.3
    foot = width // 2, height - 1
    tip = int(round(foot[0] + length * math.sin(angle))), int(round(foot[1] - length * math.cos(angle)))
    cv2.arrowedLine(picture, foot, tip, YELLOW, max(width // 112, 1), cv2.LINE_AA, 0, 0.2)


def _draw_blocked(picture, prob_blocked):
    """A bar at the right edge, as high as P(blocked); red from 0.5 on."""
    if not all_finite(prob_blocked):
        return
    height, width = picture.shape[:2]
    left, filled = width - max(width // 20, 3), int(round(min(max(prob_blocked, 0.0), 1.0) * height))
    cv2.rectangle(picture, (left, 0), (width - 1, height - 1), BLACK, 1)
    if filled:
        color = RED if prob_blocked >= 0.5 else GREEN
        cv2.rectangle(picture, (left, height - filled), (width - 1, height - 1), color, -1)


def _draw_wheels(picture, command):
    """Two bars beside the arrow's foot: up is forward, full speed is a quarter of the height."""
    height, width = picture.shape[:2]
    thick, middle = max(width // 40, 2), int(height * 0.75)
    for speed, center in ((command.left, int(width * 0.4)), (command.right, int(width * 0.6))):
        cv2.line(picture, (center - thick, middle), (center + thick, middle), WHITE, 1)
        if all_finite(speed):
            tip = middle - int(round(min(max(speed, -1.0), 1.0) * height * 0.25))
            cv2.line(picture, (center, middle), (center, tip), WHITE, thick)


def _write(picture, lines):
    """White with a black shadow, readable on any floor."""
    size = picture.shape[1] / 224.0 * 0.4
    for row, line in enumerate(lines):
        x, y = max(picture.shape[1] // 50, 1), int((row + 1) * size * 32)
        for color, shift in ((BLACK, 1), (WHITE, 0)):  # not a thicker edge: OpenCV 5 spaces bold wider
            cv2.putText(picture, line, (x + shift, y + shift), FONT, size, color, 1, cv2.LINE_AA)
