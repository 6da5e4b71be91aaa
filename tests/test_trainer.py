import numpy as np
import pytest

from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.features import FeatureSpec
from jetbot_mlp.network import MLP
from jetbot_mlp.trainer import Recipe, class_targets, fit, fold_standardisation, unfold_standardisation

RECIPE = Recipe(FeatureSpec(), hidden=(8,), output_activation="linear", loss="half_squared_error", dropout=0.0,
                epochs=60, weight_decay=0.0, learning_rate=0.02)


def straight_line(seed=0):
    """y = 2 x1 - x2, 64 samples in 2 batches; a network without hidden layers can learn it exactly."""
    random_state = np.random.RandomState(seed)
    x = random_state.randn(64, 2).astype(np.float32)
    targets = x.dot(np.array([[2], [-1]], np.float32))
    network = MLP((2, 1), "relu", "linear", "half_squared_error", random_state=random_state)

    def batches(epoch):
        yield x[:32], targets[:32], None
        yield x[32:], targets[32:], None

    return network, x, targets, batches


def test_it_learns_a_straight_line():
    network, x, targets, batches = straight_line()
    fitted = fit(network, batches, 2, RECIPE._replace(epochs=300), np.random.RandomState(0))
    np.testing.assert_allclose(network.weights_[0].ravel(), [2, -1], atol=0.05)
    assert fitted.history.train_loss[-1] < 0.01 * fitted.history.train_loss[0]


def test_the_best_epoch_is_kept_and_patience_ends_the_rest():
    network, x, targets, batches = straight_line()
    losses = iter([5.0, 4.0, 1.0] + [2.0] * 100)
    seen = []

    def validate(average):
        seen.append(average.weights_[0].copy())
        return next(losses), 0.0

    fitted = fit(network, batches, 2, RECIPE._replace(patience=4), np.random.RandomState(0), validate)
    assert fitted.history.best_epoch == 3 and len(fitted.history.epoch) == 7
    np.testing.assert_array_equal(network.weights_[0], seen[2])


def test_ctrl_c_keeps_the_best_so_far():
    network, x, targets, batches = straight_line()

    def impatient(epoch):
        if epoch == 4:
            raise KeyboardInterrupt
        return batches(epoch)

    fitted = fit(network, impatient, 2, RECIPE, np.random.RandomState(0), lambda n: (1.0, 0.0))
    assert fitted.interrupted and len(fitted.history.epoch) == 3 and fitted.history.best_epoch == 3


def test_ctrl_c_before_there_is_anything_to_keep_is_passed_on():
    network, x, targets, batches = straight_line()

    def at_once(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(network, at_once, 2, RECIPE, np.random.RandomState(0))


def test_a_loss_that_explodes_is_an_error_with_a_remedy():
    network, x, targets, batches = straight_line()
    network.weights_[0][...] = np.float32(3e38)
    with np.errstate(all="ignore"), pytest.raises(JetbotMLPError, match="lower the learning rate"):
        fit(network, batches, 2, RECIPE, np.random.RandomState(0))


def test_the_learning_rate_falls_along_half_a_cosine():
    network, x, targets, batches = straight_line()
    rates = fit(network, batches, 2, RECIPE, np.random.RandomState(0)).history.learning_rate
    assert rates[0] == pytest.approx(RECIPE.learning_rate, rel=0.01)
    assert rates[29] == pytest.approx(RECIPE.learning_rate / 2, rel=0.05)
    assert rates[-1] < 0.01 * RECIPE.learning_rate


def test_folding_the_standardisation_changes_no_output():
    random_state = np.random.RandomState(0)
    network = MLP((5, 4, 2), "relu", "linear", "half_squared_error", random_state=0)
    x = random_state.uniform(10, 20, (7, 5)).astype(np.float32)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    before = network.forward((x - mean) / scale)
    fold_standardisation(network, mean, scale)
    np.testing.assert_allclose(network.forward(x), before, atol=1e-4)


def test_smoothed_targets_still_sum_to_one():
    np.testing.assert_allclose(class_targets(np.array([0, 1]), 2, 0.1), [[0.95, 0.05], [0.05, 0.95]], rtol=1e-6)


def test_whoever_watches_sees_each_epoch_and_may_end_the_training():
    network, x, targets, batches = straight_line()
    seen = []

    def watch(epoch, n_epochs, history):
        seen.append((epoch, n_epochs, len(history.train_loss), len(history.validation_loss)))
        if epoch == 3:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fit(network, batches, 2, RECIPE, np.random.RandomState(0), lambda n: (1.0, 0.0), watch=watch)
    assert seen == [(1, 60, 1, 1), (2, 60, 2, 2), (3, 60, 3, 3)]


def test_unfolding_is_the_way_back():
    network = MLP((5, 4, 2), "relu", "linear", "half_squared_error", random_state=0)
    before, mean, scale = network.copy(), np.arange(5, dtype=np.float32), np.arange(1, 6, dtype=np.float32)
    fold_standardisation(network, mean, scale)
    unfold_standardisation(network, mean, scale)
    for parameter, other in zip(network.parameters(), before.parameters()):
        np.testing.assert_allclose(parameter, other, atol=1e-5)
