"""Small made-up datasets with something to learn in them, for the tests that train."""
import numpy as np

from jetbot_mlp.dataset import Dataset


def picture(random_state, dot_xy=None, bar=False):
    """uint8 (112, 112, 3): slightly noisy grey with a bright dot at dot_xy in [-1, 1], or a dark upright bar."""
    image = random_state.randint(106, 114, (112, 112, 3)).astype(np.uint8)
    if dot_xy is not None:
        column, row = ((np.asarray(dot_xy) + 1) * 55.5).round().astype(int)
        image[max(row - 6, 0):row + 7, max(column - 6, 0):column + 7] = 250
    if bar:
        left = random_state.randint(20, 80)
        image[20:100, left:left + 16] = 10
    return image


def collision_dataset(n=80, seed=0):
    """Blocked: a dark bar stands in the picture; classes alternate, one frame every 2 s."""
    random_state = np.random.RandomState(seed)
    targets = np.arange(n) % 2
    images = np.stack([picture(random_state, bar=target == 0) for target in targets])
    return _dataset("collision", images, targets.astype(np.int64))


def road_dataset(n=80, seed=0):
    """The target is where the bright dot is."""
    random_state = np.random.RandomState(seed)
    targets = random_state.uniform(-0.8, 0.8, (n, 2)).astype(np.float32)
    images = np.stack([picture(random_state, dot_xy=target) for target in targets])
    return _dataset("road", images, targets)


def _dataset(task, images, targets):
    n = len(images)
    return Dataset(task, [f"made/{i}.jpg" for i in range(n)], images, targets, 2.0 * np.arange(n),
                   np.zeros(n, np.int64), ["uuid1"], [b"%32d" % i for i in range(n)])


def alike(weights, others):
    """Are these the weights of the same training? Not bit for bit: the sums of old NumPys depend on where
    arrays happen to lie in memory, and a training makes more of such differences."""
    return np.corrcoef(weights.ravel(), others.ravel())[0, 1] > 0.99
