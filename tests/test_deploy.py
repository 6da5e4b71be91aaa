"""Deploying to a real sshd on 127.0.0.1, with a home and a Python of the robot's own."""
import os
import signal
import threading
import time

import pytest
import sshd_robot

from jetbot_mlp import deploy as logic
from jetbot_mlp import ssh_host
from jetbot_mlp.errors import ConnectionCut, JetbotMLPError, RemoteError
from jetbot_mlp.model_file import golden_frame, load_model, save_model
from jetbot_mlp.ssh_host import SSHHost

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROAD, COLLISION = (os.path.join(ROOT, "models", name + ".npz") for name in ("road", "collision"))
pytestmark = pytest.mark.skipif(sshd_robot.MISSING is not None, reason=str(sshd_robot.MISSING))


class Lab:
    """Robots made when they are asked for, and what the laptop has."""

    def __init__(self, folder):
        self.folder, self.robots = folder, []
        (folder / "linked").mkdir()
        (folder / "keys").mkdir()
        self.linked = sshd_robot.linked_folder(folder / "linked")
        self.host_key, self.client_key, self.config = sshd_robot.make_keys(folder / "keys")
        self.other_road = str(folder / "other" / "road.npz")
        os.mkdir(os.path.dirname(self.other_road))
        model = load_model(ROAD)
        model.network.biases_[-1][...] += 0.01
        save_model(self.other_road, model, golden_frame(ROAD))

    def robot(self, *paths):
        robot = sshd_robot.Robot(self.folder / f"robot{len(self.robots)}", *paths)
        self.robots.append(robot.start(self.host_key, self.client_key))
        return robot

    def cargo(self, *models):
        return logic.pack(models, str(self.folder))

    def host(self, robot, kind=SSHHost, **options):
        return kind(robot.name, ["-F", self.config], **options)


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    for robot in lab.robots:
        robot.stop()


@pytest.fixture(scope="module")
def robot(lab):
    """One on which this very package is installed already."""
    return lab.robot(lab.linked, ROOT)


@pytest.fixture(autouse=True)
def no_processes_of_this_machine(monkeypatch, tmp_path):
    """Other tests' motor guards run beside these. -> the /proc of the robots"""
    proc = tmp_path / "proc"
    proc.mkdir()
    script = logic.SCRIPT.replace('PROC = "/proc"', f"PROC = {str(proc)!r}")
    assert script != logic.SCRIPT
    monkeypatch.setattr(logic, "SCRIPT", script)
    return proc


def drives(proc, *words, pid=4194303):
    """A process with that command line, which cannot be there."""
    (proc / str(pid)).mkdir()
    (proc / str(pid) / "cmdline").write_bytes("\0".join(words).encode() + b"\0")


def current(robot):
    try:
        return int(os.path.basename(os.readlink(str(robot.home / "jetbot" / "current"))))
    except OSError:
        return None


def incoming(robot):
    return os.listdir(str(robot.home / "jetbot" / ".deploy" / "incoming"))


def deploy(host, cargo, **options):
    with host:
        return logic.deploy(host, cargo, **options)


def standing(lab, robot, model):
    """Number of the current version, which has that model."""
    there = str(robot.home / "jetbot" / "current" / "road.npz")
    if not os.path.exists(there) or logic.sha256(there) != logic.sha256(model):
        deploy(lab.host(robot), lab.cargo(model), only=True)
    return current(robot)


def test_the_first_deploy_installs_the_package_and_the_models_and_proves_them(lab):
    robot = lab.robot(lab.linked)
    steps = []
    done = deploy(lab.host(robot), lab.cargo(ROAD), step=steps.append)
    assert (done["from"], done["to"], done["package_from"], done["installed"]) == (None, 1, None, True)
    assert done["difference"] <= logic.TOLERANCE and done["ms_per_frame"] > 0
    assert steps == list(logic.STEPS[1:])
    assert sorted(os.listdir(robot.site))[:1] and os.path.isdir(os.path.join(robot.site, "jetbot_mlp"))
    assert load_model(str(robot.home / "jetbot" / "current" / "road.npz")).task == "road"
    assert incoming(robot) == []

    with lab.host(robot) as host:  # the robot's own package is damaged: installed again, though the version is the same
        with open(os.path.join(robot.site, "jetbot_mlp", "losses.py"), "a") as stream:
            stream.write("raise SystemExit('half a file')\n")
        done = logic.deploy(host, lab.cargo(ROAD))
    assert (done["from"], done["to"], done["installed"]) == (1, 1, True)


def test_versions_follow_each_other_and_are_rolled_back(lab, robot):
    first = deploy(lab.host(robot), lab.cargo(ROAD))
    second = deploy(lab.host(robot), lab.cargo(COLLISION))
    assert (second["from"], second["to"]) == (first["to"], first["to"] + 1)
    assert second["kept"] == ["road.npz"] and second["models"] == ["collision.npz", "road.npz"]
    assert not second["installed"]
    with lab.host(robot) as host:
        back = logic.rollback(host)
    assert (back["from"], back["to"], back["models"]) == (second["to"], first["to"], ["road.npz"])
    assert current(robot) == first["to"]
    with lab.host(robot) as host:
        assert logic.rollback(host, to=second["to"])["to"] == second["to"] == current(robot)
    only = deploy(lab.host(robot), lab.cargo(COLLISION), only=True)
    assert only["models"] == ["collision.npz"] and only["to"] == second["to"] + 1


@pytest.fixture
def cut(monkeypatch, tmp_path, robot):
    """-> function: from now on all connections are killed while the robot is in the midst of a certain line."""
    flag = tmp_path / "in the midst"

    def kill():
        deadline = time.monotonic() + 30
        while not flag.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in robot.connections():
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)

    def at(module, name, line):
        text = getattr(module, name)
        indent = line[:len(line) - len(line.lstrip())]
        wait = (f"{indent}import time\n{indent}if not os.path.exists({str(flag)!r}):\n"
                f"{indent}    open({str(flag)!r}, 'w').close(); time.sleep(0.5)\n")
        assert text.count(line + "\n") == 1
        monkeypatch.setattr(module, name, text.replace(line + "\n", wait + line + "\n"))
        killer.start()

    yield at
    if killer.is_alive():
        flag.write_text("")
    killer.join()


@pytest.mark.parametrize("module, name, line", [
    (logic, "SCRIPT", "    folder = whole(folder, home)"),  # looking
    (logic, "SCRIPT", "    own = os.path.join(incoming, token)"),  # beginning
    (ssh_host, "RECEIVE", "            stream.write(data)"),  # copying
    (logic, "SCRIPT", "        sources = wheel_sources(os.path.join(own, wheel))"),  # proving
], ids=["look", "begin", "copy", "prove"])
def test_a_connection_cut_before_the_switch_leaves_the_old_version_and_the_next_deploy_works(lab, robot, cut, module,
                                                                                            name, line):
    before = standing(lab, robot, ROAD)
    cut(module, name, line)
    with pytest.raises(ConnectionCut, match="the connection was cut"):
        deploy(lab.host(robot), lab.cargo(lab.other_road))
    assert current(robot) == before
    time.sleep(0.7)  # what was begun over there ends by itself
    for name in incoming(robot):
        os.utime(str(robot.home / "jetbot" / ".deploy" / "incoming" / name), (1, 1))  # a minute later
    done = deploy(lab.host(robot), lab.cargo(lab.other_road))
    assert done["from"] == before and current(robot) == done["to"] and incoming(robot) == []


def test_a_connection_cut_while_switching_is_asked_again_how_it_ended(lab, robot, cut):
    before = standing(lab, robot, ROAD)
    cut(logic, "SCRIPT", "        before = manifest(folder, number)")
    done = deploy(lab.host(robot), lab.cargo(lab.other_road))
    assert done["to"] == current(robot) and done["to"] != before


def test_two_deploys_at_once_do_not_mix(lab, robot):
    cargos = [lab.cargo(ROAD), lab.cargo(lab.other_road)]
    hosts = [lab.host(robot) for _ in cargos]
    jobs = dict(zip(hosts, cargos))
    results = logic.on_all(hosts, lambda host, step: logic.deploy(host, jobs[host], step=step), lambda steps, n: steps)
    assert [result["error"] for result in results] == [None, None]
    assert sorted(result["to"] for result in results)[-1] == current(robot)
    last = max(range(2), key=lambda i: results[i]["to"])
    path = str(robot.home / "jetbot" / "current" / "road.npz")
    assert logic.sha256(path) == cargos[last].models[0][2]
    assert incoming(robot) == []


def test_a_file_damaged_on_the_way_is_found(lab, robot):
    class Damaging(SSHHost):
        def put(self, local, remote, progress=None):
            super().put(local, remote, progress)
            if remote.endswith(".npz"):
                with open(remote, "r+b") as stream:
                    stream.write(b"x")

    before = standing(lab, robot, ROAD)
    with pytest.raises(RemoteError, match="road.npz did not arrive whole"):
        deploy(lab.host(robot, Damaging), lab.cargo(lab.other_road))
    assert current(robot) == before and incoming(robot) == []


def test_another_answer_than_the_laptops_is_refused(lab, robot):
    before = standing(lab, robot, ROAD)
    cargo = lab.cargo(lab.other_road)
    path, name, digest, here = cargo.models[0]
    here = dict(here, golden_output=[value + 2e-5 for value in here["golden_output"]])
    with pytest.raises(RemoteError, match="expected road.npz to give there what it gives here.*2.0e-05"):
        deploy(lab.host(robot), cargo._replace(models=((path, name, digest, here),)))
    assert current(robot) == before and incoming(robot) == []


@pytest.mark.parametrize("words", [
    ("python3", "-m", "jetbot_mlp", "drive", "road.npz"),
    ("/usr/bin/python3", "-I", "-c", "from jetbot_mlp.guard_process import main; main()")])
def test_while_wheels_may_turn_nothing_is_touched(lab, robot, no_processes_of_this_machine, words):
    before = standing(lab, robot, ROAD)
    drives(no_processes_of_this_machine, *words)
    with pytest.raises(RemoteError, match="the wheels may turn there.*--force"):
        deploy(lab.host(robot), lab.cargo(lab.other_road))
    with lab.host(robot) as host, pytest.raises(RemoteError, match="the wheels may turn there"):
        logic.rollback(host)
    assert current(robot) == before


def test_several_robots_at_once_and_one_bad_robot_stops_no_other(lab, robot):
    bare = lab.robot()  # no NumPy
    hosts = [lab.host(robot), lab.host(bare), SSHHost(f"ssh://127.0.0.1:{sshd_robot.free_port()}", ["-F", lab.config])]
    cargo = lab.cargo(ROAD)
    results = logic.on_all(hosts, lambda host, step: logic.deploy(host, cargo, step=step), lambda steps, n: steps)
    assert results[0]["error"] is None and results[0]["host"] == robot.name
    assert "found no NumPy and OpenCV (cv2)" in results[1]["error"]
    assert "found that it refuses" in results[2]["error"]
    assert not (bare.home / "jetbot").exists()


def test_what_the_laptop_cannot_vouch_for_does_not_leave_it(lab, tmp_path):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK")
    with pytest.raises(JetbotMLPError, match="not sound"):
        lab.cargo(str(broken))
    with pytest.raises(JetbotMLPError, match="found road.npz twice"):
        lab.cargo(ROAD, lab.other_road)


def test_notebooks_come_too_and_one_that_was_worked_in_is_not_lost(lab, robot, tmp_path):
    (tmp_path / "books" / "road").mkdir(parents=True)
    book = tmp_path / "books" / "road" / "live.ipynb"
    book.write_text("{}")
    deploy(lab.host(robot), logic.pack([ROAD], str(lab.folder), str(tmp_path / "books")))
    there = robot.home / "jetbot" / "notebooks" / "road" / "live.ipynb"
    there.write_text("{worked}")
    done = deploy(lab.host(robot), logic.pack([ROAD], str(lab.folder), str(tmp_path / "books")))
    assert there.read_text() == "{}"
    assert (there.parent / "live.old1.ipynb").read_text() == "{worked}"
    assert any("live.old1.ipynb" in note for note in done["notes"])


