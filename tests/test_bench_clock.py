import numpy as np
import pytest

from jetbot_mlp.bench_clock import LEAST_S, Turn, row, row_of


class FakeClock:
    """Time that passes only where somebody works."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s

    def work(self, seconds):
        def function():
            self.now_s += seconds
        return function


def test_a_ratio_is_that_of_the_two_works():
    clock = FakeClock()
    found = row("ours", clock.work(3e-4), "theirs", clock.work(2e-4), 1.6, 5, np.random.RandomState(0), clock)
    assert found.ratio == pytest.approx(1.5) and found.low == pytest.approx(1.5) and found.reached
    assert (found.unit, found.ours, found.theirs) == ("us", pytest.approx(300), pytest.approx(200))


def test_a_turn_is_long_enough_for_the_clock():
    clock = FakeClock()
    for seconds in (1e-6, 3e-4, 1.0):
        turn = Turn(clock.work(seconds), clock)
        before = clock()
        assert turn.seconds_a_call() == pytest.approx(seconds)
        assert clock() - before >= LEAST_S


def test_what_slows_the_computer_down_for_a_while_does_not_change_the_ratio():
    clock, calls = FakeClock(), []

    def slow_in_the_second_half(seconds):
        def function():
            calls.append(1)
            clock.now_s += seconds * (10 if len(calls) > 40 else 1)
        return function

    found = row("ours", slow_in_the_second_half(0.01), "theirs", slow_in_the_second_half(0.02), None, 41,
                np.random.RandomState(0), clock)
    assert found.ratio == pytest.approx(0.5) and found.reached is None


def test_who_is_first_changes_from_round_to_round():
    clock, order = FakeClock(), []
    ours, theirs = ([lambda name=name: (order.append(name), clock.work(0.01)()) for name in "ab"])
    row("a", ours, "b", theirs, None, 20, np.random.RandomState(0), clock)
    rounds = order[-40:]
    assert {tuple(rounds[i:i + 2]) for i in range(0, 40, 2)} == {("a", "b"), ("b", "a")}


def test_the_goal_is_the_largest_ratio():
    assert row_of("x", [2.0, 2.0], "y", [1.0, 1.0], "ms", 2.0).reached
    assert not row_of("x", [2.1, 2.1], "y", [1.0, 1.0], "ms", 2.0).reached
