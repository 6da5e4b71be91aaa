import threading
import time

import pytest
from driving_fakes import FakeCamera, FakeClock, FakeRobot, straight_on, wait_until

from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.heartbeat import BrowserHeartbeat

LIMIT_S = 0.5


class Browser:
    """Beats until it is closed."""

    def __init__(self, beat, period=0.05):
        self.beat, self.period = beat, period
        self.open()

    def open(self):
        self.there = True
        threading.Thread(target=self._run, daemon=True).start()

    def close(self):
        self.there = False
        return time.monotonic()

    def _run(self):
        while self.there:
            self.beat()
            time.sleep(self.period)


@pytest.fixture
def rig():
    """-> (driver in real time with a heartbeat, robot, camera that runs)."""
    robot, camera = FakeRobot(), FakeCamera()
    driver = Driver(straight_on, robot, camera, heartbeat=BrowserHeartbeat(LIMIT_S))
    camera.run()
    yield driver, robot, camera
    driver.stop("the test is over")
    camera.end()
    driver.join()


@pytest.fixture
def browser(rig):
    browser = Browser(rig[0].heartbeat.beat)
    yield browser
    browser.close()


@pytest.fixture
def notebook():
    """-> BrowserHeartbeat with its widget made; its thread is ended after the test."""
    pytest.importorskip("ipywidgets")
    heartbeat = BrowserHeartbeat()
    assert heartbeat.widget is heartbeat.widget
    yield heartbeat
    heartbeat.close()


def test_the_wheels_stop_when_the_browser_goes_away(rig, browser):
    driver, robot, _ = rig
    assert wait_until(lambda: driver.heartbeat.lost() is None)
    driver.start()
    assert wait_until(lambda: robot.moving)
    time.sleep(2 * LIMIT_S)
    assert robot.moving  # somebody looks
    gone = browser.close()
    assert wait_until(lambda: not robot.moving, LIMIT_S + 2.0)
    assert robot.log[-1][0] - gone < LIMIT_S + 0.5
    assert driver.status().reason.startswith("the browser is gone (no sign for 0.")


def test_a_browser_that_comes_back_starts_nothing_by_itself(rig, browser):
    driver, robot, _ = rig
    assert wait_until(lambda: driver.heartbeat.lost() is None)
    driver.start()
    assert wait_until(lambda: robot.moving)
    browser.close()
    assert wait_until(lambda: not robot.moving)
    with pytest.raises(JetbotMLPError, match="the browser is gone"):
        driver.start()
    browser.open()
    assert wait_until(lambda: driver.heartbeat.lost() is None)
    time.sleep(0.2)
    assert not robot.moving
    driver.start()
    assert wait_until(lambda: robot.moving)


def test_no_start_before_the_page_has_been_shown(rig):
    driver, robot, _ = rig
    with pytest.raises(JetbotMLPError, match="no sign of the browser yet: show heartbeat.widget"):
        driver.start()
    assert driver.gate.stopped and robot.log == []


def test_a_heartbeat_that_raises_stops_the_wheels(rig, browser):
    driver, robot, _ = rig
    assert wait_until(lambda: driver.heartbeat.lost() is None)
    driver.start()
    assert wait_until(lambda: robot.moving)
    driver.heartbeat.limit_s = None
    assert wait_until(lambda: not robot.moving)
    assert "the watchdog failed: TypeError" in driver.status().reason


def test_without_a_heartbeat_nobody_needs_to_look():
    robot, camera = FakeRobot(), FakeCamera()
    camera.run()
    with Driver(straight_on, robot, camera) as driver:
        assert driver.heartbeat is None and wait_until(lambda: robot.moving)
    camera.end()


def test_age_and_loss_by_the_clock():
    clock = FakeClock()
    heartbeat = BrowserHeartbeat(1.5, clock)
    assert heartbeat.age_s() == float("inf")
    heartbeat.beat()
    assert heartbeat.age_s(101.0) == 1.0 and heartbeat.lost(101.5) is None
    assert "(no sign for 1.6 s)" in heartbeat.lost(101.6)


def test_an_old_sign_and_one_from_the_future_do_not_make_it_younger():
    clock = FakeClock()
    heartbeat = BrowserHeartbeat(1.5, clock)
    heartbeat.beat(99.0)
    for stamp in (98.0, 105.0):
        heartbeat.beat(stamp)
        assert heartbeat.age_s() == 1.0


@pytest.mark.parametrize("limit_s", [0.0, 0.4, 11.0, float("nan")])
def test_the_limit_is_sane(limit_s):
    with pytest.raises(ValueError, match="limit_s: expected"):
        BrowserHeartbeat(limit_s)


def test_the_page_is_asked_for_the_time_and_linked_to_send_it_back(notebook):
    assert notebook._link.source == (notebook._ping, "value")
    assert notebook._link.target == (notebook._pong, "value")
    assert wait_until(lambda: notebook._ping.value > 0)
    asked = notebook._ping.value
    assert wait_until(lambda: notebook._ping.value > asked)
    assert "no sign of the browser yet" in notebook.lost()  # asking alone is no sign


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_asking_goes_on_after_a_refusal_and_a_thread_that_died_is_replaced_by_the_next_look(notebook):
    refused = []

    def refuse(change):
        refused.append(1)
        raise RuntimeError("no page") if len(refused) == 1 else SystemExit  # which ends a thread without a word

    notebook._ping.observe(refuse, names="value")
    assert wait_until(lambda: refused)
    thread = notebook._asking
    assert wait_until(lambda: len(refused) == 2, 5.0)  # the first refusal did not end it
    assert wait_until(lambda: not thread.is_alive())
    notebook._ping.unobserve(refuse, names="value")
    asked = notebook._ping.value
    assert "no sign" in notebook.lost()  # as a driver's start does
    assert wait_until(lambda: notebook._ping.value > asked, 5.0)
    assert wait_until(lambda: notebook._asking.is_alive()) and notebook._asking is not thread


def test_the_answer_beats_and_counts_from_when_it_was_asked(notebook):
    assert wait_until(lambda: notebook._ping.value > 0)
    asked = notebook._ping.value
    # as a message from the page arrives
    notebook._pong.set_state({"value": asked})
    assert notebook.lost() is None and notebook.age_s(asked / 1e3 + 0.7) == pytest.approx(0.7)
    assert "the browser is gone" in notebook.lost(asked / 1e3 + 1.6)
