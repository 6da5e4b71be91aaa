"""Losses: values by hand, derivatives against the central difference, and outputs at the edge."""
import numpy as np
import pytest

from jetbot_mlp import losses
from jetbot_mlp.gradient_check import numerical_derivative
from jetbot_mlp.layers import ACTIVATIONS, softmax
from jetbot_mlp.losses import LOSSES

COMBINATIONS = [(loss, output) for loss in LOSSES for output in LOSSES[loss].output_activations]
T = np.array([[0.2, 0.1, 0.7], [0.0, 1.0, 0.0]])


def value(loss, output, z, targets):
    return LOSSES[loss].value(z, ACTIVATIONS[output].function(z), targets)


def test_known_values_by_hand():
    a, t = np.array([[1.0, 3.0], [0.0, 0.5]]), np.array([[0.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(losses.half_squared_error(None, a, t), [2.5, 0.125])  # (1 + 4) / 2, 0.25 / 2
    np.testing.assert_allclose(losses.huber(None, a, t), [2.0, 0.125])  # 1/2 + (2 - 1/2), the same inside
    z = np.log([[3.0, 1.0]])  # sigmoid 0.75, 0.5; softmax 0.75, 0.25
    np.testing.assert_allclose(value("binary_cross_entropy", "sigmoid", z, np.array([[1.0, 0.0]])),
                               [-np.log(0.75) - np.log(0.5)])
    np.testing.assert_allclose(value("softmax_cross_entropy", "softmax", z, np.array([[0.0, 1.0]])),
                               [-np.log(0.25)])


@pytest.mark.parametrize("loss, output", COMBINATIONS)
def test_each_derivative_is_the_central_difference(loss, output):
    z = np.random.RandomState(1).randn(2, 3) * 2
    a = ACTIVATIONS[output].function(z)
    error = LOSSES[loss].derivative(a, T)
    if not LOSSES[loss].fused:
        error = error * ACTIVATIONS[output].derivative(a)
    numerical = numerical_derivative(lambda _: value(loss, output, z, T).sum(), z, 1e-5)
    np.testing.assert_allclose(error, numerical, atol=1e-9)


def test_huber_is_half_the_square_near_and_a_straight_line_far_away():
    e = np.array([[-5.0], [-1.0], [-0.5], [0.5], [1.0], [5.0]])
    zero = np.zeros_like(e)
    np.testing.assert_allclose(losses.huber(None, e, zero), [4.5, 0.5, 0.125, 0.125, 0.5, 4.5])
    np.testing.assert_allclose(losses.huber_derivative(e, zero).ravel(), [-1, -1, -0.5, 0.5, 1, 1])


@pytest.mark.parametrize("loss, output", COMBINATIONS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_inputs_give_finite_losses_without_warnings(loss, output, dtype):
    z = np.array([[-1e4, 1e4, 0.0], [1e4, -1e4, 50.0]], dtype=dtype)
    t = np.array([[1, 0, 0], [0, 1, 0]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        values = value(loss, output, z, t)
    assert np.all(np.isfinite(values)) and values.dtype == dtype and values.shape == (2,)
    if LOSSES[loss].fused:  # wrong by 1e4 costs 1e4, and no cap of a logarithm hides it
        assert values[0] > 9999


@pytest.mark.parametrize("loss, output", COMBINATIONS)
def test_the_loss_can_be_found_from_the_outputs_alone(loss, output):
    z = np.random.RandomState(1).randn(2, 3) * 2
    a = ACTIVATIONS[output].function(z)
    np.testing.assert_allclose(losses.value_of_outputs(loss, a, T), value(loss, output, z, T))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "softmax_cross_entropy"])
def test_outputs_rounded_to_0_and_1_still_give_a_finite_loss(loss):
    a = np.array([[0, 1]], dtype=np.float32)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        wrong = losses.value_of_outputs(loss, a, np.array([[1, 0]], dtype=np.float32))
        right = losses.value_of_outputs(loss, a, a)
    assert 80 < wrong[0] < 200
    assert abs(right[0]) < 1e-6


def test_cross_entropies_refuse_targets_that_are_no_probabilities():
    with pytest.raises(ValueError, match=r"expects targets from 0 to 1, found -1 to 1"):
        losses.check_targets("binary_cross_entropy", np.array([[-1.0, 1.0]]))
    with pytest.raises(ValueError, match=r"sum 1, found 2; .*one_hot"):
        losses.check_targets("softmax_cross_entropy", np.array([[0.0, 1.0], [1.0, 1.0]]))
    with pytest.raises(ValueError, match="found nan"):
        losses.check_targets("softmax_cross_entropy", np.array([[np.nan, 1.0]]))
    losses.check_targets("softmax_cross_entropy", T)
    losses.check_targets("half_squared_error", np.array([[-7.0, 7.0]]))


def test_one_hot_and_what_it_refuses():
    targets = losses.one_hot([2, 0], 3)
    np.testing.assert_array_equal(targets, [[0, 0, 1], [1, 0, 0]])
    assert targets.dtype == np.float32
    np.testing.assert_allclose(losses.one_hot(np.array([1]), 2, off=0.01, on=0.99), [[0.01, 0.99]])
    for wrong in ([3], [-1], [0.5], [np.nan], [[1]]):
        with pytest.raises(ValueError, match="expected shape .* whole numbers from 0 to 2"):
            losses.one_hot(wrong, 3)


def test_the_softmax_cross_entropy_of_a_vanished_output_is_found_from_z():
    targets = np.array([[0.5, 0.5, 0.0]], np.float32)
    for lowest, exact in ((-60.0, 30.0), (-200.0, 100.0)):  # exp(-60) is a float32, exp(-200) is 0
        z = np.array([[0.0, lowest, -100.0]], np.float32)
        np.testing.assert_allclose(losses.softmax_cross_entropy(z, softmax(z), targets), [exact], rtol=1e-5)
        np.testing.assert_allclose(losses.softmax_cross_entropy(z[:, :2], softmax(z[:, :2]), targets[:, :2]),
                                   [exact], rtol=1e-5)
