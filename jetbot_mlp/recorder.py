"""Writes a drive to disk while it goes on, and never slows it: `recording` says what is written.

The drive thread only appends to a queue. A daemon thread of its own encodes and writes; when the disk does not
keep up, frames are left out and counted. When it refuses (full, unplugged), recording ends, says why in `note`,
and the drive goes on.
"""
import json
import os
import shutil
import threading
import time
from collections import deque

import cv2

from .errors import JetbotMLPError
from .frame_files import shown
from .recording import DRIVING, FORMAT, LINES, REFUSED, STOPPED, VERSION, frame_name, recordings_in

JPEG_QUALITY = 90
QUEUE_BYTES = 10 * 2 ** 20  # of waiting pictures: 70 of 224 x 224, two seconds of a disk that hesitates
SPARE_BYTES = 100 * 2 ** 20  # left free: a robot whose disk is full neither logs nor saves a notebook
CLOSE_S = 1.0  # for what still waits when the drive ends; `jetbot-mlp stop` kills after 1.5 s


class Recorder:
    """A Driver's on_step that records; tell it of the end with `ended`, and close it.

    folder: new or empty; in one that holds recorded drives already, a new sub-folder is made, named by the time
    (`folder` says which). So a service can record at every boot.
    about: dict for the header, may be added to until the first frame.
    patient: wait for the disk instead of leaving frames out; for the simulator, whose time stands still.
    write: callable(path, bytes) that writes a picture whole, or raises OSError.
    Raises JetbotMLPError when the folder holds something else, or nothing can be written there.

    >>> with Recorder("drive1", {"models": ["road.npz"]}) as recorder:      # doctest: +SKIP
    ...     driver = Driver(predictor, robot, camera, on_step=recorder)
    """

    def __init__(self, folder, about=(), patient=False, queue_bytes=QUEUE_BYTES, spare_bytes=SPARE_BYTES, write=None):
        self.folder = os.fspath(folder)
        self.about = dict(about)
        self.frames = 0  # written
        self.dropped = 0  # left out because the disk was slow
        self.note = None  # why recording ended before the drive
        self._patient, self._queue_bytes, self._spare_bytes = patient, queue_bytes, spare_bytes
        self._write = write_picture if write is None else write
        self._queue = deque()  # of (line dict, image or None); append and popleft need no lock
        self._last = None  # sequence of the last frame that came
        self._wake, self._closing = threading.Event(), False
        self._made, self._lines = self._open()
        self._length = 0  # bytes of whole lines
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def _open(self):
        """-> (whether the folder was made, file descriptor of the lines)."""
        made = False
        try:
            if not os.path.isdir(self.folder):
                os.mkdir(self.folder)
                made = True
            elif recordings_in(self.folder):
                self.folder = _new_folder(os.path.join(self.folder, time.strftime("%Y%m%d-%H%M%S")))
                made = True
            elif os.listdir(self.folder):
                raise JetbotMLPError("expected a folder that is new, empty or has recorded drives, found "
                                     f"{shown(self.folder)} with something else in it; name another one")
            self._check_disk()
            flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_BINARY", 0)
            return made, os.open(os.path.join(self.folder, LINES), flags, 0o644)
        except (OSError, ValueError) as error:
            if made:
                os.rmdir(self.folder)
            raise JetbotMLPError(f"expected a folder to record in, found that {shown(self.folder)} cannot be written "
                                 f"({getattr(error, 'strerror', None) or error}); name another one")

    def __call__(self, step):
        """Takes a Step of the driver; returns at once and never raises."""
        command = step.command
        self._append(step.frame, {
            "state": REFUSED if command is None else DRIVING, "latency_ms": round(1e3 * step.latency_s, 3),
            "predictions": step.predictions, "command": command})

    def ended(self, driver):
        """Notes why the driver stopped, and the frame that it looked at last, if that was never answered."""
        frame = driver.frame
        if frame is not None and frame.sequence != self._last:
            self._append(frame, {"state": STOPPED, "predictions": (), "command": None})
        self._queue.append(({"state": STOPPED, "reason": driver.status().reason or "the drive ended"}, None))
        self._wake.set()

    def close(self, patience_s=CLOSE_S):
        """Writes what still waits, for at most patience_s seconds (patient: for as long as it takes); the rest
        counts as dropped. A recording without a single frame is taken away."""
        self._closing = True
        self._wake.set()
        self._thread.join(None if self._patient else patience_s)
        waiting = self._queue
        self._queue = deque(item for item in waiting if item[1] is None)  # why it ended may still be written
        self.dropped += len(waiting) - len(self._queue)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def words(self):
        """For the live line."""
        return f"NOT RECORDING: {self.note}" if self.note else f"recorded {self.frames}, left out {self.dropped}"

    def _append(self, frame, line):
        if self.note is not None or self._closing:
            return
        most = max(1, self._queue_bytes // frame.image.nbytes)
        while self._patient and len(self._queue) >= most and self.note is None:
            time.sleep(0.001)
        self._last = frame.sequence
        if len(self._queue) >= most:
            self.dropped += 1
            return
        line.update(frame=frame_name(frame.sequence), sequence=frame.sequence, stamp=round(frame.stamp, 6))
        self._queue.append((line, frame.image))
        self._wake.set()

    def _run(self):
        try:
            while not (self._closing and not self._queue):
                self._wake.wait(0.1)
                self._wake.clear()
                while self._queue:
                    try:
                        line, image = self._queue.popleft()
                    except IndexError:  # `close` lost patience and took the queue
                        break
                    self._record(line, image)
        except OSError as error:
            self.note = f"{error.strerror or error} ({shown(self.folder)})"
        except Exception as error:  # whatever it is, driving goes on
            self.note = f"{type(error).__name__}: {error}"
        finally:
            os.close(self._lines)
            if not self.frames:
                self._take_away()

    def _record(self, line, image):
        """The picture first, then its line; nothing is left of either when one of them fails."""
        if image is None:
            if self.frames:
                self._write_line(line)
            return
        self._check_disk()
        coded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not coded:
            raise ValueError(f"OpenCV makes no JPEG of a frame {image.shape}")
        path = os.path.join(self.folder, line["frame"])
        self._write(path, jpeg.tobytes())
        try:
            if not self._length:
                self._write_line(dict({"format": FORMAT, "version": VERSION}, **self.about))
            self._write_line(dict(line, predictions=[_values(p) for p in line["predictions"]],
                                  command=line["command"] and _values(line["command"])))
        except BaseException:
            os.unlink(path)
            raise
        self.frames += 1

    def _check_disk(self):
        if shutil.disk_usage(self.folder).free < self._spare_bytes:
            raise OSError(f"the disk has less than {self._spare_bytes // 2 ** 20} MB left")

    def _write_line(self, line):
        data = json.dumps(line, allow_nan=False).encode() + b"\n"
        try:
            left = data
            while left:  # a disk that is nearly full takes a part
                left = left[os.write(self._lines, left):]
        except BaseException:
            os.ftruncate(self._lines, self._length)
            os.lseek(self._lines, self._length, os.SEEK_SET)
            raise
        self._length += len(data)

    def _take_away(self):
        try:
            os.unlink(os.path.join(self.folder, LINES))
            if self._made:
                os.rmdir(self.folder)
        except OSError:  # the disk is gone, or someone put something there
            pass


def _new_folder(path):
    """Makes it, or path-2, path-3 ...: a robot's clock may begin anew at every boot. -> which."""
    number, folder = 1, path
    while True:
        try:
            os.mkdir(folder)
            return folder
        except FileExistsError:
            number += 1
            folder = f"{path}-{number}"


def _values(message):
    return {name: round(float(value), 6) for name, value in message._asdict().items() if name != "stamp"}


def write_picture(path, data):
    """Write bytes; on an error, or when the process is killed, no half a file has the name."""
    part = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".part")
    try:
        with open(part, "wb") as stream:
            stream.write(data)
        os.replace(part, path)
    except BaseException:
        if os.path.exists(part):
            os.unlink(part)
        raise
