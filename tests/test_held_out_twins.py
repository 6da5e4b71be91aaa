"""It is said when held-out frames are copies of training frames, mirrored ones too, and not when a few are."""
import json

import cv2
import numpy as np
import pytest
from synthetic import collision_dataset

from jetbot_mlp.__main__ import main
from jetbot_mlp.held_out_twins import Leaks, find_leaks, leaks_in_words, leaks_of_folds, warning_of_leaks
from jetbot_mlp.report_suspects import leak_html
from jetbot_mlp.splits import time_blocks


def scenes(n, seed=0):
    return np.kron(np.random.RandomState(seed).randint(20, 230, (n, 4, 4, 3)).astype(np.uint8),
                   np.ones((1, 28, 28, 1), np.uint8))


@pytest.fixture
def half_mirrored():
    """The second half in time are the mirror images of the first."""
    dataset = collision_dataset(40)
    dataset.images = np.concatenate([scenes(20), scenes(20)[:, :, ::-1]])
    return dataset


def test_mirrored_copies_of_training_frames_are_counted_said_and_shown(half_mirrored):
    training, held_out = half_mirrored.subset(range(30)), half_mirrored.subset(range(30, 40))
    leaks = find_leaks(training, held_out)
    assert leaks[:3] == (10, 10, 10)
    assert "all 10 held-out frames are nearly the same picture as a training frame (all of them mirrored)" in \
        warning_of_leaks(leaks)
    html = leak_html(training, held_out, leaks)
    assert "All 10 held-out" in html and html.count("<b>mirrored</b>") == 10
    assert find_leaks(training, held_out, mirror=False).frames == 0
    assert "None of the 10 held-out frames" in leak_html(training, held_out, mirror=False)


def test_blocks_of_time_count_each_held_out_frame_once(half_mirrored):
    leaks = leaks_of_folds(half_mirrored, time_blocks(half_mirrored, 5))
    assert leaks.held_out == 40 and leaks.frames == leaks.mirrored == 40


def test_a_few_are_no_reason_for_a_warning():
    assert warning_of_leaks(Leaks(20, 0, 100)) == "" and warning_of_leaks(None) == ""
    assert "21 of the 100" in warning_of_leaks(Leaks(21, 3, 100)) and "(3 of them mirrored)" in leaks_in_words(
        Leaks(21, 3, 100))


@pytest.mark.parametrize("command", ["train", "crossvalidate"])
def test_both_commands_say_it_in_one_line_on_the_page_and_in_json(tmp_path, capsys, monkeypatch, command):
    pytest.importorskip("matplotlib")
    from jetbot_mlp import commands, commands_crossvalidate, train_frames

    short = {"collision": train_frames.RECIPES["collision"]._replace(hidden=(4,), epochs=2, members=1, watched=1)}
    monkeypatch.setattr(commands, "RECIPES", short)
    monkeypatch.setattr(commands_crossvalidate, "RECIPES", short)
    for k, label in enumerate(("blocked", "free")):
        (tmp_path / "set" / label).mkdir(parents=True)
        images = scenes(10, seed=k)
        for i, image in enumerate(np.concatenate([images, images[:, :, ::-1]])):
            cv2.imwrite(str(tmp_path / "set" / label / ("%02d.jpg" % i)), image)
    page, n = str(tmp_path / "page.html"), {"train": 8, "crossvalidate": 40}[command]
    more = ["--out", str(tmp_path / "m.npz")] if command == "train" else ["--jobs", "1"]
    assert main([command, "collision", str(tmp_path / "set"), "--report", page, "--json"] + more) == 0
    captured = capsys.readouterr()
    words = "all %d held-out frames are nearly the same picture as a training frame (all of them mirrored)" % n
    assert captured.err.count(words) == 1
    with open(page, encoding="utf-8") as stream:
        assert "<b>A" + words[1:] in stream.read()
    result = json.loads(captured.out)
    result = result["datasets"][0] if command == "crossvalidate" else result
    assert result["held_out_near_twins"] == {"frames": n, "mirrored": n}
