import threading
import time
import types

import pytest
from driving_fakes import FakeClock, FakeRobot, wait_until
from fake_jetbot import make_jetbot

import jetbot_mlp.gate
from jetbot_mlp.control import Limits
from jetbot_mlp.errors import HardwareError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.messages import WheelCommand
from jetbot_mlp.official_robot import OfficialRobot


@pytest.fixture
def robot():
    return FakeRobot()


@pytest.fixture
def clock():
    return FakeClock()


def open_gate(robot, clock, **keywords):
    gate = MotorGate(robot, clock, **keywords)
    gate.open()
    return gate


def test_a_new_gate_is_closed(robot, clock):
    assert MotorGate(robot, clock).drive(WheelCommand(0.2, 0.2, clock.now)) is None
    assert robot.log == []


def test_an_open_gate_returns_what_it_really_wrote(robot, clock):
    gate = open_gate(robot, clock, limits=Limits(max_speed=0.5))
    assert gate.drive(WheelCommand(2.0, 1.0, clock.now)) == (0.5, 0.25, clock.now)
    assert robot.wheels == (0.5, 0.25)


def test_a_stop_latches_and_only_open_lifts_it(robot, clock):
    gate = open_gate(robot, clock)
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    gate.stop("enough")
    assert not robot.moving and gate.stopped and gate.stops[-1] == (clock.now, "enough")
    assert gate.drive(WheelCommand(0.2, 0.2, clock.now)) is None and not robot.moving
    gate.open()
    assert gate.drive(WheelCommand(0.2, 0.2, clock.now)) is not None and robot.moving


def test_the_first_reason_stands_and_later_stops_write_zeros_again(robot, clock):
    gate = open_gate(robot, clock)
    gate.stop("first")
    calls = robot.stop_calls
    gate.stop("second")
    assert [s.reason for s in gate.stops] == ["first"] and robot.stop_calls > calls


@pytest.mark.parametrize("age, passes", [(0.0, True), (0.39, True), (0.41, False), (-0.01, False)])
def test_a_command_passes_only_while_its_frame_is_young(robot, clock, age, passes):
    gate = open_gate(robot, clock, age_limit_s=0.4)
    stamp = clock.now
    clock.now = stamp + age
    assert (gate.drive(WheelCommand(0.2, 0.2, stamp)) is not None) == passes == robot.moving
    assert not gate.stopped  # late is not yet a reason to latch: the watchdog judges


@pytest.mark.parametrize("command", [(float("nan"), 0.1), (0.1, float("inf")), (None, 0.0)])
def test_a_command_that_is_not_finite_stops(robot, clock, command):
    gate = open_gate(robot, clock)
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    assert gate.drive(WheelCommand(command[0], command[1], clock.now)) is None
    assert gate.stopped and not robot.moving and "not finite" in gate.stops[-1].reason


def test_a_stamp_that_is_not_finite_stops(robot, clock):
    gate = open_gate(robot, clock)
    assert gate.drive(WheelCommand(0.2, 0.2, float("nan"))) is None
    assert gate.stopped and not robot.moving


def test_motors_that_refuse_for_a_while_are_stopped_as_soon_as_they_obey(robot, clock):
    gate = open_gate(robot, clock)
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    robot.broken = True
    healed = threading.Timer(0.2, setattr, (robot, "broken", False))
    healed.start()
    assert gate.drive(WheelCommand(0.3, 0.3, clock.now)) is None
    assert not robot.moving and gate.stopped and gate.wheels_stopped
    assert "Remote I/O" in gate.stops[-1].reason
    healed.join()


def test_motors_that_refuse_for_long_are_tried_again_when_asked(robot, clock, monkeypatch):
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.05)
    gate = open_gate(robot, clock)
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    robot.broken = True
    assert gate.stop("enough") is False
    assert not gate.wheels_stopped and not gate.at_rest() and robot.moving
    robot.broken = False
    assert gate.at_rest() and gate.wheels_stopped and not robot.moving


def test_it_does_not_open_when_the_motors_do_not_even_stop(robot, clock, monkeypatch):
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.05)
    robot.broken = True
    gate = MotorGate(robot, clock)
    with pytest.raises(HardwareError, match="expected them to accept a stop"):
        gate.open()
    assert gate.stopped


@pytest.mark.parametrize("broken", ["stop", "set_motors"])
def test_each_way_to_stop_is_tried_even_when_the_other_raises(robot, clock, monkeypatch, broken):
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.0)
    gate = open_gate(robot, clock)
    gate.drive(WheelCommand(0.2, 0.2, clock.now))

    def refuse(*speeds):
        raise OSError("no")

    monkeypatch.setattr(robot, broken, refuse)
    gate.stop("enough")
    assert not robot.moving


def test_a_stop_in_the_midst_of_a_write_has_the_last_word(robot, clock):
    # As a signal handler does it: the stop comes in the midst of a write, in the same thread.
    gate, took = open_gate(robot, clock), []
    write = robot.set_motors

    def interrupted(left, right):
        if left:
            began = time.monotonic()
            gate.stop("SIGTERM received")
            took.append(time.monotonic() - began)
        write(left, right)

    robot.set_motors = interrupted
    assert gate.drive(WheelCommand(0.2, 0.2, clock.now)) is None
    assert not robot.moving and gate.wheels_stopped
    assert took[0] < jetbot_mlp.gate.LOCK_PATIENCE_S  # it waits for no lock that it holds itself


def test_an_exception_in_the_midst_of_a_write_after_a_stop_still_ends_in_zeros(robot, clock):
    gate = open_gate(robot, clock)
    write = robot.set_motors

    def interrupted(left, right):
        write(left, right)
        if left:
            gate.stop("SIGINT received")
            write(left, right)
            raise KeyboardInterrupt

    robot.set_motors = interrupted
    with pytest.raises(KeyboardInterrupt):
        gate.drive(WheelCommand(0.2, 0.2, clock.now))
    assert not robot.moving


def test_a_write_that_hangs_does_not_keep_a_stop_waiting_and_is_followed_by_zeros(robot, clock):
    gate = open_gate(robot, clock)
    robot.hang = threading.Event()
    late = threading.Thread(target=gate.drive, args=(WheelCommand(0.2, 0.2, clock.now),), daemon=True)
    late.start()
    assert wait_until(lambda: not gate.wheels_stopped)
    began = time.monotonic()
    gate.stop("enough")
    assert time.monotonic() - began < 0.4
    robot.hang.set()
    late.join(2.0)
    assert (0.2, 0.2) in [entry[1:] for entry in robot.log] and not robot.moving


class HeardGuard:
    """A motor guard that remembers what it was told."""

    def __init__(self):
        self.heard = []

    def arm(self):
        self.heard.append("arm")

    def beat(self):
        self.heard.append("beat")

    def rest(self):
        self.heard.append("rest")


def refused_stop(robot, clock, monkeypatch):
    """-> an open gate, stopped while the motors refused it; now they obey again."""
    monkeypatch.setattr(jetbot_mlp.gate, "RETRY_S", 0.05)
    gate = open_gate(robot, clock, guard=HeardGuard())
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    robot.broken = True
    assert gate.stop("enough") is False
    robot.broken = False
    return gate


def test_a_start_while_zeros_are_being_written_is_not_taken_for_rest(robot, clock, monkeypatch):
    gate = refused_stop(robot, clock, monkeypatch)
    write_zero, written, go_on = gate._write_zero, threading.Event(), threading.Event()

    def slow():
        error = write_zero()
        if not written.is_set():  # the ones that were insisted on
            written.set()
            go_on.wait(10.0)
        return error

    def drive_again():
        gate.open()
        gate.drive(WheelCommand(0.2, 0.2, clock.now))

    gate._write_zero, gate._zeros.patience_s = slow, 60.0
    gate.insist()
    assert written.wait(10.0)
    again = threading.Thread(target=drive_again)
    again.start()
    again.join(0.3)  # it would be through if it did not wait for the zeros
    go_on.set()
    again.join(10.0)
    gate._insisting.join(10.0)
    assert robot.moving and not gate.stopped and not gate.wheels_stopped and gate.guard.heard[-1] == "beat"


def test_zeros_that_are_tried_again_are_left_out_once_it_was_started_again(robot, clock, monkeypatch):
    gate = refused_stop(robot, clock, monkeypatch)
    lock = gate._lock

    class StartedMeanwhile:
        """Who waits for the lock gets it after a start and a command."""

        def acquire(self, timeout):
            gate._lock = lock
            gate.open()
            gate.drive(WheelCommand(0.2, 0.2, clock.now))
            return lock.acquire(timeout=timeout)

    gate._lock = StartedMeanwhile()
    assert not gate.at_rest()
    assert robot.moving and not gate.wheels_stopped and gate.guard.heard[-1] == "beat"


def test_two_stops_at_once_agree(robot, clock):
    for _ in range(50):
        gate = open_gate(robot, clock)
        gate.drive(WheelCommand(0.2, 0.2, clock.now))
        threads = [threading.Thread(target=gate.stop, args=(str(i),)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(2.0)
            assert not t.is_alive()
        assert len(gate.stops) == 1 and not robot.moving


def test_drives_and_stops_from_many_threads_end_at_rest(robot):
    gate = MotorGate(robot, time.monotonic)
    for _ in range(20):
        gate.open()

        def drive():
            while gate.drive(WheelCommand(0.2, 0.2, time.monotonic())) is not None:
                pass

        threads = [threading.Thread(target=drive) for _ in range(3)]
        for t in threads:
            t.start()
        wait_until(lambda: robot.moving)
        gate.stop("enough")
        for t in threads:
            t.join(2.0)
        assert not robot.moving


def test_two_opens_need_only_one_stop(robot, clock):
    gate = MotorGate(robot, clock)
    zeros = gate._zeros

    def meanwhile():
        gate._zeros = zeros
        gate.open()
        return zeros()

    gate._zeros = meanwhile
    gate.open()
    assert not gate.stopped
    gate.stop("enough")
    assert gate.stopped


def test_a_stop_while_it_opens_wins(robot, clock):
    gate = MotorGate(robot, clock)
    zeros = gate._zeros

    def interrupted():
        gate._zeros = zeros
        gate.stop("enough")
        return zeros()

    gate._zeros = interrupted
    gate.open()
    assert gate.stopped


def test_dry_run_never_touches_the_motors(clock):
    gate = MotorGate(None, clock, dry_run=True)
    gate.open()
    assert gate.drive(WheelCommand(0.2, 0.1, clock.now)) == (0.2, 0.1, clock.now)
    gate.stop("enough")
    assert gate.stopped and gate.wheels_stopped


class Wrapped:
    """As the calibrated robot wraps the official one."""

    def __init__(self, robot):
        self.robot, self.set_motors, self.stop = robot, robot.set_motors, robot.stop


def test_a_second_driver_of_the_same_wheels_stops_the_first(robot, clock):
    first = open_gate(robot, clock)
    first.drive(WheelCommand(0.2, 0.2, clock.now))
    second = open_gate(Wrapped(Wrapped(robot)), clock)
    assert first.stopped and "another driver" in first.stops[-1].reason and robot.wheels == (0.0, 0.0)
    assert first.drive(WheelCommand(0.2, 0.2, clock.now)) is None and robot.wheels == (0.0, 0.0)
    assert second.drive(WheelCommand(0.3, 0.3, clock.now)) is not None
    other = open_gate(FakeRobot(), clock)
    assert not other.stopped and not second.stopped


def test_a_second_official_robot_has_the_same_wheels(clock):
    official = type("Robot", (FakeRobot,), {"__module__": "jetbot.robot"})
    first = open_gate(official(), clock, guard=SlowGuard(lambda: None))
    second = open_gate(Wrapped(type("Mine", (official,), {"__module__": "__main__"})()), clock,
                       guard=SlowGuard(lambda: None))
    assert first.stopped and "another driver" in first.stops[-1].reason and not second.stopped


def test_classes_around_official_robots_have_the_same_wheels(clock, install):
    module = install()

    def own():
        robot, robot.bot = FakeRobot(), module.Robot()
        return robot

    first = open_gate(own(), clock, guard=SlowGuard(lambda: None))
    second = open_gate(own(), clock, guard=SlowGuard(lambda: None))
    assert first.stopped and "another driver" in first.stops[-1].reason and not second.stopped


class SlowGuard:
    """A motor guard that takes its time to start: `meanwhile` is called in it."""

    def __init__(self, meanwhile):
        self.arm, self.beat, self.rest = meanwhile, lambda: None, lambda: None


def test_of_two_drivers_that_open_at_once_the_later_one_drives_alone(robot, clock):
    later = MotorGate(robot, clock)
    first = open_gate(robot, clock, guard=SlowGuard(later.open))
    assert not later.stopped and first.stopped and "another driver" in first.stops[-1].reason
    assert first.drive(WheelCommand(0.2, 0.2, clock.now)) is None and robot.wheels == (0.0, 0.0)
    assert later.drive(WheelCommand(0.3, 0.3, clock.now)) is not None


def test_a_stop_button_stops_whoever_drives_this_robot_and_nobody_elses(robot, clock):
    driving, button = open_gate(robot, clock), MotorGate(Wrapped(robot), clock)
    driving.drive(WheelCommand(0.2, 0.2, clock.now))
    MotorGate(FakeRobot(), clock).stop_others("STOP was pressed elsewhere")
    button.stop("enough")  # alone it is one driver's own end
    assert not driving.stopped
    button.stop_others("STOP was pressed")
    assert driving.stopped and driving.stops[-1].reason == "STOP was pressed" and robot.wheels == (0.0, 0.0)
    assert driving.drive(WheelCommand(0.2, 0.2, clock.now)) is None


def test_a_stop_button_stops_a_driver_that_is_just_being_opened(robot, clock):
    button = MotorGate(robot, clock)
    opening = open_gate(robot, clock, guard=SlowGuard(lambda: button.stop_others("STOP was pressed")))
    assert opening.stopped and opening.drive(WheelCommand(0.2, 0.2, clock.now)) is None


class Hanging(FakeRobot):
    """Writes do not return until `go_on` is set."""

    def __init__(self):
        super().__init__()
        self.go_on, self.begun = threading.Event(), threading.Event()
        self.go_on.set()

    def _write(self, left, right):
        self.begun.set()
        self.go_on.wait(60.0)
        super()._write(left, right)


def test_zeros_that_do_not_return_keep_nobody_and_are_named_and_followed_by_others(clock):
    robot = Hanging()
    gate = open_gate(robot, clock)
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    robot.go_on.clear()
    gate._zeros.patience_s = 0.1
    assert gate.stop("enough") is False and gate.hangs and robot.moving
    assert gate.reason == "enough" and "REFUSE TO STOP" in gate.trouble and "I2C hangs" in gate.trouble
    assert not gate.at_rest()
    robot.go_on.set()
    gate._zeros.patience_s = 60.0
    assert wait_until(gate.at_rest, 30.0) and not gate.hangs and gate.trouble is None and not robot.moving


def test_zeros_that_are_just_being_written_are_no_trouble_and_the_reason_is_known(clock):
    robot = Hanging()
    gate = open_gate(robot, clock)
    gate._zeros.patience_s = 60.0
    gate.drive(WheelCommand(0.2, 0.2, clock.now))
    robot.go_on.clear()
    robot.begun.clear()
    stopping = threading.Thread(target=gate.stop, args=("enough",))
    stopping.start()
    try:
        assert robot.begun.wait(30.0)
        assert gate.stopped and not gate.wheels_stopped and gate.reason == "enough" and gate.trouble is None
    finally:
        robot.go_on.set()
        stopping.join(30.0)
    assert gate.wheels_stopped


def test_the_reason_is_there_before_the_gate_is_closed(robot, clock):
    gate, seen = open_gate(robot, clock), []

    class Permit(list):
        def pop(self):
            item = super().pop()
            seen.append((gate.stopped, gate.reason))
            return item

    gate._permit = Permit(gate._permit)
    gate.stop("enough")
    assert seen == [(True, "enough")]
    gate.open()
    gate.stop("once more")
    assert gate.reason == "once more" and [stop.reason for stop in gate.stops] == ["enough", "once more"]
    gate.stop("too late")
    assert gate.reason == "once more" and MotorGate(robot, clock).reason is None


def test_a_command_that_does_not_return_can_be_seen(clock):
    robot = Hanging()
    gate = open_gate(robot, clock)
    robot.go_on.clear()
    robot.begun.clear()
    driving = threading.Thread(target=gate.drive, args=(WheelCommand(0.2, 0.2, clock.now),))
    driving.start()
    try:
        assert robot.begun.wait(30.0) and gate.writing_since == clock.now
    finally:
        robot.go_on.set()
        driving.join(30.0)
    assert gate.writing_since is None


def test_at_the_programs_end_the_official_motors_say_no_farewell_that_would_hang(clock, monkeypatch):
    robot, forgotten = OfficialRobot(make_jetbot().Robot()), []
    monkeypatch.setattr(jetbot_mlp.gate.atexit, "unregister", forgotten.append)
    gate = MotorGate(robot, clock)
    gate.leave_hanging()
    assert forgotten == []
    gate._zeros = types.SimpleNamespace(hangs=True)
    gate.leave_hanging()
    assert forgotten == [robot.left_motor._release, robot.right_motor._release]
