"""The panel that calibrates the wheels in a notebook.

    display(calibration_panel(open_robot(settings=RobotSettings())))

The same steps as `jetbot-mlp calibrate`, in any order and as often as one likes. Each turn of a wheel is short,
bounded and ends at zero (`wheel_calibration`); it runs beside the notebook's thread, so that STOP is heard in the
midst of it.
"""
import threading

from .errors import JetbotMLPError
from .frame_files import shown
from .panel_parts import BORDER, StatusLine, button, heading, stop_button, tight
from .robot_settings import DEFAULTS, RANGES, save_settings
from .wheel_calibration import Calibration, DeadBandSearch, with_trim, with_wiring

MOTOR_POWER = 0.35  # share of full power at which a motor is looked at
SEEN = (("left wheel, forward", ("left", True)), ("left wheel, backward", ("left", False)),
        ("right wheel, forward", ("right", True)), ("right wheel, backward", ("right", False)))


class CalibrationPanel:
    """The panel's parts by name, for `calibration_panel` and tests.

    robot: bare, with set_motors and stop; settings: `RobotSettings` to begin with; save: callable(RobotSettings),
    writes them -> path or None; clock_and_sleep: of a simulation, or nothing for real time.
    """

    def __init__(self, robot, settings=DEFAULTS, save=save_settings, **clock_and_sleep):
        import ipywidgets as widgets  # here, so that importing the package stays light and silent everywhere

        self.calibration = Calibration(robot, settings, **clock_and_sleep)
        self.save = save
        self.searches = {"left": DeadBandSearch(), "right": DeadBandSearch()}
        self.worker = threading.Thread()  # of the pulse under way; never started: none
        self.said, self.known = StatusLine(), widgets.HTML()
        self.stop = stop_button(lambda: self.calibration.stop_everywhere())
        self.motors = [button(f"turn the {name} motor", lambda number=number: self._pulse(
            self.calibration.pulse_motor, number, MOTOR_POWER), "primary", width="170px")
            for number, name in enumerate(("left", "right"))]
        self.seen = [widgets.Dropdown(options=SEEN, value=value, layout={"width": "220px"})
                     for value in (("left", True), ("right", True))]
        self.wire = button("that is what turned", self._wire)
        self.tries, self.turned, self.stood, self.power = {}, {}, {}, {}
        for side in ("left", "right"):
            self.tries[side] = button(f"try the {side} wheel", lambda side=side: self._try(side), "primary",
                                      width="170px")
            self.turned[side] = button("it turned", lambda side=side: self._answer(side, True))
            self.stood[side] = button("it did not", lambda side=side: self._answer(side, False))
            self.power[side] = widgets.HTML()
            self._show_search(side)
        self.straight = button("drive half a metre", lambda: self._pulse(self.calibration.drive_straight), "primary",
                               width="170px")
        self.ahead, self.right = (widgets.FloatText(value=value, description=words, layout={"width": width},
                                                    style={"description_width": "initial"})
                                  for value, words, width in ((50.0, "cm ahead", "150px"),
                                                              (0.0, "cm to the right", "190px")))
        self.trim = button("that is where it went", self._trim)
        self.max_speed = widgets.FloatSlider(value=settings.max_speed, min=0.1, max=RANGES["max_speed"][1], step=0.05,
                                             description="top speed", layout={"width": "300px"},
                                             style={"description_width": "initial"})
        self.upside_down = widgets.Checkbox(value=settings.camera_upside_down, description="camera upside down",
                                            indent=False, layout={"width": "180px"})
        self.keep = button("save", self._save, "success")
        rows = [heading("1. On a box, wheels in the air: which wheel turns, and which way?"),
                [self.motors[0], self.seen[0]], [self.motors[1], self.seen[1], self.wire],
                heading("2. Still on the box: does the wheel turn? Again and again, until its number stays.")]
        rows += [[self.tries[side], self.turned[side], self.stood[side], self.power[side]] for side in self.tries]
        rows += [heading("3. On the floor, one metre free ahead: where did it end? To the left is minus."),
                 [self.straight, self.ahead, self.right, self.trim],
                 heading("4. How fast may it be at most, and how is the camera built in?"),
                 [self.max_speed, self.upside_down, self.keep]]
        rows = [widgets.HBox(row, layout={"flex_flow": "row wrap", "align_items": "center"})
                if isinstance(row, list) else row for row in rows]
        self.box = widgets.VBox([self.stop, self.said.widget, *rows, self.known],
                                layout={"border": BORDER, "padding": "8px"})
        self._show(settings)

    def _show(self, settings):
        self.known.value = tight(f"so far: {in_words(settings)}")

    def _show_search(self, side):
        search = self.searches[side]
        self.power[side].value = (f"begins to turn at {search.power:.3f}" if search.done else
                                  f"next try at power {search.power:.3f}")
        self.turned[side].disabled = self.stood[side].disabled = True  # until it was tried

    def _pulse(self, turn, *arguments):
        if self.worker.is_alive():
            return False  # one at a time

        def run():
            try:
                self.said.say("it turns ...")
                turn(*arguments)
            except JetbotMLPError as error:
                self.said.trouble(error)
            else:
                self.said.say("it stands again: what did you see?")

        self.worker = threading.Thread(target=run, name="pulse", daemon=True)
        self.worker.start()
        return True

    def _try(self, side):
        if self.searches[side].done:
            self.searches[side] = DeadBandSearch()  # another round begins anew
            self._show_search(side)
        if self._pulse(self.calibration.pulse_wheel, side, self.searches[side].power):
            self.turned[side].disabled = self.stood[side].disabled = False

    def _take(self, change):
        try:
            self.calibration.settings = change()
        except JetbotMLPError as error:
            self.said.trouble(error)
        else:
            self.said.say("noted; save it at the end")
            self._show(self.calibration.settings)

    def _wire(self):
        self._take(lambda: with_wiring(self.calibration.settings, self.seen[0].value, self.seen[1].value))

    def _answer(self, side, turned):
        search = self.searches[side]
        search.answer(turned)
        self._take(lambda: self.calibration.settings._replace(**{side + "_dead_band": round(search.power, 4)}))
        self._show_search(side)

    def _trim(self):
        self._take(lambda: with_trim(self.calibration.settings, self.ahead.value / 100, self.right.value / 100))

    def _save(self):
        self._take(lambda: self.calibration.settings._replace(max_speed=float(self.max_speed.value),
                                                              camera_upside_down=bool(self.upside_down.value)))
        try:
            path = self.save(self.calibration.settings)
        except (JetbotMLPError, OSError) as error:
            self.said.trouble(f"not saved: {error}")
        else:
            self.said.say("saved" + (f": {shown(path)}" if path else ""), "good")


def in_words(settings):
    """`RobotSettings` for people, one line."""
    wiring = [words for words, so in (("the motors are swapped", settings.swapped),
                                      ("the left wheel is reversed", settings.left_reversed),
                                      ("the right wheel is reversed", settings.right_reversed)) if so]
    return (f"{', '.join(wiring) or 'wired as usual'}; the wheels begin to turn at {settings.left_dead_band:.3f} "
            f"(left) and {settings.right_dead_band:.3f} (right); trim {settings.trim:+.3f}; top speed "
            f"{settings.max_speed:.2f}; camera {'upside down' if settings.camera_upside_down else 'upright'}")


def calibration_panel(robot, settings=DEFAULTS):
    """The widget to display; saves where driving reads (`robot_settings.default_path`)."""
    return CalibrationPanel(robot, settings).box
