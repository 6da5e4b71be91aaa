"""Which command lines are drives, and how one is ended: for `jetbot-mlp stop` here, and for `deploy` on the robot.

Standard library only and nothing of this package: it is sent to robots, too (see `remote_script`).
"""
import os
import signal
import time


def is_drive(words):
    """Is this the command line of a drive on the robot? Not that of `docker exec ... jetbot_mlp drive` outside it."""
    if "--sim" in words or "python" not in os.path.basename(words[0]):
        return False
    package = [i for i, word in enumerate(words[:-1]) if os.path.basename(word) in ("jetbot_mlp", "jetbot-mlp")]
    return any(words[i + 1] in ("drive", "calibrate") for i in package)


def end_process(pid, term_s, kill_s):
    """SIGTERM, which stops the wheels; SIGKILL when that did not help within term_s; then up to kill_s until it is
    gone. Raises PermissionError for another user's process."""
    for number, wait_s in ((signal.SIGTERM, term_s), (signal.SIGKILL, kill_s)):
        deadline = time.monotonic() + wait_s
        try:
            os.kill(pid, number)
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return
