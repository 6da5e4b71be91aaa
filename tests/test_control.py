import math

import numpy as np
import pytest

from jetbot_mlp.control import (
    CollisionSettings,
    CollisionState,
    Limits,
    RoadSettings,
    RoadState,
    Settings,
    State,
    all_finite,
    avoid_collision,
    decide,
    follow_road,
    limit,
    road_angle,
)
from jetbot_mlp.messages import CollisionPrediction, DigitPrediction, RoadPrediction, WheelCommand

NAN, INF = float("nan"), float("inf")


def turns(probabilities, settings, period=0.1):
    """Which of the frames the robot answers by turning."""
    state, found = CollisionState(), []
    for i, p in enumerate(probabilities):
        command, state = avoid_collision(CollisionPrediction(p, i * period), state, settings)
        found.append(command.left < 0)
    return found


def test_free_goes_forward_and_blocked_turns_left_on_the_spot():
    settings = CollisionSettings(speed=0.3, turn_speed=0.25)
    assert avoid_collision(CollisionPrediction(0.49, 7.0), CollisionState(), settings)[0] == (0.3, 0.3, 7.0)
    assert avoid_collision(CollisionPrediction(0.5, 7.0), CollisionState(), settings)[0] == (-0.25, 0.25, 7.0)


def test_without_hysteresis_every_frame_is_judged_by_itself_as_in_the_course():
    assert turns([0.51, 0.49, 0.51, 0.49], CollisionSettings(hysteresis=0.0)) == [True, False, True, False]


def test_hysteresis_keeps_it_from_chattering():
    settings = CollisionSettings(hysteresis=0.2)
    assert turns([0.4, 0.51, 0.49, 0.31, 0.29, 0.49], settings) == [False, True, True, True, False, False]


def test_a_turn_once_begun_lasts_its_least_time():
    settings = CollisionSettings(min_turn_s=0.25)
    assert turns([0.9, 0.1, 0.1, 0.1, 0.1], settings) == [True, True, True, False, False]


@pytest.mark.parametrize("x, y, expected", [
    (0.0, 0.0, 0.0),
    (1.0, 0.0, math.atan2(1.0, 0.25)),
    (-0.5, -1.0, math.atan2(-0.5, 0.75)),
    (0.2, 1.0, math.atan2(0.2, -0.25)),  # a target below the middle counts as behind, as in the course
])
def test_the_angle_is_the_courses(x, y, expected):
    assert road_angle(x, y) == pytest.approx(expected)


def test_steering_is_gain_times_angle_plus_bias_and_right_of_the_middle_turns_right():
    settings = RoadSettings(speed=0.3, kp=0.1, kd=0.0, bias=0.02)
    command, _ = follow_road(RoadPrediction(0.5, 0.0, 1.0), RoadState(), settings)
    steering = 0.1 * math.atan2(0.5, 0.25) + 0.02
    assert command == pytest.approx((0.3 + steering, 0.3 - steering, 1.0))
    assert command.left > command.right


def test_road_wheels_are_clipped_to_0_and_1_as_in_the_course():
    command, _ = follow_road(RoadPrediction(1.0, 0.0, 0.0), RoadState(), RoadSettings(speed=0.2, kp=5.0))
    assert command[:2] == (1.0, 0.0)


@pytest.mark.parametrize("rate_hz", [5.0, 10.0, 30.0, 120.0])
def test_the_derivative_is_per_second_so_the_frame_rate_does_not_matter(rate_hz):
    # the target swings at a steady 0.5 rad/s; only kd acts
    settings, state = RoadSettings(speed=0.5, kp=0.0, kd=0.2), RoadState()
    for i in range(6):
        t = i / rate_hz
        command, state = follow_road(RoadPrediction(0.25 * math.tan(0.5 * t), 0.0, t), state, settings)
        expected = 0.5 if i == 0 else 0.5 + 0.2 * 0.5
        assert command.left == pytest.approx(expected)


def test_no_time_between_two_frames_gives_no_derivative():
    settings = RoadSettings(speed=0.5, kp=0.0, kd=1.0)
    _, state = follow_road(RoadPrediction(0.0, 0.0, 3.0), RoadState(), settings)
    assert follow_road(RoadPrediction(0.5, 0.0, 3.0), state, settings)[0][:2] == (0.5, 0.5)


def test_a_target_that_crosses_behind_the_robot_does_not_kick():
    settings = RoadSettings(speed=0.5, kp=0.0, kd=0.1)
    _, state = follow_road(RoadPrediction(0.01, 1.0, 0.0), RoadState(), settings)
    command, _ = follow_road(RoadPrediction(-0.01, 1.0, 0.1), state, settings)
    assert abs(command.left - 0.5) < 0.1  # unwrapped, it would have been 0.1 * 2 pi / 0.1


def test_both_models_follow_the_road_and_stop_or_turn_while_blocked():
    road, settings = RoadPrediction(0.3, 0.0, 2.0), Settings()
    free, _ = decide([CollisionPrediction(0.1, 2.0), road], State(), settings)
    alone, _ = decide([road], State(), settings)
    assert free == alone and free.left > 0
    assert decide([CollisionPrediction(0.9, 2.0), road], State(), settings)[0] == (0.0, 0.0, 2.0)
    turn = settings._replace(when_blocked="turn")
    assert decide([road, CollisionPrediction(0.9, 2.0)], State(), turn)[0] == (-0.25, 0.25, 2.0)


def test_the_road_is_remembered_while_blocked_so_going_on_does_not_kick():
    settings = Settings(road=RoadSettings(kd=1.0))
    _, state = decide([CollisionPrediction(0.9, 1.0), RoadPrediction(0.5, 0.0, 1.0)], State(), settings)
    assert state.road == (road_angle(0.5, 0.0), 1.0)


def test_a_command_is_as_old_as_the_oldest_frame_behind_it():
    assert decide([CollisionPrediction(0.1, 1.5), RoadPrediction(0.0, 0.0, 2.0)])[0].stamp == 1.5


@pytest.mark.parametrize("bad", [NAN, INF, -INF, None, "x"])
def test_anything_not_finite_stops(bad):
    assert decide([CollisionPrediction(bad, 1.0)])[0] == (0.0, 0.0, 1.0)
    assert decide([RoadPrediction(bad, 0.0, 1.0)])[0] == (0.0, 0.0, 1.0)
    assert decide([RoadPrediction(0.0, bad, 1.0)])[0] == (0.0, 0.0, 1.0)
    for name in RoadSettings._fields:
        settings = Settings(road=RoadSettings(**{name: bad}))
        assert decide([RoadPrediction(0.1, 0.0, 1.0)], State(), settings)[0] == (0.0, 0.0, 1.0)
    for name in CollisionSettings._fields:  # NaN as a threshold would otherwise mean: never blocked
        settings = Settings(collision=CollisionSettings(**{name: bad}))
        assert decide([CollisionPrediction(0.9, 1.0)], State(), settings)[0] == (0.0, 0.0, 1.0)


def test_a_frame_that_was_not_finite_leaves_no_trace_in_the_state():
    _, state = decide([RoadPrediction(0.1, 0.0, 1.0)])
    assert decide([RoadPrediction(NAN, 0.0, 2.0)], state)[1] == state


def test_numpy_scalars_are_as_good_as_floats():
    road = RoadPrediction(np.float32(0.25), np.float32(0.0), 1.0)
    assert decide([road])[0] == pytest.approx(decide([RoadPrediction(0.25, 0.0, 1.0)])[0])


@pytest.mark.parametrize("predictions, found", [
    ([], "none"),
    ([DigitPrediction(3, 0.9, 1.0)], "DigitPrediction"),
    ([RoadPrediction(0.0, 0.0, 1.0)] * 2, "RoadPrediction, RoadPrediction"),
])
def test_predictions_that_nothing_can_be_decided_from_are_named(predictions, found):
    with pytest.raises(ValueError, match="found " + found):
        decide(predictions)


def test_an_unknown_behaviour_is_refused():
    with pytest.raises(ValueError, match="when_blocked"):
        decide([CollisionPrediction(0.1, 1.0)], State(), Settings(when_blocked="reverse"))


@pytest.mark.parametrize("left, right", [(9.0, 9.0), (-9.0, 9.0), (0.5, -0.1), (0.29, 0.31), (1e300, -1e-9)])
def test_the_speed_limit_holds_whatever_is_asked_and_keeps_the_curve(left, right):
    sent = limit(WheelCommand(left, right, 0.0), limits=Limits(max_speed=0.3))
    assert max(abs(sent.left), abs(sent.right)) <= 0.3
    assert sent.left * right == pytest.approx(sent.right * left)


@pytest.mark.parametrize("max_speed, largest", [(5.0, 1.0), (-1.0, 0.0), (NAN, 0.0)])
def test_a_senseless_speed_limit_never_means_faster(max_speed, largest):
    sent = limit(WheelCommand(2.0, 2.0, 0.0), limits=Limits(max_speed=max_speed))
    assert sent[:2] == (largest, largest)


def test_acceleration_is_limited_and_braking_is_not():
    limits = Limits(max_acceleration=0.5)
    sent = limit(WheelCommand(1.0, -1.0, 10.0), None, limits)
    assert sent[:2] == (0.0, 0.0)
    sent = limit(WheelCommand(1.0, -1.0, 10.2), sent, limits)
    assert sent[:2] == pytest.approx((0.1, -0.1))
    sent = limit(WheelCommand(-1.0, -1.0, 10.4), sent, limits)  # reversed: through zero at once, then slowly
    assert sent[:2] == pytest.approx((-0.1, -0.2))
    assert limit(WheelCommand(0.0, 0.0, 10.4), sent, limits)[:2] == (0.0, 0.0)


def test_a_stamp_that_goes_backwards_gives_no_acceleration():
    sent = limit(WheelCommand(1.0, 1.0, 5.0), WheelCommand(0.2, 0.2, 9.0), Limits(max_acceleration=1.0))
    assert sent[:2] == (0.2, 0.2)


def test_limited_commands_are_plain_floats_and_never_nan():
    sent = limit(WheelCommand(np.float32(0.25), np.int64(0), 1.0))
    assert type(sent.left) is float and type(sent.right) is float
    for bad in (NAN, INF, None):
        assert limit(WheelCommand(bad, 0.1, 1.0))[:2] == (0.0, 0.0)
        assert limit(WheelCommand(0.1, bad, 1.0))[:2] == (0.0, 0.0)
    assert limit(WheelCommand(0.1, 0.1, 1.0), None, Limits(max_acceleration=NAN))[:2] == (0.0, 0.0)


def test_all_finite_looks_into_tuples():
    assert all_finite(1, 2.0, np.float32(3), (1.0, (2.0,)))
    assert not all_finite(1.0, (2.0, NAN))
    assert not all_finite(None) and not all_finite("1")
