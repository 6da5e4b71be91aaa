"""Scores are numbers people decide by: they are held against hand-computed values here."""
import json

import numpy as np
import pytest

from jetbot_mlp.errors import PredictionError
from jetbot_mlp.metrics import (
    classification_metrics,
    format_metrics,
    meaning_in_words,
    reliability,
    road_metrics,
)

NAMES = ("blocked", "free")


def one_hot(predicted, k=2):
    return np.eye(k)[predicted]


def strictly_json(metrics):
    return json.loads(json.dumps(metrics, allow_nan=False))


def test_confusion_has_the_truth_in_rows_and_the_prediction_in_columns():
    metrics = classification_metrics([0, 0, 0, 1], one_hot([0, 1, 1, 1]), NAMES)
    assert metrics["confusion"] == [[1, 2], [0, 1]]
    assert metrics["accuracy"] == 0.5
    assert metrics["balanced_accuracy"] == pytest.approx((1 / 3 + 1) / 2)
    assert metrics["recall"] == [pytest.approx(1 / 3), 1.0]
    assert metrics["samples"] == 4
    assert strictly_json(metrics) == metrics


def test_a_constant_answer_does_not_profit_from_a_rare_class():
    true = np.array([1] * 95 + [0] * 5)
    metrics = classification_metrics(true, one_hot(np.ones(100, int)), NAMES)
    assert metrics["accuracy"] == 0.95
    assert metrics["balanced_accuracy"] == 0.5


def test_balanced_accuracy_is_over_the_classes_that_occur():
    metrics = classification_metrics([1, 1, 1, 1], one_hot([1, 1, 1, 0]), NAMES)
    assert metrics["balanced_accuracy"] == 0.75
    assert metrics["recall"] == [None, 0.75]


def test_an_even_chance_counts_as_blocked():
    assert classification_metrics([0], [[0.5, 0.5]], NAMES)["confusion"] == [[1, 0], [0, 0]]


def test_no_samples_give_none_and_not_nan():
    collision = classification_metrics(np.zeros(0, int), np.zeros((0, 2)), NAMES)
    road = road_metrics(np.zeros((0, 2)), np.zeros((0, 2)))
    assert collision["accuracy"] is None and collision["confusion"] == [[0, 0], [0, 0]]
    assert road["mse"] is None and road["mae_x_px_interval"] is None
    for task, metrics in (("collision", collision), ("road", road)):
        strictly_json(metrics)
        assert "nan" not in format_metrics(task, metrics)
        assert meaning_in_words(task, metrics) == ""


def test_balanced_interval_covers_the_truth_about_19_times_in_20():
    random, covered = np.random.RandomState(0), 0
    true = np.array([0] * 40 + [1] * 60)
    for _ in range(400):
        right = random.random_sample(100) < np.where(true == 0, 0.9, 0.7)
        low, high = classification_metrics(true, one_hot(np.where(right, true, 1 - true)),
                                           NAMES)["balanced_accuracy_interval"]
        covered += low <= 0.8 <= high
    assert 0.92 <= covered / 400 <= 0.98


def test_perfect_on_ten_frames_is_not_called_certain():
    metrics = classification_metrics([0] * 5 + [1] * 5, one_hot([0] * 5 + [1] * 5), NAMES)
    for key in ("accuracy_interval", "balanced_accuracy_interval"):
        assert metrics[key][1] == 1.0 and metrics[key][0] < 0.8


def test_road_errors_are_in_pixels_of_a_224_frame():
    metrics = road_metrics([[0.0, 0.0], [0.5, 0.0]], [[0.5, 0.0], [0.5, 0.25]])
    assert metrics["mse"] == pytest.approx((0.25 + 0.0625) / 4)
    assert metrics["mae_x_px"] == pytest.approx(28.0)
    assert metrics["mae_y_px"] == pytest.approx(14.0)
    assert metrics["mae_x_px_interval"][0] == 0.0  # an error is never below 0
    assert strictly_json(metrics) == metrics


def test_road_interval_narrows_with_the_square_root_of_the_frames():
    random = np.random.RandomState(1)
    widths = []
    for n in (100, 10000):
        low, high = road_metrics(np.zeros((n, 2)), random.normal(size=(n, 2)))["mae_x_px_interval"]
        assert low < 112 * np.sqrt(2 / np.pi) < high  # the mean of |N(0, 1)|
        widths.append(high - low)
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.2)


def test_a_network_that_answers_nan_gets_no_score():
    with pytest.raises(PredictionError):
        classification_metrics([0], [[np.nan, 0.5]], NAMES)
    with pytest.raises(PredictionError):
        road_metrics([[0.0, 0.0]], [[np.inf, 0.0]])


@pytest.mark.parametrize("true, probabilities", [
    ([0, 1], [[1.0, 0.0]]), ([2], [[1.0, 0.0]]), ([-1], [[1.0, 0.0]]), ([0.5], [[1.0, 0.0]]),
    ([[0]], [[1.0, 0.0]]), ([0], [[1.0]])])
def test_shapes_and_labels_that_do_not_fit_are_refused(true, probabilities):
    with pytest.raises(ValueError, match="expected"):
        classification_metrics(true, probabilities, NAMES)


def test_road_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="expected"):
        road_metrics([[0.0, 0.0]], [0.0, 0.0])


def test_honest_probabilities_are_calibrated_and_boastful_ones_are_not():
    random = np.random.RandomState(0)
    prob = random.random_sample(20000)
    happened = random.random_sample(20000) < prob
    curve = reliability(happened, prob, 10)
    assert curve["expected_calibration_error"] < 0.02
    assert curve["frequency"] == pytest.approx(curve["probability"], abs=0.05)
    assert sum(curve["count"]) == 20000
    boast = reliability(random.random_sample(1000) < 0.7, np.full(1000, 0.99), 10)
    assert boast["expected_calibration_error"] == pytest.approx(0.29, abs=0.05)
    assert len(boast["count"]) == 1
    strictly_json(boast)


def test_reliability_takes_the_ends_of_the_scale_and_nothing_at_all():
    assert reliability([0, 1], [0.0, 1.0], 5)["expected_calibration_error"] == 0.0
    assert reliability([], [], 5)["expected_calibration_error"] is None


def test_the_table_names_every_number():
    metrics = classification_metrics([0, 0, 0, 1], one_hot([0, 1, 1, 1]), NAMES)
    lines = format_metrics("collision", metrics).splitlines()
    assert lines[1].split()[:3] == ["accuracy", "50.0", "%"]
    assert [line.split() for line in lines[-2:]] == [["blocked", "1", "2"], ["free", "0", "1"]]
    road = format_metrics("road", road_metrics([[0.0, 0.0]], [[0.5, 0.25]]))
    assert "56.0 px" in road and "28.0 px" in road and "0.1562" in road


def test_the_table_of_ten_digits_is_aligned():
    digits = [str(i) for i in range(10)]
    metrics = classification_metrics(np.arange(1000) % 10, one_hot(np.arange(1000) % 10, 10), digits)
    assert len({len(line) for line in format_metrics("mnist", metrics).splitlines()[-11:]}) == 1


def test_the_words_say_what_else_the_score_could_be_and_how_many_frames_would_tell():
    # 41 of 48 right: Wilson's 0.729 to 0.928 for each class apart is wider, both together 0.73 to 0.93
    metrics = classification_metrics([0] * 24 + [1] * 24, one_hot([0] * 20 + [1] * 24 + [0] * 3 + [1]), NAMES)
    words = meaning_in_words("collision", metrics)
    assert words.startswith("48 frames: the balanced accuracy could as well be 0.")
    assert "points you need about" in words and words in format_metrics("collision", metrics)
    many = classification_metrics([0, 1] * 500, one_hot([0, 1] * 500), NAMES)
    assert "points or better" in meaning_in_words("collision", many)
    error = np.array([[0.0, 0.0], [0.5, 0.25]] * 10)
    words = meaning_in_words("road", road_metrics(np.zeros((20, 2)), error))
    # 0 and 56 px: s = 28.7, half-width 1.96 * 28.7 / sqrt(20) = 12.6 px, so 20 * (12.6 / 2)^2 = 793 for 2 px
    assert "15.4 or 40.6 px" in words and "about 800 frames" in words


def test_every_score_has_its_interval():
    metrics = classification_metrics([0, 0, 0, 1], one_hot([0, 1, 1, 1]), NAMES)
    assert metrics["recall_interval"][1][1] == 1.0 and metrics["recall_interval"][0][0] < 1 / 3
    road = road_metrics(np.zeros((50, 2)), np.random.RandomState(0).normal(size=(50, 2)))
    assert road["mse_interval"][0] < road["mse"] < road["mse_interval"][1]


def test_the_calibration_error_is_a_score_of_its_own_and_chance_is_told_from_it():
    random = np.random.RandomState(0)
    prob = random.random_sample(60)
    true = (random.random_sample(60) > prob).astype(int)  # class 0 comes true with prob: honest, but few frames
    metrics = classification_metrics(true, np.stack([prob, 1 - prob], axis=1), NAMES)
    by_chance = metrics["calibration_error_by_chance"]
    assert metrics["expected_calibration_error"] == pytest.approx(by_chance, rel=0.4) and by_chance > 0.08
    boast = classification_metrics(true, one_hot(np.where(random.random_sample(60) < 0.7, true, 1 - true)), NAMES)
    assert boast["expected_calibration_error"] > 0.2 and boast["calibration_error_by_chance"] == 0.0


def test_ten_digits_are_calibrated_by_the_probability_of_the_answer():
    digits = [str(i) for i in range(10)]
    wrong = np.full((10, 10), 0.02) + 0.8 * np.eye(10)[(np.arange(10) + 1) % 10]
    metrics = classification_metrics(np.arange(10), wrong, digits)
    assert metrics["expected_calibration_error"] == pytest.approx(0.82)
