"""`jetbot-mlp stop`: whatever drives here stops, and the wheels come to zero; also after a crash.

In this order: `drive` and `calibrate` are ended; every other program of ours (a notebook, a script) is told by its
motor guard, a process of its own that is found in /proc, so it needs no cooperation and loses nothing but its
drive; zeros are written to the motor chip; then the chip is read back for a while. If a wheel turns again, someone
drives who is not ours: zeros go on for some seconds, and who has the I2C bus open is named.

Needs neither NumPy nor the official package, only the motor chip on I2C, so it is there in a fraction of a
second. The service unit runs it when it is stopped or has failed.
"""
import os
import sys
import time

from . import processes
from .drive_processes import end_process, is_drive
from .errors import HardwareError
from .guard_process import try_to_stop
from .motor_chip import find_chip
from .motor_guard import BUSES, PROGRAM

END_S = 1.5  # s for a drive to end by itself; then it is killed, and its guard stops the wheels too
KILL_S = 0.5  # s to wait for a killed one to be gone
ACCEPTED = 3  # zeros are written until the chip took them so often: a drive may be in the midst of a command
TRIES_S = 3.0
LOOK_S = 1.0  # s that the chip is read back; a program that drives writes at least ten times in it
HOLD_S = 3.0  # s that zeros go on when somebody drives on
EVERY_S = 0.02
UNREAD = 10  # looks in a row at which the chip does not answer: it can't be read back


def stop(args):
    """The command. Exit status 0: the chip accepted zeros and they stayed; HardwareError: they did not, or there
    is no chip."""
    for pid, words in drives():
        end(pid)
        print(f"ended process {pid}: {words}", file=sys.stderr)
    tell_guards()
    chip = write_zeros()
    print(f"wheels at zero: {chip.name}")
    sys.stdout.flush()
    watch(chip)


def drives(proc="/proc"):
    """[(process id, command line)] of the `jetbot-mlp drive` and `calibrate` here, those in the simulator left out."""
    found = []
    for pid in processes.process_ids(proc):
        words = processes.words_of(pid, proc)
        if is_drive(words) and pid != os.getpid():
            found.append((pid, " ".join(words).strip()[:100]))
    return found


def tell_guards():
    """The programs whose wheels a motor guard watches, by its signal; and what each did until now, on stderr."""
    for guard, told in processes.tell_guards(processes.running_guards(PROGRAM, BUSES), processes.STOP):
        program = processes.shown(guard.parent)
        if not told:
            print(f"{program} belongs to another user: sudo jetbot-mlp stop", file=sys.stderr)
        else:
            print(program + {"driving": " drove: stopped, until it is started again",
                             "holding": f" hangs, its motor guard holds the wheels at zero: restart it, or kill "
                                        f"{guard.parent}",
                             "": " has an older version of jetbot_mlp and may drive on: look whether the wheels stand",
                             }.get(guard.state, " did not drive"), file=sys.stderr)


def watch(chip, look_s=LOOK_S, hold_s=HOLD_S):
    """Reads the chip back, for look_s seconds; holds the wheels for hold_s more when they turn again, and says who
    may do that. Raises HardwareError when they still do at the end."""
    deadline, turned, who, unread = time.monotonic() + look_s, None, "", 0
    while time.monotonic() < deadline:
        try:
            again, unread = chip.turning(), 0
        except Exception as error:  # whatever an smbus raises; one refusal alone is a chip that is busy
            again, unread = False, unread + 1
            if unread == UNREAD:
                found = f"the chip can't be read back ({error}): look whether the wheels stand"
                if turned is not None:
                    raise HardwareError(f"expected the wheels to stay at zero, found that they turned again, and then "
                                        f"{found}. {who}")
                print(found, file=sys.stderr)
                return
        if turned is not None or again:
            try_to_stop(chip)
        if again:
            if turned is None:
                deadline, who = time.monotonic() + hold_s, suspects()
                print(f"the wheels turn again; zeros for {hold_s:g} s. {who}", file=sys.stderr)
            turned = time.monotonic()
        time.sleep(EVERY_S)
    if turned is not None:
        if turned > time.monotonic() - min(look_s, hold_s / 2):
            raise HardwareError(f"expected the wheels to stay at zero, found that something drives on. {who}")
        print("they stay at zero now", file=sys.stderr)


def suspects():
    """Who may be driving, for people: whoever has an I2C bus open, and is not a guard of ours."""
    ours = {guard.pid for guard in processes.running_guards(PROGRAM, BUSES)}
    found = [f"{processes.shown(pid)} has {file} open"
             for pid, file in processes.holders("/dev/i2c-") if pid not in ours]
    if found:
        return f"{'; '.join(found)}: end it, or restart its kernel"
    return ("No process that is to be seen here has /dev/i2c-* open: run this again with sudo, and on the host as well "
            "as in the container")


def end(pid, end_s=END_S):
    """A drive ends by itself, or is killed after end_s; another user's is told."""
    try:
        end_process(pid, end_s, KILL_S)
    except PermissionError:
        print(f"process {pid} belongs to another user: sudo kill {pid}", file=sys.stderr)


def write_zeros(find=lambda: find_chip(BUSES), tries_s=TRIES_S):
    """-> the MotorChip that accepted zeros ACCEPTED times. Raises HardwareError."""
    accepted, deadline = 0, time.monotonic() + tries_s
    while True:
        try:
            chip = find()
            break
        except OSError as error:
            if getattr(error, "state", None) != "disturbed" or time.monotonic() > deadline:
                raise HardwareError(f"expected a motor chip on I2C, found none ({error}); switch the robot off if it "
                                    "drives")
    while accepted < ACCEPTED:
        accepted += try_to_stop(chip)
        if time.monotonic() > deadline:
            raise HardwareError(f"{chip.name} refuses to stop the wheels; switch the robot off")
        time.sleep(0.02)
    return chip
