"""Recorded frames + a model -> a video with the predictions drawn on it.

On a recorded drive (`recording`) both are drawn and compared: what the robot's model said then, and what this one
says now. Recorded frames are JPEGs, so even the same model answers a little differently.
"""
import os
from typing import List, NamedTuple, Optional, Tuple

import cv2

from .capture_time import capture_times
from .control import DEFAULT_SETTINGS
from .errors import DatasetError
from .frame_files import open_frame_files, shown
from .messages import Frame
from .metrics import PX_PER_UNIT
from .overlay import draw, draw_both
from .pictures import decode_picture
from .recording import read_recording, recordings_in
from .video import CODECS, VideoWriter, iter_video

SIDE = 448  #: px of the video's frames, so that the words on them can be read
FRAME_RATE_HZ = 10.0  #: where nothing tells how fast the frames were taken


class Replay(NamedTuple):
    """What was written."""

    frames: int
    skipped: List[Tuple[str, str]]  #: file name and why it was not shown
    frame_rate_hz: float
    comparison: Optional[dict]  #: see `compared`; None unless a model was held against a recorded drive


def replay(predictor, frames, out, frame_rate_hz=None, progress=None):
    """Write the video whole or not at all.

    predictor: a `Predictor`; None shows a recorded drive as it was. frames: a recorded drive, or a folder with
    one of them in it; a folder or zip
    file of pictures, shown in order of capture; or a video file. frame_rate_hz: None: a recorded drive's own.
    Returns Replay. Raises DatasetError when there is nothing to show.
    """
    pairs, skipped = [], []
    drives = recordings_in(frames)
    if len(drives) > 1 and drives[0] != frames:
        raise DatasetError(f"expected one recorded drive, found {len(drives)} in {shown(frames)}; name one of them: "
                           f"{shown(', '.join(os.path.basename(drive) for drive in drives))}")
    frames = drives[0] if drives else frames
    recording = read_recording(frames) if drives else None
    if recording is not None:
        pictures = _of_recording(frames, recording, skipped, progress)
        frame_rate_hz = frame_rate_hz or _rate_of(recording)
        if recording.damaged:
            skipped.append(("drive.jsonl", f"{recording.damaged} damaged lines"))
    elif predictor is None:
        raise DatasetError(f"expected a recorded drive, found none at {shown(frames)}; give a model, then the frames")
    else:
        is_video = os.path.isfile(frames) and os.path.splitext(frames)[1].lower() in CODECS
        pictures = iter_video(frames) if is_video else _recorded(frames, skipped, progress)
        pictures = ((image, None) for image in pictures)
        frame_rate_hz = frame_rate_hz or FRAME_RATE_HZ
    n_shown = 0
    try:
        with VideoWriter(out, frame_rate_hz) as video:
            for image, then in pictures:
                stamp, sequence = (n_shown / frame_rate_hz, n_shown) if then is None else (then.stamp, then.sequence)
                now = () if predictor is None else (predictor(Frame(image, stamp, sequence)),)
                if then is not None and now:
                    pairs += [(old, now[0]) for old in then.predictions if type(old) is type(now[0])]
                video.write(_drawn(cv2.resize(image, (SIDE, SIDE)), then, now))
                n_shown += 1
            if not n_shown:
                raise DatasetError(f"expected pictures to replay, found none readable in {shown(frames)} "
                                   f"({len(skipped)} damaged); give a recorded drive, or a folder, zip or video")
    finally:
        pictures.close()
    comparison = None if recording is None or predictor is None else compared(predictor.task, pairs)
    return Replay(n_shown, skipped, frame_rate_hz, comparison)


def compared(task, pairs):
    """How far new predictions are from old ones. pairs: list of (old, new) of one task.

    Returns task, frames and mean absolute differences: road: x_px, y_px (px of a 224 px frame); collision:
    prob_blocked, and blocked_differs, the share of frames that one calls blocked and the other free. None
    where there is nothing to compare.
    """
    def mean(values):
        return round(float(sum(values)) / len(pairs), 4) if pairs else None

    result = {"task": task, "frames": len(pairs)}
    if task == "road":
        result["x_px"] = mean([abs(new.x - old.x) * PX_PER_UNIT for old, new in pairs])
        result["y_px"] = mean([abs(new.y - old.y) * PX_PER_UNIT for old, new in pairs])
    else:
        limit = DEFAULT_SETTINGS.collision.threshold
        result["blocked_differs"] = mean([(new.prob_blocked >= limit) != (old.prob_blocked >= limit)
                                          for old, new in pairs])
        result["prob_blocked"] = mean([abs(new.prob_blocked - old.prob_blocked) for old, new in pairs])
    return result


def _drawn(picture, then, now):
    if then is None:
        return draw(picture, now)
    text = f"stopped: {then.reason}" if then.reason else None if then.state == "driving" else then.state
    if now:
        return draw_both(picture, then.predictions, now, command=then.command, text=text)
    return draw(picture, then.predictions, then.command, text=text)


def _rate_of(recording):
    """Frames a second at which the video lasts as long as the drive."""
    stamps = [frame.stamp for frame in recording.frames]
    span = stamps[-1] - stamps[0] if stamps else 0.0
    return min(max((len(stamps) - 1) / span, 1.0), 240.0) if span > 0.0 else FRAME_RATE_HZ


def _of_recording(folder, recording, skipped, progress):
    """Yield (picture, RecordedFrame); name the unreadable in skipped."""
    with open_frame_files(folder) as files:
        by_name = {file.path: file for file in files}
        frames = recording.frames
        for frame in frames if progress is None else progress(frames, total=len(frames), desc="replaying"):
            name = os.path.basename(frame.path)
            try:
                if name not in by_name:
                    raise DatasetError("no such picture")
                yield decode_picture(by_name[name].read()), frame
            except DatasetError as error:
                skipped.append((name, str(error)))


def _recorded(path, skipped, progress):
    """Yield the pictures of a folder or zip file in order of capture; name the unreadable in skipped."""
    with open_frame_files(path) as files:
        if not files:
            return
        times_s = capture_times([file.file_name for file in files], [file.modified_s for file in files])[0]
        in_order = [files[i] for i in times_s.argsort(kind="mergesort")]
        bar = in_order if progress is None else progress(in_order, total=len(in_order), desc="replaying")
        for file in bar:
            try:
                yield decode_picture(file.read())
            except DatasetError as error:
                skipped.append((file.path, str(error)))
