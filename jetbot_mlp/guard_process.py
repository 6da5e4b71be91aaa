"""The second process: stops the wheels by itself when the first one is gone, or hangs.

It hears single bytes on standard input and answers on standard output (`motor_guard` is the other end):

  a  arm    an explicit start; answered by `a`. The only way out of holding.
  b  beat   a command is about to go to the wheels: from now on the next byte is due within the limit;
            answered by `b`
  r  rest   the wheels were seen at zero; nothing is due
  s         said, not heard: no beat came in time, and the wheels are being held at zero

States: at rest -> (b) driving -> (limit passed) holding -> (a) at rest. While holding, zeros are written again
and again: the hung process may wake up in the midst of a command. When the first process ends, in whatever
way, the pipe closes (or, where a child of its keeps the pipe open, the parent of this process changes): the
wheels are stopped and this process ends too.
"""
import os
import select
import signal
import sys
import time

from .motor_chip import find_chip, open_bus

REST, DRIVING, HOLDING = "rest", "driving", "holding"
LOOK_EVERY_S = 0.25  # for a parent that is gone while its pipe is open
HOLD_EVERY_S = 0.05  # zeros again
RETRY_S = 0.02  # a refused write is repeated so soon
LAST_WRITES = 4  # accepted stops before it ends, HOLD_EVERY_S apart
LAST_TRIES_S = 10.0  # so long it tries to get them accepted


class Guard:
    """The states, without pipes and clocks. limit_s: the longest pause between two beats."""

    def __init__(self, limit_s):
        self.limit_s = limit_s
        self.state = REST
        self._due = None  # s, when driving

    def hear(self, data, now):
        """Takes the bytes of the first process, at the time now, s. -> bytes to answer."""
        answer = b""
        for byte in (data[i:i + 1] for i in range(len(data))):
            if byte == b"a":
                self.state = REST
                answer += b"a"
            elif byte == b"b" and self.state != HOLDING:
                self.state, self._due = DRIVING, now + self.limit_s
                answer = answer if answer.endswith(b"b") else answer + b"b"
            elif byte == b"r" and self.state != HOLDING:
                self.state = REST
        return answer

    def late(self, now):
        """-> True once, when a beat has been missed: from then on it holds the wheels."""
        if self.state != DRIVING or now <= self._due:
            return False
        self.state = HOLDING
        return True

    def patience(self, now):
        """-> s until there is something to do unheard."""
        if self.state == HOLDING:
            return HOLD_EVERY_S
        return LOOK_EVERY_S if self.state == REST else min(LOOK_EVERY_S, max(0.0, self._due - now) + 0.001)


def watch(chip, guard, parent, heard=0, said=1):
    """Guards until the first process, whose id is parent, is gone. heard, said: file descriptors."""
    wait = LOOK_EVERY_S
    while os.getppid() == parent:
        if select.select([heard], [], [], wait)[0]:
            data = os.read(heard, 4096)
            if not data:
                return
            say(said, guard.hear(data, time.monotonic()))
        if guard.late(time.monotonic()):
            say(said, b"s")
        wait = guard.patience(time.monotonic())
        if guard.state == HOLDING:
            wait = HOLD_EVERY_S if try_to_stop(chip) else RETRY_S


def stop_for_good(chip):
    """Zeros until they were accepted several times: another process may be in the midst of a command."""
    accepted, deadline = 0, time.monotonic() + LAST_TRIES_S
    while time.monotonic() < deadline:
        done = try_to_stop(chip)
        accepted += done
        if accepted == LAST_WRITES:
            break
        time.sleep(HOLD_EVERY_S if done else RETRY_S)


def try_to_stop(chip):
    """-> True when the chip accepted zeros."""
    try:
        chip.stop()
    except Exception:  # whatever it is, the next try may pass; a guard that dies of it helps no one
        return False
    return True


def say(said, data):
    """Never waits: the other end may hang, or be gone."""
    try:
        if data:
            os.write(said, data)
    except OSError:
        pass


def outlast():
    """Ctrl-C and kill are for the first process; this one goes when that one has gone."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGUSR1", "SIGUSR2", "SIGALRM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:  # allowed for root only, which the robot's container is
        with open("/proc/self/oom_score_adj", "w") as stream:
            stream.write("-1000")
        os.nice(-10)
    except OSError:
        pass


def main(arguments=None, open_bus=open_bus):
    """Arguments: id of the first process, limit in s, bus numbers with commas. The first line out is
    `ready CHIP` or `none WHY`."""
    outlast()
    parent, limit_s, numbers = sys.argv[1:] if arguments is None else arguments
    os.set_blocking(1, False)
    try:
        chip = find_chip([int(number) for number in numbers.split(",")], open_bus)
    except OSError as error:
        say(1, f"none {error}\n".encode())
        return
    say(1, f"ready {chip.name}\n".encode())
    try:
        watch(chip, Guard(float(limit_s)), int(parent))
    finally:
        stop_for_good(chip)
