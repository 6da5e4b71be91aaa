"""check, drive --record and replay, as the robot has them: with small models made here."""
import json
import os
import subprocess
import sys

import pytest
from test_inference import IMAGE, model_answering

from jetbot_mlp.__main__ import main
from jetbot_mlp.model_file import save_model
from jetbot_mlp.recording import read_recording


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Paths of a road model, another one that steers right, and a collision model that never sees anything."""
    folder = tmp_path_factory.mktemp("models")
    made = {"road": model_answering("road", None, "linear", [0.0, 0.0]),
            "right": model_answering("road", None, "linear", [0.25, 0.0]),
            "collision": model_answering("collision", ("blocked", "free"), "softmax", [-3.0, 0.0])}
    for name, model in made.items():
        save_model(str(folder / (name + ".npz")), model, IMAGE)
    return {name: str(folder / (name + ".npz")) for name in made}


def run_json(capsys, *words):
    capsys.readouterr()
    assert main(list(words) + ["--json"]) == 0
    line, = capsys.readouterr().out.splitlines()
    return json.loads(line)


def test_a_drive_in_the_simulator_is_recorded_shown_and_held_against_another_model(models, tmp_path, capsys):
    folder, video = str(tmp_path / "drive"), str(tmp_path / "out.avi")
    both = [models["road"], models["collision"]]
    result = run_json(capsys, "drive", *both, "--sim", "--seconds", "1", "--speed", "0.15", "--record", folder)
    assert result["recording"] == {"folder": folder, "frames": result["frames"], "left_out": 0, "note": None}
    recording = read_recording(folder)
    header = recording.header
    assert len(recording.frames) == result["frames"] == 30 and recording.reason == result["reason"] == "time is up"
    assert [model["task"] for model in header["models"]] == ["road", "collision"]
    assert [model["file"] for model in header["models"]] == ["road.npz", "collision.npz"]
    assert header["settings"]["road"]["speed"] == 0.15 and header["robot"] == "simulator"
    assert set(header["versions"]) == {"jetbot_mlp", "python", "numpy", "opencv"}

    shown = run_json(capsys, "replay", folder, "--out", video)
    assert shown == {"video": video, "frames": 30, "skipped": 0, "fps": 30.0, "comparison": None}
    new = run_json(capsys, "replay", models["right"], folder, "--out", video)["comparison"]
    assert new == {"task": "road", "frames": 30, "x_px": 28.0, "y_px": 0.0}
    for words in ([models["road"], folder, "--out", video], ["--out", video, models["road"], folder]):
        assert main(["replay"] + words) == 0
        assert "differs by 0.0 px sideways" in capsys.readouterr().out
    assert main(["replay", models["collision"], folder, "--out", video]) == 0
    assert "on 0.0% of 30 frames one says blocked" in capsys.readouterr().out


def test_recorded_twice_into_one_folder_both_drives_can_be_replayed(models, tmp_path, capsys):
    folder, video = str(tmp_path / "monday"), str(tmp_path / "out.avi")
    made = [run_json(capsys, "drive", models["road"], "--sim", "--seconds", seconds, "--record", folder)["recording"]
            for seconds in ("0.2", "0.4")]
    second = made[1]["folder"]
    assert made[0]["folder"] == folder == os.path.dirname(second) and [m["frames"] for m in made] == [6, 12]
    assert main(["replay", folder, "--out", video]) == 0
    said = capsys.readouterr()
    assert "6 frames" in said.out and f"1 more drives were recorded there; replay one by its name: {second}" in said.err
    assert main(["replay", second, "--out", video]) == 0 and "12 frames" in capsys.readouterr().out
    for name in os.listdir(folder):
        if not os.path.isdir(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
    assert main(["replay", folder, "--out", video]) == 0 and "12 frames" in capsys.readouterr().out
    assert main(["drive", models["road"], "--sim", "--seconds", "0.2", "--record", folder]) == 0
    capsys.readouterr()
    assert main(["replay", folder, "--out", video]) == 2
    assert "expected one recorded drive, found 2" in capsys.readouterr().err


def test_a_comparison_with_a_task_that_did_not_drive_says_so(models, tmp_path, capsys):
    folder, video = str(tmp_path / "drive"), str(tmp_path / "out.avi")
    assert main(["drive", models["road"], "--sim", "--seconds", "0.2", "--record", folder]) == 0
    assert "frames 6, left_out 0" in capsys.readouterr().out
    assert main(["replay", models["collision"], folder, "--out", video]) == 0
    assert "no collision model drove" in capsys.readouterr().out


@pytest.mark.parametrize("words, part", [
    (["drive", "{road}", "--sim", "--record", "{full}"], "something else in it"),
    (["drive", "{road}", "--sim", "--record", "{none}/such"], "expected a folder to record in"),
    (["drive", "{road}", "--camera", "fish", "--record", "{none}"], "fish"),
    (["replay", "{full}", "--out", "{none}.avi"], "expected a recorded drive"),
    (["replay", "{road}", "--out", "{none}.avi"], "expected a recorded drive"),
    (["replay", "{road}", "{road}", "{full}", "--out", "{none}.avi"], "found 3 words"),
])
def test_bad_input_gives_one_line_and_leaves_nothing(models, tmp_path, capsys, words, part):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    names = dict(models, full=str(tmp_path / "full"), none=str(tmp_path / "none"))
    assert main([word.format(**names) for word in words]) == 2
    said = capsys.readouterr()
    assert part in said.err and said.err.count("\n") == 1 and said.out == ""
    assert os.listdir(str(tmp_path)) == ["full"] and os.listdir(names["full"]) == ["file"]


def test_a_robot_that_does_not_open_leaves_no_recording(models, tmp_path, install):
    install(board=None)
    assert main(["drive", models["road"], "--record", str(tmp_path / "drive")]) == 2
    assert os.listdir(str(tmp_path)) == []


def test_a_drive_on_the_robot_is_recorded(models, tmp_path, install, capsys):
    install()
    result = run_json(capsys, "drive", models["road"], "--seconds", "0.7", "--record", str(tmp_path / "drive"))
    recording = read_recording(str(tmp_path / "drive"))
    assert result["recording"]["frames"] == len(recording.frames) > 3 and recording.header["dry_run"] is False
    assert recording.reason == "time is up" and "camera" in recording.header


LOADED = """
import os, sys
os.environ.pop("OPENBLAS_NUM_THREADS", None)
from jetbot_mlp import __main__
assert "numpy" not in sys.modules
import jetbot_mlp.recorder, jetbot_mlp.robot_drive, jetbot_mlp.commands_drive
print(*sorted(name[11:] for name in sys.modules if name.startswith("jetbot_mlp.")))
"""


def test_a_drive_on_the_robot_loads_nothing_of_training_or_the_simulator():
    loaded = subprocess.check_output([sys.executable, "-c", LOADED], universal_newlines=True).split()
    assert [name for name in loaded if name.startswith(("sim", "train", "dataset", "report", "augment", "mnist"))] == []
    assert "commands" not in loaded and len(loaded) < 45, loaded


THREADS = """
import os, sys
from jetbot_mlp import __main__
seen = []
class Watch:  # notes what NumPy will find when it is loaded
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            seen.append(os.environ.get("OPENBLAS_NUM_THREADS"))
sys.meta_path.insert(0, Watch())
try:
    __main__.main(sys.argv[1:])
except SystemExit:
    pass
import numpy
print(seen)
"""


@pytest.mark.parametrize("words, given, found", [
    (["drive", "nothing.npz"], None, "1"), (["drive", "nothing.npz", "--sim"], "3", "3"),
    (["calibrate", "--sim"], None, "1"), (["evaluate", "nothing.npz", "nothing"], None, None),
])
def test_where_processes_are_started_openblas_has_one_thread_before_numpy_is_loaded(words, given, found):
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if given is not None:
        environment["OPENBLAS_NUM_THREADS"] = given
    done = subprocess.run([sys.executable, "-c", THREADS] + words, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, universal_newlines=True)
    assert done.stdout.splitlines()[-1] == str([found])
