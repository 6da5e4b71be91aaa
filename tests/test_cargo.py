"""What the laptop brings, and what it does not let out of the house."""
import os
import shutil

import pytest

from jetbot_mlp.cargo import pack
from jetbot_mlp.errors import JetbotMLPError

ROAD = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models", "road.npz")


def test_models_wheel_and_notebooks_with_their_digests(tmp_path):
    (tmp_path / "books" / "road").mkdir(parents=True)
    (tmp_path / "books" / ".ipynb_checkpoints").mkdir()
    for name in ("both.ipynb", "road/live.ipynb", ".ipynb_checkpoints/both.ipynb", "notes.txt"):
        (tmp_path / "books" / name).write_text("{}")
    cargo = pack([ROAD], str(tmp_path), str(tmp_path / "books"))
    (path, name, digest, here), = cargo.models
    assert (path, name, len(digest), here["task"]) == (ROAD, "road.npz", 64, "road")
    assert os.path.dirname(cargo.wheel) == str(tmp_path)
    assert [name for _, name, _ in cargo.notebooks] == ["both.ipynb", "road@live.ipynb"]


def test_a_model_that_is_not_sound_here_stays_here(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK")
    with pytest.raises(JetbotMLPError, match="not sound: .*broken.npz"):
        pack([str(tmp_path / "broken.npz")], str(tmp_path))


def test_two_models_of_one_name_and_odd_names_are_refused(tmp_path):
    for name in ("road.npz", "my road.npz"):
        shutil.copy(ROAD, str(tmp_path / name))
    with pytest.raises(JetbotMLPError, match="found road.npz twice; rename one"):
        pack([ROAD, str(tmp_path / "road.npz")], str(tmp_path))
    with pytest.raises(JetbotMLPError, match="found my road.npz; rename it"):
        pack([str(tmp_path / "my road.npz")], str(tmp_path))


def test_a_folder_without_notebooks_is_told(tmp_path):
    with pytest.raises(JetbotMLPError, match="expected notebooks .*found none"):
        pack([ROAD], str(tmp_path), str(tmp_path))
    with pytest.raises(JetbotMLPError, match="expected a folder of notebooks, found no"):
        pack([ROAD], str(tmp_path), str(tmp_path / "no"))
