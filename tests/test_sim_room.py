"""Distances and free strips among walls and obstacles, and where obstacles stand."""
import numpy as np
import pytest

from jetbot_mlp import sim_room, sim_track

WALL = np.array([[1.0, -1.0, 1.0, 1.0]])


def test_the_strip_ahead_ends_at_the_wall():
    assert sim_room.clear_ahead(WALL, (0.0, 0.0, 0.0), 0.1) == pytest.approx(1.0)
    assert sim_room.clear_ahead(WALL, (0.0, 0.0, np.pi), 0.1) == np.inf
    assert sim_room.clear_ahead(WALL, (0.0, 0.0, np.pi / 4), 0.1) == pytest.approx(np.sqrt(2) - 0.1)


def test_what_is_beside_the_strip_does_not_count():
    post = np.array([[0.5, 0.12, 0.5, 0.3]])
    assert sim_room.clear_ahead(post, (0.0, 0.0, 0.0), 0.11) == np.inf
    assert sim_room.clear_ahead(post, (0.0, 0.0, 0.0), 0.13) == pytest.approx(0.5)
    along = np.array([[0.3, 0.05, 0.9, 0.05]])  # parallel to the strip, in it
    assert sim_room.clear_ahead(along, (0.0, 0.0, 0.0), 0.1) == pytest.approx(0.3)
    assert sim_room.clear_ahead(along, (0.0, 0.0, 0.0), 0.04) == np.inf


def test_the_distance_is_to_the_nearest_point_of_the_nearest_segment():
    assert sim_room.distance(WALL, (0.0, 0.0)) == pytest.approx(1.0)
    assert sim_room.distance(WALL, (1.0, 3.0)) == pytest.approx(2.0)
    assert sim_room.distance(WALL, [(0.0, 0.0), (0.75, 0.5)]) == pytest.approx(0.25)
    assert sim_room.distance(np.zeros((0, 4)), (0.0, 0.0)) == np.inf


@pytest.mark.parametrize("kind", sim_room.ROOM_KINDS)
def test_obstacles_leave_room_to_pass_and_a_table_has_drops_where_a_room_has_walls(kind):
    for seed in range(4):
        room = sim_room.random_room(np.random.RandomState(seed), kind)
        assert (len(room.drops) > 0) == (kind == "table") and (len(room.wall_faces) > 0) == (kind != "table")
        assert len(room.obstacles) >= 1
        for body in room.obstacles:
            assert body.outline.min() >= sim_room.SMALLEST_GAP_M - 1e-9
            others = [b for b in room.obstacles + room.furniture if b is not body]
            for other in others:
                segments = np.hstack([other.outline, np.roll(other.outline, -1, axis=0)])
                assert sim_room.distance(segments, body.outline) > sim_room.SMALLEST_GAP_M - 1e-9


def test_one_to_three_obstacles_block_the_lane_and_the_others_leave_it_free():
    on_lane = set()
    for seed in range(20):
        rs = np.random.RandomState(seed)
        track = sim_track.random_track(rs)
        bounds = tuple(np.hstack([track.points.min(0) - 0.4, track.points.max(0) + 0.4]))
        room = sim_room.lane_obstacles(rs, track, bounds)
        gaps = [sim_room.distance(np.hstack([b.outline, np.roll(b.outline, -1, axis=0)]), track.points)
                for b in room.obstacles]
        blocking = sum(gap < 0.1 for gap in gaps)
        assert blocking + sum(gap > 0.29 for gap in gaps) == len(gaps)
        assert len(room.solid) == sum(len(b.outline) for b in room.obstacles) and not len(room.drops)
        for body, gap in zip(room.obstacles, gaps):
            assert gap < 0.1 or ((body.outline > bounds[:2]).all() and (body.outline < bounds[2:]).all())
        on_lane.add(blocking)
    assert on_lane == {1, 2, 3}
