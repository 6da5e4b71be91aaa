"""The simulated camera's geometry: where a pixel looks, and where a point lands.

Frames of reference. Robot: origin on the ground under the middle of the wheel axle, x forward,
y left, z up, metres. Picture: x right, y down, pixels, (0, 0) the centre of the upper left pixel.

Lens: an equidistant fisheye with one distortion term, r = theta * (1 + k1 * theta**2), theta the
angle off the optical axis in rad (Kannala & Brandt 2006, "A generic camera model ...", eq. 6 cut
after two terms; OpenCV's fisheye model). The JetBot's camera (IMX219, 160 degrees diagonal) sees
122 x 89.5 degrees on a 4:3 chip; its driver squeezes that into a square, hence two focal lengths.
"""
from typing import NamedTuple

import numpy as np

WIDTH, HEIGHT = 224, 224


class CameraModel(NamedTuple):
    """Mounting and lens. Lengths in m, angles in rad, focal lengths in px/rad."""

    forward_m: float  #: of the axle
    height_m: float  #: above the ground
    tilt: float  #: down
    roll: float  #: clockwise as seen by the camera
    pan: float  #: to the left
    fx: float
    fy: float
    cx: float  #: px, optical axis
    cy: float
    k1: float  #: per rad**2


def random_camera(random_state):
    """A JetBot's camera, with the small differences that its builder left. -> CameraModel"""
    u = random_state.uniform
    return CameraModel(
        forward_m=u(0.060, 0.075), height_m=u(0.095, 0.110), tilt=np.radians(u(13.0, 19.0)),
        roll=np.radians(u(-1.2, 1.2)), pan=np.radians(u(-1.5, 1.5)),
        fx=WIDTH / np.radians(u(119.0, 125.0)), fy=HEIGHT / np.radians(u(87.0, 92.0)),
        cx=111.5 + u(-3.0, 3.0), cy=111.5 + u(-3.0, 3.0), k1=u(-0.02, 0.03))


def _rotation(camera):
    """(3, 3): rows are the camera's forward, left and up axes in the robot's frame."""
    ct, st = np.cos(camera.tilt), np.sin(camera.tilt)
    cp, sp = np.cos(camera.pan), np.sin(camera.pan)
    cr, sr = np.cos(camera.roll), np.sin(camera.roll)
    pan = np.array([[cp, sp, 0.0], [-sp, cp, 0.0], [0.0, 0.0, 1.0]])
    tilt = np.array([[ct, 0.0, -st], [0.0, 1.0, 0.0], [st, 0.0, ct]])
    roll = np.array([[1.0, 0.0, 0.0], [0.0, cr, sr], [0.0, -sr, cr]])
    return roll.dot(tilt).dot(pan)


def project(camera, points):
    """Points (..., 3) in m, robot frame -> pixels (..., 2) float64, not clipped to the picture."""
    at = np.array([camera.forward_m, 0.0, camera.height_m])
    seen = (np.asarray(points, dtype=np.float64) - at).dot(_rotation(camera).T)
    forward, left, up = seen[..., 0], seen[..., 1], seen[..., 2]
    across = np.maximum(np.sqrt(left * left + up * up), 1e-12)
    theta = np.arctan2(across, forward)
    scale = theta * (1.0 + camera.k1 * theta * theta) / across
    return np.stack([camera.cx - camera.fx * scale * left, camera.cy - camera.fy * scale * up], axis=-1)


def rays(camera):
    """Unit vectors (HEIGHT, WIDTH, 3) float64, robot frame: where each pixel looks (inverse of project)."""
    px, py = np.meshgrid(np.arange(WIDTH, dtype=np.float64), np.arange(HEIGHT, dtype=np.float64))
    left, up = (camera.cx - px) / camera.fx, (camera.cy - py) / camera.fy
    radius = np.maximum(np.sqrt(left * left + up * up), 1e-12)
    theta = radius.copy()
    for _ in range(5):  # Newton's method on theta + k1 theta^3 = radius; 5 steps reach 1e-12 here
        theta -= (theta + camera.k1 * theta ** 3 - radius) / (1.0 + 3.0 * camera.k1 * theta ** 2)
    across = np.sin(theta) / radius
    return np.stack([np.cos(theta), across * left, across * up], axis=-1).dot(_rotation(camera))
