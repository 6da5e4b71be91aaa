import sys
import types

import numpy as np
import pytest

widgets = pytest.importorskip("ipywidgets")

from jetbot_mlp import panel_clicks  # noqa: E402
from jetbot_mlp.panel_clicks import ClickablePicture, dom_events, ways_there, with_target  # noqa: E402


class Event(widgets.DOMWidget):
    """ipyevents.Event as far as it is used: hears what a test says."""

    made = []

    def __init__(self, source, watched_events, prevent_default_action):
        super().__init__()
        self.source, self.watched, self.heard = source, watched_events, None
        Event.made.append(self)

    def on_dom_event(self, heard):
        self.heard = heard


class ClickableImage(widgets.Image):
    """jupyter_clickable_image_widget.ClickableImageWidget is an Image that sends messages."""

    def click(self, **data):
        self._handle_custom_msg({"event": "click", "eventData": data}, [])


@pytest.fixture
def installed(monkeypatch):
    """Calls with names of packages make just these importable."""
    def only(*names):
        for name, made in (("ipyevents", {"Event": Event}),
                           ("jupyter_clickable_image_widget", {"ClickableImageWidget": ClickableImage})):
            module = types.ModuleType(name)
            module.__dict__.update(made)
            monkeypatch.setitem(sys.modules, name, module if name in names else None)
    return only


def test_the_best_way_that_is_installed_is_taken(installed):
    installed()
    assert ways_there() == ["sliders"]
    installed("ipyevents")
    assert ways_there() == ["ipyevents", "sliders"]
    installed("ipyevents", "jupyter_clickable_image_widget")
    assert ways_there() == ["widget", "ipyevents", "sliders"]


def test_without_any_package_two_sliders_point_and_it_says_what_to_install(installed):
    installed()
    points = []
    shown = ClickablePicture(lambda x, y: points.append((x, y)))
    assert "pip install ipyevents" in shown.how and shown.marker == (112, 112)
    shown.x.value, shown.y.value = 30, 200
    shown.press.click()
    assert points == [(30, 200)] and shown.marker == (30, 200)
    assert dom_events(shown.picture, ["click"], print) is None


def test_ipyevents_tells_where_whatever_the_size_on_the_page(installed):
    installed("ipyevents")
    points = []
    shown = ClickablePicture(lambda x, y: points.append((x, y)), side=336)
    assert shown.how == "click on the picture (ipyevents)" and shown.marker is None
    for size in (336, 224, 112.5):
        shown.events.heard({"type": "click", "relativeX": size / 4, "relativeY": size / 2,
                            "boundingRectWidth": size, "boundingRectHeight": size})
    shown.events.heard({"type": "click", "relativeX": -3, "relativeY": 400,
                        "boundingRectWidth": 336, "boundingRectHeight": 336})
    assert points == [(56, 112)] * 3 + [(0, 223)]
    assert (shown.x.value, shown.y.value) == points[-1]


def test_the_robots_own_widget_is_understood(installed):
    installed("jupyter_clickable_image_widget")
    points = []
    shown = ClickablePicture(lambda x, y: points.append((x, y)))
    shown.picture.click(offsetX=168, offsetY=84, width=336, height=336, naturalWidth=224, naturalHeight=224)
    shown.picture._handle_custom_msg({"event": "load"}, [])
    assert points == [(112, 56)] and "jupyter_clickable_image_widget" in shown.how


def test_the_sliders_are_there_for_a_page_that_does_not_answer(installed):
    installed("ipyevents")
    points = []
    shown = ClickablePicture(lambda x, y: points.append((x, y)))
    shown.folded.selected_index = 0
    assert shown.marker == (112, 112)
    shown.press.click()
    assert points == [(112, 112)]


def test_a_target_is_drawn_on_a_copy():
    image = np.zeros((224, 224, 3), np.uint8)
    drawn = with_target(image, 60, 100)
    assert not image.any() and drawn[95:106, 50:71].any() and not drawn[:80].any()


def test_an_unknown_way_is_refused():
    with pytest.raises(ValueError, match="widget, ipyevents, sliders"):
        ClickablePicture(print, way="telepathy")


def test_importing_it_needs_no_ipywidgets():
    assert panel_clicks.WAYS[-1] == "sliders"
