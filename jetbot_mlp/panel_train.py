"""The panel that trains: folders, start and cancel, live curves, the score in words, the worst frames, save.

    panel = training_panel("collision", "dataset", out="collision.npz")
    panel                         # shows it
    panel.start(wait=True)        # or the button; wait: until it is done, for notebooks that run by themselves
    panel.save()

The training runs in a thread; what it says goes to the widgets a few times a second. Cancel ends it at the next epoch,
and as nothing is written before `save`, nothing half-written can be left. Works in the robot's Jupyter too, with the
quick recipe: see `QUICK_WORDS`.
"""
import os
import platform
import threading
import time

from .blas_threads import one_blas_thread
from .dataset import load_dataset
from .errors import JetbotMLPError
from .exclusion import names_left_out
from .frame_files import shown
from .model_versions import save_keeping
from .panel_parts import StatusLine, button, escaped, heading, jpeg, picture, tight
from .report_scores import scores_html
from .train_frames import QUICK, RECIPES, train_frames
from .training_pictures import HELD_OUT, LEARNT, curves_picture, worst_pictures

BEST, SHORT = "best: eight trainings, an average of three networks", "quick: two short trainings, for the robot"
# 300 frames, 240 of them learnt, Python 3.6 and NumPy 1.19 on one core of a laptop: best 23 s (collision) and 41 s
# (road), quick 4 s and 8 s, all below 125 MB. A Nano's core is taken to be 6 to 8 times slower, which was not measured.
QUICK_WORDS = ("A Jetson Nano needs some 3 to 5 minutes for the best recipe on 300 frames, and about one for the quick "
               "one, whose score is one or two points lower (estimated, not measured on a Nano).")
REDRAW_S = 0.3  # s between pictures of the curves: drawing and sending must not slow the training
WORST = 8  # frames
SIDE = 168  # px of each
CURVES = 372  # px, width of each of the two pictures: they stand side by side in a notebook on a laptop
STYLE = """<style>.jetbot-scores { line-height: 1.5; } .jetbot-scores small { display: block; }
.jetbot-scores th, .jetbot-scores td { text-align: left; padding: 2px 16px 2px 4px; }</style>"""  # of `report_scores`
FOLDER_SIGNS = ";"  # between several folders


class Cancelled(Exception):
    """Raised within the training when Cancel was pressed."""


def folders_of(text):
    """What stands in the field of the folders -> list of str."""
    return [part.strip() for part in text.split(FOLDER_SIGNS) if part.strip()]


def done_or_told(panel, work, cancelled):
    """-> what work() gives; or None when it was cancelled or failed: panel.said tells that, panel.error keeps it.

    cancelled: the words for the former. For threads, in which an error would end without a word.
    """
    try:
        return work()
    except Cancelled:
        panel.said.say(cancelled)
    except JetbotMLPError as error:
        panel.error = error
        panel.said.trouble(error)
    except Exception as error:  # a thread that dies without a word helps nobody
        panel.error = error
        panel.said.trouble(f"the training ended: {type(error).__name__}: {error}")
    return None


class TrainingPanel:
    """The panel's parts by name, for `training_panel` and tests.

    task: 'collision' or 'road'; folder: a path, or several; out: path of the model file; quick: True, False or None:
    on the robot's kind of processor; exclude: list of frames to leave out, see `load_dataset`, or None: the folder's
    own exclude.txt when there is one; recipe: another than those two, for tests.
    """

    opened = None  # the one made last: a cell that is run again ends the training of the first time

    def __init__(self, task, folder="dataset", out=None, quick=None, random_state=0, exclude=None, recipe=None):
        import ipywidgets as widgets

        if task not in RECIPES:
            raise ValueError(f"task: expected {' or '.join(RECIPES)}, found {task!r}")
        if TrainingPanel.opened is not None:
            TrainingPanel.opened.cancel()
        TrainingPanel.opened = self
        self.task, self.random_state, self.exclude, self.recipe = task, random_state, exclude, recipe
        self.trained = self.dataset = None  # of the last training that was completed
        self.error = None  # of the last one, if it failed
        self.worker = threading.Thread()  # never started: none
        self._cancel = threading.Event()
        self._drawn_at = 0.0
        folders = [folder] if isinstance(folder, (str, os.PathLike)) else folder
        quick = platform.machine() == "aarch64" if quick is None else quick
        wide = {"layout": widgets.Layout(width="98%"), "style": {"description_width": "70px"}}
        self.folder = widgets.Text(value=f"{FOLDER_SIGNS} ".join(map(str, folders)), description="frames", **wide)
        self.how = widgets.Dropdown(options=[BEST, SHORT], value=SHORT if quick else BEST, description="recipe", **wide)
        self.out = widgets.Text(value=os.fspath(out or f"{task}.npz"), description="model", **wide)
        self.begin = button("start", self.start, "primary", "learn from the frames in the folder")
        self.end = button("cancel", self.cancel, "", "end the training; nothing is written")
        self.keep = button("save", self.save, "success", "write the model file; one that lies there is kept, too")
        self.bar = widgets.FloatProgress(min=0.0, max=1.0, layout=widgets.Layout(width="40%"))
        self.said = StatusLine(f"press start. {QUICK_WORDS if quick else ''}")
        self.loss, self.score = picture(side=CURVES, alt="loss"), picture(side=CURVES, alt="score")
        self.scores, self.worst = widgets.HTML(), widgets.Box(layout=widgets.Layout(flex_flow="row wrap"))
        self.curves = widgets.HBox([self.loss, self.score], layout=widgets.Layout(flex_flow="row wrap"))
        self.curves.layout.display = "none"
        self.end.disabled = self.keep.disabled = True
        self.box = widgets.VBox([
            self.folder, self.how, self.out, widgets.HBox([self.begin, self.end, self.bar, self.keep]),
            self.said.widget, self.curves, self.scores, self.worst])

    # --- buttons -------------------------------------------------------------------------------------------------

    def start(self, wait=False):
        """Begin to train, in a thread. wait: until it has ended; what went wrong is raised then, and an
        interrupt of the notebook cancels."""
        if not self.worker.is_alive():
            self._cancel.clear()
            self.error = None
            self.begin.disabled, self.keep.disabled, self.end.disabled = True, True, False
            self.scores.value, self.worst.children, self.bar.value = "", (), 0.0
            self.worker = threading.Thread(target=self._run, name="training", daemon=True)
            self.worker.start()
        if wait:
            try:
                self.worker.join()
            except KeyboardInterrupt:  # a busy notebook cannot hear the cancel button, but its own interrupt
                self.cancel()
                self.worker.join()
            if self.error is not None:
                raise self.error

    def cancel(self):
        """End the training at the next epoch; what was learnt before stays."""
        self._cancel.set()
        if self.worker.is_alive():
            self.said.say("cancelling ...")

    def save(self):
        """Write the model file, whole or not at all. -> the name under which an older one is kept, or None."""
        if self.trained is None:
            self.said.trouble("nothing to save yet: train first")
            return None
        path = self.out.value.strip()
        try:
            kept = save_keeping(path, self.trained.model, self.dataset.images[0])
        except (JetbotMLPError, OSError) as error:
            self.said.trouble(f"not saved: {error}")
            return None
        size = os.path.getsize(path) / 1000
        older = f"; the one before is kept as {shown(kept)}" if kept else ""
        self.said.say(f"saved: {shown(path)}, {size:.0f} kB{older}", "good")
        return kept

    # --- the training --------------------------------------------------------------------------------------------

    def _run(self):
        started = time.monotonic()
        one_blas_thread()  # from here on beside the notebook's thread, in which `!ls` forks
        before = ", the model before is still there" if self.trained is not None else ""
        try:
            done = done_or_told(self, self._learn, "cancelled; nothing was written" + before)
            if done is not None:
                self.trained, self.dataset = done
                self._show_result(time.monotonic() - started)
        finally:
            self.begin.disabled, self.end.disabled, self.keep.disabled = False, True, self.trained is None

    def _learn(self):
        """-> (Trained, Dataset)."""
        self.said.say("reading the frames ...")
        folders = folders_of(self.folder.value)
        left_out = names_left_out(folders) if self.exclude is None else self.exclude
        dataset = load_dataset(self.task, folders, progress=self._reading, exclude=left_out)
        recipe = self.recipe or (QUICK if self.how.value == SHORT else RECIPES)[self.task]
        return train_frames(dataset, recipe, random_state=self.random_state, watch=self._watch), dataset

    def _reading(self, frames, total=None, desc=""):
        for number, frame in enumerate(frames):
            if self._cancel.is_set():
                raise Cancelled
            if number % 25 == 0:
                self.said.say(f"reading {desc}: {number} of {total} frames")
            yield frame

    def _watch(self, learning):
        if self._cancel.is_set():
            raise Cancelled
        now = time.monotonic()
        if now - self._drawn_at < REDRAW_S and learning.share < 1.0:
            return
        self._drawn_at = now
        self.bar.value = learning.share
        self.said.say(f"{learning.title}: {100 * learning.share:.0f} % of all done")
        if learning.history.validation_loss or not self.loss.value:  # those that learn from all have no such curve
            self._draw(learning.history)

    def _draw(self, history):
        name, unit, scale = ("off sideways", " px", 1.0) if self.task == "road" else ("right", " %", 100.0)
        score = [scale * value for value in history.validation_score]
        self.curves.layout.display = None
        self.loss.value = jpeg(curves_picture("loss", [("training", history.train_loss, LEARNT),
                                                       ("held out", history.validation_loss, HELD_OUT)]), 92)
        self.score.value = jpeg(curves_picture("score", [(f"{name}, held out", score, HELD_OUT)], unit=unit), 92)

    def _show_result(self, seconds):
        import ipywidgets as widgets

        trained = self.trained
        self._draw(trained.history)
        self.bar.value = 1.0
        learnt = trained.model.training["trained_on"]
        self.said.say(f"done in {seconds:.0f} s: {learnt} frames learnt, {len(self.dataset) - learnt} held out or "
                      f"between; not saved yet", "good")
        notes = "".join(f"<li>{escaped(note)}</li>" for note in trained.notes)
        about = f"<details><summary>what was read and held out</summary><ul>{notes}</ul></details>"
        title = "<b style='font-size:110%'>On the held-out frames, which the network has never seen</b>"
        self.scores.value = f"{STYLE}<div class='jetbot-scores'>{title}{scores_html(trained.evaluation)}{about}</div>"
        legend = "Worst first. Is the label right? " + (
            "The ring is the label, the dot the answer." if self.task == "road" else "The bar is P(blocked).")
        cards = [widgets.VBox([picture(image, SIDE, words), widgets.HTML(tight(words))],
                              layout=widgets.Layout(width=f"{SIDE + 26}px", margin="0 0 6px 0"))
                 for image, words in worst_pictures(trained.evaluation, WORST)]
        self.worst.children = tuple([widgets.VBox([heading("The worst held-out frames"), widgets.HTML(legend)],
                                                  layout=widgets.Layout(width="100%"))] + cards)


def training_panel(task, folder="dataset", **keywords):
    """The widget to display, with start(wait=False), cancel() and save(); see `TrainingPanel` for the keywords."""
    panel = TrainingPanel(task, folder, **keywords)
    panel.box.start, panel.box.cancel, panel.box.save, panel.box.panel = panel.start, panel.cancel, panel.save, panel
    return panel.box
