"""Where decoded frames and their features are kept between two runs, in the user's folder for such things.

Anything may be deleted there at any time: it is made again. Nothing here is ever a reason to fail: what cannot be
kept, read or trusted is as if it were not there. Files are written under another name and then renamed, so
Ctrl-C, a full disk or two programs at once leave nothing half-written under a name that is read.

``JETBOT_MLP_CACHE`` names another folder by its absolute path; any other value, such as ``off``, switches all off.
Names are those of `name_of` and `name_beside`.
"""
import functools
import hashlib
import os
import re
import shutil
import stat
import sys
import tempfile
import time
from contextlib import contextmanager

import cv2
import numpy as np

from . import edge_histograms, features, pictures
from .lazy_names import IMPORTED_S
from .row_files import DAMAGED, RowFile, open_rows

FORMAT = 1  #: of what is kept
VARIABLE = "JETBOT_MLP_CACHE"
MAX_BYTES = 8 * 2 ** 30  #: of all files; what was not used for longest goes first
SHARE_OF_DISK = 0.1  #: nor more than this part of the disk: a robot's SD card is small
KEEP_FREE = 2 * 2 ** 30  #: bytes of the disk that are left to others
_OURS = re.compile(r"[0-9a-f]{16}-[0-9a-f]{32}(-[0-9a-f]{16})?\.rows$")  # other files in the folder are left alone
_PART = ".rows-part-"  # begins the names of files that are being written
_ABANDONED_S = 24 * 3600.0
_used = set()  # names that this process found or made: what is being worked with does not make room for others


def cache_folder():
    """Path of the folder, there or not; None when it is switched off, or the user has no home."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen:
        return chosen if os.path.isabs(chosen) else None
    if sys.platform == "win32":
        parts = [os.environ.get("LOCALAPPDATA", ""), "jetbot-mlp", "Cache"]
    elif sys.platform == "darwin":
        parts = [os.path.expanduser("~"), "Library", "Caches", "jetbot-mlp"]
    else:
        parts = [os.environ.get("XDG_CACHE_HOME", ""), "jetbot-mlp"]
        if not os.path.isabs(parts[0]):  # the standard says that such a value is to be ignored
            parts[:1] = [os.path.expanduser("~"), ".cache"]
    return os.path.join(*parts) if os.path.isabs(parts[0]) else None


@functools.lru_cache(maxsize=1)
def code_print():
    """SHA-256 of the code that makes thumbnails and features, and its libraries, for names of what is kept.

    None when that cannot be told: the files may have changed since they were imported.
    """
    libraries = FORMAT, cv2.__version__, cv2.getBuildInformation(), np.__version__, sys.byteorder
    digest = hashlib.sha256(repr(libraries).encode("utf-8", "backslashreplace"))
    try:
        for module in (pictures, features, edge_histograms):
            with open(module.__file__, "rb") as stream:
                digest.update(stream.read())
                status = os.fstat(stream.fileno())
            if max(status.st_mtime, status.st_ctime) >= IMPORTED_S:
                return None
    except OSError:  # it comes out of a zip
        return None
    return digest.hexdigest()


def name_of(place, contents):
    """The name for rows; `forget_older` tells others of the same place by it.

    place, contents: what is printed the same in every run, such as tuples of texts and numbers.
    """
    return "%s-%s.rows" % (_hashed(place)[:16], _hashed(contents)[:32])


def name_beside(name, made_of_it):
    """The name for what is made of the rows that lie under a name; it goes with them."""
    return "%s-%s.rows" % (name[:49], _hashed(made_of_it)[:16])


def _hashed(value):
    return hashlib.sha256(repr(value).encode("utf-8", "backslashreplace")).hexdigest()


def find(name, row_shape, dtype):
    """The kept file of that name -> (RowFile, columns), or None. A damaged one is deleted."""
    folder = cache_folder()
    if folder is None or not _is_ours(folder):
        return None
    path = os.path.join(folder, name)
    try:
        found = open_rows(path, row_shape, dtype)
    except FileNotFoundError:
        return None
    except DAMAGED:
        forget(name)
        return None
    try:
        os.utime(path)  # used last: now
    except OSError:
        pass
    in_use(name)
    return found


def in_use(name):
    """What is kept under this name makes no room for others while this process runs."""
    _used.add(name)


def forget(name):
    """Delete a kept file, if it is there."""
    folder = cache_folder()
    if folder is not None:
        _delete(os.path.join(folder, name))


def forget_older(name):
    """Delete all that is kept of the same place as this name, but of other contents."""
    folder = cache_folder()
    try:
        others = [other for other in os.listdir(folder or "") if _OURS.match(other)]
    except OSError:
        return
    for other in others:
        if other[:17] == name[:17] and other[:49] != name[:49]:
            forget(other)


def _delete(path):
    """-> is it gone? Windows deletes no file that somebody has open."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


@contextmanager
def being_kept(name, shape, dtype, sums):
    """``with being_kept(...) as rows``: a RowFile to write to and then to ``finish``, which is kept if the block ends
    well and dropped if not; or None when there is no room. The block's OSErrors are swallowed: the disk is full.

    After the block rows.path is where they are kept; check it with `is_kept`.
    """
    rows = _new(shape, dtype, sums)
    if rows is None:
        yield None
        return
    temporary = rows.path
    try:
        yield rows
        rows.close()  # Windows renames no open file
        os.replace(temporary, os.path.join(os.path.dirname(temporary), name))
        rows.path = os.path.join(os.path.dirname(temporary), name)
        in_use(name)
    except OSError:
        pass
    finally:
        rows.close()
        if rows.path == temporary:
            _delete(temporary)


def is_kept(rows):
    """Did `being_kept` end well?"""
    return rows is not None and not os.path.basename(rows.path).startswith(_PART)


def _new(shape, dtype, sums):
    folder = cache_folder()
    rows = RowFile("", shape, dtype, sums)
    try:
        if folder is None or not _make_room(folder, rows.n_bytes + 100 * len(rows)):
            return None
        handle, rows.path = tempfile.mkstemp(prefix=_PART, dir=folder)
        os.close(handle)
        rows.open_for_writing()
    except OSError:
        return None
    return rows


def _is_ours(folder):
    """A folder that another user made could hold whatever he wants us to see."""
    try:
        status = os.stat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and (not hasattr(os, "geteuid") or status.st_uid == os.geteuid())


def _make_room(folder, n_bytes):
    """Make the folder if need be, delete the files used longest ago -> is there room for n_bytes? OSError."""
    os.makedirs(os.path.dirname(os.path.abspath(folder)), exist_ok=True)
    try:
        os.mkdir(folder, 0o700)  # what a robot saw is nobody else's business
    except FileExistsError:
        pass
    if not _is_ours(folder):
        return False
    disk = shutil.disk_usage(folder)
    limit = min(MAX_BYTES, SHARE_OF_DISK * disk.total)
    if n_bytes > limit:
        return False
    files, used, free = [], 0, disk.free
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                status = entry.stat()
            except FileNotFoundError:  # another program makes room, too
                continue
            if entry.name.startswith(_PART) and time.time() - status.st_mtime > _ABANDONED_S:
                _delete(entry.path)
            elif _OURS.match(entry.name):
                used += status.st_size
                if entry.name not in _used:
                    files.append((status.st_mtime, status.st_size, entry.path))
    lacking = max(used + n_bytes - limit, KEEP_FREE + n_bytes - free)
    if lacking > sum(size for _, size, _ in files):  # then nothing is deleted for nothing
        return False
    for _, size, path in sorted(files):
        if lacking <= 0:
            break
        if _delete(path):
            lacking -= size
    return lacking <= 0
