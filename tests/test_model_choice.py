import os

import pytest

from jetbot_mlp.errors import ModelFileError
from jetbot_mlp.model_choice import find_model


def put(path, age_s=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    os.utime(str(path), (1e9 - age_s, 1e9 - age_s))
    return str(path)


def test_the_students_own_model_goes_before_the_shipped_one(tmp_path):
    folder = tmp_path / "notebooks" / "road_following"
    folder.mkdir(parents=True)
    shipped = put(tmp_path / "models" / "road.npz")
    assert os.path.samefile(find_model("road", str(folder)), shipped)
    own = put(folder / "road.npz", age_s=100)
    assert os.path.samefile(find_model("road", str(folder)), own)


def test_of_several_own_ones_the_newest(tmp_path):
    folder = tmp_path / "notebooks"
    put(folder / "collision.npz", age_s=100)
    newest = put(folder / "collision_avoidance" / "collision.npz")
    assert os.path.samefile(find_model("collision", str(folder)), newest)
    assert os.path.samefile(find_model("collision", str(folder / "collision_avoidance")), newest)


def test_on_a_robot_what_was_deployed(tmp_path):
    folder = tmp_path / "jetbot" / "notebooks" / "road_following"
    folder.mkdir(parents=True)
    deployed = put(tmp_path / "jetbot" / "current" / "road.npz")
    put(tmp_path / "models" / "road.npz")
    assert os.path.samefile(find_model("road", str(folder)), deployed)
    own = put(folder / "road.npz", age_s=100)
    assert os.path.samefile(find_model("road", str(folder)), own)


def test_the_path_from_here_is_short(tmp_path, monkeypatch):
    put(tmp_path / "models" / "road.npz")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(str(tmp_path / "notebooks"))
    assert find_model("road") == os.path.join("..", "models", "road.npz")


def test_none_at_all_is_told(tmp_path):
    with pytest.raises(ModelFileError, match="road.npz: expected it here"):
        find_model("road", str(tmp_path))
