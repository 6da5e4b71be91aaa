import pytest
from synthetic import alike, collision_dataset, road_dataset

from jetbot_mlp import train_frames as module
from jetbot_mlp.augment import augment
from jetbot_mlp.errors import DatasetError, JetbotMLPError
from jetbot_mlp.evaluation import evaluate
from jetbot_mlp.features import extract
from jetbot_mlp.splits import split
from jetbot_mlp.train_frames import RECIPES, train_frames

QUICK = {task: recipe._replace(epochs=12) for task, recipe in RECIPES.items()}
SHORTEST = RECIPES["collision"]._replace(hidden=(4,), epochs=3)


def test_blocked_and_free_are_learnt():
    trained = train_frames(collision_dataset(), QUICK["collision"])
    assert trained.evaluation.metrics["balanced_accuracy"] > 0.9
    assert trained.model.classes == ("blocked", "free")


def test_the_road_target_is_learnt():
    trained = train_frames(road_dataset(200), QUICK["road"]._replace(epochs=60))
    assert trained.evaluation.metrics["mae_x_px"] < 30  # a guess of the middle is off by 45 px


def test_the_same_seed_gives_the_same_model():
    first, again, other = (train_frames(collision_dataset(), QUICK["collision"], random_state=seed)
                           .model.network.weights_[0] for seed in (3, 3, 4))
    assert alike(first, again) and not alike(first, other)


def test_held_out_frames_never_reach_the_training(monkeypatch):
    dataset = collision_dataset()
    seen = []

    def spy(images, targets, *args, **kwargs):
        seen.append(images)
        return augment(images, targets, *args, **kwargs)

    monkeypatch.setattr(module, "augment", spy)
    trained = train_frames(dataset, QUICK["collision"])
    trained_on = {image.tobytes() for images in seen for image in images}
    held_out = {image.tobytes() for image in trained.evaluation.images}
    assert len(held_out) == 16 and trained_on and not held_out & trained_on


def test_standardisation_knows_only_the_training_part(monkeypatch):
    dataset = collision_dataset()
    seen = []

    def spy(images, spec):
        seen.append({image.tobytes() for image in images})
        return extract(images, spec)

    monkeypatch.setattr(module, "extract", spy)
    trained = train_frames(dataset, QUICK["collision"])
    assert not seen[0] & {image.tobytes() for image in trained.evaluation.images}


def test_large_sets_are_prepared_in_chunks_and_learn_the_same_things(monkeypatch):
    monkeypatch.setattr(module, "CACHE_BYTES", 0)
    monkeypatch.setattr(module, "CHUNK", 16)
    monkeypatch.setattr(module, "LEARNT_TWICE_UP_TO", 10)
    trained = train_frames(collision_dataset(), QUICK["collision"])
    assert trained.evaluation.metrics["balanced_accuracy"] > 0.9


@pytest.mark.parametrize("twice_up_to, times", [(1000, 5 + 3), (10, 1)])
def test_few_frames_are_learnt_twice_many_once(monkeypatch, twice_up_to, times):
    monkeypatch.setattr(module, "LEARNT_TWICE_UP_TO", twice_up_to)
    titles = []
    train_frames(collision_dataset(), QUICK["collision"]._replace(epochs=2),
                 progress=lambda items, total, desc: titles.append(desc) or items)
    assert len(titles) == times


def test_nothing_held_out_means_no_score():
    trained = train_frames(collision_dataset(40), QUICK["collision"], held_out="none")
    assert trained.evaluation is None and trained.model.training["held_out"] is None


def test_a_handful_of_frames_still_trains():
    trained = train_frames(collision_dataset(8), QUICK["collision"])
    assert trained.evaluation.metrics["samples"] == 2


def test_frames_of_another_task_are_refused():
    trained = train_frames(collision_dataset(20), QUICK["collision"]._replace(epochs=1))
    with pytest.raises(DatasetError, match="road"):
        evaluate(trained.model, road_dataset(5))


def ctrl_c_in(monkeypatch, training):
    """Press Ctrl-C in the given training (1: the first), after its second epoch."""
    count = [0]

    def progress(items, total, desc):
        count[0] += 1
        for number, item in enumerate(items):
            if count[0] == training and number == 2:
                raise KeyboardInterrupt
            yield item

    return progress


@pytest.mark.parametrize("training, averaged", [(1, 1), (3, 2), (6, 5), (8, 2)])
def test_ctrl_c_keeps_what_is_whole(monkeypatch, training, averaged):
    recipe = QUICK["collision"]._replace(hidden=(4,), epochs=4)
    trained = train_frames(collision_dataset(), recipe, progress=ctrl_c_in(monkeypatch, training))
    assert trained.interrupted and trained.model.network.layer_sizes[1] == 4 * averaged
    assert trained.evaluation is not None


def test_certainty_is_tempered_by_frames_that_were_not_learnt(monkeypatch):
    asked = []
    monkeypatch.setattr(module, "fit_temperature", lambda logits, labels: asked.append((logits, labels)) or 4.0)
    dataset = collision_dataset()
    warm = train_frames(dataset, QUICK["collision"])
    monkeypatch.setattr(module, "fit_temperature", lambda logits, labels: 1.0)
    plain = train_frames(dataset, QUICK["collision"])
    (logits, labels), = asked
    assert len(logits) == len(labels) == warm.model.training["trained_on"]  # every training frame, once
    sure = [abs(t.model.outputs(dataset.images)[:, 0] - 0.5).mean() for t in (warm, plain)]
    assert sure[0] < 0.7 * sure[1]


def test_a_mirrored_frame_gets_the_mirrored_answer_unless_the_track_has_a_side():
    dataset = road_dataset(100)
    images, mirrored = dataset.images[:5], dataset.images[:5, :, ::-1].copy()
    for mirror in (True, False):
        model = train_frames(dataset, QUICK["road"]._replace(mirror=mirror, epochs=4)).model
        x, other = model.outputs(images)[:, 0], model.outputs(mirrored)[:, 0]
        assert model.mirrored == mirror
        assert (abs(x + other).max() < 0.02) == mirror


def test_the_saved_numbers_are_those_that_were_scored():
    model = train_frames(collision_dataset(), QUICK["collision"]).model
    for parameter in model.network.parameters():
        assert (parameter == parameter.astype("float16")).all()


def test_whoever_watches_sees_every_network_learn():
    seen = []
    train_frames(collision_dataset(), SHORTEST, watch=lambda now: seen.append(
        (now.title, now.share, len(now.history.epoch), len(now.history.validation_loss))))
    assert len(seen) == 8 * 3  # five watched, three from all
    assert seen[0] == ("learning, watched, 1 of 5", 1 / 24, 1, 1) and seen[-1][1:] == (1.0, 3, 0)


def test_what_the_watcher_raises_ends_the_training():
    def no_more(now):
        raise RuntimeError("cancelled")

    with pytest.raises(RuntimeError, match="cancelled"):
        train_frames(collision_dataset(), SHORTEST, watch=no_more)


def test_the_quick_recipe_trains_two_networks():
    titles = set()
    train_frames(collision_dataset(), module.QUICK["collision"]._replace(epochs=2),
                 watch=lambda now: titles.add(now.title))
    assert titles == {"learning, watched, 1 of 1", "learning, from all, 1 of 1"}


def test_a_split_may_be_made_elsewhere():
    dataset = collision_dataset()
    parts = split(dataset, "random", random_state=5)
    trained = train_frames(dataset, SHORTEST, held_out=parts)
    assert list(trained.learnt) == list(parts.train)
    assert trained.evaluation.names == [dataset.names[i] for i in parts.held_out]


def test_learning_on_begins_where_the_old_weights_are():
    dataset = collision_dataset()
    old = train_frames(dataset, QUICK["collision"]).model
    still = QUICK["collision"]._replace(learning_rate=1e-9, members=1, epochs=1)
    same = train_frames(dataset, still, start=old).model
    assert abs(same.outputs(dataset.images) - old.outputs(dataset.images)).max() < 0.01
    anew = train_frames(dataset, still).model
    assert abs(anew.outputs(dataset.images) - old.outputs(dataset.images)).max() > 0.1


def test_another_kind_of_network_is_no_start():
    model = train_frames(collision_dataset(), SHORTEST).model
    with pytest.raises(JetbotMLPError, match="train anew"):
        train_frames(collision_dataset(), SHORTEST._replace(hidden_activation="tanh"), start=model)


def test_too_few_frames_to_watch_name_the_class_and_no_option_that_training_has_not():
    trained = train_frames(collision_dataset(8), SHORTEST._replace(members=1))
    note, = [note for note in trained.notes if note.startswith("nothing of the training was watched")]
    assert "blocked frames; collect more of them" in note and "fewer" not in note
