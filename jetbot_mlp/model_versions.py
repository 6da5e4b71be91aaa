"""Saving a model where one lies already: the one before is kept, and one can go back to it.

The older file gets the time of its making into its name, `road.npz` -> `road.2026-03-01_141502.npz`, in the same
folder. Nothing is ever deleted here.
"""
import os
import shutil
import tempfile
import time

from .errors import ModelFileError
from .frame_files import shown
from .model_file import load_model, save_model


def save_keeping(path, model, golden_image):
    """`save_model`, with the file that lies there kept under another name -> that name, or None: there was none.

    Raises ModelFileError, also when the disk refuses.
    """
    try:
        kept = _keep(path)
        save_model(path, model, golden_image)
    except OSError as error:
        raise ModelFileError(f"expected to write the model to {shown(os.fspath(path)) or 'a file with a name'}, found: "
                             f"{error.strerror or error}; name a file in a folder that is there and may be written to")
    return kept


def go_back(path, kept):
    """Put the older file `kept` in the place of path; the newer one is kept too -> its name, or None.

    Raises ModelFileError when the older one is not sound; path is then as it was.
    """
    load_model(kept)
    newer = _keep(path)
    _copy(kept, path)
    return newer


def _keep(path):
    """Copy the file at path under the time of its making -> the copy's name, or None when there is no file."""
    if not os.path.isfile(path):
        return None
    stem, ending = os.path.splitext(os.fspath(path))
    made = time.strftime("%Y-%m-%d_%H%M%S", time.localtime(os.path.getmtime(path)))
    name, number = f"{stem}.{made}{ending}", 2
    while os.path.exists(name):
        if _same(name, path):
            return name
        name, number = f"{stem}.{made}_{number}{ending}", number + 1
    _copy(path, name)
    return name


def _same(one, other):
    with open(one, "rb") as first, open(other, "rb") as second:
        return first.read() == second.read()


def _copy(source, target):
    """Whole or not at all, with the time of its making."""
    handle, temporary = tempfile.mkstemp(suffix=".part", prefix=".model-", dir=os.path.dirname(os.path.abspath(target)))
    os.close(handle)
    try:
        shutil.copy2(source, temporary)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def set_aside(path):
    """Give the file at path the name of its time, so that none is there any more -> that name."""
    kept = _keep(path)
    os.unlink(path)
    return kept
