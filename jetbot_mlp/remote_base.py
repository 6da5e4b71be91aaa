"""Small things of what runs on the robot (see `remote_script`): files, the disk, the words for what it refuses."""
import errno
import getpass
import hashlib
import json
import os
import signal
import subprocess


class Refusal(Exception):
    """One line for the user: expected, found, what to do."""


def whole(folder, home="~"):
    """A folder below home; that of the official container is /workspace, which outlives it."""
    if home == "~" and os.path.exists("/.dockerenv") and os.path.isdir("/workspace"):
        home = "/workspace"
    return os.path.normpath(os.path.join(os.path.expanduser(home), os.path.expanduser(folder)))


def nearest(path):
    """The path, or the nearest folder above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def child(words, limit_s, env=None):
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
                              env=env, timeout=limit_s, universal_newlines=True, errors="replace")
    except subprocess.TimeoutExpired:
        raise Refusal(f"expected an answer of '{' '.join(words[1:5])}' within {limit_s:.0f} s there, found none")


def last_line(done):
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else f"exit status {done.returncode}"


def died(status):
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def sha256(path):
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for data in iter(lambda: stream.read(2 ** 20), b""):
            total.update(data)
    return total.hexdigest()


def write_json(path, data):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(data, stream)
        stream.flush()
        os.fsync(stream.fileno())


def to_disk(path, deep=True):
    """A folder, and with deep what is in it, survives a pulled plug from now on."""
    for name in [os.path.join(path, name) for name in os.listdir(path)] * deep + [path]:
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some file systems have nothing to say about folders
                raise
        finally:
            os.close(handle)


def make_folders(path):
    os.makedirs(path, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def give_away(path, like):
    """What root makes in the container's mounted folder belongs to whom that folder, `like`, belongs to."""
    if os.geteuid() != 0:
        return
    owner, all_of_it = os.stat(like), [path]
    if not os.path.islink(path):
        all_of_it += [os.path.join(folder, name) for folder, *names in os.walk(path) for name in sum(names, [])]
    for name in all_of_it:
        os.chown(name, owner.st_uid, owner.st_gid, follow_symlinks=False)


def owner_of(path):
    import pwd  # not on Windows, where the laptop imports this file for its fingerprint

    uid = os.stat(path).st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def user():
    """The name of this account; a container may run as a number that has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.geteuid()}"


def denied(path):
    """The line for a path that may not be written."""
    there, me = nearest(path), user()
    try:
        if os.statvfs(there).f_flag & os.ST_RDONLY:
            return f"{there} there lies on a read-only file system (mount says more); choose another --folder"
    except OSError:
        pass
    owner = owner_of(there)
    if owner == me:
        return f"{there} there may not be written, even by its owner {me}: chmod u+rwx {there} there"
    return (f"{there} there belongs to {owner} (a container writes as root), and {me} may not write it: "
            f"sudo chown -R {me} {there} there, or choose another --folder")


def explain(error):
    """OSError -> one line."""
    path = error.filename if isinstance(error.filename, str) else ""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and path:
        return denied(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"disk full: no space left at {path or 'the folder'} there; delete something there"
    return f"{path or 'the system'} there: {error.strerror or error}"
