"""The report's plots, each as the text of one inline ``<svg>`` that takes the page's colours and font.

Matplotlib draws them through ``matplotlib.figure.Figure`` (no pyplot, so nothing global, no display);
it is imported only when something is drawn, since the robot has none.
"""
import html
import io
import re

import numpy as np

from .errors import JetbotMLPError
from .intervals import wilson_interval
from .metrics import PX_PER_UNIT, reliability

BLUE, ORANGE, GREEN, RED = "#3d7fd6", "#d9691e", "#2a9d5c", "#e0443e"  # legible on white and on black
INK = "#0a0b0c"  #: stands for the page's text colour, put in at the end
MAX_MARKS = 1000  #: from here on points become one picture, or the page would grow without end
MAX_ARROWS = 150
CELLS = 8  #: squares beside one another in the map of errors


def require_matplotlib():
    """Raise JetbotMLPError when there is no matplotlib; call it before long work that ends in a report."""
    try:
        import matplotlib.figure  # noqa: F401
    except ImportError:
        raise JetbotMLPError('expected matplotlib to draw the report, found none: '
                             'pip install "jetbot_mlp[laptop]"')


def _axes(xlabel, ylabel):
    """One bare pair of axes in a figure small enough to stay legible on a phone -> (figure, axes)."""
    require_matplotlib()
    from matplotlib.figure import Figure

    figure = Figure(figsize=(3.7, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(INK)
    axes.tick_params(colors=INK, labelsize=10)
    axes.set_xlabel(xlabel, color=INK, fontsize=11)
    axes.set_ylabel(ylabel, color=INK, fontsize=11)
    axes.grid(color=INK, alpha=0.12, linewidth=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _legend(axes, **settings):
    axes.legend(frameon=False, fontsize=10, labelcolor=INK, **settings)


def _svg(figure, name):
    """Figure -> '<svg ...>...</svg>' without a single reference to the outside. name: unique on the page."""
    import matplotlib

    text = io.StringIO()
    # text stays text (small, searchable); the salt makes the marks' names the same in every run
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(text, format="svg", transparent=True, dpi=150)
    svg = text.getvalue()
    svg = svg[svg.index("<svg"):].strip()  # the doctype before it names a web address
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", svg)
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    svg = re.sub(r'\sid="([^"]*)"', lambda found: found.group(0) if found.group(1) in used else "", svg)
    for old in used:  # several plots share one page: no two may give the same name
        svg = re.sub('(?<=["#]){}(?=[")])'.format(re.escape(old)), "{}-{}".format(name, old), svg)
    svg = svg.replace(INK, "currentColor")
    return svg.replace("<svg", '<svg role="img" aria-label="{}"'.format(html.escape(name)), 1)


def learning_curves(history, name):
    """Training and validation loss over the epochs, the best epoch marked; history: History."""
    figure, axes = _axes("epoch", "loss")
    dots = "o" if len(history.epoch) < 2 else None  # a single epoch would be an invisible line
    losses = [("training", history.train_loss, BLUE, "-"),
              ("validation", history.validation_loss, ORANGE, "--")]
    everything = []
    for label, values, color, style in losses:
        values = np.array(values, dtype=np.float64)  # None becomes NaN: a gap
        if len(values) and np.any(np.isfinite(values)):
            axes.plot(history.epoch[:len(values)], values, color=color, linestyle=style, marker=dots,
                      label=label)
            everything.append(values[np.isfinite(values)])
    everything = np.concatenate(everything) if everything else np.ones(1)
    if everything.min() > 0 and everything.max() > 20 * everything.min():
        axes.set_yscale("log")
    axes.set_xlim(left=0)
    axes.xaxis.get_major_locator().set_params(integer=True)
    if history.best_epoch is not None:
        axes.axvline(history.best_epoch, color=GREEN, linestyle=":",
                     label="kept: epoch {}".format(history.best_epoch))
    _legend(axes)
    return _svg(figure, name)


def validation_score(history, name):
    """The validation score over the epochs, or None when there is none."""
    values = np.array(history.validation_score, dtype=np.float64)
    if not len(values) or not np.any(np.isfinite(values)):
        return None
    figure, axes = _axes("epoch", "validation score")
    axes.plot(history.epoch[:len(values)], values, color=ORANGE, linestyle="--",
              marker="o" if len(values) < 2 else None)
    if history.best_epoch is not None:
        axes.axvline(history.best_epoch, color=GREEN, linestyle=":",
                     label="kept: epoch {}".format(history.best_epoch))
        _legend(axes)
    return _svg(figure, name)


def reliability_curve(happened, probability, labels, name):
    """Called how probable against how often it came true -> (svg, the dict of `metrics.reliability`)."""
    curve = reliability(happened, probability)
    figure, axes = _axes(labels[0], labels[1])
    axes.plot([0, 1], [0, 1], color=INK, alpha=0.4, linewidth=1, label="ideal")
    axes.plot(curve["probability"], curve["frequency"], color=BLUE, linewidth=1.2)
    ends = np.array([wilson_interval(frequency * count, count)
                     for frequency, count in zip(curve["frequency"], curve["count"])])
    axes.vlines(curve["probability"], ends[:, 0], ends[:, 1], color=BLUE, alpha=0.45, linewidth=1.5)
    share = np.array(curve["count"]) / max(1.0, float(max(curve["count"])))
    axes.scatter(curve["probability"], curve["frequency"], s=20 + 160 * share, color=BLUE, zorder=3,
                 label="the model (area: frames)")
    axes.set_xlim(-0.04, 1.04)
    axes.set_ylim(-0.04, 1.04)
    axes.set_aspect("equal")
    _legend(axes, loc="lower left", bbox_to_anchor=(-0.15, 1), ncol=2, borderaxespad=0.1, columnspacing=0.8)
    return _svg(figure, name), curve


def coordinate_scatter(expected, predicted, label, name):
    """One coordinate as predicted against as labelled, both float (n,) in [-1, 1]."""
    figure, axes = _axes(label + " in the label", label + " predicted")
    both = np.concatenate([expected, predicted])
    middle, half = 0.5 * (both.min() + both.max()), max(0.1, 0.55 * (both.max() - both.min()))
    axes.plot([-2, 2], [-2, 2], color=INK, alpha=0.4, linewidth=1, label="ideal")
    axes.scatter(expected, predicted, s=14, color=BLUE, alpha=0.6, linewidths=0,
                 rasterized=len(expected) > MAX_MARKS)
    axes.set_xlim(middle - half, middle + half)
    axes.set_ylim(middle - half, middle + half)
    for axis in (axes.xaxis, axes.yaxis):
        axis.get_major_locator().set_params(nbins=5, steps=[1, 2, 5, 10])
    axes.set_aspect("equal")
    _legend(axes, loc="upper left")
    return _svg(figure, name)


def error_vectors(expected, predicted, name):
    """Lines on the picture plane from each label to its prediction, both float (n, 2) in [-1, 1].

    Returns (svg, how many of them are drawn: at most MAX_ARROWS, evenly picked).
    """
    from_px, to_px = (PX_PER_UNIT * (1.0 + np.asarray(points, dtype=np.float64))
                      for points in (expected, predicted))
    picked = np.unique(np.linspace(0, len(from_px) - 1, min(len(from_px), MAX_ARROWS)).astype(int))
    from_px, to_px = from_px[picked], to_px[picked]
    figure, axes = _axes("across the frame (px)", "down the frame (px)")
    axes.plot(np.stack([from_px[:, 0], to_px[:, 0]]), np.stack([from_px[:, 1], to_px[:, 1]]),
              color=INK, alpha=0.35, linewidth=0.8)
    axes.scatter(from_px[:, 0], from_px[:, 1], s=22, color=GREEN, zorder=3, linewidths=0, label="label")
    axes.scatter(to_px[:, 0], to_px[:, 1], s=18, color=RED, zorder=4, marker="x", linewidths=1.2,
                 label="prediction")
    _over_the_frame(axes)
    _legend(axes, loc="lower left", bbox_to_anchor=(0, 1), ncol=2, borderaxespad=0.1)
    return _svg(figure, name), len(picked)


def _over_the_frame(axes):
    axes.set_xlim(0, 2 * PX_PER_UNIT)
    axes.set_ylim(2 * PX_PER_UNIT, 0)  # a picture's y points down
    axes.set_xticks(np.arange(0, 225, 56))
    axes.set_yticks(np.arange(0, 225, 56))
    axes.set_aspect("equal")


def error_map(expected, predicted, name):
    """The frame cut into CELLS x CELLS squares, each coloured by the mean error of the labels in it.

    expected, predicted: float (n, 2) in [-1, 1]; the error is their distance in px.
    """
    expected, predicted = np.asarray(expected, dtype=np.float64), np.asarray(predicted, dtype=np.float64)
    off_px = PX_PER_UNIT * np.hypot(*(predicted - expected).T)
    column, row = np.clip(((1 + expected) / 2 * CELLS).astype(int), 0, CELLS - 1).T
    side, top = 2 * PX_PER_UNIT / CELLS, 1e-9
    figure, axes = _axes("label, across the frame (px)", "label, down the frame (px)")
    means = {}
    for cell in sorted(set(zip(column.tolist(), row.tolist()))):
        inside = (column == cell[0]) & (row == cell[1])
        means[cell] = off_px[inside].mean(), int(inside.sum())
        top = max(top, means[cell][0])
    for (x, y), (mean, count) in means.items():
        axes.fill_between([x * side, (x + 1) * side], y * side, (y + 1) * side, color=RED, linewidth=0,
                          alpha=0.08 + 0.72 * mean / top)
        axes.text((x + 0.5) * side, (y + 0.48) * side, "{:.0f}".format(mean), color=INK, fontsize=9, ha="center",
                  va="center")
        axes.text((x + 0.5) * side, (y + 0.82) * side, str(count), color=INK, alpha=0.75, fontsize=5.5, ha="center",
                  va="center")
    _over_the_frame(axes)
    return _svg(figure, name)
