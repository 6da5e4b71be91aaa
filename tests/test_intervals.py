"""Intervals are held against textbook values and against chance itself."""
import numpy as np
import pytest

from jetbot_mlp.intervals import (
    frames_for_mean,
    frames_for_share,
    half_width,
    mean_interval,
    mean_of_shares_interval,
    wilson_interval,
)


def test_wilson_interval_has_the_textbook_values():
    # 81 of 263: Newcombe, Statistics in Medicine 17 (1998), table I: 0.2553 to 0.3662
    assert wilson_interval(81, 263) == pytest.approx([0.2553, 0.3662], abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx([0.0, 0.1611], abs=5e-5)
    assert wilson_interval(0, 0) is None


def test_a_mean_lies_in_its_interval_19_times_in_20():
    random = np.random.RandomState(0)
    covered = sum(low <= 1.0 <= high for low, high in
                  (mean_interval(random.exponential(1.0, 200)) for _ in range(400)))
    assert 0.91 <= covered / 400 <= 0.98
    assert mean_interval(np.array([3.0])) is None
    assert mean_interval(np.array([0.0, 1.0]))[0] == 0.0  # an error is never below 0


@pytest.mark.parametrize("hits, totals", [([17, 16], [24, 24]), ([5, 5], [5, 5]), ([3], [7]), ([90, 2], [100, 3])])
def test_as_many_frames_as_are_asked_for_give_the_wanted_width(hits, totals):
    hits, totals = np.array(hits, float), np.array(totals, float)
    enough = frames_for_share(hits, totals, 0.05)
    for n, wide in ((enough, False), (0.97 * enough - 1, True)):
        factor = n / totals.sum()
        assert (half_width(mean_of_shares_interval(factor * hits, factor * totals)) > 0.05) is wide


def test_half_the_width_takes_four_times_the_frames():
    assert frames_for_mean(50, 6.0, 3.0) == 200
    assert frames_for_mean(50, 3.0, 3.0) == 50
