import cv2
import numpy as np
import pytest

from jetbot_mlp.errors import FrameError
from jetbot_mlp.features import WORKING_SIZE, FeatureSpec, extract, gradient_maps, shrink


def stripes(angle_deg, size=56):
    """A sinusoidal grating whose brightness changes along angle_deg: uint8 (size, size)."""
    y, x = np.mgrid[:size, :size].astype(float)
    angle = np.deg2rad(angle_deg)
    wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 0.8)
    return (127 + 100 * wave).astype(np.uint8)


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
    FeatureSpec(), FeatureSpec(grey_size=28, color_size=0, gradient_size=0), FeatureSpec(16, 8, 112, 6),
    FeatureSpec(0, 4, 0),
])
def test_the_vector_has_the_promised_length_and_finite_values(spec):
    images = np.random.RandomState(0).randint(0, 256, (3, 112, 112, 3)).astype(np.uint8)
    features = extract(images, spec)
    assert features.shape == (3, spec.n_features) and features.dtype == np.float32
    assert np.all(np.isfinite(features)) and features.min() >= 0 and features.max() <= 1


def test_black_and_white_frames_give_no_gradient_and_no_nan():
    images = np.stack([np.zeros((112, 112, 3), np.uint8), np.full((112, 112, 3), 255, np.uint8)])
    spec = FeatureSpec(color_size=0)
    assert np.all(extract(images, spec) == 0)


@pytest.mark.parametrize("angle_deg, expected_bin", [(10, 0), (30, 1), (90, 4), (130, 6), (170, 8)])
def test_an_edge_falls_into_the_bin_of_its_direction(angle_deg, expected_bin):
    maps = gradient_maps(stripes(angle_deg), 9)  # bins are 20 degrees wide, centres at 10, 30, ...
    strongest = maps.reshape(-1, 9).sum(axis=0).argmax()
    assert strongest == expected_bin


def test_half_the_light_hardly_changes_the_gradient_maps():
    bright = stripes(40)
    dark = (bright // 2).astype(np.uint8)
    difference = np.abs(gradient_maps(bright, 9) - gradient_maps(dark, 9))
    assert difference.max() < 0.05


def test_a_mirrored_frame_has_mirrored_features():
    image = cv2.GaussianBlur(np.random.RandomState(1).randint(0, 256, (56, 56)).astype(np.uint8), (7, 7), 0)
    maps = gradient_maps(image, 9).reshape(6, 6, 2, 2, 9)
    mirrored = gradient_maps(np.ascontiguousarray(image[:, ::-1]), 9).reshape(6, 6, 2, 2, 9)
    # blocks and the cells in them change sides, direction d becomes 180 - d
    np.testing.assert_allclose(mirrored, maps[:, ::-1, :, ::-1, ::-1], atol=1e-5)


@pytest.mark.parametrize("settings", [
    {"gradient_size": 50}, {"gradient_size": 8}, {"color_size": -1}, {"directions": 1}, {"color_size": 1000},
    {"color_size": 0, "gradient_size": 0}, {"color_size": 8.0},
])
def test_contradictory_settings_are_refused(settings):
    with pytest.raises(ValueError):
        FeatureSpec(**settings).check()
