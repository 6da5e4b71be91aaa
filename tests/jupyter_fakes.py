"""A real Jupyter server for the tests, and what can go wrong between it and us."""
import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

PASSWORD, TOKEN = "jetbot", "a1b2c3"
_HASH = "import sys; {}; print(passwd('{}'))"


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def jupyter_server(folder):
    """-> its address. The old notebook server, the robot's, where it is installed, else jupyter_server 2."""
    if importlib.util.find_spec("notebook") and importlib.util.find_spec("notebook.auth"):  # below 7
        imports, words = "from notebook.auth import passwd", ["notebook", "--NotebookApp.token=" + TOKEN,
                                                              "--NotebookApp.base_url=/robot/"]
        password_option = "--NotebookApp.password="
    elif importlib.util.find_spec("jupyter_server"):
        imports, words = "from jupyter_server.auth import passwd", [
            "jupyter_server", "--IdentityProvider.token=" + TOKEN, "--ServerApp.base_url=/robot/"]
        password_option = "--PasswordIdentityProvider.hashed_password="
    else:
        pytest.skip("no Jupyter server: pip install jupyterlab")
    if not importlib.util.find_spec("ipykernel"):
        pytest.skip("no Python kernel: pip install ipykernel")
    done = subprocess.run([sys.executable, "-c", _HASH.format(imports, PASSWORD)], stdout=subprocess.PIPE, check=True)
    port = free_port()
    env = dict(os.environ, JUPYTER_CONFIG_DIR=folder, JUPYTER_RUNTIME_DIR=folder, IPYTHONDIR=folder,
               PYTHONPATH=os.path.dirname(os.path.dirname(os.path.abspath(__file__))),  # the package, as if installed
               PIP_TARGET=os.path.join(folder, "pip"))  # a deploy must not change the Python of the tests
    command = [sys.executable, "-m"] + words + [
        password_option + done.stdout.decode().strip(), "--no-browser", "--allow-root", "--ip=127.0.0.1",
        f"--port={port}"]
    address = f"http://127.0.0.1:{port}/robot"
    with open(os.path.join(folder, "log"), "wb") as log:
        server = subprocess.Popen(command, cwd=folder, env=env, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(address + "/api", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None and time.monotonic() < deadline, f"no server; see {log.name}"
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


class Wire:
    """A TCP connection in between that can be cut: `port` leads to the server's port."""

    def __init__(self, server_port):
        self._target, self._open = server_port, []
        self._listening = socket.socket()
        self._listening.bind(("127.0.0.1", 0))
        self._listening.listen(8)
        self.port = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self):
        """Now, and for ever."""
        for end in [self._listening] + self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                self._open += [near, far]
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    @staticmethod
    def _carry(source, target):
        with contextlib.suppress(OSError):
            while True:
                data = source.recv(65536)
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)


@contextlib.contextmanager
def answering(answers):
    """A server that answers paths with JSON. answers: path -> object; other paths: 404. -> its address."""
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            data = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
