"""STOP in one program stops what drives the same robot in another, through that one's motor guard."""
import os
import threading
import types

import pytest
from driving_fakes import FakeCamera, FakeRobot, straight_on, wait_until
from fake_i2c import FakeBus, moving
from test_motor_guard import PROGRAM, Official, drives_by_itself, start_guarded
from test_stop_wheels import ON

from jetbot_mlp import motor_guard, processes
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.hand_drive import HandDrive
from jetbot_mlp.live_drive import LiveDrive
from jetbot_mlp.motor_guard import REASONS, MotorGuard
from jetbot_mlp.processes import STOP, YIELD
from jetbot_mlp.wheel_calibration import Calibration

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")


@pytest.fixture
def bus(tmp_path):
    return FakeBus(tmp_path / "bus")


@pytest.fixture
def guard(bus):
    """This program's, not started: nothing was driven here yet."""
    guard = MotorGuard(program=PROGRAM.format(bus.path, bus.addresses))
    yield guard
    guard.close()


PANELS = {"live": lambda robot, guard: LiveDrive(straight_on, robot, FakeCamera(), guard=guard),
          "by hand": lambda robot, guard: HandDrive(robot, guard=guard),
          "calibration": lambda robot, guard: Calibration(robot, guard=guard)}


@pytest.mark.parametrize("panel", sorted(PANELS))
def test_stop_stops_own_wheels_first_and_then_the_program_that_drives_elsewhere(bus, guard, panel, capsys, monkeypatch):
    robot, stopped_first = FakeRobot(), []
    pressed, tell = PANELS[panel](robot, guard), processes.tell_guards
    monkeypatch.setattr(motor_guard, "tell_guards", lambda *a: stopped_first.append(robot.stop_calls) or tell(*a))
    with start_guarded(bus, ON) as process:
        process.stdout.readline()
        assert drives_by_itself(bus) and moving(bus)
        pressed.stop("the panel was closed")  # alone it is this program's own end
        assert moving(bus)
        pressed.stop_everywhere()
        assert process.stdout.readline() == (REASONS[b"x"] + "\n").encode()
        assert wait_until(lambda: not moving(bus)) and process.poll() is None  # it lives on
        told = capsys.readouterr().err
        assert f"process {process.pid} (" in told and "was told to stop" in told
    assert stopped_first == [2]


def test_no_guard_of_this_program_is_told_and_another_users_is_named(guard, monkeypatch, capsys):
    mine, strange = (processes.RunningGuard(2 ** 22 + i, parent, "driving")
                     for i, parent in ((1, os.getpid()), (2, 2 ** 22 + 3)))
    monkeypatch.setattr(motor_guard, "running_guards", lambda program, buses: [mine, strange])
    told = []

    def kill(pid, number):
        told.append((pid, number))
        raise PermissionError

    monkeypatch.setattr(processes.os, "kill", kill)
    guard.stop_programs()
    assert told == [(strange.pid, STOP)] and "sudo jetbot-mlp stop" in capsys.readouterr().err


def test_of_a_guard_of_an_older_version_it_says_that_it_may_drive_on(guard, monkeypatch, capsys):
    older = processes.RunningGuard(2 ** 22 + 1, 2 ** 22 + 2, "")  # it ignores the signal
    monkeypatch.setattr(motor_guard, "running_guards", lambda program, buses: [older])
    monkeypatch.setattr(processes.os, "kill", lambda pid, number: None)
    guard.stop_programs()
    told = capsys.readouterr().err
    assert "older version" in told and "may drive on: jetbot-mlp stop" in told and "was told" not in told


def test_other_programs_are_told_for_the_official_robot_only(monkeypatch):
    told = []
    monkeypatch.setattr(MotorGuard, "stop_programs", lambda self: told.append(self))
    MotorGate(FakeRobot()).stop_programs()  # the simulator's, say: another robot
    assert not told
    MotorGate(types.SimpleNamespace(robot=Official(), stop=None, set_motors=None)).stop_programs()
    assert len(told) == 1


# ---- what the guard does with it

def while_it_starts(guard, number):
    """Sends it a signal while it starts, which takes it a second. -> the error of its start, or None."""
    guard.program = "import time; time.sleep(1.0); " + guard.program
    errors = []

    def start():
        try:
            guard.start()
        except HardwareError as error:
            errors.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    assert wait_until(lambda: guard.pid is not None)
    os.kill(guard.pid, number)
    thread.join(20.0)
    assert not thread.is_alive()
    return errors[0] if errors else None


def test_stop_while_a_guard_is_starting_ends_that_start(guard):
    assert while_it_starts(guard, STOP) == REASONS[b"x"]
    assert guard.start().alive  # again is an explicit start


def test_a_start_elsewhere_does_not_end_a_guard_that_is_starting(guard):
    # slow where it used to take the signal for one that came after the start
    guard.program = guard.program.replace(" main(", " import time; from jetbot_mlp import guard_process as g; "
                                          "w = g.watch; g.watch = lambda *a: (time.sleep(0.5), w(*a)); main(")
    assert while_it_starts(guard, YIELD) is None and guard.alive
    guard.arm()
    assert not wait_until(lambda: guard.beat() == REASONS[b"y"], 0.3)


def test_a_guard_hears_stop_at_once_and_not_at_its_next_look(guard):
    guard.program = guard.program.replace(" main(", " from jetbot_mlp import guard_process; "
                                          "guard_process.LOOK_EVERY_S = 60.0; guard_process.main(")
    guard.start()
    assert wait_until(lambda: processes.read(f"/proc/{guard.pid}/comm").strip() == "guard:rest")
    os.kill(guard.pid, STOP)
    assert wait_until(lambda: processes.read(f"/proc/{guard.pid}/comm").strip() == "guard:holding", 10.0)
