"""The whole job without a robot: collect, train, evaluate, drive, and a page that shows it all.

What a student does in an afternoon, in the simulator and in two minutes. Everything is made by the
same functions as on the robot; only camera, wheels and world are simulated.
"""
import json
import os
import shutil
import tempfile
import time

from . import report_plots
from .dataset import load_dataset
from .errors import JetbotMLPError
from .evaluation import evaluate
from .inference import Predictor
from .model_file import load_model, save_model
from .report import write_report
from .report_trained import training_report
from .sim_drive import drive_in_simulator
from .simulator import simulate
from .train_frames import train_frames

FRAMES = 1200  #: collected for each task
FRESH = 200  #: frames from other worlds, for a score beside the held-out one
DRIVE_S = 40.0  #: simulated seconds of each filmed drive
DRIVES = (  # name, models, kind of world, in words
    ("road", ("road",), "road", "a track"),
    ("collision", ("collision",), "room", "a room"),
)
MARK = "demo.json"  #: a folder with this file in it is an earlier demo and may be replaced


def run_demo(out, seed, progress, say):
    """Make the folder out, whole or not at all; an earlier demo there is replaced.

    progress: tqdm-like or None; say: callable(str) for a line a step. Raises JetbotMLPError.
    """
    report_plots.require_matplotlib()
    out = os.path.realpath(out)
    if os.path.ismount(out):
        raise JetbotMLPError(f"{out} is a mount point and cannot be replaced; name a folder in it with --out")
    if os.path.lexists(out) and not os.path.isfile(os.path.join(out, MARK)) \
            and not (os.path.isdir(out) and not os.listdir(out)):
        raise JetbotMLPError(f"{out} exists and is no earlier demo; name another folder with --out")
    if not os.path.isdir(os.path.dirname(out)):
        raise JetbotMLPError(f"the folder {os.path.dirname(out)} does not exist; make it first")
    started = time.monotonic()
    work = tempfile.mkdtemp(prefix=os.path.basename(out) + ".", suffix=".part", dir=os.path.dirname(out))
    try:
        os.chmod(work, 0o755)
        results = _make(work, seed, progress, say)
        with open(os.path.join(work, MARK), "w") as stream:
            json.dump(results, stream, indent=2)
        if os.path.isdir(out):
            shutil.rmtree(out)
        os.rename(work, out)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    say(f"done in {time.monotonic() - started:.0f} s: open {os.path.join(out, 'report.html')}")
    return results


def _make(folder, seed, progress, say):
    pages, results = [], {}
    for task in ("road", "collision"):
        page, results[task] = _train(folder, task, seed, progress, say)
        pages.append(page)
    videos, rows = [], []
    for name, tasks, world, place in DRIVES:
        predictors = [Predictor(load_model(os.path.join(folder, f"{task}.npz"))) for task in tasks]
        film = os.path.join(folder, f"drive_{name}.webm")
        drive = drive_in_simulator(predictors, world, DRIVE_S, seed, film=film, progress=progress)
        say(_in_words(name, drive))
        videos.append((f"{name}: {place} that was not in the training, as the robot sees it and from above", film))
        rows.append({"drive": name, "seconds": drive.result["seconds"], "metres": drive.result["distance_m"],
                     **{key: drive.result[key] for key in ("laps", "off_track", "collisions")},
                     "ms a frame": drive.result["latency_ms"]["p50"]})
        results[f"drive_{name}"] = drive.result
    write_report(os.path.join(folder, "report.html"), "A JetBot in the simulator", pages, videos, rows)
    return results


def _train(folder, task, seed, progress, say):
    """Collect, train, save and score one task -> (TrainingReport, scores)."""
    data = os.path.join(folder, task)
    simulate(task, data, FRAMES, seed=seed, progress=progress)
    dataset = load_dataset(task, data)
    trained = train_frames(dataset, random_state=seed, progress=progress)
    if trained.interrupted:
        raise KeyboardInterrupt
    path = os.path.join(folder, f"{task}.npz")
    save_model(path, trained.model, dataset.images[0])
    with tempfile.TemporaryDirectory(dir=folder) as other:
        fresh_data = os.path.join(other, "fresh")
        simulate(task, fresh_data, FRESH, seed=seed + 1, progress=progress)
        fresh = evaluate(trained.model, load_dataset(task, fresh_data))
    score = {"collision": "{balanced_accuracy:.1%} right", "road": "target off by {mae_x_px:.1f} px sideways"}[task]
    other_worlds = score.format(**fresh.metrics)
    say(f"{task}: {len(dataset)} frames, trained in {trained.seconds:.1f} s, {os.path.getsize(path) / 1000:.0f} kB; "
        f"held out: {score.format(**trained.evaluation.metrics)}; in other worlds: {other_worlds}")
    page = training_report(f"{task}.npz", trained, os.path.getsize(path), dataset.skipped)
    page = page._replace(facts=page.facts + [("In other worlds", other_worlds)])
    return page, {"held_out": trained.evaluation.metrics, "other_worlds": fresh.metrics}


def _in_words(name, drive):
    result = drive.result
    words = [f"{result['distance_m']:.1f} m in {result['seconds']:.0f} s", f"{result['collisions']} collisions"]
    if result["laps"] is not None:
        words += [f"{result['laps']:.1f} laps", f"{result['off_track']} times off the track"]
    return f"drive {name}: {', '.join(words)}"
