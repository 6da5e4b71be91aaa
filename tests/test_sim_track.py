"""Closed tracks and where a robot is on them."""
import numpy as np
import pytest

from jetbot_mlp import sim_track


@pytest.fixture(scope="module")
def circle():
    angle = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    return sim_track.Track(np.stack([np.cos(angle), np.sin(angle)], axis=1), 0.14)


def test_a_circle_has_its_length_its_curvature_and_its_left_inside(circle):
    assert circle.length_m == pytest.approx(2 * np.pi, rel=1e-3)
    np.testing.assert_allclose(circle.curvature(), 1.0, atol=0.05)
    along, left = circle.locate([(0.0, 0.9), (0.0, 1.1), (1.0, 0.0)])
    np.testing.assert_allclose(left, [0.1, -0.1, 0.0], atol=1e-3)
    assert along[0] == pytest.approx(np.pi / 2, abs=5e-3)


def test_a_place_along_the_line_is_found_again(circle):
    for s in (0.0, 1.234, 6.28):
        x, y, heading = circle.at(s)
        along, left = circle.locate([(x, y)])
        assert abs((along[0] - s + 3) % circle.length_m - 3) < 1e-3 and abs(left[0]) < 1e-4
        assert np.cos(heading - s - np.pi / 2) > 0.999


def test_with_a_hint_only_the_neighbourhood_counts_unless_the_robot_is_lost(circle):
    along, left = circle.locate([(0.0, 0.0)], near_m=1.0)
    assert abs(along[0] - 1.0) < 0.45 or left[0] > 0.5
    along, _ = circle.locate([(-1.0, 0.0)], near_m=0.0)
    assert along[0] == pytest.approx(np.pi, abs=0.01)


@pytest.mark.parametrize("seed", range(12))
def test_every_track_can_be_driven_by_a_jetbot(seed):
    track = sim_track.random_track(np.random.RandomState(seed))
    assert abs(track.curvature()).max() <= 1 / sim_track.SMALLEST_RADIUS_M
    assert 0.24 <= 2 * track.half_width_m <= 0.30
    assert 4 < track.length_m < 9
    gaps = np.hypot(*(track.points - np.roll(track.points, -1, axis=0)).T)
    assert gaps.max() < 1.5 * sim_track.STEP_M  # closed, too


def test_tracks_differ_and_go_both_ways_round():
    tracks = [sim_track.random_track(np.random.RandomState(seed)) for seed in range(12)]
    assert len({round(t.length_m, 6) for t in tracks}) == 12
    turns = {int(np.sign(t.curvature().mean())) for t in tracks}
    assert turns == {-1, 1}
