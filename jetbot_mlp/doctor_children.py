"""What `jetbot-mlp doctor` asks in child processes, because it may crash or hang there.

`doctor_probes.ask(name)` runs `answer(name, ...)` in a fresh Python; each function yields parts of its answer.
"""
import glob
import importlib
import json
import os
import re
import sys
import time

from .doctor_probes import rss_mb
from .errors import JetbotMLPError

WATCH_S = 1.0  # the camera is watched for that long
NOT_WARM = 3  # predictions that are not counted


def answer(name, words):
    """In the child: run child_<name>, print what it yields, and end at once, whatever threads there are."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    status = 0
    try:
        for part in globals()["child_" + name](*words):
            out.write(json.dumps(part) + "\n")
            out.flush()
    except JetbotMLPError as error:
        found, _, remedy = str(error).rpartition("; ")
        out.write(json.dumps({"raised": found or remedy, "remedy": remedy}) + "\n")
        status = 1
    except Exception as error:  # told to the parent, which judges it
        out.write(json.dumps({"raised": " ".join(f"{type(error).__name__}: {error}".split())}) + "\n")
        status = 1
    out.flush()
    sys.stderr.flush()
    os._exit(status)  # the official capture thread is no daemon


def child_numpy():
    import numpy

    numpy.ones((64, 64)).dot(numpy.ones((64, 64)))  # into BLAS, where a wrong processor shows
    yield {"version": numpy.__version__, "file": os.path.dirname(numpy.__file__)}


def child_opencv():
    import cv2

    build = re.search(r"GStreamer:\s*(\S+)", cv2.getBuildInformation())
    wheels = {os.path.basename(info).split("-")[0].replace("_", "-") for folder in sys.path
              for info in glob.glob(os.path.join(glob.escape(folder), "opencv_*.dist-info"))}
    yield {"version": cv2.__version__, "file": getattr(cv2, "__file__", "?"), "wheels": sorted(wheels),
           "gstreamer": bool(build) and build.group(1).upper() == "YES"}


def child_widgets():
    versions = {}
    for name in ("traitlets", "ipywidgets"):
        try:
            versions[name] = importlib.import_module(name).__version__
        except ImportError:
            versions[name] = None
    yield versions


def child_official():
    """The package's classes, loaded as driving loads them: past its own start of 11 to 17 s."""
    from .official_robot import official

    started = time.monotonic()
    robot, camera = official("Robot"), official("Camera")
    yield {"version": _version_of("jetbot"), "robot": _name(robot), "camera": _name(camera),
           "motors": callable(getattr(robot, "set_motors", None)), "seconds": time.monotonic() - started}


def child_camera(name):
    """Open a camera and watch it for WATCH_S."""
    import zlib

    from .hardware import open_camera

    eye = open_camera(name)
    seen = []  # (s, checksum) of each frame
    brightest = []

    def look(change):
        seen.append((time.monotonic(), zlib.crc32(change["new"].tobytes())))
        brightest.append(int(change["new"].max()))

    eye.observe(look, names="value")
    time.sleep(WATCH_S)
    eye.unobserve(look, names="value")
    shape = list(eye.value.shape)
    span_s = seen[-1][0] - seen[0][0] if len(seen) > 1 else 0.0
    yield {"description": eye.description, "shape": shape, "frames": len(seen),
           "distinct": len({crc for _, crc in seen}), "hz": (len(seen) - 1) / span_s if span_s else 0.0,
           "brightest": max(brightest) if brightest else int(eye.value.max())}
    try:
        eye.stop()
    except Exception:  # it was seen all the same, and the process ends now
        pass


def child_model(path):
    import numpy

    started = time.monotonic()
    from .inference import Predictor
    from .model_file import load_model

    predictor = Predictor(load_model(path))
    load_s = time.monotonic() - started
    frame = numpy.random.RandomState(0).randint(0, 256, (224, 224, 3)).astype(numpy.uint8)
    times_s = []
    for _ in range(NOT_WARM + 20):
        started = time.monotonic()
        predictor(frame)
        times_s.append(time.monotonic() - started)
    yield {"task": predictor.task, "load_s": load_s, "predict_ms": 1e3 * sorted(times_s[NOT_WARM:])[10],
           "peak_mb": rss_mb("self", "VmHWM")}


def child_guard():
    from .motor_guard import MotorGuard

    started = time.monotonic()
    guard = MotorGuard().start()
    yield {"ready_s": time.monotonic() - started, "rss_mb": rss_mb(guard.pid)}
    guard.close()


def _name(a_class):
    return f"{a_class.__module__.split('.')[-1]}.{a_class.__name__}"


def _version_of(package):
    """Version by the name of the folder beside the package that pip or setup.py left there."""
    for folder in sys.path:
        for path in glob.glob(os.path.join(glob.escape(folder), package + "-*")):
            return os.path.basename(path)[len(package) + 1:].split("-py")[0].replace(".dist-info", "")
    return "version unknown"
