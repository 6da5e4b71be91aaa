"""Files that appear whole or not at all."""
import os
import tempfile

from .errors import JetbotMLPError


def write_whole(path, content):
    """Write content (str, saved as UTF-8, or bytes) to path, which takes its place only when it is complete.

    Raises JetbotMLPError when the folder is missing, OSError when the disk refuses.
    """
    folder, name = os.path.split(os.path.abspath(os.fspath(path)))
    if not os.path.isdir(folder):
        raise JetbotMLPError("expected a folder for '{}', found no '{}': make it first".format(name, folder))
    handle, temporary = tempfile.mkstemp(prefix="." + name[:50] + ".", suffix=".part", dir=folder)
    try:
        mode, encoding = ("wb", None) if isinstance(content, bytes) else ("w", "utf-8")
        with os.fdopen(handle, mode, encoding=encoding) as stream:
            stream.write(content)
        os.chmod(temporary, 0o644)  # mkstemp's 0600 would keep a web server or a colleague out
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too: nothing half-written stays behind
        os.unlink(temporary)
        raise
