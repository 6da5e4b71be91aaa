import os

import numpy as np
import pytest
from synthetic import collision_dataset

from jetbot_mlp.errors import ModelFileError
from jetbot_mlp.features import FeatureSpec
from jetbot_mlp.model_file import Model, load_model
from jetbot_mlp.model_versions import go_back, save_keeping, set_aside
from jetbot_mlp.network import MLP

SPEC = FeatureSpec(gradient_size=0, grey_size=4)
IMAGE = collision_dataset(2).images[0]


def a_model(seed):
    network = MLP((16, 2), "relu", "softmax", "softmax_cross_entropy", random_state=seed)
    return Model("collision", ("blocked", "free"), network, SPEC, {"seed": seed})


def seed_of(path):
    return load_model(path).training["seed"]


def test_the_first_one_keeps_nothing(tmp_path):
    path = str(tmp_path / "m.npz")
    assert save_keeping(path, a_model(1), IMAGE) is None
    assert os.listdir(str(tmp_path)) == ["m.npz"]


def test_the_older_ones_stay_under_the_time_of_their_making(tmp_path):
    path = str(tmp_path / "m.npz")
    save_keeping(path, a_model(1), IMAGE)
    os.utime(path, (1.6e9, 1.6e9))
    kept = save_keeping(path, a_model(2), IMAGE)
    os.utime(path, (1.6e9, 1.6e9))  # made within the same second
    again = save_keeping(path, a_model(3), IMAGE)
    assert (seed_of(path), seed_of(kept), seed_of(again)) == (3, 1, 2)
    assert os.path.basename(kept).startswith("m.2020-09-1") and kept != again


def test_going_back_keeps_both(tmp_path):
    path = str(tmp_path / "m.npz")
    save_keeping(path, a_model(1), IMAGE)
    os.utime(path, (1.6e9, 1.6e9))
    kept = save_keeping(path, a_model(2), IMAGE)
    newer = go_back(path, kept)
    assert (seed_of(path), seed_of(kept), seed_of(newer)) == (1, 1, 2)
    assert go_back(path, newer) == kept  # the same bytes are not kept twice
    assert seed_of(path) == 2 and len(os.listdir(str(tmp_path))) == 3


def test_a_damaged_older_file_takes_no_place(tmp_path):
    path, bad = str(tmp_path / "m.npz"), str(tmp_path / "old.npz")
    save_keeping(path, a_model(1), IMAGE)
    with open(bad, "wb") as stream:
        stream.write(b"no model")
    with pytest.raises(ModelFileError):
        go_back(path, bad)
    assert seed_of(path) == 1


def test_what_cannot_be_saved_leaves_the_old_one_in_place(tmp_path):
    path = str(tmp_path / "m.npz")
    save_keeping(path, a_model(1), IMAGE)
    broken = a_model(2)
    broken.network.weights_[0][...] = np.nan
    with pytest.raises(ModelFileError), np.errstate(all="ignore"):
        save_keeping(path, broken, IMAGE)
    assert seed_of(path) == 1
    assert not [name for name in os.listdir(str(tmp_path)) if name.endswith(".part")]


def test_what_is_set_aside_is_still_there(tmp_path):
    path = str(tmp_path / "m.npz")
    save_keeping(path, a_model(1), IMAGE)
    kept = set_aside(path)
    assert seed_of(kept) == 1 and not os.path.exists(path)


def test_a_place_that_cannot_be_written_to_is_named_in_plain_words(tmp_path):
    (tmp_path / "file").write_text("")
    for name, found in (("nofolder/m.npz", "No such file"), ("file/m.npz", "Not a directory"), ("", "directory")):
        with pytest.raises(ModelFileError, match=found) as caught:
            save_keeping(str(tmp_path / name), a_model(1), IMAGE)
        assert "name a file in a folder" in str(caught.value) and ".part" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
