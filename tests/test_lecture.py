"""The lecture's class: student code written for it runs unchanged, and what it learns is the lecture's."""
import copy
import gzip
import os
import pickle

import numpy as np
import pytest

from jetbot_mlp import lecture
from jetbot_mlp.gradient_check import numerical_derivative, relative_error
from jetbot_mlp.lecture import NeuralNetwork, train_lecture


def sigmoid(x):  # students define it themselves
    return 1 / (1 + np.exp(-x))


class Listing:
    """The lecture's arithmetic written out plainly, with all errors computed before any weight changes."""

    def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
        self.W2 = np.random.randn(input_nodes, hidden_nodes) / np.sqrt(input_nodes / 2)
        self.b2 = np.random.rand(hidden_nodes)
        self.W3 = np.random.randn(hidden_nodes, output_nodes) / np.sqrt(hidden_nodes / 2)
        self.b3 = np.random.rand(output_nodes)
        self.learning_rate = learning_rate

    def train(self, x, t):
        A2 = sigmoid(np.dot(x, self.W2) + self.b2)
        A3 = sigmoid(np.dot(A2, self.W3) + self.b3)
        loss_3 = (A3 - t) * A3 * (1 - A3)
        loss_2 = np.dot(loss_3, self.W3.T) * A2 * (1 - A2)
        self.W3 = self.W3 - self.learning_rate * np.dot(A2.T, loss_3)
        self.b3 = self.b3 - self.learning_rate * loss_3
        self.W2 = self.W2 - self.learning_rate * np.dot(x.T, loss_2)
        self.b2 = self.b2 - self.learning_rate * loss_2


def digits(n, seed=0):
    """Rows of a label and 20 raw values 0..255: each label lights up two of its own, above noise."""
    random_state = np.random.RandomState(seed)
    labels = random_state.randint(0, 10, n)
    raw = random_state.randint(0, 100, (n, 20))
    raw[np.arange(n), 2 * labels] = 255
    raw[np.arange(n), 2 * labels + 1] = 255
    return np.column_stack([labels, raw])


def train_on(network, data):
    """The lecture's loop over the training data, word for word."""
    for step in range(len(data)):
        target_data = np.zeros(network.output_nodes) + 0.01
        target_data[int(data[step, 0])] = 0.99
        input_data = ((data[step, 1:] / 255.0) * 0.99) + 0.01
        network.train(np.array(input_data, ndmin=2), np.array(target_data, ndmin=2))


def test_a_seeded_network_has_the_lectures_weights_and_zeros_to_begin_with():
    np.random.seed(0)
    network = NeuralNetwork(784, 100, 10, 0.3)
    np.random.seed(0)
    listing = Listing(784, 100, 10, 0.3)
    for name in ("W2", "b2", "W3", "b3"):
        np.testing.assert_array_equal(getattr(network, name), getattr(listing, name))
    assert (network.input_nodes, network.hidden_nodes, network.output_nodes) == (784, 100, 10)
    assert network.learning_rate == 0.3
    for name, nodes in (("Z1", 784), ("A1", 784), ("Z2", 100), ("A2", 100), ("Z3", 10), ("A3", 10)):
        np.testing.assert_array_equal(getattr(network, name), np.zeros((1, nodes)))


def test_training_gives_the_lectures_numbers_step_by_step():
    np.random.seed(1)
    network = NeuralNetwork(20, 7, 10, 0.3)
    np.random.seed(1)
    listing = Listing(20, 7, 10, 0.3)
    random_state = np.random.RandomState(0)
    for _ in range(50):
        x, t = random_state.rand(1, 20), random_state.rand(1, 10)
        network.train(x, t)
        listing.train(x, t)
    for name in ("W2", "b2", "W3", "b3"):
        np.testing.assert_allclose(getattr(network, name), getattr(listing, name), rtol=1e-10)
        assert getattr(network, name).shape == getattr(listing, name).shape


def test_the_hidden_error_uses_the_weights_before_the_step_which_the_lecture_slips_on():
    network = NeuralNetwork(3, 4, 2, 1.0)
    x, t = np.array([[0.2, 0.5, 0.9]]), np.array([[0.01, 0.99]])
    before = copy.deepcopy(network)
    before.input_data, before.target_data = x, t

    def half_squared_error(_):
        before.feed_forward()
        return 0.5 * np.sum((before.A3 - t) ** 2)

    network.train(x, t)
    for name in ("W2", "b2", "W3", "b3"):
        step = np.reshape(getattr(before, name) - getattr(network, name), np.shape(getattr(before, name)))
        numerical = numerical_derivative(half_squared_error, getattr(before, name), 1e-5)
        assert relative_error(step, numerical) < 1e-6


def test_feed_forward_keeps_z_and_a_and_both_it_and_loss_val_give_the_cross_entropy():
    network = NeuralNetwork(3, 4, 2, 0.3)
    network.input_data, network.target_data = np.array([[0.2, 0.5, 0.9]]), np.array([[0.01, 0.99]])
    loss = network.feed_forward()
    np.testing.assert_array_equal(network.Z1, network.input_data)
    np.testing.assert_array_equal(network.A1, network.input_data)
    np.testing.assert_allclose(network.Z2, np.dot(network.A1, network.W2) + network.b2)
    np.testing.assert_allclose(network.A2, sigmoid(network.Z2))
    np.testing.assert_allclose(network.Z3, np.dot(network.A2, network.W3) + network.b3)
    np.testing.assert_allclose(network.A3, sigmoid(network.Z3))
    t, a = network.target_data, network.A3
    assert loss == pytest.approx(-np.sum(t * np.log(a + 1e-7) + (1 - t) * np.log((1 - a) + 1e-7)))
    assert network.loss_val() == loss


def test_several_rows_add_up_their_steps():
    network = NeuralNetwork(3, 4, 2, 0.1)
    x, t = np.random.RandomState(0).rand(5, 3), np.random.RandomState(1).rand(5, 2)
    steps = dict.fromkeys(("W2", "b2", "W3", "b3"), 0)
    for row in range(5):
        one = copy.deepcopy(network)
        one.train(x[row:row + 1], t[row:row + 1])
        for name in steps:
            steps[name] = steps[name] + getattr(one, name) - getattr(network, name)
    before = copy.deepcopy(network)
    network.train(x, t)
    for name, step in steps.items():
        np.testing.assert_allclose(getattr(network, name), getattr(before, name) + step, rtol=1e-12)
    assert network.A3.shape == (5, 2) and network.b2.shape == (1, 4)


def test_weights_set_from_outside_are_used():
    network = NeuralNetwork(2, 2, 2, 0.3)
    network.W2, network.b2 = np.zeros((2, 2)), np.zeros(2)
    network.W3, network.b3 = np.zeros((2, 2)), np.array([[-5.0, 5.0]])
    assert network.predict(np.array([0.3, 0.4])) == 1
    network.W3 = network.W3 + np.array([[20.0, 0.0], [20.0, 0.0]])  # each A2 is 0.5
    assert network.predict(np.array([[0.3, 0.4]])) == 0
    network.W3[:, 1] += 100  # in place
    assert network.predict(np.array([[0.3, 0.4]])) == 1


def test_weights_that_were_taken_keep_their_values_when_training_goes_on():
    network = NeuralNetwork(3, 4, 2, 0.3)
    best, value = network.W2, network.W2.copy()
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    np.testing.assert_array_equal(best, value)
    assert not np.allclose(network.W2, value)


@pytest.mark.parametrize("taken_after", range(4))
def test_a_w_may_be_taken_at_any_time_and_the_steps_stay_the_same(taken_after):
    x, t = np.random.RandomState(0).rand(5, 1, 3), np.random.RandomState(1).rand(5, 1, 2)
    np.random.seed(0)
    unread = NeuralNetwork(3, 4, 2, 0.3)
    np.random.seed(0)
    read = NeuralNetwork(3, 4, 2, 0.3)
    for step in range(5):
        unread.train(x[step], t[step])
        read.train(x[step], t[step])
        if step == taken_after:
            taken, value = read.W3, read.W3.copy()
            view, its_value = read.W2[1:], read.W2[1:].copy()
            assert read.W3 is taken
            copies = [copy.copy(read), pickle.loads(pickle.dumps(read))]
    np.testing.assert_array_equal(taken, value)
    np.testing.assert_array_equal(view, its_value)
    for step in range(taken_after + 1, 5):
        for other in copies:
            other.train(x[step], t[step])
    for name in ("W2", "b2", "W3", "b3", "A3"):
        for other in [read] + copies:
            np.testing.assert_array_equal(getattr(other, name), getattr(unread, name))


def test_a_shallow_copy_and_its_original_train_on_their_own():
    network = NeuralNetwork(3, 4, 2, 0.3)
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    other = copy.copy(network)
    other.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    assert not np.allclose(other.W2, network.W2)
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    np.testing.assert_array_equal(other.W2, network.W2)


def test_a_w_that_nobody_has_read_is_there_all_the_same():
    network = NeuralNetwork(3, 4, 2, 0.3)
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    assert {"W2", "W3", "b3", "train"} <= set(dir(network)) and "W4" not in dir(network)
    assert hasattr(network, "W3") and not hasattr(network, "W4")
    network.W2 = np.zeros((3, 4))  # before it was ever read
    network.train(np.zeros((1, 3)), np.array([[0.01, 0.99]]))
    np.testing.assert_array_equal(network.W2, np.zeros((3, 4)))
    with pytest.raises(AttributeError, match="'NeuralNetwork' object has no attribute 'w2'"):
        network.w2  # noqa: B018


def test_a_changed_learning_rate_counts_from_the_next_step():
    network = NeuralNetwork(3, 4, 2, 0.3)
    network.learning_rate = 0.0
    before = network.W2.copy()
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    np.testing.assert_array_equal(network.W2, before)


def test_a_students_subclass_with_its_own_train_learns(capsys):
    class MyNetwork(NeuralNetwork):
        def train(self, input_data, target_data):
            self.input_data = input_data
            self.target_data = target_data
            self.feed_forward()
            loss_3 = (self.A3 - self.target_data) * self.A3 * (1 - self.A3)
            loss_2 = np.dot(loss_3, self.W3.T) * self.A2 * (1 - self.A2)
            self.W3 = self.W3 - self.learning_rate * np.dot(self.A2.T, loss_3)
            self.b3 = self.b3 - self.learning_rate * loss_3
            self.W2 = self.W2 - self.learning_rate * np.dot(self.A1.T, loss_2)
            self.b2 = self.b2 - self.learning_rate * loss_2

    np.random.seed(3)
    mine = MyNetwork(20, 30, 10, 0.5)
    np.random.seed(3)
    ours = NeuralNetwork(20, 30, 10, 0.5)
    for network in (mine, ours):
        train_on(network, digits(1500))
    for name in ("W2", "b2", "W3", "b3", "A3"):
        np.testing.assert_allclose(getattr(mine, name), getattr(ours, name), rtol=1e-8)
        assert getattr(mine, name).shape == getattr(ours, name).shape
    matched_list, _ = mine.accuracy(digits(200, seed=1))
    assert len(matched_list) > 180
    assert mine.b2.shape == (1, 30)


def test_a_students_subclass_with_its_own_init_and_feed_forward_works():
    class Mine(NeuralNetwork):
        def __init__(self, input_nodes, hidden_nodes, output_nodes, learning_rate):
            self.input_nodes = input_nodes
            self.hidden_nodes = hidden_nodes
            self.output_nodes = output_nodes
            self.learning_rate = learning_rate
            self.W2, self.b2 = np.full((2, 3), 0.1), np.zeros(3)
            self.W3, self.b3 = np.full((3, 2), 0.1), np.zeros(2)
            self.calls = 0

        def feed_forward(self):
            self.calls += 1
            return super().feed_forward()

    network = Mine(2, 3, 2, 0.3)
    network.train(np.ones((1, 2)), np.array([[0.01, 0.99]]))
    assert network.calls == 1
    assert network.predict(np.ones(2)) == 1


def test_the_lectures_slow_training_by_numerical_derivative_lowers_its_loss():
    network = NeuralNetwork(2, 3, 1, 0.5)
    network.input_data, network.target_data = np.array([[0.0, 1.0]]), np.array([[1.0]])
    f = lambda x: network.loss_val()  # noqa: E731  (as the lecture writes it)
    losses = [network.loss_val()]
    for _ in range(5):
        network.W2 -= network.learning_rate * lecture.numerical_derivative(f, network.W2)
        network.b2 -= network.learning_rate * lecture.numerical_derivative(f, network.b2)
        network.W3 -= network.learning_rate * lecture.numerical_derivative(f, network.W3)
        network.b3 -= network.learning_rate * lecture.numerical_derivative(f, network.b3)
        losses.append(network.loss_val())
    assert losses == sorted(losses, reverse=True) and losses[-1] < 0.7 * losses[0]


def test_both_forms_of_accuracy_normalise_print_and_list_alike(capsys):
    np.random.seed(0)
    network = NeuralNetwork(20, 30, 10, 0.5)
    train_on(network, digits(600))
    data = digits(50, seed=2)
    first = network.accuracy(data)
    line = capsys.readouterr().out
    matched_list, not_matched_list = first
    assert sorted(matched_list + not_matched_list) == list(range(50)) and len(matched_list) > 25
    assert line == "Current Accuracy =  %s  %%\n" % (100 * (len(matched_list) / 50))
    for labels in (data[:, 0], data[:, :1], list(data[:, 0])):
        assert network.accuracy(data[:, 1:], labels) == first
        assert capsys.readouterr().out == line
    assert network.accuracy(data.astype(np.float64).tolist()) == first
    assert network.accuracy(data.astype(np.uint8)) == first
    for index in matched_list:
        assert network.predict(data[index, 1:] / 255 * 0.99 + 0.01) == data[index, 0]


def test_accuracy_asks_the_predict_of_a_subclass(capsys):
    class AlwaysThree(NeuralNetwork):
        def predict(self, input_data):
            return 3

    data = np.zeros((4, 3), dtype=int)
    data[1, 0] = 3
    assert AlwaysThree(2, 2, 10, 0.3).accuracy(data) == ([1], [0, 2, 3])
    assert capsys.readouterr().out == "Current Accuracy =  25.0  %\n"


def test_predict_leaves_the_values_of_the_last_feed_forward_alone():
    network = NeuralNetwork(3, 4, 2, 0.3)
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    a2 = network.A2.copy()
    answer = network.predict(np.zeros((1, 3)))
    assert isinstance(answer, int)
    np.testing.assert_array_equal(network.A2, a2)
    np.testing.assert_array_equal(network.input_data, np.ones((1, 3)))


@pytest.mark.parametrize("hidden_nodes, last", [([6], 3), ([6, 5], 4), ([6, 5, 4], 5), ([], 2)])
def test_hidden_nodes_may_be_a_list(hidden_nodes, last):
    network = NeuralNetwork(4, hidden_nodes, 3, 0.5)
    sizes = [4] + hidden_nodes + [3]
    for layer in range(2, last + 1):
        assert getattr(network, "W%d" % layer).shape == (sizes[layer - 2], sizes[layer - 1])
        assert getattr(network, "b%d" % layer).shape == (sizes[layer - 1],)
    assert not hasattr(network, "W%d" % (last + 1))
    x, t = np.array([[0.1, 0.9, 0.4, 0.7]]), np.array([[0.01, 0.99, 0.01]])
    losses = []
    for _ in range(300):
        network.train(x, t)
        losses.append(network.loss_val())
    assert losses[-1] < losses[0]
    assert network.predict(x) == 1
    assert getattr(network, "A%d" % last).shape == (1, 3)


def test_what_was_learned_is_handed_on_as_an_mlp_of_its_own():
    network = NeuralNetwork(20, 7, 10, 0.5)
    train_on(network, digits(20))
    mlp = network.to_mlp()
    assert mlp.dtype == np.float32 and mlp.biases_[0].shape == (7,)
    network.feed_forward()
    np.testing.assert_allclose(mlp.forward(network.input_data), network.A3, rtol=1e-5)
    mlp.weights_[0][...] = 0
    assert network.W2.all()
    assert network.to_mlp(np.float64).dtype == np.float64


def test_copies_and_pickles_are_independent_networks():
    network = NeuralNetwork(3, 4, 2, 0.3)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network))):
        other.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
        assert not np.allclose(other.W2, network.W2)
        network.input_data, network.target_data = np.ones((1, 3)), np.array([[0.01, 0.99]])
        assert network.feed_forward() > other.feed_forward()


def test_building_and_training_draw_nothing_from_np_random_but_the_weights():
    np.random.seed(5)
    network = NeuralNetwork(3, 4, 2, 0.3)
    network.train(np.ones((1, 3)), np.array([[0.01, 0.99]]))
    network.predict(np.ones(3))
    after = np.random.rand()
    np.random.seed(5)
    Listing(3, 4, 2, 0.3)
    assert np.random.rand() == after


def test_the_sigmoid_takes_numbers_lists_and_arrays_and_does_not_overflow():
    assert lecture.sigmoid(0) == 0.5 and np.ndim(lecture.sigmoid(0.3)) == 0
    np.testing.assert_allclose(lecture.sigmoid([-1.0, 2.0]), sigmoid(np.array([-1.0, 2.0])))
    with np.errstate(over="raise"):
        np.testing.assert_array_equal(np.round(lecture.sigmoid(np.array([[-1e4, 1e4]]))), [[0, 1]])


def test_mistakes_are_named_with_their_remedy():
    network = NeuralNetwork(3, 4, 2, 0.3)
    with pytest.raises(ValueError, match="expected input_data and target_data, found none; call train"):
        network.feed_forward()
    with pytest.raises(ValueError, match="expected one sample .* found 2 rows"):
        network.predict(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"x: expected shape \(n, 3\)"):
        network.predict(np.ones(4))
    with pytest.raises(ValueError, match=r"test_data: expected shape \(n, 4\), label first, found \(5, 3\)"):
        network.accuracy(np.ones((5, 3)))
    with pytest.raises(ValueError, match=r"without the labels, found \(5, 4\)"):
        network.accuracy(np.ones((5, 4)), np.ones(5))
    with pytest.raises(ValueError, match=r"labels: expected shape \(5,\).*np.argmax"):
        network.accuracy(np.ones((5, 3)), np.ones((5, 2)))
    with pytest.raises(ValueError, match="test_data: expected shape"):
        network.accuracy(np.ones((0, 4)))
    with pytest.raises(ValueError, match=r"target_data: expected shape \(1, 2\), .*found \(1, 3\)"):
        network.train(np.ones((1, 3)), np.ones((1, 3)))
    network.b2 = np.zeros((5, 4))
    with pytest.raises(ValueError, match=r"b2: expected shape \(4,\) or \(1, 4\), found \(5, 4\).*loss_2"):
        network.predict(np.ones(3))
    network.b2, network.W3 = np.zeros(4), np.zeros((2, 4))
    with pytest.raises(ValueError, match=r"W3: expected shape \(4, 2\), found \(2, 4\)"):
        network.predict(np.ones(3))
    with pytest.raises(ValueError, match="layer_sizes"):
        NeuralNetwork(3, 0, 2, 0.3)


def test_the_lectures_run_learns_reports_and_prints_nothing(capsys):
    seen = []

    def progress(iterable, total, desc):
        seen.append((total, desc))
        return iterable

    before = np.random.get_state()[1].copy()
    run = train_lecture(digits(400), digits(200, seed=1), 0.5, 30, epochs=2, seed=0, progress=progress)
    assert run.accuracy > 0.9
    assert seen == [(400, "epoch 1 of 2"), (400, "epoch 2 of 2")]
    assert capsys.readouterr().out == ""
    assert run.accuracy == len(run.network.accuracy(digits(200, seed=1))[0]) / 200
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    again = train_lecture(digits(400), digits(200, seed=1), 0.5, 30, epochs=2, seed=0)
    np.testing.assert_array_equal(again.network.W2, run.network.W2)


def test_a_label_that_is_no_digit_is_refused():
    wrong = digits(5)
    wrong[3, 0] = 11
    with pytest.raises(ValueError, match="labels: expected .* from 0 to 9"):
        train_lecture(wrong, digits(5))
    with pytest.raises(ValueError, match="expected shape"):
        train_lecture(np.zeros(5), digits(5))


def mnist_rows(folder, name, n):
    """The first n images of an idx.gz pair as the lecture's rows: label, 784 raw values."""
    with gzip.open(os.path.join(folder, name + "-images-idx3-ubyte.gz")) as file:
        images = np.frombuffer(file.read(16 + 784 * n), dtype=np.uint8)[16:].reshape(n, 784)
    with gzip.open(os.path.join(folder, name + "-labels-idx1-ubyte.gz")) as file:
        labels = np.frombuffer(file.read(8 + n), dtype=np.uint8)[8:]
    return np.column_stack([labels, images])


def test_one_epoch_on_mnist_reaches_the_lectures_accuracy(real_data):
    folder = os.path.join(real_data, "mnist")
    run = train_lecture(mnist_rows(folder, "train", 60000), mnist_rows(folder, "t10k", 10000), seed=0)
    assert run.accuracy >= 0.943


def test_accuracy_takes_inputs_that_are_normalised_already(capsys):
    random_state = np.random.RandomState(0)
    raw, labels = random_state.randint(0, 256, (20, 9)), random_state.randint(0, 3, 20)
    network = NeuralNetwork(9, 4, 3, 0.3)
    assert network.accuracy(raw, labels) == network.accuracy(raw / 255.0 * 0.99 + 0.01, labels)
    capsys.readouterr()


def test_an_attribute_error_inside_a_students_property_names_its_cause():
    class Mine(NeuralNetwork):
        @property
        def largest(self):
            return self.wieghts.max()

    for network in (Mine(3, 4, 2, 0.3), Mine.__new__(Mine)):  # __new__: as pickle begins
        with pytest.raises(AttributeError, match="wieghts"):
            network.largest  # noqa: B018
    with pytest.raises(AttributeError, match="nothing"):
        NeuralNetwork(3, 4, 2, 0.3).nothing  # noqa: B018
