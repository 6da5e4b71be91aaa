"""The frames of one folder or zip file: decoded, or taken from what an earlier run kept (see `frame_cache`).

What was kept counts only for the very same files: the name under which it lies is a hash over the source's place,
every file's path, size, times of change and number on its disk, the builds of OpenCV and NumPy, and the code that
decodes.
Frames are decoded by a few threads: OpenCV lets go of Python's lock.
"""
import hashlib
import json
import os
import shutil
import tempfile
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, List, NamedTuple, Optional, Tuple

import numpy as np

from . import frame_cache, pictures
from .errors import DatasetError
from .features import WORKING_SIZE, shrink
from .row_files import RowFile, row_sums

ROW = (WORKING_SIZE, WORKING_SIZE, 3)
ROW_BYTES = WORKING_SIZE * WORKING_SIZE * 3
THREADS = min(4, os.cpu_count() or 1)
_AT_ONCE = 16  #: files that a thread takes; one by one, handing them out would cost more than reading them
_LOOKED_AT = 16  #: rows of what was kept, at once: a power cut leaves zeros. All others when they are used
_MOST_OPEN = 100  # sources whose files stay open until their images are wanted: some systems allow 256 in all
_open = weakref.WeakSet()
# A file that is written to within one tick of its clock (2 s on a FAT disk) may change without another time
_SETTLED_NS = 2500 * 10 ** 6


class FrameSource(NamedTuple):
    """What is known of the files of one source, in their order."""

    thumbnails: object  #: uint8 (n, 112, 112, 3), ndarray or RowFile; rows of files that are no picture are zeros
    digests: List[bytes]  #: SHA-256 of each file
    sizes: List[Tuple[int, int]]  #: (width, height) in px of each picture
    reasons: Dict[int, str]  #: of each row that is no picture, why
    kept: Optional[RowFile]  #: the thumbnails in the cache; None when they are not there


class _Decoded(NamedTuple):
    digests: np.ndarray  #: uint8 (n, 32)
    sizes: np.ndarray  #: int32 (n, 2)
    reasons: Dict[int, str]
    sums: np.ndarray  #: `row_sums` of the thumbnails
    unread: List[int]  #: rows of files that could not be read; another time they may be


def read_source(task, path, files, title, in_memory, progress):
    """-> FrameSource of a task's `FrameFile`s of the source at path.

    in_memory: may what has to be decoded stay in memory, as an array; progress: tqdm-like or None, with title.
    Raises DatasetError when there is no room on the disk for thumbnails that shall not be in memory.
    """
    def track(items):
        return items if progress is None else progress(items, total=len(files), desc=title)

    key = _key(task, path, files)
    source = _find(key, files, in_memory, track)
    if source is not None:
        return source
    keep = key is not None and _settled(files)
    if in_memory:
        return _in_memory(key if keep else None, files, track)
    source = _into_the_cache(key, files, track) if keep else None
    return _into_a_temporary_file(files, track) if source is None else source


def _in_memory(key, files, track):
    """Decode, then keep under key if it is not None -> FrameSource."""
    thumbnails, rows = np.empty((len(files),) + ROW, np.uint8), None
    decoded = _decode(files, thumbnails, track)
    if key is not None:
        with frame_cache.being_kept(key, thumbnails.shape, np.uint8, decoded.sums) as rows:
            if rows is not None:
                rows.write(0, thumbnails)
                rows.finish(_columns(decoded))
    if not frame_cache.is_kept(rows):
        return _source(thumbnails, decoded, None)
    frame_cache.forget_older(key)
    return _source(thumbnails, decoded, rows)


def _into_the_cache(key, files, track):
    """Decode straight into the cache -> FrameSource, or None when it has no room."""
    with frame_cache.being_kept(key, (len(files),) + ROW, np.uint8, None) as rows:
        if rows is None:
            return None
        decoded = _decode(files, rows, track)
        rows.sums = decoded.sums
        rows.finish(_columns(decoded))
    if frame_cache.is_kept(rows):
        frame_cache.forget_older(key)
    return _find(key, files, False, None)


def _into_a_temporary_file(files, track):
    """Decode into a file that is deleted when it is let go of -> FrameSource."""
    place = tempfile.gettempdir()
    needed, free = len(files) * ROW_BYTES, shutil.disk_usage(place).free
    try:
        if needed > free:
            raise OSError("%.1f GB are free" % (free / 1e9))
        handle, name = tempfile.mkstemp(prefix="jetbot-mlp-frames-", suffix=".tmp")
        stream = os.fdopen(handle, "r+b", buffering=0)
        rows = RowFile(name, (len(files),) + ROW, np.uint8, None, stream)
        weakref.finalize(rows, _delete, stream, name, os.getpid())
        return _source(rows, _decode(files, rows, track), None)
    except OSError as error:
        raise DatasetError("expected %.1f GB of disk for the thumbnails of %d frames in %s, found too little (%s); "
                           "make room, or let TMPDIR name a folder on another disk" % (
                               needed / 1e9, len(files), place, error.strerror or error)) from None


def _delete(stream, name, process):
    """tempfile.NamedTemporaryFile would lock copies in other processes out, on Windows, and a fork would delete it."""
    stream.close()
    if os.getpid() == process:
        try:
            os.unlink(name)
        except OSError:
            pass


def _source(thumbnails, decoded, kept):
    digests = decoded.digests.tobytes()
    return FrameSource(thumbnails, [digests[i:i + 32] for i in range(0, len(digests), 32)], decoded.sizes.tolist(),
                       decoded.reasons, kept)


def _decode(files, thumbnails, track):
    """Read and shrink all files into thumbnails, ndarray or RowFile -> _Decoded."""
    n = len(files)
    decoded = _Decoded(np.zeros((n, 32), np.uint8), np.zeros((n, 2), np.int32), {}, np.zeros(n, np.uint64), [])

    def load(start):
        some = files[start:start + _AT_ONCE]
        rows = np.zeros((len(some),) + ROW, np.uint8) if isinstance(thumbnails, RowFile) else \
            thumbnails[start:start + len(some)]
        reasons = {}
        for row, file in enumerate(some):
            try:
                data = file.read()
            except DatasetError as error:
                reasons[row] = str(error)
                decoded.unread.append(start + row)
            else:
                try:
                    image = pictures.decode_picture(data)
                    rows[row] = shrink(image)
                except DatasetError as error:
                    reasons[row] = str(error)
                else:
                    decoded.digests[start + row] = np.frombuffer(hashlib.sha256(data).digest(), np.uint8)
                    decoded.sizes[start + row] = image.shape[1], image.shape[0]
            if row in reasons:
                rows[row] = 0
        decoded.sums[start:start + len(some)] = row_sums(rows)
        if isinstance(thumbnails, RowFile):
            thumbnails.write(start, rows)
        return start, len(some), reasons

    with ThreadPoolExecutor(THREADS) as pool:
        results = pool.map(load, range(0, n, _AT_ONCE))

        def one_by_one():
            for start, length, reasons in results:
                decoded.reasons.update((start + row, reason) for row, reason in reasons.items())
                for row in range(start, start + length):
                    yield row
        try:
            for _ in track(one_by_one()):
                pass
        finally:
            results.close()  # Ctrl-C: what has not begun is not begun
    return decoded


def _columns(decoded):
    text = json.dumps([sorted(decoded.reasons.items()), sorted(decoded.unread)]).encode("ascii")
    return {"digests": decoded.digests, "sizes": decoded.sizes, "reasons": np.frombuffer(text, np.uint8)}


def _find(key, files, in_memory, track):
    """What was kept -> FrameSource, or None."""
    found = None if key is None else frame_cache.find(key, ROW, np.uint8)
    if found is None:
        return None
    rows, columns = found
    try:
        reasons, unread = json.loads(columns["reasons"].tobytes().decode("ascii"))
        reasons = {int(row): str(reason) for row, reason in reasons}
        decoded = _Decoded(columns["digests"], columns["sizes"], reasons, rows.sums, unread)
        if (len(rows), decoded.digests.shape, decoded.sizes.shape) != (len(files), (len(files), 32), (len(files), 2)):
            raise ValueError("of other frames")
        if any(_can_be_read(files[row]) for row in unread):
            raise ValueError("there is more to be read now")
        rows.read(np.linspace(0, len(rows) - 1, _LOOKED_AT).astype(np.int64))
    except (DatasetError, KeyError, TypeError, ValueError):
        rows.close()
        frame_cache.forget(key)
        return None
    if track is not None:
        for _ in track(range(len(files))):
            pass
    if in_memory and len(_open) >= _MOST_OPEN:
        try:
            return _source(rows.read(np.arange(len(rows))), decoded, rows)
        except DatasetError:
            return None
        finally:
            rows.close()
    _open.add(rows)
    return _source(rows, decoded, rows)


def _can_be_read(file):
    try:
        return file.read() is not None
    except DatasetError:
        return False


def _key(task, path, files):
    """The name under which the thumbnails of these files lie when they have been kept, or None."""
    code = frame_cache.code_print()
    if not files or code is None or frame_cache.cache_folder() is None:
        return None
    return frame_cache.name_of((task, os.path.realpath(path)), (code, [(file.path, file.stamp) for file in files]))


def _settled(files):
    """Would any file that changes now get other times? Not: those that the system tells nothing of."""
    times = np.array([file.stamp[1:3] for file in files if file.stamp is not None], dtype=np.float64)
    return bool((np.abs(time.time() * 1e9 - times) > _SETTLED_NS).all())
