"""Lists of frames to leave out: what a person may write into one, and what must not go wrong unseen."""
import pytest

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.exclusion import check_some_left_out, names_left_out, names_to_leave_out, read_exclude_list

KNOWN = ["set/free/a.jpg", "set/free/b #2.jpg", "set/blocked/c d.jpg"]


def written(tmp_path, text):
    path = tmp_path / "list.txt"
    path.write_bytes(text.encode("utf-8"))
    return str(path)


def test_comments_and_empty_lines_are_left_unread(tmp_path):
    path = written(tmp_path, "\ufeff# all of this is a comment\r\n\r\n  set/free/a.jpg  # blurred\r\n#set/free/x.jpg\n")
    lines = read_exclude_list(path)
    assert names_to_leave_out(lines, KNOWN, ["set"]) == ({"set/free/a.jpg"}, [])


@pytest.mark.parametrize("line, name", [
    ("set/free/b #2.jpg", "set/free/b #2.jpg"), ("set/free/b #2.jpg # why", "set/free/b #2.jpg"),
    ("set/blocked/c d.jpg #", "set/blocked/c d.jpg"), ("set/free/a.jpg", "set/free/a.jpg")])
def test_names_may_hold_spaces_and_hashes(line, name):
    assert names_to_leave_out([line], KNOWN, ["set"])[0] == {name}


def test_a_slip_of_the_pen_is_named():
    with pytest.raises(DatasetError, match="2 that are no frame: set/free/z.jpg, set/free/y.jpg;"):
        names_to_leave_out(["set/free/a.jpg", "set/free/z.jpg  # gone", "set/free/y.jpg"], KNOWN, ["set"])


def test_a_list_may_be_for_more_folders_than_are_read():
    found = names_to_leave_out(["set/free/a.jpg", "other/free/a.jpg  # x"], KNOWN, ["set"])
    assert found == ({"set/free/a.jpg"}, ["other/free/a.jpg"])


def test_a_list_of_which_nothing_fits_is_refused(tmp_path):
    path = written(tmp_path, "other/free/a.jpg\n")
    check_some_left_out(path, 1)
    with pytest.raises(DatasetError, match="1 lines and none of these folders, such as other/free/a.jpg"):
        check_some_left_out(path, 0)
    check_some_left_out(written(tmp_path, "# only comments\n"), 0)


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe\0a"])
def test_a_picture_is_no_list(tmp_path, content):
    (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(DatasetError, match="expected a text file"):
        read_exclude_list(str(tmp_path / "list.txt"))


def test_a_list_that_is_not_there_is_named(tmp_path):
    for path in (tmp_path / "gone.txt", tmp_path):
        with pytest.raises(DatasetError, match="cannot be read"):
            read_exclude_list(str(path))


def test_the_lists_of_several_folders_are_read_together(tmp_path):
    for name, lines in (("a", "a/free/1.jpg\n# why\n"), ("b", "b/free/2.jpg\n"), ("c", None)):
        (tmp_path / name).mkdir()
        if lines:
            (tmp_path / name / "exclude.txt").write_text(lines)
    (tmp_path / "d.zip").write_bytes(b"")
    folders = [str(tmp_path / name) for name in ("a", "b", "c", "d.zip", "gone")]
    assert names_left_out(folders) == ["a/free/1.jpg", "b/free/2.jpg"]
    assert names_left_out([]) == []
