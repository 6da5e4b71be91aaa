"""The world from above."""
import numpy as np
import pytest

from jetbot_mlp import sim_view
from jetbot_mlp.simulator import Simulator, draw_from_above, make_world


@pytest.mark.parametrize("kind", ["road", "room", "both"])
def test_the_picture_has_the_size_asked_for_and_leaves_the_world_as_it_is(kind):
    world = make_world(kind, 1)
    before = world.ground.copy()
    picture = draw_from_above(world, size=300)
    assert picture.dtype == np.uint8 and picture.ndim == 3 and max(picture.shape[:2]) in (299, 300, 301)
    np.testing.assert_array_equal(world.ground, before)


def test_the_robot_and_its_path_are_drawn_where_they_are():
    world = make_world("room", 2)
    sim = Simulator(world)
    pixels, _, _ = sim_view._projection(world, 400)
    empty, picture = draw_from_above(world, size=400), draw_from_above(sim, size=400)
    ys, xs = np.nonzero((empty != picture).any(axis=2))
    x, y = pixels(sim.pose)
    assert abs((xs.min() + xs.max()) / 2 - x) < 12 and abs((ys.min() + ys.max()) / 2 - y) < 12
    line = draw_from_above(world, path=[(0.5, 0.5), (0.5, 1.0)], size=400)
    x, y = pixels((0.5, 0.75))
    assert (line[y, x] != empty[y, x]).any()
    np.testing.assert_array_equal(draw_from_above(sim, size=400), picture)  # from the cache, not drawn upon


def test_up_in_the_picture_is_plus_y():
    world = make_world("road", 1)
    pixels, _, shape = sim_view._projection(world, 400)
    x0, y0, x1, y1 = world.bounds
    assert pixels((x0, y1))[1] < pixels((x0, y0))[1] <= shape[1]
    assert pixels((x0, y0))[0] < pixels((x1, y0))[0] <= shape[0]


def test_obstacles_on_the_road_are_drawn_and_its_world_has_no_walls():
    road, both = (draw_from_above(make_world(kind, 1), size=400) for kind in ("road", "both"))
    pixels, _, _ = sim_view._projection(make_world("both", 1), 400)
    changed = (np.abs(road.astype(int) - both) > 5).any(axis=2)  # OpenCV 4.1 rounds shadows differently
    for body in make_world("both", 1).room.obstacles:
        x, y = pixels(body.centre)
        assert changed[y, x]
    x0, y0, x1, _ = make_world("both", 1).bounds
    (left, row), (right, _) = pixels((x0, y0)), pixels((x1, y0))
    assert changed[row, left:right].mean() < 0.5
