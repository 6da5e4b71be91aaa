"""`jetbot-mlp stop`, against an imitated chip and processes that really run."""
import os
import subprocess
import sys
import time

import pytest
from driving_fakes import wait_until
from fake_i2c import FakeBus, motion, moving, turn
from test_motor_guard import PROGRAM as GUARD
from test_motor_guard import drives_by_itself, start_guarded

from jetbot_mlp import processes, stop_wheels
from jetbot_mlp.__main__ import main
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.motor_chip import MotorChip, NoChip, find_chip
from jetbot_mlp.motor_guard import REASONS

TOLD = (REASONS[b"x"] + "\n").encode()
PROGRAM = ("import signal, sys, time; signal.signal(signal.SIGTERM, {handler}); print('up', flush=True); "
           "time.sleep(30)")


WATCH = stop_wheels.watch.__defaults__


@pytest.fixture(autouse=True)
def others_are_left_alone(monkeypatch):
    """What other tests on this machine drive is not for these; and it need not take long."""
    monkeypatch.setattr(stop_wheels, "drives", list)
    monkeypatch.setattr(stop_wheels, "PROGRAM", "of nobody")
    monkeypatch.setattr(stop_wheels.watch, "__defaults__", (0.3, 1.0))


@pytest.fixture
def bus(tmp_path):
    return FakeBus(tmp_path / "bus")


def find(bus):
    return lambda: find_chip((1,), lambda number: bus)


def start(handler):
    """A process to be ended, which does not look like a drive: other tests here end those. handler: of SIGTERM."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM.format(handler=handler)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    return process


def test_it_brings_turning_wheels_to_zero_and_names_the_chip(bus, monkeypatch, capsys):
    turn(bus)
    assert motion(bus.log())[-1][1]
    monkeypatch.setattr(stop_wheels, "find_chip", lambda numbers: find(bus)())
    assert main(["stop"]) == 0
    assert not motion(bus.log())[-1][1]
    said = capsys.readouterr()
    assert said.out == "wheels at zero: PCA9685 at 0x60 on I2C bus 1\n" and said.err == ""


def test_without_a_chip_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(stop_wheels, "find_chip", lambda numbers: find_chip((1,), lambda number: FakeBus("none", ())))
    assert main(["stop"]) == 2
    assert "switch the robot off" in capsys.readouterr().err


def test_a_chip_that_refuses_is_tried_again_and_then_said(bus):
    class Busy:
        name, writes = "chip", 0

        def stop(self):
            self.writes += 1
            if self.writes % 2 or self.writes > self.good:
                raise OSError(121, "Remote I/O error")

    chip = Busy()
    chip.good = 99
    assert stop_wheels.write_zeros(lambda: chip) is chip and chip.writes == 2 * stop_wheels.ACCEPTED
    chip = Busy()
    chip.good = 2
    with pytest.raises(HardwareError, match="refuses to stop"):
        stop_wheels.write_zeros(lambda: chip, tries_s=0.2)


def test_a_bus_that_is_disturbed_is_asked_again_for_the_chip():
    states = ["disturbed", "disturbed", "silent"]

    def find():
        raise NoChip("bus 1: no", states.pop(0))

    with pytest.raises(HardwareError, match="bus 1: no"):
        stop_wheels.write_zeros(find)
    assert states == []


DRIVES = stop_wheels.drives


@pytest.mark.parametrize("handler, status", [("lambda *a: sys.exit(7)", 7), ("signal.SIG_IGN", -9)])
def test_drives_are_found_and_ended_politely_then_by_force(handler, status, tmp_path):
    process = start(handler)
    for pid, words in ((process.pid, "drive"), (1, "drive --sim")):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_bytes(f"python3 -m jetbot_mlp {words}".replace(" ", "\0").encode())
    try:
        assert DRIVES(str(tmp_path)) == [(process.pid, "python3 -m jetbot_mlp drive")]
        code = f"from jetbot_mlp.stop_wheels import end; end({process.pid}, 0.5)"
        waiting = subprocess.Popen([sys.executable, "-c", code])
        assert process.wait(10) == status  # reaped here, so that the other one sees it gone
        assert waiting.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


# ---- whoever is no drive of the command line

ON = """
refused, end = None, time.monotonic() + 20.0
while time.monotonic() < end:
    refused = guard.beat()
    if refused is not None:
        break
    turn(bus)
    time.sleep(0.02)
guard.rest()
print(refused, flush=True)
time.sleep(60)
"""


@pytest.fixture
def stop_at(bus, monkeypatch, capsys):
    """-> function() that runs `jetbot-mlp stop` for guards on the imitated bus -> (exit status, stderr)."""
    monkeypatch.setattr(stop_wheels, "PROGRAM", GUARD.format(bus.path, bus.addresses))
    monkeypatch.setattr(stop_wheels, "find_chip", lambda numbers: find(bus)())

    def stop():
        capsys.readouterr()
        return main(["stop"]), capsys.readouterr().err

    return stop


def test_a_script_or_notebook_of_ours_is_told_through_its_guard_and_stands(bus, stop_at):
    with start_guarded(bus, ON) as process:
        process.stdout.readline()
        assert drives_by_itself(bus) and moving(bus)
        status, said = stop_at()
        assert process.stdout.readline() == TOLD
        assert process.poll() is None  # it lives on
        assert status == 0 and f"process {process.pid} (" in said and "drove: stopped" in said and "-c" in said
        assert "again" not in said.replace("started again", "") and not moving(bus)


def test_a_program_that_did_not_drive_is_said_to_and_can_not_begin_by_itself(bus, stop_at):
    code = ("guard.rest(); print('rests', flush=True); sys.stdin.readline(); print(guard.beat(), flush=True)\n"
            "time.sleep(60)")
    with start_guarded(bus, code, stdin=subprocess.PIPE) as process:
        guard = int(process.stdout.readline())
        assert process.stdout.readline() == b"rests\n"
        assert wait_until(lambda: processes.read(f"/proc/{guard}/comm").strip() == "guard:rest")
        status, said = stop_at()
        assert status == 0 and "did not drive" in said
        process.stdin.write(b"\n")
        process.stdin.flush()
        # the first beat is answered when the guard has heard it; what it answers is read by the next one
        assert process.stdout.readline() in (b"None\n", TOLD)
        assert wait_until(lambda: processes.read(f"/proc/{guard}/comm").strip() in ("guard:holding", "guard:away"))
        process.stdin.close()


def test_a_program_that_hangs_is_named(bus, stop_at):
    with start_guarded(bus, "os.kill(os.getpid(), signal.SIGSTOP)") as process:
        guard = int(process.stdout.readline())
        assert wait_until(lambda: processes.read(f"/proc/{guard}/comm").strip() == "guard:holding")
        status, said = stop_at()
        assert status == 0 and "hangs, its motor guard holds the wheels at zero: restart it, or kill " in said
        assert f"kill {process.pid}\n" in said


STRANGER = """
import sys, time
sys.path.insert(0, {tests!r})
from fake_i2c import FakeBus, turn
device, bus = open({device!r}), FakeBus({bus!r})
end = time.monotonic() + {seconds}
print("up", flush=True)
while time.monotonic() < end:
    turn(bus)
    time.sleep(0.05)
"""


def stranger(bus, device, seconds):
    """An official notebook, say: drives without us, with the bus open."""
    with open(device, "w"):
        pass
    code = STRANGER.format(tests=os.path.dirname(os.path.abspath(__file__)), device=device, bus=bus.path,
                           seconds=seconds)
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    return process


def test_somebody_elses_program_that_drives_on_is_noticed_held_and_named(bus, stop_at, tmp_path, monkeypatch):
    device, holders = str(tmp_path / "i2c-1"), processes.holders
    monkeypatch.setattr(processes, "holders", lambda start: holders(device) if start == "/dev/i2c-" else [])
    monkeypatch.setattr(stop_wheels.watch, "__defaults__", WATCH)  # a busy machine may keep the stranger waiting
    process = stranger(bus, device, 60.0)
    try:
        wrote = len(bus.log())
        status, said = stop_at()
        assert status == 2 and said.count("drives on") == 1
        assert f"the wheels turn again; zeros for 3 s. process {process.pid} (" in said and f"{device} open" in said
        zeros = [row for row in bus.log()[wrote:] if row[1:] == (0x60, 0xFD, 0x10)]
        assert len(zeros) > 2 * stop_wheels.ACCEPTED  # it did not just look on
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_somebody_who_ends_while_the_wheels_are_held_is_no_error(bus, stop_at, tmp_path, monkeypatch):
    monkeypatch.setattr(stop_wheels.watch, "__defaults__", (1.0, 4.0))
    monkeypatch.setattr(processes, "holders", lambda start: [])
    process = stranger(bus, str(tmp_path / "i2c-1"), 1.0)
    status, said = stop_at()
    process.wait()
    process.stdout.close()
    assert status == 0 and "No process that is to be seen here" in said and said.endswith("they stay at zero now\n")
    assert not moving(bus)


def test_a_chip_that_can_not_be_read_back_is_said(bus, stop_at, monkeypatch):
    def refuse(self, address, register):
        raise OSError(121, "Remote I/O error")

    monkeypatch.setattr(FakeBus, "read", refuse)
    status, said = stop_at()
    assert status == 0 and "can't be read back" in said


def test_a_chip_that_is_busy_now_and_then_is_read_on(bus, stop_at, tmp_path, monkeypatch):
    read, reads = FakeBus.read, []

    def busy(self, address, register):
        reads.append(register)
        if len(reads) % 16 == 1:
            raise OSError(121, "Remote I/O error")
        return read(self, address, register)

    monkeypatch.setattr(FakeBus, "read", busy)
    monkeypatch.setattr(stop_wheels, "suspects", lambda: "nobody")
    monkeypatch.setattr(MotorChip, "stop", lambda self: None)  # nor does it obey
    turn(bus)
    status, said = stop_at()
    assert status == 2 and said.count("drives on") == 1 and "can't be read back" not in said


def test_a_chip_that_falls_silent_while_the_wheels_turn_is_an_error(bus, stop_at, monkeypatch):
    read, reads = FakeBus.read, []

    def silent(self, address, register):
        reads.append(register)
        if len(reads) > 30:
            raise OSError(121, "Remote I/O error")
        return read(self, address, register)

    monkeypatch.setattr(FakeBus, "read", silent)
    monkeypatch.setattr(stop_wheels, "suspects", lambda: "nobody")
    monkeypatch.setattr(MotorChip, "stop", lambda self: None)
    turn(bus)
    status, said = stop_at()
    assert status == 2 and "turned again, and then the chip can't be read back" in said


def test_it_is_there_at_once():
    started = time.monotonic()
    subprocess.call([sys.executable, "-c", "import jetbot_mlp.stop_wheels, sys; sys.exit('numpy' in sys.modules)"])
    assert time.monotonic() - started < 2.0


def test_of_a_guard_of_an_older_version_it_does_not_say_that_nothing_drove(monkeypatch, capsys):
    older = processes.RunningGuard(2 ** 22 + 1, 2 ** 22 + 2, "")  # it tells no state, and ignores the signal
    monkeypatch.setattr(processes, "running_guards", lambda program, buses: [older])
    monkeypatch.setattr(processes.os, "kill", lambda pid, number: None)
    stop_wheels.tell_guards()
    told = capsys.readouterr().err
    assert "may drive on" in told and "did not drive" not in told
