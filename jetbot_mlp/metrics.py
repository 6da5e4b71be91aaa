"""Scores: how often is the network right, how far is it off, and how sure can we be of that number?

All functions are pure NumPy and return plain dicts that ``json.dumps`` takes as they are: Python
floats, ints, lists, and ``None`` where a number does not exist (never NaN). Intervals: see ``intervals``.
"""
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from .errors import PredictionError
from .intervals import (
    frames_for_mean,
    frames_for_share,
    half_width,
    mean_interval,
    mean_of_shares_interval,
    wilson_interval,
)

WANTED_SHARE = 0.05  #: half-width in which a share of right answers means something: 5 points
WANTED_PX = 2.0  #: the same for a mean error in px
PX_PER_UNIT = 112.0  #: the [-1, 1] coordinates span a 224 px frame, so one unit is 112 px


class History(NamedTuple):
    """What the trainer wrote down; the lists have one entry an epoch (or none: no held-out part)."""

    epoch: List[int]
    train_loss: List[float]
    validation_loss: List[float]
    validation_score: List[float]
    learning_rate: List[float]
    best_epoch: Optional[int]  #: a value out of ``epoch``: the one whose weights were kept


def mean_history(histories):
    """The mean curve of several trainings, as long as the shortest -> History; best_epoch only of a single one."""
    if len(histories) == 1:
        return histories[0]
    curves = [[float(np.mean(values)) for values in zip(*(getattr(h, name) for h in histories))]
              for name in ("train_loss", "validation_loss", "validation_score", "learning_rate")]
    return History(histories[0].epoch[:len(curves[0])], curves[0], curves[1], curves[2], curves[3], None)


class Evaluation(NamedTuple):
    """A model's answers on held-out frames: all that the report needs to draw them."""

    task: str  #: 'collision', 'road' or 'mnist'
    classes: Optional[Tuple[str, ...]]  #: class names in order; None for road
    metrics: dict  #: of classification_metrics or road_metrics
    names: List[str]  #: of the frames
    images: np.ndarray  #: uint8 (n, 112, 112, 3) BGR thumbnails
    expected: np.ndarray  #: int (n,) class, or float (n, 2) x, y in [-1, 1]
    predicted: np.ndarray  #: float (n, k) probabilities, or float (n, 2) x, y


def _number(value):
    """A Python float, or None when it is not finite (JSON has no NaN)."""
    return float(value) if np.isfinite(value) else None


def _finite(array, what):
    array = np.asarray(array, dtype=np.float64)
    if not np.all(np.isfinite(array)):
        raise PredictionError("expected finite {}, found {} that are NaN or infinite: train again with a "
                              "smaller learning rate".format(what, int(np.sum(~np.isfinite(array)))))
    return array


def classification_metrics(true, probabilities, class_names):
    """Scores of a classifier that answers with its most probable class (a tie: the first).

    true: int (n,), 0..k-1. probabilities: float (n, k). class_names: k names.
    Returns samples, accuracy, accuracy_interval, balanced_accuracy (mean recall over the classes that
    occur, so that a rare class counts as much as a common one), balanced_accuracy_interval, recall and
    recall_interval (per class, None where absent), confusion (rows true, columns predicted, in the order of
    class_names), expected_calibration_error and calibration_error_by_chance (see `reliability`; of what
    `confidences` says).
    ValueError for shapes or labels that do not fit, PredictionError for NaN probabilities.
    """
    true, k = np.asarray(true), len(class_names)
    probabilities = _finite(probabilities, "probabilities")
    if true.ndim != 1 or probabilities.shape != (len(true), k):
        raise ValueError("expected true (n,) and probabilities (n, {}), found {} and {}: pass one row a "
                         "sample and one name a column".format(k, true.shape, probabilities.shape))
    if len(true) and not np.all((true >= 0) & (true < k) & (true == np.floor(true))):
        raise ValueError("expected labels 0 to {}, found {}: pass the class indices"
                         .format(k - 1, np.unique(true)[:5]))
    confusion = np.zeros((k, k), dtype=np.int64)
    if len(true):
        np.add.at(confusion, (true.astype(np.int64), probabilities.argmax(axis=1)), 1)
    hits, totals = np.diag(confusion), confusion.sum(axis=1)
    present = totals > 0
    result = {"samples": int(len(true)), "accuracy": None, "accuracy_interval": None,
              "balanced_accuracy": None, "balanced_accuracy_interval": None,
              "recall": [float(h) / t if t else None for h, t in zip(hits.tolist(), totals.tolist())],
              "recall_interval": [wilson_interval(h, t) for h, t in zip(hits.tolist(), totals.tolist())],
              "confusion": confusion.tolist()}
    curve = reliability(*confidences(true, probabilities))
    result.update((key, curve[key]) for key in ("expected_calibration_error", "calibration_error_by_chance"))
    if len(true):
        result["accuracy"] = float(hits.sum()) / len(true)
        result["accuracy_interval"] = wilson_interval(int(hits.sum()), len(true))
        result["balanced_accuracy"] = float(np.mean(hits[present] / totals[present]))
        result["balanced_accuracy_interval"] = mean_of_shares_interval(hits[present], totals[present])
    return result


def road_metrics(true, predicted):
    """Scores of a regression to the target point; true, predicted: float (n, 2), x and y in [-1, 1].

    Returns samples, mse (mean over both coordinates, [-1, 1] units), mae_x_px, mae_y_px (mean absolute
    error in px of a 224 px frame), and of each the interval (mse_interval, ...), None below two samples.
    ValueError for other shapes, PredictionError for NaN.
    """
    true, predicted = np.asarray(true, dtype=np.float64), _finite(predicted, "x and y")
    if true.ndim != 2 or true.shape[1] != 2 or true.shape != predicted.shape:
        raise ValueError("expected true and predicted (n, 2), found {} and {}: pass one x, y row a frame"
                         .format(true.shape, predicted.shape))
    n, error = len(true), predicted - true
    result = {"samples": int(n), "mse": _number(np.mean(error ** 2)) if n else None,
              "mse_interval": mean_interval(np.mean(error ** 2, axis=1))}
    for axis, name in enumerate(("mae_x_px", "mae_y_px")):
        px = PX_PER_UNIT * np.abs(error[:, axis])
        result[name] = _number(px.mean()) if n else None
        result[name + "_interval"] = mean_interval(px)
    return result


def confidences(true, probabilities):
    """What a classifier claims, and whether it came true -> (happened bool (n,), claimed float (n,)).

    Of two classes the probability of the first, which the robot acts on; of more that of the answer.
    true: int (n,); probabilities: float (n, k).
    """
    true, probabilities = np.asarray(true), np.asarray(probabilities)
    if probabilities.shape[1] == 2:
        return true == 0, np.clip(probabilities[:, 0], 0, 1)
    return probabilities.argmax(axis=1) == true, np.clip(probabilities.max(axis=1), 0, 1)


def reliability(true, prob, bins=10):
    """Does "70 % sure" come true 70 times in 100? -> reliability curve and calibration error.

    true: bool or 0/1 (n,), did it happen. prob: float (n,) in [0, 1], how probable the model called it.
    bins: number of equally wide bins; the empty ones are left out.
    Returns probability, frequency, count (lists, one entry a bin) and expected_calibration_error = sum over
    the bins of count / n * |frequency - probability| (Guo et al., "On calibration of modern neural
    networks", ICML 2017), None for no samples; and calibration_error_by_chance, what a model whose
    probabilities are all true would show on so few samples: the same sum over the mean distances by chance,
    E|frequency - probability| = sqrt(2 / pi) * sqrt(p (1 - p) / count) (normal approximation).
    """
    true, prob = np.asarray(true, dtype=np.float64), _finite(prob, "probabilities")
    if true.ndim != 1 or true.shape != prob.shape:
        raise ValueError("expected true and prob (n,), found {} and {}: pass one entry a sample"
                         .format(true.shape, prob.shape))
    where = np.clip((prob * bins).astype(np.int64), 0, bins - 1)
    count = np.bincount(where, minlength=bins)
    used = count > 0
    probability = np.bincount(where, weights=prob, minlength=bins)[used] / count[used]
    frequency = np.bincount(where, weights=true, minlength=bins)[used] / count[used]
    n = max(1, len(true))
    chance = np.sqrt(2 / np.pi * probability * (1 - probability) / count[used])
    errors = [float(np.sum(count[used] * distance) / n) if len(true) else None
              for distance in (np.abs(frequency - probability), chance)]
    return {"probability": probability.tolist(), "frequency": frequency.tolist(),
            "count": count[used].tolist(), "expected_calibration_error": errors[0],
            "calibration_error_by_chance": errors[1]}


def meaning_in_words(task, metrics):
    """What so many frames say about the score, and how many would say enough: one sentence, '' for no frames."""
    n, unit = metrics["samples"], "px" if task == "road" else "points"
    interval = metrics.get("mae_x_px_interval" if task == "road" else "balanced_accuracy_interval")
    if interval is None:
        return "1 frame says nothing about the mean error; hold out more." if n else ""
    if task == "road":
        half, wanted = interval[1] - metrics["mae_x_px"], WANTED_PX  # upwards, where nothing was cut at 0
        enough = frames_for_mean(n, half, wanted)
        words = "the mean error sideways could as well be {:.1f} or {:.1f} px".format(*interval)
    else:
        confusion = np.array(metrics["confusion"])
        hits, totals = np.diag(confusion), confusion.sum(axis=1)
        half, wanted = half_width(interval), WANTED_SHARE
        enough = frames_for_share(hits[totals > 0], totals[totals > 0], wanted)
        words = "the balanced accuracy could as well be {:.2f} or {:.2f}".format(*interval)
        wanted *= 100
    words = "{} frame{}: {}".format(n, "" if n == 1 else "s", words)
    if enough <= n:
        return "{}, which is +-{:g} {} or better.".format(words, wanted, unit)
    step = 10 ** max(1, len(str(enough)) - 2)  # "about": two digits
    return "{}; for +-{:g} {} you need about {} frames. With fewer, do not choose by it.".format(
        words, wanted, unit, -(-enough // step) * step)


def _line(name, value, interval, scale, unit):
    if value is None:
        return "{:<20}{:>8}".format(name, "-")
    text = "{:<20}{:>8.1f} {:<2}".format(name, value * scale, unit)
    if interval is None:
        return text
    low, high = interval[0] * scale, interval[1] * scale
    return text + "   (95 % interval {:.1f} to {:.1f} {})".format(low, high, unit)


def format_metrics(task, metrics, class_names=None):
    """The scores as a small plain-text table for the terminal (no newline at the end).

    class_names name the rows of the confusion; left out, collision's are blocked, free, others numbers.
    """
    lines = ["{:<20}{:>8d}".format("samples", metrics["samples"])]
    if task == "road":
        mse = "-" if metrics["mse"] is None else "{:.4f}".format(metrics["mse"])
        span = "95 % interval {:.4f} to {:.4f}; ".format(*metrics["mse_interval"]) \
            if metrics.get("mse_interval") else ""
        lines.append("{:<20}{:>8}      ({}both coordinates, [-1, 1] units)".format("mean squared error", mse, span))
        for axis, name in (("x", "sideways (x) off by"), ("y", "up/down (y) off by")):
            key = "mae_{}_px".format(axis)
            lines.append(_line(name, metrics[key], metrics.get(key + "_interval"), 1.0, "px"))
        return "\n".join(lines + [meaning_in_words(task, metrics)]).rstrip()
    for key in ("accuracy", "balanced_accuracy"):
        lines.append(_line(key.replace("_", " "), metrics[key], metrics.get(key + "_interval"), 100.0, "%"))
    if metrics.get("expected_calibration_error") is not None:
        lines.append(_line("calibration error", metrics["expected_calibration_error"], None, 100.0, "%")
                     + "   (by chance alone on so many frames {:.1f} %)".format(
                         100.0 * metrics["calibration_error_by_chance"]))
    lines += [meaning_in_words(task, metrics)] if task == "collision" and metrics["samples"] else []
    confusion = metrics["confusion"]
    if class_names is None:
        class_names = ("blocked", "free") if task == "collision" else [str(i) for i in range(len(confusion))]
    width = max(6, max(len(name) for name in class_names) + 2)
    lines += ["", "{:<16}".format("true \\ predicted") + "".join(name.rjust(width) for name in class_names)]
    for name, row in zip(class_names, confusion):
        lines.append("{:<16}".format(name) + "".join(str(count).rjust(width) for count in row))
    return "\n".join(lines)
