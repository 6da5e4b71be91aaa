"""A JetBot learns to avoid collisions and follow roads with a hand-written MLP in NumPy.

The names below are what notebooks and scripts use; README.md says which file does what. Each is loaded
when it is first used: the motor guard stays small without NumPy and OpenCV, and `jetbot-mlp doctor` runs
where loading NumPy would kill it.
"""
import importlib
import sys
import types
from typing import TYPE_CHECKING

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


class _Package(types.ModuleType):
    """A module that looks for missing names; Python 3.6, the robot's, knows no __getattr__ in modules."""

    def __getattr__(self, name):
        if name not in _MODULE_OF:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        value = getattr(importlib.import_module("." + _MODULE_OF[name], self.__name__), name)
        setattr(self, name, value)
        return value

    def __dir__(self):
        return sorted(set(super().__dir__()) | set(__all__))


sys.modules[__name__].__class__ = _Package
