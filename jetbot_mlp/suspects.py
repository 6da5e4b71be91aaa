"""Frames whose labels one should look at again: near-twins that contradict each other, and frames about which a
model that was trained without them disagrees most.

A suspect is a suggestion, no verdict: the model may be wrong, and often is where it has seen too little.
Nothing here deletes or relabels anything; `list_text` makes a list for `--exclude`, every line commented out.
"""
from typing import List, NamedTuple, Optional

import numpy as np

from .errors import DatasetError
from .messages import CLASSES
from .metrics import PX_PER_UNIT
from .near_twins import keep_different, twin_pairs

# Road targets of near-twins on three real sets lie 8 to 10 px apart in the median, as exactly as people click;
# one pair in 20 lies further apart than 28 px, an eighth of the frame.
FAR_PX = 28.0
KINDS = ("contradiction", "disagreement", "twin")  #: the order of the list
_TITLES = {"contradiction": "Near-twins with contradicting labels: at least one of the two is wrong, or it was a "
                            "matter of taste",
           "disagreement": "The model, trained without the frame, disagrees with its label: most striking first",
           "twin": "Near-twins of a frame that comes before: right, but nothing new, and a score over both counts "
                   "twice"}


class Suspect(NamedTuple):
    """One frame to look at; its reason is for people."""

    frame: int  #: index into the dataset
    name: str
    kind: str  #: one of KINDS
    reason: str
    twin: Optional[int]  #: index of the near-twin, of contradictions and twins


class Suspects(NamedTuple):
    """What was found in a dataset."""

    listed: List[Suspect]  #: each frame once, by its weightiest kind, ranked
    pairs: int  #: of near-twins
    twins: int  #: frames that have a near-twin
    different: int  #: frames that remain when no two of them are near-twins


def find_suspects(dataset, predicted=None, mirror=True):
    """dataset: `Dataset`; predicted: answers of models that had not seen the frame, one row a frame of the
    dataset, collision float (n, 2) probabilities, road float (n, 2) x, y; None: near-twins only; mirror: does the
    training mirror its frames, so that mirror images are near-twins and their labels must agree.

    Returns Suspects.
    """
    task, targets = dataset.task, dataset.targets
    twins = twin_pairs(dataset.images, mirror=mirror, wanted=lambda first, second, mirrored: contradicting(
        task, targets[first], targets[second], mirrored))
    listed, seen = [], set()

    def add(frame, kind, reason, twin=None):
        if frame not in seen:
            seen.add(frame)
            listed.append(Suspect(int(frame), dataset.names[frame], kind, reason,
                                  None if twin is None else int(twin)))

    for i, j, why in contradictions(task, targets, twins.first, twins.second, twins.mirrored):
        for frame, twin in ((i, j), (j, i)):
            label = ", " + label_in_words(task, targets[frame]) if task == "collision" else ""
            add(frame, "contradiction", "near-twin of %s, %s%s" % (dataset.names[twin], why, label), twin)
    if predicted is not None:
        for frame, why in disagreements(task, targets, predicted):
            add(frame, "disagreement", why)
    have_twins = np.flatnonzero(np.bincount(twins.group)[twins.group] > 1)
    in_order = np.array(sorted(have_twins.tolist(), key=lambda frame: (frame in seen, frame)), dtype=np.int64)
    twin, mirrored = keep_different(dataset.images[in_order], mirror=mirror)  # the doubtful are kept last
    repeats = np.flatnonzero(twin != np.arange(len(in_order)))
    for k in repeats[np.argsort(in_order[repeats])]:
        add(in_order[k], "twin", "near-twin of %s%s" % (dataset.names[in_order[twin[k]]],
                                                        ", mirrored" if mirrored[k] else ""), in_order[twin[k]])
    return Suspects(listed, twins.pairs, len(have_twins), len(dataset) - len(repeats))


def folds_of_groups(dataset, n_folds=5, random_state=0, mirror=True):
    """Folds for the answers that `find_suspects` takes -> list of n_folds (train, held_out) pairs of int64 indices.

    Every frame is held out once, at random: the model shall know the place, so that what it finds improbable is
    the label. But near-twins are held out together: else a wrong label would be vouched for by its own copy.
    Each class is spread over the folds alike. random_state: int; mirror: as in `find_suspects`. DatasetError for
    fewer than n_folds groups of near-twins in a class.
    """
    group = twin_pairs(dataset.images, mirror=mirror).group
    heads = np.random.RandomState(random_state).permutation(np.unique(group))
    heads = heads[np.argsort(dataset.labels[heads], kind="mergesort")]
    for label in np.unique(dataset.labels):
        n = int(np.sum(dataset.labels[heads] == label))
        if n < n_folds:
            raise DatasetError("expected at least %d different pictures of each kind to train without each of them, "
                               "found %d of %s; collect more" % (
                                   n_folds, n, CLASSES[dataset.task][label] if dataset.task in CLASSES else "the road"))
    fold_of_head = np.zeros(len(dataset), dtype=np.int64)
    fold_of_head[heads] = np.arange(len(heads)) % n_folds
    fold = fold_of_head[group]
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def contradicting(task, targets, others, mirrored):
    """Whether the targets of near-twins contradict each other: bool (p,). mirrored: bool (p,), when one is mirrored."""
    return targets != others if task == "collision" else _apart_px(targets, others, mirrored) > FAR_PX


def contradictions(task, targets, first, second, mirrored=None):
    """Pairs (first[k], second[k]) of near-twins, nearest first, whose targets contradict each other.

    mirrored: bool (p,), near-twins when one of them is mirrored, as its target is then; None: none is.
    Returns [(i, j, reason)]: collision in the given order, road with the targets furthest apart first.
    """
    first, second = np.asarray(first, np.int64), np.asarray(second, np.int64)
    mirrored = np.zeros(len(first), dtype=bool) if mirrored is None else mirrored
    how = ["mirrored, " if turned else "" for turned in mirrored]
    if task == "collision":
        return [(i, j, turned + "which has the other label") for i, j, turned in zip(first, second, how)
                if targets[i] != targets[j]]
    apart = _apart_px(targets[first], targets[second], mirrored)
    return [(first[k], second[k], how[k] + "their targets lie %.0f px apart" % apart[k])
            for k in np.argsort(-apart, kind="mergesort") if apart[k] > FAR_PX]


def disagreements(task, expected, predicted):
    """Frames whose labels a model that had not seen them finds improbable -> [(frame, reason)], worst first.

    Collision: the model's probability of the other class is at least as high as it is on average where the
    label is that class, so a timid model is not taken at its word only above 0.5 ("confident learning":
    Northcutt, Jiang & Chuang, JAIR 70 (2021)), and higher than that of the label. Road: the prediction is
    further from the label than the upper quartile of all by 1.5 interquartile ranges (Tukey 1977, "Exploratory
    data analysis").
    """
    expected, predicted = np.asarray(expected), np.asarray(predicted, dtype=np.float64)
    if len(expected) == 0:
        return []
    if task == "road":
        off_px = _distance_px(predicted, expected)
        quarter, three_quarters = np.percentile(off_px, [25, 75])
        order = np.argsort(-off_px, kind="mergesort")
        return [(i, "the model's target is %.0f px away" % off_px[i]) for i in order
                if off_px[i] > three_quarters + 1.5 * (three_quarters - quarter)]
    own = predicted[np.arange(len(expected)), expected]
    answer = predicted.argmax(axis=1)
    usual = np.array([np.mean(own[expected == k]) if np.any(expected == k) else np.inf
                      for k in range(predicted.shape[1])])
    claimed = predicted[np.arange(len(expected)), answer]
    order = np.argsort(own - claimed, kind="mergesort")
    return [(i, "labelled %s, the model says %s with %.0f %%" % (
        CLASSES[task][expected[i]], CLASSES[task][answer[i]], min(99, 100 * claimed[i]))) for i in order
        if answer[i] != expected[i] and claimed[i] >= usual[answer[i]]]


def label_in_words(task, target):
    """'labelled free', or 'target at x 120, y 80 px'."""
    if task == "collision":
        return "labelled %s" % CLASSES[task][int(target)]
    return "target at x %.0f, y %.0f px" % tuple(PX_PER_UNIT * (1 + np.asarray(target, dtype=np.float64)))


def _apart_px(targets, others, mirrored):
    """Distances of targets (p, 2) from others, which are mirrored first where mirrored says so."""
    sides = np.where(mirrored, -1.0, 1.0)
    return _distance_px(targets, np.stack([sides * others[:, 0], others[:, 1]], axis=1))


def _distance_px(points, others):
    return PX_PER_UNIT * np.hypot(*(np.asarray(points, np.float64) - np.asarray(others, np.float64)).T)


def list_text(found, titles):
    """The suspects as the text of a list for `--exclude`. titles: names of the folders, for the first line."""
    lines = ["# Frames of %s to look at again, as jetbot-mlp suspects found them." % ", ".join(titles),
             "# A suggestion, no verdict: all lines are commented out, so this list excludes nothing yet.",
             "# Look at each picture. Is its label wrong, or the picture no use? Take the # at the beginning of its",
             "# line away, and give this file to train, evaluate or crossvalidate as --exclude. Nothing is deleted."]
    for kind in KINDS:
        members = [suspect for suspect in found.listed if suspect.kind == kind]
        if members:
            lines += ["", "# " + _TITLES[kind] + " (%d)" % len(members)]
            lines += ["#%s  # %s" % (suspect.name, suspect.reason) for suspect in members]
    return "\n".join(lines) + "\n"
