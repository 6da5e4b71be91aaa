import subprocess
import sys
import time

import pytest
from driving_fakes import FakeClock, wait_until

from jetbot_mlp.watchdog import Stamps, Watchdog, judge

FINE = Stamps(started=0.0, arrived=10.0, changed=10.0, commanded=10.0)


def test_a_young_command_is_fine_and_an_old_one_is_not():
    assert judge(10.39, FINE, 0.4, 2.0) is None
    assert judge(10.41, FINE, 0.4, 2.0) is not None


@pytest.mark.parametrize("stamps, reason", [
    (FINE, "no frame for 0.45 s"),
    (FINE._replace(arrived=10.4), "frozen"),
    (FINE._replace(arrived=10.4, changed=10.4), "prediction hangs"),
    (FINE._replace(commanded=float("nan")), "no frame"),
])
def test_the_reason_says_who_is_at_fault(stamps, reason):
    assert reason in judge(10.45, stamps, 0.4, 2.0)


@pytest.mark.parametrize("arrived, changed, reason", [
    (None, None, "no frame"), (2.0, None, "frozen"), (2.0, 2.0, "prediction hangs"),
])
def test_before_the_first_command_there_is_time_to_get_going_but_not_for_ever(arrived, changed, reason):
    stamps = Stamps(started=0.0, arrived=arrived, changed=changed, commanded=None)
    assert judge(2.0, stamps, 0.4, 2.0) is None
    assert reason in judge(2.1, stamps, 0.4, 2.0)


@pytest.mark.parametrize("limit_s", [0.0, -1.0, 0.51, 1e9, float("inf"), float("nan")])
def test_it_can_not_be_switched_off_by_a_large_limit(limit_s):
    with pytest.raises(ValueError, match="no off switch"):
        Watchdog(lambda: FINE, print, FakeClock(), limit_s=limit_s)


@pytest.mark.parametrize("first_frame_s", [0.0, float("inf"), float("nan")])
def test_nor_by_waiting_for_the_first_frame_for_ever(first_frame_s):
    with pytest.raises(ValueError, match="first_frame_s"):
        Watchdog(lambda: FINE, print, FakeClock(), first_frame_s=first_frame_s)


def test_check_can_be_called_with_any_clock():
    reasons = []
    dog = Watchdog(lambda: FINE, reasons.append, FakeClock(), limit_s=0.5)
    assert dog.check(10.39) is None and reasons == []
    assert "no frame" in dog.check(10.42) and len(reasons) == 1


def test_its_thread_stops_in_time_and_tries_until_the_wheels_are_at_rest():
    last, reasons, tries = time.monotonic(), [], []

    def at_rest():
        tries.append(time.monotonic())
        return len(tries) == 3

    dog = Watchdog(lambda: Stamps(last, last, last, last), lambda r: reasons.append((time.monotonic(), r)))
    dog.start(lambda: bool(reasons), at_rest)
    assert wait_until(lambda: reasons)
    assert 0.3 < reasons[0][0] - last < 0.5
    assert dog.join(2.0) and len(tries) == 3 and len(reasons) == 1


def test_a_watchdog_that_fails_stops_the_wheels():
    reasons = []

    def broken():
        raise RuntimeError("boom")

    dog = Watchdog(broken, reasons.append)
    dog.start(lambda: bool(reasons), lambda: True)
    assert dog.join(2.0) and "boom" in reasons[0]


def test_the_wheels_stop_when_a_script_ends_but_its_camera_thread_does_not():
    # The official capture thread is no daemon: Python waits for it at the end of the script, before atexit.
    script = """
import threading, time
from jetbot_mlp.watchdog import Stamps, Watchdog
reasons = []
def now():
    t = time.monotonic()
    return Stamps(t, t, t, t)
def camera():
    deadline = time.monotonic() + 3
    while not reasons and time.monotonic() < deadline:
        time.sleep(0.01)
    print(reasons)
Watchdog(now, reasons.append).start(lambda: bool(reasons), lambda: True)
threading.Thread(target=camera, daemon=False).start()
"""
    result = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, timeout=20)
    assert result.stdout.decode().strip() == "['the program ended']"


def test_a_command_that_does_not_return_is_named_also_the_very_first():
    stamps = FINE._replace(arrived=10.4, changed=10.4)
    assert "I2C hangs" in judge(10.45, stamps._replace(writing=10.05), 0.4, 2.0)
    assert "prediction hangs" in judge(10.45, stamps._replace(writing=10.4), 0.4, 2.0)
    first = stamps._replace(started=10.0, commanded=None, writing=10.0)
    assert judge(10.39, first, 0.4, 2.0) is None and "I2C hangs" in judge(10.41, first, 0.4, 2.0)
