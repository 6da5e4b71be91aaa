"""Starts and feeds the motor guard: a second process that stops the wheels when this one can't any more.

In-process protection ends with the process: after kill -9, out of memory, a kernel restart, os._exit or a
crash the official motors go on turning. `guard_process` is told before every command and stops the wheels
at the motor chip itself (`motor_chip`) when this process ends, or drives and then falls silent for LIMIT_S.

The gate does the telling (`gate`): a beat goes out just before each command is written, by whoever writes
it, so a hang anywhere (prediction, a cell that holds Python's lock, the whole process stopped or swapped
out) is a missing beat. Nothing is due while the wheels rest, so a notebook may idle between its cells.
"""
import io
import os
import select
import signal
import socket
import subprocess
import sys
import time

from .errors import HardwareError
from .find_official import find_official
from .processes import STOP, YIELD, running_guards, shown, tell_guards

LIMIT_S = 0.5  # s without a beat; above the watchdog's 0.4, so a healthy process always acts first
START_S = 10.0  # s for a Python to start on a busy robot
ANSWER_S = 1.0  # s; a guard that takes longer to answer could not keep its promise either
BUSES = (1, 7, 0)  # Nano and Xavier have the header's I2C as bus 1, Orin as bus 7
DRIVERS = {"Adafruit_MotorHAT": 0x60, "QwiicScmd": 0x5D}  # of the official Robot -> where their chip is known to be
NO_SIGPIPE = 0 if sys.platform == "darwin" else getattr(socket, "MSG_NOSIGNAL", 0)  # macOS: an option of the socket

# -I -S: neither the user's settings nor site-packages can break or fatten it. Paths come after the standard
# library's, so nothing beside a notebook is mistaken for it.
PROGRAM = ("import sys; sys.path += sys.argv.pop(1).split(chr(10)); "
           "from jetbot_mlp.guard_process import main; main()")


# what the guard says when the wheels must not turn -> why, for people
REASONS = {
    b"s": "the motor guard stopped the wheels: no command for {} s, this program hung; start again",
    b"x": "STOP was pressed in another program, or `jetbot-mlp stop` called; start again",
    b"y": "another program started to drive this robot; start again to take it over",
}


class NoMotorChip(HardwareError):
    """No known motor chip answers on I2C, so there is nothing that the guard could stop. asked: there is a bus that
    could be asked."""

    asked = False


class MotorGuard:
    """One guard process. buses: numbers to look for the chip on, in order; program: what Python runs in it.

    >>> guard = MotorGuard().start()                      # doctest: +SKIP
    >>> guard.chip                                        # doctest: +SKIP
    'PCA9685 at 0x60 on I2C bus 1'
    """

    running = None  # the one that guard_for hands out: two would hold each other's wheels

    def __init__(self, buses=BUSES, limit_s=LIMIT_S, program=PROGRAM):
        if not 0.0 < limit_s <= LIMIT_S:
            raise ValueError(f"limit_s: expected 0 < limit_s <= {LIMIT_S}, found {limit_s}; there is no off switch")
        self.buses = tuple(buses)
        self.limit_s = limit_s
        self.program = program
        self.chip = None  # what it guards, in words
        self._process = None
        self._to = self._from = None  # a socket and a file, this process's ends of what leads to the guard and back
        self._reason = None  # why it is of no use any more, or holds the wheels
        self._unanswered = None  # s, the oldest beat that was not answered yet

    def start(self):
        """Returns self when the guard has found the chip and watches.

        Raises NoMotorChip when no chip answers, HardwareError when the bus does not work or the process does not
        come up.
        """
        if not sys.executable:
            raise HardwareError("motor guard: expected to know the Python interpreter, found sys.executable "
                                "empty; run under an ordinary Python")
        package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
        paths = [package] + [os.path.abspath(path) for path in sys.path if path]  # ... for smbus
        command = [sys.executable, "-I", "-S", "-c", self.program, "\n".join(paths), str(os.getpid()),
                   str(self.limit_s), ",".join(str(number) for number in self.buses)]
        try:
            self._start(command)
        except OSError as error:  # no memory, too many processes or files
            raise HardwareError(f"motor guard: expected to start its process, found {error.strerror or error}; end "
                                "other programs, or restart the kernel, then start again")
        self._reason = self._unanswered = None
        line = self._wait_for(b"\n", START_S)
        word, _, rest = line.decode(errors="replace").strip().partition(" ")
        if word != "ready":
            self.close()
        if word in ("absent", "silent"):
            error = NoMotorChip(f"motor guard: expected a PCA9685 at 0x60 or an SCMD at 0x5d, found none ({rest}); "
                                "check battery, cable and the right to use /dev/i2c-*")
            error.asked = word == "silent"
            raise error
        if word == "disturbed":
            raise HardwareError(f"motor guard: expected an I2C bus that works, found it disturbed ({rest}); check "
                                "battery and cable, then start again")
        if word == "stopped":
            raise HardwareError(REASONS[b"x"])
        if word != "ready":
            raise HardwareError("motor guard: expected its process to start, found "
                                f"{'nothing' if not line else repr(line)} after {START_S:g} s at most; try "
                                f"{sys.executable} -I -S -c 'import jetbot_mlp'")
        self.chip = rest
        return self

    def _start(self, command):
        """The process, and what leads to it and back. Raises OSError."""
        ends = []
        try:
            # a socket: a pipe whose reader is gone would kill by SIGPIPE who has that at its default
            ends += [end.detach() for end in socket.socketpair()]
            ends += os.pipe()
            for i, end in enumerate(ends):
                if end <= 2:  # closed in this program: what it prints must not reach the guard
                    import fcntl  # here: a laptop with Windows imports this module too

                    ends[i] = fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 3)
                    os.close(end)
            # a session of its own: Ctrl-C and a kernel's killpg are not for it. Its ends are all that it has from
            # here, and no other child gets this process's (Python's files close on exec).
            # Signals of others wait until it can hear them: unheard they would end it, or be lost.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, (STOP, YIELD))
            try:
                self._process = subprocess.Popen(command, stdin=ends[1], stdout=ends[3], stderr=subprocess.DEVNULL,
                                                 cwd="/", start_new_session=True)
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        except OSError:
            for end in ends:
                os.close(end)
            raise
        os.close(ends[1])
        os.close(ends[3])
        self._to = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, ends[0])
        self._from = io.FileIO(ends[2])
        if sys.platform == "darwin":
            self._to.setsockopt(socket.SOL_SOCKET, 0x1022, 1)  # SO_NOSIGPIPE of sys/socket.h
        self._to.setblocking(False)
        os.set_blocking(ends[2], False)

    @property
    def alive(self):
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self):
        """The process's id; None when it was not started, or closed."""
        return None if self._process is None else self._process.pid

    def arm(self):
        """An explicit start: the guard lets go of held wheels, and is known to listen; what drives in other
        processes stops, and the guard of one that hangs lets go.

        Raises HardwareError when it does not answer; it is closed then, so that the next start gets a fresh one.
        """
        self._drain()
        if not (self._say(b"a") and b"a" in self._wait_for(b"a", ANSWER_S)):
            found = self._gone()
            self.close()
            raise HardwareError(f"motor guard: expected it to answer, found {found}; start again")
        self._take_over()
        self._drain()
        self._reason = self._unanswered = None

    def _take_over(self):
        """One robot, one driver: else a second one's wheels would be held by the guard of one that hung, unseen."""
        others = [other for other in running_guards(self.program, self.buses) if other.pid != self.pid]
        for other, told in tell_guards(others, YIELD):
            if not told:
                print(f"{shown(other.parent)} of another user may hold the wheels; if they do not turn: sudo "
                      "jetbot-mlp stop", file=sys.stderr)
            elif other.state in ("driving", "holding"):
                was = "hung, and its guard held the wheels" if other.state == "holding" else "drove"
                print(f"{shown(other.parent)} {was}: the wheels are taken over", file=sys.stderr)

    def stop_programs(self):
        """What drives this robot in other programs of ours (a second notebook, a script) stops, until it is started
        again. Takes some milliseconds, never raises; this one need not be started, and hears nothing of it."""
        others = [other for other in running_guards(self.program, self.buses) if other.parent != os.getpid()]
        for other, told in tell_guards(others, STOP):
            if other.state not in ("rest", "away"):
                if not told:
                    found = "of another user may drive on: sudo jetbot-mlp stop"
                elif other.state:
                    found = "was told to stop"
                else:  # its guard ignores that signal
                    found = "has an older version of jetbot_mlp and may drive on: jetbot-mlp stop"
                print(f"{shown(other.parent)} {found}", file=sys.stderr)

    def beat(self):
        """Before each command to the wheels. -> None, or the reason why it must not be written."""
        if self._unanswered is None:
            self._unanswered = time.monotonic()
        if not self._say(b"b"):
            return f"the motor guard is gone ({self._gone()}); start again"
        self._drain()
        waited = 0.0 if self._unanswered is None else time.monotonic() - self._unanswered
        if waited > ANSWER_S:
            return f"the motor guard does not answer for {waited:.1f} s; start again"
        return self._reason

    def rest(self):
        """The wheels are at zero: no beat is due. Never raises, never waits; for signal handlers too."""
        self._say(b"r")

    def close(self):
        """Ends the process, which stops the wheels first."""
        if self._process is not None:
            process, self._process = self._process, None
            self._to.close()
            try:
                process.wait(ANSWER_S)
            except subprocess.TimeoutExpired:
                process.kill()
                try:
                    process.wait(ANSWER_S)
                except subprocess.TimeoutExpired:
                    pass  # it hangs in the kernel, in an I2C write: it dies when that returns, who waits hangs too
            self._from.close()

    def _say(self, byte):
        try:
            self._to.send(byte, NO_SIGPIPE)
        except (OSError, ValueError, AttributeError):  # gone, or closed meanwhile by another thread
            return False
        return True

    def _drain(self):
        """Takes what the guard has answered. -> bytes."""
        try:
            data = os.read(self._from.fileno(), 4096)
        except (OSError, ValueError, AttributeError):  # BlockingIOError: it has said nothing
            return b""
        for letter, reason in REASONS.items():
            if letter in data:
                self._reason = reason.format(self.limit_s)
        if data:
            self._unanswered = None
        return data

    def _wait_for(self, end, timeout):
        """-> what was said up to the byte `end`; less when it ended or timeout s passed."""
        heard, deadline = b"", time.monotonic() + timeout
        while end not in heard:
            left = deadline - time.monotonic()
            if left <= 0.0 or not select.select([self._from], [], [], left)[0]:
                break
            data = self._drain()
            if not data:
                break
            heard += data
        return heard

    def _gone(self):
        status = None if self._process is None else self._process.poll()
        return "no answer" if status is None else f"its process ended with status {status}"


def guard_for(robot):
    """The guard of this process for whatever moves the official robot's wheels (`find_official`: also a notebook's
    own class around it), started when there is none. -> MotorGuard or None.

    None for other robots, whose wheels it could not stop (the simulator's have nothing to guard), and, with
    a word on stderr, where the official robot works but no chip is to be found here: another board. Refusing would
    leave such a robot to scripts without any protection; all those inside this process still hold.

    What is another board, and what a disturbed bus? The guard asks for a second (`guard_process.PATIENCE_S`), longer
    than disturbances last. Then it is another board if nobody acknowledges the known addresses and the robot
    drives by another driver than the official two, or if there is no bus that we may ask. A bus that gives errors,
    or on which the official driver's own chip is silent, refuses the start.
    Raises HardwareError then, and when there is a chip, but no guard can be had.
    """
    official = find_official(robot)
    if official is None:
        return None
    guard = MotorGuard.running
    if guard is None or not guard.alive:
        bus = int(getattr(official.robot, "i2c_bus", BUSES[0]))
        guard = MotorGuard((bus,) + tuple(number for number in BUSES if number != bus))
        try:
            MotorGuard.running = guard.start()
        except NoMotorChip as error:
            if error.asked and _has_known_chip(official):
                raise HardwareError(f"{error}; the robot's own driver reached it just now, so I2C is disturbed: start "
                                    "again")
            print(f"UNGUARDED: if this program is killed, the wheels go on turning. {error}", file=sys.stderr)
            return None
    return guard


def _has_known_chip(official):
    """Whether it is moved by one of the official package's drivers, at its usual address."""
    drivers = [getattr(official.robot, "motor_driver", None)]
    drivers += [getattr(motor, "_driver", None) for motor in official.motors]
    for driver in drivers:
        addresses = [DRIVERS[kind.__name__] for kind in type(driver).__mro__ if kind.__name__ in DRIVERS]
        if addresses and getattr(driver, "_i2caddr", addresses[0]) == addresses[0]:
            return True
    return False
