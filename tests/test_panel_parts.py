import functools
import threading
import time

import cv2
import driving_fakes
import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from jetbot_mlp.errors import HardwareError  # noqa: E402
from jetbot_mlp.panel_parts import AHEAD, Preview, Repeater, StatusLine, button, jpeg, picture, stop_button  # noqa: E402

wait_until = functools.partial(driving_fakes.wait_until, timeout=5.0)


def frame(value=100):
    return np.full((40, 40, 3), value, np.uint8)


@pytest.fixture
def shown():
    """-> function that starts a Preview of a grey picture; its browser answers while preview.browser is set."""
    previews = []

    def start(make=None, rate_hz=100.0, **keywords):
        image = picture(side=40)
        preview = Preview(make or (lambda: {image: frame()}), rate_hz, **keywords)
        preview.image, preview.browser = image, threading.Event()
        preview.browser.set()
        # what the jslink does on the page
        preview._number.observe(lambda change: preview.browser.is_set() and preview._answer.set_state(
            {"value": change["new"]}), names="value")
        previews.append(preview)
        return preview.start()

    yield start
    for preview in previews:
        preview.close()


def test_a_picture_is_a_jpeg_of_bytes():
    shown = picture(frame())
    assert cv2.imdecode(np.frombuffer(bytes(shown.value), np.uint8), 1).shape == (40, 40, 3)
    assert isinstance(jpeg(frame()), bytes)


def test_pressing_stop_stops_and_it_is_never_disabled():
    pressed = []
    stop = stop_button(lambda: pressed.append(1))
    stop.click()
    stop.click()
    assert pressed == [1, 1] and not stop.disabled
    button("go", lambda: pressed.append(2)).click()
    assert pressed[-1] == 2


def test_the_status_line_shows_words_and_no_html():
    line = StatusLine("ready")
    line.trouble(HardwareError("expected <b>, found & \u2013"))
    assert "&lt;b&gt;, found &amp;" in line.widget.value and line.text[1] == "trouble"


def test_pictures_are_shown_as_long_as_the_browser_answers(shown):
    preview = shown()
    assert wait_until(lambda: preview.sent > 3 * AHEAD) and bytes(preview.image.value)


def test_while_the_browser_is_behind_none_are_sent_and_none_are_made(shown):
    made = []
    image = picture(side=40)
    preview = shown(lambda: made.append(1) or {image: frame()})
    preview.browser.clear()
    assert wait_until(lambda: preview.sent - preview.answered >= AHEAD)
    sent = preview.sent
    time.sleep(0.2)
    assert preview.sent == sent and len(made) == sent
    preview.browser.set()
    preview._answer.set_state({"value": sent})
    assert wait_until(lambda: preview.sent > sent + AHEAD)


def test_nothing_new_is_not_sent(shown):
    preview = shown(lambda: None)
    time.sleep(0.1)
    assert preview.sent == 0


def test_a_preview_that_raises_tells_it_and_goes_on(shown, monkeypatch):
    monkeypatch.setattr("jetbot_mlp.panel_parts.TRY_AGAIN_S", 0.02)
    told, image, raised = [], picture(side=40), [KeyError("x"), HardwareError("no picture")]

    def make():
        if raised:
            raise raised.pop()
        return {image: frame()}

    preview = shown(make, trouble=told.append)
    assert wait_until(lambda: preview.sent > 3)
    assert str(told[0]) == "no picture" and told[1] == "preview: KeyError: 'x'"


def test_it_ends_when_the_panel_closes(shown):
    preview = shown()
    assert wait_until(lambda: preview.sent > 0)
    preview.widget.close()
    assert wait_until(lambda: not preview.running)


def test_a_repeater_that_is_late_does_not_catch_up():
    calls = []

    def slow():
        calls.append(time.monotonic())
        time.sleep(0.05)

    repeater = Repeater(slow, 0.01, "test").start()
    time.sleep(0.32)
    repeater.close()
    assert 2 <= len(calls) <= 8 and not repeater.running
    repeater.start()
    assert repeater.running
    repeater.close()
