"""The whole loop for minutes, in real time: is its slowest frame near its median, and does nothing grow?

    python benchmarks/long_drive.py [MODEL ...] [--seconds 300] [--preview] [--where] [--json]

Camera, driver and watchdog run in their threads, as in a notebook: the camera shows a simulated world 30 times a
second, the driver answers. Without a model: the two of models/ together. --preview also draws 15 pictures a
second with the answers and packs them as JPEG, as a panel does; --where names the lines of code whose memory grew
(and slows everything down). Latency is what passes from a frame's arrival to its command, other programs' time too;
the processor's time of the driver's thread is the loop alone.
"""
import argparse
import collections
import gc
import json
import os
import platform
import sys
import time
import tracemalloc

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from jetbot_mlp.driver import RING, Driver  # noqa: E402
from jetbot_mlp.inference import Predictor  # noqa: E402
from jetbot_mlp.model_file import load_model  # noqa: E402
from jetbot_mlp.overlay import draw  # noqa: E402
from jetbot_mlp.panel_parts import Repeater, jpeg  # noqa: E402
from jetbot_mlp.sim_drive import world_kind_for  # noqa: E402
from jetbot_mlp.sim_realtime import open_simulated  # noqa: E402

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")
FRAMES_A_SECOND = 30
GOAL = 3.0  #: p99 of the latency beside its median, at most
WARM_S = 1.2 * RING / FRAMES_A_SECOND  #: until the driver's list of latencies is full
FLAT_BLOCKS, FLAT_MB = 0.1, 1.0  #: growth in the second half of the drive: Python objects a frame; MB in all
LEAST_FRAMES = 1000  #: to judge growth by: some hundred objects come and go
PREVIEW_HZ = 15.0


def thread_seconds():
    """Processor time of this thread."""
    if hasattr(time, "thread_time"):
        return time.thread_time()
    return time.clock_gettime(time.CLOCK_THREAD_CPUTIME_ID)  # Python 3.6


class Notes:
    """What each step took, in arrays that are there before the drive: notes must not be what grows."""

    def __init__(self, capacity):
        self.frames, self.last = 0, None
        self.latency_ms, self.processor_ms = np.zeros(capacity), np.zeros(capacity)
        self._before = None

    def __call__(self, step):
        """On each step, in the driver's thread."""
        now = thread_seconds()
        if self._before is not None and self.frames < len(self.latency_ms):
            self.latency_ms[self.frames] = 1e3 * step.latency_s
            self.processor_ms[self.frames] = 1e3 * (now - self._before)
            self.frames += 1
        self._before, self.last = now, step

    def new_thread(self):
        self._before = None


def memory(frames):
    """-> dict: Python objects that are alive, resident memory in MB (None where /proc is missing), frames so far."""
    gc.collect()
    resident = None
    if os.path.exists("/proc/self/statm"):
        with open("/proc/self/statm") as stream:
            resident = int(stream.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    return {"frames": frames, "blocks": sys.getallocatedblocks(), "resident_mb": resident}


def growth(first, second):
    """Of two `memory`s -> dict: objects a frame, MB in all."""
    frames = second["frames"] - first["frames"]
    known = first["resident_mb"] is not None
    return {"frames": frames, "blocks_a_frame": (second["blocks"] - first["blocks"]) / max(1, frames),
            "resident_mb": second["resident_mb"] - first["resident_mb"] if known else None}


def is_flat(grown):
    """None when the drive was too short to say."""
    if grown["frames"] < LEAST_FRAMES:
        return None
    return grown["blocks_a_frame"] <= FLAT_BLOCKS and (grown["resident_mb"] or 0.0) <= FLAT_MB


def drive(predictors, seconds, preview=False, seed=0, look=memory):
    """-> (Notes, [memory at the start, in the middle, at the end], why it stopped in between: [str]).

    look: called with the frames so far, at each of these three.
    """
    notes = Notes(int(2 * seconds * FRAMES_A_SECOND) + 100)
    robot, camera = open_simulated(world_kind_for([p.task for p in predictors]), seed)
    robot.sim.path = collections.deque(robot.sim.path, maxlen=100)  # it keeps two hours for films: grows on purpose
    driver = Driver(predictors, robot, camera, on_step=notes)

    def show():
        step = notes.last
        if step is not None:
            jpeg(draw(step.frame.image, step.predictions, step.command))

    shower = Repeater(show, 1.0 / PREVIEW_HZ, "preview")
    warm_s = min(WARM_S, seconds / 3)
    marks, stops = [warm_s, (warm_s + seconds) / 2, seconds], []
    memories, began = [], time.monotonic()
    try:
        if preview:
            shower.start()
        driver.start()
        while len(memories) < len(marks):
            time.sleep(max(0.0, min(0.5, began + marks[len(memories)] - time.monotonic())))
            if driver.gate.stopped:  # a machine that keeps it waiting for half a second, say
                stops.append(driver.status().reason)
                driver.join()
                notes.new_thread()
                robot.carry_elsewhere()
                driver.start()
            if time.monotonic() - began >= marks[len(memories)]:
                memories.append(look(notes.frames))
    finally:
        driver.stop("the measurement ended")
        driver.join()
        shower.close()
        camera.stop()
    return notes, memories, stops


def percentiles(values):
    """-> dict of the median, p99, the largest, and p99 beside the median."""
    p50, p99, largest = (float(value) for value in np.percentile(values, (50, 99, 100)))
    return {"p50": p50, "p99": p99, "max": largest, "ratio": p99 / p50 if p50 else float("inf")}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help="default: models/road.npz and collision.npz")
    parser.add_argument("--seconds", type=float, default=300.0, help="default: 300")
    parser.add_argument("--preview", action="store_true", help="also draw and pack pictures, as a panel does")
    parser.add_argument("--where", action="store_true", help="name the lines whose memory grew; slow")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    if not args.seconds >= 3:
        parser.error("--seconds: expected 3 or more, found %g" % args.seconds)
    cv2.setNumThreads(1)
    paths = args.models or [os.path.join(MODELS, name) for name in ("road.npz", "collision.npz")]
    load = [os.getloadavg()[0]] if hasattr(os, "getloadavg") else []
    snapshots = []

    def look(frames):
        found = memory(frames)
        if args.where:
            snapshots.append(tracemalloc.take_snapshot())
        return found

    if args.where:
        tracemalloc.start()
    predictors = [Predictor(load_model(path)) for path in paths]
    notes, memories, stops = drive(predictors, args.seconds, args.preview, look=look)
    load += [os.getloadavg()[0]] if load else []
    if not notes.frames:
        raise SystemExit("long_drive: expected answered frames, found none: %s" % "; ".join(stops))
    latency, processor = (percentiles(values[:notes.frames]) for values in (notes.latency_ms, notes.processor_ms))
    grown = [growth(first, second) for first, second in zip(memories, memories[1:])]
    result = {"python": platform.python_version(), "seconds": args.seconds, "preview": args.preview,
              "frames": notes.frames, "frames_a_second": notes.frames / args.seconds, "load": load, "stops": stops,
              "latency_ms": latency, "processor_ms": processor, "goal": GOAL, "reached": latency["ratio"] <= GOAL,
              "memory": memories, "growth": grown, "flat": None if args.where else is_flat(grown[1])}
    if args.json:
        print(json.dumps(result))
        return 0
    print("%d frames in %.0f s%s; load of the machine %s; stops: %s" % (
        notes.frames, args.seconds, ", with a preview" if args.preview else "",
        " to ".join("%.1f" % value for value in load) or "unknown", "; ".join(stops) or "none"))
    for name, found in (("latency", latency), ("processor", processor)):
        print("%-10s p50 %6.2f  p99 %6.2f  max %7.2f ms, p99 / p50 %5.2f" % (
            (name,) + tuple(found[key] for key in ("p50", "p99", "max", "ratio"))))
    print("%-10s wanted %.1f: %s" % ("", GOAL, "reached" if result["reached"] else "not reached"))
    for name, one in zip(("start", "middle", "end"), memories):
        resident = "" if one["resident_mb"] is None else ", %.1f MB resident" % one["resident_mb"]
        print("%-10s frame %6d: %d Python objects%s" % (name, one["frames"], one["blocks"], resident))
    verdict = {None: "too few frames to judge", True: "flat", False: "NOT flat"}[result["flat"]]
    print("%-10s %+.3f objects a frame in the first half, %+.3f in the second: %s" % (
        "growth", grown[0]["blocks_a_frame"], grown[1]["blocks_a_frame"],
        "the notes of --where are among them" if args.where else verdict))
    if args.where:
        ours = [one.filter_traces([tracemalloc.Filter(False, tracemalloc.__file__)]) for one in snapshots]
        for line in ours[-1].compare_to(ours[0], "lineno")[:10]:
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
