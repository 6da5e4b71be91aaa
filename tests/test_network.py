"""The MLP: a worked example by hand, backpropagation's promises, settings, and what is refused."""
import copy
import pickle

import numpy as np
import pytest

from jetbot_mlp.losses import one_hot
from jetbot_mlp.network import MLP
from jetbot_mlp.optimizers import SGD, Adam


def worked_example():
    """The 2-2-2 network of the worked example below, and its x and targets."""
    log3 = np.log(3.0)  # sigmoid(log 3) = 1 / (1 + 1/3) = 0.75
    network = MLP([2, 2, 2], dtype=np.float64)
    network.weights_ = [np.array([[log3, 1.0], [0.0, -0.5]]), np.array([[-2.0, 4.0], [3.0, -6.0]])]
    network.biases_ = [np.array([0.0, 0.0]), np.array([0.0, log3])]
    return network, np.array([[1.0, 2.0]]), np.array([[0.0, 1.0]])


def test_a_2_2_2_network_worked_out_by_hand():
    # Forward
    #   A1 = (1, 2)
    #   Z2 = A1 . W2 + b2 = (1 log3 + 2 0, 1 1 + 2 (-0.5)) = (log 3, 0)      A2 = sigmoid(Z2) = (0.75, 0.5)
    #   Z3 = A2 . W3 + b3 = (0.75 (-2) + 0.5 3 + 0, 0.75 4 + 0.5 (-6) + log 3) = (0, log 3)
    #                                                                        A3 = sigmoid(Z3) = (0.5, 0.75)
    #   E  = 1/2 ((0.5 - 0)^2 + (0.75 - 1)^2) = 1/2 (0.25 + 0.0625) = 0.15625
    network, x, targets = worked_example()
    forward_pass = network.forward_pass(x)
    np.testing.assert_allclose(forward_pass.outputs[0], [[0.75, 0.5]])
    np.testing.assert_allclose(network.forward(x), [[0.5, 0.75]])
    loss, (by_w2, by_b2, by_w3, by_b3) = network.backpropagate(x, targets)
    assert loss == pytest.approx(0.15625)

    # Backward, the last layer
    #   loss_3 = (A3 - T) A3 (1 - A3) = (0.5 0.5 0.5, -0.25 0.75 0.25) = (0.125, -0.046875)
    #   dE/dW3 = A2^T . loss_3 = ((0.75 0.125, 0.75 (-0.046875)), (0.5 0.125, 0.5 (-0.046875)))
    np.testing.assert_allclose(by_b3, [0.125, -0.046875])
    np.testing.assert_allclose(by_w3, [[0.09375, -0.03515625], [0.0625, -0.0234375]])

    # Backward, the hidden layer
    #   loss_3 . W3^T = (0.125 (-2) - 0.046875 4, 0.125 3 - 0.046875 (-6)) = (-0.4375, 0.65625)
    #   loss_2 = (loss_3 . W3^T) A2 (1 - A2) = (-0.4375 0.1875, 0.65625 0.25) = (-0.08203125, 0.1640625)
    #   dE/dW2 = A1^T . loss_2 = ((1 loss_2), (2 loss_2))
    np.testing.assert_allclose(by_b2, [-0.08203125, 0.1640625])
    np.testing.assert_allclose(by_w2, [[-0.08203125, 0.1640625], [-0.1640625, 0.328125]])

    # One step with the learning rate 2: W3[0, 0] = -2 - 2 0.09375, b2[1] = 0 - 2 0.1640625
    SGD(2.0).update(network.parameters(), [by_w2, by_b2, by_w3, by_b3])
    assert network.weights_[1][0, 0] == pytest.approx(-2.1875)
    assert network.biases_[0][1] == pytest.approx(-0.328125)


def test_descend_takes_the_step_of_sgd_in_place():
    for rows in (1, 3):
        slow = MLP([4, 5, 3, 2], "tanh", "linear", "huber", dtype=np.float64, random_state=0)
        quick = slow.copy()
        x, targets = np.random.RandomState(1).randn(rows, 4), np.random.RandomState(2).randn(rows, 2)
        before, outputs = quick.weights_[0], quick.forward(x)
        SGD(0.3).update(slow.parameters(), slow.backpropagate(x, targets)[1])
        np.testing.assert_allclose(quick.descend(x, targets, 0.3), outputs)
        for a, b in zip(quick.parameters(), slow.parameters()):
            np.testing.assert_allclose(a, b, rtol=1e-12)
        assert quick.weights_[0] is before


def test_a_network_of_given_weights_is_the_one_that_they_came_from():
    network = MLP([3, 4, 2], "relu", "softmax", "softmax_cross_entropy", random_state=0)
    of = MLP.of(network.weights_, network.biases_, "relu", "softmax", "softmax_cross_entropy")
    assert repr(of) == repr(network) and of.__dict__.keys() == network.__dict__.keys()
    x = np.ones((2, 3))
    np.testing.assert_array_equal(of.forward(x), network.forward(x))
    of.weights_[0][...] = 0
    assert network.weights_[0].any()
    for weights, biases in (([np.ones((3, 2)), np.ones((3, 2))], [np.ones(2), np.ones(2)]),
                            ([np.ones((3, 2))], [np.ones((2, 2))]), ([np.ones((3, 2))], [np.ones(2), np.ones(2)])):
        with pytest.raises(ValueError, match="weights: expected shapes .* found"):
            MLP.of(weights, biases)


@pytest.mark.parametrize("hidden", [[], [5], [5, 4], [5, 4, 3]])
def test_any_number_of_hidden_layers(hidden):
    network = MLP([3] + hidden + [2], random_state=0)
    assert network.forward(np.zeros((7, 3))).shape == (7, 2)
    sizes = [3] + hidden + [2]
    assert [w.shape for w in network.weights_] == list(zip(sizes, sizes[1:]))
    assert network.n_parameters == sum((a + 1) * b for a, b in zip(sizes, sizes[1:]))
    shapes = [g.shape for g in network.backpropagate(np.zeros((7, 3)), np.zeros((7, 2)))[1]]
    assert shapes == [p.shape for p in network.parameters()]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("output, loss", [("linear", "huber"), ("sigmoid", "half_squared_error"),
                                          ("sigmoid", "binary_cross_entropy"),
                                          ("softmax", "softmax_cross_entropy")])
@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "leaky_relu"])
def test_the_dtype_is_kept_from_the_input_to_the_last_gradient(dtype, output, loss, hidden):
    network = MLP([3, 4, 2], hidden, output, loss, dropout=0.5, dtype=dtype, random_state=0)
    x, targets = np.arange(6).reshape(2, 3), one_hot([0, 1], 2)
    value, gradients = network.backpropagate(x, targets, [1, 2], random_state=0)
    assert isinstance(value, float)
    assert isinstance(network.mean_loss(x, targets), float)
    assert isinstance(network.loss_of(network.forward(x), targets), float)
    for optimizer in (SGD(0.1, 0.9, 0.01), Adam(0.1, weight_decay=0.01)):
        optimizer.update(network.parameters(), gradients)
    network.descend(x, targets, np.float64(0.1))
    arrays = gradients + network.parameters() + [network.forward(x), network.input_gradient(x, 1)]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_forward_does_not_change_its_input():
    x = np.random.RandomState(0).randn(5, 3).astype(np.float32)
    before = x.copy()
    for output, loss in (("linear", "huber"), ("softmax", "softmax_cross_entropy")):
        for sizes in ([3, 2], [3, 4, 2]):
            network = MLP(sizes, "relu", output, loss, random_state=0)
            network.forward(x)
            network.backpropagate(x, one_hot([0] * 5, 2))
    np.testing.assert_array_equal(x, before)


def test_a_batch_gives_the_rows_of_single_samples_and_the_mean_of_their_gradients():
    network = MLP([3, 4, 2], "tanh", "softmax", "softmax_cross_entropy", dtype=np.float64, random_state=0)
    x, targets = np.random.RandomState(0).randn(6, 3), one_hot([0, 1, 1, 0, 1, 0], 2)
    singles = [network.backpropagate(x[k:k + 1], targets[k:k + 1]) for k in range(6)]
    loss, gradients = network.backpropagate(x, targets)
    assert loss == pytest.approx(np.mean([single[0] for single in singles]))
    assert loss == pytest.approx(network.mean_loss(x, targets))
    assert loss == pytest.approx(network.loss_of(network.forward(x), targets))
    for i, gradient in enumerate(gradients):
        np.testing.assert_allclose(gradient, np.mean([single[1][i] for single in singles], axis=0))
    np.testing.assert_allclose(network.forward(x)[2:3], network.forward(x[2:3]))


def test_a_sample_of_weight_two_counts_like_two_samples():
    network = MLP([3, 4, 1], dtype=np.float64, random_state=0)
    x, targets = np.random.RandomState(0).randn(2, 3), np.array([[0.0], [1.0]])
    weighted = network.backpropagate(x, targets, [2, 0])
    twice = network.backpropagate(x[[0, 0]], targets[[0, 0]])
    assert weighted[0] == pytest.approx(twice[0])
    for a, b in zip(weighted[1], twice[1]):
        np.testing.assert_allclose(a, b)


def test_dropout_acts_in_training_only_and_only_with_a_random_state():
    network = MLP([3, 50, 2], dropout=0.5, dtype=np.float64, random_state=0)
    plain = MLP([3, 50, 2], dtype=np.float64, random_state=0)
    x, targets = np.ones((4, 3)), np.zeros((4, 2))
    np.testing.assert_array_equal(network.forward(x), plain.forward(x))
    assert network.backpropagate(x, targets)[0] == plain.backpropagate(x, targets)[0]
    dropped = network.backpropagate(x, targets, random_state=1)
    assert dropped[0] != plain.backpropagate(x, targets, random_state=1)[0]
    again = network.backpropagate(x, targets, random_state=np.random.RandomState(1))
    assert dropped[0] == again[0]
    masks = network.forward_pass(x, random_state=1).masks
    assert len(masks) == 1 and masks[0].shape == (4, 50) and len(np.unique(masks[0], axis=0)) == 4


def test_dropout_with_the_rate_half_has_the_same_mean_output_as_inference_for_a_linear_layer_above():
    network = MLP([3, 40, 1], "tanh", "linear", dropout=0.5, dtype=np.float64, random_state=0)
    x = np.tile([[0.5, -1.0, 2.0]], (20000, 1))
    outputs = network.forward_pass(x, random_state=0).outputs[-1]
    standard_error = outputs.std() / np.sqrt(len(outputs))
    assert abs(outputs.mean() - network.forward(x[:1])[0, 0]) < 4 * standard_error


def test_a_random_state_advances_so_that_each_step_drops_other_nodes():
    network = MLP([3, 50, 2], dropout=0.5, random_state=0)
    x, targets, random_state = np.ones((4, 3)), np.zeros((4, 2)), np.random.RandomState(0)
    assert network.backpropagate(x, targets, None, random_state)[0] != \
        network.backpropagate(x, targets, None, random_state)[0]


def test_the_same_random_state_gives_the_same_weights_and_nothing_touches_numpys_global_one():
    state = np.random.get_state()[1].copy()
    a, c = MLP([3, 4, 2], random_state=7), MLP([3, 4, 2])
    b = MLP([3, 4, 2], random_state=np.random.RandomState(7))
    np.testing.assert_array_equal(a.weights_[0], b.weights_[0])
    assert not np.allclose(a.weights_[0], c.weights_[0])
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_auto_is_he_below_relus_and_xavier_elsewhere():
    network = MLP([400, 300, 200], "relu", "linear", "huber", random_state=0)
    assert network.weights_[0].var() == pytest.approx(2 / 400.0, rel=0.03)
    assert network.weights_[1].var() == pytest.approx(2 / 500.0, rel=0.03)
    tanh = MLP([400, 300, 200], "tanh", random_state=0)
    assert tanh.weights_[0].var() == pytest.approx(2 / 700.0, rel=0.03)
    he = MLP([400, 300, 200], "tanh", initialization="he", random_state=0)
    assert he.weights_[1].var() == pytest.approx(2 / 300.0, rel=0.03)
    assert all(not bias.any() for bias in he.biases_)


@pytest.mark.parametrize("output, loss", [("linear", "huber"), ("sigmoid", "half_squared_error"),
                                          ("softmax", "softmax_cross_entropy")])
@pytest.mark.parametrize("hidden", [[], [5], [5, 4]])
def test_the_input_gradient_is_the_central_difference(output, loss, hidden):
    network = MLP([3] + hidden + [2], "tanh", output, loss, dtype=np.float64, random_state=0)
    x, h = np.random.RandomState(0).randn(4, 3), 1e-6
    for k in range(2):
        numerical = np.zeros((4, 3))
        for i in range(3):
            step = np.zeros(3)
            step[i] = h
            numerical[:, i] = (network.forward(x + step)[:, k] - network.forward(x - step)[:, k]) / (2 * h)
        np.testing.assert_allclose(network.input_gradient(x, k), numerical, atol=1e-8)


def test_a_copy_learns_without_the_original():
    network = MLP([2, 3, 1], random_state=0)
    other = network.copy()
    before = network.forward([[1, 2]])
    SGD(1.0).update(other.parameters(), other.backpropagate([[1, 2]], [[1]])[1])
    other.layer_sizes.append(5)
    np.testing.assert_array_equal(network.forward([[1, 2]]), before)
    assert network.layer_sizes == [2, 3, 1] and not np.allclose(other.weights_[1], network.weights_[1])


def test_networks_survive_pickling_and_deep_copies():
    network = MLP([2, 3, 1], "relu", random_state=0)
    for other in (pickle.loads(pickle.dumps(network)), copy.deepcopy(network)):
        np.testing.assert_array_equal(other.forward([[1, 2]]), network.forward([[1, 2]]))


def test_optimizers_change_the_networks_own_arrays():
    network = MLP([2, 3, 1], random_state=0)
    for p in network.parameters():
        p[...] = 0
    np.testing.assert_array_equal(network.forward([[1, 2]]), [[0.5]])


@pytest.mark.parametrize("hidden", ["sigmoid", "tanh", "relu", "leaky_relu"])
@pytest.mark.parametrize("optimizer", [SGD(0.5, momentum=0.9), Adam(0.03)])
def test_exclusive_or_is_learned(hidden, optimizer):
    optimizer = copy.deepcopy(optimizer)
    network = MLP([2, 8, 1], hidden, "sigmoid", "binary_cross_entropy", random_state=1)
    x, targets = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    for _ in range(1000):
        optimizer.update(network.parameters(), network.backpropagate(x, targets)[1])
    np.testing.assert_array_equal(np.round(network.forward(x)), targets)


def test_inputs_of_ten_thousand_stay_finite_in_float32():
    for output, loss in (("sigmoid", "binary_cross_entropy"), ("softmax", "softmax_cross_entropy"),
                         ("linear", "huber")):
        network = MLP([3, 4, 2], "sigmoid", output, loss, random_state=0)
        x = np.array([[1e4, -1e4, 1e4], [-1e4, 1e4, 0]])
        with np.errstate(over="raise", invalid="raise", divide="raise"):
            loss_value, gradients = network.backpropagate(x, one_hot([0, 1], 2))
        assert np.isfinite(loss_value) and all(np.all(np.isfinite(g)) for g in gradients)


@pytest.mark.parametrize("sizes", [[], [3], [3, 0], [3, -1, 2], [3, 2.0], [3, float("nan")], [3, True],
                                   ["3", "2"], None, 5, "32", [[3, 2]]])
def test_impossible_layer_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="layer_sizes: expected two or more whole.*found.*for example"):
        MLP(sizes)


def test_layer_sizes_may_be_numpy_integers_and_tuples():
    sizes = MLP((np.int64(3), np.int32(2))).layer_sizes
    assert sizes == [3, 2] and all(type(size) is int for size in sizes)


@pytest.mark.parametrize("settings, words", [
    ({"hidden_activation": "softmax"}, "hidden_activation: expected one of 'sigmoid', .* found 'softmax'"),
    ({"hidden_activation": "rellu"}, "found 'rellu'"),
    ({"output_activation": "relu"}, "output_activation: expected one of"),
    ({"loss": "mse"}, "loss: expected one of 'half_squared_error'"),
    ({"loss": None}, "loss: expected one of"),
    ({"initialization": "zeros"}, "initialization: expected one of 'auto', 'xavier', 'he'"),
    ({"dropout": 1.0}, "dropout: expected a share from 0 to below 1, found 1.0"),
    ({"dropout": -0.1}, "dropout"),
    ({"dropout": float("nan")}, "dropout"),
    ({"dropout": "0.5"}, "dropout"),
    ({"dtype": np.int32}, "dtype: expected np.float32 or np.float64"),
    ({"dtype": None}, "dtype"),
    ({"dtype": "float99"}, "dtype"),
    ({"random_state": -1}, "random_state: expected a whole number"),
    ({"random_state": "seed"}, "random_state"),
    ({"random_state": 1.5}, "random_state"),
    ({"output_activation": "softmax"}, "'half_squared_error'.*found 'softmax'.*'softmax_cross_entropy'"),
    ({"loss": "softmax_cross_entropy"}, "expected an output_activation of 'softmax', found 'sigmoid'"),
    ({"loss": "binary_cross_entropy", "output_activation": "linear"}, "an output_activation of 'sigmoid'"),
])
def test_unknown_names_and_impossible_combinations_are_refused(settings, words):
    with pytest.raises(ValueError, match=words):
        MLP([3, 2], **settings)


def test_a_softmax_of_one_node_is_refused():
    with pytest.raises(ValueError, match="softmax: expected two or more output nodes, found 1"):
        MLP([3, 1], output_activation="softmax", loss="softmax_cross_entropy")


def test_wrong_shapes_are_refused_with_the_remedy():
    network = MLP([3, 2], random_state=0)
    x, targets = np.zeros((4, 3)), np.zeros((4, 2))
    for wrong in (np.zeros(3), np.zeros((1, 4)), np.zeros((1, 1, 3))):
        with pytest.raises(ValueError, match=r"x: expected shape \(n, 3\), found .*reshape"):
            network.forward(wrong)
    for wrong in (np.zeros(4), np.zeros((4, 3)), np.zeros((3, 2))):
        for call in (network.backpropagate, network.mean_loss):
            with pytest.raises(ValueError, match=r"targets: expected shape \(4, 2\)"):
                call(x, wrong)
    with pytest.raises(ValueError, match=r"sample_weight: expected shape \(4,\)"):
        network.backpropagate(x, targets, np.ones((4, 1)))
    with pytest.raises(ValueError, match="at least one sample, found none"):
        network.backpropagate(np.zeros((0, 3)), np.zeros((0, 2)))
    with pytest.raises(ValueError, match=r"outputs: expected shape \(4, 2\)"):
        network.loss_of(np.zeros((4, 3)), targets)
    for wrong in (2, -1, 0.5, None):
        with pytest.raises(ValueError, match="output: expected a whole number from 0 to 1"):
            network.input_gradient(x, wrong)
    assert network.forward(np.zeros((0, 3))).shape == (0, 2)


def test_targets_a_cross_entropy_is_not_defined_for_are_refused():
    network = MLP([3, 2], output_activation="softmax", loss="softmax_cross_entropy")
    for call in (network.backpropagate, network.mean_loss):
        with pytest.raises(ValueError, match="sum 1"):
            call(np.zeros((1, 3)), [[1, 1]])
