"""From the camera to the wheels: the newest frame only, and any doubt means stop.

Three threads: the camera's own (its observer copies the frame and returns), the drive loop (predict,
decide, command) and the watchdog. They share plain attributes that are replaced whole, never changed
in place, and one lock, in the gate. `step` is the whole cycle; a stepped simulation calls it itself.
"""
import atexit
import functools
import threading
import time
import weakref
from collections import deque

import numpy as np

from .control import DEFAULT_LIMITS, DEFAULT_SETTINGS, FRESH, all_finite, decide
from .driver_status import Status, Step
from .errors import FrameError, HardwareError, JetbotMLPError, PredictionError
from .gate import MotorGate
from .messages import Frame, no_picture
from .official_robot import adapt_robot
from .watchdog import Stamps, Watchdog

BLACK_LEVEL = 4.0  # mean of 0..255 below which a picture is black: cap on, sensor dead, zmq's first frame
RING = 1000  # frames over which rate and latency are reported


def observe_first(camera, observer):
    """camera.observe, and before the observers that are there: a slow one of them would keep each frame back."""
    camera.observe(observer, names="value")
    # traitlets calls them in the order of this list, from a copy of it; it has no word for another order
    observers = getattr(camera, "_trait_notifiers", {}).get("value", {}).get("change", [])
    if observers and observers[-1] == observer:
        observers.insert(0, observers.pop())


def _stop_at_exit(reference):
    driver = reference()
    if driver is not None:
        driver.stop("the program ended")
        driver.gate.leave_hanging()


class Driver:
    """Drives a robot by one or two predictors until something is wrong or someone says stop.

    predictors: a callable Frame -> prediction, or a sequence of them (road and collision; one a task).
    robot: set_motors(left, right) and stop(); None is allowed when dry_run.
    camera: value, observe(f, names='value'), unobserve; the driver neither opens nor closes it.
    settings: control.Settings; may be replaced while driving. limits: control.Limits; may not.
    clock: () -> s; in a thread it must run on by itself, in steps it is the simulation's.
    frame_limit_s: wheels are at zero when the last frame is older; at most 0.5.
    first_frame_s: a camera that shows nothing new for so long after start is refused. Deliberate: a frame
    that is byte for byte camera.value as it was before start counts as frozen, not as the first.
    on_step: callable(Step), after each answered frame, in the drive thread; keep it short.
    guard: a started MotorGuard; None: the official robot gets one at the first start, see gate.guard.
    heartbeat: a BrowserHeartbeat (anything with lost() -> None or a reason): no start and no driving while it
    is lost. Notebooks should give one; None: nobody needs to look.
    `with driver:` starts it unless it runs, also after a stop.

    >>> with Driver(predictor, robot, camera) as driver:      # doctest: +SKIP
    ...     time.sleep(30)
    """

    def __init__(self, predictors, robot, camera, settings=DEFAULT_SETTINGS, limits=DEFAULT_LIMITS,
                 clock=time.monotonic, frame_limit_s=0.5, first_frame_s=2.0, dry_run=False, on_step=None,
                 guard=None, heartbeat=None):
        self.predictors = (predictors,) if callable(predictors) else tuple(predictors)
        if not self.predictors or not all(callable(p) for p in self.predictors):
            raise ValueError(f"predictors: expected one or several callables, found {predictors!r}")
        tasks = [p.task for p in self.predictors if getattr(p, "task", None) is not None]
        if len(set(tasks)) < len(tasks):
            raise ValueError(f"predictors: expected one for each task, found {', '.join(tasks)}; leave one out")
        if not (hasattr(camera, "observe") and hasattr(camera, "unobserve")):
            raise ValueError(f"camera: expected observe and unobserve, found {type(camera).__name__}")
        self.camera = camera
        self.settings = settings
        self.on_step = on_step
        self.heartbeat = heartbeat
        self._clock = clock
        lost = None if heartbeat is None else heartbeat.lost
        self.watchdog = Watchdog(self._stamps, self.stop, clock, frame_limit_s, first_frame_s, lost)
        robot = None if robot is None and dry_run else adapt_robot(robot)
        self.gate = MotorGate(robot, clock, self.watchdog.fire_at_s, limits, dry_run, guard)
        self._wake = threading.Event()  # set by the observer only: its lock is not safe in signal handlers
        self._starting = threading.Lock()
        self._thread = None
        self._ever_started = False
        self._observing = False
        # weak: the program's end must not keep every stopped driver, and with it the simulated world, in
        # memory. One that moves real wheels is held by the camera that it observes and by its threads.
        self._at_exit = functools.partial(_stop_at_exit, weakref.ref(self))
        self._begin()

    def _begin(self):
        self._state = FRESH
        self._started = self._clock()
        self._arrived = self._changed = None
        self._last_image = None
        self._newest = None
        self.frame = None  # looked at last, answered or not; for whoever wants to see what made it stop
        self._next_sequence = 0
        self._used = -1
        self._frames = self._dropped = self._repeated = self._refused = 0
        self._predictions = ()
        self._begun_with = self._models()
        self._ring = deque(maxlen=RING)  # of (frame stamp s, latency s)

    def start(self, threaded=True):
        """Open the way to the wheels; the only way out of a stop. Returns self at once.

        threaded=False: call `step` after each frame yourself. The watchdog's thread still runs in real time;
        by a simulation's clock `step` asks the watchdog.
        Raises HardwareError when motors or camera refuse, JetbotMLPError while a hung prediction of the
        last run has not come back, or the heartbeat is lost.
        """
        if self._thread is threading.current_thread():
            raise ValueError("start: expected another thread than the drive loop's own; leave on_step first")
        with self._starting:
            if self.gate.stopped:
                self._start(threaded)
        return self

    def _start(self, threaded):
        if not self.join(1.0):
            raise JetbotMLPError(
                "start: expected the last run to have ended, found its thread still busy (a prediction that "
                "hangs, or motors that refuse to stop); wait, or restart the program"
            )
        lost = None if self.heartbeat is None else self.heartbeat.lost()
        if lost is not None:
            raise JetbotMLPError(f"start: {lost}")
        self._detach()
        self._begin()
        before = self.camera.value
        if isinstance(before, np.ndarray):
            self._last_image = before.copy()  # a camera that only ever shows this is frozen
        self._ever_started = True
        atexit.register(self._at_exit)
        try:
            self.gate.open()
            self._started = self._clock()
            observe_first(self.camera, self._on_frame)
            self._observing = True  # after: a stop between the two is made good by the next step
            if threaded or self._clock is time.monotonic:
                self.watchdog.start(lambda: self.gate.stopped, self.gate.at_rest)
            if threaded:
                self._thread = threading.Thread(target=self._drive_loop, name="drive", daemon=True)
                self._thread.start()
        except HardwareError as error:  # in the motors' or the camera's own words
            self.stop(str(error))
            raise
        except Exception as error:
            reason = f"start: expected camera and threads to start, found {type(error).__name__}: {error}"
            self.stop(reason)
            raise HardwareError(reason)
        except BaseException as error:  # Ctrl-C: the caller will not know that it drives
            self.stop(f"interrupted by {type(error).__name__}")
            raise

    def stop(self, reason="stop() was called"):
        """Wheels to zero, latched until `start`. From any thread, observer or signal handler, ever again."""
        self.gate.stop(reason)
        self._detach()

    def join(self, timeout=1.0):
        """After a stop: wait for the threads, at most timeout s each. -> True when they have ended."""
        ended = self.watchdog.join(timeout)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            ended = ended and not self._thread.is_alive()
        if ended and self.gate.stopped and self.gate.wheels_stopped:
            atexit.unregister(self._at_exit)
        return ended

    def __enter__(self):
        return self.start()  # nothing when it runs

    def __exit__(self, *exception):
        kind = exception[0]
        self.stop("the with block ended" if kind is None else f"the program raised {kind.__name__}")
        self.join(0.1 if self.gate.hangs else 1.0)

    def step(self):
        """Answer the newest frame, if it has not been answered. -> Step, or None: nothing to do.

        Never raises what a frame, a predictor or the motors did wrong: that stops, latched, with the reason
        in status(). Raises ValueError before the first start.
        """
        if self.gate.stopped:
            if not self._ever_started:
                raise ValueError("step: expected a started driver; call start(threaded=False) first")
            self._detach()
            return None
        frame = self._newest
        if frame is None or frame.sequence == self._used:
            self.watchdog.check(self._clock())
            return None
        self._dropped += frame.sequence - self._used - 1
        self._used = frame.sequence
        self.frame = frame
        try:
            result = self._answer(frame)
            if self.on_step is not None:
                self.on_step(result)
            return result
        except JetbotMLPError as error:
            self.stop(str(error))
        except Exception as error:
            self.stop(f"the drive step raised {type(error).__name__}: {error}")
        except BaseException as error:  # Ctrl-C in the midst of a step: wheels first
            self.stop(f"interrupted by {type(error).__name__}")
            raise
        return None

    def _answer(self, frame):
        if frame.image[::4, ::4].mean() < BLACK_LEVEL:
            raise FrameError("frame: expected a picture, found black; take the cap off or restart the camera")
        predictions = tuple(self._predict(predictor, frame) for predictor in self.predictors)
        if any(model is not begun for model, begun in zip(self._models(), self._begun_with)):  # none slips through
            raise PredictionError("the model was exchanged while it drove by another; start again to drive by this one")
        command, state = decide(predictions, self._state, self.settings)
        sent = self.gate.drive(command)
        latency = self._clock() - frame.stamp
        self._predictions = predictions
        if sent is None:
            self._refused += 1
        else:
            self._state = state
            self._frames += 1
            self._ring.append((frame.stamp, latency))
        return Step(frame, predictions, sent, latency)

    def _models(self):
        """The model of each predictor that has one."""
        return [getattr(predictor, "__dict__", {}).get("model") for predictor in self.predictors]

    def _predict(self, predictor, frame):
        prediction = predictor(frame)
        if not isinstance(prediction, tuple) or not all_finite(prediction):
            raise PredictionError(f"prediction: expected finite numbers, found {prediction}; check the model")
        return prediction._replace(stamp=frame.stamp)  # the frame's own, whatever the predictor says

    def _drive_loop(self):
        try:
            while not self.gate.stopped:
                self._wake.wait(0.05)  # a stop does not wake it: that would need a lock
                self._wake.clear()
                self.step()
        finally:
            self.stop("the drive loop ended")

    def _on_frame(self, change):
        """Copies the frame and returns. Must not raise: that would end the official camera's thread."""
        try:
            image = change["new"]
            arrived, stamp = self._time_of("taken_at"), self._time_of("changed_at")
            found = no_picture(image)
            if found is not None:
                raise FrameError(f"frame: expected uint8 (H, W, 3), found {found}; restart the camera")
            self._arrived = arrived
            if self._last_image is not None and np.array_equal(self._last_image, image):
                self._repeated += 1
                return
            self._last_image = image.copy()  # our own: someone may draw on the frame's
            self._changed = stamp
            self._newest = Frame(image.copy(), stamp, self._next_sequence)
            self._next_sequence += 1
            self._wake.set()
        except Exception as error:
            ours = isinstance(error, JetbotMLPError)
            self.gate.stop(str(error) if ours else f"the camera observer raised {error!r}")

    def _time_of(self, name):
        """When the frame that is being shown was taken: our cameras know; else now, nobody having looked before us."""
        now, known = self._clock(), getattr(self.camera, name, None)
        if known is None or self._clock is not time.monotonic:  # a simulation's clock
            return now
        return min(now, float(known))  # a stamp from the future would never grow old

    def _detach(self):
        if self._observing:
            self._observing = False
            try:
                self.camera.unobserve(self._on_frame, names="value")
            except Exception:  # two stops at once: the other one was first
                pass

    def _stamps(self):
        command = self.gate.command
        commanded = None if command is None else command.stamp
        return Stamps(self._started, self._arrived, self._changed, commanded, self.gate.writing_since)

    def status(self):
        """-> Status, from any thread."""
        ring, stops = list(self._ring), tuple(self.gate.stops)
        stopped = self.gate.stopped
        reason = None
        if stopped:
            reason = self.gate.reason or "not started"
            trouble = self.gate.trouble
            if trouble is not None:
                reason += f"; AND {trouble}: switch the robot off"
        p50_ms = p99_ms = float("nan")  # NumPy 1.13, the robot's, warns of a percentile of NaN
        if ring:
            p50_ms, p99_ms = (float(p) for p in np.percentile([1e3 * latency for _, latency in ring], (50, 99)))
        span = ring[-1][0] - ring[0][0] if ring else 0.0
        arrived = self._arrived
        return Status(
            running=not stopped, reason=reason, frames=self._frames, dropped=self._dropped,
            repeated=self._repeated, refused=self._refused, fps=(len(ring) - 1) / span if span > 0.0 else 0.0,
            latency_p50_ms=p50_ms, latency_p99_ms=p99_ms,
            frame_age_s=float("inf") if arrived is None else self._clock() - arrived,
            predictions=self._predictions, command=None if stopped else self.gate.command,
            wheels_stopped=self.gate.wheels_stopped,
            stops=stops,
        )
