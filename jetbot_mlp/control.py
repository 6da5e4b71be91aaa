"""From what the network sees to how the wheels turn: pure functions, no clock, no thread, no robot.

The behaviours are those of NVIDIA's JetBot notebooks (collision_avoidance/live_demo.ipynb and
road_following/live_demo.ipynb). Two things differ, on purpose: the derivative gain is *per second*,
so the same numbers drive alike at 10 and at 30 frames a second, and a number that is not finite
never becomes anything but a stop.

What a function has to remember is passed in and handed back; nothing is kept here.
"""
import math
from typing import NamedTuple, Optional

from .messages import CollisionPrediction, RoadPrediction, WheelCommand


class CollisionSettings(NamedTuple):
    """Turn or go. With hysteresis 0 it is exactly the course's rule.

    Without hysteresis a robot that meets a wall at a slant nods: it turns for one frame, goes on for
    the next, and scrapes along the wall.
    """

    speed: float = 0.3  #: forward, share of full speed (the course's "speed" slider)
    turn_speed: float = 0.25  #: while turning left on the spot, share of full speed
    threshold: float = 0.5  #: blocked when P(blocked) >= threshold
    hysteresis: float = 0.2  #: once blocked, free again only when P < threshold - hysteresis
    min_turn_s: float = 0.0  #: s, a turn once begun lasts at least so long


class RoadSettings(NamedTuple):
    """PD steering; the names are the course's sliders."""

    speed: float = 0.4  #: share of full speed ("speed gain")
    kp: float = 0.2  #: 1/rad ("steering gain")
    kd: float = 0.0  #: s/rad ("steering kd"; the course's is per frame: divide it by the rate in Hz)
    bias: float = 0.0  #: added to the steering; + turns right ("steering bias")


class Settings(NamedTuple):
    """What `decide` needs."""

    collision: CollisionSettings = CollisionSettings()
    road: RoadSettings = RoadSettings()
    when_blocked: str = "stop"  #: with both models: 'stop', or 'turn' left on the spot, while blocked


class Limits(NamedTuple):
    """What no command may exceed, whatever was asked."""

    max_speed: float = 1.0  #: share of full speed, 0 to 1
    max_acceleration: Optional[float] = None  #: 1/s, growth of a wheel's speed; None: as fast as it goes


class CollisionState(NamedTuple):
    """What turn-or-go remembers."""

    turning: bool = False
    since: float = -math.inf  #: s, stamp of the frame at which this turn began


class RoadState(NamedTuple):
    """What the derivative remembers: the last frame's angle."""

    angle: Optional[float] = None  #: rad; None before the first frame
    stamp: float = 0.0  #: s


class State(NamedTuple):
    """What `decide` remembers from one frame to the next."""

    collision: CollisionState = CollisionState()
    road: RoadState = RoadState()


DEFAULT_SETTINGS, DEFAULT_LIMITS, FRESH = Settings(), Limits(), State()  # tuples: nobody can change them


def all_finite(*values):
    """True when every value is a finite number (tuples are looked into); anything else is False."""
    for value in values:
        if isinstance(value, tuple):
            if not all_finite(*value):
                return False
        else:
            try:
                if not math.isfinite(value):
                    return False
            except TypeError:
                return False
    return True


def avoid_collision(prediction, state, settings=DEFAULT_SETTINGS.collision):
    """Turn left on the spot while the way is blocked, else go forward.

    prediction: CollisionPrediction; state: CollisionState.
    Returns (WheelCommand, CollisionState).
    """
    release = settings.threshold - settings.hysteresis if state.turning else settings.threshold
    blocked = prediction.prob_blocked >= release
    if state.turning and prediction.stamp - state.since < settings.min_turn_s:
        blocked = True
    if blocked:
        since = state.since if state.turning else prediction.stamp
        command = WheelCommand(-settings.turn_speed, settings.turn_speed, prediction.stamp)
        return command, CollisionState(True, since)
    return WheelCommand(settings.speed, settings.speed, prediction.stamp), CollisionState()


def road_angle(x, y):
    """Angle to the target point in rad, + is right: atan2(x, y') with the course's y' = (0.5 - y) / 2."""
    return math.atan2(x, (0.5 - y) / 2.0)


def follow_road(prediction, state, settings=DEFAULT_SETTINGS.road):
    """PD steering towards the target point; wheels = speed +- steering, each clipped to 0..1.

    steering = kp * angle + kd * d(angle)/dt + bias. The derivative takes the shorter way round the
    circle (a target that crosses behind the robot jumps from pi to -pi) and is 0 for the first frame
    or when no time has passed.
    prediction: RoadPrediction; state: RoadState. Returns (WheelCommand, RoadState).
    """
    angle = road_angle(prediction.x, prediction.y)
    rate = 0.0
    if state.angle is not None and prediction.stamp > state.stamp:
        change = angle - state.angle
        change = math.atan2(math.sin(change), math.cos(change))
        rate = change / (prediction.stamp - state.stamp)
    steering = settings.kp * angle + settings.kd * rate + settings.bias
    left, right = (_clip(settings.speed + sign * steering, 0.0, 1.0) for sign in (1.0, -1.0))
    return WheelCommand(left, right, prediction.stamp), RoadState(angle, prediction.stamp)


def decide(predictions, state=FRESH, settings=DEFAULT_SETTINGS):
    """One frame's predictions to one command.

    predictions: a CollisionPrediction, a RoadPrediction, or one of each, as a sequence. With both, the
    robot follows the road and stops (or turns, by settings.when_blocked) while blocked.
    Anything that is not finite, in predictions or settings, gives the stop command.
    Returns (WheelCommand, State); the command carries the oldest stamp.
    Raises ValueError for predictions that nothing can be decided from.
    """
    collision, road = _sort(predictions)
    if settings.when_blocked not in ("stop", "turn"):
        raise ValueError(f"when_blocked: expected 'stop' or 'turn', found {settings.when_blocked!r}")
    stamp = min(p.stamp for p in (collision, road) if p is not None)
    if not all_finite(*(p for p in (collision, road, settings.collision, settings.road) if p is not None)):
        return WheelCommand(0.0, 0.0, stamp), state

    command = None
    if road is not None:
        command, road_state = follow_road(road, state.road, settings.road)
        state = state._replace(road=road_state)
    if collision is not None:
        turn_or_go, collision_state = avoid_collision(collision, state.collision, settings.collision)
        state = state._replace(collision=collision_state)
        if command is None or (collision_state.turning and settings.when_blocked == "turn"):
            command = turn_or_go
        elif collision_state.turning:
            command = WheelCommand(0.0, 0.0, stamp)
    command = command._replace(stamp=stamp)
    return (command if all_finite(command) else WheelCommand(0.0, 0.0, stamp)), state


def limit(command, previous=None, limits=DEFAULT_LIMITS):
    """The command within the limits.

    Too fast: both wheels are scaled alike, so the curve stays the same. The acceleration limit (a slew
    limiter) holds back only what takes a wheel away from standing; braking is never delayed.
    previous: the WheelCommand written last, None when the wheels stand.
    Returns a WheelCommand of plain floats; the stop command when anything is not finite.
    """
    if not all_finite(command, limits.max_speed):
        return WheelCommand(0.0, 0.0, command.stamp)
    left, right = float(command.left), float(command.right)
    allowed = _clip(float(limits.max_speed), 0.0, 1.0)
    fastest = max(abs(left), abs(right))
    if fastest > allowed:
        # the clip after the scaling is for the last bit of rounding
        left, right = (_clip(v * (allowed / fastest), -allowed, allowed) for v in (left, right))
    if limits.max_acceleration is not None:
        before = WheelCommand(0.0, 0.0, command.stamp) if previous is None else previous
        growth = limits.max_acceleration * (command.stamp - before.stamp)
        if not all_finite(before, growth):
            return WheelCommand(0.0, 0.0, command.stamp)
        growth = max(growth, 0.0)
        left = _clip(left, min(before.left, 0.0) - growth, max(before.left, 0.0) + growth)
        right = _clip(right, min(before.right, 0.0) - growth, max(before.right, 0.0) + growth)
    return WheelCommand(left, right, command.stamp)


def _clip(value, low, high):
    """NaN stays NaN (min and max would silently turn it into a limit); the finite checks catch it."""
    return value if value != value else min(max(value, low), high)


def _sort(predictions):
    """-> (CollisionPrediction or None, RoadPrediction or None)."""
    if isinstance(predictions, (CollisionPrediction, RoadPrediction)):
        predictions = (predictions,)
    found = {CollisionPrediction: None, RoadPrediction: None}
    for prediction in predictions:
        kind = type(prediction)
        if kind not in found or found[kind] is not None:
            break
        found[kind] = prediction
    else:
        if any(p is not None for p in found.values()):
            return found[CollisionPrediction], found[RoadPrediction]
    kinds = ", ".join(type(p).__name__ for p in predictions) or "none"
    raise ValueError(
        f"predictions: expected one collision and/or one road prediction, found {kinds}; "
        "give one collision model, one road model, or one of each"
    )
