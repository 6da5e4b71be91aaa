"""What a recorded drive looks like on disk, and how it is read back; `recorder` writes it.

A folder with one JPEG for each frame and `drive.jsonl`, one JSON object a line: first the header (format,
version, models, settings, versions), then for each frame

    {"frame": "00000012.jpg", "sequence": 12, "stamp": 7.4, "state": "driving", "latency_ms": 3.1,
     "predictions": [{"x": 0.12, "y": -0.31}], "command": {"left": 0.2, "right": 0.21}}

then the frame that was looked at last if it was never answered, as "stopped", and {"state": "stopped",
"reason": ...}. A line comes after its frame is whole, so a drive that was killed leaves at most a line cut short.
"""
import json
import os
from typing import List, NamedTuple, Optional

from .control import all_finite
from .errors import DatasetError
from .frame_files import shown
from .messages import CollisionPrediction, RoadPrediction, WheelCommand

FORMAT, VERSION = "jetbot_mlp recording", 1
LINES = "drive.jsonl"
DRIVING, REFUSED, STOPPED = "driving", "refused", "stopped"  # states
MAX_LINE_BYTES = 2 ** 16  # ours have 250
KINDS = {frozenset(kind._fields): kind for kind in (RoadPrediction, CollisionPrediction)}


class RecordedFrame(NamedTuple):
    """One line."""

    path: str  #: of the picture
    sequence: int
    stamp: float  #: s, the driver's clock
    predictions: tuple  #: as in messages; empty when the frame was not answered
    command: Optional[WheelCommand]  #: as written to the wheels; None when refused or not answered
    state: str  #: DRIVING, REFUSED (too late, or after a stop) or STOPPED
    reason: Optional[str]  #: why the drive ended, on its last frame


class Recording(NamedTuple):
    """A drive, read back."""

    header: dict
    frames: List[RecordedFrame]  #: in the order of the drive
    damaged: int  #: lines that could not be read; a killed drive leaves one at most
    reason: Optional[str]  #: why the drive ended; None when that was not written


def is_recording(path):
    """Whether path is a folder that holds a recorded drive."""
    return os.path.isfile(os.path.join(path, LINES))


def recordings_in(path):
    """The recorded drives in a folder: it itself, then those in its sub-folders by name. -> list of paths."""
    if not os.path.isdir(path):
        return []
    below = [os.path.join(path, name) for name in sorted(os.listdir(path))]
    return [folder for folder in [path] + below if is_recording(folder)]


def frame_name(sequence):
    """File name of a frame's picture; in the order of the names is the order of the drive."""
    return f"{sequence:08d}.jpg"


def read_recording(folder):
    """-> Recording. Pictures are not opened. Raises DatasetError when it is none, or its header is damaged."""
    path = os.path.join(folder, LINES)
    try:
        with open(path, "rb") as stream:
            header = _object(stream.readline(MAX_LINE_BYTES))
            if header.get("format") != FORMAT:
                raise ValueError(f'its first line lacks "format": "{FORMAT}"')
            if header.get("version") != VERSION:
                raise ValueError(f"it has version {header.get('version')!r}, and {VERSION} is read here"[:100])
            frames, damaged, reason = [], 0, None
            for line in iter(lambda: stream.readline(MAX_LINE_BYTES), b""):
                try:
                    entry = _object(line)
                    if "frame" in entry:
                        frames.append(_frame(folder, entry))
                    elif entry["state"] == STOPPED:
                        reason = str(entry["reason"])
                except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
                    damaged += 1
    except OSError as error:
        raise DatasetError(f"expected a recorded drive, found that {shown(path)} cannot be read ({error.strerror})")
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"expected a recorded drive, found a damaged {shown(path)} ({error}); record it again")
    if reason is not None and frames:
        frames[-1] = frames[-1]._replace(reason=reason)
    return Recording(header, frames, damaged, reason)


def _object(line):
    """line: bytes with a line end. Raises ValueError: cut short, no JSON, no object, NaN."""
    if not line.endswith(b"\n"):
        raise ValueError("a line was cut short")
    found = json.loads(line.decode("utf-8"), parse_constant=_no_number)
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object")
    return found


def _no_number(text):
    raise ValueError(f"found {text}")


def _frame(folder, entry):
    stamp, sequence = float(entry["stamp"]), int(entry["sequence"])
    predictions = tuple(_prediction(values, stamp) for values in entry["predictions"])
    command = entry["command"]
    if command is not None:
        command = WheelCommand(float(command["left"]), float(command["right"]), stamp)
    if entry["frame"] != frame_name(sequence) or not all_finite(stamp, command or 0.0, *predictions):
        raise ValueError("expected the frame's own name and finite numbers")
    return RecordedFrame(os.path.join(folder, entry["frame"]), sequence, stamp, predictions, command,
                         str(entry["state"]), None)


def _prediction(values, stamp):
    kind = KINDS.get(frozenset(values) | {"stamp"})
    if kind is None:
        raise ValueError("expected a road or a collision prediction")
    return kind(stamp=stamp, **{name: float(value) for name, value in values.items()})
