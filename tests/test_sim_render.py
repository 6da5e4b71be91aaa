"""What the simulated camera sees."""
import cv2
import numpy as np
import pytest

from jetbot_mlp import sim_camera, sim_room, sim_world
from jetbot_mlp.sim_render import FlatView, Renderer, UprightView

CAMERA = sim_camera.random_camera(np.random.RandomState(0))


def _empty_room(obstacles=(), wall_faces=()):
    nothing = np.zeros((0, 4))
    return sim_room.Room("walls", (4, 4), list(wall_faces), [], list(obstacles), nothing, nothing)


def test_a_mark_on_the_ground_is_seen_where_the_lens_projects_it():
    ground = np.zeros((1000, 1000, 3), np.uint8)
    cv2.circle(ground, (600, 450), 6, (255, 255, 255), -1)  # at x = 1.8 m, y = 1.35 m
    view = FlatView(CAMERA, ground, 0.003, np.zeros(2), np.zeros((224, 660, 3), np.uint8), 1.0)
    for pose in ((1.45, 1.35, 0.0), (1.8, 1.75, -1.4), (2.2, 1.2, 2.6)):
        c, s = np.cos(pose[2]), np.sin(pose[2])
        dx, dy = 1.8 - pose[0], 1.35 - pose[1]
        expected = sim_camera.project(CAMERA, [c * dx + s * dy, c * dy - s * dx, 0.0])
        seen = view.picture(pose)[..., 0].astype(float)
        y, x = np.mgrid[0:224, 0:224]
        centre = np.array([(x * seen).sum(), (y * seen).sum()]) / seen.sum()
        np.testing.assert_allclose(centre, expected, atol=1.0)


def test_the_background_turns_with_the_robot_and_closes_after_a_whole_turn():
    background = np.zeros((224, 660, 3), np.uint8)
    background[:, 100:104] = 255
    view = FlatView(CAMERA, np.zeros((64, 64, 3), np.uint8), 0.003, np.zeros(2), background, 1.0)
    mark = 1.5 - 102 / 660 * 2 * np.pi  # rad; the panorama's column 0 is at 1.5 rad, columns run to the right
    for heading in (mark - 0.3, mark, mark + 0.3):
        a, b = view.picture((0, 0, heading)), view.picture((0, 0, heading + 2 * np.pi))
        assert abs(a.astype(int) - b).max() <= 8 and a.any()
    columns = [view.picture((0, 0, mark + turn))[5, :, 0].argmax() for turn in (-0.3, 0.3)]
    assert 0 < columns[0] < 112 < columns[1]  # turning left moves the world to the right


def test_the_nearer_obstacle_hides_the_farther_one_and_one_behind_is_not_seen():
    near = sim_room.box((0.5, 0.0), 0.1, 0.1, 0.0, 0.2, (0, 0, 255), (1, 0))
    far = sim_room.box((0.9, 0.0), 0.1, 0.1, 0.0, 0.2, (0, 255, 0), (1, 0))
    behind = sim_room.box((-0.5, 0.0), 0.3, 0.3, 0.0, 0.5, (255, 0, 0), (1, 0))
    for order in ((near, far, behind), (behind, far, near)):
        picture = np.zeros((224, 224, 3), np.uint8)
        UprightView(CAMERA, _empty_room(order)).paint(picture, (0.0, 0.0, 0.0))
        x, y = sim_camera.project(CAMERA, [0.45, 0.0, 0.1]).astype(int)
        assert picture[y, x, 2] > 100 and picture[y, x, 1] == 0
        assert not picture[..., 0].any()


def test_a_face_ends_where_the_lens_projects_its_corners():
    wall = sim_room.Face((1.0, 0.5), (1.0, -0.5), 0.0, 0.3, (255, 255, 255))
    towards, away = (np.zeros((224, 224, 3), np.uint8) for _ in range(2))
    flipped = wall._replace(a=wall.b, b=wall.a)
    for picture, face in ((towards, flipped), (away, wall)):
        UprightView(CAMERA, _empty_room(wall_faces=[face])).paint(picture, (0.0, 0.0, 0.0))
    seen = towards if towards.any() else away
    assert not (towards.any() and away.any())  # a face has one side
    rows, columns = np.nonzero(seen[..., 0])
    left, right = (sim_camera.project(CAMERA, [1.0, y, 0.0])[0] for y in (0.5, -0.5))
    assert abs(columns.min() - left) < 3 and abs(columns.max() - right) < 3
    assert abs(rows.max() - sim_camera.project(CAMERA, [1.0, 0.0, 0.0])[1]) < 4


def test_a_wall_that_passes_beside_the_robot_is_cut_off_at_the_lens_not_turned_inside_out():
    wall = sim_room.Face((2.0, 0.3), (-2.0, 0.3), 0.0, 2.4, (255, 255, 255))
    pictures = []
    for face in (wall, wall._replace(a=wall.b, b=wall.a)):
        picture = np.zeros((224, 224, 3), np.uint8)
        UprightView(CAMERA, _empty_room(wall_faces=[face])).paint(picture, (0.0, 0.0, 0.0))
        pictures.append(picture[..., 0])
    picture = max(pictures, key=np.sum)
    assert picture[60:110, :40].min() == 255 and picture[:, 130:].max() == 0


def test_low_things_show_their_top():
    book = sim_room.box((0.45, 0.0), 0.2, 0.2, 0.0, 0.03, (100, 100, 100), (1, 0))
    picture = np.zeros((224, 224, 3), np.uint8)
    UprightView(CAMERA, _empty_room([book._replace(top_colour=(0, 0, 250))])).paint(picture, (0.0, 0.0, 0.0))
    x, y = np.round(sim_camera.project(CAMERA, [0.45, 0.0, 0.03])).astype(int)
    assert tuple(picture[y, x]) == (0, 0, 250)


@pytest.mark.parametrize("kind", sim_world.WORLD_KINDS)
def test_pictures_are_uint8_224_square_new_each_time_and_repeat_with_the_seed(kind):
    world = sim_world.make_world(kind, 4)
    pose = sim_world.start_pose(world, np.random.RandomState(0))
    first, second = Renderer(world, np.random.RandomState(1)), Renderer(world, np.random.RandomState(1))
    one, two = first.picture(pose), second.picture(pose)
    assert one.shape == (224, 224, 3) and one.dtype == np.uint8 and 15 < one.mean() < 240
    np.testing.assert_array_equal(one, two)
    again = first.picture(pose)
    assert again is not one and (again != one).any()  # the noise goes on


def test_beyond_a_tables_edge_another_floor_is_seen():
    world = next(w for w in (sim_world.make_world("room", s) for s in range(20)) if w.style == "table")
    look = world.look._replace(shading=np.full((224, 224, 3), 128, np.uint8), noise=0.0)
    world = world._replace(ground=np.full_like(world.ground, 255), look=look,
                           lower_floor=np.zeros_like(world.lower_floor),
                           room=world.room._replace(obstacles=[]), background=np.zeros_like(world.background))
    x = world.bounds[2] - 0.4
    picture = Renderer(world, np.random.RandomState(0)).picture((x, world.bounds[3] / 2, 0.0))
    before, beyond = (np.round(sim_camera.project(world.camera, [d, 0, 0])).astype(int) for d in (0.3, 0.5))
    assert picture[before[1], before[0]].min() > 200 and picture[beyond[1], beyond[0]].max() < 60


def test_obstacles_stand_on_the_same_road_that_is_seen_without_them():
    road, both = (sim_world.make_world(kind, 5) for kind in ("road", "both"))
    x, y = both.room.obstacles[0].centre
    along = both.track.locate([(x, y)])[0][0]
    empty = both._replace(room=both.room._replace(obstacles=[]), ground=road.ground)
    seen = [Renderer(world, np.random.RandomState(0)).picture(road.track.at(along - 0.5))
            for world in (road, empty, both)]
    np.testing.assert_array_equal(seen[0], seen[1])
    assert 0.01 < (abs(seen[2].astype(int) - seen[0]).max(axis=2) > 25).mean() < 0.6
