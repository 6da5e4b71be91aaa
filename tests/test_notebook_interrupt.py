"""Real Jupyter kernels, interrupted and restarted while a driver drives in its own thread."""
import os
import subprocess
import sys
import time

import pytest
from driving_fakes import wait_until
from fake_i2c import SMBUS, FakeBus, moving, time_to_zero

from jetbot_mlp import notebook_interrupt

pytest.importorskip("ipykernel")
jupyter_client = pytest.importorskip("jupyter_client")
TESTS = os.path.dirname(os.path.abspath(__file__))
CELL_S = 60.0  # s for a cell on a busy machine; cells sleep less: a signal that comes while Python is on its way
# into the sleep is handled when that is over (the wheels are not to wait for it)

RIG = """
import os, signal, sys, threading, time
sys.path[:0] = {paths!r}
from driving_fakes import FakeCamera, FakeRobot, straight_on, wait_until
from jetbot_mlp.driver import Driver
before = signal.getsignal(signal.SIGINT)
robot, camera = FakeRobot(), FakeCamera()
camera.run()
driver = Driver(straight_on, robot, camera)
"""
# a file says what the wheels do: no cell is needed to see them, and none would be answered while one runs
SHOW = """
def show():
    while True:
        with open({path!r} + ".new", "w") as stream:
            stream.write(f"{{robot.moving}} {{driver.status().reason}}")
        os.replace({path!r} + ".new", {path!r})
        time.sleep(0.02)
threading.Thread(target=show, daemon=True).start()
"""
START = "driver.join(5.0); driver.start(); assert wait_until(lambda: robot.moving, 30.0)\n"


class Kernel:
    """A kernel, its client, and what the robot in it does."""

    def __init__(self, folder, **environment):
        self.path = str(folder / "wheels")
        self.manager = jupyter_client.KernelManager()
        self.manager.start_kernel(env=dict(os.environ, **environment), cwd=str(folder))
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=CELL_S)

    def run(self, code):
        """Run a cell to its end -> (error's name or None, what it and others wrote on stderr)."""
        said, error = [], []

        def hook(message):
            if message["msg_type"] == "stream" and message["content"]["name"] == "stderr":
                said.append(message["content"]["text"])
            if message["msg_type"] == "error":
                error.append(message["content"]["ename"])

        reply = self.client.execute_interactive(code, timeout=CELL_S, output_hook=hook, stop_on_error=False)
        assert reply["content"]["status"] in ("ok", "error"), reply
        return (error + [None])[0], "".join(said)

    def begin(self, code):
        """Start a cell, and return as soon as it is where it says reached()."""
        mark = self.path + ".reached"
        if os.path.exists(mark):
            os.remove(mark)
        # else an error of it would make the kernel refuse the next cell
        self.client.execute(code.replace("reached()", f"open({mark!r}, 'w').close()"), stop_on_error=False)
        assert wait_until(lambda: os.path.exists(mark), CELL_S)

    def wheels(self):
        with open(self.path) as stream:
            moves, _, reason = stream.read().partition(" ")
        return moves == "True", reason

    def interrupted(self):
        """Interrupt; -> the reason why the wheels stood, within half a second and what a busy machine needs."""
        assert self.wheels()[0]
        self.manager.interrupt_kernel()
        assert wait_until(lambda: not self.wheels()[0], 5.0), self.wheels()
        return self.wheels()[1]

    def end(self):
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        if hasattr(self.manager, "cleanup_resources"):
            self.manager.cleanup_resources()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    kernel = Kernel(tmp_path_factory.mktemp("kernel"))
    error, said = kernel.run(RIG.format(paths=[TESTS, os.path.dirname(TESTS)]) + SHOW.format(path=kernel.path))
    assert error is None, said
    yield kernel
    kernel.end()


@pytest.fixture
def kernel(shared):
    """The kernel between two cells, in one of which the driver was started."""
    assert shared.run(START)[0] is None
    assert wait_until(lambda: shared.wheels()[0], 5.0)
    yield shared
    shared.run("driver.stop(); driver.join(5.0)")


def test_between_two_cells(kernel):
    assert kernel.interrupted() == notebook_interrupt.REASON
    assert kernel.run("1")[0] is None  # the kernel goes on


def test_it_is_said_on_the_page(kernel):
    # in a cell that takes the interrupt and goes on: what is said while no cell runs belongs to no cell
    kernel.begin("reached()\ntry:\n    time.sleep(20)\nexcept KeyboardInterrupt:\n    pass")
    said = []
    kernel.interrupted()
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and not any("wheels stopped" in text for text in said):
        message = kernel.client.get_iopub_msg(timeout=10.0)
        said.append(str(message["content"].get("text", "")))
    assert any(f"wheels stopped: {notebook_interrupt.REASON}" in text for text in said), said


def test_within_a_cell_that_sleeps(kernel):
    kernel.begin("reached(); time.sleep(20)")
    assert kernel.interrupted() == notebook_interrupt.REASON
    assert kernel.run("1")[0] is None


def test_within_a_cell_that_swallows_the_interrupt_and_sleeps_on(kernel):
    kernel.begin("reached()\ntry:\n    time.sleep(20)\nexcept KeyboardInterrupt:\n    time.sleep(1.0)")
    assert kernel.interrupted() == notebook_interrupt.REASON


def test_within_the_very_cell_that_started_it(shared):
    shared.begin(START + "reached()\ntry:\n    time.sleep(20)\nexcept KeyboardInterrupt:\n    time.sleep(0.5)")
    assert wait_until(lambda: shared.wheels()[0], 5.0)
    assert shared.interrupted() == notebook_interrupt.REASON


LONG_CALL = """
import zlib
noise = os.urandom(40_000_000)
def call():
    zlib.compress(noise, 9)
def when_in_call():
    while sys._current_frames()[threading.main_thread().ident].f_code is not call.__code__:
        time.sleep(0.01)
    reached()
threading.Thread(target=when_in_call).start()
try:
    call()
finally:
    open({over!r}, "w").close()
"""


def test_within_a_call_during_which_python_runs_no_handlers(kernel, tmp_path):
    over = str(tmp_path / "over")
    kernel.begin(LONG_CALL.format(over=over))
    assert kernel.interrupted() == notebook_interrupt.REASON
    assert not os.path.exists(over)
    kernel.run("1")  # the cell itself ends only now


def test_within_a_cell_that_awaits(kernel):
    kernel.begin("import asyncio\nreached()\nawait asyncio.sleep(20)")
    assert kernel.interrupted() == notebook_interrupt.REASON
    assert kernel.run("1")[0] is None


def test_within_a_cell_in_which_another_thread_started_it(shared):
    shared.begin("thread = threading.Thread(target=driver.start); thread.start(); thread.join()\n"
                 "assert wait_until(lambda: robot.moving, 30.0)\nreached(); time.sleep(20)")
    assert wait_until(lambda: shared.wheels()[0], 5.0)
    assert shared.interrupted() == notebook_interrupt.REASON


def test_between_two_cells_when_another_thread_started_it_there(shared):
    shared.run("driver.join(5.0); threading.Timer(0.5, driver.start).start()")
    assert wait_until(lambda: shared.wheels()[0], CELL_S)
    assert shared.interrupted() == notebook_interrupt.REASON


def test_after_the_drive_all_is_as_it_was_and_a_cell_can_be_interrupted(shared):
    shared.run(START)
    shared.run("driver.stop()")
    shared.run("1")
    shared.run("now = signal.getsignal(signal.SIGINT); saved = get_ipython().kernel.saved_sigint_handler")
    assert shared.run("assert now is before and saved is signal.SIG_IGN, (now, before, saved)") == (None, "")
    assert shared.run("woken = signal.set_wakeup_fd(-1); assert woken == -1, woken") == (None, "")


def test_who_was_woken_by_signals_before_is_woken_still(shared):
    shared.run("import socket; ours, theirs = socket.socketpair(); theirs.setblocking(False)\n"
               "assert signal.set_wakeup_fd(theirs.fileno()) == -1")
    shared.run(START)
    assert wait_until(lambda: shared.wheels()[0], 5.0)
    assert shared.interrupted() == notebook_interrupt.REASON
    shared.run("driver.stop(); driver.join(5.0)")
    assert shared.run("ours.settimeout(5.0); got = ours.recv(1); assert got[0] == signal.SIGINT") == (None, "")
    assert shared.run("now = signal.set_wakeup_fd(-1); assert now == theirs.fileno(), now") == (None, "")


def test_a_cell_can_be_interrupted_after_the_drive(shared):
    shared.begin("reached(); time.sleep(20)")
    shared.manager.interrupt_kernel()
    assert shared.run("1") == (None, "")


# ---- a restart of the kernel, which kills it, or asks it to end and then kills it

GUARDED = """
import threading
from fake_i2c import FakeBus
from jetbot_mlp import motor_guard
from test_motor_guard import BusRobot
motor_guard.BUSES = ({number},)
bus = FakeBus({bus!r})
driver = Driver(straight_on, BusRobot(bus), camera, guard=motor_guard.MotorGuard(({number},)).start())
driver.start()
"""


@pytest.mark.parametrize("now", [True, False])
def test_a_restart_of_the_kernel_leaves_standing_wheels(tmp_path, now):
    bus, number = FakeBus(tmp_path / "bus"), 1000 + os.getpid()  # no other test's guards are on this bus
    (tmp_path / "smbus.py").write_text(SMBUS.format(bus.path))
    kernel = Kernel(tmp_path)
    try:
        error, said = kernel.run(RIG.format(paths=[str(tmp_path), TESTS, os.path.dirname(TESTS)]) +
                                 GUARDED.format(number=number, bus=bus.path))
        assert error is None, said
        assert wait_until(lambda: moving(bus), 10.0)
        bus.died()
        kernel.manager.restart_kernel(now=now)
        assert time_to_zero(bus) < 2.0  # 1 s, and what a busy machine takes to deliver a request
        assert wait_until(lambda: not moving(bus), 0.5)
    finally:
        kernel.end()


def test_outside_a_notebook_nothing_is_imported_or_changed():
    code = ("import signal, sys; sys.path.insert(0, {!r}); from jetbot_mlp.notebook_interrupt import watch\n"
            "before = signal.getsignal(signal.SIGINT); watch(None); assert 'IPython' not in sys.modules\n"
            "import IPython; watch(None); assert signal.getsignal(signal.SIGINT) is before")
    assert subprocess.call([sys.executable, "-c", code.format(os.path.dirname(TESTS))]) == 0


def test_in_a_terminal_the_handler_stands_for_the_time_of_a_cell():
    code = """
import os, signal, sys
sys.path[:0] = {!r}
from IPython.terminal.interactiveshell import TerminalInteractiveShell
shell = TerminalInteractiveShell.instance()
class Gate:
    stopped, said = False, None
    def stop(self, reason):
        self.stopped, self.said = True, reason
import jetbot_mlp.notebook_interrupt as module
before = signal.getsignal(signal.SIGINT)
gate = shell.user_ns["gate"] = Gate()
shell.user_ns["watch"] = module.watch
shell.run_cell("watch(gate)")
assert signal.getsignal(signal.SIGINT) is before and not gate.stopped
shell.run_cell("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
assert gate.said == module.REASON and signal.getsignal(signal.SIGINT) is before
"""
    environment = dict(os.environ, IPYTHONDIR=os.devnull + "-none")
    done = subprocess.run([sys.executable, "-c", code.format([TESTS, os.path.dirname(TESTS)])], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=CELL_S)
    assert done.returncode == 0, done.stdout.decode()
