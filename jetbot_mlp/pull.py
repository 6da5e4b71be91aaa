"""Datasets and recorded drives from a robot to the laptop: goes on where it was cut off, proves each file by its
sha256, and deletes nothing, neither there nor here."""
import os
from typing import NamedTuple, Tuple

from .deploy import ask
from .errors import RemoteError
from .frame_files import shown
from .remote_base import sha256
from .remote_host import file_size

PART = ".jetbot-part"  # at the end of a file's name until it is proven; no browser names its own so


class Pulled(NamedTuple):
    """What came."""

    copied: int  #: files
    copied_bytes: int  #: that came now; of a file that was half here the other half
    there_already: int  #: files that were here, with the same sha256
    kept: Tuple[str, ...]  #: files here that differ from those there, and were left as they are
    changed: Tuple[str, ...]  #: files that changed there while they were copied; not here


def pull(host, folder, directory, counter):
    """Bring the files of a folder (or one file) on an opened host into directory, which is made. -> Pulled

    counter: as `progress.counter`. Raises RemoteError, OSError when this disk refuses; what came stays, and the
    next call goes on from there.
    """
    listed = ask(host, "listing", folder=folder, home=host.home)
    files = [(_safe(name), int(size), digest) for name, size, digest in listed["files"]]
    missing, kept, already = [], [], 0
    for name, size, digest in files:
        here = os.path.join(directory, *name.split("/"))
        if not os.path.lexists(here) and size and file_size(here + PART) == size and sha256(here + PART) == digest:
            os.replace(here + PART, here)  # all of it came before the last pull was cut off
            already += 1
        elif not os.path.lexists(here) and not _in_the_way(directory, name):
            missing.append((name, size, digest))
        elif os.path.isfile(here) and os.path.getsize(here) == size and sha256(here) == digest:
            already += 1
        else:
            kept.append(name)
    os.makedirs(directory, exist_ok=True)
    changed, came = _fetch(host, listed["folder"], directory, missing, counter)
    if changed:  # half of another file lay here, or it changed there: once more, from its beginning
        changed, more = _fetch(host, listed["folder"], directory, changed, counter)
        came += more
    return Pulled(len(missing) - len(changed), came, already, tuple(kept), tuple(name for name, _, _ in changed))


def _fetch(host, folder, directory, files, counter):
    """-> (those of files that did not come as promised, number of bytes that came)."""
    wanted = []
    for name, size, _ in files:
        part = os.path.join(directory, *name.split("/")) + PART
        os.makedirs(os.path.dirname(part), exist_ok=True)
        if file_size(part) > size:
            os.unlink(part)
        wanted.append((f"{folder}/{name}", part, file_size(part), size))
        if not os.path.exists(part):
            open(part, "wb").close()  # an empty file comes without a byte
    if not wanted:
        return [], 0
    came = sum(size - offset for _, _, offset, size in wanted)
    with counter(came, "pull") as count:
        host.get_many([entry for entry in wanted if entry[2] < entry[3]], count)
    bad = []
    for (_, part, _, _), entry in zip(wanted, files):
        if sha256(part) == entry[2]:
            os.replace(part, part[:-len(PART)])
        else:
            os.unlink(part)
            bad.append(entry)
    return bad, came


def _in_the_way(directory, name):
    """Is a file here where a folder would have to be?"""
    while "/" in name:
        name = name.rpartition("/")[0]
        path = os.path.join(directory, *name.split("/"))
        if os.path.lexists(path):
            return not os.path.isdir(path)
    return False


def _safe(name):
    """A path below the folder, as the robot names it. Raises RemoteError for one that leads elsewhere."""
    parts = name.split("/")
    if os.path.isabs(name) or any(part in ("", ".", "..") for part in parts) \
            or (os.name == "nt" and any(c in name for c in '\\:*?"<>|')):
        raise RemoteError(f"expected file names that can be here, found {shown(name)}; rename it there")
    return name
