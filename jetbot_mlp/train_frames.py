"""From a dataset of camera frames to a model: split, augment, extract, fit, score.

The parts of the data and what each is for:

- *held-out*: the last fifth in time; seen by nobody, gives the scores that are printed;
- *training*: the others, each shown in many changed copies (`augment`).

A student's few hundred frames are too precious to spare some for a curve, so they are learnt twice. First the
training frames are cut into blocks of time, and for each block a network learns the others: its answers for the
block tell how learning goes on (the curves) and how far certainty can be trusted (the temperature, see
`calibration`). Then some networks that differ in their random start learn all frames, and their average is the
result. Thousands of frames can spare a block: one network learns the others, and its best epoch is kept.
"""
import time
from concurrent.futures import ThreadPoolExecutor
from typing import List, NamedTuple, Optional

import numpy as np

from .augment import augment
from .average import average
from .calibration import apply_temperature, fit_temperature
from .errors import DatasetError, JetbotMLPError
from .evaluation import evaluate
from .features import FeatureSpec, extract
from .frame_overlap import KEY, sketch
from .messages import CLASSES
from .metrics import PX_PER_UNIT, Evaluation, History, mean_history
from .model_file import Model
from .network import MLP
from .splits import Split, class_weights, split, time_blocks
from .target_strips import STRIPS, coordinates, spread_targets
from .trainer import Recipe, class_targets, fit, fold_standardisation, unfold_standardisation

RECIPES = {
    "collision": Recipe(FeatureSpec(), hidden=(64, 32), output_activation="softmax",
                        loss="softmax_cross_entropy", label_smoothing=0.1),
    "road": Recipe(FeatureSpec(color_size=8), hidden=(64, 32), output_activation="softmax",
                   loss="softmax_cross_entropy", dropout=0.1, learning_rate=3e-3, steps=3000),
}
#: for the robot's own processor: two trainings instead of eight, and shorter ones
QUICK = {task: recipe._replace(members=1, watched=1, steps=recipe.steps // 2) for task, recipe in RECIPES.items()}
VARIANTS, FEWEST_VARIANTS = 12, 4  #: changed copies kept of every frame, as many as fit into memory
CACHE_BYTES = 320 * 2 ** 20
THREADS = 4  #: a fixed number, so that the same seed gives the same copies on every machine
CHUNK = 2048  #: frames turned into features at once when they do not
LEARNT_TWICE_UP_TO = 3000  #: frames
WATCHED_BLOCKS = 5  #: of time


class Learning(NamedTuple):
    """How far a training is, after an epoch."""

    title: str  #: which of the networks is learning
    share: float  #: of all epochs of all networks that are done, 0 to 1
    history: History  #: of this network so far; it grows, so look at it at once


class Trained(NamedTuple):
    """A model with the story of its training."""

    model: Model
    history: History
    evaluation: Optional[Evaluation]  #: on the held-out frames; None when nothing was held out
    seconds: float  #: of the whole training, loading left out
    interrupted: bool
    notes: List[str]
    learnt: Optional[np.ndarray] = None  #: int64, which frames of the dataset were trained on; None for MNIST


def train_frames(dataset, recipe=None, held_out="time", random_state=0, progress=None, watch=None, start=None):
    """Train on a `Dataset` of camera frames.

    held_out: 'time', 'random' or 'none', or a `Split`; random_state: int; progress: tqdm-like or None;
    watch: callable(Learning) after each epoch, or None; what it raises ends the training and is passed on;
    start: a `Model` whose weights are learnt on from, or None: from random weights. Its frames are known to it, so
    nothing of the training is watched then, and certainty is not calibrated anew.
    Returns Trained. Raises DatasetError when there are too few frames, JetbotMLPError when start is another kind
    of network than the recipe's.
    """
    started = time.perf_counter()
    recipe = RECIPES[dataset.task] if recipe is None else recipe
    random_state = np.random.RandomState(random_state)
    seed = random_state.randint(2 ** 31)
    parts = held_out if isinstance(held_out, Split) else split(dataset, held_out, random_state=seed)
    notes = list(dataset.notes) + [parts.note]
    training = dataset.subset(parts.train)
    network, history, interrupted = _fit_all(training, recipe, random_state, progress, notes, watch, start)
    for parameter in network.parameters():  # the file keeps half precision; what is scored is what is saved
        parameter[...] = parameter.astype(np.float16)
    classes = CLASSES.get(dataset.task)
    model = Model(dataset.task, classes, network, recipe.features, {}, recipe.mirror)
    evaluation = evaluate(model, dataset.subset(parts.held_out)) if len(parts.held_out) else None
    seconds = time.perf_counter() - started
    summary = {
        "samples": len(dataset), "trained_on": len(training), "epochs": len(history.epoch),
        "seconds": round(seconds, 2),
        "held_out_rule": parts.note, "held_out": None if evaluation is None else evaluation.metrics,
        "data_fingerprint": dataset.fingerprint(), "time_source": dataset.time_source,
        KEY: sketch(training.hashes, *([] if start is None else [start.training.get(KEY)])),
        "hidden": list(recipe.hidden), "interrupted": interrupted,
    }
    return Trained(model._replace(training=summary), history, evaluation, seconds, interrupted, notes,
                   parts.train)


def _fit_all(training, recipe, random_state, progress, notes, watch, start):
    """-> (network that takes raw features, History, interrupted by Ctrl-C)."""
    everything = np.arange(len(training))
    is_large = len(training) > LEARNT_TWICE_UP_TO
    if start is not None:
        _check_start(start, training.task, recipe)
    try:
        watched = [] if start is not None else time_blocks(training, WATCHED_BLOCKS, can_be_fewer=False)
        watched = watched[:1 if is_large else recipe.watched]
    except DatasetError as error:  # one class too thin to be missed anywhere
        notes.append(f"nothing of the training was watched, and certainty is not calibrated: {error}")
        watched = []
    copies = _Copies(training, recipe, random_state)
    jobs = [(learning, watching, "watched", number, len(watched))
            for number, (learning, watching) in enumerate(watched, 1)]
    if not is_large or not watched:
        jobs += [(everything, None, "from all", number, recipe.members) for number in range(1, recipe.members + 1)]
    done, interrupted = [], False
    for at, (learning, watching, how, number, count) in enumerate(jobs):
        title = f"learning, {how}, {number} of {count}"

        def seen(epoch, epochs, history, at=at, title=title):
            watch(Learning(title, (at + epoch / epochs) / len(jobs), history))

        try:
            network, fitted = _fit(copies, learning, watching, random_state, progress, title,
                                   None if watch is None else seen, start)
        except KeyboardInterrupt:  # before its first epoch was complete
            if not done:
                raise
            interrupted = True
            break
        if not (fitted.interrupted and done):  # half a training says little beside whole ones
            done.append((network, fitted, watching))
        if fitted.interrupted:
            interrupted = True
            break
    first = [one for one in done if one[2] is not None]
    final = [one for one in done if one[2] is None] or first
    network = average([network for network, _, _ in final])
    if training.task == "collision" and first:
        seen = np.concatenate([watching for _, _, watching in first])
        answers = np.concatenate([_logits(training, recipe, network, watching) for network, _, watching in first])
        apply_temperature(network, fit_temperature(answers, training.targets[seen]))
    return network, mean_history([fitted.history for _, fitted, _ in first or final]), interrupted


def _logits(training, recipe, network, rows):
    """Logarithms of the probabilities that a model of this network gives to these frames: float32 (n, k)."""
    model = Model(training.task, CLASSES[training.task], network, recipe.features, {}, recipe.mirror)
    outputs = [model.outputs_of(training.features(recipe.features, rows[start:start + CHUNK]))
               for start in range(0, len(rows), CHUNK)]
    return np.log(np.maximum(np.concatenate(outputs), 1e-12))


def _check_start(start, task, recipe):
    """JetbotMLPError unless the model can be learnt on from with this recipe."""
    network = start.network
    found = (start.task, start.feature_spec, network.hidden_activation, network.output_activation, network.loss)
    wanted = (task, recipe.features, recipe.hidden_activation, recipe.output_activation, recipe.loss)
    if found != wanted:
        raise JetbotMLPError(f"expected a model of the kind {wanted} to learn on from, found {found}; train anew")


def _fit(copies, learning, watching, random_state, progress, title, watch, start):
    """One training on the frames numbered in learning, watched on those in watching (or None).

    Returns (network that takes raw features, Fitted).
    """
    training, recipe = copies.training, copies.recipe
    n_outputs = len(CLASSES[training.task]) if training.task != "road" else \
        2 if recipe.output_activation == "linear" else 2 * STRIPS
    network = MLP((recipe.features.n_features,) + tuple(recipe.hidden) + (n_outputs,),
                  recipe.hidden_activation, recipe.output_activation, recipe.loss,
                  dropout=recipe.dropout, random_state=random_state)
    if start is not None:
        network = start.network.copy()
        network.dropout = recipe.dropout
        unfold_standardisation(network, copies.mean, copies.scale)
    weights = np.ones(len(training), np.float32)
    if training.task != "road":
        weights[learning] = class_weights(training.targets[learning], n_outputs)

    def batches(epoch):
        for features, targets, rows in copies.of_epoch(epoch, learning):
            targets = _as_outputs(targets, n_outputs, recipe.label_smoothing)
            for start in range(0, len(rows), recipe.batch_size):
                part = slice(start, start + recipe.batch_size)
                yield features[part], targets[part], weights[rows[part]]

    validate = None
    if watching is not None:
        seen = copies.standardised(training.features(recipe.features, watching))
        wanted = _as_outputs(training.targets[watching], n_outputs, 0.0)

        def validate(network):
            outputs = network.forward(seen)
            return network.loss_of(outputs, wanted), _score(training.task, outputs, training.targets[watching])

    n_batches = sum(-(-size // recipe.batch_size) for size in copies.chunk_sizes(len(learning)))
    fitted = fit(network, batches, n_batches, recipe, random_state, validate, progress, title,
                 keep_best=len(training) > LEARNT_TWICE_UP_TO, watch=watch)
    fold_standardisation(network, copies.mean, copies.scale)
    return network, fitted


class _Copies:
    """Standardised features of changed copies of the training frames, other copies in every epoch.

    Small sets keep up to `VARIANTS` copies of each frame and go round among them, since preparing them
    costs more than learning from them; large sets are prepared chunk by chunk, so memory is flat.
    """

    def __init__(self, training, recipe, random_state):
        self.training, self.recipe, self.random_state = training, recipe, random_state
        self.images = training.images  # they may be read at first use, which is not for several threads at once
        sample = random_state.permutation(len(training))[:2 * CHUNK]
        features = training.features(recipe.features, sample)
        self.mean, self.scale = features.mean(axis=0), _soft_scale(features)
        self.variants = min(VARIANTS, CACHE_BYTES // (4 * len(training) * recipe.features.n_features))
        self.cache = {} if self.variants >= FEWEST_VARIANTS else None

    def chunk_sizes(self, n):
        """How many frames each item of `of_epoch` has, for n rows."""
        whole, rest = divmod(n, CHUNK)
        return [n] if self.cache is not None else [CHUNK] * whole + [rest] * (rest > 0)

    def of_epoch(self, epoch, rows):
        """Yield (features (c, n_features), targets, row numbers) of the given rows in random order."""
        order = self.random_state.permutation(rows)
        if self.cache is None:
            for start in range(0, len(order), CHUNK):
                chunk = order[start:start + CHUNK]
                yield self._prepare(chunk) + (chunk,)
            return
        key = epoch % self.variants
        if key not in self.cache:
            self.cache[key] = self._prepare_all()
        features, targets = self.cache[key]
        yield features[order], targets[order], order

    def _prepare_all(self):
        """Changed copies of all frames, some at a time: of their pictures there are never many in memory."""
        everything = np.arange(len(self.training))
        if len(everything) <= CHUNK:
            return self._prepare(everything)
        features = np.empty((len(everything), self.recipe.features.n_features), np.float32)
        targets = np.empty_like(self.training.targets)
        for start in range(0, len(everything), CHUNK):
            part = slice(start, start + CHUNK)
            features[part], targets[part] = self._prepare(everything[part])
        return features, targets

    def _prepare(self, rows):
        """Changed copies of these rows. The work is shared out to threads: OpenCV lets go of Python's lock."""
        parts = np.array_split(rows, THREADS)
        seeds = self.random_state.randint(2 ** 31, size=len(parts))
        with ThreadPoolExecutor(THREADS) as pool:
            done = list(pool.map(self._prepare_part, parts, seeds))
        return np.concatenate([features for features, _ in done]), np.concatenate([targets for _, targets in done])

    def _prepare_part(self, rows, seed):
        images, targets = self.images[rows], self.training.targets[rows]
        if self.recipe.augment and len(rows):
            images, targets = augment(images, targets, self.training.task, np.random.RandomState(seed),
                                      mirror=self.recipe.mirror, geometry=self.recipe.geometry)
        return self.standardised(extract(images, self.recipe.features)), targets

    def standardised(self, features):
        """float32 (n, n_features) of `extract` -> what the network is trained on, in place."""
        features -= self.mean
        features /= self.scale
        return features


def _soft_scale(features):
    """Standard deviation of each feature, kept away from 0 so that a feature which hardly ever
    changes in the collected frames cannot shout when it changes on the road. -> float32 (n_features,)."""
    return (features.std(axis=0) + 0.05 * features.std() + 1e-6).astype(np.float32)


def _as_outputs(targets, n_outputs, smoothing):
    """What the network's outputs should be: float32 (n, n_outputs)."""
    if targets.ndim == 1:
        return class_targets(targets, n_outputs, smoothing)
    return targets.astype(np.float32) if n_outputs == 2 else spread_targets(targets)


def _score(task, outputs, targets):
    """The number people look at: mean error of x in px of 224 (road) or the share that is right."""
    if task == "road":
        return float(np.mean(np.abs(coordinates(outputs)[:, 0] - targets[:, 0])) * PX_PER_UNIT)
    return float(np.mean(np.argmax(outputs, axis=1) == targets))
