"""Other hands' digits: elastic and affine deformations of handwritten digits, a thousand at a time.

A hand never draws the same digit twice: slant, width and turn differ, and the pen trembles. A network that sees every
digit deformed anew in every epoch learns what does not matter. The elastic part moves each pixel by a random field:
uniform noise in -1..1 for each pixel, blurred with a Gaussian of standard deviation sigma and multiplied by alpha;
small sigmas tear a digit apart, large ones only shift it. From: Simard, Steinkraus & Platt 2003, "Best practices for
convolutional neural networks applied to visual document analysis", which reached an error of 0.7 % in this way with
800 hidden nodes (alpha 34, sigma 4).

The digits are laid out as one mosaic, so that OpenCV blurs the field and moves the pixels of 1,024 of them in one
call: 60,000 digits take about a second on one core. OpenCV and NumPy let go of Python's lock meanwhile, so that
another thread can learn.
"""
from typing import NamedTuple

import cv2
import numpy as np

SIDE = 28  #: px
PAD = 2  #: px of black around each digit in the mosaic, so that none is drawn into its neighbour
TILE = SIDE + 2 * PAD
ACROSS = 32  #: digits in a row of the mosaic
BLOCK = ACROSS * ACROSS  #: digits in one mosaic


class Deformation(NamedTuple):
    """How strongly digits are deformed; where all but sigma are 0, they stay as they are."""

    alpha: float = 34.0  #: the elastic field before the blur, px; after it 1.4 px (standard deviation)
    sigma: float = 4.0  #: of the blur, px
    rotation_deg: float = 10.0  #: at most, to either side
    shear: float = 0.15  #: at most: a slant of so many px per px
    scale: float = 0.12  #: at most: width and height, each for itself, times 1 / 1.12 to 1.12
    shift_px: float = 0.7  #: at most, along and across

    def times(self, strength):
        """The same with everything but sigma multiplied by strength."""
        return Deformation(*(value * strength for value in self))._replace(sigma=self.sigma)


FULL = Deformation()


def deform(images, random_state, deformation=FULL):
    """One random deformation of every digit.

    images: uint8 (n, 784) on black; random_state: np.random.RandomState. Returns new uint8 (n, 784).
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 2 or images.shape[1] != SIDE * SIDE:
        raise ValueError(f"images: expected uint8 of shape (n, {SIDE * SIDE}), found {images.dtype} of shape "
                         f"{images.shape}; pass what load_mnist gives")
    deformed = np.empty_like(images)
    for start in range(0, len(images), BLOCK):
        part = slice(start, start + BLOCK)
        deformed[part] = _deform_block(images[part], random_state, deformation)
    return deformed


def _deform_block(images, random_state, deformation):
    """As `deform`, for 1 to BLOCK digits. Axes of a mosaic: tile down, pixel row, tile across, pixel column."""
    n, down = len(images), -(-len(images) // ACROSS)
    tiles = np.zeros((down * ACROSS, TILE, TILE), np.uint8)
    tiles[:n, PAD:-PAD, PAD:-PAD] = images.reshape(n, SIDE, SIDE)
    mosaic = tiles.reshape(down, ACROSS, TILE, TILE).transpose(0, 2, 1, 3).reshape(down * TILE, ACROSS * TILE)

    # where each new pixel comes from: x and y in px from the middle of its digit, float32 (2, mosaic)
    sources = _elastic_field(down, random_state, deformation)
    matrices = _affine_maps(down, random_state, deformation)
    ticks = np.arange(SIDE, dtype=np.float32) - np.float32((SIDE - 1) / 2)
    for axis in (0, 1):
        along, across, shift = matrices[axis]
        sources[axis] += along[:, None, :, None] * ticks
        sources[axis] += across[:, None, :, None] * ticks[:, None, None] + shift[:, None, :, None]

    middle = np.float32((TILE - 1) / 2)
    np.clip(sources, -middle, middle, out=sources)  # the outermost pixels of a tile are black
    sources[0] += middle + TILE * np.arange(ACROSS, dtype=np.float32)[:, None]
    sources[1] += middle + TILE * np.arange(down, dtype=np.float32)[:, None, None, None]
    x, y = sources.reshape(2, down * SIDE, ACROSS * SIDE)
    moved = cv2.remap(mosaic, x, y, cv2.INTER_LINEAR).reshape(down, SIDE, ACROSS, SIDE)
    return moved.transpose(0, 2, 1, 3).reshape(-1, SIDE * SIDE)[:n]


def _elastic_field(down, random_state, deformation):
    """Displacements in px, float32 (2, down, SIDE, ACROSS, SIDE): x, then y. Neighbours' fields join smoothly, which
    is no matter: an epoch's order is random."""
    noise = random_state.randint(0, 256, (2 * down * SIDE, ACROSS * SIDE), dtype=np.uint8).astype(np.float32)
    noise -= 127.5  # uniform in -127.5..127.5
    size = 2 * int(np.ceil(3 * deformation.sigma)) + 1
    field = cv2.GaussianBlur(noise, (size, size), deformation.sigma)
    field *= deformation.alpha / 127.5
    return field.reshape(2, down, SIDE, ACROSS, SIDE)


def _affine_maps(down, random_state, deformation):
    """float32 (2, 3, down, ACROSS): each digit is turned, sheared, stretched and shifted."""
    def up_to(limit):
        return random_state.uniform(-limit, limit, (down, ACROSS))

    angle, shear = np.deg2rad(up_to(deformation.rotation_deg)), up_to(deformation.shear)
    wide, high = np.exp(up_to(np.log1p(deformation.scale))), np.exp(up_to(np.log1p(deformation.scale)))
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[wide * cos, high * (shear * cos - sin), up_to(deformation.shift_px)],
                     [wide * sin, high * (shear * sin + cos), up_to(deformation.shift_px)]], np.float32)
