"""The package's own errors. The command line prints them as one line and exits with status 2; so does a
notebook's cell (without the status), where a traceback would bury the words.

Every message says what was expected, what was found and what to do.
"""


class JetbotMLPError(Exception):
    """Base of everything this package raises on bad input; catch this one."""

    def _render_traceback_(self):
        """What IPython shows in the place of a traceback, list of lines; `%tb` has no more to say either."""
        return [f"{type(self).__name__}: {self}"]


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
