"""Numerical differentiation, the lecture's slow way, held against backpropagation.

Two ways to the same numbers that share no step: the central difference needs the forward pass only, and
backpropagation needs every derivative in ``layers`` and ``losses`` to be right. So where they
agree, both are.
"""
import numpy as np

from .network_settings import as_random_state


def numerical_derivative(f, x, h=1e-4):
    """The partial derivatives of f by every element of x, one after the other, as the lecture teaches it.

        df/dx_i = (f(x_i + h) - f(x_i - h)) / (2 h)         the central difference

    Its error is h^2 / 6 f''' from the formula and about 1e-16 f / h from rounding: with h = 1e-4, the
    lecture's, some 1e-9 in float64. In float32 rounding alone would be 1e-3: use float64.

    f: takes x and returns a number. x: float array of any shape; changed in place while f runs, so f may also
    look at the very array instead of at its argument (``lambda w: network.loss_val()``), and is as before
    afterwards, also when f raises. Returns an array of the shape of x.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f":
        found = x.dtype if isinstance(x, np.ndarray) else type(x).__name__
        raise ValueError("x: expected a NumPy array of floats, found %s; steps of %g vanish in whole "
                         "numbers, so pass np.array(x, dtype=np.float64)" % (found, h))
    gradient = np.zeros_like(x)
    iterator = np.nditer(x, flags=["multi_index", "zerosize_ok"])
    while not iterator.finished:
        index = iterator.multi_index
        before = x[index]
        try:
            x[index] = before + h
            above = f(x)
            x[index] = before - h
            below = f(x)
        finally:
            x[index] = before
        gradient[index] = (above - below) / (2 * h)
        iterator.iternext()
    return gradient


def check_gradients(network, x, targets, sample_weight=None, random_state=None, h=1e-5):
    """Hold backpropagation against numerical differentiation for every weight and bias of the network.

    network: an MLP of dtype float64 (it is left as it was); x: (n, n_in), targets: (n, n_out), sample_weight:
    (n,) or None as for ``MLP.backpropagate``. With a random_state, dropout is on, with the same masks
    throughout.

    Returns the largest relative error, a float: for each of [W1, b1, W2, ...] the largest difference of the
    two gradients, divided by the largest value in either. Some 1e-10 when all is right, up to 1e-7 where
    gradients are tiny; 1e-6 is a fair limit. A ReLU unit within h of its kink has no derivative to compare,
    and can exceed that.

    It takes two forward passes for each parameter, so use a network of a few dozen nodes.
    """
    if network.dtype != np.float64:
        raise ValueError("network: expected dtype float64, found %s, whose rounding hides the difference; "
                         "build it with MLP(..., dtype=np.float64)" % network.dtype)
    seed = None if random_state is None else as_random_state(random_state).randint(2 ** 31 - 1)

    def loss(_):
        return network.mean_loss(x, targets, sample_weight, seed)

    _, gradients = network.backpropagate(x, targets, sample_weight, seed)
    errors = [relative_error(gradient, numerical_derivative(loss, parameter, h))
              for gradient, parameter in zip(gradients, network.parameters())]
    return float(np.max(errors))  # unlike max(), it lets no nan pass unseen


def relative_error(a, b):
    """The largest |a - b|, divided by the largest |a| or |b|; 0.0 for all zeros, nan with any nan."""
    largest = np.maximum(np.max(np.abs(a)), np.max(np.abs(b)))
    if largest == 0:
        return 0.0
    return float(np.max(np.abs(a - b)) / largest)
