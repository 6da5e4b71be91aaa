"""Rows of numbers in a file, such as 100,000 thumbnails: read when they are asked for, never all at once.

The file: all rows one after another, then columns (one entry a row) as an uncompressed .npz, then a trailer that
tells the columns' length and SHA-256. One of the columns holds a sum of each row, which is compared whenever
the row is read: after a power cut a file may be as long as it should be, and hold zeros.

Rows are read into place, not mapped into memory: pages of a mapped file count as the process's own.
"""
import hashlib
import io
import os
import struct
import threading
import zipfile

import numpy as np

from .errors import DatasetError

_TRAILER = struct.Struct("<16sQ32s")  # what it is, bytes of the columns, their SHA-256
_MAGIC = b"jetbot_mlp rows1"
IN_MEMORY = 4096  #: rows; of larger sets they stay in files. 150 MB of thumbnails
DAMAGED = (OSError, ValueError, KeyError, struct.error, zipfile.BadZipFile)  #: what `open_rows` raises


class RowFile:
    """n rows of one shape and dtype in a file, from its beginning.

    path: of the file, opened when first needed; shape: (n,) + shape of a row; sums: uint64 (n,) of `row_sums`, or
    None: not compared; stream: the file opened for reading and writing without a buffer, or None.
    A copy in another process (pickle) opens the path again. While it is open, POSIX lets it be read although it was
    deleted.
    """

    def __init__(self, path, shape, dtype, sums=None, stream=None):
        self.path, self.shape, self.dtype, self.sums = path, tuple(shape), np.dtype(dtype), sums
        self._row_bytes = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize
        self._stream, self._lock = stream, threading.Lock()

    def __len__(self):
        return self.shape[0]

    @property
    def n_bytes(self):
        return len(self) * self._row_bytes

    @property
    def is_open(self):
        return self._stream is not None

    def open_for_writing(self):
        """Open the file, which must be there. OSError."""
        self._stream = open(self.path, "r+b", buffering=0)  # noqa: SIM115

    def __getstate__(self):
        return self.path, self.shape, self.dtype, self.sums

    def __setstate__(self, state):
        self.__init__(*state)

    def read(self, rows):
        """rows: int array (m,), 0 to n - 1 -> (m,) + shape of a row. DatasetError when the file is not what it was."""
        rows = np.asarray(rows, dtype=np.int64)
        out = np.empty((len(rows),) + self.shape[1:], self.dtype)
        if not out.size:
            return out
        bytes_ = memoryview(out.reshape(-1).view(np.uint8))
        size, begins = self._row_bytes, np.flatnonzero(np.diff(rows) != 1) + 1  # neighbours are read in one go
        begins = [0] + begins.tolist() + [len(rows)]
        try:
            for begin, end in zip(begins, begins[1:]):
                self._read_into(bytes_[begin * size:end * size], int(rows[begin]) * size)
        except (OSError, ValueError) as error:  # ValueError: another thread found damage and closed it
            raise DatasetError("expected %d rows in %s, found a file that cannot be read (%s); load the frames again"
                               % (len(self), self.path, getattr(error, "strerror", None) or error)) from None
        if self.sums is not None and not np.array_equal(row_sums(out), self.sums[rows]):
            self.close()  # Windows deletes no open file
            try:
                os.unlink(self.path)
            except OSError:
                pass
            raise DatasetError("expected the rows that were written to %s, found others: the file was damaged and is "
                               "deleted; start again, and it is made anew" % self.path)
        return out

    def _read_into(self, view, offset):
        with self._lock:
            if self._stream is None:
                self._stream = open(self.path, "rb", buffering=0)  # noqa: SIM115
            stream = self._stream
        while len(view):
            if hasattr(os, "preadv"):
                got = os.preadv(stream.fileno(), [view], offset)
            else:  # Python 3.6, Windows
                with self._lock:
                    stream.seek(offset)
                    got = stream.readinto(view)
            if not got:
                raise OSError("it ends too early")
            view, offset = view[got:], offset + got

    def write(self, first, rows):
        """Write rows (m,) + shape of a row, from the one numbered ``first`` on. OSError when the disk refuses."""
        rows = np.ascontiguousarray(rows, self.dtype)
        write_at(self._stream, self._lock, memoryview(rows.reshape(-1).view(np.uint8)), first * self._row_bytes)

    def finish(self, columns):
        """Write what belongs behind the rows. columns: {name: array}; sums are added. OSError."""
        text = io.BytesIO()
        np.savez(text, sums=self.sums, **columns)
        text = text.getvalue()
        tail = text + _TRAILER.pack(_MAGIC, len(text), hashlib.sha256(text).digest())
        write_at(self._stream, self._lock, memoryview(tail), self.n_bytes)

    def close(self):
        """Let go of the file; reading opens it again."""
        with self._lock:
            if self._stream is not None:
                self._stream.close()
                self._stream = None

    __del__ = close


def write_at(stream, lock, view, offset):
    """All bytes of view to where they belong; threads may do so at once. OSError."""
    while len(view):
        if hasattr(os, "pwrite"):
            done = os.pwrite(stream.fileno(), view, offset)
        else:
            with lock:
                stream.seek(offset)
                done = stream.write(view)
        view, offset = view[done:], offset + done


def open_rows(path, row_shape, dtype):
    """A file that `RowFile.finish` completed -> (RowFile, columns). Raises one of DAMAGED when it is anything else."""
    stream = open(path, "rb", buffering=0)  # noqa: SIM115
    try:
        size = os.fstat(stream.fileno()).st_size
        stream.seek(max(0, size - _TRAILER.size))
        magic, length, digest = _TRAILER.unpack(stream.read(_TRAILER.size))
        if magic != _MAGIC or length > size - _TRAILER.size:
            raise ValueError("no file of rows")
        stream.seek(size - _TRAILER.size - length)
        text = stream.read(length)
        if hashlib.sha256(text).digest() != digest:
            raise ValueError("damaged columns")
        with np.load(io.BytesIO(text), allow_pickle=False) as archive:
            columns = {name: archive[name] for name in archive.files}
        sums = columns.pop("sums")
        rows = RowFile(path, (len(sums),) + tuple(row_shape), dtype, sums, stream)
        if sums.dtype != np.uint64 or rows.n_bytes != size - _TRAILER.size - length:
            raise ValueError("rows are missing")
        return rows, columns
    except BaseException:
        stream.close()
        raise


def row_sums(rows):
    """Sum of the 64-bit words (bytes, where rows are not made of such) of each row, modulo 2^64 -> uint64 (n,)."""
    flat = np.ascontiguousarray(rows).reshape(len(rows), -1)
    words = np.uint64 if flat.shape[1] * flat.itemsize % 8 == 0 else np.uint8
    return np.add.reduce(flat.view(words), axis=1, dtype=np.uint64)


class Rows:
    """Rows picked from several arrays and files, for use like an array that only reads what is asked for.

    parts: list of ndarray or RowFile, alike in shape of a row and dtype; part, row: int64 (n,), where each row lies.
    Has len, shape, dtype, iteration, and indexing by int, slice, and arrays of int or bool, which gives ndarrays;
    ``np.asarray`` reads everything.
    """

    def __init__(self, parts, part, row):
        self.parts, self.part, self.row = list(parts), np.asarray(part, np.int64), np.asarray(row, np.int64)

    def __len__(self):
        return len(self.row)

    @property
    def shape(self):
        return (len(self),) + tuple(self.parts[0].shape[1:])

    @property
    def dtype(self):
        return self.parts[0].dtype

    def __getitem__(self, index):
        if isinstance(index, (int, np.integer)):
            return self._read(self.part[index:index + 1 or None], self.row[index:index + 1 or None])[0]
        index = _index(index)
        return self._read(self.part[index], self.row[index])

    def __iter__(self):
        for start in range(0, len(self), 256):
            for row in self[start:start + 256]:
                yield row

    def __array__(self, dtype=None, copy=None):
        return self[:] if dtype is None else self[:].astype(dtype)

    def at(self, index):
        """The rows at index, as a Rows: nothing is read."""
        index = _index(index)
        return Rows(self.parts, self.part[index], self.row[index])

    def _read(self, part, row):
        if len(self.parts) == 1:
            return _take(self.parts[0], row)
        out = np.empty((len(row),) + self.shape[1:], self.dtype)
        for number in np.unique(part):
            where = np.flatnonzero(part == number)
            out[where] = _take(self.parts[number], row[where])
        return out


def picked(parts, part, row):
    """``row[i]`` of ``parts[part[i]]`` for all i: ndarray, or Rows when one of the parts is a file.

    parts: list, which is emptied, so that not all is in memory twice.
    """
    if not parts or not all(isinstance(rows, np.ndarray) for rows in parts):
        return Rows(parts, part, row)
    if len(parts) == 1 and np.array_equal(row, np.arange(len(parts[0]))):
        return parts.pop()
    out = np.empty((len(row),) + parts[0].shape[1:], parts[0].dtype)
    for number in reversed(range(len(parts))):
        out[part == number] = parts.pop()[row[part == number]]
    return out


def _take(part, row):
    return part.read(row) if isinstance(part, RowFile) else part[row]


def _index(index):
    """slice, or array (or list) of int or bool."""
    if isinstance(index, slice):
        return index
    if isinstance(index, tuple) or np.ndim(index) != 1:
        raise TypeError("expected a row number, a slice or an array of row numbers, found %r; read rows first, then "
                        "index what was read" % (index,))
    index = np.asarray(index)
    return index if index.size else index.astype(np.int64)


def joined(first, second):
    """The rows of two arrays or Rows one after the other; as one array only when both are."""
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second])
    first, second = (rows if isinstance(rows, Rows) else Rows([rows], np.zeros(len(rows)), np.arange(len(rows)))
                     for rows in (first, second))
    return Rows(first.parts + second.parts, np.concatenate([first.part, second.part + len(first.parts)]),
                np.concatenate([first.row, second.row]))
