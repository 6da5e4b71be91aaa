"""Backpropagation held against numerical differentiation, for all that an MLP can be, and against torch."""
import numpy as np
import pytest

from jetbot_mlp.gradient_check import check_gradients, numerical_derivative, relative_error
from jetbot_mlp.layers import ACTIVATIONS, HIDDEN_ACTIVATIONS
from jetbot_mlp.losses import LOSSES
from jetbot_mlp.network import MLP

LIMIT = 1e-6
OUTPUTS = [(output, loss) for loss in LOSSES for output in LOSSES[loss].output_activations]


def example(output, hidden=(5, 4), activation="tanh", loss="half_squared_error", seed=0, **settings):
    """A network with random weights *and biases*, inputs and targets: no unit rests at a kink or at zero."""
    random_state = np.random.RandomState(seed)
    network = MLP([3] + list(hidden) + [3], activation, output, loss, dtype=np.float64,
                  random_state=random_state, **settings)
    for bias in network.biases_:
        bias[...] = random_state.uniform(-0.5, 0.5, bias.shape)
    targets = random_state.uniform(0.05, 1, (6, 3))
    if loss == "huber":
        targets = targets * np.where(random_state.rand(6, 3) < 0.5, 1, 5)  # both of its sides
    if output == "softmax":
        targets /= targets.sum(axis=1, keepdims=True)
    return network, random_state.randn(6, 3), targets


def test_the_numerical_derivative_of_known_functions():
    x = np.array([1.0, -2.0, 3.0])
    np.testing.assert_allclose(numerical_derivative(lambda v: np.sum(v ** 3), x), 3 * x ** 2, rtol=1e-7)
    matrix = np.array([[1.0, 2.0], [3.0, 4.0]])
    gradient = numerical_derivative(lambda m: m[0, 0] * m[1, 1] - m[0, 1] * m[1, 0], matrix)
    np.testing.assert_allclose(gradient, [[4, -3], [-2, 1]], rtol=1e-9)


def test_the_array_itself_is_moved_and_put_back():
    x = np.array([[0.5, 1.5]])
    before = x.copy()
    gradient = numerical_derivative(lambda _: 2 * x[0, 0] + 3 * x[0, 1], x)  # looks at x, not at its argument
    np.testing.assert_allclose(gradient, [[2, 3]])
    np.testing.assert_array_equal(x, before)
    with pytest.raises(ZeroDivisionError):
        numerical_derivative(lambda _: 1 // 0, x)
    np.testing.assert_array_equal(x, before)


@pytest.mark.parametrize("wrong", [np.array([1, 2]), [1.0, 2.0], 1.0])
def test_whole_numbers_and_lists_are_refused_because_the_step_would_vanish(wrong):
    with pytest.raises(ValueError, match="expected a NumPy array of floats, found .*float64"):
        numerical_derivative(np.sum, wrong)


@pytest.mark.parametrize("output, loss", OUTPUTS)
@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
@pytest.mark.parametrize("hidden", [(), (4,), (5, 4), (4, 4, 3), (4, 3, 4, 3)], ids=len)
def test_backpropagation_equals_the_numerical_derivative(activation, output, loss, hidden):
    network, x, targets = example(output, hidden, activation, loss)
    assert check_gradients(network, x, targets) <= LIMIT


@pytest.mark.parametrize("output, loss", OUTPUTS)
@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_it_also_does_with_sample_weights_and_dropout(activation, output, loss):
    network, x, targets = example(output, (6, 5), activation, loss, dropout=0.4)
    weights = np.array([0.5, 2.0, 1.0, 0.0, 1.5, 1.0])
    assert check_gradients(network, x, targets, weights) <= LIMIT
    for random_state in (3, np.random.RandomState(3)):
        assert check_gradients(network, x, targets, weights, random_state) <= LIMIT


def test_the_dropout_check_really_drops():
    network, x, targets = example("linear", (6, 5), dropout=0.4)
    assert network.mean_loss(x, targets, None, 3) != network.mean_loss(x, targets)


@pytest.mark.parametrize("name", HIDDEN_ACTIVATIONS + ("linear",))
def test_a_wrong_activation_derivative_is_caught(name, monkeypatch):
    right = ACTIVATIONS[name]
    monkeypatch.setitem(ACTIVATIONS, name, right._replace(derivative=lambda a: right.derivative(a) * 1.0001))
    network, x, targets = example("linear", activation="tanh" if name == "linear" else name)
    assert check_gradients(network, x, targets) > 10 * LIMIT


@pytest.mark.parametrize("output, loss", OUTPUTS)
def test_a_wrong_loss_derivative_is_caught(output, loss, monkeypatch):
    right = LOSSES[loss]
    monkeypatch.setitem(LOSSES, loss, right._replace(derivative=lambda a, t: right.derivative(a, t) + 1e-4))
    network, x, targets = example(output, loss=loss)
    assert check_gradients(network, x, targets) > 10 * LIMIT


def test_the_lectures_slip_the_hidden_error_with_the_changed_weights_is_caught(monkeypatch):
    network, x, targets = example("sigmoid", (5,), "sigmoid")
    right = MLP.layer_errors

    def slipped(self, output_error, outputs, masks=None):
        changed = self.copy()
        changed.weights_[-1] -= 0.3 * np.dot(outputs[-2].T, output_error)
        return right(changed, output_error, outputs, masks)

    monkeypatch.setattr(MLP, "layer_errors", slipped)
    assert check_gradients(network, x, targets) > 10 * LIMIT


def test_the_network_is_left_as_it_was():
    network, x, targets = example("sigmoid")
    before = [p.copy() for p in network.parameters()]
    check_gradients(network, x, targets)
    for p, q in zip(network.parameters(), before):
        np.testing.assert_array_equal(p, q)


def test_a_float32_network_is_refused():
    with pytest.raises(ValueError, match="expected dtype float64, found float32"):
        check_gradients(MLP([2, 1]), [[1, 2]], [[1]])


def test_the_relative_error_lets_no_nan_pass():
    assert relative_error(np.array([1.0, 2.0]), np.array([1.0, 2.2])) == pytest.approx(0.2 / 2.2)
    assert relative_error(np.zeros(2), np.zeros(2)) == 0
    assert np.isnan(relative_error(np.array([np.nan, 1.0]), np.array([1.0, 1.0])))
    network, x, targets = example("linear")
    x[0, 0] = np.nan
    assert np.isnan(check_gradients(network, x, targets))


@pytest.mark.parametrize("output, loss", OUTPUTS)
@pytest.mark.parametrize("activation", HIDDEN_ACTIVATIONS)
def test_backpropagation_equals_torch_autograd(activation, output, loss):
    torch = pytest.importorskip("torch")
    functional = torch.nn.functional
    network, x, targets = example(output, (5, 4), activation, loss)
    value, gradients = network.backpropagate(x, targets)

    parameters = [torch.tensor(p, requires_grad=True) for p in network.parameters()]
    hidden = {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu,
              "leaky_relu": lambda z: functional.leaky_relu(z, 0.01)}[activation]
    a, t = torch.tensor(x), torch.tensor(targets)
    for layer in range(3):
        z = torch.matmul(a, parameters[2 * layer]) + parameters[2 * layer + 1]
        a = hidden(z)
    a = {"linear": z, "sigmoid": torch.sigmoid(z), "softmax": torch.softmax(z, 1)}[output]
    expected = {"half_squared_error": lambda: 0.5 * ((a - t) ** 2).sum(),
                "huber": lambda: functional.smooth_l1_loss(a, t, reduction="sum"),
                "binary_cross_entropy":
                    lambda: functional.binary_cross_entropy_with_logits(z, t, reduction="sum"),
                "softmax_cross_entropy": lambda: -(t * torch.log_softmax(z, 1)).sum()}[loss]() / len(x)
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-10)
    for gradient, p in zip(gradients, parameters):
        assert relative_error(gradient, p.grad.numpy()) < 1e-10
