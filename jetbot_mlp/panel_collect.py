"""The panel that collects frames: look, drive, press blocked or free, or click where the road goes.

    display(collection_panel("collision", camera, "dataset", robot))

What is saved is the picture that the page showed when it was pressed. The live picture has a thread of its own and is
dropped while the browser is behind; nothing here hangs on the camera's thread or slows a driver. What is saved already
is the matter of `panel_saved`.
"""
import base64
import os
import threading
import time
from collections import deque

from .collection import SIDE as FRAME_SIDE
from .collection import Collection, balance
from .errors import JetbotMLPError
from .frame_files import shown
from .frame_quality import BLURRED, FrozenWatch, TwinWatch, blur, why_not_to_save
from .heartbeat import BrowserHeartbeat
from .messages import CLASSES
from .panel_clicks import ClickablePicture, dom_events, with_target
from .panel_hand import DrivePad
from .panel_parts import BORDER, Preview, Repeater, StatusLine, button, escaped, heading, picture
from .panel_saved import SavedFrames, in_words

SIDE = 336  # px
STATUS_EVERY_S = 0.3
COMPARED = 300  # frames of the folder, the newest, that new ones are compared with
ON_THE_WAY = 8  # pictures sent last that may be what the page shows
DOWNLOAD_BYTES = 16 * 2 ** 20  # a larger zip is not sent through the page
KEYS = {"collision": {"b": "blocked", "f": "free"}, "road": {}}
STYLES = {"blocked": "warning", "free": "success"}  # red is STOP alone


class CollectionPanel:
    """The panel's parts by name, for `collection_panel` and tests.

    task: 'collision' or 'road'; camera: with value; folder: path; robot: with set_motors and stop, or None: no drive
    buttons. heartbeat: True: driving needs the browser to be there; None: nobody needs to look. guard: as for
    `MotorGate`. way: how clicks are heard, see `panel_clicks`. preview_hz: pictures a second at most.
    """

    opened = None  # the one that is open: a cell that is run twice leaves no threads behind

    def __init__(self, task, camera, folder, robot=None, heartbeat=True, guard=None, way=None, preview_hz=15.0):
        self.frames = Collection(folder, task)
        if CollectionPanel.opened is not None:
            CollectionPanel.opened.close()
        self.task, self.camera, self.robot = task, camera, robot
        self.heartbeat = BrowserHeartbeat() if heartbeat is True and robot is not None else heartbeat or None
        self.still, self.twins = FrozenWatch(time.monotonic), TwinWatch()
        self._sent = deque(maxlen=ON_THE_WAY)  # of (number of the picture, frame)
        self._compared = False  # the folder's frames are among the twins
        self._busy = threading.Thread()  # zips or restarts the camera; never started: none
        self._make_widgets(way, guard)
        self.preview = Preview(self._live_picture, preview_hz, self.said.trouble)
        self.box = self._laid_out()
        self.keys = [dom_events(source, ["keydown", "keyup", "mouseenter", "mouseleave"], self._on_event)
                     for source in self.reach]
        self._count()
        self.preview.start()
        self.ticker = Repeater(self._look, STATUS_EVERY_S, "collection", self.said.trouble).start()
        CollectionPanel.opened = self

    def close(self):
        """Ends its threads; the wheels stand, and the widgets are gone."""
        self.preview.close()
        self.ticker.close()
        if self.pad is not None:
            self.pad.close()
        if hasattr(self.heartbeat, "close"):
            self.heartbeat.close()
        for keys in self.keys:
            if keys is not None:
                keys.close()
        self.box.close()  # what can be seen must answer
        if CollectionPanel.opened is self:
            CollectionPanel.opened = None

    # --- widgets ---------------------------------------------------------------------------------------------

    def _make_widgets(self, way, guard):
        import ipywidgets as widgets

        self.said, self.quality, self.counted = StatusLine(), StatusLine(), StatusLine()
        self.labels = {}
        self.saved = SavedFrames(self.frames, self.said, self._changed, way)
        self.live = None
        if self.task == "road":
            self.live = ClickablePicture(lambda x, y: self.save((x, y)), SIDE, way, "save with this target", "camera")
        self.picture = picture(side=SIDE, alt="camera") if self.live is None else self.live.picture
        if self.task == "collision":
            for label in CLASSES["collision"]:
                made = button(f"{label} ({label[0]})", lambda label=label: self.save(label), STYLES[label],
                              f"save this picture as {label}; or the key {label[0]}", "49%")
                made.layout.height = "52px"
                self.labels[label] = made
        self.make_zip = button("zip for download", lambda: self._in_background(self._zip), "primary")
        self.link = widgets.HTML()
        self.restart = button("restart the camera", lambda: self._in_background(self._restart))
        self.elsewhere = button("carry the robot elsewhere", self._carry, "", "of the simulator: someone takes it")
        self.pad = None if self.robot is None else DrivePad(self.robot, self.heartbeat, guard)

    def _laid_out(self):
        import ipywidgets as widgets

        found = "no robot: no drive buttons" if self.robot is None else getattr(self.robot, "description", "a robot")
        eye = getattr(self.camera, "description", "a camera")
        eyes = [self.picture if self.live is None else self.live.box, self.quality.widget]
        if self.labels:
            eyes.insert(1, widgets.HBox(list(self.labels.values()), layout={"justify_content": "space-between"}))
        # where keys are heard; nothing to type in may lie there
        self.reach = [widgets.VBox(eyes, layout={"width": f"{SIDE + 12}px"})]
        columns = self.reach + [self.saved.box]
        if self.pad is not None:
            self.reach.append(self.pad.pad)
            places = [self.elsewhere] if hasattr(self.robot, "carry_elsewhere") else []
            columns.insert(1, widgets.VBox([heading("drive"), self.pad.pad, self.pad.more] + places,
                                           layout={"width": "284px", "margin": "0 0 0 8px", "flex": "0 0 auto"}))
        how = "" if self.live is None else "; " + self.live.how
        hidden = [self.preview.widget] + ([self.heartbeat.widget] if hasattr(self.heartbeat, "widget") else [])
        return widgets.VBox([
            widgets.HTML(f"<div style='opacity:0.75;line-height:1.4'>{escaped(found)}; {escaped(eye)}; "
                         f"folder {escaped(shown(self.frames.folder))}{escaped(how)}</div>"),
            self.counted.widget, self.said.widget, widgets.HBox(columns, layout={"flex_flow": "row wrap"}),
            widgets.HBox([self.make_zip, self.restart, self.link], layout={"align_items": "center"}), *hidden],
            layout={"border": BORDER, "padding": "8px"})

    # --- what is pressed -------------------------------------------------------------------------------------

    def save(self, label):
        """Saves the picture that the page shows as 'blocked', 'free' or with the target (x, y) px, if that makes
        sense."""
        with self.saved.acting:
            image = self._shown()
            trouble = self._trouble(image)
            if trouble:
                self.said.trouble(f"not saved: {trouble}")
                return
            warnings = self._warnings(image)
            if self.saved.act(lambda: self.frames.save(image, label)) is None:
                return
            name = self.saved.newest()
            self.twins.add(name, image)
            self.saved.show(name, image)
            self.said.say(f"saved: {in_words(label)}{''.join('; ' + text for text in warnings)}",
                          "warning" if warnings else "good")
            self._count()

    def _changed(self, name):
        """Another folder than before: twins and counts follow."""
        names = set(self.frames.names())
        for gone in [each for each in self.twins.names if each not in names]:
            self.twins.discard(gone)
        if name is not None and name not in self.twins.names:
            image = self.saved.act(lambda: self.frames.read(name))
            if image is not None:
                self.twins.add(name, image)
        self._count()

    def _in_background(self, work):
        """Presses of STOP must be heard meanwhile."""
        if not self._busy.is_alive():
            self._busy = threading.Thread(target=self.saved.act, args=(work,), name="collection-work", daemon=True)
            self._busy.start()

    def _zip(self):
        self.said.say("packing ...")
        path = self.frames.zip()
        size, name = os.path.getsize(path), os.path.basename(path)
        n_out = len(self.frames.excluded())
        without = f", without the {n_out} left out" if n_out else ""
        self.link.value = f"<span>{escaped(shown(path))}: right-click, Download in the file browser</span>"
        if size <= DOWNLOAD_BYTES:
            with open(path, "rb") as stream:
                data = base64.b64encode(stream.read()).decode("ascii")
            self.link.value = (f"<a download='{escaped(name)}' style='text-decoration:underline' "
                               f"href='data:application/zip;base64,{data}'>download {escaped(name)}</a>")
        self.said.say(f"packed: {shown(name)}, {size / 1e6:.2f} MB{without}", "good")

    def _restart(self):
        self.said.say("restarting the camera ...")
        self.camera.stop()
        self.camera.start()
        self.said.say("the camera runs", "good")

    def _carry(self):
        if self.pad is not None:
            self.pad.hand.stop("the robot was carried elsewhere")
        self.saved.act(self.robot.carry_elsewhere)

    def _on_event(self, event):
        mine = self.pad is not None and self.pad.on_key(event)
        if mine or event["type"] != "keydown" or event.get("repeat") or event.get("ctrlKey") or event.get("metaKey"):
            return
        key = str(event.get("key", "")).lower()
        if key in KEYS[self.task]:
            self.save(KEYS[self.task][key])
        elif key == "u":
            self.saved.take_back()

    # --- what is shown ---------------------------------------------------------------------------------------

    def _live_picture(self):
        image = self.camera.value
        self.still.look(image)
        if why_not_to_save(image).startswith("no picture"):
            return None
        self._sent.append((self.preview.sent + 1, image))
        marker = None if self.live is None else self.live.marker
        if marker is not None:
            scale = image.shape[1] / FRAME_SIDE, image.shape[0] / FRAME_SIDE
            image = with_target(image, marker[0] * scale[0], marker[1] * scale[1])
        return {self.picture: image}

    def _shown(self):
        """The frame that the page shows: the one whose arrival it told last. Else the camera's newest."""
        for number, image in reversed(list(self._sent)):
            if number <= self.preview.answered:
                return image
        return self.camera.value

    def _trouble(self, image):
        self.still.look(self.camera.value)
        return why_not_to_save(image, self.still.still_s)

    def _warnings(self, image):
        found = []
        if blur(image) > BLURRED:
            found.append("blurred: hold the robot still")
        twin = self.twins.twin_of(image)
        if twin is not None:
            label = self.frames.label_of(twin)
            found.append(f"nearly the same as one that is saved ({in_words(label)}): move the robot first")
        return found

    def _look(self):
        """Now and then: what is wrong with the newest picture?"""
        if self.preview.widget.comm is None:  # the panel was closed
            self.close()
            return
        if not self._compared:
            self._compare_with_folder()
        image = self.camera.value
        trouble = self._trouble(image)
        warnings = [] if trouble else self._warnings(image)
        self.quality.say(trouble or "; ".join(warnings) or "sharp and new",
                         "trouble" if trouble else "warning" if warnings else "plain")
        for made in list(self.labels.values()) + ([] if self.live is None else [self.live.press]):
            if made.disabled != bool(trouble):
                made.disabled = bool(trouble)

    def _compare_with_folder(self):
        self._compared = True
        for name in self.frames.names()[-COMPARED:]:
            try:
                image = self.frames.read(name)
            except JetbotMLPError:  # damaged: training says so
                continue
            with self.saved.acting:
                if name not in self.twins.names:
                    self.twins.add(name, image)

    def _count(self):
        words, fine = balance(self.frames.counts())
        n_out = len(self.frames.excluded())
        self.counted.say(words + (f" ({n_out} left out)" if n_out else ""), "plain" if fine else "warning")


def collection_panel(task, camera, folder, robot=None):
    """The widget to display: collects frames of 'collision' or 'road' in folder, in the official format.

    camera, robot: of `open_found`; robot None: without drive buttons. Raises DatasetError for an unfit folder.
    """
    return CollectionPanel(task, camera, folder, robot).box
