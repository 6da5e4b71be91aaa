"""Data sets of simulated frames in the official folder format."""
import errno
import hashlib
import os
import re
import uuid

import cv2
import numpy as np
import pytest

from jetbot_mlp import sim_dataset, sim_labels, sim_room, sim_world
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.sim_dataset import simulate


def files(folder):
    """{name: SHA-1 of the content}"""
    return {str(p.relative_to(folder)): hashlib.sha1(p.read_bytes()).hexdigest()
            for p in sorted(folder.rglob("*")) if p.is_file()}


def test_collision_frames_are_half_blocked_half_free_and_repeat_byte_for_byte(tmp_path):
    assert simulate("collision", tmp_path / "a", 41, seed=5) == {"blocked": 20, "free": 21}
    assert simulate("collision", str(tmp_path / "b"), 41, seed=5) == {"blocked": 20, "free": 21}
    simulate("collision", tmp_path / "c", 4, seed=6)
    one, same, other = (files(tmp_path / k) for k in "abc")
    assert one == same and not set(one.values()) & set(other.values()) and not set(one) & set(other)
    assert len(one) == 41 and len(set(one.values())) == 41
    for name in one:
        assert re.match(r"(blocked|free)[/\\][0-9a-f-]{36}\.jpg$", name)
        assert cv2.imread(str(tmp_path / "a" / name)).shape == (224, 224, 3)


def test_road_frames_carry_pixels_and_a_capture_time_in_their_name(tmp_path):
    assert simulate("road", tmp_path / "road", 30, seed=1) == {"xy": 30}
    times, xs = [], []
    for name in files(tmp_path / "road"):
        x, y, stamp = re.match(r"xy_(\d{3})_(\d{3})_([0-9a-f-]{36})\.jpg$", name).groups()
        assert 0 <= int(x) <= 223 and 100 < int(y) <= 223
        assert uuid.UUID(stamp).version == 1
        times.append(uuid.UUID(stamp).time)
        xs.append(int(x))
    assert len(set(times)) == 30
    assert max(xs) - min(xs) > 60
    first = (min(times) - 0x01b21dd213814000) / 1e7  # as Unix time
    assert 1704067200 < first < 1704067200 + 3 * 86400


def test_every_third_collision_world_and_every_fourth_road_world_has_road_and_obstacles():
    for task, kinds in (("collision", ["room", "room", "both", "room", "room"]),
                        ("road", ["road", "road", "road", "both", "road"])):
        worlds = list(sim_dataset._worlds(task, 50, 2, sim_dataset._Names(2)))
        assert [world.kind for world, _, _, _ in worlds] == kinds
        assert [world.seed for world, _, _, _ in worlds] == [20000, 20001, 20002, 20003, 20004]
        assert [n for _, _, _, n in worlds] == [10] * 5


def test_on_roads_with_obstacles_both_classes_are_met_and_no_robot_stands_in_one():
    world = sim_world.make_world("both", 8)
    poses = sim_dataset._along_the_road(world, np.random.RandomState(0))
    labels = []
    for pose in [next(poses) for _ in range(300)]:
        assert sim_room.distance(world.solid, pose[:2]) > 0.1
        assert not any(abs(np.subtract(pose[:2], b.centre)).max() < 0.02 for b in world.room.obstacles)
        labels.append(sim_labels.collision_label(world, pose))
        if labels[-1] == "blocked":
            assert sim_labels.road_label(world, pose) is None
    assert labels.count("blocked") > 5 and labels.count("free") > 100


@pytest.mark.parametrize("kind, seed", [("room", 1), ("room", 4), ("room", 5), ("both", 3)])
def test_things_are_sought_out_from_near_and_far_and_never_stood_in(kind, seed):
    world = sim_world.make_world(kind, seed)
    poses = sim_dataset._before_things(world, np.random.RandomState(0))
    labels = []
    for pose in [next(poses) for _ in range(200)]:
        assert sim_world.can_stand(world, pose, 0.1)
        labels.append(sim_labels.collision_label(world, pose))
    assert labels.count("blocked") > 40 and labels.count("free") > 20


def test_the_order_of_names_is_the_order_of_writing(tmp_path):
    names = sim_dataset._Names(7)
    made = []
    for _ in range(50):
        names.wait(0.4)
        made.append(uuid.UUID(names.next()))
    assert [u.time for u in made] == sorted(u.time for u in made)
    assert len({u.node for u in made}) == 1 and (made[0].node >> 40) & 1  # no real network card


def test_worlds_for_training_and_for_evaluation_never_meet(tmp_path):
    assert sim_dataset.world_seed(sim_dataset.LARGEST_SEED, 9999) < sim_world.EVALUATION_SEED_OFFSET
    seeds = [sim_dataset.world_seed(s, k) for s in (0, 1, 2) for k in range(sim_dataset.WORLDS_PER_SEED)]
    assert len(set(seeds)) == len(seeds)
    with pytest.raises(ValueError, match="from 0 to 99999, found 100000"):
        simulate("road", tmp_path / "x", 1, seed=100000)


def test_a_folder_that_holds_something_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(DatasetError, match="new or empty folder, found 1 entries"):
        simulate("road", tmp_path, 3)
    with pytest.raises(DatasetError, match="found a file"):
        simulate("road", tmp_path / "mine.txt", 3)
    assert os.listdir(str(tmp_path)) == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    simulate("road", tmp_path / "empty", 2)
    assert len(os.listdir(str(tmp_path / "empty"))) == 2


@pytest.mark.parametrize("trouble, expected", [
    (KeyboardInterrupt(), KeyboardInterrupt),
    (OSError(errno.ENOSPC, "No space left on device"), DatasetError),
])
def test_an_interrupted_run_leaves_nothing_behind(tmp_path, trouble, expected):
    def progress(shots, total, desc):
        for k, shot in enumerate(shots):
            if k == 2:
                raise trouble
            yield shot

    for out in (tmp_path / "out", tmp_path / "new" / "parents" / "out"):
        with pytest.raises(expected):
            simulate("collision", out, 10, progress=progress)
        assert os.listdir(str(tmp_path)) == []


def test_parents_that_were_there_stay_when_a_run_is_interrupted(tmp_path):
    def progress(shots, total, desc):
        raise KeyboardInterrupt

    (tmp_path / "mine").mkdir()
    with pytest.raises(KeyboardInterrupt):
        simulate("road", tmp_path / "mine" / "new" / "out", 3, progress=progress)
    assert [str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")] == ["mine"]


def test_new_parents_go_also_when_the_place_can_not_be_written_to(tmp_path, monkeypatch):
    def refuse(prefix, dir):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(sim_dataset.tempfile, "mkdtemp", refuse)
    with pytest.raises(DatasetError, match="expected a place to write to, found .*Permission denied"):
        simulate("road", tmp_path / "new" / "parents" / "out", 3)
    assert os.listdir(str(tmp_path)) == []


def test_a_link_to_an_empty_folder_is_followed(tmp_path):
    (tmp_path / "disk").mkdir()
    try:
        (tmp_path / "link").symlink_to("disk", target_is_directory=True)
    except OSError:
        pytest.skip("no symbolic links here")
    simulate("road", tmp_path / "link", 2)
    assert (tmp_path / "link").is_symlink() and len(os.listdir(str(tmp_path / "disk"))) == 2


def test_a_mount_point_is_refused_at_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "ismount", lambda path: str(path) == os.path.realpath(str(tmp_path)))
    with pytest.raises(DatasetError, match="found a mount point .* choose a folder in it"):
        simulate("road", tmp_path, 2, progress=lambda shots, total, desc: pytest.fail("it began"))
    assert simulate("road", tmp_path / "in", 2) == {"xy": 2}


def test_progress_counts_the_frames(tmp_path):
    seen = []

    def progress(shots, total, desc):
        for shot in shots:
            seen.append((total, desc))
            yield shot

    simulate("road", tmp_path / "out", 3, progress=progress)
    assert seen == [(3, "simulate road")] * 3


def test_an_unknown_task_or_count_is_named(tmp_path):
    with pytest.raises(ValueError, match="found 'fly'"):
        simulate("fly", tmp_path / "x", 1)
    with pytest.raises(ValueError, match="at least 1, found 0"):
        simulate("road", tmp_path / "x", 0)
