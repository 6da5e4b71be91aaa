"""MNIST with the same loop that trains the driving networks, and the lecture's way beside it.

With deformed digits (`elastic`) nothing is held back for validation: no picture is ever seen twice, so there is no
overfitting to watch for. The number of epochs is fixed, and the network learns from all 60,000 images.
"""
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from .elastic import FULL, deform
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
#: 784-800-10 on deformed digits, for a fixed number of epochs: `steps` is out of reach. Deformed digits are dropout
#: enough.
DEFORMED = RECIPE._replace(hidden=(800,), epochs=120, steps=10 ** 9, batch_size=256, learning_rate=4e-3, dropout=0.0)
FULL_STRENGTH_SHARE = 0.5  #: of the epochs; from there on digits are deformed less and less, down to
LAST_STRENGTH = 0.2  #: of elastic.FULL: at the end the network sees digits nearly as they are


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


def train_mnist_deformed(data, recipe=None, random_state=0, progress=None, say=None):
    """Train the digits network on other elastic and affine deformations in every epoch.

    data: as for `train_mnist`; recipe: DEFORMED; say: called with a line that tells how long it will take, once that
    is known from the first epoch. Returns Trained; nothing was chosen on the test images. After Ctrl-C it is the
    last whole epoch's network.
    """
    started = time.perf_counter()
    recipe = recipe or DEFORMED
    images, labels, test_images, test_labels = data
    random_state = np.random.RandomState(random_state)
    targets = class_targets(labels, 10, recipe.label_smoothing)
    network = MLP((784,) + tuple(recipe.hidden) + (10,), recipe.hidden_activation, recipe.output_activation,
                  recipe.loss, dropout=recipe.dropout, random_state=random_state)
    if say is not None:
        say(f"{recipe.epochs} epochs of {len(images)} deformed digits; how long they take is known after the first")

    with ThreadPoolExecutor(1) as ahead:  # deforms the next epoch's digits while this one's are learnt
        def prepare(epoch):
            deformation = FULL.times(_strength(epoch, recipe.epochs))
            return ahead.submit(deform, images, np.random.RandomState(random_state.randint(2 ** 31)), deformation)

        prepared, begun_s = {1: prepare(1)}, []

        def batches(epoch):
            deformed = prepared.pop(epoch).result()
            begun_s.append(time.perf_counter())
            if epoch == 2 and say is not None:
                one_s = begun_s[1] - begun_s[0]
                say(f"an epoch takes {_span(one_s)}, so all {recipe.epochs} take about {_span(recipe.epochs * one_s)} "
                    f"on this machine; Ctrl-C ends it early and keeps the network")
            if epoch < recipe.epochs:
                prepared[epoch + 1] = prepare(epoch + 1)
            order = random_state.permutation(len(images))
            for start in range(0, len(images), recipe.batch_size):
                rows = order[start:start + recipe.batch_size]
                yield as_features(deformed[rows]), targets[rows], None

        fitted = fit(network, batches, -(-len(images) // recipe.batch_size), recipe, random_state, None, progress)
    return _finish(network, fitted.history, fitted.interrupted, len(images), test_images, test_labels,
                   time.perf_counter() - started)


def _strength(epoch, epochs):
    """How strongly to deform in this epoch, 1 ... epochs: 1, and from the middle on in a line to LAST_STRENGTH."""
    late = (epoch / epochs - FULL_STRENGTH_SHARE) / (1 - FULL_STRENGTH_SHARE)
    return 1 - max(0.0, late) * (1 - LAST_STRENGTH)


def _span(seconds):
    """12.3 s or 14 min, for people."""
    return f"{seconds:.1f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


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
