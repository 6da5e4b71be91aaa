"""The report's scores, told in words: what the numbers mean for the robot, and how sure they are."""
import numpy as np

from .metrics import PX_PER_UNIT, meaning_in_words
from .report_html import table, text

_INTERVAL_WORDS = ("The last column is where the true score lies 19 times in 20 if the frames are "
                   "independent. Frames of one drive resemble each other, so be more careful than it says.")


def scores_html(evaluation):
    """Table, explanation and (for classes) confusion of an Evaluation with at least one frame."""
    return _road(evaluation) if evaluation.task == "road" else _classes(evaluation)


def _row(name, value, interval, scale, unit):
    if value is None:
        return (name, "\u2013", "\u2013")
    span = "\u2013"
    if interval is not None:
        span = "{:.1f} to {:.1f} {}".format(interval[0] * scale, interval[1] * scale, unit)
    return (name, "<b>{:.1f} {}</b>".format(value * scale, unit), span)


def _classes(evaluation):
    metrics, confusion = evaluation.metrics, np.array(evaluation.metrics["confusion"])
    rows = [_row(key.replace("_", " "), metrics[key], metrics.get(key + "_interval"), 100, "%")
            for key in ("accuracy", "balanced_accuracy")]
    if evaluation.task == "collision":
        rows += [_row("of the {} frames right".format(text(name)), share, interval, 100, "%") for name, share, interval
                 in zip(evaluation.classes, metrics["recall"], metrics["recall_interval"])]
    if evaluation.task == "collision":
        words = ("{} of {} blocked frames were taken for free (the robot would have driven on), {} of {} "
                 "free frames for blocked (it would have turned for nothing).".format(
                     confusion[0, 1], confusion[0].sum(), confusion[1, 0], confusion[1].sum()))
    else:
        words = "{} of {} pictures were judged wrong.".format(
            confusion.sum() - np.trace(confusion), metrics["samples"])
    totals = confusion.sum(axis=1)
    words += (" Always answering with the commonest class would give an accuracy of {:.1f} % and a balanced "
              "accuracy of {:.1f} %.".format(100.0 * totals.max() / max(1, totals.sum()),
                                             100.0 / max(1, np.sum(totals > 0))))
    about = _meaning(evaluation) if evaluation.task == "collision" else ""  # digits are no drive: independent
    return (table(rows, ("score", "value", "95 % interval"), "scores")
            + "{}<p>{}</p>".format(about, words) + _confusion(confusion, evaluation.classes))


def _meaning(evaluation):
    """What so few frames say, in bold, and what the intervals leave out."""
    return "<p><b>{}</b> {}</p>".format(text(meaning_in_words(evaluation.task, evaluation.metrics)).replace(
        "+-", "\u00b1"), _INTERVAL_WORDS)


def _confusion(confusion, classes):
    """The confusion as a shaded table: rows the truth, columns the prediction, shade the share of the row."""
    names = "".join('<th scope="col">{}</th>'.format(text(name)) for name in classes)
    head = '<tr><td></td><th colspan="{}" scope="colgroup">predicted</th></tr>'.format(len(classes))
    head += "<tr><th>true</th>{}</tr>".format(names)
    body = ""
    for i, name in enumerate(classes):
        body += '<tr><th scope="row">{}</th>'.format(text(name))
        for j, count in enumerate(confusion[i]):
            share = count / float(max(1, confusion[i].sum()))
            color, depth = "61,127,214" if i == j else "217,105,30", 0.06 + 0.5 * share if count else 0
            body += '<td style="background:rgba({},{:.2f})">{}<small>{:.0f} %</small></td>'.format(
                color, depth, count, 100 * share)
        body += "</tr>"
    return ('<p>Confusion, how many frames of each class were taken for which:</p><div class="scroll">'
            '<table class="confusion"><thead>{}</thead><tbody>{}</tbody></table></div>'.format(head, body))


def _road(evaluation):
    metrics = evaluation.metrics
    rows = [_row(name, metrics[key], metrics.get(key + "_interval"), 1, "px") for name, key in (
        ("sideways (x)", "mae_x_px"), ("up and down (y)", "mae_y_px"))]
    span = "\u2013" if metrics["mse_interval"] is None else "{:.4f} to {:.4f}".format(*metrics["mse_interval"])
    rows.append(("mean squared error", "<b>{:.4f}</b>".format(metrics["mse"]), span))
    expected = np.asarray(evaluation.expected, dtype=np.float64)
    constant = PX_PER_UNIT * np.mean(np.abs(expected - np.median(expected, axis=0)), axis=0)
    words = ("{} frames. Mean distance between predicted and labelled target point, in pixels "
             "of a frame 224 px wide. Always answering with the middle of these labels would be off by "
             "{:.1f} px sideways and {:.1f} px up and down. The mean squared error is over both coordinates "
             "in [\u22121, 1] units.".format(metrics["samples"], constant[0], constant[1]))
    return (table(rows, ("off by", "value", "95 % interval"), "scores")
            + "{}<p>{}</p>".format(_meaning(evaluation), words))
