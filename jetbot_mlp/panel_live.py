"""The panel that drives: the picture with the prediction on it, what the network sees, why it decided so, STOP.

    display(live_panel(["road.npz"], *open_found("road")))

It only shows and asks; what drives is `live_drive`. The pictures are drawn by a thread of their own from the frame
answered last, and dropped while the browser is behind; the drive loop never waits for any of it.
"""
import threading
import time

import cv2

from .control import DEFAULT_LIMITS, DEFAULT_SETTINGS
from .errors import JetbotMLPError
from .explanation import MEANING, draw_heat, draw_input, explain
from .heartbeat import BrowserHeartbeat
from .inference import Predictor
from .live_drive import ARMED, DRY, STOPPED, LiveDrive
from .messages import Frame, no_picture
from .model_file import Model, load_model
from .overlay import draw
from .panel_numbers import numbers_in_words, stop_in_words
from .panel_parts import Preview, Repeater, StatusLine, button, escaped, heading, picture, stop_button, tight
from .sim_view import draw_from_above

SIDE, SMALL_SIDE = 336, 224  # px
STATUS_EVERY_S = 0.25
READ_S = 10.0  # s
PATH = 900  # frames of the driven way that are drawn
WORDS = {STOPPED: "stopped: the wheels stand", DRY: "dry run: it answers, the wheels stand",
         ARMED: "driving: the wheels turn"}
# of each slider: (its name as in the course's notebooks, lowest, highest, step, what it does)
ROAD_SLIDERS = {
    "speed": ("speed gain", 0.0, 1.0, 0.01, "share of full speed"),
    "kp": ("steering gain", 0.0, 1.0, 0.01, "how hard it steers towards the target point; lower it when it wobbles"),
    "kd": ("steering kd", 0.0, 0.5, 0.001, "per second; raise it when it wobbles and the gain is low already"),
    "bias": ("steering bias", -0.3, 0.3, 0.01, "for a robot that pulls to one side; + steers to the right"),
}
COLLISION_SLIDERS = {
    "speed": ("speed", 0.0, 1.0, 0.01, "forward, share of full speed"),
    "turn_speed": ("turn speed", 0.0, 1.0, 0.01, "of the wheels while it turns left on the spot"),
    "threshold": ("blocked from", 0.05, 0.95, 0.01, "blocked is what has at least this probability"),
}
WITH_ROAD = ("turn_speed", "threshold")  # the collision sliders that mean something while the road is followed


class LivePanel:
    """The panel's parts by name, for `live_panel`, tests, and panels that add to it.

    models: a `Model`, a `Predictor`, the path of a model file, or a sequence of them, one for each task.
    robot: None: dry runs only. heartbeat: True: the browser must be there; None: nobody needs to look; or another.
    on_step: callable(Step), in the drive thread. extra: widgets to show below. preview_hz: pictures a second at most.
    """

    opened = None  # the one that is open: a cell that is run twice leaves no threads behind

    def __init__(self, models, robot, camera, settings=DEFAULT_SETTINGS, limits=DEFAULT_LIMITS, heartbeat=True,
                 guard=None, on_step=None, extra=(), preview_hz=15.0):
        if LivePanel.opened is not None:
            LivePanel.opened.close()
        self.predictors = predictors_of(models)
        self.robot, self.camera = robot, camera
        self.heartbeat = BrowserHeartbeat() if heartbeat is True else heartbeat
        self.drive = LiveDrive(self.predictors, robot, camera, settings, limits, self.heartbeat, guard, on_step=on_step)
        self.worker = threading.Thread()  # of the start under way; never started: none
        self._seen = None  # the frame shown last
        self._refused_at = None  # s, when something was refused
        self._make_widgets()
        self.preview = Preview(self._pictures, preview_hz, self._trouble).start()
        self.ticker = Repeater(self._refresh, STATUS_EVERY_S, "live-status").start()
        self.box = self._laid_out(extra)
        LivePanel.opened = self

    # --- widgets ---------------------------------------------------------------------------------------------

    def _make_widgets(self):
        import ipywidgets as widgets

        self.stop = stop_button(self._stop)
        self.start = button("1  start the dry run", lambda: self._change(self.drive.start), "primary",
                            "everything but the wheels", "49%")
        self.arm = button("2  arm: turn the wheels", lambda: self._change(self.drive.arm), "warning",
                          "the robot drives off", "49%")
        self.said, self.numbers, self.last = StatusLine(), widgets.HTML(), StatusLine()
        self.picture = picture(side=SIDE, alt="camera")
        self.sees = picture(side=SMALL_SIDE, alt="what the network sees")
        self.why = picture(side=SMALL_SIDE, alt="why it decided so")
        self.above = picture(side=SMALL_SIDE, alt="from above")
        tasks = [predictor.task for predictor in self.predictors]
        self.about = widgets.Dropdown(options=tasks, description="of the model", layout={"width": "220px"},
                                      style={"description_width": "initial"})
        self.show_sees = widgets.Checkbox(value=True, description="what the network sees", indent=False)
        self.show_why = widgets.Checkbox(value=True, description="why it decided so", indent=False)
        self.meaning = widgets.HTML()
        self.restart = button("restart the camera", lambda: self._change(self._restart_camera), "",
                              "stops the wheels first")
        self.elsewhere = button("carry the robot elsewhere", self._carry, "", "stop, and go on from another place")
        self.sliders = {}
        if "road" in tasks:
            self._add_sliders("road", ROAD_SLIDERS)
        if "collision" in tasks:
            chosen = WITH_ROAD if "road" in tasks else COLLISION_SLIDERS
            self._add_sliders("collision", {name: COLLISION_SLIDERS[name] for name in chosen})
        self.limit = self._slider(("speed limit", 0.0, self.drive.top_speed, 0.01,
                                   "no wheel turns faster, whatever the other sliders say"), self.drive.top_speed)
        self.limit.observe(self._limited, names="value")
        self.when_blocked = widgets.Dropdown(
            options=[("stop", "stop"), ("turn left", "turn")], value=self.drive.settings.when_blocked,
            description="if blocked", layout={"width": "auto"}, style={"description_width": "100px"})
        self.when_blocked.observe(self._set, names="value")
        for switch, shown in ((self.show_sees, self.sees), (self.show_why, self.why)):
            switch.observe(lambda change, shown=shown: _display(shown, change["new"]), names="value")

    def _add_sliders(self, part, sliders):
        for name, about in sliders.items():
            self.sliders[part, name] = self._slider(about, getattr(getattr(self.drive.settings, part), name))
            self.sliders[part, name].observe(self._set, names="value")

    @staticmethod
    def _slider(about, value):
        import ipywidgets as widgets

        name, low, high, step, meaning = about
        slider = widgets.FloatSlider(value=value, min=low, max=high, step=step, description=name,
                                     readout_format=".3f" if step < 0.01 else ".2f", layout={"width": "auto"},
                                     style={"description_width": "100px"})
        setattr(slider, "tooltip" if slider.has_trait("tooltip") else "description_tooltip", meaning)
        return slider

    def _laid_out(self, extra):
        import ipywidgets as widgets

        found = "no robot (dry runs only)" if self.robot is None else getattr(self.robot, "description", "a robot")
        found = found.split(" (no robot here")[0]  # why it is a simulated one, open_found has told
        eye = getattr(self.camera, "description", "a camera")
        views = [(self.sees, self.show_sees, None), (self.why, self.show_why, self.meaning)]
        if hasattr(self.robot, "sim"):
            views.append((self.above, heading("from above"), self.elsewhere))
        small = [widgets.VBox([title, shown] + ([] if note is None else [note]),
                              layout={"width": f"{SMALL_SIDE + 12}px"}) for shown, title, note in views]
        steering = [*self.sliders.values(), self.limit]
        if len(self.predictors) > 1:
            steering.insert(-1, self.when_blocked)
            small[0].children += (self.about,)
        controls = widgets.VBox([
            self.stop, widgets.HBox([self.start, self.arm], layout={"justify_content": "space-between"}),
            self.said.widget, self.numbers, self.last.widget, *steering],
            layout={"width": "380px", "padding": "0 0 0 12px"})
        eyes = widgets.VBox([self.picture] + ([self.restart] if hasattr(self.camera, "start") else []))
        hidden = [self.preview.widget]
        if hasattr(self.heartbeat, "widget"):
            hidden.append(self.heartbeat.widget)
        return widgets.VBox([
            widgets.HTML(f"<span style='opacity:0.75'>{escaped(found)}; {escaped(eye)}</span>"),
            widgets.HBox([eyes, controls], layout={"flex_flow": "row wrap", "align_items": "flex-start"}),
            widgets.HBox(small, layout={"flex_flow": "row wrap", "align_items": "flex-start"}), *extra, *hidden])

    # --- what the buttons and sliders do ---------------------------------------------------------------------

    def _change(self, step):
        """A start may wait for motors and guard; STOP must be heard meanwhile, so it is not done in this thread."""
        if self.worker.is_alive():
            return

        def run():
            self.said.say("starting ...")
            try:
                step()
            except JetbotMLPError as error:
                self._trouble(error)
            else:
                self._refused_at = None
            self._refresh()

        self.worker = threading.Thread(target=run, name="live-start", daemon=True)
        self.worker.start()

    def _trouble(self, error):
        self.said.trouble(error)
        self._refused_at = time.monotonic()  # it stays to be read for some seconds

    def _stop(self):
        self.drive.stop_everywhere()
        self._refused_at = None
        self._refresh()

    def _restart_camera(self):
        self.drive.stop("the camera was restarted")
        self.said.say("restarting the camera ...")
        self.camera.stop()
        self.camera.start()

    def _carry(self):
        self.drive.stop("the robot was carried elsewhere")
        self.robot.carry_elsewhere()

    def _set(self, _):
        values = {"road": {}, "collision": {}}
        for (part, name), slider in self.sliders.items():
            values[part][name] = float(slider.value)
        settings = self.drive.settings
        self.drive.settings = settings._replace(
            road=settings.road._replace(**values["road"]), when_blocked=self.when_blocked.value,
            collision=settings.collision._replace(**values["collision"]))

    def _limited(self, change):
        self.drive.set_max_speed(change["new"])

    # --- what is shown ---------------------------------------------------------------------------------------

    def _refresh(self):
        """The words and numbers, as they are now; buttons that may be pressed."""
        drive = self.drive
        state, status, now = drive.state, drive.status(), time.monotonic()
        trouble, starting = drive.trouble(), self.worker.is_alive() and self.worker is not threading.current_thread()
        if trouble is not None:
            self.said.trouble(trouble)
        elif not starting and (self._refused_at is None or now - self._refused_at > READ_S):
            kind = {STOPPED: "plain", DRY: "good", ARMED: "good"}[state]
            limit = self.limit.value
            if state == ARMED and limit <= drive.dead_band:
                self.said.say(f"driving, but no wheel turns below {drive.dead_band:.2f}: raise the speed limit")
            else:
                self.said.say(WORDS[state], kind)
        self.start.disabled = starting or state != STOPPED
        self.arm.disabled = starting or drive.why_not_armed() is not None
        self.numbers.value = numbers_in_words(status)
        self.last.say(*stop_in_words(drive.last_stop(), now, state != STOPPED))

    def _pictures(self):
        """{widget: picture} of the newest frame; None when it was shown before."""
        step = self.drive.step if self.drive.state != STOPPED else None
        if step is None:
            image, predictions, command, age_s = self.camera.value, (), None, None
            if no_picture(image) is not None or image is self._seen:
                return None
            predictions = tuple(predictor(Frame(image, 0.0, 0)) for predictor in self.predictors)
        else:
            image, predictions, command = step.frame.image, step.predictions, step.command
            age_s = max(0.0, time.monotonic() - step.frame.stamp)
            if image is self._seen:
                return None
        self._seen = image
        model = self.predictors[self.about.index].model
        large = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)  # first: text is then sharp
        shown = {self.picture: draw(large, predictions, command, age_s)}
        turn = self.preview.sent % 3  # one small picture with each large one: browsers and robots are slow
        if self.show_sees.value and turn == 0:
            shown[self.sees] = draw_input(image, model.feature_spec, SMALL_SIDE)
        if self.show_why.value and turn == 1:
            shown[self.why] = draw_heat(image, explain(model, image))
            red, blue = MEANING[model.task]
            self.meaning.value = tight(f"<span style='color:#b00020'>&#9632;</span> {red} "
                                       f"<br><span style='color:#1478ff'>&#9632;</span> {blue}")
        if hasattr(self.robot, "sim") and turn == 2:
            sim = self.robot.sim
            shown[self.above] = draw_from_above(sim, list(sim.path)[-PATH:], SMALL_SIDE)
        return shown

    def close(self):
        """Wheels to zero, threads ended, widgets gone."""
        self.drive.stop("the panel was closed")
        self.preview.close()
        self.ticker.close()
        if hasattr(self.heartbeat, "close"):
            self.heartbeat.close()
        self.drive.join()
        if LivePanel.opened is self:
            LivePanel.opened = None
        self.box.close()


def live_panel(models, robot, camera, **keywords):
    """The widget to display; see `LivePanel` for the keywords. `robot, camera = open_found("road")` gives both."""
    return LivePanel(models, robot, camera, **keywords).box


def predictors_of(models):
    """A `Model`, a `Predictor`, a path, or a sequence of them -> [Predictor, ...], one for each task.

    Raises ModelFileError, and JetbotMLPError for no model, two of one task, or one that cannot drive.
    """
    single = isinstance(models, (str, Model)) or hasattr(models, "__fspath__") or callable(models)
    predictors = []
    for model in (models,) if single else models:
        if not callable(model):
            model = Predictor(model if isinstance(model, Model) else load_model(str(model)))
        predictors.append(model)
    tasks = [getattr(predictor, "task", None) for predictor in predictors]
    if not tasks or not set(tasks) <= {"road", "collision"} or len(set(tasks)) < len(tasks):
        found = " and ".join(map(str, tasks)) or "none"
        raise JetbotMLPError(f"models: expected one for the road, one for collisions, or both, found {found}; "
                             "find_model('road') and find_model('collision') look for them")
    return predictors


def _display(widget, shown):
    widget.layout.display = None if shown else "none"
