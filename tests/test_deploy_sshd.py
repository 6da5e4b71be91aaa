"""Deploying to a real sshd on 127.0.0.1, with a home and a Python of the robot's own."""
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time

import pytest
import sshd_robot
from made_up_robot import linked_folder

from jetbot_mlp import deploy as logic
from jetbot_mlp import ssh_host
from jetbot_mlp.__main__ import main
from jetbot_mlp.cargo import pack
from jetbot_mlp.errors import ConnectionCut
from jetbot_mlp.model_file import golden_frame, load_model, save_model
from jetbot_mlp.remote_base import sha256
from jetbot_mlp.ssh_host import SSHHost

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROAD = os.path.join(ROOT, "models", "road.npz")
pytestmark = pytest.mark.skipif(sshd_robot.MISSING is not None, reason=str(sshd_robot.MISSING))


class Lab:
    """Robots made when they are asked for, and what the laptop has."""

    def __init__(self, folder):
        self.folder, self.robots = folder, []
        for name in ("linked", "keys", "other"):
            (folder / name).mkdir()
        self.linked = linked_folder(folder / "linked")
        self.host_key, self.client_key, self.config = sshd_robot.make_keys(folder / "keys")
        self.other_road = str(folder / "other" / "road.npz")
        model = load_model(ROAD)
        model.network.biases_[-1][...] += 0.01
        save_model(self.other_road, model, golden_frame(ROAD))

    def robot(self, *paths):
        robot = sshd_robot.SSHRobot(self.folder / f"robot{len(self.robots)}", *paths)
        self.robots.append(robot.start(self.host_key, self.client_key))
        return robot


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
    """Other tests' motor guards run beside these."""
    (tmp_path / "proc").mkdir()
    monkeypatch.setattr(logic, "SCRIPT", logic.SCRIPT.replace('PROC = "/proc"', f"PROC = {str(tmp_path / 'proc')!r}"))


@pytest.fixture
def cut(monkeypatch, tmp_path, robot):
    """-> function: from now on all connections are killed while the robot is in the midst of a certain line."""
    flag = tmp_path / "in the midst"

    def kill():
        deadline = time.monotonic() + 60
        while not flag.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        for pid in robot.connections():
            os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill, daemon=True)

    def at(module, name, line):
        text = getattr(module, name)
        indent = line[:len(line) - len(line.lstrip())]
        wait = (f"{indent}import time\n{indent}if not os.path.exists({str(flag)!r}):\n"
                f"{indent}    open({str(flag)!r}, 'w').close(); time.sleep(1)\n")
        assert text.count(line + "\n") == 1
        monkeypatch.setattr(module, name, text.replace(line + "\n", wait + line + "\n"))
        killer.start()

    yield at
    if killer.is_alive():
        flag.write_text("")
    killer.join()


def test_from_the_command_line_there_and_back_and_what_was_recorded_comes_too(lab, robot, tmp_path, capsys):
    words = [robot.name, "-F", lab.config]
    assert main(["deploy", ROAD] + words) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0].split() == ["robot", "where", "version", "package", "check", "ms/frame"]
    assert out.splitlines()[1].startswith(f"{robot.name}  host   none -> 1")
    assert [line.split(": ")[1] for line in err.splitlines() if line.startswith(robot.name)] == list(logic.STEPS)
    assert main(["deploy", lab.other_road] + words) == 0 and robot.current() == 2
    assert main(["rollback"] + words) == 0 and robot.current() == 1
    assert sha256(str(robot.home / "jetbot" / "current" / "road.npz")) == sha256(ROAD)
    assert "welcome to the robot" not in capsys.readouterr().out  # what its shell says to people

    (robot.home / "drives" / "한 글").mkdir(parents=True)
    (robot.home / "drives" / "한 글" / "a.jpg").write_bytes(os.urandom(300000))
    (robot.home / "drives" / "empty.txt").write_text("")
    assert main(["pull", f"{robot.name}/drives", str(tmp_path / "here"), "-F", lab.config]) == 0
    assert (tmp_path / "here" / "한 글" / "a.jpg").read_bytes() == (robot.home / "drives/한 글/a.jpg").read_bytes()
    assert "2 files copied (0.3 MB, each proven by its sha256), 0 were here already" in capsys.readouterr().out


@pytest.mark.parametrize("module, name, line", [
    (ssh_host, "RECEIVE", "            stream.write(data)"),
    (logic, "SCRIPT", "        sources = wheel_sources(os.path.join(own, wheel))")], ids=["copying", "proving"])
def test_a_connection_cut_before_the_switch_leaves_the_old_version(lab, robot, cut, module, name, line):
    before = robot.current()
    cut(module, name, line)
    model = lab.other_road if before is None or before == 1 else ROAD
    with SSHHost(robot.name, ["-F", lab.config]) as host, pytest.raises(ConnectionCut, match="the connection was cut"):
        logic.deploy(host, pack([model], str(lab.folder)), only=True)
    assert robot.current() == before
    deadline = time.monotonic() + 10
    while robot.incoming() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert robot.incoming() == []  # asked to remove it over a new connection


def test_a_connection_cut_while_switching_is_asked_again_how_it_ended(lab, robot, cut):
    before = robot.current()
    cut(logic, "SCRIPT", "        before = manifest(folder, number)")
    with SSHHost(robot.name, ["-F", lab.config]) as host:
        done = logic.deploy(host, pack([lab.other_road], str(lab.folder)))
    assert done["from"] == before and done["to"] == robot.current() != before


def test_several_robots_at_once_and_a_dead_one_stops_no_other(lab, robot, capsys):
    second = lab.robot(lab.linked, ROOT)
    dead = f"ssh://127.0.0.1:{sshd_robot.free_port()}"
    assert main(["deploy", ROAD, robot.name, dead, second.name, "-F", lab.config]) == 1
    out, err = capsys.readouterr()
    rows = out.splitlines()[1:]
    assert [row.split()[0] for row in rows] == [robot.name, dead, second.name]
    assert "FAILED: expected ssh at 127.0.0.1, port" in rows[1] and "found that it refuses" in rows[1]
    assert second.current() == 1 and "1 of 3 failed" in err
    assert sys.stdin is None or "password" not in err


def on_a_terminal(words, answer):
    """Run jetbot-mlp with a terminal of its own, and type answer at each prompt. -> (status, what stood there)"""
    terminal, other_end = pty.openpty()
    code = ("import fcntl, runpy, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
            "runpy.run_module('jetbot_mlp', run_name='__main__', alter_sys=True)")
    process = subprocess.Popen([sys.executable, "-c", code] + words, stdin=other_end, stdout=other_end,
                               stderr=other_end, start_new_session=True, cwd=ROOT)
    os.close(other_end)
    text = answered = ""
    while True:
        try:
            text += os.read(terminal, 4096).decode()
        except OSError:  # the last of them has closed it
            break
        if re.search("passphrase.*: $", text) and text != answered:
            answered = text
            os.write(terminal, (answer + "\n").encode())
    os.close(terminal)
    return process.wait(), text


@pytest.mark.parametrize("count", [1, 2])
def test_on_a_terminal_each_robot_asks_once_and_one_after_another(lab, robot, tmp_path, count):
    key, config = str(tmp_path / "key"), tmp_path / "config"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", key], check=True)
    with open(lab.config) as stream:
        config.write_text(re.sub("IdentityFile .*", f"IdentityFile {key}", stream.read()))
    robots = [robot] + [lab.robot(lab.linked, ROOT) for _ in range(count - 1)]
    with open(key + ".pub") as stream:
        for other in robots:
            with open(str(other.folder / "authorized_keys"), "a") as keys:
                keys.write(stream.read())
            stream.seek(0)
    words = ["rollback", "-F", str(config), "--folder", "nothing"] + [other.name for other in robots]
    status, text = on_a_terminal(words, "secret")
    assert status == 1 and len(re.findall("passphrase.*: ", text)) == count  # one login serves all that comes after
    assert text.count("FAILED: ") == count and "password" not in text  # nothing to go back to, or a drive of others
    status, text = on_a_terminal(words, "wrong")
    assert status == 1 and text.count("expected the right password or key, found") == count
