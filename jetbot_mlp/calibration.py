"""Temperature scaling: one number that makes "90 % sure" come true 90 times in 100.

Networks trained long enough to be right everywhere on their training frames claim too much on others.
Dividing all logits (the inputs z of the softmax) by one temperature T leaves every answer as it is, since
the largest logit stays the largest, and changes only how sure the network calls itself: T > 1 makes it more
modest, T < 1 bolder. T is chosen on frames that the network was not trained on.
Source: Guo, Pleiss, Sun & Weinberger, "On calibration of modern neural networks", ICML 2017.
"""
import numpy as np

COLDEST, HOTTEST = 0.1, 10.0  #: T is looked for in between
# A handful of frames that are all judged right would ask for T = 0, and no frames say nothing at all, so T is
# thought to lie around 1 beforehand: log T is normally distributed with this standard deviation (95 %: T from
# 0.4 to 2.7). Ten frames can hardly move T against that, two hundred do what they want.
PRIOR_LOG_SD = 0.5
_POINTS, _ROUNDS = 41, 4  # each round's best neighbourhood is the next round's range: log T to 1e-4 or better


def fit_temperature(logits, labels, weights=None):
    """The temperature T by which to divide logits, a float from COLDEST to HOTTEST.

    logits: float (n, k), the last layer's z; labels: int (n,), 0..k-1, what is true; weights: float (n,)
    or None, a frame of weight 2 counts like two. n may be 0: T is then 1.
    Minimises, over log T on ever finer grids (deterministic, and no valley is missed), the sum of the
    frames' cross-entropies of softmax(logits / T) plus the prior's log(T)^2 / (2 PRIOR_LOG_SD^2).
    Raises ValueError for shapes, labels or numbers that do not fit.
    """
    logits, labels = np.asarray(logits, dtype=np.float64), np.asarray(labels)
    if logits.ndim != 2 or labels.shape != logits.shape[:1] or not np.all(np.isfinite(logits)):
        raise ValueError("expected finite logits (n, k) and labels (n,), found %s and %s; pass the last "
                         "layer's z, one row a frame" % (logits.shape, labels.shape))
    if len(labels) and not np.all((labels >= 0) & (labels < logits.shape[1]) & (labels == np.floor(labels))):
        raise ValueError("expected labels 0 to %d, found %s; pass class indices"
                         % (logits.shape[1] - 1, np.unique(labels)[:5]))
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != labels.shape or not np.all(np.isfinite(weights) & (weights >= 0)):
        raise ValueError("expected finite weights (n,), none below 0, found %s; one for each label, or None"
                         % (weights.shape,))
    # -log softmax_y(z / T) = log sum_j exp((z_j - z_y) / T), and the true class's own term is exp(0)
    above = logits - logits[np.arange(len(labels)), labels.astype(np.int64)][:, np.newaxis]

    def cost(log_t):
        scaled = above * np.exp(-log_t)
        top = scaled.max(axis=1)  # at least 0, so that no exp() overflows
        losses = top + np.log(np.exp(scaled - top[:, np.newaxis]).sum(axis=1))
        return weights.dot(losses) + 0.5 * (log_t / PRIOR_LOG_SD) ** 2

    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(_ROUNDS):
        grid = np.linspace(low, high, _POINTS)
        best = int(np.argmin([cost(log_t) for log_t in grid]))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, _POINTS - 1)]
    return float(np.clip(np.exp(grid[best]), COLDEST, HOTTEST))


def apply_temperature(network, temperature):
    """Divide the last layer's weights and biases of an `MLP` by the temperature, in place.

    (a W + b) / T = a (W / T) + b / T, so neither the model file nor prediction needs to know of it.
    Raises ValueError unless the outputs are a softmax and the temperature is a finite number above 0.
    """
    if network.output_activation != "softmax":
        raise ValueError("expected a network with softmax outputs, found %s; only probabilities have a temperature"
                         % network.output_activation)
    if not (np.isfinite(temperature) and temperature > 0):
        raise ValueError("expected a finite temperature above 0, found %r; use fit_temperature" % (temperature,))
    network.weights_[-1] /= network.dtype.type(temperature)  # in its own precision, in old NumPys too
    network.biases_[-1] /= network.dtype.type(temperature)
