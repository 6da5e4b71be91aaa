"""Which model file a notebook takes: the student's own, where there is one, else the one that was deployed, else the
one from the simulator."""
import os

from .errors import ModelFileError

BESIDE = (".", "..", os.path.join("..", "collision_avoidance"), os.path.join("..", "road_following"),
          "collision_avoidance", "road_following")  # where the notebooks lie
ABOVE = ("current", "models")  # what jetbot-mlp deploy made current on a robot; what comes with the project


def find_model(task, folder="."):
    """-> path of a model file for 'collision' or 'road'.

    First `<task>.npz` in folder (the notebook's own), beside it or in a neighbouring notebook's folder: there the
    training notebooks save. Of several the newest. Else `current/<task>.npz` (deployed) or `models/<task>.npz` in
    folder or any folder above it.
    Raises ModelFileError when there is none.
    """
    name = f"{task}.npz"
    own = [os.path.normpath(os.path.join(folder, place, name)) for place in BESIDE]
    own = [path for path in own if os.path.isfile(path)]
    if own:
        return max(own, key=os.path.getmtime)
    above = os.path.abspath(folder)
    while True:
        for place in ABOVE:
            path = os.path.join(above, place, name)
            if os.path.isfile(path):
                return os.path.relpath(path, folder) if folder == "." else path
        if os.path.dirname(above) == above:
            break
        above = os.path.dirname(above)
    raise ModelFileError(f"{name}: expected it here, beside this folder or in a folder models/, found none; train one "
                         f"(train_model.ipynb) or copy models/{name} here")
