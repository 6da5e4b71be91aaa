"""A second load decodes nothing, and nothing that happens to the cache can change or hinder a load."""
import copy
import gc
import os
import pickle
import stat
import sys
import weakref

import cv2
import numpy as np
import pytest
from synthetic import alike
from test_dataset import collision, picture, save, zipped

from jetbot_mlp import frame_cache, frame_files, frame_source, pictures, row_files
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.evaluation import evaluate
from jetbot_mlp.features import FeatureSpec, extract, shrink
from jetbot_mlp.retrain import joined
from jetbot_mlp.train_frames import QUICK, train_frames

SPEC = FeatureSpec(color_size=2, gradient_size=0)


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    """Of files that changed just now nothing is kept; those of the tests did."""
    monkeypatch.setattr(frame_source, "_SETTLED_NS", -1)
    monkeypatch.setattr(frame_cache, "_used", set())
    frame_cache.code_print.cache_clear()


@pytest.fixture
def decoded(monkeypatch):
    """-> list that grows by one for each file that is decoded."""
    calls, decode = [], pictures.decode_picture

    def counted(data):
        calls.append(len(data))
        return decode(data)
    monkeypatch.setattr(pictures, "decode_picture", counted)
    return calls


def old(root):
    """As if its files had been written long ago."""
    for path in root.rglob("*") if root.is_dir() else [root]:
        os.utime(str(path), (10 ** 9, 10 ** 9))
    return root


def kept():
    folder = frame_cache.cache_folder()
    return sorted(os.path.join(folder, name) for name in os.listdir(folder)) if os.path.isdir(folder) else []


def alike_sets(one, other):
    assert (one.names, one.hashes, one.skipped, one.notes) == (other.names, other.hashes, other.skipped, other.notes)
    np.testing.assert_array_equal(one.images, other.images)
    np.testing.assert_array_equal(one.targets, other.targets)
    np.testing.assert_array_equal(one.times_s, other.times_s)


@pytest.mark.parametrize("as_zip", (False, True))
def test_a_second_load_decodes_nothing_and_gives_the_same(tmp_path, decoded, as_zip):
    root = collision(tmp_path / "set")
    (root / "free" / "cut.jpg").write_bytes(cv2.imencode(".jpg", picture(9))[1].tobytes()[:-9])
    source = old(zipped(root, tmp_path / "set.zip") if as_zip else root)
    first = load_dataset("collision", source)
    n = len(decoded)
    again = load_dataset("collision", source)
    assert n == 9 == len(decoded) and len(again.skipped) == 1 and len(kept()) == 1
    alike_sets(first, again)


def test_what_is_left_out_is_said_again_at_the_second_load(tmp_path, decoded, monkeypatch):
    root = collision(tmp_path / "set")
    (root / "free" / "a.bmp").write_bytes(cv2.imencode(".bmp", picture(9))[1].tobytes())
    (root / "z").mkdir()
    if hasattr(os, "symlink") and os.name == "posix":
        os.symlink("../blocked", str(root / "z" / "free"))
    old(root)
    for words, limit in (("BMP", 10), ("first 3 folders", 3)):
        monkeypatch.setattr(frame_files, "_MAX_FOLDERS", limit)
        first, again = load_dataset("collision", root), load_dataset("collision", root)
        assert len(decoded) == 9 and len(first) == 8 and any(words in note for note in again.notes)
        alike_sets(first, again)
    for data in (first, again):
        np.testing.assert_array_equal(data.features(SPEC, np.array([5, 2])), extract(data.images[[5, 2]], SPEC))


def test_a_changed_or_new_file_is_read_and_one_just_written_is_not_kept(tmp_path, decoded, monkeypatch):
    root = old(collision(tmp_path / "set"))
    load_dataset("collision", root)
    path = next((root / "free").iterdir())
    was = path.stat()
    path.write_bytes(cv2.imencode(".png", picture(77))[1].tobytes())
    os.utime(str(path), ns=(was.st_atime_ns, was.st_mtime_ns + 10 ** 9))
    data = load_dataset("collision", root)
    assert len(decoded) == 16
    at = data.names.index("set/free/" + path.name)
    np.testing.assert_array_equal(data.images[at], shrink(picture(77)))
    save(root / "free" / "new.png", picture(78))  # now: it may change again without another time
    before = kept()
    monkeypatch.setattr(frame_source, "_SETTLED_NS", 3600 * 10 ** 9)
    assert len(load_dataset("collision", root)) == 9 and kept() == before
    os.utime(str(path), (10 ** 9, 10 ** 9))
    os.utime(str(root / "free" / "new.png"), (4 * 10 ** 9, 4 * 10 ** 9))
    assert len(load_dataset("collision", root)) == 9 and kept() == before  # by the time of the last change of anything
    monkeypatch.setattr(frame_source, "_SETTLED_NS", -1)
    assert len(load_dataset("collision", root)) == 9
    assert len(kept()) == 1 != before  # the older version went


def test_features_are_made_once_and_a_training_is_the_same_with_and_without_them(tmp_path, monkeypatch):
    root, folder = old(collision(tmp_path / "set", n=20)), frame_cache.cache_folder()
    recipe = QUICK["collision"]._replace(features=SPEC, epochs=2, hidden=(4,))
    first = load_dataset("collision", root)
    trained = [train_frames(first, recipe), train_frames(load_dataset("collision", root), recipe)]
    monkeypatch.setenv(frame_cache.VARIABLE, "off")
    without = load_dataset("collision", root)
    assert without.origin is None
    trained.append(train_frames(without, recipe))
    weights = [np.concatenate([w.ravel() for w in one.model.network.weights_]) for one in trained]
    assert alike(weights[0], weights[1]) and alike(weights[0], weights[2])
    if sys.version_info >= (3, 9):  # the sums of old NumPys depend on where arrays happen to lie
        assert (weights[0] == weights[1]).all() and (weights[0] == weights[2]).all()
    monkeypatch.setenv(frame_cache.VARIABLE, folder)
    again = load_dataset("collision", root)
    monkeypatch.setattr("jetbot_mlp.kept_frames.extract", lambda *_: pytest.fail("made again"))
    monkeypatch.setattr("jetbot_mlp.dataset.extract", lambda *_: pytest.fail("made again"))
    assert len(evaluate(trained[0].model, again).predicted) == 40
    assert again.features(SPEC).shape == (40, 12)


@pytest.mark.parametrize("harm", ("short", "zeros", "foreign", "tail", "one byte"))
def test_a_damaged_file_is_as_if_it_were_not_there(tmp_path, decoded, harm):
    root = old(collision(tmp_path / "set"))
    first = load_dataset("collision", root)
    features = first.features(SPEC)
    for path in kept():
        with open(path, "rb") as stream:
            data = stream.read()
        data = {"short": data[:-1], "zeros": bytes(300) + data[300:], "foreign": b"hello",
                "tail": data[:-2] + b"??", "one byte": bytes([data[0] ^ 1]) + data[1:]}[harm]
        with open(path, "wb") as stream:
            stream.write(data)
    again = load_dataset("collision", root)
    alike_sets(first, again)
    np.testing.assert_array_equal(again.features(SPEC), features)
    assert len(decoded) == 16
    alike_sets(first, load_dataset("collision", root))
    assert len(decoded) == 16


def test_rows_that_are_damaged_where_nobody_looked_are_told_and_made_anew(tmp_path, monkeypatch):
    root = old(collision(tmp_path / "set"))
    monkeypatch.setattr(frame_source, "_LOOKED_AT", 1)
    first = load_dataset("collision", root)
    with open(kept()[0], "r+b") as stream:
        stream.seek(5 * frame_source.ROW_BYTES)
        stream.write(b"??????")
    with pytest.raises(DatasetError, match="start again"):
        load_dataset("collision", root).subset([5]).images[0]
    alike_sets(first, load_dataset("collision", root))


def test_a_full_disk_or_a_folder_that_is_no_folder_hinders_nothing(tmp_path, monkeypatch, decoded):
    root = old(collision(tmp_path / "set"))
    monkeypatch.setattr(frame_cache, "KEEP_FREE", 2 ** 62)
    first = load_dataset("collision", root)
    assert kept() == [] and first.origin is None and first.features(SPEC).shape == (8, 12)
    monkeypatch.setattr(frame_cache, "KEEP_FREE", 0)
    (tmp_path / "file").write_text("")
    for value in (str(tmp_path / "file"), "off", "0", "No", "cache"):
        monkeypatch.setenv(frame_cache.VARIABLE, value)
        alike_sets(first, load_dataset("collision", root))
    monkeypatch.setenv(frame_cache.VARIABLE, str(tmp_path / "cache"))

    def full(*_):
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(row_files, "write_at", full)
    alike_sets(first, load_dataset("collision", root))
    assert kept() == []


def test_ctrl_c_leaves_nothing_half_written(tmp_path, monkeypatch):
    root = old(collision(tmp_path / "set"))
    monkeypatch.setattr("jetbot_mlp.dataset.IN_MEMORY", 3)

    def interrupted(items, total, desc):
        for number, item in enumerate(items):
            if number == 2:
                raise KeyboardInterrupt
            yield item
    with pytest.raises(KeyboardInterrupt):
        load_dataset("collision", root, progress=interrupted)
    assert kept() == []


@pytest.mark.parametrize("cache", ("", "off"))
def test_large_sets_stay_on_the_disk(tmp_path, monkeypatch, cache, decoded):
    root, other = old(collision(tmp_path / "set")), old(collision(tmp_path / "other", seed=50))
    small = [load_dataset("collision", root), load_dataset("collision", other)]
    if cache:
        monkeypatch.setenv(frame_cache.VARIABLE, cache)
    for module in ("dataset", "kept_frames"):
        monkeypatch.setattr("jetbot_mlp.%s.IN_MEMORY" % module, 3)
    data = load_dataset("collision", [root, other])
    assert len(decoded) == (32 if cache else 16)
    assert isinstance(data.images, row_files.Rows) and data.images.shape == (16, 112, 112, 3)
    expected = np.concatenate([one.images for one in small])
    np.testing.assert_array_equal(data.images, expected)
    np.testing.assert_array_equal(data.features(SPEC), extract(expected, SPEC))
    part = data.subset([9, 0, 15, 3])
    assert isinstance(part.images, row_files.Rows)
    np.testing.assert_array_equal(part.images[1:], expected[[0, 15, 3]])
    np.testing.assert_array_equal(part.features(SPEC, slice(0, 2)), extract(expected[[9, 0]], SPEC))
    both = joined(data, small[0])
    np.testing.assert_array_equal(both.images, np.concatenate([expected, small[0].images]))
    np.testing.assert_array_equal(both.features(SPEC)[16:], small[0].features(SPEC))
    assert part.in_memory().images.flags.owndata


def test_no_disk_for_a_large_set_is_told_with_what_it_takes(tmp_path, monkeypatch):
    root = old(collision(tmp_path / "set"))
    monkeypatch.setenv(frame_cache.VARIABLE, "off")
    monkeypatch.setattr("jetbot_mlp.dataset.IN_MEMORY", 3)
    monkeypatch.setattr(frame_source, "ROW_BYTES", 2 ** 60)
    with pytest.raises(DatasetError, match="GB of disk for the thumbnails of 8 frames .* TMPDIR"):
        load_dataset("collision", root)


def test_a_temporary_file_goes_with_its_frames_and_copies_may_read_it(tmp_path, monkeypatch):
    root = old(collision(tmp_path / "set"))
    monkeypatch.setenv(frame_cache.VARIABLE, "off")
    monkeypatch.setattr("jetbot_mlp.dataset.IN_MEMORY", 3)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    data = load_dataset("collision", root)
    assert len(list(tmp_path.glob("jetbot-mlp-frames-*"))) == 1
    sent = pickle.loads(pickle.dumps(data))
    np.testing.assert_array_equal(sent.images, data.images)
    del sent, data
    gc.collect()
    assert list(tmp_path.glob("jetbot-mlp-frames-*")) == []


def test_what_was_used_longest_ago_goes_first(tmp_path, monkeypatch):
    roots = [old(collision(tmp_path / name, seed=10 * i)) for i, name in enumerate("abc")]
    for root in roots[:2]:
        load_dataset("collision", root)
    oldest = kept()[0]
    os.utime(oldest, (1000, 1000))
    own = os.path.join(frame_cache.cache_folder(), "survey.rows")
    with open(own, "w"):
        os.utime(own, (1, 1))
    monkeypatch.setattr(frame_cache, "MAX_BYTES", int(2.5 * os.path.getsize(oldest)))
    load_dataset("collision", roots[2])
    assert len(kept()) == 3 and oldest in kept()  # this process made the others, and may be using them
    monkeypatch.setattr(frame_cache, "_used", set())
    monkeypatch.setattr(frame_cache, "KEEP_FREE", 2 ** 62)
    load_dataset("collision", roots[2])
    assert len(kept()) == 3  # deleting would not make room enough
    monkeypatch.setattr(frame_cache, "KEEP_FREE", 0)
    load_dataset("collision", roots[2])
    assert len(kept()) == 3 and oldest not in kept() and own in kept()


@pytest.mark.skipif(os.name != "posix", reason="Windows deletes no open file")
@pytest.mark.parametrize("in_memory", (4096, 3))
def test_what_was_found_is_read_although_it_is_deleted_before(tmp_path, monkeypatch, in_memory):
    for module in ("dataset", "kept_frames"):
        monkeypatch.setattr("jetbot_mlp.%s.IN_MEMORY" % module, in_memory)
    root = old(collision(tmp_path / "set"))
    first = load_dataset("collision", root).in_memory()
    data = load_dataset("collision", root)
    sent = pickle.loads(pickle.dumps(load_dataset("collision", root)))
    for path in kept():
        os.unlink(path)
    np.testing.assert_array_equal(data.features(SPEC), extract(first.images, SPEC))
    alike_sets(data, first)
    if in_memory > 3:
        np.testing.assert_array_equal(sent.images, first.images)
        assert not sent.images.flags.writeable
        np.testing.assert_array_equal(sent.features(SPEC), data.features(SPEC))


def test_of_many_sources_not_all_stay_open(tmp_path, monkeypatch):
    roots = [old(collision(tmp_path / name, seed=10 * i)) for i, name in enumerate("abc")]
    first = load_dataset("collision", roots)
    monkeypatch.setattr(frame_source, "_MOST_OPEN", 2)
    monkeypatch.setattr(frame_source, "_open", weakref.WeakSet())
    again = load_dataset("collision", roots)
    assert [one._rows.is_open for one in again.origin.kept] == [True, True, False]
    alike_sets(first, again)
    np.testing.assert_array_equal(again.features(SPEC), extract(again.images, SPEC))
    assert not again.origin.kept[2]._rows.is_open


def test_images_whose_features_are_known_cannot_be_changed(tmp_path):
    root = old(collision(tmp_path / "set"))
    for data in (load_dataset("collision", root), load_dataset("collision", root)):
        assert len(data.images) == 8
        for one in (data, data.subset([0, 1]), joined(data, data), copy.copy(data), copy.deepcopy(data)):
            assert one.origin is not None and not one.images.flags.writeable


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.parametrize("in_memory", (4096, 3))
def test_files_that_cannot_be_read_are_tried_again_and_the_others_are_kept(tmp_path, monkeypatch, decoded, in_memory):
    monkeypatch.setattr("jetbot_mlp.dataset.IN_MEMORY", in_memory)
    root = old(collision(tmp_path / "set"))
    (root / "free" / "link.png").symlink_to(tmp_path / "later.png")
    monkeypatch.setattr("jetbot_mlp.frame_files.MAX_FILE_BYTES", 10 ** 6)
    (root / "free" / "large.png").write_bytes(bytes(10 ** 6 + 1))
    first = load_dataset("collision", root)
    assert len(first.skipped) == 2 and len(decoded) == 8
    alike_sets(first, load_dataset("collision", root))
    assert len(decoded) == 8
    save(tmp_path / "later.png", picture(99))
    assert len(load_dataset("collision", root)) == 9 and len(decoded) == 17
    readable, read = [False], frame_files._read_file  # the same file and times, as when a network comes back

    def reads(path, *rest):
        if path.endswith("link.png") and not readable[0]:
            raise DatasetError("cannot be read (test)")
        return read(path, *rest)
    monkeypatch.setattr(frame_files, "_read_file", reads)
    for path in kept():
        os.unlink(path)
    assert [len(load_dataset("collision", root)) for _ in range(2)] == [8, 8] and len(decoded) == 25
    readable[0] = True
    assert [len(load_dataset("collision", root)) for _ in range(2)] == [9, 9] and len(decoded) == 34


def test_code_that_changed_after_its_import_keeps_nothing(monkeypatch):
    assert frame_cache.code_print() is not None
    frame_cache.code_print.cache_clear()
    monkeypatch.setattr(frame_cache, "IMPORTED_S", os.stat(pictures.__file__).st_ctime)
    assert frame_cache.code_print() is None
    frame_cache.code_print.cache_clear()


def test_one_version_of_a_folder_is_kept_and_each_task_has_its_own(tmp_path):
    root = old(collision(tmp_path / "set"))
    for number in range(3):
        save(root / "free" / ("new%d.png" % number), picture(number + 60))
        assert load_dataset("collision", root).features(SPEC).shape == (9 + number, 12)
        assert len(kept()) == 2  # thumbnails and their features
    save(root / "xy_50_50_0.png", picture(70))
    load_dataset("road", root, xy="percent")
    assert len(kept()) == 3


@pytest.mark.skipif(os.name != "posix", reason="modes are a matter of POSIX")
def test_the_folder_is_nobody_elses_business(tmp_path):
    load_dataset("collision", old(collision(tmp_path / "set")))
    assert stat.S_IMODE(os.stat(frame_cache.cache_folder()).st_mode) == 0o700
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in kept()] == [0o600]


def test_the_place_is_the_systems_own(monkeypatch):
    monkeypatch.delenv(frame_cache.VARIABLE)
    for platform, variables, expected in (
            ("linux", {"XDG_CACHE_HOME": "/c"}, "/c/jetbot-mlp"),
            ("linux", {"XDG_CACHE_HOME": "relative", "HOME": "/h"}, "/h/.cache/jetbot-mlp"),
            ("darwin", {"HOME": "/h"}, "/h/Library/Caches/jetbot-mlp"),
            ("win32", {"LOCALAPPDATA": "/l"}, "/l/jetbot-mlp/Cache")):
        monkeypatch.setattr(sys, "platform", platform)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert frame_cache.cache_folder() == expected
