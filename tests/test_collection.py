import os
import re
import sys
import zipfile

import numpy as np
import pytest

from jetbot_mlp import collection
from jetbot_mlp.capture_time import uuid1_time_s
from jetbot_mlp.collection import Collection, balance
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.errors import DatasetError

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-1[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"


def frame(seed=0, side=224):
    return np.random.RandomState(seed).randint(0, 255, (side, side, 3)).astype(np.uint8)


@pytest.fixture
def collision(tmp_path):
    return Collection(tmp_path / "dataset", "collision")


@pytest.fixture
def road(tmp_path):
    return Collection(tmp_path / "dataset_xy", "road")


def files_in(folder):
    return sorted(os.path.relpath(os.path.join(where, name), str(folder))
                  for where, _, names in os.walk(str(folder)) for name in names)


def test_frames_lie_in_the_official_folders_under_uuid1_names(collision, road):
    path = collision.save(frame(), "blocked")
    assert re.match(f"blocked/{UUID}.jpg$", os.path.relpath(path, collision.folder).replace(os.sep, "/"))
    assert re.match(f"xy_150_007_{UUID}.jpg$", os.path.basename(road.save(frame(), (149.6, 7))))
    assert uuid1_time_s(path) == pytest.approx(os.path.getmtime(path), abs=5)


def test_what_was_collected_can_be_trained_on(collision, road):
    for seed in range(6):
        collision.save(frame(seed), "free" if seed % 2 else "blocked")
        road.save(frame(seed), (110 + 20 * seed, 40 * seed))
    loaded = load_dataset("collision", collision.folder)
    assert loaded.time_source == "uuid1" and loaded.labels.tolist().count(0) == 3
    targets = load_dataset("road", road.folder).targets
    assert sorted(targets[:, 0].tolist()) == pytest.approx([(110 + 20 * i - 112) / 112 for i in range(6)])


def test_a_frame_of_another_size_becomes_224(road):
    road.save(frame(side=448), (1, 2))
    assert road.read(road.names()[0]).shape == (224, 224, 3)


def test_names_come_in_the_order_in_which_they_were_taken(collision):
    saved = [os.path.relpath(collision.save(frame(i), kind), collision.folder).replace(os.sep, "/")
             for i, kind in enumerate(["free", "blocked", "free"])]
    assert collision.names() == saved


def test_undo_deletes_what_was_just_saved_and_nothing_older(collision):
    collision.save(frame(0), "free")
    again = Collection(collision.folder, "collision")
    assert again.undo() is None and len(again.names()) == 1
    again.save(frame(1), "blocked")
    assert "deleted again" in again.undo() and again.counts() == {"blocked": 0, "free": 1}
    assert again.undo() is None


def test_several_actions_are_taken_back_one_by_one(collision):
    collision.save(frame(0), "free")
    name = collision.relabel(collision.names()[0], "blocked")
    collision.exclude(name)
    assert collision.counts() == {"blocked": 0, "free": 0} and collision.n_undo == 3
    collision.undo()
    assert collision.counts() == {"blocked": 1, "free": 0}
    collision.undo()
    assert collision.counts() == {"blocked": 0, "free": 1}
    collision.undo()
    assert files_in(collision.folder) == ["exclude.txt"] and collision.undo() is None


def test_relabelling_keeps_picture_and_capture_time(road):
    old = os.path.basename(road.save(frame(), (10, 20)))
    new = road.relabel(old, (200, 100))
    assert road.names() == [new] and road.label_of(new) == (200, 100)
    assert uuid1_time_s(new) == uuid1_time_s(old)
    road.undo()
    assert road.names() == [old]


def test_the_list_of_those_to_leave_out_is_what_exclude_reads(collision):
    for seed in range(4):
        collision.save(frame(seed), "free" if seed % 2 else "blocked")
    out = collision.names()[0]
    collision.exclude(out)
    assert os.path.exists(os.path.join(collision.folder, out))
    loaded = load_dataset("collision", collision.folder, exclude=collision.exclude_path)
    assert loaded.excluded == 1 and "dataset/" + out not in loaded.names
    collision.exclude(out, False)
    assert load_dataset("collision", collision.folder, exclude=collision.exclude_path).excluded == 0


def test_a_relabelled_frame_stays_left_out(collision):
    for seed in range(4):
        collision.save(frame(seed), "free" if seed % 2 else "blocked")
    name = collision.names()[1]
    collision.exclude(name)
    new = collision.relabel(name, "blocked")
    assert collision.excluded() == {new}
    assert load_dataset("collision", collision.folder, exclude=collision.exclude_path,
                        require_all_classes=False).excluded == 1


def test_a_list_for_other_folders_too_is_kept_and_lines_of_deleted_frames_go(collision):
    for seed in range(3):
        collision.save(frame(seed), "free")
    first, second, third = collision.names()
    with open(collision.exclude_path, "w") as stream:
        stream.write("other/blocked/a.jpg\n# seen by me\ndataset/%s\n" % first)
    os.unlink(os.path.join(collision.folder, first))
    collision.exclude(second)
    with open(collision.exclude_path) as stream:
        lines = [line.strip() for line in stream if not line.startswith("#")]
    assert lines == ["other/blocked/a.jpg", "dataset/" + second]


def test_the_zip_holds_all_but_those_left_out_and_can_be_trained_on(collision):
    for seed in range(6):
        collision.save(frame(seed), "free" if seed % 2 else "blocked")
    collision.exclude(collision.names()[0])
    path = collision.zip()
    assert os.path.basename(path) == "dataset.zip"
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 5 and all(name.startswith("dataset/") for name in archive.namelist())
    assert len(load_dataset("collision", path)) == 5
    assert collision.zip() == path and files_in(os.path.dirname(path)).count("dataset.zip") == 1


def test_nothing_to_zip_is_said(collision):
    with pytest.raises(DatasetError, match="save some first"):
        collision.zip()


def test_a_full_disk_is_one_clear_message_and_nothing_half_written(collision, monkeypatch):
    collision.save(frame(), "free")
    before = files_in(collision.folder)
    monkeypatch.setattr(collection, "SPARE_BYTES", 2 ** 60)
    for act in (lambda: collision.save(frame(1), "blocked"), collision.zip):
        with pytest.raises(DatasetError, match="found: less than .* left on the disk; free some space") as caught:
            act()
        assert "\n" not in str(caught.value)
    assert files_in(collision.folder) == before and collision.n_undo == 1
    assert not [name for name in files_in(os.path.dirname(collision.folder)) if "zip" in name]


def test_a_disk_that_fills_up_in_the_midst_of_a_zip_leaves_the_old_one(collision, monkeypatch):
    collision.save(frame(), "free")
    path = collision.zip()
    with open(path, "rb") as stream:
        old = stream.read()
    collision.save(frame(1), "free")

    def full(archive, *arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "write", full)
    with pytest.raises(DatasetError, match="No space left"):
        collision.zip()
    with open(path, "rb") as stream:
        assert stream.read() == old
    assert sorted(os.listdir(os.path.dirname(path))) == ["dataset", "dataset.zip"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DatasetError, match="found a file"):
        Collection(tmp_path / "file", "road")
    with pytest.raises(DatasetError, match="expected to save a frame"):
        Collection(tmp_path / "file" / "inside", "road").save(frame(), (1, 1))


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_said(tmp_path):
    os.chmod(str(tmp_path), 0o500)
    with pytest.raises(DatasetError, match="you may write to"):
        Collection(tmp_path / "dataset", "collision").save(frame(), "free")


def test_a_refused_write_is_said_with_the_remedy(collision, monkeypatch):
    def read_only(path, data):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(collection, "write_whole", read_only)
    with pytest.raises(DatasetError, match="found: Read-only file system; name a folder on another disk"):
        collision.save(frame(), "free")
    assert collision.names() == [] and collision.undo() is None


def test_pixels_are_not_mixed_into_a_folder_that_counts_0_to_100(road):
    os.makedirs(road.folder)
    for i in range(20):
        open(os.path.join(road.folder, "xy_%03d_050_a%d.jpg" % (5 * i, i)), "w").close()
    with pytest.raises(DatasetError, match="count 0..100"):
        Collection(road.folder, "road")


def test_targets_outside_of_the_picture_and_unknown_labels_are_refused(collision, road):
    for label in ((224, 0), (0, -1)):
        with pytest.raises(ValueError, match="target within 0..223"):
            road.save(frame(), label)
    with pytest.raises(ValueError, match="'blocked' or 'free'"):
        collision.save(frame(), "maybe")
    with pytest.raises(ValueError, match="'collision' or 'road'"):
        Collection("dataset", "fly")
    assert files_in(road.folder) == []


def test_a_frame_that_is_gone_is_said(collision):
    collision.save(frame(), "free")
    name = collision.names()[0]
    os.unlink(os.path.join(collision.folder, name))
    for act in (collision.undo, lambda: collision.read(name), lambda: collision.relabel(name, "blocked")):
        with pytest.raises(DatasetError, match="is gone"):
            act()


def test_the_roads_thirds_are_counted(road):
    for x in (0, 74, 75, 112, 149, 150, 223):
        road.save(frame(), (x, 100))
    assert road.counts() == {"left": 2, "ahead": 3, "right": 2}


def test_what_is_missing_is_said_in_plain_words():
    assert balance({"blocked": 60, "free": 58}) == ("60 blocked, 58 free: fine so far, 100 of each make a good start",
                                                    True)
    assert balance({"blocked": 120, "free": 110}) == ("120 blocked, 110 free: fine", True)
    assert balance({"blocked": 60, "free": 20}) == ("60 blocked, 20 free: take more free", False)
    assert balance({"left": 30, "ahead": 100, "right": 10})[0].endswith("take more right")
    assert balance({"blocked": 3, "free": 0})[1]


def test_hidden_files_and_pictures_of_other_things_are_no_frames(road):
    road.save(frame(), (1, 1))
    for name in (".xy_1_1_a.jpg", "cat.jpg", "xy_1_1_a.txt", "xy_a_b.jpg"):
        open(os.path.join(road.folder, name), "w").close()
    assert len(road.names()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only here a file name may be any bytes")
def test_a_file_name_of_another_alphabet_is_told(tmp_path):
    frames = Collection(tmp_path / "set", "collision")
    path = frames.save(frame(), "free")
    odd = b"\xc7\xd1\xb1\xdb.jpg"  # EUC-KR
    os.rename(os.fsencode(path), os.path.join(os.fsencode(os.path.dirname(path)), odd))
    name, = frames.names()
    assert frames.read(name).shape == (224, 224, 3)
    with pytest.raises(DatasetError, match="is not UTF-8; rename that file"):
        frames.zip()
    assert sorted(os.listdir(str(tmp_path))) == ["set"] and frames.excluded() == set()


@pytest.mark.skipif(sys.platform != "linux", reason="only here a file name may be any bytes")
@pytest.mark.parametrize("odd", [b"a\nb.jpg", b"a\rb #2.jpg", b"\xc7\xd1.jpg", b" a .jpg"])
def test_a_frame_with_an_odd_name_can_be_left_out_as_any_other(collision, odd):
    for label, darker in (("free", 0), ("free", 1), ("blocked", 2)):
        path = collision.save(frame() - darker, label)
        if not darker:
            os.rename(os.fsencode(path), os.path.join(os.fsencode(os.path.dirname(path)), odd))
    name, = (name for name in collision.names() if os.fsencode(name).endswith(odd))
    collision.exclude(name)
    assert collision.excluded() == {name} and collision.counts() == {"blocked": 1, "free": 1}
    loaded = load_dataset("collision", collision.folder, exclude=collision.exclude_path)
    assert loaded.excluded == 1 and len(loaded) == 2
    collision.exclude(name, False)
    assert collision.excluded() == set() and collision.counts()["free"] == 2


@pytest.mark.parametrize("folder", ["#1", " set"])
def test_a_folder_whose_name_can_begin_no_line_of_the_list_is_told(tmp_path, folder):
    frames = Collection(tmp_path / folder, "collision")
    frames.save(frame(), "free")
    with pytest.raises(DatasetError, match="give the folder or the file another name"):
        frames.exclude(frames.names()[0])
    assert not os.path.exists(frames.exclude_path)
