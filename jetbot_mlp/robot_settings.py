"""What is particular to one robot: wiring, trim, dead band, top speed, a camera that hangs upside down.

One small JSON file holds it, `jetbot-mlp calibrate` writes it, and every command that opens the robot reads it.
It is read strictly: a file that is not quite right stops everything before a wheel turns, because half-read
settings could drive a robot backwards. A file that is not there means the defaults.
"""
import json
import math
import os
import stat
import tempfile
from typing import NamedTuple

from .errors import SettingsError

FORMAT, VERSION = "jetbot_mlp robot", 1
MAX_BYTES = 64 * 2 ** 10  # ours have 300
PATH_VARIABLE = "JETBOT_MLP_ROBOT"  # environment: another file than the default one


class RobotSettings(NamedTuple):
    """One robot. The defaults change nothing."""

    swapped: bool = False  #: the official left motor turns the right wheel
    left_reversed: bool = False  #: the left wheel runs backward when told forward
    right_reversed: bool = False
    trim: float = 0.0  #: the faster wheel is slowed by this share; + slows the right one, turning right
    left_dead_band: float = 0.0  #: share of full power up to which the wheel does not turn
    right_dead_band: float = 0.0
    max_speed: float = 1.0  #: share of full power that no wheel is ever given
    camera_upside_down: bool = False


DEFAULTS = RobotSettings()
RANGES = {"trim": (-0.5, 0.5), "left_dead_band": (0.0, 0.5), "right_dead_band": (0.0, 0.5), "max_speed": (0.0, 1.0)}


def to_motors(left, right, settings=DEFAULTS):
    """Wheel speeds -> what the official left and right motor are given. Pure.

    left, right: -1 to 1, shares of full speed; beyond max_speed both are scaled alike, so the curve stays.
    Dead band d and trim factor f of a wheel make a speed v (> 0) into d + (1 - d) f k v. Zero stays zero.
    k <= 1 is common to both wheels, so trim and curves stay what they are: it is 1, unless d + ... would
    exceed max_speed. When max_speed lies within a dead band nothing could turn, and zeros are sent.
    Returns (left motor, right motor), floats of at most max_speed. Raises ValueError unless all is finite.
    """
    speeds = float(left), float(right)
    if not all(math.isfinite(v) for v in speeds + (settings.trim, settings.max_speed)):
        raise ValueError(f"set_motors: expected finite speeds, found {left}, {right}")
    most = settings.max_speed
    bands = settings.left_dead_band, settings.right_dead_band
    factors = 1.0 + min(settings.trim, 0.0), 1.0 - max(settings.trim, 0.0)
    if most <= max(bands):
        return 0.0, 0.0
    k = min([1.0] + [(most - d) / ((1.0 - d) * f * most) for d, f in zip(bands, factors)])
    k *= most / max(most, abs(speeds[0]), abs(speeds[1]))
    given = []
    for v, d, f, backward in zip(speeds, bands, factors, (settings.left_reversed, settings.right_reversed)):
        power = min(most, d + (1.0 - d) * f * k * abs(v)) if v else 0.0  # min: the last bit of rounding
        given.append(-power if power and (v < 0) != backward else power)
    return (given[1], given[0]) if settings.swapped else (given[0], given[1])


def default_path():
    """Where the settings of this robot lie.

    JETBOT_MLP_ROBOT, if set. In the official container only /workspace, the host's home folder, outlives
    the container, so the file lies there: the same one that the host's user sees in ~/.config.
    """
    home = "/workspace" if os.path.ismount("/workspace") else os.path.expanduser("~")
    return os.environ.get(PATH_VARIABLE) or os.path.join(home, ".config", "jetbot_mlp", "robot.json")


def load_settings(path=None):
    """-> RobotSettings. path: None for `default_path()`. Raises SettingsError for anything but a sound file."""
    path = default_path() if path is None else path
    try:
        return _parse(_read(path))
    except FileNotFoundError:
        return DEFAULTS
    except OSError as error:
        problem = f"cannot be read: {error.strerror or error}"
    except (ValueError, RecursionError) as error:  # not UTF-8, not JSON, or not ours
        problem = str(error)
    raise SettingsError(f"robot settings {ascii(path)[1:-1]}: {problem}; mend or delete the file, then run "
                        "jetbot-mlp calibrate")


def save_settings(settings, path=None):
    """Write the file whole or not at all. -> its path. Raises SettingsError for values out of range, or a disk
    that refuses."""
    path = os.path.realpath(default_path() if path is None else path)
    content = dict(format=FORMAT, version=VERSION, **checked(settings)._asdict())
    folder, temporary = os.path.dirname(path), None
    try:
        os.makedirs(folder, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=".robot-", suffix=".part", dir=folder)
        with os.fdopen(handle, "w") as stream:
            stream.write(json.dumps(content, indent=1) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would lock out the robot's other user
        os.replace(temporary, path)
        temporary = None
    except OSError as error:
        raise SettingsError(f"robot settings {ascii(path)[1:-1]}: cannot be written: {error.strerror or error}; "
                            f"name another file with {PATH_VARIABLE}")
    finally:
        if temporary is not None and os.path.exists(temporary):  # Ctrl-C too
            os.unlink(temporary)
    return path


def changed(settings, assignments):
    """The settings with some of them replaced, such as ['trim=0.03', 'camera_upside_down=yes'].

    dead_band=... means both wheels. Raises SettingsError for unknown names and values out of range.
    """
    values = {}
    for text in assignments:
        name, equals, value = text.partition("=")
        names = ("left_dead_band", "right_dead_band") if name == "dead_band" else (name,)
        if not equals or names[0] not in RobotSettings._fields:
            raise SettingsError(f"--set: expected NAME=VALUE with dead_band or {', '.join(RobotSettings._fields)}, "
                                f"found {text!r}")
        for one in names:
            values[one] = _from_text(one, value)
    try:
        return checked(settings._replace(**values))
    except ValueError as error:
        raise SettingsError(f"--set: {error}")


def checked(settings):
    """The settings, with plain floats. Raises ValueError for a value of the wrong type or out of range."""
    clean = {}
    for name, value in settings._asdict().items():
        if name not in RANGES:
            if not isinstance(value, bool):
                raise ValueError(f"{name}: expected true or false, found {value!r}")
            clean[name] = value
            continue
        low, high = RANGES[name]
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise ValueError(f"{name}: expected a number from {low:g} to {high:g}, found {value!r}"[:200])
        clean[name] = float(value)
    return RobotSettings(**clean)


def _from_text(name, text):
    if name in RANGES:
        try:
            return float(text)
        except ValueError:
            return text  # `checked` says what was expected
    return {"yes": True, "true": True, "on": True, "1": True,
            "no": False, "false": False, "off": False, "0": False}.get(text.lower(), text)


def _read(path):
    # not blocking: a FIFO in the file's place must not hang the start
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("expected a file, found something else")
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ValueError(f"expected some hundred bytes, found more than {MAX_BYTES}")
    return data.decode("utf-8")


def _parse(text):
    content = json.loads(text, object_pairs_hook=_no_duplicates)
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        raise ValueError(f'expected "format": "{FORMAT}", found another file')
    version = content.pop("version", None)
    if isinstance(version, bool) or version != VERSION:
        raise ValueError(f"expected version {VERSION}, found {version!r}"[:200])
    unknown = sorted(set(content) - set(RobotSettings._fields))
    if unknown:
        raise ValueError(f"expected only {', '.join(RobotSettings._fields)}, found {unknown[0]!r}"[:300])
    return checked(DEFAULTS._replace(**content))


def _no_duplicates(pairs):
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("expected every name once, found one twice")
    return found
