"""Random variants of training frames whose labels stay true: "label-safe" augmentation.

What changes between two drives is the light, the camera's colours and pose, and noise; so these are
varied. A mirrored corridor is as blocked or as free as the real one, and a road's target moves with
the picture: it goes through the very same transform as the pixels (Simard et al. 2003, Best Practices
for Convolutional Neural Networks Applied to Visual Document Analysis).
"""
import cv2
import numpy as np

MAX_SHIFT = 0.08  #: of the frame's side
MAX_SCALE = 0.08  #: 1 / 1.08 to 1.08 times as large
MAX_ROTATION_DEG = 4.0
MAX_BRIGHTNESS = 0.15  #: of full scale
MAX_CONTRAST = 1.3
MAX_GAMMA = 1.4
MAX_COLOR_GAIN = 1.12
MAX_NOISE = 8.0  #: standard deviation, of 255
BLUR_SHARE, MAX_BLUR_PX = 0.3, 1.2
CUT_OUT_SHARE, MAX_CUT_OUT = 0.3, 0.2  #: of the frame's side: no obstacle vanishes behind it


def augment(images, targets, task, random_state, mirror=True):
    """One random variant of every frame.

    images: uint8 (n, size, size, 3), BGR; targets: collision int (n,), road float (n, 2) in [-1, 1];
    random_state: np.random.RandomState; mirror: False for a track with a side (keep right).
    Returns (images, targets), new arrays of the same shapes and dtypes. A road target that leaves
    the frame is clipped to its edge, as in the official click widget.
    """
    if task not in ("collision", "road"):
        raise ValueError("expected task 'collision' or 'road', found %r" % (task,))
    n, size = len(images), images.shape[1]
    transforms = _transforms(n, random_state, mirror)
    tables = _tone_tables(n, random_state)
    is_blurred = random_state.uniform(size=n) < BLUR_SHARE
    blurs_px = np.where(is_blurred, random_state.uniform(0.3, MAX_BLUR_PX, n), 0.0)
    noise, corners, strengths = _noise(n, size, random_state)
    boxes = _cut_outs(n, size, random_state) if task == "collision" else ()

    center_px = (size - 1) / 2.0  # pixel centres are at 0, 1, ... size - 1; x = y = 0 is in the middle
    scales = np.array([[center_px + 0.5], [center_px + 0.5]])
    varied = np.empty_like(images)
    for i in range(n):
        matrix = transforms[i].copy()
        matrix[:, 2:] = matrix[:, 2:] * scales + center_px - matrix[:, :2].dot([[center_px], [center_px]])
        image = cv2.warpAffine(images[i], matrix, (size, size), flags=cv2.INTER_LINEAR,
                               borderMode=cv2.BORDER_REFLECT)
        if blurs_px[i] > 0:
            image = cv2.GaussianBlur(image, (5, 5), blurs_px[i])
        image = cv2.LUT(image, tables[i])
        top, left = corners[i]
        # noise is stored around 128; the sum is clipped to 0..255
        image = cv2.addWeighted(image, 1.0, noise[top:top + size, left:left + size], strengths[i],
                                -128.0 * strengths[i])
        if len(boxes):
            x0, y0, x1, y1 = boxes[i]
            image[y0:y1, x0:x1] = image.mean(axis=(0, 1)) if x1 > x0 else 0
        varied[i] = image
    if task == "collision":
        return varied, np.array(targets)
    moved = np.einsum("nij,nj->ni", transforms[:, :, :2], targets) + transforms[:, :, 2]
    return varied, np.clip(moved, -1.0, 1.0).astype(targets.dtype)


def _transforms(n, random_state, mirror):
    """float64 (n, 2, 3): affine maps of points in [-1, 1] x [-1, 1], y down: mirror, rotate, scale, shift."""
    angles = np.deg2rad(random_state.uniform(-MAX_ROTATION_DEG, MAX_ROTATION_DEG, n))
    scales = np.exp(random_state.uniform(-1, 1, n) * np.log1p(MAX_SCALE))
    flips = np.where(random_state.uniform(size=n) < 0.5, -1.0, 1.0) if mirror else np.ones(n)
    cos, sin = scales * np.cos(angles), scales * np.sin(angles)
    transforms = np.empty((n, 2, 3))
    transforms[:, 0, 0], transforms[:, 0, 1] = flips * cos, -sin
    transforms[:, 1, 0], transforms[:, 1, 1] = flips * sin, cos
    transforms[:, :, 2] = 2.0 * random_state.uniform(-MAX_SHIFT, MAX_SHIFT, (n, 2))  # the frame is 2 wide
    return transforms


def _tone_tables(n, random_state):
    """uint8 (n, 256, 1, 3): for each frame the new value of each old one, by channel."""
    gamma = np.exp(random_state.uniform(-1, 1, (n, 1, 1)) * np.log(MAX_GAMMA))
    contrast = np.exp(random_state.uniform(-1, 1, (n, 1, 1)) * np.log(MAX_CONTRAST))
    brightness = random_state.uniform(-MAX_BRIGHTNESS, MAX_BRIGHTNESS, (n, 1, 1))
    gains = np.exp(random_state.uniform(-1, 1, (n, 1, 3)) * np.log(MAX_COLOR_GAIN))
    curve = np.linspace(0.0, 1.0, 256).reshape(1, 256, 1) ** gamma
    values = ((curve - 0.5) * contrast + 0.5 + brightness) * gains
    return np.clip(np.rint(255.0 * values), 0, 255).astype(np.uint8).reshape(n, 256, 1, 3)


def _noise(n, size, random_state):
    """A field of noise, uint8 (2 size, 2 size, 3) around 128; where each frame cuts its piece; how strong."""
    field = random_state.normal(128.0, 40.0, (2 * size, 2 * size, 3))
    strengths = random_state.uniform(0.0, MAX_NOISE / 40.0, n)
    corners = random_state.randint(0, size + 1, (n, 2))
    return np.clip(np.rint(field), 0, 255).astype(np.uint8), corners, strengths


def _cut_outs(n, size, random_state):
    """int (n, 4): x0, y0, x1, y1 of one rectangle a frame, empty in most (DeVries & Taylor 2017)."""
    largest = max(1, int(MAX_CUT_OUT * size))
    sides = random_state.randint(1, largest + 1, (n, 2))
    sides[random_state.uniform(size=n) >= CUT_OUT_SHARE] = 0
    starts = random_state.randint(0, size - largest + 1, (n, 2))
    return np.concatenate([starts, starts + sides], axis=1)
