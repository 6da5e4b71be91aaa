"""The command line as its users meet it: what it prints, its exit status, what it leaves behind."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pytest
from synthetic import alike

from jetbot_mlp.__main__ import main
from jetbot_mlp.model_file import load_model

PICTURE = cv2.imencode(".jpg", np.random.RandomState(0).randint(0, 255, (64, 64, 3)).astype(np.uint8))[1].tobytes()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Folder with small simulated datasets and models trained on them, made by the commands themselves."""
    folder = tmp_path_factory.mktemp("made")
    for task in ("collision", "road"):
        data, model = str(folder / task), str(folder / (task + ".npz"))
        assert main(["simulate", task, "--out", data, "--count", "60", "--seed", "3"]) == 0
        assert main(["train", task, data, "--out", model, "--no-report"]) == 0
    return folder


def run_json(capsys, *words):
    """Run a command with --json -> (status, its one JSON object)."""
    capsys.readouterr()
    status = main(list(words) + ["--json"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1
    return status, json.loads(lines[0])


def refused(capsys, *words):
    """Run a command that must refuse -> its one line on stderr."""
    capsys.readouterr()
    try:
        status = main(list(words))
    except SystemExit as error:
        status = error.code
    captured = capsys.readouterr()
    lines = [line for line in captured.err.split("\n") if line.strip()]
    assert status == 2 and captured.out == "" and len(lines) == 1, captured
    return lines[0]


def test_simulated_frames_lie_in_the_official_folders(made):
    assert sorted(os.listdir(str(made / "collision"))) == ["blocked", "free"]
    assert len(os.listdir(str(made / "road"))) == 60
    assert all(name.startswith("xy_") for name in os.listdir(str(made / "road")))


def test_train_says_what_was_promised(made, capsys):
    status, result = run_json(capsys, "train", "collision", str(made / "collision"),
                              "--out", str(made / "again.npz"), "--no-report")
    assert status == 0
    assert {"task", "samples", "seconds", "epochs", "parameters", "model_bytes", "held_out"} <= set(result)
    assert result["task"] == "collision" and result["samples"] == 60
    assert result["model_bytes"] == os.path.getsize(str(made / "again.npz")) < 1e6
    assert {"accuracy", "balanced_accuracy", "confusion"} <= set(result["held_out"])
    assert np.sum(result["held_out"]["confusion"]) == result["held_out"]["samples"] == 12


def test_evaluate_says_how_many_frames_the_model_was_trained_on(made, tmp_path, capsys):
    """Also when a frame is missing, so that it is another set than that of the training; on the page and in JSON."""
    frames = tmp_path / "collision"
    shutil.copytree(str(made / "collision"), str(frames))
    gone = sorted((frames / "free").iterdir())[0]
    gone.unlink()
    pytest.importorskip("matplotlib")
    page, model = tmp_path / "page.html", load_model(str(made / "collision.npz"))
    learnt = set(re.findall("[0-9a-f]{8}", model.training["trained_on_sketch"]))
    known = sum(hashlib.sha256(path.read_bytes()).hexdigest()[:8] in learnt for path in frames.glob("*/*"))
    status, result = run_json(capsys, "evaluate", str(made / "collision.npz"), str(frames), "--report", str(page))
    words = f"{known} of these 59 frames are frames that the model was trained on: their score says how well it"
    assert status == 0 and 40 < known < 50 and result["warning"].startswith(words)
    assert re.search(r"; on the other 1\d it has \d+\.\d % right$", result["warning"])
    assert result["trained_on"] == {"frames": known, "share": known / 59.0, "exact": True}
    html = page.read_text(encoding="utf-8")
    assert words in html and "Scores on the frames evaluated" in html
    assert not re.search("held.out|on other frames", html, re.IGNORECASE)
    assert main(["evaluate", str(made / "collision.npz"), str(frames)]) == 0
    assert words in capsys.readouterr().err


def test_of_strange_frames_evaluate_says_that_none_was_learnt(made, tmp_path, capsys):
    assert main(["simulate", "road", "--out", str(tmp_path / "other"), "--count", "12", "--seed", "9"]) == 0
    _, result = run_json(capsys, "evaluate", str(made / "road.npz"), str(tmp_path / "other"))
    assert result["trained_on"] == {"frames": 0, "share": 0.0, "exact": True} and result["warning"] is None


def test_evaluate_gives_the_road_scores_in_their_units(made, capsys):
    status, result = run_json(capsys, "evaluate", str(made / "road.npz"), str(made / "road"))
    assert status == 0 and result["task"] == "road" and result["samples"] == 60
    metrics = result["metrics"]
    assert 0 <= metrics["mse"] < 1 and 0 <= metrics["mae_x_px"] < 112 and 0 <= metrics["mae_y_px"] < 112


def test_check_tells_sound_from_unsound(made, tmp_path, capsys):
    good = str(made / "road.npz")
    assert main(["check", good]) == 0
    broken = tmp_path / "broken.npz"
    broken.write_bytes((made / "road.npz").read_bytes()[:-100])
    assert main(["check", good, str(broken)]) == 1
    assert "not sound" in capsys.readouterr().out


def test_the_same_seed_trains_the_same_model(made, tmp_path):
    paths = [str(tmp_path / name) for name in ("a.npz", "b.npz")]
    for path in paths:
        assert main(["train", "collision", str(made / "collision"), "--out", path, "--seed", "5", "--no-report"]) == 0
    first, second = (load_model(path).network.parameters() for path in paths)
    assert alike(first[0], second[0])


@pytest.mark.parametrize("models, keys", [
    (("road",), {"collisions", "off_track", "laps", "cross_track_rms_m"}), (("collision",), {"collisions"}),
    (("road", "collision"), {"laps"}),
])
def test_drive_in_the_simulator_reports_frames_latency_and_score(made, capsys, models, keys):
    paths = [str(made / (name + ".npz")) for name in models]
    status, result = run_json(capsys, "drive", *paths, "--sim", "--seconds", "2")
    assert status == 0 and keys | {"frames", "seconds", "fps", "latency_ms", "stops"} <= set(result)
    assert result["frames"] > 0 and result["latency_ms"]["p50"] > 0
    assert all(result[key] is not None for key in keys)


def test_a_dry_run_moves_no_wheel(made, capsys):
    status, result = run_json(capsys, "drive", str(made / "road.npz"), "--sim", "--seconds", "2", "--dry-run")
    assert status == 0 and result["distance_m"] == 0 and result["frames"] > 0


def test_replay_writes_a_video_of_all_frames_that_can_be_read(made, tmp_path, capsys):
    frames = tmp_path / "frames"
    frames.mkdir()
    for name in "abc":
        (frames / (name + ".jpg")).write_bytes(PICTURE)
    (frames / "bad.jpg").write_bytes(b"no picture")
    video = str(tmp_path / "replay.avi")
    assert main(["replay", str(made / "road.npz"), str(frames), "--out", video]) == 0
    captured = capsys.readouterr()
    assert "3 frames" in captured.out and "bad.jpg" in captured.err
    assert os.path.getsize(video) > 1000


@pytest.mark.parametrize("words, part", [
    (["train", "road", "{made}/collision", "--out", "{new}"], "collision"),
    (["train", "collision", "{made}/nothing", "--out", "{new}"], "nothing"),
    (["train", "collision", "{made}/collision", "--out", "{new}.txt"], ".npz"),
    (["train", "collision", "{made}/collision", "--out", "{made}/no/such/m.npz"], "does not exist"),
    (["train", "mnist", "{made}/road", "--out", "{new}"], "MNIST"),
    (["evaluate", "{made}/nothing.npz", "{made}/road"], "nothing.npz"),
    (["evaluate", "{made}/road.npz", "{made}/collision"], "collision"),
    (["drive", "{made}/road.npz", "{made}/road.npz", "--sim"], "one of each"),
    (["drive", "{made}/road.npz", "--sim", "--seconds", "nan"], "seconds"),
    (["drive", "{made}/road.npz", "--sim", "--speed", "2"], "speed"),
    (["drive", "{made}/road.npz"], "jetbot"),
    (["replay", "{made}/road.npz", "{made}/nothing", "--out", "{new}.webm"], "nothing"),
    (["replay", "{made}/road.npz", "{made}/road", "--out", "{new}.gif"], ".webm"),
    (["simulate", "road", "--out", "{made}/road", "--count", "5"], "road"),
    (["simulate", "road", "--out", "{new}", "--count", "0"], "count"),
    (["simulate", "road", "--out", "{new}", "--count", "2", "--seed", "10000000"], "seed"),
    (["train", "collision", "{made}/collision", "--out", "{new}" + "n" * 250 + ".npz"], "cannot be written"),
    (["train", "collision", "{made}/collision", "--out", "{new}", "--report", "{made}"], ".html"),
    (["simulate", "rooad", "--out", "{new}", "--count", "5"], "rooad"),
    (["demo", "--out", "{made}"], "no earlier demo"),
    ([], "command"),
    (["fly"], "fly"),
])
def test_bad_input_gives_one_line_status_2_and_leaves_nothing(made, tmp_path, capsys, words, part):
    before = {folder: sorted(os.listdir(folder)) for folder in (str(made), str(made / "road"), str(tmp_path))}
    words = [word.format(made=str(made), new=str(tmp_path / "new.npz")) for word in words]
    if words == ["demo", "--out", str(made)]:
        pytest.importorskip("matplotlib")
    assert part in refused(capsys, *words)
    assert before == {folder: sorted(os.listdir(folder)) for folder in before}


def test_no_report_without_matplotlib_but_the_model_is_there(made, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as on the robot
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    model = str(tmp_path / "m.npz")
    assert main(["train", "collision", str(made / "collision"), "--out", model]) == 0
    assert os.listdir(str(tmp_path)) == ["m.npz"]
    assert "no report" in capsys.readouterr().err


def test_a_report_lies_beside_the_model(made, tmp_path):
    pytest.importorskip("matplotlib")
    model = str(tmp_path / "m.npz")
    assert main(["train", "collision", str(made / "collision"), "--out", model]) == 0
    page = (tmp_path / "m.report.html").read_text(encoding="utf-8")
    assert "balanced" in page.lower() and "<svg" in page or "data:image" in page


def test_python_m_works_and_its_errors_are_one_line():
    done = subprocess.run([sys.executable, "-m", "jetbot_mlp", "check"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1


def test_closed_streams_do_no_harm(made):
    """stderr closed: the one JSON object is still the only thing on stdout; stdout closed: a quiet end."""
    command = f"{sys.executable} -m jetbot_mlp drive {made}/road.npz --sim --seconds 1 --json"
    done = subprocess.run(command + " 2>&-", shell=True, stdout=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 0 and json.loads(done.stdout)["frames"] > 0
    done = subprocess.run(command + " >&-", shell=True, stderr=subprocess.PIPE, universal_newlines=True)
    assert done.returncode == 0 and "Traceback" not in done.stderr
    done = subprocess.run(f"set -o pipefail; {sys.executable} -m jetbot_mlp check {made}/road.npz | true",
                          shell=True, executable="/bin/bash", stderr=subprocess.PIPE, universal_newlines=True)
    assert done.stderr == ""


def test_a_terminated_simulate_leaves_nothing(tmp_path):
    import signal
    import time

    process = subprocess.Popen([sys.executable, "-m", "jetbot_mlp", "simulate", "road", "--count", "5000",
                                "--out", str(tmp_path / "road")], stderr=subprocess.DEVNULL)
    while not os.listdir(str(tmp_path)):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 128 + signal.SIGTERM
    assert os.listdir(str(tmp_path)) == []


def test_ctrl_c_during_training_keeps_the_best_model(made, tmp_path):
    """A real SIGINT to a real process: the model file is whole, or not there at all."""
    import signal
    import time

    model = str(tmp_path / "m.npz")
    process = subprocess.Popen([sys.executable, "-m", "jetbot_mlp", "train", "road", str(made / "road"),
                                "--out", model, "--no-report", "--json"], stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    seen = b""
    while b"learning" not in seen and process.poll() is None:
        seen += process.stderr.read(1)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    if process.returncode == 0:
        assert json.loads(out.decode())["interrupted"] in (True, False)
        load_model(model)
    else:
        assert process.returncode == 130 and os.listdir(str(tmp_path)) == []
