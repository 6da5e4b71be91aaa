"""What to press when the robot was wrong: keeps the last second with the right label, retrains, compares.

    predictor = Predictor(load_model("collision.npz"))            # one for both: what is kept is what drives
    panel = corrections_panel(camera, predictor, old_folders="dataset")
    live_panel(predictor, robot, camera, extra=[panel])           # below the live panel, or alone

The frames go into a folder of their own in the official format (`collection`), so that old and new can be told apart
and `train` reads both. For the road a press freezes the last second, and the targets are clicked: `panel_second`.
"""
import os
import threading

from .collection import Collection
from .comparison import comparison_html
from .errors import DatasetError, JetbotMLPError
from .exclusion import names_left_out
from .frame_files import shown
from .gate import wheels_driven
from .inference import Predictor
from .model_file import Model, load_model
from .model_versions import go_back, save_keeping, set_aside
from .panel_parts import StatusLine, button, heading
from .panel_second import FrozenSecond, labels_of
from .panel_train import FOLDER_SIGNS, Cancelled, done_or_told, folders_of
from .recent_frames import RecentFrames
from .retrain import WAYS, retrain

OLD_FOLDERS = {"collision": ("dataset", "simulated_dataset"),  # where the notebooks write: the first that is there
               "road": ("dataset_xy", "simulated_dataset_xy")}
TITLES = {"collision": "collision avoidance", "road": "road following"}
NO_FRAME = "no new frame has come: is the camera running?"


class CorrectionsPanel:
    """The panel's parts by name for one model, for `corrections_panel` and tests.

    recent: `RecentFrames` that somebody feeds; model: `Model`, the path of a file, or a `Predictor`, which gets the
    new model when it is kept: the wheels must stand for that, a dry run ends; folder: of the corrected frames;
    old_folders: what the model was trained on, a path or several; out: where a kept model goes;
    on_model: callable(Model), when another one holds from now on; way: see `retrain`; click_way: how clicks are heard,
    see `panel_clicks`.
    """

    # of those that `corrections_panel` made last: a cell that is run twice leaves no observer and no training behind
    watching, opened = None, ()

    def __init__(self, recent, model, folder=None, old_folders=None, out=None, on_model=None, way="anew",
                 random_state=0, click_way=None):
        import ipywidgets as widgets

        self.predictor = model if isinstance(model, Predictor) else None
        model = model.model if isinstance(model, Predictor) else model
        self.model = model if isinstance(model, Model) else load_model(os.fspath(model))
        self.task, self.recent, self.on_model, self.random_state = self.model.task, recent, on_model, random_state
        self.out = os.fspath(out or f"{self.task}.npz")
        self.collection = Collection(folder or f"corrections_{self.task}", self.task)
        self.retrained = self.error = None
        self.before = self.kept = None  # the model that a kept one has replaced, and the name of its file
        self.presses = []  # how many frames each press has kept
        self.worker = threading.Thread()
        self._cancel = threading.Event()
        old_folders = old_folders or next(filter(os.path.exists, OLD_FOLDERS[self.task]), OLD_FOLDERS[self.task][0])
        old_folders = [old_folders] if isinstance(old_folders, (str, os.PathLike)) else old_folders
        self.said = StatusLine()
        self.undo = button("take it back", self._undo, "", "the frames of the last press are deleted again")
        self.old = widgets.Text(value=f"{FOLDER_SIGNS} ".join(map(str, old_folders)), description="old frames",
                                layout=widgets.Layout(width="320px"), style={"description_width": "initial"})
        self.way = widgets.Dropdown(options=WAYS, value=way, description="learn", layout={"width": "150px"},
                                    style={"description_width": "initial"})
        self.begin = button("retrain", self.start, "primary", "learn old and corrected frames, and compare")
        self.end = button("cancel", self.cancel, "", "the old model stays")
        self.bar = widgets.FloatProgress(min=0.0, max=1.0, layout=widgets.Layout(width="160px"))
        self.table = widgets.HTML()
        self.keep = button("keep the new model", self._keep, "success", "the old file is kept under another name")
        self.back = button("go back to the old model", self._go_back, "warning", "the new one is kept, too")
        self.end.disabled = self.keep.disabled = self.back.disabled = True
        presses = self._collision_presses() if self.task == "collision" else self._road_presses(click_way)
        self.box = widgets.VBox([
            heading(f"That was wrong ({TITLES[self.task]})"), *presses, self.said.widget,
            widgets.HBox([self.old, self.way, self.begin, self.end, self.bar],
                         layout=widgets.Layout(flex_flow="row wrap")),
            self.table, widgets.HBox([self.keep, self.back])])
        self._count()

    # --- keeping frames ------------------------------------------------------------------------------------------

    def _collision_presses(self):
        import ipywidgets as widgets

        self.should = {label: button(f"should have been {label.upper()}", lambda label=label: self.press(label), style,
                                     "keeps the last second with this label", "220px")
                       for label, style in (("blocked", "warning"), ("free", "success"))}
        return [widgets.HBox(list(self.should.values()) + [self.undo])]

    def _road_presses(self, click_way):
        import ipywidgets as widgets

        self.second = FrozenSecond(self._targeted, click_way)
        self.freeze = button("that was wrong: show the last second", self._freeze, "warning", "", "300px")
        self.accept = button("keep with these targets", lambda: self._take_in(self.second.labelled()), "success")
        self.accept.disabled = True
        return [widgets.HBox([self.freeze, self.accept, self.undo]), self.second.box]

    def _freeze(self):
        frames = self.recent.frames()
        if not frames:
            self.said.trouble(NO_FRAME)
            return
        try:
            self.second.show(frames, Predictor(self.model))
        except JetbotMLPError as error:
            self.said.trouble(error)
            return
        self.accept.disabled = True
        self.said.say(f"{len(frames)} frames: {self.second.how} where it should have gone, at least in the picture of "
                      "now; drawn is what the network said")

    def _targeted(self):
        count = len(self.second.labelled())
        self.accept.disabled = not count
        self.said.say(f"{count} of {len(self.second.frames)} frames have a target"
                      + ("" if count == len(self.second.frames) else "; the others need both pictures") if count else
                      f"now {self.second.how} in the picture of now")

    def press(self, label):
        """Keep the last second. label: 'blocked' or 'free', or for the road [(x, y) then, (x, y) now] in px, or one
        (x, y) for all. -> how many frames were kept."""
        frames = self.recent.frames()
        return self._take_in(list(zip(frames, labels_of(label, frames))) if frames else [])

    def _take_in(self, labelled):
        """labelled: [(Frame, label), ...] -> how many were kept."""
        if not labelled:
            self.said.trouble(NO_FRAME)
            return 0
        kept = 0
        try:
            for frame, label in labelled:
                self.collection.save(frame.image, label)
                kept += 1
        except JetbotMLPError as error:
            for _ in range(kept):  # all or none: else nobody knows what a press has left
                self.collection.undo()
            self.said.trouble(error)
            return 0
        self.recent.clear()  # the same frame is not kept twice
        self.presses.append(len(labelled))
        if self.task == "road":
            self.second.hide()
            self.accept.disabled = True
        self._count(f"{len(labelled)} frames kept; ")
        return len(labelled)

    def _undo(self):
        if not self._can_undo():
            return
        try:
            for _ in range(self.presses.pop()):
                self.collection.undo()
        except JetbotMLPError as error:
            self.said.trouble(error)
        else:
            self._count()

    def _count(self, before=""):
        counts = self.collection.counts()
        words = ", ".join(f"{count} {name}" for name, count in counts.items())
        self.said.say(f"{before}corrected so far: {words} ({shown(self.collection.folder)})",
                      "good" if before else "plain")
        self.begin.disabled = self.worker.is_alive() or not sum(counts.values())
        self.undo.disabled = not self._can_undo()

    def _can_undo(self):
        """The last press, whole: the collection remembers only so many frames."""
        return bool(self.presses) and self.presses[-1] <= self.collection.n_undo

    # --- learning ------------------------------------------------------------------------------------------------

    def start(self, wait=False):
        """Retrain in a thread. wait: until it has ended; what went wrong is raised then."""
        if not self.worker.is_alive():
            self._cancel.clear()
            self.error = self.retrained = None
            self.begin.disabled, self.end.disabled, self.keep.disabled = True, False, True
            self.table.value, self.bar.value = "", 0.0
            self.worker = threading.Thread(target=self._run, name="retraining", daemon=True)
            self.worker.start()
        if wait:
            self.worker.join()
            if self.error is not None:
                raise self.error

    def cancel(self):
        """End the training at the next epoch."""
        self._cancel.set()

    def _watch(self, learning):
        if self._cancel.is_set():
            raise Cancelled
        if learning.share - self.bar.value > 0.01 or learning.share >= 1.0:
            self.bar.value = learning.share

    def _run(self):
        try:
            self.retrained = done_or_told(self, self._learn, "cancelled; the old model stays")
            if self.retrained is not None:
                self.said.say(f"done in {self.retrained.trained.seconds:.0f} s: look at the table, then keep it or not",
                              "good")
                self.table.value = comparison_html(self.retrained)
        finally:
            self.begin.disabled, self.end.disabled, self.keep.disabled = False, True, self.retrained is None

    def _learn(self):
        """-> Retrained."""
        old_folders = folders_of(self.old.value)
        for folder in old_folders:
            if not os.path.exists(folder):
                raise DatasetError(f"old frames: expected those that the model has learnt, found nothing at "
                                   f"{shown(folder)}; collect some (data_collection.ipynb), or run "
                                   "train_model.ipynb, which makes simulated ones, and name their folder here")
        self.said.say("learning old and corrected frames ...")
        return retrain(self.model, old_folders, [self.collection.folder], self.way.value, self.random_state,
                       watch=self._watch, exclude=names_left_out(old_folders))

    def _keep(self):
        if self.retrained is None or self._driven():
            return
        model = self.retrained.trained.model
        try:
            self.kept = save_keeping(self.out, model, self.retrained.golden_image)
        except (JetbotMLPError, OSError) as error:
            self.said.trouble(f"not saved: {error}")
            return
        self.before = self.model
        older = f"the old one is kept as {shown(self.kept)}" if self.kept else "the old one stays where it was"
        self._take(model, f"{shown(self.out)} is the new model; {older}")
        self.retrained, self.keep.disabled, self.back.disabled = None, True, False

    def _go_back(self):
        if self.before is None or self._driven():
            return
        try:
            newer = go_back(self.out, self.kept) if self.kept else set_aside(self.out)
        except (JetbotMLPError, OSError) as error:
            self.said.trouble(f"not changed: {error}")
            return
        model, self.before = self.before, None
        self._take(model, f"the old model holds again; the new one is kept as {shown(newer)}")
        self.back.disabled = True

    def _driven(self):
        """Whether the wheels turn, and says so: nobody has seen yet how the robot drives by the other model."""
        driven = wheels_driven()
        if driven:
            self.said.trouble("the wheels turn by the model of now: press STOP first, then this again")
        return driven

    def _take(self, model, words):
        self.model = model
        if self.predictor is not None:
            self.predictor.model = model
        if self.on_model is not None:
            self.on_model(model)
        self.said.say(words, "good")


def corrections_panel(camera, models, folder=None, **keywords):
    """The widget to display, alone or as `extra` of the live panel.

    camera: value, observe, unobserve; or a `RecentFrames` that somebody feeds; models: a `Model`, a `Predictor`, the
    path of a model file, or a sequence of them, one for each task; folder: of the corrected frames, or None:
    corrections_<task>; for several models None or a dict by task. keywords: see `CorrectionsPanel`, for all of them.
    The widget has `panels`, the `CorrectionsPanel` of each task, and `recent`, which `recent.unwatch()` ends.
    """
    import ipywidgets as widgets

    if CorrectionsPanel.watching is not None:
        CorrectionsPanel.watching.unwatch()
    for panel in CorrectionsPanel.opened:
        panel.cancel()
    recent = camera if isinstance(camera, RecentFrames) else RecentFrames().watch(camera)
    CorrectionsPanel.watching = None if recent is camera else recent
    single = isinstance(models, (str, os.PathLike, Model, Predictor))
    panels = {}
    for model in [models] if single else models:
        task_folder = folder
        if isinstance(folder, dict):
            model = model if isinstance(model, (Model, Predictor)) else load_model(os.fspath(model))
            task_folder = folder.get(model.task)
        panel = CorrectionsPanel(recent, model, task_folder, **keywords)
        panels[panel.task] = panel
    CorrectionsPanel.opened = tuple(panels.values())
    box = widgets.VBox([panel.box for panel in panels.values()])
    box.panels, box.recent = panels, recent
    return box
