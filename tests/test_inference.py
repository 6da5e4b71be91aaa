import subprocess
import sys

import numpy as np
import pytest

from jetbot_mlp.errors import FrameError, PredictionError
from jetbot_mlp.features import FeatureSpec
from jetbot_mlp.inference import Predictor
from jetbot_mlp.messages import CollisionPrediction, DigitPrediction, Frame, RoadPrediction
from jetbot_mlp.model_file import Model
from jetbot_mlp.network import MLP

SPEC = FeatureSpec(color_size=4, gradient_size=0)
IMAGE = np.random.RandomState(0).randint(0, 256, (224, 224, 3)).astype(np.uint8)


def model_answering(task, classes, output_activation, biases):
    """A network without hidden layers whose weights are 0, so it answers its biases to every frame."""
    loss = {"softmax": "softmax_cross_entropy", "linear": "huber"}[output_activation]
    network = MLP((SPEC.n_features, len(biases)), "relu", output_activation, loss)
    network.weights_[0][...] = 0
    network.biases_[0][...] = biases
    return Model(task, classes, network, SPEC, {})


def test_collision_gives_the_probability_of_blocked_and_keeps_the_frames_time():
    model = model_answering("collision", ("blocked", "free"), "softmax", [np.log(3), 0])
    prediction = Predictor(model)(Frame(IMAGE, 12.5, 7))
    assert isinstance(prediction, CollisionPrediction)
    assert prediction.prob_blocked == pytest.approx(0.75) and prediction.stamp == 12.5
    assert type(prediction.prob_blocked) is float


def test_the_class_order_comes_from_the_model_not_from_habit():
    model = model_answering("collision", ("free", "blocked"), "softmax", [np.log(3), 0])
    assert Predictor(model)(IMAGE).prob_blocked == pytest.approx(0.25)


def test_road_targets_stay_on_the_picture():
    prediction = Predictor(model_answering("road", None, "linear", [3.0, -0.25]))(IMAGE)
    assert prediction == RoadPrediction(1.0, -0.25, 0.0)


def test_digits_name_the_likeliest():
    scores = np.zeros(10)
    scores[4] = 9
    prediction = Predictor(model_answering("mnist", tuple("0123456789"), "softmax", scores))(IMAGE)
    assert isinstance(prediction, DigitPrediction) and prediction.digit == 4


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_is_an_error_not_a_number(value):
    with pytest.raises(PredictionError):
        Predictor(model_answering("road", None, "linear", [value, 0.0]))(IMAGE)


def test_a_frame_of_wrong_shape_is_an_error():
    with pytest.raises(FrameError):
        Predictor(model_answering("road", None, "linear", [0.0, 0.0]))(IMAGE[..., 0])


def test_the_robots_side_imports_nothing_of_training():
    code = ("import sys, jetbot_mlp; loaded = set(sys.modules); "
            "print([m for m in ('trainer', 'train_frames', 'dataset', 'augment', 'report', 'simulator') "
            "if 'jetbot_mlp.' + m in loaded] + [m for m in ('matplotlib', 'ipywidgets', 'jetbot') if m in loaded])")
    assert subprocess.check_output([sys.executable, "-c", code]).decode().strip() == "[]"
