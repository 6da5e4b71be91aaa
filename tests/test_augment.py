"""Augmented frames keep their labels true."""
import numpy as np
import pytest

import jetbot_mlp.augment as module
from jetbot_mlp.augment import augment


def frames(n, seed=0):
    return np.random.RandomState(seed).randint(0, 256, (n, 112, 112, 3)).astype(np.uint8)


def dotted(targets):
    """Dark frames with a bright green dot where the target is."""
    images = np.full((len(targets), 112, 112, 3), 40, dtype=np.uint8)
    rows, columns = np.mgrid[:112, :112]
    for image, (x, y) in zip(images, targets):
        distance = np.hypot(columns - (56 * (x + 1) - 0.5), rows - (56 * (y + 1) - 0.5))
        image[:, :, 1] = np.maximum(40, 255 * np.exp(-(distance / 3) ** 2)).astype(np.uint8)
    return images


def dot_of(image):
    green = image[:, :, 1].astype(float) - image[:, :, 0]
    weight = np.where(green > 0.5 * green.max(), green, 0)
    rows, columns = np.mgrid[:112, :112]
    center = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    return (center + 0.5) / 56 - 1


def test_the_road_target_follows_the_picture():
    given = np.random.RandomState(3).uniform(-0.7, 0.7, (60, 2)).astype(np.float32)
    images, targets = augment(dotted(given), given, "road", np.random.RandomState(0))
    found = np.array([dot_of(image) for image in images])
    assert np.abs(found - targets).max() < 1.5 / 56  # a pixel and a half of 112
    aside = np.abs(given[:, 0]) > 0.3
    assert 0.25 < (targets[aside, 0] * given[aside, 0] < 0).mean() < 0.75  # about half are mirrored
    assert np.abs(targets - given)[:, 1].max() > 0.1  # and all are shifted a little


def test_pictures_are_turned_shifted_and_scaled_but_never_sheared():
    matrices = module._transforms(50, module.GEOMETRY["road"], np.random.RandomState(0), True)[:, :, :2]
    products = np.einsum("nij,nkj->nik", matrices, matrices)
    scales = np.sqrt(products[:, 0, 0])
    np.testing.assert_allclose(products, scales[:, None, None] ** 2 * np.eye(2), atol=1e-12)
    assert 1 / 1.0801 < scales.min() < scales.max() < 1.0801


def test_without_mirroring_left_stays_left():
    given = np.tile(np.float32([[-0.5, 0.2]]), (80, 1))
    _, targets = augment(frames(80), given, "road", np.random.RandomState(0), mirror=False)
    assert (targets[:, 0] < -0.2).all()
    _, targets = augment(frames(80), given, "road", np.random.RandomState(0))
    assert 20 < (targets[:, 0] > 0.2).sum() < 60


def test_a_mirror_alone_turns_x_round_and_swaps_the_columns_exactly(monkeypatch):
    monkeypatch.setattr(module, "GEOMETRY", {"road": module.Geometry(0.0, 0.0, 0.0)})
    given = np.float32([[0.3, -0.6]] * 20)
    images, targets = augment(frames(20), given, "road", np.random.RandomState(0))
    flipped = targets[:, 0] < 0
    assert 0 < flipped.sum() < 20
    np.testing.assert_array_equal(images[flipped], frames(20)[flipped][:, :, ::-1])
    np.testing.assert_array_equal(images[~flipped], frames(20)[~flipped])
    np.testing.assert_allclose(targets, np.where(flipped[:, None], [[-0.3, -0.6]], [[0.3, -0.6]]), atol=1e-6)


def test_targets_at_the_edge_stay_within_the_picture():
    given = np.float32([[1, 1], [-1, 1], [1, -1], [-1, -1]] * 20)
    _, targets = augment(frames(80), given, "road", np.random.RandomState(0))
    assert np.abs(targets).max() == 1.0 and np.isfinite(targets).all()


def test_collision_labels_do_not_change():
    given = np.arange(40) % 2
    images, targets = augment(frames(40), given, "collision", np.random.RandomState(0))
    np.testing.assert_array_equal(targets, given)
    assert targets is not given and targets.dtype == given.dtype


@pytest.mark.parametrize("task", ["collision", "road"])
def test_shapes_and_dtypes_stay_inputs_are_untouched_and_the_seed_decides(task):
    given = np.arange(12) % 2 if task == "collision" else np.zeros((12, 2), np.float32)
    images, targets = frames(12), given.copy()
    images.setflags(write=False), targets.setflags(write=False)
    first, again, other = (augment(images, targets, task, np.random.RandomState(s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(images, frames(12))
    np.testing.assert_array_equal(targets, given)
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[0] != other[0]).any()
    assert first[0].shape == images.shape and first[0].dtype == np.uint8
    assert first[1].shape == targets.shape and first[1].dtype == targets.dtype


def test_a_random_state_in_use_gives_new_variants_each_time():
    random_state = np.random.RandomState(0)
    first, second = (augment(frames(3), np.zeros(3, int), "collision", random_state)[0] for _ in range(2))
    assert (first != second).any()


def test_light_and_colours_are_left_alone():
    grey = np.full((20, 112, 112, 3), 128, dtype=np.uint8)
    images, _ = augment(grey, np.zeros(20, int), "collision", np.random.RandomState(0))
    np.testing.assert_array_equal(images, grey)


def test_frames_of_obstacles_are_moved_less_than_those_of_roads():
    moves = {}
    for task in ("collision", "road"):
        transforms = module._transforms(2000, module.GEOMETRY[task], np.random.RandomState(0), mirror=False)
        moves[task] = np.abs(transforms[:, :, 2]).max() / 2  # of the frame's side
    assert 0.025 < moves["collision"] <= 0.03 and 0.07 < moves["road"] <= 0.08


def test_no_frames_give_no_frames():
    images, targets = augment(frames(0), np.zeros((0, 2), np.float32), "road", np.random.RandomState(0))
    assert images.shape == (0, 112, 112, 3) and targets.shape == (0, 2)
    with pytest.raises(ValueError, match="collision"):
        augment(frames(1), np.zeros(1), "mnist", np.random.RandomState(0))
