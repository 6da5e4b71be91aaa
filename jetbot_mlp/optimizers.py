"""Optimizers: how the gradients change the parameters. All of them work in place.

Both take the lists of ``MLP.parameters()`` and ``MLP.backpropagate()``: [W1, b1, W2, b2, ...] with the
gradients in the same order. ``learning_rate`` may be changed between two steps.

Weight decay is *decoupled* (Loshchilov & Hutter 2019, "Decoupled weight decay regularization"): the weights
shrink by learning_rate x weight_decay of themselves at each step, beside the gradient's step and not through
it, so Adam's scaling does not touch it. It applies to weights only (2-D arrays): a bias may be as large as it
needs.

Big layers are bound by memory, not by arithmetic, so what counts is how often an array is read and written: OpenCV's
accumulateWeighted(X, M, s) is M = (1 - s) M + s X in one go, which NumPy needs three for, and scaleAdd is P - s X. What
lies between goes into one scratch array that is kept. tests/test_optimizers.py holds all to the formulas.
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

    def update(self, parameters, gradients):
        """Take one step: changes the arrays in ``parameters``."""
        _check_shapes(parameters, gradients, self._velocities)
        if self._velocities is None:
            self._velocities = [np.zeros_like(p) for p in parameters]
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
        self._means = None
        self._squares = None
        self._scratch = None
        self._steps = 0

    def update(self, parameters, gradients):
        """Take one step: changes the arrays in ``parameters``."""
        _check_shapes(parameters, gradients, self._means)
        if self._means is None:
            self._means = [np.zeros(p.shape, p.dtype) for p in parameters]
            self._squares = [np.zeros(p.shape, p.dtype) for p in parameters]
            self._scratch = _scratch_arrays(parameters)
        self._steps += 1
        learning_rate = float(self.learning_rate)
        mean_correction = 1 - self.beta1 ** self._steps
        root_correction = (1 - self.beta2 ** self._steps) ** 0.5  # sqrt(v) = sqrt(V) / root_correction, so
        step = learning_rate * root_correction / mean_correction  # m / (sqrt(v) + epsilon) times the learning rate
        epsilon = self.epsilon * root_correction  # = step M / (sqrt(V) + epsilon root_correction)
        for p, gradient, mean, square, scratch in zip(parameters, gradients, self._means, self._squares, self._scratch):
            _decay(p, learning_rate * self.weight_decay)
            gradient = np.asarray(gradient, p.dtype)
            cv2.accumulateWeighted(gradient, mean, 1 - self.beta1)
            np.multiply(gradient, gradient, out=scratch)
            cv2.accumulateWeighted(scratch, square, 1 - self.beta2)
            cv2.sqrt(square, dst=scratch)
            scratch += epsilon
            np.divide(mean, scratch, out=scratch)
            _subtract(p, step, scratch)


def _scratch_arrays(parameters):
    """An array of each parameter's shape and dtype; they share one memory."""
    largest = max(parameters, key=lambda p: p.nbytes)
    memory = np.empty(largest.nbytes, np.uint8)
    return [memory[:p.nbytes].view(p.dtype).reshape(p.shape) for p in parameters]


def _subtract(parameter, rate, direction):
    """P = P - rate direction, in place."""
    if parameter.flags.c_contiguous:
        cv2.scaleAdd(np.asarray(direction, parameter.dtype), -rate, parameter, dst=parameter)
    else:  # OpenCV writes only to arrays that lie row by row
        parameter -= rate * direction


def _decay(parameter, share):
    """Decoupled weight decay, W = W - learning_rate weight_decay W; biases stay (see the top of the file)."""
    if share and parameter.ndim == 2:
        parameter *= 1 - share


def _check_shapes(parameters, gradients, state):
    """Raise ValueError unless parameters, gradients and the state of earlier steps have the same shapes."""
    expected = [np.shape(p) for p in parameters]
    if [np.shape(g) for g in gradients] != expected:
        raise ValueError("gradients: expected the shapes of the parameters %s, found %s; pass what "
                         "backpropagate() of the same network returns"
                         % (expected, [np.shape(g) for g in gradients]))
    if state is not None and [s.shape for s in state] != expected:
        raise ValueError("parameters: expected the shapes of the earlier steps %s, found %s; make a new "
                         "optimizer for another network" % ([s.shape for s in state], expected))


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
