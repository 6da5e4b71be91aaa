"""Finds the pictures in a folder or a zip file; a zip is read in place, nothing is unpacked."""
import calendar
import functools
import lzma
import os
import stat
import threading
import zipfile
import zlib
from collections import OrderedDict, deque
from contextlib import contextmanager
from typing import Callable, NamedTuple, Optional, Tuple

from .capture_time import natural_key
from .errors import DatasetError
from .messages import CLASSES
from .pictures import MAX_FILE_BYTES, OTHER_SUFFIXES, SUFFIXES

_MAX_FOLDERS = 10000  # people pass the parent, or its parent, but not their whole disk
_MAX_ZIP_RATIO = 100  # pictures are compressed already; what shrinks this far is a bomb
_ZIP_ERRORS = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError, ValueError)


class FrameFile(NamedTuple):
    """One picture file, not read yet."""

    path: str  #: below the source, with '/': 'blocked/a.jpg'
    modified_s: Optional[float]  #: s since 1970, or None
    read: Callable[[], bytes]  #: all its bytes; raises DatasetError with a short reason
    #: (bytes, times in ns of the last change of contents and of anything, file number) of the file, or of the zip
    #: that it lies in; another one: perhaps another picture. None when the system does not tell
    stamp: Optional[Tuple[int, int, int, int]] = None

    @property
    def folder(self):
        return self.path.rpartition("/")[0]

    @property
    def file_name(self):
        return self.path.rpartition("/")[2]


class FrameFiles(list):
    """The FrameFiles of a source in natural order. notes: list of str, for people: what was not looked into."""

    def __init__(self, files, notes=()):
        super().__init__(sorted(files, key=lambda file: natural_key(file.path)))
        self.notes = list(notes)


@contextmanager
def open_frame_files(path):
    """``with open_frame_files(path) as files``: FrameFiles, readable inside.

    Left out: hidden files and folders ('._a.jpg', '.ipynb_checkpoints' with JupyterLab's copies),
    '__MACOSX', other suffixes than those of pictures; other formats are there, and decoding refuses them by name.
    Links to folders are followed, see `_folders_below`.
    Raises DatasetError if ``path`` is missing, or a file that is no readable zip.
    """
    path = os.fspath(path)
    if os.path.isdir(path):
        yield _files_in_folder(path)
    elif os.path.isfile(path):
        try:
            archive = zipfile.ZipFile(path)
        except _ZIP_ERRORS as error:
            raise DatasetError("expected a folder or a zip file, found %s, which is no readable zip (%s); "
                               "pass the folder or make the zip again" % (shown(path), error)) from None
        with archive:
            yield FrameFiles(_files_in_zip(archive, path))
    elif os.path.exists(path):
        raise DatasetError("expected a folder or a zip file, found %s, which is neither" % shown(path))
    else:
        raise DatasetError("expected a folder or a zip file, found nothing at %s; check the path"
                           % shown(path))


def shown(path):
    """``path`` in a form that can be printed and saved anywhere: odd bytes and line ends become \\x.. ."""
    text = os.fspath(path)
    if isinstance(text, str) and text.isprintable():  # then there are no odd bytes
        return text
    try:
        text = os.fspath(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # half a character, as Windows and hostile zips allow
        text = os.fspath(path).encode("utf-8", "backslashreplace").decode("utf-8")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _is_hidden(name):
    return name.startswith(".") or name == "__MACOSX"


def _is_wanted_name(file_name):
    return file_name.lower().endswith(SUFFIXES + OTHER_SUFFIXES) and not file_name.startswith(".")


def _files_in_folder(root):
    notes, files = [], []
    for folder, parts, names in _folders_below(root, notes):
        above, below = os.path.join(folder, ""), "/".join(parts + ("",))
        files += [_folder_file(above + name, below + name) for name in names]
    return FrameFiles(files, notes)


def _folders_below(root, notes):
    """(path, names of the folders below root that lead to it, names of its pictures) of each folder; adds to notes.

    Each folder is there once, however many links lead to it, so their number is bounded and no frame counts twice.
    It is named by its real way; one that only links reach by the first of them. But where that does not end in
    blocked or free, a link of such a name is a label that the folder has not got otherwise.
    """
    found, unread = OrderedDict(), []
    real_root = os.path.join(os.path.realpath(root), "")
    folders, links = deque([(root, ())]), deque()  # nearest first: those come that the user meant
    while folders or links:
        folder, parts = folders.popleft() if folders else links.popleft()
        real = os.path.realpath(folder)
        if parts and real_root.startswith(os.path.join(real, "")):  # a link that leads in a circle
            continue
        if real in found:
            if _is_class(parts) and not _is_class(found[real][1]):
                found[real] = folder, parts, found[real][2]
            continue
        if len(found) == _MAX_FOLDERS:
            notes.append("only the first %d folders were looked into; pass one nearer to the frames" % _MAX_FOLDERS)
            break
        found[real] = folder, parts, []
        try:
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            unread.append("%s (%s)" % (shown("/".join(parts) or folder), error.strerror))
            continue
        for entry in entries:
            if _is_folder(entry):
                if not _is_hidden(entry.name):
                    (links if entry.is_symlink() else folders).append((entry.path, parts + (entry.name,)))
            elif _is_wanted_name(entry.name):
                found[real][2].append(entry.name)
    if unread:
        notes.append("%d folders cannot be read, such as %s" % (len(unread), unread[0]))
    return list(found.values())


def _is_class(parts):
    return bool(parts) and parts[-1].lower() in CLASSES["collision"]


def _is_folder(entry):
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _folder_file(full_path, path):
    try:
        status = os.stat(full_path)
    except OSError:  # reading will say why
        return FrameFile(path, None, functools.partial(_read_file, full_path, 0, True))
    read = functools.partial(_read_file, full_path, status.st_size, stat.S_ISREG(status.st_mode))
    return FrameFile(path, status.st_mtime, read, _stamp(status))


def _stamp(status):
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def _read_file(full_path, size, is_regular):
    """size: in bytes, as far as known."""
    if not is_regular:  # opening a pipe would wait for ever
        raise DatasetError("no regular file")
    if size > MAX_FILE_BYTES:
        raise DatasetError("larger than %d MB" % (MAX_FILE_BYTES // 2 ** 20))
    try:
        with open(full_path, "rb", buffering=0) as file:
            # Not MAX_FILE_BYTES at once: memory for that would be got and given back for each file of some kB.
            data = more = file.read(size + 1)
            while more and len(data) != size and len(data) <= MAX_FILE_BYTES:  # in pieces, or it grew
                more = file.read(MAX_FILE_BYTES + 1 - len(data))
                data += more
            return data
    except OSError as error:
        raise DatasetError("cannot be read (%s)" % error.strerror) from None


def _files_in_zip(archive, zip_path):
    packed_bytes, stamp = 0, _stamp(os.fstat(archive.fp.fileno()))
    lock = threading.Lock()  # zipfile counts its open members without one
    for member in archive.infolist():
        path = member.filename.replace("\\", "/").strip("/")
        parts = [part for part in path.split("/") if part not in ("", ".", "..")]
        if (not parts or member.filename.endswith("/") or any(map(_is_hidden, parts[:-1]))
                or not _is_wanted_name(parts[-1])):
            continue
        packed_bytes += member.compress_size
        yield _zip_file(archive, lock, member, "/".join(parts), stamp)
    if packed_bytes > os.path.getsize(zip_path):
        raise DatasetError("expected a zip of pictures, found %s whose members overlap (a zip bomb); "
                           "make it again from the folder" % shown(zip_path))


def _zip_file(archive, lock, member, path, stamp):
    def read():
        if member.flag_bits & 0x1:
            raise DatasetError("encrypted")
        if member.file_size > MAX_FILE_BYTES:
            raise DatasetError("larger than %d MB" % (MAX_FILE_BYTES // 2 ** 20))
        if member.file_size > _MAX_ZIP_RATIO * max(1, member.compress_size):
            raise DatasetError("shrunk more than %d-fold, no picture does" % _MAX_ZIP_RATIO)
        try:
            with lock, archive.open(member) as file:
                return file.read(MAX_FILE_BYTES + 1)
        except _ZIP_ERRORS as error:
            raise DatasetError("damaged in the zip (%s)" % error) from None

    try:
        modified_s = float(calendar.timegm(member.date_time + (0, 0, 0)))
    except ValueError:  # month 0 and the like
        modified_s = None
    return FrameFile(path, modified_s, read, stamp)
