"""A deploy, step by step, to robots in folders; over a real ssh: test_deploy_sshd.py."""
import os
import shutil
import subprocess
import sys
import threading

import pytest
from made_up_robot import LocalHost, Robot, linked_folder

from jetbot_mlp import deploy as logic
from jetbot_mlp.cargo import pack
from jetbot_mlp.errors import ConnectionCut, NotLetIn, RemoteError
from jetbot_mlp.model_file import golden_frame, load_model, save_model
from jetbot_mlp.remote_base import sha256

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROAD, COLLISION = (os.path.join(ROOT, "models", name + ".npz") for name in ("road", "collision"))
LOADED = "import numpy, cv2; print(numpy.__version__, cv2.__version__)"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="robots are")


class Lab:
    """Robots made when they are asked for, and what the laptop has."""

    def __init__(self, folder):
        self.folder, self.count = folder, 0
        (folder / "linked").mkdir()
        self.linked = linked_folder(folder / "linked")
        self.other_road = str(folder / "other" / "road.npz")
        os.mkdir(os.path.dirname(self.other_road))
        model = load_model(ROAD)
        model.network.biases_[-1][...] += 0.01
        save_model(self.other_road, model, golden_frame(ROAD))

    def robot(self, *paths):
        self.count += 1
        return Robot(self.folder / f"robot{self.count}", *paths)

    def cargo(self, *models):
        return pack(models, str(self.folder))


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    return Lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="module")
def robot(lab):
    """One on which this very package is installed already."""
    return lab.robot(lab.linked, ROOT)


@pytest.fixture(autouse=True)
def proc(monkeypatch, tmp_path):
    """Other tests' motor guards run beside these, and loading OpenCV takes time. -> the /proc of the robots"""
    proc = tmp_path / "proc"
    proc.mkdir()
    script = logic.SCRIPT
    for old, new in (('PROC = "/proc"', f"PROC = {str(proc)!r}"), (LOADED, "print('1.13.3', '4.1.1')")):
        assert script.count(old) == 1
        script = script.replace(old, new)
    monkeypatch.setattr(logic, "SCRIPT", script)
    return proc


def there(robot, name="road.npz"):
    return str(robot.home / "jetbot" / "current" / name)


def standing(lab, robot, model=ROAD):
    """Number of the current version, which has that model."""
    if not os.path.exists(there(robot)) or sha256(there(robot)) != sha256(model):
        logic.deploy(LocalHost(robot), lab.cargo(model), only=True)
    return robot.current()


def test_the_first_deploy_installs_the_package_and_the_models_and_proves_them(lab):
    robot, steps = lab.robot(lab.linked), []
    done = logic.deploy(LocalHost(robot), lab.cargo(ROAD), step=steps.append)
    assert (done["from"], done["to"], done["package_from"], done["installed"]) == (None, 1, None, True)
    assert done["difference"] <= logic.TOLERANCE and done["ms_per_frame"] > 0
    assert steps == list(logic.STEPS[1:])
    assert os.path.isdir(os.path.join(robot.site, "jetbot_mlp"))
    assert sha256(there(robot)) == sha256(ROAD) and robot.incoming() == []

    # the robot's own package is damaged: installed again, though the version is the same
    with open(os.path.join(robot.site, "jetbot_mlp", "losses.py"), "a") as stream:
        stream.write("raise SystemExit('half a file')\n")
    done = logic.deploy(LocalHost(robot), lab.cargo(ROAD))
    assert (done["from"], done["to"], done["installed"]) == (1, 1, True)


def test_a_package_that_pip_cannot_install_leaves_everything_as_it_was(lab):
    robot = lab.robot(lab.linked)
    shutil.copytree(os.path.join(ROOT, "jetbot_mlp"), os.path.join(robot.site, "jetbot_mlp"))  # by hand, and older
    with open(os.path.join(robot.site, "jetbot_mlp", "losses.py"), "a") as stream:
        stream.write("# other\n")
    pip = robot.folder / "first" / "pip"
    pip.mkdir(parents=True)
    (pip / "__main__.py").write_text("import sys; print('ERROR: No space left', file=sys.stderr); sys.exit(1)")
    (pip / "__init__.py").write_text("")
    with open(os.path.join(robot.site, "a.pth"), "w") as stream:
        stream.write(str(robot.folder / "first") + "\n")
    with pytest.raises(RemoteError, match="^pip refuses there: ERROR: No space left"):
        logic.deploy(LocalHost(robot), lab.cargo(ROAD))
    assert robot.current() is None and robot.incoming() == [] and os.listdir(str(robot.home / "jetbot/versions")) == []


def test_versions_follow_each_other_and_are_rolled_back(lab, robot):
    first = standing(lab, robot)
    second = logic.deploy(LocalHost(robot), lab.cargo(COLLISION))
    assert (second["from"], second["to"]) == (first, first + 1)
    assert second["kept"] == ["road.npz"] and second["models"] == ["collision.npz", "road.npz"]
    assert not second["installed"]
    back = logic.rollback(LocalHost(robot))
    assert (back["from"], back["to"], back["models"]) == (second["to"], first, ["road.npz"])
    assert robot.current() == first
    # the second was no good, and neither is the third: back to what drove before it
    third = logic.deploy(LocalHost(robot), lab.cargo(COLLISION), only=True)
    assert third["models"] == ["collision.npz"] and (third["from"], third["to"]) == (first, second["to"] + 1)
    assert logic.rollback(LocalHost(robot))["to"] == first == robot.current()
    assert logic.rollback(LocalHost(robot), to=second["to"])["to"] == second["to"] == robot.current()
    with pytest.raises(RemoteError, match="expected one of the versions .*, found 99"):
        logic.rollback(LocalHost(robot), to=99)


def test_where_nothing_was_deployed_nothing_can_be_rolled_back(lab):
    robot = lab.robot(lab.linked)
    with pytest.raises(RemoteError, match="expected versions in .*/jetbot there, found none; deploy first"):
        logic.rollback(LocalHost(robot))
    assert not (robot.home / "jetbot").exists()


def test_two_deploys_at_once_do_not_mix(lab, robot):
    cargos = [lab.cargo(ROAD), lab.cargo(lab.other_road)]
    hosts = [LocalHost(robot) for _ in cargos]
    jobs = dict(zip(hosts, cargos))
    results = logic.on_all(hosts, lambda host, step: logic.deploy(host, jobs[host], step=step), lambda steps, n: steps)
    assert [result["error"] for result in results] == [None, None]
    last = max(range(2), key=lambda i: results[i]["to"])
    assert results[last]["to"] == robot.current()
    assert sha256(there(robot)) == cargos[last].models[0][2]
    assert robot.incoming() == []


class Damaging(LocalHost):
    def put(self, local, remote, progress=None):
        super().put(local, remote, progress)
        if remote.endswith(".npz"):
            with open(remote, "r+b") as stream:
                stream.write(b"x")


class Cut(LocalHost):
    """Its connection is cut at one command, before or after that was done over there."""

    def __init__(self, robot, command, after):
        super().__init__(robot)
        self.command, self.after = command, after

    def run(self, script, arguments=(), outside=False, limit_s=600):
        command, self.command = self.command, "" if arguments[0] == self.command else self.command
        if arguments[0] != command:
            return super().run(script, arguments, outside, limit_s)
        if self.after:
            super().run(script, arguments, outside, limit_s)
        raise ConnectionCut("the connection was cut")


def test_a_file_damaged_on_the_way_is_found(lab, robot):
    before = standing(lab, robot)
    with pytest.raises(RemoteError, match="road.npz did not arrive whole"):
        logic.deploy(Damaging(robot), lab.cargo(lab.other_road))
    assert robot.current() == before and robot.incoming() == []


def test_a_file_of_the_current_version_that_was_changed_by_hand_is_not_taken_over(lab, robot):
    before = standing(lab, robot)
    with open(ROAD, "rb") as stream:
        whole = stream.read()
    wheel, = (name for name in os.listdir(str(robot.home / "jetbot" / "current")) if name.endswith(".whl"))
    try:
        for name in ("road.npz", wheel):
            with open(there(robot, name), "ab") as stream:
                stream.write(b"x")
        with pytest.raises(RemoteError, match="road.npz of the current version was changed there by hand: deploy it"):
            logic.deploy(LocalHost(robot), lab.cargo(COLLISION))
        assert robot.current() == before
    finally:
        with open(there(robot), "wb") as stream:
            stream.write(whole)
    assert logic.deploy(LocalHost(robot), lab.cargo(lab.other_road))["to"] == before + 1  # the wheel was sent again


def test_another_answer_than_the_laptops_is_refused(lab, robot):
    before = standing(lab, robot)
    cargo = lab.cargo(lab.other_road)
    path, name, digest, here = cargo.models[0]
    here = dict(here, golden_output=[value + 2e-5 for value in here["golden_output"]])
    with pytest.raises(RemoteError, match="expected road.npz to give there what it gives here.*2.0e-05"):
        logic.deploy(LocalHost(robot), cargo._replace(models=((path, name, digest, here),)))
    assert robot.current() == before and robot.incoming() == []


@pytest.mark.parametrize("command, after", [("look", True), ("begin", True), ("prove", False), ("switch", False)])
def test_a_cut_before_the_switch_leaves_the_old_version(lab, robot, command, after):
    before = standing(lab, robot)
    with pytest.raises(ConnectionCut, match="the connection was cut"):
        logic.deploy(Cut(robot, command, after), lab.cargo(lab.other_road))
    assert robot.current() == before
    for name in robot.incoming():
        os.utime(str(robot.home / "jetbot" / ".deploy" / "incoming" / name), (1, 1))  # a minute later
    if command == "begin":
        done = logic.deploy(LocalHost(robot), lab.cargo(lab.other_road))
        assert done["from"] == before and robot.current() == done["to"] and robot.incoming() == []
        assert done["notes"] == ["removed what a deploy that was cut off had left"]


def test_a_switch_whose_answer_was_cut_off_is_asked_again_how_it_ended(lab, robot):
    before = standing(lab, robot)
    done = logic.deploy(Cut(robot, "switch", True), lab.cargo(lab.other_road))
    assert done["to"] == robot.current() != before and done["from"] == before


def test_a_full_disk_is_told_before_anything_is_copied(lab, robot, monkeypatch):
    before = standing(lab, robot)
    monkeypatch.setattr(logic, "UNPACKED", 10 ** 9)
    with pytest.raises(RemoteError, match="disk full: expected .* MB free at .*, found .* MB; delete something there"):
        logic.deploy(LocalHost(robot), lab.cargo(lab.other_road))
    assert robot.current() == before and robot.incoming() == []


def test_while_wheels_may_turn_nothing_is_touched_and_with_force_the_drive_ends_first(lab, robot, proc):
    before = standing(lab, robot)
    drive = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "-m", "jetbot_mlp", "drive"])
    os.symlink(f"/proc/{drive.pid}", str(proc / str(drive.pid)))
    with pytest.raises(RemoteError, match="the wheels may turn there .process .*--force"):
        logic.deploy(LocalHost(robot), lab.cargo(lab.other_road))
    with pytest.raises(RemoteError, match="the wheels may turn there"):
        logic.rollback(LocalHost(robot))
    assert robot.current() == before and drive.poll() is None

    reaper = threading.Thread(target=drive.wait)  # a zombie is a process still
    reaper.start()
    done = logic.deploy(LocalHost(robot), lab.cargo(lab.other_road), force=True)
    reaper.join()
    assert drive.returncode == -15 and done["to"] == robot.current() == before + 1
    assert done["notes"][0].startswith(f"ended process {drive.pid}: ")


def test_a_drive_that_begins_after_the_look_keeps_the_version_with_which_it_began(lab, robot, proc):
    standing(lab, robot)
    before = logic.deploy(LocalHost(robot), lab.cargo(COLLISION))["to"]
    drive = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "-m", "jetbot_mlp", "drive"])

    def begin(step):
        if step == "switching" and not os.listdir(str(proc)):
            os.symlink(f"/proc/{drive.pid}", str(proc / str(drive.pid)))

    try:
        for work in (lambda: logic.deploy(LocalHost(robot), lab.cargo(lab.other_road), step=begin),
                     lambda: logic.rollback(LocalHost(robot), step=begin)):
            with pytest.raises(RemoteError, match="the wheels may turn there .process .*--force"):
                work()
            assert robot.current() == before and robot.incoming() == [] and drive.poll() is None
            os.unlink(str(proc / str(drive.pid)))
    finally:
        drive.kill()
        drive.wait()


def test_several_robots_at_once_and_one_bad_robot_stops_no_other(lab, robot, monkeypatch):
    monkeypatch.setattr(logic, "SCRIPT", logic.SCRIPT.replace("print('1.13.3', '4.1.1')", LOADED))
    bare = lab.robot()  # no NumPy

    class Off(LocalHost):
        def open(self):
            raise RemoteError("is it on?")

    hosts, cargo = [LocalHost(robot), LocalHost(bare), Off(robot)], lab.cargo(ROAD)
    steps = []
    results = logic.on_all(hosts, lambda host, step: logic.deploy(host, cargo, step=step),
                           lambda items, total: steps.append(total) or items)
    assert results[0]["error"] is None and steps == [15]
    assert "found no NumPy and OpenCV (cv2)" in results[1]["error"] and results[2]["error"] == "is it on?"
    assert not (bare.home / "jetbot").exists()


def test_several_robots_are_asked_for_passwords_one_after_another(robot):
    asked = []

    class Asking(LocalHost):
        def open(self):
            if not self.asks:
                raise NotLetIn("a password is wanted")
            assert all(started == ended for started, ended in asked)
            asked.append([1, 0])
            asked[-1][1] = 1
            return self

    hosts = [Asking(robot), LocalHost(robot), Asking(robot)]
    assert logic.log_in(hosts) == [None, None, None] and len(asked) == 2


def test_notebooks_come_too_and_one_that_was_worked_in_is_not_lost(lab, robot, tmp_path):
    standing(lab, robot)
    (tmp_path / "books" / "road").mkdir(parents=True)
    book = tmp_path / "books" / "road" / "live.ipynb"
    book.write_text("{}")
    cargo = pack([ROAD], str(lab.folder), str(tmp_path / "books"))
    logic.deploy(LocalHost(robot), cargo)
    there = robot.home / "jetbot" / "notebooks" / "road" / "live.ipynb"
    there.write_text("{worked}")
    done = logic.deploy(LocalHost(robot), cargo)
    assert there.read_text() == "{}"
    assert (there.parent / "live.old1.ipynb").read_text() == "{worked}"
    assert any("live.old1.ipynb" in note for note in done["notes"])
    with pytest.raises(RemoteError, match="^the models are there, version [0-9]+ is current, but not the notebooks: "):
        logic.deploy(Cut(robot, "notebooks", False), cargo)
