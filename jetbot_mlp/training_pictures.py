"""Pictures of a training for a notebook, drawn with OpenCV: the robot has no matplotlib."""
import cv2
import numpy as np

from .evaluation import off_px, worst_first
from .messages import CollisionPrediction, RoadPrediction
from .overlay import draw
from .report_pictures import image_tag

# BGR, legible on white, told apart by the colour-blind
LEARNT, HELD_OUT = (193, 98, 29), (20, 105, 217)
INK, GRID, PAPER = (60, 50, 40), (228, 224, 220), (255, 255, 255)
LABEL = (80, 220, 60)  # of the ring where the label is
FONT = cv2.FONT_HERSHEY_SIMPLEX
LEFT, RIGHT, TOP, BOTTOM = 52, 18, 34, 34  # px around the curves


def curves_picture(title, curves, width=420, height=260, unit=""):
    """Curves over the epochs.

    curves: list of (name, values, BGR); values: list of float, one an epoch, from epoch 1 on; NaN and None leave a
    gap; unit: written at the highest tick. Returns uint8 (height, width, 3) BGR.
    """
    picture = np.full((height, width, 3), PAPER, np.uint8)
    series = [(name, np.array(values, dtype=np.float64), color) for name, values, color in curves]
    finite = np.concatenate([values[np.isfinite(values)] for _, values, _ in series] + [np.zeros(0)])
    top = _round_up(finite.max()) if len(finite) and finite.max() > 0 else 1.0
    low = _round_up(-finite.min()) * -1.0 if len(finite) and finite.min() < 0 else 0.0
    n = max([len(values) for _, values, _ in series] + [2])

    def place(epoch, value):
        x = LEFT + (width - LEFT - RIGHT) * (epoch - 1) / (n - 1)
        y = height - BOTTOM - (height - TOP - BOTTOM) * (value - low) / (top - low)
        return int(round(16 * x)), int(round(16 * y))  # in sixteenths of a px

    for value in np.linspace(low, top, 5):
        (x0, y), (x1, _) = place(1, value), place(n, value)
        cv2.line(picture, (x0, y), (x1, y), GRID, 1, cv2.LINE_AA, 4)
        text = "%.3g%s" % (value, unit if value == top else "")
        (text_width, text_height), _ = cv2.getTextSize(text, FONT, 0.38, 1)
        _write(picture, text, (LEFT - 6 - text_width, y // 16 + text_height // 2), 0.38)
    for epoch in sorted({1, (n + 1) // 2, n}):
        _write(picture, str(epoch), (place(epoch, low)[0] // 16 - 4 * len(str(epoch)), height - BOTTOM + 15), 0.38)
    _write(picture, "epoch", (LEFT, height - 6), 0.38)
    _write(picture, title, (8, 18), 0.45)
    x = width - RIGHT
    for name, values, color in reversed(series):
        if not len(values):
            continue
        x -= cv2.getTextSize(name, FONT, 0.4, 1)[0][0]
        _write(picture, name, (x, 18), 0.4, color)
        x -= 28
        cv2.line(picture, (x + 4, 14), (x + 22, 14), color, 2, cv2.LINE_AA)
    for _, values, color in series:
        points = [place(epoch, value) if np.isfinite(value) else None for epoch, value in enumerate(values, 1)]
        for before, after in zip(points, points[1:]):
            if before and after:
                cv2.line(picture, before, after, color, 2, cv2.LINE_AA, 4)
        if len(points) == 1 and points[0]:
            cv2.circle(picture, points[0], 48, color, -1, cv2.LINE_AA, 4)
    return picture


def worst_pictures(evaluation, most=8, scale=2):
    """The frames that were judged worst, worst first -> list of (uint8 picture BGR, words).

    evaluation: of collision or road. On a road frame the ring is the label, the dot the answer.
    """
    shown = []
    for i in worst_first(evaluation)[:most]:
        expected, predicted = evaluation.expected[i], evaluation.predicted[i]
        if evaluation.task == "road":
            answer = RoadPrediction(float(predicted[0]), float(predicted[1]), 0.0)
            words = "off by %.0f px" % off_px(evaluation)[i]
        else:
            answer = CollisionPrediction(float(predicted[evaluation.classes.index("blocked")]), 0.0)
            words = "label %s, P(blocked) %.2f" % (evaluation.classes[int(expected)], answer.prob_blocked)
        picture = draw(evaluation.images[i], [answer], scale=scale)
        if evaluation.task == "road":
            side = picture.shape[0]
            center = tuple(int(round((1 + v) / 2 * (side - 1))) for v in np.clip(expected, -1, 1))
            cv2.circle(picture, center, side // 16, LABEL, max(side // 112, 1), cv2.LINE_AA)
        shown.append((picture, words))
    return shown


def tiled(pictures, columns, gap=4):
    """Pictures of one size side by side: list of uint8 (h, w, 3) -> one uint8 (H, W, 3), white between them."""
    height, width = pictures[0].shape[:2]
    rows = -(-len(pictures) // columns)
    whole = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = (i // columns) * (height + gap), (i % columns) * (width + gap)
        whole[y:y + height, x:x + width] = picture
    return whole


def _write(picture, text, at, size, color=INK):
    cv2.putText(picture, text, at, FONT, size, color, 1, cv2.LINE_AA)


def _round_up(value):
    """The next short number whose quarters are short numbers, too."""
    power = 10.0 ** np.floor(np.log10(value))
    return next(step * power for step in (1, 1.2, 1.6, 2, 3, 4, 6, 8, 10) if value <= step * power * (1 + 1e-9))


def as_html(picture, alt, scale=1):
    """uint8 (h, w) or (h, w, 3) BGR -> an <img> for IPython.display.HTML, each pixel scale px large; alt: the words for
    those who do not see it (IPython's own Image has none before version 8)."""
    return image_tag(picture.repeat(scale, axis=0).repeat(scale, axis=1), alt, ".png")
