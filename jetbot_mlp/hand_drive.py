"""Driving by hand, by buttons that are held or pressed for a moment: the wheels turn only as long as someone wants it.

Everything goes through the gate (so the motor guard is told, and one robot has one driver), in a thread of its own that
repeats the command and ends at zero: on release, after MAX_HOLD_S (a release that got lost), when the browser is gone,
when the motors refuse, and when another driver takes over.
"""
import threading
import time

from .control import DEFAULT_LIMITS
from .errors import JetbotMLPError
from .gate import MotorGate
from .messages import WheelCommand
from .official_robot import adapt_robot

MAX_HOLD_S = 5.0  # s; hold again to go on
BEAT_S = 0.05  # s, between two commands; the motor guard takes 0.5 s of silence for a hang
MOVES = {"forward": (1.0, 1.0), "backward": (-1.0, -1.0), "left": (-1.0, 1.0), "right": (1.0, -1.0)}
PULSE_S = {"forward": 0.3, "backward": 0.3, "left": 0.15, "right": 0.15}  # about 10 cm, and 15 degrees


class HandDrive:
    """One robot and somebody's hand.

    robot: with set_motors and stop; heartbeat: anything with lost() -> None or a reason, or None: nobody needs to
    look; guard: as for `MotorGate`; told: callable(str), hears why it stopped, if not for a release.
    """

    def __init__(self, robot, heartbeat=None, guard=None, told=None):
        self.gate = MotorGate(adapt_robot(robot), limits=DEFAULT_LIMITS, guard=guard)
        self._lost = (lambda: None) if heartbeat is None else heartbeat.lost
        self._told = told
        self._lock = threading.Lock()
        self._wanted = None  # (left, right, end in s), replaced whole; None: stand
        self._released = 0  # how often, so that a new hold is not taken for the one that was let go
        self._thread = None
        self._changed = threading.Event()

    @property
    def moving(self):
        """True while the wheels are driven."""
        return not self.gate.stopped

    def hold(self, move, speed, seconds=MAX_HOLD_S):
        """Go on with a move ('forward', 'backward', 'left', 'right') until `release`, or for so many seconds.

        speed: share of full speed, 0 to 1. Returns at once. Another move replaces the one under way.
        """
        if move not in MOVES or not 0.0 <= speed <= 1.0 or not 0.0 < seconds <= MAX_HOLD_S:
            raise ValueError(f"hold: expected {', '.join(MOVES)}, a speed from 0 to 1 and at most {MAX_HOLD_S:g} s, "
                             f"found {move!r}, {speed} and {seconds} s")
        left, right = (float(speed) * share for share in MOVES[move])
        with self._lock:
            self._wanted = left, right, time.monotonic() + seconds
            self._changed.set()
            if self._thread is None or not self._thread.is_alive():  # dead: `told` has raised
                self._thread = threading.Thread(target=self._run, name="hand-drive", daemon=True)
                self._thread.start()

    def pulse(self, move, speed):
        """A short move that ends by itself."""
        self.hold(move, speed, PULSE_S[move])

    def release(self, reason="released"):
        """Wheels to zero, now; never raises. Nothing when nothing was held: the wheels may be another driver's."""
        self._wanted, self._released = None, self._released + 1
        if self._thread is not None or self.moving:
            self.gate.stop(reason)
            self._changed.set()

    def stop(self, reason="STOP was pressed"):
        """Wheels to zero, whoever turned them; never raises."""
        self._wanted, self._released = None, self._released + 1
        self.gate.stop(reason)
        self.gate.stop_others(reason)
        self._changed.set()

    def stop_everywhere(self, reason="STOP was pressed"):
        """What the STOP button means: `stop`, then what drives this robot in other programs of ours, too."""
        self.stop(reason)
        self.gate.stop_programs()

    def join(self, timeout=1.0):
        """Wait for the end of what is under way. -> True when it has ended."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout)
        return self._thread is None

    def _run(self):
        while True:
            with self._lock:
                if self._wanted is None:
                    self._thread = None
                    return
            reason = self._drive()
            if not self.gate.wheels_stopped:
                reason = f"THE MOTORS REFUSE TO STOP ({self.gate.stop_error}): switch the robot off"
                self.gate.insist()
            if reason is not None and self._told is not None:
                self._told(reason)

    def _drive(self):
        """From an open gate to zeros. -> None, or why it ended if nobody here wanted that."""
        released, wanted = self._released, self._wanted
        try:
            self.gate.open()  # may take seconds, while the motor guard starts
            while wanted is not None and self._released == released:
                now = time.monotonic()
                reason = "its time was over" if now >= wanted[2] else self._lost()
                if reason is not None:
                    self._forget(wanted)
                    return reason if now < wanted[2] else None
                if self.gate.drive(WheelCommand(wanted[0], wanted[1], now)) is None and self.gate.stopped:
                    if self._released != released:  # there may be a new hold behind it
                        return None
                    return self.gate.stops[-1].reason if self._forget(wanted) and self.gate.stops else None
                self._changed.wait(BEAT_S)
                self._changed.clear()
                wanted = self._wanted
            return None
        except Exception as error:  # motors or guard; whatever it is, nothing is wanted any more, and it is said
            self._forget(wanted)
            return str(error) if isinstance(error, JetbotMLPError) else f"{type(error).__name__}: {error}"
        finally:
            self.gate.stop("the hand drive ended")

    def _forget(self, wanted):
        """True when this is what was wanted still."""
        with self._lock:
            still = self._wanted is wanted
            if still:
                self._wanted = None
            return still
