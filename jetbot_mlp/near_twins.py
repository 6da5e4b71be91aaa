"""Frames that are nearly the same picture: a robot that stood still, a button pressed twice.

Two near-twins, one learnt from and one held out, make a score that measures memory; two with contradicting
labels cannot both be right. Whether two frames are near-twins is told by small thumbnails:

- the logarithm of 16 x 16 colour thumbnails, since a shadow or a dark bottle before a dark wall is a matter of
  ratios, not of differences, minus each frame's mean (another exposure is not another picture);
- cut into 4 x 4 regions, and the region that differs most decides: a bottle that was put into the lane changes
  one sixteenth of the frame and everything about its label.

The distance is that region's root mean square difference; 0.15 means: nowhere more than about 15 % brighter or
darker. The threshold was set on six sets of real frames (2206 frames), where the closest two with and without
the bottle were 0.17 apart, and neighbours in time of a robot that stood still 0.01 to 0.10. Frames taken more
than a minute apart come as near as 0.06 where the robot came back to the same spot.
"""
import cv2
import numpy as np

NEAR = 0.15  #: below this distance two frames are near-twins
SIDE, REGIONS = 16, 4  #: of the thumbnail in px, and how many regions lie beside one another in it
_DARK = 16.0  #: added to all pixel values: noise in the black is no difference
MAX_PAIRS = 10 ** 6  #: a camera with its lid on would otherwise fill the memory
_ROWS = 512  #: frames compared with all others at once


def thumbnails(images):
    """uint8 (n, h, w, 3) -> what is compared, float32 (n, 16 regions, 48 numbers each)."""
    side = SIDE // REGIONS
    out = np.empty((len(images), REGIONS * REGIONS, side * side * 3), dtype=np.float32)
    for start in range(0, len(images), _ROWS):  # not all frames at once, of which there may be 100,000
        some = images[start:start + _ROWS]
        small = np.empty((len(some), SIDE, SIDE, 3), dtype=np.float32)
        for i, image in enumerate(some):
            small[i] = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        small = np.log(small + np.float32(_DARK))
        small -= small.mean(axis=(1, 2, 3), keepdims=True)
        regions = small.reshape(-1, REGIONS, side, REGIONS, side, 3).transpose(0, 1, 3, 2, 4, 5)
        out[start:start + _ROWS].reshape(regions.shape)[...] = regions
    return out


def twin_pairs(images, others=None, near=NEAR):
    """All pairs of near-twins, the nearest first.

    images: uint8 (n, h, w, 3); others: the same for m frames, or None for pairs within ``images``.
    Returns (first int64 (p,), second int64 (p,), distance float64 (p,)): indices into images and, if given,
    others; within images first < second. No more are looked for when MAX_PAIRS have been found.
    """
    ours = thumbnails(images)
    theirs = ours if others is None else thumbnails(others)
    # Each region's mean difference squared is at most its mean square difference, and the mean over the regions
    # at most the largest, so this one product finds all candidates, and only they are looked at closely.
    coarse, coarse_theirs = (_means(regions) for regions in (ours, theirs))
    found, n_found = [], 0
    for start in range(0, len(ours), _ROWS):
        a = coarse[start:start + _ROWS]
        squared = np.sum(a * a, axis=1)[:, np.newaxis] + np.sum(coarse_theirs ** 2, axis=1) - 2 * a.dot(coarse_theirs.T)
        i, j = np.nonzero(squared < a.shape[1] * near ** 2 + 1e-3)  # and room for float32's rounding
        i += start
        if others is None:
            i, j = i[i < j], j[i < j]
        for part in range(0, len(i), 4096):
            found.append(_close(ours, theirs, i[part:part + 4096], j[part:part + 4096], near))
            n_found += len(found[-1][0])
        if n_found > MAX_PAIRS:
            break
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    first, second, distance = (np.concatenate(column) for column in zip(*found))
    order = np.argsort(distance, kind="mergesort")  # stable in every NumPy
    return first[order], second[order], distance[order]


def _means(regions):
    """Mean colour of each region -> float32 (n, 48)."""
    pixels = regions.shape[2] // 3
    return regions.reshape(len(regions), REGIONS ** 2, pixels, 3).mean(axis=2).reshape(len(regions), 3 * REGIONS ** 2)


def _close(ours, theirs, i, j, near):
    """Of these candidates those that are near-twins -> (i, j, distance)."""
    difference = ours[i] - theirs[j]
    distance = np.sqrt(np.mean(difference * difference, axis=2, dtype=np.float64).max(axis=1))
    close = distance < near
    return i[close].astype(np.int64), j[close].astype(np.int64), distance[close]


def groups(n, first, second):
    """Frames 0..n-1 that hang together through pairs (first, second) -> list of ascending int64 arrays."""
    first, second = np.asarray(first, dtype=np.int64), np.asarray(second, dtype=np.int64)
    group = np.arange(n)
    for i, j in zip(first.tolist(), second.tolist()):
        if group[i] != group[j]:
            group[group == max(group[i], group[j])] = min(group[i], group[j])
    return [np.flatnonzero(group == number) for number in np.unique(group[first])]
