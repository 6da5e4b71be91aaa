"""The one way to the wheels: every write to the robot passes here, and a stop latches here.

A command passes only when the gate is open, its numbers are finite and the frame that it answers is
still young; what passes is limited, and made of plain floats (the official Motor refuses np.float32).
So a prediction that hangs and comes back late can't move wheels that were stopped meanwhile.

`stop` may come from any thread, from a camera's observer and from a signal handler, also in the midst
of `drive`. Therefore nothing here waits for long, the lock is re-entrant, and the latch itself is a
lock-free list pop. If a stop overtakes a write that is under way, the write is followed by zeros again.
Zeros are written by a thread of their own (`bounded`): a write that never returns, as I2C's may, must not keep
whoever stops, least of all a signal handler.

The motor guard, a second process, hears of every command before it is written and of every rest; without
its consent nothing is written.
"""
import atexit
import threading
import time
import weakref
from collections import deque
from typing import NamedTuple

from .bounded import Bounded
from .control import DEFAULT_LIMITS, all_finite, limit
from .errors import HardwareError
from .find_official import find_official, innermost
from .motor_guard import MotorGuard, guard_for
from .notebook_interrupt import watch

RETRY_S = 1.0  # s, a stop that the motors refuse is repeated so long before the caller goes on
RETRY_PAUSE_S = 0.01  # s
LOCK_PATIENCE_S = 0.05  # s; a write that hangs in the kernel must not keep the zeros from being tried

_DRIVING = weakref.WeakValueDictionary()  # the wheels -> the gate that was opened last for them
_taking_over = threading.Lock()
TAKEN_OVER = "another driver took over this robot"


def wheels_driven():
    """Whether a gate to wheels, real or simulated ones, is open in this program."""
    return any(not gate.stopped for gate in list(_DRIVING.values()))


def _nobody(most):
    """For robots that know no limit of power."""


class Stop(NamedTuple):
    """Why and when the wheels were stopped."""

    stamp: float  #: s, driver's clock
    reason: str


class MotorGate:
    """Closed at first; `open` is the explicit start, any `stop` closes it.

    robot: has set_motors(left, right) and stop(); may be None when dry_run.
    clock: () -> s, the clock of the frames' stamps.
    age_limit_s: commands whose frame is older are refused.
    dry_run: everything but the writes.
    guard: a started MotorGuard; None: `open` finds one for the official robot, others go without.
    """

    def __init__(self, robot, clock=time.monotonic, age_limit_s=0.4, limits=DEFAULT_LIMITS, dry_run=False,
                 guard=None):
        self._robot = robot
        self._clock = clock
        self.age_limit_s = age_limit_s
        self.limits = limits
        self.dry_run = dry_run
        self.guard = None  # once opened: the MotorGuard that is told of every command
        self._guard_given = guard
        self._same_wheels = None
        self._lock = threading.RLock()
        self._permit = []  # holds one item while open; pop() is atomic, so of many stops one is the first
        self._said = []  # of Stop, since `open`: the first is why it is closed; there before the permit is gone
        self._zeros = Bounded(lambda: self._write_zero())
        self.writing_since = None  # s, driver's clock: a command to the motors is under way; None: none is
        self._stop_calls = 0
        self.stops = deque(maxlen=100)  # of Stop, oldest first
        self.command = None  # the WheelCommand written last since `open`
        self.wheels_stopped = True  # False from the first write until zeros were accepted
        self._insisting = threading.Thread()
        self.stop_error = None  # what the motors answered to the last refused stop

    @property
    def stopped(self):
        """True until `open` and from the first `stop`."""
        return not self._permit

    @property
    def reason(self):
        """Why it is closed; None: neither opened nor stopped yet."""
        said = self._said or self.stops
        return said[0 if said is self._said else -1].reason if said else None

    @property
    def trouble(self):
        """None, or that the motors refuse to stop, and what they answer; zeros that are just being written are none."""
        error = self.stop_error
        if error is None or self.wheels_stopped or not self.stopped:
            return None
        return f"THE MOTORS REFUSE TO STOP ({error})"

    @property
    def hangs(self):
        """Whether zeros to the motors were begun, and do not return."""
        return self._zeros.hangs

    def open(self):
        """Let commands pass; starts the motor guard. Raises HardwareError when the motors do not even accept a
        stop, or the guard does not answer."""
        calls = self._stop_calls
        if not self.stopped:
            return
        if not self.dry_run:
            self._take_over()
        if not self._zero(RETRY_S):
            raise HardwareError(
                f"motors: expected them to accept a stop before driving, found: {self.stop_error}; "
                "check battery and motor board, then start again"
            )
        if not self.dry_run:
            self.guard = self._guard_given or guard_for(self._robot)
            if self.guard is not None:
                self.guard.arm()
        watch(self)
        with self._lock:
            # two opens must not leave two permits, and a stop that came meanwhile wins
            if self.stopped and self._stop_calls == calls:
                self.command, self._said = None, []
                self._permit.append(True)
                if self._stop_calls != calls:
                    self._permit.clear()
                elif not self.dry_run and self._driving() is not self:  # opened while this one's guard was starting
                    self.stop(TAKEN_OVER)

    def _take_over(self):
        """One robot, one driver: a notebook's cell that is run twice must not leave the first one driving, unseen."""
        with _taking_over:
            before = self._driving()
            _DRIVING[self._wheels()] = self  # first: one that is just being opened sees it when it is done
        if before is not None and before is not self and not before.stopped:
            before.stop(TAKEN_OVER)

    def _driving(self):
        return _DRIVING.get(self._wheels())

    def _wheels(self):
        """What is meant is the wheels, however often they are wrapped."""
        if self._same_wheels is None or self.stopped:  # while it drives, what it was opened with
            # each Robot() of a notebook turns the same two wheels
            self._same_wheels = "jetbot" if find_official(self._robot) is not None else id(innermost(self._robot))
        return self._same_wheels

    def drive(self, command):
        """Write one WheelCommand. Returns what was really written, or None when it was refused.

        A late command is refused without latching: the watchdog judges that. A command that is not
        finite, or that the motors refuse, latches a stop.
        """
        if not all_finite(command):
            self.stop(f"the command was not finite: left {command.left}, right {command.right}")
            return None
        sent, failure = None, None
        try:
            with self._lock:
                # 0 <=: a stamp from the future would never grow old
                if not self.stopped and 0.0 <= self._clock() - command.stamp <= self.age_limit_s:
                    # before the write: who turns the wheels is watched, or does not turn them
                    failure = None if self.guard is None else self.guard.beat()
                    if failure is None:
                        sent = self._write(command)
        except Exception as error:  # whatever the motors raise: stop
            failure = f"the motors refused a command: {type(error).__name__}: {error}"
        if failure is not None:
            self.stop(failure)
            return None
        return sent

    def _write(self, command):
        """With the lock held: when a stop overtakes this write, no `open` may come before the zeros that follow."""
        sent = limit(command, self.command, self.limits)
        try:
            if not self.dry_run:
                self.wheels_stopped = False
                self.writing_since = self._clock()
                # the motors' own alpha and beta come after this limit, so who applies them must know it
                limit_power = getattr(self._robot, "limit_power", _nobody)
                limit_power(self.limits.max_speed)
                try:
                    self._robot.set_motors(sent.left, sent.right)
                finally:
                    limit_power(1.0)
            self.command = sent
        finally:
            self.writing_since = None
            overtaken = self.stopped
            if overtaken:
                self._zero(RETRY_S)
        return None if overtaken else sent

    def stop(self, reason):
        """Wheels to zero, latched until `open`. Never raises; True when the motors accepted the zeros."""
        self._stop_calls += 1
        said = self._said
        if not said:  # of two stops at once both may speak; the first word stands
            said.append(Stop(self._clock(), reason))
        try:
            self._permit.pop()
        except IndexError:
            pass  # stopped before; the first reason stands, but the zeros are written again
        else:
            self.stops.append(said[0])
        return self._zero(RETRY_S)

    def stop_others(self, reason):
        """Stop whatever else in this program drives the same robot, or is about to: what a STOP button means."""
        other = self._driving()
        if other is not None and other is not self:
            other.stop(reason)

    def stop_programs(self):
        """... and in other programs of ours, through their motor guards. After `stop`: own wheels first."""
        guard = self.guard or self._guard_given
        if isinstance(guard, MotorGuard):
            guard.stop_programs()
        elif self._wheels() == "jetbot":  # never opened, so without a guard of its own
            MotorGuard().stop_programs()

    def leave_hanging(self):
        """At the program's end, while I2C hangs: the official motors say farewell by a write, which would never return.

        The motor guard sees the program's end, and writes the zeros as soon as I2C lets it.
        """
        found = find_official(self._robot) if self.hangs else None
        for motor in () if found is None else found.motors:
            if hasattr(motor, "_release"):
                atexit.unregister(motor._release)

    def at_rest(self):
        """True when stopped and the motors accepted it; tries once more when they have not."""
        return self.stopped and (self.wheels_stopped or self._zero(0.0, unless_opened=True))

    def insist(self):
        """After a stop that the motors refused: zeros in a thread until they are accepted, for whoever has no
        watchdog that does it."""
        if not self.wheels_stopped and not self._insisting.is_alive():
            self._insisting = threading.Thread(target=self._insist, name="insisting", daemon=True)
            self._insisting.start()

    def _insist(self):
        while self.stopped and not self.at_rest():
            time.sleep(RETRY_PAUSE_S)

    def _zero(self, retry_s, unless_opened=False):
        """Zeros, and the word that the wheels rest, in one hold of the lock: a command that came between would turn
        wheels that gate and guard believe at rest. unless_opened: nothing once commands may pass again."""
        if self.dry_run:
            return True
        deadline = time.monotonic() + retry_s  # wall time: that is what real wheels turn in
        while True:
            locked = self._lock.acquire(timeout=LOCK_PATIENCE_S)
            try:
                if unless_opened and not self.stopped:
                    return False
                self.stop_error = self._zeros()
                if self.stop_error is not None:
                    self.wheels_stopped = False
                    if self.hangs:
                        return False  # it was waited for
                else:
                    if locked or self.stopped:
                        self.wheels_stopped = True
                        if self.guard is not None:
                            self.guard.rest()
                    return True
            finally:
                if locked:
                    self._lock.release()
            if time.monotonic() >= deadline:
                return False
            time.sleep(RETRY_PAUSE_S)

    def _write_zero(self):
        """Both ways to stop, each tried even when the other raises. -> None or what they raised."""
        errors = []
        for write, speeds in ((self._robot.stop, ()), (self._robot.set_motors, (0.0, 0.0))):
            try:
                write(*speeds)
            except Exception as error:
                errors.append(f"{type(error).__name__}: {error}")
        return "; ".join(errors) or None
