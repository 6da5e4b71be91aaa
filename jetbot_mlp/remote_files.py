"""Notebooks for the robot, and the files of a folder there (see `remote_script`)."""
import os
import shutil

from .remote_base import Refusal, give_away, make_folders, sha256, whole
from .remote_versions import incoming


def notebooks(folder, token, files):
    """Puts the copied notebooks into FOLDER/notebooks; one that was worked in is kept under another name."""
    own, kept = incoming(folder, token), []
    for name in sorted(files):
        if sha256(os.path.join(own, name)) != files[name]:
            raise Refusal(f"{name} did not arrive whole (its sha256 differs); deploy again")
    for name in sorted(files):
        target = os.path.join(folder, "notebooks", *name.split("@"))
        make_folders(os.path.dirname(target))
        if os.path.exists(target) and sha256(target) != files[name]:
            stem, count = target[:-len(".ipynb")], 1
            while os.path.exists(f"{stem}.old{count}.ipynb"):
                count += 1
            os.rename(target, f"{stem}.old{count}.ipynb")
            kept.append(f"{stem}.old{count}.ipynb")
        os.replace(os.path.join(own, name), target)
    give_away(os.path.join(folder, "notebooks"), folder)
    shutil.rmtree(own, ignore_errors=True)
    return {"kept": kept}


def listing(folder, home="~"):
    """-> {"folder", "files": [[path below it, bytes, sha256]]}; links to elsewhere are left out."""
    root = whole(folder, home)
    if os.path.isfile(root):
        return {"folder": os.path.dirname(root), "files": [[os.path.basename(root), os.path.getsize(root),
                                                            sha256(root)]]}
    if not os.path.isdir(root):
        raise Refusal(f"expected a folder there, found no {root}")
    files = []
    for path, folders, names in os.walk(root, onerror=unreadable):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(path, name)
            if os.path.isfile(file) and not os.path.islink(file):
                files.append([os.path.relpath(file, root), os.path.getsize(file), sha256(file)])
    return {"folder": root, "files": files}


def unreadable(error):
    raise error
