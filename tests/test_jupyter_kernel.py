import sys
import time
from urllib.parse import urlsplit

import pytest
from jupyter_fakes import PASSWORD, TOKEN, Wire, answering, free_port, jupyter_server

from jetbot_mlp import jupyter_kernel
from jetbot_mlp.errors import ConnectionCut, RemoteError
from jetbot_mlp.jupyter_kernel import JupyterKernel


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    pytest.importorskip("requests")
    pytest.importorskip("websocket")
    with jupyter_server(str(tmp_path_factory.mktemp("jupyter"))) as found:
        yield found


@pytest.fixture
def libraries():
    return pytest.importorskip("requests"), pytest.importorskip("websocket")


def sessions_on(address):
    import requests

    return requests.get(address + "/api/sessions", headers={"Authorization": "token " + TOKEN}).json()


@pytest.fixture
def only_log_in(monkeypatch):
    """Starting a kernel takes a second."""
    monkeypatch.setattr(JupyterKernel, "_start", lambda kernel: None)


def test_with_the_password_code_runs_there_and_its_value_and_output_come_back(address, monkeypatch):
    said = []
    with JupyterKernel(address, password=PASSWORD) as kernel:
        assert len(sessions_on(address)) == 1
        kernel.run("x = 6\nprint('한글', flush=True)\nprint(7)", on_output=said.append)
        assert kernel.run("", "[x * 7, None, 'a\\'b\\n']") == [42, None, "a'b\n"]  # names stay from call to call
        long = kernel.run("", "'y' * 3000000")  # what servers would cut off in the output
        assert len(long) == 3000000
        with pytest.raises(RemoteError, match="ZeroDivisionError: division by zero"):
            kernel.run("1 / 0")
        with pytest.raises(RemoteError, match="NameError"):
            kernel.run("", "nobody")
        kernel._socket.shutdown()  # as a server does when nobody has listened for long: opened again by itself
        monkeypatch.setattr(jupyter_kernel, "QUIET_S", -1.0)
        assert kernel.run("", "x") == 6
        with pytest.raises(RemoteError, match="no answer from the kernel in time"):
            kernel.run("import time; time.sleep(0.6)", timeout_s=0.1)
    assert "".join(said) == "한글\n7\n"
    assert sessions_on(address) == []  # nothing is left in the robot's memory


def test_a_token_does_too(address):
    with JupyterKernel(address, token=TOKEN) as kernel:
        assert kernel.run("", "1 + 1") == 2


def test_the_password_is_asked_for_only_when_the_server_wants_one_and_none_is_known(address, only_log_in):
    asked = []

    def ask():
        asked.append(1)
        return PASSWORD

    for known in ({}, {"token": TOKEN}, {"password": PASSWORD}, {"password": TOKEN}):  # as in the browser's form
        with JupyterKernel(address, ask=ask, **known):
            pass
    assert asked == [1]


@pytest.mark.parametrize("known, line", [
    ({"password": "wrong"}, "wrong password"), ({"token": "wrong"}, "expected the server's token, found another"),
    ({}, "expected a password for the Jupyter server, found none; give it in JETBOT_JUPYTER_PASSWORD"),
    ({"ask": lambda: None}, "expected a password"),
])
def test_a_wrong_password_or_none_is_told_and_starts_nothing(address, known, line):
    with pytest.raises(RemoteError, match=line) as error:
        with JupyterKernel(address, **known):
            pass
    assert "\n" not in str(error.value) and sessions_on(address) == []


def test_a_cut_connection_is_told_and_the_kernel_it_leaves_is_ended_by_the_next_one(address, monkeypatch):
    wire = Wire(urlsplit(address).port)
    with pytest.raises(ConnectionCut, match="the connection was cut"):
        with JupyterKernel(f"http://127.0.0.1:{wire.port}/robot", password=PASSWORD) as kernel:
            wire.cut()
            kernel.run("", "1")
    deadline = time.monotonic() + 5
    while sessions_on(address)[0]["kernel"]["connections"] and time.monotonic() < deadline:
        time.sleep(0.05)
    left = sessions_on(address)[0]["id"]
    with monkeypatch.context() as patched:
        patched.setattr(JupyterKernel, "_start", JupyterKernel._end_forgotten)
        with JupyterKernel(address, password=PASSWORD):  # it may be that of a deploy that is about to connect
            assert [session["id"] for session in sessions_on(address)] == [left]
    monkeypatch.setattr(jupyter_kernel, "FORGOTTEN_S", -2.0)
    with JupyterKernel(address, password=PASSWORD) as kernel:
        now, = sessions_on(address)
        assert now["id"] != left
        with pytest.raises(ConnectionCut, match="the Python kernel died there; is the robot out of memory"):
            kernel.run("import os; os.kill(os.getpid(), 9)")
    assert sessions_on(address) == []


def test_only_our_own_forgotten_kernels_are_ended():
    class Answer:
        status_code, headers = 200, {"Date": "Tue, 24 Nov 2026 12:00:40 GMT"}

        def json(self):
            sessions = [("jetbot_mlp deploy a", 0, "12:00:00"), ("jetbot_mlp deploy b", -1, "12:00:00"),
                        ("jetbot_mlp deploy c", 1, "12:00:00"), ("jetbot_mlp deploy d", 0, "12:00:30"),
                        ("road.ipynb", 0, "12:00:00")]
            return [{"id": path[-1], "path": path, "kernel": {
                "connections": connections, "last_activity": f"2026-11-24T{last}.123456Z"}}
                for path, connections, last in sessions]

    asked = []
    kernel = JupyterKernel("http://robot:8888")
    kernel._request = lambda *words: asked.append(words) or Answer()
    kernel._end_forgotten()
    assert asked == [("GET", "/api/sessions"), ("DELETE", "/api/sessions/a"), ("DELETE", "/api/sessions/b")]


def test_nothing_there_is_told_with_the_reason(libraries):
    with pytest.raises(RemoteError, match="expected a Jupyter server at 127.0.0.1:[0-9]+, found: Connection refused;"):
        JupyterKernel(f"http://127.0.0.1:{free_port()}").__enter__()


def test_another_server_is_told(libraries):
    with answering({"/": "hello"}) as address:
        with pytest.raises(RemoteError, match="found something else .status 404.; check host and port"):
            JupyterKernel(address).__enter__()
    with answering({"/api": ["version"]}) as address:
        with pytest.raises(RemoteError, match="found something else"):
            JupyterKernel(address).__enter__()


def test_a_server_without_a_python_kernel_is_told(libraries):
    answers = {"/api": {"version": "6.4.10"}, "/api/kernels": [], "/login": "", "/api/kernelspecs": {"kernelspecs": {
        "julia": {"spec": {"language": "julia"}}}}}
    with answering(answers) as address:
        with pytest.raises(RemoteError, match="expected a Python kernel .python3. .*found julia; install it there"):
            JupyterKernel(address).__enter__()


def test_a_server_that_does_not_answer_is_given_up(libraries, monkeypatch):
    import socket

    monkeypatch.setattr(jupyter_kernel, "CONNECT_S", 0.2)
    monkeypatch.setattr(jupyter_kernel, "REPLY_S", 0.2)
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    silent.listen(1)
    try:
        with pytest.raises(RemoteError, match="no answer in time; is the robot on"):
            JupyterKernel(f"http://127.0.0.1:{silent.getsockname()[1]}").__enter__()
    finally:
        silent.close()


def test_without_the_libraries_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "websocket", None)
    with pytest.raises(RemoteError, match=r"pip install 'jetbot_mlp\[jupyter\]'"):
        JupyterKernel("http://127.0.0.1:1").__enter__()
