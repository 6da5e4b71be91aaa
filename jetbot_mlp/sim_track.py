"""A closed track: its centre line, and where a robot is on it.

World frame: metres, x to the right, y up, headings in rad counter-clockwise from +x.
"""
import numpy as np

SMALLEST_RADIUS_M = 0.45  # of the centre line; a JetBot's lane is about 0.28 m wide
STEP_M = 0.01  # between two points of the centre line


class Track:
    """A closed centre line, driven in the order of its points.

    points : (n, 2) float64, m, about STEP_M apart, the last one next to the first
    half_width_m : from the centre line to the edge of the road surface
    """

    def __init__(self, points, half_width_m):
        ring = np.vstack([points, points[:1]])
        lengths = np.hypot(*np.diff(ring, axis=0).T)
        travelled = np.concatenate([[0.0], np.cumsum(lengths)])
        self.length_m = float(travelled[-1])
        n = int(round(self.length_m / STEP_M))
        self.step_m = self.length_m / n
        at = np.arange(n) * self.step_m
        self.points = np.stack([np.interp(at, travelled, ring[:, k]) for k in (0, 1)], axis=1)
        ahead = np.roll(self.points, -1, axis=0) - np.roll(self.points, 1, axis=0)
        self.tangents = ahead / np.hypot(*ahead.T)[:, None]
        self.half_width_m = float(half_width_m)

    def curvature(self):
        """(n,) 1/m, + turns left."""
        heading = np.unwrap(np.arctan2(self.tangents[:, 1], self.tangents[:, 0]))
        turn = np.roll(heading, -3) - np.roll(heading, 3)
        turn = (turn + np.pi) % (2 * np.pi) - np.pi
        return turn / (6 * self.step_m)

    def locate(self, positions, near_m=None):
        """Where positions (k, 2) are: (along (k,) m, to the left (k,) m) of the centre line.

        With near_m (the last place along the line) only 0.4 m around it is searched, so that a
        robot does not jump to another part of the track that passes close by; a robot more than
        0.5 m from there is looked for everywhere.
        """
        positions = np.asarray(positions, dtype=np.float64)
        if near_m is None:
            candidates = np.arange(len(self.points))
        else:
            reach = int(0.4 / self.step_m)
            candidates = (int(near_m / self.step_m) + np.arange(-reach, reach + 1)) % len(self.points)
        offset = positions[:, None, :] - self.points[candidates][None]
        squared = (offset ** 2).sum(axis=2)
        best = squared.argmin(axis=1)
        rows = np.arange(len(positions))
        if near_m is not None and squared[rows, best].max() > 0.25:
            return self.locate(positions)
        index = candidates[best]
        gap, tangent = offset[rows, best], self.tangents[index]
        along = index * self.step_m + (gap * tangent).sum(axis=1)
        return along % self.length_m, tangent[:, 0] * gap[:, 1] - tangent[:, 1] * gap[:, 0]

    def at(self, along_m):
        """(x, y, heading) of the centre line, along_m in m from its first point (wraps around)."""
        place = (along_m % self.length_m) / self.step_m
        i = int(place) % len(self.points)
        rest = (place - int(place)) * self.step_m
        x, y = self.points[i] + rest * self.tangents[i]
        return float(x), float(y), float(np.arctan2(self.tangents[i, 1], self.tangents[i, 0]))


def random_track(random_state):
    """A smooth closed track with left and right bends that a JetBot can take. -> Track

    The shape is a star-shaped Fourier curve r(phi) = R (1 + sum a_k cos(k phi + p_k)); shapes
    that bend too sharply or come too close to themselves are calmed down until they fit.
    """
    rs = random_state
    half_width = rs.uniform(0.13, 0.15)
    size, stretch = rs.uniform(0.80, 0.95), rs.uniform(1.0, 1.3)
    amplitude = rs.uniform(0.4, 1.0, 3) * np.array([0.22, 0.20, 0.12])
    phase = rs.uniform(0, 2 * np.pi, 3)
    clockwise = rs.rand() < 0.5
    phi = np.linspace(0, 2 * np.pi, 720, endpoint=False)
    while True:
        radius = size * (1 + sum(a * np.cos(k * phi + p) for a, k, p in zip(amplitude, (2, 3, 4), phase)))
        points = np.stack([stretch * radius * np.cos(phi), radius * np.sin(phi)], axis=1)
        track = Track(points[::-1] if clockwise else points, half_width)
        if abs(track.curvature()).max() <= 1 / SMALLEST_RADIUS_M and _far_from_itself(track):
            return track
        amplitude = amplitude * 0.9


def _far_from_itself(track):
    """True when parts of the track that do not follow each other leave 0.12 m between their edges."""
    every = track.points[::5]
    distance = np.hypot(*(every[:, None] - every[None]).transpose(2, 0, 1))
    n = len(every)
    apart = abs(np.arange(n)[:, None] - np.arange(n)[None])
    along = np.minimum(apart, n - apart) * 5 * track.step_m
    return distance[along > 1.2].min() > 2 * track.half_width_m + 0.12
