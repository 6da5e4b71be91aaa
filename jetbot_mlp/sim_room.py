"""Rooms and what stands about: upright faces to look at and segments to bump into.

World frame: metres, x right, y up, z from the ground. Everything solid is a convex polygon of
upright faces; what the robot can't pass is a list of segments (x0, y0, x1, y1) on the ground.
"""
from typing import NamedTuple, Optional

import numpy as np

ROOM_KINDS = ("walls", "boards", "table")
SMALLEST_GAP_M = 0.45  # between obstacles: a JetBot (0.20 m) and the safety bubble pass
ON_LANE_M = 0.06  # at most, from the centre line to the middle of an obstacle on the lane
BESIDE_M = 0.30  # at least, to one beside it: too far to block a robot that keeps to the lane in a bend


class Face(NamedTuple):
    """An upright rectangle, seen from the side to the right of a -> b."""

    a: tuple  #: (x, y) m
    b: tuple
    low: float  #: m, z of the lower edge
    high: float
    colour: tuple  #: BGR, 0 to 255


class Body(NamedTuple):
    """Something solid: faces in the order in which they are painted, and its outline."""

    centre: tuple  #: (x, y) m
    faces: list
    outline: np.ndarray  #: (n, 2) m, counter-clockwise
    top_m: float  #: height of the top face
    top_colour: tuple


class Room(NamedTuple):
    kind: str  #: one of ROOM_KINDS, or 'lane' for what stands on and beside a road
    size_m: Optional[tuple]  #: (width, depth); the floor is [0, width] x [0, depth]; None: no walls, no edges
    wall_faces: list
    furniture: list  #: Body along the walls, painted before the obstacles
    obstacles: list  #: Body
    solid: np.ndarray  #: (s, 4) m segments that hold the robot
    drops: np.ndarray  #: (d, 4) m segments beyond which the robot falls


def _segments(outline):
    return np.hstack([outline, np.roll(outline, -1, axis=0)])


def _prism(centre, outline, bands, top_colour, light):
    """A Body of bands (low, high, colour); faces are darker where they are turned from the light."""
    faces = []
    for low, high, colour in bands:
        for p, q in zip(outline, np.roll(outline, -1, axis=0)):
            across = (q - p) / max(np.hypot(*(q - p)), 1e-9)
            shade = 0.80 + 0.20 * (across[1] * light[0] - across[0] * light[1])
            faces.append(Face(tuple(p), tuple(q), low, high, tuple(float(c * shade) for c in colour)))
    return Body(tuple(centre), faces, outline, bands[0][1], top_colour)


def box(centre, width, depth, heading, height, colour, light, random_state=None):
    """A box; with a random state it gets a label on its sides. -> Body"""
    c, s = np.cos(heading), np.sin(heading)
    corners = np.array([[-width, -depth], [width, -depth], [width, depth], [-width, depth]]) / 2
    outline = corners.dot(np.array([[c, s], [-s, c]])) + centre
    body = _prism(centre, outline, [(0.0, height, colour)], tuple(min(255, 1.08 * v) for v in colour), light)
    if random_state is not None and random_state.rand() < 0.6:
        paint = tuple(random_state.uniform(20, 240, 3))
        left, right = np.sort(random_state.uniform(0.1, 0.9, 2))
        low, high = np.sort(random_state.uniform(0.1, 0.9, 2)) * height
        for f in body.faces[:4]:
            a, b = np.array(f.a), np.array(f.b)
            body.faces.append(Face(tuple(a + left * (b - a)), tuple(a + right * (b - a)), low, high, paint))
    return body


def cylinder(centre, radius, bands, light, sides=14):
    """A round thing with bands (low, high, colour) one above or upon the other. -> Body"""
    angle = 2 * np.pi * np.arange(sides) / sides
    outline = np.stack([np.cos(angle), np.sin(angle)], axis=1) * radius + centre
    return _prism(centre, outline, bands, tuple(0.9 * v for v in bands[0][2]), light)


def bottle(centre, random_state, light):
    """A bottle with a label and a neck. -> Body"""
    rs = random_state
    radius, height, glass = rs.uniform(0.030, 0.045), rs.uniform(0.14, 0.22), tuple(rs.uniform(10, 120, 3))
    label = (0.25 * height, 0.75 * height, tuple(rs.uniform(90, 245, 3)))
    body = cylinder(centre, radius, [(0.0, height, glass), label], light)
    neck = cylinder(centre, 0.4 * radius, [(height, 1.4 * height, glass)], light, sides=8)
    return body._replace(faces=body.faces + neck.faces)


def random_obstacle(centre, random_state, light):
    """Something that stands about: box, book, shoe box, bottle, can, bin, table leg. -> Body"""
    rs, u = random_state, random_state.uniform
    vivid = tuple(rs.permutation([rs.uniform(10, 90), rs.uniform(30, 190), rs.uniform(120, 235)]))
    dull = tuple(np.clip(rs.uniform(30, 220) + rs.uniform(-15, 15, 3), 0, 255))
    colour = vivid if rs.rand() < 0.55 else dull
    turn = rs.uniform(0, np.pi)
    kind = rs.randint(7)
    if kind == 0:
        return box(centre, u(.14, .30), u(.12, .25), turn, u(.12, .35), colour, light, rs)
    if kind == 1:  # a book that lies there
        return box(centre, u(.15, .24), u(.12, .17), turn, u(.025, .05), colour, light)
    if kind == 2:  # a shoe box
        return box(centre, u(.28, .34), u(.17, .20), turn, u(.09, .12), colour, light, rs)
    if kind == 3:
        return bottle(centre, rs, light)
    if kind == 4:  # a can or a mug
        tall = u(.08, .13)
        return cylinder(centre, u(.032, .045), [(0, tall, colour), (.2 * tall, .8 * tall, dull)], light)
    if kind == 5:  # a bin or a bucket
        return cylinder(centre, u(.10, .14), [(0, u(.22, .35), colour)], light, sides=20)
    wide = u(.03, .06)  # a leg of a table
    return box(centre, wide, wide, turn, 0.7, dull, light)


def outline_of(body):
    """The sides of a body on the floor: (n, 4) segments in m."""
    return _segments(body.outline)


def border(room):
    """The walls of a room with walls: (4, 4) segments in m; (0, 4) where there are none."""
    if room.kind not in ("walls", "boards"):
        return np.zeros((0, 4))
    width, depth = room.size_m
    return _segments(np.array([[0, 0], [width, 0], [width, depth], [0, depth]], float))


def _wall(a, b, height, rs, colour, plain):
    """The faces of one wall from a to b (a -> b with the room on the right)."""
    a, b = np.array(a, float), np.array(b, float)
    length = np.hypot(*(b - a))

    def part(start, end, low, high, paint):
        along = (b - a) / length
        return Face(tuple(a + along * start), tuple(a + along * end), low, high, tuple(paint))

    shade = rs.uniform(0.85, 1.0)
    pieces = np.linspace(0, length, 7)
    faces = [part(s, e, 0.0, height, np.clip(colour * shade * rs.uniform(0.975, 1.025), 0, 255))
             for s, e in zip(pieces[:-1], pieces[1:])]
    if plain:
        return faces
    if rs.rand() < 0.8:
        skirting = np.clip(colour * rs.choice([0.45, 0.7, 1.2]), 0, 250)
        faces.append(part(0, length, 0.0, rs.uniform(0.05, 0.10), skirting))
    for _ in range(rs.randint(1, 4)):  # doors, curtains, pictures, sockets, radiators
        wide, low, high = ((0.8, 0.0, 2.0), (0.6, 0.05, 2.4), (0.4, 0.7, 1.3), (0.08, 0.2, 0.28),
                           (0.7, 0.12, 0.6))[rs.randint(5)]
        start = rs.uniform(0, max(0.01, length - wide))
        paint = np.clip(rs.uniform(40, 230) + rs.uniform(-25, 25, 3), 0, 255)
        faces.append(part(start, min(start + wide, length), low, min(high, height), paint))
    return faces


def random_room(random_state, kind):
    """A room of a kind in ROOM_KINDS. -> Room

    'walls': a room of a house; 'boards': an arena of low boards; 'table': its edges are drops.
    """
    rs = random_state
    width, depth = (rs.uniform(2.0, 3.0), rs.uniform(1.6, 2.2)) if kind == "table" else \
        (rs.uniform(2.2, 3.6), rs.uniform(1.9, 3.0))
    turn = rs.uniform(0, 2 * np.pi)
    light = (np.cos(turn), np.sin(turn))
    corners = np.array([[0, 0], [width, 0], [width, depth], [0, depth]])
    wall_faces, furniture, solid, drops = [], [], [], np.zeros((0, 4))
    if kind == "table":
        drops = _segments(corners)
    else:
        height = 2.4 if kind == "walls" else rs.uniform(0.16, 0.32)
        colour = rs.uniform(90, 230) + rs.uniform(-22, 22, 3)
        for a, b in zip(corners, np.roll(corners, -1, axis=0)):
            wall_faces += _wall(b, a, height, rs, colour, plain=kind == "boards")
        solid.append(_segments(corners))
    if kind == "walls":
        for _ in range(rs.randint(0, 4)):  # cupboards, sofas: each against a wall, none in a corner's way
            furniture += _cupboard(rs, width, depth, light, furniture)
    wanted = rs.randint(2, 5) if kind == "table" else rs.randint(3, 8)

    def inside(outline):
        low, high = outline.min(0), outline.max(0)
        return min(low.min(), width - high[0], depth - high[1]) >= SMALLEST_GAP_M

    obstacles = _scatter(rs, light, furniture, wanted, inside,
                         lambda: (rs.uniform(0.3, width - 0.3), rs.uniform(0.3, depth - 0.3)))
    solid += [_segments(b.outline) for b in furniture + obstacles]
    return Room(kind, (width, depth), wall_faces, furniture, obstacles,
                np.vstack(solid) if solid else np.zeros((0, 4)), drops)


def _cupboard(rs, width, depth, light, others):
    long, deep, tall = rs.uniform(0.4, 0.9), rs.uniform(0.2, 0.4), rs.uniform(0.3, 1.8)
    side = rs.randint(4)
    along = rs.uniform(0, (width if side < 2 else depth) - long) + long / 2
    x, y, turn = ((along, deep / 2, 0.0), (along, depth - deep / 2, 0.0), (deep / 2, along, np.pi / 2),
                  (width - deep / 2, along, np.pi / 2))[side]
    if any(np.hypot(x - b.centre[0], y - b.centre[1]) < 1.3 for b in others):
        return []
    colour = tuple(np.clip(rs.uniform(30, 200) + rs.uniform(-20, 40, 3), 0, 255))
    return [box((x, y), long, deep, turn, tall, colour, light, rs)]


def lane_obstacles(random_state, track, bounds):
    """1 to 3 obstacles on a track's lane and up to 4 beside it. -> Room without walls

    track : sim_track.Track; bounds : (x0, y0, x1, y1) m of the world, in which they stand
    """
    rs = random_state
    turn = rs.uniform(0, 2 * np.pi)
    light = (np.cos(turn), np.sin(turn))

    def place(nearest, farthest):
        x, y, heading = track.at(rs.uniform(0, track.length_m))
        side = rs.choice([-1.0, 1.0]) * rs.uniform(nearest, farthest)
        return x - side * np.sin(heading), y + side * np.cos(heading)

    def off_the_lane(outline):
        inside = (outline > bounds[:2]).all() and (outline < bounds[2:]).all()
        return inside and distance(_segments(outline), track.points[::5]) > BESIDE_M

    on = _scatter(rs, light, [], rs.randint(1, 4), lambda outline: True, lambda: place(0.0, ON_LANE_M))
    beside = _scatter(rs, light, on, rs.randint(1, 5), off_the_lane, lambda: place(BESIDE_M, 0.9))
    solid = np.vstack([_segments(b.outline) for b in on + beside])
    return Room("lane", None, [], [], on + beside, solid, np.zeros((0, 4)))


def _scatter(rs, light, others, wanted, fits, place):
    """Obstacles at random places that leave SMALLEST_GAP_M to each other and to the other bodies.

    fits : function outline (n, 2) m -> bool; place : function () -> (x, y) m
    """
    bodies = []
    for _ in range(300):
        if len(bodies) == wanted:
            break
        body = random_obstacle(place(), rs, light)
        if fits(body.outline) and all(_gap(body.outline, other.outline) > SMALLEST_GAP_M
                                      for other in bodies + others):
            bodies.append(body)
    return bodies


def _gap(outline, other):
    """Distance of two convex outlines in m (from the corners of each to the sides of the other)."""
    return min(distance(_segments(other), outline), distance(_segments(outline), other))


def distance(segments, points):
    """The smallest from points (2,) or (n, 2) to segments (s, 4), in m; inf without segments."""
    if not len(segments):
        return np.inf
    points = np.asarray(points, dtype=np.float64)
    ax, ay, bx, by = segments.T
    dx, dy, px, py = bx - ax, by - ay, points[..., :1] - ax, points[..., 1:2] - ay
    t = np.clip((px * dx + py * dy) / (dx * dx + dy * dy), 0.0, 1.0)
    return float(np.sqrt(((px - t * dx) ** 2 + (py - t * dy) ** 2).min()))


def clear_ahead(segments, pose, half_width_m):
    """How far the strip |y| <= half_width_m ahead of the axle is clear, in m; inf when it is.

    segments : (s, 4) m, world frame; pose : (x, y, heading)
    """
    if not len(segments):
        return np.inf
    x, y, heading = pose
    c, s = np.cos(heading), np.sin(heading)
    dx, dy = segments[:, 0::2] - x, segments[:, 1::2] - y
    ahead, left = c * dx + s * dy, c * dy - s * dx  # (s, 2): both ends in the robot's frame
    # clip each segment to the strip: parameters t of the part with |left| <= half_width
    span = left[:, 1] - left[:, 0]
    safe = np.where(abs(span) < 1e-12, 1e-12, span)
    t1, t2 = (-half_width_m - left[:, 0]) / safe, (half_width_m - left[:, 0]) / safe
    start, end = np.maximum(np.minimum(t1, t2), 0.0), np.minimum(np.maximum(t1, t2), 1.0)
    run = ahead[:, 1] - ahead[:, 0]
    a, b = ahead[:, 0] + start * run, ahead[:, 0] + end * run
    inside = (start <= end) & (np.maximum(a, b) >= 0.0)
    if not inside.any():
        return np.inf
    return float(max(0.0, np.minimum(a, b)[inside].min()))
