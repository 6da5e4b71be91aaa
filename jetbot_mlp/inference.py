"""Model + frame -> prediction. This is all that the robot needs; nothing of training is imported."""
import numpy as np

from .blas_threads import one_blas_thread
from .errors import PredictionError
from .features import shrink
from .messages import CollisionPrediction, DigitPrediction, Frame, RoadPrediction


class Predictor:
    """Calls a loaded model on one frame after the other.

    >>> predict = Predictor(load_model('models/road.npz'))
    >>> predict(frame)
    RoadPrediction(x=0.12, y=-0.31, stamp=1.5)
    """

    def __init__(self, model):
        self.model = model
        self.task = model.task
        one_blas_thread()

    def __call__(self, frame):
        """frame: `Frame`, or uint8 (H, W, 3) BGR, any size (its stamp is then 0).

        Returns CollisionPrediction, RoadPrediction or DigitPrediction with the frame's stamp.
        Raises FrameError for a frame of wrong shape, PredictionError for a result that is not
        finite: the driver stops the wheels on both.
        """
        image, stamp = (frame.image, frame.stamp) if isinstance(frame, Frame) else (frame, 0.0)
        return to_prediction(self.model, self.model.outputs(shrink(image)[None])[0], stamp)


def to_prediction(model, output, stamp):
    """output: float32 (n_outputs,) of the network for one frame -> the prediction of the model's task."""
    if not np.all(np.isfinite(output)):
        raise PredictionError(f"the {model.task} network answered {output.tolist()}, which is not finite; "
                              f"check the model with 'jetbot-mlp check' and train it again")
    if model.task == "collision":
        return CollisionPrediction(float(output[model.classes.index("blocked")]), stamp)
    if model.task == "road":
        x, y = np.clip(output, -1.0, 1.0)
        return RoadPrediction(float(x), float(y), stamp)
    best = int(np.argmax(output))
    return DigitPrediction(best, float(output[best]), stamp)
