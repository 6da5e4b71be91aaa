"""Random search among settings of the recipe, each cross-validated on every dataset (Bergstra & Bengio, Random
Search for Hyper-Parameter Optimization, JMLR 13, 2012).

Whoever chooses the best of many by the folds has fitted the folds: their score is too good. So the last fifth in
time of every dataset is kept away from all the trials, and tells in the end what choosing has really brought.
"""
import hashlib
from typing import Dict, List, NamedTuple

import numpy as np

from .crossvalidate import HIGHER_IS_BETTER, SCORES, answer_fold
from .intervals import Z_95
from .parallel import run
from .splits import split, time_blocks
from .train_frames import RECIPES

SETTINGS = {  #: what is tried of each setting of the recipe; each trial draws one of each
    "hidden": ((32,), (64,), (64, 32), (96, 48), (128, 64)),
    "dropout": (0.0, 0.1, 0.2, 0.35, 0.5),
    "weight_decay": (0.01, 0.03, 0.1, 0.3, 1.0),
    "learning_rate": (5e-4, 1e-3, 2e-3, 3e-3, 5e-3),
    "label_smoothing": (0.0, 0.05, 0.1, 0.2),
    "steps": (1000, 2500, 5000),
}
KEPT_AWAY = 0.2  #: share of each class and source, the last in time, that no trial sees


class Trial(NamedTuple):
    """One set of settings and its scores, in the unit of `crossvalidate.SCORES`."""

    number: int  #: 0 is the default recipe
    settings: Dict[str, object]  #: what differs from the default recipe, by name; all that were drawn
    scores: List[float]  #: of all folds of the first dataset, then of the second, ...
    seconds: float  #: of all its trainings


class Tuning(NamedTuple):
    """Result of a search."""

    ranking: List[Trial]  #: best first
    final: Dict[int, List[dict]]  #: trial number -> metrics on the kept-away part of each dataset: best and default


def settings_of(task, number, random_state):
    """The settings of a trial -> dict, {} for trial 0; the same for the same seed, however many trials there are."""
    if number == 0:
        return {}
    draw = np.random.RandomState([random_state, number])
    found = {name: values[draw.randint(len(values))] for name, values in SETTINGS.items()}
    if task == "road":  # has no class labels
        found.pop("label_smoothing", None)
    return {name: value for name, value in found.items() if name in RECIPES[task]._fields}


def tune(datasets, recipe=None, n_trials=20, n_blocks=5, random_state=0, jobs=None, dask=None, progress=None,
         done=(), finished=None):
    """Cross-validate n_trials settings by blocks of time, then judge the best and the default on what was kept away.

    datasets: list of Dataset of one task; recipe: the default one, trial 0; random_state: int, draws the settings
    and seeds every training; jobs, dask, progress: see `parallel.run`; done: {trial number: (scores, seconds)} of
    trials that need not be done again; finished: called with each new Trial at once, or None.
    Returns Tuning. The result is the same whatever jobs and dask are.
    """
    task = datasets[0].task
    recipe = RECIPES[task] if recipe is None else recipe
    parts = [split(dataset, "time", KEPT_AWAY) for dataset in datasets]
    inner = [dataset.subset(part.train) for dataset, part in zip(datasets, parts)]
    folds = [(dataset, train, held_out) for dataset in inner for train, held_out in time_blocks(dataset, n_blocks)]
    done = dict(done)
    trials = [Trial(number, settings_of(task, number, random_state), *done.get(number, ([None] * len(folds), 0.0)))
              for number in range(n_trials)]
    missing = [(trial, fold) for trial in trials if trial.number not in done for fold in range(len(folds))]
    calls = [folds[fold] + (recipe._replace(**trial.settings), random_state, False) for trial, fold in missing]
    for index, answers in run(answer_fold, calls, jobs, dask, progress, "trainings", inner):
        trial, fold = missing[index]
        trial.scores[fold] = answers.metrics[SCORES[task][0]]
        trial = trials[trial.number] = trial._replace(seconds=trials[trial.number].seconds + answers.metrics["seconds"])
        if finished is not None and None not in trial.scores:
            finished(trial)
    ranking = sorted(trials, key=lambda trial: (-score_of(trial) if HIGHER_IS_BETTER[task] else score_of(trial),
                                                trial.number))
    judged = sorted({ranking[0].number, 0})
    calls = [(dataset, part.train, part.held_out, recipe._replace(**trials[number].settings), random_state, False)
             for number in judged for dataset, part in zip(datasets, parts)]
    metrics = [None] * len(calls)
    for index, answers in run(answer_fold, calls, jobs, dask, progress, "kept-away part", datasets):
        metrics[index] = answers.metrics
    n = len(datasets)
    return Tuning(ranking, {number: metrics[i * n:(i + 1) * n] for i, number in enumerate(judged)})


def score_of(trial):
    """Mean over the folds: every dataset has equally many, so each counts the same."""
    return float(np.mean(trial.scores))


def difference(trial, default, n_blocks):
    """(trial's score - default's, half-width of its 95 % interval), from the differences fold by fold.

    The folds' training parts overlap, so plain standard errors would be too small: the variance s^2 of a dataset's
    k differences is multiplied with 1/k + 1/(k-1), held-out by training size (Nadeau & Bengio, Inference for the
    Generalization Error, Machine Learning 52, 2003). Differences of separate datasets are independent. The quantile
    is Student's by its expansion for many degrees of freedom (Abramowitz & Stegun, 26.7.5).
    """
    gains = np.subtract(trial.scores, default.scores).reshape(-1, n_blocks)
    variance = np.sum(gains.var(axis=1, ddof=1) * (1.0 / n_blocks + 1.0 / (n_blocks - 1))) / len(gains) ** 2
    z, freedom = Z_95, gains.size - len(gains)
    quantile = z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
    return float(gains.mean()), float(quantile * np.sqrt(variance))


def fingerprint(datasets, recipe, n_blocks, random_state):
    """Short text that stands for everything a trial's scores depend on besides its settings."""
    everything = [dataset.fingerprint() for dataset in datasets] + [repr(recipe), n_blocks, random_state,
                                                                    sorted(SETTINGS.items())]
    return hashlib.sha256(repr(everything).encode("utf-8")).hexdigest()[:12]
