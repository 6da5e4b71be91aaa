"""Labelled frames from the simulator, in the official folder format.

Collision: ``blocked/<uuid1>.jpg`` and ``free/<uuid1>.jpg``; road: ``xy_<x>_<y>_<uuid1>.jpg`` with pixels
of the 224 picture. The uuid1 carries the simulated capture time. Every third collision world and
every fourth road world is a road with obstacles, so that one collision model learns rooms and roads,
and a road model has seen what may stand there. A data set with seed s is taken in the worlds
s * 10000, s * 10000 + 1, ...: below EVALUATION_SEED_OFFSET, so that the worlds to judge by are never
among them.
"""
import errno
import os
import shutil
import tempfile
import uuid

import cv2
import numpy as np

from . import sim_labels, sim_world
from .errors import DatasetError
from .sim_render import Renderer

WORLDS_PER_SEED = 10000
LARGEST_SEED = sim_world.EVALUATION_SEED_OFFSET // WORLDS_PER_SEED - 1
FRAMES_PER_WORLD = 10  # many worlds teach more than many frames of one
BEFORE_THINGS_SHARE = 0.6  # of the collision frames; the others are taken wandering about
WORLD_KINDS = {"collision": ("room", "room", "both"), "road": ("road", "road", "road", "both")}
STAND_M = 0.115  # from the robot's middle to what stands there: nearer it could not have come
JPEG_QUALITY = 92
# 2024-01-01 00:00 UTC in the uuid's time, 100 ns since 1582-10-15 (RFC 4122, 4.1.4); each seed has its day
FIRST_DAY = (1704067200 + 12219292800) * 10 ** 7
DAY = 86400 * 10 ** 7


def simulate(task, out_folder, count, seed=0, progress=None):
    """Write a data set of simulated frames with ground truth.

    task : 'collision' | 'road'; out_folder : must be absent or empty (or a link to such); count : >= 1
    seed : 0 to 99,999; the same seed writes the same files
    progress : None or a callable like tqdm: progress(iterable, total=n, desc='...')
    Returns the number of frames of each kind, for example {'blocked': 50, 'free': 50} or {'xy': 100}.
    Raises DatasetError when out_folder holds something, is a mount point or can't be written. Nothing is
    left half-written: the folder appears when it is complete, and only then do new parents stay.
    """
    if task not in ("collision", "road"):
        raise ValueError("expected task 'collision' or 'road', found %r: choose one of them" % (task,))
    if count < 1:
        raise ValueError("expected a count of at least 1, found %r: ask for some frames" % (count,))
    if not 0 <= seed <= LARGEST_SEED:
        raise ValueError("expected a seed from 0 to %d, found %r: larger ones would reach the worlds "
                         "kept for evaluation" % (LARGEST_SEED, seed))
    out_folder = os.path.realpath(str(out_folder))  # a folder can't take the place of a link
    _refuse_what_is_there(out_folder)
    parent = os.path.dirname(out_folder)
    missing = _missing_folders(parent)
    temporary = None
    try:
        temporary = _make_temporary(parent)
        counts = _write(task, temporary, count, seed, progress)
        os.chmod(temporary, 0o755)  # mkdtemp makes it private
        if os.path.isdir(out_folder):
            os.rmdir(out_folder)  # empty, as checked; Windows does not rename onto a folder
        os.rename(temporary, out_folder)
    except OSError as error:
        hint = "free some space" if error.errno == errno.ENOSPC else "choose another folder"
        raise DatasetError("expected to write %s, found: %s; %s"
                           % (out_folder, error.strerror or error, hint))
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        _remove_if_empty(missing)
    return counts


def world_seed(seed, k):
    """The seed of the k-th world of a data set with this seed."""
    return seed * WORLDS_PER_SEED + k % WORLDS_PER_SEED


def _missing_folders(folder):
    """The folders that os.makedirs would make for this one, deepest first."""
    missing = []
    while not os.path.lexists(folder) and folder != os.path.dirname(folder):  # Windows: no such drive
        missing.append(folder)
        folder = os.path.dirname(folder)
    return missing


def _make_temporary(parent):
    try:
        os.makedirs(parent, exist_ok=True)
        return tempfile.mkdtemp(prefix=".simulate-", dir=parent)
    except OSError as error:
        raise DatasetError("expected a place to write to, found %s: %s; choose another folder"
                           % (parent, error.strerror))


def _remove_if_empty(folders):
    for folder in folders:
        try:
            os.rmdir(folder)
        except OSError:  # it holds the data set, or what someone else put there, or was not made at all
            pass


def _refuse_what_is_there(folder):
    if os.path.ismount(folder):
        raise DatasetError("expected a new or empty folder, found a mount point at %s: choose a folder in it"
                           % folder)
    if os.path.isdir(folder):
        n = len(os.listdir(folder))
        if n:
            raise DatasetError("expected a new or empty folder, found %d entries in %s: "
                               "choose another --out or remove it" % (n, folder))
    elif os.path.lexists(folder):
        raise DatasetError("expected a folder, found a file at %s: choose another --out" % folder)


def _write(task, folder, count, seed, progress):
    names = _Names(seed)
    shots = _collision_shots(count, seed, names) if task == "collision" else _road_shots(count, seed, names)
    if progress is not None:
        shots = progress(shots, total=count, desc="simulate " + task)
    counts = {"blocked": 0, "free": 0} if task == "collision" else {"xy": 0}
    for kind in counts:
        os.makedirs(os.path.join(folder, kind) if task == "collision" else folder, exist_ok=True)
    for kind, name, picture in shots:
        ok, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        with open(os.path.join(folder, name), "wb") as f:
            f.write(data.tobytes())
        counts[kind] += 1
    return counts


class _Names:
    """uuid1 names with a clock of their own, so that the same seed gives the same names."""

    def __init__(self, seed):
        rs = np.random.RandomState(seed)
        # the multicast bit says that this is no real network card (RFC 4122, 4.5)
        self.node = int(rs.randint(0, 2 ** 24)) << 24 | int(rs.randint(0, 2 ** 24)) | 1 << 40
        self.clock_seq = int(rs.randint(0, 2 ** 14))
        self.time = FIRST_DAY + (seed % 3650) * DAY

    def wait(self, seconds):
        self.time += int(seconds * 10 ** 7)

    def next(self):
        fields = (self.time & 0xffffffff, self.time >> 32 & 0xffff, self.time >> 48 & 0x0fff | 0x1000,
                  self.clock_seq >> 8 | 0x80, self.clock_seq & 0xff, self.node)
        return str(uuid.UUID(fields=fields))


def _worlds(task, count, seed, names):
    """World after world with the number of frames to take in it: (world, renderer, random state, n)."""
    n_worlds = min(WORLDS_PER_SEED, -(-count // FRAMES_PER_WORLD))
    kinds = WORLD_KINDS[task]
    for k in range(n_worlds):
        world = sim_world.make_world(kinds[k % len(kinds)], world_seed(seed, k))
        rs = np.random.RandomState([seed, k])
        names.wait(60)  # carried to the next room
        yield world, Renderer(world, rs), rs, count * (k + 1) // n_worlds - count * k // n_worlds


def _collision_shots(count, seed, names):
    """As many blocked as free frames from each world."""
    missing = {"blocked": count // 2, "free": count - count // 2}
    for world, renderer, rs, n in _worlds("collision", count, seed, names):
        blocked = min(missing["blocked"], (n + int(rs.randint(2))) // 2)
        want = {"blocked": blocked, "free": min(missing["free"], n - blocked)}
        want["blocked"] += n - sum(want.values())
        for label in want:
            missing[label] -= want[label]
        wandering = _around_the_room(world, rs) if world.track is None else _along_the_road(world, rs)
        poses = _mixed(rs, wandering, _before_things(world, rs))
        while any(want.values()):
            pose = next(poses)
            names.wait(rs.uniform(0.3, 0.8))
            label = sim_labels.collision_label(world, pose)
            if label is not None and want[label]:
                want[label] -= 1
                yield label, os.path.join(label, names.next() + ".jpg"), renderer.picture(pose)


def _around_the_room(world, rs):
    """Poses without end of a robot that wanders: ahead while free, on or away when blocked."""
    while True:
        pose = sim_world.free_pose(world, rs, 0.13)  # someone carries it to another corner
        for _ in range(25):
            yield pose
            pose = _wander(world, pose, rs)


def _mixed(rs, wandering, before_things):
    """Poses of both generators, at random."""
    while True:
        yield next(before_things if rs.rand() < BEFORE_THINGS_SHARE else wandering)


def _before_things(world, rs):
    """Poses without end in front of things, at their corners, and along walls and edges.

    A robot that only wanders meets mostly walls, and those head on; what it then takes for free is
    the low box and the wall at its side. So things are sought out, as people do who collect frames.
    """
    bodies = world.room.furniture + world.room.obstacles
    border = world.drops if len(world.drops) else sim_world.sim_room.border(world.room)
    while True:
        at_border = len(border) and (not bodies or rs.rand() < 0.4)
        outline = border if at_border else sim_world.sim_room.outline_of(bodies[rs.randint(len(bodies))])
        ax, ay, bx, by = outline[rs.randint(len(outline))]
        share, gap, bearing = rs.rand(), rs.uniform(STAND_M, 0.55), rs.uniform(-np.pi, np.pi)
        x, y = ax + share * (bx - ax) - gap * np.cos(bearing), ay + share * (by - ay) - gap * np.sin(bearing)
        pose = x, y, bearing + (rs.uniform(-1.6, 1.6) if at_border else rs.normal(0, 0.5))
        x0, y0, x1, y1 = world.bounds
        if x0 < x < x1 and y0 < y < y1 and sim_world.can_stand(world, pose, STAND_M):
            yield pose


def _wander(world, pose, rs):
    x, y, heading = pose
    step = rs.uniform(0.03, 0.09)
    clear = sim_world.sim_room.clear_ahead(sim_world.barriers(world), pose, 0.10)
    if clear > step + 0.13 and (not sim_labels.is_blocked(world, pose) or rs.rand() < 0.6):
        heading += rs.normal(0, 0.08)
        ahead = x + step * np.cos(heading), y + step * np.sin(heading), heading
        if sim_world.sim_room.distance(sim_world.barriers(world), ahead) > STAND_M:
            return ahead
    return x, y, heading + rs.uniform(0.15, 0.5)  # to the left, as the course's robot does


def _road_shots(count, seed, names):
    """The centre of the lane ahead, wherever it can be seen and driven to."""
    for world, renderer, rs, n in _worlds("road", count, seed, names):
        poses = _along_the_road(world, rs)
        while n:
            pose = next(poses)
            names.wait(rs.uniform(0.3, 1.0))
            target = sim_labels.road_label(world, pose)
            if target is not None:
                n -= 1
                name = "xy_%03d_%03d_%s.jpg" % (int(round(target[0])), int(round(target[1])), names.next())
                yield "xy", name, renderer.picture(pose)


def _along_the_road(world, rs):
    """Poses without end along the track, now on the centre line, now beside it or turned off it.

    Where obstacles stand, the robot is carried past them.
    """
    along, side, turn = rs.uniform(0, world.track.length_m), 0.0, 0.0
    while True:
        along += rs.uniform(0.05, 0.35)
        # errors that come and go as in driving (a first order process), some large to recover from
        side = 0.6 * side + rs.normal(0, 0.035)
        turn = 0.5 * turn + rs.normal(0, 0.16)
        if rs.rand() < 0.15:
            side, turn = rs.uniform(-0.13, 0.13), rs.uniform(-0.6, 0.6)
        side, turn = np.clip(side, -0.15, 0.15), np.clip(turn, -0.7, 0.7)
        x, y, heading = world.track.at(along)
        pose = x - side * np.sin(heading), y + side * np.cos(heading), heading + turn
        if sim_world.can_stand(world, pose, STAND_M):
            yield pose
