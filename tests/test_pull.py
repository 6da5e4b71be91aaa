"""Files from a robot: on from where it was cut off, each proven, none lost."""
import contextlib
import json
import shutil

import pytest

from jetbot_mlp import remote_main
from jetbot_mlp.errors import ConnectionCut, RemoteError
from jetbot_mlp.pull import pull
from jetbot_mlp.remote_host import RemoteHost


class Folder(RemoteHost):
    """A folder of this machine in a robot's place; cut after some files."""

    cut_after = 10 ** 6

    def run(self, script, arguments=(), outside=False, limit_s=600):
        return remote_main.COMMANDS[arguments[0]](**json.loads(arguments[1]))

    def get(self, remote, local, offset=0, progress=None):
        if not self.cut_after:
            raise ConnectionCut("the connection was cut")
        self.cut_after -= 1
        with open(remote, "rb") as source, open(local, "ab") as target:
            source.seek(offset)
            shutil.copyfileobj(source, target)


@contextlib.contextmanager
def counter(total, desc):
    yield lambda amount: None


@pytest.fixture
def there(tmp_path):
    (tmp_path / "there" / "free").mkdir(parents=True)
    for name in ("a.jpg", "free/b.jpg", "free/empty.txt"):
        (tmp_path / "there" / name).write_bytes(b"" if "empty" in name else name.encode() * 1000)
    return tmp_path / "there"


def test_what_was_cut_off_goes_on_and_nothing_comes_twice(there, tmp_path):
    host, here = Folder(), tmp_path / "here"
    host.cut_after = 1
    with pytest.raises(ConnectionCut):
        pull(host, str(there), str(here), counter)
    assert sorted(path.name for path in here.iterdir()) == ["a.jpg.jetbot-part", "free"]
    (here / "a.jpg.jetbot-part").write_bytes((here / "a.jpg.jetbot-part").read_bytes()[:10])
    done = pull(Folder(), str(there), str(here), counter)
    assert (done.copied, done.there_already, done.kept, done.changed) == (3, 0, (), ())
    assert done.copied_bytes == sum(path.stat().st_size for path in there.glob("**/*.jpg")) - 10
    assert (here / "a.jpg").read_bytes() == (there / "a.jpg").read_bytes()
    assert not list(here.glob("**/*-part"))
    assert pull(Folder(), str(there), str(here), counter).there_already == 3


def test_after_a_pull_that_was_killed_what_came_whole_was_here_already(there, tmp_path):
    host, here = Folder(), tmp_path / "here"
    host.cut_after = 1
    with pytest.raises(ConnectionCut):
        pull(host, str(there), str(here), counter)
    done = pull(Folder(), str(there), str(here), counter)
    assert (done.copied, done.copied_bytes, done.there_already) == (2, (there / "free" / "b.jpg").stat().st_size, 1)
    assert not list(here.glob("**/*-part"))


def test_half_of_another_file_is_begun_again_and_a_file_of_ones_own_is_kept(there, tmp_path):
    here = tmp_path / "here"
    (here / "free").mkdir(parents=True)
    (here / "a.jpg.jetbot-part").write_bytes(b"something else")
    (here / "free" / "b.jpg").write_bytes(b"mine")
    (here / "a.jpg.part").write_bytes(b"mine" * 2000)  # of a browser that downloads the same
    done = pull(Folder(), str(there), str(here), counter)
    assert (here / "a.jpg.part").read_bytes() == b"mine" * 2000
    assert done.kept == ("free/b.jpg",) and (here / "free" / "b.jpg").read_bytes() == b"mine"
    assert (here / "a.jpg").read_bytes() == (there / "a.jpg").read_bytes()


def test_a_file_where_a_folder_would_have_to_be_is_kept_and_the_others_come(there, tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    (here / "free").write_bytes(b"mine")
    done = pull(Folder(), str(there), str(here), counter)
    assert done.kept == ("free/b.jpg", "free/empty.txt") and done.copied == 1
    assert (here / "free").read_bytes() == b"mine" and (here / "a.jpg").exists()


def test_a_name_that_leads_elsewhere_is_refused(tmp_path):
    class Hostile(Folder):
        def run(self, *words, **options):
            return {"folder": "/", "files": [["../evil", 1, "00"]]}

    with pytest.raises(RemoteError, match="expected file names that can be here"):
        pull(Hostile(), "x", str(tmp_path / "here"), counter)
