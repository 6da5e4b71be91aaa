"""Draws on a frame what the robot made of it: for the notebook, the replay video and the report."""
import math
import textwrap

import cv2
import numpy as np

from .control import all_finite, road_angle
from .messages import CollisionPrediction, RoadPrediction, in_words, no_picture

# BGR
GREEN, RED, YELLOW = (80, 200, 60), (60, 60, 230), (40, 220, 250)
WHITE, BLACK = (255, 255, 255), (0, 0, 0)
BLUE, ORANGE = (255, 190, 90), (40, 150, 255)  # two models at once; the colour-blind tell them apart, too
FONT = cv2.FONT_HERSHEY_SIMPLEX
LINE_CHARACTERS = 32  # of any picture's width


def draw(image, predictions=(), command=None, age_s=None, text=None, scale=1):
    """A new picture; `image` is not touched.

    image: uint8 (H, W, 3) BGR. predictions: what the predictors said, in any order. command: WheelCommand
    as written. age_s: of the frame, s. text: one more line, such as the reason of a stop.
    scale: whole number that enlarges the picture first, so that small frames carry readable text.
    Returns uint8 (H * scale, W * scale, 3) BGR. Nothing finite is required of the numbers.
    """
    picture = _enlarged(image, scale)
    lines = []
    for prediction in predictions:
        _draw_prediction(picture, prediction)
        lines.append((in_words(prediction), WHITE))
    if command is not None:
        _draw_wheels(picture, command)
    _write(picture, lines + _more_lines(command, age_s, text))
    return picture


def draw_both(image, old, new, names=("recorded", "new"), command=None, text=None):
    """What two models made of one frame, each in its colour, with a legend; else as `draw`.

    old, new: their predictions; names: for the legend, short.
    """
    picture = _enlarged(image, 1)
    lines = []
    for column, (predictions, name, color) in enumerate(((old, names[0], BLUE), (new, names[1], ORANGE))):
        for prediction in predictions:
            _draw_prediction(picture, prediction, color, column)
            lines.append((f"{name} {in_words(prediction)}", color))
    if command is not None:
        _draw_wheels(picture, command)
    _write(picture, lines + _more_lines(command, None, text))
    return picture


def _enlarged(image, scale):
    found = no_picture(image)
    if found is not None:
        raise ValueError(f"draw: expected an uint8 (H, W, 3) image, found {found}; give Frame.image")
    return np.ascontiguousarray(image.repeat(scale, axis=0).repeat(scale, axis=1))


def _more_lines(command, age_s, text):
    lines = []
    if command is not None:
        lines.append(f"wheels {command.left:+.2f} {command.right:+.2f}")
    if age_s is not None:
        lines.append(f"age {age_s * 1000.0:.0f} ms")
    if text:
        lines += textwrap.wrap(str(text), LINE_CHARACTERS)
    return [(line, WHITE) for line in lines]


def _draw_prediction(picture, prediction, color=None, column=0):
    """color: BGR of all of it, or None: by its meaning; column: of the bar, from the right edge."""
    if isinstance(prediction, RoadPrediction):
        _draw_road(picture, prediction, color or GREEN, color or YELLOW)
    elif isinstance(prediction, CollisionPrediction):
        _draw_blocked(picture, prediction.prob_blocked, color, column)


def _draw_road(picture, prediction, target_color, arrow_color):
    """The target point, and the steering arrow: as the controller takes it, up is straight on."""
    if not all_finite(prediction):
        return
    height, width = picture.shape[:2]
    # keep far-off targets drawable: OpenCV takes 32-bit integers
    x, y = (min(max(v, -4.0), 4.0) for v in (prediction.x, prediction.y))
    target = int(round((x + 1.0) / 2.0 * (width - 1))), int(round((y + 1.0) / 2.0 * (height - 1)))
    cv2.circle(picture, target, max(width // 28, 3), target_color, max(width // 112, 1), cv2.LINE_AA)
    angle, length = road_angle(prediction.x, prediction.y), height * 0.3
    foot = width // 2, height - 1
    tip = int(round(foot[0] + length * math.sin(angle))), int(round(foot[1] - length * math.cos(angle)))
    cv2.arrowedLine(picture, foot, tip, arrow_color, max(width // 112, 1), cv2.LINE_AA, 0, 0.2)


def _draw_blocked(picture, prob_blocked, color, column):
    """A bar at the right edge, as high as P(blocked); red from 0.5 on, unless it has a colour of its own."""
    if not all_finite(prob_blocked):
        return
    height, width = picture.shape[:2]
    thick, filled = max(width // 20, 3), int(round(min(max(prob_blocked, 0.0), 1.0) * height))
    left, right = width - thick * (column + 1), width - thick * column - 1
    cv2.rectangle(picture, (left, 0), (right, height - 1), BLACK, 1)
    if filled:
        color = color or (RED if prob_blocked >= 0.5 else GREEN)
        cv2.rectangle(picture, (left, height - filled), (right, height - 1), color, -1)


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
    """lines: (text, BGR), with a black shadow, readable on any floor."""
    size = picture.shape[1] / 224.0 * 0.4
    for row, (line, line_color) in enumerate(lines):
        x, y = max(picture.shape[1] // 50, 1), int((row + 1) * size * 32)
        for color, shift in ((BLACK, 1), (line_color, 0)):  # not a thicker edge: OpenCV 5 spaces bold wider
            cv2.putText(picture, line, (x + shift, y + shift), FONT, size, color, 1, cv2.LINE_AA)
