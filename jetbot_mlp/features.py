"""A camera frame becomes the numbers that the network sees.

Three kinds of numbers, each switched on by its size in `FeatureSpec`:

- *grey* pixels of the downsampled frame (the lecture's MNIST input),
- *colour* pixels of the downsampled frame: what is where,
- *gradient maps*: how much edge there is, of which direction, in each cell of the frame
  (histograms of oriented gradients, Dalal & Triggs 2005). A shoe and a wall have few
  colours in common but both have edges where the free floor has none, so these numbers carry
  over from the frames one has collected to the frames one meets.

The same code runs in training and on the robot, and the `FeatureSpec` travels in the model
file, so preprocessing cannot differ between the two. Everything is plain NumPy and a few OpenCV
functions that exist from OpenCV 4.1 to 5 (`cv2.HOGDescriptor` does not).
"""
import functools
from typing import NamedTuple

import numpy as np

try:
    import cv2
except ImportError as error:  # left out of the requirements on purpose, see setup.cfg
    raise ImportError(f"jetbot_mlp needs OpenCV ({error}): on a laptop pip install 'jetbot_mlp[laptop]', "
                      f"on the robot use the python3 that has cv2")

from .edge_histograms import PATCH, opponent_colors, patch_histograms
from .errors import FrameError
from .messages import no_picture

WORKING_SIZE = 112  #: px; every frame is first shrunk to this square, half of the robot's 224
NOISE_FLOOR = 0.02  #: edge strength below which a block counts as flat


class FeatureSpec(NamedTuple):
    """Which numbers are made of a frame; 0 leaves a kind out. Stored in the model file."""

    grey_size: int = 0  #: px; grey picture of grey_size x grey_size
    color_size: int = 0  #: px; colour picture of color_size x color_size x 3
    gradient_size: int = 112  #: px; the colour picture whose gradients are taken, a multiple of PATCH
    cells: int = 7  #: cells along one side of the gradient maps
    coarse_cells: int = 4  #: the same of a second, coarser map of the same gradients; 0 for none
    directions: int = 9  #: edge directions told apart, 0 to 180 degrees

    @property
    def maps(self):
        """Cells along one side of each gradient map."""
        return [cells for cells in (self.cells, self.coarse_cells) if cells] if self.gradient_size else []

    @property
    def n_features(self):
        """Length of the feature vector."""
        blocks = sum((cells - 1) ** 2 for cells in self.maps)
        return self.grey_size ** 2 + 3 * self.color_size ** 2 + blocks * 4 * self.directions

    def check(self):
        """Raise ValueError when the settings contradict each other; return self."""
        for name, value, low, high in (
            ("grey_size", self.grey_size, 0, WORKING_SIZE), ("color_size", self.color_size, 0, WORKING_SIZE),
            ("gradient_size", self.gradient_size, 0, WORKING_SIZE), ("cells", self.cells, 0, WORKING_SIZE),
            ("coarse_cells", self.coarse_cells, 0, WORKING_SIZE), ("directions", self.directions, 2, 36),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"feature setting {name} must be a whole number from {low} to {high}, "
                                 f"found {value!r}")
        if self.gradient_size % PATCH:
            raise ValueError(f"gradient_size must be 0 or a multiple of {PATCH}, found {self.gradient_size}")
        for cells in self.maps:
            if not 2 <= cells <= self.gradient_size // PATCH:
                raise ValueError(f"cells and coarse_cells must be 0 or from 2 to gradient_size / {PATCH}, "
                                 f"found {cells}")
        if self.n_features == 0:
            raise ValueError("all feature kinds are switched off; give at least one size above 0")
        return self


def shrink(image):
    """Bring a camera frame to the working size.

    image: uint8 (H, W, 3), BGR, any size. Returns uint8 (112, 112, 3). A frame that is not
    square is squeezed, as the JetBot's camera does with its own wide picture.
    Raises FrameError for anything else.
    """
    found = no_picture(image)
    if found is not None:
        raise FrameError(f"expected a frame of uint8 (height, width, 3) in BGR, found {found}; "
                         f"check the camera")
    return resize(image, WORKING_SIZE)


def extract(images, spec):
    """Feature vectors of working-size frames.

    images: uint8 (n, 112, 112, 3), BGR, from `shrink`. Returns float32 (n, spec.n_features).
    """
    out = np.empty((len(images), spec.n_features), np.float32)
    for row, image in zip(out, images):
        _fill(row, image, spec)
    return out


def resize(image, size):
    """A square or not quite square picture to size x size px, as the features take it."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    # area averaging is the one method that neither aliases when shrinking nor depends on the
    # exact scale; it is undefined for enlarging
    shrinking = height >= size and width >= size
    return cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)


def _fill(row, image, spec):
    """Write the features of one frame into row, float32 (n_features,)."""
    end = spec.grey_size ** 2
    if spec.grey_size:
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        np.multiply(resize(grey, spec.grey_size).ravel(), np.float32(1 / 255), out=row[:end])
    start, end = end, end + 3 * spec.color_size ** 2
    if spec.color_size:
        row[start:end] = opponent_colors(resize(image, spec.color_size)).ravel()
    if spec.maps:
        histograms = patch_histograms(resize(image, spec.gradient_size), spec.directions)
        _fill_maps(row[end:].reshape(-1, 4 * spec.directions), histograms, spec)


def _fill_maps(blocks, histograms, spec):
    """The `gradient_map` of each of spec.maps, one block a row, into blocks, float32 (n_blocks, 4 * directions).

    Small products are bound by the number of calls, so all maps are made at once: one product makes the cells of all,
    which are then copied to the blocks that they belong to.
    """
    pool, cells_of_block = _all_pooling(len(histograms), tuple(spec.maps))
    cells = np.dot(pool, histograms.reshape(-1, spec.directions))
    np.take(cells, cells_of_block, axis=0, out=blocks.reshape(len(cells_of_block), -1), mode="clip")
    _normalise(blocks)


def gradient_map(histograms, cells):
    """Pool patches into cells and normalise blocks of 2 x 2 cells.

    histograms: float32 (p, p, directions) of `patch_histograms`; cells: along one side, 2 to p.
    Returns float32 (cells - 1, cells - 1, 4 * directions): for every block the four cells' histograms.

    Cells overlap: a patch adds to the nearest cells by its distance from their centres, so an edge that
    moves by some px changes the numbers a little, not at once. Each block is divided by its length,
    sqrt(sum of squares + floor), values above 0.2 are cut and the block is divided again (L2-Hys, Dalal &
    Triggs), so contrast drops out.
    """
    blocks = pooled_blocks(histograms, cells)
    _normalise(blocks.reshape(-1, blocks.shape[2]))
    return blocks


def _normalise(blocks):
    """L2-Hys of each row, in place. blocks: float32 (n, 4 * directions)."""
    _divide_by_length(blocks, NOISE_FLOOR ** 2)
    np.minimum(blocks, np.float32(0.2), out=blocks)
    _divide_by_length(blocks, 1e-4)


def _divide_by_length(rows, floor):
    """x / sqrt(sum of x^2 + floor) of each row, in place."""
    rows /= np.sqrt(np.einsum("ij,ij->i", rows, rows) + np.float32(floor))[:, np.newaxis]


def pooled_blocks(histograms, cells):
    """The blocks of `gradient_map` before they are normalised: float32 (cells - 1, cells - 1, 4 * directions)."""
    pool = pooling(len(histograms), cells)
    rows = pool.dot(histograms.reshape(len(histograms), -1)).reshape(cells, len(histograms), -1)
    pooled = np.matmul(pool, rows)
    return np.concatenate((pooled[:-1, :-1], pooled[:-1, 1:], pooled[1:, :-1], pooled[1:, 1:]), axis=2)


@functools.lru_cache(maxsize=8)
def mirror_order(spec):
    """Where each feature of the mirrored frame stands among those of the frame itself.

    Returns int64 (n_features,): `extract(mirrored) = extract(frame)[:, mirror_order]`, up to rounding, so
    the mirrored frame's features cost nothing.
    """
    numbers = np.arange(spec.n_features)
    parts, end = [], 0
    for size, depth in ((spec.grey_size, 1), (spec.color_size, 3)):
        start, end = end, end + size * size * depth
        parts.append(numbers[start:end].reshape(size, size, depth)[:, ::-1])
    for cells in spec.maps:
        start, end = end, end + (cells - 1) ** 2 * 4 * spec.directions
        blocks = numbers[start:end].reshape(cells - 1, cells - 1, 2, 2, spec.directions)
        parts.append(blocks[:, ::-1, :, ::-1, ::-1])  # columns, left and right cell, direction to 180 - direction
    order = np.concatenate([part.ravel() for part in parts])
    order.flags.writeable = False  # the same array for every caller
    return order


@functools.lru_cache(maxsize=None)
def pooling(patches, cells):
    """float32 (cells, patches): the weight of each patch in each cell, falling linearly to the next cell's centre."""
    width = patches / cells
    centers = (np.arange(cells) + 0.5) * width
    distance = np.abs(np.arange(patches) + 0.5 - centers[:, None]) / width
    weights = np.maximum(0, 1 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


@functools.lru_cache(maxsize=None)
def _all_pooling(patches, maps):
    """-> float32 (all cells, patches ** 2), rows and columns pooled at once; int64 (4 * all blocks,): their cells.

    maps: cells along one side of each map.
    """
    pool = np.concatenate([np.kron(pooling(patches, cells), pooling(patches, cells)) for cells in maps])
    members, first = [], 0
    for cells in maps:
        number = first + np.arange(cells ** 2).reshape(cells, cells)
        members.append(np.stack((number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]), axis=2).ravel())
        first += cells ** 2
    return pool, np.concatenate(members)
