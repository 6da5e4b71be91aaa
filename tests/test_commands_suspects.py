"""The command suspects, its page, and --exclude wherever it is taken."""
import json

import cv2
import numpy as np
import pytest

from jetbot_mlp import commands_suspects
from jetbot_mlp.__main__ import main
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.report_suspects import leak_html
from jetbot_mlp.suspects import find_suspects

EVIL = "<b>&.jpg"


class Answers:
    """What `out_of_fold` gives, without training: agrees with all labels but that of the last frame."""

    def __init__(self, dataset, *_, **__):
        n = len(dataset)
        if dataset.task == "collision":
            self.predicted = np.where(np.arange(2) == dataset.targets[:, None], 0.9, 0.1)
            self.predicted[-1] = self.predicted[-1, ::-1]
        else:
            self.predicted = dataset.targets + 0.02 * np.sin(np.arange(2 * n)).reshape(n, 2)
            self.predicted[-1] += 0.8


def picture(seed):
    ground = np.random.RandomState(seed).randint(20, 230, (4, 4, 3)).astype(np.uint8)
    return cv2.imencode(".jpg", np.kron(ground, np.ones((28, 28, 1), np.uint8)))[1].tobytes()


@pytest.fixture
def collision(tmp_path, monkeypatch):
    monkeypatch.setattr(commands_suspects, "out_of_fold", Answers)
    folder = tmp_path / "set"
    for label in ("blocked", "free"):
        (folder / label).mkdir(parents=True)
        for i in range(8):
            (folder / label / ("%d.jpg" % i)).write_bytes(picture(10 * len(label) + i))
    image = cv2.imdecode(np.frombuffer(picture(41), np.uint8), cv2.IMREAD_COLOR)
    (folder / "blocked" / EVIL).write_bytes(cv2.imencode(".png", np.maximum(image, 3) - 2)[1].tobytes())  # of free/1
    return folder


def test_the_list_ranks_the_page_shows_and_the_object_counts(collision, tmp_path, capsys):
    out, page = tmp_path / "list.txt", tmp_path / "page.html"
    words = ["suspects", "collision", str(collision), "--out", str(out), "--report", str(page)]
    assert main(words + ["--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["counts"] == {"contradiction": 2, "disagreement": 1, "twin": 0}
    assert result["samples"] == 17 and result["excluded"] == 0
    assert {s["name"] for s in result["suspects"][:2]} == {"set/free/1.jpg", "set/blocked/" + EVIL}
    assert result["suspects"][2]["name"] == "set/free/7.jpg"
    lines = out.read_text(encoding="utf-8").splitlines()
    assert [line.split()[0] for line in lines if line.startswith("#set")] == ["#" + s["name"] for s in
                                                                              result["suspects"]]
    html = page.read_text(encoding="utf-8")
    assert EVIL not in html and "&lt;b&gt;&amp;.jpg" in html
    assert html.count("<img") == 3 and html.count('class="pair"') == 1  # a pair that accuses each other: once
    assert "http:" not in html and "https:" not in html
    assert main(words) == 0
    assert "take the # away" in capsys.readouterr().out


def test_road_suspects_show_label_and_answer(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(commands_suspects, "out_of_fold", Answers)
    folder = tmp_path / "road"
    folder.mkdir()
    for i in range(12):
        (folder / ("xy_%03d_%03d_%d.jpg" % (20 + 5 * i, 60, i))).write_bytes(picture(i))
    (folder / "xy_090_060_z.jpg").write_bytes(cv2.imencode(".png", cv2.imdecode(
        np.frombuffer(picture(0), np.uint8), cv2.IMREAD_COLOR))[1].tobytes())
    page = tmp_path / "page.html"
    assert main(["suspects", "road", str(folder), "--out", str(tmp_path / "l.txt"), "--report", str(page), "--json",
                 "--xy", "percent"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["counts"]["contradiction"] == 2
    assert "their targets lie 157 px apart" in result["suspects"][0]["reason"]
    assert page.read_text(encoding="utf-8").count('class="over"') >= 2


def test_an_uncommented_line_leaves_its_frame_out_everywhere(collision, tmp_path, capsys):
    out = tmp_path / "list.txt"
    assert main(["suspects", "collision", str(collision), "--out", str(out)]) == 0
    out.write_text(out.read_text(encoding="utf-8").replace("#set/free/7", "set/free/7"), encoding="utf-8")
    capsys.readouterr()
    assert main(["suspects", "collision", str(collision), "--out", str(tmp_path / "again.txt"), "--exclude", str(out),
                 "--json"]) == 0
    captured = capsys.readouterr()
    result = json.loads(captured.out)
    assert result["excluded"] == 1 and result["samples"] == 16
    assert "set/free/7.jpg" not in [suspect["name"] for suspect in result["suspects"]]
    assert "left out as the list says: 1" in captured.err


@pytest.mark.parametrize("words", [
    ["train", "collision", "{set}", "--out", "{new}.npz"], ["suspects", "collision", "{set}", "--out", "{new}.txt"],
    ["crossvalidate", "collision", "{set}"], ["crossvalidate", "collision", "{set}", "--by-source"]])
@pytest.mark.parametrize("line, part", [("set/free/70.jpg", "set/free/70.jpg"), ("sat/free/7.jpg", "none of these")])
def test_a_wrong_name_in_the_list_is_one_line_and_status_2(collision, tmp_path, capsys, words, line, part):
    (tmp_path / "list.txt").write_text(line + "\n")
    words = [word.format(set=collision, new=tmp_path / "new") for word in words]
    assert main(words + ["--exclude", str(tmp_path / "list.txt")]) == 2
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("jetbot-mlp ")]
    assert len(errors) == 1 and part in errors[0]
    assert not (tmp_path / "new.npz").exists()


def test_near_twins_of_training_frames_are_told_and_shown(collision):
    dataset = load_dataset("collision", str(collision))
    twin = dataset.names.index("set/free/1.jpg")
    html = leak_html(dataset.subset([i for i in range(17) if i != twin]), dataset.subset([twin]))
    assert "1 of the 1 held-out frames is nearly the same picture" in html
    assert "Of these frames, 1 contradict" in html and html.count("<img") == 2
    clean = leak_html(dataset.subset([0, 1, 2]), dataset.subset([4, 5]))
    assert "None of the 2 held-out frames" in clean


def test_without_answers_there_are_near_twins_only(collision):
    found = find_suspects(load_dataset("collision", str(collision)))
    assert {suspect.kind for suspect in found.listed} == {"contradiction"}
