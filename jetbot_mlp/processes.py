"""Other processes here, as /proc tells: who has a device open, and which motor guards are at work.

Sees only what this user may see; in a container, only the container's processes. Standard library only: the
motor guard imports this too.
"""
import os
import signal
from typing import NamedTuple

# to a motor guard, which ignores them in versions before this one
STOP = getattr(signal, "SIGUSR1", None)  # stop the wheels, and the program that you guard must not drive on
YIELD = getattr(signal, "SIGUSR2", None)  # ... but the wheels are another program's from now on
TITLE = "guard:"  # a guard's name in `ps` and `top`, followed by its state


class RunningGuard(NamedTuple):
    """A motor guard at work."""

    pid: int
    parent: int  #: the process that it guards
    state: str  #: 'rest', 'driving', 'holding' or 'away', see `guard_process`; '' of an older version


def read(path, most=4096):
    """-> str, '' when it can't be read: the process may have ended meanwhile."""
    try:
        with open(path, "rb") as stream:
            return stream.read(most).decode("utf-8", "replace")
    except OSError:
        return ""


def process_ids(proc="/proc"):
    """All that are to be seen, sorted."""
    return sorted(int(name) for name in os.listdir(proc) if name.isdigit()) if os.path.isdir(proc) else []


def words_of(pid, proc="/proc"):
    """Its command line -> list of str."""
    return read(f"{proc}/{pid}/cmdline", 2 ** 16).split("\0")


def shown(pid):
    """A process for people."""
    words = " ".join("".join(c if c.isprintable() else " " for c in word) for word in words_of(pid)).strip()
    return f"process {pid} ({words[:80] or 'ended'})"


def holders(start):
    """[(process id, file)] of other processes that have a file open whose name begins so, such as /dev/i2c-."""
    found = set()
    for pid in process_ids():
        try:
            links = [] if pid == os.getpid() else os.listdir(f"/proc/{pid}/fd")
        except OSError:
            continue  # another user's, or ended
        for link in links:
            try:
                target = os.readlink(f"/proc/{pid}/fd/{link}")
            except OSError:
                continue
            if target.startswith(start):
                found.add((pid, target))
    return sorted(found)


def tell_guards(guards, number):
    """Sends STOP or YIELD to these motor guards -> [(RunningGuard, whether it was told)]: another user's was not. Those
    that have ended meanwhile are left out."""
    answers = []
    for guard in guards:
        try:
            os.kill(guard.pid, number)
            answers.append((guard, True))
        except PermissionError:
            answers.append((guard, False))
        except OSError:  # ended meanwhile
            pass
    return answers


def running_guards(program, buses):
    """[RunningGuard] of those that run this program (`motor_guard.PROGRAM`) for one of these bus numbers."""
    found = []
    for pid in process_ids():
        words = words_of(pid)
        if len(words) < 9 or words[1:4] != ["-I", "-S", "-c"] or words[4] != program:
            continue
        if not set(words[8].split(",")) & {str(number) for number in buses}:
            continue
        name, status = read(f"/proc/{pid}/comm").strip(), read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if status and status[0] != "Z":
            found.append(RunningGuard(pid, int(status[1]), name[len(TITLE):] if name.startswith(TITLE) else ""))
    return found
