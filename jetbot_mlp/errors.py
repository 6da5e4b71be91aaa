"""The package's own errors. The command line prints them as one line and exits with status 2.

Every message says what was expected, what was found and what to do.
"""


class JetbotMLPError(Exception):
    """Base of everything this package raises on bad input; catch this one."""


class ModelFileError(JetbotMLPError):
    """A model file is truncated, foreign, hostile, or computes other numbers than it promises."""


class DatasetError(JetbotMLPError):
    """A dataset folder, zip or MNIST file is missing, empty or contradictory."""


class FrameError(JetbotMLPError):
    """A camera frame has the wrong shape or dtype."""


class PredictionError(JetbotMLPError):
    """The network's answer is not finite."""


class HardwareError(JetbotMLPError):
    """The robot or its camera is absent, refuses, or does not obey."""


class SettingsError(JetbotMLPError):
    """The file with one robot's settings is damaged, foreign or out of range; no wheel turns by it."""


class RemoteError(JetbotMLPError):
    """A robot elsewhere cannot be reached, refuses, or fails at what it was asked; the old model stays current."""


class ConnectionCut(RemoteError):
    """The connection was there and broke: what was asked may or may not have been done."""


class NotLetIn(RemoteError):
    """The robot wants a password or a yes, and nobody was asked, or the answer was wrong."""
