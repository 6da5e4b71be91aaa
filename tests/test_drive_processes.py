import subprocess
import sys
import threading
import time

import pytest

from jetbot_mlp.drive_processes import end_process, is_drive

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
POLITE = "import time; print('ready', flush=True); time.sleep(60)"


def test_only_drives_of_a_real_robot_are_ended():
    python = "/usr/bin/python3"
    assert is_drive([python, "-m", "jetbot_mlp", "drive", "road.npz"])
    assert is_drive([python, "/usr/local/bin/jetbot-mlp", "drive", "road.npz"])
    assert is_drive([python, "/usr/local/bin/jetbot-mlp", "calibrate"])
    assert not is_drive([python, "-m", "jetbot_mlp", "drive", "road.npz", "--sim"])
    assert not is_drive([python, "-m", "jetbot_mlp", "train", "drive"])
    assert not is_drive(["/usr/bin/docker", "exec", "x", "python3", "-m", "jetbot_mlp", "drive"])
    assert not is_drive(["/usr/bin/vim", "jetbot_mlp", "drive"])
    assert not is_drive([""])


@pytest.mark.parametrize("code, number", [(POLITE, 15), (DEAF, 9)])
def test_a_process_is_asked_to_end_and_killed_when_it_does_not(code, number):
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        process.stdout.readline()
        waiting = threading.Thread(target=process.wait, daemon=True)  # as its parent does: else it stays as a zombie
        waiting.start()
        started = time.monotonic()
        end_process(process.pid, 0.5, 5.0)
        assert time.monotonic() - started < 4.0
        waiting.join(5)
        assert process.returncode == -number
    finally:
        process.kill()
        process.stdout.close()


def test_a_process_that_has_ended_already_is_no_error():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert end_process(process.pid, 0.1, 0.1) is None and process.returncode == 0
