"""From picture files to features, beside reading them with OpenCV alone."""
import os
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from .bench_clock import row
from .bench_inference import some_frame
from .dataset import load_dataset
from .features import FeatureSpec, extract


def rows(rounds, random_state, folder, n_frames):
    """-> [Row]. folder: an empty one, for n_frames frames as JPEG files."""
    paths = write_frames(folder, n_frames, random_state)
    threads = min(4, os.cpu_count() or 1)  # as many as load_dataset takes

    def ours():  # as a training does it
        images = load_dataset("collision", folder).images
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda part: extract(part, FeatureSpec()), np.array_split(images, threads)):
                pass

    def theirs():
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(cv2.imread, paths):
                pass

    # the processor's time of all threads: the time that passes is the other programs' too, when all cores are asked for
    return [row("%d JPEG files to features" % n_frames, ours, "cv2.imread of all", theirs, 1.25, max(3, rounds // 6),
                random_state)]


def write_frames(folder, n_frames, random_state):
    """-> [path] of frames in folder/blocked and folder/free."""
    paths = []
    for number in range(n_frames):
        place = os.path.join(folder, ("blocked", "free")[number % 2])
        os.makedirs(place, exist_ok=True)
        paths.append(os.path.join(place, "%05d.jpg" % number))
        cv2.imwrite(paths[-1], some_frame(random_state))
    return paths
