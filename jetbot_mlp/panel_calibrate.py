"""The panel that calibrates the wheels in a notebook.

    display(calibration_panel(open_robot(settings=RobotSettings())))

The same steps as `jetbot-mlp calibrate`, in any order and as often as one likes. Each turn of a wheel is short,
bounded and ends at zero (`wheel_calibration`); it runs beside the notebook's thread, so that STOP is heard in the
midst of it.
"""
import threading

from .errors import JetbotMLPError
from .panel_parts import button, stop_button
from .robot_settings import DEFAULTS, RANGES, save_settings
from .wheel_calibration import Calibration, DeadBandSearch, with_trim, with_wiring

MOTOR_POWER = 0.35  # share of full power at which a motor is looked at
SEEN = (("left wheel, forward", ("left", True)), ("left wheel, backward", ("left", False)),
        ("right wheel, forward", ("right", True)), ("right wheel, backward", ("right", False)))


class CalibrationPanel:
    """The panel's parts by name, for `calibration_panel` and tests.

    robot: bare, with set_motors and stop; settings: `RobotSettings` to begin with; save: callable(RobotSettings),
    writes them; clock_and_sleep: of a simulation, or nothing for real time.
    """

    def __init__(self, robot, settings=DEFAULTS, save=save_settings, **clock_and_sleep):
        import ipywidgets as widgets  # here, so that importing the package stays light and silent everywhere

        self.calibration = Calibration(robot, settings, **clock_and_sleep)
        self.save = save
        self.searches = {"left": DeadBandSearch(), "right": DeadBandSearch()}
        self.worker = threading.Thread()  # of the pulse under way; never started: none
        self.said = widgets.HTML()
        self.stop = stop_button(lambda: self.calibration.stop("STOP was pressed"))
        self.motors = [button(f"turn the {name} motor", lambda number=number: self._pulse(
            self.calibration.pulse_motor, number, MOTOR_POWER)) for number, name in enumerate(("left", "right"))]
        self.seen = [widgets.Dropdown(options=SEEN, value=value) for value in (("left", True), ("right", True))]
        self.wire = button("that is what turned", self._wire)
        self.tries, self.turned, self.stood = {}, {}, {}
        for side in ("left", "right"):
            self.tries[side] = button(f"try the {side} wheel", lambda side=side: self._pulse(
                self.calibration.pulse_wheel, side, self.searches[side].power))
            self.turned[side] = button("it turned", lambda side=side: self._answer(side, True))
            self.stood[side] = button("it did not", lambda side=side: self._answer(side, False))
        self.straight = button("drive half a metre", lambda: self._pulse(self.calibration.drive_straight))
        self.ahead = widgets.FloatText(value=50.0, description="cm ahead")
        self.right = widgets.FloatText(value=0.0, description="cm to the right")
        self.trim = button("that is where it went", self._trim)
        self.max_speed = widgets.FloatSlider(value=settings.max_speed, min=0.1, max=RANGES["max_speed"][1], step=0.05,
                                             description="top speed")
        self.upside_down = widgets.Checkbox(value=settings.camera_upside_down, description="camera upside down")
        self.keep = button("save", self._save, "success")
        self.box = widgets.VBox([
            self.stop,
            widgets.HTML("<b>1.</b> On a box, wheels in the air: which wheel turns, and which way?"),
            widgets.HBox([self.motors[0], self.seen[0]]), widgets.HBox([self.motors[1], self.seen[1]]), self.wire,
            widgets.HTML("<b>2.</b> Still on the box: does the wheel turn? Until the number stays."),
            *(widgets.HBox([self.tries[side], self.turned[side], self.stood[side]]) for side in ("left", "right")),
            widgets.HTML("<b>3.</b> On the floor, one metre free ahead: where did it end?"),
            widgets.HBox([self.straight, self.ahead, self.right, self.trim]),
            widgets.HTML("<b>4.</b> And"), widgets.HBox([self.max_speed, self.upside_down, self.keep]), self.said])
        self._say(settings)

    def _say(self, text):
        """text: str, or RobotSettings to list."""
        if isinstance(text, tuple):
            text = ", ".join(f"{name} {value}" for name, value in text._asdict().items())
        self.said.value = text

    def _trouble(self, text):
        self._say(f"<span style='color:#b00'>{text}</span>")

    def _pulse(self, turn, *arguments):
        if self.worker.is_alive():
            return  # one at a time

        def run():
            try:
                turn(*arguments)
            except JetbotMLPError as error:
                self._trouble(error)

        self.worker = threading.Thread(target=run, name="pulse", daemon=True)
        self.worker.start()

    def _take(self, change):
        try:
            self.calibration.settings = change()
        except JetbotMLPError as error:
            self._trouble(error)
        else:
            self._say(self.calibration.settings)

    def _wire(self):
        self._take(lambda: with_wiring(self.calibration.settings, self.seen[0].value, self.seen[1].value))

    def _answer(self, side, turned):
        search = self.searches[side]
        search.answer(turned)
        self._take(lambda: self.calibration.settings._replace(**{side + "_dead_band": round(search.power, 4)}))
        if search.done:
            self.searches[side] = DeadBandSearch()  # another round begins anew

    def _trim(self):
        self._take(lambda: with_trim(self.calibration.settings, self.ahead.value / 100, self.right.value / 100))

    def _save(self):
        self._take(lambda: self.calibration.settings._replace(max_speed=float(self.max_speed.value),
                                                              camera_upside_down=bool(self.upside_down.value)))
        try:
            self.save(self.calibration.settings)
        except (JetbotMLPError, OSError) as error:
            self._trouble(f"not saved: {error}")


def calibration_panel(robot, settings=DEFAULTS):
    """The widget to display; saves where driving reads (`robot_settings.default_path`)."""
    return CalibrationPanel(robot, settings).box
