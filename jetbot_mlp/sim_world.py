"""Worlds: everything that a seed decides, from the track to the motors' trim."""
from typing import NamedTuple, Optional

import cv2
import numpy as np

from . import sim_camera, sim_physics, sim_room, sim_texture, sim_track

WORLD_KINDS = ("road", "room", "both")
ROAD_STYLES = ("mat", "tape")
EVALUATION_SEED_OFFSET = 1000000000  # worlds to judge by; simulate() never comes near (see sim_dataset)
M_PER_PX = 0.003  # of the ground's picture
VERGE_M = 0.25  # the robot may leave the road by this much; then the world ends and holds it
RIM_M = 0.1  # rooms: the ground goes on under the walls by this much
FAR_M = 1.5  # road worlds: ground farther away than this is part of the background
START_CLEAR_M = 0.9  # of the lane ahead of the axle when a robot starts


class Look(NamedTuple):
    """What light and sensor do to the picture."""

    shading: np.ndarray  #: uint8 (224, 224, 3), 128 = unchanged: exposure, colour cast, vignette
    noise: float  #: standard deviation, grey levels
    blur: float  #: standard deviation, px


class World(NamedTuple):
    """A place to drive in. Lengths in m, world frame x right, y up."""

    kind: str  #: 'road', 'room', or 'both': a road with obstacles
    seed: int
    style: str  #: of the road (ROAD_STYLES) or the room (ROOM_KINDS)
    ground: np.ndarray  #: uint8 (H, W, 3) BGR; rows along +y, columns along +x
    origin_m: np.ndarray  #: (2,), world place of ground[0, 0]
    background: np.ndarray  #: uint8 BGR, closed panorama (sim_texture.panorama)
    lower_floor: Optional[np.ndarray]  #: uint8 BGR, what is seen below a table's edge
    track: Optional[sim_track.Track]
    room: Optional[sim_room.Room]  #: what stands there
    solid: np.ndarray  #: (s, 4) segments that hold the robot
    ends: np.ndarray  #: (e, 4) segments that hold it, too, where a road's world ends; nobody sees them
    drops: np.ndarray  #: (d, 4) segments beyond which it falls
    bounds: tuple  #: (x0, y0, x1, y1) of what can be driven on
    camera: sim_camera.CameraModel
    motors: sim_physics.Motors
    look: Look


def make_world(kind, seed):
    """The world of a kind ('road', 'room' or 'both') with a seed (0 to 2**32 - 1). -> World

    The same seed gives the same world, bit for bit on one machine. 'both' is the road world of that
    seed with 1 to 3 obstacles on the lane and some beside it.
    """
    if kind not in WORLD_KINDS:
        raise ValueError("expected kind 'road', 'room' or 'both', found %r: choose one of them" % (kind,))
    rs = np.random.RandomState(seed)
    return {"road": _road, "room": _room, "both": _both}[kind](rs, int(seed))


def _sensor(rs):
    """Exposure, the cast and dark corners of a cheap wide-angle module, noise and softness. -> Look"""
    y, x = (np.mgrid[0:224, 0:224] - 111.5) / 158.0
    r2 = x * x + y * y  # 1 in the corners
    cast = 1 + rs.uniform(-0.10, 0.10, 3)
    pink = rs.choice([0.0, 1.0]) * rs.uniform(0.1, 0.5) * np.array([0.8, 0.0, 1.0])  # BGR, grows outwards
    r2 = r2[..., None]
    gain = rs.uniform(0.78, 1.18) * cast * (1 + pink * r2) * (1 - rs.uniform(0.1, 0.5) * r2)
    return Look(np.clip(128 * gain, 0, 255).astype(np.uint8), rs.uniform(1.5, 7.0), rs.uniform(0.45, 0.8))


def _equipment(rs):
    return {"camera": sim_camera.random_camera(rs), "motors": sim_physics.random_motors(rs),
            "look": _sensor(rs)}


def _road(rs, seed):
    style = ROAD_STYLES[rs.randint(2)]
    track = sim_track.random_track(rs)
    reach = track.half_width_m + VERGE_M
    low, high = track.points.min(0) - reach, track.points.max(0) + reach
    origin = low - FAR_M - 0.15
    width, height = ((high - low + 2 * (FAR_M + 0.15)) / M_PER_PX).astype(int)
    floor = sim_texture.FLOORS[rs.randint(len(sim_texture.FLOORS))]
    ground = sim_texture.floor(rs, floor, height, width, M_PER_PX)
    far = ground[::40, ::40].reshape(-1, 3).mean(0)
    paint = sim_texture.paint_road if style == "mat" else sim_texture.paint_tape
    paint(rs, ground, track, origin, M_PER_PX)
    ground = cv2.GaussianBlur(ground, (3, 3), 0)  # print and tape have no pixel-sharp edges
    sim_texture.light_ground(rs, ground)
    x0, y0, x1, y1 = bounds = tuple(float(v) for v in np.hstack([low, high]))
    ends = np.array([[x0, y0, x1, y0], [x1, y0, x1, y1], [x1, y1, x0, y1], [x0, y1, x0, y0]])
    return World("road", seed, style, ground, origin, sim_texture.panorama(rs, 224, 660, 112, far), None,
                 track, None, np.zeros((0, 4)), ends, np.zeros((0, 4)), bounds, **_equipment(rs))


def _both(rs, seed):
    world = _road(rs, seed)
    room = sim_room.lane_obstacles(rs, world.track, world.bounds)
    outlines = [body.outline for body in room.obstacles]
    sim_texture.contact_shadows(world.ground, outlines, None, world.origin_m, M_PER_PX)
    return world._replace(kind="both", room=room, solid=room.solid)


def _room(rs, seed):
    kind = sim_room.ROOM_KINDS[rs.choice(3, p=[0.4, 0.25, 0.35])]
    room = sim_room.random_room(rs, kind)
    origin = np.full(2, -RIM_M)
    width, height = (int(np.ceil((v + 2 * RIM_M) / M_PER_PX)) for v in room.size_m)
    floor = sim_texture.FLOORS[rs.randint(len(sim_texture.FLOORS))]
    ground = sim_texture.floor(rs, floor, height, width, M_PER_PX)
    sim_texture.light_ground(rs, ground)
    outlines = [body.outline for body in room.furniture + room.obstacles]
    walls = None if kind == "table" else np.array([[0, 0], room.size_m])
    sim_texture.contact_shadows(ground, outlines, walls, origin, M_PER_PX)
    lower = None
    if kind == "table":
        other = sim_texture.FLOORS[rs.randint(len(sim_texture.FLOORS))]
        lower = sim_texture.floor(rs, other, 800, 800, 0.012)
        # less light reaches the floor below; it must be told from the table, or nobody could see the edge
        most = 0.6 * ground[::40, ::40].mean() / lower[::40, ::40].mean()
        lower = _darker(lower, min(most, rs.uniform(0.4, 0.8)))
    background = sim_texture.panorama(rs, 224, 660, 112, ground[::40, ::40].reshape(-1, 3).mean(0)
                                      if lower is None else lower[::40, ::40].reshape(-1, 3).mean(0))
    return World("room", seed, kind, ground, origin, background, lower, None, room, room.solid,
                 np.zeros((0, 4)), room.drops, (0.0, 0.0) + tuple(room.size_m), **_equipment(rs))


def _darker(picture, factor):
    """A darker copy of a uint8 picture."""
    return (picture * np.float32(factor)).astype(np.uint8)


def start_pose(world, random_state):
    """A pose (x, y, heading) to start from: on free road, looking along it, or in the open."""
    rs = random_state
    if world.track is not None:
        while True:
            along = rs.uniform(0, world.track.length_m)
            if _lane_is_clear(world, along):
                x, y, heading = world.track.at(along)
                return x, y, heading + rs.uniform(-0.05, 0.05)
    while True:
        pose = free_pose(world, rs, 0.25)
        if sim_room.clear_ahead(barriers(world), pose, 0.13) > 0.5:
            return pose


def _lane_is_clear(world, along_m):
    """True when a robot can drive START_CLEAR_M from there with 5 cm to spare on both sides."""
    ahead = [world.track.at(along_m + d)[:2] for d in np.arange(0.0, START_CLEAR_M + 0.01, 0.05)]
    return sim_room.distance(barriers(world), ahead) > sim_physics.RADIUS_M + 0.05


def free_pose(world, random_state, gap_m):
    """A random pose in a room whose centre is gap_m away from everything."""
    x0, y0, x1, y1 = world.bounds
    while True:
        pose = (random_state.uniform(x0 + gap_m, x1 - gap_m), random_state.uniform(y0 + gap_m, y1 - gap_m),
                random_state.uniform(-np.pi, np.pi))
        if can_stand(world, pose, gap_m):
            return pose


def can_stand(world, pose, gap_m):
    """True when the robot's centre is outside of everything solid and gap_m away from it."""
    return sim_room.distance(barriers(world), pose[:2]) > gap_m and not _inside_a_body(world, pose)


def _inside_a_body(world, pose):
    for body in [] if world.room is None else world.room.furniture + world.room.obstacles:
        side = np.roll(body.outline, -1, axis=0) - body.outline
        gap = np.array(pose[:2]) - body.outline
        if (side[:, 0] * gap[:, 1] - side[:, 1] * gap[:, 0] > 0).all():
            return True
    return False


def barriers(world):
    """(n, 4) m: all segments to be seen that a robot must not cross."""
    return np.vstack([world.solid, world.drops])
