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

Training mirrors its frames, so a frame that was mirrored and saved anew (augmentation before the training) is a
near-twin of its original too. No two of those real frames are mirror images of one another within 0.15, while copies
saved as JPEG of quality 50 to 95 are 0.01 to 0.04 away from theirs (at most 0.15).

A parked robot makes all pairs near-twins. So of every frame only its nearest twins are listed, and which frames hang
together, and which remain when none is a near-twin of another, is told without listing pairs.
"""
from typing import NamedTuple, Optional

import cv2
import numpy as np

NEAR = 0.15  #: below this distance two frames are near-twins
SIDE, REGIONS = 16, 4  #: of the thumbnail in px, and how many regions lie beside one another in it
MOST_TWINS = 20  #: listed of every frame, the nearest
_DARK = 16.0  #: added to all pixel values: noise in the black is no difference
_ROWS, _COLUMNS = 512, 2048  #: so many frames are compared with so many at once
_NUMBERS = SIDE * SIDE * 3 // REGIONS ** 2  #: of a region
_FEW = 4096  #: candidates compared one by one at once


class Twins(NamedTuple):
    """Pairs of near-twins, the nearest first."""

    first: np.ndarray  #: int64 (p,), index into images
    second: np.ndarray  #: int64 (p,), index into others, or into images and then above first
    distance: np.ndarray  #: float64 (p,), to about 0.001
    mirrored: np.ndarray  #: bool (p,): near-twins when one of them is mirrored, and not as they are
    pairs: int  #: how many pairs of near-twins there are; listed are the MOST_TWINS nearest of every frame
    group: Optional[np.ndarray]  #: int64 (n,), lowest index among the frames that hang together; None with others


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


def twin_pairs(images, others=None, near=NEAR, mirror=True, wanted=None):
    """Near-twins within images, or between images and others -> Twins.

    images: uint8 (n, h, w, 3); others: the same for m frames, or None for pairs within ``images``; mirror: is a frame
    a near-twin of its mirror image; wanted: callable(first, second, mirrored) -> bool (p,), which pairs to list, or
    None: all. Each frame of images (and of others, if None) that has a wanted twin is in the list with its nearest.
    """
    ours = thumbnails(images)
    theirs = ours if others is None else thumbnails(others)
    group = np.arange(len(ours)) if others is None else None
    columns = [_Prepared(theirs[left:left + _COLUMNS]) for left in range(0, len(theirs), _COLUMNS)]
    pairs, found = 0, [_no_pairs()]
    for start in range(0, len(ours), _ROWS):
        rows, of_rows = _Rows(ours[start:start + _ROWS], mirror), [_no_pairs()]
        for number, block in enumerate(columns):
            i, j, distance, mirrored = _near_pairs(rows, block, near)
            i, j = i + start, j + number * _COLUMNS
            if others is None:
                is_listed = i != j
                _join(group, i, j)
            else:
                is_listed = np.ones(len(i), dtype=bool)
            pairs += int(is_listed.sum())
            if wanted is not None:
                is_listed &= wanted(i, j, mirrored)
            of_rows.append([column[is_listed] for column in (i, j, distance, mirrored)])
            of_rows = [_no_pairs(), _nearest(_stacked(of_rows), MOST_TWINS)]
        found += of_rows
    first, second, distance, mirrored = _stacked(found)
    if others is None:  # each pair was met from both sides
        first, second, pairs = np.minimum(first, second), np.maximum(first, second), pairs // 2
        _, once = np.unique(first * len(ours) + second, return_index=True)
        first, second, distance, mirrored = (column[once] for column in (first, second, distance, mirrored))
    order = np.argsort(distance, kind="mergesort")  # stable in every NumPy
    return Twins(first[order], second[order], distance[order], mirrored[order], pairs, group)


def keep_different(images, near=NEAR, mirror=True):
    """Take the frames in their order and keep each that is no near-twin of one kept before.

    Returns (twin int64 (n,): the nearest kept near-twin of a frame that is not kept, its own index if it is kept;
    mirrored bool (n,): that twin is one when it is mirrored).
    """
    small = thumbnails(images)
    twin, is_mirrored, kept = np.arange(len(small)), np.zeros(len(small), dtype=bool), np.zeros(0, dtype=np.int64)
    for start in range(0, len(small), _ROWS):
        rows = _Rows(small[start:start + _ROWS], mirror)
        found = [_no_pairs()]
        for left in range(0, len(kept), _COLUMNS):
            block = kept[left:left + _COLUMNS]
            i, j, distance, mirrored = _near_pairs(rows, _Prepared(small[block]), near)
            found.append([i + start, block[j], distance, mirrored])
            found = [_nearest(_stacked(found), 1)]
        i, j, _, mirrored = _nearest(_stacked(found), 1)
        twin[i], is_mirrored[i] = j, mirrored
        is_open = np.ones(len(rows.plain.regions), dtype=bool)
        is_open[i - start] = False
        _keep_within(np.flatnonzero(is_open) + start, small, near, mirror, twin, is_mirrored)
        mine = np.arange(start, start + len(is_open))
        kept = np.concatenate([kept, mine[twin[mine] == mine]])
    return twin, is_mirrored


def _keep_within(frames, small, near, mirror, twin, is_mirrored):
    """`keep_different` among these few frames (int64, ascending), written into twin and is_mirrored."""
    is_kept = np.zeros(len(frames), dtype=bool)
    i, j, distance, mirrored = _near_pairs(_Rows(small[frames], mirror), _Prepared(small[frames]), near)
    bounds = np.searchsorted(i, np.arange(len(frames) + 1))
    for k in range(len(frames)):
        mine = np.arange(bounds[k], bounds[k + 1])
        mine = mine[is_kept[j[mine]]]
        if len(mine):
            best = mine[np.argmin(distance[mine])]
            twin[frames[k]], is_mirrored[frames[k]] = frames[j[best]], mirrored[best]
        else:
            is_kept[k] = True


class _Prepared:
    """Thumbnails, and what the quick first look needs of them."""

    def __init__(self, regions):
        self.regions = regions
        pixels = _NUMBERS // 3
        self.coarse = regions.reshape(len(regions), REGIONS ** 2, pixels, 3).mean(axis=2).reshape(  # mean colours
            len(regions), 3 * REGIONS ** 2)


class _Rows:
    """Thumbnails as they are, and mirrored (or None)."""

    def __init__(self, regions, mirror):
        self.plain, self.mirrored = _Prepared(regions), None
        if mirror:
            side = SIDE // REGIONS
            pixels = regions.reshape(len(regions), REGIONS, REGIONS, side, side, 3)
            self.mirrored = _Prepared(pixels[:, :, ::-1, :, ::-1].reshape(regions.shape))


def _near_pairs(rows, columns, near):
    """-> (i, j int64, distance float64, mirrored bool), i ascending; each pair once, as it is if it is near so."""
    i, j, distance = _close(rows.plain, columns, near)
    mirrored = np.zeros(len(i), dtype=bool)
    if rows.mirrored is None:
        return i, j, distance, mirrored
    more_i, more_j, more_distance = _close(rows.mirrored, columns, near)
    if len(more_i):
        known = np.zeros((len(rows.plain.regions), len(columns.regions)), dtype=bool)
        known[i, j] = True
        new = ~known[more_i, more_j]
        i, j = np.concatenate([i, more_i[new]]), np.concatenate([j, more_j[new]])
        distance = np.concatenate([distance, more_distance[new]])
        mirrored = np.concatenate([mirrored, np.ones(int(new.sum()), dtype=bool)])
        order = np.argsort(i, kind="mergesort")
        i, j, distance, mirrored = i[order], j[order], distance[order], mirrored[order]
    return i, j, distance, mirrored


def _close(ours, theirs, near):
    """Near-twins among two `_Prepared` -> (i, j, distance), i ascending.

    Each region's mean difference squared is at most its mean square difference, and the mean over the regions at most
    the largest, so one product finds all candidates, and only they are looked at closely: few of them one by one,
    many by products again.
    """
    squared = _squared(ours.coarse, theirs.coarse)
    candidate = squared < squared.dtype.type(ours.coarse.shape[1] * near ** 2 + 1e-3)  # room for float32's rounding
    i, j = np.nonzero(candidate)
    if len(i) > max(_FEW, candidate.size // 32):
        worst = _squared(ours.regions[:, 0], theirs.regions[:, 0])
        for region in range(1, REGIONS ** 2):
            np.maximum(worst, _squared(ours.regions[:, region], theirs.regions[:, region]), out=worst)
        distance = np.sqrt(np.maximum(worst[i, j], 0).astype(np.float64) / _NUMBERS)
    else:
        distance = np.empty(len(i))
        for start in range(0, len(i), _FEW):
            part = slice(start, start + _FEW)
            difference = ours.regions[i[part]] - theirs.regions[j[part]]
            distance[part] = np.sqrt(np.mean(difference * difference, axis=2, dtype=np.float64).max(axis=1))
    close = distance < near
    return i[close], j[close], distance[close]


def _squared(a, b):
    """Squared distances of the rows of a (n, k) from those of b (m, k) -> (n, m)."""
    product = a.dot(b.T)
    product *= -2
    product += np.sum(a * a, axis=1)[:, np.newaxis]
    product += np.sum(b * b, axis=1)
    return product


def _no_pairs():
    return [np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0), np.zeros(0, dtype=bool)]


def _stacked(parts):
    return [np.concatenate(column) for column in zip(*parts)]


def _nearest(pairs, most):
    """Of each first frame the ``most`` nearest of its pairs [i, j, distance, mirrored]."""
    order = np.lexsort((pairs[2], pairs[0]))
    i = pairs[0][order]
    order = order[np.arange(len(i)) - np.searchsorted(i, i) < most]
    return [column[order] for column in pairs]


def _join(group, i, j):
    """Frames of pairs (i, j), i ascending, and all that hangs together with them, get one number: the lowest."""
    starts = np.flatnonzero(np.concatenate([[True], i[1:] != i[:-1]])) if len(i) else []
    for start, end in zip(starts, np.append(starts[1:], len(i))):
        mine, others = group[i[start]], group[j[start:end]]
        if np.any(others != mine):
            numbers = np.unique(np.append(others, mine))
            group[np.isin(group, numbers)] = numbers[0]
