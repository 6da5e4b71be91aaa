"""The road's target as the network says it: how likely does it lie in each strip of the frame?

A network that has to name one x for a frame from which the road goes left or right learns the middle, where there
is no road. So it names none: the frame is cut into strips, upright ones for x and level ones for y, and the network
answers with one probability for each, as it does for digits. In training each target is spread over the strips near
it, since a click is not exact to the pixel; what is driven is the mean over the strips (before a fork with two
equal ways still the middle; the likeliest strip instead had the larger squared error, docs/accuracy.md)::

    T_k ~ exp(-(c_k - t)^2 / (2 SPREAD^2)), sum over k = 1        c_k: the strip's middle
    x   = sum_k P_k c_k

Both coordinates come out of one softmax: the first STRIPS outputs are x's, the others y's, and each half is taken as
a share of its own sum, so error and backpropagation are those of softmax and cross-entropy, A - T, and nothing else.

Source: Imani & White, Improving Regression Performance with Distributional Losses, ICML 2018; Farebrother et al.,
Stop Regressing, ICML 2024. What it gave here: docs/accuracy.md.
"""
import numpy as np

STRIPS = 41  #: an odd number, so that straight ahead is the middle of one
LIMIT = 1.2  #: the strips reach from -LIMIT to LIMIT: a spread target at the frame's edge stays whole
SPREAD = 0.1  #: standard deviation of a target that is spread, in units of half a frame: 11 px of 224


def strip_middles(n_strips=STRIPS):
    """Middles of the strips from left to right, or from top to bottom: float32 (n_strips,)."""
    return (LIMIT * ((2 * np.arange(n_strips) + 1) / n_strips - 1)).astype(np.float32)


def spread_targets(targets, n_strips=STRIPS):
    """What the softmax should answer. targets: float (n, 2), x and y -> float32 (n, 2 n_strips), each row of sum 1."""
    distance = (strip_middles(n_strips) - np.asarray(targets, np.float32)[:, :, np.newaxis]) / np.float32(SPREAD)
    exponent = -0.5 * distance * distance
    share = np.exp(exponent - exponent.max(axis=2, keepdims=True))  # also for a target outside all strips
    share /= 2 * share.sum(axis=2, keepdims=True)
    return share.reshape(len(share), -1)


def coordinates(outputs):
    """Answers of a road network, float (n, n_outputs) -> x and y, float (n, 2).

    Two outputs are x and y already (a network with linear outputs); else they are the probabilities of the strips.
    """
    if outputs.shape[1] == 2:
        return outputs
    share, total = _halves(outputs)
    with np.errstate(invalid="ignore"):  # a half of zeros is no answer: NaN, upon which the driver stops
        return np.dot(share, strip_middles(share.shape[2])) / total


def coordinate_derivative(outputs, which):
    """d coordinate / d outputs, float (n, n_outputs): with u = sum_k P_k and x = sum_k P_k c_k / u, (c_k - x) / u.

    outputs: of the network, float (n, n_outputs); which: 0 for x, 1 for y.
    """
    derivative = np.zeros_like(outputs)
    if outputs.shape[1] == 2:
        derivative[:, which] = 1
        return derivative
    share, total = _halves(outputs)
    middles = strip_middles(share.shape[2])
    x = np.dot(share[:, which], middles) / total[:, which]
    derivative.reshape(share.shape)[:, which] = (middles - x[:, np.newaxis]) / total[:, which, np.newaxis]
    return derivative


def _halves(outputs):
    """-> the strips' probabilities (n, 2, n_strips), and the sums (n, 2) that each coordinate's are shares of."""
    share = outputs.reshape(len(outputs), 2, -1)
    return share, share.sum(axis=2)
