"""`jetbot-mlp doctor`: does this machine have what driving takes? Each line says good, or what to do.

The parts that may crash or hang are asked in child processes; a check that raises is itself a bad
finding, and one that does not come back is given up. Neither NumPy nor OpenCV is loaded here, so it
also runs where loading them kills Python.
"""
import json
import os
import signal
import sys
import threading
import time

from . import doctor_checks as judge
from . import doctor_probes
from .errors import JetbotMLPError

LIMIT_S = 60.0  # for one check; its child processes have shorter ones of their own
MARKS = {"good": "good", "note": "note", "bad": "BAD "}
PULSE_S, PULSE_SPEED = 0.3, 0.25  # of each wheel, on --turn-wheels


def doctor(args):
    """The command. Exit status 0: good, or notes only; 1: something must be done."""
    show = None if args.json else lambda finding: print(line(finding), flush=True)
    findings = examine(args.models, show=show)
    if args.turn_wheels:
        finding = turn_wheels(ask_person)
        findings.append(finding)
        if show:
            show(finding)
    to_do = sum(finding.state == "bad" for finding in findings)
    if args.json:
        print(json.dumps({"checks": [finding._asdict() for finding in findings]}))
    else:
        print("nothing must be done" if not to_do else
              f"{to_do} {'thing' if to_do == 1 else 'things'} must be done: see BAD")
    return 1 if to_do else 0


def line(finding):
    """A finding for people: state, name, what was found, and on a second line what to do."""
    text = f"{MARKS[finding.state]} {finding.name:15} {finding.found}"
    return text + (f"\n     {'':15} -> {finding.remedy}" if finding.remedy else "")


def examine(models=(), probes=doctor_probes, show=None, limit_s=LIMIT_S):
    """All checks that turn no wheels, one after the other -> list of `Finding`.

    probes: `doctor_probes`, or something with the same functions; show: called with each finding.
    """
    findings = []
    for name, check in checks(models, probes):
        findings.append(bounded(name, check, limit_s))
        if show is not None:
            show(findings[-1])
    return findings


def bounded(name, check, limit_s):
    """check() -> Finding; also when it raises, or does not come back within limit_s."""
    result = []

    def run():
        try:
            result.append(check())
        except JetbotMLPError as error:
            found, _, remedy = str(error).rpartition("; ")
            result.append(judge.bad(name, found or remedy, remedy))
        except Exception as error:  # a doctor who falls ill says so
            words = " ".join(f"{type(error).__name__}: {error}".split())
            result.append(judge.bad(name, f"the check itself failed: {words}", "report this line"))

    thread = threading.Thread(target=run, name="doctor " + name, daemon=True)
    thread.start()
    thread.join(limit_s)
    return result[0] if result else judge.bad(name, f"no answer within {limit_s:g} s",
                                              "restart the robot and try again")


def checks(models, probes):
    """-> list of (name, function that returns the Finding), in the order in which they are made."""
    known = {}

    def once(name, *words, **keywords):  # a fact that several checks need
        if name not in known:
            known[name] = getattr(probes, name)(*words, **keywords)
        return known[name]

    def on_robot():
        return once("has_jetbot") or once("on_jetson")

    def official():
        return judge.official(probes.ask("official") if once("has_jetbot") else None, on_robot())

    def camera():
        holders = probes.camera_holders()
        some = not holders and (once("has_jetbot") or probes.video_devices())
        child = probes.ask("camera", "auto", limit_s=probes.CAMERA_S) if some else None
        return judge.camera(child, holders, on_robot())

    def clock():
        files = [probes.written_s()] + [os.stat(path).st_mtime for path in models if os.path.isfile(path)]
        return judge.clock(time.time(), max(files), time.strftime("%Y-%m-%d %H:%M:%S %Z"))

    def guard():
        running = probes.running_guards()
        return judge.guard(running, None if running or not on_robot() else probes.ask("guard"), on_robot())

    listed = [
        ("python", lambda: judge.python(sys.version_info[:3], probes.machine(), probes.container())),
        ("numpy", lambda: judge.numpy(probes.ask("numpy"), os.environ.get("OPENBLAS_CORETYPE", ""))),
        ("opencv", lambda: judge.opencv(probes.ask("opencv"), on_robot())),
        ("traitlets", lambda: judge.widgets(probes.ask("widgets"))),
        ("jetbot package", official),
        ("camera", camera),
        ("i2c board", lambda: judge.i2c(probes.i2c_buses(on_robot()), probes.in_i2c_group(), on_robot())),
        ("motor guard", guard),
        ("calibration", lambda: judge.settings(*(probes.settings() + (on_robot(),)))),
        ("memory", lambda: judge.memory(*probes.memory_mb())),
        ("disk", lambda: judge.disk(probes.disk_mb())),
        ("power mode", lambda: judge.power(probes.power_mode(), probes.clocks(), on_robot())),
        ("heat, voltage", lambda: judge.heat(probes.temperatures(), probes.throttle_events(), on_robot())),
        ("clock", clock),
    ]
    for path in models:
        name = "model " + "".join(c if c.isprintable() else "?" for c in path)
        listed.append((name, lambda name=name, path=path: judge.model(name, probes.ask("model", path))))
    return listed


def turn_wheels(ask, open_robot=None, guard_for=None, sleep=time.sleep):
    """One short pulse forward for each wheel, after a word of consent -> Finding. In the main thread only: a
    thread that ends with the program would leave its wheel turning.

    ask: shows a question, returns the answer; the other three are handed in by tests.
    """
    if ask("Put the robot on a stand, both wheels in the air. They will turn for a moment. Type yes: ") != "yes":
        return judge.note("wheels", "not turned: nobody said yes")
    if open_robot is None:
        from .hardware import open_robot
        from .motor_guard import guard_for
    robot = guard = previous = None
    try:
        # a closed terminal ends this as Ctrl-C does, through `finally`; SIGTERM does so in every command
        if hasattr(signal, "SIGHUP"):
            previous = signal.signal(signal.SIGHUP, _hung_up)
        robot = open_robot()
        guard = guard_for(robot)
        if guard is not None:
            guard.arm()
        for left, right in ((PULSE_SPEED, 0.0), (0.0, PULSE_SPEED)):
            refused = None if guard is None else guard.beat()
            if refused is not None:  # what nobody watches does not turn
                return judge.bad("wheels", refused, "run doctor again; if it says so again, restart the robot")
            robot.set_motors(left, right)
            sleep(PULSE_S)
            robot.stop()
            if guard is not None:
                guard.rest()
            sleep(PULSE_S)
    except Exception as error:
        return judge.bad("wheels", " ".join(f"{type(error).__name__}: {error}".split()),
                         "check battery, switch and the board's cable")
    finally:
        try:
            if robot is not None:
                robot.stop()
        finally:
            if guard is not None:
                guard.close()  # which stops them once more
            if previous is not None:
                signal.signal(signal.SIGHUP, previous)
    answer = ask("Did the left wheel turn forward, then the right one? yes or no: ")
    if answer == "no":
        return judge.bad("wheels", "they do not turn as they should", "jetbot-mlp calibrate")
    return judge.good("wheels", "turn forward, left and right") if answer == "yes" else \
        judge.note("wheels", "obeyed; nobody said how they turned")


def ask_person(question):
    """The answer on standard input, in small letters; '' when there is none."""
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() if sys.stdin is not None else ""


def _hung_up(number, frame):
    raise SystemExit(128 + number)
