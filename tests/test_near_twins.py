"""Near-twins are found whatever the exposure, and a bottle put into the picture makes them strangers."""
import os

import cv2
import numpy as np
import pytest

from jetbot_mlp import near_twins
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.near_twins import keep_different, twin_pairs


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
    found = twin_pairs(images)
    assert names_of(found)[0] == (1, 2) and found.distance[0] == 0.0
    assert np.all(np.diff(found.distance) >= 0) and np.all(found.first < found.second) and len(found.first) == 3


def test_pairs_across_two_sets_are_counted_from_both():
    ours, theirs = np.stack([scene(0), scene(1)]), np.stack([scene(9), noisy(scene(1), 3), scene(8)])
    assert names_of(twin_pairs(ours, theirs)) == [(1, 1)]


@pytest.mark.parametrize("few", [1, 3, 1000])  # compared by products, one by one in parts, all at once
def test_the_quick_first_look_loses_no_pair(monkeypatch, few):
    images = np.stack([noisy(scene(seed // 3), seed) for seed in range(30)])
    monkeypatch.setattr(near_twins, "_ROWS", 7)
    monkeypatch.setattr(near_twins, "_COLUMNS", 11)
    monkeypatch.setattr(near_twins, "_FEW", few)
    small = near_twins.thumbnails(images)
    slow = {(i, j) for i in range(30) for j in range(i + 1, 30)
            if np.sqrt(np.mean((small[i] - small[j]) ** 2, axis=1).max()) < near_twins.NEAR}
    assert set(names_of(twin_pairs(images))) == slow and len(slow) == 30


def test_no_frames_and_one_frame_have_no_twins():
    for n in (0, 1):
        nothing = np.zeros((n, 112, 112, 3), np.uint8)
        assert [len(part) for part in twin_pairs(nothing)[:4]] == [0, 0, 0, 0]
        assert keep_different(nothing)[0].tolist() == list(range(n))


def test_of_a_camera_with_its_lid_on_few_pairs_are_listed_and_all_are_told(monkeypatch):
    monkeypatch.setattr(near_twins, "_ROWS", 30)
    monkeypatch.setattr(near_twins, "_COLUMNS", 40)
    images = np.concatenate([np.zeros((100, 28, 28, 3), np.uint8), np.stack([scene(0, 28), scene(1, 28)])])
    found = twin_pairs(images)
    assert found.pairs == 100 * 99 / 2 and len(found.first) <= 100 * near_twins.MOST_TWINS
    assert set(np.concatenate([found.first, found.second]).tolist()) == set(range(100))
    assert found.group.tolist() == [0] * 100 + [100, 101]
    twin, _ = keep_different(images)
    assert twin.tolist() == [0] * 100 + [100, 101]


def test_each_frame_with_a_wanted_twin_is_listed_however_many_others_are_nearer(monkeypatch):
    """First all of one kind, then all of the other, and the nearest are of the same kind."""
    monkeypatch.setattr(near_twins, "MOST_TWINS", 3)
    monkeypatch.setattr(near_twins, "_ROWS", 16)
    kind = np.repeat([0, 1], 40)
    images = np.stack([scene(0, 28) // 8 * 7 + k * 9 for k in kind]).astype(np.uint8)
    found = twin_pairs(images, wanted=lambda first, second, _: kind[first] != kind[second])
    assert np.all(kind[found.first] != kind[found.second]) and found.pairs == 80 * 79 / 2
    assert set(np.concatenate([found.first, found.second]).tolist()) == set(range(80)) and len(found.first) <= 240


def test_twins_of_twins_hang_together_whatever_their_order(monkeypatch):
    """A chain of seven pictures, each near the next only; met in an order that joins two long halves last."""
    monkeypatch.setattr(near_twins, "_ROWS", 2)
    monkeypatch.setattr(near_twins, "_COLUMNS", 3)
    chain = np.full((7, 112, 112, 3), 100, np.uint8)
    chain[:, :28, :28] = np.array([100, 114, 130, 148, 169, 193, 220])[:, None, None, None]
    order = [0, 6, 1, 5, 2, 4, 3]
    found = twin_pairs(np.concatenate([chain[order], scene(1)[None]]))
    assert found.pairs == 6 and found.group.tolist() == [0] * 7 + [7]
    assert keep_different(chain)[0].tolist() == [0, 0, 2, 2, 4, 4, 6]


def test_a_mirror_image_is_a_twin_unless_the_training_does_not_mirror():
    images = np.stack([scene(0), scene(1), noisy(scene(0)[:, ::-1], 5), noisy(scene(1), 2)])
    found = twin_pairs(images)
    assert sorted(zip(names_of(found), found.mirrored.tolist())) == [((0, 2), True), ((1, 3), False)]
    assert found.group.tolist() == [0, 1, 0, 1]
    twin, mirrored = keep_different(images)
    assert twin.tolist() == [0, 1, 0, 1] and mirrored.tolist() == [False, False, True, False]
    assert names_of(twin_pairs(images, mirror=False)) == [(1, 3)]
    both = twin_pairs(images[2:], images[:2])
    assert sorted(zip(names_of(both), both.mirrored.tolist())) == [((0, 0), True), ((1, 1), False)]


def test_a_symmetric_scene_is_its_neighbours_twin_as_it_is():
    half = scene(3)
    whole = np.concatenate([half, half[:, ::-1]], axis=1)
    found = twin_pairs(np.stack([noisy(whole, 1), noisy(whole, 2)]))
    assert names_of(found) == [(0, 1)] and not found.mirrored[0] and found.pairs == 1


@pytest.mark.parametrize("name", ["penumbrage", "kianooshi", "jimmytan"])
def test_no_real_twins_contradict_each_other(real_data, name):
    """With a bottle or without it: the closest such pair must stay two pictures."""
    dataset = load_dataset("collision", os.path.join(real_data, "collision", name))
    found = twin_pairs(dataset.images)
    assert len(found.first) >= 5
    assert np.all(dataset.targets[found.first] == dataset.targets[found.second])


@pytest.mark.parametrize("task, name", [
    ("collision", "penumbrage"), ("collision", "kianooshi"), ("collision", "jimmytan"),
    ("road", "username007"), ("road", "kianooshi"), ("road", "jimmytan")])
def test_no_real_frame_is_the_mirror_image_of_another_but_saved_mirrored_copies_are(real_data, task, name):
    images = np.asarray(load_dataset(task, os.path.join(real_data, task, name)).images)
    assert not np.any(twin_pairs(images).mirrored)
    copies = np.stack([cv2.imdecode(cv2.imencode(".jpg", np.ascontiguousarray(image[:, ::-1]))[1], cv2.IMREAD_COLOR)
                       for image in images[::5]])
    found = twin_pairs(copies, images)
    own = found.mirrored & (found.second == 5 * found.first)
    assert len(set(found.first[own].tolist())) == len(copies)
