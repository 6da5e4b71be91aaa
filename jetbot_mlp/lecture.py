"""``NeuralNetwork``, the class of the lecture, as a thin face on the package's own ``MLP``.

Code written for the lecture's class runs here unchanged, and ``to_mlp`` hands on what it has learned. The
lecture's notation: layers count from 1, the input layer, so W2 and b2 lead into layer 2; Z is what a layer
sums up, A = sigmoid(Z) what it gives, and loss_3 is the error of layer 3.
"""
from typing import NamedTuple

import numpy as np

from .gradient_check import numerical_derivative  # noqa: F401  (the lecture has it beside its class)
from .layers import descend
from .layers import sigmoid as _sigmoid
from .losses import one_hot
from .network import MLP


def sigmoid(x):
    """1 / (1 + exp(-x)) of a number or an array, as the lecture defines it; large -x do not overflow."""
    return _sigmoid(x)[()]  # [()] makes a number of an array without axes


class NeuralNetwork:
    """The lecture's network: sigmoid layers, half squared error, one step of gradient descent a train().

        network = NeuralNetwork(784, 100, 10, 0.3)
        network.train(input_data, target_data)           # (1, 784) and (1, 10)
        matched, not_matched = network.accuracy(test_data)

    hidden_nodes may be a list, [100, 50] for two hidden layers, which adds W4, b4, Z4 and A4.

    Attributes, all of them yours to read and to set: input_nodes, hidden_nodes, output_nodes, learning_rate;
    W2, W3 (nodes before, nodes); b2, b3 (nodes,), after a step (1, nodes) as in the lecture; Z1, A1 to Z3, A3
    (rows, nodes), zeros (1, nodes) at first, later those of the last feed_forward(); input_data and
    target_data, those of the last train(). Arrays that you took from here keep their values: train() goes on
    with copies. A W that nobody has looked at since the last step is changed in place (``_own``), which makes
    training quicker by a third; vars(network) does not list it, network.W2 and dir(network) know it.

    The weights are drawn as in the lecture, from the global np.random in the order W2, b2, W3, b3, so after
    np.random.seed(0) they are the lecture's: W normal of variance 2 / nodes before (He et al. 2015), b
    uniform in 0..1. They are float64 as in the lecture and not float32 as in MLP: in float32,
    numerical_derivative with its step of 1e-4 would be wrong in the third digit.

    Two slips of the lecture's listing are not copied:

    - It changes W3 first and then computes loss_2 = (loss_3 . W3^T) A2 (1 - A2) with the *changed* W3. The
      derivative is one at a single point: here all errors come first, from the weights that made A3, and
      then all weights change. It matters: with the lecture's settings on MNIST, five seeds gave 93.5 to
      94.1 % with the slip, and the same five 94.7 to 95.0 % without.
    - It prints the cross-entropy (feed_forward, loss_val) while it descends the half squared error: its
      loss_3 = (A3 - T) A3 (1 - A3) has the factor A3 (1 - A3), which the cross-entropy's does not (see
      ``losses``). The numbers are kept, since students compare them; the name is put right here. So
      numerical_derivative of loss_val() is *not* what train() steps along.
    """

    # Defaults here and not in __init__, so that a student's own __init__ need not call this one.
    input_data = None
    target_data = None
    _mlp = None  #: does all the arithmetic, see _empty_core
    _names = ()  #: ("W2", "b2", "Z2", "A2"), ("W3", ...), ...
    _own = {}  #: W2, ... that train() has made and nobody has read yet; each W is here or a plain attribute

    def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
        self.input_nodes = input_nodes
        self.hidden_nodes = hidden_nodes
        self.output_nodes = output_nodes
        self.learning_rate = learning_rate

        sizes = self._empty_core().layer_sizes
        for (w, b, _, _), n_before, n in zip(self._names, sizes, sizes[1:]):
            setattr(self, w, np.random.randn(n_before, n) / np.sqrt(n_before / 2))
            setattr(self, b, np.random.rand(n))
        for layer, n in enumerate(sizes, start=1):
            setattr(self, "Z%d" % layer, np.zeros((1, n)))
            setattr(self, "A%d" % layer, np.zeros((1, n)))

    def __getattr__(self, name):
        """Python asks here for what is no plain attribute: a W of ``_own`` becomes one, as now somebody may hold it."""
        own = self.__dict__.get("_own", ())
        if name not in own:
            return self.__getattribute__(name)  # raises it again: of a property, the error inside it
        self.__dict__[name] = own.pop(name)
        return self.__dict__[name]

    def __dir__(self):
        return sorted(set(super().__dir__()).union(self._own))

    def __getstate__(self):
        """What copies and pickles are made of: nothing that train() changes in place."""
        state = dict(self.__dict__, **{name: getattr(self, name) for name in list(self._own)})
        return {name: value for name, value in state.items() if name not in ("_mlp", "_names", "_own")}

    def feed_forward(self):
        """Computes Z1, A1, ... from input_data, and returns the cross-entropy, a float (see ``loss_val``)."""
        self._forward()
        a, t = getattr(self, self._names[-1][3]), np.atleast_2d(self.target_data)
        delta = 1e-7  # keeps the logarithm from 0
        return -np.sum(t * np.log(a + delta) + (1 - t) * np.log((1 - a) + delta))

    def _forward(self):
        """Computes Z1, A1, ... from input_data. Returns the MLP that did it, with this object's W and b."""
        if self.input_data is None or self.target_data is None:
            raise ValueError("feed_forward: expected input_data and target_data, found none; call "
                             "train(input_data, target_data), or set both")
        core = self._core()
        forward_pass = core.forward_pass(np.atleast_2d(self.input_data))
        self.Z1 = self.A1 = forward_pass.inputs[0]
        for (_, _, z_name, a_name), z, a in zip(self._names, forward_pass.z, forward_pass.outputs):
            setattr(self, z_name, z)
            setattr(self, a_name, a)
        a, t = forward_pass.outputs[-1], np.atleast_2d(self.target_data)
        if t.shape != a.shape:
            raise ValueError("target_data: expected shape %s, a row for each row of input_data, found %s; "
                             "one value for each of the %d output nodes"
                             % (a.shape, t.shape, self.output_nodes))
        return core

    def loss_val(self):
        """The cross-entropy on input_data and target_data, summed over nodes and rows, a float::

            -sum(T log(A3 + 1e-7) + (1 - T) log(1 - A3 + 1e-7))

        Like feed_forward() it computes all Z and A anew.
        """
        return self.feed_forward()

    def train(self, input_data, target_data):
        """One step of gradient descent.

        input_data: (rows, input_nodes), normalised; target_data: (rows, output_nodes)::

            loss_3 = (A3 - T) A3 (1 - A3)                 loss_2 = (loss_3 . W3^T) A2 (1 - A2)
            W3 = W3 - learning_rate A2^T . loss_3         b3 = b3 - learning_rate loss_3
            W2 = W2 - learning_rate A1^T . loss_2         b2 = b2 - learning_rate loss_2

        The lecture's rows are one. For several, the steps of the rows are added up, as the dot product does.
        """
        self.input_data = input_data
        self.target_data = target_data
        if type(self).feed_forward is NeuralNetwork.feed_forward:
            core = self._forward()  # without the cross-entropy, which is of no use here
        else:
            self.feed_forward()
            core = self._core()

        activations = [np.asarray(self.A1, np.float64)] + [np.asarray(getattr(self, a), np.float64)
                                                           for _, _, _, a in self._names]
        output_error = core.output_error(activations[-1], np.atleast_2d(target_data))
        errors = core.layer_errors(output_error, activations[1:])
        for layer, (w, b, _, _) in enumerate(self._names):
            weights, bias = core.weights_[layer], np.array(core.biases_[layer], np.float64, ndmin=2)
            if w in self.__dict__:
                weights = self._own[w] = np.array(weights, np.float64)  # a copy: somebody may hold it
                del self.__dict__[w]
            descend(weights, bias, activations[layer], errors[layer], self.learning_rate)
            setattr(self, b, bias)

    def predict(self, input_data):
        """The number of the node that answers loudest: an int.

        input_data: one sample, (input_nodes,) or (1, input_nodes), normalised as for train().
        """
        a = self._core().forward(np.atleast_2d(input_data))
        if len(a) != 1:
            raise ValueError("predict: expected one sample of shape (%d,) or (1, %d), found %d rows; call it "
                             "for each row" % (self.input_nodes, self.input_nodes, len(a)))
        return int(np.argmax(a))

    def accuracy(self, test_data, labels=None):
        """Predicts every row, and prints how many percent are right.

        Either form of the lecture: accuracy(test_data) with rows of a label and the raw values, (n, 1 +
        input_nodes), or accuracy(inputs, labels) with raw values (n, input_nodes) and labels (n,) or (n, 1).
        Raw values are 0..255 and become value / 255 * 0.99 + 0.01 in here, in both forms; inputs of which
        none is above 1 are taken to be normalised already and stay as they are.

        Returns (matched_list, not_matched_list), the numbers of the rows that were right and wrong.
        """
        inputs, labels = _inputs_and_labels(test_data, labels, self.input_nodes)
        prepare = normalized if inputs.max() > 1 else np.asarray
        matched_list = []
        not_matched_list = []
        for index, label in enumerate(labels):
            if self.predict(prepare(inputs[index])) == label:
                matched_list.append(index)
            else:
                not_matched_list.append(index)
        print("Current Accuracy = ", 100 * (len(matched_list) / len(labels)), " %")
        return matched_list, not_matched_list

    def to_mlp(self, dtype=np.float32):
        """What the network has learned so far, as an MLP of its own: for model files, or to train on."""
        core = self._core()
        return MLP.of(core.weights_, [bias.ravel() for bias in core.biases_], "sigmoid", "sigmoid",
                      "half_squared_error", dtype)

    def _empty_core(self):
        """The MLP that does all the arithmetic; _core() lends it this object's W and b.

        Its random_state keeps it from drawing from np.random; the weights that it draws are not used.
        """
        if self._mlp is None:
            hidden = self.hidden_nodes
            hidden = list(hidden) if isinstance(hidden, (list, tuple)) else [hidden]
            sizes = [self.input_nodes] + hidden + [self.output_nodes]
            self._mlp = MLP(sizes, "sigmoid", "sigmoid", "half_squared_error", dtype=np.float64,
                            random_state=0)
            self._names = [tuple("%s%d" % (letter, layer) for letter in "WbZA") for layer in range(2, len(sizes) + 1)]
            self._own = {}
        return self._mlp

    def _core(self):
        """The MLP with the W and b that this object has now: of train(), or what a student has put there.

        Raises ValueError when a W or b has another shape than the network.
        """
        core = self._empty_core()
        for layer, (w, b, _, _) in enumerate(self._names):
            n_before, n = core.layer_sizes[layer:layer + 2]
            weights, bias = self._own.get(w), getattr(self, b)
            if weights is None or w in self.__dict__:
                weights = np.asarray(getattr(self, w))
            if weights.shape != (n_before, n):
                raise ValueError("%s: expected shape (%d, %d), found %s; it leads from %d nodes to %d"
                                 % (w, n_before, n, weights.shape, n_before, n))
            if np.shape(bias) not in ((n,), (1, n)):
                raise ValueError("%s: expected shape (%d,) or (1, %d), found %s; with several rows, add up "
                                 "their errors with np.sum(loss_%d, axis=0)"
                                 % (b, n, n, np.shape(bias), layer + 2))
            core.weights_[layer] = weights
            core.biases_[layer] = np.asarray(bias)
        return core


def normalized(raw):
    """Raw values 0..255 as the lecture's inputs 0.01..1, float64: a zero gives its weights no gradient."""
    return raw / 255.0 * 0.99 + 0.01


def _inputs_and_labels(test_data, labels, n_inputs):
    """Either form of accuracy()'s arguments as inputs (n, n_inputs) and labels (n,); else ValueError."""
    inputs = np.asarray(test_data)
    n_columns, first = (n_inputs + 1, "label first") if labels is None else (n_inputs, "without the labels")
    if inputs.ndim != 2 or inputs.shape[1] != n_columns or len(inputs) == 0:
        raise ValueError("test_data: expected shape (n, %d), %s, found %s; pass accuracy(test_data) or "
                         "accuracy(inputs, labels)" % (n_columns, first, inputs.shape))
    if labels is None:
        return inputs[:, 1:], inputs[:, 0]
    labels = np.asarray(labels)
    if labels.shape not in ((len(inputs),), (len(inputs), 1)):
        raise ValueError("labels: expected shape (%d,), one number for each row of inputs, found %s; targets "
                         "become labels with np.argmax(targets, axis=1)" % (len(inputs), labels.shape))
    return inputs, labels.ravel()


class LectureRun(NamedTuple):
    """What ``train_lecture`` returns."""

    network: NeuralNetwork
    accuracy: float  #: share of the test rows that are right, 0 to 1


def train_lecture(training_data, test_data, learning_rate=0.3, hidden_nodes=100, epochs=1, seed=None,
                  progress=None):
    """The lecture's run on MNIST: one sample at a time, in the order of the file. Prints nothing.

    training_data, test_data: (n, 1 + 784), label and raw values 0..255 in each row, the labels 0 to 9.
    seed: as if np.random.seed(seed) came first (the caller's np.random stays as it is); None for any.
    progress: None, or a callable like tqdm: progress(iterable, total=n, desc='...') -> iterable.
    Returns a LectureRun. Raises ValueError on a wrong shape or label.
    """
    n_inputs = np.shape(training_data)[-1] - 1
    inputs, labels = _inputs_and_labels(training_data, None, n_inputs)
    test_inputs, test_labels = _inputs_and_labels(test_data, None, n_inputs)
    targets = one_hot(labels, 10, off=0.01, on=0.99, dtype=np.float64)

    state = np.random.get_state()
    try:
        if seed is not None:
            np.random.seed(seed)
        network = NeuralNetwork(n_inputs, hidden_nodes, 10, learning_rate)
    finally:
        if seed is not None:
            np.random.set_state(state)

    for epoch in range(epochs):
        rows = range(len(inputs))
        if progress is not None:
            rows = progress(rows, total=len(inputs), desc="epoch %d of %d" % (epoch + 1, epochs))
        for row in rows:
            network.train(normalized(inputs[row:row + 1]), targets[row:row + 1])
    matched = sum(network.predict(normalized(row)) == label for row, label in zip(test_inputs, test_labels))
    return LectureRun(network, float(matched) / len(test_labels))
