"""Finding pictures in folders and zips."""
import os
import struct
import zipfile

import pytest

from jetbot_mlp import frame_files
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.frame_files import open_frame_files, shown


def put(path, data=b"picture"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def paths_in(source):
    with open_frame_files(str(source)) as files:
        return [file.path for file in files]


def test_pictures_are_found_at_several_depths_in_natural_order(tmp_path):
    for name in ("b10.jpg", "b9.JPG", "c.jpeg", "d.Png", "deep/set/blocked/a.jpg"):
        put(tmp_path / name)
    assert paths_in(tmp_path) == ["b9.JPG", "b10.jpg", "c.jpeg", "d.Png", "deep/set/blocked/a.jpg"]


def test_leftovers_of_other_programs_are_not_frames(tmp_path):
    for name in (".ipynb_checkpoints/a-checkpoint.jpg", "free/.ipynb_checkpoints/a.jpg", "free/._a.jpg",
                 "__MACOSX/free/a.jpg", "notes.txt", "a.jpg.part"):
        put(tmp_path / name)
    put(tmp_path / "free/a.jpg")
    assert paths_in(tmp_path) == ["free/a.jpg"]
    with zipfile.ZipFile(str(tmp_path / "set.zip"), "w") as archive:
        for name in (".ipynb_checkpoints/a.jpg", "__MACOSX/free/._a.jpg", "free/._a.jpg", "free/",
                     "free/a.jpg"):
            archive.writestr(name, b"x")
    assert paths_in(tmp_path / "set.zip") == ["free/a.jpg"]


def link(path, target):
    """path leads to target, a path relative to path's folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.symlink(str(target), str(path), target_is_directory=True)
    except (OSError, NotImplementedError):
        pytest.skip("no links here")


def test_a_link_that_leads_in_a_circle_ends(tmp_path):
    put(tmp_path / "out/b.jpg"), put(tmp_path / "out/set/a.jpg"), put(tmp_path / "not asked for.jpg")
    link(tmp_path / "out/set/again", ".."), link(tmp_path / "out/above", tmp_path), link(tmp_path / "out/me", "me")
    assert paths_in(tmp_path / "out") == ["b.jpg", "set/a.jpg"]


def test_a_link_takes_no_frame_from_the_folder_that_it_leads_to(tmp_path):
    for name in ("a/blocked/1.jpg", "a/free/2.jpg", "b/blocked/3.jpg", "b/free/4.jpg"):
        put(tmp_path / name)
    wanted = paths_in(tmp_path)
    for path, target in (("all", "a/blocked"), ("a/best", "../b/blocked"), ("0", "a"), ("0free", "b/free"),
                         ("old/free", "../a/blocked")):
        link(tmp_path / path, target)
    assert paths_in(tmp_path) == wanted


def test_frames_that_only_a_link_reaches_are_found_once(tmp_path):
    put(tmp_path / "disk/monday/1.jpg"), put(tmp_path / "disk/monday/more/2.jpg")
    link(tmp_path / "set/week/monday", "../../disk/monday"), link(tmp_path / "set/x", "../disk/monday")
    assert paths_in(tmp_path / "set") == ["x/1.jpg", "x/more/2.jpg"]  # the nearest name


def test_a_link_of_a_classs_name_is_a_label(tmp_path):
    put(tmp_path / "set/img1/1.jpg"), put(tmp_path / "set/img2/2.jpg"), put(tmp_path / "disk/3/3.jpg")
    for path, target in (("a", "../disk"), ("blocked", "img1"), ("free", "img2"), ("more/Free", "../../disk/3")):
        link(tmp_path / "set" / path, target)
    assert paths_in(tmp_path / "set") == ["blocked/1.jpg", "free/2.jpg", "more/Free/3.jpg"]


def test_many_links_do_not_explode(tmp_path):
    for i in range(12):
        put(tmp_path / "set" / str(i) / "a.jpg")
        for j in range(12):
            link(tmp_path / "set" / str(i) / ("to%d" % j), os.path.join("..", str(j)))
    assert paths_in(tmp_path / "set") == ["%d/a.jpg" % i for i in range(12)]


def test_frames_lie_as_deep_as_they_like(tmp_path):
    put(tmp_path / "1/2/3/4/5/6/7/free/a.jpg")
    assert paths_in(tmp_path) == ["1/2/3/4/5/6/7/free/a.jpg"]


def test_too_many_folders_are_not_looked_into_and_that_is_said(tmp_path, monkeypatch):
    put(tmp_path / "z/a.jpg"), put(tmp_path / "a/b/c/d/b.jpg")
    with open_frame_files(str(tmp_path)) as files:
        assert files.notes == []
    monkeypatch.setattr(frame_files, "_MAX_FOLDERS", 3)
    with open_frame_files(str(tmp_path)) as files:
        assert [file.path for file in files] == ["z/a.jpg"] and "the first 3 folders" in files.notes[0]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    put(tmp_path / "free/a.jpg"), put(tmp_path / "blocked/b.jpg")
    scan = os.scandir

    def locked(folder):
        if folder.endswith("blocked"):
            raise PermissionError(13, "Permission denied", folder)
        return scan(folder)
    monkeypatch.setattr(os, "scandir", locked)
    with open_frame_files(str(tmp_path)) as files:
        assert [file.path for file in files] == ["free/a.jpg"]
        assert files.notes == ["1 folders cannot be read, such as blocked (Permission denied)"]


def test_a_pipe_does_not_hang_and_an_unreadable_file_says_why(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes here")
    os.mkfifo(str(tmp_path / "a.jpg"))
    os.symlink(str(tmp_path / "nowhere"), str(tmp_path / "b.jpg"))
    with open_frame_files(str(tmp_path)) as files:
        with pytest.raises(DatasetError, match="no regular file"):
            files[0].read()
        with pytest.raises(DatasetError, match="cannot be read"):
            files[1].read()


def test_a_huge_file_is_not_read(tmp_path):
    with open(str(tmp_path / "a.jpg"), "wb") as file:
        file.truncate(2 ** 40 if os.name == "posix" else 2 ** 26)
    with open_frame_files(str(tmp_path)) as files:
        with pytest.raises(DatasetError, match="larger than 32 MB"):
            files[0].read()


def test_zip_members_are_read_in_place_with_their_dates(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(str(path), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("set\\free\\a.jpg", (2020, 1, 1, 0, 0, 10)), b"one")
        archive.writestr(zipfile.ZipInfo("../free/b.jpg", (2020, 1, 1, 0, 0, 20)), b"two")
    with open_frame_files(path) as files:
        found = {file.path: (file.read(), file.modified_s) for file in files}
    found_a, found_b = found["set/free/a.jpg"], found["free/b.jpg"]
    assert (found_a[0], found_b[0]) == (b"one", b"two")
    assert found_b[1] - found_a[1] == 10.0
    assert sorted(os.listdir(str(tmp_path))) == ["set.zip"]


def test_a_zip_bomb_is_not_blown_up(tmp_path):
    path = str(tmp_path / "set.zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("free/a.jpg", b"\0" * 2 ** 24)
        archive.writestr("free/b.jpg", b"\0" * (2 ** 25 + 1))
    with open_frame_files(path) as files:
        with pytest.raises(DatasetError, match="100-fold"):
            files[0].read()
        with pytest.raises(DatasetError, match="larger"):
            files[1].read()


def test_a_zip_whose_members_overlap_is_refused(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("free/a.jpg", os.urandom(20000))
    data = path.read_bytes()
    at = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    many = data[at:end] * 50  # fifty entries for the same bytes
    tail = bytearray(data[end:])
    struct.pack_into("<HHI", tail, 8, 50, 50, len(many))
    path.write_bytes(data[:at] + many + bytes(tail))
    with pytest.raises(DatasetError, match="overlap"):
        paths_in(path)


def test_encrypted_and_damaged_members_say_so(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(str(path), "w") as archive:
        archive.writestr("free/a.jpg", b"abcdefgh" * 20)
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    path.write_bytes(bytes(data))
    with open_frame_files(str(path)) as files:
        with pytest.raises(DatasetError, match="encrypted"):
            files[0].read()
    data[at + 8] &= 0xFE
    data[60] ^= 0xFF
    path.write_bytes(bytes(data))
    with open_frame_files(str(path)) as files:
        with pytest.raises(DatasetError, match="damaged in the zip"):
            files[0].read()


def test_what_is_neither_folder_nor_zip_is_refused(tmp_path):
    for path, words in ((put(tmp_path / "a.zip", b"PK\x03\x04 cut"), "no readable zip"),
                        (put(tmp_path / "a.jpg"), "no readable zip"), (tmp_path / "absent", "nothing at"),
                        (put(tmp_path / "empty.zip", b""), "no readable zip")):
        with pytest.raises(DatasetError, match=words):
            paths_in(path)


def test_odd_file_names_can_be_printed_on_one_line():
    assert shown("a\nb\x1b[2J\udcff") == "a\\nb\\x1b[2J\\xff"
    assert shown("\ud55c\uad6d/a.jpg") == "\ud55c\uad6d/a.jpg"
    assert shown("half \ud800.jpg") == "half \\ud800.jpg"


def test_pictures_of_other_formats_are_found_so_that_reading_can_say_so(tmp_path):
    for name in ("a.bmp", "b.WEBP", "c.gif", "d.tiff", "e.ppm", "f.heic", "g.jfif", "h.txt", "Thumbs.db"):
        put(tmp_path / name)
    assert paths_in(tmp_path) == ["a.bmp", "b.WEBP", "c.gif", "d.tiff", "e.ppm", "f.heic", "g.jfif"]
