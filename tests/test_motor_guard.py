"""Parents that really die, in every way, with an imitated motor chip that two processes share."""
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import types

import pytest
from driving_fakes import FakeCamera, straight_on, wait_until
from fake_i2c import SMBUS, FakeBus, moving, time_to_zero, turn

from jetbot_mlp import motor_guard
from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.guard_process import HOLD_S, Guard, stop_for_good
from jetbot_mlp.hardware import open_robot
from jetbot_mlp.messages import WheelCommand
from jetbot_mlp.motor_guard import MotorGuard, NoMotorChip, guard_for
from jetbot_mlp.official_robot import adapt_robot
from jetbot_mlp.processes import STOP, YIELD, read

TESTS = os.path.dirname(os.path.abspath(__file__))

# the second process, on the imitated bus
PROGRAM = ("import sys; sys.path += sys.argv.pop(1).split(chr(10)); from fake_i2c import FakeBus; "
           "from jetbot_mlp.guard_process import main; main(open_bus=lambda number: FakeBus({!r}, {!r}))")

SILENT = "raise OSError(121, 'Remote I/O error')"


def on_bus(code, bus, patience_s="guard_process.PATIENCE_S"):
    """The second process on a bus of its own. code: what `probe` does before it answers; asked counts its calls."""
    return PROGRAM.format(bus.path, bus.addresses).replace(" main(", f"""
from jetbot_mlp import guard_process
guard_process.PATIENCE_S = {patience_s}
class FakeBus(FakeBus):
    asked = 0
    def probe(self, address):
        FakeBus.asked += 1
        {code}
main(""")


# the first one: turns the wheels, tells the guard, then does what the test asks for
PARENT = """
import os, re, signal, subprocess, sys, time
sys.path[:0] = [{root!r}, {tests!r}]
from fake_i2c import FakeBus, turn
from jetbot_mlp.motor_guard import MotorGuard
bus, sensible = FakeBus({path!r}), os.open("/dev/null", os.O_RDONLY)
os.set_inheritable(sensible, True)
guard = MotorGuard(program={program!r}).start()
guard.arm()
print(guard.pid, flush=True)
for _ in range(5):
    assert guard.beat() is None
    turn(bus)
    time.sleep(0.02)
bus.died()
"""

ENDS = {
    "kill -9": "os.kill(os.getpid(), signal.SIGKILL)",
    "a crash": "os.kill(os.getpid(), signal.SIGSEGV)",
    "kill": "os.kill(os.getpid(), signal.SIGTERM)",
    "os._exit": "os._exit(3)",
    "an exception": "raise MemoryError",
    "a kernel restart": "os.killpg(os.getpgid(0), signal.SIGKILL)",
    "kill -9 while a child of its holds the pipe": "if os.fork() == 0: time.sleep(60)\n"
                                                  "os.kill(os.getpid(), signal.SIGKILL)",
    "kill -9 while a program of its lives on": "subprocess.Popen(['sleep', '60'], close_fds=False)\n"
                                               "os.kill(os.getpid(), signal.SIGKILL)",
}
HANGS = {
    "stopped or swapped out": "os.kill(os.getpid(), signal.SIGSTOP)",
    "a loop that waits for ever": "time.sleep(30)",
    "a call that holds Python's lock": "re.match('(a+)+$', 'a' * 60 + 'b')",
}


@pytest.fixture
def bus(tmp_path):
    return FakeBus(tmp_path / "bus")


def start_parent(bus, code, **keywords):
    """-> process that drives and then runs code; it prints its guard's process id first."""
    script = PARENT.format(root=os.path.dirname(TESTS), tests=TESTS, path=bus.path,
                           program=PROGRAM.format(bus.path, bus.addresses))
    return subprocess.Popen([sys.executable, "-c", script + code], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, start_new_session=True, **keywords)


@contextlib.contextmanager
def start_guarded(bus, code, **keywords):
    """The same for a with block, which kills it at its end."""
    process = start_parent(bus, code, **keywords)
    try:
        yield process
    finally:
        clear_away(process)


def clear_away(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
    except OSError:
        pass
    process.wait()
    process.stdout.close()


@pytest.fixture
def parent(bus):
    """-> function(code) -> (process that drives and then runs code, its guard's process id)."""
    started = []

    def start(code):
        started.append(start_parent(bus, code))
        return started[0], int(started[0].stdout.readline())

    yield start
    for process in started:
        clear_away(process)


def drives_by_itself(bus):
    """Waits until a parent has come to its own code. -> whether it has."""
    return wait_until(lambda: any(row[1:] == (0, 0, 0) for row in bus.log()), 10.0)


def start_all(codes, folder):
    """One parent for each, all at once to save time. -> name -> (bus, process)."""
    buses = {name: FakeBus(folder / str(i)) for i, name in enumerate(sorted(codes))}
    processes = {name: (bus, start_parent(bus, codes[name])) for name, bus in buses.items()}
    yield processes
    for _, process in processes.values():
        clear_away(process)


@pytest.fixture(scope="module")
def dying(tmp_path_factory):
    for processes in start_all(ENDS, tmp_path_factory.mktemp("ends")):
        yield processes


@pytest.fixture(scope="module")
def hanging(tmp_path_factory):
    for processes in start_all(HANGS, tmp_path_factory.mktemp("hangs")):
        yield processes


@pytest.fixture
def guard(bus):
    guard = MotorGuard(program=PROGRAM.format(bus.path, bus.addresses)).start()
    yield guard
    guard.close()


@pytest.fixture
def no_guard_yet(monkeypatch):
    monkeypatch.setattr(MotorGuard, "running", None)


class Official:
    i2c_bus = 1


Official.__module__ = "jetbot.robot"


def gone(process_id):
    try:
        with open(f"/proc/{process_id}/stat") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] == "Z"  # whoever inherited it may reap it late
    except OSError:
        return True


@pytest.mark.parametrize("end", sorted(ENDS))
def test_however_the_program_ends_the_wheels_stand_within_a_second_and_the_guard_ends(dying, end):
    bus, process = dying[end]
    guard_id = int(process.stdout.readline())
    assert time_to_zero(bus) < 1.0
    assert wait_until(lambda: gone(guard_id), 3.0)
    process.wait()
    assert not moving(bus)


@pytest.mark.parametrize("hang", sorted(HANGS))
def test_however_the_program_hangs_the_wheels_stand_within_a_second(hanging, hang):
    bus, process = hanging[hang]
    guard_id = int(process.stdout.readline())
    assert time_to_zero(bus) < 1.0
    assert not gone(guard_id)  # it holds them, for as long as the program hangs
    process.kill()


def test_held_wheels_are_let_go_by_an_explicit_start_only(parent, bus):
    process, _ = parent("os.kill(os.getpid(), signal.SIGSTOP)\n"
                        "turn(bus)\n"  # the rest of a command that was under way
                        "print(guard.beat(), flush=True); turn(bus); guard.rest(); turn(bus)\n"
                        "time.sleep(0.3); guard.arm(); print(guard.beat(), flush=True); turn(bus)\n"
                        "time.sleep(30)")
    assert time_to_zero(bus) < 1.0
    process.send_signal(signal.SIGCONT)
    assert b"so it hangs; the wheels are held" in process.stdout.readline()  # said by the guard
    assert b"stopped the wheels" in process.stdout.readline()
    assert wait_until(lambda: not moving(bus), 1.0)
    assert process.stdout.readline() == b"None\n"
    assert wait_until(lambda: moving(bus), 0.3)


def test_a_chip_that_refuses_for_a_while_is_asked_until_it_obeys(parent, bus):
    parent(f"open({bus.path + '.broken'!r}, 'w').close(); os._exit(1)")
    assert wait_until(lambda: os.path.exists(bus.path + ".broken"))
    time.sleep(0.5)
    assert moving(bus)
    os.remove(bus.path + ".broken")
    assert wait_until(lambda: not moving(bus), 0.3)


def test_the_guard_is_small_and_keeps_nothing_of_the_program_open(parent):
    _, guard_id = parent("while True: guard.beat(); time.sleep(0.02)")
    with open(f"/proc/{guard_id}/status") as stream:
        peak_kb = int(stream.read().split("VmHWM:")[1].split()[0])
    assert peak_kb < 30 * 1024
    assert sorted(os.listdir(f"/proc/{guard_id}/fd")) == ["0", "1", "2", "3", "4"]
    assert len({os.readlink(f"/proc/{guard_id}/fd/{number}") for number in (0, 1, 3, 4)}) == 3  # two of its own: a pipe
    assert os.readlink(f"/proc/{guard_id}/fd/2") == "/dev/null" and os.readlink(f"/proc/{guard_id}/cwd") == "/"
    with open(f"/proc/{guard_id}/maps") as stream:
        assert "numpy" not in stream.read()


def test_signals_to_everybody_do_not_end_it(guard, bus):
    assert os.getsid(guard.pid) == guard.pid  # not reached by Ctrl-C, killpg, a closed terminal
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        os.kill(guard.pid, getattr(signal, name))
    guard.arm()
    assert guard.alive and guard.beat() is None
    turn(bus)
    assert wait_until(lambda: not moving(bus), 1.0)


def test_nothing_is_due_while_the_wheels_rest(bus):
    guard = MotorGuard(limit_s=0.2, program=PROGRAM.format(bus.path, bus.addresses)).start()
    guard.arm()
    time.sleep(0.25)
    assert bus.log() == [] and guard.beat() is None
    guard.rest()
    time.sleep(0.25)
    assert bus.log() == [] and guard.beat() is None
    assert wait_until(lambda: bus.log(), 0.5)
    guard.close()


def test_it_says_which_chip_on_which_bus(guard):
    assert guard.chip == "PCA9685 at 0x60 on I2C bus 1"


def test_closed_it_stops_the_wheels_and_is_no_zombie(guard, bus):
    turn(bus)
    process_id = guard.pid
    guard.close()
    assert not moving(bus) and not os.path.exists(f"/proc/{process_id}") and not guard.alive
    assert "gone" in guard.beat()
    guard.rest()
    with pytest.raises(HardwareError):
        guard.arm()


def test_no_chip_is_said_clearly_and_leaves_no_process(bus):
    guard = MotorGuard(program=on_bus(SILENT, bus, "0.0"))
    with pytest.raises(NoMotorChip, match="0x60 or an SCMD at 0x5d, found none .bus 1, 0x60: Remote"):
        guard.start()
    assert not guard.alive


def test_a_process_that_does_not_come_up_is_an_error_of_its_own(monkeypatch):
    with pytest.raises(HardwareError, match="expected its process to start, found nothing") as error:
        MotorGuard(program="import absent").start()
    assert not isinstance(error.value, NoMotorChip)
    monkeypatch.setattr(motor_guard.sys, "executable", "")
    with pytest.raises(HardwareError, match="sys.executable"):
        MotorGuard().start()


def test_a_disturbance_of_the_bus_while_it_starts_is_waited_for(bus):
    guard = MotorGuard(program=on_bus("if self.asked <= 8: raise OSError(121, 'Remote I/O error')", bus)).start()
    assert guard.chip == "PCA9685 at 0x60 on I2C bus 1"
    guard.close()


@pytest.mark.parametrize("driver", ["Adafruit_MotorHAT", "Yahboom"])
def test_a_bus_that_stays_disturbed_refuses_the_start(bus, monkeypatch, install, no_guard_yet, driver):
    program = on_bus("raise OSError(110, 'Connection timed out')", bus, "0.0")
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__", (motor_guard.BUSES, 0.5, program))
    robot = install().Robot()
    robot.motor_driver = type(driver, (), {})()
    with pytest.raises(HardwareError, match="I2C bus that works, found it disturbed .*timed out") as error:
        guard_for(robot)
    assert not isinstance(error.value, NoMotorChip) and MotorGuard.running is None


@pytest.mark.parametrize("driver, refused", [("Adafruit_MotorHAT", True), ("QwiicScmd", True), ("Yahboom", False)])
def test_a_silent_chip_is_another_board_only_under_another_driver(bus, capsys, monkeypatch, install, no_guard_yet,
                                                                 driver, refused):
    program = on_bus(SILENT, bus, "0.0")
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__", (motor_guard.BUSES, 0.5, program))
    robot = install().Robot()
    robot.motor_driver = type(driver, (), {})()
    if refused:
        with pytest.raises(HardwareError, match="I2C is disturbed"):
            guard_for(robot)
    else:
        assert guard_for(robot) is None and "UNGUARDED" in capsys.readouterr().err


def test_the_official_driver_at_another_address_is_another_board(bus, capsys, monkeypatch, install, no_guard_yet):
    program = on_bus(SILENT, bus, "0.0")
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__", (motor_guard.BUSES, 0.5, program))
    robot = install().Robot()
    robot.motor_driver._i2caddr = 0x61
    assert guard_for(robot) is None and "UNGUARDED" in capsys.readouterr().err


@pytest.mark.parametrize("error", [OSError(12, "Cannot allocate memory"), OSError(24, "Too many open files")])
def test_a_process_that_can_not_be_made_is_said_in_words_and_leaves_nothing_open(monkeypatch, error):
    def refuses(*arguments, **keywords):
        raise error

    files, mask = sorted(os.listdir("/proc/self/fd")), signal.pthread_sigmask(signal.SIG_BLOCK, ())
    monkeypatch.setattr(motor_guard.subprocess if error.errno == 12 else motor_guard.os,
                        "Popen" if error.errno == 12 else "pipe", refuses)
    guard = MotorGuard()
    with pytest.raises(HardwareError, match=f"expected to start its process, found {error.strerror}; end other"):
        guard.start()
    assert sorted(os.listdir("/proc/self/fd")) == files and signal.pthread_sigmask(signal.SIG_BLOCK, ()) == mask
    assert not guard.alive and "gone" in guard.beat()


def test_a_program_that_dies_of_sigpipe_only_hears_that_its_guard_is_gone(parent):
    process, _ = parent("signal.signal(signal.SIGPIPE, signal.SIG_DFL)\n"
                        "os.kill(guard.pid, signal.SIGKILL)\n"
                        "while True:\n"
                        "    why = guard.beat(); guard.rest()\n"
                        "    if why: break\n"
                        "    time.sleep(0.02)\n"
                        "print(why, flush=True)")
    assert b"the motor guard is gone" in process.stdout.readline()
    assert process.wait() == 0


NOTHING_OPEN = """
import os, signal, sys
for number in (0, 1, 2):
    os.close(number)
sys.path[:0] = [{root!r}, {tests!r}]
from jetbot_mlp.motor_guard import MotorGuard
guard = MotorGuard(program={program!r}).start()
guard.arm()
found = []
for number in (0, 1, 2):
    try:
        os.fstat(number)
        found.append(number)
    except OSError:
        pass
with open({path!r} + ".out", "w") as stream:
    stream.write(repr((found, guard.beat(), guard.chip)))
guard.close()
"""


def test_what_a_program_without_standard_files_prints_does_not_reach_its_guard(bus):
    script = NOTHING_OPEN.format(root=os.path.dirname(TESTS), tests=TESTS, path=bus.path,
                                 program=PROGRAM.format(bus.path, bus.addresses))
    assert subprocess.call([sys.executable, "-c", script]) == 0
    assert read(bus.path + ".out") == "([], None, 'PCA9685 at 0x60 on I2C bus 1')"


def test_stop_that_is_pressed_while_the_chip_is_looked_for_wins_over_an_unguarded_drive(bus):
    code = "import os; from jetbot_mlp.processes import STOP; os.kill(os.getpid(), STOP); " + SILENT
    with pytest.raises(HardwareError, match="STOP was pressed"):
        MotorGuard(program=on_bus(code, bus, "0.0")).start()


def test_there_is_no_off_switch():
    for limit_s in (0.0, 0.6, float("inf")):
        with pytest.raises(ValueError, match="off switch"):
            MotorGuard(limit_s=limit_s)


def test_a_guard_that_does_not_answer_is_noticed(guard, monkeypatch):
    monkeypatch.setattr(motor_guard, "ANSWER_S", 0.2)
    guard.arm()
    os.kill(guard.pid, signal.SIGSTOP)
    assert guard.beat() is None
    time.sleep(0.25)
    assert "does not answer" in guard.beat()
    with pytest.raises(HardwareError, match="no answer"):
        guard.arm()


def test_a_guard_that_hung_once_is_replaced_at_the_next_start(monkeypatch, bus, no_guard_yet):
    monkeypatch.setattr(motor_guard, "ANSWER_S", 0.2)
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__",
                        (motor_guard.BUSES, 0.5, PROGRAM.format(bus.path, bus.addresses)))
    robot = types.SimpleNamespace(robot=Official())
    first = guard_for(robot)
    hung = first.pid
    os.kill(hung, signal.SIGSTOP)
    with pytest.raises(HardwareError, match="no answer"):
        first.arm()
    assert wait_until(lambda: gone(hung), 3.0)
    second = guard_for(robot)
    monkeypatch.setattr(motor_guard, "ANSWER_S", 5.0)  # a busy machine
    second.arm()
    assert second is not first and second.beat() is None
    second.close()


def test_a_guard_that_can_not_even_be_killed_does_not_hang_who_closes_it(monkeypatch):
    monkeypatch.setattr(motor_guard, "ANSWER_S", 0.1)
    guard = MotorGuard(program="import time; print('ready it', flush=True); time.sleep(60)").start()
    process = guard._process
    kill, process.kill = process.kill, lambda: None  # as while it hangs in the kernel
    closing = threading.Thread(target=guard.close, daemon=True)
    closing.start()
    closing.join(5.0)
    hangs = closing.is_alive()
    kill()
    process.wait()
    assert not hangs and not guard.alive


def test_a_guard_that_does_not_read_never_blocks_the_drive(guard):
    os.kill(guard.pid, signal.SIGSTOP)
    thread = threading.Thread(target=lambda: [guard.beat() for _ in range(70000)], daemon=True)  # a full pipe
    thread.start()
    thread.join(10.0)
    blocked = thread.is_alive()
    os.kill(guard.pid, signal.SIGCONT)
    assert not blocked


def test_a_program_that_does_not_read_never_blocks_the_guard(guard, bus):
    for _ in range(20):  # answers for more than the pipe holds
        os.write(guard._to.fileno(), b"a" * 4096)
        time.sleep(0.01)
    os.write(guard._to.fileno(), b"b")
    turn(bus)
    assert wait_until(lambda: not moving(bus), 1.0)


def test_the_last_zeros_are_written_several_times_for_a_command_that_is_under_way():
    accepted = []

    class Chip:
        def stop(self):
            if len(accepted) == 1:
                accepted.append("refused")
                raise OSError(121, "Remote I/O error")
            accepted.append("zero")

    started = time.monotonic()
    stop_for_good(Chip())
    assert accepted.count("zero") >= 3 and 0.1 < time.monotonic() - started < 1.0


def test_where_the_bus_is_no_device_smbus_is_used_and_nothing_else_beside_the_program(tmp_path, monkeypatch):
    for name in ("select", "signal", "typing", "types"):  # not to be taken for the standard library's
        (tmp_path / (name + ".py")).write_text("raise RuntimeError")
    (tmp_path / "smbus.py").write_text(SMBUS.format(str(tmp_path / "bus")))
    monkeypatch.syspath_prepend(str(tmp_path))
    bus = FakeBus(tmp_path / "bus")
    turn(bus)
    guard = MotorGuard(buses=(91,)).start()  # the real program
    guard.close()
    assert not moving(bus)


# ---- the states, without processes

def test_a_missed_beat_is_late_once_and_held_until_armed():
    guard = Guard(0.5)
    assert guard.hear(b"bb", 10.0) == b"b" and not guard.late(10.5)
    assert guard.late(10.51) and not guard.late(10.52) and guard.state == "holding"
    assert guard.hear(b"brb", 10.6) == b"s" and guard.state == "holding"
    assert guard.hear(b"ab", 10.7) == b"ab" and guard.state == "driving"
    assert guard.hear(b"r", 10.8) == b"" and not guard.late(99.0)


def held():
    guard = Guard(0.5)
    guard.hear(b"b", 10.0)
    assert guard.late(11.0)
    return guard


def test_a_program_that_hangs_is_held_for_as_long_as_it_hangs():
    guard = held()
    assert not guard.late(1e6) and guard.state == "holding"


def test_a_program_that_woke_and_rests_is_held_a_moment_longer_and_then_only_refused():
    guard = held()
    guard.hear(b"r", 20.0)
    assert not guard.late(20.0 + HOLD_S) and guard.state == "holding"
    assert not guard.late(20.1 + HOLD_S) and guard.state == "away"
    assert guard.hear(b"b", 30.0) == b"s" and not guard.late(40.0) and guard.state == "away"
    assert guard.hear(b"ab", 50.0) == b"ab" and guard.state == "driving"


def test_a_beat_that_comes_while_it_is_held_makes_it_be_held_on():
    guard = held()
    guard.hear(b"rb", 20.0)
    assert not guard.late(1e6) and guard.state == "holding"


def test_told_to_stop_it_holds_one_that_drove_until_it_rests_and_one_that_rested_for_a_moment():
    guard = Guard(0.5)
    guard.hear(b"ab", 10.0)
    assert guard.order(STOP, 10.1) == b"x" and not guard.late(1e6) and guard.state == "holding"
    assert guard.hear(b"b", 1e6) == b"x" and guard.state == "holding"
    guard = Guard(0.5)
    assert guard.order(STOP, 10.0) == b"x" and guard.state == "holding"
    assert not guard.late(10.1 + HOLD_S) and guard.state == "away"
    assert guard.hear(b"b", 20.0) == b"x"


def test_told_to_yield_it_lets_go_at_once_and_refuses():
    guard = held()
    assert guard.order(YIELD, 11.1) == b"y" and guard.state == "away"
    assert guard.hear(b"brb", 11.2) == b"y" and guard.state == "away" and not guard.late(1e6)
    assert guard.hear(b"a", 12.0) == b"a" and guard.state == "rest"


# ---- one robot, several programs

def test_a_start_elsewhere_takes_the_wheels_over_from_a_program_that_hangs(parent, guard, bus, capsys):
    process, other = parent("os.kill(os.getpid(), signal.SIGSTOP)")
    assert wait_until(lambda: read(f"/proc/{other}/comm").strip() == "guard:holding", 5.0)
    guard.arm()
    assert f"process {process.pid} (" in capsys.readouterr().err
    assert wait_until(lambda: read(f"/proc/{other}/comm").strip() == "guard:away", 5.0)
    turn(bus)
    for _ in range(20):
        assert guard.beat() is None and moving(bus)  # nobody else writes zeros
        time.sleep(0.02)
    process.kill()  # and not at its end either
    assert wait_until(lambda: gone(other), 5.0)
    assert moving(bus)


def test_a_start_elsewhere_stops_a_program_that_drives_and_it_can_start_again(parent, guard, bus, capsys):
    process, _ = parent("end = time.monotonic() + 20.0\n"
                        "while time.monotonic() < end:\n"
                        "    why = guard.beat()\n    if why: break\n    time.sleep(0.02)\n"
                        "guard.rest(); print(why, flush=True); guard.arm(); print('armed', flush=True); time.sleep(60)")
    assert drives_by_itself(bus)
    guard.arm()
    assert b"another program started to drive" in process.stdout.readline()
    assert "drove: the wheels are taken over" in capsys.readouterr().err
    assert b"armed" in process.stdout.readline()
    assert wait_until(lambda: "another program" in (guard.beat() or ""), 5.0)


def test_other_buses_and_other_programs_are_not_taken_over(guard, bus):
    other = MotorGuard((5,), program=PROGRAM.format(bus.path, bus.addresses)).start()
    third = MotorGuard(program=PROGRAM.format(bus.path + "2", bus.addresses)).start()
    for one in (guard, other, third):
        one.arm()
    time.sleep(0.4)  # longer than a guard takes to look at its signals
    assert all(one.beat() is None and one.beat() is None for one in (guard, other, third))
    other.close()
    third.close()


# ---- in the gate

class Logged:
    """Robot and guard in one: what happens in which order."""

    def __init__(self, refusal=None):
        self.log, self.refusal = [], refusal

    def arm(self):
        self.log.append("arm")

    def beat(self):
        self.log.append("beat")
        return self.refusal

    def rest(self):
        self.log.append("rest")

    def set_motors(self, left, right):
        self.log.append("write" if left or right else "zero")

    def stop(self):
        pass


def test_the_guard_hears_of_a_command_before_the_wheels_and_of_rest_after_them():
    both = Logged()
    gate = MotorGate(both, lambda: 0.0, guard=both)
    gate.open()
    gate.drive(WheelCommand(0.3, 0.3, 0.0))
    gate.stop("enough")
    assert both.log == ["zero", "arm", "beat", "write", "zero", "rest"]


def test_without_the_guards_consent_nothing_is_written():
    both = Logged("the motor guard is gone")
    gate = MotorGate(both, lambda: 0.0, guard=both)
    gate.open()
    assert gate.drive(WheelCommand(0.3, 0.3, 0.0)) is None
    assert gate.stopped and gate.stops[-1].reason == "the motor guard is gone" and "write" not in both.log


def test_a_dry_run_has_no_guard():
    both = Logged()
    gate = MotorGate(None, lambda: 0.0, dry_run=True, guard=both)
    gate.open()
    assert gate.drive(WheelCommand(0.3, 0.3, 0.0)) is not None and both.log == []


def test_a_stop_that_comes_while_the_gate_opens_wins():
    class Late(list):
        def append(self, item):
            gate.stop("meanwhile")
            list.append(self, item)

    gate = MotorGate(Logged(), lambda: 0.0)
    gate._permit = Late()
    gate.open()
    assert gate.stopped


# ---- in the driver

class BusRobot:
    """A robot whose wheels turn on the imitated bus. While `broken`, it refuses; its chip does not."""

    def __init__(self, bus):
        self.bus, self.broken = bus, False

    def set_motors(self, left, right):
        if self.broken:
            raise OSError(121, "Remote I/O error")
        turn(self.bus, int(255 * max(left, right)))

    def stop(self):
        self.set_motors(0.0, 0.0)


@pytest.fixture
def driver(guard, bus):
    camera = FakeCamera()
    driver = Driver(straight_on, BusRobot(bus), camera, guard=guard)
    driver.camera.run()
    yield driver
    driver.gate._robot.broken = False
    driver.stop("the test ended")
    camera.end()


def test_the_driver_drives_stops_and_starts_again_under_guard(driver, bus):
    for _ in range(2):
        driver.start()
        assert wait_until(lambda: moving(bus))
        driver.stop()
        assert not moving(bus)
    driver.start()
    time.sleep(0.55)
    assert driver.status().running and moving(bus)
    driver.stop()
    time.sleep(0.55)
    assert b"s" not in driver.gate.guard._drain()  # it was told of the rest


def test_without_its_guard_the_driver_stops_and_says_so(driver, guard, bus):
    driver.start()
    assert wait_until(lambda: moving(bus))
    os.kill(guard.pid, signal.SIGKILL)
    assert wait_until(lambda: driver.gate.stopped, 0.5) and wait_until(lambda: not moving(bus), 0.5)
    assert "motor guard is gone" in driver.status().reason
    with pytest.raises(HardwareError, match="motor guard"):
        driver.start()


def test_motors_that_refuse_to_stop_are_stopped_by_the_guard(driver, bus):
    driver.start()
    assert wait_until(lambda: moving(bus))
    driver.gate._robot.broken = True
    assert wait_until(lambda: not moving(bus), 1.0)
    assert driver.gate.stopped and not driver.gate.wheels_stopped


def test_the_wheels_do_not_turn_before_the_guard_listens(driver, guard, bus):
    os.kill(guard.pid, signal.SIGKILL)
    with pytest.raises(HardwareError, match="motor guard"):
        driver.start()
    time.sleep(0.1)
    assert driver.gate.stopped and not moving(bus)


DRIVER = """
sys.path.insert(0, {tests!r})
from driving_fakes import FakeCamera, straight_on, wait_until
from fake_i2c import moving
from test_motor_guard import BusRobot, Driver
guard.rest()
camera = FakeCamera()
camera.run()
Driver(straight_on, BusRobot(bus), camera, guard=guard).start()
os.remove({path!r})
assert wait_until(lambda: moving(bus))
bus.died()
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_driver_leaves_standing_wheels(parent, bus):
    process, _ = parent(DRIVER.format(tests=TESTS, path=bus.path))
    process.wait()
    assert time_to_zero(bus) < 1.0


# ---- which robots have one

def test_the_official_robot_gets_one_guard_for_all_its_drivers(monkeypatch, bus, no_guard_yet):
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__",
                        (motor_guard.BUSES, 0.5, PROGRAM.format(bus.path, bus.addresses)))
    robot = types.SimpleNamespace(robot=Official())
    first = guard_for(robot)
    try:
        assert guard_for(robot) is first and first.buses == (1, 7, 0)
        first._process.kill()
        first._process.wait()
        second = guard_for(robot)
        assert second is not first and second.alive
        second.close()
    finally:
        first.close()


def test_its_own_bus_is_asked_first(monkeypatch, no_guard_yet):
    asked = []
    monkeypatch.setattr(MotorGuard, "start", lambda self: asked.append(self.buses) or self)
    official = Official()
    official.i2c_bus = 7
    guard_for(types.SimpleNamespace(robot=official))
    assert asked == [(7, 1, 0)]


def test_the_official_robot_without_a_known_chip_drives_unguarded_and_says_so(capsys, monkeypatch, bus, no_guard_yet):
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__", (motor_guard.BUSES, 0.5, on_bus(SILENT, bus, "0.0")))
    assert guard_for(types.SimpleNamespace(robot=Official())) is None
    assert "UNGUARDED" in capsys.readouterr().err


def test_other_robots_have_nothing_to_guard(capsys):
    assert guard_for(types.SimpleNamespace(set_motors=None, robot=None)) is None
    assert guard_for(None) is None and capsys.readouterr().err == ""


def test_a_subclass_of_the_official_robot_is_guarded_too(monkeypatch, bus, no_guard_yet):
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__",
                        (motor_guard.BUSES, 0.5, PROGRAM.format(bus.path, bus.addresses)))

    class Mine(Official):
        """Written in a notebook."""

    Mine.__module__ = "__main__"
    guard = guard_for(types.SimpleNamespace(robot=Mine()))
    assert guard is not None
    guard.close()


class Wrapper:
    """A notebook's own class; what holds the official robot is not called robot."""

    def __init__(self, bot):
        self.bot = bot

    def set_motors(self, left, right):
        self.bot.set_motors(left, right)

    def stop(self):
        self.bot.stop()


@pytest.mark.parametrize("hidden", [False, True])
def test_a_class_around_the_official_robot_is_guarded_too(monkeypatch, install, no_guard_yet, hidden):
    asked = []
    monkeypatch.setattr(MotorGuard, "start", lambda self: asked.append(self.buses) or self)
    bot = install().Robot()
    bot.i2c_bus = 7
    robot = Wrapper(bot)
    if hidden:
        robot = types.SimpleNamespace(set_motors=lambda *speeds: bot.set_motors(*speeds), stop=lambda: bot.stop())
    assert guard_for(robot) is not None and guard_for(adapt_robot(robot)) is not None
    assert [buses[0] for buses in asked] == [7, 7]


def test_a_class_around_the_official_robot_without_a_known_chip_is_said_to_be_unguarded(capsys, monkeypatch, install,
                                                                                      tmp_path, no_guard_yet):
    monkeypatch.setattr(MotorGuard.__init__, "__defaults__",
                        (motor_guard.BUSES, 0.5, PROGRAM.format(str(tmp_path / "bus"), ())))
    bot = install().Robot()
    bot.motor_driver = object()  # of another board
    assert guard_for(adapt_robot(Wrapper(bot))) is None
    assert "UNGUARDED" in capsys.readouterr().err


def test_beside_an_official_robot_the_simulators_has_nothing_to_guard(install, capsys, no_guard_yet):
    install().Robot.instance()
    assert guard_for(open_robot("sim")) is None and capsys.readouterr().err == ""
