"""The official package's Robot, or its bare motors, behind whatever moves the wheels here.

A notebook's own class around jetbot.Robot must be stopped and guarded like the official one: its calls end in
the same traits, which do not write an equal value a second time, and its wheels too go on turning when the
program dies. Nothing of a robot's own code runs here but what `left_motor` may do: attributes are looked at
where they lie.
"""
import gc
import sys
import types
from typing import NamedTuple

DEPTH = 3  # a wrapper around a calibrated robot around an obeying one around the official one
MOST = 500  # objects looked at; a robot may hold its camera and all that hangs on it
SIDES = ("left_motor", "right_motor")


class Official(NamedTuple):
    """What was found."""

    robot: object  #: jetbot.Robot, or of a class derived from it; None: motors without a Robot
    motors: tuple  #: its motors; () when it has no board


def find_official(robot):
    """-> Official, or None when robot is None, one of this package (the simulator's), or there is none.

    Looked at: robot itself, what its attributes hold, and theirs; and when nothing is found there, what else of
    the official package was made in this process: then it is what turns the wheels (a class may use a global).
    """
    if robot is None:
        return None
    seen, motors, level = {}, [], [robot, innermost(robot)]
    for _ in range(DEPTH + 1):
        further = []
        for thing in level:
            if id(thing) in seen or len(seen) >= MOST:
                continue
            seen[id(thing)] = thing  # kept, so that no other gets its id
            if is_official(thing):
                return Official(thing, _motors_of(thing))
            if is_official(thing, "Motor"):
                motors.append(thing)
            further += _held_by(thing)
        level = further
    motors = _motors_of(robot) or tuple(motors)  # first what it gives by __getattr__
    if motors:
        return Official(None, motors)
    return None if _ours(robot) else _made_here()


def is_official(thing, what="Robot"):
    """Is it the official package's 'Robot' or 'Motor', or of a class that was derived from it in a notebook?"""
    return any(_named(kind, what) for kind in type(thing).__mro__)


def innermost(robot):
    """The robot that ours are wrapped around, however often."""
    for _ in range(4):
        robot = getattr(robot, "robot", None) or robot
    return robot


def _named(kind, what):
    module = str(kind.__module__)
    if module.split(".")[0] != "jetbot":
        return False
    # a package that someone changed may have a Robot of another name
    return module == "jetbot." + what.lower() or kind.__name__ == what or (
        what == "Robot" and "set_motors" in vars(kind))


def _motors_of(robot):
    motors = []
    for side in SIDES:
        try:
            motor = getattr(robot, side, None)
        except Exception:  # a Robot without a board raises TraitError; others may raise what they like
            continue
        if motor is not None and (is_official(robot) or is_official(motor, "Motor")):
            motors.append(motor)
    return tuple(motors)


def _held_by(thing):
    """What the attributes of a thing hold: in lists, tuples and dicts too, and whose the bound methods are."""
    if isinstance(thing, (str, bytes, int, float, type, types.ModuleType, types.FunctionType)):
        return []
    if isinstance(thing, types.MethodType):
        return [thing.__self__]
    if isinstance(thing, (list, tuple)):
        return list(thing[:MOST])
    if isinstance(thing, dict):
        return list(thing.values())[:MOST]
    try:
        held = list(getattr(thing, "__dict__", {}).values())
    except Exception:  # a __getattr__ that asks itself
        held = []
    for kind in type(thing).__mro__:
        for value in list(vars(kind).values()):
            if isinstance(value, types.MemberDescriptorType):  # one of __slots__
                try:
                    held.append(value.__get__(thing, kind))
                except AttributeError:  # empty
                    pass
            elif is_official(value) or is_official(value, "Motor"):
                held.append(value)
    return held


def _ours(robot):
    """A robot of this package, whose own set_motors it is (deriving from Movements alone makes none)."""
    return any(str(kind.__module__).split(".")[0] == __name__.split(".")[0] and "set_motors" in vars(kind)
               for kind in type(innermost(robot)).__mro__)


def _made_here():
    """-> Official or None. Robots that were made without instance() are known to nobody: Python's collector has them
    all (tens of milliseconds; only where the official package is loaded and a stranger's robot is given)."""
    modules = [sys.modules.get(name) for name in ("jetbot.robot", "jetbot.motor", "jetbot")]
    classes = {getattr(module, "Robot", None) for module in modules} | {getattr(m, "Motor", None) for m in modules}
    classes = tuple(kind for kind in classes if isinstance(kind, type))
    if not classes:
        return None
    made = [thing for thing in gc.get_objects() if issubclass(type(thing), classes)]
    robots = [Official(thing, _motors_of(thing)) for thing in made if is_official(thing)]
    motors = tuple(thing for thing in made if is_official(thing, "Motor"))
    return next((robot for robot in robots if robot.motors), Official(None, motors) if motors else None)
