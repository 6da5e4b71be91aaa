"""This very package as a wheel, for the robot: from its own files, so no checkout, no pip and no network is needed.

Source: the wheel format, https://packaging.python.org/en/latest/specifications/binary-distribution-format/
"""
import base64
import hashlib
import os
import zipfile

from . import __version__
from .remote_package import fingerprint

NAME = f"jetbot_mlp-{__version__}-py3-none-any.whl"
REQUIRES = ("numpy>=1.13", "traitlets>=4.3")  #: as in setup.cfg; OpenCV is left out on purpose


def package_sources():
    """name -> bytes of the package's Python files."""
    package = os.path.dirname(os.path.abspath(__file__))
    sources = {}
    for name in sorted(os.listdir(package)):
        if name.endswith(".py"):
            with open(os.path.join(package, name), "rb") as stream:
                sources[name] = stream.read()
    return sources


def write_wheel(folder):
    """Write the wheel into folder -> (its path, the package's fingerprint). The same files give the same bytes."""
    sources = package_sources()
    info = f"jetbot_mlp-{__version__}.dist-info/"
    requires = "".join(f"Requires-Dist: {requirement}\n" for requirement in REQUIRES)
    members = {"jetbot_mlp/" + name: data for name, data in sources.items()}
    members[info + "METADATA"] = ("Metadata-Version: 2.1\nName: jetbot-mlp\n"
                                  f"Version: {__version__}\nRequires-Python: >=3.6\n{requires}").encode()
    members[info + "WHEEL"] = b"Wheel-Version: 1.0\nGenerator: jetbot_mlp\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    members[info + "entry_points.txt"] = b"[console_scripts]\njetbot-mlp = jetbot_mlp.__main__:main\n"
    record = [f"{name},sha256={_digest(data)},{len(data)}\n" for name, data in members.items()]
    members[info + "RECORD"] = ("".join(record) + f"{info}RECORD,,\n").encode()
    path = os.path.join(folder, NAME)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            member = zipfile.ZipInfo(name, (2000, 1, 1, 0, 0, 0))
            member.external_attr = 0o644 << 16
            archive.writestr(member, data, zipfile.ZIP_DEFLATED)
    return path, fingerprint(sources)


def _digest(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode("ascii").rstrip("=")
