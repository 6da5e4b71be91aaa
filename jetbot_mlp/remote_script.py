"""What runs on the robot: `deploy`, `rollback` and `pull` send this text to the Python over there.

It is the files of PARTS, joined: only the standard library of Python 3.6, and nothing else of this package, which may
be missing there, or another one. Arguments: a command of `remote_main` and its options as one JSON object; the
answer is one JSON object, printed last, or {"error": line}. In the robot's folder (`~/jetbot`, in the container
`/workspace/jetbot`) it keeps

    versions/0003/          models, the wheel that they were proven with, manifest.json; the last KEEP are kept
    current -> versions/0003    what drives; only a link changes (where links cannot be: a copy, renamed)
    .deploy/incoming/TOKEN/ what one deploy copies, until it is proven
    .deploy/lock            locked (flock) while a deploy is proven or switched: two never mix
"""
import pkgutil
import re

PARTS = ("drive_processes", "remote_base", "remote_package", "remote_drives", "remote_versions", "remote_look",
         "remote_steps", "remote_files", "remote_main")


def joined(parts=PARTS):
    """One text that runs by itself: the imports from each other are taken out, the names are all there."""
    texts = [pkgutil.get_data(__package__, part + ".py").decode("utf-8") for part in parts]
    imports = re.compile(r"^from \.(?:%s) import .*\n" % "|".join(parts), re.M)
    return "\n\n".join(imports.sub("", text) for text in texts) + "\n\nmain(sys.argv[1:])\n"
