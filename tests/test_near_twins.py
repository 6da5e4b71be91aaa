"""Near-twins are found whatever the exposure, and a bottle put into the picture makes them strangers."""
import os

import cv2
import numpy as np
import pytest

from jetbot_mlp import near_twins
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.near_twins import groups, twin_pairs


def scene(seed, size=112):
    """A smooth made-up picture, uint8 (112, 112, 3)."""
    small = np.random.RandomState(seed).randint(30, 200, (6, 6, 3)).astype(np.uint8)
    return cv2.resize(small, (size, size), interpolation=cv2.INTER_CUBIC)


def noisy(image, seed):
    noise = np.random.RandomState(seed).normal(0, 4, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8)


def names_of(pairs):
    return list(zip(pairs[0].tolist(), pairs[1].tolist()))


def test_the_same_scene_again_is_a_twin_and_another_is_not():
    images = np.stack([scene(0), scene(1), noisy(scene(0), 5), scene(2)])
    assert names_of(twin_pairs(images)) == [(0, 2)]


def test_another_exposure_is_no_other_picture():
    dark = np.clip(0.8 * scene(0).astype(float) - 3, 0, 255).astype(np.uint8)
    assert names_of(twin_pairs(np.stack([scene(0), dark]))) == [(0, 1)]


def test_a_bottle_in_the_lane_makes_another_picture_even_where_it_is_dark():
    floor = np.full((112, 112, 3), 60, np.uint8)
    floor[:40] = 220  # the sky in the open door, much brighter than everything that counts
    bottle = floor.copy()
    bottle[45:80, 50:58] = 20
    assert names_of(twin_pairs(np.stack([floor, bottle, noisy(floor, 1)]))) == [(0, 2)]


def test_the_nearest_come_first_and_the_first_index_is_the_smaller():
    images = np.stack([noisy(scene(0), 1), scene(0), scene(0)])
    first, second, distance = twin_pairs(images)
    assert names_of((first, second))[0] == (1, 2) and distance[0] == 0.0
    assert np.all(np.diff(distance) >= 0) and np.all(first < second) and len(first) == 3


def test_pairs_across_two_sets_are_counted_from_both():
    ours, theirs = np.stack([scene(0), scene(1)]), np.stack([scene(9), noisy(scene(1), 3), scene(8)])
    assert names_of(twin_pairs(ours, theirs)) == [(1, 1)]


def test_the_quick_first_look_loses_no_pair(monkeypatch):
    images = np.stack([noisy(scene(seed // 3), seed) for seed in range(30)])
    monkeypatch.setattr(near_twins, "_ROWS", 7)
    small = near_twins.thumbnails(images)
    slow = {(i, j) for i in range(30) for j in range(i + 1, 30)
            if np.sqrt(np.mean((small[i] - small[j]) ** 2, axis=1).max()) < near_twins.NEAR}
    assert set(names_of(twin_pairs(images))) == slow and len(slow) == 30


def test_no_frames_and_one_frame_have_no_twins():
    for n in (0, 1):
        assert [len(part) for part in twin_pairs(np.zeros((n, 112, 112, 3), np.uint8))] == [0, 0, 0]
    assert groups(3, [], []) == []


def test_a_camera_with_its_lid_on_does_not_fill_the_memory(monkeypatch):
    monkeypatch.setattr(near_twins, "MAX_PAIRS", 50)
    monkeypatch.setattr(near_twins, "_ROWS", 10)
    assert 50 < len(twin_pairs(np.zeros((100, 112, 112, 3), np.uint8))[0]) < 1000


def test_twins_of_twins_hang_together():
    assert [members.tolist() for members in groups(7, [0, 4, 2], [2, 5, 6])] == [[0, 2, 6], [4, 5]]


@pytest.mark.parametrize("name", ["penumbrage", "kianooshi", "jimmytan"])
def test_no_real_twins_contradict_each_other(real_data, name):
    """With a bottle or without it: the closest such pair must stay two pictures."""
    dataset = load_dataset("collision", os.path.join(real_data, "collision", name))
    first, second, _ = twin_pairs(dataset.images)
    assert len(first) >= 5
    assert np.all(dataset.targets[first] == dataset.targets[second])
