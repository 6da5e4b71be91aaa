"""What the default training costs: seconds and memory of `jetbot-mlp train`, size of its file.

    python benchmarks/training_cost.py [collision|road] [DATASET ...] [--frames 500] [--json]

Without a dataset, frames are simulated first (not counted). The training is a process of its own, as a
user starts it, loading and report page included; its time and peak memory are the operating system's.
Processor seconds are those of all cores together, so they say on a busy computer what an idle one would need.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

TARGETS = {"seconds": 60.0, "peak_mb": 500.0, "model_mb": 1.0}  #: at most, for 500 frames on two cores


def cores():
    """That this process may use. Not the package's own: to import it would make this process large, see `run`."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def run(arguments, program=("-m", "jetbot_mlp")):
    """Run jetbot-mlp in a process of its own -> (its stdout, what it took: dict).

    program: another one, as Python is told of it.
    seconds: that passed; processor_seconds, peak_mb (resident memory): of this one process, not of all
    children so far; None where the system can't tell (Windows).
    Raises SystemExit with its message when it fails.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as messages:
        process = subprocess.Popen([sys.executable] + list(program) + arguments, stdout=output, stderr=messages)
        processor_seconds = peak_mb = None
        if hasattr(os, "wait4"):
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = 1 if status else 0  # already waited for
            processor_seconds = usage.ru_utime + usage.ru_stime
            peak_mb = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)  # macOS: bytes, Linux: kB
        else:
            process.wait()
        seconds = time.perf_counter() - started
        output.seek(0)
        messages.seek(0)
        if process.returncode:
            what = "jetbot-mlp %s" % arguments[0] if program[0] == "-m" else " ".join(program)
            raise SystemExit("%s failed: %s" % (what, messages.read().strip()[-500:]))
        return output.read(), {"seconds": seconds, "processor_seconds": processor_seconds, "peak_mb": peak_mb}


def cost_of(task, datasets, frames, folder):
    """Train on the datasets, or on simulated frames written below folder -> dict of what it took."""
    if not datasets:
        datasets = [os.path.join(folder, task)]
        run(["simulate", task, "--out", datasets[0], "--count", str(frames)])
    path = os.path.join(folder, task + ".npz")
    output, took = run(["train", task] + datasets + ["--out", path, "--json"])
    trained = json.loads(output)
    return dict(took, task=task, samples=trained["samples"], model_mb=os.path.getsize(path) / 1e6,
                parameters=trained["parameters"], epochs=trained["epochs"])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", nargs="?", choices=("collision", "road"), help="default: both")
    parser.add_argument("datasets", nargs="*", metavar="DATASET", help="default: simulated frames")
    parser.add_argument("--frames", type=int, default=500, help="simulated ones (default: 500)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        costs = [cost_of(task, args.datasets, args.frames, folder)
                 for task in ([args.task] if args.task else ["collision", "road"])]
    if args.json:
        print(json.dumps({"cores": cores(), "targets": TARGETS, "trainings": costs}))
        return 0
    print("%d cores; wanted for 500 frames: at most %.0f s, %.0f MB of memory, a file of %.0f MB"
          % ((cores(),) + tuple(TARGETS.values())))
    for cost in costs:
        known = cost["peak_mb"] is not None
        print("%-10s%6d frames%8.1f s (processors%7s s)%10s%8.2f MB file" % (
            cost["task"], cost["samples"], cost["seconds"], "%.1f" % cost["processor_seconds"] if known else "-",
            "%.0f MB" % cost["peak_mb"] if known else "-", cost["model_mb"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
