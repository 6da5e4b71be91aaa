"""What the commands say, and where they may write. Results go to stdout (one JSON object with --json), the rest
to stderr.
"""
import json
import os
import sys
import tempfile

from .errors import JetbotMLPError
from .frame_files import shown


def say(*words):
    """A line for people, on stderr, out of the way of results."""
    print(*words, file=sys.stderr)


def print_json(result):
    """One JSON object on stdout."""
    print(json.dumps(result, allow_nan=False))


def writable_file(path, *suffixes):
    """Find out before the work, not after it, that the result could not be saved there."""
    folder = os.path.dirname(os.path.abspath(path))
    if suffixes and not path.lower().endswith(suffixes):
        raise JetbotMLPError(f"expected a file ending in {' or '.join(suffixes)} to write, found {shown(path)}")
    if os.path.isdir(path):
        raise JetbotMLPError(f"expected a file to write, found the folder {shown(path)}; name a file in it")
    if not os.path.isdir(folder):
        raise JetbotMLPError(f"the folder {shown(folder)} does not exist; make it first")
    try:
        if os.path.exists(path):  # it will be replaced through a temporary file beside it
            handle, trial = tempfile.mkstemp(prefix=".trial-", dir=folder)
        else:  # also finds names that the disk cannot take
            handle, trial = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), path
    except (OSError, ValueError) as error:
        raise JetbotMLPError(f"{shown(path)} cannot be written ({getattr(error, 'strerror', error)}); "
                             f"choose another file")
    os.close(handle)
    os.unlink(trial)
    return path


def say_skipped(skipped):
    """Name the files that were not read, on stderr. skipped: list of (name, reason)."""
    if skipped:
        say(f"{len(skipped)} files skipped:")
        for name, reason in skipped[:20]:
            say(f"  {name}: {reason}")
        if len(skipped) > 20:
            say(f"  ... and {len(skipped) - 20} more")
