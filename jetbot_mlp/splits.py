"""Which frames train and which are held out.

Neighbouring frames are near-twins: whoever holds out frames at random measures how well the network
remembers, not how well it will do tomorrow. So frames are held out by capture time, the last ones of each
class in each source, and training frames of the same moment (of any class) are dropped: by clock where
there is one, else the neighbours in order of the names.
"""
from typing import NamedTuple

import numpy as np

from .errors import DatasetError
from .messages import CLASSES

GUARD_S = 1.0  #: a training frame is further than this in time from every held-out frame
GUARD_NAMES = 2  #: without a clock: further than so many places in the order of the names


class Split(NamedTuple):
    """Indices into a Dataset."""

    train: np.ndarray  #: int64 (n_train,), ascending
    held_out: np.ndarray  #: int64 (n_held_out,), ascending; no frame is in both, some may be in neither
    note: str  #: how it was done, for people


def split(dataset, method="time", fraction=0.2, random_state=0):
    """Split a Dataset in two.

    method 'time': the last ``fraction`` in capture time of each class of each source is held out;
    'random': ``fraction`` of each class, drawn by ``random_state`` (int or RandomState);
    'none': nothing is held out.
    Raises DatasetError when a class would be missing in either part.
    """
    if method not in ("time", "random", "none") or not 0.0 < fraction < 1.0:
        raise ValueError("expected method 'time', 'random' or 'none' and a fraction between 0 and 1, "
                         "found %r and %r" % (method, fraction))
    everything = np.arange(len(dataset))
    if method == "none":
        return Split(everything, everything[:0], "nothing held out: the scores are of the training frames")
    is_held_out = np.zeros(len(dataset), dtype=bool)
    if method == "random":
        if not isinstance(random_state, np.random.RandomState):
            random_state = np.random.RandomState(random_state)
        for label in np.unique(dataset.labels):
            members = random_state.permutation(np.flatnonzero(dataset.labels == label))
            is_held_out[members[:_share(len(members), fraction)]] = True
        note = "%.0f %% of each class held out at random: neighbouring frames leak, expect too good scores"
        note %= (100 * fraction)
        is_train = ~is_held_out
    else:
        for members in _groups(dataset):
            is_held_out[members[len(members) - _share(len(members), fraction):]] = True
        is_train, note = _guarded(dataset, is_held_out)
        note = "the last %.0f %% of each class and source held out, by %s%s" % (
            100 * fraction, dataset.time_source, note)
    _check(dataset, is_train, is_held_out, "collect more of them")
    return Split(np.flatnonzero(is_train), np.flatnonzero(is_held_out), note)


def time_blocks(dataset, n_blocks=5, can_be_fewer=True):
    """Cut each class of each source into ``n_blocks`` contiguous blocks of capture time.

    can_be_fewer: may whoever called choose their number; it is then named as a remedy.
    Returns a list of n_blocks (train, held_out) pairs of int64 indices: every frame is held out
    exactly once, and training frames of the same moment are dropped as in `split`.
    Raises DatasetError when a block would have no frame of some class.
    """
    if n_blocks < 2:
        raise ValueError("expected at least 2 blocks, found %r" % (n_blocks,))
    block = np.empty(len(dataset), dtype=np.int64)
    for members in _groups(dataset):
        # Blocks of k frames each; a group smaller than n_blocks still spreads over them.
        block[members] = np.arange(len(members)) * n_blocks // len(members)
    remedy = "collect more of them" + (", or use fewer blocks than %d" % n_blocks) * (can_be_fewer and n_blocks > 2)
    pairs = []
    for i in range(n_blocks):
        is_held_out = block == i
        is_train, _ = _guarded(dataset, is_held_out)
        _check(dataset, is_train, is_held_out, remedy)
        pairs.append((np.flatnonzero(is_train), np.flatnonzero(is_held_out)))
    return pairs


def random_draws(dataset, n_draws=10, random_state=0):
    """As the official notebooks hold out: at random, 50 frames (collision) or 10 % (road), ``n_draws`` times.

    Returns a list of (train, held_out) pairs of int64 indices, each drawn anew from random_state, an int.
    Nothing keeps near-twins apart: the scores are comparable with those of the notebooks, and too good.
    Raises DatasetError for fewer than 100 (collision) or 10 frames (road), or too few of one class.
    """
    if n_draws < 1:
        raise ValueError("expected at least 1 draw, found %r" % (n_draws,))
    fewest = 100 if dataset.task == "collision" else 10
    if len(dataset) < fewest:
        raise DatasetError("expected at least %d frames to draw held-out ones from, found %d; hold out blocks of "
                           "time, or collect more" % (fewest, len(dataset)))
    count = 50 if dataset.task == "collision" else int(0.1 * len(dataset))
    random_state = np.random.RandomState(random_state)
    pairs = []
    for _ in range(n_draws):
        is_held_out = np.zeros(len(dataset), dtype=bool)
        is_held_out[random_state.permutation(len(dataset))[:count]] = True
        _check(dataset, ~is_held_out, is_held_out, "collect more of them, or hold out blocks of time")
        pairs.append((np.flatnonzero(~is_held_out), np.flatnonzero(is_held_out)))
    return pairs


def sources_left_out(dataset):
    """Each source held out once, all others training: does it work on a floor it has never seen?

    Returns a list of (train, held_out) pairs of int64 indices, one for each source that has frames, in
    their order; training frames of the same moment are dropped as in `split`.
    Raises DatasetError for fewer than two sources, or when all frames of a class lie in one of them.
    """
    sources = np.unique(dataset.sources)
    if len(sources) < 2:
        raise DatasetError("expected at least two sources to leave one out, found %d; name another folder or zip "
                           "file" % len(sources))
    pairs = []
    for source in sources:
        is_held_out = dataset.sources == source
        is_train, _ = _guarded(dataset, is_held_out)
        for label in np.unique(dataset.labels):
            if not is_train[dataset.labels == label].any():
                raise DatasetError("expected frames of every class in at least two sources, found %s in one only; "
                                   "add a source" % _kind(dataset, label))
        pairs.append((np.flatnonzero(is_train), np.flatnonzero(is_held_out)))
    return pairs


def class_weights(targets, n_classes):
    """Weights by which every class counts the same: n / (classes present * frames of the class).

    targets: int (n,), 0 to n_classes - 1. Returns float32 (n,) with mean 1, one weight per frame.
    (King & Zeng 2001, Logistic Regression in Rare Events Data; scikit-learn calls it 'balanced'.)
    """
    targets = np.asarray(targets)
    counts = np.bincount(targets, minlength=n_classes)
    if len(counts) > n_classes:
        raise ValueError("expected classes 0 to %d, found %d" % (n_classes - 1, len(counts) - 1))
    return (len(targets) / (np.count_nonzero(counts) * counts[targets].astype(np.float64))).astype(np.float32)


def _share(n, fraction):
    """How many of n frames to hold out: at least one, never all; of one frame none."""
    return min(max(int(round(fraction * n)), 1), n - 1)


def _groups(dataset):
    """Index arrays, one for each class of each source, in order of capture time."""
    for source in np.unique(dataset.sources):
        for label in np.unique(dataset.labels):
            members = np.flatnonzero((dataset.sources == source) & (dataset.labels == label))
            if len(members):
                yield members[np.argsort(dataset.times_s[members], kind="mergesort")]  # stable in every NumPy


def _guarded(dataset, is_held_out):
    """(is_train bool (n,), note): what is neither held out nor next to a held-out frame.

    uuid1 and modification time both count s since 1970 and are compared with one another, across sources
    too (two folders of one drive); a zip's modification times are local time, so that a zip is truly
    guarded only in itself and against other zips. Orders of names are compared within their source.
    A guard that would leave a class without training frames is not applied to that class, and the note
    says so.
    """
    too_close = np.zeros(len(dataset), dtype=bool)
    clocks = np.array(dataset.source_clocks)[dataset.sources] if len(dataset) else np.array([], dtype=str)
    is_timed = clocks != "name"
    guard_s = GUARD_S + _resolution_s(dataset, clocks)
    _mark_close(too_close, dataset.times_s, is_timed, is_held_out, guard_s)
    for source in np.unique(dataset.sources[~is_timed]):
        _mark_close(too_close, dataset.times_s, dataset.sources == source, is_held_out, GUARD_NAMES)
    note = ""
    for label in np.unique(dataset.labels):
        candidates = (dataset.labels == label) & ~is_held_out
        if candidates.any() and too_close[candidates].all():
            too_close[candidates] = False
            note = "; all training frames of a class lie next to held-out ones and were kept"
    for kind, distance in ((~is_timed, "%d names" % GUARD_NAMES), (is_timed, "%g s" % guard_s)):
        if too_close[kind].any():
            note = "; %d training frames within %s of held-out ones dropped%s" % (
                too_close[kind].sum(), distance, note)
    return ~is_held_out & ~too_close, note


def _mark_close(too_close, times, selected, is_held_out, guard):
    """Set too_close, bool (n,), where a selected frame lies within guard of a selected held-out one."""
    held = np.sort(times[selected & is_held_out])
    mine = np.flatnonzero(selected & ~is_held_out)
    if len(held) and len(mine):
        after = np.searchsorted(held, times[mine])
        distance = np.minimum(np.abs(times[mine] - held[np.maximum(after - 1, 0)]),
                              np.abs(times[mine] - held[np.minimum(after, len(held) - 1)]))
        too_close[mine] = distance <= guard


def _resolution_s(dataset, clocks):
    """Coarsest step in s of the sources' modification times: 2 (zip, FAT), 1 (some file systems) or 0."""
    steps = [0.0]
    for source in np.unique(dataset.sources[clocks == "modification time"]):
        times_s = dataset.times_s[dataset.sources == source]
        steps += [step for step in (1.0, 2.0) if not np.any(times_s % step)]
    return max(steps)


def _check(dataset, is_train, is_held_out, remedy):
    """DatasetError unless every class of the dataset is in both parts."""
    for label in np.unique(dataset.labels) if len(dataset) else (0,):
        for part, name in ((is_train, "training"), (is_held_out, "held-out")):
            if not part[dataset.labels == label].any():
                raise DatasetError("expected at least one training and one held-out frame of every kind, "
                                   "found no %s one among %d %s; %s" % (
                                       name, np.sum(dataset.labels == label), _kind(dataset, label), remedy))


def _kind(dataset, label):
    """'blocked frames': those of a label, for people; road has one kind."""
    return CLASSES[dataset.task][label] + " frames" if dataset.task in CLASSES else "frames"
