"""Cross-validation: train on some frames, answer for the others, until every fold had its turn.

Nothing is ever chosen on held-out frames: each fold's network is trained with ``held_out="none"`` on the fold's
training frames, by the same recipe and seed as a network for the robot would be.
"""
from typing import List, NamedTuple, Optional, Tuple

import numpy as np

from .evaluation import evaluate, score
from .messages import CLASSES
from .nearest_neighbour import nearest_answers
from .parallel import run
from .train_frames import RECIPES, train_frames

SCORES = {"collision": ("balanced_accuracy", "accuracy"), "road": ("mae_x_px", "mae_y_px", "mse")}  #: first: the one
HIGHER_IS_BETTER = {"collision": True, "road": False}


class FoldAnswers(NamedTuple):
    """What the network of one fold answers for its held-out frames."""

    metrics: dict  #: of classification_metrics or road_metrics, and trained_on (frames), seconds (of the training)
    predicted: np.ndarray  #: float (n, n_classes) probabilities, or (n, 2) x, y in [-1, 1]
    nearest: Optional[np.ndarray]  #: the same of the nearest neighbour; None when left out


class CrossValidation(NamedTuple):
    """Answers for frames by networks that had not seen them, in order of frame, then fold."""

    task: str  #: 'collision' or 'road'
    classes: Optional[Tuple[str, ...]]  #: None for road
    frames: np.ndarray  #: int64 (n,), index into the dataset; time blocks: each once, in order
    names: List[str]  #: n, of the frames
    fold: np.ndarray  #: int64 (n,), which fold held the frame out
    expected: np.ndarray  #: int64 (n,) classes, or float32 (n, 2)
    predicted: np.ndarray  #: float (n, n_classes) probabilities, or (n, 2)
    nearest: Optional[np.ndarray]  #: the same of the nearest neighbour; None when left out
    folds: List[dict]  #: `FoldAnswers.metrics` of each fold
    nearest_folds: Optional[List[dict]]  #: the nearest neighbour's metrics of each fold


def out_of_fold(dataset, folds, recipe=None, random_state=0, jobs=None, dask=None, nearest=False, progress=None):
    """Train once for each fold and collect the answers for the held-out frames.

    folds: list of (train, held_out) index arrays into the Dataset, see `splits`; recipe: Recipe or None for the
    task's own; random_state: int, the seed of every training; jobs, dask, progress: see `parallel.run`.
    Returns CrossValidation. The same arguments give the same answers, whatever jobs and dask are.
    """
    return cross_validate([(dataset, folds)], recipe, random_state, jobs, dask, nearest, progress)[0]


def cross_validate(sets, recipe=None, random_state=0, jobs=None, dask=None, nearest=False, progress=None):
    """`out_of_fold` for several (dataset, folds) pairs at once -> list of CrossValidation."""
    if dask is not None:  # other machines do not have our files
        sets = [(dataset.in_memory(), folds) for dataset, folds in sets]
    calls = [(dataset, train, held_out, recipe, random_state, nearest)
             for dataset, folds in sets for train, held_out in folds]
    answers = [None] * len(calls)
    for index, result in run(answer_fold, calls, jobs, dask, progress, "folds", [dataset for dataset, _ in sets]):
        answers[index] = result
    done = []
    for dataset, folds in sets:
        done.append(_collect(dataset, folds, answers[:len(folds)]))
        answers = answers[len(folds):]
    return done


def answer_fold(dataset, train, held_out, recipe, random_state, nearest):
    """Train on dataset.subset(train), answer for dataset.subset(held_out) -> FoldAnswers."""
    recipe = RECIPES[dataset.task] if recipe is None else recipe
    training, test = dataset.subset(train), dataset.subset(held_out)
    trained = train_frames(training, recipe, held_out="none", random_state=random_state)
    if trained.interrupted:  # train_frames keeps what it has; half a training says nothing of the recipe
        raise KeyboardInterrupt
    evaluation = evaluate(trained.model, test)
    metrics = dict(evaluation.metrics, trained_on=len(training), seconds=float(trained.seconds))
    near = None
    if nearest:
        classes = CLASSES.get(dataset.task)
        near = nearest_answers(training.images, training.targets, test.images, classes and len(classes))
    return FoldAnswers(metrics, evaluation.predicted, near)


def _collect(dataset, folds, answers):
    frames = np.concatenate([held_out for _, held_out in folds])
    fold = np.repeat(np.arange(len(folds)), [len(held_out) for _, held_out in folds])
    order = np.lexsort((fold, frames))
    predicted = np.concatenate([answer.predicted for answer in answers])[order]
    nearest = nearest_folds = None
    if answers[0].nearest is not None:
        nearest = np.concatenate([answer.nearest for answer in answers])[order]
        nearest_folds = [metrics_of(dataset.task, dataset.targets[held_out], answer.nearest)
                         for (_, held_out), answer in zip(folds, answers)]
    frames = frames[order]
    return CrossValidation(dataset.task, CLASSES.get(dataset.task), frames, [dataset.names[i] for i in frames],
                           fold[order], dataset.targets[frames], predicted, nearest,
                           [answer.metrics for answer in answers], nearest_folds)


def metrics_of(task, expected, predicted):
    """The metrics of any answers."""
    return score(task, CLASSES.get(task), predicted, expected, [], None).metrics


def summarise(crossvalidation):
    """The scores of a CrossValidation as a dict for JSON.

    folds: metrics of each; mean and worst: each score over the folds; pooled: metrics of all answers taken
    together (frames held out several times count each time); seconds: of a training, median; nearest: the same
    of the nearest neighbour; ratio: our mean error in x over its (road).
    """
    task, folds = crossvalidation.task, crossvalidation.folds
    result = {"frames": len(set(crossvalidation.frames.tolist())), "folds": folds, "mean": _over(folds, task, np.mean),
              "worst": _over(folds, task, np.min if HIGHER_IS_BETTER[task] else np.max),
              "pooled": metrics_of(task, crossvalidation.expected, crossvalidation.predicted),
              "seconds": float(np.median([fold["seconds"] for fold in folds])), "nearest": None, "ratio": None}
    if crossvalidation.nearest is not None:
        near = crossvalidation.nearest_folds
        result["nearest"] = {"folds": near, "mean": _over(near, task, np.mean),
                             "pooled": metrics_of(task, crossvalidation.expected, crossvalidation.nearest)}
        if task == "road":
            result["ratio"] = ratio_of(result["mean"], result["nearest"]["mean"])
    return result


def mean_of_summaries(task, summaries):
    """Scores averaged over datasets, each counting the same: mean, nearest and ratio, laid out as in `summarise`."""
    result = {"mean": _over([summary["mean"] for summary in summaries], task, np.mean), "nearest": None, "ratio": None}
    if all(summary["nearest"] for summary in summaries):
        nearest = _over([summary["nearest"]["mean"] for summary in summaries], task, np.mean)
        result["nearest"] = {"mean": nearest}
        result["ratio"] = ratio_of(result["mean"], nearest) if task == "road" else None
    return result


def ratio_of(ours, others):
    """Our mean error in x over the nearest neighbour's, or None when its is 0 (twins everywhere)."""
    return ours["mae_x_px"] / others["mae_x_px"] if others["mae_x_px"] else None


def _over(folds, task, function):
    return {name: float(function([fold[name] for fold in folds])) for name in SCORES[task]}
