"""Digits for the lecture's notebook: MNIST, where its files are, else drawn ones, which are there for everybody.

Drawn digits are the characters of OpenCV's fonts, in changing sizes, strengths and slants, deformed as handwriting
would be (`elastic`). They are easier than real handwriting: good for trying things out, not for comparing scores.
"""
import os

import cv2
import numpy as np

from .elastic import FULL, deform
from .mnist import load_mnist

VARIABLE = "JETBOT_MLP_MNIST"  #: of the environment: the folder with MNIST's files
PLACES = ("mnist", os.path.join("..", "mnist"))
SOURCE = "https://storage.googleapis.com/cvdf-datasets/mnist/"
FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz", "t10k-images-idx3-ubyte.gz",
         "t10k-labels-idx1-ubyte.gz")
FONTS = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
SIDE = 28  # px
HAND = 0.5  # how unsteady it is, share of `elastic.FULL`


def find_digits(places=PLACES):
    """-> (data, words): what `load_mnist` returns, and where it comes from, for people.

    Looks into the folder that JETBOT_MLP_MNIST names, then into places; with no folder there, digits are drawn. A
    folder that is there but incomplete is an error: DatasetError.
    """
    named = os.environ.get(VARIABLE)
    for place in ([named] if named else []) + list(places):
        if place == named or os.path.isdir(place):
            data = load_mnist(place)
            return data, f"MNIST from {place}: {len(data[0])} digits to learn, {len(data[2])} to test"
    data = draw_digits()
    return data, (f"no MNIST found, so {len(data[0])} drawn digits to learn and {len(data[2])} to test; for the real "
                  f"ones put {', '.join(FILES)} from {SOURCE} into a folder 'mnist' here, or name their folder in "
                  f"{VARIABLE}")


def draw_digits(n_learn=6000, n_test=1000, seed=0):
    """Drawn digits, as many of each kind: (images uint8 (n_learn, 784), labels int64 (n_learn,), images, labels)."""
    random_state = np.random.RandomState(seed)
    n = n_learn + n_test
    labels = random_state.permutation(np.arange(n, dtype=np.int64) % 10)
    images = np.stack([_draw(str(label), random_state) for label in labels]).reshape(n, SIDE * SIDE)
    images = deform(images, random_state, FULL.times(HAND))
    return images[:n_learn], labels[:n_learn], images[n_learn:], labels[n_learn:]


def _draw(text, rs):
    """One digit, uint8 (28, 28): white on black, its middle in the picture's, give or take 1 px."""
    big = np.zeros((112, 112), np.uint8)
    font, size, thick = FONTS[rs.randint(len(FONTS))], rs.uniform(2.9, 3.4), rs.randint(6, 11)
    (width, height), _ = cv2.getTextSize(text, font, size, thick)
    cv2.putText(big, text, ((112 - width) // 2, (112 + height) // 2), font, size, 255, thick, cv2.LINE_AA)
    slant, dx, dy = rs.normal(0, 0.12), rs.uniform(-3, 3), rs.uniform(-3, 3)
    moved = np.float32([[1, -slant, dx + slant * 56], [0, 1, dy]])
    return cv2.resize(cv2.warpAffine(big, moved, (112, 112)), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
