"""The report: one HTML page with everything about a training, that opens offline and on a phone.

The page is a single file: styles, plots and pictures are inside, and its content security policy forbids
the browser to fetch anything else. Whatever came from outside (names of files!) is escaped.
"""
import os
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from . import report_plots as plots
from .evaluation import off_px, worst_first
from .metrics import Evaluation, History, confidences
from .report_html import PAGE, figure, table, text
from .report_pictures import frame_html, image_tag, road_overlay, video_tag, weight_picture
from .report_scores import scores_html
from .text_files import write_whole

WORST_FRAMES = 12
MAX_WEIGHT_PICTURES = 48
MAX_LISTED = 200  #: skipped files named on the page; the rest is counted
_SCORE_MEANING = {True: ": how far x is off, in px", False: ": the share that is judged right"}


class TrainingReport(NamedTuple):
    """One trained model, as the page tells it; what is None or empty is left out or said to be missing."""

    title: str
    facts: List[Tuple[str, object]]  #: name and value, in the order shown
    history: Optional[History] = None
    evaluation: Optional[Evaluation] = None  #: None: nothing was held out
    weight_pictures: Optional[Tuple[str, np.ndarray]] = None  #: caption, and (m, h, w) or BGR (m, h, w, 3)
    notes: List[str] = []
    skipped: List[Tuple[str, str]] = []  #: name of a file that was not read, and why
    sections: List[str] = []  #: more of the page, HTML already, see ``report_suspects``
    scored: str = "held-out frames"  #: what the scores are of
    warning: str = ""  #: one sentence about the scores, to be read before them


def write_report(path, title, reports, videos=(), drive_results=None):
    """Write the page; it takes its place only when it is complete.

    reports: TrainingReports, one section each. videos: paths, or pairs (caption, path). drive_results:
    list of dicts, one row each, None for what does not apply. Raises JetbotMLPError when matplotlib, a
    video or the page's folder is missing.
    """
    path = os.fspath(path)
    parts = []
    if len(reports) > 1:
        links = "".join('<a href="#model-{}">{}</a>'.format(i, text(report.title))
                        for i, report in enumerate(reports))
        parts.append("<nav>{}</nav>".format(links))
    driving = _driving(drive_results, videos, path)
    if driving:
        parts.append("<section><h2>Driving</h2>{}</section>".format(driving))
    for i, report in enumerate(reports):
        parts.append('<section id="model-{}">{}</section>'.format(i, _training(report, "m{}".format(i))))
    write_whole(path, PAGE.substitute(title=text(title), body="\n".join(parts)))


def _driving(rows, videos, path):
    parts = []
    if rows:
        columns = list(dict.fromkeys(key for row in rows for key in row))  # in order of appearance
        parts.append(table([[text(row.get(column)) for column in columns] for row in rows],
                            [text(column).replace("_", " ") for column in columns], "numbers"))
    for video in videos:
        caption, place = video if isinstance(video, tuple) else (os.path.basename(os.fspath(video)), video)
        parts.append(video_tag(place, caption, path))
    return "".join(parts)


def _training(report, prefix):
    evaluation = report.evaluation
    if evaluation is not None and not len(evaluation.names):
        evaluation = None
    parts = ["<h2>{}</h2>".format(text(report.title)),
             table([(text(name), text(value)) for name, value in report.facts], css_class="facts")]
    if report.notes:
        notes = "".join("<li>{}</li>".format(text(note)) for note in report.notes)
        parts.append("<ul>{}</ul>".format(notes))
    parts.append(_skipped(report.skipped))
    parts.append("<h3>Scores on {}</h3>".format(text(report.scored)))
    if report.warning:
        parts.append("<p><b>{}.</b></p>".format(text(report.warning[0].upper() + report.warning[1:])))
    if evaluation is None:
        parts.append("<p>No frames were held out: how the model does on new frames is unknown.</p>")
    else:
        parts.append(scores_html(evaluation))
    figures = []
    if report.history is not None and len(report.history.epoch):
        figures.append(figure(plots.learning_curves(report.history, prefix + "-loss"),
                              "Loss after each epoch. A validation loss that rises while the training loss "
                              "falls shows that the network learns its frames by heart."))
        score = plots.validation_score(report.history, prefix + "-score")
        meaning = "" if report.evaluation is None else _SCORE_MEANING[report.evaluation.task == "road"]
        figures += [figure(score, "Validation score after each epoch{}.".format(meaning))] if score else []
    if evaluation is not None:
        draw = _road_plots if evaluation.task == "road" else _class_plots
        figures += draw(evaluation, prefix)
    if figures:
        parts.append('<h3>{}</h3><div class="plots">{}</div>'.format(
            "Errors" if report.history is None else "Learning and errors", "".join(figures)))
    if evaluation is not None:
        parts.append(_road_worst(evaluation) if evaluation.task == "road" else _class_worst(evaluation))
    parts += report.sections
    if report.weight_pictures is not None and len(report.weight_pictures[1]):
        parts.append(_weights(*report.weight_pictures))
    return "\n".join(parts)


def _skipped(skipped):
    if not skipped:
        return ""
    items = "".join("<li><code>{}</code>: {}</li>".format(text(name), text(reason))
                    for name, reason in skipped[:MAX_LISTED])
    if len(skipped) > MAX_LISTED:
        items += "<li>and {} more</li>".format(len(skipped) - MAX_LISTED)
    return "<details><summary>{} file{} skipped</summary><ul>{}</ul></details>".format(
        len(skipped), "" if len(skipped) == 1 else "s", items)


def _class_plots(evaluation, prefix):
    happened, probability = confidences(evaluation.expected, evaluation.predicted)
    labels = ("probability of the answer", "share of answers that are right")
    if len(evaluation.classes) == 2:
        first = evaluation.classes[0]
        labels = ("P({}) as predicted".format(first), "share of frames really {}".format(first))
    svg, curve = plots.reliability_curve(happened, probability, labels, prefix + "-rel")
    words = ("Is it right as often as it claims? Mean distance from the ideal line (expected calibration "
             "error): {:.1f} %. A model whose probabilities are all true would show {:.1f} % by chance on so "
             "many frames; the bars are where the share could be (95 %).".format(
                 100 * curve["expected_calibration_error"], 100 * curve["calibration_error_by_chance"]))
    return [figure(svg, words)]


def _road_plots(evaluation, prefix):
    expected, predicted = np.asarray(evaluation.expected), np.asarray(evaluation.predicted)
    vectors, drawn = plots.error_vectors(expected, predicted, prefix + "-vectors")
    which = "" if drawn == len(expected) else " ({} of {} frames)".format(drawn, len(expected))
    return [figure(plots.coordinate_scatter(expected[:, 0], predicted[:, 0], "x", prefix + "-x"),
                    "x: \u22121 is the left edge, 1 the right edge."),
            figure(plots.coordinate_scatter(expected[:, 1], predicted[:, 1], "y", prefix + "-y"),
                    "y: \u22121 is the top edge, 1 the bottom edge."),
            figure(vectors, "From label to prediction, on the frame" + which + "."),
            figure(plots.error_map(expected, predicted, prefix + "-map"),
                   "Where on the frame it errs: mean distance in px from label to prediction, of the frames whose "
                   "label lies in the square (small: how many).")]


def _worst(cards, total, legend):
    return '<h3>The worst {} of {} frames</h3><p>{}</p><div class="frames">{}</div>'.format(
        len(cards), total, legend, "".join(cards))


def _card(evaluation, i, over, words, css_class=""):
    name = evaluation.names[i]
    words = "{}<code>{}</code>".format(words, text(name))
    return figure(frame_html(evaluation.images[i], name, over), words, css_class)


def _class_worst(evaluation):
    expected, probabilities = np.asarray(evaluation.expected), np.asarray(evaluation.predicted)
    cards = []
    for i in worst_first(evaluation)[:WORST_FRAMES]:
        answer, label = int(probabilities[i].argmax()), int(expected[i])
        shown = 0 if evaluation.task == "collision" else answer  # P(blocked) is the number the robot acts on
        words = "<span>label <b>{}</b></span><span>P({}) = <b>{:.2f}</b></span>".format(
            text(evaluation.classes[label]), text(evaluation.classes[shown]), probabilities[i, shown])
        cards.append(_card(evaluation, i, "", words, "right" if answer == label else "wrong"))
    return _worst(cards, len(expected), "Where the label got the lowest probability, worst first. Red: "
                  "judged wrong; green: judged right. Is the label itself right?")


def _road_worst(evaluation):
    expected, predicted = np.asarray(evaluation.expected), np.asarray(evaluation.predicted)
    distance = off_px(evaluation)
    cards = []
    for i in worst_first(evaluation)[:WORST_FRAMES]:
        words = "<span>off by <b>{:.0f} px</b></span>".format(distance[i])
        cards.append(_card(evaluation, i, road_overlay(expected[i], predicted[i]), words))
    return _worst(cards, len(expected), '<span class="key-label">\u25cb</span> the label, '
                                        '<span class="key-answer">\u2715</span> the prediction, worst first. '
                                        "Is the label itself right?")


def _weights(caption, pictures):
    cards, colored, scaled = [], np.ndim(pictures) == 4, False
    for i, weights in enumerate(pictures[:MAX_WEIGHT_PICTURES]):
        picture, top = weight_picture(weights)
        scaled = scaled or top is not None
        cards.append(figure(image_tag(picture, "weights of unit {}".format(i), ".png", "pixels"),
                             "" if top is None else "\u00b1{:.2g}".format(top)))
    how = "."
    if scaled:
        how = (". Grey is 0, a colour pulls the unit up;" if colored else
               '. <span class="scale">\u2212<i></i>+</span> Blue pulls the unit down, red up;')
        how += " each picture has its own scale, written below it."
    if len(pictures) > MAX_WEIGHT_PICTURES:
        how += " The first {} of {}.".format(MAX_WEIGHT_PICTURES, len(pictures))
    aspect = np.shape(pictures)[2] / float(np.shape(pictures)[1])  # several panes side by side need the room
    return ('<h3>What the first layer looks for</h3><p>{}{}</p><div class="weights" style="--aspect:{:.2f}">'
            "{}</div>".format(text(caption.rstrip(".")), how, aspect, "".join(cards)))
