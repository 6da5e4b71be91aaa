"""What is there on the robot (see `remote_script`): asked before anything is copied."""
import os
import platform
import shutil
import sys

from .remote_base import denied, nearest, sha256, user, whole
from .remote_drives import moving
from .remote_package import installed, libraries
from .remote_versions import current, manifest, numbers, path_of


def look(folder, home="~"):
    """Changes nothing."""
    folder = whole(folder, home)
    numpy, opencv, problem = libraries()
    version = current(folder)
    about = manifest(folder, version)
    wheel = about and os.path.join(path_of(folder, version), about["wheel"])
    above = nearest(folder)
    return {
        "python": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable, "user": user(),
        "machine": platform.machine(), "numpy": numpy, "opencv": opencv, "problem": problem, "package": installed(),
        "folder": folder, "free": shutil.disk_usage(above).free,
        "refused": None if os.access(above, os.W_OK | os.X_OK) else denied(above),
        "version": version, "versions": numbers(folder), "manifest": about,
        "wheel": sha256(wheel) if wheel and os.path.isfile(wheel) else None,
        "moving": moving()["moving"],
    }
