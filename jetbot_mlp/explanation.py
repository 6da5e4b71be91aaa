"""Why did it decide so? What does it see at all? Pictures of one answer of a model; no robot, no widgets.

The network's backpropagation, which everywhere else goes on to the weights, is taken one step further here: to
its inputs (dA/dX, `MLP.input_gradient`), and from there back through the features to the place in the frame. What
comes out is, for each patch of 8 x 8 px, by how much the answer would fall if the edges (or the tint) there
faded away: gradient times value, to first order.

Source: Simonyan, Vedaldi & Zisserman, Deep Inside Convolutional Networks, 2013; times the value: Shrikumar,
Greenside & Kundaje 2016. It is a hint and no proof: what is far from linear, it tells badly.
"""
import functools

import cv2
import numpy as np

from .features import (
    NOISE_FLOOR,
    PATCH,
    extract,
    mirror_order,
    patch_histograms,
    pooled_blocks,
    pooling,
    resize,
    shrink,
)
from .target_strips import coordinate_derivative

OUTPUT_OF = {"collision": "blocked", "road": 0}  # which answer is explained: P(blocked), and the target's x
MEANING = {"collision": ("speaks for blocked", "speaks for free"),
           "road": ("pulls the target to the right", "pulls it to the left"),
           "mnist": ("speaks for the digit", "speaks against it")}  # of red, of blue
RED, BLUE = np.array([40, 40, 255], np.float32), np.array([255, 120, 20], np.float32)  # BGR


def feature_gradient(model, features, output_index):
    """d answer / d features (n, n_features) float32, as the model answers: with the mirrored frame, too.

    model: Model; features: (n, n_features) of `extract`; output_index: number of the class, or
    0 for the road target's x, 1 for its y.
    """
    which = output_index if model.task != "road" else functools.partial(coordinate_derivative, which=output_index)
    gradient = model.network.input_gradient(features, which)
    if model.mirrored:
        order = mirror_order(model.feature_spec)
        other = np.empty_like(gradient)
        other[:, order] = model.network.input_gradient(features[:, order], which)
        if model.task == "road" and output_index == 0:
            other = -other  # as in Model.outputs: what was left is right
        gradient = (gradient + other) / 2
    return gradient


def explain(model, image, output_index=None):
    """-> float32 (14, 14): what each place adds to the answer; + speaks for it, - against it.

    image: uint8 (H, W, 3) BGR; output_index: None takes P(blocked), the road target's x, or the digit answered.
    Raises FrameError for a frame of wrong shape.
    """
    small, spec = shrink(image), model.feature_spec
    features = extract(small[None], spec)
    if output_index is None:
        output_index = _output_to_explain(model, small)
    gradient = feature_gradient(model, features, output_index)[0]
    patches = len(small) // PATCH
    heat = np.zeros((patches, patches), np.float32)
    end = 0
    for size, depth in ((spec.grey_size, 1), (spec.color_size, 3)):
        start, end = end, end + size * size * depth
        if size:
            values = features[0, start:end].reshape(size * size, depth)
            faded = values.mean(axis=0)  # a picture of one tint is what is left
            added = (gradient[start:end].reshape(size * size, depth) * (values - faded)).sum(axis=1)
            heat += _spread(added.reshape(size, size), patches)
    if spec.gradient_size:
        histograms = patch_histograms(resize(small, spec.gradient_size), spec.directions)
        back = np.zeros_like(histograms)
        for cells in spec.maps:
            start, end = end, end + (cells - 1) ** 2 * 4 * spec.directions
            back += gradient_map_back(histograms, cells, gradient[start:end])
        heat += _spread((back * histograms).sum(axis=2), patches)
    return heat


def gradient_map_back(histograms, cells, error):
    """Backpropagation through `features.gradient_map`: dE/d(its values) -> dE/d(histograms).

    histograms: float32 (p, p, directions); error: (cells - 1)^2 * 4 * directions numbers. Returns (p, p, directions).
    For z = x / sqrt(x . x + c) it is dE/dx = (dE/dz - z (z . dE/dz)) / sqrt(x . x + c); a value that was cut at 0.2
    passes nothing on.
    """
    patches, directions = len(histograms), histograms.shape[2]
    pool, x = pooling(patches, cells), pooled_blocks(histograms, cells)
    length = np.sqrt(np.sum(x * x, axis=2, keepdims=True) + np.float32(NOISE_FLOOR ** 2))
    first = x / length
    cut = np.minimum(first, np.float32(0.2))  # Hys
    length_of_cut = np.sqrt(np.sum(cut * cut, axis=2, keepdims=True) + np.float32(1e-4))
    error = np.asarray(error, np.float32).reshape(x.shape)
    error = _through_length(error, cut / length_of_cut, length_of_cut)
    error = _through_length(error * (first < 0.2), first, length)
    error = error.reshape(cells - 1, cells - 1, 2, 2, directions)
    of_cells = np.zeros((cells, cells, directions), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            of_cells[down:cells - 1 + down, right:cells - 1 + right] += error[:, :, down, right]
    rows = pool.T.dot(of_cells.reshape(cells, -1)).reshape(patches, cells, directions)
    return np.matmul(pool.T, rows)


def draw_heat(image, heat, strength=0.75):
    """The picture with the explanation over it: red speaks for the answer, blue against it (see MEANING).

    image: uint8 (H, W, 3) BGR; heat: of `explain`; strength: 0 to 1, how much of the picture its peak covers.
    Returns uint8 (H, W, 3), a new picture.
    """
    height, width = image.shape[:2]
    peak = float(np.abs(heat).max())
    share = heat / peak if peak > 0 else np.zeros_like(heat)
    share = cv2.resize(share.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)[:, :, None]
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR).astype(np.float32)
    cover = np.minimum(np.abs(share) * np.float32(strength), 1)
    return (grey * (1 - cover) + np.where(share > 0, RED, BLUE) * cover).astype(np.uint8)


def draw_input(image, spec, side=224):
    """What the network is given of a frame, drawn: uint8 (side, side, 3) BGR.

    In the back its small colour (or grey) picture; upon it, in each cell, a stroke for each direction of edges, the
    brighter the stronger, along the edge: with only this the network has to do. spec: FeatureSpec of the model.
    """
    small = shrink(image)
    picture = np.zeros((side, side, 3), np.uint8)
    if spec.color_size:
        picture = cv2.resize(resize(small, spec.color_size), (side, side), interpolation=cv2.INTER_NEAREST)
    elif spec.grey_size:
        grey = resize(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), spec.grey_size)
        picture = cv2.cvtColor(cv2.resize(grey, (side, side), interpolation=cv2.INTER_NEAREST), cv2.COLOR_GRAY2BGR)
    if spec.gradient_size:
        picture = (picture * np.float32(0.6)).astype(np.uint8)  # so that white strokes are seen on a white wall
        strokes = np.zeros_like(picture)
        _draw_strokes(strokes, small, spec)
        picture = np.maximum(picture, strokes)
    return picture


def _draw_strokes(picture, small, spec):
    strokes = _strength_of_cells(extract(small[None], spec)[0], spec)
    cells = len(strokes)
    side = len(picture) / cells
    peak = max(float(strokes.max()), 1e-6)
    # weakest first: strong ones lie on top; OpenCV takes whole 1/16 px
    for row, column, direction in zip(*(a.tolist() for a in np.unravel_index(np.argsort(strokes, axis=None),
                                                                              strokes.shape))):
        share = float(strokes[row, column, direction]) / peak
        if share < 0.15:
            continue
        along = np.pi * direction / spec.directions + np.pi / 2  # an edge runs across its gradient
        dx, dy = 0.45 * side * np.cos(along), 0.45 * side * np.sin(along)
        x, y = (column + 0.5) * side, (row + 0.5) * side
        ends = [(int(round(16 * (x + s * dx))), int(round(16 * (y + s * dy)))) for s in (-1, 1)]
        cv2.line(picture, ends[0], ends[1], (int(255 * share),) * 3, 2 if share > 0.6 else 1, cv2.LINE_AA, 4)


def _strength_of_cells(features, spec):
    """The finer gradient map as the network has it: (cells, cells, directions), the mean of a cell's blocks."""
    cells = spec.maps[0]
    start = spec.grey_size ** 2 + 3 * spec.color_size ** 2
    blocks = features[start:start + (cells - 1) ** 2 * 4 * spec.directions]
    blocks = blocks.reshape(cells - 1, cells - 1, 2, 2, spec.directions)
    total, count = np.zeros((cells, cells, spec.directions), np.float32), np.zeros((cells, cells, 1), np.float32)
    for down in (0, 1):
        for right in (0, 1):
            total[down:cells - 1 + down, right:cells - 1 + right] += blocks[:, :, down, right]
            count[down:cells - 1 + down, right:cells - 1 + right] += 1
    return total / count


def _through_length(error, normed, length):
    return (error - normed * np.sum(error * normed, axis=2, keepdims=True)) / length


def _spread(values, patches):
    """A square map to patches x patches, its sum kept."""
    size = len(values)
    if size == patches:
        return values
    # both of the two are the same from left and from right, which nearest-neighbour is not
    how = cv2.INTER_AREA if size > patches else cv2.INTER_LINEAR
    spread = cv2.resize(values.astype(np.float32), (patches, patches), interpolation=how)
    return spread * np.float32((size / patches) ** 2)


def _output_to_explain(model, small):
    if model.task == "mnist":
        return int(np.argmax(model.outputs(small[None])[0]))
    which = OUTPUT_OF[model.task]
    return which if isinstance(which, int) else model.classes.index(which)
