"""The multilayer perceptron: layers in a row, the forward pass and backpropagation.

Read ``layers`` and ``losses`` first; this file is what they add up to. In the lecture's words, for layers
1 (the input) to L (the output), with loss_l standing for dE/dZ_l, the error of layer l::

    forward          A_1 = X         Z_l = A_{l-1} . W_l + b_l        A_l = f_l(Z_l)

    the last layer   loss_L = dE/dA_L f'(Z_L)
                            = (A_L - T) A_L (1 - A_L)                     half squared error and sigmoid
    going back       loss_l = (loss_{l+1} . W_{l+1}^T) f'(Z_l)
                            = (loss_{l+1} . W_{l+1}^T) A_l (1 - A_l)      sigmoid
    gradients        dE/dW_l = A_{l-1}^T . loss_l
                     dE/db_l = sum of the rows of loss_l

The lecture numbers its arrays from the input layer, so its first weights are W2; ``weights_[0]`` here.

Sources: the lecture; Rumelhart, Hinton & Williams 1986, "Learning representations by back-propagating
errors".
"""
from typing import List, NamedTuple, Optional

import numpy as np

from .layers import (
    ACTIVATIONS,
    HIDDEN_ACTIVATIONS,
    INITIALIZATIONS,
    OUTPUT_ACTIVATIONS,
    affine,
    affine_gradients,
    affine_input_error,
    descend,
    dropout_mask,
)
from .losses import LOSSES, check_targets, value_of_outputs
from .network_settings import (
    as_random_state,
    check_combination,
    checked_dropout,
    checked_dtype,
    checked_name,
    checked_sizes,
    is_integer,
)


class ForwardPass(NamedTuple):
    """What a forward pass leaves for the backward pass; one entry a layer with weights, in order.

    Without dropout ``inputs`` is [X] and then all outputs but the last; with it, the outputs times the masks.
    """

    inputs: List[np.ndarray]  #: (n, n_in) what the layer was given
    z: List[np.ndarray]  #: (n, n_out) Z = inputs . W + b
    outputs: List[np.ndarray]  #: (n, n_out) A = f(Z)
    masks: Optional[List[np.ndarray]]  #: (n, n_out) dropout mask of each hidden layer; None without dropout


class MLP:
    """A multilayer perceptron with any number of hidden layers, also none.

    layer_sizes: numbers of nodes, input first: [784, 100, 10] has one hidden layer.
    hidden_activation: 'sigmoid', 'tanh', 'relu' or 'leaky_relu', for all hidden layers.
    output_activation: 'linear', 'sigmoid' or 'softmax'.
    loss: 'half_squared_error' or 'huber' (with linear or sigmoid outputs), 'binary_cross_entropy' (with
        sigmoid outputs), 'softmax_cross_entropy' (with softmax outputs, which go with no other loss).
    initialization: 'xavier', 'he', or 'auto': each layer what suits its activation, that is He for ReLUs and
        Xavier for all others. Biases begin at 0.
    dropout: share of the hidden nodes that is silent in a training step, 0 to below 1; inference never drops.
    dtype: np.float32 (quick) or np.float64 (exact, for gradient checks).
    random_state: int, np.random.RandomState or None (different each time); draws the initial weights.

    Raises ValueError on anything else.

    Learned values: ``weights_``, a list of (n_in, n_out) arrays, and ``biases_``, a list of (n_out,) arrays.
    """

    def __init__(self, layer_sizes, hidden_activation="sigmoid", output_activation="sigmoid",
                 loss="half_squared_error", initialization="auto", dropout=0.0, dtype=np.float32,
                 random_state=None):
        self._set(layer_sizes, hidden_activation, output_activation, loss, initialization, dropout, dtype)
        random_state = as_random_state(random_state)
        self.weights_ = []
        self.biases_ = []
        for n_in, n_out, activation in zip(self.layer_sizes, self.layer_sizes[1:], self._activations()):
            name = activation.initialization if initialization == "auto" else initialization
            self.weights_.append(INITIALIZATIONS[name](n_in, n_out, random_state).astype(self.dtype))
            self.biases_.append(np.zeros(n_out, dtype=self.dtype))

    @classmethod
    def of(cls, weights, biases, hidden_activation="sigmoid", output_activation="sigmoid", loss="half_squared_error",
           dtype=np.float32):
        """A network of weights that are there already: without drawing some, which loads NumPy's random numbers.

        weights: list of (n_in, n_out); biases: list of (n_out,); both are copied. The rest as for the class.
        """
        network = cls.__new__(cls)
        network._set([len(weights[0])] + [len(bias) for bias in biases], hidden_activation, output_activation, loss,
                     "auto", 0.0, dtype)
        network.weights_ = [np.array(array, network.dtype, order="C") for array in weights]
        network.biases_ = [np.array(array, network.dtype) for array in biases]
        shapes = list(zip(network.layer_sizes, network.layer_sizes[1:]))
        if [array.shape for array in network.weights_] != shapes or any(array.ndim != 1 for array in network.biases_):
            raise ValueError("weights: expected shapes (n_in, n_out) that fit on each other and the biases' (n_out,), "
                             "found %s and %s" % ([array.shape for array in network.weights_],
                                                  [array.shape for array in network.biases_]))
        return network

    def _set(self, layer_sizes, hidden_activation, output_activation, loss, initialization, dropout, dtype):
        """Keep the settings, each of them checked."""
        self.layer_sizes = checked_sizes(layer_sizes)
        self.hidden_activation = checked_name("hidden_activation", hidden_activation, HIDDEN_ACTIVATIONS)
        self.output_activation = checked_name("output_activation", output_activation, OUTPUT_ACTIVATIONS)
        self.loss = checked_name("loss", loss, LOSSES)
        self.initialization = checked_name("initialization", initialization,
                                           ("auto",) + tuple(INITIALIZATIONS))
        self.dropout = checked_dropout(dropout)
        self.dtype = checked_dtype(dtype)
        check_combination(self.output_activation, self.loss, self.layer_sizes[-1])

    # --- forward -------------------------------------------------------------------------------------------

    def forward(self, x):
        """The outputs (n, n_out) for the inputs x (n, n_in): inference, without dropout.

        Safe to call from several threads: it writes to its own arrays only. Raises ValueError on a wrong
        shape.
        """
        a = self._checked_inputs(x)
        for weights, bias, activation in zip(self.weights_, self.biases_, self._activations()):
            z = affine(a, weights, bias)
            a = activation.function(z, out=z)  # in place: nobody needs this z any more
        return a

    def forward_pass(self, x, random_state=None):
        """Like ``forward``, but keeps what backpropagation needs. Returns a ForwardPass.

        With a random_state (int or RandomState), hidden layers are dropped out at the rate ``dropout``.
        """
        masks = [] if self.dropout and random_state is not None else None
        random_state = as_random_state(random_state) if masks is not None else None
        a = self._checked_inputs(x)
        inputs, zs, outputs = [], [], []
        for weights, bias, activation in zip(self.weights_, self.biases_, self._activations()):
            inputs.append(a)
            zs.append(affine(a, weights, bias))
            a = activation.function(zs[-1])
            outputs.append(a)
            if masks is not None and len(outputs) < len(self.weights_):
                masks.append(dropout_mask(a.shape, self.dropout, random_state, self.dtype))
                a = a * masks[-1]
        return ForwardPass(inputs, zs, outputs, masks)

    # --- backward ------------------------------------------------------------------------------------------

    def output_error(self, outputs, targets):
        """loss_L = dE/dZ_L (n, n_out) of each sample, from outputs A_L and targets T, both (n, n_out).

        The loss's dE/dA_L times f'(Z_L), or A_L - T at once where the two are fused (see ``losses``).
        """
        loss = LOSSES[self.loss]
        error = loss.derivative(outputs, targets)
        if not loss.fused:
            error *= ACTIVATIONS[self.output_activation].derivative(outputs)
        return error

    def layer_errors(self, output_error, outputs, masks=None):
        """Takes the last layer's error back through all layers: [loss_2, ..., loss_L] of the lecture.

        output_error: (n, n_out), dE/dZ_L; outputs and masks: as in ForwardPass. No weights are changed on the
        way: every error is computed with the weights that made the outputs.
        """
        derivative = ACTIVATIONS[self.hidden_activation].derivative
        errors = [output_error]
        for layer in range(len(self.weights_) - 1, 0, -1):
            error = affine_input_error(errors[-1], self.weights_[layer])
            if masks is not None:
                error *= masks[layer - 1]
            error *= derivative(outputs[layer - 1])
            errors.append(error)
        errors.reverse()
        return errors

    def backpropagate(self, x, targets, sample_weight=None, random_state=None):
        """The loss and its derivatives by every weight and bias.

        x: (n, n_in); targets: (n, n_out). sample_weight: (n,) or None; a sample of weight 2 counts like two.
        The weights should have the mean 1 over the whole data set; this batch's mean is not divided out.
        Dropout only when a random_state (int or RandomState) is given.

        Returns (loss, gradients): loss, a float, is sum(sample_weight_k E_k) / n over the n samples;
        gradients are [dW1, db1, dW2, db2, ...] of that loss, new arrays in the order of ``parameters()``.
        Raises ValueError on a wrong shape, no samples, or targets that the loss is not defined for.
        """
        forward_pass = self.forward_pass(x, random_state)
        outputs = forward_pass.outputs[-1]
        targets = self._checked_targets(targets, len(outputs))
        shares = self._sample_shares(sample_weight, len(outputs))

        error = self.output_error(outputs, targets)
        # all that follows is linear in the error, so the mean is taken here once
        error *= shares if sample_weight is None else shares[:, np.newaxis]
        errors = self.layer_errors(error, forward_pass.outputs, forward_pass.masks)
        gradients = []
        for layer_inputs, layer_error in zip(forward_pass.inputs, errors):
            gradients.extend(affine_gradients(layer_inputs, layer_error))
        return self._loss(forward_pass, targets, shares), gradients

    def mean_loss(self, x, targets, sample_weight=None, random_state=None):
        """The loss alone, as ``backpropagate`` gives it, without the work of the backward pass: a float."""
        forward_pass = self.forward_pass(x, random_state)
        targets = self._checked_targets(targets, len(forward_pass.z[-1]))
        return self._loss(forward_pass, targets, self._sample_shares(sample_weight, len(targets)))

    def loss_of(self, outputs, targets):
        """The mean loss of outputs (n, n_out) that ``forward`` has already given, a float."""
        outputs = np.asarray(outputs, self.dtype)
        targets = self._checked_targets(targets, len(outputs))
        if outputs.shape != targets.shape:
            raise ValueError("outputs: expected shape %s, that of the targets, found %s; pass what forward() "
                             "returns" % (targets.shape, outputs.shape))
        return float(np.mean(value_of_outputs(self.loss, outputs, targets)))

    def descend(self, x, targets, learning_rate):
        """One step of plain gradient descent: the quickest way to train one sample at a time.

        The same step as ``SGD(learning_rate).update(parameters(), backpropagate(x, targets)[1])``, but no
        gradient is kept (``layers.descend``) and no loss computed. The arrays in ``weights_`` and ``biases_`` change
        in place, as with an optimizer; take copies of what is to stay.

        x: (n, n_in); targets: (n, n_out). Returns the outputs (n, n_out) that the network gave before the
        step. Raises ValueError as ``backpropagate`` does.
        """
        forward_pass = self.forward_pass(x)
        outputs = forward_pass.outputs[-1]
        targets = self._checked_targets(targets, len(outputs))
        errors = self.layer_errors(self.output_error(outputs, targets), forward_pass.outputs)
        rate = float(learning_rate) / len(outputs)  # of the mean over the samples, as in backpropagate
        for weights, bias, layer_inputs, error in zip(self.weights_, self.biases_, forward_pass.inputs, errors):
            descend(weights, bias, layer_inputs, error, rate)
        return outputs

    def input_gradient(self, x, output):
        """d output / d input: how each input value moves one output, or a value V made of the outputs; (n, n_in).

        output: the output's number k; or callable(outputs (n, n_out)) -> dV/dA (n, n_out).

        The same way back as for the weights, but from V instead of the loss, so from dV/dZ_L; V = A_k has dV/dA = 1
        at k, 0 elsewhere::

            sigmoid, linear   dV/dZ_j = dV/dA_j f'(Z_j)
            softmax           dV/dZ_j = A_j (dV/dA_j - sum_i dV/dA_i A_i), since dA_i/dZ_j = A_i ([i = j] - A_j)

        and one step further down, to the input: dV/dX = loss_2 . W_2^T.
        """
        outputs = self.forward_pass(x).outputs
        a = outputs[-1]
        if callable(output):
            error = np.array(output(a), dtype=a.dtype)
        elif is_integer(output) and 0 <= output < a.shape[1]:
            error = np.zeros_like(a)
            error[:, output] = 1
        else:
            raise ValueError("output: expected a whole number from 0 to %d or a function, found %r; the network has "
                             "%d outputs" % (a.shape[1] - 1, output, a.shape[1]))
        if self.output_activation == "softmax":
            error -= np.sum(error * a, axis=1, keepdims=True)
            error *= a
        else:
            error *= ACTIVATIONS[self.output_activation].derivative(a)
        return affine_input_error(self.layer_errors(error, outputs)[0], self.weights_[0])

    # --- the rest ------------------------------------------------------------------------------------------

    def parameters(self):
        """[W1, b1, W2, b2, ...]: the arrays themselves, which optimizers change in place."""
        return [array for pair in zip(self.weights_, self.biases_) for array in pair]

    @property
    def n_parameters(self):
        """How many weights and biases there are: an int."""
        return sum(array.size for array in self.parameters())

    def copy(self):
        """A network of the same settings with its own copies of the weights and biases."""
        other = type(self).__new__(type(self))  # without drawing weights that are thrown away at once
        other.__dict__.update(self.__dict__)
        other.layer_sizes = list(self.layer_sizes)
        other.weights_ = [weights.copy() for weights in self.weights_]
        other.biases_ = [bias.copy() for bias in self.biases_]
        return other

    def __repr__(self):
        return "MLP(%s, %r, %r, %r, initialization=%r, dropout=%g, dtype=np.%s)" % (
            self.layer_sizes, self.hidden_activation, self.output_activation, self.loss, self.initialization,
            self.dropout, self.dtype)

    def _activations(self):
        """The Activation of each layer with weights, in order."""
        hidden = ACTIVATIONS[self.hidden_activation]
        return [hidden] * (len(self.layer_sizes) - 2) + [ACTIVATIONS[self.output_activation]]

    def _checked_inputs(self, x):
        x = np.asarray(x, self.dtype)
        if x.ndim != 2 or x.shape[1] != self.layer_sizes[0]:
            raise ValueError("x: expected shape (n, %d), found %s; one sample a row, a single one as "
                             "x.reshape(1, -1)" % (self.layer_sizes[0], x.shape))
        return x

    def _checked_targets(self, targets, n):
        targets = np.asarray(targets, self.dtype)
        if n == 0:
            raise ValueError("x: expected at least one sample, found none; check what the data set was "
                             "filtered by")
        if targets.shape != (n, self.layer_sizes[-1]):
            raise ValueError("targets: expected shape (%d, %d), one row for each row of x, found %s; class "
                             "numbers become rows with losses.one_hot"
                             % (n, self.layer_sizes[-1], targets.shape))
        check_targets(self.loss, targets)
        return targets

    def _sample_shares(self, sample_weight, n):
        """What each sample's loss is multiplied by: 1 / n, or (n,) sample_weight / n."""
        if sample_weight is None:
            return 1.0 / n
        sample_weight = np.asarray(sample_weight, self.dtype)
        if sample_weight.shape != (n,):
            raise ValueError("sample_weight: expected shape (%d,), one for each row of x, found %s; leave it "
                             "out for equal weights" % (n, sample_weight.shape))
        return sample_weight / n

    def _loss(self, forward_pass, targets, shares):
        values = LOSSES[self.loss].value(forward_pass.z[-1], forward_pass.outputs[-1], targets)
        return float(np.add.reduce(values * shares))
