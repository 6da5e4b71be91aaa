"""The second process: stops the wheels by itself when the first one is gone, or hangs.

It hears single bytes on standard input and answers on standard output (`motor_guard` is the other end):

  a  arm    an explicit start; answered by `a`. The only way back to driving from holding and away
  b  beat   a command is about to go to the wheels: from now on the next byte is due within the limit;
            answered by `b`, or by the reason why not: s, x or y
  r  rest   the wheels were seen at zero; nothing is due
  s         said, not heard: no beat came in time, and the wheels are being held at zero
  x         said: STOP was pressed in another program, or `jetbot-mlp stop` called (both send the signal
            `processes.STOP`)
  y         said: another program has started to drive this robot (`processes.YIELD`)

States: at rest -> (b) driving -> (limit passed, or x) holding -> (r, and HOLD_S more) away; (a) at rest from
everywhere; (y) away from everywhere. Holding, zeros are written again and again; away, nothing is written.

How long is held? A program that hangs may wake up in the midst of a command, after seconds or an hour, so its
wheels are held for as long as it hangs. Nobody else can be asked whether he wants to drive, so holding ends by
what is said only: by the program itself, which is awake and has seen its wheels at zero (`r`: its own
latched stop holds from there, and beats are refused here); by its explicit start (`a`); by its end; or by an
explicit start of another program of ours (`y`). A program that was at rest when `stop` was called did not hang,
so there HOLD_S is enough. The official notebooks say nothing to anybody: beside a program that hangs they
get no wheels, until its kernel is restarted. Therefore it is told who holds: on the stderr of the program that hangs,
in `ps` and `top` (this process is called guard:holding), by `jetbot-mlp stop` and by `jetbot-mlp doctor`.

When the first process ends, in whatever way, the pipe closes (or, where a child of its keeps the pipe open, the
parent of this process changes): the wheels are stopped and this process ends too; only when it had to yield,
the wheels are another one's.
"""
import os
import select
import signal
import sys
import time

from .motor_chip import NoChip, find_chip, open_bus
from .processes import STOP, TITLE, YIELD

REST, DRIVING, HOLDING, AWAY = "rest", "driving", "holding", "away"
PATIENCE_S = 1.0  # so long the robot's own bus is asked for the chip: disturbances of 0.1 s are to be expected
LOOK_EVERY_S = 0.25  # for a parent that is gone while its pipe is open, and for signals
HOLD_EVERY_S = 0.05  # zeros again
HOLD_S = 2.0  # zeros go on for so long when the program is known to be awake and at rest
RETRY_S = 0.02  # a refused write is repeated so soon
LAST_WRITES = 4  # accepted stops before it ends, HOLD_EVERY_S apart
LAST_TRIES_S = 10.0  # so long it tries to get them accepted
HUNG = ("motor guard: process {0} gave no command for {1} s, so it hangs; the wheels are held at zero until it starts "
        "again or ends, or another program of jetbot_mlp starts to drive\n")


class Guard:
    """The states, without pipes and clocks. limit_s: the longest pause between two beats."""

    def __init__(self, limit_s):
        self.limit_s = limit_s
        self.state = REST
        self.why = b""  # of holding and away
        self._due = None  # s, when driving
        self._until = None  # s, when holding: its end; None: not yet known

    def hear(self, data, now):
        """Takes the bytes of the first process, at the time now, s. -> bytes to answer."""
        answer = b""
        for byte in (data[i:i + 1] for i in range(len(data))):
            if byte == b"a":
                self.state = REST
                answer += b"a"
            elif byte == b"b":
                reply = self.why
                if self.state in (REST, DRIVING):
                    self.state, self._due, reply = DRIVING, now + self.limit_s, b"b"
                else:
                    self._until = None  # it wants to drive on; its wheels are not yet known to be at rest
                answer = answer if answer.endswith(reply) else answer + reply
            elif byte == b"r" and self.state == DRIVING:
                self.state = REST
            elif byte == b"r" and self.state == HOLDING:
                self._until = now + HOLD_S
        return answer

    def order(self, number, now):
        """Takes a signal, STOP or YIELD. -> bytes to say."""
        if number == YIELD:
            self.state, self.why = AWAY, b"y"
        elif self.state != HOLDING:
            self._until = None if self.state == DRIVING else now + HOLD_S
            self.state, self.why = HOLDING, b"x"
        return self.why

    def late(self, now):
        """-> True once, when a beat has been missed: from then on it holds the wheels."""
        if self.state == HOLDING and self._until is not None and now > self._until:
            self.state = AWAY
        if self.state != DRIVING or now <= self._due:
            return False
        self.state, self.why, self._until = HOLDING, b"s", None
        return True

    def patience(self, now):
        """-> s until there is something to do unheard."""
        if self.state == HOLDING:
            return HOLD_EVERY_S
        return min(LOOK_EVERY_S, max(0.0, self._due - now) + 0.001) if self.state == DRIVING else LOOK_EVERY_S


def listen():
    """Hears the signals of other programs from now on, and those which the first process has kept back until now.
    -> (list that gets each signal's number, file descriptor that is readable when there may be a new one)."""
    orders, (wake, woken) = [], os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken)  # a select goes on waiting after a handler (PEP 475)
    for number in (STOP, YIELD):
        signal.signal(number, lambda number, frame: orders.append(number))
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (STOP, YIELD))
    return orders, wake


def watch(chip, guard, parent, orders, wake, heard=0, said=1):
    """Guards until the first process, whose id is parent, is gone. orders, wake: from `listen`; heard, said: file
    descriptors."""
    wait, shown = 0.0, None
    while os.getppid() == parent:
        ready = select.select([heard, wake], [], [], wait)[0]
        if wake in ready:
            os.read(wake, 4096)
        if heard in ready:
            data = os.read(heard, 4096)
            if not data:
                return
            say(said, guard.hear(data, time.monotonic()))
        while orders:
            say(said, guard.order(orders.pop(0), time.monotonic()))
        if guard.late(time.monotonic()):
            say(said, b"s")
            tell(parent, HUNG.format(parent, guard.limit_s))
        if guard.state != shown:
            shown = guard.state
            show(shown)
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


def tell(process, words):
    """A line on another process's stderr, if that takes it at once."""
    try:
        file = os.open(f"/proc/{process}/fd/2", os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            os.write(file, ("\n" * os.isatty(file) + words).encode())
        finally:
            os.close(file)
    except OSError:  # closed, full, a socket, another user's
        pass


def show(state):
    """The state in this process's name, which `ps`, `top` and `processes.running_guards` see."""
    try:
        with open("/proc/self/comm", "w") as stream:
            stream.write(TITLE + state)
    except OSError:
        pass


def outlast():
    """Ctrl-C and kill are for the first process; this one goes when that one has gone."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGPIPE", "SIGALRM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    try:  # allowed for root only, which the robot's container is
        with open("/proc/self/oom_score_adj", "w") as stream:
            stream.write("-1000")
        os.nice(-10)
    except OSError:
        pass


def main(arguments=None, open_bus=open_bus):
    """Arguments: id of the first process, limit in s, bus numbers with commas. The first line out is
    `ready CHIP`, one of `absent`, `silent` and `disturbed` with the reason (`motor_chip.NoChip`), or `stopped`:
    somebody pressed STOP while this one was starting."""
    outlast()
    orders, wake = listen()
    parent, limit_s, numbers = sys.argv[1:] if arguments is None else arguments
    os.set_blocking(1, False)
    try:
        chip, why = find_chip([int(number) for number in numbers.split(",")], open_bus, PATIENCE_S), ""
    except NoChip as error:
        chip, why = None, f"{error.state} {error}\n"
    if STOP in orders:  # also without a chip: such a robot may drive unguarded
        say(1, b"stopped\n")
        return
    if chip is None:
        say(1, why.encode())
        return
    while orders and orders[0] == YIELD:  # others who started before this start was done: it is the later one
        orders.pop(0)
    say(1, f"ready {chip.name}\n".encode())
    guard = Guard(float(limit_s))
    try:
        watch(chip, guard, int(parent), orders, wake)
    finally:
        if guard.why != b"y" or guard.state != AWAY:
            stop_for_good(chip)
