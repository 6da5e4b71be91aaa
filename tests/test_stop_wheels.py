"""`jetbot-mlp stop`, against an imitated chip and processes that really run."""
import subprocess
import sys
import time

import pytest
from fake_i2c import FakeBus, motion, turn

from jetbot_mlp import stop_wheels
from jetbot_mlp.__main__ import main
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.motor_chip import find_chip

PROGRAM = ("import signal, sys, time; signal.signal(signal.SIGTERM, {handler}); print('up', flush=True); "
           "time.sleep(30)")


@pytest.fixture
def bus(tmp_path):
    return FakeBus(tmp_path / "bus")


def find(bus):
    return lambda: find_chip((1,), lambda number: bus)


def start(handler):
    """A process that looks like a drive. handler: of SIGTERM."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM.format(handler=handler), "-m", "jetbot_mlp", "drive"],
                               stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    return process


def test_it_brings_turning_wheels_to_zero_and_names_the_chip(bus, monkeypatch, capsys):
    turn(bus)
    assert motion(bus.log())[-1][1]
    monkeypatch.setattr(stop_wheels, "find_chip", lambda numbers: find(bus)())
    monkeypatch.setattr(stop_wheels, "drives", list)
    assert main(["stop"]) == 0
    assert not motion(bus.log())[-1][1]
    assert capsys.readouterr().out == "wheels at zero: PCA9685 at 0x60 on I2C bus 1\n"


def test_without_a_chip_it_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(stop_wheels, "drives", list)
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
    assert stop_wheels.write_zeros(lambda: chip) == "chip" and chip.writes == 2 * stop_wheels.ACCEPTED
    chip = Busy()
    chip.good = 2
    with pytest.raises(HardwareError, match="refuses to stop"):
        stop_wheels.write_zeros(lambda: chip, tries_s=0.2)


@pytest.mark.parametrize("handler, status", [("lambda *a: sys.exit(7)", 7), ("signal.SIG_IGN", -9)])
def test_drives_are_found_and_ended_politely_then_by_force(handler, status):
    process = start(handler)
    try:
        assert process.pid in dict(stop_wheels.drives())
        code = f"from jetbot_mlp.stop_wheels import end; end({process.pid}, 0.5)"
        waiting = subprocess.Popen([sys.executable, "-c", code])
        assert process.wait(10) == status  # reaped here, so that the other one sees it gone
        assert waiting.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_only_drives_of_a_real_robot_are_ended():
    python = "/usr/bin/python3"
    assert stop_wheels.is_drive([python, "-m", "jetbot_mlp", "drive", "road.npz"])
    assert stop_wheels.is_drive([python, "/usr/local/bin/jetbot-mlp", "drive", "road.npz"])
    assert not stop_wheels.is_drive([python, "-m", "jetbot_mlp", "drive", "road.npz", "--sim"])
    assert not stop_wheels.is_drive([python, "-m", "jetbot_mlp", "train", "drive"])
    assert not stop_wheels.is_drive(["/usr/bin/docker", "exec", "x", "python3", "-m", "jetbot_mlp", "drive"])
    assert not stop_wheels.is_drive(["/usr/bin/vim", "jetbot_mlp", "drive"])
    assert not stop_wheels.is_drive([""])


def test_it_is_there_at_once():
    started = time.monotonic()
    subprocess.call([sys.executable, "-c", "import jetbot_mlp.stop_wheels, sys; sys.exit('numpy' in sys.modules)"])
    assert time.monotonic() - started < 2.0
