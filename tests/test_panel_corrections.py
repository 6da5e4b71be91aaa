import os

import numpy as np
import pytest
from driving_fakes import FakeCamera, FakeRobot
from synthetic import collision_dataset, picture, road_dataset

from jetbot_mlp import retrain as retrain_module
from jetbot_mlp.collection import Collection
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.gate import MotorGate
from jetbot_mlp.inference import Predictor
from jetbot_mlp.model_file import load_model, save_model
from jetbot_mlp.recent_frames import RecentFrames
from jetbot_mlp.train_frames import RECIPES, train_frames

pytest.importorskip("ipywidgets")
from jetbot_mlp.panel_corrections import CorrectionsPanel, corrections_panel  # noqa: E402

SHORT = {task: recipe._replace(hidden=(16,), epochs=10, members=1, watched=1) for task, recipe in RECIPES.items()}
MODELS = {task: train_frames(make(40), SHORT[task]).model
          for task, make in (("collision", collision_dataset), ("road", road_dataset))}


@pytest.fixture(autouse=True)
def here(monkeypatch, tmp_path):
    monkeypatch.setattr(retrain_module, "RECIPES", SHORT)
    monkeypatch.setattr(retrain_module, "QUICK", SHORT)
    monkeypatch.chdir(tmp_path)


def seen(n=10, at=0.0, dot=(0.3, 0.2), recent=None):
    recent = recent or RecentFrames()
    random_state = np.random.RandomState(int(at))
    for i in range(n):
        recent.add(picture(random_state, dot_xy=dot), at + 0.1 * i)
    return recent


def old_frames(folder="dataset", n=24):
    random_state = np.random.RandomState(0)
    collection = Collection(folder, "collision")
    for i in range(n):
        collection.save(picture(random_state, bar=i % 2 == 0), ("blocked", "free")[i % 2])


def text(panel):
    return panel.said.widget.value


def test_one_press_keeps_the_last_second_with_the_right_label():
    recent = seen(20)
    panel = CorrectionsPanel(recent, MODELS["collision"])
    panel.should["blocked"].click()
    assert panel.collection.counts() == {"blocked": 11, "free": 0} and "11 frames kept" in text(panel)
    panel.should["blocked"].click()  # the same second again: nothing new to keep
    assert panel.collection.counts()["blocked"] == 11 and "no new frame" in text(panel)
    dataset = load_dataset("collision", "corrections_collision", require_all_classes=False)
    assert len(dataset) == 11 and dataset.time_source == "uuid1"


def test_a_press_can_be_taken_back():
    recent = seen()
    panel = CorrectionsPanel(recent, MODELS["collision"])
    panel.should["free"].click()
    seen(recent=recent, at=5.0, n=4)
    panel.should["free"].click()
    panel.undo.click()
    assert panel.collection.counts()["free"] == 10
    panel.undo.click()
    assert panel.collection.counts()["free"] == 0 and panel.undo.disabled and panel.begin.disabled


def test_presses_are_taken_back_whole_or_not_at_all():
    """The collection remembers 50 frames: of a sixth press of ten one could take back a part only, unseen."""
    recent = RecentFrames()
    panel = CorrectionsPanel(recent, MODELS["collision"])
    for number in range(6):
        seen(recent=recent, at=5.0 * number)
        panel.should["free"].click()
    while not panel.undo.disabled:
        panel.undo.click()
    assert panel.collection.counts()["free"] == 10
    panel.undo.click()
    assert panel.collection.counts()["free"] == 10 and panel.presses == [10]


@pytest.mark.parametrize("way", ["sliders", None])
def test_a_road_s_target_goes_from_the_first_frame_s_to_the_last_s(way):
    panel = CorrectionsPanel(seen(11), MODELS["road"], click_way=way)
    panel.freeze.click()
    assert len(panel.second.frames) == 11 and panel.accept.disabled
    then, now = panel.second.clicks
    then.point_at(50, 100)
    assert panel.accept.disabled and "now" in text(panel)
    now.point_at(150, 140)
    assert "11 of 11 frames" in text(panel)
    panel.accept.click()
    labels = sorted(panel.collection.label_of(name) for name in panel.collection.names())
    assert labels[0] == (50, 100) and labels[5] == (100, 120) and labels[-1] == (150, 140)
    assert panel.accept.disabled and not panel.second.frames


def test_a_target_of_now_alone_is_for_the_last_frames_only():
    panel = CorrectionsPanel(seen(11), MODELS["road"])
    panel.freeze.click()
    panel.second.clicks[1].clicked(60, 90)
    assert "4 of 11 frames" in text(panel)
    panel.accept.click()
    assert [panel.collection.label_of(name) for name in panel.collection.names()] == [(60, 90)] * 4


def test_a_press_is_kept_whole_or_not_at_all(monkeypatch):
    panel = CorrectionsPanel(seen(6), MODELS["collision"])
    save, calls = panel.collection.save, []

    def full(image, label):
        calls.append(label)
        if len(calls) == 4:
            raise DatasetError("the disk is full")
        return save(image, label)

    monkeypatch.setattr(panel.collection, "save", full)
    assert panel.press("free") == 0 and "the disk is full" in text(panel)
    assert panel.collection.names() == [] and panel.undo.disabled


def test_a_cell_that_is_run_twice_leaves_no_observer_behind():
    camera = FakeCamera()
    corrections_panel(camera, MODELS["road"])
    corrections_panel(camera, MODELS["road"])
    assert len(camera.observers) == 1


def test_without_frames_it_asks_for_the_camera():
    for task, panel in ((task, CorrectionsPanel(RecentFrames(), MODELS[task])) for task in MODELS):
        (panel.freeze if task == "road" else panel.should["free"]).click()
        assert "camera" in text(panel) and not os.path.exists(panel.collection.folder)


def corrected(model, **keywords):
    """A panel with old frames and three corrected moments, at which the uuid1s are as far apart as the frames."""
    old_frames()
    panel = CorrectionsPanel(RecentFrames(), model, old_folders="dataset", **keywords)
    for at in range(3):
        seen(5, at=10.0 * at, recent=panel.recent)
        panel.press("blocked")
    return panel


def test_the_new_model_is_compared_then_kept_and_gone_back_from(monkeypatch):
    save_model("collision.npz", MODELS["collision"], collision_dataset(2).images[0])
    monkeypatch.setattr(retrain_module, "MOMENT_GAP_S", -1.0)  # presses of a test follow one another in no time
    told = []
    panel = corrected("collision.npz", on_model=told.append)
    panel.start(wait=True)
    assert "old model" in panel.table.value and "<li>new frames: " in panel.table.value
    assert not panel.keep.disabled and panel.back.disabled
    old = load_model("collision.npz").network.weights_[0]
    panel.keep.click()
    new = load_model("collision.npz").network.weights_[0]
    assert new.shape != old.shape or not np.array_equal(new, old)
    assert told[-1] is panel.model and "kept as" in text(panel) and not panel.back.disabled
    panel.back.click()
    np.testing.assert_array_equal(load_model("collision.npz").network.weights_[0], old)
    assert len(told) == 2 and panel.back.disabled
    assert len([name for name in os.listdir(".") if name.endswith(".npz")]) == 3  # none is ever lost


def test_a_model_from_elsewhere_is_not_overwritten():
    os.mkdir("models")
    save_model("models/collision.npz", MODELS["collision"], collision_dataset(2).images[0])
    with open("models/collision.npz", "rb") as before:
        data = before.read()
    predictor = Predictor(load_model("models/collision.npz"))
    old = predictor.model
    panel = corrected(predictor, way="quick")
    panel.start(wait=True)
    panel.keep.click()
    assert os.path.exists("collision.npz") and predictor.model is panel.model is not old
    panel.back.click()
    assert predictor.model is old
    assert not os.path.exists("collision.npz")
    with open("models/collision.npz", "rb") as after:
        assert after.read() == data


def test_another_model_is_taken_by_standing_wheels_only():
    predictor = Predictor(MODELS["collision"])
    panel = corrected(predictor, way="quick")
    panel.start(wait=True)
    gate = MotorGate(FakeRobot())
    for press, there in ((panel.keep, False), (panel.back, True)):
        before = predictor.model
        gate.open()
        press.click()
        assert "press STOP first" in text(panel) and predictor.model is before and not press.disabled
        assert os.path.exists("collision.npz") == there  # nothing was written or moved either
        gate.stop("STOP was pressed")
        press.click()
        assert predictor.model is panel.model is not before


def test_cancel_and_missing_folders_leave_the_old_model(monkeypatch):
    panel = corrected(MODELS["collision"])
    watch = panel._watch
    monkeypatch.setattr(panel, "_watch", lambda now: panel.cancel() or watch(now))
    panel.start(wait=True)
    assert "cancelled" in text(panel) and panel.keep.disabled and panel.model is MODELS["collision"]
    panel.old.value = "nowhere"
    with pytest.raises(DatasetError):
        panel.start(wait=True)
    assert "nowhere" in text(panel) and "train_model.ipynb" in text(panel)


def test_several_models_share_the_last_second():
    widget = corrections_panel(seen(), [MODELS["road"], MODELS["collision"]], {"road": "r", "collision": "c"})
    assert set(widget.panels) == {"road", "collision"}
    assert "(road following)" in widget.panels["road"].box.children[0].value
    assert "(collision avoidance)" in widget.panels["collision"].box.children[0].value
    assert widget.panels["road"].recent is widget.panels["collision"].recent is widget.recent
    assert widget.panels["road"].collection.folder == "r"


def test_old_frames_are_looked_for_where_the_notebooks_write():
    assert CorrectionsPanel(RecentFrames(), MODELS["road"]).old.value == "dataset_xy"
    os.mkdir("simulated_dataset_xy")
    assert CorrectionsPanel(RecentFrames(), MODELS["road"]).old.value == "simulated_dataset_xy"
    os.mkdir("dataset_xy")
    assert CorrectionsPanel(RecentFrames(), MODELS["road"]).old.value == "dataset_xy"
