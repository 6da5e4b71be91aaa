import numpy as np
import pytest
from synthetic import collision_dataset

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.evaluation import evaluate, score
from jetbot_mlp.features import FeatureSpec
from jetbot_mlp.model_file import Model
from jetbot_mlp.network import MLP


def test_road_answers_are_clipped_to_the_picture_as_in_driving():
    evaluation = score("road", None, np.array([[3.0, 0.0]]), np.array([[1.0, 0.0]]), ["a"], None)
    assert evaluation.metrics["mse"] == 0 and evaluation.metrics["mae_x_px"] == 0


def test_the_confusion_has_true_rows_and_predicted_columns_blocked_first():
    outputs = np.array([[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    evaluation = score("collision", ("blocked", "free"), outputs, np.array([0, 0, 1]), list("abc"), None)
    assert evaluation.metrics["confusion"] == [[1, 1], [0, 1]]
    assert evaluation.metrics["balanced_accuracy"] == pytest.approx(0.75)


def test_large_sets_are_judged_in_batches_with_the_same_result():
    spec = FeatureSpec(color_size=2, gradient_size=0)
    network = MLP((12, 2), "relu", "softmax", "softmax_cross_entropy", random_state=0)
    model, dataset = Model("collision", ("blocked", "free"), network, spec, {}), collision_dataset(10)
    np.testing.assert_allclose(evaluate(model, dataset, batch=3).predicted, evaluate(model, dataset).predicted,
                               rtol=1e-5)
    with pytest.raises(DatasetError, match="no frames"):
        evaluate(model, dataset.subset([]))
