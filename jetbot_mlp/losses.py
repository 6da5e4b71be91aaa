"""The losses E(A, T): what the network's outputs A cost, given the targets T, and the derivative of that.

Each loss is two functions:

``value(z, a, targets) -> (n,)``
    the loss of each sample. z are the last layer's inputs to its activation, a = f(z) its outputs: the
    cross-entropies are computed from z, since log(a) of an output that was rounded to 0 is lost.

``derivative(a, targets) -> (n, n_out)``
    dE/dA, which backpropagation multiplies by f'(Z) for the last layer's error dE/dZ. The two cross-entropies
    are *fused* with their activation: their ``derivative`` is already dE/dZ, and it is simply A - T.

Sources: the lecture (half squared error, cross-entropy); Huber 1964, "Robust estimation of a location
parameter"; Bishop 2006, "Pattern recognition and machine learning", section 4.3 (the A - T of both
cross-entropies).
"""
from typing import Callable, NamedTuple, Tuple

import numpy as np

LEAST_EXACT = 1e-30  #: float32 outputs below about 1e-38 lose digits, and end as 0
HUBER_DELTA = 1.0  #: |A - T| up to here costs squared, above it linearly


def half_squared_error(z, a, targets):
    """E = 1/2 sum_j (A_j - T_j)^2, as in the lecture: the half is there to cancel the derivative's 2."""
    difference = a - targets
    return 0.5 * np.sum(difference * difference, axis=1)


def half_squared_error_derivative(a, targets):
    """dE/dA_j = A_j - T_j."""
    return a - targets


def huber(z, a, targets):
    """E = sum_j h(A_j - T_j), with h(e) = e^2 / 2 where |e| <= d, else d (|e| - d / 2). Huber 1964.

    d is HUBER_DELTA. h and its derivative have no jump at d.
    A wrong label far away pulls with a constant force instead of one that grows with the distance.
    """
    distance = np.abs(a - targets)
    near = np.minimum(distance, HUBER_DELTA)  # h(e) = near^2 / 2 + d (|e| - near) holds on both sides
    return np.sum(0.5 * near * near + HUBER_DELTA * (distance - near), axis=1)


def huber_derivative(a, targets):
    """dE/dA_j = e where |e| <= d, else d sign(e), with e = A_j - T_j: e, cut off at -d and d."""
    return np.clip(a - targets, -HUBER_DELTA, HUBER_DELTA)


def binary_cross_entropy(z, a, targets):
    """E = -sum_j (T_j log A_j + (1 - T_j) log(1 - A_j)), for A = sigmoid(Z) and targets from 0 to 1.

    With log A = -log(1 + exp(-z)) and log(1 - A) = -z - log(1 + exp(-z)), each term of the sum becomes
    z (1 - T) + log(1 + exp(-z)), and max(-z, 0) taken out of the logarithm leaves no exp() that overflows::

        E = sum_j max(z_j, 0) - z_j T_j + log(1 + exp(-|z_j|))
    """
    return np.sum(np.maximum(z, 0) - z * targets + np.log1p(np.exp(-np.abs(z))), axis=1)


def binary_cross_entropy_derivative(a, targets):
    """dE/dZ_j = A_j - T_j, fused with the sigmoid.

    dE/dA = -T / A + (1 - T) / (1 - A) = (A - T) / (A (1 - A)), and the sigmoid's f'(Z) = A (1 - A) cancels
    the denominator. So a wrong and saturated output learns at full speed, which the half squared error's
    (A - T) A (1 - A) does not: that one all but stops where A is near 0 or 1.
    """
    return a - targets


def softmax_cross_entropy(z, a, targets):
    """E = -sum_j T_j log A_j, for A = softmax(Z) and targets that are probabilities: each row has the sum 1.

    Where an A_j is so near 0 that rounding has taken its digits, as log A_j = (z_j - m) - log(sum_i exp(z_i - m))
    with m = max(z), which cannot overflow.
    """
    if a.size and a.min() > LEAST_EXACT:  # the usual case, at half the cost
        return -np.einsum("ij,ij->i", targets, np.log(a))
    shifted = z - np.maximum.reduce(z, axis=1, keepdims=True)
    log_a = shifted - np.log(np.add.reduce(np.exp(shifted), axis=1, keepdims=True))
    return -np.add.reduce(targets * log_a, axis=1)


def softmax_cross_entropy_derivative(a, targets):
    """dE/dZ_j = A_j - T_j, fused with the softmax.

    dE/dA_k = -T_k / A_k and dA_k/dZ_j = A_k ([k = j] - A_j), so over all outputs k of the row::

        dE/dZ_j = sum_k -T_k / A_k A_k ([k = j] - A_j) = -T_j + A_j sum_k T_k = A_j - T_j

    where the last step takes sum_k T_k = 1.
    """
    return a - targets


class Loss(NamedTuple):
    """A loss, and the outputs that it makes sense for."""

    value: Callable  #: (z, a, targets) -> (n,)
    derivative: Callable  #: (a, targets) -> (n, n_out): dE/dA, or dE/dZ where fused
    fused: bool
    output_activations: Tuple[str, ...]


LOSSES = {
    "half_squared_error": Loss(half_squared_error, half_squared_error_derivative,
                               fused=False, output_activations=("linear", "sigmoid")),
    "huber": Loss(huber, huber_derivative,
                  fused=False, output_activations=("linear", "sigmoid")),
    "binary_cross_entropy": Loss(binary_cross_entropy, binary_cross_entropy_derivative,
                                 fused=True, output_activations=("sigmoid",)),
    "softmax_cross_entropy": Loss(softmax_cross_entropy, softmax_cross_entropy_derivative,
                                  fused=True, output_activations=("softmax",)),
}


def value_of_outputs(name, a, targets):
    """The loss ``name`` of each sample (n,) where only the outputs a are left, and not the z they came from.

    z is found again by the inverse of the activation: log(A / (1 - A)) for the sigmoid, log(A) for the
    softmax, since softmax(log A) = A. An output that was rounded to 0 or 1 counts as the float next to it, so
    in float32 a sigmoid's loss ends at 16.6 for each node.
    """
    loss = LOSSES[name]
    if not loss.fused:
        return loss.value(None, a, targets)
    limits = np.finfo(a.dtype)
    a = np.maximum(a, limits.tiny)
    z = np.log(a)
    if name == "binary_cross_entropy":
        z = z - np.log1p(-np.minimum(a, 1 - limits.epsneg))
    return loss.value(z, a, targets)


def check_targets(name, targets):
    """Raise ValueError where the targets (n, n_out) are not what the loss ``name`` is defined for.

    The cross-entropies want probabilities: their A - T is the derivative of nothing sensible otherwise.
    """
    if name not in ("binary_cross_entropy", "softmax_cross_entropy"):
        return
    softmax = name == "softmax_cross_entropy"  # there the sums say that none is above 1
    if targets.size and not (targets.min() >= 0 and (softmax or targets.max() <= 1)):
        raise ValueError("%s expects targets from 0 to 1, found %g to %g; scale them, or use the loss "
                         "'half_squared_error' or 'huber'" % (name, targets.min(), targets.max()))
    if softmax:
        sums = np.add.reduce(targets, axis=1)
        if targets.size and np.abs(sums - 1).max() > 1e-3:
            worst = sums[np.argmax(np.abs(sums - 1))]
            raise ValueError("softmax_cross_entropy expects each row of the targets to have the sum 1, found "
                             "%g; make them with losses.one_hot(labels, n_classes)" % worst)


def one_hot(labels, n_classes, off=0.0, on=1.0, dtype=np.float32):
    """Class numbers (n,) as target rows (n, n_classes): ``on`` in the column of the class, else ``off``.

    The lecture's targets are off=0.01, on=0.99: a sigmoid reaches 0 and 1 only with infinite weights.
    Raises ValueError when a label is not one of 0 .. n_classes - 1.
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or not np.all((labels == np.floor(labels)) & (labels >= 0) & (labels < n_classes)):
        raise ValueError("labels: expected shape (n,) of whole numbers from 0 to %d, found shape %s with "
                         "values %s; number the classes from 0"
                         % (n_classes - 1, labels.shape, np.unique(labels)[:12]))
    targets = np.full((len(labels), n_classes), off, dtype=dtype)
    targets[np.arange(len(labels)), labels.astype(np.intp)] = on
    return targets
