"""The pieces of a layer, each with its forward rule and its derivative. Read this file first.

A layer takes the activations A of the layer before it (one sample a row) and computes::

    Z = A_before . W + b        affine       W (n_in, n_out), b (n_out,), Z and A (n, n_out)
    A = f(Z)                    activation

Backpropagation needs two derivatives of that, and both are here:

    dZ/dW, dZ/db                in ``affine_gradients``
    f'(Z)                       the ``derivative`` of each activation

All activations here can be differentiated *from their output*: f'(Z) is written with A alone (the
sigmoid's is A (1 - A)), so the backward pass never needs to evaluate f again.

The next file to read is ``losses``, then ``network``, which puts the pieces in a row.

Sources: the lecture (sigmoid, affine layer); Glorot & Bengio 2010, "Understanding the difficulty of
training deep feedforward neural networks" (Xavier initialisation, tanh against sigmoid); He, Zhang, Ren &
Sun 2015, "Delving deep into rectifiers" (He initialisation); Maas, Hannun & Ng 2013, "Rectifier
nonlinearities improve neural network acoustic models" (leaky ReLU); Srivastava et al. 2014, "Dropout".
"""
from typing import Callable, NamedTuple

import cv2
import numpy as np

LEAKY_SLOPE = 0.01  #: the leaky ReLU's slope below zero (Maas, Hannun & Ng 2013)

# exp(80) = 5.5e34 still fits into float32 (exp(89) does not). sigmoid(-80) = 1.8e-35 is zero for us.
_LOWEST_SIGMOID_INPUT = -80.0


# --- affine: Z = A . W + b ---------------------------------------------------------------------------------


def affine(activations, weights, bias):
    """Z = A . W + b.

    activations: (n, n_in); weights: (n_in, n_out); bias: (n_out,). Returns a new array (n, n_out).
    """
    z = np.dot(activations, weights)
    z += bias
    return z


def affine_gradients(activations, error):
    """The derivatives of the loss by W and b, from the error of this layer.

    With error = dE/dZ (n, n_out), the chain rule for Z_kj = sum_i A_ki W_ij + b_j gives::

        dE/dW_ij = sum_k dE/dZ_kj dZ_kj/dW_ij = sum_k A_ki error_kj     dE/dW = A^T . error
        dE/db_j  = sum_k dE/dZ_kj dZ_kj/db_j  = sum_k error_kj          dE/db = sum of the error's rows

    In the lecture, for the last of three layers: dE/dW3 = A2^T . loss_3 and dE/db3 = loss_3 (one row).
    Returns (dE/dW (n_in, n_out), dE/db (n_out,)).
    """
    return np.dot(activations.T, error), np.add.reduce(error, axis=0)


def affine_input_error(error, weights):
    """The error handed down to the layer's input: dE/dA_ki = sum_j dE/dZ_kj W_ij, so dE/dA = error . W^T.

    error: (n, n_out); weights: (n_in, n_out). Returns a new array (n, n_in).
    """
    return np.dot(error, weights.T)


def descend(weights, bias, activations, error, learning_rate):
    """One step of gradient descent on an affine layer, in place: W -= lr A^T . error, b -= lr sum(error).

    The same step as with ``affine_gradients`` and SGD, but no gradient is kept. For one sample the time goes into
    reading and writing W, so for one W is read and written once: the small array (the error) is scaled instead of
    the big one, and OpenCV's product adds what it computes to W at once, where NumPy's would need an array between.
    """
    step = error * -learning_rate
    row_by_row = weights.flags.c_contiguous and not weights.flags.f_contiguous  # a single column may have any strides
    # OpenCV writes to no others, but to read-only ones, which NumPy refuses below
    if (len(step) == 1 and row_by_row and weights.flags.writeable
            and weights.dtype == step.dtype == activations.dtype):
        cv2.gemm(activations.reshape(-1, 1), step, 1.0, weights, 1.0, dst=weights)
        bias += step.reshape(bias.shape)
    else:
        weights += np.dot(activations.T, step)
        bias += np.add.reduce(step, axis=0)


# --- activations: A = f(Z) ---------------------------------------------------------------------------------
# Each takes z, a float array (n, n_out), and writes A into ``out`` (which may be z itself), or into a new
# array. Each derivative takes A = f(Z) and returns f'(Z), the same shape.


def _new_output(z):
    """An empty float array shaped like z: float32 stays float32, whole numbers become float64."""
    if isinstance(z, np.ndarray) and z.dtype.kind == "f":
        return np.empty_like(z)
    return np.empty(np.shape(z), dtype=np.result_type(np.asarray(z).dtype, np.float32))


def sigmoid(z, out=None):
    """f(z) = 1 / (1 + exp(-z)), between 0 and 1 (the lecture's activation)."""
    out = _new_output(z) if out is None else out
    np.maximum(z, _LOWEST_SIGMOID_INPUT, out=out)  # exp(-z) would overflow below
    np.negative(out, out=out)
    np.exp(out, out=out)
    out += 1
    np.reciprocal(out, out=out)
    return out


def sigmoid_derivative(a):
    """f'(z) = exp(-z) / (1 + exp(-z))^2 = A (1 - A), the lecture's form. At most 1/4, at z = 0."""
    return a * (1 - a)


def tanh(z, out=None):
    """f(z) = (exp(z) - exp(-z)) / (exp(z) + exp(-z)), between -1 and 1 (Glorot & Bengio 2010)."""
    out = _new_output(z) if out is None else out
    return np.tanh(z, out=out)


def tanh_derivative(a):
    """f'(z) = 1 - tanh(z)^2 = 1 - A^2."""
    return 1 - a * a


def relu(z, out=None):
    """f(z) = max(z, 0), the rectified linear unit (He et al. 2015)."""
    out = _new_output(z) if out is None else out
    return np.maximum(z, 0, out=out)


def relu_derivative(a):
    """f'(z) = 1 where z > 0, else 0; A > 0 says the same. At the kink z = 0 we take 0, as is usual."""
    return (a > 0).astype(a.dtype)


def leaky_relu(z, out=None):
    """f(z) = z where z > 0, else LEAKY_SLOPE z; as the slope is below 1, that is max(z, LEAKY_SLOPE z)."""
    out = _new_output(z) if out is None else out
    return np.maximum(z, np.multiply(z, LEAKY_SLOPE), out=out)


def leaky_relu_derivative(a):
    """f'(z) = 1 where z > 0, else LEAKY_SLOPE; A has the sign of z."""
    slopes = np.full_like(a, LEAKY_SLOPE)
    slopes[a > 0] = 1
    return slopes


def linear(z, out=None):
    """f(z) = z, for outputs that are coordinates."""
    if out is z:
        return z
    out = _new_output(z) if out is None else out
    out[...] = z
    return out


def linear_derivative(a):
    """f'(z) = 1."""
    return np.ones_like(a)


def softmax(z, out=None):
    """f(z)_j = exp(z_j) / sum_i exp(z_i) in each row, the probabilities of the classes: above 0, of sum 1.

    Subtracting the row's largest z from all of them cancels in the fraction, and keeps exp() from
    overflowing.
    """
    out = _new_output(z) if out is None else out
    np.subtract(z, np.maximum.reduce(z, axis=-1, keepdims=True), out=out)
    np.exp(out, out=out)
    out /= np.add.reduce(out, axis=-1, keepdims=True)
    return out


# The softmax's outputs depend on every z of the row: dA_k/dZ_j = A_k ([k = j] - A_j), a matrix for each
# sample and not one slope for each unit. It has no place in the table's ``derivative``: in training it melts
# into the softmax cross-entropy's (``losses``), and ``MLP.input_gradient`` writes out the row that it needs.


class Activation(NamedTuple):
    """f and f', with the initialisation that suits a layer with this activation."""

    function: Callable  #: (z, out=None) -> A
    derivative: Callable  #: A -> f'(Z); None for softmax
    initialization: str  #: a key of INITIALIZATIONS


ACTIVATIONS = {
    "sigmoid": Activation(sigmoid, sigmoid_derivative, "xavier"),
    "tanh": Activation(tanh, tanh_derivative, "xavier"),
    "relu": Activation(relu, relu_derivative, "he"),
    "leaky_relu": Activation(leaky_relu, leaky_relu_derivative, "he"),
    "linear": Activation(linear, linear_derivative, "xavier"),
    "softmax": Activation(softmax, None, "xavier"),
}
HIDDEN_ACTIVATIONS = ("sigmoid", "tanh", "relu", "leaky_relu")
OUTPUT_ACTIVATIONS = ("linear", "sigmoid", "softmax")


# --- dropout -----------------------------------------------------------------------------------------------


def dropout_mask(shape, rate, random_state, dtype=np.float32):
    """What to multiply activations by: 0 with probability ``rate``, else 1 / (1 - rate) (inverted dropout).

    Each unit is silent in a share ``rate`` of the training steps, so that no unit can lean on one other
    (Srivastava et al. 2014). Dividing by 1 - rate here keeps the mean of the activations as it is without
    dropout, so inference needs no change (their section 10 names it). Multiplying by the mask is linear, so
    the error going back is multiplied by the same mask.
    """
    mask = (random_state.random_sample(shape) >= rate).astype(dtype)
    mask /= 1 - rate
    return mask


# --- initial weights ---------------------------------------------------------------------------------------


def xavier(n_in, n_out, random_state):
    """W uniform in +- sqrt(6 / (n_in + n_out)). Glorot & Bengio 2010, equation 16.

    That is of variance 2 / (n_in + n_out), a compromise of two wishes: n_in Var(W) = 1, so that the signals
    keep their size going forward (for an f that is near the identity at 0), and n_out Var(W) = 1, so that the
    errors keep theirs going back. Returns float64 (n_in, n_out).
    """
    limit = np.sqrt(6.0 / (n_in + n_out))
    return random_state.uniform(-limit, limit, size=(n_in, n_out))


def he(n_in, n_out, random_state):
    """W normal of variance 2 / n_in. He et al. 2015, equation 10.

    A ReLU cuts half of its inputs away, and the 2 makes up for that. The lecture's randn(n_in, n_out) /
    sqrt(n_in / 2) is the same. Returns float64 (n_in, n_out).
    """
    return random_state.standard_normal((n_in, n_out)) / np.sqrt(n_in / 2.0)


INITIALIZATIONS = {"xavier": xavier, "he": he}
