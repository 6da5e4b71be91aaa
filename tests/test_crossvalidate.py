import functools
import json
import warnings

import numpy as np
import pytest
from synthetic import collision_dataset, road_dataset

from jetbot_mlp import crossvalidate as module
from jetbot_mlp.crossvalidate import cross_validate, mean_of_summaries, metrics_of, out_of_fold, summarise
from jetbot_mlp.parallel import can_share_out
from jetbot_mlp.splits import random_draws, sources_left_out, time_blocks
from jetbot_mlp.train_frames import RECIPES

QUICK = {task: recipe._replace(epochs=3, steps=10, hidden=(8,)) for task, recipe in RECIPES.items()}


@functools.lru_cache(maxsize=None)
def done(task):
    """(dataset, folds, CrossValidation in this process)."""
    dataset = collision_dataset(50) if task == "collision" else road_dataset(50)
    folds = time_blocks(dataset, 3)
    return dataset, folds, out_of_fold(dataset, folds, QUICK[task], jobs=1, nearest=True)


@pytest.mark.parametrize("task", ["collision", "road"])
def test_blocks_give_one_answer_for_each_frame_in_the_datasets_order(task):
    dataset, folds, found = done(task)
    assert found.names == dataset.names and found.frames.tolist() == list(range(50))
    np.testing.assert_array_equal(found.expected, dataset.targets)
    assert found.predicted.shape == found.nearest.shape == (50, 2)
    for number, (_, held_out) in enumerate(folds):
        assert sorted(held_out) == np.flatnonzero(found.fold == number).tolist()
        mine = metrics_of(task, found.expected[held_out], found.predicted[held_out])
        for name in module.SCORES[task]:
            assert found.folds[number][name] == pytest.approx(mine[name])


def test_a_network_is_never_trained_on_what_it_answers(monkeypatch):
    dataset = collision_dataset(50)
    folds, seen = time_blocks(dataset, 3), []

    def spy(training, recipe, held_out, random_state):
        seen.append((set(training.names), held_out, random_state))
        return train(training, recipe, held_out, random_state)

    train = module.train_frames
    monkeypatch.setattr(module, "train_frames", spy)
    found = out_of_fold(dataset, folds, QUICK["collision"], random_state=7, jobs=1)
    for number, (names, held_out, random_state) in enumerate(seen):
        assert held_out == "none" and random_state == 7
        assert names and names.isdisjoint(np.array(found.names)[found.fold == number])
    assert len(seen) == 3 and found.nearest is None and summarise(found)["nearest"] is None


def test_draws_may_answer_a_frame_twice_or_never():
    dataset = collision_dataset(100)
    found = out_of_fold(dataset, random_draws(dataset, 2, 1), QUICK["collision"], jobs=1)
    assert len(found.names) == 100 and np.all(np.diff(found.frames) >= 0)
    result = summarise(found)
    assert result["frames"] < 100 and result["pooled"]["samples"] == 100


@pytest.mark.parametrize("task, worst", [("collision", min), ("road", max)])
def test_the_summary_is_the_folds_scores_and_can_be_json(task, worst):
    _, _, found = done(task)
    result = json.loads(json.dumps(summarise(found), allow_nan=False))
    name = module.SCORES[task][0]
    scores = [fold[name] for fold in result["folds"]]
    assert result["mean"][name] == pytest.approx(sum(scores) / 3) and result["worst"][name] == worst(scores)
    assert result["pooled"]["samples"] == 50 and result["seconds"] > 0
    assert all(fold["trained_on"] < 50 - fold["samples"] + 1 for fold in result["folds"])
    if task == "collision":
        assert 0 <= result["pooled"]["expected_calibration_error"] <= 1
        assert result["pooled"]["balanced_accuracy_interval"][0] < result["pooled"]["balanced_accuracy"]
    else:
        assert result["ratio"] == pytest.approx(result["mean"]["mae_x_px"] / result["nearest"]["mean"]["mae_x_px"])


def test_sets_count_the_same_in_the_mean_whatever_their_size():
    made = [{"mean": {"mae_x_px": x, "mae_y_px": 1.0, "mse": 0.1}, "nearest": {"mean": {
        "mae_x_px": 10.0, "mae_y_px": 1.0, "mse": 0.1}}} for x in (4.0, 8.0)]
    result = mean_of_summaries("road", made)
    assert result["mean"]["mae_x_px"] == 6 and result["ratio"] == pytest.approx(0.6)


def test_a_source_is_answered_by_what_the_others_taught():
    dataset = collision_dataset(60)
    dataset.sources = np.repeat([0, 1, 2], 20)
    dataset.source_clocks = ["uuid1"] * 3
    sets = [(dataset, [pair]) for pair in sources_left_out(dataset)]
    found = cross_validate(sets, QUICK["collision"], jobs=1)
    assert [set(dataset.sources[one.frames]) for one in found] == [{0}, {1}, {2}]


def test_ctrl_c_in_a_training_ends_the_cross_validation(monkeypatch):
    train = module.train_frames
    monkeypatch.setattr(module, "train_frames", lambda *args, **keywords: train(*args, **keywords)._replace(
        interrupted=True))
    with pytest.raises(KeyboardInterrupt):
        out_of_fold(collision_dataset(20), time_blocks(collision_dataset(20), 2), QUICK["collision"], jobs=1)


@pytest.mark.skipif(not can_share_out(), reason="no joblib 1.5 or newer: pip install 'jetbot_mlp[laptop]'")
def test_two_processes_give_the_same_answers_as_one():
    dataset, folds, alone = done("collision")
    found = out_of_fold(dataset, folds, QUICK["collision"], jobs=2, nearest=True)
    np.testing.assert_array_equal(found.predicted, alone.predicted)
    np.testing.assert_array_equal(found.nearest, alone.nearest)
    np.testing.assert_array_equal(found.fold, alone.fold)


def test_a_cluster_gives_the_same_answers_as_this_process():
    with warnings.catch_warnings():  # of Dask's own imports
        warnings.simplefilter("ignore")
        distributed = pytest.importorskip("distributed", reason="no Dask: pip install 'jetbot_mlp[cluster]'")
        dataset, folds, alone = done("collision")
        with distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=True,
                                      dashboard_address=None) as cluster:
            found = out_of_fold(dataset, folds, QUICK["collision"], dask=cluster.scheduler_address, nearest=True)
    np.testing.assert_array_equal(found.predicted, alone.predicted)
    np.testing.assert_array_equal(found.nearest, alone.nearest)
