"""Which pictures of a source belong to a task, and with which label.

A collision frame lies in a folder blocked/ or free/ (in any case of letters), a road frame is named
xy_<x>_<y>_<uuid>.jpg.
"""
import os

from .errors import DatasetError
from .frame_files import shown
from .messages import CLASSES
from .road_names import is_road_name, parse_road_name


class LabelledFrame:
    """One readable frame on its way into the Dataset; label: class index, or (x, y) as in the name; row: of its
    source's thumbnails."""

    __slots__ = ("name", "source", "file", "label", "digest", "size", "row")  # there may be 100,000

    def __init__(self, name, source, file, label, digest, size, row):
        self.name, self.source, self.file, self.label = name, source, file, label
        self.digest, self.size, self.row = digest, size, row


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


def _class_of(folder, path):
    """Class index by the name of the folder that holds a file ('' for the source itself), or None."""
    parent = (folder.rpartition("/")[2] or _base(path)).lower()
    return CLASSES["collision"].index(parent) if parent in CLASSES["collision"] else None


def find_labelled(task, files, path, title, notes):
    """([(name, file, label)], [(name, reason)]): this task's files, and those of them with bad names."""
    labelled, wrong, others = [], [], 0
    names, class_of = set(), {}
    for file in files:
        name = "%s/%s" % (title, shown(file.path))
        while name in names:  # a zip may hold two members of one name
            name += "'"
        names.add(name)
        if task == "collision":
            folder = file.folder
            if folder not in class_of:
                class_of[folder] = _class_of(folder, path)
            label = class_of[folder]
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
    notes.extend("%s: %s" % (title, note) for note in files.notes)
    return labelled, wrong


def nothing_found(task, files, path):
    n_road = sum(is_road_name(file.file_name) for file in files)
    n_collision = sum(_class_of(file.folder, path) is not None for file in files)
    wanted = ("pictures in folders blocked/ and free/" if task == "collision"
              else "pictures named xy_<x>_<y>_<uuid>.jpg")
    if task == "collision" and n_road:
        found, remedy = "%d named xy_*" % n_road, "this looks like a road dataset; train road"
    elif task == "road" and n_collision:
        found = "%d in blocked/ and free/" % n_collision
        remedy = "this looks like a collision dataset; train collision"
    elif files:
        found = "%d other pictures, such as %s" % (len(files), shown(files[0].path))
        remedy = "pass the folder that the robot wrote, or " + (
            "put them into such folders" if task == "collision" else
            "rename them: x and y are whole numbers, in pixels or percent of the frame")
    else:
        found, remedy = "no picture (.jpg, .jpeg, .png)", "pass the folder that the robot wrote, or its zip"
    return "expected %s in %s, found %s; %s" % (wanted, shown(path), "; ".join([found] + files.notes), remedy)
