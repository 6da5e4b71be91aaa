"""The benchmarks start everywhere, name absent peers, and their torch networks are what they claim to be."""
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from synthetic import collision_dataset

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPTS = ("convolutional_network", "large_sets", "long_drive", "peers", "prediction_time", "small_machine",
           "training_cost")


@pytest.fixture
def run(tmp_path):
    """-> function that runs a benchmark where importing torch fails, installed or not."""
    (tmp_path / "torch.py").write_text("raise ImportError('none here')")
    paths = [str(tmp_path), ROOT] + [path for path in [os.environ.get("PYTHONPATH")] if path]
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join(paths))

    def run(script, *arguments):
        command = [sys.executable, os.path.join(ROOT, "benchmarks", script + ".py")] + list(arguments)
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True,
                              env=environment, cwd=str(tmp_path))
    return run


def load(script):
    """Import a benchmark, which is no part of the package, by its path."""
    spec = importlib.util.spec_from_file_location(script, os.path.join(ROOT, "benchmarks", script + ".py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("script", SCRIPTS)
def test_help_works_without_torch(run, script):
    done = run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "") and "--json" in done.stdout


def test_prediction_time_names_absent_peers_and_measures_ours(run):
    done = run("prediction_time", "--turns", "1", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 0 and "torch is not installed" in done.stderr
    assert result["absent"] == ["torch"] and result["reached"] is None
    assert sorted(result["median_ms"]) == ["collision.npz", "road.npz"]
    assert all(0 < value < 100 for value in result["median_ms"].values())


def test_the_convolutional_network_without_torch_says_so(run):
    done = run("convolutional_network", "collision", "nowhere", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["absent"] == ["torch"]
    assert "torch is not installed" in done.stderr


def test_a_failed_training_is_reported_not_measured(run):
    done = run("training_cost", "collision", "nowhere")
    assert done.returncode == 1 and "jetbot-mlp train failed" in done.stderr and "nowhere" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_long_drive_tells_latency_and_growth(run):
    done = run("long_drive", "--seconds", "3", "--json")
    result = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == ""
    frames = [mark["frames"] for mark in result["memory"]]
    assert len(frames) == 3 and 0 <= frames[0] <= frames[1] <= frames[2] <= result["frames"] > 0
    for name in ("latency_ms", "processor_ms"):
        assert 0 < result[name]["p50"] <= result[name]["p99"] <= result[name]["max"]
    assert result["flat"] is None  # three seconds say nothing


def test_a_small_machine_drives_the_imitated_robot_and_tells_what_fails(run):
    for _ in range(3):
        result = json.loads(run("small_machine", "--only", "imitated", "--seconds", "1", "--json").stdout)
        work, = result["works"]
        reason = work["drive"]["reason"]
        if reason == "time is up":
            assert work["drive"]["frames"] > 0 and work["seconds"] > 1
            break
    assert reason == "time is up" or " for " in reason  # "no frame for 0.41 s": the watchdog, on a busy machine
    result = json.loads(run("small_machine", "--only", "evaluate", "--json").stdout)  # no model was trained before
    assert "best.npz" in result["works"][0]["failed"] and "seconds" not in result["works"][0]


def test_growth_is_found_and_a_short_drive_is_not_judged():
    module = load("long_drive")

    def mark(frames, blocks, resident_mb):
        return {"frames": frames, "blocks": blocks, "resident_mb": resident_mb}

    def judged(*marks):
        return module.is_flat(module.growth(*marks))

    assert judged(mark(0, 1000, 50.0), mark(4000, 1200, 50.5)) is True
    assert judged(mark(0, 1000, 50.0), mark(4000, 5000, 50.5)) is False  # an object a frame
    assert judged(mark(0, 1000, 50.0), mark(4000, 1200, 52.0)) is False  # arrays outside Python's own objects
    assert judged(mark(0, 1000, 50.0), mark(999, 5000, 90.0)) is None


def test_memory_is_that_of_the_one_process():
    module = load("training_cost")
    assert module.run(["check", os.path.join(ROOT, "models", "road.npz")])[0].startswith("sound")
    assert module.run([], ("-c", "print(5)"))[0] == "5\n"
    with pytest.raises(SystemExit, match="no such luck"):
        module.run([], ("-c", "raise ValueError('no such luck')"))
    if hasattr(os, "wait4"):
        # asked from a small process: Linux counts the memory of the one that starts another as the other's own
        code = ("import sys; sys.path.insert(0, sys.argv[1]); from training_cost import run; "
                "print(run(['--help'])[1]['peak_mb'])")
        peak = subprocess.check_output([sys.executable, "-c", code, os.path.dirname(module.__file__)], cwd=ROOT)
        assert 10 < float(peak) < 400


def test_the_peers_have_as_many_weights_as_the_published_networks():
    torch = pytest.importorskip("torch")
    module = load("prediction_time")
    for build, expected in ((module.resnet18, 11689512), (module.alexnet, 61100840)):  # torchvision's, 1000 classes
        with torch.device("meta"):  # no memory is filled
            assert sum(p.numel() for p in build(torch, 1000).parameters()) == expected


def test_the_convolutional_network_learns_and_is_judged_like_ours():
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)  # more would only wait for each other
    module, dataset = load("convolutional_network"), collision_dataset(80)
    settings = module.Settings(size=32, widths=(8, 16), steps=60)
    folds = [(np.arange(40), np.arange(40, 80)), (np.arange(40, 80), np.arange(40))]
    found = module.cross_validate(torch, dataset, folds, settings, 0, "made")
    summary = module.summarise(found)
    assert summary["frames"] == 80 and len(summary["folds"]) == 2
    assert summary["mean"]["balanced_accuracy"] > 0.9
