"""From a frame to an answer, beside the least that any such way would have to do."""
import cv2
import numpy as np

from .bench_clock import row
from .features import WORKING_SIZE, extract, mirror_order, resize, shrink
from .messages import CLASSES
from .model_file import Model
from .network import MLP
from .train_frames import RECIPES

FRAME_SIZE = 224  #: px, the robot's


def default_model(task="collision", seed=0):
    """A model of the default recipe with random weights, which takes as long as a trained one."""
    recipe = RECIPES[task]
    sizes = (recipe.features.n_features,) + tuple(recipe.hidden) + (len(CLASSES[task]),)
    network = MLP(sizes, recipe.hidden_activation, recipe.output_activation, recipe.loss, random_state=seed)
    return Model(task, CLASSES[task], network, recipe.features, {}, recipe.mirror)


def some_frame(random_state):
    """uint8 (224, 224, 3) with edges in all directions, as smooth as a camera's."""
    noise = random_state.randint(0, 256, (FRAME_SIZE, FRAME_SIZE, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (9, 9), 0)


def rows(rounds, random_state):
    """-> [Row]: the features, and the network, of one frame."""
    model, frame = default_model(), some_frame(random_state)
    features = extract(shrink(frame)[None], model.feature_spec)
    weights = np.concatenate([array.ravel() for array in model.network.weights_])

    def resize_and_gradient():
        cv2.resize(frame, (WORKING_SIZE, WORKING_SIZE), interpolation=cv2.INTER_AREA)
        cv2.Sobel(frame, cv2.CV_32F, 1, 0, ksize=1)
        cv2.Sobel(frame, cv2.CV_32F, 0, 1, ksize=1)

    small = resize(frame, WORKING_SIZE)

    def resize_and_small_gradient():
        cv2.resize(frame, (WORKING_SIZE, WORKING_SIZE), interpolation=cv2.INTER_AREA)
        cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=1)
        cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=1)

    def to_features():
        extract(shrink(frame)[None], model.feature_spec)

    both = np.concatenate((features, features[:, mirror_order(model.feature_spec)]))

    def bare_products():
        a = both
        for array in model.network.weights_:
            a = np.dot(a, array)

    def network():
        model.outputs_of(features)

    return [
        row("features of a frame", to_features, "resize, gradient of the colour frame", resize_and_gradient, 1.5,
            rounds, random_state),
        row("features of a frame", to_features, "resize, gradient of the small frame", resize_and_small_gradient, None,
            rounds, random_state),
        row("network, frame and mirror image", network, "reading its weights once", lambda: np.dot(weights, weights),
            2.0, rounds, random_state),
        row("network, frame and mirror image", network, "its bare matrix products", bare_products, None, rounds,
            random_state),
    ]
