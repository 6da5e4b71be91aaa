import numpy as np
import pytest

from jetbot_mlp.average import average
from jetbot_mlp.network import MLP


def networks(sizes, output="linear", loss="half_squared_error", count=3, dtype=np.float64):
    return [MLP(size, "relu", output, loss, dtype=dtype, random_state=seed)
            for seed, size in enumerate(sizes if isinstance(sizes[0], tuple) else [sizes] * count)]


@pytest.mark.parametrize("sizes", [(5, 2), (5, 4, 2), (5, 4, 3, 2), [(5, 4, 3, 2), (5, 7, 6, 2)]])
def test_the_average_network_answers_with_the_mean(sizes):
    several = networks(sizes)
    for network in several:
        for bias in network.biases_:
            bias[...] = np.random.RandomState(9).randn(*bias.shape)
    x = np.random.RandomState(1).randn(20, 5)
    wanted = np.mean([network.forward(x) for network in several], axis=0)
    np.testing.assert_allclose(average(several).forward(x), wanted, atol=1e-12)


def test_of_probabilities_it_is_the_geometric_mean():
    several = networks((5, 4, 3), "softmax", "softmax_cross_entropy")
    x = np.random.RandomState(1).randn(20, 5)
    wanted = np.exp(np.mean([np.log(network.forward(x)) for network in several], axis=0))
    wanted /= wanted.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(average(several).forward(x), wanted, atol=1e-12)


def test_one_network_is_itself_but_a_copy():
    network, = networks((5, 4, 2), count=1)
    same = average([network])
    np.testing.assert_array_equal(same.weights_[0], network.weights_[0])
    same.weights_[0][...] = 0
    assert network.weights_[0].any()


def test_networks_that_differ_are_refused():
    with pytest.raises(ValueError, match="same inputs"):
        average(networks((5, 4, 2), count=1) + networks((5, 4, 3, 2), count=1))
