"""Old model and new one on the same frames, and what that says about keeping the new one: for `retrain`."""
from typing import NamedTuple

import numpy as np

from .evaluation import off_px
from .metrics import Evaluation
from .report_html import text


class Row(NamedTuple):
    """Both models on the same frames."""

    frames: str  #: 'old' or 'new'
    before: Evaluation  #: of the old model
    after: Evaluation  #: of the new model
    note: str  #: how far these scores can be trusted, for people
    learnt: bool = False  #: the new model was trained on these very frames, so its score says nothing


def score_of(evaluation):
    """The number that people look at, with its interval -> (value, [low, high] or None, unit)."""
    metrics = evaluation.metrics
    if evaluation.task == "road":
        return metrics["mae_x_px"], metrics["mae_x_px_interval"], "px"
    interval = metrics["balanced_accuracy_interval"]
    return 100 * metrics["balanced_accuracy"], interval and [100 * end for end in interval], "%"


def score_words(evaluation):
    """'87.5 % (71 to 95)'."""
    value, interval, unit = score_of(evaluation)
    return f"{value:.1f} {unit}" + ("" if interval is None else " ({:.0f} to {:.0f})".format(*interval))


def changes(row):
    """How many frames the new model judges better and how many worse than the old one -> (better, worse).

    Classes: wrong becomes right, and the other way round. Road: by more than 5 px.
    """
    if row.before.task == "road":
        gain = off_px(row.before) - off_px(row.after)
        return int(np.sum(gain > 5)), int(np.sum(gain < -5))
    before, after = (np.argmax(e.predicted, axis=1) == e.expected for e in (row.before, row.after))
    return int(np.sum(after & ~before)), int(np.sum(before & ~after))


def verdict(retrained):
    """What the comparison says about keeping the new model: one sentence that claims no more than it knows."""
    (old_better, old_worse), (new_better, new_worse) = (changes(row) for row in retrained.rows)
    new_frames = f"of the new frames {new_better} got better and {new_worse} worse"
    old_frames = f"of the old ones {old_better} got better and {old_worse} worse"
    lost = _more_than_chance(old_worse, old_better)
    if retrained.rows[1].learnt:
        advice = "whether it has learnt what you corrected is not known yet"
    elif lost:
        advice = "it has lost what the old one could: go back, or collect more of the old kind"
    elif _more_than_chance(new_better, new_worse):
        advice = "more than chance: keep it"
    elif _more_than_chance(new_worse, new_better):
        advice = "it got worse: go back, and look whether the corrections are right"
    else:
        advice = "that may be chance: keep it if it drives better, else go back"
    return f"{new_frames}, {old_frames}; {advice}"


def _more_than_chance(wins, losses):
    """Sign test: would a fair coin give so many wins or more in less than 1 of 20 cases?"""
    n = wins + losses
    ways, tail = 1.0, 0.0  # binomial coefficients n over k, from k = n downwards
    for k in range(n, wins - 1, -1):
        tail += ways
        ways = ways * k / (n - k + 1)
    return n > 0 and tail / 2.0 ** n < 0.05


def comparison_text(retrained):
    """The comparison as lines of plain text."""
    lines = ["{:<12}{:>7}  {:<24}{:<24}".format("held out", "frames", "old model", "new model")]
    for row in retrained.rows:
        lines.append("{:<12}{:>7}  {:<24}{:<24}".format(
            row.frames + " frames", row.before.metrics["samples"], score_words(row.before), score_words(row.after)))
    lines += [f"{row.frames} frames: {row.note}" for row in retrained.rows]
    return "\n".join(lines + [verdict(retrained)])


def comparison_html(retrained):
    """The comparison of `retrain` as a table with its verdict below."""
    cell = "<td style='padding:3px 18px 3px 0;{}'>{}</td>"
    head = "".join(f"<th style='text-align:left;padding:3px 18px 3px 0'>{name}</th>"
                   for name in ("held-out frames", "how many", "old model", "new model"))
    rows, notes = "", ""
    for row in retrained.rows:
        texts = (row.frames, row.before.metrics["samples"], score_words(row.before), score_words(row.after))
        rows += "<tr>" + "".join(cell.format("", text(value)) for value in texts) + "</tr>"
        notes += f"<li>{text(row.frames)} frames: {text(row.note)}</li>"
    meaning = ("right, in % (balanced; in brackets the 95 % interval)" if retrained.trained.model.task == "collision"
               else "how far off sideways, in px of 224 (in brackets the 95 % interval)")
    return (f"<table style='line-height:1.5'><tr>{head}</tr>{rows}</table><p>{meaning}</p>"
            f"<p><b>{text(verdict(retrained))}</b></p><ul>{notes}</ul>")
