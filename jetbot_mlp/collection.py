"""A folder of frames while it is being collected: save, take back, label anew, leave out, count, zip.

    frames = Collection("dataset", "collision")
    frames.save(camera.value, "blocked")          # dataset/blocked/<uuid1>.jpg
    roads = Collection("dataset_xy", "road")
    roads.save(camera.value, (150, 120))          # dataset_xy/xy_150_120_<uuid1>.jpg, in px of the 224 picture

The official folders and names, which `load_dataset` reads. A frame is there whole or not at all, and deleted is
only what this object has saved itself and `undo` takes back. A frame to be left out stays where it is: its name goes
into the list `exclude.txt` in the folder, which `train`, `evaluate` and `crossvalidate` take as --exclude.
"""
import errno
import os
import re
import shutil
import threading
import uuid
import zipfile
from collections import deque

import cv2

from .capture_time import natural_key, uuid1_time_s
from .errors import DatasetError, JetbotMLPError
from .exclusion import EXCLUDE_LIST, line_for, read_exclude_list
from .frame_files import shown
from .labelled_frames import titles_of
from .messages import CLASSES
from .pictures import SUFFIXES, decode_picture
from .road_names import decide_xy, parse_road_name
from .text_files import write_whole

SIDE = 224  # px; what the official camera gives and road names count in
JPEG_QUALITY = 95  # OpenCV's own, as the official notebooks save
UNDO = 50  # actions that can be taken back
SPARE_BYTES = 20 * 2 ** 20  # left free on the disk: Jupyter must still save the notebook
FEW, ENOUGH = 20, 100  # frames of one kind: below nothing can be said; from here training makes sense
UNEVEN = {"collision": 1.5, "road": 4.0}  # times as many of one kind as of another; most roads go ahead
REMEDIES = {errno.ENOSPC: "free some space (old zips, recordings)", errno.EDQUOT: "free some space",
            errno.EACCES: "name a folder that you may write to", errno.EPERM: "name a folder that you may write to",
            errno.ENOTDIR: "name a folder, not a file",
            errno.EROFS: "name a folder on another disk", errno.ENOENT: "look into the folder, the file is gone"}


class Collection:
    """Frames of one task in one folder, which is made at the first save.

    folder: path; task: 'collision' or 'road'. Names below are those in the folder, 'blocked/<uuid1>.jpg'. A label is
    'blocked' or 'free', or for the road the target (x, y) in px of the 224 picture.
    Raises DatasetError when the folder is a file, or its road names count 0..100.
    """

    def __init__(self, folder, task):
        if task not in ("collision", "road"):
            raise ValueError(f"task: expected 'collision' or 'road', found {task!r}")
        self.folder, self.task = os.fspath(folder), task
        self._undo = deque(maxlen=UNDO)  # of (words, callable)
        self._lock = threading.RLock()
        if os.path.lexists(self.folder) and not os.path.isdir(self.folder):
            raise DatasetError(f"expected a folder to collect in, found a file at {shown(self.folder)}; name another")
        if task == "road":
            self._refuse_percent_names()

    def save(self, image, label):
        """uint8 (H, W, 3) BGR -> path of the file; another size is brought to 224 x 224.

        Raises DatasetError when the disk refuses; then nothing of the frame is left there.
        """
        name = self._name(label, f"{uuid.uuid1()}.jpg")
        if image.shape[:2] != (SIDE, SIDE):
            image = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
        with self._lock:
            path = self._path(name)
            with self._refusals("save a frame"):
                os.makedirs(os.path.dirname(path), exist_ok=True)
                _check_space(self.folder, len(data))
                write_whole(path, data)
            self._undo.append((f"{name} is deleted again", lambda: os.unlink(self._path(name))))
        return path

    def undo(self):
        """Takes the last action back. -> what was done, in words, or None when there is nothing to take back."""
        with self._lock:
            if not self._undo:
                return None
            words, back = self._undo.pop()
            with self._refusals("take the last action back"):
                back()
            return words

    @property
    def n_undo(self):
        """How many actions can be taken back."""
        return len(self._undo)

    def relabel(self, name, label):
        """Gives a frame another label -> its new name. The picture and its capture time stay as they are."""
        with self._lock:
            new = self._name(label, _after_label(name, self.task))
            if new != name:
                self._rename(name, new)
                self._undo.append((f"{name} has its old label again", lambda: self._rename(new, name)))
        return new

    def exclude(self, name, leave_out=True):
        """Writes a frame into the list of those to leave out, or (leave_out=False) takes it from there."""
        with self._lock:
            if (name in self.excluded()) == leave_out:
                return
            self._list(name, leave_out)
            words = f"{name} is {'no longer left out' if leave_out else 'left out again'}"
            self._undo.append((words, lambda: self._list(name, not leave_out)))

    def excluded(self):
        """-> set of the names that the list leaves out and that are there."""
        if not os.path.exists(self.exclude_path):
            return set()
        begin = self._title + "/"
        listed = {line[len(begin):] for line in read_exclude_list(self.exclude_path) if line.startswith(begin)}
        return {name for name in self._scan() if shown(name) in listed}

    @property
    def exclude_path(self):
        """Where the list is, or will be: for --exclude."""
        return os.path.join(self.folder, EXCLUDE_LIST)

    def names(self):
        """-> list of all frames of the task in the folder, in the order in which they were taken."""
        return sorted(self._scan(), key=lambda name: (uuid1_time_s(name) or 0.0, natural_key(name)))

    def _scan(self):
        """Names in any order."""
        kinds = CLASSES["collision"] if self.task == "collision" else ("",)
        found = []
        for kind in kinds:
            try:
                files = os.listdir(os.path.join(self.folder, kind))
            except (FileNotFoundError, NotADirectoryError):
                continue
            except OSError as error:
                raise DatasetError(f"expected to look into {shown(os.path.join(self.folder, kind))}, found: "
                                   f"{error.strerror or error}; name a folder that you may read")
            found += [kind + "/" + file if kind else file for file in files
                      if file.lower().endswith(SUFFIXES) and not file.startswith(".") and self._is_labelled(file)]
        return found

    def label_of(self, name):
        """-> 'blocked' or 'free', or (x, y)."""
        return name.partition("/")[0] if self.task == "collision" else parse_road_name(name)

    def read(self, name):
        """-> the frame, uint8 (H, W, 3) BGR. Raises DatasetError when it cannot be read."""
        with self._refusals(f"read {shown(name)}"):
            with open(self._path(name), "rb") as stream:
                return decode_picture(stream.read())

    def counts(self):
        """-> dict: how many frames of each kind there are, without those left out: blocked and free, or left,
        ahead and right (a third of the picture each, by the target's x)."""
        left_out = self.excluded()
        labels = [self.label_of(name) for name in self._scan() if name not in left_out]
        if self.task == "collision":
            return {kind: labels.count(kind) for kind in CLASSES["collision"]}
        thirds = [min(2, 3 * x // SIDE) for x, _ in labels]
        return {kind: thirds.count(i) for i, kind in enumerate(("left", "ahead", "right"))}

    def zip(self, path=None):
        """Packs all frames but those left out -> path of the zip; None: beside the folder, under its name.

        Its predecessor stays until the new one is complete. Raises DatasetError when the disk refuses.
        """
        path = os.path.abspath(self.folder) + ".zip" if path is None else os.fspath(path)
        part = os.path.join(os.path.dirname(os.path.abspath(path)), "." + os.path.basename(path) + ".part")
        left_out = self.excluded()
        names = [name for name in self.names() if name not in left_out]
        if not names:
            raise DatasetError(f"expected frames to zip, found none in {shown(self.folder)}; save some first")
        with self._refusals("write the zip"):
            try:
                _check_space(os.path.dirname(part), sum(os.path.getsize(self._path(name)) for name in names))
                with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:  # JPEGs shrink no more
                    for name in names:
                        archive.write(self._path(name), f"{self._title}/{name}")
                os.replace(part, path)
            finally:
                if os.path.exists(part):
                    os.unlink(part)
        return path

    @property
    def _title(self):
        return titles_of([self.folder])[0]

    def _path(self, name):
        return os.path.join(self.folder, *name.split("/"))

    def _name(self, label, rest):
        if self.task == "collision":
            if label not in CLASSES["collision"]:
                raise ValueError(f"label: expected 'blocked' or 'free', found {label!r}")
            return f"{label}/{rest}"
        x, y = (int(round(float(v))) for v in label)
        if not (0 <= x < SIDE and 0 <= y < SIDE):
            raise ValueError(f"label: expected a target within 0..{SIDE - 1} px, found ({x}, {y})")
        return f"xy_{x:03d}_{y:03d}_{rest}"

    def _is_labelled(self, file):
        if self.task == "collision":
            return True
        try:
            return bool(parse_road_name(file))
        except DatasetError:
            return False

    def _rename(self, old, new):
        with self._refusals("give a frame another label"):
            if os.path.exists(self._path(new)):
                raise DatasetError(f"expected no {shown(new)} yet, found one; look at both")
            listed = old in self.excluded()
            os.makedirs(os.path.dirname(self._path(new)), exist_ok=True)
            os.rename(self._path(old), self._path(new))
            if listed:
                self._list(new, True)

    def _list(self, name, leave_out):
        """The list with or without a frame; lines for frames that are gone are dropped, for `load_dataset` refuses
        those. Lines for other folders stay."""
        with self._refusals("write the list of frames to leave out"):
            lines = read_exclude_list(self.exclude_path) if os.path.exists(self.exclude_path) else []
            begin = self._title + "/"
            names = self.excluded() - {name} | ({name} if leave_out else set())
            lines = [line for line in lines if not line.startswith(begin)]
            lines += sorted(line_for(begin + each) for each in names)
            write_whole(self.exclude_path, "# frames to leave out: give this file as --exclude\n"
                        + "".join(line + "\n" for line in lines))

    def _refuse_percent_names(self):
        points = [parse_road_name(name) for name in self._scan()]
        try:
            percent = decide_xy(points, [SIDE] * len(points), self.folder) == "percent" if points else False
        except DatasetError:  # too few to tell, or both already: training asks
            percent = False
        if percent:
            raise DatasetError(f"expected road names that count pixels, found {len(points)} in {shown(self.folder)} "
                               "that count 0..100, which would be mixed with new ones; name another folder")

    def _refusals(self, what):
        return _Refusals(what, self.folder)


class _Refusals:
    """Makes one clear DatasetError of what the disk says."""

    def __init__(self, what, folder):
        self.what, self.folder = what, folder

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        if isinstance(error, (OSError, JetbotMLPError)) and not isinstance(error, DatasetError):
            said = getattr(error, "strerror", None) or error
            remedy = REMEDIES.get(getattr(error, "errno", None), "look at the folder and the disk")
            raise DatasetError(f"expected to {self.what} in {shown(self.folder)}, found: {said}; {remedy}") from error
        if isinstance(error, UnicodeError):  # bytes of another computer's alphabet
            raise DatasetError(f"expected to {self.what} in {shown(self.folder)}, found a file name there that is not "
                               "UTF-8; rename that file") from error
        return False


def balance(counts):
    """Are there enough frames, and as many of each kind? -> (words, fine: bool). counts: of `Collection.counts`."""
    words = ", ".join(f"{n} {kind}" for kind, n in counts.items())
    uneven = UNEVEN["collision" if "blocked" in counts else "road"]
    most, fewest = max(counts.values()), min(counts.values())
    fewer = [kind for kind, n in counts.items() if n * uneven < most]
    if most < FEW:
        return f"{words}: go on, {ENOUGH} of each make a good start", True
    if fewer:
        return f"{words}: take more {' and '.join(fewer)}", False
    more = "" if fewest >= ENOUGH else f" so far, {ENOUGH} of each make a good start"
    return f"{words}: fine{more}", True


def _after_label(name, task):
    """What stays of a frame's name when its label changes: '<uuid1>.jpg'."""
    return name.rpartition("/")[2] if task == "collision" else re.sub("^xy_[0-9]+_[0-9]+[_-]?", "", name, flags=re.I)


def _check_space(folder, size):
    if shutil.disk_usage(folder).free < size + SPARE_BYTES:
        raise OSError(errno.ENOSPC, f"less than {SPARE_BYTES // 2 ** 20} MB left on the disk")
