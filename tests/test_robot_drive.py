import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from driving_fakes import straight_on, wait_until
from fake_i2c import SMBUS, FakeBus, time_to_zero

from jetbot_mlp.errors import HardwareError
from jetbot_mlp.robot_drive import drive_robot


def test_it_drives_for_the_time_asked_and_leaves_the_wheels_at_zero(install, capsys):
    module = install()
    done = drive_robot([straight_on], seconds=1.0)
    assert done.reason == "time is up" and done.result["stops"] == 0
    assert done.result["frames"] > 3 and done.result["latency_ms"]["p50"] < 100
    assert module.chip.wheels == (0, 0)
    said = capsys.readouterr().err
    assert "frames/s" in said  # the live line
    # the imitated robot has no chip on I2C: that is said first, and all the time
    assert "UNGUARDED: if this program is killed, the wheels go on" in said and said.count("UNGUARDED") > 1


def test_a_dry_run_never_opens_the_robot(install, capsys):
    module = install()
    writes = module.chip.writes
    assert drive_robot([straight_on], seconds=0.5, dry_run=True).result["frames"] > 0
    assert module.chip.writes == writes
    assert "UNGUARDED" not in capsys.readouterr().err


def test_an_unplugged_camera_ends_the_drive_and_counts_as_a_stop(install):
    module = install()
    threading.Timer(0.5, lambda: setattr(module.sensor, "unplugged", True)).start()
    done = drive_robot([straight_on], seconds=10.0)
    assert done.result["stops"] == 1 and done.result["seconds"] < 5 and done.reason != "time is up"
    assert module.chip.wheels == (0, 0)


def test_ctrl_c_ends_it_in_good_order(install):
    module = install()
    threading.Timer(0.6, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
    done = drive_robot([straight_on], seconds=10.0)
    assert done.result["stops"] == 0 and "SIGINT" in done.reason
    assert module.chip.wheels == (0, 0)


def test_motors_that_refuse_to_stop_are_tried_until_they_obey(install, capsys):
    module = install()

    def trouble():
        assert wait_until(lambda: module.chip.wheels != (0, 0))
        module.chip.broken = {1, 2}
        time.sleep(2.5)  # longer than any single stop tries
        module.chip.broken = set()

    thread = threading.Thread(target=trouble)
    thread.start()
    done = drive_robot([straight_on], seconds=10.0)
    thread.join()
    assert done.result["stops"] == 1 and module.chip.wheels == (0, 0)
    assert "REFUSE TO STOP" in capsys.readouterr().err


KILLED = """
import os, sys, signal, threading, time
sys.path[:0] = [{folder!r}, {tests!r}, {root!r}]
from driving_fakes import straight_on, wait_until
from fake_i2c import FakeBus, turn
from fake_jetbot import make_jetbot
from jetbot_mlp.robot_drive import drive_robot
module = sys.modules["jetbot"] = make_jetbot()
def end():
    assert wait_until(lambda: module.chip.wheels != (0, 0))
    bus = FakeBus({bus!r})
    turn(bus)  # what the imitated official motors do not write there
    bus.died()
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=end, daemon=True).start()
drive_robot([straight_on], seconds=10.0)
"""


def test_kill_9_in_the_midst_of_a_drive_leaves_standing_wheels(tmp_path):
    # from `drive` to the chip with nothing of the guard replaced; the machine's bus is an imitated smbus
    tests, bus = os.path.dirname(os.path.abspath(__file__)), FakeBus(tmp_path / "bus")
    (tmp_path / "smbus.py").write_text(SMBUS.format(bus.path))
    script = KILLED.format(folder=str(tmp_path), tests=tests, root=os.path.dirname(tests), bus=bus.path)
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == -signal.SIGKILL and b"UNGUARDED" not in done.stderr
    assert time_to_zero(bus) < 1.0


def test_without_a_robot_it_says_so(install):
    install(board=None)
    with pytest.raises(HardwareError, match="motor board"):
        drive_robot([straight_on], seconds=1.0)


def test_where_nobody_looks_the_line_is_written_now_and_then(install, capsys):
    install()
    drive_robot([straight_on], seconds=1.6)
    said = capsys.readouterr().err
    assert "\r" not in said and said.count("frames/s") == 1
