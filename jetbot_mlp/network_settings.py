"""What an MLP can be built with: each setting checked, and returned as it is kept; else ValueError."""
import numpy as np

from .losses import LOSSES


def as_random_state(random_state):
    """An np.random.RandomState, from an int, one (the same object) or None (different each time)."""
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if random_state is None:
        return np.random.RandomState()
    if is_integer(random_state) and 0 <= random_state < 2 ** 32:
        return np.random.RandomState(int(random_state))
    raise ValueError("random_state: expected a whole number from 0 to 2**32 - 1, a np.random.RandomState or "
                     "None, found %r; pass a number to get the same result again" % (random_state,))


def is_integer(value):
    return isinstance(value, (int, np.integer)) and not isinstance(value, (bool, np.bool_))


def checked_sizes(layer_sizes):
    sizes = list(layer_sizes) if isinstance(layer_sizes, (list, tuple, np.ndarray)) else None
    if sizes is None or len(sizes) < 2 or not all(is_integer(size) and size > 0 for size in sizes):
        raise ValueError("layer_sizes: expected two or more whole numbers above 0, input nodes first, found "
                         "%r; for example [784, 100, 10]" % (layer_sizes,))
    return [int(size) for size in sizes]


def checked_name(argument, name, known):
    if not isinstance(name, str) or name not in known:
        raise ValueError("%s: expected one of %s, found %r; use one of these names"
                         % (argument, ", ".join(repr(str(k)) for k in known), name))
    return name


def checked_dropout(dropout):
    if isinstance(dropout, (bool, str)) or not np.isscalar(dropout) or not 0 <= dropout < 1:
        raise ValueError("dropout: expected a share from 0 to below 1, found %r; 0 for none, 0.5 for every "
                         "other node"
                         % (dropout,))
    return float(dropout)


def checked_dtype(dtype):
    try:
        found = np.dtype(dtype).name if dtype is not None else None  # np.dtype(None) would be float64
    except TypeError:
        found = None
    if found not in ("float32", "float64"):
        raise ValueError("dtype: expected np.float32 or np.float64, found %r; float32 is the usual one"
                         % (dtype,))
    return np.dtype(found)


def check_combination(output_activation, loss, n_outputs):
    """The impossible ones: cross-entropies are fused with their activation, and need it."""
    possible = LOSSES[loss].output_activations
    if output_activation not in possible:
        losses = [name for name in LOSSES if output_activation in LOSSES[name].output_activations]
        raise ValueError("loss %r: expected an output_activation of %s, found %r; change it, or take a loss "
                         "for %s outputs: %s" % (loss, " or ".join(map(repr, possible)), output_activation,
                                          output_activation, " or ".join(map(repr, losses))))
    if output_activation == "softmax" and n_outputs < 2:
        raise ValueError("softmax: expected two or more output nodes, found 1, whose softmax is always 1; "
                         "use output_activation='sigmoid' with loss='binary_cross_entropy', or one node for "
                         "each class")
