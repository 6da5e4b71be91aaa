import time

import numpy as np
import pytest
from driving_fakes import wait_for

from jetbot_mlp import sim_realtime
from jetbot_mlp.errors import HardwareError, JetbotMLPError
from jetbot_mlp.sim_realtime import carry_elsewhere, open_found, open_simulated


@pytest.fixture
def opened():
    cameras = []
    yield cameras
    for camera in cameras:
        camera.stop()


def test_the_world_goes_on_by_itself_until_the_camera_stops(opened):
    robot, camera = open_simulated("road")
    opened.append(camera)
    start = robot.sim.pose
    robot.set_motors(0.3, 0.3)
    wait_for(lambda: robot.sim.pose != start)
    robot.stop()
    camera.stop()
    frames = robot.sim.clock()
    time.sleep(0.1)
    assert robot.sim.clock() == frames and camera.value.shape == (224, 224, 3)


def test_opened_again_it_is_the_same_world_with_one_clock(opened):
    robot, camera = open_simulated("room")
    again, other = open_simulated("room")
    opened += [camera, other]
    assert again.sim is robot.sim and not camera.running and other.running


@pytest.mark.parametrize("world", ["room", "road", "both"])
def test_the_robot_can_be_carried_to_other_places_where_it_stands_free(world, opened):
    robot, camera = open_simulated(world)
    opened.append(camera)
    camera.stop()
    robot.set_motors(0.5, 0.5)
    places = []
    for _ in range(5):
        carry_elsewhere(robot)
        places.append(robot.sim.pose)
    robot.sim.step()
    assert robot.sim.pose == places[-1] and robot.sim.score()["collisions"] == 0  # wheels at zero
    assert len(set(places)) == 5 and np.isfinite(places).all()


def test_without_a_robot_it_is_the_simulator_and_says_why(opened, monkeypatch):
    def none():
        raise HardwareError("no board; run it there, or use the simulator (on the command line: --sim)")

    monkeypatch.setattr(sim_realtime, "open_robot", none)
    for package, why in ((None, "(no robot here)"),
                         ("there", "(instead of a robot: no board; run it there; jetbot-mlp doctor says more)")):
        monkeypatch.setattr(sim_realtime, "find_spec", lambda name, package=package: package)
        robot, camera = open_found("room")
        opened.append(camera)
        assert robot.description == "the simulator's robot in a simulated room " + why
        assert "simulator" in camera.description


def test_a_robot_that_is_there_is_taken_and_its_camera_must_open(monkeypatch):
    def dark():
        raise HardwareError("camera: found only black")

    monkeypatch.setattr(sim_realtime, "open_robot", lambda: "robot")
    monkeypatch.setattr(sim_realtime, "open_camera", lambda: "camera")
    assert open_found("room") == ("robot", "camera")
    monkeypatch.setattr(sim_realtime, "open_camera", dark)
    with pytest.raises(HardwareError, match="only black"):
        open_found("room")


def test_a_real_robot_is_carried_by_people():
    with pytest.raises(JetbotMLPError, match="carry it yourself"):
        carry_elsewhere(object())


def test_an_unknown_world_is_refused():
    with pytest.raises(ValueError, match="'room' or|room or"):
        open_simulated("moon")
