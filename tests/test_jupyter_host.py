import json
import os
import subprocess
import sys
from urllib.parse import urlsplit

import pytest
from jupyter_fakes import PASSWORD, TOKEN, Wire, jupyter_server

from jetbot_mlp import commands_deploy, deploy, jupyter_host
from jetbot_mlp.__main__ import main
from jetbot_mlp.errors import ConnectionCut, NotLetIn, RemoteError
from jetbot_mlp.jupyter_host import PIECE, JupyterHost, address_of, is_jupyter
from jetbot_mlp.model_file import golden_frame, load_model, save_model

MODEL = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models", "road.npz")


@pytest.mark.parametrize("name, address, token", [
    ("jupyter://192.168.55.1", "http://192.168.55.1:8888", None), ("jupyter://robot:80/", "http://robot:80", None),
    ("http://robot:8888/lab/tree/road.ipynb", "http://robot:8888", None), ("http://robot/tree?", "http://robot", None),
    ("http://robot:8888/?token=a1b2", "http://robot:8888", "a1b2"), ("jupyters://robot", "https://robot:8888", None),
    ("https://hub.school.kr/user/kim/lab?token=x", "https://hub.school.kr/user/kim", "x"),
    ("jupyter://[fe80::1]:8888", "http://[fe80::1]:8888", None),
    ("http://robot:8888/login?next=%2Flab", "http://robot:8888", None),
])
def test_the_address_may_be_short_or_what_the_browser_shows(name, address, token):
    assert address_of(name) == (address, token) and is_jupyter(name)


@pytest.mark.parametrize("name", ["jupyter://", "jupyter://robot:0", "jupyter://robot:port", "ftp://robot",
                                  "jupyter://jetbot:secret@robot", "jupyter://[robot"])
def test_an_address_that_cannot_be_is_told_without_its_secrets(name):
    with pytest.raises(RemoteError, match="expected jupyter://HOST") as error:
        address_of(name)
    assert "secret" not in str(error.value)


def test_hosts_of_ssh_are_no_jupyter_servers():
    assert not any(is_jupyter(name) for name in ("jetbot@192.168.55.1", "robot", "ssh://jetbot@robot:22", "a:b"))


def test_a_token_is_in_no_name(monkeypatch):
    assert JupyterHost("http://robot:8888/?token=a1b2").name == "http://robot:8888/"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    pytest.importorskip("requests")
    pytest.importorskip("websocket")
    with jupyter_server(str(tmp_path_factory.mktemp("jupyter"))) as found:
        yield found


@pytest.fixture(scope="module")
def host(server):
    with JupyterHost(server + "/lab", password=PASSWORD) as opened:
        yield opened


def test_a_script_runs_by_itself_and_its_answer_comes_back(host, tmp_path):
    script = ("import json, os, sys\nprint('한글 greeting')\n"
              "print(json.dumps({'given': sys.argv[1:], 'folder': os.getcwd()}))")
    given = ["a'b", "한글", "--x={}", "\n"]
    answer = host.run(script, given)
    assert answer == {"given": given, "folder": "/"}  # where no file of the user's is taken for a module
    assert os.path.isdir(host.home) and "Jupyter server" in host.where


@pytest.mark.parametrize("script, line", [
    ("print('{\"error\": \"disk on fire\"}')", "^disk on fire$"),
    ("import sys; sys.exit('no such luck')", "no such luck"),
    ("x = )", "SyntaxError"), ("print(1)", "expected an answer of the script"),
])
def test_a_script_that_fails_is_told(host, script, line):
    with pytest.raises(RemoteError, match=line) as error:
        host.run(script)
    assert "\n" not in str(error.value)


def test_a_script_that_takes_too_long_is_ended(host):
    with pytest.raises(RemoteError, match="expected the script over there to end in time"):
        host.run("import time; time.sleep(60)", limit_s=0.5)
    assert host.run("print('{}')") == {}


@pytest.mark.parametrize("size", [0, 1, PIECE, PIECE + 1])
def test_a_file_goes_there_and_comes_back_whole(host, tmp_path, size):
    data, carried = os.urandom(size), []
    local, remote, back = (tmp_path / name for name in ("local", "한글 '\"\n.npz", "back"))
    local.write_bytes(data)
    remote.write_bytes(b"something longer that was there before" * 3)
    host.put(str(local), str(remote), carried.append)
    assert remote.read_bytes() == data and sum(carried) == size
    back.write_bytes(data[:size // 3])
    host.get(str(remote), str(back), size // 3)  # goes on where it was cut
    assert back.read_bytes() == data


def test_many_files_come_in_few_questions(host, tmp_path, monkeypatch):
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    wanted, carried, questions = [], [], []
    for number in range(60):
        size = PIECE * 2 + 5 if number == 30 else number * 500
        (there / str(number)).write_bytes(os.urandom(size))
        wanted.append((str(there / str(number)), str(here / str(number)), 0, size))
    (there / "7").unlink()  # deleted meanwhile: `pull` compares afterwards
    ask = host._kernel.run
    monkeypatch.setattr(host._kernel, "run", lambda *a: questions.append(a) or ask(*a))
    host.get_many(wanted, carried.append)
    assert len(questions) <= 6 and sum(carried) == sum(os.path.getsize(str(p)) for p in here.iterdir())
    for number in range(60):
        if number != 7:
            assert (here / str(number)).read_bytes() == (there / str(number)).read_bytes()


@pytest.mark.parametrize("remote, line", [
    ("/nowhere/model.npz", "/nowhere/model.npz there: No such file or directory"), ("/", "/ there: Is a directory"),
    ("/dev/full", "disk full: no space left at /dev/full there; delete something there"),
])
def test_what_the_disk_there_says_is_told(host, tmp_path, remote, line):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    local = tmp_path / "local"
    local.write_bytes(b"x" * 100000)
    with pytest.raises(RemoteError, match=line):
        host.put(str(local), remote)


def test_a_folder_of_somebody_else_is_told(host, tmp_path):
    local, there = tmp_path / "local", tmp_path / "there"
    local.write_bytes(b"x")
    there.mkdir()
    if os.geteuid() == 0:  # root may write everywhere but where nobody may
        if subprocess.call(["chattr", "+i", str(there)], stderr=subprocess.DEVNULL):
            pytest.skip("root here, and no chattr +i on this file system")
    else:
        there.chmod(0o500)
    try:
        with pytest.raises(RemoteError, match="there: .*; look at its owner and rights there"):
            host.put(str(local), str(there / "model.npz"))
    finally:
        subprocess.call(["chattr", "-i", str(there)], stderr=subprocess.DEVNULL)
        there.chmod(0o700)
    assert list(there.iterdir()) == []


def test_from_the_command_line_there_and_back_and_what_was_recorded_comes_too(server, host, tmp_path, monkeypatch,
                                                                             capsys):
    folder = tmp_path / "robot"
    words = [server, "--folder", str(folder), "--json"]

    def current():
        with open(str(folder / "current" / "road.npz"), "rb") as stream:
            return stream.read()

    with open(MODEL, "rb") as stream:
        first = stream.read()
    # other tests' motor guards run beside these
    monkeypatch.setattr(deploy, "SCRIPT", deploy.SCRIPT.replace('PROC = "/proc"', f"PROC = {str(tmp_path)!r}"))
    assert main(["deploy", MODEL, "--password", PASSWORD] + words) == 0
    result, = json.loads(capsys.readouterr().out)["hosts"]
    assert (result["error"], result["from"], result["to"]) == (None, None, 1) and result["difference"] < 1e-5
    assert current() == first
    model = load_model(MODEL)
    model.network.biases_[-1][...] += 0.01
    save_model(str(tmp_path / "road.npz"), model, golden_frame(MODEL))
    monkeypatch.setenv(jupyter_host.PASSWORD_VARIABLE, PASSWORD)
    assert main(["deploy", str(tmp_path / "road.npz")] + words) == 0 and current() != first
    assert main(["rollback", "--token", TOKEN] + words) == 0 and current() == first
    capsys.readouterr()
    (folder / "drive").mkdir()
    for number in range(30):
        (folder / "drive" / f"{number}.jpg").write_bytes(os.urandom(20000))
    monkeypatch.setattr(commands_deploy, "place", lambda text: (server, str(folder / "drive")))
    assert main(["pull", "HOST:FOLDER", str(tmp_path / "here"), "--json"]) == 0
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["copied"], done["copied_bytes"], done["there_already"]) == (30, 600000, 0)
    assert (tmp_path / "here" / "7.jpg").read_bytes() == (folder / "drive" / "7.jpg").read_bytes()


def test_several_servers_are_asked_for_passwords_one_after_another(server, monkeypatch):
    asked = []
    for variable in (jupyter_host.PASSWORD_VARIABLE, jupyter_host.TOKEN_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(jupyter_host.sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
    monkeypatch.setattr(jupyter_host.getpass, "getpass", lambda text: asked.append(text) or PASSWORD)
    hosts = [JupyterHost(server), JupyterHost(server)]
    hosts[0].asks = False
    with pytest.raises(NotLetIn, match="expected a password for the Jupyter server, found none; give it in JETBOT_JUP"):
        hosts[0].open()
    assert asked == []
    try:
        assert deploy.log_in(hosts) == [None, None]
        assert asked == [f"password of the Jupyter server at {server}: "] * 2
    finally:
        for host in hosts:
            host.close()


def test_a_file_that_is_not_there_cannot_be_got(host, tmp_path):
    with pytest.raises(RemoteError, match="model.npz there: No such file"):
        host.get(str(tmp_path / "model.npz"), str(tmp_path / "local"))


def test_a_cut_in_the_middle_leaves_what_came_so_that_the_next_time_goes_on(server, tmp_path, monkeypatch):
    wire = Wire(urlsplit(server).port)
    data = os.urandom(3 * PIECE)
    (tmp_path / "remote").write_bytes(data)
    remote, local = str(tmp_path / "remote"), str(tmp_path / "local")
    monkeypatch.setenv(jupyter_host.TOKEN_VARIABLE, TOKEN)
    with pytest.raises(ConnectionCut, match="the connection was cut"):
        with JupyterHost(f"jupyter://127.0.0.1:{wire.port}/robot") as host:
            host.get(remote, local, 0, lambda size: wire.cut())
    came = os.path.getsize(local)
    assert came == PIECE
    with JupyterHost(server) as host:
        host.get(remote, local, came)
        with open(local, "rb") as stream:
            assert stream.read() == data
        answer = host.run("import json, sys; print(json.dumps({'python': list(sys.version_info[:2])}))")
        assert json.loads(json.dumps(answer)) == {"python": list(sys.version_info[:2])}
