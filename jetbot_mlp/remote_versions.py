"""The versions in the robot's folder (see `remote_script`), and the link that says which of them drives.

Written so that the plug may be pulled between any two lines: what is new is on the disk before `current` names it,
and what is half done then is known by the missing `since` and swept by the next deploy.
"""
import contextlib
import json
import os
import shutil
import time

from .remote_base import Refusal, give_away, to_disk

KEEP = 5  # versions, the current one among them
STALE_S = 60.0  # what nobody has touched for so long was left by a deploy that was cut off
LOCK_S = 120.0  # so long a second deploy waits for the first


def path_of(folder, number):
    return os.path.join(folder, "versions", "%04d" % number)


def incoming(folder, token):
    """Where one deploy's files lie until they are proven."""
    return os.path.join(folder, ".deploy", "incoming", token)


def manifest(folder, number):
    return None if number is None else read_manifest(path_of(folder, number))


def read_manifest(path):
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("models"), dict) else None


def current(folder):
    """Number of the current version; None when there is none."""
    found = read_manifest(os.path.join(folder, "current"))
    return None if found is None else found.get("number")


def numbers(folder):
    """Of all versions, the lowest first."""
    try:
        names = os.listdir(os.path.join(folder, "versions"))
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isdigit() and len(name) >= 4)


def point(folder, number):
    """`current` becomes that version, in one step; it is on the disk before."""
    link, new, old = (os.path.join(folder, name) for name in ("current", ".current.new", ".current.old"))
    remove(new)
    try:
        if os.path.isdir(link) and not os.path.islink(link):
            raise OSError("a copy is there, which no link can replace in one step")
        os.symlink(os.path.join("versions", "%04d" % number), new)
    except OSError:  # no links on this file system: a copy, and a moment without any, which `repair` knows
        remove(old)
        shutil.copytree(path_of(folder, number), new)
        give_away(new, folder)
        to_disk(new)
        if os.path.lexists(link):
            os.rename(link, old)
        os.rename(new, link)
        to_disk(folder, deep=False)
        remove(old)
    else:
        give_away(new, folder)
        os.replace(new, link)
        to_disk(folder, deep=False)
    mark(folder, number)


def mark(folder, number):
    """Notes that this version has been the current one."""
    since = os.path.join(path_of(folder, number), "since")
    with open(since, "a") as stream:
        stream.write(time.strftime("%F %T\n"))
        stream.flush()
        os.fsync(stream.fileno())
    give_away(since, folder)
    to_disk(os.path.dirname(since), deep=False)


def repair(folder):
    """What a pulled plug left half done in `point`."""
    link, old = os.path.join(folder, "current"), os.path.join(folder, ".current.old")
    if not os.path.lexists(link) and os.path.isdir(old):
        os.rename(old, link)
    if os.path.lexists(link) and read_manifest(link) is None and not os.path.islink(link):
        raise Refusal(f"{link} there is not of jetbot-mlp deploy; move it away, or choose another --folder")
    number = current(folder)
    if number in numbers(folder) and not os.path.exists(os.path.join(path_of(folder, number), "since")):
        mark(folder, number)


def remove(path):
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def sweep(folder):
    """Removes what deploys that were cut off have left -> how many."""
    repair(folder)
    swept, now, number = 0, time.time(), current(folder)
    arriving = os.path.dirname(incoming(folder, "x"))
    for name in os.listdir(arriving) if os.path.isdir(arriving) else []:
        path = os.path.join(arriving, name)
        times = [os.stat(p).st_mtime for p in [path] + [os.path.join(path, n) for n in os.listdir(path)]]
        if now - max(times) > STALE_S:
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    for other in numbers(folder):  # renamed, but the plug was pulled before it became current
        path = path_of(folder, other)
        if other != number and not os.path.exists(os.path.join(path, "since")):
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def prune(folder, *needed):
    """Of all versions the newest stay, and those of the given numbers: KEEP together."""
    others = [number for number in numbers(folder) if number not in needed]
    for number in others[:max(0, len(others) + len(needed) - KEEP)]:
        shutil.rmtree(path_of(folder, number), ignore_errors=True)


@contextlib.contextmanager
def locked(folder, own=None):
    """One at a time. While waiting, the own folder is touched: it is not left over."""
    import fcntl  # not on Windows, where the laptop only reads this file

    # for reading: the file may belong to root, who deployed in the container
    lock = os.path.join(folder, ".deploy", "lock")
    os.makedirs(os.path.dirname(lock), exist_ok=True)
    handle = os.open(lock, os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refusal(f"another deploy is at work there for more than {LOCK_S:.0f} s; try again later")
            if own is not None:
                os.utime(own, None)
            time.sleep(0.2)
        if own is not None:
            if not os.path.isdir(own):
                raise Refusal("what was copied is gone there; deploy again")
            os.utime(own, None)
        yield
    finally:
        os.close(handle)
