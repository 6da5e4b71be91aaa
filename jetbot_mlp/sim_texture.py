"""Pictures for the simulator's world: floors, road paint, light on the ground, the far background.

Everything is uint8 BGR; a floor's rows run along the world's +y, its columns along +x.
Each function takes a np.random.RandomState and draws all its chance from it.
"""
import cv2
import numpy as np

FLOORS = ("wood", "carpet", "tile", "concrete", "plain")
_BASE_COLOURS = {  # BGR, the range a floor of this kind is drawn from
    "wood": ((50, 90, 130), (130, 170, 205)),
    "carpet": ((70, 70, 75), (165, 165, 170)),
    "tile": ((110, 120, 125), (190, 200, 205)),
    "concrete": ((95, 100, 100), (150, 155, 160)),
    "plain": ((90, 95, 100), (215, 220, 225)),
}
TILE_PX = 768  # floors repeat after this many pixels


def clouds(random_state, height, width, cells, weights):
    """Smooth noise, float32 (height, width), about -1 to 1: one layer for each number of cells."""
    total = np.zeros((height, width), np.float32)
    for n, weight in zip(cells, weights):
        small = random_state.uniform(-weight, weight, (n, n)).astype(np.float32)
        total += cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return total


def tint(tone, colour):
    """A grey picture (128 = the colour itself) coloured. -> uint8 (H, W, 3)"""
    level = np.arange(256, dtype=np.float64) / 128.0
    return cv2.merge([cv2.LUT(tone, np.clip(level * c, 0, 255).astype(np.uint8)) for c in colour])


def floor(random_state, kind, height, width, m_per_px):
    """A floor of a kind in FLOORS. -> uint8 (height, width, 3)"""
    rs = random_state
    low, high = _BASE_COLOURS[kind]
    brightness, hue = rs.rand(), rs.uniform(-8, 8, 3)
    colour = np.array(low) * (1 - brightness) + np.array(high) * brightness + hue
    tone = {"wood": _wood, "carpet": _carpet, "tile": _tiles, "concrete": _concrete,
            "plain": _plain}[kind](rs, m_per_px)
    repeat = (-(-height // tone.shape[0]), -(-width // tone.shape[1]))
    return tint(np.ascontiguousarray(np.tile(tone, repeat)[:height, :width]), colour)


def _grey(values):
    return np.clip(128 + 128 * values, 0, 255).astype(np.uint8)


def _wood(rs, m_per_px):
    planks = int(round(TILE_PX * m_per_px / rs.uniform(0.07, 0.16)))
    edges = np.linspace(0, TILE_PX, planks + 1).astype(int)
    tone = np.zeros((TILE_PX, TILE_PX), np.float32)
    for top, bottom in zip(edges[:-1], edges[1:]):
        cuts = [0] + sorted(rs.randint(60, TILE_PX, 2)) + [TILE_PX]
        for left, right in zip(cuts[:-1], cuts[1:]):
            tone[top:bottom, left:right] = rs.uniform(-0.13, 0.13)
            tone[top:bottom, left:left + 1] = -0.35
        tone[top:top + 1] = -0.35
    grain = rs.uniform(-0.12, 0.12, (TILE_PX // 2, 24)).astype(np.float32)
    tone += cv2.resize(grain, (TILE_PX, TILE_PX), interpolation=cv2.INTER_LINEAR)
    return _grey(tone if rs.rand() < 0.5 else np.ascontiguousarray(tone.T))


def _carpet(rs, m_per_px):
    fluff = cv2.blur(rs.uniform(-1, 1, (TILE_PX, TILE_PX)).astype(np.float32), (3, 3))
    return _grey(rs.uniform(0.4, 0.9) * fluff + clouds(rs, TILE_PX, TILE_PX, (9, 64), (0.06, 0.10)))


def _tiles(rs, m_per_px):
    n = int(round(TILE_PX * m_per_px / rs.uniform(0.2, 0.4)))
    one = TILE_PX // n
    each = rs.uniform(-0.07, 0.07, (n, n)).astype(np.float32)
    tone = cv2.resize(each, (n * one, n * one), interpolation=cv2.INTER_NEAREST)
    tone += clouds(rs, n * one, n * one, (12, 50, 200), (0.05, 0.05, 0.04))
    grout, wide = rs.uniform(-0.4, 0.2), rs.randint(2, 4)
    for k in range(n):
        tone[k * one:k * one + wide] = grout
        tone[:, k * one:k * one + wide] = grout
    return _grey(tone)


def _concrete(rs, m_per_px):
    tone = clouds(rs, TILE_PX, TILE_PX, (6, 24, 96, 384), (0.10, 0.08, 0.06, 0.08))
    for x, y, r in zip(rs.randint(0, TILE_PX, 60), rs.randint(0, TILE_PX, 60), rs.randint(1, 4, 60)):
        cv2.circle(tone, (int(x), int(y)), int(r), float(rs.uniform(-0.4, 0.2)), -1)
    return _grey(tone)


def _plain(rs, m_per_px):
    return _grey(clouds(rs, TILE_PX, TILE_PX, (5, 40, 256), (0.05, 0.03, 0.03)))


def light_ground(random_state, ground):
    """Uneven light and a few soft shadows, in place. ground : uint8 (H, W, 3)"""
    rs = random_state
    n = 48
    light = 1.0 + clouds(rs, n, n, (2, 4), (0.22, 0.12))
    for _ in range(rs.randint(0, 4)):  # a shadow (or a patch of sun) of furniture out of sight
        corner, along, across = rs.uniform(0, n, 2), rs.uniform(4, 16, 2), rs.uniform(-8, 8, 2)
        quad = np.array([corner, corner + along, corner + along + across, corner + across])
        layer = np.zeros((n, n), np.float32)
        cv2.fillConvexPoly(layer, quad.astype(np.int32), 1.0)
        light *= 1 + rs.choice([-0.35, -0.25, 0.25]) * cv2.GaussianBlur(layer, (0, 0), rs.uniform(0.6, 2))
    factor = np.clip(128 * light, 40, 210).astype(np.uint8)
    factor = cv2.resize(factor, ground.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    cv2.multiply(ground, cv2.merge([factor] * 3), ground, 1 / 128.0)


def paint_road(random_state, ground, track, origin_m, m_per_px):
    """A printed dark road: edge lines, dashed centre line, sometimes on a light mat. In place."""
    rs = random_state
    line, half = rs.uniform(0.014, 0.024), track.half_width_m
    edge = ((30, 220, 235), (235, 235, 235), (40, 190, 235))[rs.randint(3)]
    if rs.rand() < 0.6:
        low, high = track.points.min(0) - half - 0.12, track.points.max(0) + half + 0.12
        corners = [tuple(int(v) for v in (p - origin_m) / m_per_px) for p in (low, high)]
        mat = ((215, 215, 215), (150, 155, 150), (80, 120, 70), (190, 205, 215))[rs.randint(4)]
        cv2.rectangle(ground, corners[0], corners[1], mat, -1)
    asphalt = rs.uniform(45, 95) + rs.uniform(-5, 5, 3)
    tone = _grey(clouds(rs, TILE_PX, TILE_PX, (8, 50, 384), (0.06, 0.05, 0.10)))
    repeat = (-(-ground.shape[0] // TILE_PX), -(-ground.shape[1] // TILE_PX))
    surface = tint(np.ascontiguousarray(np.tile(tone, repeat)[:ground.shape[0], :ground.shape[1]]), asphalt)
    _stroke(ground, track.points, 2 * half + line, edge, origin_m, m_per_px)
    mask = np.zeros(ground.shape[:2], np.uint8)
    _stroke(mask, track.points, 2 * half - line, 255, origin_m, m_per_px)
    cv2.copyTo(surface, mask, ground)
    n_dashes = int(track.length_m / rs.uniform(0.11, 0.20))
    dash = len(track.points) / float(n_dashes)
    white = rs.uniform(195, 245)
    for k in range(n_dashes):
        piece = track.points[int(k * dash):int((k + rs.uniform(0.50, 0.54)) * dash)]
        _stroke(ground, piece, line * 0.9, (white, white, white), origin_m, m_per_px, closed=False)


def paint_tape(random_state, ground, track, origin_m, m_per_px):
    """Two strips of tape along the edges of the lane. In place."""
    rs = random_state
    colour = ((35, 35, 38), (40, 45, 200), (160, 90, 40), (225, 228, 230), (40, 190, 225))[rs.randint(5)]
    if abs(np.mean(colour) - ground[::50, ::50].mean()) < 50:  # tape that can't be seen: take dark or light
        colour = (35, 35, 38) if ground[::50, ::50].mean() > 110 else (225, 228, 230)
    wide = rs.uniform(0.018, 0.035)
    left = np.stack([-track.tangents[:, 1], track.tangents[:, 0]], axis=1)
    for side in (-1, 1):
        edge = track.points + side * (track.half_width_m + wide / 2) * left
        _stroke(ground, edge[::4], wide, colour, origin_m, m_per_px)


def _stroke(picture, points, wide_m, colour, origin_m, m_per_px, closed=True):
    at = np.round((points - origin_m) / m_per_px * 16).astype(np.int32)
    thickness = max(1, int(round(wide_m / m_per_px)))
    cv2.polylines(picture, [at[:, None]], closed, colour, thickness, cv2.LINE_AA, 4)


def panorama(random_state, height, width, horizon, floor_colour):
    """What is far away: floor up to row `horizon` from the bottom, walls and furniture above. -> uint8 BGR

    The picture closes: its left and right edges fit together.
    """
    rs = random_state
    wall = rs.uniform(110, 215) + rs.uniform(-15, 15, 3)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = np.clip(wall, 0, 255)
    picture[horizon:] = np.clip(floor_colour, 0, 255)
    for _ in range(rs.randint(8, 20)):  # furniture, doors, windows
        w, x = int(rs.uniform(0.02, 0.16) * width), rs.randint(0, width)
        up = int(rs.uniform(0.1, 1.0) * horizon)
        bottom = horizon - (up // 2 if rs.rand() < 0.3 else rs.randint(-3, 2))
        colour = rs.uniform(25, 170) + rs.uniform(-30, 30, 3) if rs.rand() < 0.85 else np.full(3, 250.0)
        for shift in (-width, 0, width):
            cv2.rectangle(picture, (x + shift, horizon - up), (x + shift + w, bottom),
                          tuple(float(c) for c in np.clip(colour, 0, 255)), -1)
    doubled = cv2.GaussianBlur(np.hstack([picture, picture]), (0, 0), rs.uniform(1.2, 3.0))
    half = width // 2
    return np.ascontiguousarray(np.roll(doubled[:, half:half + width], half, axis=1))


def contact_shadows(ground, outlines, walls, origin_m, m_per_px):
    """Darken the ground where something stands on it, and along the walls. In place.

    outlines : list of (n, 2) m; walls : None or two opposite corners (2, 2) m of the room
    """
    scale = 0.25  # shadows are soft: a quarter of the resolution will do
    height, width = ground.shape[:2]
    small = np.full((int(height * scale), int(width * scale)), 128, np.uint8)
    for outline in outlines:
        cv2.fillPoly(small, [np.round((outline - origin_m) / m_per_px * scale).astype(np.int32)], 55)
    if walls is not None:
        low, high = (tuple(int(v) for v in (corner - origin_m) / m_per_px * scale) for corner in walls)
        cv2.rectangle(small, low, high, 70, 3)
    small = cv2.GaussianBlur(small, (0, 0), 2.5)
    factor = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    cv2.multiply(ground, cv2.merge([factor] * 3), ground, 1 / 128.0)
