"""From a dataset of camera frames to a model: split, augment, extract, fit, score.

The parts of the data and what each is for:

- *held-out*: the last fifth in time; seen by nobody, gives the scores that are printed;
- *validation*: the last tenth in time of the rest; gives the learning curve;
- *training*: the others, each shown in many changed copies (`augment`).

A student's few hundred frames are too precious to spend a tenth of them on a curve, so the network
is trained twice: first without the validation part, watched on it, then from the start on both
parts. The second network is the result; the first one is kept if Ctrl-C ends the second.
"""
import time
from typing import List, NamedTuple, Optional

import numpy as np

from .augment import augment
from .errors import DatasetError
from .evaluation import evaluate
from .features import FeatureSpec, extract
from .messages import CLASSES
from .metrics import Evaluation, History
from .model_file import Model
from .network import MLP
from .splits import class_weights, split
from .trainer import Recipe, class_targets, fit, fold_standardisation

RECIPES = {
    "collision": Recipe(FeatureSpec(), hidden=(64, 32), output_activation="softmax",
                        loss="softmax_cross_entropy", label_smoothing=0.1),
    "road": Recipe(FeatureSpec(), hidden=(96, 48), output_activation="linear", loss="huber",
                   dropout=0.1, learning_rate=3e-3, steps=5000),
}
VARIANTS = 16  #: changed copies kept of every frame when they fit into memory
CACHE_BYTES = 128 * 2 ** 20
CHUNK = 2048  #: frames turned into features at once when they do not
VALIDATION_SHARE = 0.1
FEWEST_FOR_VALIDATION = 60  #: frames; below that all of them are needed for training


class Trained(NamedTuple):
    """A model with the story of its training."""

    model: Model
    history: History
    evaluation: Optional[Evaluation]  #: on the held-out frames; None when nothing was held out
    seconds: float  #: of the whole training, loading left out
    interrupted: bool
    notes: List[str]


def train_frames(dataset, recipe=None, held_out="time", random_state=0, progress=None):
    """Train on a `Dataset` of camera frames.

    held_out: 'time', 'random' or 'none'; random_state: int; progress: tqdm-like or None.
    Returns Trained. Raises DatasetError when there are too few frames.
    """
    started = time.perf_counter()
    recipe = RECIPES[dataset.task] if recipe is None else recipe
    random_state = np.random.RandomState(random_state)
    parts = split(dataset, held_out, random_state=random_state.randint(2 ** 31))
    notes = list(dataset.notes) + [parts.note]
    training = dataset.subset(parts.train)
    network, history, interrupted = _fit_twice(training, recipe, random_state, progress, notes)
    classes = CLASSES.get(dataset.task)
    model = Model(dataset.task, classes, network, recipe.features, {})
    evaluation = evaluate(model, dataset.subset(parts.held_out)) if len(parts.held_out) else None
    seconds = time.perf_counter() - started
    summary = {
        "samples": len(dataset), "trained_on": len(training), "epochs": len(history.epoch),
        "seconds": round(seconds, 2),
        "held_out_rule": parts.note, "held_out": None if evaluation is None else evaluation.metrics,
        "data_fingerprint": dataset.fingerprint(), "time_source": dataset.time_source,
        "hidden": list(recipe.hidden), "interrupted": interrupted,
    }
    return Trained(model._replace(training=summary), history, evaluation, seconds, interrupted, notes)


def _fit_twice(training, recipe, random_state, progress, notes):
    """-> (network that takes raw features, History, interrupted by Ctrl-C)."""
    learning, watching = training, None
    if len(training) >= FEWEST_FOR_VALIDATION:
        try:
            inner = split(training, "time", VALIDATION_SHARE)
        except DatasetError as error:  # one class too thin for a third part
            notes.append(f"no validation part: {error}")
        else:
            learning, watching = training.subset(inner.train), training.subset(inner.held_out)
    network, first = _fit_features(learning, watching, recipe, random_state, progress, "learning, watched")
    if watching is None or first.interrupted:
        return network, first.history, first.interrupted
    try:
        whole, second = _fit_features(training, None, recipe, random_state, progress, "learning from all")
    except KeyboardInterrupt:  # before its first epoch was complete
        return network, first.history, True
    return (network if second.interrupted else whole), first.history, second.interrupted


def _fit_features(training, validation, recipe, random_state, progress, title):
    """One training. validation: Dataset or None. -> (network that takes raw features, Fitted)."""
    task = training.task
    n_outputs = 2 if task == "road" else len(CLASSES[task])
    sample = training.images[random_state.permutation(len(training))[:2 * CHUNK]]
    features = extract(sample, recipe.features)
    mean, scale = features.mean(axis=0), _soft_scale(features)
    network = MLP((recipe.features.n_features,) + tuple(recipe.hidden) + (n_outputs,),
                  recipe.hidden_activation, recipe.output_activation, recipe.loss,
                  dropout=recipe.dropout, random_state=random_state)
    weights = None if task == "road" else class_weights(training.targets, n_outputs)
    copies = _Copies(training, recipe, mean, scale, random_state)

    def batches(epoch):
        for features, targets, rows in copies.of_epoch(epoch):
            targets = _as_outputs(targets, n_outputs, recipe.label_smoothing)
            for start in range(0, len(features), recipe.batch_size):
                end = start + recipe.batch_size
                yield (features[start:end], targets[start:end],
                       None if weights is None else weights[rows[start:end]])

    validate = None
    if validation is not None:
        seen = (extract(validation.images, recipe.features) - mean) / scale
        wanted = _as_outputs(validation.targets, n_outputs, 0.0)

        def validate(network):
            outputs = network.forward(seen)
            return network.loss_of(outputs, wanted), _score(task, outputs, validation.targets)

    n_batches = -(-len(training) // recipe.batch_size)
    fitted = fit(network, batches, n_batches, recipe, random_state, validate, progress, title)
    fold_standardisation(network, mean, scale)
    return network, fitted


class _Copies:
    """Standardised features of changed copies of the training frames, a new set in every epoch.

    Small sets keep `VARIANTS` copies of each frame and go round among them, since preparing them
    costs more than learning from them; large sets are prepared chunk by chunk, so memory is flat.
    """

    def __init__(self, dataset, recipe, mean, scale, random_state):
        self.dataset, self.recipe, self.random_state = dataset, recipe, random_state
        self.mean, self.scale = mean, scale
        bytes_of_all = 4 * len(dataset) * recipe.features.n_features * VARIANTS
        self.cache = {} if bytes_of_all <= CACHE_BYTES else None

    def of_epoch(self, epoch):
        """Yield (features (c, n_features), targets, row numbers) of all frames in random order."""
        order = self.random_state.permutation(len(self.dataset))
        if self.cache is None:
            for start in range(0, len(order), CHUNK):
                rows = order[start:start + CHUNK]
                yield self._prepare(rows) + (rows,)
            return
        key = epoch % VARIANTS
        if key not in self.cache:
            self.cache[key] = self._prepare(np.arange(len(self.dataset)))
        features, targets = self.cache[key]
        yield features[order], targets[order], order

    def _prepare(self, rows):
        images, targets = self.dataset.images[rows], self.dataset.targets[rows]
        if self.recipe.augment:
            images, targets = augment(images, targets, self.dataset.task, self.random_state,
                                      mirror=self.recipe.mirror)
        features = extract(images, self.recipe.features)
        features -= self.mean
        features /= self.scale
        return features, targets


def _soft_scale(features):
    """Standard deviation of each feature, kept away from 0 so that a feature which hardly ever
    changes in the collected frames cannot shout when it changes on the road. -> float32 (n_features,)."""
    return (features.std(axis=0) + 0.05 * features.std() + 1e-6).astype(np.float32)


def _as_outputs(targets, n_outputs, smoothing):
    """What the network's outputs should be: float32 (n, n_outputs)."""
    return targets.astype(np.float32) if targets.ndim == 2 else class_targets(targets, n_outputs, smoothing)


def _score(task, outputs, targets):
    """The number people look at: mean error of x in px of 224 (road) or the share that is right."""
    if task == "road":
        return float(np.mean(np.abs(outputs[:, 0] - targets[:, 0])) * 112)
    return float(np.mean(np.argmax(outputs, axis=1) == targets))
