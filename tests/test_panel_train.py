import os
import threading

import cv2
import numpy as np
import pytest
from synthetic import collision_dataset, road_dataset

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.model_file import load_model
from jetbot_mlp.train_frames import RECIPES

pytest.importorskip("ipywidgets")
from jetbot_mlp.panel_train import SHORT, TrainingPanel, training_panel  # noqa: E402

RECIPE = {task: recipe._replace(hidden=(8,), epochs=6, members=1, watched=1) for task, recipe in RECIPES.items()}


@pytest.fixture
def frames(tmp_path):
    folder = tmp_path / "dataset"
    for kind in ("blocked", "free"):
        (folder / kind).mkdir(parents=True)
    dataset = collision_dataset(60)
    for i, (image, target) in enumerate(zip(dataset.images, dataset.targets)):
        cv2.imwrite(str(folder / ("blocked", "free")[target] / f"{i:03d}.jpg"), image)
    return folder


def panel_of(frames, **keywords):
    keywords.setdefault("recipe", RECIPE["collision"])
    return TrainingPanel("collision", str(frames), out=str(frames / ".." / "model.npz"), **keywords)


def test_a_start_ends_with_curves_scores_and_the_worst_frames(frames):
    panel = panel_of(frames)
    panel.start(wait=True)
    assert panel.bar.value == 1.0 and "not saved yet" in panel.said.widget.value
    assert panel.loss.value[:2] == b"\xff\xd8" and panel.score.value[:2] == b"\xff\xd8"
    assert "95 % interval" in panel.scores.value and "Confusion" in panel.scores.value
    assert len(panel.worst.children) == 1 + 8
    assert panel.end.disabled and not panel.begin.disabled and not panel.keep.disabled


def test_a_road_has_its_own_words(tmp_path):
    dataset = road_dataset(40)
    for i, (image, (x, y)) in enumerate(zip(dataset.images, dataset.targets)):
        name = "xy_%03d_%03d_%03d.jpg" % (112 + 112 * x, 112 + 112 * y, i)
        cv2.imwrite(str(tmp_path / name), cv2.resize(image, (224, 224)))
    panel = TrainingPanel("road", str(tmp_path), recipe=RECIPE["road"])
    panel.start(wait=True)
    assert "sideways" in panel.scores.value and "ring is the label" in panel.worst.children[0].children[1].value


def test_saving_keeps_the_model_before(frames):
    panel = panel_of(frames)
    panel.start(wait=True)
    assert panel.save() is None
    first = load_model(panel.out.value).network.weights_[0]
    panel.random_state = 1
    panel.start(wait=True)
    kept = panel.save()
    np.testing.assert_array_equal(load_model(kept).network.weights_[0], first)
    assert os.path.basename(kept) in panel.said.widget.value


def test_cancel_ends_it_and_leaves_nothing_behind(frames):
    panel = panel_of(frames, recipe=RECIPE["collision"]._replace(epochs=400))
    learning = threading.Event()
    watch = panel._watch
    panel._watch = lambda now: learning.set() or watch(now)
    panel.start()
    assert learning.wait(30) and panel.begin.disabled
    panel.cancel()
    panel.worker.join(30)
    assert not panel.worker.is_alive() and "cancelled" in panel.said.widget.value
    assert panel.trained is None and panel.keep.disabled and not panel.begin.disabled
    assert os.listdir(str(frames / "..")) == ["dataset"]


def test_a_cancelled_training_does_not_take_the_finished_one_away(frames):
    panel = panel_of(frames)
    panel.start(wait=True)
    trained = panel.trained

    def cancelled_at_once(now):
        panel.cancel()
        TrainingPanel._watch(panel, now)

    panel._watch = cancelled_at_once
    panel.start(wait=True)
    assert panel.trained is trained and not panel.keep.disabled


def test_what_is_wrong_with_the_folder_is_said_and_raised_to_who_waits(tmp_path):
    panel = TrainingPanel("collision", str(tmp_path / "nowhere"))
    panel.start()
    panel.worker.join(10)
    assert "nowhere" in panel.said.widget.value and not panel.begin.disabled and panel.keep.disabled
    with pytest.raises(DatasetError):
        panel.start(wait=True)


def test_a_model_that_cannot_be_written_is_said(frames):
    panel = panel_of(frames)
    assert panel.save() is None and "train first" in panel.said.widget.value
    panel.start(wait=True)
    panel.out.value = str(frames / "no" / "such" / "folder.npz")
    assert panel.save() is None and "not saved" in panel.said.widget.value


def test_frames_that_the_folder_s_own_list_leaves_out_are_not_learnt(frames):
    (frames / "exclude.txt").write_text("dataset/blocked/000.jpg\ndataset/free/001.jpg\n")
    panel = panel_of(frames)
    panel.start(wait=True)
    assert len(panel.dataset) == 58


def test_the_robot_s_processor_gets_the_quick_recipe(monkeypatch):
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert TrainingPanel("road").how.value == SHORT
    assert TrainingPanel("road", quick=False).how.value != SHORT


def test_the_widget_can_be_started_by_a_notebook_s_cell(frames):
    widget = training_panel("collision", [str(frames)], recipe=RECIPE["collision"])
    widget.start(wait=True)
    assert widget.panel.trained is not None
    with pytest.raises(ValueError, match="task"):
        training_panel("mnist")


def test_a_cell_that_is_run_again_ends_the_training_of_the_first_time(frames):
    first = panel_of(frames, recipe=RECIPE["collision"]._replace(epochs=400))
    learning = threading.Event()
    watch = first._watch
    first._watch = lambda now: learning.set() or watch(now)
    first.start()
    assert learning.wait(30)
    panel_of(frames)
    first.worker.join(30)
    assert not first.worker.is_alive() and first.trained is None
