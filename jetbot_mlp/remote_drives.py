"""What may turn the wheels on the robot (see `remote_script`): looked for in /proc, and ended."""
import os
import shutil
import sys
import time

from .drive_processes import end_process, is_drive
from .remote_base import Refusal, child, last_line, user
from .remote_package import installed

SERVICE = "jetbot-mlp-drive"
PROC = "/proc"
AT_REST = ("guard:rest", "guard:away")  # names of motor guards whose program stands, and drives on a new start only


def moving():
    """-> {"moving": [line]} of all that may turn the wheels: the service, drives, motor guards that are not at rest."""
    found = [f"the service {SERVICE} is running"] if service_runs() else []
    found += [f"process {pid}: {words}" for pid, kind, words in processes()]
    return {"moving": found}


def service_runs():
    if not shutil.which("systemctl"):
        return False
    done = child(["systemctl", "is-active", SERVICE], 10)
    return done.stdout.strip() in ("active", "activating", "deactivating", "reloading")


def processes():
    """[(process id, "drive" or "guard", words)]; those in the simulator left out."""
    found = []
    for pid in sorted(int(name) for name in os.listdir(PROC) if name.isdigit()):
        try:
            with open(f"{PROC}/{pid}/cmdline", "rb") as stream:
                words = stream.read(8192).decode("utf-8", "replace").split("\0")
        except OSError:
            continue  # ended meanwhile
        if pid == os.getpid() or "python" not in os.path.basename(words[0]):
            continue
        if is_drive(words):
            found.append((pid, "drive", " ".join(words).strip()[:100]))
        elif any("jetbot_mlp.guard_process" in word for word in words[:8]) and name_of(pid) not in AT_REST:
            found.append((pid, "guard", f"motor guard of process {parent(pid)}"))
    return found


def name_of(pid):
    try:
        with open(f"{PROC}/{pid}/comm") as stream:
            return stream.read().strip()
    except (OSError, ValueError):  # ended meanwhile
        return ""


def parent(pid):
    try:
        with open(f"{PROC}/{pid}/stat") as stream:
            return int(stream.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def stop():
    """Ends what may turn the wheels, which brings them to zero: the drive does it, and its guard once more."""
    said = []
    if service_runs():
        for words in (["systemctl", "stop", SERVICE], ["sudo", "-n", "systemctl", "stop", SERVICE]):
            if shutil.which(words[0]) and child(words, 30).returncode == 0:
                said.append(f"stopped the service {SERVICE}")
                break
        else:
            raise Refusal(f"the service {SERVICE} runs there and {user()} may not stop it: "
                          f"sudo systemctl stop {SERVICE} there")
    targets = {}
    for pid, kind, words in processes():
        if kind == "drive":
            targets[pid] = words
        elif (parent(pid) or 0) > 1:  # a notebook's kernel, say: its guard stops the wheels when it is gone
            targets.setdefault(parent(pid), "which a motor guard was watching")
    for pid in sorted(targets):
        end(pid)
        said.append(f"ended process {pid}: {targets[pid]}")
    deadline = time.monotonic() + 12  # a guard writes zeros, for up to 10 s, and goes
    while processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    left = moving()["moving"]
    if left:
        raise Refusal(f"expected everything that drives there to end, found {left[0]}; end it there, "
                      "or switch the robot off and on")
    if installed() is not None and said:
        said.append(last_line(child([sys.executable, "-m", "jetbot_mlp", "stop"], 30)))
    return {"said": said}


def end(pid, wait_s=3.0):
    try:
        end_process(pid, wait_s, wait_s)
    except PermissionError:
        raise Refusal(f"process {pid} drives there and belongs to another user: sudo kill {pid} there")


def refuse_while_moving():
    found = moving()["moving"]
    if found:
        raise Refusal(f"the wheels may turn there ({found[0]}): end the drive (jetbot-mlp stop), or --force")
