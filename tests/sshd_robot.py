"""A real sshd on 127.0.0.1 in front of a made-up robot."""
import os
import shutil
import socket
import subprocess
import time

from made_up_robot import Robot

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


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class SSHRobot(Robot):
    """With a server in front."""

    def __init__(self, folder, *paths):
        super().__init__(folder, *paths)
        self.port = free_port()
        self.name = f"ssh://127.0.0.1:{self.port}"
        self.process = None

    def start(self, host_key, client_key):
        """host_key, client_key: paths of private keys with their .pub beside them."""
        login = self.folder / "login"
        login.write_text(LOGIN.format(home=self.home, path=self.path))
        login.chmod(0o755)
        shutil.copy(client_key + ".pub", str(self.folder / "authorized_keys"))
        own_key = str(self.folder / "host_key")
        shutil.copy(host_key, own_key)
        os.chmod(own_key, 0o600)
        config = self.folder / "sshd_config"
        config.write_text("\n".join((
            f"Port {self.port}", "ListenAddress 127.0.0.1", f"HostKey {own_key}", f"PidFile {self.folder}/pid",
            f"AuthorizedKeysFile {self.folder}/authorized_keys", "StrictModes no", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"ForceCommand {login}", "MaxSessions 20",
            "SetEnv SHLVL=2",  # then this account's bash does not read its .bashrc, which may take long
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
