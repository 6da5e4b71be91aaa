import numpy as np
import pytest
from synthetic import collision_dataset, picture, road_dataset

from jetbot_mlp import retrain as module
from jetbot_mlp.collection import Collection
from jetbot_mlp.comparison import changes, comparison_text, verdict
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.frame_overlap import overlap
from jetbot_mlp.model_file import save_model
from jetbot_mlp.retrain import held_out_moments, joined, retrain
from jetbot_mlp.train_frames import RECIPES, train_frames

SHORT = {task: recipe._replace(hidden=(16,), epochs=15, members=1, watched=1) for task, recipe in RECIPES.items()}


@pytest.fixture(autouse=True)
def short_recipes(monkeypatch):
    monkeypatch.setattr(module, "RECIPES", SHORT)
    monkeypatch.setattr(module, "QUICK", SHORT)


def uuid_at(second):
    """A uuid1 name of that second."""
    time = 0x01B21DD213814000 + int((1.7e9 + second) * 1e7)
    return "%08x-%04x-1%03x-8000-000000000000" % (time & 0xFFFFFFFF, time >> 32 & 0xFFFF, time >> 48 & 0xFFF)


def collect(folder, monkeypatch, frames):
    """frames: (second, picture, label)."""
    collection = Collection(str(folder), "collision")
    for second, image, label in frames:
        monkeypatch.setattr("jetbot_mlp.collection.uuid.uuid1", lambda second=second: uuid_at(second))
        collection.save(image, label)
    return str(folder)


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Old frames: a dark bar is blocked. New ones: a bright dot is blocked too, five presses of four frames."""
    random_state = np.random.RandomState(0)
    old = collect(tmp_path / "old", monkeypatch, [
        (3 * i, picture(random_state, bar=i % 2 == 0), "blocked" if i % 2 == 0 else "free") for i in range(50)])
    new = collect(tmp_path / "new", monkeypatch, [
        (1000 + 20 * press + 0.1 * i, picture(random_state, dot_xy=(0.1 * i, 0.0)), "blocked")
        for press in range(5) for i in range(4)])
    return old, new


def old_model(folder):
    return train_frames(load_dataset("collision", folder), SHORT["collision"]).model


def test_the_new_model_learns_what_was_corrected_and_both_are_scored_on_the_same_frames(folders):
    old, new = folders
    retrained = retrain(old_model(old), old, [new])
    of_old, of_new = retrained.rows
    assert of_new.before.names == of_new.after.names and len(of_new.after.names) == 4  # the last of five presses
    assert of_new.before.metrics["accuracy"] <= 0.5 and of_new.after.metrics["accuracy"] == 1.0
    assert of_old.after.metrics["balanced_accuracy"] >= 0.8
    assert changes(of_new)[1] == 0 and changes(of_new)[0] >= 2
    words = comparison_text(retrained)
    assert "neither model has learnt these frames" in words and verdict(retrained) in words
    learnt = set(np.array(of_new.after.names)) & {
        joined(load_dataset("collision", old), load_dataset("collision", new, require_all_classes=False)).names[i]
        for i in retrained.trained.learnt}
    assert not learnt


def test_a_model_of_other_frames_is_said_to_have_an_unknown_past(folders):
    old, new = folders
    model = train_frames(collision_dataset(), SHORT["collision"]).model
    assert retrain(model, old, new).rows[0].note == "neither model has learnt these frames"  # they are in no record
    retrained = retrain(model._replace(training={}), old, new)
    assert "perhaps on some of them" in retrained.rows[0].note
    again = retrain(retrained.trained.model, old, new, way="quick")  # that one has left the same old frames out
    assert "neither" in again.rows[0].note


def test_old_frames_that_the_old_model_has_learnt_are_counted(folders):
    old, new = folders
    model = train_frames(load_dataset("collision", old), SHORT["collision"], held_out="none").model
    model.training["data_fingerprint"] = "of one frame more"
    retrained = retrain(model, old, new, way="learn on")
    assert "has learnt 10 of these 10 frames" in retrained.rows[0].note
    old_frames = load_dataset("collision", old)
    learnt_on, anew = (overlap(one.trained.model.training, old_frames).known
                       for one in (retrained, retrain(model, old, new)))
    assert (learnt_on, anew) == (50, 40)  # whoever learns on knows what was learnt before


def test_one_press_alone_can_say_nothing_about_itself(folders, tmp_path, monkeypatch):
    old, _ = folders
    random_state = np.random.RandomState(1)
    new = collect(tmp_path / "one", monkeypatch, [
        (2000 + 0.1 * i, picture(random_state, dot_xy=(0, 0)), "blocked") for i in range(5)])
    retrained = retrain(old_model(old), old, new)
    assert "NEW model has learnt" in retrained.rows[1].note and "not known yet" in verdict(retrained)
    reworded = [row._replace(note="words are for people") for row in retrained.rows]
    assert verdict(retrained._replace(rows=reworded)) == verdict(retrained)


def test_learning_on_starts_from_the_file(folders, tmp_path):
    old, new = folders
    path = str(tmp_path / "m.npz")
    save_model(path, old_model(old), load_dataset("collision", old).images[0])
    retrained = retrain(path, old, new, way="learn on")
    assert retrained.old_path == path and retrained.rows[0].after.metrics["balanced_accuracy"] >= 0.8


def test_moments_are_never_cut_in_two():
    dataset = collision_dataset(40)
    dataset.times_s[...] = np.repeat(np.arange(8) * 10.0, 5) + np.tile(np.arange(5) * 0.1, 8)
    parts = held_out_moments(dataset)
    assert list(parts.held_out) == list(range(30, 40)) and len(parts.train) == 30
    assert "last 2 of 8 moments" in parts.note


def test_what_does_not_fit_is_refused(folders):
    old, new = folders
    with pytest.raises(ValueError, match="way"):
        retrain(old_model(old), old, new, way="better")
    with pytest.raises(DatasetError, match="one task"):
        joined(collision_dataset(2), road_dataset(2))
