import json

import pytest

from jetbot_mlp import demo, train_frames
from jetbot_mlp.errors import JetbotMLPError

pytest.importorskip("matplotlib")


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(train_frames, "RECIPES", {task: recipe._replace(epochs=5)
                                                  for task, recipe in train_frames.RECIPES.items()})
    monkeypatch.setattr(demo, "FRAMES", 60)
    monkeypatch.setattr(demo, "FRESH", 10)
    monkeypatch.setattr(demo, "DRIVE_S", 1.0)


def test_it_leaves_two_models_two_films_a_page_and_nothing_else(short, tmp_path):
    lines = []
    demo.run_demo(str(tmp_path / "demo"), 0, None, lines.append)
    names = sorted(path.name for path in (tmp_path / "demo").iterdir())
    assert names == ["collision", "collision.npz", "demo.json", "drive_collision.webm", "drive_road.webm",
                     "report.html", "road", "road.npz"]
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    assert len(lines) == 5 and "report.html" in lines[-1]
    assert json.loads((tmp_path / "demo" / "demo.json").read_text())["drive_road"]["frames"] == 30
    demo.run_demo(str(tmp_path / "demo"), 0, None, lines.append)  # an earlier demo is replaced


def test_an_interrupted_demo_leaves_the_earlier_one(short, tmp_path, monkeypatch):
    out = tmp_path / "demo"
    demo.run_demo(str(out), 0, None, lambda line: None)
    before = (out / "road.npz").read_bytes()

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "drive_in_simulator", interrupted)
    with pytest.raises(KeyboardInterrupt):
        demo.run_demo(str(out), 1, None, lambda line: None)
    assert (out / "road.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]


def test_other_folders_are_never_touched(tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(JetbotMLPError, match="no earlier demo"):
        demo.run_demo(str(tmp_path), 0, None, print)
    assert (tmp_path / "mine.txt").read_text() == "precious"
