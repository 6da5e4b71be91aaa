"""The quick form of the gradients is the plain one, whatever the picture, and in several threads at once."""
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest

from jetbot_mlp.edge_histograms import DARKEST, PATCH, patch_histograms
from jetbot_mlp.features import FeatureSpec, extract, gradient_map, mirror_order


def plain_histograms(image, directions):
    """The docstring of `patch_histograms` word for word, in float64: (s/8, s/8, directions)."""
    logarithm = np.log(image / 255 + DARKEST) / 3
    b, g, r = logarithm[:, :, 0], logarithm[:, :, 1], logarithm[:, :, 2]
    colors = np.stack([(b + g + r) / 3, r - g, b - (g + r) / 2], axis=2)
    dx, dy = np.zeros_like(colors), np.zeros_like(colors)
    dx[:, 1:-1] = (colors[:, 2:] - colors[:, :-2]) / 2
    dy[1:-1] = (colors[2:] - colors[:-2]) / 2
    c, s = np.sum(dx * dx - dy * dy, axis=2), np.sum(2 * dx * dy, axis=2)
    strength = np.sqrt(np.sqrt(c * c + s * s))
    # OpenCV's angle is exact to some hundredths of a degree only, in both forms
    direction = cv2.cartToPolar(c.astype(np.float32), s.astype(np.float32))[1] / 2.0
    histograms = np.zeros((len(image) // PATCH, len(image) // PATCH, directions))
    middles = (np.arange(directions) + 0.5) * np.pi / directions
    for k, middle in enumerate(middles):
        distance = np.abs(np.mod(direction - middle + np.pi / 2, np.pi) - np.pi / 2)  # at most a quarter turn
        share = np.maximum(0, 1 - distance / (np.pi / directions))
        patches = (strength * share).reshape(len(image) // PATCH, PATCH, -1, PATCH)
        histograms[:, :, k] = patches.mean(axis=(1, 3))
    return histograms


def picture(size, blur, seed=0):
    noise = np.random.RandomState(seed).randint(0, 256, (size, size, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (blur, blur), 0) if blur else noise


@pytest.mark.parametrize("size, directions", [(112, 9), (112, 3), (104, 36), (56, 8), (16, 2)])
@pytest.mark.parametrize("blur", [0, 5, 15])
def test_the_histograms_are_those_of_the_plain_form(size, directions, blur):
    if directions == 2 and blur == 0:  # the scratch arrays of another size come first
        patch_histograms(picture(112, 3), 9)
    image = picture(size, blur)
    np.testing.assert_allclose(patch_histograms(image, directions), plain_histograms(image, directions), atol=2e-6)


def test_a_second_picture_sees_nothing_of_the_first():
    alone = patch_histograms(picture(112, 9, seed=1), 9)
    patch_histograms(picture(112, 0, seed=2), 9)
    assert np.array_equal(patch_histograms(picture(112, 9, seed=1), 9), alone)
    assert not patch_histograms(np.full((112, 112, 3), 90, np.uint8), 9).any()


def test_several_threads_do_not_disturb_each_other():
    images = [picture(112, 5, seed) for seed in range(4)] * 10
    expected = [patch_histograms(image, 9) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for found, wanted in zip(pool.map(lambda image: patch_histograms(image, 9), images), expected):
            np.testing.assert_allclose(found, wanted, atol=1e-8)  # the last bit depends on where arrays begin in memory


@pytest.mark.parametrize("spec", [FeatureSpec(), FeatureSpec(0, 8), FeatureSpec(4, 2, 56, 7, 0, 6),
                                  FeatureSpec(0, 0, 112, 0, 5)])
def test_all_maps_at_once_are_the_maps_one_by_one(spec):
    image = picture(112, 7)
    small = cv2.resize(image, (spec.gradient_size,) * 2, interpolation=cv2.INTER_AREA)
    histograms = patch_histograms(small, spec.directions)
    expected = np.concatenate([gradient_map(histograms, cells).ravel() for cells in spec.maps])
    np.testing.assert_allclose(extract(image[None], spec)[0, -len(expected):], expected, atol=1e-6)


def test_nobody_can_spoil_the_order_that_all_share():
    with pytest.raises(ValueError):
        mirror_order(FeatureSpec())[0] = 1
