"""The truth that labels are made of."""
import numpy as np
import pytest

from jetbot_mlp import sim_labels, sim_track, sim_world


@pytest.fixture(scope="module")
def arena():
    world = sim_world.make_world("room", 1)
    return world._replace(solid=np.array([[1.0, -2.0, 1.0, 2.0]]), drops=np.zeros((0, 4)))


def test_a_wall_blocks_from_the_stopping_margin_on(arena):
    reach = 0.10 + sim_labels.STOPPING_M
    for margin, label, blocked in ((0.05, "free", False), (0.01, None, False), (-0.01, None, True),
                                   (-0.05, "blocked", True), (-0.17, "blocked", True)):
        gap = reach + margin
        pose = (1.0 - gap, 0.0, 0.0)
        assert sim_labels.collision_label(arena, pose) == label
        assert sim_labels.is_blocked(arena, pose) == blocked
    assert sim_labels.collision_label(arena, (0.8, 0.0, np.pi)) == "free"  # it is behind


def test_a_drop_blocks_as_a_wall_does(arena):
    world = arena._replace(solid=np.zeros((0, 4)), drops=arena.solid)
    assert sim_labels.collision_label(world, (0.75, 0.0, 0.0)) == "blocked"


def test_what_is_beside_the_lens_and_out_of_the_picture_gets_no_label(arena):
    world = arena._replace(solid=np.array([[0.02, 0.11, 0.10, 0.11]]))
    assert sim_labels.is_blocked(world, (0.0, 0.0, 0.0))
    assert sim_labels.collision_label(world, (0.0, 0.0, 0.0)) is None


@pytest.fixture(scope="module")
def post():
    """A straight piece of a road with a post on it, 0.7 m ahead of (0, 0, 0)."""
    world = sim_world.make_world("both", 2)
    line = np.vstack([np.stack([np.linspace(-3, 3, 600), np.zeros(600)], axis=1), [[3, -3], [-3, -3]]])
    camera = world.camera._replace(pan=0.0, roll=0.0)
    return world._replace(camera=camera, track=sim_track.Track(line, 0.14),
                          solid=np.array([[0.7, -0.02, 0.7, 0.02]]))


def test_a_roads_end_that_nobody_sees_blocks_nothing():
    world = sim_world.make_world("both", 2)
    x0, y0, _, y1 = world.bounds
    world = world._replace(solid=np.zeros((0, 4)))
    assert sim_labels.collision_label(world, (x0 + 0.15, (y0 + y1) / 2, np.pi)) == "free"


def test_the_road_is_labelled_as_long_as_the_way_and_the_view_are_free(post):
    for pose in ((0.0, 0.0, 0.0), (0.33, 0.0, 0.0), (0.75, 0.0, 0.0)):  # far, near, past it
        assert sim_labels.road_label(post, pose) == sim_labels.road_target(post, pose)
    assert sim_labels.road_label(post, (0.45, 0.0, 0.0)) is None  # blocked
    turned = 0.46, 0.0, 0.75  # nothing is in the bubble, but the target is behind the post
    assert not sim_labels.is_blocked(post, turned) and sim_labels.road_label(post, turned) is None
    beside = post._replace(solid=post.solid + [0.0, 0.1, 0.0, 0.1])  # as near, but it hides nothing
    assert sim_labels.road_label(beside, (0.46, -0.05, 0.0)) is not None


def test_the_roads_target_lies_on_the_centre_line_ahead():
    world = sim_world.make_world("road", 2)
    camera = world.camera._replace(pan=0.0, roll=0.0, cx=111.5)
    world = world._replace(camera=camera)
    for s in np.arange(0, world.track.length_m, 0.5):
        x, y, heading = world.track.at(s)
        px, py = sim_labels.road_target(world, (x, y, heading))
        bend = world.track.curvature()[int((s + 0.14) / world.track.step_m) % len(world.track.points)]
        assert 112 < py < 168  # above the course's y = 0.5, so that y' stays positive
        if abs(bend) > 0.5:
            assert (px < 111.5) == (bend > 0)
        turned_left = sim_labels.road_target(world, (x, y, heading + 0.3))[0]
        assert turned_left > px + 20
