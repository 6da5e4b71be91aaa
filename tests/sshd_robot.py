"""A real sshd on 127.0.0.1 whose account is laid out like a robot's, with a home and a Python of its own."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import venv

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
MISSING = None
if os.name != "posix" or not os.path.exists(SSHD) or not shutil.which("ssh") or not shutil.which("ssh-keygen"):
    MISSING = "needs OpenSSH's server and client (apt-get install openssh-server openssh-client)"

# each command runs in the robot's home with the robot's PATH, so that `python3` and `docker` are the robot's
LOGIN = """#!/bin/sh
HOME={home} PATH={path} USER=jetbot TMPDIR={home}/tmp; export HOME PATH TMPDIR
unset PYTHONPATH VIRTUAL_ENV
cd "$HOME"; echo "welcome to the robot"
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""


def linked_folder(folder):
    """A folder with everything installed here but jetbot_mlp itself."""
    import cv2
    import numpy
    import pip

    for home in {os.path.dirname(os.path.dirname(os.path.abspath(m.__file__))) for m in (pip, numpy, cv2)}:
        for name in os.listdir(home):
            link = os.path.join(str(folder), name)
            if not re.match(r"_*(editable|jetbot)|.*\.(pth|egg-link)$", name) and not os.path.lexists(link):
                os.symlink(os.path.join(home, name), link)
    return str(folder)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Robot:
    """folder: an empty pathlib.Path. paths: for the Python there: of `linked_folder` (without it it has no NumPy),
    this project's (then the package is installed)."""

    def __init__(self, folder, *paths, port=None):
        self.folder, self.home = folder, folder / "home"
        self.bin, self.run_folder = folder / "bin", folder / "run"
        for path in (self.home / "tmp", self.bin, self.run_folder):
            path.mkdir(parents=True)
        venv.create(str(folder / "venv"), with_pip=False)
        self.python = str(folder / "venv" / "bin" / "python3")
        with open(os.path.join(self.site, "linked.pth"), "w") as stream:
            stream.write("".join(path + "\n" for path in paths))
        self.port = port or free_port()
        self.name = f"ssh://127.0.0.1:{self.port}"
        self.process = None

    @property
    def site(self):
        version = "python%d.%d" % sys.version_info[:2]
        return str(self.folder / "venv" / "lib" / version / "site-packages")

    def start(self, host_key, client_key):
        """host_key, client_key: paths of private keys with their .pub beside them."""
        login = self.folder / "login"
        path = f"{self.bin}:{self.folder}/venv/bin:/usr/bin:/bin"
        login.write_text(LOGIN.format(home=self.home, path=path))
        login.chmod(0o755)
        shutil.copy(client_key + ".pub", str(self.folder / "authorized_keys"))
        own_key = str(self.folder / "host_key")
        shutil.copy(host_key, own_key)
        os.chmod(own_key, 0o600)
        config = self.folder / "sshd_config"
        config.write_text("\n".join((
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {own_key}", f"PidFile {self.run_folder}/pid",
            f"AuthorizedKeysFile {self.folder}/authorized_keys", "StrictModes no", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"ForceCommand {login}", "MaxSessions 20",
            "")))
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        self.log = open(str(self.folder / "log"), "wb")  # noqa: SIM115
        self.process = subprocess.Popen([SSHD, "-f", str(config), "-D", "-e"], stdout=self.log, stderr=self.log,
                                        stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("sshd does not start: " + (self.folder / "log").read_text())

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.log.close()

    def connections(self):
        """Process ids of the sshd children that serve a connection."""
        found = []
        for pid in os.listdir("/proc"):
            if pid.isdigit():
                try:
                    with open(f"/proc/{pid}/stat") as stream:
                        parent = int(stream.read().rpartition(")")[2].split()[1])
                except OSError:
                    continue
                if parent == self.process.pid:
                    found.append(int(pid))
        return found


def make_keys(folder):
    """-> (host key, client key, ssh config) for all robots of a test run; ~/.ssh stays as it is."""
    keys = []
    for name in ("host", "client"):
        path = os.path.join(str(folder), name)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
        keys.append(path)
    config = os.path.join(str(folder), "config")
    with open(config, "w") as stream:
        stream.write(f"IdentityFile {keys[1]}\nIdentitiesOnly yes\nUserKnownHostsFile {folder}/known\n"
                     "StrictHostKeyChecking accept-new\nIdentityAgent none\n")
    return keys[0], keys[1], config
