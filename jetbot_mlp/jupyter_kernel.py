"""A Python of one's own on another machine, through its Jupyter server: log in, start a kernel, run code, end it.

All goes over the address that the browser uses, so it works where ssh does not. Spoken are the HTTP interface and
the messages of Jupyter that notebook 6 (the robot's) and jupyter_server 2 (JupyterLab 4) have in common.

What the code prints comes back in the iopub channel, which servers cut off above 1 MB/s; what it must *give* back
comes in the reply to the request itself (`user_expressions`), which nothing cuts off.
Sources: https://jupyter-client.readthedocs.io/en/stable/messaging.html (messages, version 5.3);
https://jupyter-server.readthedocs.io/en/latest/developers/rest-api.html
"""
import ast
import contextlib
import datetime
import email.utils
import json
import re
import time
import uuid
from urllib.parse import urlsplit

from .errors import ConnectionCut, RemoteError

CONNECT_S = 8.0  #: a robot that does not answer by then is off, or in another network
REPLY_S = 30.0  #: for one answer of the server itself
OUR_NAME = "jetbot_mlp deploy"  #: of the kernel, in the browser's list of what is running
QUIET_S = 30.0  #: servers end a channel that is not served for 90 s, as while other robots' passwords are asked for
FORGOTTEN_S = 30.0  #: after such a time without a connection a kernel of ours is ended
KERNEL_START_S = 60.0  #: a Nano that is busy takes twenty


class JupyterKernel:
    """A new kernel on the server at `address`; ended on leaving the with block.

    address: 'http://HOST:8888', also https, and with a path when the server has one. password: str, or token: str;
    neither for a server that wants none. ask: called without arguments for the password when one is wanted and
    none was given; may return None.

    >>> with JupyterKernel("http://192.168.55.1:8888", password="jetbot") as kernel:
    ...     kernel.run("import platform", "platform.python_version()")
    '3.6.9'
    """

    def __init__(self, address, password=None, token=None, ask=None):
        self.address = address.rstrip("/")
        self._password, self._token, self._ask = password, token, ask
        self._name = urlsplit(self.address).netloc  # for messages
        self._socket = self._session_id = self._kernel_id = None
        self._last_heard = 0.0  #: s, monotonic

    def __enter__(self):
        """Log in and start the kernel. Raises RemoteError, and leaves nothing open then."""
        self._requests, self._websocket = _libraries()
        self._http = self._requests.Session()
        self._http.trust_env = False  # a school's proxy knows no robots; no password out of ~/.netrc
        try:
            self._log_in()
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *exception):
        self._end()

    def run(self, code, value=None, timeout_s=120.0, on_output=None):
        """Run Python code there; names that it defines stay for the next call.

        value: an expression, evaluated after the code; its value, anything that `repr` writes down, is returned.
        on_output: called with each piece of text that the code prints, at once; what exceeds 1 MB/s is lost.
        Raises RemoteError when the code raises or timeout_s is over, ConnectionCut when the connection breaks or
        the kernel dies.
        """
        if time.monotonic() - self._last_heard > QUIET_S:
            with contextlib.suppress(Exception):  # the old one may be broken in any way
                self._socket.close(timeout=1)
            self._connect()
        content = {"code": code, "silent": True, "store_history": False, "allow_stdin": False, "stop_on_error": True,
                   "user_expressions": {} if value is None else {"value": value}}
        reply = self._answer("execute_request", "execute_reply", content, timeout_s, on_output)
        if reply.get("status") != "ok":
            raise RemoteError(f"the code ended with {_error_in_words(reply)}")
        if value is None:
            return None
        result = reply["user_expressions"]["value"]
        if result.get("status") != "ok":
            raise RemoteError(f"the value cannot be given: {_error_in_words(result)}")
        return ast.literal_eval(result["data"]["text/plain"])

    # --- the server ----------------------------------------------------------------------------------------

    def _log_in(self):
        answer = self._request("GET", "/api")
        try:
            if "version" not in dict(answer.json()):
                raise ValueError
        except (ValueError, TypeError):
            raise RemoteError(f"expected a Jupyter server at {self._name}, found something else (status "
                              f"{answer.status_code}); check host and port, the robot's is 8888")
        if self._token:
            self._http.headers["Authorization"] = f"token {self._token}"
        if self._request("GET", "/api/kernels").status_code == 200:
            self._request("GET", "/login")  # for the _xsrf cookie
            return
        if self._token:
            raise RemoteError("expected the server's token, found another one; on the robot 'jupyter notebook list' or "
                              "'jupyter server list' prints it")
        if not self._password and self._ask is not None:
            self._password = self._ask()
        if not self._password:
            raise RemoteError("expected a password for the Jupyter server, found none; give it in "
                              "JETBOT_JUPYTER_PASSWORD or --password, or the token in JETBOT_JUPYTER_TOKEN or "
                              "--token (the official container's password: jetbot)")
        self._request("GET", "/login")
        self._request("POST", "/login", data={"password": self._password, "_xsrf": self._xsrf()},
                      allow_redirects=False)
        if self._request("GET", "/api/kernels").status_code != 200:
            raise RemoteError("wrong password; expected the one that the browser asks for there (the official "
                              "container's: jetbot)")

    def _start(self):
        specs = self._json("GET", "/api/kernelspecs").get("kernelspecs", {})
        names = ["python3"] + sorted(specs)
        name = next((n for n in names if specs.get(n, {}).get("spec", {}).get("language") == "python"), None)
        if name is None:
            raise RemoteError("expected a Python kernel (python3) on the Jupyter server, found "
                              f"{', '.join(sorted(specs)) or 'no kernel'}; install it there: python3 -m pip install "
                              f"ipykernel")
        self._end_forgotten()
        self._message_session = uuid.uuid4().hex
        session = self._json("POST", "/api/sessions", json={
            "name": OUR_NAME, "path": f"{OUR_NAME} {self._message_session}", "type": "console",
            "kernel": {"name": name}})
        self._session_id, self._kernel_id = session["id"], session["kernel"]["id"]
        self._connect()

    def _connect(self):
        """Open the channel to the kernel, and wait until it answers."""
        parts = urlsplit(self.address)
        address = f"{'wss' if parts.scheme == 'https' else 'ws'}://{parts.netloc}{parts.path}"
        address += f"/api/kernels/{self._kernel_id}/channels?session_id={self._message_session}"
        headers = ["Cookie: " + "; ".join(f"{c.name}={c.value}" for c in self._http.cookies)]
        if self._token:
            headers.append(f"Authorization: token {self._token}")
        with self._told():
            self._socket = self._websocket.create_connection(
                address, timeout=CONNECT_S, header=headers, http_no_proxy=["*"],
                origin=f"{parts.scheme}://{parts.netloc}")
        # what a kernel says before it is up may be lost, and so may what it is asked
        deadline = time.monotonic() + KERNEL_START_S
        while True:
            try:
                self._answer("kernel_info_request", "kernel_info_reply", {}, min(5.0, KERNEL_START_S))
                return
            except _TooLate:
                if time.monotonic() > deadline:
                    raise RemoteError(f"expected the Python kernel to start within {KERNEL_START_S:g} s, found it "
                                      "silent; is the robot out of memory? Shut notebooks down there")

    def _end_forgotten(self):
        """End our kernels of earlier times whose connection was cut: each holds some 50 MB of the robot's memory."""
        answer = self._request("GET", "/api/sessions")
        now = email.utils.parsedate_to_datetime(answer.headers["Date"])  # the robot's clock may be years off
        for session in answer.json() if answer.status_code == 200 else []:
            kernel = session.get("kernel") or {}
            # -1: notebook 6 counts wrong when a connection ends before it is up
            if not str(session.get("path", "")).startswith(OUR_NAME) or kernel.get("connections", 0) > 0:
                continue
            last = datetime.datetime.strptime(kernel["last_activity"][:19], "%Y-%m-%dT%H:%M:%S")
            if (now.replace(tzinfo=None) - last).total_seconds() > FORGOTTEN_S:
                self._request("DELETE", f"/api/sessions/{session['id']}")

    def _end(self):
        if self._socket is not None:
            with contextlib.suppress(Exception):
                self._socket.close(timeout=1)
            self._socket = None
        if self._session_id is not None:  # with its kernel, which would stay there, with its memory
            with contextlib.suppress(RemoteError):
                for _ in range(5):  # refused with status 500 while the server starts a kernel again that died
                    if self._request("DELETE", f"/api/sessions/{self._session_id}").status_code != 500:
                        break
                    time.sleep(0.5)
            self._session_id = None
        self._http.close()

    def _request(self, method, path, **more):
        headers = {"X-XSRFToken": self._xsrf(), "Referer": self.address + "/"}
        with self._told():
            return self._http.request(method, self.address + path, headers=headers, timeout=(CONNECT_S, REPLY_S),
                                      **more)

    def _json(self, method, path, **more):
        answer = self._request(method, path, **more)
        try:
            if answer.status_code >= 400:
                raise ValueError
            return answer.json()
        except ValueError:
            text = " ".join(answer.text.split())
            raise RemoteError(f"the Jupyter server refuses {method} {path} with status {answer.status_code} "
                              f"({text:.120}); its log says more (docker logs jetbot_jupyter)")

    def _xsrf(self):
        """The value that a form must repeat to prove that it comes from this server's own pages."""
        values = [cookie.value for cookie in self._http.cookies if cookie.name == "_xsrf"]
        return values[-1] if values else ""

    @contextlib.contextmanager
    def _told(self):
        """Every error of the network is told in one line."""
        try:
            yield
        except self._requests.exceptions.SSLError as error:
            raise RemoteError(f"expected a certificate of {self._name} that this machine trusts, found: "
                              f"{_cause(error)}; use http:// in your own network, or install the certificate here")
        except (self._requests.exceptions.Timeout, self._websocket.WebSocketTimeoutException):
            raise RemoteError(f"expected a Jupyter server at {self._name}, found no answer in time; is the robot on, "
                              "and in this network?")
        except (self._requests.exceptions.RequestException, self._websocket.WebSocketException, OSError) as error:
            raise RemoteError(f"expected a Jupyter server at {self._name}, found: {_cause(error)}; is the robot on, in "
                              f"this network, and Jupyter running? http://{self._name} in a browser must show it")

    # --- the kernel ----------------------------------------------------------------------------------------

    def _answer(self, kind, reply_kind, content, timeout_s, on_output=None):
        """Ask the kernel; returns the content of its reply once it is idle again, so no output is missing."""
        request_id, deadline = uuid.uuid4().hex, time.monotonic() + timeout_s
        header = {"msg_id": request_id, "msg_type": kind, "username": "", "session": self._message_session,
                  "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "version": "5.3"}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell",
                   "buffers": []}
        self._told_by_kernel(timeout_s, self._socket.send, json.dumps(message))
        reply, idle = None, False
        while reply is None or not idle:
            message = json.loads(self._told_by_kernel(deadline - time.monotonic(), self._socket.recv) or "{}")
            kind, found = message.get("msg_type"), message.get("content", {})
            if kind == "status" and found.get("execution_state") in ("dead", "restarting"):
                raise ConnectionCut("the Python kernel died there; is the robot out of memory? Shut "
                                   "notebooks down there and try again")
            if message.get("parent_header", {}).get("msg_id") != request_id:
                continue
            if kind == reply_kind:
                reply = found
            elif kind == "status":
                idle = found.get("execution_state") == "idle"
            elif kind == "stream" and on_output is not None:
                on_output(found.get("text", ""))
        self._last_heard = time.monotonic()
        return reply

    def _told_by_kernel(self, seconds, function, *arguments):
        try:
            if seconds <= 0:
                raise _TooLate("no answer from the kernel in time")
            self._socket.settimeout(seconds)
            return function(*arguments)
        except self._websocket.WebSocketTimeoutException:
            raise _TooLate("no answer from the kernel in time; is the robot busy or out of reach?")
        except (self._websocket.WebSocketException, OSError) as error:
            raise ConnectionCut(f"the connection was cut ({_cause(error)}); try again")


class _TooLate(ConnectionCut):
    """The time for an answer is over."""


def _error_in_words(reply):
    return " ".join(f"{reply.get('ename', 'an error')}: {reply.get('evalue', '')}".split())[:300]


def _cause(error):
    """The reason of a network error in a few words, 'Connection refused', out of the libraries' nested objects."""
    text = " ".join(str(error).split())
    found = re.findall(r"\[(?:Errno|WinError) -?[0-9]+\] ([^()'\"\]]+)", text) or re.findall(r"\[SSL: [^)]*", text)
    return found[-1].strip() if found else text[:120] or type(error).__name__


def _libraries():
    try:
        import requests
        import websocket
    except ImportError as error:
        raise RemoteError(f"deploying through Jupyter needs requests and websocket-client ({error}); "
                           f"pip install 'jetbot_mlp[jupyter]' on the laptop, the robot needs nothing")
    return requests, websocket
