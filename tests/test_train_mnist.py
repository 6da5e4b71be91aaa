import numpy as np
import pytest

from jetbot_mlp.features import extract, shrink
from jetbot_mlp.inference import Predictor
from jetbot_mlp.mnist import load_mnist
from jetbot_mlp.model_file import MNIST_PIXELS
from jetbot_mlp.train_mnist import RECIPE, as_features, as_pictures, train_mnist, train_mnist_as_lecture


def made_digits(n, seed):
    """Digit d: a bright row of pixels at height 2 d + 4, on noise. uint8 (n, 784), int64 (n,)."""
    random_state = np.random.RandomState(seed)
    labels = np.arange(n) % 10
    images = random_state.randint(0, 60, (n, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels):
        image[2 * label + 4] = 250
    return images.reshape(n, 784), labels.astype(np.int64)


DATA = made_digits(400, 0) + made_digits(50, 1)


def test_a_digit_as_a_frame_has_the_features_that_the_network_was_trained_on():
    images = DATA[0][:3]
    pictures = np.stack([shrink(picture) for picture in as_pictures(images)])
    np.testing.assert_allclose(extract(pictures, MNIST_PIXELS), as_features(images), atol=1e-6)


def test_the_trainers_recipe_learns_digits_and_the_predictor_reads_them():
    trained = train_mnist(DATA, RECIPE._replace(epochs=20))
    assert trained.evaluation.metrics["accuracy"] > 0.9
    assert Predictor(trained.model)(as_pictures(DATA[2][7:8])[0]).digit == 7


def test_the_lectures_network_answers_the_same_from_a_model_file():
    trained = train_mnist_as_lecture(DATA)
    assert trained.evaluation.metrics["accuracy"] > 0.9
    assert trained.model.network.output_activation == "sigmoid"


def test_784_100_10_reaches_98_percent_on_mnist(real_data):
    trained = train_mnist(load_mnist(real_data + "/mnist"))
    assert trained.model.network.layer_sizes == [784, 100, 10]
    assert trained.evaluation.metrics["accuracy"] >= 0.98
    assert trained.evaluation.metrics["samples"] == 10000
    with pytest.raises(ValueError):
        trained.model.network.forward(np.zeros((1, 783)))
