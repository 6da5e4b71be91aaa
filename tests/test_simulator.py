"""The simulated robot and camera: the official face, the clock, contacts, falls and scores."""
import threading
import time

import numpy as np
import pytest
import traitlets

from jetbot_mlp.simulator import SimRobot, Simulator, make_world


@pytest.fixture(scope="module")
def road():
    return make_world("road", 3)


@pytest.fixture(scope="module")
def walls():
    return next(w for w in (make_world("room", s) for s in range(20)) if w.style == "walls")


@pytest.fixture(scope="module")
def table():
    return next(w for w in (make_world("room", s) for s in range(20)) if w.style == "table")


def drive(sim, left, right, seconds):
    sim.robot.set_motors(left, right)
    for _ in range(int(round(seconds / sim.period_s))):
        sim.step()


def test_the_robot_moves_as_the_official_one_is_told_to():
    robot = SimRobot()
    for call, expected in ((lambda: robot.forward(0.3, duration=1), (0.3, 0.3)),
                           (lambda: robot.backward(0.3), (-0.3, -0.3)),
                           (lambda: robot.left(0.2), (-0.2, 0.2)), (lambda: robot.right(0.2), (0.2, -0.2)),
                           (lambda: robot.set_motors(0.1, 0.4), (0.1, 0.4)), (robot.forward, (1.0, 1.0)),
                           (robot.stop, (0.0, 0.0))):
        call()
        assert (robot.left_motor.value, robot.right_motor.value) == expected
    robot.left_motor.value = -0.5
    assert robot.left_motor.power == pytest.approx(-0.5, abs=0.005)


def test_the_motor_takes_and_refuses_what_the_official_one_does():
    motor = SimRobot().left_motor
    for bad in (np.float32(0.5), np.array(0.5), "0.5", None):
        with pytest.raises(traitlets.TraitError):
            motor.value = bad
    motor.value = 1
    motor.value = np.float64(0.5)  # a Python float by inheritance
    power = motor.power
    with pytest.raises(ValueError):
        motor.value = float("nan")
    with pytest.raises(OverflowError):
        motor.value = float("inf")
    assert motor.power == power  # the wheel keeps turning as before
    motor.value = 7.0
    assert motor.power == pytest.approx(0.996, abs=1e-3)


def test_stepped_runs_repeat_bit_for_bit_with_the_seed(road):
    runs = []
    for seed in (1, 1, 2):
        sim = Simulator(road, seed=seed)
        first = sim.camera.value
        drive(sim, 0.3, 0.35, 0.5)
        runs.append((first, sim.camera.value, sim.pose, sim.score()))
    np.testing.assert_array_equal(runs[0][0], runs[1][0])
    np.testing.assert_array_equal(runs[0][1], runs[1][1])
    assert runs[0][2:] == runs[1][2:] and runs[0][2] != runs[2][2]


def test_observers_get_every_frame_and_are_let_go(road):
    sim, seen = Simulator(road), []

    def look(change):
        seen.append(change["new"])

    sim.camera.observe(look, names="value")
    pictures = [sim.step() for _ in range(3)]
    sim.camera.unobserve(look, names="value")
    sim.step()
    assert len(seen) == 3 and all(a is b for a, b in zip(seen, pictures))
    assert seen[0].shape == (sim.camera.height, sim.camera.width, 3) and seen[0].dtype == np.uint8
    assert seen[0] is not seen[1]
    assert sim.clock() == pytest.approx(4 / 30)


def test_driving_takes_the_time_and_way_that_the_wheels_make(road):
    motors = road.motors._replace(dead_band=0, trim_left=1, trim_right=1, top_speed_m_s=0.5)
    sim = Simulator(road._replace(motors=motors))
    drive(sim, 0.5, 0.5, 2.0)
    # 0.25 m/s but for the start, in which a first order lag loses lag * speed
    assert sim.score()["distance_m"] == pytest.approx(0.25 * (2.0 - road.motors.lag_s), rel=0.01)
    assert sim.score()["seconds"] == pytest.approx(2.0)
    distance = sim.score()["distance_m"]
    drive(sim, 0, 0, 1.0)
    rolled = sim.score()["distance_m"] - distance
    drive(sim, -0.3, 0.3, 3.0)
    assert sim.score()["distance_m"] - distance == pytest.approx(rolled, abs=1e-3)  # a pivot is no distance


def test_a_wall_holds_the_robot_and_counts_once_until_it_lets_go(walls):
    sim = Simulator(walls._replace(solid=np.array([[-1.0, 0.0, 9.0, 0.0]])))
    sim.place(1.0, 0.3, -np.pi / 2)
    drive(sim, 0.4, 0.4, 3.0)
    assert sim.score()["collisions"] == 1
    assert 0.1 <= sim.pose[1] < 0.106
    drive(sim, 0.2, 0.45, 1.0)  # pushing on, turning
    assert sim.score()["collisions"] == 1
    sim.place(1.0, 0.15, np.pi / 2)
    drive(sim, 0.4, 0.4, 0.5)  # away
    assert sim.pose[1] > 0.17
    drive(sim, -0.4, -0.4, 2.0)  # and back into it
    assert sim.score()["collisions"] == 2 and sim.pose[1] >= 0.1


def test_on_a_road_obstacles_hold_the_robot_and_laps_and_collisions_are_both_counted():
    world = make_world("both", 3)
    sim = Simulator(world)
    sim._renderer.picture = lambda pose: np.zeros((1, 1, 3), np.uint8)
    x, y = world.room.obstacles[0].centre  # on the lane
    along = world.track.locate([(x, y)])[0][0]
    at = world.track.at(along - 0.45)
    sim.place(at[0], at[1], np.arctan2(y - at[1], x - at[0]))
    drive(sim, 0.4, 0.4, 3.0)
    score = sim.score()
    assert score["collisions"] == 1 and 0 < score["distance_m"] < 0.45
    assert score["off_track"] == 0 and score["laps"] > 0 and score["cross_track_rms_m"] < 0.1


def test_where_a_roads_world_ends_the_robot_is_held(road):
    sim = Simulator(road)
    sim._renderer.picture = lambda pose: np.zeros((1, 1, 3), np.uint8)
    sim.place(road.bounds[0] + 0.3, (road.bounds[1] + road.bounds[3]) / 2, np.pi)
    drive(sim, 0.4, 0.4, 3.0)
    assert sim.pose[0] == pytest.approx(road.bounds[0] + 0.1, abs=0.006) and sim.score()["collisions"] == 1


def test_no_obstacle_is_ever_entered(walls):
    from jetbot_mlp.sim_room import distance

    sim = Simulator(walls, seed=4)
    rs = np.random.RandomState(0)
    sim._renderer.picture = lambda pose: np.zeros((1, 1, 3), np.uint8)  # only the physics matters here
    for _ in range(80):
        drive(sim, *rs.uniform([-0.4, -0.4], [1.0, 1.0]), seconds=0.5)
        assert distance(walls.solid, sim.pose[:2]) > 0.0999
    assert sim.score()["collisions"] > 1 and sim.score()["off_track"] is None and sim.score()["laps"] is None


def test_beyond_a_tables_edge_the_robot_falls_once_and_stays_until_it_is_placed_again(table):
    sim = Simulator(table)
    sim.place(table.bounds[2] - 0.2, 0.2, 0.0)
    drive(sim, 0.4, 0.4, 3.0)
    assert sim.fallen and sim.score()["collisions"] == 1
    where, distance = sim.pose, sim.score()["distance_m"]
    drive(sim, 0.4, 0.4, 0.5)
    assert sim.pose == where and sim.score() == dict(sim.score(), collisions=1, distance_m=distance)
    sim.place(table.bounds[2] - 0.3, 0.2, np.pi)
    drive(sim, 0.3, 0.3, 0.5)
    assert not sim.fallen and sim.pose[0] < where[0] - 0.2


def test_laps_are_signed_and_leaving_the_road_counts_episodes(road):
    sim = Simulator(road)
    track = road.track
    sim.place(*track.at(0.0))
    sim._renderer.picture = lambda pose: np.zeros((1, 1, 3), np.uint8)
    drive(sim, 0.3, 0.3, 1.0)
    ahead = sim.score()["laps"]
    assert ahead == pytest.approx(sim.score()["distance_m"] / track.length_m, rel=0.1) and ahead > 0
    drive(sim, -0.3, -0.3, 2.0)
    assert sim.score()["laps"] < 0 < ahead
    assert sim.score()["off_track"] == 0 and sim.score()["cross_track_rms_m"] < 0.05
    x, y, heading = track.at(1.0)
    for episode in (1, 2):
        sim.place(x, y, heading + np.pi / 2)
        drive(sim, 0.3, 0.3, 1.5)
        assert sim.score()["off_track"] == episode
        drive(sim, -0.3, -0.3, 1.5)
        assert sim.score()["off_track"] == episode
    assert all(value is None or type(value) in (int, float) for value in sim.score().values())


def test_in_real_time_frames_come_at_the_frame_rate_in_a_daemon_thread(road):
    sim, threads = Simulator(road), []
    sim.robot.set_motors(0.3, 0.3)
    sim.camera.observe(lambda change: threads.append(threading.current_thread()), names="value")
    sim.camera.start()
    sim.camera.start()  # does nothing more
    time.sleep(0.7)
    sim.camera.stop()
    n = len(threads)
    assert 8 <= n <= 22 and len(set(threads)) == 1 and threads[0].daemon
    assert 0.4 < sim.clock() < 0.9 and sim.score()["distance_m"] > 0.03
    time.sleep(0.1)
    assert len(threads) == n
    sim.camera.start()
    time.sleep(0.2)
    sim.camera.stop()
    assert len(threads) > n


def test_a_slow_observer_gets_fewer_frames_but_the_world_does_not_wait(road):
    sim, seen = Simulator(road), []

    def slow(change):
        seen.append(1)
        time.sleep(0.15)

    sim.camera.observe(slow, names="value")
    sim.camera.start()
    time.sleep(0.9)
    sim.camera.stop()
    assert len(seen) <= 7 and sim.clock() > 0.7


def test_an_observers_exception_ends_the_pictures_silently_as_on_the_robot(road):
    sim = Simulator(road)

    def fail(change):
        raise RuntimeError("of the user")

    sim.camera.observe(fail, names="value")
    sim.camera.start()
    time.sleep(0.3)
    clock = sim.clock()
    time.sleep(0.1)
    assert sim.clock() == clock and str(sim.camera.error) == "of the user"
    sim.camera.stop()
