"""A robot reached through its Jupyter server (port 8888), for people who have only a browser there and no ssh.

Files travel through a kernel too, not through the server's own file interface: that one knows only its root
folder, refuses hidden files, holds whole files in the robot's small memory and cannot go on in the middle of
one. In a kernel the paths are the machine's own, and errors are those of the disk.
"""
import base64
import getpass
import os
import re
import sys
from urllib.parse import parse_qs, urlsplit

from .errors import NotLetIn, RemoteError
from .jupyter_kernel import JupyterKernel
from .remote_host import RemoteHost, answer_of

PIECE = 512 * 2 ** 10  #: bytes of a file in one message; servers take messages up to 10 MB
PASSWORD_VARIABLE, TOKEN_VARIABLE = "JETBOT_JUPYTER_PASSWORD", "JETBOT_JUPYTER_TOKEN"
_SCHEMES = {"jupyter": "http", "jupyters": "https", "http": "http", "https": "https"}
_PAGES = re.compile(r"/(lab|tree|login|notebooks|edit|terminals)(/.*)?$")  # what a browser's address line ends in

# What is defined in the kernel once. Nothing is kept there between two calls but the open file.
_OVER_THERE = """
import base64, errno, os, subprocess, sys

def _run(script, arguments, limit_s):
    done = subprocess.run([sys.executable, "-"] + arguments, input=script.encode("utf-8"), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=limit_s, cwd="/",  # where no file is taken for a module
                          env=dict(os.environ, LC_ALL="C.UTF-8"))  # else Python 3.6 may name no file in Korean
    return [part.decode("utf-8", "replace") for part in (done.stdout, done.stderr)]

def _told(function, *arguments):
    try:
        return [function(*arguments), None]
    except subprocess.TimeoutExpired:
        return [None, "expected the script over there to end in time, found it at work and ended it; try again"]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return [None, "disk full: no space left at %s there; delete something there" % error.filename]
        remedy = "; look at its owner and rights there" if isinstance(error, PermissionError) else ""
        return [None, "%s there: %s%s" % (error.filename, error.strerror, remedy)]

def _open(path):
    global _file, _path
    _file, _path = open(path, "wb"), path

def _write(data):
    try:
        _file.write(base64.b64decode(data))
        _file.flush()
    except OSError as error:
        raise OSError(error.errno, error.strerror, _path)

def _close():
    os.fsync(_file.fileno())
    _file.close()

def _read(wanted, strict):
    found = []
    for path, offset, count in wanted:
        try:
            with open(path, "rb") as stream:
                stream.seek(offset)
                found.append(base64.b64encode(stream.read(count)).decode("ascii"))
        except OSError:
            if strict:
                raise
            found.append("")
    return found
"""


def is_jupyter(name):
    """Is this how a Jupyter server is named? jupyter://HOST, or the address in the browser."""
    return name.partition("://")[0].lower() in _SCHEMES and "://" in name


class JupyterHost(RemoteHost):
    """See `RemoteHost`.

    name: 'jupyter://HOST' (port 8888 unless given), 'http://HOST:8888', or the whole address out of a browser,
    with its token. password, token: str; else the environment's JETBOT_JUPYTER_PASSWORD or JETBOT_JUPYTER_TOKEN,
    else the terminal is asked for the password when the server wants one.
    """

    def __init__(self, name, password=None, token=None):
        address, found_token = address_of(name)
        self.name = name.partition("?")[0]  # an error message is no place for a token
        self._kernel = JupyterKernel(
            address, password or os.environ.get(PASSWORD_VARIABLE),
            token or found_token or os.environ.get(TOKEN_VARIABLE), self._ask)
        self._open = False
        self.notes = []

    def open(self):
        self._kernel.__enter__()
        self._open = True
        code = _OVER_THERE + "_at_home = [os.getcwd(), os.path.exists('/.dockerenv')]"
        self.home, in_container = self._kernel.run(code, "_at_home")  # the server's root folder: what people see
        self.where = "container of the Jupyter server" if in_container else "Jupyter server"
        return self

    def close(self):
        if self._open:
            self._open = False
            self._kernel.__exit__(None, None, None)

    def run(self, script, arguments=(), outside=False, limit_s=600):
        output, complaint = self._call("_run", script, list(arguments), limit_s, timeout_s=limit_s + 15)
        return answer_of(output, complaint)

    def put(self, local, remote, progress=None):
        with open(local, "rb") as stream:
            self._call("_open", remote)
            for data in iter(lambda: stream.read(PIECE), b""):
                self._call("_write", base64.b64encode(data).decode("ascii"))
                if progress is not None:
                    progress(len(data))
            self._call("_close")

    def get(self, remote, local, offset=0, progress=None):
        while True:
            count = self._get_batch([(remote, local, offset, PIECE)], progress, strict=True)
            offset += count
            if count < PIECE:
                return

    def get_many(self, files, progress=None):
        """Small files travel together: a data set is thousands of them, and each question costs a round trip.

        One that cannot be read there leaves its local file as it was; `pull` counts and compares afterwards.
        """
        batch, size_of_batch = [], 0
        for remote, local, offset, size in files:
            rest = size - offset
            if rest > PIECE:
                while self._get_batch([(remote, local, offset, min(PIECE, size - offset))], progress) == PIECE:
                    offset += PIECE
                continue
            if size_of_batch + rest > PIECE:
                self._get_batch(batch, progress)
                batch, size_of_batch = [], 0
            batch.append((remote, local, offset, rest))
            size_of_batch += rest
        if batch:
            self._get_batch(batch, progress)

    def _get_batch(self, batch, progress, strict=False):
        """batch: list of (remote, local, offset, count). Returns the number of bytes that came."""
        wanted = [(remote, offset, count) for remote, _, offset, count in batch]
        total = 0
        for (_, local, _, _), data in zip(batch, self._call("_read", wanted, strict)):
            data = base64.b64decode(data)
            with open(local, "ab") as stream:
                stream.write(data)
            total += len(data)
            if progress is not None:
                progress(len(data))
        return total

    def _call(self, function, *arguments, timeout_s=120.0):
        """Call one of the functions over there. Raises RemoteError with what the disk over there says."""
        # ASCII only: a lone surrogate in an argument, from an odd file name, must survive JSON
        words = ", ".join([function] + [ascii(argument) for argument in arguments])
        value, error = self._kernel.run("", f"_told({words})", timeout_s)
        if error is not None:
            raise RemoteError(error)
        return value

    def _ask(self):
        if not self.asks:
            raise NotLetIn(f"expected a password for the Jupyter server, found none; give it in {PASSWORD_VARIABLE}")
        if not sys.stdin or not sys.stdin.isatty():
            return None
        try:
            return getpass.getpass(f"password of the Jupyter server at {self.name}: ")
        except EOFError:  # Ctrl-D
            return None


def address_of(name):
    """'jupyter://HOST' -> ('http://HOST:8888', token or None). Raises RemoteError for what is no such address."""
    try:
        parts = urlsplit(name)
        port = parts.port
        sound = parts.scheme in _SCHEMES and parts.hostname and port != 0 and "@" not in parts.netloc
    except ValueError:  # a port that is no number, half an IPv6 address
        sound = False
    if not sound:
        found = re.sub(r"//.*@", "//...@", name.partition("?")[0])
        raise RemoteError(f"expected jupyter://HOST or jupyter://HOST:PORT, found {found!r:.80}; the password goes "
                          f"into {PASSWORD_VARIABLE} or is asked for")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    if port is None and parts.scheme.startswith("jupyter"):
        port = 8888
    path = _PAGES.sub("", parts.path).rstrip("/")
    address = f"{_SCHEMES[parts.scheme]}://{host}{'' if port is None else f':{port}'}{path}"
    return address, parse_qs(parts.query).get("token", [None])[0]
