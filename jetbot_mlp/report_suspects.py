"""The report's pages about the data itself: near-twins and probable label mistakes, with their pictures."""
import numpy as np

from .held_out_twins import find_leaks, leaks_in_words
from .messages import CLASSES
from .near_twins import twin_pairs
from .report_html import PAGE, figure, text
from .report_pictures import frame_html, road_overlay
from .suspects import KINDS, contradicting, contradictions

MAX_SHOWN = {"contradiction": 24, "disagreement": 48, "twin": 12}  #: cards of each kind; the list has all
_HEADINGS = {
    "contradiction": ("Near-twins with contradicting labels",
                      "Nearly the same picture, but another answer: at least one of the two labels is wrong, or it "
                      "was a matter of taste. A network cannot learn both."),
    "disagreement": ("Where the model, trained without the frame, disagrees most",
                     "Look at each: a wrong label, or a frame the model should have known better? Where it has seen "
                     "little of the kind, it is the model that is wrong."),
    "twin": ("Near-twins of other frames",
             "Nearly the same picture with the same answer. They do no harm in training, but a score over both "
             "counts one picture twice.")}


def suspects_page(title, about, dataset, found, predicted):
    """The page of the command suspects. about: list of str, sentences for its beginning; else as suspects_html."""
    words = "".join("<p>{}</p>".format(text(sentence)) for sentence in about)
    return PAGE.substitute(title=text(title), body="<section>{}{}</section>".format(
        words, suspects_html(dataset, found, predicted)))


def suspects_html(dataset, found, predicted=None):
    """Cards of all kinds of suspects. dataset: `Dataset`; found: `Suspects`; predicted: as in find_suspects."""
    parts = ["<h3>The frames themselves</h3><p>{}</p>".format(text(twins_in_words(found, len(dataset))))]
    for kind in KINDS:
        members = _each_pair_once([suspect for suspect in found.listed if suspect.kind == kind])
        if not members:
            continue
        heading, words = _HEADINGS[kind]
        cards = [_card(dataset, suspect, predicted) for suspect in members[:MAX_SHOWN[kind]]]
        if dataset.task == "road":
            words += " Green ring: the label." + (" Red cross: the model." if kind == "disagreement" else "")
        parts.append(_cards("{} ({})".format(heading, len(members)), words, cards, len(members),
                            kind != "disagreement"))
    return "".join(parts)


def twins_in_words(found, n_frames):
    """found: `Suspects` of n_frames -> one sentence."""
    if not found.pairs:
        return "No two of the %d frames are nearly the same picture." % n_frames
    return ("%d of the %d frames have a near-twin among the others; without such repetitions there are %d different "
            "pictures." % (found.twins, n_frames, found.different))


def leak_html(training, held_out, leaks=None, mirror=True):
    """Near-twins between the frames learnt from and those the score is made of, two `Dataset`s.

    leaks: what `find_leaks` found in them, if that is known; mirror: does the training mirror its frames.
    """
    leaks = find_leaks(training, held_out, mirror) if leaks is None else leaks
    heading = "Near-twins between training and held-out frames"
    words = leaks_in_words(leaks) + "."
    words = words[0].upper() + words[1:]
    if not leaks.frames:
        return "<h3>{}</h3><p>{}</p>".format(heading, words)
    task, n = training.task, len(held_out)
    apart = twin_pairs(held_out.images, training.images, mirror=mirror, wanted=lambda first, second, mirrored:
                       contradicting(task, held_out.targets[first], training.targets[second], mirrored))
    if len(apart.first):
        words += " Of these frames, {} contradict the label of such a training frame; they come first.".format(
            len(np.unique(apart.first)))
    pairs = contradictions(task, np.concatenate([held_out.targets, training.targets]), apart.first, apart.second + n,
                           apart.mirrored)
    pairs = [(i, j - n, why) for i, j, why in pairs] + [
        (i, j, "mirrored" if turned else "") for i, j, turned in
        zip(leaks.twins.first, leaks.twins.second, leaks.twins.mirrored)]
    shown, cards = set(), []
    for i, j, why in pairs:
        if i not in shown and len(cards) < MAX_SHOWN["twin"]:
            shown.add(i)
            cards.append(_pair((training, int(j), "learnt from"), (held_out, int(i), "held out"), why))
    return _cards(heading, words, cards, leaks.frames, True)


def _each_pair_once(suspects):
    """Without the second of two suspects that accuse each other."""
    kept, pairs = [], set()
    for suspect in suspects:
        pair = frozenset((suspect.frame, suspect.twin))
        if suspect.twin is None or pair not in pairs:
            kept.append(suspect)
            pairs.add(pair)
    return kept


def _cards(heading, words, cards, total, in_pairs):
    shown = "" if len(cards) == total else " The first {} are shown.".format(len(cards))
    return '<h3>{}</h3><p>{}{}</p><div class="frames{}">{}</div>'.format(
        text(heading), text(words), shown, " pairs" if in_pairs else "", "".join(cards))


def _card(dataset, suspect, predicted):
    if suspect.twin is not None:
        why = suspect.reason.partition(", ")[2].partition(", labelled")[0]
        return _pair((dataset, suspect.frame, ""), (dataset, suspect.twin, ""), why)
    i = suspect.frame
    if dataset.task == "road":
        words, over = suspect.reason, road_overlay(dataset.targets[i], predicted[i])
    else:
        words, over = "", ""
        answer = int(np.argmax(predicted[i]))
        words = "labelled {}; the model: {}, {:.0f} %".format(
            CLASSES[dataset.task][int(dataset.targets[i])], CLASSES[dataset.task][answer],
            min(99, 100 * predicted[i][answer]))
    return figure(frame_html(dataset.images[i], dataset.names[i], over),
                  "<span>{}</span><code>{}</code>".format(text(words), text(dataset.names[i])))


def _pair(one, other, why):
    """Two frames side by side. one, other: (dataset, index, role)."""
    frames, lines = "", ""
    for dataset, i, role in (one, other):
        road = dataset.task == "road"
        label = "" if road else CLASSES[dataset.task][int(dataset.targets[i])]
        over = road_overlay(dataset.targets[i], None) if road else ""
        frames += frame_html(dataset.images[i], dataset.names[i], over)
        about = ", ".join(part for part in (role, "labelled " + label if label else "") if part)
        lines += "<span>{} <code>{}</code></span>".format(text(about), text(dataset.names[i]))
    why = "<span><b>{}</b></span>".format(text(why)) if why else ""
    return figure('<div class="pair">{}</div>'.format(frames), why + lines)
