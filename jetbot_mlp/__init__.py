"""A JetBot learns to avoid collisions and follow roads with a hand-written MLP in NumPy.

The names below are what notebooks and scripts use; README.md says which file does what. Each is loaded
when it is first used: the motor guard stays small without NumPy and OpenCV, and `jetbot-mlp doctor` runs
where loading NumPy would kill it.
"""
from typing import TYPE_CHECKING

from .lazy_names import offer_lazily

if TYPE_CHECKING:  # for editors; Python itself goes the way below
    from .driver import Driver
    from .inference import Predictor
    from .lecture import NeuralNetwork
    from .model_file import load_model
    from .network import MLP

__version__ = "0.1.0"
__all__ = ["Driver", "MLP", "NeuralNetwork", "Predictor", "load_model"]

_MODULE_OF = {"Driver": "driver", "MLP": "network", "NeuralNetwork": "lecture", "Predictor": "inference",
              "load_model": "model_file"}

offer_lazily(__name__)
