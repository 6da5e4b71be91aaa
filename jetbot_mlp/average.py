"""Several networks become one that answers with their average.

Networks that were trained from different random starts err in different places, so their average errs less
(Hansen & Salamon, Neural Network Ensembles, 1990). Averaging needs nothing new on the robot: hidden layers
standing side by side, and a last layer that takes the mean, are again one multilayer perceptron.
"""
import numpy as np

from .network import MLP


def average(networks):
    """The network whose last z is the mean of the given networks' last z.

    networks: list of `MLP` with the same inputs, activations, loss and number of layers. For a softmax output
    this is the geometric mean of the probabilities, brought to sum 1.
    Returns a new MLP; dropout, which only training uses, is left out. ValueError for networks that differ.
    """
    first = networks[0]
    kinds = {(n.layer_sizes[0], n.layer_sizes[-1], len(n.layer_sizes), n.hidden_activation, n.output_activation,
              n.loss) for n in networks}
    if len(kinds) != 1:
        raise ValueError("expected networks with the same inputs, outputs, activations and number of layers, "
                         "found %s" % sorted(kinds))
    if len(networks) == 1:
        return first.copy()
    hidden = [sum(sizes) for sizes in zip(*(n.layer_sizes[1:-1] for n in networks))]
    sizes = [first.layer_sizes[0]] + hidden + [first.layer_sizes[-1]]
    merged = MLP(sizes, first.hidden_activation, first.output_activation, first.loss, dtype=first.dtype)
    last = len(sizes) - 2
    for layer in range(last + 1):
        weights, biases = merged.weights_[layer], merged.biases_[layer]
        weights[...] = 0  # between the units of different networks
        if layer == last:
            biases[...] = np.mean([n.biases_[layer] for n in networks], axis=0)
        row = column = 0
        for n in networks:
            rows, columns = n.weights_[layer].shape
            if layer == 0:  # all look at the same features
                row = 0
            if layer == last:
                column = 0
                # += since a network without hidden layers has its first layer here too
                weights[row:row + rows] += n.weights_[layer] / len(networks)
            else:
                weights[row:row + rows, column:column + columns] = n.weights_[layer]
                biases[column:column + columns] = n.biases_[layer]
            row, column = row + rows, column + columns
    return merged
