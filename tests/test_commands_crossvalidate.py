"""crossvalidate and tune as their users meet them."""
import json
import os
import shutil

import cv2
import numpy as np
import pytest
from synthetic import collision_dataset

from jetbot_mlp import train_frames, tune
from jetbot_mlp.__main__ import main
from jetbot_mlp.dataset import load_dataset


@pytest.fixture
def frames(tmp_path, monkeypatch):
    """Two small folders of frames; trainings are very short."""
    quick = {task: recipe._replace(epochs=2, steps=4, hidden=(8,)) for task, recipe in train_frames.RECIPES.items()}
    for module in ("train_frames", "crossvalidate", "tune", "commands_crossvalidate"):
        monkeypatch.setattr(f"jetbot_mlp.{module}.RECIPES", quick)
    monkeypatch.setattr(tune, "SETTINGS", {"dropout": (0.1, 0.2), "hidden": ((4,), (8, 4))})
    paths = []
    for seed, name in enumerate(("one", "two")):
        data = collision_dataset(30, seed)
        for i, (image, target) in enumerate(zip(data.images, data.targets)):
            folder = tmp_path / name / ("blocked", "free")[target]
            folder.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(folder / f"{i:03}.png"), image)
        paths.append(str(tmp_path / name))
    return paths


def as_json(capsys, *words):
    capsys.readouterr()
    assert main(list(words) + ["--json", "--jobs", "1"]) == 0
    return json.loads(capsys.readouterr().out)


def test_each_dataset_has_its_row_and_all_have_a_mean(frames, capsys):
    assert main(["crossvalidate", "collision"] + frames + ["--blocks", "2", "--jobs", "1"]) == 0
    out = capsys.readouterr().out
    assert "2 blocks of capture time" in out and "nearest" in out
    assert [line.split()[0] for line in out.splitlines()[3:6]] == ["one", "two", "mean"]
    found = as_json(capsys, "crossvalidate", "collision", *(frames + ["--blocks", "2"]))
    scores = [part["mean"]["balanced_accuracy"] for part in found["datasets"]]
    assert found["mean"]["mean"]["balanced_accuracy"] == pytest.approx(np.mean(scores))
    assert [len(part["folds"]) for part in found["datasets"]] == [2, 2]
    assert {"balanced_accuracy_interval", "confusion", "expected_calibration_error"} <= set(
        found["datasets"][0]["pooled"])


def test_leaving_out_a_source_tests_on_all_of_it(frames, capsys):
    found = as_json(capsys, "crossvalidate", "collision", *(frames + ["--by-source", "--no-nearest"]))
    assert [part["pooled"]["samples"] for part in found["datasets"]] == [30, 30]
    assert found["datasets"][0]["nearest"] is None and "all sources but one" in found["rule"]


def test_a_list_means_the_same_frames_when_folders_of_one_name_are_read_one_by_one(frames, tmp_path, capsys):
    paths = []
    for path in frames:  # both are called dataset, as the official notebooks' are
        os.mkdir(path + "_")
        shutil.move(path, os.path.join(path + "_", "dataset"))
        paths.append(os.path.join(path + "_", "dataset"))
    both = load_dataset("collision", paths)
    wanted = [both.names[0], next(name for name in both.names if name.startswith("dataset (2)/"))]
    (tmp_path / "list.txt").write_text("\n".join(wanted))
    words = ["crossvalidate", "collision", "--exclude", str(tmp_path / "list.txt"), "--blocks", "2", "--no-nearest"]
    found = as_json(capsys, *(words + paths))
    assert [each["frames"] for each in found["datasets"]] == [29, 29] and found["excluded"] == 2


def test_what_cannot_be_is_refused_in_one_line(frames, tmp_path, capsys):
    for words, part in ((["--draws", "2"], "100 frames"), (["--blocks", "40"], "fewer blocks"),
                        (["--by-source"], "two sources"), (["--report", "x.txt"], ".html")):
        assert main(["crossvalidate", "collision", frames[0], "--jobs", "1"] + words) == 2
        error = capsys.readouterr().err.strip().splitlines()
        assert part in error[-1]


def test_a_page_with_pictures_of_each_dataset(frames, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    page = tmp_path / "page.html"
    assert main(["crossvalidate", "collision"] + frames + ["--blocks", "2", "--jobs", "1", "--report", str(page)]) == 0
    assert "Cross-validation" in page.read_text(encoding="utf-8") and "fold by fold" in page.read_text(encoding="utf-8")


def test_tune_writes_each_trial_and_goes_on_where_it_ended(frames, tmp_path, capsys):
    table = str(tmp_path / "table.csv")
    words = ["tune", "collision", frames[0], "--blocks", "2", "--out", table, "--jobs", "1"]
    assert main(words + ["--trials", "2"]) == 0
    captured = capsys.readouterr()
    assert "(the default)" in captured.out and "too good" in captured.out
    with open(table, encoding="utf-8") as stream:
        first = stream.read()
    assert len(first.splitlines()) == 3
    assert main(words + ["--trials", "3"]) == 0
    assert "2 trials are in" in capsys.readouterr().err
    with open(table, encoding="utf-8") as stream:
        assert stream.read().startswith(first)
    assert main(words + ["--seed", "1"]) == 2 and "another file" in capsys.readouterr().err


def test_tune_as_json_has_ranking_verdict_and_kept_away_scores(frames, capsys):
    found = as_json(capsys, "tune", "collision", frames[0], "--blocks", "2", "--trials", "2")
    assert [trial["trial"] for trial in sorted(found["ranking"], key=lambda trial: trial["trial"])] == [0, 1]
    assert found["ranking"][found["default_place"] - 1]["settings"] == {} and found["verdict"]
    assert found["kept_away"][0]["datasets"][0]["samples"] == 6
