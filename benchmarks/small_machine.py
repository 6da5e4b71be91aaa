"""What driving and training on the robot itself take: seconds and peak memory, each in a process of its own.

    taskset -c 0 python benchmarks/small_machine.py [--frames 300] [--seconds 20] [--json]

Pin it to one core, and give it as little memory as the robot's container leaves (docs/performance.md says how):
what does not fit is killed by the system, and then reported. The robot of `drive` is the one that the tests imitate,
with a camera of 50 to 100 frames a second; its motor guard, another small process, has no bus to watch.
"""
import argparse
import json
import os
import sys
import tempfile

from training_cost import (  # beside this file; and this process stays small, or Linux counts it as the others'
    cores,
    run,
)

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODELS = [os.path.join(ROOT, "models", name) for name in ("road.npz", "collision.npz")]


def predict(n_frames):
    """In the process that is measured: frames through both models."""
    import numpy as np

    from jetbot_mlp.bench_inference import some_frame
    from jetbot_mlp.inference import Predictor
    from jetbot_mlp.model_file import load_model

    predictors, frame = [Predictor(load_model(path)) for path in MODELS], some_frame(np.random.RandomState(0))
    for _ in range(n_frames):
        for predictor in predictors:
            predictor(frame)


def drive(seconds):
    """In the process that is measured: what `jetbot-mlp drive` does, on the tests' robot."""
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    from fake_jetbot import make_jetbot

    from jetbot_mlp import motor_guard
    from jetbot_mlp.__main__ import main

    sys.modules["jetbot"] = make_jetbot()
    motor_guard.BUSES = (91,)  # a real chip of this machine is not meant
    return main(["drive"] + MODELS + ["--seconds", "%g" % seconds, "--json"])


def train(task, dataset, out):
    """In the process that is measured: the recipe that the notebook offers on a robot."""
    from jetbot_mlp.dataset import load_dataset
    from jetbot_mlp.model_file import save_model
    from jetbot_mlp.train_frames import QUICK, train_frames

    loaded = load_dataset(task, dataset)
    save_model(out, train_frames(loaded, QUICK[task]).model, loaded.images[0])


def measure(frames, seconds, folder, only=""):
    """-> [dict]: work, and seconds, processor_seconds, peak_mb, or failed: why. only: a word of the works' names."""
    here = ["-c", "import sys; sys.path[:0] = %r; import small_machine; small_machine.%s"]

    def inside(call, *arguments):
        return here[0], here[1] % ([os.path.dirname(os.path.abspath(__file__)), ROOT],
                                   "%s(%s)" % (call, ", ".join(map(repr, arguments))))

    dataset, quick, best = (os.path.join(folder, name) for name in ("frames", "quick.npz", "best.npz"))
    works = [
        ("check", ["check"] + MODELS, None),
        ("simulate %d frames" % frames, ["simulate", "collision", "--out", dataset, "--count", str(frames)], None),
        ("predict 1,000 frames, both models", [], inside("predict", 1000)),
        ("drive the imitated robot, %g s" % seconds, [], inside("drive", seconds)),
        ("drive in the simulator, 60 s", ["drive", "--sim"] + MODELS + ["--seconds", "60", "--json"], None),
        ("train, quick recipe", [], inside("train", "collision", dataset, quick)),
        ("train, default recipe", ["train", "collision", dataset, "--out", best, "--no-report"], None),
        ("evaluate", ["evaluate", best, dataset, "--json"], None),
    ]
    found = []
    for name, arguments, program in (work for work in works if only in work[0]):
        try:
            output, took = run(arguments) if program is None else run(arguments, program)
        except SystemExit as failure:
            found.append({"work": name, "failed": str(failure)})
            continue
        found.append(dict(took, work=name))
        if name.startswith("drive"):
            told = json.loads(output)
            found[-1]["drive"] = {key: told[key] for key in ("frames", "fps", "latency_ms", "reason")}
    return found


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--frames", type=int, default=300, help="to train on (default: 300)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the imitated robot's drive (default: 20)")
    parser.add_argument("--only", default="", metavar="WORD", help="works with this word in their names")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        found = measure(args.frames, args.seconds, folder, args.only)
    if args.json:
        print(json.dumps({"cores": cores(), "works": found}))
        return 0
    print("%d cores" % cores())
    for one in found:
        if "failed" in one:
            print("%-36s failed: %s" % (one["work"], one["failed"]))
            continue
        numbers = tuple("-" if one[name] is None else "%.1f" % one[name]
                        for name in ("seconds", "processor_seconds", "peak_mb"))
        print(("%-36s %7s s, processor %7s s, %7s MB" % ((one["work"],) + numbers)) + (
            "" if "drive" not in one else "; %(frames)d frames, %(fps).0f a second, %(latency_ms)s" % one["drive"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
