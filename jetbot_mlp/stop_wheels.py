"""`jetbot-mlp stop`: whatever drives here ends, and the wheels come to zero; also after a crash.

Needs neither NumPy nor the official package, only the motor chip on I2C, so it is there in a fraction of a
second. The service unit runs it when it is stopped or has failed.
"""
import glob
import os
import signal
import sys
import time

from .errors import HardwareError
from .guard_process import try_to_stop
from .motor_chip import find_chip
from .motor_guard import BUSES

END_S = 1.5  # s for a drive to end by itself; then it is killed, and its guard stops the wheels too
ACCEPTED = 3  # zeros are written until the chip took them so often: a drive may be in the midst of a command
TRIES_S = 3.0


def stop(args):
    """The command. Exit status 0: the chip accepted zeros; HardwareError: it did not, or there is none."""
    for pid, words in drives():
        end(pid)
        print(f"ended process {pid}: {words}", file=sys.stderr)
    print(f"wheels at zero: {write_zeros()}")


def drives(proc="/proc"):
    """[(process id, command line)] of the `jetbot-mlp drive` processes here, those in the simulator left out."""
    found = []
    for path in glob.glob(os.path.join(proc, "[0-9]*", "cmdline")):
        try:
            with open(path, "rb") as stream:
                words = stream.read(4096).decode("utf-8", "replace").split("\0")
        except OSError:
            continue  # ended meanwhile
        pid = int(os.path.basename(os.path.dirname(path)))
        if is_drive(words) and pid != os.getpid():
            found.append((pid, " ".join(words).strip()[:100]))
    return sorted(found)


def is_drive(words):
    """Is this the command line of a drive on the robot? Not that of `docker exec ... jetbot_mlp drive` outside it."""
    if "--sim" in words or "python" not in os.path.basename(words[0]):
        return False
    package = [i for i, word in enumerate(words[:-1]) if os.path.basename(word) in ("jetbot_mlp", "jetbot-mlp")]
    return any(words[i + 1] == "drive" for i in package)


def end(pid, end_s=END_S):
    """SIGTERM, which stops the wheels; SIGKILL when that did not help."""
    for number, wait_s in ((signal.SIGTERM, end_s), (signal.SIGKILL, 0.5)):
        deadline = time.monotonic() + wait_s
        try:
            os.kill(pid, number)
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.02)
        except ProcessLookupError:
            return
        except PermissionError:
            print(f"process {pid} belongs to another user: sudo kill {pid}", file=sys.stderr)
            return


def write_zeros(find=lambda: find_chip(BUSES), tries_s=TRIES_S):
    """-> name of the chip that accepted zeros ACCEPTED times. Raises HardwareError."""
    try:
        chip = find()
    except OSError as error:
        raise HardwareError(f"expected a motor chip on I2C, found none ({error}); switch the robot off if it drives")
    accepted, deadline = 0, time.monotonic() + tries_s
    while accepted < ACCEPTED:
        accepted += try_to_stop(chip)
        if time.monotonic() > deadline:
            raise HardwareError(f"{chip.name} refuses to stop the wheels; switch the robot off")
        time.sleep(0.02)
    return chip.name
