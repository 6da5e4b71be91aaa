"""Old frames and corrected ones -> a new model, held against the old one on frames that neither has learnt.

    retrained = retrain("road.npz", ["dataset_xy"], ["corrections_xy"])
    print(comparison_text(retrained))                                             # see `comparison`
    save_keeping("road.npz", retrained.trained.model, retrained.golden_image)     # see `model_versions`

Frames are held out by time, old and new separately. Old ones: the last fifth of each kind, exactly those that
`train_frames` had held out when the old model was trained on the same folders; whether it was is told by the
fingerprints in the model file, and said. New ones: the last fifth of the *moments*, for the frames of one press are
near-twins: one moment is learnt whole or held out whole. The old model cannot have learnt them if it is older.

Which way to learn was measured on real frames of two owners each (docs/accuracy.md: 240 to 520 old frames, 40 new
ones to learn; one laptop core; balanced accuracy in % on held-out old / new frames, for the road px off sideways):

                              before         anew            quick          learn on
    bottle lane -> things     81.0 / 72.4    82.9 / 73.0     79.2 / 73.5    80.1 / 74.5
    things -> offices         93.0 / 28.7    94.0 / 66.0     94.6 / 67.0    92.5 / 61.7
    road: tape -> mat         15.5 / 27.8    15.9 / 22.5     15.8 / 25.9    16.4 / 19.4
    seconds                                  14 to 21        4              3 to 5

No way is clearly better than another. Anew is the default, since it depends on the frames alone; quick is for the
robot's own processor; learning on stays closest to what the old model did.
"""
import os
from typing import List, NamedTuple, Optional

import numpy as np

from . import kept_frames, row_files
from .comparison import Row
from .dataset import Dataset, load_dataset
from .errors import DatasetError
from .evaluation import evaluate
from .frame_overlap import overlap
from .model_file import load_model
from .splits import Split, split
from .train_frames import QUICK, RECIPES, Trained, train_frames

MOMENT_GAP_S = 2.5  #: a press keeps one second; presses that follow one another faster show the same scene
HELD_OUT_SHARE = 0.2
WAYS = ("anew", "quick", "learn on")
LEARN_ON_STEPS, LEARN_ON_RATE = 600, 5e-4


class Retrained(NamedTuple):
    """The new model beside the old one."""

    trained: Trained
    rows: List[Row]
    notes: List[str]
    golden_image: np.ndarray  #: for `save_model`
    old_path: Optional[str]  #: of the old model's file, if it came from one


def retrain(old_model, old_folders, new_folders, way="anew", random_state=0, progress=None, watch=None,
            exclude=None):
    """Train anew on old and corrected frames, and compare.

    old_model: `Model` or the path of its file; old_folders, new_folders: a path or a list of them, the new ones as
    `Collection` writes them; way: 'anew' (the task's recipe, from random weights), 'quick' (a shorter one), 'learn on'
    (from the old model's weights); progress, watch: as for `train_frames`; exclude: as for `load_dataset`, of the old
    folders. Returns Retrained. Raises DatasetError, ModelFileError, JetbotMLPError.
    """
    if way not in WAYS:
        raise ValueError(f"way: expected one of {WAYS}, found {way!r}")
    path = os.fspath(old_model) if isinstance(old_model, (str, os.PathLike)) else None
    old_model = load_model(path) if path is not None else old_model
    task = old_model.task
    old = load_dataset(task, old_folders, exclude=exclude)
    old_print = old.fingerprint()
    new = load_dataset(task, new_folders, xy="pixel" if task == "road" else "auto", require_all_classes=False)
    corrected = set(new.hashes)
    old = old.subset([i for i, digest in enumerate(old.hashes) if digest not in corrected])
    old_parts, new_parts = split(old, "time"), held_out_moments(new)
    both = joined(old, new)
    parts = Split(np.concatenate([old_parts.train, len(old) + new_parts.train]),
                  np.concatenate([old_parts.held_out, len(old) + new_parts.held_out]),
                  f"old frames: {old_parts.note}; new frames: {new_parts.note}")
    recipe = (QUICK if way == "quick" else RECIPES)[task]._replace(mirror=old_model.mirrored)
    if way == "learn on":
        recipe = recipe._replace(members=1, steps=LEARN_ON_STEPS, learning_rate=LEARN_ON_RATE)
    trained = train_frames(both, recipe, parts, random_state, progress, watch,
                           old_model if way == "learn on" else None)
    summary = dict(trained.model.training, old_fingerprint=old_print)
    trained = trained._replace(model=trained.model._replace(training=summary))
    known = old_print in (old_model.training.get("data_fingerprint"), old_model.training.get("old_fingerprint"))
    old_held_out = old.subset(old_parts.held_out)
    rows = [_row("old", old_model, trained.model, old_held_out, _past(old_model, old_held_out, known))]
    if len(new_parts.held_out):
        note = "neither model has learnt these frames, if the old one was made before them"
        rows.append(_row("new", old_model, trained.model, new.subset(new_parts.held_out), note))
    else:
        rows.append(_row("new", old_model, trained.model, new,
                         "the NEW model has learnt these very frames (there is one moment only), so its score says "
                         "nothing yet: correct it at another moment", learnt=True))
    return Retrained(trained, rows, trained.notes, both.images[0], path)


def held_out_moments(dataset):
    """Split of corrected frames: the last fifth of the moments, at least one, is held out; of a single one nothing.

    A moment: frames that follow one another within MOMENT_GAP_S.
    """
    order = np.argsort(dataset.times_s, kind="mergesort")
    moment = np.zeros(len(dataset), dtype=np.int64)
    moment[order] = np.cumsum(np.concatenate([[0], np.diff(dataset.times_s[order]) > MOMENT_GAP_S])[:len(dataset)])
    n = int(moment.max()) + 1
    first = n - (max(1, int(round(HELD_OUT_SHARE * n))) if n > 1 else 0)
    note = f"the last {n - first} of {n} moments held out" if n > 1 else "one moment only, nothing held out"
    return Split(np.flatnonzero(moment < first), np.flatnonzero(moment >= first), note)


def joined(first, second):
    """One Dataset of the frames of two of the same task, in this order."""
    if first.task != second.task:
        raise DatasetError(f"expected frames of one task, found {first.task} and {second.task}")
    return Dataset(first.task, first.names + second.names, row_files.joined(first.images, second.images),
                   np.concatenate([first.targets, second.targets]),
                   np.concatenate([first.times_s, second.times_s]),
                   np.concatenate([first.sources, second.sources + len(first.source_clocks)]),
                   first.source_clocks + second.source_clocks, first.hashes + second.hashes,
                   first.skipped + second.skipped, first.notes + second.notes, first.excluded + second.excluded,
                   kept_frames.joined(first.origin, second.origin))


def _past(old_model, held_out, same_set):
    """Whether the old model has learnt these frames, in words. same_set: its set was this one, split in this way."""
    found = overlap(old_model.training, held_out)
    if same_set or (found.looked_up == found.n and not found.known):
        return "neither model has learnt these frames"
    if found.is_known is not None:
        return f"the old model has learnt {found.known} of these {found.n} frames: its score is too good"
    return ("the old model was trained on other frames than these, perhaps on some of them: its score may be "
            "too good")


def _row(name, before, after, frames, note, learnt=False):
    return Row(name, evaluate(before, frames), evaluate(after, frames), note, learnt)
