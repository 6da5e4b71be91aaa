"""The last second of the road, frozen: click where it should have gone, then and now.

The robot moves on while a second passes, so the right target moves over the picture. Clicked in both pictures it goes
in a line from the one to the other in between; clicked in the last one alone it is right for the last frames only.
"""
import numpy as np

from .collection import SIDE
from .messages import RoadPrediction
from .overlay import draw
from .panel_clicks import ClickablePicture, with_target
from .panel_parts import jpeg

WIDTH = 280  # px on the page
NOW_S = 0.3  # s before the last frame, in which its target is not yet another one
FIRST, LAST = 0, 1
WORDS = ("<b>one second ago</b>: where should it have gone?", "<b>now</b>: where should it go?")


class FrozenSecond:
    """`box` is to be shown. changed: callable() after each click; way: how clicks are heard, see `panel_clicks`."""

    def __init__(self, changed, way=None):
        import ipywidgets as widgets

        self.frames = []  # of `Frame`, oldest first; empty: nothing is frozen
        self._changed = changed
        self._said = [None, None]  # what the network answered, RoadPrediction
        self._targets = [None, None]  # px of the 224 picture, None: not clicked yet
        self.clicks = [ClickablePicture(lambda x, y, place=place: self._clicked(place, x, y), WIDTH, way, None,
                                        ("one second ago", "now")[place]) for place in (FIRST, LAST)]
        self.box = widgets.HBox([widgets.VBox([widgets.HTML(words), click.box], layout={"margin": "0 12px 0 0"})
                                 for words, click in zip(WORDS, self.clicks)], layout={"flex_flow": "row wrap"})
        self.hide()

    @property
    def how(self):
        """What is to be done with a picture."""
        return "point with the sliders" if self.clicks[LAST].way == "sliders" else "click"

    def show(self, frames, predict):
        """Freeze these frames, list of `Frame`; predict: callable(Frame) -> RoadPrediction, is drawn at first."""
        self.frames = []  # while the sliders are set nothing is clicked
        self._said = [predict(frame) for frame in (frames[0], frames[-1])]
        for click, said in zip(self.clicks, self._said):  # a little correction is the common one
            click.point_at(*(min(SIDE - 1, int(round((v + 1) * SIDE / 2))) for v in (said.x, said.y)))
        self._targets = [None, None]
        self.frames = list(frames)
        self.box.layout.display = None
        self._draw()

    def hide(self):
        """Forget them."""
        self.frames = []
        self.box.layout.display = "none"

    def labelled(self):
        """-> [(Frame, (x, y) px), ...] of the frames whose target is known, for `Collection.save`; [] before a click in
        the last picture."""
        first, last = self._targets
        if not self.frames or last is None:
            return []
        if first is None:
            return [(frame, last) for frame in self.frames if self.frames[-1].stamp - frame.stamp <= NOW_S]
        return list(zip(self.frames, between(first, last, [frame.stamp for frame in self.frames])))

    def _clicked(self, place, x, y):
        if self.frames:
            self._targets[place] = (x, y)
            self._draw()
            self._changed()

    def _draw(self):
        for click, said, target, frame in zip(self.clicks, self._said, self._targets,
                                              (self.frames[0], self.frames[-1])):
            if target is None:
                image = draw(frame.image, [RoadPrediction(said.x, said.y, frame.stamp)])
            else:
                scale = frame.image.shape[1] / SIDE, frame.image.shape[0] / SIDE
                image = with_target(frame.image, target[0] * scale[0], target[1] * scale[1])
            click.picture.value = jpeg(image)


def between(first, last, stamps):
    """Targets on a line from first to last, (x, y) each, at the stamps, s -> list of (x, y)."""
    stamps = np.array(stamps, dtype=float)
    share = (stamps - stamps[0]) / max(stamps[-1] - stamps[0], 1e-9)
    if len(stamps) == 1:
        share = np.ones(1)
    first, last = np.array(first, dtype=float), np.array(last, dtype=float)
    return [tuple(first + part * (last - first)) for part in share]


def labels_of(label, frames):
    """The label of each frame: one for all, or for the road on a line from the first target to the last, in time."""
    if isinstance(label, str) or not isinstance(label[0], (tuple, list)):
        return [label] * len(frames)
    return between(*label, stamps=[frame.stamp for frame in frames])
