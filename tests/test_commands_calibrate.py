import io
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from driving_fakes import wait_until

import jetbot_mlp.commands_calibrate as commands_calibrate
from jetbot_mlp.__main__ import main
from jetbot_mlp.commands_calibrate import SimulatedPerson, calibrate_wheels, in_simulator
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.hardware import CalibratedRobot
from jetbot_mlp.robot_settings import DEFAULTS, RobotSettings, default_path, load_settings, save_settings
from jetbot_mlp.simulator import EVALUATION_SEED_OFFSET, Simulator, make_world
from jetbot_mlp.wheel_calibration import Calibration


def simulated(seed):
    return Simulator(make_world("road", EVALUATION_SEED_OFFSET + seed), seed)


def turned_per_m(sim, robot, start, speed):
    """rad that a robot turns on each metre when it is told to go straight on."""
    sim.place(*start)
    robot.set_motors(speed, speed)
    sim.step(40)
    robot.set_motors(0.0, 0.0)
    sim.step(15)
    return (sim.pose[2] - start[2]) / math.hypot(sim.pose[0] - start[0], sim.pose[1] - start[1])


@pytest.mark.parametrize("seed", [1, 3])
def test_after_it_a_simulated_robot_drives_straighter_and_at_small_speeds(seed):
    settings, sim = in_simulator(seed), simulated(seed)
    start, hidden = sim.pose, sim.world.motors
    for found in (settings.left_dead_band, settings.right_dead_band):
        assert hidden.dead_band < found < hidden.dead_band + 0.015
    calibrated = CalibratedRobot(sim.robot, settings)
    for speed in (0.2, 0.4):
        before = turned_per_m(sim, sim.robot, start, speed)
        assert abs(turned_per_m(sim, calibrated, start, speed)) < 0.35 * abs(before)
    sim.place(*start)
    calibrated.set_motors(0.05, 0.05)
    sim.step(30)
    assert math.hypot(sim.pose[0] - start[0], sim.pose[1] - start[1]) > 0.01  # within the bare dead band


class Miswired:
    """A robot whose cables were changed."""

    def __init__(self, robot):
        self.robot = robot

    def set_motors(self, left, right):
        self.robot.set_motors(right, -left)

    def stop(self):
        self.robot.stop()


def test_wrong_cables_are_found_and_put_right():
    sim = simulated(2)
    person, robot = SimulatedPerson(sim), Miswired(sim.robot)
    calibration = Calibration(robot, clock=sim.clock, sleep=person.sleep)
    calibrate_wheels(calibration, person)
    assert calibration.settings[:3] == (True, False, True)
    start = sim.pose
    CalibratedRobot(robot, calibration.settings).set_motors(0.3, 0.3)
    sim.step(30)
    ahead, _, turn = person._moved()
    assert ahead > 0.08 and abs(turn) < 0.1 and sim.pose == start


def test_a_motor_that_does_not_turn_is_told(tmp_path):
    class Dead(Miswired):
        def set_motors(self, left, right):
            self.robot.set_motors(0.0, right)

    sim = simulated(2)
    person = SimulatedPerson(sim)
    with pytest.raises(commands_calibrate.HardwareError, match="left one to turn at 80%"):
        calibrate_wheels(Calibration(Dead(sim.robot), clock=sim.clock, sleep=person.sleep), person)


# -- the command ------------------------------------------------------------------------------


def run(capsys, *words):
    """-> (status, stdout, stderr)."""
    capsys.readouterr()
    status = main(["calibrate"] + list(words))
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_show_set_and_show_again(capsys):
    assert "not there" in run(capsys, "--show")[1] and not os.path.exists(default_path())
    status, out, _ = run(capsys, "--set", "trim=0.03", "dead_band=0.06", "camera_upside_down=yes", "--json")
    expected = RobotSettings(trim=0.03, left_dead_band=0.06, right_dead_band=0.06, camera_upside_down=True)
    assert status == 0 and json.loads(out) == dict(expected._asdict(), file=default_path())
    assert load_settings() == expected
    assert "0.03" in run(capsys, "--show")[1]


@pytest.mark.parametrize("words, part", [
    (["--set", "trim=2"], "from -0.5 to 0.5"), (["--set", "colour=red"], "max_speed"),
    (["--file", "{tmp}/none/x/robot.json", "--show"], None), (["--camera", "x"], "jetbot"), ([], "jetbot"),
])
def test_bad_words_give_one_line_and_change_nothing(capsys, tmp_path, words, part):
    status, _, err = run(capsys, *(word.format(tmp=tmp_path) for word in words))
    assert status == (0 if part is None else 2) and not os.path.exists(default_path())
    if part is not None:
        assert part in err and len(err.strip().splitlines()) == 1


def test_a_damaged_file_is_not_overwritten(capsys):
    with open(default_path(), "w") as stream:
        stream.write("precious")
    for words in (["--show"], ["--set", "trim=0.1"], []):
        status, _, err = run(capsys, *words)
        assert status == 2 and "mend or delete" in err
    with open(default_path()) as stream:
        assert stream.read() == "precious"


def test_a_simulated_robot_is_saved_only_where_it_is_told(capsys, tmp_path):
    save_settings(RobotSettings(trim=0.4))
    status, out, _ = run(capsys, "--sim", "--seed", "3")
    assert status == 0 and "not saved" in out and load_settings().trim == 0.4
    path = str(tmp_path / "new" / "sim.json")
    assert run(capsys, "--sim", "--seed", "3", "--file", path)[0] == 0
    assert load_settings(path).left_dead_band > 0.04 and load_settings().trim == 0.4


@pytest.fixture
def quick(monkeypatch):
    """No pulse takes its time."""
    monkeypatch.setattr(commands_calibrate, "Calibration",
                        lambda *words: Calibration(*words, sleep=lambda seconds: time.sleep(seconds / 50)))
    monkeypatch.setattr(Calibration, "pulse_motor", lambda self, number, power: self._pulse(
        (power, 0.0) if number == 0 else (0.0, power), 0.01))
    monkeypatch.setattr(Calibration, "pulse_wheel", lambda self, side, power: self._pulse((power, 0.0), 0.01))
    monkeypatch.setattr(Calibration, "drive_straight", lambda self: self._pulse((0.3, 0.3), 0.01))


def answer(monkeypatch, *lines):
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(line + "\n" for line in lines)))


def test_the_dialog_on_the_robot(install, monkeypatch, capsys, quick):
    module = install()
    save_settings(RobotSettings(max_speed=0.6, trim=0.3))
    searching = ["what?", "y", "y", "n", "y", "n", "n", "y"]
    answer(monkeypatch, "", "n", "rf", "?", "lb", *searching, *searching[1:], "", "50 -4", "",
           "a b", "52 0.2", "y")
    status, out, err = run(capsys)
    assert status == 0, err
    found = load_settings()
    assert found[:3] == (True, True, False) and found.max_speed == 0.6 and found.camera_upside_down
    assert found.left_dead_band == found.right_dead_band == pytest.approx(0.0879, abs=0.001)
    assert 0.0 < found.trim < 0.05
    assert module.chip.wheels == (0, 0) and module.sensor.owner is None
    assert "swapped             True" in out and "Which wheel" in err and "Which wheel" not in out


def test_without_a_terminal_it_says_what_to_do_and_saves_nothing(install, monkeypatch, capsys, quick):
    module = install()
    answer(monkeypatch, "")
    status, _, err = run(capsys)
    assert status == 2 and "--set trim=0.02" in err and not os.path.exists(default_path())
    assert module.chip.wheels == (0, 0)


def test_without_a_camera_the_wheels_are_calibrated_all_the_same(install, monkeypatch, capsys, quick):
    module = install()
    module.sensor.owner = "another notebook"
    answer(monkeypatch, "", "lf", "rf", *(["y"] * 14 + ["", ""]))
    status, _, err = run(capsys)
    assert status == 0 and "other notebooks" in err and load_settings().camera_upside_down is False
    assert load_settings().left_dead_band < 0.01


SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from driving_fakes import FakeRobot
from jetbot_mlp.wheel_calibration import Calibration
from jetbot_mlp.signals import stop_on_signals
robot = FakeRobot()
calibration = Calibration(robot)
try:
    with stop_on_signals(calibration):
        print("go", flush=True)
        calibration.pulse_motor(0, 0.3, seconds=3.0)
finally:
    print(robot.wheels, any(entry[1] for entry in robot.log), flush=True)
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_in_the_midst_of_a_pulse_stops_the_wheels(name):
    script = SCRIPT.format(tests=os.path.dirname(os.path.abspath(__file__)))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               universal_newlines=True)
    assert process.stdout.readline() == "go\n"
    time.sleep(0.3)
    process.send_signal(getattr(signal, name))
    began = time.monotonic()
    assert process.communicate(timeout=20)[0] == "(0.0, 0.0) True\n"
    assert time.monotonic() - began < 2.5 and process.returncode != 0


def test_the_picture_to_look_at_is_written(install, monkeypatch):
    import cv2

    install()
    path = commands_calibrate._picture_file(np.full((8, 8, 3), 200, np.uint8))
    assert cv2.imread(path).mean() > 190
    os.unlink(path)
    assert wait_until(lambda: not os.path.exists(path)) and DEFAULTS.camera_upside_down is False


def test_a_camera_that_cannot_be_is_told_before_the_dialog(capsys):
    assert main(["calibrate", "--camera", "webcam"]) == 2
    assert "usb:NUMBER" in capsys.readouterr().err


class Mistaken(SimulatedPerson):
    """Takes one wheel for the other once, and says metres for centimetres once."""

    def __init__(self, sim):
        super().__init__(sim)
        self.mistakes, self.told = {"wheel": 2, "drift": 1}, []

    def say(self, text):
        self.told.append(text)

    ready = say

    def which_wheel(self):
        seen = super().which_wheel()
        if seen is not None and self.mistakes["wheel"]:
            self.mistakes["wheel"] -= 1
            return "left", True
        return seen

    def drift(self):
        ahead, right = super().drift()
        if self.mistakes["drift"]:
            self.mistakes["drift"] = 0
            return ahead / 100, right / 100
        return ahead, right


def test_a_wrong_answer_is_asked_again():
    sim = simulated(1)
    person = Mistaken(sim)
    calibration = Calibration(sim.robot, clock=sim.clock, sleep=person.sleep)
    calibrate_wheels(calibration, person)
    assert calibration.settings.left_dead_band > 0 and calibration.settings.trim != 0
    assert any("look again" in text for text in person.told) and any("5 cm" in text for text in person.told)


def test_a_wheel_that_needs_more_than_half_its_power_is_told():
    sim = simulated(1)
    person = SimulatedPerson(sim)
    person.turned = lambda side: False
    with pytest.raises(HardwareError, match="charge the battery"):
        calibrate_wheels(Calibration(sim.robot, clock=sim.clock, sleep=person.sleep), person)


def test_a_path_that_the_locale_can_not_write_is_printed_all_the_same(tmp_path):
    path = str(tmp_path / "로봇.json")
    # the two switches make later Pythons as strict as 3.6
    env = dict(os.environ, JETBOT_MLP_ROBOT=path, LC_ALL="C", PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
    done = subprocess.run([sys.executable, "-m", "jetbot_mlp", "calibrate", "--set", "trim=0.1"], env=env,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert done.returncode == 0 and done.stderr == b"", done
    assert b"trim" in done.stdout and b".json" in done.stdout and os.path.exists(path)
