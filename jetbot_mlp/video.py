"""Write and read videos with nothing but OpenCV; a video appears whole or not at all.

Take ``.webm`` (VP8): it is the only kind that both OpenCV's wheels write and browsers play. The wheels
have no H.264, and browsers play neither the MPEG-4 part 2 of ``.mp4`` nor the Motion JPEG of ``.avi``; those
two are for other players and cost about 1 ms per frame of 448x224. VP8 costs 5 ms where the picture moves
smoothly and 30 ms where every frame is another scene (one core of a laptop).
"""
import os
from contextlib import contextmanager

import cv2
import numpy as np

from .errors import JetbotMLPError

CODECS = {".webm": "VP80", ".mp4": "mp4v", ".avi": "MJPG"}  #: file ending -> FourCC


@contextmanager
def _quiet():
    """Swallow what OpenCV's C++ side prints to file descriptor 2 (it warns about VP8 that works)."""
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all: nothing to hush
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)
        os.close(null)


@contextmanager
def _silent_log():
    """Silence OpenCV's own log, which warns of every frame that a full disk refuses; others may print."""
    log = getattr(getattr(cv2, "utils", None), "logging", cv2)
    if not hasattr(log, "setLogLevel"):  # OpenCV 4.1
        yield
        return
    level = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)


def _check_name(path):
    try:
        path.encode("utf-8"), os.fsencode(path)
    except UnicodeEncodeError:  # OpenCV would crash the process
        raise JetbotMLPError("expected a video's path in UTF-8, found {}: rename it, or set LC_ALL=C.UTF-8"
                             .format(ascii(path)))


class VideoWriter:
    """``with VideoWriter('drive.webm', 30.0) as video: video.write(frame)``

    The frames go to a hidden file beside ``path``, which takes its place when the block ends well; an
    exception or Ctrl-C in the block removes it and leaves an older video as it was.
    Raises JetbotMLPError for an unknown file ending, a name that can't be encoded, a missing folder, a codec
    that this OpenCV lacks, or no frame at all.
    """

    def __init__(self, path, frame_rate_hz=30.0):
        self.path = os.fspath(path)
        self.frame_rate_hz = float(frame_rate_hz)
        folder, name = os.path.split(os.path.abspath(self.path))
        _check_name(os.path.join(folder, name))
        self._ending = os.path.splitext(name)[1].lower()
        if self._ending not in CODECS:
            raise JetbotMLPError("expected a video file ending in {}, found '{}': rename it, best to .webm"
                                 .format(", ".join(sorted(CODECS)), name))
        if not os.path.isdir(folder):
            raise JetbotMLPError("expected a folder for the video, found no '{}': make it first"
                                 .format(folder))
        if not self.frame_rate_hz > 0:
            raise ValueError("expected frame_rate_hz > 0, found {}: pass frames per second"
                             .format(frame_rate_hz))
        # OpenCV chooses the container by the ending, so the temporary name keeps it
        self._temporary = os.path.join(folder, ".{}.{}.part{}".format(name, os.getpid(), self._ending))
        self._writer, self._shape, self._written = None, None, 0

    def __enter__(self):
        return self

    def write(self, frame):
        """Append one frame: uint8 (H, W, 3) BGR, all of one size (the first decides)."""
        if frame.dtype != np.uint8 or frame.ndim != 3 or frame.shape[2] != 3:
            raise ValueError("expected uint8 (H, W, 3), found {} {}: pass a BGR picture"
                             .format(frame.dtype, frame.shape))
        if self._writer is None:
            self._open(frame.shape)
        if frame.shape != self._shape:
            raise ValueError("expected {} as the first frame was, found {}: resize it"
                             .format(self._shape, frame.shape))
        height, width = self._size
        with _silent_log():  # _verify will notice what did not arrive
            self._writer.write(np.ascontiguousarray(frame[:height, :width]))
        self._written += 1

    def _open(self, shape):
        self._shape = shape
        self._size = (shape[0] // 2 * 2, shape[1] // 2 * 2)  # these codecs halve the colour: even sizes only
        fourcc = cv2.VideoWriter_fourcc(*CODECS[self._ending])
        with _quiet():
            self._writer = cv2.VideoWriter(self._temporary, fourcc, self.frame_rate_hz,
                                           (self._size[1], self._size[0]))
        if not self._writer.isOpened():
            raise JetbotMLPError(
                "expected an OpenCV that writes {} video ({}), found {} without that codec: choose another "
                "ending ({}) or, on a laptop, pip install opencv-python-headless".format(
                    self._ending, CODECS[self._ending], cv2.__version__, ", ".join(sorted(CODECS))))

    def _verify(self):
        if self._writer is None:
            raise JetbotMLPError("expected at least one frame for '{}', found none: write() before the block "
                                 "ends".format(self.path))
        arrived = 0
        with _quiet():
            video = cv2.VideoCapture(self._temporary)
            while video.grab():
                arrived += 1
            video.release()
        if arrived < self._written:  # OpenCV itself reports nothing when the disk is full
            raise JetbotMLPError("expected {} frames in '{}', found {}: is the disk full?"
                                 .format(self._written, self.path, arrived))

    def __exit__(self, kind, error, traceback):
        try:
            if self._writer is not None:
                with _silent_log():
                    self._writer.release()
            if kind is None:
                self._verify()
                os.replace(self._temporary, self.path)
        finally:
            if os.path.exists(self._temporary):
                os.remove(self._temporary)


def iter_video(path):
    """Yield the frames of a video one after another: uint8 (H, W, 3) BGR.

    Raises JetbotMLPError when the file is missing, its name can't be encoded, or OpenCV can't read a single
    frame of it.
    """
    path = os.fspath(path)
    _check_name(path)
    with _quiet():
        video = cv2.VideoCapture(path) if os.path.isfile(path) else None
    try:
        found, frame = video.read() if video is not None else (False, None)
        if not found:
            why = "no such file" if video is None else "no frames in it"
            raise JetbotMLPError("expected a video that OpenCV can read, found '{}' ({}): check the path"
                                 .format(path, why))
        while found:
            yield frame
            found, frame = video.read()
    finally:
        if video is not None:
            video.release()
