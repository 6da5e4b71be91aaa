"""What `jetbot-mlp doctor` makes of what it found: pure functions, measured values -> Finding.

`doctor_probes` measures, `doctor` puts the two together. `on_robot` is True on a Jetson or where the
official package is installed: there a missing part is bad, on a laptop it is only a note.
"""
import signal
from typing import NamedTuple

NOT_HERE = "; fine in the simulator"
BOARDS = {0x60: "PCA9685 motor driver (Adafruit, Waveshare)", 0x5d: "SCMD motor driver (SparkFun)"}
DISPLAY = 0x3c
ILLEGAL = ("start Python with OPENBLAS_CORETYPE=ARMV8 in its environment (container: docker run -e "
           "OPENBLAS_CORETYPE=ARMV8 ...), or: python3 -m pip install numpy==1.19.4")
# MB; a whole drive takes less than 120 MB
MEMORY_BAD, MEMORY_NOTE = 150, 400
DISK_BAD, DISK_NOTE = 50, 500
HOT_C, WARM_C = 85.0, 70.0
SLOW_HZ = 12.0  # frames a second; below half the camera's usual 30 the drive reacts visibly late
BLACK = 16  # a picture whose brightest value is below this shows nothing
PREDICTION_MS = 33.0  # a frame's share at 30 a second


class Finding(NamedTuple):
    """One line of the doctor's."""

    name: str
    state: str  #: 'good', 'note' (nothing to do, or only if wanted) or 'bad' (something must be done)
    found: str
    remedy: str  #: what to do; '' when nothing


class Child(NamedTuple):
    """What a child process made of a probe that may crash or hang."""

    answer: dict  #: what it said; all that came before it died
    status: int  #: exit status; below 0: the signal that killed it
    error: str  #: its last words on stderr
    hung_s: float  #: s after which it was killed for giving no answer, else 0


def good(name, found):
    return Finding(name, "good", found, "")


def note(name, found, remedy=""):
    return Finding(name, "note", found, remedy)


def bad(name, found, remedy):
    return Finding(name, "bad", found, remedy)


def failure(child):
    """Why a child has no good answer, in words; '' when it has."""
    if child.hung_s:
        return f"no answer within {child.hung_s:g} s"
    if child.status == -getattr(signal, "SIGILL", 4):
        return "killed by SIGILL (Illegal instruction)"
    if child.status < 0:
        names = {s.value: s.name for s in signal.Signals}
        return f"killed by {names.get(-child.status, -child.status)}"
    if "raised" in child.answer:
        return child.answer["raised"]
    return child.error or f"exit status {child.status}" if child.status else ""


def python(version, machine, container):
    """version: (major, minor, micro); machine: 'aarch64', ...; container: bool."""
    found = "%d.%d.%d" % tuple(version[:3]) + f", {machine}" + (", in a container" if container else "")
    if tuple(version) < (3, 6):
        return bad("python", found, "use Python 3.6 or newer")
    if tuple(version[:2]) > (3, 13):
        return note("python", found + "; tested up to 3.13")
    return good("python", found)


def numpy(child, coretype):
    """child: answers version, file. coretype: OPENBLAS_CORETYPE of the environment or ''."""
    if child.status == -getattr(signal, "SIGILL", 4):
        return bad("numpy", failure(child), ILLEGAL)
    if failure(child):
        return bad("numpy", failure(child), "install it: python3 -m pip install numpy (on a Jetson: numpy==1.19.4)")
    version, found = child.answer["version"], f"{child.answer['version']} ({child.answer['file']})"
    if _numbers(version) < (1, 13):
        return bad("numpy", found, "1.13 or newer is needed; on a Jetson: python3 -m pip install numpy==1.19.4")
    return good("numpy", found + (f", OPENBLAS_CORETYPE={coretype}" if coretype else ""))


def opencv(child, on_robot):
    """child: answers version, file, gstreamer (bool), wheels (names of pip's OpenCV packages)."""
    if failure(child):
        return bad("opencv", failure(child), "it comes with JetPack and the jetbot container: sudo apt install "
                   "python3-opencv; not with pip" if on_robot else "python3 -m pip install opencv-python-headless")
    wheels = child.answer["wheels"]
    found = f"{child.answer['version']}, GStreamer {'yes' if child.answer['gstreamer'] else 'no'}"
    found += f" ({child.answer['file']})"
    if len(wheels) > 1:
        return bad("opencv", f"{found}, installed as {' and '.join(wheels)}",
                   f"they break each other: python3 -m pip uninstall {' '.join(wheels)}, then install one")
    if child.answer["gstreamer"]:
        return good("opencv", found)
    if on_robot:
        return bad("opencv", found, f"the camera needs GStreamer; a pip OpenCV hides the system's: python3 -m pip "
                   f"uninstall {' '.join(wheels) or 'opencv-python opencv-python-headless'}")
    return note("opencv", found + ": the robot's camera would need it" + NOT_HERE)


def widgets(child):
    """child: answers traitlets and ipywidgets, their versions or None."""
    if failure(child) or not child.answer["traitlets"]:
        return bad("traitlets", failure(child) or "not installed", "python3 -m pip install traitlets")
    found, panel = f"traitlets {child.answer['traitlets']}", child.answer["ipywidgets"]
    if panel is None:
        return note("traitlets", found + ", no ipywidgets: only notebooks need them",
                    "for notebooks: python3 -m pip install 'ipywidgets<8'")
    return good("traitlets", f"{found}, ipywidgets {panel}")


def official(child, on_robot):
    """child: answers version, robot, camera (class names), motors (bool), seconds; None: not installed."""
    name = "jetbot package"
    if child is None:
        if on_robot:
            return bad(name, "not installed", "run inside the jetbot container, or install it there where it is")
        return note(name, "not there" + NOT_HERE)
    if failure(child):
        return bad(name, failure(child), child.answer.get("remedy") or
                   "run inside the robot's container; on Illegal instruction see numpy")
    found = "{version}, {robot} and {camera} loaded in {seconds:.1f} s".format(**child.answer)
    if not child.answer["motors"]:
        return bad(name, found + "; it found no motor board",
                   "check battery, switch and the board's cable, then start again: it looks only when it is loaded")
    return good(name, found)


def camera(child, holders, on_robot):
    """child: answers description, shape, frames, distinct (frames), hz, brightest; None: there is none to open.

    holders: [(process id, its command line)] of other processes that have it open.
    """
    if holders:
        listed = ", ".join(f"{pid} ({words})" for pid, words in holders)
        return bad("camera", f"in use by process {listed}",
                   f"shut that notebook's kernel down or end the program: kill {holders[0][0]}")
    if child is None:
        if on_robot:
            return bad("camera", "none", "check the ribbon cable (contacts towards the board), then start again")
        return note("camera", "none here" + NOT_HERE)
    if failure(child):
        return bad("camera", failure(child), child.answer.get("remedy") or "shut other notebooks down, then: sudo "
                   "systemctl restart nvargus-daemon (on the host); check the ribbon cable")
    seen = child.answer
    found = f"{'x'.join(str(n) for n in seen['shape'])}, {seen['hz']:.0f} frames/s, {seen['description']}"
    if seen["frames"] < 2 or seen["distinct"] < 2:
        return bad("camera", f"frozen: {seen['frames']} frames in a second, {seen['distinct']} different ({found})",
                   "sudo systemctl restart nvargus-daemon (on the host), then restart the notebook's kernel")
    if seen["brightest"] < BLACK:
        return bad("camera", f"black ({found})", "take the cap off, switch the light on")
    if len(seen["shape"]) != 3 or seen["shape"][2] != 3:
        return bad("camera", f"expected a colour picture, found {found}", "use a colour camera")
    if seen["hz"] < SLOW_HZ:
        return note("camera", found + ": slow", "close other programs; more light; sudo nvpmodel -m 0")
    return good("camera", found)


def i2c(buses, in_group, on_robot):
    """buses: [(number, error words or '', {addresses that answered})]. in_group: 'yes', 'no', 'after login'."""
    name = "i2c board"
    if not buses:
        return bad(name, "no /dev/i2c-*", "container: start it with --privileged; host: sudo modprobe i2c-dev") \
            if on_robot else note(name, "no I2C here" + NOT_HERE)
    answered = [(number, sorted(set(found) & set(BOARDS)), DISPLAY in found) for number, _, found in buses]
    boards = [f"{BOARDS[a]} at 0x{a:02x} on bus {number}" for number, some, _ in answered for a in some]
    display = any(shown for _, _, shown in answered)
    if boards:
        return good(name, ", ".join(boards) + (", display at 0x3c" if display else ", no display at 0x3c"))
    refused = [(number, error) for number, error, _ in buses if error]
    if refused:
        found = ", ".join(f"/dev/i2c-{number}: {error}" for number, error in refused)
        if in_group == "after login":
            remedy = "you are in the group i2c, but only from the next login on: log out and in"
        else:
            remedy = "sudo usermod -aG i2c $USER, then log out and in" if in_group == "no" else \
                "run as root or start the container with --privileged"
        return bad(name, found, remedy) if on_robot else note(name, found + NOT_HERE, remedy)
    found = "no motor board at 0x60 or 0x5d on bus " + ", ".join(str(number) for number, _, _ in buses)
    if not on_robot:
        return note(name, found + NOT_HERE)
    return bad(name, found + ("; the display answers" if display else ""),
               "charge the battery, switch the board on, check its cable")


def settings(values, path, there, on_robot):
    """values: RobotSettings in force; path: their file, and whether it is there."""
    dead_band = max(values.left_dead_band, values.right_dead_band)
    if values.max_speed <= dead_band:
        return bad("calibration", f"{path}: top speed {values.max_speed:g}, but a wheel turns only above its dead band "
                   f"of {dead_band:g}: no drive", f"jetbot-mlp calibrate --set max_speed={dead_band + 0.2:.1f}")
    if there:
        changed = ", ".join(f"{name} {value}" for name, value in values._asdict().items() if value)
        return good("calibration", f"{path}: {changed}")
    return note("calibration", "none", "jetbot-mlp calibrate (direction, trim, dead band)") if on_robot else \
        note("calibration", "none" + NOT_HERE)


def memory(available_mb, swap_mb, limit_mb):
    """MB that can still be had, of swap space, and of the container's limit (None: no limit)."""
    found = f"{available_mb:.0f} MB free, {swap_mb:.0f} MB swap" + (f", container limit {limit_mb:.0f} MB"
                                                                    if limit_mb else "")
    if available_mb < MEMORY_BAD:
        return bad("memory", found, "shut other notebooks' kernels down, close the desktop; a drive needs 120 MB")
    if available_mb < MEMORY_NOTE:
        return note("memory", found, "enough to drive; shut other notebooks down before training")
    return good("memory", found)


def disk(free):
    """free: [(folder, MB free)]."""
    found = ", ".join(f"{mb:.0f} MB free in {folder}" for folder, mb in free)
    least = min(mb for _, mb in free)
    if least < DISK_BAD:
        return bad("disk", found, "delete or move recordings and old datasets; `sudo apt clean` frees some, too")
    if least < DISK_NOTE:
        return note("disk", found, "soon full: about 20,000 frames take 500 MB")
    return good("disk", found)


def power(mode, clocks, on_robot):
    """mode: what nvpmodel says, '' when it is not there; clocks: 'MHz of MHz' of the first processor, or ''."""
    clocks = clocks and f", processor at {clocks}"
    if mode:
        return good("power mode", mode + clocks)
    return note("power mode", ("nvpmodel is not here" if on_robot else "no nvpmodel") + clocks +
                ("" if on_robot else NOT_HERE), "on the host: sudo nvpmodel -q" if on_robot else "")


def heat(temperatures, events, on_robot):
    """temperatures: {zone: degrees C}; events: ['oc1_event_cnt 3', a kernel log line, ...] of throttling."""
    name = "heat, voltage"
    hottest = max(temperatures, key=temperatures.get) if temperatures else None
    found = f"{hottest} {temperatures[hottest]:.0f} C" if hottest else "no thermometer"
    if events and on_robot:
        return bad(name, f"{found}; throttled: {events[-1]}",
                   "charge the battery, use a 5 V 3 A or stronger supply; sudo nvpmodel -m 1 asks for less")
    if hottest and temperatures[hottest] >= HOT_C:
        return bad(name, f"{found}: throttled", "let it cool down, check the fan")
    if hottest and temperatures[hottest] >= WARM_C:
        return note(name, f"{found}: warm", "check the fan")
    return good(name, found + (f"; earlier: {events[-1]}" if events else ""))


def clock(now, at_least, shown):
    """now, at_least: s since 1970; at_least: the newest time that was surely earlier (of our own files)."""
    if now >= at_least and now < 4102444800:  # 2100, where frames' names are no longer believed
        return good("clock", shown)
    return bad("clock", f"{shown}: wrong", "frames are named by the time they were taken, and sorted by it: connect "
               "to the network, or: sudo date -s 'YYYY-MM-DD HH:MM'")


def model(name, child):
    """child: answers task, load_s, predict_ms, peak_mb."""
    if failure(child):
        return bad(name, failure(child), child.answer.get("remedy") or "see numpy and opencv")
    found = "{task}, sound, loaded in {load_s:.2f} s, prediction {predict_ms:.1f} ms, process {peak_mb:.0f} MB".format(
        **child.answer)
    if child.answer["predict_ms"] > PREDICTION_MS:
        return note(name, found + ": slower than the camera", "close other programs; sudo nvpmodel -m 0")
    return good(name, found)


def guard(running, child, on_robot):
    """running: [(process id, MB, of which process, state)] of guards at work; child: answers ready_s, rss_mb of one
    started for the check; None where there is nothing to guard."""
    name = "motor guard"
    hung = [parent for _, _, parent, state in running if state == "holding"]
    if hung:
        return bad(name, f"process {hung[0]} hangs or was told to stop just now, its guard holds the wheels at zero",
                   f"look again in 3 s; if it still says so: restart that notebook's kernel, or: kill {hung[0]}")
    if running:
        return good(name, "at work: " + ", ".join(f"process {pid}, {mb:.0f} MB" for pid, mb, _, _ in running))
    if child is None:
        return note(name, "no wheels to guard" + NOT_HERE)
    if failure(child):
        return bad(name, failure(child), (child.answer.get("remedy") or "install jetbot_mlp again") +
                   "; without it the wheels go on turning when the program is killed")
    found = "ready in {ready_s:.1f} s, {rss_mb:.0f} MB".format(**child.answer)
    return note(name, found + ": more than 30 MB") if child.answer["rss_mb"] > 30 else good(name, found)


def _numbers(version):
    """'1.19.4' -> (1, 19)"""
    return tuple(int("".join(c for c in part if c.isdigit()) or 0) for part in version.split(".")[:2])
