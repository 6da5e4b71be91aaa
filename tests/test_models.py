"""The models that come with the project do what their cards say."""
import os

import pytest

from jetbot_mlp import Predictor, load_model
from jetbot_mlp.sim_drive import drive_in_simulator

FOLDER = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")


def model_path(task):
    return os.path.join(FOLDER, task + ".npz")


@pytest.mark.parametrize("task", ["road", "collision"])
def test_each_model_is_sound_small_and_has_a_card_of_the_same_data(task):
    model = load_model(model_path(task))
    assert model.task == task
    assert os.path.getsize(model_path(task)) < 1e6
    with open(os.path.join(FOLDER, task + ".md"), encoding="utf-8") as stream:
        assert model.training["data_fingerprint"] in stream.read()


def test_the_road_model_stays_on_a_track_it_has_never_seen():
    result = drive_in_simulator([Predictor(load_model(model_path("road")))], "road", 30.0, seed=200).result
    assert result["off_track"] == 0 and result["distance_m"] > 3


def test_the_collision_model_roams_a_room_it_has_never_seen_without_contact():
    result = drive_in_simulator([Predictor(load_model(model_path("collision")))], "room", 30.0, seed=200).result
    assert result["collisions"] == 0 and result["distance_m"] > 2


def test_both_together_stop_before_what_stands_on_the_road():
    predictors = [Predictor(load_model(model_path(task))) for task in ("road", "collision")]
    result = drive_in_simulator(predictors, "both", 60.0, seed=200).result
    assert result["collisions"] == 0 and result["off_track"] == 0 and result["distance_m"] > 0.3
