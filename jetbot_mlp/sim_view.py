"""The world from above, with the robot and the way it took: for reports and videos."""
import cv2
import numpy as np

from . import sim_physics
from .sim_world import M_PER_PX

RIM_M = 0.1  # around the world


def draw_from_above(sim, path=None, size=640):
    """A picture of the world from above, x to the right, y up. -> uint8 (H, W, 3) BGR

    sim : Simulator (its robot and path are drawn) or World
    path : None or (n, >= 2) array-like, world x and y in m, drawn as a line; None takes sim's own
    size : of the picture's longer side, px
    """
    world = getattr(sim, "world", sim)
    pixels, scale, shape = _projection(world, size)
    drawn = getattr(sim, "drawn_worlds", {})
    if size not in drawn:
        drawn[size] = _draw_world(world, pixels, scale, shape)
    picture = drawn[size].copy()
    path = getattr(sim, "path", None) if path is None else path
    if path is not None and len(path) > 1:
        cv2.polylines(picture, [pixels([p[:2] for p in list(path)])], False, (255, 120, 30), 2, cv2.LINE_AA)
    if hasattr(sim, "pose"):
        _draw_robot(picture, sim.pose, pixels, scale)
    return picture


def _projection(world, size):
    """-> (function: world (..., 2) m -> int32 px, px per m, (width, height) px), with a rim of RIM_M."""
    x0, y0, x1, y1 = world.bounds
    scale = size / (max(x1 - x0, y1 - y0) + 2 * RIM_M)
    width, height = (max(1, int(round((d + 2 * RIM_M) * scale))) for d in (x1 - x0, y1 - y0))

    def pixels(points):
        points = np.asarray(points, dtype=np.float64)[..., :2]
        return np.round((points - (x0 - RIM_M, y0 - RIM_M)) * (scale, -scale) + (0, height)).astype(np.int32)

    return pixels, scale, (width, height)


def _draw_world(world, pixels, scale, shape):
    x0, y0, x1, y1 = world.bounds
    # the ground's rows run along +y, the picture's along -y
    corner = (np.array([x0 - RIM_M, y1 + RIM_M]) - world.origin_m) / M_PER_PX
    per_px = 1 / (scale * M_PER_PX)
    source, blur = world.ground, max(1, int(round(per_px)))
    if blur > 1:
        source = cv2.blur(source, (blur, blur))
    matrix = np.array([[per_px, 0, corner[0]], [0, -per_px, corner[1]]])
    picture = cv2.warpAffine(source, matrix, shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                             borderMode=cv2.BORDER_CONSTANT, borderValue=(45, 45, 45))
    if world.room is not None:
        for body in world.room.furniture + world.room.obstacles:
            cv2.fillPoly(picture, [pixels(body.outline)], body.top_colour, cv2.LINE_AA)
            cv2.polylines(picture, [pixels(body.outline)], True, (30, 30, 30), 1, cv2.LINE_AA)
    if world.track is None:
        low, high = (tuple(int(v) for v in pixels(corner)) for corner in ((x0, y0), (x1, y1)))
        cv2.rectangle(picture, low, high, (40, 40, 230) if len(world.drops) else (60, 60, 60), 3)
    return picture


def _draw_robot(picture, pose, pixels, scale):
    x, y, heading = pose
    c, s = np.cos(heading), np.sin(heading)
    centre = tuple(int(v) for v in pixels((x, y)))
    cv2.circle(picture, centre, max(2, int(sim_physics.RADIUS_M * scale)), (60, 200, 60), -1, cv2.LINE_AA)
    nose = tuple(int(v) for v in pixels((x + 0.13 * c, y + 0.13 * s)))
    cv2.arrowedLine(picture, centre, nose, (20, 20, 20), 2, cv2.LINE_AA, tipLength=0.4)
    for wx, wy in sim_physics.wheels(pose)[:2]:
        ends = pixels([(wx - 0.03 * c, wy - 0.03 * s), (wx + 0.03 * c, wy + 0.03 * s)])
        cv2.line(picture, tuple(int(v) for v in ends[0]), tuple(int(v) for v in ends[1]), (20, 20, 20), 3)
