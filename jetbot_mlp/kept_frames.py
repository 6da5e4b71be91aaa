"""Features of the unchanged frames, kept in the cache beside the thumbnails they are made of (see `frame_cache`).

Scores, temperatures, validation and standardisation all ask for the features of frames as they are: they are made
once for a source and a `FeatureSpec`, in this run or an earlier one.
"""
import copy
import os
from typing import List, NamedTuple

import numpy as np

from . import frame_cache
from .errors import DatasetError
from .features import extract
from .row_files import IN_MEMORY, Rows, row_sums

AT_ONCE = 1024  #: frames whose pictures are in memory to make features of


class KeptFrames:
    """The thumbnails of one source in the cache, and features made of them, which are kept as well.

    rows: RowFile of the thumbnails.
    """

    def __init__(self, rows):
        self._rows, self._features = rows, {}

    def features(self, spec):
        """Features of all frames, ndarray or RowFile of float32 (n, spec.n_features); None when that cannot be."""
        if spec not in self._features:
            found = self._found(spec)
            self._features[spec] = self._made(spec) if found is None else found
        return self._features[spec]

    def give_up(self, spec):
        """What was kept is damaged: delete it, and have no features from now on."""
        self._features[spec] = None
        frame_cache.forget(self._file_name(spec))

    def _file_name(self, spec):
        return frame_cache.name_beside(os.path.basename(self._rows.path), tuple(spec))

    def _found(self, spec):
        found = frame_cache.find(self._file_name(spec), (spec.n_features,), np.float32)
        if found is None or len(found[0]) != len(self._rows):
            return None
        rows = found[0]
        if len(rows) > IN_MEMORY:
            return rows
        try:
            return rows.read(np.arange(len(rows)))
        except DatasetError:
            return None
        finally:
            rows.close()

    def _made(self, spec):
        n = len(self._rows)
        values = np.empty((n, spec.n_features), np.float32) if n <= IN_MEMORY else None
        sums = np.zeros(n, np.uint64)
        rows = self._rows if self._rows.is_open else copy.copy(self._rows)  # opened here, and let go of at the end
        frame_cache.in_use(os.path.basename(self._rows.path))
        try:
            # in one thread: so many short calls get in each other's way for Python's lock
            with frame_cache.being_kept(self._file_name(spec), (n, spec.n_features), np.float32, sums) as out:
                if out is None:
                    return None
                for start in range(0, n, AT_ONCE):
                    images = rows.read(np.arange(start, min(n, start + AT_ONCE)))
                    some = extract(images, spec)
                    sums[start:start + len(some)] = row_sums(some)
                    out.write(start, some)
                    if values is not None:
                        values[start:start + len(some)] = some
                out.finish({})
        except DatasetError:  # somebody emptied the cache
            return None
        if not frame_cache.is_kept(out):  # the disk is full
            return None
        return self._found(spec) if values is None else values


class Origin(NamedTuple):
    """Where the frames of a Dataset come from: frame i is row ``row[i]`` of ``kept[part[i]]``."""

    kept: List[KeptFrames]
    part: np.ndarray  #: int64 (n,)
    row: np.ndarray  #: int64 (n,)

    def at(self, index):
        """Of the frames at index, an int array."""
        return Origin(self.kept, self.part[index], self.row[index])

    def features(self, spec, index):
        """Features of the frames at index (slice or int array), float32 (m, n_features), or None."""
        used, part = np.unique(self.part, return_inverse=True)
        parts = [self.kept[number].features(spec) for number in used]
        if not parts or any(part is None for part in parts):
            return None
        try:
            return Rows(parts, part, self.row)[index]
        except DatasetError:
            for number in used:
                self.kept[number].give_up(spec)
            return None


def joined(first, second):
    """The Origin of the frames of two; None when one of them has none."""
    if first is None or second is None:
        return None
    return Origin(first.kept + second.kept, np.concatenate([first.part, second.part + len(first.kept)]),
                  np.concatenate([first.row, second.row]))
