"""What a deploy brings to robots: models that are sound here, this package as a wheel, notebooks."""
import collections
import os
import re
from typing import NamedTuple, Tuple

from . import __version__
from .errors import JetbotMLPError
from .frame_files import shown
from .proof import prove
from .remote_base import sha256
from .wheel_file import write_wheel

_NAME = re.compile(r"[\w][\w.+-]*\.npz$")


class Cargo(NamedTuple):
    """What goes to every robot. All digests are sha256, hexadecimal."""

    models: Tuple[tuple, ...]  #: (path, name, digest, what `prove` says here)
    wheel: str  #: path
    wheel_digest: str
    package: dict  #: {"version", "fingerprint"} of this package
    notebooks: Tuple[tuple, ...] = ()  #: (path, name over there with @ between folders, digest)


def pack(models, folder, notebooks=None):
    """Check everything here and make the wheel in folder. -> Cargo. notebooks: a folder of .ipynb files, or None.

    Raises JetbotMLPError when a model is not sound here, or two have one name.
    """
    packed = []
    for path in models:
        name = os.path.basename(path)
        if not _NAME.match(name):
            raise JetbotMLPError(f"expected a model file named with letters, digits, . - and _, found {shown(name)}; "
                                 "rename it")
        result = prove(path)
        if not result["sound"]:
            raise JetbotMLPError(f"not sound: {result['problem']}")
        packed.append((path, name, sha256(path), result))
    for name, count in collections.Counter(name for _, name, _, _ in packed).items():
        if count > 1:
            raise JetbotMLPError(f"expected models of different names, found {name} twice; rename one")
    wheel, fingerprint = write_wheel(folder)
    return Cargo(tuple(packed), wheel, sha256(wheel), {"version": __version__, "fingerprint": fingerprint},
                 () if notebooks is None else tuple(_notebooks(notebooks)))


def _notebooks(folder):
    if not os.path.isdir(folder):
        raise JetbotMLPError(f"expected a folder of notebooks, found no {shown(folder)}")
    found = []
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.endswith(".ipynb"):
                file = os.path.join(path, name)
                parts = os.path.relpath(file, folder).replace("\\", "/").split("/")
                if "@" in "".join(parts):
                    raise JetbotMLPError(f"expected notebooks without @ in their names, found {shown(file)}; rename it")
                found.append((file, "@".join(parts), sha256(file)))
    if not found:
        raise JetbotMLPError(f"expected notebooks (.ipynb) in {shown(folder)}, found none")
    return found
