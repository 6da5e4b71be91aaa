"""What OpenSSH says becomes one line; and the container. `ssh` and `docker` are shell scripts here."""
import os
import re
import shutil

import pytest
from made_up_robot import Robot, linked_folder

from jetbot_mlp import deploy as logic
from jetbot_mlp.cargo import pack
from jetbot_mlp.errors import ConnectionCut, NotLetIn, RemoteError
from jetbot_mlp.remote_base import sha256
from jetbot_mlp.ssh_host import SSHHost

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ROAD = os.path.join(ROOT, "models", "road.npz")
pytestmark = pytest.mark.skipif(os.name != "posix", reason="shell scripts")

SSH = """#!/bin/sh
# says what it is told to say and fails as ssh does, or runs the command in the robot's home
echo "$@" >> {folder}/asked
if [ -s {folder}/says ]; then cat {folder}/says >&2; exit 255; fi
while [ "$1" != -- ]; do
    case $1 in
        -M) master=1 ;;
        ControlPath=*) socket=${{1#ControlPath=}} ;;
    esac
    shift
done
shift 2
if [ "$master" ]; then : > "$socket"; exec sleep 1000; fi
cd {robot.home}
exec env -i HOME={robot.home} PATH={robot.path} OPENBLAS_NUM_THREADS=1 LC_ALL=C sh -c "$*"
"""
DOCKER = """
case $1 in
    ps) echo jetbot_camera; echo {name} ;;
    exec) shift 5; HOME=/nowhere exec "$@" ;;
esac
"""
CHANGED = """@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for 192.168.55.1 has changed and you have requested strict checking.
Host key verification failed."""


@pytest.fixture(scope="module")
def robot(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ssh")
    (folder / "linked").mkdir()
    return Robot(folder / "robot", linked_folder(folder / "linked"), ROOT)


@pytest.fixture(autouse=True)
def ssh(monkeypatch, tmp_path, robot):
    """-> the folder where `says` is what ssh complains, `asked` what it was called with."""
    folder = tmp_path / "laptop"
    folder.mkdir()
    (folder / "proc").mkdir()
    (folder / "ssh").write_text(SSH.format(folder=folder, robot=robot))
    (folder / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(logic, "SCRIPT", logic.SCRIPT.replace('PROC = "/proc"', f"PROC = {str(folder / 'proc')!r}"))
    robot.program("docker", "exit 127")  # a real one of this machine is not for the tests
    yield folder
    shutil.rmtree(str(robot.bin))
    robot.bin.mkdir()


@pytest.mark.parametrize("says, kind, line", [
    (CHANGED, RemoteError, "expected the host key of before, found another: is this the same robot.*"
                           "ssh-keygen -R 192.168.55.1, then ssh jetbot@192.168.55.1 once"),
    ("No ED25519 host key is known for 192.168.55.1 and you have requested strict checking.\r\n"
     "Host key verification failed.\r", NotLetIn, "found one that nobody has confirmed; do it once by hand: ssh "
                                                  "jetbot@192.168.55.1"),
    ("jetbot@192.168.55.1: Permission denied (publickey,password).\r", NotLetIn,
     "expected the right password or key, found 'jetbot@192.168.55.1: Permission denied"),
    ("Received disconnect from 192.168.55.1 port 22:2: Too many authentication failures\r\n"
     "Disconnected from 192.168.55.1 port 22\r", NotLetIn, "expected the right password or key"),
    ("ssh: Could not resolve hostname robot7: Name or service not known\r", RemoteError, "which nobody knows"),
    ("ssh: connect to host 192.168.55.1 port 22: Connection refused\r", RemoteError,
     "expected ssh at 192.168.55.1, port 22, found that it refuses"),
    ("ssh: connect to host 192.168.55.1 port 22: Connection timed out\r", RemoteError,
     "expected a robot at 192.168.55.1, found no answer .Connection timed out.: is it on, and in this network"),
    ("ssh: connect to host 192.168.55.1 port 22: No route to host\r", RemoteError, "no answer .No route to host."),
    ("Connection timed out during banner exchange\r\nConnection to 192.168.55.1 port 22 timed out\r", RemoteError,
     "found something that does not answer as ssh does .Connection to 192.168.55.1 port 22 timed out."),
    ("kex_exchange_identification: Connection closed by remote host\r\nConnection closed by 192.168.55.1 port 8888\r",
     RemoteError, "found something that does not answer as ssh does .*is that the port of ssh"),
    ("kex_exchange_identification: banner line contains invalid characters\r\nbanner exchange: Connection to "
     "192.168.55.1 port 8888: invalid format\r", RemoteError, "found something that does not answer as ssh does"),
    ("Bad owner or permissions on /home/kim/.ssh/config", RemoteError,
     "expected to log in with ssh, found: Bad owner or permissions on /home/kim/.ssh/config; try by hand"),
    ("command-line: line 0: Bad configuration option: x\x1b[2J", RemoteError, r"found: command-line: .*\\x1b\[2J"),
    ("\n", RemoteError, "found: nothing was said")])
def test_what_ssh_says_when_it_does_not_get_in_is_one_line_with_a_remedy(ssh, says, kind, line):
    (ssh / "says").write_text(says + "\n")
    with pytest.raises(RemoteError, match=line) as error:
        SSHHost("jetbot@192.168.55.1").open()
    assert type(error.value) is kind
    assert "\n" not in str(error.value) and "\r" not in str(error.value) and "\x1b" not in str(error.value)


@pytest.mark.parametrize("name", ["-oProxyCommand=rm", "", " ", "robot; rm -rf x"])
def test_what_cannot_be_a_host_never_reaches_ssh(ssh, name):
    with pytest.raises(RemoteError, match="expected a host such as jetbot@192.168.55.1"):
        SSHHost(name)
    assert not (ssh / "asked").exists()


def test_port_key_and_config_are_passed_on_and_nothing_is_asked_of_several_at_once(ssh):
    host = SSHHost("jetbot@robot", ["-p", "2222", "-i", "key", "-F", "config"])
    for asks in (False, True):
        host.asks = asks
        with host:
            assert host.where == "host" and host.notes == []
    lines = (ssh / "asked").read_text().splitlines()
    assert all(line.startswith("-p 2222 -i key -F config -o ConnectTimeout") and " -- jetbot@robot" in line
               for line in lines)
    masters = [line for line in lines if " -M " in line]
    assert ["BatchMode=yes" in line for line in masters] == [True, False]
    assert all("BatchMode=yes" in line for line in lines if line not in masters)  # never in the midst of other things


def test_without_ssh_the_remedy_is_told(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RemoteError, match="expected the program ssh, found none; install"):
        SSHHost("robot").open()


def test_a_connection_that_breaks_later_is_a_cut_one(ssh, tmp_path):
    with SSHHost("robot") as host:
        (ssh / "says").write_text("client_loop: send disconnect: Broken pipe\r\n")
        for work in (lambda: host.run("print({})"), lambda: host.put(ROAD, "x"),
                     lambda: host.get("x", str(tmp_path / "x"))):
            with pytest.raises(ConnectionCut, match="the connection was cut .client_loop: send disc.*Broken pipe."):
                work()


def test_an_answer_that_does_not_come_is_not_waited_for_for_ever():
    with SSHHost("robot") as host, pytest.raises(RemoteError, match="expected an answer within 0 s, found none"):
        host.run("import time; time.sleep(60)", limit_s=0.5)


def test_without_python_or_with_an_old_one_it_is_told_how_to_name_another(robot):
    with SSHHost("robot", python="python9") as host:
        with pytest.raises(RemoteError, match="expected Python 3.6 or newer as python9 on the host there, found none .*"
                                              "name it with --python"):
            host.run("print({})")
    robot.program("python3.5", "shift; code=$1; shift\n"
                               f'exec {robot.python} -c "import sys; sys.version_info = (3, 5, 2);$code" "$@"')
    with SSHHost("robot", python="python3.5") as host:
        for work in (lambda: host.run("print({})"), lambda: host.put(ROAD, "x")):
            with pytest.raises(RemoteError, match="^expected Python 3.6 or newer, found 3.5 as python3.5 on the host "
                                                  "there; name another with --python$"):
                work()
    assert not (robot.home / "x").exists()


def test_files_go_there_and_come_back_and_what_the_disk_says_is_told(robot, tmp_path):
    data = os.urandom(200001)
    (tmp_path / "here").write_bytes(data)
    with SSHHost("robot") as host:
        remote = str(robot.home / "한 글'\"")
        host.put(str(tmp_path / "here"), remote)
        (tmp_path / "back").write_bytes(data[:70000])
        host.get(remote, str(tmp_path / "back"), 70000)
        assert (tmp_path / "back").read_bytes() == data
        with pytest.raises(RemoteError, match="/nowhere/x there: No such file or directory"):
            host.put(str(tmp_path / "here"), "/nowhere/x")
        if os.path.exists("/dev/full"):
            with pytest.raises(RemoteError, match="^disk full: no space left for /dev/full there; delete something"):
                host.put(str(tmp_path / "here"), "/dev/full")


# -- the container --------------------------------------------------------------------------------------------

def test_files_in_the_container_belong_to_whom_its_folder_does(robot, ssh, monkeypatch, tmp_path):
    robot.program("docker", DOCKER.format(name="jetbot_jupyter"))
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.setattr(SSHHost, "container_home", str(workspace))
    as_root = os.geteuid() == 0
    if as_root:  # as in a container: root in a folder of the host's user
        os.chown(str(workspace), 1234, 1234)
    with SSHHost("robot") as host:
        assert (host.where, host.container) == ("container jetbot_jupyter", "jetbot_jupyter")
        done = logic.deploy(host, pack([ROAD], str(tmp_path)))
    assert done["folder"] == str(workspace / "jetbot")
    assert sha256(str(workspace / "jetbot" / "current" / "road.npz")) == sha256(ROAD)
    paths = [os.path.join(folder, name) for folder, *names in os.walk(str(workspace)) for name in sum(names, [])]
    assert any(path.endswith("since") for path in paths) and len(paths) > 8
    assert {os.lstat(path).st_uid for path in paths} == {1234 if as_root else os.geteuid()}

    drives = ssh / "proc" / "4194303"  # on the host, which the container does not see: here both see it
    drives.mkdir()
    (drives / "cmdline").write_bytes(b"python3\0-m\0jetbot_mlp\0drive\0")
    with SSHHost("robot") as host, pytest.raises(RemoteError, match="the wheels may turn there"):
        logic.deploy(host, pack([ROAD], str(tmp_path)))


def test_files_may_be_named_in_korean_where_no_language_is_set(robot, tmp_path):
    """`docker exec` sets none, and Python 3.6 then takes names for ASCII."""
    names = ("\ub370\uc774\ud130", "\ub3c4\ub85c.jpg")
    os.makedirs(os.path.join(str(robot.home), names[0]))
    (tmp_path / "here").write_bytes(b"frame")
    with SSHHost("robot") as host:
        host.put(str(tmp_path / "here"), "/".join((str(robot.home),) + names))
        there = logic.ask(host, "listing", folder=names[0], home=host.home)
        assert there["files"] == [[names[1], 5, sha256(str(tmp_path / "here"))]]
        host.get(f"{there['folder']}/{names[1]}", str(tmp_path / "back"))
        assert host.run("import json, os; print(json.dumps(dict(os.environ)))")["LC_ALL"] == "C.UTF-8"
    assert (tmp_path / "back").read_bytes() == b"frame"


@pytest.mark.parametrize("docker, wanted, where, note", [
    (DOCKER.format(name="other"), None, "host", None),
    (DOCKER.format(name="other"), "other", "container other", None),
    (DOCKER.format(name="jetbot_jupyter"), False, "host", None),
    ("echo 'permission denied while trying to connect to the Docker daemon socket' >&2; exit 1", None, "host",
     "docker does not answer there .permission denied .*sudo usermod -aG docker"),
])
def test_container_or_host(robot, docker, wanted, where, note):
    robot.program("docker", docker)
    with SSHHost("robot", container=wanted) as host:
        assert host.where == where
        assert len(host.notes) == (note is not None) and all(re.match(note, said) for said in host.notes)


@pytest.mark.parametrize("docker, line", [
    (DOCKER.format(name="other"), "expected the running container mine there, found jetbot_camera, other; start it"),
    ("exit 127", "expected docker and the container mine there, found"),
])
def test_a_container_that_was_asked_for_and_does_not_run_is_told(robot, docker, line):
    robot.program("docker", docker)
    with pytest.raises(RemoteError, match=line):
        with SSHHost("robot", container="mine"):
            pass


def test_a_container_that_ends_meanwhile_is_told(robot):
    robot.program("docker", DOCKER.format(name="mine"))
    with SSHHost("robot", container="mine") as host:
        robot.program("docker", "echo 'Error response from daemon: container 1a2b is not running' >&2; exit 1")
        with pytest.raises(RemoteError, match="docker refuses there: Error response from daemon: container 1a2b"):
            host.run("print({})")
