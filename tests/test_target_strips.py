import numpy as np
import pytest

from jetbot_mlp.network import MLP
from jetbot_mlp.target_strips import LIMIT, STRIPS, coordinate_derivative, coordinates, spread_targets, strip_middles


def test_the_middle_strip_is_straight_ahead_and_the_strips_are_symmetric():
    middles = strip_middles()
    assert len(middles) == STRIPS and middles[STRIPS // 2] == 0
    np.testing.assert_allclose(middles, -middles[::-1], atol=1e-6)
    assert middles[-1] + (middles[1] - middles[0]) / 2 == pytest.approx(LIMIT)


def test_a_spread_target_is_a_probability_whose_mean_is_the_target():
    targets = np.random.RandomState(0).uniform(-0.8, 0.8, (50, 2)).astype(np.float32)
    spread = spread_targets(targets)
    np.testing.assert_allclose(spread.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(spread[:, :STRIPS].sum(axis=1), 0.5, atol=1e-5)
    np.testing.assert_allclose(coordinates(spread), targets, atol=1e-3)


def test_a_target_at_the_edge_or_beyond_keeps_its_side():
    answers = coordinates(spread_targets(np.array([[-1.0, 1.0], [-5.0, 5.0]], np.float32)))
    np.testing.assert_allclose(answers[0], [-1, 1], atol=0.03)
    np.testing.assert_allclose(answers[1], [-LIMIT, LIMIT], atol=0.03)


def test_each_coordinate_is_a_share_of_its_own_half():
    strips = np.zeros((1, 2 * STRIPS), np.float32)
    strips[0, STRIPS - 1], strips[0, STRIPS] = 0.9, 0.1  # x at the right, y at the top, of unequal sums
    np.testing.assert_allclose(coordinates(strips)[0], [strip_middles()[-1], strip_middles()[0]], rtol=1e-6)


def test_a_half_of_zeros_is_no_answer():
    strips = np.zeros((1, 2 * STRIPS), np.float32)
    strips[0, 0] = 1
    np.testing.assert_allclose(coordinates(strips)[0], [strip_middles()[0], np.nan])


def test_a_network_with_two_outputs_answers_x_and_y_itself():
    outputs = np.array([[0.25, -0.5]], np.float32)
    assert coordinates(outputs) is outputs
    np.testing.assert_array_equal(coordinate_derivative(outputs, 1), [[0, 1]])


@pytest.mark.parametrize("which", [0, 1])
def test_the_derivative_is_held_against_numerical_differentiation(which):
    outputs = np.random.RandomState(1).uniform(0.01, 1, (2, 2 * STRIPS))
    derivative = coordinate_derivative(outputs, which)
    for k in range(0, 2 * STRIPS, 7):
        up, down = outputs.copy(), outputs.copy()
        up[:, k] += 1e-6
        down[:, k] -= 1e-6
        numerical = (coordinates(up) - coordinates(down))[:, which] / 2e-6
        np.testing.assert_allclose(derivative[:, k], numerical, atol=1e-6)


def test_a_fork_is_learnt_as_two_places_and_not_as_the_middle_between_them():
    """The reason for strips: the same frame, its road half of the times left and half of the times right."""
    features = np.ones((2, 3), np.float32)
    targets = np.array([[-0.8, 0.0], [0.8, 0.0]], np.float32)
    network = MLP((3, 2 * STRIPS), output_activation="softmax", loss="softmax_cross_entropy", random_state=0)
    for _ in range(300):
        network.descend(features, spread_targets(targets), learning_rate=5)
    share = network.forward(features[:1])[0, :STRIPS]
    left, middle, right = (share[np.argmin(np.abs(strip_middles() - x))] for x in (-0.8, 0.0, 0.8))
    assert left > 10 * middle and right > 10 * middle
