"""Model + frames -> scores and the answers behind them."""
import numpy as np

from .errors import DatasetError
from .metrics import PX_PER_UNIT, Evaluation, classification_metrics, road_metrics


def evaluate(model, dataset, batch=1024):
    """Score a model on every frame of a dataset.

    model: `Model`; dataset: `Dataset` of the same task. Returns Evaluation. Raises DatasetError
    when the tasks differ or the dataset is empty.
    """
    if dataset.task != model.task:
        raise DatasetError(f"the model is for {model.task}, the frames are for {dataset.task}; "
                           f"give frames of the model's task")
    if len(dataset) == 0:
        raise DatasetError("no frames to evaluate")
    outputs = np.concatenate([model.outputs_of(dataset.features(model.feature_spec, slice(start, start + batch)))
                              for start in range(0, len(dataset), batch)])
    return score(model.task, model.classes, outputs, dataset.targets, dataset.names, dataset.images)


def score(task, classes, outputs, targets, names, images):
    """Evaluation of network outputs float (n, n_out) against targets."""
    if task == "road":
        outputs = np.clip(outputs, -1, 1)  # as the predictor does
        metrics = road_metrics(targets, outputs)
    else:
        metrics = classification_metrics(targets, outputs, classes)
    return Evaluation(task, classes, metrics, names, images, targets, outputs)


def worst_first(evaluation):
    """The numbers of the frames, int (n,): where the label got the lowest probability, or is furthest away, first."""
    expected, predicted = np.asarray(evaluation.expected), np.asarray(evaluation.predicted)
    if evaluation.task == "road":
        return np.argsort(-off_px(evaluation), kind="mergesort")  # stable; NumPy 1.13 knows it by this name only
    return np.argsort(predicted[np.arange(len(expected)), expected], kind="mergesort")


def off_px(evaluation):
    """How far each road answer is from its label, px of a 224 px frame: float (n,)."""
    return PX_PER_UNIT * np.hypot(*(np.asarray(evaluation.predicted) - np.asarray(evaluation.expected)).T)
