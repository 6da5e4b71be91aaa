"""The yardstick that learns nothing: answer as the most similar known frame was labelled.

It is good where frames have near-twins among the known ones, so it shows how much of a score is memory
(Cover & Hart, Nearest Neighbor Pattern Classification, IEEE Trans. Information Theory 13, 1967).
"""
import cv2
import numpy as np

from .losses import one_hot

SIZE = 32  #: px; frames are compared as grey pictures of SIZE x SIZE
CHUNK = 256  #: frames compared at once


def nearest_answers(known, targets, images, n_classes=None):
    """What the label of the nearest known frame would answer.

    known: uint8 (n, 112, 112, 3) BGR with their targets, int (n,) for n_classes classes or float (n, 2);
    images: uint8 (m, 112, 112, 3). Near: smallest Euclidean distance of the grey pixels; a tie: the first.
    Returns float (m, n_classes), 1 for the class and 0 for the others, or float (m, 2).
    """
    known = _grey(known)
    squares = np.sum(known ** 2, axis=1)
    nearest = np.empty(len(images), dtype=np.int64)
    for start in range(0, len(images), CHUNK):
        some = _grey(images[start:start + CHUNK])
        # |a - b|^2 = |a|^2 - 2 ab + |b|^2; the first is the same for all b. Whole numbers: exact in float64.
        nearest[start:start + CHUNK] = np.argmin(squares - 2 * some.dot(known.T), axis=1)
    found = np.asarray(targets)[nearest]
    return found.astype(np.float64) if n_classes is None else one_hot(found, n_classes).astype(np.float64)


def _grey(images):
    """uint8 (n, s, s, 3) -> float64 (n, SIZE * SIZE), 0 to 255."""
    out = np.empty((len(images), SIZE * SIZE))
    for row, image in zip(out, images):
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        row[:] = cv2.resize(grey, (SIZE, SIZE), interpolation=cv2.INTER_AREA).ravel()
    return out
