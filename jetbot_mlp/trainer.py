"""The training loop: batches in, weights that generalise out.

Mini-batches, Adam, a learning rate that follows half a cosine down to zero (Loshchilov & Hutter,
SGDR, ICLR 2017), and a running average of the weights (Polyak & Juditsky 1992), which is what is
validated and kept: single steps jump about, their average does not. Where there are plenty of
validation frames training ends early when the validation loss has not improved for `patience` epochs
and the best epoch's average is kept; a few dozen frames would choose by luck, so there the last
epoch's is. Ctrl-C keeps what there is.
"""
import contextlib
import math
from typing import NamedTuple, Optional, Tuple

import cv2

from .augment import Geometry
from .blas_threads import one_blas_thread
from .errors import JetbotMLPError
from .features import FeatureSpec
from .losses import one_hot
from .metrics import History
from .optimizers import Adam

FEWEST_EPOCHS = 60  #: however large the set
AVERAGED_SHARE = 9  #: the average weighs roughly the last 1/9 of all steps so far


class Recipe(NamedTuple):
    """How a network of one task is built and trained."""

    features: FeatureSpec
    hidden: Tuple[int, ...]  #: units of each hidden layer
    output_activation: str
    loss: str
    hidden_activation: str = "relu"
    dropout: float = 0.2  #: share of hidden units silenced in each step
    members: int = 3  #: networks that are averaged; of thousands of frames it is one
    watched: int = 5  #: of five blocks of time so many are left out once and watched; of thousands of frames one
    steps: int = 1500  #: of the optimizer, aimed at; small sets need as many steps as large ones, so more epochs
    epochs: int = 400  #: at most
    patience: int = 60  #: epochs without improvement before stopping early
    batch_size: int = 32
    learning_rate: float = 2e-3  #: at the start
    weight_decay: float = 0.1  #: decoupled; multiplies the learning rate
    label_smoothing: float = 0.0  #: share of a class label that is spread over all classes
    augment: bool = True  #: train on changed copies of the frames
    geometry: Optional[Geometry] = None  #: how far frames are moved in that; None: as fits the task
    mirror: bool = True  #: may a frame be mirrored? no for tracks with a side


class Fitted(NamedTuple):
    """What `fit` hands back beside the network itself."""

    history: History
    interrupted: bool  #: Ctrl-C ended it early


def fit(network, batches, n_batches, recipe, random_state, validate=None, progress=None,
        title="learning", keep_best=True, watch=None):
    """Train network in place.

    batches: callable(epoch) -> iterable of (x float32 (b, n_in), targets (b, n_out), weights (b,) or None);
    n_batches: of one epoch; validate: callable(network) -> (loss, score), or None when there is no
    validation part; keep_best: keep the best epoch in validation, not the last (there is no best without
    validation); progress: tqdm-like, or None; title: what it shows; watch: callable(epoch, n_epochs, History
    so far) after each epoch, or None: what it raises ends the training.
    Returns Fitted. Raises JetbotMLPError when the loss is not finite, KeyboardInterrupt only
    when not even one epoch was complete.
    """
    with _one_blas_thread():
        return _fit(network, batches, n_batches, recipe, random_state, validate, progress, title, keep_best, watch)


def _fit(network, batches, n_batches, recipe, random_state, validate, progress, title, keep_best, watch):
    optimizer = Adam(recipe.learning_rate, weight_decay=recipe.weight_decay)
    average = network.copy()
    best: Optional[list] = None
    history = History([], [], [], [], [], None)
    n_epochs = min(recipe.epochs, max(FEWEST_EPOCHS, -(-recipe.steps // n_batches)))
    best_epoch, step, steps, interrupted = None, 0, n_epochs * n_batches, False
    epochs = range(1, n_epochs + 1)
    try:
        for epoch in (epochs if progress is None else progress(epochs, total=n_epochs, desc=title)):
            loss_sum = rows = 0
            for x, targets, weights in batches(epoch):
                optimizer.learning_rate = 0.5 * recipe.learning_rate * (1 + math.cos(math.pi * step / steps))
                loss, gradients = network.backpropagate(x, targets, weights, random_state)
                optimizer.update(network.parameters(), gradients)
                step += 1
                share = AVERAGED_SHARE / (step + AVERAGED_SHARE)
                for mean, now in zip(average.parameters(), network.parameters()):
                    cv2.accumulateWeighted(now, mean, share)  # mean + share (now - mean), in one go
                loss_sum, rows = loss_sum + loss * len(x), rows + len(x)
            if not math.isfinite(loss_sum):
                raise JetbotMLPError(f"the loss is not finite in epoch {epoch}; lower the learning rate "
                                     f"(now {recipe.learning_rate:g})")
            validation_loss, score = (None, None) if validate is None else validate(average)
            history.epoch.append(epoch)
            history.train_loss.append(loss_sum / rows)
            history.learning_rate.append(optimizer.learning_rate)
            if validate is not None:
                history.validation_loss.append(validation_loss)
                history.validation_score.append(score)
            if watch is not None:
                watch(epoch, n_epochs, history)
            if validate is None or not keep_best or best is None or validation_loss <= min(history.validation_loss):
                best, best_epoch = [p.copy() for p in average.parameters()], epoch
            elif epoch - best_epoch >= recipe.patience:
                break
    except KeyboardInterrupt:
        if best is None:
            raise
        interrupted = True
    for parameter, value in zip(network.parameters(), best):
        parameter[...] = value
    return Fitted(history._replace(best_epoch=best_epoch), interrupted)


def _one_blas_thread():
    """Context manager: the products of a step are so small that sharing them out costs more than it saves."""
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:  # on the robot
        one_blas_thread()
        return contextlib.ExitStack()
    return threadpool_limits(1, user_api="blas")


def fold_standardisation(network, mean, scale):
    """Let the first layer take raw features x instead of (x - mean) / scale. In place.

    (x - mean) / scale . W + b = x . (W / scale) + (b - mean / scale . W), so prediction needs no
    extra step. mean, scale: float (n_in,).
    """
    weights = network.weights_[0]
    weights /= scale[:, None]
    network.biases_[0] -= mean.dot(weights)


def unfold_standardisation(network, mean, scale):
    """The way back: the first layer takes (x - mean) / scale instead of raw features x. In place."""
    weights = network.weights_[0]
    network.biases_[0] += mean.dot(weights)
    weights *= scale[:, None]


def class_targets(labels, n_classes, smoothing=0.0):
    """Class numbers int (n,) -> what the outputs should be, float32 (n, n_classes).

    smoothing s: 1 -> 1 - s + s/k, 0 -> s/k, so that no network is pushed towards certainty
    (label smoothing: Szegedy et al., Rethinking the Inception Architecture, CVPR 2016).
    """
    return one_hot(labels, n_classes, off=smoothing / n_classes, on=1 - smoothing + smoothing / n_classes)
