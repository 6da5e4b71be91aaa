"""Finding pictures in folders and zips."""
import os
import struct
import zipfile

import pytest

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
                 "__MACOSX/free/a.jpg", "notes.txt", "a.jpg.part", "1/2/3/4/5/a.jpg"):
        put(tmp_path / name)
    put(tmp_path / "free/a.jpg")
    assert paths_in(tmp_path) == ["free/a.jpg"]
    with zipfile.ZipFile(str(tmp_path / "set.zip"), "w") as archive:
        for name in (".ipynb_checkpoints/a.jpg", "__MACOSX/free/._a.jpg", "free/._a.jpg", "free/",
                     "free/a.jpg"):
            archive.writestr(name, b"x")
    assert paths_in(tmp_path / "set.zip") == ["free/a.jpg"]


def test_a_link_that_leads_in_a_circle_ends(tmp_path):
    put(tmp_path / "b.jpg"), put(tmp_path / "set/a.jpg")
    try:
        os.symlink(str(tmp_path), str(tmp_path / "set/again"))
    except (OSError, NotImplementedError):
        pytest.skip("no links here")
    assert paths_in(tmp_path) == ["b.jpg", "set/a.jpg"]


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
