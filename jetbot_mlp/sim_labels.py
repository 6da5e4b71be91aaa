"""Ground truth: is the way ahead blocked, and where on the picture does the road go?

Labels follow the course's conventions: collision class 0 = blocked, 1 = free; the road's target in
pixels of the 224 picture.
"""
import numpy as np

from . import sim_camera, sim_physics, sim_room, sim_world

STOPPING_M = 0.22  # that must be clear ahead of the bumper
SIDE_M = 0.025  # that must be clear beside the robot
BAND_M = 0.03  # frames this near to the border between the classes get no label
SIDE_BAND_M = 0.012
VISIBLE_M = 0.14  # ahead of the axle; nearer things at the robot's sides are out of the picture
LOOK_AHEAD_M = 0.28  # along the centre line, from the point next to the axle's middle
BEAM_M = 0.015  # half the width of the line of sight to the target that must be clear


def is_blocked(world, pose):
    """True when something solid or a drop lies in the safety bubble.

    The bubble is the robot's width plus SIDE_M on both sides, from the axle to STOPPING_M ahead of
    the bumper. pose : (x, y, heading)
    """
    clear = sim_room.clear_ahead(sim_world.barriers(world), pose, sim_physics.RADIUS_M + SIDE_M)
    return clear < sim_physics.RADIUS_M + STOPPING_M


def collision_label(world, pose):
    """'blocked', 'free', or None for a pose so near to the border that people would not agree.

    What blocks must also be in the picture: a frame whose only obstacle is beside the lens gets None.
    """
    segments = sim_world.barriers(world)
    half, reach = sim_physics.RADIUS_M + SIDE_M, sim_physics.RADIUS_M + STOPPING_M
    x, y, heading = pose
    seen_from = x + VISIBLE_M * np.cos(heading), y + VISIBLE_M * np.sin(heading), heading
    if sim_room.clear_ahead(segments, seen_from, half - SIDE_BAND_M) < reach - BAND_M - VISIBLE_M:
        return "blocked"
    if sim_room.clear_ahead(segments, pose, half + SIDE_BAND_M) > reach + BAND_M:
        return "free"
    return None


def road_label(world, pose):
    """road_target for a pose in which people could tell it, or None.

    None: the safety bubble is blocked (then the road is not what counts), or an obstacle stands
    between the lens and the target.
    """
    if is_blocked(world, pose):
        return None
    tx, ty = _target_place(world, pose, None, LOOK_AHEAD_M)
    lens_m = world.camera.forward_m
    x, y = pose[0] + lens_m * np.cos(pose[2]), pose[1] + lens_m * np.sin(pose[2])
    sight = x, y, np.arctan2(ty - y, tx - x)
    if sim_room.clear_ahead(sim_world.barriers(world), sight, BEAM_M) < np.hypot(tx - x, ty - y) + BEAM_M:
        return None
    return road_target(world, pose)


def _target_place(world, pose, near_m, look_ahead_m):
    along, _ = world.track.locate([pose[:2]], near_m)
    return world.track.at(along[0] + look_ahead_m)[:2]


def road_target(world, pose, near_m=None, look_ahead_m=LOOK_AHEAD_M):
    """The lane's centre look_ahead_m ahead in the picture: (x, y) float px, clipped to 0..223.

    near_m : place along the track where the robot is known to be (see Track.locate)
    """
    tx, ty = _target_place(world, pose, near_m, look_ahead_m)
    c, s = np.cos(pose[2]), np.sin(pose[2])
    dx, dy = tx - pose[0], ty - pose[1]
    pixel = sim_camera.project(world.camera, np.array([c * dx + s * dy, c * dy - s * dx, 0.0]))
    return tuple(float(v) for v in np.clip(pixel, 0, (sim_camera.WIDTH - 1, sim_camera.HEIGHT - 1)))
