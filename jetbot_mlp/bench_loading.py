"""From picture files to features, for the first time and again, beside reading the files with OpenCV alone."""
import os
import shutil
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import cv2
import numpy as np

from .bench_clock import row
from .bench_inference import some_frame
from .dataset import load_dataset
from .features import FeatureSpec
from .frame_cache import VARIABLE
from .frame_source import THREADS


def rows(rounds, random_state, folder, n_frames):
    """-> [Row]. folder: one that is not there yet, for n_frames frames as JPEG files; the cache lies beside it."""
    paths = write_frames(folder, n_frames, random_state)
    time.sleep(2.6)  # of files that changed just now nothing is kept
    cache, rounds = folder + "-cache", max(3, rounds // 6)

    def again():
        return load_dataset("collision", folder).features(FeatureSpec())

    def first():
        shutil.rmtree(cache, ignore_errors=True)
        return again()

    def theirs():
        with ThreadPoolExecutor(THREADS) as pool:  # in large parts: handing out costs too
            for _ in pool.map(_read_all, np.array_split(paths, THREADS)):
                pass

    # the processor's time of all threads: the time that passes is the other programs' too, when all cores are asked for
    beside = "cv2.imread of all"
    with _cache_in(cache):
        return [row("%d JPEG files to features" % n_frames, first, beside, theirs, 1.25, rounds, random_state),
                row("the same files again, from the cache", again, beside, theirs, 0.1, rounds, random_state)]


def _read_all(paths):
    for path in paths:
        cv2.imread(str(path))


@contextmanager
def _cache_in(folder):
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = folder
    try:
        yield
    finally:
        os.environ.pop(VARIABLE)
        if before is not None:
            os.environ[VARIABLE] = before


def write_frames(folder, n_frames, random_state):
    """-> [path] of frames in folder/blocked and folder/free, named and dated as a robot did it yesterday."""
    paths, begin_s = [], time.time() - 24 * 3600.0
    for number in range(n_frames):
        place = os.path.join(folder, ("blocked", "free")[number % 2])
        os.makedirs(place, exist_ok=True)
        paths.append(os.path.join(place, uuid1_at(begin_s + number) + ".jpg"))
        cv2.imwrite(paths[-1], some_frame(random_state))
        os.utime(paths[-1], (begin_s + number, begin_s + number))
    return paths


def uuid1_at(time_s):
    """Text of the uuid1 that a robot would draw at this time, s since 1970 (RFC 4122, section 4.1.4)."""
    ticks = int(time_s * 1e7) + 0x01B21DD213814000
    return str(uuid.UUID(fields=(ticks & 0xFFFFFFFF, ticks >> 32 & 0xFFFF, ticks >> 48 | 0x1000, 0x80, 1, 7)))
