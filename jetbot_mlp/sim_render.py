"""The simulated camera's picture: one look-up for ground and background, polygons for what stands up.

Where each pixel meets the ground never changes in the robot's frame, so the look-up map of a pose
is one small matrix product. All resolutions of the ground (each half of the one before) and the
background lie in one atlas; each pixel reads the level that fits its footprint (mip mapping,
Williams 1983), so nothing far away flickers, and one cv2.remap paints everything that is flat.
"""
import cv2
import numpy as np

from . import sim_camera
from .sim_world import FAR_M, M_PER_PX

TABLE_HEIGHT_M = 0.75
NEAR_M = 0.01  # faces are cut off this far ahead of the lens
ACROSS, UPWARDS = 12, 3  # points along a face's edges: the lens bends straight lines
POOL_PX = 320  # side of the noise pool


class FlatView:
    """A horizontal plane and the background above it, as seen from any pose.

    ground : uint8 (H, W, 3), m_per_px, ground[0, 0] at origin_m; the plane lies drop_m below the wheels
    far_m : ground farther away than this is left to the background; what is nearer but not on the
        ground's picture shows other parts of the atlas, so walls or a mask must hide it
    """

    levels = 6

    def __init__(self, camera, ground, m_per_px, origin_m, background, far_m, drop_m=0.0):
        self.origin_m = origin_m
        atlas, corners, below = _atlas(ground, background, self.levels)
        self.atlas, height = atlas, camera.height_m + drop_m
        ray = sim_camera.rays(camera).reshape(-1, 3)
        self.on_ground = ray[:, 2] < -height / np.hypot(far_m, height)
        slant = np.where(self.on_ground, height / np.maximum(-ray[:, 2], 1e-9), 1.0)  # m, along the ray
        self.x = camera.forward_m + slant * ray[:, 0]
        self.y = slant * ray[:, 1]
        # a pixel's footprint is slant / f across and slant**2 / (height f) along: geometric mean
        footprint = slant ** 1.5 / np.sqrt(height) / np.sqrt(camera.fx * camera.fy)
        level = np.clip(np.round(np.log2(0.8 * footprint / m_per_px)), 0, self.levels - 1).astype(int)
        scale = np.where(self.on_ground, 0.5 ** level / m_per_px, 0.0)
        azimuth = np.arctan2(ray[:, 1], ray[:, 0])
        elevation = np.arcsin(np.clip(ray[:, 2], -1, 1))
        self.px_per_rad = background.shape[1] / (2 * np.pi)
        rows, horizon = background.shape[0], background.shape[0] // 2
        sky = np.stack([(1.5 - azimuth) * self.px_per_rad,
                        below + np.clip(horizon - elevation * camera.fy, 1, rows - 2)], axis=1)
        shift = np.where(self.on_ground[:, None], corners[level] + 0.5 ** (level + 1)[:, None] - 0.5, sky)
        # columns: what is multiplied with cos and sin, with the place, with the heading, and with 1
        self.basis = np.stack([scale * self.x, scale * self.y, scale, ~self.on_ground,
                               shift[:, 0], shift[:, 1]], axis=1).astype(np.float32)

    def picture(self, pose):
        """uint8 (224, 224, 3) BGR as seen from pose (x, y, heading), a new array."""
        x, y, heading = pose
        c, s = np.cos(heading), np.sin(heading)
        turn = (-heading % (2 * np.pi)) * self.px_per_rad
        at = np.array([[c, s], [-s, c], [x - self.origin_m[0], y - self.origin_m[1]],
                       [turn, 0], [1, 0], [0, 1]])
        lookup = self.basis.dot(at.astype(np.float32)).reshape(sim_camera.HEIGHT, sim_camera.WIDTH, 2)
        return cv2.remap(self.atlas, lookup, None, cv2.INTER_LINEAR)

    def on_floor(self, pose, bounds):
        """uint8 (224, 224): 255 where a pixel sees the plane within bounds (x0, y0, x1, y1)."""
        x, y, heading = pose
        c, s = np.cos(heading), np.sin(heading)
        wx, wy = x + c * self.x - s * self.y, y + s * self.x + c * self.y
        inside = (wx > bounds[0]) & (wx < bounds[2]) & (wy > bounds[1]) & (wy < bounds[3]) & self.on_ground
        return inside.reshape(sim_camera.HEIGHT, sim_camera.WIDTH).astype(np.uint8) * 255


def _atlas(ground, background, levels):
    """-> (atlas uint8, corners (levels, 2) float px of each level, row at which the background begins)"""
    pictures = [ground]
    for _ in range(levels - 1):
        half = tuple(max(1, n // 2) for n in pictures[-1].shape[1::-1])
        pictures.append(cv2.resize(pictures[-1], half, interpolation=cv2.INTER_AREA))
    # the panorama is repeated by 3 rad, so that a picture never crosses its end
    wide = np.hstack([background, background[:, :int(3.1 * background.shape[1] / (2 * np.pi))]])
    below = max(ground.shape[0], sum(p.shape[0] for p in pictures[1:]))
    width = max(ground.shape[1] + pictures[1].shape[1], wide.shape[1])
    atlas = np.zeros((below + wide.shape[0], width, 3), np.uint8)
    corners, row = [(0, 0)], 0
    atlas[:ground.shape[0], :ground.shape[1]] = ground
    for picture in pictures[1:]:
        corners.append((ground.shape[1], row))
        atlas[row:row + picture.shape[0], ground.shape[1]:ground.shape[1] + picture.shape[1]] = picture
        row += picture.shape[0]
    atlas[below:, :wide.shape[1]] = wide
    return atlas, np.array(corners, dtype=np.float64), below


class UprightView:
    """Walls and obstacles, painted from far to near."""

    def __init__(self, camera, room):
        self.camera, self.room = camera, room
        self.bodies = room.furniture + room.obstacles
        faces = room.wall_faces + [f for body in self.bodies for f in body.faces]
        self.ends = np.array([[f.a, f.b] for f in faces]).reshape(-1, 2, 2)  # (faces, 2, 2) m
        self.low, self.high = np.array([f.low for f in faces]), np.array([f.high for f in faces])
        self.colours = [tuple(float(c) for c in f.colour) for f in faces]
        first = np.cumsum([len(room.wall_faces)] + [len(b.faces) for b in self.bodies])
        self.ranges = [range(a, b) for a, b in zip(first[:-1], first[1:])]
        self.centres = np.array([b.centre for b in self.bodies]).reshape(-1, 2)
        # around a face: along the lower edge, up, back along the upper edge, down
        there, up = np.linspace(0, 1, ACROSS), np.linspace(0, 1, UPWARDS + 2)[1:-1]
        self.angle_share = np.hstack([there, np.ones(UPWARDS), there[::-1], np.zeros(UPWARDS)])
        self.height_share = np.hstack([np.zeros(ACROSS), up, np.ones(ACROSS), up[::-1]])

    def paint(self, picture, pose):
        """Draw into picture (uint8 (224, 224, 3), in place) what stands around pose (x, y, heading)."""
        outlines = self._outlines(pose)
        n_furniture = len(self.room.furniture)
        distance = np.hypot(*(self.centres - np.array(pose[:2])).T)
        distance[:n_furniture] += 100.0  # furniture stands at the walls: all obstacles are before it
        order = list(range(len(self.room.wall_faces)))
        for k in np.argsort(-distance, kind="mergesort"):
            order += list(self.ranges[k]) + [-1 - k]
        for i in order:
            if i < 0:
                self._paint_top(picture, self.bodies[-1 - i], pose)
            elif outlines[i] is not None:
                cv2.fillPoly(picture, [outlines[i]], self.colours[i], cv2.LINE_8, 4)

    def _outlines(self, pose):
        """For each face its outline in the picture, int32 (n, 2) in 1/16 px, or None if it can't be seen."""
        lens_x = self.camera.forward_m
        ends = _to_robot(self.ends, pose) - np.array([lens_x, 0.0])
        a, b = ends[:, 0], ends[:, 1]
        # seen from the right of a -> b, and not wholly behind the lens
        seen = (a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0) & (ends[:, :, 0].max(axis=1) > NEAR_M)
        index = np.flatnonzero(seen)
        a, b = a[index], b[index]
        run = b - a
        cut = (NEAR_M - a[:, 0]) / np.where(abs(run[:, 0]) < 1e-12, 1e-12, run[:, 0])
        start = np.where((a[:, 0] < NEAR_M)[:, None], a + cut[:, None] * run, a)
        end = np.where((b[:, 0] < NEAR_M)[:, None], a + cut[:, None] * run, b)
        first, last = np.arctan2(start[:, 1], start[:, 0]), np.arctan2(end[:, 1], end[:, 0])
        angle = first[:, None] + (last - first)[:, None] * self.angle_share
        ex, ey = np.cos(angle), np.sin(angle)
        # start + t run lies in direction (ex, ey): cross(start, e) + t cross(run, e) = 0
        run = end - start
        across = run[:, :1] * ey - run[:, 1:] * ex
        t = -(start[:, :1] * ey - start[:, 1:] * ex) / np.where(abs(across) < 1e-12, 1e-12, across)
        t = np.clip(t, 0, 1)
        x, y = start[:, :1] + t * run[:, :1], start[:, 1:] + t * run[:, 1:]
        # nothing is drawn higher than the picture can show, 60 degrees up, to keep edges well sampled
        high = np.minimum(self.high[index][:, None], self.camera.height_m + 1.7 * np.hypot(x, y))
        z = self.low[index][:, None] + (high - self.low[index][:, None]) * self.height_share
        pixels = sim_camera.project(self.camera, np.stack([x + lens_x, y, z], axis=-1))
        points = np.round(np.clip(pixels, -1000, 1000) * 16).astype(np.int32)
        outlines = [None] * len(self.ends)
        for i, outline in zip(index, points):
            outlines[i] = outline
        return outlines

    def _paint_top(self, picture, body, pose):
        """The top of what is lower than the lens."""
        if body.top_m >= self.camera.height_m:
            return
        corners = _to_robot(body.outline, pose)
        if corners[:, 0].max() < self.camera.forward_m:
            return
        share = np.linspace(0, 1, 4, endpoint=False)[:, None]
        ring = (corners[:, None] * (1 - share) + np.roll(corners, -1, axis=0)[:, None] * share).reshape(-1, 2)
        x = np.maximum(ring[:, 0], self.camera.forward_m + NEAR_M)  # what is behind the lens is out of sight
        corners = np.stack([x, ring[:, 1], np.full(len(x), body.top_m)], axis=-1)
        pixels = sim_camera.project(self.camera, corners)
        points = np.round(np.clip(pixels, -1000, 1000) * 16).astype(np.int32)
        cv2.fillPoly(picture, [points], body.top_colour, cv2.LINE_8, 4)


def _to_robot(points, pose):
    """World points (..., 2) in the robot's frame."""
    x, y, heading = pose
    c, s = np.cos(heading), np.sin(heading)
    return (points - np.array([x, y])).dot(np.array([[c, -s], [s, c]]))


class Renderer:
    """Takes a world's pictures. The noise is drawn from random_state, so the order of pictures counts."""

    def __init__(self, world, random_state):
        camera, self.world, self._rs = world.camera, world, random_state
        far = 6.0 if world.track is None else FAR_M
        self._flat = FlatView(camera, world.ground, M_PER_PX, world.origin_m, world.background, far)
        self._upright = UprightView(camera, world.room) if world.room is not None else None
        self._lower = None
        if world.lower_floor is not None:
            middle = np.array(world.bounds[2:]) / 2 - np.array(world.lower_floor.shape[1::-1]) / 2 * 0.012
            self._lower = FlatView(camera, world.lower_floor, 0.012, middle, world.background, 3.0,
                                   TABLE_HEIGHT_M)
        noise = random_state.normal(0, world.look.noise, (POOL_PX, POOL_PX, 1)) \
            + random_state.normal(0, 0.5 * world.look.noise, (POOL_PX, POOL_PX, 3))
        self._noise = np.round(noise).astype(np.int16)

    def picture(self, pose):
        """uint8 (224, 224, 3) BGR as the camera sees it from pose (x, y, heading); a new array."""
        picture = self._flat.picture(pose)
        if self._lower is not None:
            below = self._lower.picture(pose)
            cv2.copyTo(picture, self._flat.on_floor(pose, self.world.bounds), below)
            picture = below
        if self._upright is not None:
            self._upright.paint(picture, pose)
        look = self.world.look
        picture = cv2.GaussianBlur(picture, (3, 3), look.blur)
        exposure = 1 + 0.03 * (self._rs.rand() - 0.5)
        cv2.multiply(picture, look.shading, picture, exposure / 128.0)
        at_x, at_y = self._rs.randint(0, POOL_PX - sim_camera.WIDTH, 2)
        noise = self._noise[at_y:at_y + sim_camera.HEIGHT, at_x:at_x + sim_camera.WIDTH]
        return cv2.add(picture, noise, dtype=cv2.CV_8U)
