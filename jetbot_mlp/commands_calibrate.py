"""`jetbot-mlp calibrate`: a dialog with whoever looks at the robot, or with the simulator in their place."""
import contextlib
import math
import os
import sys
import tempfile

from .errors import HardwareError, JetbotMLPError
from .frame_files import shown
from .robot_settings import DEFAULTS, changed, default_path, load_settings, save_settings
from .signals import stop_on_signals
from .terminal import print_json, say, writable_file
from .wheel_calibration import AXLE_M, Calibration, DeadBandSearch, with_trim, with_wiring

POWERS = (0.3, 0.45, 0.6, 0.8)  # tried in this order until a wheel turns
STRAIGHT_ENOUGH = 0.01  # sideways, as a share of the way ahead
ROUNDS = 5  # drives for the trim
ATTEMPTS = 3  # looks at the wiring
TURNED_M = 0.001  # a simulated wheel that went so far is said to have turned


def calibrate(args):
    """--show, --set NAME=VALUE ..., --sim, or the dialog."""
    path = args.file or default_path()
    settings = load_settings(path)
    if args.set:
        settings = changed(settings, args.set)
        save_settings(settings, path)
    if args.set or args.show:
        print_settings(settings, path, args.json)
        return
    check_camera(args.camera)  # before the work, not after it
    keep = bool(args.file) or not args.sim  # a simulated robot is not this one
    if keep:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        writable_file(path)  # before the work, not after it
    settings = in_simulator(args.seed) if args.sim else on_robot(settings, args.camera)
    print_settings(settings, save_settings(settings, path) if keep else None, args.json)


def check_camera(name):
    from .hardware import camera_named

    try:
        camera_named(name)
    except ValueError as error:
        raise JetbotMLPError(str(error))


def print_settings(settings, path, as_json):
    if as_json:
        print_json(dict(settings._asdict(), file=path and shown(path)))
        return
    for name, value in settings._asdict().items():
        print(f"{name:20}{value}")
    if path is None:
        print("not saved; name a --file to keep it")
    else:
        print(f"{'file':20}{shown(path)}" + ("" if os.path.exists(path) else " (not there; these are the defaults)"))


def on_robot(settings, camera="auto"):
    """The dialog on the real robot. -> RobotSettings"""
    from .hardware import open_robot

    robot = open_robot(settings=DEFAULTS)  # its bare wheels
    say(f"found {robot.description}")
    calibration = Calibration(robot, DEFAULTS._replace(max_speed=settings.max_speed))
    with stop_on_signals(calibration):
        calibrate_wheels(calibration, Person())
    upside_down = Person().upside_down(camera)
    if upside_down is None:
        upside_down = settings.camera_upside_down
    return calibration.settings._replace(camera_upside_down=upside_down)


def in_simulator(seed=0):
    """A simulated robot, whose trim and dead band are hidden in its world. -> RobotSettings"""
    from .simulator import EVALUATION_SEED_OFFSET, Simulator, make_world

    sim = Simulator(make_world("road", EVALUATION_SEED_OFFSET + seed), seed)
    person = SimulatedPerson(sim)
    calibration = Calibration(sim.robot, clock=sim.clock, sleep=person.sleep)
    calibrate_wheels(calibration, person)
    return calibration.settings


def calibrate_wheels(calibration, person):
    """All steps of the wheels, in order, into calibration.settings."""
    person.ready("Put the robot on a box, so that both wheels hang in the air. Each will turn for half a second.")
    for attempt in range(ATTEMPTS):
        seen = [_turn_until_seen(calibration, person, number) for number in (0, 1)]
        try:
            calibration.settings = with_wiring(calibration.settings, *seen)
            break
        except HardwareError as error:  # an answer may be wrong
            if attempt == ATTEMPTS - 1:
                raise
            person.say(str(error))
    for side in ("left", "right"):
        person.say(f"Now the {side} wheel, ever closer to the power at which it begins to turn.")
        search = DeadBandSearch()
        while not search.done:
            calibration.pulse_wheel(side, search.power)
            search.answer(person.turned(side))
        if not search.turned:
            raise HardwareError(f"motors: expected the {side} wheel to turn at half its power, found it standing; "
                                "charge the battery")
        calibration.settings = calibration.settings._replace(**{side + "_dead_band": round(search.power, 4)})
    person.ready("Put it on the floor, one metre free ahead, and mark where it stands. It will drive half a metre.")
    for number in range(ROUNDS):
        calibration.drive_straight()
        drift = person.drift()
        if drift is None or (drift[0] > 0 and abs(drift[1]) <= STRAIGHT_ENOUGH * drift[0]):
            break
        try:
            calibration.settings = with_trim(calibration.settings, *drift)
        except HardwareError as error:  # a wrong number, or metres for cm: drive and ask again
            if number == ROUNDS - 1:
                raise
            person.say(str(error))
        if number < ROUNDS - 1:
            person.ready(f"The trim is {calibration.settings.trim:+.3f} now. Put it back to see whether it goes "
                         "straight.")


def _turn_until_seen(calibration, person, number):
    for power in POWERS:
        calibration.pulse_motor(number, power)
        seen = person.which_wheel()
        if seen is not None:
            return seen
    raise HardwareError(f"motors: expected the {('left', 'right')[number]} one to turn at {POWERS[-1]:.0%} of its "
                        "power, found nothing; check battery, switch and the motor's cable")


class Person:
    """Asks on the terminal. Every answer may be wrong once: it is asked again."""

    def say(self, text):
        say(text)

    def ready(self, text):
        self._ask(f"{text} Press Enter when ready: ", {"": True})

    def which_wheel(self):
        """-> ('left' or 'right', forward: bool), or None."""
        answers = {"lf": ("left", True), "lb": ("left", False), "rf": ("right", True), "rb": ("right", False),
                   "n": None}
        return self._ask("Which wheel turned, and which way? lf left forward, lb left backward, rf right forward, "
                         "rb right backward, n none: ", answers)

    def turned(self, side):
        return self._ask(f"Did the {side} wheel turn? y/n: ", {"y": True, "n": False})

    def drift(self):
        """-> (ahead, to the right) in m, or None for straight enough."""
        while True:
            words = self._line("How many cm ahead did it end, and how many to the right (left: minus) of the line? "
                               "Such as 52 -4; Enter when it was straight: ").replace(",", " ").split()
            if not words:
                return None
            try:
                ahead, right = (float(word) / 100 for word in words)
            except ValueError:
                continue
            if math.isfinite(ahead) and math.isfinite(right):
                return ahead, right

    def upside_down(self, camera):
        """Show the camera's picture, if there is one. -> bool, or None: nobody knows."""
        from .hardware import open_camera

        try:
            with contextlib.closing(_Stopping(open_camera(camera, upside_down=False))) as eye:
                path = _picture_file(eye.camera.value)
        except HardwareError as error:
            say(f"no picture to look at: {error}")
            return None
        return self._ask(f"Look at {path}: is it upside down? y/n: ", {"y": True, "n": False})

    def _ask(self, question, answers):
        while True:
            answer = self._line(question).lower()
            if answer in answers:
                return answers[answer]

    @staticmethod
    def _line(question):
        print(question, end="", file=sys.stderr, flush=True)  # input() would write it among the results
        line = sys.stdin.readline() if sys.stdin is not None else ""
        if not line:
            raise JetbotMLPError("expected answers on the terminal, found none; set what you know: "
                                 "jetbot-mlp calibrate --set trim=0.02 dead_band=0.06")
        return line.strip()


class _Stopping:
    def __init__(self, camera):
        self.camera = camera

    def close(self):
        self.camera.stop()


def _picture_file(image):
    import cv2

    handle, path = tempfile.mkstemp(prefix="jetbot-camera-", suffix=".jpg")
    os.close(handle)
    cv2.imwrite(path, image)
    return path


class SimulatedPerson:
    """Looks at a simulated robot and answers the same questions."""

    def __init__(self, sim):
        self._sim, self._start = sim, sim.pose

    def sleep(self, seconds):
        self._sim.step(max(1, int(round(seconds / self._sim.period_s))))

    def say(self, text):
        pass

    ready = say

    def which_wheel(self):
        ways = dict(zip(("left", "right"), self._ways()))
        side = max(ways, key=lambda name: abs(ways[name]))
        return (side, ways[side] > 0) if abs(ways[side]) > TURNED_M else None

    def turned(self, side):
        return abs(self._ways()[side == "right"]) > TURNED_M

    def drift(self):
        ahead, left, _ = self._moved()
        return ahead, -left

    def _ways(self):
        """m that the left and the right wheel went, of an arc of constant curvature."""
        ahead, left, turn = self._moved()
        half = turn / 2
        middle = (ahead * math.cos(half) + left * math.sin(half)) * (half / math.sin(half) if half else 1.0)
        return middle - turn * AXLE_M / 2, middle + turn * AXLE_M / 2

    def _moved(self):
        """(ahead m, left m, turn rad) since the robot was put down, which is done again now."""
        self.sleep(0.5)  # until it stands
        (x0, y0, h0), (x, y, h) = self._start, self._sim.pose
        c, s = math.cos(h0), math.sin(h0)
        self._sim.place(*self._start)
        return c * (x - x0) + s * (y - y0), c * (y - y0) - s * (x - x0), h - h0
