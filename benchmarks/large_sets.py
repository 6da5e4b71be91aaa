"""From 1,000 to 100,000 frames: does a training take as long for each frame, and does the memory stay small?

    python benchmarks/large_sets.py [1000 10000 100000] [--epochs 3] [--folder FOLDER] [--json]

Frames are made first (not counted): some hundred simulated ones, each again and again, moved by some px and with other
noise. They and the cache lie in a folder of their own that is deleted in the end; 100,000 need 6 GB. Loading for the
first time with a training of a few epochs, and loading again, are each a process of their own. A frame and epoch is
the processor time of all threads from one epoch's end to the next, for each frame that is learnt: changed copies of it
are made, their features, and the network learns them. (Small sets keep such copies, so a whole training of them takes
less for each epoch after the first twelve; here every epoch makes new ones.)
"""
import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

GOALS = {"flat_within": 0.15, "peak_mb": 1000.0}  #: time per frame and epoch of the largest set beside the smallest
SETTLE_S = 3.0  #: files that were written a moment ago are not kept in the cache: they may change again
DRAWN = 300  #: pictures that all others are made of


def make(folder, n):
    """In a process of its own: n frames in folder/blocked and folder/free, named and dated as a robot does it."""
    import cv2
    import numpy as np

    from jetbot_mlp.bench_loading import uuid1_at
    from jetbot_mlp.sim_dataset import simulate

    drawn = folder + "-drawn"
    simulate("collision", drawn, DRAWN)
    random_state = np.random.RandomState(0)
    noise = [random_state.randint(0, 9, (224, 224, 3)).astype(np.uint8) for _ in range(50)]
    pictures = {}
    for label in ("blocked", "free"):
        os.makedirs(os.path.join(folder, label))
        names = sorted(os.listdir(os.path.join(drawn, label)))
        pictures[label] = [cv2.imread(os.path.join(drawn, label, name)) for name in names]
    shutil.rmtree(drawn)
    begin_s = time.time() - 2 * n - 1000
    for number in range(n):
        label = ("blocked", "free")[number % 2]
        image = pictures[label][random_state.randint(len(pictures[label]))]
        image = np.roll(image, random_state.randint(-8, 9, 2), axis=(0, 1))
        image = cv2.add(image, noise[random_state.randint(len(noise))])
        path = os.path.join(folder, label, uuid1_at(begin_s + 2 * number) + ".jpg")
        cv2.imwrite(path, image)
        os.utime(path, (begin_s + 2 * number, begin_s + 2 * number))


def load(folder):
    """-> (Dataset, {seconds, processor_seconds})"""
    from jetbot_mlp.dataset import load_dataset

    began = time.perf_counter(), time.process_time()
    dataset = load_dataset("collision", folder)
    took = time.perf_counter() - began[0], time.process_time() - began[1]
    return dataset, {"load_s": took[0], "load_processor_s": took[1]}


def train(folder, epochs):
    """In a process of its own: load, learn for some epochs, score the held-out frames."""
    import numpy as np

    from jetbot_mlp.splits import time_blocks
    from jetbot_mlp.train_frames import LEARNT_TWICE_UP_TO, RECIPES, train_frames

    dataset, result = load(folder)
    marks = []
    began = time.perf_counter()
    recipe = RECIPES["collision"]._replace(members=1, watched=0, epochs=epochs)
    trained = train_frames(dataset, recipe, watch=lambda _: marks.append(time.process_time()))
    n = len(trained.learnt)
    if n > LEARNT_TWICE_UP_TO:  # then a block of time is watched, not learnt
        n = len(time_blocks(dataset.subset(trained.learnt))[0][0])
    result.update(train_s=time.perf_counter() - began, frame_epoch_us=1e6 * float(np.median(np.diff(marks))) / n,
                  learnt=n, accuracy=trained.evaluation.metrics["accuracy"])
    return result


def again(folder):
    """In a process of its own: load from the cache."""
    return load(folder)[1]


def child(call, cache):
    """Evaluate a call of this file's functions in a process of its own -> its result, with peak_mb where known."""
    code = ("import json, sys; sys.path[:0] = %r; import large_sets; result = large_sets.%s; "
            "import large_sets; print(json.dumps(dict(result or {}, peak_mb=large_sets.peak_mb())))")
    here = os.path.dirname(os.path.abspath(__file__))
    done = subprocess.run([sys.executable, "-c", code % ([here, os.path.dirname(here)], call)], stdout=subprocess.PIPE,
                          env=dict(os.environ, JETBOT_MLP_CACHE=cache), universal_newlines=True)
    if done.returncode:
        raise SystemExit("large_sets.%s failed" % call)
    return json.loads(done.stdout.splitlines()[-1])


def peak_mb():
    """Peak resident memory of this process in MB, or None on Windows."""
    try:
        import resource
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def measure(n, epochs, folder):
    """-> dict of what n frames take."""
    place, cache = os.path.join(folder, "frames"), os.path.join(folder, "cache")
    try:
        print("making %d frames" % n, file=sys.stderr)
        child("make(%r, %d)" % (place, n), cache)
        time.sleep(SETTLE_S)
        print("learning them", file=sys.stderr)
        first = child("train(%r, %d)" % (place, epochs), cache)
        second = child("again(%r)" % place, cache)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.rmtree(cache, ignore_errors=True)
    return dict(first, frames=n, again_s=second["load_s"], again_processor_s=second["load_processor_s"],
                again_peak_mb=second["peak_mb"])


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sizes", nargs="*", type=int, default=[1000, 10000, 100000], metavar="FRAMES")
    parser.add_argument("--epochs", type=int, default=3, help="at least 2: the first is not counted (default: 3)")
    parser.add_argument("--folder", help="where the frames are made (default: the system's for temporary files)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    if args.epochs < 2 or min(args.sizes) < 50:
        parser.error("at least 2 epochs and 50 frames are needed")
    with tempfile.TemporaryDirectory(prefix="large-sets-", dir=args.folder) as folder:
        found = [measure(n, args.epochs, folder) for n in args.sizes]
    if args.json:
        print(json.dumps({"goals": GOALS, "epochs": args.epochs, "sets": found}))
        return 0
    print("%8s %12s %12s %14s %16s %10s %9s" % ("frames", "load, s", "again, s", "training, s", "frame+epoch, us",
                                                "ratio", "peak, MB"))
    for one in found:
        print("%8d %12.2f %12.2f %14.1f %16.0f %10.2f %9s" % (
            one["frames"], one["load_s"], one["again_s"], one["train_s"], one["frame_epoch_us"],
            one["frame_epoch_us"] / found[0]["frame_epoch_us"],
            "-" if one["peak_mb"] is None else "%.0f" % one["peak_mb"]))
    print("wanted: time per frame and epoch within %.0f %%, at most %.0f MB" % (
        100 * GOALS["flat_within"], GOALS["peak_mb"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
