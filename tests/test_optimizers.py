"""Optimizers: steps by hand, in place, and the promises of the papers."""
import copy
import pickle

import numpy as np
import pytest

from jetbot_mlp.optimizers import SGD, Adam


def pair(dtype=np.float64):
    """Parameters [W, b] and gradients of a layer, 1 and 2 everywhere."""
    return ([np.ones((2, 2), dtype), np.ones(2, dtype)], [np.full((2, 2), 2, dtype), np.full(2, 2, dtype)])


def test_sgd_is_the_lectures_step():
    parameters, gradients = pair()
    SGD(0.1).update(parameters, gradients)
    for p in parameters:
        np.testing.assert_allclose(p, 0.8)  # 1 - 0.1 * 2


def test_momentum_by_hand():
    parameters, gradients = pair()
    optimizer = SGD(0.1, momentum=0.5)
    optimizer.update(parameters, gradients)  # V = 2, P = 0.8
    optimizer.update(parameters, gradients)  # V = 0.5 * 2 + 2 = 3, P = 0.8 - 0.3
    np.testing.assert_allclose(parameters[0], 0.5)


def test_adam_matches_the_formulas_written_out():
    random_state = np.random.RandomState(0)
    p = random_state.randn(3, 2)
    expected, m, v = p.copy(), 0.0, 0.0
    optimizer = Adam(0.01, beta1=0.8, beta2=0.9, epsilon=1e-3)
    for t in range(1, 6):
        g = random_state.randn(3, 2)
        m, v = 0.8 * m + 0.2 * g, 0.9 * v + 0.1 * g ** 2
        expected -= 0.01 * (m / (1 - 0.8 ** t)) / (np.sqrt(v / (1 - 0.9 ** t)) + 1e-3)
        optimizer.update([p], [g])
        np.testing.assert_allclose(p, expected, rtol=1e-12)


def test_adams_first_step_is_the_learning_rate_whatever_the_size_of_the_gradient():
    p = np.zeros(3)
    Adam(0.01).update([p], [np.array([1e-3, -1.0, 1e3])])
    np.testing.assert_allclose(p, [-0.01, 0.01, -0.01], rtol=1e-4)


@pytest.mark.parametrize("optimizer", [SGD(0.1, weight_decay=0.5), Adam(0.1, weight_decay=0.5)])
def test_decay_shrinks_weights_by_learning_rate_times_decay_and_leaves_biases(optimizer):
    parameters, gradients = pair()
    for g in gradients:
        g[...] = 0  # decoupled: without a gradient only the decay is left, also in Adam
    optimizer.update(parameters, gradients)
    np.testing.assert_allclose(parameters[0], 0.95)
    np.testing.assert_array_equal(parameters[1], 1)


@pytest.mark.parametrize("make", [lambda: SGD(0.1), lambda: SGD(0.1, 0.9, 0.01),
                                  lambda: Adam(0.1, weight_decay=0.01)])
def test_updates_are_in_place_keep_float32_and_leave_the_gradients_alone(make):
    parameters, gradients = pair(np.float32)
    same = list(parameters)
    optimizer = make()
    optimizer.learning_rate = np.float64(0.05)
    optimizer.update(parameters, gradients)
    for p, before, g in zip(parameters, same, gradients):
        assert p is before and p.dtype == np.float32
        assert np.all(p < 1)
        np.testing.assert_array_equal(g, 2)


@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_changed_learning_rate_counts_from_the_next_step(make):
    parameters, gradients = pair()
    optimizer = make(0.1)
    optimizer.learning_rate = 0.0
    optimizer.update(parameters, gradients)
    np.testing.assert_array_equal(parameters[0], 1)


@pytest.mark.parametrize("optimizer", [SGD(0.1), SGD(0.05, momentum=0.9), Adam(0.1)])
def test_each_finds_the_bottom_of_a_bowl(optimizer):
    p = np.array([[3.0, -2.0]])
    for _ in range(400):
        optimizer.update([p], [p - 1.0])
    np.testing.assert_allclose(p, 1, atol=1e-3)


@pytest.mark.parametrize("make, words", [
    (lambda: SGD(0), "learning_rate: expected a number above 0, found 0"),
    (lambda: SGD(float("nan")), "learning_rate"),
    (lambda: Adam(float("inf")), "learning_rate"),
    (lambda: SGD(0.1, momentum=1.0), "momentum: expected from 0 to below 1, found 1.0"),
    (lambda: SGD(0.1, weight_decay=-1), "weight_decay: expected 0 or more"),
    (lambda: Adam(0.1, beta1=1), "beta1"),
    (lambda: Adam(0.1, beta2=-0.1), "beta2"),
    (lambda: Adam(0.1, epsilon=0), "epsilon"),
])
def test_impossible_settings_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.1)])
def test_arrays_of_another_network_are_refused(optimizer):
    parameters, gradients = pair()
    with pytest.raises(ValueError, match="gradients: expected the shapes of the parameters"):
        optimizer.update(parameters, gradients[:1])
    optimizer.update(parameters, gradients)
    with pytest.raises(ValueError, match="make a new optimizer"):
        optimizer.update([np.ones(5)], [np.ones(5)])


@pytest.mark.parametrize("make", [lambda: SGD(0.1), lambda: SGD(0.1, momentum=0.9), lambda: Adam(0.01)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_how_arrays_lie_in_memory_changes_nothing_but_rounding(make, dtype):
    random_state = np.random.RandomState(0)
    shapes = [(5, 3), (3,), (4, 1), (1, 4), (4,), (1,)]  # OpenCV takes some arrays of four for a colour
    rows = [random_state.randn(*shape).astype(dtype) for shape in shapes]
    columns, optimizers = [np.asfortranarray(p) for p in rows], (make(), make())
    strided = np.zeros((5, 6), dtype)[:, ::2]
    strided[...] = rows[0]
    columns[0] = strided
    before = [p.copy() for p in rows]
    for _ in range(3):
        gradients = [random_state.randn(*shape) for shape in shapes]  # float64 also for float32
        optimizers[0].update(rows, [g.astype(dtype) for g in gradients])
        optimizers[1].update(columns, [np.asfortranarray(g) for g in gradients])
    for one, other, first in zip(rows, columns, before):
        assert one.dtype == dtype and np.all(one != first)
        np.testing.assert_allclose(one, other, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-6)


def test_a_layer_of_one_output_may_lie_in_memory_in_any_way():
    for optimizer in (SGD(0.1), Adam(0.1)):
        parameter = np.ones((1, 5)).T  # (5, 1) with the strides of a row
        optimizer.update([parameter], [np.ones((5, 1))])
        np.testing.assert_allclose(parameter, np.full((5, 1), 0.9), rtol=1e-6)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda optimizer: pickle.loads(pickle.dumps(optimizer))])
@pytest.mark.parametrize("optimizer", [SGD(0.1, momentum=0.9), Adam(0.01)])
def test_a_copy_made_in_mid_training_goes_on_as_the_original_does(optimizer, copied):
    random_state = np.random.RandomState(0)
    parameters = [random_state.randn(5, 4), random_state.randn(4), random_state.randn(4, 1)]
    for step in range(6):
        if step == 3:
            other, others = copied(optimizer), [p.copy() for p in parameters]
        gradients = [random_state.randn(*p.shape) for p in parameters]
        optimizer.update(parameters, gradients)
        if step >= 3:
            other.update(others, gradients)
    for p, q in zip(parameters, others):
        np.testing.assert_array_equal(p, q)
