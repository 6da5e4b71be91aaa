"""Starting and its memory, in processes of their own: ours beside `import numpy, cv2` alone."""
import json
import os
import subprocess
import sys

import numpy as np

from .bench_clock import row_of
from .bench_inference import default_model, some_frame
from .errors import JetbotMLPError
from .model_file import save_model

_PATHS = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "  # the child sees the packages that we see
LIBRARIES = _PATHS + "import numpy, cv2"
START = _PATHS + "from jetbot_mlp import Predictor, load_model; Predictor(load_model(sys.argv[2]))"
DRIVE = _PATHS + ("import numpy; from jetbot_mlp import Driver, Predictor, load_model; "
                  "p = Predictor(load_model(sys.argv[2])); "
                  "[p(numpy.full((224, 224, 3), i, numpy.uint8)) for i in range(100)]")

# Linux counts the memory of the process that starts a program as the program's own, so a small one starts it
_LAUNCHER = ("import os, subprocess, sys; p = subprocess.Popen(sys.argv[1:], stdout=2); "
             "_, status, used = os.wait4(p.pid, 0); p.returncode = status; "
             "print(used.ru_utime + used.ru_stime, used.ru_maxrss); sys.exit(1 if status else 0)")


def rows(rounds, random_state, folder):
    """-> [Row]; [] where the system does not tell what a child used (Windows). folder: for a model file."""
    if not hasattr(os, "wait4"):
        return []
    used = in_turns({"start": START, "drive": DRIVE, "libraries": LIBRARIES}, rounds, random_state, folder)
    beside = "import numpy, cv2"
    return [row_of("import and load a model", 1e3 * used["start"][:, 0], beside, 1e3 * used["libraries"][:, 0], "ms",
                   1.3),
            row_of("peak memory after 100 frames", used["drive"][:, 1], beside, used["libraries"][:, 1], "MB", 1.5)]


def rows_beside(module, rounds, random_state, folder):
    """-> [Row]: starting with a model, beside the import of another package alone; [] as above."""
    if not hasattr(os, "wait4"):
        return []
    used = in_turns({"start": START, "other": _PATHS + "import " + module}, rounds, random_state, folder)
    return [row_of(work, used["start"][:, column] * scale, "import " + module, used["other"][:, column] * scale, unit,
                   None)
            for work, column, scale, unit in (("import and load a model", 0, 1e3, "ms"),
                                              ("peak memory after that", 1, 1.0, "MB"))]


def in_turns(programs, rounds, random_state, folder):
    """{name: Python code} -> {name: float (rounds, 2)}, processor seconds and peak MB. folder: for a model file."""
    path = os.path.join(folder, "bench.npz")
    save_model(path, default_model(), some_frame(random_state))
    used = {name: [] for name in programs}
    for number in range(rounds + 1):
        for which in random_state.permutation(sorted(programs)):
            found = used_by([sys.executable, "-c", programs[which], json.dumps(sys.path), path])
            if number:  # the first round brings the files into the system's memory
                used[which].append(found)
    return {name: np.array(values) for name, values in used.items()}


def used_by(command):
    """Run a program -> (processor seconds, peak resident memory in MB) of it alone.

    Raises JetbotMLPError when it fails.
    """
    done = subprocess.run([sys.executable, "-I", "-S", "-c", _LAUNCHER] + command, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no message"]
        raise JetbotMLPError("expected a Python that starts, found one that failed (%s); see jetbot-mlp doctor"
                             % last[0])
    seconds, peak = done.stdout.split()
    return float(seconds), float(peak) / (1e6 if sys.platform == "darwin" else 1e3)
