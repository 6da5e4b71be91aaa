"""How many held-out frames are near-twins of training frames: for these, a score tells how well the network remembers.

Frames held out by time are seldom that, unless the robot stood still, came back to the same spots, or the frames were
mirrored or saved anew before the training.
"""
from typing import NamedTuple, Optional

import numpy as np

from .near_twins import Twins, twin_pairs

CONSIDERABLE = 0.2  #: of the held-out frames; on six real sets it is 0 to 0.04, mirrored 0


class Leaks(NamedTuple):
    """What was found."""

    frames: int  #: held-out frames that are near-twins of a training frame
    mirrored: int  #: of these, how many are only if they are mirrored
    held_out: int  #: held-out frames in all
    twins: Optional[Twins] = None  #: first: index into the held-out frames, second: into the training frames


def find_leaks(training, held_out, mirror=True):
    """training, held_out: `Dataset`s; mirror: does the training mirror its frames. Returns Leaks."""
    twins = twin_pairs(held_out.images, training.images, mirror=mirror)
    n = len(np.unique(twins.first))
    return Leaks(n, n - len(np.unique(twins.first[~twins.mirrored])), len(held_out), twins)


def leaks_of_folds(dataset, folds, mirror=True):
    """folds: (train, held_out) index arrays, see `splits` -> Leaks of all together, without twins."""
    found = [find_leaks(dataset.subset(train), dataset.subset(held_out), mirror)[:3] for train, held_out in folds]
    return Leaks(*[sum(counts) for counts in zip(*found)])


def leaks_of(trained, dataset):
    """trained: `Trained`, on frames of dataset, or None of it for MNIST -> Leaks, or None if nothing was held out."""
    if dataset is None or trained.evaluation is None:
        return None
    return find_leaks(*parts_of(trained, dataset), mirror=trained.model.mirrored)


def parts_of(trained, dataset):
    """-> (the frames trained on, those held out), two `Dataset`s."""
    names = set(trained.evaluation.names)
    held_out = np.flatnonzero([name in names for name in dataset.names])
    return dataset.subset(trained.learnt), dataset.subset(held_out)


def leaks_in_words(leaks):
    """Leaks -> one sentence."""
    frames, mirrored, held_out = leaks[:3]
    if not frames:
        return "none of the {} held-out frames is nearly the same picture as a training frame".format(held_out)
    turned = "" if not mirrored else " (all of them mirrored)" if mirrored == frames else \
        " ({} of them mirrored)".format(mirrored)
    many = "all" if frames == held_out > 1 else "{} of the".format(frames)
    return "{} {} held-out frames {} nearly the same picture as a training frame{}: for {}, the score tells how well " \
           "the network remembers".format(many, held_out, "is" if frames == 1 else "are", turned,
                                          "it" if frames == 1 else "them")


def warning_of_leaks(leaks):
    """The sentence if it is a considerable share, or "". leaks: Leaks or None."""
    return leaks_in_words(leaks) if leaks is not None and leaks.frames > CONSIDERABLE * leaks.held_out else ""


def leaks_as_json(leaks):
    """Leaks or None -> for JSON."""
    return None if leaks is None else {"frames": leaks.frames, "mirrored": leaks.mirrored}
