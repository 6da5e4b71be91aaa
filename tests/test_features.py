import cv2
import numpy as np
import pytest

from jetbot_mlp.errors import FrameError
from jetbot_mlp.features import (
    WORKING_SIZE,
    FeatureSpec,
    extract,
    gradient_map,
    mirror_order,
    opponent_colors,
    patch_histograms,
    shrink,
)


def stripes(angle_deg, size=112):
    """A sinusoidal grating whose brightness changes along angle_deg: uint8 (size, size, 3)."""
    y, x = np.mgrid[:size, :size].astype(float)
    angle = np.deg2rad(angle_deg)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.8)
    return np.repeat((127 + 100 * wave).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("shape", [(224, 224, 3), (480, 640, 3), (112, 112, 3), (20, 30, 3), (1, 1, 3)])
def test_any_frame_size_shrinks_to_the_working_size(shape):
    image = np.full(shape, 77, np.uint8)
    small = shrink(image)
    assert small.shape == (WORKING_SIZE, WORKING_SIZE, 3) and small.dtype == np.uint8
    assert np.all(small == 77)


@pytest.mark.parametrize("image", [
    None, np.zeros((224, 224), np.uint8), np.zeros((224, 224, 4), np.uint8), np.zeros((224, 224, 3), np.float32),
    np.zeros((0, 224, 3), np.uint8),
])
def test_what_is_no_frame_is_refused_with_what_was_found(image):
    with pytest.raises(FrameError, match="expected a frame of uint8"):
        shrink(image)


@pytest.mark.parametrize("spec", [
    FeatureSpec(), FeatureSpec(grey_size=28, color_size=0, gradient_size=0), FeatureSpec(16, 8, 112, 5, 0, 6),
    FeatureSpec(0, 4, 0), FeatureSpec(gradient_size=56, cells=7, coarse_cells=3),
])
def test_the_vector_has_the_promised_length_and_finite_values(spec):
    images = np.random.RandomState(0).randint(0, 256, (3, 112, 112, 3)).astype(np.uint8)
    features = extract(images, spec)
    assert features.shape == (3, spec.n_features) and features.dtype == np.float32
    assert np.all(np.isfinite(features)) and np.abs(features).max() <= 1.1


def test_black_and_white_frames_give_no_gradient_and_no_nan():
    images = np.stack([np.zeros((112, 112, 3), np.uint8), np.full((112, 112, 3), 255, np.uint8)])
    assert np.all(np.abs(extract(images, FeatureSpec())) < 1e-4)


@pytest.mark.parametrize("angle_deg, expected_bin", [(10, 0), (30, 1), (90, 4), (130, 6), (170, 8)])
def test_an_edge_falls_into_the_bin_of_its_direction(angle_deg, expected_bin):
    histograms = patch_histograms(stripes(angle_deg), 9)  # bins are 20 degrees wide, centres at 10, 30, ...
    assert histograms.shape == (14, 14, 9) and histograms.dtype == np.float32
    assert histograms.sum(axis=(0, 1)).argmax() == expected_bin


def test_an_edge_is_counted_in_its_patch():
    image = np.full((112, 112, 3), 200, np.uint8)
    image[40:56, 20] = 50
    histograms = patch_histograms(image, 9).sum(axis=2)
    touched = set(zip(*np.nonzero(histograms > 1e-6)))
    assert {(5, 2), (6, 2)} <= touched <= {(row, 2) for row in (4, 5, 6, 7)}


def test_half_the_light_hardly_changes_the_gradient_maps():
    bright = stripes(40)
    dark = (bright // 2).astype(np.uint8)
    for cells in (7, 4):
        maps = [gradient_map(patch_histograms(image, 9), cells) for image in (bright, dark)]
        assert np.abs(maps[0] - maps[1]).max() < 0.05


def test_red_on_grey_of_the_same_brightness_is_an_edge():
    image = np.full((112, 112, 3), 100, np.uint8)
    image[:, 56:] = (60, 72, 180)  # b, g, r with nearly the logarithmic mean of the grey
    grey = np.full_like(image, 100)
    assert patch_histograms(image, 9)[:, 6:8].sum() > 0.2 and patch_histograms(grey, 9).sum() < 1e-6


def test_opponent_colours_of_grey_have_no_tint_and_light_is_a_shift():
    grey = np.full((4, 4, 3), 100, np.uint8)
    colors = opponent_colors(grey)
    assert colors.shape == (4, 4, 3) and np.abs(colors[:, :, 1:]).max() < 1e-6
    assert colors[0, 0, 0] == pytest.approx(np.log(100 / 255 + 0.05) / 3, abs=1e-5)


def test_an_edge_that_moves_a_little_changes_the_map_a_little():
    maps = []
    for x in (47, 48, 49):  # 48 is the border of two patches
        image = np.full((112, 112, 3), 180, np.uint8)
        image[:, x:] = 60
        maps.append(gradient_map(patch_histograms(image, 9), 7))
    assert np.linalg.norm(maps[0] - maps[2]) < 0.5 * np.linalg.norm(maps[0])


@pytest.mark.parametrize("spec", [FeatureSpec(), FeatureSpec(8, 6, 112, 6, 3, 8), FeatureSpec(0, 5, 0)])
def test_the_features_of_a_mirrored_frame_are_a_permutation(spec):
    image = cv2.GaussianBlur(np.random.RandomState(1).randint(0, 256, (112, 112, 3)).astype(np.uint8), (7, 7), 0)
    features = extract(np.stack([image, image[:, ::-1]]), spec)
    order = mirror_order(spec)
    assert sorted(order) == list(range(spec.n_features))
    # shrunk pictures are rounded to whole brightnesses, some of them the other way
    np.testing.assert_allclose(features[1], features[0, order], atol=0.02 if spec.color_size else 1e-4)


@pytest.mark.parametrize("settings", [
    {"gradient_size": 50}, {"gradient_size": 8}, {"color_size": -1}, {"directions": 1}, {"color_size": 1000},
    {"color_size": 0, "gradient_size": 0}, {"color_size": 8.0}, {"cells": 1}, {"cells": 15}, {"coarse_cells": 20},
    {"cells": 0, "coarse_cells": 0},
])
def test_contradictory_settings_are_refused(settings):
    with pytest.raises(ValueError):
        FeatureSpec(**settings).check()
