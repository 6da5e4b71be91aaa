"""What one machine makes of a model file: is it sound, what does its stored frame give here, how fast.

`check` prints it; `deploy` holds the robot's against the laptop's.
"""
import os
import time

from .errors import ModelFileError
from .features import shrink
from .frame_files import shown
from .model_file import golden_frame, load_model

TIMED_FRAMES = 15  #: the middle one of so many counts


def prove(path):
    """-> dict for JSON: model, sound; if sound task, layers, bytes, golden_output [float], ms_per_frame; else
    problem."""
    try:
        model = load_model(path)
        golden = golden_frame(path)
    except ModelFileError as error:
        return {"model": shown(path), "sound": False, "problem": shown(str(error))}
    times = []
    for _ in range(TIMED_FRAMES):
        started = time.perf_counter()
        answer = model.outputs(shrink(golden)[None])[0]
        times.append(time.perf_counter() - started)
    return {"model": shown(path), "sound": True, "task": model.task,
            "layers": "-".join(str(n) for n in model.network.layer_sizes), "bytes": os.path.getsize(path),
            "golden_output": [float(value) for value in answer],
            "ms_per_frame": round(1e3 * sorted(times)[TIMED_FRAMES // 2], 3)}


def difference(one, other):
    """Largest difference of two answers to the same frame, lists of float; inf when they are not of one kind."""
    if len(one) != len(other) or not one:
        return float("inf")
    distances = [abs(a - b) for a, b in zip(one, other)]
    return max(distances) if all(d == d for d in distances) else float("inf")
