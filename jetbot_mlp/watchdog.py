"""Stops the wheels when what they answer to is too old, whoever is at fault.

One measure covers every way to freeze: the age of the *frame* behind the last command. It grows when
the camera stops, when it repeats the same bytes, when a prediction hangs and when the drive loop dies.
The watchdog has a thread of its own and no off switch.
"""
import threading
import time
from typing import NamedTuple, Optional

TICK_S = 0.02  # s, between two looks
FIRE_AT = 0.8  # share of the limit at which it acts; the rest is for a tick, a busy machine and the I2C write


class Stamps(NamedTuple):
    """When things last happened, s on the driver's clock; None: not yet."""

    started: float  #: explicit start
    arrived: Optional[float]  #: the camera took a frame, by the last one that was delivered
    changed: Optional[float]  #: ... and it was another one than before
    commanded: Optional[float]  #: stamp of the frame behind the last command
    writing: Optional[float] = None  #: since then a command to the motors has not returned; None: none is under way


def judge(now, stamps, limit_s, first_frame_s):
    """-> None when all is well, else the reason to stop. Pure.

    limit_s: greatest age of the frame that the wheels answer to. Before the first command the wheels
    stand, so camera and network have first_frame_s to get going.
    """
    waiting = stamps.commanded is None
    allowed = first_frame_s if waiting else limit_s
    age = now - (stamps.started if waiting else stamps.commanded)
    writing_s = 0.0 if stamps.writing is None else now - stamps.writing
    # what is nearly all of the age is to blame; alone it counts where there was no command before
    if writing_s > limit_s or (age > allowed and writing_s > limit_s / 2):
        return (f"a command to the motors does not return for {writing_s:.2f} s: I2C hangs; check battery and motor "
                "board, then restart the program")
    if age <= allowed:
        return None

    def old(stamp):
        return stamp is None or now - stamp > allowed

    if old(stamps.arrived):
        return f"no frame for {age:.2f} s: camera stopped or unplugged; restart the camera, then start again"
    if old(stamps.changed):
        return (
            f"the picture is frozen: the camera repeats the same bytes for {age:.2f} s; "
            "restart the camera, then start again"
        )
    return f"frames arrive, but none was answered for {age:.2f} s: the prediction hangs or is too slow"


class Watchdog:
    """Looks every TICK_S and calls stop(reason).

    stamps: () -> Stamps; stop: callable(reason); clock: () -> s. limit_s is the promise (wheels at zero
    within it), `check` fires at FIRE_AT of it. lost: () -> None or another reason to stop (the browser's heartbeat).
    """

    def __init__(self, stamps, stop, clock=time.monotonic, limit_s=0.5, first_frame_s=2.0, lost=None):
        if not 0.0 < limit_s <= 0.5:
            raise ValueError(f"limit_s: expected 0 < limit_s <= 0.5, found {limit_s}; there is no off switch")
        if not 0.0 < first_frame_s <= 60.0:
            raise ValueError(f"first_frame_s: expected 0 < first_frame_s <= 60 s, found {first_frame_s}")
        self._stamps = stamps
        self._stop = stop
        self._clock = clock
        self.fire_at_s = FIRE_AT * limit_s
        self._first_frame_s = first_frame_s
        self._lost = lost
        self._thread = None

    def check(self, now):
        """One look at the time `now`, s. -> the reason when it stopped the wheels, else None."""
        reason = judge(now, self._stamps(), self.fire_at_s, self._first_frame_s)
        if reason is None and self._lost is not None:
            reason = self._lost()
        if reason is not None:
            self._stop(reason)
        return reason

    def start(self, stopped, at_rest):
        """Watch in a daemon thread. stopped, at_rest: () -> bool; at_rest tries to stop once more if not."""
        arguments = stopped, at_rest
        self._thread = threading.Thread(target=self._run, args=arguments, name="watchdog", daemon=True)
        self._thread.start()

    def join(self, timeout):
        """Wait for the thread to end, at most timeout s. -> True when it has."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self, stopped, at_rest):
        while not (stopped() and at_rest()):
            if not stopped():
                try:
                    self.check(self._clock())
                    # A script that ends while the official camera's non-daemon thread lives never gets to
                    # atexit: Python waits for that thread, and the wheels would go on turning.
                    if not threading.main_thread().is_alive():
                        self._stop("the program ended")
                except Exception as error:  # a watchdog that dies silently is worse than none
                    self._stop(f"the watchdog failed: {type(error).__name__}: {error}")
            time.sleep(TICK_S)
