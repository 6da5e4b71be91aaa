import os
import signal
import subprocess
import sys
import threading

import pytest
from driving_fakes import FakeCamera, FakeRobot, straight_on, wait_until

from jetbot_mlp.driver import Driver
from jetbot_mlp.signals import stop_on_signals

SCRIPT = """
import sys, time
sys.path.insert(0, {tests!r})
from driving_fakes import FakeCamera, FakeRobot, straight_on, wait_until
from jetbot_mlp.driver import Driver
from jetbot_mlp.signals import stop_on_signals
robot, camera = FakeRobot(), FakeCamera()
camera.run()
try:
    with Driver(straight_on, robot, camera) as driver, stop_on_signals(driver):
        assert wait_until(lambda: robot.moving)
        print('driving', flush=True)
        time.sleep(10)
except KeyboardInterrupt:
    sys.exit(130)
finally:
    print(robot.wheels, driver.status().reason, flush=True)
"""


@pytest.fixture
def driver():
    return Driver(straight_on, FakeRobot(), FakeCamera())


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("name, status", [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_stops_the_wheels_and_ends_the_process_with_its_status(name, status):
    script = SCRIPT.format(tests=os.path.dirname(os.path.abspath(__file__)))
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"driving\n"
        process.send_signal(getattr(signal, name))
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert rest.decode().strip() == f"(0.0, 0.0) {name} received"
    assert process.returncode == status


def state_of(pid):
    """-> R runs, S sleeps, T suspended, Z ended."""
    with open(f"/proc/{pid}/stat") as stream:
        return stream.read().rpartition(")")[2].split()[0]


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")
def test_ctrl_z_suspends_with_standing_wheels_and_they_stand_when_it_goes_on():
    script = SCRIPT.format(tests=os.path.dirname(os.path.abspath(__file__)))
    script = script.replace("time.sleep(10)", "assert wait_until(lambda: not robot.moving, 60.0)")
    # A process group of its own, as a shell makes it: one without a parent in its session the kernel never suspends.
    script = "import os; os.setpgid(0, 0)\n" + script
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"driving\n"
        process.send_signal(signal.SIGTSTP)
        assert wait_until(lambda: state_of(process.pid) == "T", 30.0)
        process.send_signal(signal.SIGCONT)
        rest, _ = process.communicate(timeout=60)
        assert rest.decode().strip() == "(0.0, 0.0) SIGTSTP received" and process.returncode == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_the_handlers_are_restored_and_the_one_before_is_called(driver):
    called = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: called.append(number))
    mine = signal.getsignal(signal.SIGTERM)
    try:
        with stop_on_signals(driver):
            driver.start(threaded=False)
            os.kill(os.getpid(), signal.SIGTERM)
            assert driver.gate.stopped and called == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGTERM) is mine
    finally:
        signal.signal(signal.SIGTERM, before)
    assert driver.status().reason == "SIGTERM received"


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_a_signal_that_was_ignored_stays_ignored(driver):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals(driver):
            driver.start(threaded=False)
            os.kill(os.getpid(), signal.SIGHUP)
            assert not driver.gate.stopped
    finally:
        signal.signal(signal.SIGHUP, before)


def test_leaving_the_block_stops(driver):
    with stop_on_signals(driver):
        driver.start(threaded=False)
    assert driver.gate.stopped and driver.status().reason == "the program ended"


def test_outside_the_main_thread_it_says_so(driver):
    errors = []

    def enter():
        try:
            with stop_on_signals(driver):
                pass
        except ValueError as error:
            errors.append(str(error))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert "main thread" in errors[0]
