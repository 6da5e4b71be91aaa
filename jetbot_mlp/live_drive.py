"""Driving by hand on the button: first dry, then armed, and STOP at any time. What the live panel does, without it.

Two drivers share models and camera. The *dry* one answers frames and moves no wheel; once it has answered some, the
*armed* one may take over. Every stop, whoever made it, ends both, and the way begins again with an explicit start.
"""
import threading

from .control import DEFAULT_LIMITS, DEFAULT_SETTINGS, all_finite
from .driver import Driver
from .errors import JetbotMLPError

HANDED_OVER = "the wheels take over"  # why a dry run ends when it is armed; no stop that anybody should hear of
STOPPED, DRY, ARMED = "stopped", "dry run", "driving"


class LiveDrive:
    """Start, arm, stop, from any thread.

    predictors, robot, camera, settings, heartbeat, guard, frame_limit_s: as for `Driver`. robot None: dry runs only.
    limits: Limits; max_speed of them is a ceiling that `set_max_speed` never exceeds, as is the top speed of a
    calibrated robot.
    on_step: callable(Step) after each answered frame, in the drive thread; `step` is the last one.
    """

    def __init__(self, predictors, robot, camera, settings=DEFAULT_SETTINGS, limits=DEFAULT_LIMITS, heartbeat=None,
                 guard=None, frame_limit_s=0.5, on_step=None):
        self.robot = robot
        self.step = None
        self.on_step = on_step
        calibration = getattr(robot, "settings", None)
        self.top_speed = min(limits.max_speed, getattr(calibration, "max_speed", 1.0))  #: share of full speed
        self.dead_band = max(getattr(calibration, "left_dead_band", 0.0), getattr(calibration, "right_dead_band", 0.0))
        limits = limits._replace(max_speed=self.top_speed)
        common = {"settings": settings, "limits": limits, "heartbeat": heartbeat, "frame_limit_s": frame_limit_s,
                  "on_step": self._stepped}
        self.dry = Driver(predictors, robot, camera, dry_run=True, **common)
        self.armed = None if robot is None else Driver(predictors, robot, camera, guard=guard, **common)
        self._stops = 0
        self._changing = threading.Lock()

    # --- what the buttons do ---------------------------------------------------------------------------------

    def start(self):
        """The dry run. Does nothing while anything runs. Raises JetbotMLPError: heartbeat lost, hung prediction."""
        with self._changing:
            if self.state == STOPPED:
                self.step = None
                self._begin(self.dry)

    def arm(self):
        """From the dry run to turning wheels. Raises JetbotMLPError when there was no dry run, or motors refuse."""
        with self._changing:
            stops = self._stops  # first: a STOP from here on must win
            why_not = self.why_not_armed()
            if why_not is not None:
                raise JetbotMLPError(f"arm: {why_not}")
            self.dry.stop(HANDED_OVER)
            self._begin(self.armed, stops)

    def stop(self, reason="STOP was pressed"):
        """Wheels to zero, now, whoever turned them; latched until `start`. Never waits for a start under way."""
        self._stops += 1
        if self.armed is not None:
            self.armed.stop(reason)
            self.armed.gate.stop_others(reason)
        self.dry.stop(reason)

    def stop_everywhere(self, reason="STOP was pressed"):
        """What the STOP button means: `stop`, then what drives this robot in other programs of ours, too."""
        self.stop(reason)
        if self.armed is not None:
            self.armed.gate.stop_programs()

    def _begin(self, driver, stops=None):
        stops = self._stops if stops is None else stops
        driver.start()
        if self._stops != stops:  # STOP was pressed while it was starting
            driver.stop("STOP was pressed")

    def join(self, timeout=1.0):
        """After a stop: wait for the threads. -> True when they have ended."""
        ended = [driver.join(timeout) for driver in self._drivers()]  # of each, whatever the first one says
        return all(ended)

    # --- what the sliders do ---------------------------------------------------------------------------------

    @property
    def settings(self):
        """control.Settings in use."""
        return self.dry.settings

    @settings.setter
    def settings(self, settings):
        if not all_finite(settings.collision, settings.road):
            raise ValueError(f"settings: expected finite numbers, found {settings}")
        for driver in self._drivers():
            driver.settings = settings

    def set_max_speed(self, max_speed):
        """No wheel is told to turn faster from now on, also in mid-drive. Beyond the ceiling: the ceiling."""
        if not all_finite(max_speed) or max_speed < 0:
            raise ValueError(f"max_speed: expected 0 <= max_speed <= 1, found {max_speed}")
        for driver in self._drivers():  # the gate reads the tuple once for each command
            driver.gate.limits = driver.gate.limits._replace(max_speed=min(float(max_speed), self.top_speed))

    # --- what it shows ---------------------------------------------------------------------------------------

    @property
    def state(self):
        """'stopped', 'dry run' or 'driving'."""
        if self.armed is not None and not self.armed.gate.stopped:
            return ARMED
        return STOPPED if self.dry.gate.stopped else DRY

    def why_not_armed(self):
        """None when the next step may be `arm`, else the reason."""
        if self.armed is None:
            return "there is no robot, only the dry run"
        if self.state == ARMED:
            return "it drives already"
        if self.state == STOPPED:
            return "start the dry run first"
        if self.step is None:
            return "the dry run has not answered a frame yet"
        return None

    def status(self):
        """-> driver_status.Status of whichever runs or ran last."""
        return self._latest().status()

    def last_stop(self):
        """-> gate.Stop (stamp s, monotonic; reason), or None when nothing was stopped yet."""
        stops = [stop for driver in self._drivers() for stop in tuple(driver.gate.stops) if stop.reason != HANDED_OVER]
        return max(stops, key=lambda stop: stop.stamp) if stops else None

    def trouble(self):
        """None, or what must be heard at once: motors that refuse to stop."""
        for driver in self._drivers():
            if driver.gate.trouble is not None:
                return f"{driver.gate.trouble}: lift the robot, switch it off"
        return None

    def _latest(self):
        if self.state == STOPPED:
            return max(self._drivers(), key=lambda driver: driver.gate.stops[-1].stamp if driver.gate.stops else 0.0)
        return self.armed if self.state == ARMED else self.dry

    def _drivers(self):
        return [driver for driver in (self.armed, self.dry) if driver is not None]

    def _stepped(self, step):
        self.step = step
        if self.on_step is not None:
            self.on_step(step)
