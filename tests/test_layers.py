"""The pieces of a layer: values, derivatives against the central difference, and numbers at the edge."""
import numpy as np
import pytest

from jetbot_mlp import layers
from jetbot_mlp.layers import ACTIVATIONS

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
Z = np.array([[-3.0, -1.2, -0.3, 0.4, 1.5, 2.5]])


def test_known_values_of_the_activations():
    assert layers.sigmoid(np.log(3.0)) == pytest.approx(0.75)  # 1 / (1 + 1/3)
    assert layers.tanh(np.log(3.0)) == pytest.approx(0.8)  # (3 - 1/3) / (3 + 1/3)
    np.testing.assert_array_equal(layers.relu(np.array([-2.0, 0.0, 3.0])), [0, 0, 3])
    np.testing.assert_allclose(layers.leaky_relu(np.array([-2.0, 0.0, 3.0])), [-0.02, 0, 3])
    np.testing.assert_array_equal(layers.linear(np.array([-2.0, 3.0])), [-2, 3])
    np.testing.assert_allclose(layers.softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]])


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_each_derivative_is_the_central_difference(name):
    activation = ACTIVATIONS[name]
    h = 1e-6
    numerical = (activation.function(Z + h) - activation.function(Z - h)) / (2 * h)
    np.testing.assert_allclose(activation.derivative(activation.function(Z)), numerical, rtol=1e-8)


def test_the_relus_have_their_lower_slope_at_the_kink():
    zero = np.zeros((1, 1))
    assert layers.relu_derivative(layers.relu(zero)) == 0
    assert layers.leaky_relu_derivative(layers.leaky_relu(zero)) == layers.LEAKY_SLOPE


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_and_derivatives_keep_the_dtype_and_write_in_place_only_when_asked(name, dtype):
    activation = ACTIVATIONS[name]
    z = Z.astype(dtype)
    a = activation.function(z)
    assert a.dtype == dtype and a is not z
    np.testing.assert_array_equal(z, Z.astype(dtype))
    if activation.derivative is not None:
        assert activation.derivative(a).dtype == dtype
    assert activation.function(z, out=z) is z
    np.testing.assert_array_equal(z, a)


@pytest.mark.parametrize("name", list(ACTIVATIONS))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_huge_inputs_neither_overflow_nor_warn(name, dtype):
    z = np.array([[-1e4, -100.0, 0.0, 100.0, 1e4]], dtype=dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        a = ACTIVATIONS[name].function(z)
    assert np.all(np.isfinite(a))
    if name in ("sigmoid", "softmax"):
        assert a.min() >= 0 and a.max() <= 1


@pytest.mark.parametrize("name", list(ACTIVATIONS))
def test_nan_is_passed_on_and_never_turned_into_a_plausible_number(name):
    with np.errstate(invalid="ignore"):
        a = ACTIVATIONS[name].function(np.array([[np.nan, 1.0]]))
    assert np.isnan(a[0, 0])


def test_the_sigmoid_is_the_textbook_formula_to_the_last_digit_but_one():
    z = np.random.RandomState(0).randn(50, 20) * 5
    np.testing.assert_allclose(layers.sigmoid(z), 1 / (1 + np.exp(-z)), rtol=1e-15)


def test_softmax_rows_have_the_sum_one_and_ignore_a_common_offset():
    z = np.random.RandomState(0).randn(4, 3)
    np.testing.assert_allclose(layers.softmax(z).sum(axis=1), 1)
    np.testing.assert_allclose(layers.softmax(z + 1000), layers.softmax(z))


def test_affine_forward_and_backward_by_hand():
    a = np.array([[1.0, 2.0], [3.0, 4.0]])
    weights = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, -1.0]])
    error = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]])
    z = layers.affine(a, weights, np.array([10.0, 20, 30]))
    np.testing.assert_array_equal(z, [[11, 22, 30], [13, 24, 32]])
    by_weights, by_bias = layers.affine_gradients(a, error)
    np.testing.assert_array_equal(by_weights, [[1, 3, 2], [2, 4, 4]])  # A^T . error
    np.testing.assert_array_equal(by_bias, [1, 1, 2])  # sum of the rows
    np.testing.assert_array_equal(layers.affine_input_error(error, weights), [[5, -2], [0, 1]])  # error . W^T


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rows, n_in, n_out", [(1, 3, 2), (1, 1, 1), (1, 5, 1), (1, 1, 5), (1, 4, 4), (1, 120, 33),
                                               (4, 3, 2)])
def test_descend_is_the_plain_step_in_place(dtype, rows, n_in, n_out):
    random_state = np.random.RandomState(0)
    shapes = [(n_in, n_out), (n_out,), (rows, n_in), (rows, n_out)]
    weights, bias, a, error = (random_state.randn(*shape).astype(dtype) for shape in shapes)
    by_weights, by_bias = layers.affine_gradients(a, error)
    wanted = weights - dtype(0.3) * by_weights, bias - dtype(0.3) * by_bias
    columnwise, other_bias = np.array(weights, order="F"), bias.reshape(1, -1).copy()
    tolerance = 1e-6 if dtype is np.float32 else 1e-14
    for w, b in ((weights, bias), (columnwise, other_bias)):
        layers.descend(w, b, a, error, 0.3)
        np.testing.assert_allclose(w, wanted[0], atol=tolerance)
        np.testing.assert_allclose(b.ravel(), wanted[1], atol=tolerance)


@pytest.mark.parametrize("kinds", [(np.float64, np.float32, np.float32), (np.float32, np.float64, np.float32),
                                   (np.float32, np.float32, np.float64)])
def test_descend_takes_weights_activations_and_errors_of_different_kinds(kinds):
    weights, a, error = (np.ones(shape, kind) for shape, kind in zip([(3, 2), (1, 3), (1, 2)], kinds))
    layers.descend(weights, np.ones(2), a, error, 0.25)
    np.testing.assert_array_equal(weights, np.full((3, 2), 0.75))


def test_descend_does_not_write_to_read_only_weights():
    weights = np.ones((3, 2))
    weights.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        layers.descend(weights, np.ones(2), np.ones((1, 3)), np.ones((1, 2)), 0.25)
    np.testing.assert_array_equal(weights, np.ones((3, 2)))


def test_dropout_silences_its_share_and_keeps_the_mean():
    mask = layers.dropout_mask((200, 500), 0.25, np.random.RandomState(0))
    assert mask.dtype == np.float32
    np.testing.assert_allclose(np.unique(mask), [0, 4 / 3.0], rtol=1e-6)
    assert np.mean(mask == 0) == pytest.approx(0.25, abs=0.01)
    assert mask.mean() == pytest.approx(1, abs=0.01)


def test_initial_weights_have_the_variance_of_their_papers():
    xavier = layers.xavier(300, 500, np.random.RandomState(0))
    assert xavier.var() == pytest.approx(2 / 800.0, rel=0.01)
    assert np.abs(xavier).max() <= np.sqrt(6 / 800.0)
    he = layers.he(300, 500, np.random.RandomState(0))
    assert he.var() == pytest.approx(2 / 300.0, rel=0.01)
    lectures = np.random.RandomState(0).randn(300, 500) / np.sqrt(300 / 2)
    np.testing.assert_array_equal(he, lectures)
