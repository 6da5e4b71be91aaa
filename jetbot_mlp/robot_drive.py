"""A drive on the robot from the command line, with a live line; `sim_drive` is its twin in the simulator."""
import contextlib
import sys
import time

from .control import DEFAULT_LIMITS, DEFAULT_SETTINGS
from .driver import Driver
from .errors import HardwareError
from .hardware import open_camera, open_robot
from .robot_settings import load_settings
from .signals import stop_on_signals
from .sim_drive import Drive

LINE_EVERY_S = 0.5
LOG_EVERY_S = 10.0  # where nobody looks: the service's journal, a file


def drive_robot(predictors, seconds=None, camera="auto", settings=DEFAULT_SETTINGS, limits=DEFAULT_LIMITS,
                dry_run=False):
    """Drive until Ctrl-C, a stop for safety's sake, or for some seconds. Returns Drive.

    camera: a name of `open_camera`; dry_run: the robot is not even opened. What `calibrate` saved holds, and
    the lower of its top speed and the limits'. Raises HardwareError, SettingsError.
    """
    saved = load_settings()  # first: nothing is touched, and no wheel turns, by a damaged file
    limits = limits._replace(max_speed=min(limits.max_speed, saved.max_speed))
    with contextlib.ExitStack() as stack:
        robot = None if dry_run else open_robot(settings=saved._replace(max_speed=limits.max_speed))
        eye = open_camera(camera)
        stack.callback(eye.stop)
        print(f"found {'no robot (dry run)' if dry_run else robot.description}; {eye.description}", file=sys.stderr)
        driver = Driver(predictors, robot, eye, settings, limits, dry_run=dry_run)
        stack.enter_context(stop_on_signals(driver))
        started = time.monotonic()
        driver.start()
        try:
            _watch(driver, None if seconds is None else started + seconds)
            for_safety = driver.gate.stopped
            driver.stop("time is up")
        except KeyboardInterrupt:
            for_safety = False
            driver.stop("Ctrl-C")
        _insist_on_zero(driver)
        driver.join()
        status, lasted = driver.status(), time.monotonic() - started
    print(file=sys.stderr)
    latency = {"p50": None, "p99": None}
    if status.frames:
        latency = {"p50": round(status.latency_p50_ms, 3), "p99": round(status.latency_p99_ms, 3)}
    return Drive({"frames": status.frames, "seconds": round(lasted, 3), "fps": status.frames / lasted,
                  "latency_ms": latency, "stops": int(for_safety)}, status.reason)


def _insist_on_zero(driver):
    """Motors that refuse to stop: try for as long as it takes, and say so; Ctrl-C gives up."""
    try:
        while not driver.gate.at_rest():
            print(f"\rTHE MOTORS REFUSE TO STOP ({driver.gate.stop_error}): lift the robot, switch it off",
                  end="", file=sys.stderr, flush=True)
            time.sleep(0.05)
    except KeyboardInterrupt:
        raise HardwareError(f"the motors refused to stop ({driver.gate.stop_error}); switch the robot off")


def _watch(driver, until):
    warning = "" if driver.gate.guard is not None or driver.gate.dry_run else "UNGUARDED | "
    log_at = time.monotonic()
    while not driver.gate.stopped and (until is None or time.monotonic() < until):
        status = driver.status()
        line = warning + live_line(status)
        if sys.stderr.isatty():
            print("\r" + line.ljust(100)[:100], end="", file=sys.stderr, flush=True)
        elif status.frames and time.monotonic() >= log_at:
            print(line, file=sys.stderr, flush=True)
            log_at = time.monotonic() + LOG_EVERY_S
        left = LINE_EVERY_S if until is None else min(LINE_EVERY_S, max(0.0, until - time.monotonic()))
        time.sleep(left)


def live_line(status):
    """One line of a driver's `Status` for people."""
    if not status.frames:
        return "waiting for the first frame"
    words = [f"{status.fps:.1f} frames/s", f"latency {status.latency_p50_ms:.0f}/{status.latency_p99_ms:.0f} ms",
             f"age {status.frame_age_s * 1e3:.0f} ms"]
    for prediction in status.predictions:
        values = (f"{name} {value:.2f}" for name, value in zip(prediction._fields, prediction) if name != "stamp")
        words.append(" ".join(values))
    if status.command is not None:
        words.append(f"wheels {status.command.left:+.2f} {status.command.right:+.2f}")
    return " | ".join(words)
