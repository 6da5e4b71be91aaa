"""What a driver tells of itself: one step, how it goes as a whole, and how a drive went."""
from typing import NamedTuple, Optional

from .messages import Frame, WheelCommand


class Step(NamedTuple):
    """What one cycle did."""

    frame: Frame
    predictions: tuple  #: one per predictor
    command: Optional[WheelCommand]  #: as written to the motors; None when it was refused
    latency_s: float  #: from the frame's capture to the command written


class Status(NamedTuple):
    """The driver at a glance; counts are since the last start."""

    running: bool
    reason: Optional[str]  #: why it is not running
    frames: int  #: answered
    dropped: int  #: overtaken by a newer frame before they were looked at
    repeated: int  #: byte-identical to the one before; not looked at again
    refused: int  #: commands that came too late or after a stop
    fps: float  #: answered frames a second, over the last RING
    latency_p50_ms: float  #: capture to command written; NaN before the first
    latency_p99_ms: float
    frame_age_s: float  #: of the frame that arrived last, since its capture; inf before the first
    predictions: tuple  #: of the last step
    command: Optional[WheelCommand]  #: written last; None before the first and while stopped
    wheels_stopped: bool  #: the motors accepted zeros
    stops: tuple  #: of (stamp s, reason), oldest first, over all starts


class Drive(NamedTuple):
    """How one drive went, on the robot or in the simulator."""

    result: dict  #: what `drive --json` prints
    reason: str  #: why it ended
