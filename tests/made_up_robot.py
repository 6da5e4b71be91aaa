"""A robot in a folder: a home, a Python of its own, and a host without any network that runs the script there."""
import os
import re
import shutil
import subprocess
import sys
import venv

from jetbot_mlp.errors import RemoteError
from jetbot_mlp.remote_host import RemoteHost, answer_of


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


class Robot:
    """folder: a pathlib.Path that is not there yet. paths: for the Python there: of `linked_folder` (without it it
    has no NumPy), this project's (then the package is installed)."""

    def __init__(self, folder, *paths):
        self.folder, self.home, self.bin = folder, folder / "home", folder / "bin"
        for path in (self.home / "tmp", self.bin):
            path.mkdir(parents=True)
        venv.create(str(folder / "venv"), with_pip=False)
        self.python = str(folder / "venv" / "bin" / "python3")
        with open(os.path.join(self.site, "linked.pth"), "w") as stream:
            stream.write("".join(path + "\n" for path in paths))

    @property
    def site(self):
        version = "python%d.%d" % sys.version_info[:2]
        return str(self.folder / "venv" / "lib" / version / "site-packages")

    @property
    def path(self):
        return f"{self.bin}:{self.folder}/venv/bin:/usr/bin:/bin"

    @property
    def environment(self):
        return {"HOME": str(self.home), "PATH": self.path, "USER": "jetbot", "TMPDIR": str(self.home / "tmp"),
                "LC_ALL": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1"}

    def program(self, name, text):
        """Put a shell script of that name first on the robot's PATH."""
        (self.bin / name).write_text("#!/bin/sh\n" + text)
        (self.bin / name).chmod(0o755)

    def current(self):
        """Number of the current version, or None."""
        try:
            return int(os.path.basename(os.readlink(str(self.home / "jetbot" / "current"))))
        except OSError:
            return None

    def incoming(self):
        return os.listdir(str(self.home / "jetbot" / ".deploy" / "incoming"))


class LocalHost(RemoteHost):
    """The robot's Python, started here."""

    where = "host"

    def __init__(self, robot):
        self.robot, self.name, self.notes = robot, robot.folder.name, []

    def run(self, script, arguments=(), outside=False, limit_s=600):
        done = subprocess.run([self.robot.python, "-"] + list(arguments), input=script.encode(), timeout=limit_s,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/", env=self.robot.environment)
        return answer_of(done.stdout.decode(), done.stderr.decode())

    def put(self, local, remote, progress=None):
        try:
            shutil.copyfile(local, remote)
        except OSError as error:
            raise RemoteError(str(error))

    def get(self, remote, local, offset=0, progress=None):
        with open(remote, "rb") as source, open(local, "ab") as target:
            source.seek(offset)
            shutil.copyfileobj(source, target)
