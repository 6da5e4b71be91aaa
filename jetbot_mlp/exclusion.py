"""Lists of frames to leave out, as `--exclude` takes them: nothing is deleted from the disk.

A text file with one name of a frame a line, as the program prints it (``folder/blocked/a.jpg``, with odd bytes and
line ends as `shown` writes them); empty lines and everything from a ``#`` on that stands at the beginning of the line
or after a space is left unread.
"""
import os
import re

from .errors import DatasetError
from .frame_files import shown

EXCLUDE_LIST = "exclude.txt"  # in a folder of frames, as `collection` writes it
MAX_LIST_BYTES = 32 * 2 ** 20
_COMMENT = re.compile(r"\s+#")


def line_for(name):
    """A frame's name, ``folder/blocked/a.jpg``, as the line that means it. Raises DatasetError when no line can."""
    line = shown(name)
    if line.startswith("#") or line != line.strip():
        raise DatasetError("expected a name that a list of frames to leave out can hold, found %r, whose # or space at "
                           "an end would not be read; give the folder or the file another name" % line)
    return line


def read_exclude_list(path):
    """The lines of a list that name a frame -> list of str. DatasetError when it cannot be read."""
    try:
        with open(path, "rb") as stream:
            data = stream.read(MAX_LIST_BYTES + 1)
    except OSError as error:
        raise DatasetError("expected a list of frames to leave out, found %s, which cannot be read (%s); write one "
                           "with 'jetbot-mlp suspects'" % (shown(path), error.strerror or error))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if len(data) > MAX_LIST_BYTES or "\0" in text:
        raise DatasetError("expected a text file (UTF-8) with one name of a frame a line, found %s; pass the list, "
                           "not a picture or a model" % shown(path))
    lines = [line.strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


def names_left_out(folders):
    """The lines of the lists that lie in these folders themselves, for `load_dataset(exclude=...)` -> list of str.

    Folders without one, zip files and paths that do not exist have none.
    """
    lists = [os.path.join(folder, EXCLUDE_LIST) for folder in folders]
    return [line for path in lists if os.path.isfile(path) for line in read_exclude_list(path)]


def names_to_leave_out(lines, known, titles):
    """Which of the ``known`` names the lines of a list mean -> (set of names, list of names for other folders).

    lines: list of str, names, each with or without a comment; known: names of frames; titles: the first parts
    of the names in known, one a folder or zip file read. A list may be for more folders than are read now: lines
    with another first part are passed over. Raises DatasetError when a line with one of these first parts names
    no frame, for a slip of the pen must not leave a frame in that its owner believes to be out.
    """
    known, found, missing, elsewhere = set(known), set(), [], []
    for line in lines:
        # a file's name may hold ' #' itself, so the longest beginning that is a name counts
        ends = [len(line)] + [match.start() for match in reversed(list(_COMMENT.finditer(line)))]
        name = next((line[:end] for end in ends if line[:end] in known), None)
        if name is not None:
            found.add(name)
        elif line.split("/")[0] in titles:
            missing.append(line[:ends[-1]])
        else:
            elsewhere.append(line[:ends[-1]])
    if missing:
        example = " such as %s," % min(known) if known else ""
        raise DatasetError("expected names of frames to leave out as they are printed,%s found %d that %s no frame: "
                           "%s%s; give the folders in the order as when the list was made, or correct or delete these "
                           "lines" % (
                               example, len(missing), "is" if len(missing) == 1 else "are",
                               ", ".join(shown(name) for name in missing[:5]), ", ..." if len(missing) > 5 else ""))
    return found, elsewhere


def check_some_left_out(path, excluded):
    """DatasetError when a list has lines and none of them named a frame; excluded: how many frames were left out."""
    lines = read_exclude_list(path) if excluded == 0 else []
    if lines:
        raise DatasetError("expected names of frames to leave out in %s, found %d lines and none of these folders, "
                           "such as %s; give the same folders or zip files, in the same order, as when the list was "
                           "made, or leave --exclude out" % (shown(path), len(lines), shown(lines[0])))
