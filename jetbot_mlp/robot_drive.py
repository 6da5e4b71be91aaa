"""A drive on the robot from the command line, with a live line; `sim_drive` is its twin in the simulator."""
import contextlib
import shutil
import sys
import threading
import time

from .control import DEFAULT_LIMITS, DEFAULT_SETTINGS
from .driver import Driver
from .driver_status import Drive
from .errors import HardwareError, SettingsError
from .hardware import open_camera, open_robot
from .messages import in_words
from .robot_settings import load_settings
from .signals import stop_on_signals

LINE_EVERY_S = 0.5
LOG_EVERY_S = 10.0  # where nobody looks: the service's journal, a file
HANGS_S = 1.0  # s that the zeros of a hanging I2C are waited for, where the motor guard holds the wheels
TIME_IS_UP, CTRL_C = "time is up", "Ctrl-C"
ORDINARY = (TIME_IS_UP, CTRL_C, "SIGINT received")  # ends that are no stop for safety's sake


def drive_robot(predictors, seconds=None, camera="auto", settings=DEFAULT_SETTINGS, limits=DEFAULT_LIMITS,
                dry_run=False, recorder=None):
    """Drive until Ctrl-C, a stop for safety's sake, or for some seconds. Returns Drive.

    camera: a name of `open_camera`; dry_run: the robot is not even opened; recorder: a `Recorder` or None.
    What `calibrate` saved holds, and the lower of its top speed and the limits'. Raises HardwareError, SettingsError.
    """
    saved = load_settings()  # first: nothing is touched, and no wheel turns, by a damaged file
    limits = limits._replace(max_speed=min(limits.max_speed, saved.max_speed))
    dead_band = max(saved.left_dead_band, saved.right_dead_band)
    if 0 < limits.max_speed <= dead_band:
        raise SettingsError(f"expected a top speed above the wheels' dead band of {dead_band:g}, found "
                            f"{limits.max_speed:g}: no wheel would turn; give a higher --max-speed or calibrate again")
    with contextlib.ExitStack() as stack:
        robot = None if dry_run else open_robot(settings=saved._replace(max_speed=limits.max_speed))
        eye = open_camera(camera)
        stack.callback(eye.stop)
        print(f"found {'no robot (dry run)' if dry_run else robot.description}; {eye.description}", file=sys.stderr)
        driver = Driver(predictors, robot, eye, settings, limits, dry_run=dry_run, on_step=recorder)
        if recorder is not None:
            recorder.about.update(robot=getattr(robot, "description", None), camera=eye.description,
                                  calibration=saved._asdict())
            stack.callback(recorder.ended, driver)
        stack.enter_context(stop_on_signals(driver))
        started = time.monotonic()
        driver.start()
        if seconds is not None:
            # not by the thread that prints: a terminal that was halted (Ctrl-S) halts that one too
            timer = threading.Timer(seconds, driver.stop, (TIME_IS_UP,))
            timer.daemon = True
            timer.start()
            stack.callback(timer.cancel)
        try:
            _watch(driver, None if seconds is None else started + seconds, recorder)
        except KeyboardInterrupt:
            driver.stop(CTRL_C)
        _insist_on_zero(driver)
        driver.join()
        status, lasted = driver.status(), time.monotonic() - started
        print(("\n" if sys.stderr.isatty() else "") + live_line(status), file=sys.stderr)
    latency = {"p50": None, "p99": None}
    if status.frames:
        latency = {"p50": round(status.latency_p50_ms, 3), "p99": round(status.latency_p99_ms, 3)}
    return Drive({"frames": status.frames, "seconds": round(lasted, 3), "fps": status.frames / lasted,
                  "latency_ms": latency, "stops": int(driver.gate.reason not in ORDINARY)}, status.reason)


def _insist_on_zero(driver):
    """Motors that refuse to stop: try for as long as it takes, and say so; Ctrl-C gives up. Where a write hangs, no
    other one can be tried: the program ends, and the motor guard writes the zeros as soon as I2C lets it."""
    since = time.monotonic()
    try:
        while not driver.gate.at_rest():
            print(f"\rTHE MOTORS REFUSE TO STOP ({driver.gate.stop_error}): lift the robot, switch it off",
                  end="", file=sys.stderr, flush=True)
            if driver.gate.hangs and driver.gate.guard is not None and time.monotonic() - since > HANGS_S:
                raise HardwareError(f"{driver.status().reason}; the motor guard holds the wheels")
            time.sleep(0.05)
    except KeyboardInterrupt:
        raise HardwareError(f"the motors refused to stop ({driver.gate.stop_error}); switch the robot off")


def _watch(driver, until, recorder):
    warning = "" if driver.gate.guard is not None or driver.gate.dry_run else "UNGUARDED | "
    log_at = time.monotonic()
    while not driver.gate.stopped:
        status = driver.status()
        line = warning + live_line(status, recorder)
        if sys.stderr.isatty():
            width = shutil.get_terminal_size((100, 24)).columns - 1  # a line that wraps would not be overwritten
            print("\r" + line.ljust(width)[:width], end="", file=sys.stderr, flush=True)
        elif status.frames and time.monotonic() >= log_at:
            print(line, file=sys.stderr, flush=True)
            log_at = time.monotonic() + LOG_EVERY_S
        time.sleep(LINE_EVERY_S if until is None else min(LINE_EVERY_S, max(0.01, until - time.monotonic())))


def live_line(status, recorder=None):
    """One line of a driver's `Status` for people: rate, latency from frame to wheel (half, and 99 of 100, take
    less), age of the last frame, predictions, wheels, recording; once it has stopped, why."""
    words = [] if status.running else [f"stopped: {status.reason}"]
    if recorder is not None and recorder.note:
        words.append(recorder.words())
    if not status.frames:
        words.append("waiting for the first frame" if status.running else "no frame was answered")
        return " | ".join(words)
    words += [f"{status.fps:.1f} frames/s",
              f"latency p50 {status.latency_p50_ms:.0f} p99 {status.latency_p99_ms:.0f} ms"]
    if status.running:
        words.append(f"age {status.frame_age_s * 1e3:.0f} ms")
    words += [in_words(prediction) for prediction in status.predictions]
    if status.command is not None:
        words.append(f"wheels {status.command.left:+.2f} {status.command.right:+.2f}")
    counts = ((status.refused, "too late"), (status.dropped, "overtaken"), (status.repeated, "repeated"))
    words += [f"{count} {what}" for count, what in counts if count]
    if recorder is not None and not recorder.note:
        words.append(recorder.words())
    return " | ".join(words)
