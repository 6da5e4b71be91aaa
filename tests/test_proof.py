"""What a machine makes of a model file."""
import json
import os

import pytest

from jetbot_mlp.model_file import golden_frame, load_model
from jetbot_mlp.proof import difference, prove

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")


@pytest.mark.parametrize("task, outputs", [("road", 2), ("collision", 2)])
def test_a_sound_model_gives_its_stored_frames_answer_and_a_time(task, outputs):
    path = os.path.join(MODELS, task + ".npz")
    proof = json.loads(json.dumps(prove(path)))
    assert proof["sound"] and proof["task"] == task and proof["bytes"] == os.path.getsize(path)
    assert len(proof["golden_output"]) == outputs and 0 < proof["ms_per_frame"] < 1000
    again = load_model(path).outputs(golden_frame(path)[None])[0]
    assert difference(proof["golden_output"], list(again)) < 1e-6


def test_a_damaged_model_is_told_and_raises_nothing(tmp_path):
    with open(os.path.join(MODELS, "road.npz"), "rb") as stream:
        (tmp_path / "road.npz").write_bytes(stream.read()[:-100])
    proof = prove(str(tmp_path / "road.npz"))
    assert not proof["sound"] and "\n" not in proof["problem"]


@pytest.mark.parametrize("one, other, expected", [
    ([0.1, 0.9], [0.1, 0.8], 0.1), ([1.0], [1.0], 0.0), ([1.0], [1.0, 2.0], float("inf")), ([], [], float("inf")),
    ([float("nan")], [1.0], float("inf")), ([0.5, float("nan")], [0.5, 1.0], float("inf"))])
def test_how_far_two_answers_are_apart(one, other, expected):
    assert difference(one, other) == pytest.approx(expected)
