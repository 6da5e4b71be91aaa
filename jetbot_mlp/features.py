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

from .errors import FrameError
from .messages import no_picture

WORKING_SIZE = 112  #: px; every frame is first shrunk to this square, half of the robot's 224
PATCH = 8  #: px of the gradient picture's side over which edges are counted, before patches are pooled into cells
NOISE_FLOOR = 0.02  #: edge strength below which a block counts as flat
DARKEST = 0.05  #: share of full brightness that is added before the logarithm, or noise in the dark would shout


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
    if spec.gradient_size:
        histograms = patch_histograms(resize(image, spec.gradient_size), spec.directions)
        for cells in spec.maps:
            start, end = end, end + (cells - 1) ** 2 * 4 * spec.directions
            row[start:end] = gradient_map(histograms, cells).ravel()


def opponent_colors(image):
    """Logarithmic opponent colours, float32 (s, s, 3), of a picture uint8 (s, s, 3), BGR.

    The logarithm turns the strength of the light into a sum: half the light shifts all values and leaves their
    differences as they are, so a dim room has the edges of a bright one. Opponent colours (b + g + r) / 3,
    r - g, b - (g + r) / 2 part brightness from tint (Hering's theory; van de Sande, Gevers & Snoek 2010): red
    tape on grey floor of the same brightness has no edge in grey, and a strong one here.
    """
    return cv2.transform(cv2.LUT(image, _LOGARITHM), _OPPONENT)


def patch_histograms(image, directions):
    """How much edge of which direction there is in every patch of 8 x 8 px.

    image: uint8 (s, s, 3), BGR, s a multiple of 8. Returns float32 (s/8, s/8, directions).

    1. Gradients of the three `opponent_colors` by central difference, dx = (I(x+1) - I(x-1)) / 2, brought
       together as a structure tensor: c = sum(dx dx - dy dy), s = sum(2 dx dy) over the colours.
       sqrt(|(c, s)|) is the edge's strength and half the angle of (c, s) its direction, 0 to 180 degrees:
       dark on bright is the same edge as bright on dark.
    2. Every pixel adds its strength to the two nearest directions of its patch, shared linearly.

    Source: 1 Di Zenzo, A note on the gradient of a multi-image, 1986; 2 Dalal & Triggs, Histograms of
    Oriented Gradients for Human Detection, CVPR 2005.
    """
    colors = opponent_colors(image)
    dx = cv2.Sobel(colors, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    dy = cv2.Sobel(colors, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    along = cv2.transform((dx + dy) * (dx - dy), _SUM)
    across = cv2.transform(dx * dy, 2 * _SUM)
    strength, angle = cv2.cartToPolar(along, across)  # of the doubled direction: 0 to 2 pi
    strength = cv2.sqrt(strength)

    position = angle * np.float32(directions / (2 * np.pi)) + np.float32(directions - 0.5)  # in directions, above 0
    first = position.astype(np.int32)
    upper = strength * (position - first)
    patches = len(image) // PATCH
    bins = first % directions + _patch_of_each_pixel(patches) * directions
    size = patches * patches * directions
    histograms = np.bincount(bins.ravel(), (strength - upper).ravel(), size).reshape(-1, directions)
    next_one = np.bincount(bins.ravel(), upper.ravel(), size).reshape(-1, directions)
    histograms[:, 1:] += next_one[:, :-1]
    histograms[:, 0] += next_one[:, -1]
    return (histograms / PATCH ** 2).astype(np.float32).reshape(patches, patches, directions)


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
    blocks /= np.sqrt(np.sum(blocks * blocks, axis=2, keepdims=True) + np.float32(NOISE_FLOOR ** 2))
    np.minimum(blocks, np.float32(0.2), out=blocks)
    blocks /= np.sqrt(np.sum(blocks * blocks, axis=2, keepdims=True) + np.float32(1e-4))
    return blocks


def pooled_blocks(histograms, cells):
    """The blocks of `gradient_map` before they are normalised: float32 (cells - 1, cells - 1, 4 * directions)."""
    pool = pooling(len(histograms), cells)
    rows = pool.dot(histograms.reshape(len(histograms), -1)).reshape(cells, len(histograms), -1)
    pooled = np.matmul(pool, rows)
    return np.concatenate((pooled[:-1, :-1], pooled[:-1, 1:], pooled[1:, :-1], pooled[1:, 1:]), axis=2)


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
    return np.concatenate([part.ravel() for part in parts])


@functools.lru_cache(maxsize=None)
def _patch_of_each_pixel(patches):
    """int32 (8 p, 8 p)."""
    number = np.arange(patches * PATCH, dtype=np.int32) // PATCH
    return number[:, None] * np.int32(patches) + number


@functools.lru_cache(maxsize=None)
def pooling(patches, cells):
    """float32 (cells, patches): the weight of each patch in each cell, falling linearly to the next cell's centre."""
    width = patches / cells
    centers = (np.arange(cells) + 0.5) * width
    distance = np.abs(np.arange(patches) + 0.5 - centers[:, None]) / width
    weights = np.maximum(0, 1 - distance)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


_LOGARITHM = (np.log(np.arange(256) / 255 + DARKEST) / 3).astype(np.float32)  # of every possible brightness; / 3: ~1
_OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0, -1, 1], [1, -0.5, -0.5]], np.float32)  # of b, g, r
_SUM = np.ones((1, 3), np.float32)
