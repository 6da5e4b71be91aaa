"""Where pixels look and where points land."""
import numpy as np
import pytest

from jetbot_mlp import sim_camera


@pytest.mark.parametrize("seed", range(5))
def test_projecting_along_a_pixels_ray_comes_back_to_the_pixel(seed):
    camera = sim_camera.random_camera(np.random.RandomState(seed))
    rays = sim_camera.rays(camera)
    points = np.array([camera.forward_m, 0, camera.height_m]) + 0.7 * rays
    py, px = np.mgrid[0:224, 0:224]
    np.testing.assert_allclose(sim_camera.project(camera, points), np.stack([px, py], axis=-1), atol=1e-6)


def test_left_is_left_up_is_up_and_the_view_is_as_wide_as_the_jetbots():
    camera = sim_camera.random_camera(np.random.RandomState(0))._replace(tilt=0, roll=0, pan=0, k1=0)
    at = np.array([camera.forward_m, 0, camera.height_m])
    left, up = sim_camera.project(camera, at + [[1, 0.2, 0], [1, 0, 0.2]])
    assert left[0] < camera.cx and abs(left[1] - camera.cy) < 1e-9
    assert up[1] < camera.cy and abs(up[0] - camera.cx) < 1e-9
    edges = sim_camera.rays(camera)[112, [0, 223]]
    wide = np.degrees(np.arctan2(edges[0, 1], edges[0, 0]) - np.arctan2(edges[1, 1], edges[1, 0]))
    assert 117 < wide < 127


def test_a_tilted_camera_sees_the_horizon_above_the_middle():
    camera = sim_camera.random_camera(np.random.RandomState(0))
    assert sim_camera.project(camera, [1e6, 0, camera.height_m])[1] < 100
