"""A picture that can be clicked, with what is there: and where nothing is, two sliders and a marker on the picture.

What an ordinary notebook cannot do is hear where a picture was clicked. Three ways, the first that is installed:

- `jupyter_clickable_image_widget`, which the robot's image has;
- `ipyevents` (pip install ipyevents; the classic notebook also needs jupyter nbextension enable --py ipyevents),
  which hears keys and buttons that are held, too;
- sliders for x and y.

A kernel cannot see whether the page has the other half of such a package, so the sliders are always there, folded up.
"""
import cv2

from .overlay import GREEN, RED, WHITE
from .panel_parts import button, picture, tight

WAYS = ("widget", "ipyevents", "sliders")  # best first
SIDE = 224  # px; targets are told in these, whatever the size on the page
INSTALL = "to click: pip install ipyevents where Jupyter runs, restart Jupyter, load the page again"
NO_ANSWER = ("If a click on the picture does nothing, the page lacks its half of the package: install it where Jupyter "
             "runs, not only in this kernel, restart Jupyter, and load the page again (the classic notebook: jupyter "
             "nbextension install --py --sys-prefix ipyevents, then enable). Until then:")


def ways_there():
    """-> those of WAYS that can be imported here."""
    found = []
    try:
        import jupyter_clickable_image_widget
        if hasattr(jupyter_clickable_image_widget, "ClickableImageWidget"):
            found.append("widget")
    except ImportError:
        pass
    try:
        import ipyevents  # noqa: F401
        found.append("ipyevents")
    except ImportError:
        pass
    return found + ["sliders"]


def dom_events(source, names, heard, swallow=True):
    """Hear the page's events on a widget -> an `ipyevents.Event`, or None where there is no ipyevents.

    names: 'mousedown', 'keydown', ...; heard: callable(dict), with 'type' and, for keys, 'key' and 'repeat';
    swallow: the page itself does nothing more about them. While the mouse is over a source whose keys are heard,
    all keys are swallowed, so leave widgets to type in outside.
    """
    try:
        import ipyevents
    except ImportError:
        return None
    events = ipyevents.Event(source=source, watched_events=list(names), prevent_default_action=swallow)
    events.on_dom_event(heard)
    return events


def with_target(image, x, y):
    """A copy with a target point drawn on it, and the line to it from where the robot is; x, y in px of the image."""
    drawn, point = image.copy(), (int(round(x)), int(round(y)))
    height, width = drawn.shape[:2]
    thick = max(1, width // 112)
    cv2.line(drawn, (width // 2, height - 1), point, WHITE, thick, cv2.LINE_AA)
    cv2.circle(drawn, (width // 2, height - 1), width // 40, RED, -1, cv2.LINE_AA)
    cv2.circle(drawn, point, width // 28, GREEN, thick + 1, cv2.LINE_AA)
    return drawn


class ClickablePicture:
    """`box` is to be shown; `picture` is the Image in it, whose value others set.

    clicked: callable(x, y) in px of a 224 picture, within 0..223. side: px on the page. way: one of WAYS, or None:
    the best one there. press: what the button beside the sliders says; None: there is no button, and moving a slider
    is a click.
    """

    def __init__(self, clicked, side=336, way=None, press="take this point", alt="picture"):
        import ipywidgets as widgets

        if way is not None and way not in WAYS:
            raise ValueError(f"way: expected one of {', '.join(WAYS)} or None, found {way!r}")
        self.clicked = clicked
        self.way = ways_there()[0] if way is None else way
        if self.way == "widget":
            from jupyter_clickable_image_widget import ClickableImageWidget

            self.picture = ClickableImageWidget(format="jpeg", width=str(side), height=str(side))
            self.picture.on_msg(self._on_widget)
        else:
            self.picture = picture(side=side, alt=alt)
        # a frame around it would shift what is clicked
        self.picture.layout = widgets.Layout(width=f"{side}px", height=f"{side}px", flex="0 0 auto", margin="0")
        self.events = None
        if self.way == "ipyevents":
            self.events = dom_events(self.picture, ["click"], self._on_event)
        self.x = widgets.IntSlider(value=SIDE // 2, max=SIDE - 1, description="x", layout={"width": f"{side}px"},
                                   style={"description_width": "20px"})
        self.y = widgets.IntSlider(value=SIDE // 2, max=SIDE - 1, description="y", layout={"width": f"{side}px"},
                                   style={"description_width": "20px"})
        self.press = None
        if press is not None:
            self.press = button(press, self._point, "primary")
        else:
            for slider in (self.x, self.y):
                slider.observe(lambda _: self._point(), names="value")
        by_sliders = widgets.VBox([self.x, self.y] + ([] if self.press is None else [self.press]))
        if self.way == "sliders":
            self.box = widgets.VBox([self.picture, by_sliders])
        else:
            remedy = widgets.HTML(tight(NO_ANSWER))
            by_sliders.children = (remedy,) + by_sliders.children
            self.folded = widgets.Accordion([by_sliders], selected_index=None, layout={"width": f"{side}px"})
            self.folded.set_title(0, "no answer to a click? sliders")
            self.box = widgets.VBox([self.picture, self.folded])

    @property
    def how(self):
        """In words: what is done, by what, and what is to be installed."""
        return {"widget": "click on the picture (jupyter_clickable_image_widget)",
                "ipyevents": "click on the picture (ipyevents)",
                "sliders": f"point with the sliders ({INSTALL})"}[self.way]

    @property
    def marker(self):
        """(x, y) to be drawn on the picture while the sliders are what points, else None."""
        by_sliders = self.way == "sliders" or self.folded.selected_index is not None
        return (self.x.value, self.y.value) if by_sliders else None

    def point_at(self, x, y):
        """Sets the sliders."""
        self.x.value, self.y.value = x, y

    def _point(self):
        self.clicked(self.x.value, self.y.value)

    def _on_widget(self, _, content, buffers):
        """{'event': 'click', 'eventData': {'offsetX': px, 'width': px on the page, ...}}"""
        data = content.get("eventData")
        if content.get("event") == "click" and data:
            self._take(data["offsetX"], data["offsetY"], data.get("width") or SIDE, data.get("height") or SIDE)

    def _on_event(self, event):
        self._take(event["relativeX"], event["relativeY"], event["boundingRectWidth"], event["boundingRectHeight"])

    def _take(self, x, y, width, height):
        """x, y, width, height: px on the page."""
        x, y = (min(max(int(v * SIDE / max(size, 1)), 0), SIDE - 1) for v, size in ((x, width), (y, height)))
        self.point_at(x, y)
        self.clicked(x, y)
