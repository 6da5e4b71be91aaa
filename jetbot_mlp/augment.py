"""Random variants of training frames whose labels stay true: "label-safe" augmentation.

What changes between two drives is the camera's pose, so the frame is shifted, turned, scaled and mirrored. A
mirrored corridor is as blocked or as free as the real one, and a road's target moves with the picture: it goes
through the very same transform as the pixels (Simard et al. 2003, Best Practices for Convolutional Neural
Networks Applied to Visual Document Analysis). How near an obstacle is decides whether it blocks, so frames of
that task are moved less.

Light, colours, noise and blur are not varied: the features hardly see the light (`features`), and varying them
cost one to three points of balanced accuracy on the real sets (docs/accuracy.md).
"""
from typing import NamedTuple

import cv2
import numpy as np


class Geometry(NamedTuple):
    """How far a frame may be moved."""

    shift: float  #: of the frame's side
    scale: float  #: 0.08: 1 / 1.08 to 1.08 times as large
    rotation_deg: float


GEOMETRY = {"collision": Geometry(0.03, 0.03, 2.0), "road": Geometry(0.08, 0.08, 4.0)}


def augment(images, targets, task, random_state, mirror=True, geometry=None):
    """One random variant of every frame.

    images: uint8 (n, size, size, 3), BGR; targets: collision int (n,), road float (n, 2) in [-1, 1];
    random_state: np.random.RandomState; mirror: False for a track with a side (keep right); geometry: `Geometry`,
    or None for the task's own.
    Returns (images, targets), new arrays of the same shapes and dtypes. A road target that leaves
    the frame is clipped to its edge, as in the official click widget.
    """
    if task not in GEOMETRY:
        raise ValueError("expected task 'collision' or 'road', found %r" % (task,))
    n, size = len(images), images.shape[1]
    transforms = _transforms(n, GEOMETRY[task] if geometry is None else geometry, random_state, mirror)

    center_px = (size - 1) / 2.0  # pixel centres are at 0, 1, ... size - 1; x = y = 0 is in the middle
    scales = np.array([[center_px + 0.5], [center_px + 0.5]])
    varied = np.empty_like(images)
    for i in range(n):
        matrix = transforms[i].copy()
        matrix[:, 2:] = matrix[:, 2:] * scales + center_px - matrix[:, :2].dot([[center_px], [center_px]])
        varied[i] = cv2.warpAffine(images[i], matrix, (size, size), flags=cv2.INTER_LINEAR,
                                   borderMode=cv2.BORDER_REFLECT)
    if task == "collision":
        return varied, np.array(targets)
    moved = np.einsum("nij,nj->ni", transforms[:, :, :2], targets) + transforms[:, :, 2]
    return varied, np.clip(moved, -1.0, 1.0).astype(targets.dtype)


def _transforms(n, most, random_state, mirror):
    """float64 (n, 2, 3): affine maps of points in [-1, 1] x [-1, 1], y down: mirror, rotate, scale, shift."""
    angles = np.deg2rad(random_state.uniform(-1, 1, n) * most.rotation_deg)
    scales = np.exp(random_state.uniform(-1, 1, n) * np.log1p(most.scale))
    flips = np.where(random_state.uniform(size=n) < 0.5, -1.0, 1.0) if mirror else np.ones(n)
    cos, sin = scales * np.cos(angles), scales * np.sin(angles)
    transforms = np.empty((n, 2, 3))
    transforms[:, 0, 0], transforms[:, 0, 1] = flips * cos, -sin
    transforms[:, 1, 0], transforms[:, 1, 1] = flips * sin, cos
    transforms[:, :, 2] = 2.0 * most.shift * random_state.uniform(-1, 1, (n, 2))  # the frame is 2 wide
    return transforms
