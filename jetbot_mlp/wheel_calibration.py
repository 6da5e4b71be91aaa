"""Finds out how one robot's wheels go, step by step. Asks nothing and prints nothing: a dialog or a panel does.

    calibration = Calibration(open_robot(settings=RobotSettings()))   # the bare wheels
    calibration.pulse_motor(0, 0.3)                                   # someone looks: left wheel, forward?
    calibration.settings = with_wiring(calibration.settings, ("left", True), ("right", True))

Every pulse is bounded in time, ends at zero whatever is raised in the midst of it, and goes through the gate,
so the motor guard watches it too. The order matters: wiring, then dead bands, then trim.
"""
import math
import threading
import time

from .errors import HardwareError
from .gate import MotorGate
from .messages import WheelCommand
from .official_robot import adapt_robot
from .robot_settings import DEFAULTS, RANGES, to_motors

MAX_PULSE_S = 3.0
BEAT_S = 0.1  # s; the command is repeated so often: the motor guard takes silence for a hang
GRACE_S = 1.0  # s; a pulse that was not ended so long after its time (a hang) is ended by a timer
AXLE_M = 0.12  # m between a JetBot's wheels


class Calibration:
    """One robot and what is known of it so far.

    robot: bare, with set_motors and stop; settings: `RobotSettings` to begin with, replaced by the steps.
    clock, sleep: a simulation's, or real time.
    """

    def __init__(self, robot, settings=DEFAULTS, clock=time.monotonic, sleep=time.sleep, guard=None):
        self.settings = settings
        self.gate = MotorGate(adapt_robot(robot), clock, guard=guard)
        self._clock, self._sleep = clock, sleep

    def pulse_motor(self, number, power, seconds=0.5):
        """Turn the official left (0) or right (1) motor alone at a power from -1 to 1."""
        self._pulse((power, 0.0) if number == 0 else (0.0, power), seconds)

    def pulse_wheel(self, side, power, seconds=0.5):
        """Turn the 'left' or 'right' wheel alone, by the wiring in settings; dead band and trim left out."""
        wired = DEFAULTS._replace(swapped=self.settings.swapped, left_reversed=self.settings.left_reversed,
                                  right_reversed=self.settings.right_reversed)
        self._pulse(to_motors(*((power, 0.0) if side == "left" else (0.0, power)), settings=wired), seconds)

    def drive_straight(self, speed=0.4, seconds=1.5):
        """Drive ahead by all that is known so far."""
        self._pulse(to_motors(speed, speed, self.settings), seconds)

    def stop(self, reason="stop() was called"):
        """End a pulse under way, and whatever else drives this robot here; from any thread or signal handler."""
        self.gate.stop(reason)
        self.gate.stop_others(reason)

    def stop_everywhere(self, reason="STOP was pressed"):
        """What the STOP button means: `stop`, then what drives this robot in other programs of ours, too."""
        self.stop(reason)
        self.gate.stop_programs()

    def _pulse(self, motors, seconds):
        """Raises ValueError for a pulse out of bounds, HardwareError when the motors do not obey or it was stopped
        before its time."""
        if not 0.0 < seconds <= MAX_PULSE_S:
            raise ValueError(f"seconds: expected 0 < seconds <= {MAX_PULSE_S}, found {seconds}")
        self.gate.open()
        if self.gate.stopped:  # while the guard was starting
            raise HardwareError("motors: expected a pulse, found it stopped before it began")
        timer = threading.Timer(seconds + GRACE_S, self.gate.stop, ("the pulse was not ended in time",))
        timer.daemon = True
        timer.start()
        try:
            end = self._clock() + seconds
            while self._clock() < end - 1e-6:
                if self.gate.drive(WheelCommand(motors[0], motors[1], self._clock())) is None:
                    break
                self._sleep(min(BEAT_S, max(end - self._clock(), 1e-3)))
            reason = self.gate.reason if self.gate.stopped else None
        finally:
            timer.cancel()
            self.gate.stop("the pulse ended")
            self.gate.insist()
        if not self.gate.wheels_stopped:
            raise HardwareError(f"motors: expected them to stop, found {self.gate.stop_error}; SWITCH THE ROBOT OFF")
        if reason is not None:
            raise HardwareError(f"motors: expected a pulse of {seconds:g} s, found it ended: {reason}")


def with_wiring(settings, first, second):
    """settings by what the official left (first) and right (second) motor were seen to turn.

    first, second: ('left' or 'right', went forward: bool). Raises HardwareError when both are one wheel.
    """
    if {first[0], second[0]} != {"left", "right"}:
        raise HardwareError(f"wheels: expected one left and one right, found {first[0]} twice; look again")
    backward = {side: not forward for side, forward in (first, second)}
    return settings._replace(swapped=first[0] == "right", left_reversed=backward["left"],
                             right_reversed=backward["right"])


class DeadBandSearch:
    """Halves the range in which a wheel begins to turn: try `power`, say `answer(turned)`, until `done`."""

    def __init__(self, high=RANGES["left_dead_band"][1], precision=0.005):
        self._low, self._high, self.precision = 0.0, high, precision
        self.turned = False  # at any power tried

    @property
    def power(self):
        """What to try next; when done, the dead band."""
        return (self._low + self._high) / 2

    @property
    def done(self):
        return self._high - self._low <= self.precision

    def answer(self, turned):
        """What was seen at `power`."""
        if turned:
            self._high, self.turned = self.power, True
        else:
            self._low = self.power


def with_trim(settings, forward_m, right_m, axle_m=AXLE_M):
    """settings with the trim that would have made a drive straight which ended forward_m ahead of its start and
    right_m to the right (negative: left) of it, m.

    Both wheels at constant speeds make an arc; a chord (D, S) has the curvature 2 S / (D^2 + S^2) = k, to the
    right, and the wheels' speeds the ratio (1 + k a / 2) / (1 - k a / 2), a the axle. The trim takes that back.
    Raises HardwareError for a drive that tells nothing: too short, or as good as a turn on the spot.
    """
    if not (math.isfinite(right_m) and 0.05 <= forward_m < math.inf and abs(right_m) <= forward_m):
        raise HardwareError("trim: expected a drive of at least 5 cm, more ahead than aside, found "
                            f"{100 * forward_m:g} cm ahead and {100 * right_m:g} cm to the right; check that both "
                            "wheels turn forward, freely")
    bend = axle_m * right_m / (forward_m ** 2 + right_m ** 2)
    low, high = RANGES["trim"]
    factor = (1.0 + min(settings.trim, 0.0)) / (1.0 - max(settings.trim, 0.0))  # left / right, so far
    factor *= max(0.0, 1.0 - bend) / max(1e-9, 1.0 + bend)
    trim = 1.0 - 1.0 / factor if factor >= 1.0 else factor - 1.0
    if not low <= trim <= high:
        raise HardwareError(f"trim: expected a nearly straight drive, found {100 * forward_m:g} cm ahead and "
                            f"{100 * right_m:g} cm to the right; check that both wheels turn freely")
    return settings._replace(trim=round(trim, 4))
