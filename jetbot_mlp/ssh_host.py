"""A robot reached with the system's ssh: ~/.ssh/config, keys, agents and jump hosts just work, and stay as they are.

Everything goes through `ssh HOST python3`: the script and the files come on its standard input, so nothing but
Python is needed there, and the container (`docker exec -i`) is no other case. One login serves all (ssh's
ControlMaster), so a password is asked once; where that is not to be had (Windows) each step logs in.
"""
import contextlib
import json
import os
import shlex
import shutil
import struct
import subprocess
import tempfile
import time

from .errors import ConnectionCut, RemoteError
from .frame_files import shown
from .remote_host import CHUNK, RemoteHost, answer_of, pieces
from .ssh_errors import last_said, why_no_login

CONTAINER = "jetbot_jupyter"  #: the official one
PATIENCE = ("-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=3")

# one line, and understood by every Python 3: reads the script from standard input, which goes on with the data
START = ("import sys;v=sys.version_info;v<(3,6)and sys.exit('expected Python 3.6 or newer, found %d.%d'%v[:2]);"
         "n=int(sys.argv.pop(1));sys.path[:]=[p for p in sys.path if p];"
         "exec(compile(sys.stdin.buffer.read(n),'remote','exec'))")

# standard input goes on with the file
RECEIVE = """
import errno, json, os, sys
path, size = sys.argv[1], int(sys.argv[2])
try:
    with open(path, "wb") as stream:
        left = size
        while left:
            data = sys.stdin.buffer.read(min(left, 65536))
            if not data:
                break
            stream.write(data)
            left -= len(data)
        stream.flush()
        os.fsync(stream.fileno())
    answer = {"error": "the connection was cut after %d of %d bytes" % (size - left, size)} if left else {}
except OSError as error:
    said = "%s there: %s" % (path, error.strerror)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        said = "disk full: no space left for %s there; delete something there" % path
    left, answer = 1, {"error": said}
if left:
    try:
        os.unlink(path)
    except OSError:
        pass
print(json.dumps(answer))
"""

# standard input goes on with [[path, offset, size]]; after the MARK each comes as its length (8 bytes) and its bytes
MARK = b"jetbot-mlp sends\n"  # before it the robot's shell may greet people
SEND = """
import json, os, struct, sys
sys.stdout.buffer.write(b"jetbot-mlp sends\\n")
for path, offset, size in json.loads(sys.stdin.buffer.read().decode()):
    try:
        stream = open(path, "rb")
    except OSError:
        sys.stdout.buffer.write(struct.pack(">Q", 0))
        continue
    with stream:
        left = max(0, min(size, os.fstat(stream.fileno()).st_size) - offset)
        stream.seek(offset)
        sys.stdout.buffer.write(struct.pack(">Q", left))
        while left:
            data = stream.read(min(left, 65536)).ljust(1, b"\\0")
            sys.stdout.buffer.write(data)
            left -= len(data)
sys.stdout.buffer.flush()
"""


class SSHHost(RemoteHost):
    """name: as for ssh ([user@]host, a name of ~/.ssh/config, ssh://user@host:port). options: words for ssh, such as
    ["-p", "2222", "-i", "key"]. container: a name; None: the official one where it runs, else the host itself;
    False: never. python: the interpreter there."""

    container_home = "/workspace"

    def __init__(self, name, options=(), container=None, python="python3"):
        if name.startswith("-") or not name.strip() or any(c.isspace() for c in name):
            raise RemoteError(f"expected a host such as jetbot@192.168.55.1, found '{shown(name)}'")
        self.name, self.options, self.wanted, self.python = name, list(options), container, python
        self.notes = []
        self._master = self._folder = None

    # -- login ---------------------------------------------------------------------------------------------

    def open(self):
        if shutil.which("ssh") is None:
            raise RemoteError("expected the program ssh, found none; install OpenSSH's client (openssh-client)")
        if os.name == "posix":
            self._start_master()
        self.where, self.container, self.home = "host", None, "~"
        if self.wanted is not False:
            self._find_container()
        return self

    def close(self):
        if self._master is not None:
            self._master.terminate()
            self._master.wait()
            self._master = None
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _start_master(self):
        self._folder = tempfile.mkdtemp(prefix="jm-")
        if len(self._folder) > 70:  # a socket's path is short, and ssh adds 17 characters
            os.rmdir(self._folder)
            self._folder = tempfile.mkdtemp(prefix="jm-", dir="/tmp")
        socket = os.path.join(self._folder, "s")
        with tempfile.TemporaryFile() as complaint:
            command = self._ssh("-M", "-N", "-o", "ControlPath=" + socket, "-o", "ControlPersist=no", asks=self.asks)
            self._master = subprocess.Popen(command + [self.name], stdin=subprocess.DEVNULL,
                                            stdout=subprocess.DEVNULL, stderr=complaint)
            while not os.path.exists(socket):
                if self._master.poll() is not None:
                    self._master = None
                    complaint.seek(0)
                    raise why_no_login(self.name, complaint.read().decode("utf-8", "replace"))
                time.sleep(0.02)

    def _ssh(self, *words, asks=True):
        quiet = [] if asks else ["-o", "BatchMode=yes"]
        return ["ssh"] + self.options + list(PATIENCE) + quiet + list(words) + ["--"]

    def _command(self, remote):
        """The words that run a shell command over there."""
        if self._folder is None:
            return self._ssh("-T", asks=self.asks) + [self.name, remote]
        # if the one login is gone, a new one is tried, which must not ask in the midst of other things
        return self._ssh("-T", "-o", "ControlMaster=no", "-o", "ControlPath=" + os.path.join(self._folder, "s"),
                         asks=False) + [self.name, remote]

    def _find_container(self):
        wanted = self.wanted or CONTAINER
        status, output, complaint = self._shell("docker ps --format '{{.Names}}'")
        if status == 0 and wanted in output.split():
            self.container, self.where, self.home = wanted, "container " + wanted, self.container_home
        elif self.wanted is None and status == 127:
            return  # no docker there
        elif self.wanted is None and status == 0:
            return
        elif self.wanted is None:
            self.notes.append(f"docker does not answer there ({last_said(complaint)}), so to the host itself; is "
                              "JupyterLab in a container? then: sudo usermod -aG docker $USER there, and log in again")
        elif status == 0:
            running = ", ".join(output.split()) or "none"
            raise RemoteError(f"expected the running container {wanted} there, found {running}; start it there: "
                              f"docker start {wanted}")
        else:
            raise RemoteError(f"expected docker and the container {wanted} there, found: {last_said(complaint)}")

    def _shell(self, remote):
        done = subprocess.run(self._command(remote), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        output, complaint = (text.decode("utf-8", "replace") for text in (done.stdout, done.stderr))
        if done.returncode == 255:
            raise self._failed(complaint)
        return done.returncode, output, complaint

    # -- what a host offers ------------------------------------------------------------------------------------

    def run(self, script, arguments=(), outside=False, limit_s=600):
        with self._started(script, arguments, outside) as (process, complaint):
            try:
                output, _ = process.communicate(timeout=limit_s)
            except subprocess.TimeoutExpired:
                raise RemoteError(f"expected an answer within {limit_s:.0f} s, found none; is the robot still on?")
            return self._answer(process, output, complaint)

    def put(self, local, remote, progress=None):
        with open(local, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            with self._started(RECEIVE, [remote, str(size)]) as (process, complaint):
                with contextlib.suppress(BrokenPipeError):  # its answer, or ssh's, says why
                    for data in pieces(stream, progress):
                        process.stdin.write(data)
                    process.stdin.close()
                self._answer(process, _rest(process), complaint)

    def get(self, remote, local, offset=0, progress=None):
        self.get_many([(remote, local, offset, 2 ** 62)], progress)

    def get_many(self, files, progress=None):
        files = list(files)
        with self._started(SEND) as (process, complaint):
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(json.dumps([[remote, offset, size] for remote, _, offset, size in files]).encode())
                process.stdin.close()
            for line in process.stdout:
                if line.endswith(MARK):
                    break
            for _, local, _, _ in files:
                head = process.stdout.read(8)
                left = struct.unpack(">Q", head)[0] if len(head) == 8 else None
                if left is None:
                    self._answer(process, b"", complaint)
                with open(local, "ab") as stream:
                    while left:
                        data = process.stdout.read(min(left, CHUNK))
                        if not data:
                            self._answer(process, b"", complaint)
                        stream.write(data)
                        left -= len(data)
                        if progress is not None:
                            progress(len(data))

    @contextlib.contextmanager
    def _started(self, script, arguments=(), outside=False):
        """A Python over there that has got the script, and is killed when its time is over."""
        text = script.encode("utf-8")
        # without it Python 3.6, in a container that has no language, can name no file in Korean
        words = ["env", "LC_ALL=C.UTF-8", self.python if not outside else "python3", "-c", START, str(len(text))]
        words += arguments
        if self.container is not None and not outside:
            words = ["docker", "exec", "-i", "-w", "/", self.container] + words
        with tempfile.TemporaryFile() as complaint:
            process = subprocess.Popen(self._command(" ".join(shlex.quote(word) for word in words)),
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaint)
            try:
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(text)
                    process.stdin.flush()
                yield process, complaint
            finally:
                process.kill()
                process.wait()
                with contextlib.suppress(OSError):
                    process.stdin.close()
                process.stdout.close()

    def _answer(self, process, output, complaint):
        """The script's answer, or why there is none."""
        status = process.wait()
        complaint.seek(0)
        said = complaint.read().decode("utf-8", "replace")
        if status == 255 or status < 0:
            raise self._failed(said)
        if status in (126, 127):
            raise RemoteError(f"expected Python 3.6 or newer as {self.python} on the {self.where} there, found none "
                              f"({last_said(said)}); name it with --python")
        if "Error response from daemon" in said:
            raise RemoteError(f"docker refuses there: {last_said(said)}; see docker ps there")
        if "expected Python 3.6" in said:
            raise RemoteError(f"{last_said(said)} as {self.python} on the {self.where} there; name another with "
                              "--python")
        return answer_of(output.decode("utf-8", "replace"), said)

    def _failed(self, complaint):
        if self._folder is None:
            return why_no_login(self.name, complaint)
        said = f" ({last_said(complaint)})" if complaint.strip() else ""
        return ConnectionCut(f"the connection was cut{said}: is the robot still on, and near enough? Try again")


def _rest(process):
    return process.stdout.read()
