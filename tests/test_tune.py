import numpy as np
import pytest
from synthetic import collision_dataset

from jetbot_mlp import tune as module
from jetbot_mlp.crossvalidate import FoldAnswers
from jetbot_mlp.train_frames import RECIPES
from jetbot_mlp.tune import Trial, Tuning, difference, fingerprint, settings_of, tune
from jetbot_mlp.tune_table import format_tuning, verdict

QUICK = RECIPES["collision"]._replace(epochs=2, steps=4, hidden=(8,))


@pytest.fixture
def imitated(monkeypatch):
    """Trainings are imitated: balanced accuracy grows with dropout -> list of (frames tested, recipe)."""
    calls = []

    def answer(dataset, train, held_out, recipe, random_state, nearest):
        calls.append((frozenset(dataset.names[i] for i in held_out), recipe))
        interval = [0.1, 0.9]
        return FoldAnswers({"balanced_accuracy": 0.5 + recipe.dropout, "balanced_accuracy_interval": interval,
                            "seconds": 1.0}, None, None)

    monkeypatch.setattr(module, "answer_fold", answer)
    return calls


def test_the_best_is_found_and_judged_with_the_default_on_frames_no_trial_saw(imitated):
    data = collision_dataset(60)
    found = tune([data], QUICK, n_trials=8, n_blocks=3, jobs=1)
    best = max(trial.settings.get("dropout", QUICK.dropout) for trial in found.ranking)
    assert found.ranking[0].settings["dropout"] == best and sorted(found.final) == sorted({0, found.ranking[0].number})
    assert imitated[0][1] == QUICK and len(imitated) == 8 * 3 + 2
    in_trials = frozenset().union(*[names for names, _ in imitated[:24]])
    assert all(names.isdisjoint(in_trials) for names, _ in imitated[24:])
    assert imitated[24][0] == frozenset(data.names[-12:])


def test_trials_already_done_are_not_done_again(imitated):
    told = []
    done = {0: ([0.1, 0.2], 1.0), 2: ([0.99, 0.99], 1.0)}
    found = tune([collision_dataset(60)], QUICK, n_trials=4, n_blocks=2, jobs=1, done=done, finished=told.append)
    assert [trial.number for trial in told] == [1, 3] and all(trial.seconds == 2 for trial in told)
    assert found.ranking[0].number == 2 and found.ranking[-1].scores == [0.1, 0.2]


def test_more_trials_begin_with_the_same_ones_and_trial_0_is_the_default():
    assert settings_of("collision", 0, 5) == {}
    assert settings_of("collision", 3, 5) == settings_of("collision", 3, 5) != settings_of("collision", 4, 5)
    assert "label_smoothing" not in settings_of("road", 1, 0)
    assert all(set(settings_of(task, 1, 0)) <= set(RECIPES[task]._fields) for task in RECIPES)


def test_a_real_trial_is_trained(monkeypatch):
    monkeypatch.setattr(module, "SETTINGS", {"hidden": ((4,),), "steps": (4,)})
    found = tune([collision_dataset(40)], QUICK, n_trials=2, n_blocks=2, jobs=1)
    assert all(0 <= score <= 1 for trial in found.ranking for score in trial.scores)
    assert all(metrics["samples"] == 8 for parts in found.final.values() for metrics in parts)


def test_the_interval_of_a_difference_counts_the_overlap_of_the_trainings():
    gain, half = difference(Trial(1, {}, [0.6, 0.8, 0.7, 0.9, 0.5], 1.0), Trial(0, {}, [0.5] * 5, 1.0), 5)
    # by hand: s^2 = 0.025, times 1/5 + 1/4; t(4 degrees of freedom, 97.5 %) = 2.776, by the expansion 2.73
    assert gain == pytest.approx(0.2) and half == pytest.approx(2.776 * np.sqrt(0.025 * 0.45), rel=0.02)
    assert difference(Trial(1, {}, [0.5, 0.6], 1.0), Trial(0, {}, [0.4, 0.5], 1.0), 2)[1] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("scores, words", [([0.9, 0.5, 0.9], "no reason to leave"), ([0.9, 0.91, 0.92], "partly luck")])
def test_a_gain_within_the_scatter_of_the_folds_is_called_so(scores, words):
    settings = settings_of("collision", 1, 0)
    tuning = Tuning([Trial(1, settings, scores, 1.0), Trial(0, {}, [0.7, 0.71, 0.7], 1.0)],
                    {n: [{"balanced_accuracy": 0.7, "balanced_accuracy_interval": [0.6, 0.8]}] for n in (0, 1)})
    assert words in verdict("collision", tuning, 3)
    text = format_tuning("collision", tuning, QUICK, ["frames"], 3)
    assert "(the default)" in text and "too good" in text and "70.0 (60.0 to 80.0)" in text


def test_road_is_better_when_it_is_less_off():
    tuning = Tuning([Trial(1, {}, [5.0, 6.0], 1.0), Trial(0, {}, [15.0, 16.0], 1.0)], {})
    assert "better than the default (place 2 of 2) by 10.0" in verdict("road", tuning, 2)


def test_other_frames_recipes_folds_and_seeds_are_another_search():
    data = collision_dataset(20)
    others = [fingerprint([data], QUICK, 3, 0), fingerprint([data.subset(range(10))], QUICK, 3, 0),
              fingerprint([data], QUICK._replace(steps=5), 3, 0), fingerprint([data], QUICK, 4, 0),
              fingerprint([data], QUICK, 3, 1)]
    assert len(set(others)) == 5 and others[0] == fingerprint([collision_dataset(20)], QUICK, 3, 0)
