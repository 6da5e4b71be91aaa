"""MNIST with the same loop that trains the driving networks, and the lecture's way beside it."""
import time

import numpy as np

from .evaluation import score
from .lecture import train_lecture
from .messages import CLASSES
from .metrics import History
from .model_file import MNIST_PIXELS, Model
from .network import MLP
from .train_frames import Trained
from .trainer import Recipe, class_targets, fit, fold_standardisation

RECIPE = Recipe(MNIST_PIXELS, hidden=(100,), output_activation="softmax", loss="softmax_cross_entropy",
                epochs=30, batch_size=64, learning_rate=2e-3, dropout=0.1, weight_decay=0.02,
                label_smoothing=0.05, augment=False)
VALIDATION_IMAGES = 5000  #: the last of the 60,000: they decide which epoch is kept


def train_mnist(data, recipe=RECIPE, random_state=0, progress=None):
    """Train the digits network 784-100-10 in mini-batches.

    data: (train images uint8 (n, 784), labels (n,), test images, test labels) from `load_mnist`.
    Returns Trained; its evaluation is on the test images, which nothing was chosen on.
    """
    started = time.perf_counter()
    images, labels, test_images, test_labels = data
    random_state = np.random.RandomState(random_state)
    kept = max(len(images) - VALIDATION_IMAGES, len(images) // 2)
    x, targets = as_features(images[:kept]), class_targets(labels[:kept], 10, recipe.label_smoothing)
    x_validation, validation_targets = as_features(images[kept:]), class_targets(labels[kept:], 10)
    network = MLP((784,) + tuple(recipe.hidden) + (10,), recipe.hidden_activation, recipe.output_activation,
                  recipe.loss, dropout=recipe.dropout, random_state=random_state)

    def batches(epoch):
        order = random_state.permutation(kept)
        for start in range(0, kept, recipe.batch_size):
            rows = order[start:start + recipe.batch_size]
            yield x[rows], targets[rows], None

    def validate(network):
        outputs = network.forward(x_validation)
        return (network.loss_of(outputs, validation_targets),
                float(np.mean(np.argmax(outputs, axis=1) == labels[kept:])))

    fitted = fit(network, batches, -(-kept // recipe.batch_size), recipe, random_state, validate, progress)
    return _finish(network, fitted.history, fitted.interrupted, len(images), test_images, test_labels,
                  time.perf_counter() - started)


def train_mnist_as_lecture(data, random_state=0, progress=None):
    """784-100-10 of sigmoids, learning rate 0.3, one epoch, one image at a time in the file's order.

    data: as for `train_mnist`. Returns Trained; nothing is held back for validation.
    """
    started = time.perf_counter()
    images, labels, test_images, test_labels = data
    rows, test_rows = np.column_stack([labels, images]), np.column_stack([test_labels, test_images])
    taught = train_lecture(rows, test_rows, seed=random_state, progress=progress).network
    network = taught.to_mlp()
    # the lecture's input is 0.99 v + 0.01 for a pixel v in 0..1, that is (v + 0.01 / 0.99) / (1 / 0.99)
    fold_standardisation(network, np.full(784, -0.01 / 0.99, np.float32), np.full(784, 1 / 0.99, np.float32))
    history = History([1], [], [], [], [0.3], 1)
    return _finish(network, history, False, len(images), test_images, test_labels,
                   time.perf_counter() - started)


def _finish(network, history, interrupted, samples, test_images, test_labels, seconds):
    """Score a digits network on the test images -> Trained."""
    classes = CLASSES["mnist"]
    evaluation = score("mnist", classes, network.forward(as_features(test_images)), test_labels,
                       [f"test image {n}" for n in range(len(test_images))], thumbnails(test_images))
    summary = {"samples": samples, "seconds": round(seconds, 2), "epochs": len(history.epoch),
               "best_epoch": history.best_epoch, "held_out_rule": "MNIST's own test images",
               "held_out": evaluation.metrics, "hidden": [int(n) for n in network.layer_sizes[1:-1]],
               "interrupted": interrupted}
    return Trained(Model("mnist", classes, network, MNIST_PIXELS, summary), history, evaluation, seconds,
                   interrupted, [])


def as_features(images):
    """uint8 (n, 784) -> float32 (n, 784) in 0..1: the features that `MNIST_PIXELS` makes of such a picture."""
    return images.astype(np.float32) / np.float32(255)


def as_pictures(images):
    """uint8 (n, 784) -> uint8 (n, 112, 112, 3): each digit as a frame, for the golden frame.

    112 / 28 = 4, so every pixel becomes a square of 4 x 4 and shrinking gives it back exactly.
    """
    pictures = images.reshape(-1, 28, 28).repeat(4, axis=1).repeat(4, axis=2)
    return np.repeat(pictures[..., None], 3, axis=3)


def thumbnails(images):
    """uint8 (n, 784) -> uint8 (n, 28, 28, 3), for the report."""
    return np.repeat(images.reshape(-1, 28, 28, 1), 3, axis=3)
