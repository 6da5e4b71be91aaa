"""A training step beside its bare matrix products, and one sample at a time beside the lecture's plain lines."""
import numpy as np

from .bench_clock import row
from .lecture import NeuralNetwork
from .losses import one_hot
from .network import MLP
from .optimizers import SGD, Adam

SIZES = ((784, 100, 10), (3072, 64, 32, 2))  #: the lecture's; a small colour picture's
BATCHES = (32, 128)


def rows(rounds, random_state):
    """-> [Row]"""
    found = []
    for sizes in SIZES:
        for batch in BATCHES:
            step, bare = step_and_products(sizes, batch, random_state)
            for name, optimizer in (("SGD", SGD(1e-3)), ("Adam", Adam(1e-5))):
                work = "%s, batch %d, %s" % ("-".join(map(str, sizes)), batch, name)
                found.append(row(work, lambda optimizer=optimizer, step=step: step(optimizer),
                                 "the step's bare matrix products", bare, 1.5, rounds, random_state))
    ours, single, plain, plain_single = lecture_steps(random_state)
    for work, function, beside, lines, goal in (
            ("one sample, the lecture's class", ours, "the lecture's lines in plain NumPy", plain, 0.5),
            ("one sample, MLP.descend, float32", single, "the lecture's lines in plain NumPy", plain, 0.5),
            ("one sample, MLP.descend, float32", single, "the same lines in float32", plain_single, None)):
        found.append(row(work, function, beside, lines, goal, rounds, random_state))
    return found


def step_and_products(sizes, batch, random_state):
    """-> (step(optimizer), bare()): a whole training step, and the products that it can't do without.

    Those are one forward product a layer, one for its weights' gradient, and one for the error below it.
    """
    network = MLP(sizes, "relu", "softmax", "softmax_cross_entropy", random_state=0)
    x = random_state.random_sample((batch, sizes[0])).astype(np.float32)
    targets = one_hot(random_state.randint(0, sizes[-1], batch), sizes[-1])
    inputs = [random_state.random_sample((batch, n)).astype(np.float32) for n in sizes]

    def step(optimizer):
        _, gradients = network.backpropagate(x, targets)
        optimizer.update(network.parameters(), gradients)

    def bare():
        for layer, weights in enumerate(network.weights_):
            np.dot(inputs[layer], weights)
            np.dot(inputs[layer].T, inputs[layer + 1])
            if layer:
                np.dot(inputs[layer + 1], weights.T)

    return step, bare


def lecture_steps(random_state):
    """-> (ours(), single(), plain(), plain_single()): a step on one sample, 784-100-10, sigmoids, half squared error.

    ours: with the lecture's class, float64; single: the same network as MLP in float32, without the cross-entropy that
    the lecture prints; plain: with the lines of the lecture's listing, float64; plain_single: the same in float32.
    """
    np.ones(2 ** 21)  # from now on glibc keeps freed megabytes, or the lines' new arrays would take four times as long
    state = np.random.get_state()
    try:  # the class draws its weights as the lecture's does, from np.random
        network = NeuralNetwork(784, 100, 10, 0.01)
    finally:
        np.random.set_state(state)
    mlp = network.to_mlp()
    x = random_state.random_sample((1, 784))
    target = np.full((1, 10), 0.01)
    target[0, 3] = 0.99
    x32, target32 = x.astype(np.float32), target.astype(np.float32)
    return (lambda: network.train(x, target), lambda: mlp.descend(x32, target32, 0.01),
            plain_step(network, x, target), plain_step(network, x32, target32))


def plain_step(network, x, target):
    """-> function: the lines of the lecture's listing, from the network's W and b, in the type of x."""
    w2, b2, w3, b3 = (np.array(array, x.dtype) for array in (network.W2, network.b2, network.W3, network.b3))

    def plain():
        nonlocal w2, b2, w3, b3
        a2 = 1 / (1 + np.exp(-(np.dot(x, w2) + b2)))
        a3 = 1 / (1 + np.exp(-(np.dot(a2, w3) + b3)))
        loss = -np.sum(target * np.log(a3 + 1e-7) + (1 - target) * np.log((1 - a3) + 1e-7))
        loss_3 = (a3 - target) * a3 * (1 - a3)
        loss_2 = np.dot(loss_3, w3.T) * a2 * (1 - a2)
        w3 = w3 - 0.01 * np.dot(a2.T, loss_3)
        b3 = b3 - 0.01 * loss_3
        w2 = w2 - 0.01 * np.dot(x.T, loss_2)
        b2 = b2 - 0.01 * loss_2
        return loss

    return plain
