"""The versions in the robot's folder, with the plug pulled at the worst moments."""
import json
import os
import threading
import time

import pytest

from jetbot_mlp import remote_versions
from jetbot_mlp.remote_base import Refusal
from jetbot_mlp.remote_versions import current, incoming, locked, numbers, path_of, point, prune, repair, sweep


class PulledPlug(BaseException):
    """Nothing after it is done."""


@pytest.fixture
def folder(tmp_path):
    for number in range(1, 4):
        version(tmp_path, number)
    os.makedirs(os.path.dirname(incoming(str(tmp_path), "x")))
    return str(tmp_path)


def version(folder, number):
    os.makedirs(path_of(str(folder), number))
    with open(os.path.join(path_of(str(folder), number), "manifest.json"), "w") as stream:
        json.dump({"number": number, "models": {}}, stream)


def no_links(*words):
    raise OSError(1, "Operation not permitted")


@pytest.fixture(params=[True, False], ids=["links", "no links"])
def links(request, monkeypatch):
    """A file system with symbolic links, and one without (a stick with FAT)."""
    if not request.param:
        monkeypatch.setattr(os, "symlink", no_links)
    return request.param


def test_current_becomes_another_version_and_back(folder, links):
    assert current(folder) is None
    for number in (1, 3, 2):
        point(folder, number)
        assert current(folder) == number and os.path.islink(os.path.join(folder, "current")) == links
        assert os.path.exists(os.path.join(path_of(folder, number), "since"))
    assert sorted(os.listdir(folder)) == [".deploy", "current", "versions"]


def test_a_copy_is_followed_by_a_copy_where_links_have_become_possible(folder, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(os, "symlink", no_links)
        point(folder, 1)
    point(folder, 2)
    assert current(folder) == 2 and not os.path.islink(os.path.join(folder, "current"))


CALLS = ("symlink", "rename", "replace", "fsync", "open")


def cut_after(count, monkeypatch, function, *words):
    """Call it; the plug is pulled at call number `count` of the disk's functions. -> was it over before?"""
    left = [count]

    def counted(function):
        def call(*words, **more):
            if not left[0]:
                raise PulledPlug
            left[0] -= 1
            return function(*words, **more)
        return call

    with monkeypatch.context() as patched:
        for name in CALLS:
            patched.setattr(os, name, counted(getattr(os, name)))
        try:
            function(*words)
        except PulledPlug:
            return False
    return True


def test_wherever_the_plug_is_pulled_a_version_is_current_after_the_repair(folder, links, monkeypatch):
    for count in range(100):
        point(folder, 1)
        if not os.path.exists(path_of(folder, 2)):
            version(folder, 2)
        over = cut_after(count, monkeypatch, point, folder, 2)
        repair(folder)
        number = current(folder)
        assert number in ([2] if over else [1, 2]), count
        assert os.path.exists(os.path.join(path_of(folder, number), "since"))
        sweep(folder)
        assert number in numbers(folder) and current(folder) == number
        if over:
            break
    assert count > 4
    assert sorted(os.listdir(folder)) == [".deploy", "current", "versions"]


def test_what_is_new_is_on_the_disk_before_current_names_it(folder, links, monkeypatch):
    said = []
    for name in ("replace", "rename"):
        function = getattr(os, name)
        monkeypatch.setattr(os, name, lambda *w, function=function: said.append(w[1]) or function(*w))
    fsync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: said.append(os.readlink(f"/proc/self/fd/{handle}"))
                        or fsync(handle))
    point(folder, 1)
    link = os.path.join(folder, "current")
    assert folder in said[said.index(link):]  # the name itself, too
    if not links:
        assert any(path.endswith("manifest.json") for path in said[:said.index(link)])


def test_of_many_versions_the_last_five_stay_and_those_that_are_needed(tmp_path):
    for number in range(1, 8):
        version(tmp_path, number)
    prune(str(tmp_path), 7, 1)
    assert numbers(str(tmp_path)) == [1, 4, 5, 6, 7]
    prune(str(tmp_path), 7)
    assert numbers(str(tmp_path)) == [1, 4, 5, 6, 7]


def test_what_was_never_current_and_what_nobody_touches_is_swept(folder):
    point(folder, 1)
    for name, age in (("old", 100), ("new", 1)):
        os.mkdir(incoming(folder, name))
        os.utime(incoming(folder, name), (time.time() - age,) * 2)
    assert sweep(folder) == 3
    assert numbers(folder) == [1] and os.listdir(os.path.dirname(incoming(folder, "x"))) == ["new"]


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "current").mkdir()
    (tmp_path / "current" / "mine.txt").write_text("mine")
    with pytest.raises(Refusal, match="current there is not of jetbot-mlp deploy; move it away"):
        repair(str(tmp_path))
    assert (tmp_path / "current" / "mine.txt").exists()


def test_two_never_work_at_once_and_waiting_ends(folder, monkeypatch):
    monkeypatch.setattr(remote_versions, "LOCK_S", 0.3)
    order, inside = [], threading.Event()

    def first():
        with locked(folder):
            inside.set()
            time.sleep(0.1)
            order.append(1)

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with locked(folder):
        order.append(2)
        with pytest.raises(Refusal, match="another deploy is at work there"):
            with locked(folder):
                pass
    thread.join()
    assert order == [1, 2]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_in_somebodys_folder_is_theirs(folder, links):
    os.chown(folder, 1234, 1234)
    point(folder, 1)
    for path in ("current", "versions/0001/since"):
        assert os.lstat(os.path.join(folder, path)).st_uid == 1234
