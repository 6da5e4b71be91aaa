"""Temperature scaling makes probabilities honest and changes no answer."""
import numpy as np
import pytest

from jetbot_mlp.calibration import COLDEST, HOTTEST, apply_temperature, fit_temperature
from jetbot_mlp.metrics import classification_metrics
from jetbot_mlp.network import MLP


def made_up(n, factor, seed=0, k=2):
    """(logits float (n, k), labels (n,)): the labels are drawn from softmax(logits / factor)."""
    random = np.random.RandomState(seed)
    honest = random.normal(0, 1.5, (n, k))
    odds = np.exp(honest)
    shares = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
    labels = np.minimum((random.random_sample((n, 1)) > shares).sum(axis=1), k - 1)
    return factor * honest, labels


def softmax(logits):
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
@pytest.mark.parametrize("k", [2, 5])
def test_the_factor_of_exaggeration_is_found(factor, k):
    assert fit_temperature(*made_up(4000, factor, k=k)) == pytest.approx(factor, rel=0.1)


def test_the_calibration_error_of_a_boaster_falls_and_its_accuracy_stays():
    logits, labels = made_up(400, 4.0)
    fresh, truth = made_up(2000, 4.0, seed=1)  # scored on other frames than T is chosen on
    names = ("blocked", "free")
    before = classification_metrics(truth, softmax(fresh), names)
    after = classification_metrics(truth, softmax(fresh / fit_temperature(logits, labels)), names)
    assert before["expected_calibration_error"] > 0.12
    assert after["expected_calibration_error"] < 0.04
    assert after["confusion"] == before["confusion"]


def test_a_few_frames_hardly_move_it_and_none_do_not():
    right = np.array([[2.0, 0.0], [0.0, 2.0]])
    assert fit_temperature(np.zeros((0, 2)), []) == pytest.approx(1.0)
    assert 0.6 < fit_temperature(right, [0, 1]) < 1.0
    assert 1.0 < fit_temperature(right, [1, 1]) < 1.6
    assert fit_temperature(np.tile(right, (500, 1)), [0, 1] * 500) < 0.35


def test_it_stays_within_its_bounds_whatever_the_logits():
    many = np.tile([[1000.0, 0.0], [1000.0, 0.0]], (5000, 1))
    assert fit_temperature(many, [0, 1] * 5000) == pytest.approx(HOTTEST)
    assert fit_temperature(0.001 * many, [0, 0] * 5000) >= COLDEST


def test_a_frame_of_weight_two_counts_like_two():
    logits, labels = made_up(60, 3.0)
    weights = np.arange(60) % 3
    assert fit_temperature(logits, labels, weights) == pytest.approx(
        fit_temperature(np.repeat(logits, weights, axis=0), np.repeat(labels, weights)), rel=1e-6)


def test_the_same_frames_give_the_same_temperature():
    assert fit_temperature(*made_up(50, 2.0)) == fit_temperature(*made_up(50, 2.0))


def test_the_network_then_answers_with_scaled_logits():
    network = MLP([5, 4, 3], "relu", "softmax", "softmax_cross_entropy", random_state=0)
    network.biases_[-1][:] = [1.0, -1.0, 0.5]
    x = np.random.RandomState(0).normal(size=(7, 5)).astype(np.float32)
    logits = network.forward_pass(x).z[-1]
    weights = network.weights_[-1]
    apply_temperature(network, 2.5)
    assert network.forward(x) == pytest.approx(softmax(logits / 2.5), abs=1e-6)
    assert network.weights_[-1] is weights and weights.dtype == np.float32


def test_outputs_without_a_temperature_and_impossible_ones_are_refused():
    with pytest.raises(ValueError, match="softmax"):
        apply_temperature(MLP([2, 2], output_activation="linear"), 2.0)
    network = MLP([2, 2], "relu", "softmax", "softmax_cross_entropy")
    for temperature in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="above 0"):
            apply_temperature(network, temperature)


@pytest.mark.parametrize("logits, labels, weights", [
    ([[1.0, 2.0]], [2], None), ([[1.0, 2.0]], [0.5], None), ([[1.0, 2.0]], [0, 1], None), ([1.0], [0], None),
    ([[1.0, float("nan")]], [0], None), ([[1.0, 2.0]], [0], [-1.0]), ([[1.0, 2.0]], [0], [1.0, 1.0])])
def test_what_does_not_fit_together_is_refused(logits, labels, weights):
    with pytest.raises(ValueError, match="expected"):
        fit_temperature(np.array(logits), np.array(labels), weights)
