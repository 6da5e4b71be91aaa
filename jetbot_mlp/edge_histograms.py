"""How much edge of which direction there is in every patch of a picture: the first half of the gradient maps.

The formulas are those of `patch_histograms`' docstring; tests/test_edge_histograms.py has them once more in plain NumPy
and holds this file to them within float32 rounding. What makes it quick, since it is most of the time from a
frame to an answer (docs/performance.md): arrays that are written again and again instead of new ones, differences
of shifted views instead of a filter, and one table of offsets instead of a modulo for each pixel.
"""
import threading

import cv2
import numpy as np

PATCH = 8  #: px of the gradient picture's side over which edges are counted, before patches are pooled into cells
DARKEST = 0.05  #: share of full brightness that is added before the logarithm, or noise in the dark would shout

_LOGARITHM = (np.log(np.arange(256) / 255 + DARKEST) / 3).astype(np.float32)  # of every possible brightness; / 3: ~1
_OPPONENT = np.array([[1 / 3, 1 / 3, 1 / 3], [0, -1, 1], [1, -0.5, -0.5]], np.float32)  # of b, g, r
_QUARTER_SUM = np.full((1, 3), 0.25, np.float32)  # the central differences' 1/2, squared: exact in binary
_HALF_SUM = np.full((1, 3), 0.5, np.float32)


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

    1. Gradients of the three `opponent_colors` by central difference, dx = (I(x+1) - I(x-1)) / 2, 0 at the picture's
       rim, brought together as a structure tensor: c = sum(dx dx - dy dy), s = sum(2 dx dy) over the colours.
       sqrt(|(c, s)|) is the edge's strength and half the angle of (c, s) its direction, 0 to 180 degrees:
       dark on bright is the same edge as bright on dark.
    2. Every pixel adds its strength to the two nearest directions of its patch, shared linearly.

    Source: 1 Di Zenzo, A note on the gradient of a multi-image, 1986; 2 Dalal & Triggs, Histograms of
    Oriented Gradients for Human Detection, CVPR 2005. Safe to call from several threads.
    """
    work = _scratch(len(image), directions)
    along, across = work.along, work.across
    colors = cv2.transform(cv2.LUT(image, _LOGARITHM, dst=work.first), _OPPONENT, dst=work.second)
    rows = colors.reshape(len(image), -1)  # x + 1 is three numbers further
    cv2.subtract(rows[:, 6:], rows[:, :-6], dst=work.inner_dx)  # 2 dx
    cv2.subtract(rows[2:], rows[:-2], dst=work.inner_dy)  # 2 dy
    total, difference = cv2.add(work.dx, work.dy, dst=work.first), cv2.subtract(work.dx, work.dy, dst=work.second)
    cv2.transform(cv2.multiply(total, difference, dst=work.first), _QUARTER_SUM, dst=along)
    cv2.transform(cv2.multiply(work.dx, work.dy, dst=work.second), _HALF_SUM, dst=across)
    strength, angle = cv2.cartToPolar(along, across, work.strength, work.angle)  # of the doubled direction: 0 to 2 pi
    strength = cv2.sqrt(strength, dst=along)

    # column k has direction k - 1, so the nearest two of an angle are columns floor(position) and the next one, and
    # only at the end do the first and the last column go round to where they belong
    position = np.multiply(angle, np.float32(directions / (2 * np.pi)), out=angle)
    position += np.float32(0.5)
    lower = np.floor(position, out=across)
    position -= lower  # how near the upper one is
    upper = np.multiply(strength, position, out=position)
    strength -= upper
    lower += work.column_zero  # whole numbers below 2^24: exact
    np.copyto(work.bins, lower.ravel(), casting="unsafe")  # bincount would make such arrays itself, every time
    np.copyto(work.weights, strength.ravel())
    columns = np.bincount(work.bins, work.weights, work.n_bins)
    np.copyto(work.weights, upper.ravel())
    columns[1:] += np.bincount(work.bins, work.weights, work.n_bins)[:-1]
    columns = columns.reshape(-1, directions + 2)
    columns[:, directions] += columns[:, 0]
    columns[:, 1] += columns[:, directions + 1]
    histograms = (columns[:, 1:-1] / PATCH ** 2).astype(np.float32)
    return histograms.reshape(len(image) // PATCH, -1, directions)


class _Scratch:
    """The arrays that `patch_histograms` works in, for pictures of side s; 1 MB for 112 px."""

    def __init__(self, size, directions):
        def colors():
            return np.zeros((size, size, 3), np.float32)  # dx and dy stay 0 at the rim

        def plane():
            return np.empty((size, size), np.float32)

        self.key = size, directions
        self.first, self.second, self.dx, self.dy = colors(), colors(), colors(), colors()
        self.inner_dx = self.dx.reshape(size, -1)[:, 3:-3]
        self.inner_dy = self.dy.reshape(size, -1)[1:-1]
        self.along, self.across, self.strength, self.angle = plane(), plane(), plane(), plane()
        self.bins, self.weights = np.empty(size * size, np.intp), np.empty(size * size, np.float64)
        patches = size // PATCH
        number = np.arange(size) // PATCH
        self.column_zero = ((number[:, None] * patches + number) * (directions + 2)).astype(np.float32)
        self.n_bins = patches * patches * (directions + 2)


_of_thread = threading.local()


def _scratch(size, directions):
    """This thread's arrays; those of the last size are kept."""
    work = getattr(_of_thread, "work", None)
    if work is None or work.key != (size, directions):
        work = _of_thread.work = _Scratch(size, directions)
    return work
