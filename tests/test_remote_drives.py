"""What may turn the wheels: found in an imitated /proc, ended for real."""
import os
import signal
import subprocess
import sys

import pytest

from jetbot_mlp import remote_drives
from jetbot_mlp.guard_process import AWAY, REST
from jetbot_mlp.processes import TITLE
from jetbot_mlp.remote_base import Refusal
from jetbot_mlp.remote_drives import AT_REST, moving, stop


@pytest.fixture(autouse=True)
def proc(monkeypatch, tmp_path):
    """Other tests' motor guards run beside these."""
    (tmp_path / "proc").mkdir()
    monkeypatch.setattr(remote_drives, "PROC", str(tmp_path / "proc"))
    monkeypatch.setattr(remote_drives, "service_runs", lambda: False)
    monkeypatch.setattr(remote_drives, "installed", lambda: None)
    return tmp_path / "proc"


def process(proc, pid, *words):
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cmdline").write_bytes("\0".join(words).encode() + b"\0")


@pytest.mark.parametrize("words, found", [
    (("python3", "-m", "jetbot_mlp", "drive", "road.npz"), True),
    (("/usr/bin/python3", "/usr/local/bin/jetbot-mlp", "calibrate"), True),
    (("/usr/bin/python3", "-I", "-S", "-c", "from jetbot_mlp.guard_process import main; main()"), True),
    (("python3", "-m", "jetbot_mlp", "drive", "--sim", "road.npz"), False),
    (("python3", "-m", "jetbot_mlp", "check", "drive"), False),
    (("vi", "/home/jetbot/jetbot_mlp", "drive"), False), (("",), False), (("python3",), False)])
def test_what_drives_is_known_by_its_words(proc, words, found):
    process(proc, 4194303, *words)
    assert len(moving()["moving"]) == found


@pytest.mark.parametrize("state, found", [("rest", 0), ("away", 0), ("driving", 1), ("holding", 1), ("", 1)])
def test_a_notebook_whose_wheels_rest_does_not_keep_a_deploy_waiting(proc, state, found):
    process(proc, 4194303, "/usr/bin/python3", "-I", "-S", "-c", "from jetbot_mlp.guard_process import main; main()")
    (proc / "4194303" / "comm").write_text(f"{TITLE}{state}\n" if state else "python3\n")
    assert len(moving()["moving"]) == found


def test_states_are_named_as_the_motor_guard_names_them():
    assert AT_REST == (TITLE + REST, TITLE + AWAY)


def started(proc, code, *words):
    child = subprocess.Popen([sys.executable, "-c", code] + list(words), stdout=subprocess.PIPE)
    child.stdout.readline()
    process(proc, child.pid, "python3", "-m", "jetbot_mlp", "drive")
    return child


@pytest.fixture
def gone(proc, monkeypatch):
    """An ended child of ours is a zombie until somebody waits; and its /proc goes with it."""
    real, children = os.kill, []

    def kill(pid, number):
        child, = (child for child in children if child.pid == pid)
        if child.poll() is not None:
            if (proc / str(pid)).exists():
                (proc / str(pid) / "cmdline").unlink()
                (proc / str(pid)).rmdir()
            raise ProcessLookupError
        real(pid, number)

    monkeypatch.setattr(remote_drives.os, "kill", kill)
    yield children
    for child in children:
        child.kill()
        child.wait()
        child.stdout.close()


def test_a_drive_is_asked_to_end_and_does(proc, gone):
    gone.append(started(proc, "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print(flush=True)\n"
                              "while True: time.sleep(0.01)"))
    said = stop()["said"]
    assert gone[0].returncode == 7 and said == [f"ended process {gone[0].pid}: python3 -m jetbot_mlp drive"]
    assert moving()["moving"] == []


def test_one_that_does_not_listen_is_killed(proc, gone, monkeypatch):
    monkeypatch.setattr(remote_drives.end, "__defaults__", (0.2,))
    gone.append(started(proc, "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True)\n"
                              "while True: time.sleep(0.01)"))
    stop()
    assert gone[0].returncode == -signal.SIGKILL


def test_what_belongs_to_somebody_else_is_told(proc, monkeypatch):
    def refused(pid, number):
        raise PermissionError

    monkeypatch.setattr(remote_drives.os, "kill", refused)
    process(proc, 4194303, "python3", "-m", "jetbot_mlp", "drive")
    with pytest.raises(Refusal, match="process 4194303 drives there and belongs to another user: sudo kill 4194303"):
        stop()


def test_what_goes_on_all_the_same_is_told(proc, monkeypatch):
    clock = iter(range(0, 1000, 5))
    monkeypatch.setattr(remote_drives.time, "monotonic", clock.__next__)
    monkeypatch.setattr(remote_drives, "end", lambda pid: None)
    process(proc, 4194303, "python3", "-m", "jetbot_mlp", "drive")
    with pytest.raises(Refusal, match="expected everything that drives there to end, found process 4194303"):
        stop()


def test_the_service_is_stopped_and_where_that_is_not_allowed_told(monkeypatch):
    runs, asked = [True], []

    def child(words, limit_s, env=None):
        asked.append(words)
        runs[0] = words[0] != "sudo"
        return subprocess.CompletedProcess(words, 1 if words[0] != "sudo" else 0, "", "")

    monkeypatch.setattr(remote_drives, "service_runs", lambda: runs[0])
    monkeypatch.setattr(remote_drives, "child", child)
    monkeypatch.setattr(remote_drives.shutil, "which", lambda name: name)
    assert stop()["said"] == ["stopped the service jetbot-mlp-drive"]
    runs[0] = True
    monkeypatch.setattr(remote_drives.shutil, "which", lambda name: None)
    with pytest.raises(Refusal, match="may not stop it: sudo systemctl stop jetbot-mlp-drive there"):
        stop()
