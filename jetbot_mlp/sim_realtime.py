"""A simulated robot and its camera for notebooks: the world goes on by itself, in real time, until the camera stops.

    robot, camera = open_found("room")        # the robot, where there is one; else the simulator's
    print(robot.description, camera.description)

What steps the world is the simulated camera's own thread, 30 times a second, as long as it runs.
"""
from importlib.util import find_spec

import numpy as np

from . import sim_physics, sim_world
from .cameras import OfficialCamera
from .errors import HardwareError, JetbotMLPError
from .hardware import open_camera, open_robot, simulation
from .official_robot import OfficialRobot

PLACES = {"room": "in a simulated room", "road": "on a simulated road",
          "both": "on a simulated road with things on it"}


class SimulatedRobot(OfficialRobot):
    """The simulator's robot, which can be carried about; sim: its `Simulator`."""

    def __init__(self, sim, description):
        super().__init__(sim.robot, description)
        self.sim = sim
        self._random = np.random.RandomState(sim.world.seed % 2 ** 32)

    def carry_elsewhere(self):
        """Someone takes the robot and puts it down at another place, also after a fall; its wheels stand."""
        self.stop()
        self.sim.place(*_somewhere(self.sim.world, self._random))


def open_simulated(world="road", seed=0):
    """-> (robot, camera) of one simulated world, running; both have a description.

    world: 'room' (walls, furniture, edges), 'road' (a track), 'both' (a track with things on it); seed: which one,
    never one that a model was trained in. Opened again, it is the same world, gone on with, and an earlier camera
    is stopped: run a notebook's cell as often as you like.
    """
    if world not in PLACES:
        raise ValueError(f"world: expected {' or '.join(PLACES)}, found {world!r}")
    earlier = OfficialCamera.opened
    if earlier is not None:
        earlier.stop()
    sim = simulation(world, seed)
    robot = SimulatedRobot(sim, f"the simulator's robot {PLACES[world]}")

    def started():
        sim.camera.start()
        return sim.camera

    return robot, OfficialCamera(started, f"the simulator's camera {PLACES[world]}")


def open_found(world="road", seed=0):
    """-> (robot, camera): the official robot and its camera, or, where there is no robot, the simulator's.

    The simulated robot's description says why it is not the real one. A robot whose camera does not open is told
    by HardwareError: then something is to be mended, and a simulation would hide it.
    """
    try:
        robot = open_robot()
    except HardwareError as error:
        robot, camera = open_simulated(world, seed)
        # who has the official package meant a robot, and wants to know what it lacks; what to do about it beside
        # taking the simulator, `jetbot-mlp doctor` says
        found = str(error).partition(", or use the simulator")[0]
        robot.description += " (no robot here)" if find_spec("jetbot") is None else \
            f" (instead of a robot: {found}; jetbot-mlp doctor says more)"
        return robot, camera
    return robot, open_camera()


def carry_elsewhere(robot):
    """The simulated robot to another place of its world. Raises JetbotMLPError for a real one."""
    if not hasattr(robot, "carry_elsewhere"):
        raise JetbotMLPError("expected the simulator's robot, found a real one; carry it yourself")
    robot.carry_elsewhere()


def _somewhere(world, random_state):
    """A pose (x, y, heading) as people would put a robot down: on the road, not quite straight; or in a room."""
    rs = random_state
    if world.track is None:
        return sim_world.free_pose(world, rs, sim_physics.RADIUS_M + 0.04)
    while True:
        x, y, heading = world.track.at(rs.uniform(0.0, world.track.length_m))
        side = rs.uniform(-0.08, 0.08)
        pose = x - side * np.sin(heading), y + side * np.cos(heading), heading + rs.uniform(-0.45, 0.45)
        if sim_world.can_stand(world, pose, sim_physics.RADIUS_M + 0.02):
            return pose
