import functools
import time

import driving_fakes
import pytest
from driving_fakes import SentRobot

pytest.importorskip("ipywidgets")

from jetbot_mlp.gate import MotorGate  # noqa: E402
from jetbot_mlp.panel_hand import HOLD, PULSES, DrivePad  # noqa: E402

wait_for = functools.partial(driving_fakes.wait_for, timeout=2.0)


@pytest.fixture
def pad():
    made = DrivePad(SentRobot())
    made.robot = made.hand.gate._robot
    yield made
    made.close()
    assert not made.robot.turning


def test_until_the_page_was_heard_each_press_is_a_short_move(pad):
    assert pad.said.text[0] == PULSES
    pad.buttons["left"].click()
    wait_for(lambda: pad.robot.turning)
    assert pad.robot.sent[-1] == (-0.3, 0.3)
    wait_for(lambda: not pad.robot.turning)


def test_a_button_that_is_held_drives_until_it_is_let_go(pad):
    pad._on_event({"type": "mouseenter"}, "forward")
    assert pad.said.text[0] == HOLD and not pad.hand.moving
    pad._on_event({"type": "mousedown"}, "forward")
    wait_for(lambda: pad.robot.turning)
    time.sleep(0.5)  # longer than a short move
    assert pad.robot.turning
    pad._on_event({"type": "mouseup"}, "forward")
    assert not pad.robot.turning
    pad.buttons["forward"].click()  # which the page reports after the release, too
    time.sleep(0.1)
    assert not pad.robot.turning


@pytest.mark.parametrize("release", ["mouseleave", "touchend", "touchcancel"])
def test_a_pointer_that_leaves_the_button_stops_too(pad, release):
    pad._on_event({"type": "touchstart"}, "right")
    wait_for(lambda: pad.robot.turning)
    pad._on_event({"type": release}, "right")
    assert not pad.robot.turning


def test_stop_and_space_are_for_other_programs_too_but_letting_go_is_not(pad, monkeypatch):
    told = []
    monkeypatch.setattr(MotorGate, "stop_programs", lambda gate: told.append(gate))
    pad.stop.click()
    pad.on_key({"type": "keydown", "key": " "})
    pad.hand.release()
    assert told == [pad.hand.gate] * 2


def test_a_key_drives_while_it_is_held_and_space_stops(pad):
    assert pad.on_key({"type": "keydown", "key": "ArrowUp"})
    wait_for(lambda: pad.robot.turning)
    assert pad.on_key({"type": "keyup", "key": "ArrowUp"}) and not pad.robot.turning
    pad.on_key({"type": "keydown", "key": "ArrowLeft"})
    wait_for(lambda: pad.robot.turning)
    assert pad.on_key({"type": "keydown", "key": " "}) and not pad.robot.turning
    assert not pad.on_key({"type": "keydown", "key": "b"})


def test_a_key_whose_release_is_not_heard_any_more_stops_when_the_mouse_leaves_or_it_comes_no_more(pad):
    pad.on_key({"type": "keydown", "key": "ArrowUp"})
    wait_for(lambda: pad.robot.turning)
    pad.on_key({"type": "mouseleave"})
    assert not pad.robot.turning
    pad.on_key({"type": "keydown", "key": "ArrowUp"})
    wait_for(lambda: pad.robot.turning)
    wait_for(lambda: not pad.robot.turning, timeout=1.5)


def test_stop_stops_at_once_and_the_speed_is_the_sliders(pad):
    pad.speed.value = 0.5
    pad._on_event({"type": "mousedown"}, "backward")
    wait_for(lambda: pad.robot.turning)
    assert pad.robot.sent[-1] == (-0.5, -0.5)
    pad.stop.click()
    assert not pad.robot.turning
