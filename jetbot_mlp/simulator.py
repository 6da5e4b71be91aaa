"""A JetBot without a JetBot: the official Robot's and Camera's face on a simulated world.

    sim = Simulator(make_world('road', seed=7))
    sim.robot.set_motors(0.3, 0.3)
    sim.step()               # one frame period: physics, picture, observers
    sim.camera.value         # uint8 (224, 224, 3) BGR
    sim.score()

Stepped, it runs many times faster than time and gives the same pictures for the same seeds, bit
for bit on one machine. ``sim.camera.start()`` runs it in real time in a thread instead.
"""
import collections
import math
import threading
import time

import numpy as np
import traitlets
from traitlets.config.configurable import Configurable, SingletonConfigurable

from . import sim_physics, sim_room
from .blas_threads import one_blas_thread
from .official_robot import Movements
from .sim_dataset import simulate
from .sim_render import Renderer
from .sim_view import draw_from_above
from .sim_world import EVALUATION_SEED_OFFSET, make_world, start_pose

__all__ = ["EVALUATION_SEED_OFFSET", "SimCamera", "SimMotor", "SimRobot", "Simulator", "draw_from_above",
           "make_world", "simulate"]

PHYSICS_STEP_S = 0.01  # at most; a robot at full speed moves 5 mm in it
LET_GO_M = 0.01  # a contact is over when the robot is this far away again
PATH_LENGTH = 200000  # frames of the driven path that are kept


class SimMotor(Configurable):
    """One motor with the official Motor's trait and the official driver's arithmetic.

    As on the robot: np.float32 raises TraitError; NaN raises ValueError and inf OverflowError after
    the trait is set, and the wheel keeps its old power; values beyond +-1 are clamped to +-0.996.
    """

    value = traitlets.Float()
    alpha = traitlets.Float(default_value=1.0).tag(config=True)
    beta = traitlets.Float(default_value=0.0).tag(config=True)

    def __init__(self, **kwargs):
        self.power = 0.0  #: what reaches the wheel, -0.996 to 0.996
        super(SimMotor, self).__init__(**kwargs)

    @traitlets.observe("value")
    def _observe_value(self, change):
        # NaN and inf raise here, as on the robot
        duty = int(255.0 * (self.alpha * change["new"] + self.beta))
        self.power = max(-255, min(255, duty)) / 256.0


class SimRobot(Movements, SingletonConfigurable):
    """The official Robot's methods and traits."""

    left_motor = traitlets.Instance(SimMotor)
    right_motor = traitlets.Instance(SimMotor)
    i2c_bus = traitlets.Integer(default_value=1).tag(config=True)
    left_motor_channel = traitlets.Integer(default_value=1).tag(config=True)
    left_motor_alpha = traitlets.Float(default_value=1.0).tag(config=True)
    right_motor_channel = traitlets.Integer(default_value=2).tag(config=True)
    right_motor_alpha = traitlets.Float(default_value=1.0).tag(config=True)

    def __init__(self, *args, **kwargs):
        super(SimRobot, self).__init__(*args, **kwargs)
        self.left_motor = SimMotor(alpha=self.left_motor_alpha)
        self.right_motor = SimMotor(alpha=self.right_motor_alpha)

    def set_motors(self, left_speed, right_speed):
        self.left_motor.value = left_speed
        self.right_motor.value = right_speed

    def stop(self):
        self.left_motor.value = 0
        self.right_motor.value = 0


class SimCamera(traitlets.HasTraits):
    """The official Camera's face: value, observe, unobserve, start, stop, width, height, fps.

    Observers run in the thread that takes the pictures; an exception in one ends that thread as
    silently as on the robot (the value freezes, the wheels stay as they are) and is kept in ``error``.
    """

    value = traitlets.Any()  #: uint8 (height, width, 3) BGR
    width = traitlets.Integer(default_value=224)
    height = traitlets.Integer(default_value=224)
    fps = traitlets.Float(default_value=30.0)

    def __init__(self, simulator, **kwargs):
        super(SimCamera, self).__init__(**kwargs)
        self._simulator = simulator
        self._thread = None
        self._stopping = threading.Event()
        self.error = None

    def start(self):
        """Run the simulation in real time until stop(); does nothing while it runs."""
        if self._thread is not None and self._thread.is_alive():
            return
        self._stopping.clear()
        self.error = None
        self._thread = threading.Thread(target=self._run, name="SimCamera", daemon=True)
        self._thread.start()

    def stop(self):
        """End the real-time run; raises RuntimeError in an observer, as the official camera does."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def restart(self):
        self.stop()
        self.start()

    def _run(self):
        period, began, done = 1.0 / self.fps, time.monotonic(), 0
        while not self._stopping.wait(max(0.0, began + (done + 1) * period - time.monotonic())):
            due = int((time.monotonic() - began) / period) - done
            # the world does not wait for a slow observer: several periods pass, one picture is taken
            periods = max(1, due)
            done += periods
            try:
                self._simulator.step(periods)
            except Exception as error:  # whatever an observer raises ends the official camera's thread
                self.error = error
                return


class Simulator:
    """A robot with a camera in a world.

    world : World of make_world
    seed : decides the start and the noise in the pictures
    frame_rate_hz : of the camera
    """

    def __init__(self, world, seed=0, frame_rate_hz=30.0):
        one_blas_thread()  # the camera's thread draws with products that are large enough to be shared out
        self.world = world
        self.period_s = 1.0 / frame_rate_hz
        self.robot = SimRobot()
        self.camera = SimCamera(self, fps=float(frame_rate_hz))
        self._holding = np.vstack([world.solid, world.ends])
        self._random = np.random.RandomState([seed, world.seed])
        self._renderer = Renderer(world, self._random)
        self._substeps = int(math.ceil(self.period_s / PHYSICS_STEP_S))
        self.path = collections.deque(maxlen=PATH_LENGTH)  #: (x, y, heading) at each frame
        self.drawn_worlds = {}  # draw_from_above's cache: a film draws the same ground again and again
        self._lock = threading.Lock()  # place() from a notebook while the camera's thread steps
        self._frames = 0
        self._collisions, self._distance_m = 0, 0.0
        self._off_track, self._laps_m, self._squares, self._judged = 0, 0.0, 0.0, 0
        self.place(*start_pose(world, self._random))
        self.camera.value = self._renderer.picture(self.pose)

    def place(self, x, y, heading):
        """Put the robot down, at rest, x and y in m, heading in rad, also after a fall; scores go on."""
        with self._lock:
            self.pose = (float(x), float(y), float(heading))
            self.fallen = False
            self._speeds = (0.0, 0.0)
            self._touching, self._spare_m = False, 0.0  # spare: can be driven before a contact is possible
            self._along_m, self._is_off = None, False
            self.path.append(self.pose)

    def clock(self):
        """Simulated seconds since the start."""
        return self._frames * self.period_s

    def step(self, periods=1):
        """Advance by frame periods, take one picture, call the observers. -> the picture"""
        with self._lock:
            for _ in range(periods):
                self._advance()
            picture = self._renderer.picture(self.pose)
        self.camera.value = picture
        return picture

    def score(self):
        """What happened so far, as a dict.

        collisions: contacts with walls, obstacles and the end of a road's world, and falls; off_track:
        times a wheel left the road; laps: signed, in the direction of the track; cross_track_rms_m: of
        the axle's middle from the centre line; distance_m: that the axle's middle travelled; seconds:
        simulated.
        off_track, laps and cross_track_rms_m are None in rooms.
        """
        track = self.world.track
        return {
            "collisions": self._collisions,
            "off_track": None if track is None else self._off_track,
            "laps": None if track is None else float(self._laps_m / track.length_m),
            "cross_track_rms_m": math.sqrt(self._squares / self._judged) if self._judged else None,
            "distance_m": self._distance_m,
            "seconds": self.clock(),
        }

    def _advance(self):
        commands = self.robot.left_motor.power, self.robot.right_motor.power
        for _ in range(self._substeps):
            if not self.fallen:
                self._move(commands, self.period_s / self._substeps)
        self._frames += 1
        self.path.append(self.pose)
        if self.world.track is not None:
            self._judge()

    def _move(self, commands, dt_s):
        self._speeds = sim_physics.wheel_speeds(self.world.motors, self._speeds, commands, dt_s)
        if abs(self._speeds[0]) + abs(self._speeds[1]) < 1e-6:
            return
        pose = sim_physics.move(self.pose, self._speeds, dt_s)
        self._spare_m -= math.hypot(pose[0] - self.pose[0], pose[1] - self.pose[1])
        if self._spare_m <= 0:  # as long as some is left, nothing can be touched
            pose = self._hold_at_contact(pose)
        self._distance_m += math.hypot(pose[0] - self.pose[0], pose[1] - self.pose[1])
        self.pose = pose
        if len(self.world.drops) and self._over_the_edge():
            self._collisions += 1
            self.fallen = True
            self._speeds = (0.0, 0.0)

    def _hold_at_contact(self, pose):
        gap = sim_room.distance(self._holding, pose[:2])
        if gap < sim_physics.RADIUS_M and gap < sim_room.distance(self._holding, self.pose[:2]):
            self._collisions += not self._touching
            self._touching = True
            return self.pose[:2] + (pose[2],)  # held; a round robot can still turn
        if gap > sim_physics.RADIUS_M + LET_GO_M:
            self._touching = False
            self._spare_m = gap - sim_physics.RADIUS_M - LET_GO_M
        return pose

    def _over_the_edge(self):
        x0, y0, x1, y1 = self.world.bounds
        return any(not (x0 < x < x1 and y0 < y < y1) for x, y in sim_physics.wheels(self.pose))

    def _judge(self):
        track = self.world.track
        places = (self.pose[:2],) + sim_physics.wheels(self.pose)[:2]
        along, left = track.locate(places, self._along_m)
        if self._along_m is not None:
            gone = (along[0] - self._along_m + track.length_m / 2) % track.length_m - track.length_m / 2
            if abs(gone) < 0.1:  # more in one frame is a jump to another part of the track, not driving
                self._laps_m += gone
        self._along_m = float(along[0])
        is_off = bool((abs(left[1:]) > track.half_width_m).any())
        self._off_track += is_off and not self._is_off
        self._is_off = is_off
        self._squares += float(left[0]) ** 2
        self._judged += 1
