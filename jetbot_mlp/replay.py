"""Recorded frames + a model -> a video with the predictions drawn on it."""
import os
from typing import List, NamedTuple, Tuple

import cv2

from .capture_time import capture_times
from .errors import DatasetError
from .frame_files import open_frame_files, shown
from .messages import Frame
from .overlay import draw
from .pictures import decode_picture
from .video import CODECS, VideoWriter, iter_video

SIDE = 448  #: px of the video's frames, so that the words on them can be read


class Replay(NamedTuple):
    """What was written."""

    frames: int
    skipped: List[Tuple[str, str]]  #: file name and why it was not shown


def replay(predictor, frames, out, frame_rate_hz, progress=None):
    """Write the video whole or not at all.

    frames: a folder or zip file of pictures, shown in order of capture, or a video file.
    Returns Replay. Raises DatasetError when there is nothing to show.
    """
    shown_frames, skipped = 0, []
    is_video = os.path.isfile(frames) and os.path.splitext(frames)[1].lower() in CODECS
    pictures = iter_video(frames) if is_video else _recorded(frames, skipped, progress)
    try:
        with VideoWriter(out, frame_rate_hz) as video:
            for image in pictures:
                prediction = predictor(Frame(image, shown_frames / frame_rate_hz, shown_frames))
                video.write(draw(cv2.resize(image, (SIDE, SIDE)), (prediction,)))
                shown_frames += 1
            if not shown_frames:
                raise DatasetError(f"expected pictures to replay, found none readable in {shown(frames)} "
                                   f"({len(skipped)} damaged); give a folder, zip or video of frames")
    finally:
        pictures.close()
    return Replay(shown_frames, skipped)


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
