import numpy as np
import pytest

from jetbot_mlp.elastic import FULL, Deformation, deform

NONE = Deformation().times(0)


def digits(n=40, seed=0):
    """A bright ring with a dark hole in the middle of each picture, not all of the same size. uint8 (n, 784)."""
    random_state = np.random.RandomState(seed)
    rows, columns = np.mgrid[:28, :28] - 13.5
    radius = random_state.uniform(6, 9, (n, 1, 1))
    return (250 * (np.abs(np.hypot(rows, columns) - radius) < 1.5)).astype(np.uint8).reshape(n, 784)


def middles(images):
    """Centre of mass of each picture: x and y in px from the middle, float (n, 2)."""
    pictures = images.reshape(-1, 28, 28).astype(float)
    ticks, mass = np.arange(28) - 13.5, pictures.sum(axis=(1, 2))
    return np.stack([pictures.sum(axis=1).dot(ticks) / mass, pictures.sum(axis=2).dot(ticks) / mass], axis=1)


def test_nothing_moves_without_deformation():
    images = digits()
    np.testing.assert_array_equal(deform(images, np.random.RandomState(0), NONE), images)


@pytest.mark.parametrize("n", (0, 1, 33, 1100))  # less than a row of the mosaic, some rows, more than a mosaic
def test_any_number_of_digits_comes_back_in_its_order(n):
    images = digits(n)
    before = images.copy()
    deformed = deform(images, np.random.RandomState(0))
    assert deformed.shape == (n, 784) and deformed.dtype == np.uint8
    np.testing.assert_array_equal(images, before)
    np.testing.assert_array_equal(deform(images, np.random.RandomState(0), NONE), images)
    if n > 2:  # each is still nearer to its own original than to most others
        sizes, before = deformed.sum(axis=1, dtype=float), images.sum(axis=1, dtype=float)
        assert np.corrcoef(sizes, before)[0, 1] > 0.5


def test_the_same_seed_gives_the_same_deformations_and_another_seed_others():
    images = digits(1100)
    first, again = deform(images, np.random.RandomState(3)), deform(images, np.random.RandomState(3))
    np.testing.assert_array_equal(first, again)
    assert np.mean(deform(images, np.random.RandomState(4)) != first) > 0.1


def test_no_two_copies_of_a_digit_are_alike():
    deformed = deform(np.repeat(digits(1), 50, axis=0), np.random.RandomState(0))
    assert len({picture.tobytes() for picture in deformed}) == 50


def test_nothing_is_drawn_into_the_neighbour():
    images = digits(64)
    images[1::2] = 0
    strong = FULL._replace(alpha=200.0, rotation_deg=45.0, shift_px=20.0)
    assert not deform(images, np.random.RandomState(0), strong)[1::2].any()


def test_deformations_stay_small():
    images = digits(500)
    deformed = deform(images, np.random.RandomState(0))
    assert np.abs(middles(deformed) - middles(images)).max() < 5
    brightness = deformed.mean(axis=1) / images.mean(axis=1)
    assert brightness.min() > 0.6 and brightness.max() < 1.6
    correlation = [np.corrcoef(a, b)[0, 1] for a, b in zip(images, deformed)]
    assert np.mean(correlation) > 0.3


def test_the_elastic_field_moves_pixels_as_far_as_simard_says():
    # a ramp from left to right shows how far its pixels were moved along x; noise of variance 1/3, blurred with a
    # Gaussian of sigma, has the standard deviation sqrt(1/3) / (2 sqrt(pi) sigma)
    ramp = np.tile(np.arange(28, dtype=np.uint8) * 9, (300, 28, 1)).reshape(300, 784)
    deformed = deform(ramp, np.random.RandomState(0), NONE._replace(alpha=34.0))
    moved = (deformed.astype(float) - ramp).reshape(300, 28, 28)[:, 8:20, 8:20] / 9
    assert abs(moved.mean()) < 0.1
    np.testing.assert_allclose(moved.std(), 34 * np.sqrt(1 / 3) / (2 * np.sqrt(np.pi) * 4), rtol=0.1)


@pytest.mark.parametrize("change, moved_px", [({"shift_px": 3.0}, 3.0), ({"rotation_deg": 30.0}, 0.0)])
def test_a_shift_moves_the_middle_and_a_rotation_does_not(change, moved_px):
    found = np.abs(middles(deform(digits(500), np.random.RandomState(0), NONE._replace(**change)))).max()
    assert 0.95 * moved_px - 0.1 <= found <= moved_px + 0.1


def test_width_and_height_are_stretched_each_for_itself():
    deformed = deform(digits(1).repeat(300, axis=0), np.random.RandomState(0), NONE._replace(scale=0.3))
    lit = deformed.reshape(-1, 28, 28) > 60
    widths, heights = lit.any(axis=1).sum(axis=1), lit.any(axis=2).sum(axis=1)
    assert widths.std() > 1 and heights.std() > 1 and abs(np.corrcoef(widths, heights)[0, 1]) < 0.3


@pytest.mark.parametrize("images", [np.zeros((2, 784)), np.zeros((2, 28, 28), np.uint8), np.zeros((2, 783), np.uint8)])
def test_anything_but_digits_is_refused(images):
    with pytest.raises(ValueError, match="expected uint8"):
        deform(images, np.random.RandomState(0))
