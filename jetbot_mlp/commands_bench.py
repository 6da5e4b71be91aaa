"""What the command bench does: how fast this machine lets the package be, as ratios to other work of the same use."""
import os
import platform
import tempfile

import cv2
import numpy as np

from . import bench_inference, bench_loading, bench_process, bench_simulator, bench_threads, bench_training
from .blas_threads import one_blas_thread
from .terminal import print_json, say

OPTIONAL = "ResNet18 and onnxruntime, torch and scikit-learn beside ours: benchmarks/ in the repository"


def bench(args):
    """args: quick (bool), json (bool)."""
    rounds, n_frames, n_steps = (5, 40, 150) if args.quick else (31, 2000, 3000)
    one_blas_thread()
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    random_state = np.random.RandomState(0)  # order of the turns, pictures
    try:
        with tempfile.TemporaryDirectory(prefix="jetbot-mlp-bench-") as folder:
            found = _measure("inference", lambda: bench_inference.rows(rounds, random_state))
            found += _measure("simulator", lambda: bench_simulator.rows(n_steps))
            found += _measure("training", lambda: bench_training.rows(rounds, random_state))
            threaded = _measure("threads", lambda: bench_threads.rows(rounds, random_state))
            frames = os.path.join(folder, "frames")
            found += _measure("loading", lambda: bench_loading.rows(rounds, random_state, frames, n_frames))
            started = _measure("processes", lambda: bench_process.rows(2 if args.quick else 7, random_state, folder))
    finally:
        cv2.setNumThreads(threads)
    absent = [] if started else ["import time and memory: this system does not tell what a process used"]
    absent += [] if threaded else ["all threads: one core, or a NumPy whose threads are not OpenBLAS's on Linux"]
    found += started + threaded
    if args.json:
        print_json({"python": platform.python_version(), "numpy": np.__version__, "opencv": cv2.__version__,
                    "machine": platform.machine(), "threads": 1, "quick": args.quick, "absent": absent,
                    "rows": [dict(row._asdict(), reached=row.reached) for row in found]})
        return
    print(table(found))
    for words in absent + [OPTIONAL]:
        print(f"left out: {words}")
    print("Medians of alternating rounds, in brackets the quartiles of the ratio. Processor time, in one thread; where "
          "threads are named, the time that passes.")


def _measure(what, rows):
    say(f"measuring: {what}")
    return rows()


def table(rows):
    """Lines of text, one for each Row."""
    lines = [f"{'work':<38} {'ours':>11}  {'beside':<40} {'':>11} {'ratio':>7} {'':<14} {'goal':>6}"]
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:6.2f} {'reached' if row.reached else 'not reached'}"
        lines.append(f"{row.work:<38} {row.ours:8.2f} {row.unit}  {row.beside:<40} {row.theirs:8.2f} {row.unit} "
                     f"{row.ratio:7.2f} {f'({row.low:.2f}-{row.high:.2f})':<14} {goal}".rstrip())
    return "\n".join(lines)
