"""What a robot elsewhere must offer so that `deploy`, `rollback` and `pull` can work with it.

Implemented by `SSHHost` (the system's ssh) and `JupyterHost` (the robot's Jupyter server). All that is done over
there is done by one script, `remote_script`; a host only carries the script, its answer and files.
"""
import json
import os

from .errors import RemoteError
from .frame_files import shown

CHUNK = 64 * 2 ** 10


class RemoteHost:
    """One robot. Use it as a context manager, or call `open` and `close`.

    Every failure is a RemoteError with one line that says what was expected, found and to be done; ConnectionCut
    when the connection was there and broke. One thread at a time uses a host.
    """

    name = "robot"  #: as the user wrote it
    where = ""  #: after `open`: where the Python is, for people: "host", "container jetbot_jupyter"
    container = None  #: after `open`: name of the Docker container in which `run`, `put` and `get` work, or None
    notes = ()  #: after `open`: lines that people should read
    home = "~"  #: the folder over there below which relative folders lie; "~" is the account's home

    asks = True  #: whether `open` may ask for a password; where it must not, it raises NotLetIn

    def open(self):
        """Log in (may ask for a password on the terminal) and find the Python. -> self"""
        return self

    def close(self):
        """Log out. Never raises."""

    def run(self, script, arguments=(), outside=False, limit_s=600):
        """Run a self-contained Python script over there -> dict, the JSON object that it printed last.

        script: source text for Python 3.6 and newer; it finds the arguments (str) in sys.argv[1:]. outside: on
        the machine around the container, where that can be reached; elsewhere the same place. When the script
        printed {"error": line}, that is raised as RemoteError (see `answer_of`).
        """
        raise NotImplementedError

    def put(self, local, remote, progress=None):
        """Copy a file to the whole path remote, in a folder that is there; replaces a file of that name.

        progress: called with the number of bytes that went since the last call. What a failure leaves at
        remote is the caller's to remove: it lies in the caller's own folder.
        """
        raise NotImplementedError

    def get(self, remote, local, offset=0, progress=None):
        """Append what the remote file holds from offset on to the file local, which is offset bytes long.

        What arrived before a failure stays, so that the next call goes on from there.
        """
        raise NotImplementedError

    def get_many(self, files, progress=None):
        """`get` for each (remote, local, offset, size) of files; a host may do it in one go."""
        for remote, local, offset, _ in files:
            self.get(remote, local, offset, progress)

    def __enter__(self):
        try:
            return self.open()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *_):
        self.close()


def answer_of(output, complaint=""):
    """What a script printed -> its JSON object: the last line of output. Raises RemoteError.

    output, complaint: str, standard output and standard error. Other lines are allowed: a robot's shell may
    greet people.
    """
    lines = [line for line in output.splitlines() if line.strip()]
    try:
        answer = json.loads(lines[-1])
    except (IndexError, ValueError):
        answer = None
    if not isinstance(answer, dict):
        said = [line for line in complaint.splitlines() + lines if line.strip()][-1:] or ["nothing"]
        raise RemoteError(f"expected an answer of the script over there, found: {shown(said[0].strip())[:300]}")
    if "error" in answer:
        raise RemoteError(str(answer["error"]))
    return answer


def pieces(stream, progress=None):
    """Read a binary stream to its end, CHUNK bytes at a time."""
    while True:
        data = stream.read(CHUNK)
        if not data:
            return
        yield data
        if progress is not None:
            progress(len(data))


def file_size(path):
    """Bytes of a local file, 0 when there is none."""
    return os.path.getsize(path) if os.path.exists(path) else 0
