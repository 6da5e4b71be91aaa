"""Folders and zips become a Dataset, or an error that says what to do."""
import os
import uuid
import zipfile

import cv2
import numpy as np
import pytest

from jetbot_mlp import frame_files
from jetbot_mlp.dataset import CLASSES, load_dataset
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.features import shrink


def picture(seed, height=24, width=32):
    return np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)


def save(path, image, suffix=".png"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(suffix, image)[1].tobytes())
    return path


def uuid1_at(seconds):
    """Text of a uuid1 of 2022 and so many seconds."""
    time = 0x1ECF57300000000 + int(seconds * 1e7)
    return str(uuid.UUID(fields=(time & 0xFFFFFFFF, time >> 32 & 0xFFFF, time >> 48 | 0x1000, 0x80, 1, 7)))


def collision(root, n=4, seed=0):
    for i in range(n):
        save(root / "blocked" / (uuid1_at(2 * i) + ".png"), picture(seed + 2 * i))
        save(root / "free" / (uuid1_at(2 * i + 1) + ".png"), picture(seed + 2 * i + 1))
    return root


def road(root, points, size=(24, 32), seed=0):
    for i, (x, y) in enumerate(points):
        save(root / ("xy_%03d_%03d_%s.png" % (x, y, uuid1_at(i))), picture(seed + i, *size))
    return root


def zipped(folder, target, prefix=""):
    with zipfile.ZipFile(str(target), "w", zipfile.ZIP_DEFLATED) as archive:
        for base, _, names in os.walk(str(folder)):
            for name in names:
                full = os.path.join(base, name)
                archive.write(full, prefix + os.path.relpath(full, str(folder)))
    return target


PIXELS = [(10 * i, 60 + 5 * i) for i in range(23)]
PERCENTS = [(8 * i, 40 + 4 * i) for i in range(13)]


def test_a_collision_folder_is_read_as_it_is(tmp_path):
    root = collision(tmp_path / "dataset")
    data = load_dataset("collision", str(root))
    assert data.task == "collision" and len(data) == 8 == len(set(data.names))
    assert data.images.shape == (8, 112, 112, 3) and data.images.dtype == np.uint8
    assert data.targets.dtype == np.int64 and data.targets.tolist() == [0] * 4 + [1] * 4
    assert data.sources.tolist() == [0] * 8 and data.time_source == "uuid1"
    assert data.times_s.dtype == np.float64 and np.diff(data.times_s[:4]).round(6).tolist() == [2.0] * 3
    assert data.skipped == []
    for name, target, image in zip(data.names, data.targets, data.images):
        assert name.startswith("dataset/%s/" % CLASSES["collision"][target])
        np.testing.assert_array_equal(image, shrink(cv2.imread(str(tmp_path / name))))


def test_class_folders_may_be_written_in_capitals_and_lie_deeper(tmp_path):
    save(tmp_path / "home/dataset/Blocked/a.jpg", picture(0), ".jpg")
    save(tmp_path / "home/dataset/FREE/b.JPEG", picture(1), ".jpg")
    assert load_dataset("collision", [tmp_path]).targets.tolist() == [0, 1]


def test_the_two_class_folders_may_be_named_themselves(tmp_path):
    collision(tmp_path / "a"), collision(tmp_path / "b", seed=50)
    paths = [tmp_path / s / c for s in "ab" for c in ("blocked", "free")]
    data = load_dataset("collision", paths)
    assert len(data) == 16 and data.targets.tolist() == ([0] * 4 + [1] * 4) * 2
    assert len(set(data.names)) == 16


def test_pixel_names_give_targets_of_the_pictures_own_size(tmp_path):
    data = load_dataset("road", road(tmp_path / "xy", PIXELS, size=(224, 448)))
    assert data.targets.dtype == np.float32 and data.targets.shape == (23, 2)
    expected = [((x - 224) / 224.0, (y - 112) / 112.0) for x, y in PIXELS]
    np.testing.assert_allclose(data.targets, expected, atol=1e-6)
    assert any("pixels (x 0..220, y 60..170)" in note for note in data.notes)


def test_percent_names_give_targets_of_the_old_formula(tmp_path):
    data = load_dataset("road", road(tmp_path / "xy", PERCENTS, size=(224, 224)))
    expected = [((x - 50) / 50.0, (y - 50) / 50.0) for x, y in PERCENTS]
    np.testing.assert_allclose(data.targets, expected, atol=1e-6)


def test_each_folder_is_decided_on_its_own(tmp_path):
    road(tmp_path / "all/new", PIXELS, (224, 224)), road(tmp_path / "all/old", PERCENTS, (224, 224), 100)
    data = load_dataset("road", tmp_path / "all")
    assert len(data) == 36 and np.abs(data.targets).max() <= 1.0
    first_old = next(i for i, name in enumerate(data.names) if "/old/" in name)
    np.testing.assert_allclose(data.targets[first_old], (-1.0, -0.2), atol=1e-6)


def test_an_undecidable_folder_asks_and_obeys_the_answer(tmp_path):
    root = road(tmp_path / "few", [(50, 60)], (200, 200))
    with pytest.raises(DatasetError, match="--xy pixel or --xy percent"):
        load_dataset("road", root)
    np.testing.assert_allclose(load_dataset("road", root, xy="pixel").targets, [(-0.5, -0.4)], atol=1e-6)
    np.testing.assert_allclose(load_dataset("road", root, xy="percent").targets, [(0.0, 0.2)], atol=1e-6)


def test_targets_outside_are_skipped_and_a_wrong_answer_is_refused(tmp_path):
    root = road(tmp_path / "xy", PIXELS + [(300, 20)], (224, 224))
    data = load_dataset("road", root)
    assert len(data) == 23 and "outside" in data.skipped[0][1] and "xy_300_020" in data.skipped[0][0]
    with pytest.raises(DatasetError, match="try --xy pixel"):
        load_dataset("road", root, xy="percent")


def test_bad_road_names_are_skipped_with_the_reason(tmp_path):
    root = road(tmp_path / "xy", PIXELS, (224, 224))
    save(root / "xy_-12_050_a.png", picture(90))
    save(root / "selfie.png", picture(91))
    data = load_dataset("road", root)
    assert len(data) == 23 and [name for name, _ in data.skipped] == ["xy/xy_-12_050_a.png"]
    assert any("1 pictures left out" in note for note in data.notes)


def test_unreadable_files_are_named_counted_and_leave_the_terminal_clean(tmp_path, capfd):
    root = collision(tmp_path / "set")
    whole = cv2.imencode(".jpg", picture(7, 100, 100))[1].tobytes()
    for name, data in (("empty", b""), ("cut", whole[:-300]), ("page", b"<html>"), ("zero", b"\0" * 999)):
        (root / "free" / (name + ".jpg")).write_bytes(data)
    (root / "free" / "long.jpg").write_bytes(whole + b"trailing")
    data = load_dataset("collision", root)
    reasons = dict(data.skipped)
    assert len(data) == 9 and len(reasons) == 4
    assert "empty" in reasons["set/free/empty.jpg"] and "truncated" in reasons["set/free/cut.jpg"]
    assert any(note.startswith("4 files skipped") for note in data.notes)
    assert capfd.readouterr() == ("", "")


def test_grey_transparent_and_large_pictures_are_read(tmp_path):
    save(tmp_path / "blocked/a.png", picture(0)[:, :, 0])
    save(tmp_path / "blocked/b.png", np.dstack([picture(1), picture(2)[:, :, 0]]))
    save(tmp_path / "free/c.jpg", picture(3, 1080, 1920), ".jpg")
    data = load_dataset("collision", tmp_path)
    assert len(data) == 3 and (data.images[0][:, :, 0] == data.images[0][:, :, 2]).all()


def test_a_zip_gives_the_same_frames_as_its_folder(tmp_path):
    root = collision(tmp_path / "set")
    for prefix in ("", "set/"):
        data = load_dataset("collision", zipped(root, tmp_path / "set.zip", prefix))
        same = load_dataset("collision", root)
        np.testing.assert_array_equal(data.images, same.images)
        assert data.fingerprint() == same.fingerprint() and data.time_source == "uuid1"


def test_copies_count_once_wherever_they_lie(tmp_path):
    root = collision(tmp_path / "set")
    archive = zipped(root, tmp_path / "set.zip")
    save(root / "free/copy.png", cv2.imread(str(next((root / "free").iterdir()))))
    data = load_dataset("collision", [root, root, archive])
    assert len(data) == 8 and data.fingerprint() == load_dataset("collision", archive).fingerprint()
    assert any(note.startswith("18 exact copies") for note in data.notes)
    assert sum("nothing new" in note for note in data.notes) == 2
    assert data.sources.tolist() == [0] * 8 and data.time_source == "uuid1"


def test_the_same_picture_under_both_labels_is_dropped_and_named(tmp_path):
    root = collision(tmp_path / "set")
    save(root / "blocked/twin.png", picture(77)), save(root / "free/twin.png", picture(77))
    data = load_dataset("collision", root)
    assert len(data) == 8
    assert [name for name, _ in data.skipped] == ["set/blocked/twin.png", "set/free/twin.png"]
    assert "set/free/twin.png" in data.skipped[0][1] and "set/blocked/twin.png" in data.skipped[1][1]


def test_a_road_picture_with_two_targets_is_dropped_but_one_bad_name_does_not_cost_its_copy(tmp_path):
    root = road(tmp_path / "xy", PIXELS, (224, 224))
    for name in ("xy_010_010_a", "xy_020_020_b"):
        save(root / (name + ".png"), picture(500, 224, 224))
    for name in ("xy_000_999_a", "xy_030_030_b"):
        save(root / (name + ".png"), picture(501, 224, 224))
    data = load_dataset("road", root)
    assert len(data) == 24 and len(data.skipped) == 3
    at = data.names.index("xy/xy_030_030_b.png")
    np.testing.assert_array_equal(data.images[at], shrink(picture(501, 224, 224)))


def test_the_other_tasks_folder_is_recognised(tmp_path):
    collision(tmp_path / "c"), road(tmp_path / "r", PIXELS)
    with pytest.raises(DatasetError, match="looks like a road dataset; train road"):
        load_dataset("collision", tmp_path / "r")
    with pytest.raises(DatasetError, match="looks like a collision dataset; train collision"):
        load_dataset("road", tmp_path / "c")


def test_nothing_to_learn_from_says_so(tmp_path):
    (tmp_path / "empty/blocked").mkdir(parents=True)
    save(tmp_path / "holiday/beach.png", picture(0))
    (tmp_path / "holes/free").mkdir(parents=True)
    (tmp_path / "holes/free/a.jpg").write_bytes(b"")
    for path, words in (("empty", "found no picture"), ("holiday", "1 other pictures"),
                        ("absent", "found nothing at"), ("holes", "none readable")):
        with pytest.raises(DatasetError, match=words):
            load_dataset("collision", tmp_path / path)
    with pytest.raises(DatasetError, match="at least one"):
        load_dataset("collision", [])


def test_one_class_alone_is_enough_only_for_evaluation(tmp_path):
    save(tmp_path / "s/free/a.png", picture(0)), save(tmp_path / "s/free/b.png", picture(1))
    with pytest.raises(DatasetError, match="0 in blocked/ and 2 in free/"):
        load_dataset("collision", tmp_path / "s")
    assert load_dataset("collision", tmp_path / "s", require_all_classes=False).targets.tolist() == [1, 1]


def test_every_error_is_one_line(tmp_path):
    bad = tmp_path / "odd\nname"
    bad.mkdir()
    with pytest.raises(DatasetError) as error:
        load_dataset("road", bad)
    assert "\n" not in str(error.value)


def test_wrong_arguments_are_programming_errors(tmp_path):
    for task, xy in (("mnist", "auto"), ("road", "percents")):
        with pytest.raises(ValueError):
            load_dataset(task, tmp_path, xy=xy)


def test_times_fall_back_to_modification_times_then_names(tmp_path):
    for i in range(6):
        path = save(tmp_path / "set" / ("blocked" if i % 2 else "free") / ("%d.png" % i), picture(i))
        os.utime(str(path), (1000, 1000 + 60 * (6 - i)))
    data = load_dataset("collision", tmp_path / "set")
    assert data.time_source == "modification time"
    assert sorted(data.names, key=lambda n: data.times_s[data.names.index(n)])[0] == "set/blocked/5.png"
    for i in range(6):
        os.utime(str(tmp_path / "set" / ("blocked" if i % 2 else "free") / ("%d.png" % i)), (1000, 1000))
    data = load_dataset("collision", tmp_path / "set")
    assert data.time_source == "name" and any("order of name" in note for note in data.notes)
    collision(tmp_path / "good", seed=100)
    both = load_dataset("collision", [tmp_path / "good", tmp_path / "set"])
    assert both.source_clocks == ["uuid1", "name"] and both.time_source == "name"


def test_one_numbering_of_both_classes_is_one_order_but_two_numberings_are_not(tmp_path):
    for i in range(12):
        path = save(tmp_path / "one" / ("blocked" if i % 2 else "free") / ("%d.png" % i), picture(i))
        save(tmp_path / "two" / path.parent.name / ("%d.png" % (i // 2)), picture(i))
    for path in tmp_path.glob("*/*/*.png"):
        os.utime(str(path), (1000, 1000))
    one, two = (load_dataset("collision", tmp_path / name) for name in ("one", "two"))
    assert one.time_source == two.time_source == "name"
    in_order = [one.names[i].rpartition("/")[2] for i in one.times_s.argsort()]
    assert in_order == ["%d.png" % i for i in range(12)]
    assert two.times_s[two.targets == 0].max() < two.times_s[two.targets == 1].min()


def test_modification_times_of_a_zip_are_called_local(tmp_path):
    for i in range(6):
        path = save(tmp_path / "set" / ("blocked" if i % 2 else "free") / ("%d.png" % i), picture(i))
        os.utime(str(path), (10 ** 9, 10 ** 9 + 60 * i))
    data = load_dataset("collision", zipped(tmp_path / "set", tmp_path / "set.zip"))
    assert data.time_source == "modification time" and any("local time" in note for note in data.notes)
    assert not any("local time" in note for note in load_dataset("collision", tmp_path / "set").notes)


def test_a_folder_of_pixel_and_percent_names_asks(tmp_path):
    root = road(tmp_path / "xy", PIXELS[::2] + [(2 * i, 40 + i) for i in range(40)], (224, 224))
    with pytest.raises(DatasetError, match="split the folder"):
        load_dataset("road", root)


def test_the_fingerprint_knows_contents_and_labels_but_not_places(tmp_path):
    first = load_dataset("collision", collision(tmp_path / "a"))
    moved = load_dataset("collision", collision(tmp_path / "b/c"))
    assert first.fingerprint() == moved.fingerprint() == first.subset(range(7, -1, -1)).fingerprint()
    assert len(first.fingerprint()) == 64
    assert first.fingerprint() != first.subset(range(7)).fingerprint()
    first.targets = 1 - first.targets
    assert first.fingerprint() != moved.fingerprint()


def test_a_subset_takes_the_same_rows_of_everything(tmp_path):
    data = load_dataset("road", road(tmp_path / "xy", PIXELS, (224, 224)))
    part = data.subset([5, 2])
    assert len(part) == 2 and part.names == [data.names[5], data.names[2]]
    for field in ("images", "targets", "times_s", "sources"):
        np.testing.assert_array_equal(getattr(part, field), getattr(data, field)[[5, 2]])
    assert len(data.subset([])) == 0


def test_progress_sees_every_file_of_a_source(tmp_path):
    calls = []

    def progress(iterable, total, desc):
        calls.append((total, desc))
        return iterable

    load_dataset("collision", collision(tmp_path / "set"), progress=progress)
    assert calls == [(8, "set")]


def test_the_order_of_the_disk_does_not_matter(tmp_path, monkeypatch):
    root = collision(tmp_path / "set")
    walk = os.walk
    first = load_dataset("collision", root)
    monkeypatch.setattr(os, "walk", lambda *a, **k: ((f, d, n[::-1]) for f, d, n in walk(*a, **k)))
    assert load_dataset("collision", root).names == first.names


@pytest.mark.parametrize("name,n,reading", [("username007", 421, "0..100"), ("kianooshi", 300, "pixels"),
                                            ("jimmytan", 240, "0..100")])
def test_real_road_folders_are_decided_right(real_data, name, n, reading):
    data = load_dataset("road", os.path.join(real_data, "road", name))
    assert len(data) == n and not data.skipped and data.time_source == "uuid1"
    assert any("read as " + reading in note for note in data.notes)
    assert abs(np.median(data.targets[:, 0])) < 0.1  # the road lies ahead, not to one side


def test_all_real_collision_folders_load_together(real_data):
    folder = os.path.join(real_data, "collision")
    data = load_dataset("collision", [os.path.join(folder, name) for name in sorted(os.listdir(folder))])
    assert np.bincount(data.targets).tolist() == [117 + 314 + 258, 117 + 176 + 263]
    assert not data.skipped and data.time_source == "uuid1" and set(data.sources) == {0, 1, 2}


def test_excluded_frames_are_left_out_and_stay_on_the_disk(tmp_path):
    folder = tmp_path / "set"
    for label in ("blocked", "free"):
        (folder / label).mkdir(parents=True)
        for i in range(3):
            save(folder / label / ("%d.jpg" % i), picture(len(label) * 10 + i))
    names = load_dataset("collision", folder).names
    listed = tmp_path / "list.txt"
    listed.write_text("# doubtful\n%s  # wrong label\n#%s\nelse/free/9.jpg\n" % (names[1], names[2]))
    dataset = load_dataset("collision", folder, exclude=listed)
    assert dataset.names == [names[0]] + names[2:] and dataset.excluded == 1
    assert dataset.subset([0, 1]).excluded == 1
    assert "frames left out as the list says: 1; the list names 1 of other folders" in dataset.notes
    assert len(list(folder.glob("*/*.jpg"))) == 6
    assert load_dataset("collision", folder, exclude=[names[0]]).names == names[1:]
    assert load_dataset("collision", folder).excluded == 0


def test_an_excluded_frame_takes_its_copies_along_but_cures_a_contradiction(tmp_path):
    folder = tmp_path / "set"
    for label in ("blocked", "free"):
        (folder / label).mkdir(parents=True)
        save(folder / label / "own.jpg", picture(len(label)))
        save(folder / label / "both.jpg", picture(99))
    save(folder / "free" / "copy.jpg", picture(4))  # of free/own.jpg
    save(folder / "free" / "other.jpg", picture(5))
    dataset = load_dataset("collision", folder, exclude=["set/free/own.jpg", "set/blocked/both.jpg"])
    assert dataset.names == ["set/blocked/own.jpg", "set/free/both.jpg", "set/free/other.jpg"]
    assert dataset.excluded == 3 and dataset.skipped == []


def test_excluding_what_is_not_there_or_all_of_it_is_refused(tmp_path):
    save(tmp_path / "set" / "xy_010_020_a.jpg", picture(1))
    with pytest.raises(DatasetError, match="no frame: set/xy_1.jpg"):
        load_dataset("road", tmp_path / "set", xy="percent", exclude=["set/xy_1.jpg"])
    with pytest.raises(DatasetError, match="frames to remain"):
        load_dataset("road", tmp_path / "set", xy="percent", exclude=["set/xy_010_020_a.jpg"])


def test_links_to_a_class_cost_no_frame(tmp_path):
    root = collision(tmp_path / "set")
    plain = load_dataset("collision", root)
    for path, target in (("all", "blocked"), ("old/free", "../blocked")):
        (root / path).parent.mkdir(exist_ok=True)
        try:
            os.symlink(target, str(root / path), target_is_directory=True)
        except (OSError, NotImplementedError):
            pytest.skip("no links here")
    linked = load_dataset("collision", root)
    assert (linked.names, linked.notes, linked.skipped) == (plain.names, plain.notes, [])


def test_what_was_not_looked_into_is_said_in_notes_and_in_the_error(tmp_path, monkeypatch):
    collision(tmp_path / "set/1/2/3/4/5")
    assert len(load_dataset("collision", tmp_path / "set")) == 8
    collision(tmp_path / "set/1/2/3/4/5/6", seed=50)
    monkeypatch.setattr(frame_files, "_MAX_FOLDERS", 9)
    assert any("first 9 folders" in note for note in load_dataset("collision", tmp_path / "set").notes)
    monkeypatch.setattr(frame_files, "_MAX_FOLDERS", 8)
    with pytest.raises(DatasetError, match="0 in free/; only the first 8 folders"):
        load_dataset("collision", tmp_path / "set")
    monkeypatch.setattr(frame_files, "_MAX_FOLDERS", 3)
    with pytest.raises(DatasetError, match="found no picture.*the first 3 folders"):
        load_dataset("collision", tmp_path / "set")


def test_pictures_of_other_formats_are_skipped_and_named(tmp_path):
    root = collision(tmp_path / "set")
    for i in range(2):
        save(root / "blocked" / ("%d.bmp" % i), picture(80 + i), ".bmp")
        save(root / "free" / ("%d.webp" % i), picture(90 + i), ".webp")
    save(root / "free/same.jfif", picture(95), ".jpg")  # JPEG by another name
    data = load_dataset("collision", root)
    bmp, webp = ("neither JPEG nor PNG inside but %s (convert it)" % name for name in ("BMP", "WebP"))
    assert len(data) == 9 and data.skipped[0] == ("set/blocked/0.bmp", bmp)
    assert "4 files skipped: 2 %s; 2 %s" % (bmp, webp) in data.notes


def test_a_class_with_pictures_of_other_formats_only_says_so(tmp_path):
    save(tmp_path / "set/free/a.bmp", picture(1), ".bmp")
    with pytest.raises(DatasetError, match=r"found 1 files and none readable: 1 .* but BMP .convert it.; convert"):
        load_dataset("collision", tmp_path / "set")
    save(tmp_path / "set/blocked/a.png", picture(2))
    with pytest.raises(DatasetError, match="0 in free/ .1 skipped, such as set/free/a.bmp: .*BMP"):
        load_dataset("collision", tmp_path / "set")


@pytest.mark.parametrize("pattern", ["xy_%.4f_%.4f_%d.png", "xy_-%d_-%d_%d.png"])
def test_road_names_with_other_numbers_have_to_be_changed_not_copied(tmp_path, pattern):
    for i in range(3):
        save(tmp_path / "xy" / (pattern % (10 + i, 20, i)), picture(i))
    with pytest.raises(DatasetError) as error:
        load_dataset("road", tmp_path / "xy")
    assert str(error.value) == (
        "expected frames to learn from, found 3 files and none readable: 3 named otherwise than xy_<x>_<y>_<uuid> with "
        "whole numbers from 0 (pixels or percent of the frame: rename it); rename them")
    (tmp_path / "xy/xy_010_020_a.png").write_bytes(b"")
    with pytest.raises(DatasetError, match="1 empty file; rename them, and convert, copy or collect the damaged again"):
        load_dataset("road", tmp_path / "xy")


def test_pictures_without_a_target_in_their_names_say_what_a_name_must_be(tmp_path):
    save(tmp_path / "xy/12_118_a.png", picture(0))
    with pytest.raises(DatasetError) as error:
        load_dataset("road", tmp_path / "xy")
    for part in ("named xy_<x>_<y>_<uuid>.jpg", "such as 12_118_a.png", "robot wrote, or rename",
                 "whole numbers, in pixels or percent"):
        assert part in str(error.value)


def test_skipped_files_are_counted_by_reason_and_the_reason_is_whole(tmp_path):
    root = road(tmp_path / "xy", PIXELS + [(300, 20), (301, 20)], (224, 224))
    assert "2 files skipped: 2 with a target outside of the picture" in load_dataset("road", root).notes
    for i, data in enumerate((b"", b"<html>", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"")):
        (root / ("xy_010_010_%d.png" % i)).write_bytes(data)
    note = next(note for note in load_dataset("road", root).notes if "skipped" in note)
    assert note == ("7 files skipped: 2 empty file; 2 with a target outside of the picture; "
                    "1 neither JPEG nor PNG inside; 2 for other reasons")
    with pytest.raises(DatasetError, match=r"such as xy/xy_\S+png with a target outside .*percent.; try --xy pixel"):
        load_dataset("road", root, xy="percent")
