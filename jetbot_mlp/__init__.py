"""A JetBot learns to avoid collisions and follow roads with a hand-written MLP in NumPy.

The names below are what notebooks and scripts use; README.md says which file does what.
"""
from .driver import Driver
from .inference import Predictor
from .lecture import NeuralNetwork
from .model_file import load_model
from .network import MLP

__version__ = "0.1.0"
__all__ = ["Driver", "MLP", "NeuralNetwork", "Predictor", "load_model"]
