"""Optimizers: how the gradients change the parameters. All of them work in place.

Both take the lists of ``MLP.parameters()`` and ``MLP.backpropagate()``: [W1, b1, W2, b2, ...] with the
gradients in the same order. ``learning_rate`` may be changed between two steps.

Weight decay is *decoupled* (Loshchilov & Hutter 2019, "Decoupled weight decay regularization"): the weights
shrink by learning_rate x weight_decay of themselves at each step, beside the gradient's step and not through
it, so Adam's scaling does not touch it. It applies to weights only (2-D arrays): a bias may be as large as it
needs.

Big layers are bound by memory, not by arithmetic, so what counts is how often an array is read and written: OpenCV's
accumulateWeighted(X, M, s) is M = (1 - s) M + s X in one go, which NumPy needs three for, and scaleAdd is P - s X. What
lies between goes into one scratch array that is kept. Small layers are bound by the number of calls, so Adam's own
arrays lie in one memory, and what needs no parameter is done to all of them at once. tests/test_optimizers.py holds all
to the formulas.
"""
import cv2
import numpy as np


class SGD:
    """Stochastic gradient descent, with momentum if wanted.

        V = momentum V + dE/dP          (V = 0 at first)
        P = P - learning_rate V

    Without momentum this is the lecture's W = W - learning_rate dE/dW. Momentum: Polyak 1964, "Some methods
    of speeding up the convergence of iteration methods"; Sutskever et al. 2013.
    """

    def __init__(self, learning_rate, momentum=0.0, weight_decay=0.0):
        """learning_rate > 0; momentum from 0 to below 1; weight_decay >= 0; else ValueError."""
        self.learning_rate = _positive("learning_rate", learning_rate)
        self.momentum = _share("momentum", momentum)
        self.weight_decay = _not_negative("weight_decay", weight_decay)
        self._velocities = None
        self._shapes = None

    def update(self, parameters, gradients):
        """Take one step: changes the arrays in ``parameters``."""
        self._shapes = _check_shapes(parameters, gradients, self._shapes)
        if self._velocities is None:
            self._velocities = [np.zeros_like(p) for p in parameters] if self.momentum else [None] * len(parameters)
        learning_rate = float(self.learning_rate)
        for p, gradient, velocity in zip(parameters, gradients, self._velocities):
            _decay(p, learning_rate * self.weight_decay)
            if self.momentum:
                velocity *= self.momentum
                velocity += gradient
                gradient = velocity
            _subtract(p, learning_rate, gradient)


class Adam:
    """Adam (Kingma & Ba 2015, "Adam: a method for stochastic optimization", algorithm 1), with g = dE/dP:

        M = beta1 M + (1 - beta1) g         running mean of the gradient        (M = 0 at first)
        V = beta2 V + (1 - beta2) g^2       running mean of its square          (V = 0 at first)
        m = M / (1 - beta1^t)               at step t = 1, 2, ... the means still lean towards the zeros that
        v = V / (1 - beta2^t)               they began with; these factors take that out
        P = P - learning_rate m / (sqrt(v) + epsilon)

    Each parameter moves by about the learning rate, whatever the size of its gradient. With weight_decay this
    is AdamW (Loshchilov & Hutter 2019, algorithm 2).
    """

    def __init__(self, learning_rate, beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
        """learning_rate, epsilon > 0; betas from 0 to below 1; weight_decay >= 0; else ValueError."""
        self.learning_rate = _positive("learning_rate", learning_rate)
        self.beta1 = _share("beta1", beta1)
        self.beta2 = _share("beta2", beta2)
        self.epsilon = _positive("epsilon", epsilon)
        self.weight_decay = _not_negative("weight_decay", weight_decay)
        self._means = None  # views of one memory, each of a parameter's shape
        self._squares = None  # all in one array (1, n), as is the scratch array
        self._scratch = None
        self._scratches = None  # its views
        self._shapes = None
        self._steps = 0

    def __getstate__(self):
        """What copies and pickles are made of: without the scratch array, as views do not stay views in a copy."""
        return dict(self.__dict__, _scratch=None, _scratches=None)

    def update(self, parameters, gradients):
        """Take one step: changes the arrays in ``parameters``."""
        self._shapes = _check_shapes(parameters, gradients, self._shapes)
        if self._means is None:
            _, self._means = _one_memory(parameters)
            self._squares, _ = _one_memory(parameters)
        if self._scratch is None:
            self._scratch, self._scratches = _one_memory(parameters)
        self._steps += 1
        learning_rate = float(self.learning_rate)
        mean_correction = 1 - self.beta1 ** self._steps
        root_correction = (1 - self.beta2 ** self._steps) ** 0.5  # sqrt(v) = sqrt(V) / root_correction, so
        step = learning_rate * root_correction / mean_correction  # m / (sqrt(v) + epsilon) times the learning rate
        epsilon = self.epsilon * root_correction  # = step M / (sqrt(V) + epsilon root_correction)
        for gradient, mean, scratch in zip(gradients, self._means, self._scratches):
            gradient = np.asarray(gradient, mean.dtype)
            cv2.accumulateWeighted(gradient, mean, 1 - self.beta1)
            np.multiply(gradient, gradient, out=scratch)
        cv2.accumulateWeighted(self._scratch, self._squares, 1 - self.beta2)
        cv2.sqrt(self._squares, dst=self._scratch)
        self._scratch += epsilon
        for p, mean, scratch in zip(parameters, self._means, self._scratches):
            _decay(p, learning_rate * self.weight_decay)
            np.divide(mean, scratch, out=scratch)  # cv2.divide takes few numbers for one with that many channels
            _subtract(p, step, scratch)


def _one_memory(parameters):
    """-> zeros (1, n) for all n numbers of the parameters, and views of them, each of a parameter's shape."""
    memory = np.zeros((1, sum(p.size for p in parameters)), np.result_type(*parameters))
    views, end = [], 0
    for p in parameters:
        start, end = end, end + p.size
        views.append(memory[0, start:end].reshape(p.shape))
    return memory, views


def _subtract(parameter, rate, direction):
    """P = P - rate direction, in place."""
    if parameter.flags.c_contiguous and (parameter.ndim == 1 or not parameter.flags.f_contiguous):
        cv2.scaleAdd(np.asarray(direction, parameter.dtype), -rate, parameter, dst=parameter)
    else:  # OpenCV writes only to arrays that lie row by row; a single column may have any strides
        parameter -= rate * direction


def _decay(parameter, share):
    """Decoupled weight decay, W = W - learning_rate weight_decay W; biases stay (see the top of the file)."""
    if share and parameter.ndim == 2:
        parameter *= 1 - share


def _check_shapes(parameters, gradients, earlier):
    """The parameters' shapes. Raises ValueError unless the gradients have the same, and the earlier steps (or None)."""
    expected = [p.shape for p in parameters]
    found = [np.shape(g) for g in gradients]
    if found != expected:
        raise ValueError("gradients: expected the shapes of the parameters %s, found %s; pass what "
                         "backpropagate() of the same network returns" % (expected, found))
    if earlier is not None and earlier != expected:
        raise ValueError("parameters: expected the shapes of the earlier steps %s, found %s; make a new "
                         "optimizer for another network" % (earlier, expected))
    return expected


def _positive(name, value):
    if not 0 < value < np.inf:
        raise ValueError("%s: expected a number above 0, found %r; a usual one is %s"
                         % (name, value, {"learning_rate": "0.001 to 0.3"}.get(name, "1e-8")))
    return float(value)


def _not_negative(name, value):
    if not 0 <= value < np.inf:
        raise ValueError("%s: expected 0 or more, found %r; pass 0 for none" % (name, value))
    return float(value)


def _share(name, value):
    if not 0 <= value < 1:
        raise ValueError("%s: expected from 0 to below 1, found %r; a usual one is 0.9" % (name, value))
    return float(value)
