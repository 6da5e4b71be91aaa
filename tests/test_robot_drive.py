import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from driving_fakes import straight_on, wait_until
from fake_i2c import SMBUS, FakeBus, time_to_zero

from jetbot_mlp import robot_drive
from jetbot_mlp.control import Limits
from jetbot_mlp.driver_status import Status
from jetbot_mlp.errors import HardwareError, SettingsError
from jetbot_mlp.messages import CollisionPrediction, RoadPrediction, WheelCommand
from jetbot_mlp.pictures import decode_picture
from jetbot_mlp.recorder import Recorder
from jetbot_mlp.recording import read_recording
from jetbot_mlp.robot_drive import drive_robot, live_line
from jetbot_mlp.robot_settings import RobotSettings


def in_time(drive):
    """drive(), again when a machine that was too busy has made the watchdog stop it, which is right."""
    for _ in range(3):
        done = drive()
        if done.result["stops"] == 0:
            break
    return done


def test_it_drives_for_the_time_asked_and_leaves_the_wheels_at_zero(install, capsys):
    module = install()
    done = in_time(lambda: drive_robot([straight_on], seconds=1.0))
    assert done.reason == "time is up" and done.result["stops"] == 0
    assert done.result["frames"] > 3 and done.result["latency_ms"]["p50"] < 100
    assert module.chip.wheels == (0, 0)
    said = capsys.readouterr().err
    assert "frames/s" in said  # the live line
    # the imitated robot has no chip on I2C: that is said first, and all the time
    assert "UNGUARDED: if this program is killed, the wheels go on" in said and said.count("UNGUARDED") > 1


def test_a_terminal_that_is_halted_does_not_delay_the_end(install, monkeypatch):
    module, seen = install(), []

    def halted(status, recorder=None):  # as a write to a terminal after Ctrl-S
        if not seen:
            assert wait_until(lambda: module.chip.wheels != (0, 0), 5.0)
            seen.append(wait_until(lambda: module.chip.wheels == (0, 0), 5.0))
            if seen == [False]:  # or the drive would never end
                raise KeyboardInterrupt
        return ""

    def drive():
        del seen[:]
        return drive_robot([straight_on], seconds=1.0)

    monkeypatch.setattr(robot_drive, "live_line", halted)
    done = in_time(drive)
    assert seen == [True] and done.reason == "time is up" and done.result["stops"] == 0


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
from jetbot_mlp import motor_guard
from jetbot_mlp.robot_drive import drive_robot
motor_guard.BUSES = (1000 + os.getpid(),)  # a robot of its own: other tests may stop their wheels meanwhile
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


RECORDED = """
import os, sys, signal, threading
sys.path[:0] = [{folder!r}, {tests!r}, {root!r}]
from driving_fakes import straight_on, wait_until
from fake_jetbot import make_jetbot
from jetbot_mlp import motor_guard
from jetbot_mlp.recorder import Recorder
from jetbot_mlp.robot_drive import drive_robot
motor_guard.BUSES = (1000 + os.getpid(),)
sys.modules["jetbot"] = make_jetbot()
recorder = Recorder({drive!r})
def end():
    assert wait_until(lambda: recorder.frames >= 5)
    os.kill(os.getpid(), signal.SIGKILL)
threading.Thread(target=end, daemon=True).start()
drive_robot([straight_on], seconds=10.0, recorder=recorder)
"""


def test_kill_9_in_the_midst_of_a_drive_leaves_standing_wheels(tmp_path):
    # from `drive` to the chip with nothing of the guard replaced; the machine's bus is an imitated smbus
    tests, bus = os.path.dirname(os.path.abspath(__file__)), FakeBus(tmp_path / "bus")
    (tmp_path / "smbus.py").write_text(SMBUS.format(bus.path))
    script = KILLED.format(folder=str(tmp_path), tests=tests, root=os.path.dirname(tests), bus=bus.path)
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == -signal.SIGKILL and b"UNGUARDED" not in done.stderr
    assert time_to_zero(bus) < 1.0


HANGING = """
import atexit, os, sys, signal, threading
sys.path[:0] = [{folder!r}, {tests!r}, {root!r}]
from driving_fakes import straight_on, wait_until
from fake_jetbot import make_jetbot
from jetbot_mlp import motor_guard, robot_drive
motor_guard.BUSES = (1000 + os.getpid(),)
module = sys.modules["jetbot"] = make_jetbot()
robot = module.Robot.instance()
for motor in (robot.left_motor, robot.right_motor):
    atexit.register(motor._release)  # as the official ones do
def hang():
    assert wait_until(lambda: module.chip.wheels != (0, 0))
    module.chip.write = lambda channel, speed: threading.Event().wait()
    if {signal!r}:
        os.kill(os.getpid(), getattr(signal, {signal!r}))
threading.Thread(target=hang, daemon=True).start()
robot_drive.drive_robot([straight_on], seconds=1000.0)
"""


@pytest.mark.parametrize("ending, status", [("", 1), ("SIGTERM", 143)])
def test_a_write_to_the_motors_that_never_returns_does_not_keep_the_program(tmp_path, ending, status):
    # with a motor guard it ends by itself; the signal has to do it without
    tests, bus = os.path.dirname(os.path.abspath(__file__)), FakeBus(tmp_path / "bus")
    if not ending:
        (tmp_path / "smbus.py").write_text(SMBUS.format(bus.path))
    script = HANGING.format(folder=str(tmp_path), tests=tests, root=os.path.dirname(tests), signal=ending)
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == status, done
    assert ending or b"does not return: I2C hangs" in done.stderr and b"the motor guard holds" in done.stderr


def test_an_ordinary_end_that_the_motors_refuse_at_first_is_no_stop_for_safety(install, monkeypatch):
    module = install()
    stop = robot_drive.Driver.stop

    def refused_at_first(driver, reason):
        if reason == "time is up":  # zeros only: a command that is refused stops for safety
            write, until = driver.gate._write_zero, time.monotonic() + 0.2
            driver.gate._write_zero = lambda: "refused" if time.monotonic() < until else write()
        stop(driver, reason)

    monkeypatch.setattr(robot_drive.Driver, "stop", refused_at_first)
    done = in_time(lambda: drive_robot([straight_on], seconds=0.5))
    assert done.result["stops"] == 0 and done.reason == "time is up" and module.chip.wheels == (0, 0)


def test_without_a_robot_it_says_so(install):
    install(board=None)
    with pytest.raises(HardwareError, match="motor board"):
        drive_robot([straight_on], seconds=1.0)


def test_where_nobody_looks_the_line_is_written_now_and_then(install, capsys):
    install()
    drive_robot([straight_on], seconds=1.6)
    said = capsys.readouterr().err
    assert "\r" not in said and said.count("age") == 1
    last = said.strip().split("\n")[-1]
    assert last.startswith("stopped: time is up | ") and "frames/s" in last


def test_the_live_line_has_rate_latency_age_predictions_wheels_counts_and_why_it_stopped():
    status = Status(True, None, frames=9, dropped=2, repeated=0, refused=1, fps=29.94, latency_p50_ms=3.2,
                    latency_p99_ms=12.1, frame_age_s=0.021, command=WheelCommand(0.2, -0.1, 0.0), stops=(),
                    predictions=(RoadPrediction(0.1, -0.3, 0.0), CollisionPrediction(0.02, 0.0)), wheels_stopped=False)
    assert live_line(status) == ("29.9 frames/s | latency p50 3 p99 12 ms | age 21 ms | x +0.10 y -0.30 | "
                                 "P(blocked) 0.02 | wheels +0.20 -0.10 | 1 too late | 2 overtaken")
    assert live_line(status._replace(frames=0)) == "waiting for the first frame"
    stopped = status._replace(running=False, reason="the picture froze", command=None)
    assert live_line(stopped).startswith("stopped: the picture froze | 29.9 frames/s | ")
    assert live_line(stopped._replace(frames=0)) == "stopped: the picture froze | no frame was answered"


def test_the_live_line_says_first_that_recording_has_ended(tmp_path):
    status = Status(True, None, 0, 0, 0, 0, 0.0, float("nan"), float("nan"), 0.0, (), None, True, ())
    with Recorder(tmp_path / "r") as recorder:
        assert "recorded 0" in live_line(status._replace(frames=1, latency_p50_ms=1.0, latency_p99_ms=1.0), recorder)
        recorder.note = "No space left on device"
        assert live_line(status, recorder).startswith("NOT RECORDING: No space left")


def test_a_drive_on_the_robot_is_recorded_with_the_frame_that_made_it_stop(install, tmp_path):
    module, folder = install(), str(tmp_path / "drive")

    def doubtful(frame):
        return RoadPrediction(0.0, float("nan") if frame.sequence > 12 else 0.5, frame.stamp)

    with Recorder(folder) as recorder:
        done = drive_robot([doubtful], seconds=10.0, recorder=recorder)
    assert "finite" in done.reason and module.chip.wheels == (0, 0)
    recording = read_recording(folder)
    assert recording.reason == done.reason == recording.frames[-1].reason
    assert (recording.frames[-1].state, recording.frames[-1].predictions) == ("stopped", ())
    assert len(recording.frames) == done.result["frames"] + 1 == recorder.frames
    assert "official robot" in recording.header["robot"] and recording.header["calibration"]["trim"] == 0.0


def test_kill_9_leaves_a_recording_that_can_be_read(tmp_path):
    tests, folder = os.path.dirname(os.path.abspath(__file__)), str(tmp_path / "drive")
    (tmp_path / "smbus.py").write_text(SMBUS.format(str(tmp_path / "bus")))
    script = RECORDED.format(folder=str(tmp_path), tests=tests, root=os.path.dirname(tests), drive=folder)
    done = subprocess.run([sys.executable, "-c", script], stderr=subprocess.PIPE, timeout=20)
    assert done.returncode == -signal.SIGKILL, done
    recording = read_recording(folder)
    assert len(recording.frames) >= 5 and recording.reason is None and recording.damaged <= 1
    for frame in recording.frames:
        with open(frame.path, "rb") as stream:
            decode_picture(stream.read())


def test_a_top_speed_within_the_dead_band_is_told_instead_of_standing_still(monkeypatch):
    monkeypatch.setattr(robot_drive, "load_settings", lambda: RobotSettings(left_dead_band=0.3))
    with pytest.raises(SettingsError, match="dead band of 0.3"):
        robot_drive.drive_robot([], limits=Limits(max_speed=0.3))
