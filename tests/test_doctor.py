"""The doctor, on imitated patients: a healthy robot, a laptop, and each illness that owners meet."""
import json
import os
import signal
import subprocess
import sys
import time
import types

import pytest
from fake_i2c import SMBUS

from jetbot_mlp import doctor, doctor_probes
from jetbot_mlp.__main__ import main
from jetbot_mlp.doctor_checks import Child
from jetbot_mlp.errors import HardwareError, SettingsError
from jetbot_mlp.robot_settings import DEFAULTS

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROAD = os.path.join(ROOT, "models", "road.npz")


def said(**answer):
    return Child(answer, 0, "", 0.0)


class Patient:
    """doctor_probes of a healthy robot; each test makes it ill."""

    CAMERA_S = 45.0

    def __init__(self, **different):
        self.answers = {
            "numpy": said(version="1.19.4", file="/usr/lib/numpy"),
            "opencv": said(version="4.1.1", file="/usr/lib/cv2.so", gstreamer=True, wheels=[]),
            "widgets": said(traitlets="4.3.3", ipywidgets="7.6.5"),
            "official": said(version="0.4.3", robot="robot.Robot", camera="opencv_gst_camera.OpenCvGstCamera",
                             motors=True, seconds=0.8),
            "camera": said(description="the robot's own camera", shape=[224, 224, 3], frames=30, distinct=30, hz=29.7,
                           brightest=240),
            "guard": said(ready_s=0.3, rss_mb=9.0),
            "model": said(task="road", load_s=0.3, predict_ms=4.0, peak_mb=60.0),
        }
        self.asked = []
        self.facts = {
            "has_jetbot": True, "on_jetson": True, "container": True, "machine": "aarch64", "camera_holders": [],
            "video_devices": ["/dev/video0"], "i2c_buses": [(1, "", [0x60, 0x3c])], "in_i2c_group": "yes",
            "running_guards": [], "settings": (DEFAULTS._replace(trim=0.1), "/home/jetbot/robot.json", True),
            "memory_mb": (900.0, 2000.0, None), "disk_mb": [("/workspace", 9000.0)], "power_mode": "5W",
            "clocks": "918 of 918 MHz", "temperatures": {"CPU-therm": 45.0}, "throttle_events": [], "written_s": 1e9,
        }
        for name, value in different.items():
            assert name in self.answers or name in self.facts
            (self.answers if name in self.answers else self.facts)[name] = value

    def ask(self, name, *words, **keywords):
        self.asked.append(name)
        return self.answers[name]

    def __getattr__(self, name):
        def fact(*words):
            value = self.facts[name]
            return value() if callable(value) else value

        if name not in vars(self).get("facts", ()):
            raise AttributeError(name)
        return fact


def ill(**parts):
    """What is different in a patient."""
    return parts


def laptop(**others):
    nothing = ill(has_jetbot=False, on_jetson=False, video_devices=[], i2c_buses=[], in_i2c_group="no",
                  settings=(DEFAULTS, "/home/you/robot.json", False), power_mode="", clocks="", temperatures={},
                  opencv=said(version="4.9.0", file="cv2", gstreamer=False, wheels=["opencv-python-headless"]))
    return Patient(**dict(nothing, **others))


def examine(patient, *models):
    return {finding.name: finding for finding in doctor.examine(models, patient)}


def test_a_healthy_robot_is_all_good():
    findings = examine(Patient(), ROAD)
    assert {f.state for f in findings.values()} == {"good"}, findings
    assert len(findings) == 15 and not any(f.remedy for f in findings.values())


def test_on_a_laptop_what_is_not_there_is_said_and_is_fine_in_the_simulator():
    findings = examine(laptop())
    missing = ("opencv", "jetbot package", "camera", "i2c board", "motor guard", "calibration", "power mode")
    for name in missing:
        assert findings[name].state == "note" and "fine in the simulator" in findings[name].found, findings[name]
    assert {f.state for name, f in findings.items() if name not in missing} == {"good"}


HOLDER = [(4711, "python3 -m ipykernel_launcher")]
ILLNESSES = [  # what is the matter, name of the check, words of its remedy
    (ill(numpy=Child({}, -signal.SIGILL, "", 0.0)), "numpy", "OPENBLAS_CORETYPE=ARMV8"),
    (ill(numpy=said(version="1.11.0", file="x")), "numpy", "numpy==1.19.4"),
    (ill(numpy=Child({"raised": "ModuleNotFoundError: No module named 'numpy'"}, 1, "", 0.0)), "numpy", "install"),
    (ill(opencv=Child({"raised": "ModuleNotFoundError: No module named 'cv2'"}, 1, "", 0.0)), "opencv",
     "not with pip"),
    (ill(opencv=said(version="4.6", file="x", gstreamer=False, wheels=["opencv-python"])), "opencv",
     "pip uninstall opencv-python"),
    (ill(opencv=said(version="4.6", file="x", gstreamer=True, wheels=["opencv-python", "opencv-python-headless"])),
     "opencv", "uninstall opencv-python opencv-python-headless"),
    (ill(widgets=said(traitlets=None, ipywidgets=None)), "traitlets", "pip install traitlets"),
    (ill(has_jetbot=False), "jetbot package", "container"),
    (ill(official=said(version="0.4.3", robot="r", camera="c", motors=False, seconds=1.0)), "jetbot package",
     "battery"),
    (ill(official=Child({"raised": "no I2C", "remedy": "use --privileged"}, 1, "", 0.0)), "jetbot package",
     "use --privileged"),
    (ill(camera=said(description="", shape=[224, 224, 3], frames=30, distinct=1, hz=30.0, brightest=9)), "camera",
     "nvargus-daemon"),
    (ill(camera=said(description="", shape=[224, 224, 3], frames=0, distinct=0, hz=0.0, brightest=99)), "camera",
     "nvargus-daemon"),
    (ill(camera=said(description="", shape=[224, 224, 3], frames=30, distinct=9, hz=30.0, brightest=9)), "camera",
     "cap"),
    (ill(camera=Child({}, -9, "", 45.0)), "camera", "nvargus-daemon"),
    (ill(camera=Child({}, -11, "", 0.0)), "camera", "ribbon"),
    (ill(camera_holders=HOLDER), "camera", "kill 4711"),
    (ill(i2c_buses=[]), "i2c board", "--privileged"),
    (ill(i2c_buses=[(1, "Permission denied", [])], in_i2c_group="no"), "i2c board", "usermod -aG i2c"),
    (ill(i2c_buses=[(1, "Permission denied", [])], in_i2c_group="after login"), "i2c board", "log out and in"),
    (ill(i2c_buses=[(1, "", [0x3c])]), "i2c board", "cable"),
    (ill(guard=Child({"raised": "none", "remedy": "check battery"}, 1, "", 0.0)), "motor guard", "check battery"),
    (ill(memory_mb=(80.0, 0.0, 500.0)), "memory", "kernels"),
    (ill(disk_mb=[("/workspace", 9000.0), ("/root", 3.0)]), "disk", "recordings"),
    (ill(throttle_events=["oc1_event_cnt 3"]), "heat, voltage", "battery"),
    (ill(temperatures={"CPU-therm": 97.0, "GPU-therm": 60.0}), "heat, voltage", "fan"),
    (ill(written_s=4e9), "clock", "date -s"),
    (ill(model=Child({"raised": "road.npz: damaged", "remedy": "copy it again"}, 1, "", 0.0)), "model " + ROAD,
     "again"),
]


@pytest.mark.parametrize("illness, name, remedy", ILLNESSES, ids=[f"{i}-{case[1]}" for i, case in enumerate(ILLNESSES)])
def test_each_illness_is_bad_alone_and_has_its_remedy(illness, name, remedy):
    findings = examine(Patient(**illness), ROAD)
    assert findings[name].state == "bad" and remedy in findings[name].remedy, findings[name]
    assert [f.name for f in findings.values() if f.state == "bad"] == [name]


@pytest.mark.parametrize("warning, name", [
    (ill(memory_mb=(300.0, 0.0, None)), "memory"), (ill(disk_mb=[("/", 300.0)]), "disk"),
    (ill(temperatures={"CPU": 75.0}), "heat, voltage"), (ill(power_mode=""), "power mode"),
    (ill(guard=said(ready_s=1.0, rss_mb=41.0)), "motor guard"),
    (ill(model=said(task="road", load_s=1.0, predict_ms=80.0, peak_mb=60.0)), "model " + ROAD),
    (ill(camera=said(description="", shape=[224, 224, 3], frames=9, distinct=9, hz=8.0, brightest=99)), "camera"),
    (ill(settings=(DEFAULTS, "x", False)), "calibration"),
])
def test_what_is_worth_a_word_is_a_note(warning, name):
    findings = examine(Patient(**warning), ROAD)
    assert [f.name for f in findings.values() if f.state != "good"] == [name] and findings[name].state == "note"


def test_a_camera_that_another_process_holds_is_not_opened():
    patient = Patient(camera_holders=HOLDER)
    assert "4711 (python3 -m ipykernel_launcher)" in examine(patient)["camera"].found
    assert "camera" not in patient.asked


def test_a_guard_that_holds_the_wheels_of_a_program_that_hangs_is_told():
    finding = examine(Patient(running_guards=[(12, 9.0, 11, "rest"), (14, 9.0, 13, "holding")]))["motor guard"]
    assert finding.state == "bad" and "process 13 hangs" in finding.found and "kill 13" in finding.remedy
    assert "told to stop" in finding.found and "look again" in finding.remedy  # after a STOP it holds for 2 s


def test_no_second_guard_is_started_beside_one_at_work():
    patient = Patient(running_guards=[(12, 9.0, 11, "driving")])
    assert examine(patient)["motor guard"] == ("motor guard", "good", "at work: process 12, 9 MB", "")
    assert "guard" not in patient.asked


def test_a_check_that_raises_is_bad_with_the_reason_and_the_others_go_on():
    def broken():
        raise RuntimeError("no such\nthing")

    findings = examine(Patient(disk_mb=broken, has_jetbot=broken))
    assert "RuntimeError: no such thing" in findings["disk"].found and findings["disk"].state == "bad"
    assert findings["camera"].state == "bad" and findings["memory"].state == "good"


def test_a_top_speed_within_the_dead_band_is_told():
    settings = DEFAULTS._replace(right_dead_band=0.3, max_speed=0.25), "robot.json", True
    finding = examine(Patient(settings=settings))["calibration"]
    assert finding.state == "bad" and "dead band of 0.3" in finding.found and "max_speed=0.5" in finding.remedy


def test_damaged_settings_are_told_in_their_own_words():
    def damaged():
        raise SettingsError("robot settings r.json: not JSON; mend or delete the file")

    finding = examine(Patient(settings=damaged))["calibration"]
    assert finding == ("calibration", "bad", "robot settings r.json: not JSON", "mend or delete the file")


def test_a_check_that_hangs_is_given_up():
    started = time.monotonic()
    findings = doctor.examine((), Patient(disk_mb=lambda: time.sleep(3)), limit_s=0.2)
    assert time.monotonic() - started < 2.0
    assert [f.found for f in findings if f.state == "bad"] == ["no answer within 0.2 s"]


def test_a_child_that_hangs_is_killed_with_all_that_it_started():
    code = ("import subprocess, sys, time; print('{\"first\": 1}', flush=True); "
            "print('{\"pid\": %d}' % subprocess.Popen(['sleep', '60']).pid, flush=True); time.sleep(60)")
    child = doctor_probes.run_child([sys.executable, "-c", code], limit_s=1.5)
    assert child.hung_s == 1.5 and child.answer["first"] == 1
    deadline = time.monotonic() + 3.0
    while time.monotonic() < deadline and alive(child.answer["pid"]):
        time.sleep(0.05)
    assert not alive(child.answer["pid"])


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"  # nobody reaps an orphan in a bare container
    except OSError:
        return False


def run_doctor(path, *words, **environment):
    """The command in a process of its own, with a folder before all others on Python's path."""
    return subprocess.run([sys.executable, "-m", "jetbot_mlp", "doctor"] + list(words), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, cwd=ROOT, stdin=subprocess.DEVNULL,
                          env=dict(os.environ, PYTHONPATH=str(path), **environment))


def test_it_survives_a_numpy_that_kills_python(tmp_path):
    (tmp_path / "numpy").mkdir()
    (tmp_path / "numpy" / "__init__.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    done = run_doctor(tmp_path, "--json", ROAD)
    checks = {check["name"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1 and done.stderr == ""
    assert checks["numpy"]["state"] == "bad" and "Illegal instruction" in checks["numpy"]["found"]
    assert checks["model " + ROAD]["state"] == "bad"
    assert all(set(check) == {"name", "state", "found", "remedy"} for check in checks.values())


PACKAGE = {
    "__init__.py": "raise RuntimeError('this would load torch for 17 s')\n",
    "robot.py": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()\n"  # no daemon
                "class Robot:\n    def set_motors(self, left, right): pass\n    def stop(self): pass\n",
    "camera/__init__.py": "from .gst import OpenCvGstCamera as Camera\n",
    "camera/gst.py": """
import os, threading, time
import numpy as np, traitlets

class OpenCvGstCamera(traitlets.HasTraits):
    value = traitlets.Any()
    def __init__(self):
        super().__init__()
        os.write(1, b"GST_ARGUS: a library talks")
        self.value = np.full((224, 224, 3), 77, np.uint8)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
    def stop(self):
        raise OSError("already gone")
    def run(self):  # for ever, and no daemon
        while True:
            time.sleep(0.03)
            self.value = np.full((224, 224, 3), NEXT, np.uint8)
""",
}


@pytest.mark.parametrize("next_value, state", [("77", "bad"), ("int(time.time() * 1e3) % 200 + 50", "good")])
def test_the_official_camera_is_watched_for_a_second(tmp_path, monkeypatch, next_value, state):
    for name, text in PACKAGE.items():
        path = tmp_path / "jetbot" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("NEXT", next_value))
    monkeypatch.syspath_prepend(str(tmp_path))
    findings = examine(Patient(has_jetbot=doctor_probes.has_jetbot, official=doctor_probes.ask("official"),
                               camera=doctor_probes.ask("camera", "auto")))
    assert findings["jetbot package"].state == "good", findings["jetbot package"]
    assert findings["camera"].state == state and "224x224x3" in findings["camera"].found, findings["camera"]
    assert "frozen" in findings["camera"].found or state == "good"


def test_the_command_says_good_or_what_to_do(capsys, monkeypatch):
    real, patient = doctor.examine, Patient(memory_mb=(9.0, 0.0, None))
    monkeypatch.setattr(doctor, "examine", lambda models, show: real(models, patient, show))
    assert main(["doctor", ROAD]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("good python") and lines[-1] == "1 thing must be done: see BAD"
    bad = [i for i, line in enumerate(lines) if line.startswith("BAD")]
    assert len(bad) == 1 and lines[bad[0] + 1].strip().startswith("-> ")


def test_here_it_finds_no_crash_and_its_json_is_one_object():
    done = run_doctor("", "--json", ROAD)
    assert done.stderr == "" and done.returncode in (0, 1)
    checks = json.loads(done.stdout)["checks"]
    assert not [c for c in checks if "the check itself failed" in c["found"]]
    states = {c["name"]: c["state"] for c in checks}
    assert states["numpy"] == states["traitlets"] == states["model " + ROAD] == "good"


def test_the_package_and_the_doctor_load_neither_numpy_nor_opencv():
    code = ("import sys, jetbot_mlp, jetbot_mlp.__main__ as m, jetbot_mlp.doctor, jetbot_mlp.stop_wheels; "
            "m.build_parser(); sys.exit(bool({'numpy', 'cv2', 'traitlets'} & set(sys.modules)))")
    assert subprocess.call([sys.executable, "-c", code], cwd=ROOT) == 0


class Wheels:
    def __init__(self, refuse=None):
        self.log, self.refuse = [], refuse

    def set_motors(self, left, right):
        self.log.append((left, right))
        if self.refuse:
            raise self.refuse

    def stop(self):
        self.log.append("stop")


class Guard:
    refusal = None  # what beat answers

    def __init__(self, log):
        self.arm = lambda: log.append("arm")
        self.beat = lambda: log.append("beat") or self.refusal
        self.rest = lambda: log.append("rest")
        self.close = lambda: log.append("close")


def turn(answers, robot, sleep=lambda s: None):
    answers = iter(answers)
    return doctor.turn_wheels(lambda question: next(answers), lambda: robot, lambda r: Guard(robot.log), sleep)


def test_wheels_turn_only_after_a_yes_one_short_pulse_each():
    robot, slept = Wheels(), []
    assert turn([""], robot).state == "note" and robot.log == []
    assert turn(["yes", "yes"], robot, slept.append).state == "good"
    speed = doctor.PULSE_SPEED
    assert robot.log == ["arm", "beat", (speed, 0.0), "stop", "rest", "beat", (0.0, speed), "stop", "rest",
                         "stop", "close"]
    assert max(slept) <= 0.5 and speed <= 0.3
    assert "calibrate" in turn(["yes", "no"], Wheels()).remedy


@pytest.mark.parametrize("error", [HardwareError("motors: no"), OSError("121")])
def test_motors_that_refuse_are_stopped_all_the_same_and_reported(error):
    robot = Wheels(error)
    assert turn(["yes"], robot).state == "bad" and robot.log[-2:] == ["stop", "close"]


def test_no_wheel_turns_when_the_guard_forbids_it(monkeypatch):
    monkeypatch.setattr(Guard, "refusal", "the motor guard is gone")
    robot = Wheels()
    finding = turn(["yes"], robot)
    assert finding.state == "bad" and "guard is gone" in finding.found
    assert robot.log == ["arm", "beat", "stop", "close"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_and_kill_while_a_wheel_turns_stop_it(error):
    def interrupted(s):
        raise error

    robot = Wheels()
    with pytest.raises(error):
        turn(["yes"], robot, interrupted)
    assert robot.log[-2:] == ["stop", "close"]


def test_the_wheels_are_not_asked_for_unless_wanted(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "examine", lambda models, show: [])
    monkeypatch.setattr(doctor, "turn_wheels", lambda ask: pytest.fail("nobody asked for it"))
    assert main(["doctor"]) == 0
    monkeypatch.setattr(doctor, "turn_wheels", lambda ask: doctor.judge.bad("wheels", "no", "yes"))
    assert main(["doctor", "--turn-wheels", "--json"]) == 1
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["checks"][0]["name"] == "wheels"


def test_who_holds_the_camera_is_read_from_proc(monkeypatch):
    real = doctor_probes.camera_holders()
    assert os.getpid() not in [pid for pid, _ in real]
    links = {f"/proc/{os.getppid()}/fd/9": "/dev/video0"}
    monkeypatch.setattr(doctor_probes.glob, "glob", lambda pattern: [f"/proc/{os.getppid()}"]
                        if pattern == "/proc/[0-9]*" else list(links))
    monkeypatch.setattr(doctor_probes.os, "readlink", links.get)
    assert [pid for pid, _ in doctor_probes.camera_holders()] == [os.getppid()]


def test_i2c_is_read_as_linux_tells_it(monkeypatch):
    errors = {0x60: None, 0x5d: OSError(121, "Remote I/O error"), 0x3c: OSError(16, "Device or resource busy")}

    def probe(address):
        if errors[address]:
            raise errors[address]

    def open_bus(number):
        if number != 1:
            raise OSError(13, "Permission denied") if number == 7 else OSError(2, "No such file or directory")
        return types.SimpleNamespace(probe=probe)

    monkeypatch.setattr(doctor_probes, "open_bus", open_bus)
    assert doctor_probes.i2c_buses(True) == [(1, "", [0x60, 0x3c]), (7, "Permission denied", [])]
    monkeypatch.setattr(doctor_probes.os.path, "exists", lambda path: path in ("/dev/i2c-1", "/dev/i2c-7"))
    monkeypatch.setattr(doctor_probes, "open_bus", lambda number: pytest.fail("a laptop's buses are left alone"))
    assert doctor_probes.i2c_buses(False) == [(1, "", []), (7, "", [])]


def test_a_real_guard_is_started_measured_and_ended(tmp_path, monkeypatch):
    (tmp_path / "smbus.py").write_text(SMBUS.format(str(tmp_path / "bus")))
    monkeypatch.syspath_prepend(str(tmp_path))
    child = doctor_probes.ask("guard")
    assert child.status == 0 and 0 < child.answer["ready_s"] < 10 and 0 < child.answer["rss_mb"] < 30, child
    left = [pid for pid, _, _, _ in doctor_probes.running_guards()
            if str(tmp_path) in doctor_probes.read(f"/proc/{pid}/cmdline")]
    assert left == []
