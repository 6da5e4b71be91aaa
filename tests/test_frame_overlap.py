"""A model's file knows which frames it was trained on: all of a few, a sample of many, nothing of none."""
import hashlib

import numpy as np
import pytest

from jetbot_mlp.frame_overlap import KEY, MOST, overlap, overlap_as_json, overlap_in_words, sketch
from jetbot_mlp.metrics import Evaluation


class Frames:
    """As much of a `Dataset` as is asked for."""

    def __init__(self, numbers):
        self.hashes = digests(numbers)

    def __len__(self):
        return len(self.hashes)

    def fingerprint(self):
        return "print of %d" % len(self)


def digests(numbers):
    return [hashlib.sha256(b"%d" % number).digest() for number in numbers]


def judged(n, right=0):
    """Evaluation of n frames of which the first ``right`` are judged right."""
    expected = np.zeros(n, np.int64)
    predicted = np.where(np.arange(n)[:, None] < right, [[0.9, 0.1]], [[0.1, 0.9]])
    return Evaluation("collision", ("blocked", "free"), {}, [], None, expected, predicted)


def test_one_frame_more_or_less_hides_nothing():
    training = {KEY: sketch(digests(range(18)))}
    found = overlap(training, Frames(range(19)))
    assert overlap_in_words(found, judged(19)) == (
        "18 of these 19 frames are frames that the model was trained on: their score says how well it remembers them")
    assert overlap_as_json(found) == {"frames": 18, "share": 18 / 19, "exact": True}
    assert overlap_in_words(overlap(training, Frames(range(18))), judged(18)).startswith("all these 18 frames are")
    assert overlap_in_words(overlap(training, Frames([3, 100])), judged(2)).startswith("1 of these 2 frames is a frame")


def test_frames_that_are_new_to_the_model_are_no_reason_for_words():
    found = overlap({KEY: sketch(digests(range(18)))}, Frames(range(20, 40)))
    assert overlap_in_words(found, judged(20)) == "" and overlap_as_json(found)["frames"] == 0


def test_the_others_get_a_score_of_their_own_if_there_are_some():
    training = {KEY: sketch(digests(range(40)))}
    words = overlap_in_words(overlap(training, Frames(range(60))), judged(60, right=45))
    assert words.endswith("; on the other 20 it has 25.0 % right")
    road = Evaluation("road", None, {}, [], None, np.zeros((60, 2)), np.arange(60)[:, None] // 40 * [[0.25, 0.5]])
    assert overlap_in_words(overlap(training, Frames(range(60))), road).endswith("it is off by 28.0 px sideways")
    assert "other" not in overlap_in_words(overlap(training, Frames(range(49))), judged(49))


def test_of_thousands_of_frames_the_share_is_estimated_from_a_sample():
    kept = sketch(digests(range(20000)))
    assert len(kept) == 8 * MOST
    found = overlap({KEY: kept}, Frames(range(10000, 30000)))  # a half of them
    assert found.looked_up < 2 * MOST and abs(found.share - 0.5) < 0.06
    assert "about 5" in overlap_in_words(found, judged(20000)) and "estimated from" in overlap_in_words(
        found, judged(20000))
    assert overlap_as_json(found)["exact"] is False
    assert overlap({KEY: kept}, Frames(range(20000))).share == 1.0
    assert overlap({KEY: kept}, Frames(range(20000, 40000))).share == 0.0


def test_records_join_to_the_record_of_all():
    whole = sketch(digests(range(5000)))
    assert sketch(digests(range(3000)), sketch(digests(range(2000, 5000)))) == whole == sketch(
        digests(range(5000))[::-1], None, "nonsense")


def test_files_of_older_versions_know_their_whole_set_only():
    old = {"data_fingerprint": "print of 60", "trained_on": 48}
    assert "48 of these 60 frames" in overlap_in_words(overlap(old, Frames(range(60))), judged(60))
    assert overlap_as_json(overlap(old, Frames(range(59)))) == {"frames": None, "share": None, "exact": None}
    assert overlap({"data_fingerprint": "print of 60", "trained_on": "many"}, Frames(range(60))).known == 60
    assert overlap({}, Frames([])).looked_up == 0


@pytest.mark.parametrize("record", [None, 7, [], "xyz", "0" * 7, "0" * 8001, "ABCDEF01", "00000000\n", {"a": 1}])
def test_a_file_may_hold_anything_there(record):
    assert overlap({KEY: record}, Frames(range(5))).looked_up == 0
