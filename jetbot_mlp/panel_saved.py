"""The half of the collection panel that shows what is saved: browse, relabel, leave out, take back.

`SavedFrames` knows the folder and its own widgets, and nothing of cameras and robots; `changed` tells whoever counts
and compares that the folder is another one than before.
"""
import threading
import time

import numpy as np

from .capture_time import uuid1_time_s
from .collection import SIDE
from .errors import JetbotMLPError
from .messages import CLASSES
from .panel_clicks import ClickablePicture, with_target
from .panel_parts import button, escaped, heading, jpeg, picture, tight

WIDTH = 280  # px on the page
NOTHING = np.full((SIDE, SIDE, 3), 230, np.uint8)  # what is shown before anything is saved


class SavedFrames:
    """`box` is to be shown; for the collection panel and tests.

    frames: `Collection`; said: `StatusLine`; changed: callable(name or None) after each change by a button, with the
    frame that is shown now. way: how clicks are heard, see `panel_clicks`. `acting` is held while something changes.
    """

    def __init__(self, frames, said, changed, way=None):
        import ipywidgets as widgets

        self.frames, self.said, self._changed = frames, said, changed
        self.acting = threading.RLock()
        self.at = None  # name of the frame that is shown
        road = frames.task == "road"
        self.clicks = ClickablePicture(self._moved, WIDTH, way, "move its target here", "saved frame") if road else None
        self.picture = self.clicks.picture if road else picture(side=WIDTH, alt="saved frame")
        self.about = widgets.HTML()
        self.older = button("\u25c0 older", lambda: self._browse(-1))
        self.newer = button("newer \u25b6", lambda: self._browse(1))
        self.relabel = button("", self._relabel, "", "the picture stays, its label changes")
        self.leave_out = button("", self._leave_out, "", "it stays on the disk, and is not trained with")
        self.undo = button("undo (u)", self.take_back, "", "take the last action back")
        self.box = widgets.HBox([
            self.clicks.box if road else self.picture,
            widgets.VBox([heading("saved"), self.about, widgets.HBox([self.older, self.newer]),
                          *([] if road else [self.relabel]), self.leave_out, self.undo],
                         layout={"width": "230px", "margin": "0 0 0 12px"})], layout={"flex": "0 0 auto"})
        self.show(self.newest())

    def newest(self):
        """Name of the frame taken last, or None."""
        names = self.frames.names()
        return names[-1] if names else None

    def act(self, change):
        """change(), or None after its error was shown."""
        try:
            return change()
        except JetbotMLPError as error:
            self.said.trouble(error)
            return None

    def show(self, name, image=None):
        """A saved frame with its label, or None: nothing; image: when it is known already."""
        self.at = name
        if name is not None and image is None:
            image = self.act(lambda: self.frames.read(name))
        blank = name is None or image is None
        if blank:
            image = NOTHING
        elif self.clicks is not None:
            x, y = self.frames.label_of(name)
            self.clicks.point_at(min(x, SIDE - 1), min(y, SIDE - 1))
            image = with_target(image, x, y)
        self.picture.value = jpeg(image)
        self._describe(name, name in self.frames.excluded())
        for made in (self.older, self.newer, self.relabel, self.leave_out):
            made.disabled = name is None
        self.undo.disabled = not self.frames.n_undo

    def take_back(self):
        """Undo the last action."""
        with self.acting:
            before = set(self.frames.names())
            words = self.act(lambda: self.frames.undo() or "there is nothing to take back")
            if words is not None:
                names = self.frames.names()
                back = [name for name in names if name not in before]  # it has its old name again
                self._after(back[0] if back else self.at if self.at in names else self.newest(), words)

    def _moved(self, x, y):
        self._label_again((x, y))

    def _relabel(self):
        with self.acting:
            if self.at is not None:
                blocked, free = CLASSES["collision"]
                self._label_again(free if self.frames.label_of(self.at) == blocked else blocked)

    def _label_again(self, label):
        with self.acting:
            old = self.at
            if old is None:
                self.said.say("nothing is saved yet: click on the live picture first")
                return
            new = self.act(lambda: self.frames.relabel(old, label))
            if new is not None:
                self._after(new, f"its label is {in_words(label)} now")

    def _leave_out(self):
        with self.acting:
            name = self.at
            if name is None:
                return
            out = name not in self.frames.excluded()
            if self.act(lambda: self.frames.exclude(name, out) or True):
                self._after(name, "left out: the file stays, and training passes it over" if out else "taken in again")

    def _browse(self, step):
        with self.acting:
            names = self.frames.names()
            at = names.index(self.at) + step if self.at in names else len(names) - 1
            self.show(names[min(max(at, 0), len(names) - 1)] if names else None)

    def _after(self, name, words):
        self.show(name)
        self.said.say(words, "good")
        self._changed(name)

    def _describe(self, name, out):
        if name is None:
            self.about.value = "nothing saved yet"
            self.relabel.description, self.leave_out.description = "it is ...", "leave it out"
            return
        label = self.frames.label_of(name)
        names = self.frames.names()
        taken = uuid1_time_s(name)
        when = f", taken {time.strftime('%H:%M:%S', time.localtime(taken))}" if taken else ""
        number = names.index(name) + 1 if name in names else len(names)
        words = f"<b>{escaped(in_words(label))}</b>, {number} of {len(names)}{when}"
        self.about.value = tight(words + (", <b>left out</b>" if out else ""))
        if self.clicks is None:
            self.relabel.description = f"it is {'free' if label == 'blocked' else 'blocked'}"
        self.leave_out.description = "take it in again" if out else "leave it out"


def in_words(label):
    """'blocked', 'free' or (x, y) for people."""
    return label if isinstance(label, str) else f"target {label[0]}, {label[1]}"
