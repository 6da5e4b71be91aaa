"""Text files that appear whole or not at all."""
import os
import tempfile

from .errors import JetbotMLPError


def write_whole(path, text):
    """Write text (str, saved as UTF-8) to path, which takes its place only when it is complete.

    Raises JetbotMLPError when the folder is missing, OSError when the disk refuses.
    """
    folder, name = os.path.split(os.path.abspath(os.fspath(path)))
    if not os.path.isdir(folder):
        raise JetbotMLPError("expected a folder for '{}', found no '{}': make it first".format(name, folder))
    handle, temporary = tempfile.mkstemp(prefix="." + name[:50] + ".", suffix=".part", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would keep a web server or a colleague out
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too: nothing half-written stays behind
        os.unlink(temporary)
        raise
