"""Which pictures of a source belong to a task, with which label; and reading them.

A collision frame lies in a folder blocked/ or free/ (in any case of letters), a road frame is named
xy_<x>_<y>_<uuid>.jpg. Frames are decoded by a few threads: OpenCV lets go of Python's lock.
"""
import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from .errors import DatasetError
from .features import shrink
from .frame_files import shown
from .messages import CLASSES
from .pictures import decode_picture
from .road_names import is_road_name, parse_road_name

_THREADS = min(4, os.cpu_count() or 1)


class LabelledFrame:
    """One readable frame on its way into the Dataset; label: class index, or (x, y) as in the name."""

    def __init__(self, name, source, file, label, digest, size, thumbnail):
        self.name, self.source, self.file, self.label = name, source, file, label
        self.digest, self.size, self.thumbnail = digest, size, thumbnail


def titles_of(paths):
    """Short unique names of the sources, to begin the names of their frames with."""
    titles = []
    for path in paths:
        base = shown(_base(path)) or "frames"
        title, count = base, 2
        while title in titles:
            title, count = "%s (%d)" % (base, count), count + 1
        titles.append(title)
    return titles


def _base(path):
    return os.path.basename(os.path.abspath(os.fspath(path)))


def _class_of(file, path):
    """Class index by the folder that holds the file (it may be the source itself), or None."""
    parent = (file.folder.rpartition("/")[2] or _base(path)).lower()
    return CLASSES["collision"].index(parent) if parent in CLASSES["collision"] else None


def find_labelled(task, files, path, title, notes):
    """([(name, file, label)], [(name, reason)]): this task's files, and those of them with bad names."""
    labelled, wrong, others = [], [], 0
    names = set()
    for file in files:
        name = "%s/%s" % (title, shown(file.path))
        while name in names:  # a zip may hold two members of one name
            name += "'"
        names.add(name)
        if task == "collision":
            label = _class_of(file, path)
        else:
            try:
                label = parse_road_name(file.file_name) if is_road_name(file.file_name) else None
            except DatasetError as error:
                wrong.append((name, str(error)))
                continue
        if label is None:
            others += 1
        else:
            labelled.append((name, file, label))
    if others and labelled:
        what = "directly in blocked/ or free/" if task == "collision" else "named xy_<x>_<y>_<uuid>"
        notes.append("%s: %d pictures left out that are not %s" % (title, others, what))
    return labelled, wrong


def nothing_found(task, files, path):
    n_road = sum(is_road_name(file.file_name) for file in files)
    n_collision = sum(_class_of(file, path) is not None for file in files)
    wanted = ("pictures in folders blocked/ and free/" if task == "collision"
              else "pictures named xy_<x>_<y>_<uuid>.jpg")
    if task == "collision" and n_road:
        found, remedy = "%d named xy_*" % n_road, "this looks like a road dataset; train road"
    elif task == "road" and n_collision:
        found = "%d in blocked/ and free/" % n_collision
        remedy = "this looks like a collision dataset; train collision"
    elif files:
        found, remedy = "%d other pictures" % len(files), "pass the folder that the robot wrote"
    else:
        found, remedy = "no picture (.jpg, .jpeg, .png)", "pass the folder that the robot wrote, or its zip"
    return "expected %s in %s, found %s; %s" % (wanted, shown(path), found, remedy)


def read_labelled(labelled, source, title, records, skipped, progress):
    """Append to ``records`` what can be read and to ``skipped`` what cannot, in the order of ``labelled``."""
    known = {record.digest: record.thumbnail for record in records}

    def load(item):
        name, file, label = item
        try:
            data = file.read()
            image = decode_picture(data)
            return LabelledFrame(name, source, file, label, hashlib.sha256(data).digest(),
                           (image.shape[1], image.shape[0]), shrink(image))
        except DatasetError as error:
            return name, str(error)

    with ThreadPoolExecutor(_THREADS) as pool:
        results = pool.map(load, labelled)
        if progress is not None:
            results = progress(results, total=len(labelled), desc=title)
        for result in results:
            if isinstance(result, tuple):
                skipped.append(result)
                continue
            # Copies are kept until their targets have been compared, but share one thumbnail.
            result.thumbnail = known.setdefault(result.digest, result.thumbnail)
            records.append(result)
