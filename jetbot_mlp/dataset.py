"""Folders and zip files of labelled robot frames -> `Dataset`: thumbnails, targets, capture times.

The official folders are read as they are: pictures in blocked/ and free/ (collision), or named
xy_<x>_<y>_<uuid>.jpg (road). Frames are read in one pass; only the thumbnails stay in memory, 37 KB each, and those
of thousands of frames not even that. What was decoded is kept for the next time (see `frame_cache`).
"""
import hashlib
import os
from collections import Counter, OrderedDict

import numpy as np

from .capture_time import capture_times
from .errors import DatasetError
from .exclusion import names_to_leave_out, read_exclude_list
from .features import extract
from .frame_files import open_frame_files
from .frame_source import read_source
from .kept_frames import AT_ONCE, KeptFrames, Origin
from .labelled_frames import LabelledFrame, find_labelled, nothing_found, titles_of
from .messages import CLASSES
from .road_names import decide_xy, target_of
from .row_files import IN_MEMORY, Rows, picked

TASKS = ("collision", "road")
TIME_SOURCES = ("uuid1", "modification time", "name")  #: best first


class Dataset:
    """Labelled frames of one task; see `load_dataset`.

    task: 'collision' or 'road'.
    names: list of str, 'folder/blocked/a.jpg', unique.
    images: uint8 (n, 112, 112, 3) BGR, made by `features.shrink`: a read-only ndarray, or for sets of thousands of
        frames a `Rows`, which is used like one and reads from the disk what is asked for.
    targets: collision: int64 (n,), index into CLASSES; road: float32 (n, 2), x and y in [-1, 1].
    times_s: float64 (n,), by the clock of the frame's source (see `capture_time.capture_times`).
    sources: int64 (n,), index of the path that each frame came from.
    source_clocks: list of str, for each path one of TIME_SOURCES.
    hashes: list of bytes, SHA-256 of each file.
    skipped: list of (name, reason). notes: list of str, for people.
    excluded: how many frames were left out on purpose.
    origin: `Origin`, where the images lie in the cache, or None.
    """

    def __init__(self, task, names, images, targets, times_s, sources, source_clocks, hashes,
                 skipped=(), notes=(), excluded=0, origin=None):
        self.task = task
        self.names = list(names)
        self.images = images
        self.origin = origin
        self._freeze()
        self.targets = targets
        self.times_s = times_s
        self.sources = sources
        self.source_clocks = list(source_clocks)
        self.hashes = list(hashes)
        self.skipped = list(skipped)
        self.notes = list(notes)
        self.excluded = excluded

    def __len__(self):
        return len(self.names)

    def __getstate__(self):
        """A copy has its images with it, if they fit into memory: their file may be gone when it arrives."""
        return dict(self.__dict__, _images=self.images)

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._freeze()

    def _freeze(self):
        """Features of images with an origin are known, so they must not change."""
        if self.origin is not None and isinstance(self._images, np.ndarray):
            self._images.flags.writeable = False

    @property
    def images(self):
        if isinstance(self._images, Rows) and len(self._images) <= IN_MEMORY:  # at first use: not all have one
            self._images = self._images[:]
            self._images.flags.writeable = False
        return self._images

    @images.setter
    def images(self, images):
        self._images, self.origin = images, None  # other images have other features

    def features(self, spec, index=slice(None)):
        """What `extract` makes of ``images[index]``, float32 (m, spec.n_features), if need be anew.

        index: slice or int array. Those of frames from the cache are kept there, so they are made once.
        """
        known = None if self.origin is None else self.origin.features(spec, index)
        if known is not None:
            return known
        rows = np.arange(len(self))[index]
        known = np.empty((len(rows), spec.n_features), np.float32)
        for start in range(0, len(rows), AT_ONCE):
            known[start:start + AT_ONCE] = extract(self.images[rows[start:start + AT_ONCE]], spec)
        return known

    @property
    def time_source(self):
        """The weakest clock of all sources: 'uuid1', 'modification time' or 'name'."""
        return max((self.source_clocks[i] for i in set(self.sources.tolist())),
                   key=TIME_SOURCES.index, default="name")

    @property
    def labels(self):
        """int64 (n,): the class of each frame; all 0 for road, which has no classes."""
        return self.targets if self.task == "collision" else np.zeros(len(self), dtype=np.int64)

    def subset(self, indices):
        """The frames at ``indices`` (int array or list) in that order, as a new Dataset."""
        indices = np.asarray(indices, dtype=np.int64)
        images = self._images.at(indices) if isinstance(self._images, Rows) else self._images[indices]
        return Dataset(self.task, [self.names[i] for i in indices], images,
                       self.targets[indices], self.times_s[indices], self.sources[indices],
                       self.source_clocks, [self.hashes[i] for i in indices], self.skipped, self.notes,
                       self.excluded, self.origin and self.origin.at(indices))

    def in_memory(self):
        """The same with all images in memory and nothing in files, for another machine, as a new Dataset."""
        return Dataset(self.task, self.names, np.asarray(self.images), self.targets, self.times_s, self.sources,
                       self.source_clocks, self.hashes, self.skipped, self.notes, self.excluded)

    def fingerprint(self):
        """SHA-256 (hex) over the files' contents and targets, wherever and in whatever order they lie."""
        lines = sorted(digest + np.ascontiguousarray(target).astype("<f4").tobytes()
                       for digest, target in zip(self.hashes, self.targets))
        return hashlib.sha256(self.task.encode("ascii") + b"".join(lines)).hexdigest()


def load_dataset(task, paths, xy="auto", progress=None, require_all_classes=True, exclude=None, titles=None):
    """Read labelled frames from folders and zip files.

    task: 'collision' or 'road'; paths: a path or a list of them; xy: how numbers in road names are
    read, 'auto' (decided per folder), 'pixel' or 'percent'; progress: tqdm or alike, or None;
    require_all_classes: refuse a collision set of one class only (training needs both); exclude: path of a list
    of frames to leave out (see ``exclusion``), or the names themselves, or None; titles: what the names of each
    path's frames begin with, list of str, by default `titles_of` the paths: for a path that is one of several.

    Files that cannot be read are skipped and listed in ``skipped``; exact copies count once; the same
    file under two targets is skipped. Raises DatasetError for a missing path, nothing to read, a missing
    class, the other task's folder, and road names that may be read both ways.
    """
    if task not in TASKS or xy not in ("auto", "pixel", "percent"):
        raise ValueError("expected task 'collision' or 'road' and xy 'auto', 'pixel' or 'percent', "
                         "found %r and %r" % (task, xy))
    paths = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
    if not paths:
        raise DatasetError("expected at least one folder or zip file of frames, found none; name one")
    unwanted = read_exclude_list(exclude) if isinstance(exclude, (str, os.PathLike)) else list(exclude or ())
    titles = titles_of(paths) if titles is None else titles
    records, skipped, notes, unseen, thumbnails, kept = [], [], [], [], [], []
    n_misnamed = 0
    for source, (path, title) in enumerate(zip(paths, titles)):
        with open_frame_files(path) as files:
            labelled, wrong = find_labelled(task, files, path, title, notes)
            if not labelled and not wrong:
                raise DatasetError(nothing_found(task, files, path))
            skipped += wrong
            n_misnamed += len(wrong)
            unseen += files.notes
            in_memory = sum(len(rows) for rows in thumbnails) + len(labelled) <= IN_MEMORY
            read = read_source(task, path, [file for _, file, _ in labelled], title, in_memory, progress)
            _add_records(labelled, source, read, records, skipped)
            thumbnails.append(read.thumbnails)
            kept.append(KeptFrames(read.kept) if read.kept is not None else None)
            del read
    if not records:
        remedies = ["rename them"] * bool(n_misnamed)
        if n_misnamed < len(skipped):
            remedies.append("convert, copy or collect the damaged again" if n_misnamed else
                            "convert, copy or collect them again")
        raise DatasetError("expected frames to learn from, found %d files and none readable: %s; %s" % (
            len(skipped), _in_groups(skipped), ", and ".join(remedies)))
    if task == "road":
        records = _road_targets(records, xy, skipped, notes)
    n_read = len(records)
    if unwanted:
        records = _without_excluded(records, unwanted, titles, skipped, notes)
    n_excluded = n_read - len(records)
    records = _without_copies(records, skipped, notes)
    if task == "collision":
        _check_classes(records, skipped, unseen, require_all_classes)
    elif not records:
        raise DatasetError("expected frames to learn from, found none whose target is beyond doubt (%s: %s); "
                           "remove one of the two" % skipped[-1])
    if skipped:
        notes.append("%d files skipped: %s" % (len(skipped), _in_groups(skipped)))
    return _assemble(task, records, paths, titles, skipped, notes, n_excluded, thumbnails, kept)


def _add_records(labelled, source, read, records, skipped):
    """Append to ``records`` what could be read and to ``skipped`` what could not, in the order of ``labelled``."""
    for row, (name, file, label) in enumerate(labelled):
        if row in read.reasons:
            skipped.append((name, read.reasons[row]))
        else:
            records.append(LabelledFrame(name, source, file, label, read.digests[row], read.sizes[row], row))


def _road_targets(records, xy, skipped, notes):
    """Replace the labels, (x, y) of the names, by targets in [-1, 1], folder by folder."""
    folders = OrderedDict()
    for record in records:
        folders.setdefault(record.name.rpartition("/")[0], []).append(record)
    kept = []
    for folder, members in folders.items():
        points = [r.label for r in members]
        decided = decide_xy(points, [r.size[0] for r in members], folder) if xy == "auto" else xy
        good = []
        for record in members:
            try:
                record.label = target_of(record.label, decided, *record.size)
                good.append(record)
            except DatasetError as error:
                skipped.append((record.name, str(error)))
        if 2 * len(good) < len(members):
            raise DatasetError(
                "expected targets inside of the pictures, found %d of %d outside in %s, read as %s, such as %s "
                "%s; try --xy %s" % ((len(members) - len(good), len(members), folder, decided) + skipped[-1]
                                     + ("percent" if decided == "pixel" else "pixel",)))
        notes.append("%s: names read as %s (x %d..%d, y %d..%d)" % (
            folder, "pixels" if decided == "pixel" else "0..100", min(x for x, _ in points),
            max(x for x, _ in points), min(y for _, y in points), max(y for _, y in points)))
        kept += good
    return kept


def _without_excluded(records, lines, titles, skipped, notes):
    """Without the frames that lines name, nor exact copies of them with the same target under other names."""
    known = [record.name for record in records] + [name for name, _ in skipped]
    names, elsewhere = names_to_leave_out(lines, known, titles)
    unwanted = {(record.digest, record.label) for record in records if record.name in names}
    kept = [record for record in records if (record.digest, record.label) not in unwanted]
    if not kept:
        raise DatasetError("expected frames to remain, found all %d left out by the list; shorten it" % len(records))
    other = "; the list names %d of other folders" % len(elsewhere) if elsewhere else ""
    notes.append("frames left out as the list says: %d%s" % (len(records) - len(kept), other))
    return kept


def _without_copies(records, skipped, notes):
    """The first of each set of equal files; none of a set whose targets contradict each other."""
    groups = OrderedDict()
    for record in records:
        groups.setdefault(record.digest, []).append(record)
    kept, copies = [], 0
    for members in groups.values():
        other = next((r for r in members if r.label != members[0].label), None)
        if other is None:
            kept.append(members[0])
            copies += len(members) - 1
            continue
        for record in members:
            twin = other if record.label != other.label else members[0]
            skipped.append((record.name, "same picture with another target (%s)" % twin.name))
    if copies:
        notes.append("%d exact copies of other files left out" % copies)
    return kept


def _in_groups(skipped):
    """'3 truncated JPEG; 1 empty file': what differs between files of one reason stands behind it in parentheses."""
    groups = OrderedDict()
    for _, reason in skipped:
        groups.setdefault(reason.partition(" (")[0], []).append(reason)
    largest = sorted(groups.items(), key=lambda group: -len(group[1]))
    parts = ["%d %s" % (len(found), short if len(set(found)) > 1 else found[0]) for short, found in largest[:3]]
    rest = sum(len(found) for _, found in largest[3:])
    return "; ".join(parts + ["%d for other reasons" % rest] * bool(rest))


def _check_classes(records, skipped, unseen, require_all_classes):
    counts = Counter(record.label for record in records)
    if counts and (len(counts) == 2 or not require_all_classes):
        return
    found = " and ".join("%d in %s/" % (counts[i], name) for i, name in enumerate(CLASSES["collision"]))
    example = " (%d skipped, such as %s: %s)" % ((len(skipped),) + skipped[0]) if skipped else ""
    raise DatasetError("expected readable pictures in both blocked/ and free/, found %s; collect both kinds"
                       % "; ".join([found + example] + unseen))


def _assemble(task, records, paths, titles, skipped, notes, n_excluded, thumbnails, kept):
    labels = [record.label for record in records]
    targets = np.array(labels, dtype=np.int64 if task == "collision" else np.float32)
    sources = np.array([record.source for record in records], dtype=np.int64)
    times_s = np.zeros(len(records), dtype=np.float64)
    clocks = []
    for source, title in enumerate(titles):
        members = np.flatnonzero(sources == source)
        files = [records[i].file for i in members]
        times_s[members], clock, note = capture_times(_ordering_names(files, task),
                                                      [f.modified_s for f in files])
        clocks.append(clock)
        if clock == "modification time" and os.path.isfile(paths[source]):
            note = "local time of the zip, not to be compared with other clocks"
        if len(members):
            note = " (%s)" % note if note else ""
            notes.append("%s: %d frames, in order of %s%s" % (title, len(members), clock, note))
        else:
            notes.append("%s: nothing new, every frame is a copy of one already read or was skipped" % title)
    rows = np.array([record.row for record in records], dtype=np.int64)
    images = picked(thumbnails, sources, rows)
    if isinstance(images, np.ndarray):
        images.flags.writeable = False  # with an origin or without
    origin = None if any(one is None for one in kept) else Origin(kept, sources, rows)
    return Dataset(task, [record.name for record in records], images, targets, times_s, sources, clocks,
                   [record.digest for record in records], skipped, notes, n_excluded, origin)


def _ordering_names(files, task):
    """Names to order frames by: without blocked/ or free/ where both share one numbering (no name twice)."""
    paths = [file.path for file in files]
    if task == "collision":
        numbered = ["%s/%s" % (file.folder.rpartition("/")[0], file.file_name) for file in files]
        if len(set(numbered)) == len(numbered):
            return numbered
    return paths
