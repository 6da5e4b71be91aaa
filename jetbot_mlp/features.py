"""A camera frame becomes the numbers that the network sees.

Three kinds of numbers, each switched on by its size in `FeatureSpec`:

- *grey* pixels of the downsampled frame (the lecture's MNIST input),
- *colour* pixels of the downsampled frame: what is where,
- *gradient maps*: how much edge there is, of which direction, in each cell of the frame
  (histograms of oriented gradients, Dalal & Triggs 2005). A shoe and a wall have few
  colours in common but both have edges where the free floor has none, so these numbers carry
  over from the frames one has collected to the frames one meets.

The same code runs in training and on the robot, and the `FeatureSpec` travels in the model
file, so preprocessing cannot differ between the two. Everything is plain NumPy and four OpenCV
functions that exist from OpenCV 4.1 to 5 (`cv2.HOGDescriptor` does not).
"""
from typing import NamedTuple

import numpy as np

try:
    import cv2
except ImportError as error:  # left out of the requirements on purpose, see setup.cfg
    raise ImportError(f"jetbot_mlp needs OpenCV ({error}): on a laptop pip install 'jetbot_mlp[laptop]', "
                      f"on the robot use the python3 that has cv2")

from .errors import FrameError

WORKING_SIZE = 112  #: px; every frame is first shrunk to this square, half of the robot's 224
CELL = 8  #: px of the gradient picture that make up one cell of the gradient maps
NOISE_FLOOR = 0.02  #: edge strength (share of full contrast) below which a block counts as flat


class FeatureSpec(NamedTuple):
    """Which numbers are made of a frame; 0 leaves a kind out. Stored in the model file."""

    grey_size: int = 0  #: px; grey picture of grey_size x grey_size
    color_size: int = 16  #: px; colour picture of color_size x color_size x 3
    gradient_size: int = 56  #: px; the grey picture whose gradients are taken, a multiple of CELL
    directions: int = 9  #: edge directions told apart, 0 to 180 degrees

    @property
    def cells(self):
        """Cells along one side of the gradient maps."""
        return self.gradient_size // CELL

    @property
    def n_features(self):
        """Length of the feature vector."""
        blocks = max(self.cells - 1, 0)
        return self.grey_size ** 2 + 3 * self.color_size ** 2 + blocks ** 2 * 4 * self.directions

    def check(self):
        """Raise ValueError when the settings contradict each other; return self."""
        for name, value, low, high in (
            ("grey_size", self.grey_size, 0, WORKING_SIZE), ("color_size", self.color_size, 0, WORKING_SIZE),
            ("gradient_size", self.gradient_size, 0, WORKING_SIZE), ("directions", self.directions, 2, 36),
        ):
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise ValueError(f"feature setting {name} must be a whole number from {low} to {high}, "
                                 f"found {value!r}")
        if self.gradient_size % CELL or self.gradient_size == CELL:
            raise ValueError(f"gradient_size must be 0 or a multiple of {CELL} from {2 * CELL}, "
                             f"found {self.gradient_size}")
        if self.n_features == 0:
            raise ValueError("all feature kinds are switched off; give at least one size above 0")
        return self


def shrink(image):
    """Bring a camera frame to the working size.

    image: uint8 (H, W, 3), BGR, any size. Returns uint8 (112, 112, 3). A frame that is not
    square is squeezed, as the JetBot's camera does with its own wide picture.
    Raises FrameError for anything else.
    """
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 \
            or image.shape[2] != 3 or 0 in image.shape:
        found = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise FrameError(f"expected a frame of uint8 (height, width, 3) in BGR, found {found}; "
                         f"check the camera")
    return _resize(image, WORKING_SIZE)


def extract(images, spec):
    """Feature vectors of working-size frames.

    images: uint8 (n, 112, 112, 3), BGR, from `shrink`. Returns float32 (n, spec.n_features).
    """
    out = np.empty((len(images), spec.n_features), np.float32)
    for row, image in zip(out, images):
        _fill(row, image, spec)
    return out


def _resize(image, size):
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
        np.multiply(_resize(grey, spec.grey_size).ravel(), np.float32(1 / 255), out=row[:end])
    start, end = end, end + 3 * spec.color_size ** 2
    if spec.color_size:
        np.multiply(_resize(image, spec.color_size).ravel(), np.float32(1 / 255), out=row[start:end])
    if spec.gradient_size:
        grey = cv2.cvtColor(_resize(image, spec.gradient_size), cv2.COLOR_BGR2GRAY)
        row[end:] = gradient_maps(grey, spec.directions).ravel()


def gradient_maps(grey, directions):
    """Histograms of oriented gradients of one grey picture.

    grey: uint8 (s, s), s a multiple of 8. Returns float32 (s/8 - 1, s/8 - 1, 4 * directions):
    for every block of 2 x 2 cells the four cells' histograms, each brought to a length <= 1.

    1. gradient by central difference, dx = (I(x+1) - I(x-1)) / 2, of the square root of the
       brightness, which makes a shadow's edge weaker and a dark room's edges stronger;
    2. its strength |g| and direction, the sign left out (0 to 180 degrees: dark on bright is
       the same edge as bright on dark);
    3. every pixel adds |g| to the two nearest directions of its cell, shared linearly;
    4. each block is divided by its length, sqrt(sum of squares + floor), values above 0.2 are
       cut and the block is divided again (L2-Hys), so lighting and contrast drop out.

    Source: Dalal & Triggs, Histograms of Oriented Gradients for Human Detection, CVPR 2005.
    """
    root = _SQUARE_ROOT[grey]
    dx = cv2.Sobel(root, cv2.CV_32F, 1, 0, ksize=1, scale=0.5)
    dy = cv2.Sobel(root, cv2.CV_32F, 0, 1, ksize=1, scale=0.5)
    strength, angle = cv2.cartToPolar(dx, dy)  # angle: 0 to 2 pi
    position = angle * np.float32(directions / np.pi) - np.float32(0.5)  # in units of one direction
    below = np.floor(position)
    share = position - below
    first = below.astype(np.intp) % directions
    second = (first + 1) % directions

    cells = grey.shape[0] // CELL
    cell_of = np.arange(grey.shape[0]) // CELL
    base = (cell_of[:, None] * cells + cell_of[None, :]) * directions
    upper = strength * share
    size = cells * cells * directions
    histogram = np.bincount((base + first).ravel(), (strength - upper).ravel(), size)
    histogram += np.bincount((base + second).ravel(), upper.ravel(), size)
    histogram = (histogram / CELL ** 2).astype(np.float32).reshape(cells, cells, directions)

    blocks = np.concatenate((histogram[:-1, :-1], histogram[:-1, 1:],
                             histogram[1:, :-1], histogram[1:, 1:]), axis=2)
    blocks /= np.sqrt(np.sum(blocks * blocks, axis=2, keepdims=True) + np.float32(NOISE_FLOOR ** 2))
    np.minimum(blocks, np.float32(0.2), out=blocks)
    blocks /= np.sqrt(np.sum(blocks * blocks, axis=2, keepdims=True) + np.float32(1e-4))
    return blocks


_SQUARE_ROOT = np.sqrt(np.arange(256, dtype=np.float32) / 255)  # of every possible brightness
