"""Held-out frames never share a moment with training frames."""
import os

import numpy as np
import pytest

from jetbot_mlp.dataset import Dataset, load_dataset
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.splits import GUARD_S, class_weights, random_draws, sources_left_out, split, time_blocks


def made(times_s, targets, sources=None, clocks=("uuid1",), task="collision"):
    n = len(times_s)
    targets = np.asarray(targets, dtype=np.int64 if task == "collision" else np.float32)
    sources = np.zeros(n, dtype=np.int64) if sources is None else np.asarray(sources, dtype=np.int64)
    return Dataset(task, ["f%d" % i for i in range(n)], np.zeros((n, 112, 112, 3), np.uint8), targets,
                   np.asarray(times_s, dtype=np.float64), sources, clocks, [b"%032d" % i for i in range(n)])


def shuffled(n, seed=0):
    return np.random.RandomState(seed).permutation(n)


def closest_s(data, train, held_out):
    return np.abs(data.times_s[train][:, None] - data.times_s[held_out][None]).min()


def test_the_last_frames_of_each_class_are_held_out_whatever_their_order():
    order = shuffled(100)
    data = made(3.0 * order, order >= 60)  # 60 blocked first, then 40 free
    train, held_out, note = split(data, "time", 0.2)
    assert sorted(order[held_out]) == list(range(48, 60)) + list(range(92, 100))
    assert sorted(np.concatenate([train, held_out])) == list(range(100))
    assert "20 %" in note and "uuid1" in note


def test_alternating_classes_keep_a_distance_from_held_out_frames_of_the_other_class():
    # blocked over 100 s; free, half a second later each, only in the first half
    blocked, free = 2.0 * np.arange(50), 2.0 * np.arange(25) + 0.5
    data = made(np.concatenate([blocked, free]), [0] * 50 + [1] * 25)
    train, held_out, note = split(data, "time", 0.2)
    assert set(held_out) == set(range(40, 50)) | set(range(70, 75))
    assert set(range(50)) - set(train) - set(held_out) == set(range(20, 25))  # 0.5 s before free ones
    assert closest_s(data, train, held_out) >= GUARD_S and "5 training frames" in note


def test_each_source_gives_its_own_last_frames():
    data = made(list(range(0, 100, 2)) * 2, np.arange(100) % 2, [0] * 50 + [1] * 50, ("name", "name"))
    _, held_out, _ = split(data, "time", 0.2)
    assert sorted(held_out) == list(range(40, 50)) + list(range(90, 100))


def test_two_sources_of_one_drive_are_guarded_against_each_other():
    times = np.concatenate([10.0 * np.arange(20), 10.0 * np.arange(20) + 100.3])
    data = made(times, [0.0] * 40, [0] * 20 + [1] * 20, ("uuid1", "uuid1"), "road")
    data.targets = np.zeros((40, 2), np.float32)
    train, held_out, _ = split(data, "time", 0.2)
    assert closest_s(data, train, held_out) >= GUARD_S and len(train) == 28


def test_uuid1_and_modification_time_are_guarded_against_each_other():
    data = made(np.concatenate([10.0 * np.arange(20), 10.0 * np.arange(20) + 100.3]), np.zeros((40, 2)),
                [0] * 20 + [1] * 20, ("uuid1", "modification time"), "road")
    train, held_out, _ = split(data, "time", 0.2)
    assert closest_s(data, train, held_out) > GUARD_S and len(train) == 28
    data.source_clocks, data.times_s[20:] = ["uuid1", "name"], np.arange(20)  # two kinds, not to be compared
    assert len(split(data, "time", 0.2).train) == 30  # 2 neighbours in the order of names, none by uuid1


@pytest.mark.parametrize("step_s,clock,guard_s", [
    (1.0, "modification time", 2.0), (2.0, "modification time", 3.0), (0.25, "modification time", 1.0),
    (1.0, "uuid1", 1.0)])
def test_the_guard_is_as_much_wider_as_the_clock_is_coarse(step_s, clock, guard_s):
    true_s = 0.25 * np.arange(400) + 0.2
    data = made(np.floor(true_s / step_s) * step_s, np.zeros((400, 2)), clocks=(clock,), task="road")
    for train, held_out in [split(data)[:2]] + time_blocks(data, 5):
        assert closest_s(data, train, held_out) > guard_s - 1e-9
        if clock == "modification time":
            assert np.abs(true_s[train][:, None] - true_s[held_out][None]).min() > GUARD_S
    assert "within %g s" % guard_s in split(data).note


def test_in_a_mere_order_the_two_neighbours_of_held_out_frames_are_dropped():
    data = made(np.arange(40), np.zeros((40, 2)), clocks=("name",), task="road")
    train, held_out, note = split(data)
    assert train.tolist() == list(range(30)) and held_out.tolist() == list(range(32, 40))
    assert "by name" in note and "2 training frames within 2 names" in note
    assert [len(pair[0]) for pair in time_blocks(data, 5)] == [30, 28, 28, 28, 30]


def test_in_a_mere_order_the_guard_reaches_across_classes_but_not_across_sources():
    data = made(np.arange(40), np.arange(40) >= 20, clocks=("name",))
    train, held_out, _ = split(data)
    assert held_out.tolist() == [16, 17, 18, 19, 36, 37, 38, 39]
    assert set(range(40)) - set(train) - set(held_out) == {14, 15, 20, 21, 34, 35}
    data = made(list(range(20)) * 2, np.zeros((40, 2)), [0] * 20 + [1] * 20, ("name", "name"), "road")
    assert len(split(data).train) == 28


def test_a_guard_that_would_leave_nothing_is_not_applied_and_says_so():
    data = made(np.arange(20) / 100.0, np.arange(20) % 2)
    train, held_out, note = split(data)
    assert len(train) == 16 and len(held_out) == 4 and "were kept" in note


def test_road_frames_are_one_group():
    order = shuffled(50)
    data = made(5.0 * order, np.zeros((50, 2)), task="road")
    train, held_out, _ = split(data, "time", 0.3)
    assert order[train].max() < order[held_out].min() and len(held_out) == 15


def test_random_is_stratified_and_follows_its_seed():
    data = made(3.0 * np.arange(100), np.arange(100) >= 80)
    first, again, other = (split(data, "random", 0.25, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.held_out, again.held_out)
    assert set(first.held_out) != set(other.held_out)
    assert np.bincount(data.targets[first.held_out]).tolist() == [20, 5]
    assert sorted(np.concatenate([first.train, first.held_out])) == list(range(100))
    assert len(split(data, "random", 0.25, np.random.RandomState(1)).train) == 75


def test_none_holds_nothing_out():
    train, held_out, note = split(made([0.0, 1.0], [0, 1]), "none")
    assert train.tolist() == [0, 1] and held_out.shape == (0,) and held_out.dtype == train.dtype and note


@pytest.mark.parametrize("method", ["time", "random"])
def test_sets_too_small_for_two_parts_say_what_to_do(method):
    for data in (made([0.0, 9.0, 18.0], [0, 0, 1]), made([], []), made([0.0], [1])):
        with pytest.raises(DatasetError, match="among [01] (blocked|free) frames; collect more of them"):
            split(data, method)
    train, held_out, _ = split(made([0.0, 9.0, 18.0, 27.0], [0, 0, 1, 1]), method)
    assert len(train) == len(held_out) == 2


def test_a_class_with_one_frame_in_each_source_is_too_small_but_a_set_of_one_class_is_not():
    with pytest.raises(DatasetError, match="among 2 free frames"):
        split(made([0, 9, 18, 27, 36, 45], [0, 0, 1, 0, 0, 1], [0, 0, 0, 1, 1, 1], ("uuid1", "uuid1")))
    assert len(split(made([0, 9, 18], [1, 1, 1])).held_out) == 1


@pytest.mark.parametrize("method,fraction", [("Time", 0.2), ("time", 0.0), ("time", 1.0), ("random", -1),
                                             ("time", np.nan)])
def test_wrong_arguments_are_programming_errors(method, fraction):
    with pytest.raises(ValueError):
        split(made([0, 9], [0, 1]), method, fraction)


def test_blocks_hold_every_frame_out_once_in_contiguous_times():
    order = shuffled(103)
    data = made(3.0 * order, order % 3 == 0)
    pairs = time_blocks(data, 5)
    assert sorted(np.concatenate([held for _, held in pairs])) == list(range(103))
    for train, held_out in pairs:
        assert not set(train) & set(held_out)
        assert closest_s(data, train, held_out) >= GUARD_S
        for label in (0, 1):
            mine = np.sort(order[data.targets == label])
            held = np.sort(order[held_out[data.targets[held_out] == label]])
            start = mine.tolist().index(held[0])
            np.testing.assert_array_equal(mine[start:start + len(held)], held)


def test_blocks_are_guarded_on_both_sides():
    data = made(0.4 * np.arange(100), np.zeros((100, 2)), task="road")
    for train, held_out in time_blocks(data, 5):
        assert closest_s(data, train, held_out) >= GUARD_S
    assert len(time_blocks(data, 5)[2][0]) == 76  # two frames lost at each end of a middle block


def test_too_few_frames_for_the_blocks_say_so():
    few = made(9.0 * np.arange(8), [0] * 4 + [1] * 4)
    with pytest.raises(DatasetError, match="among 4 blocked frames; collect more of them, or use fewer blocks than 5"):
        time_blocks(few, 5)
    for data, n_blocks, can_be_fewer in ((few, 5, False), (made([0, 9], [0, 1]), 2, True)):  # fewer than two: none
        with pytest.raises(DatasetError, match="blocked frames; collect more of them$"):
            time_blocks(data, n_blocks, can_be_fewer)
    assert len(time_blocks(made(9.0 * np.arange(8), [0] * 4 + [1] * 4), 4)) == 4
    with pytest.raises(ValueError):
        time_blocks(made([0, 9], [0, 1]), 1)


def test_class_weights_let_every_class_count_the_same():
    targets = np.array([0] * 30 + [1] * 10)
    weights = class_weights(targets, 2)
    assert weights.dtype == np.float32 and weights.shape == (40,)
    assert weights.mean() == pytest.approx(1.0)
    assert weights[targets == 0].sum() == pytest.approx(weights[targets == 1].sum())
    assert class_weights(np.array([1, 1, 1]), 2).tolist() == [1, 1, 1]
    with pytest.raises(ValueError):
        class_weights(np.array([0, 2]), 2)


@pytest.mark.parametrize("task", ["collision", "road"])
def test_real_sets_never_share_a_moment(real_data, task):
    for name in sorted(os.listdir(os.path.join(real_data, task))):
        data = load_dataset(task, os.path.join(real_data, task, name))
        for train, held_out in [split(data)[:2]] + time_blocks(data, 5):
            assert closest_s(data, train, held_out) >= GUARD_S
            assert 0.15 * len(data) < len(held_out) < 0.25 * len(data) and len(train) > 0.7 * len(data)


def test_random_draws_hold_out_as_many_as_the_official_notebooks_and_differ():
    data = made(np.arange(200.0), np.arange(200) % 2)
    pairs = random_draws(data, 3, random_state=4)
    for train, held_out in pairs:
        assert len(held_out) == 50 and sorted(np.concatenate([train, held_out])) == list(range(200))
    assert len({held_out.tobytes() for _, held_out in pairs}) == 3
    again = random_draws(data, 3, random_state=4)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(pairs, again))
    road = made(np.arange(73.0), np.zeros((73, 2)), task="road")
    assert [len(held_out) for _, held_out in random_draws(road, 2)] == [7, 7]


def test_too_few_frames_for_random_draws_are_refused():
    with pytest.raises(DatasetError, match="100 frames.*found 40"):
        random_draws(made(np.arange(40.0), np.arange(40) % 2))


def test_each_source_is_left_out_once_and_the_others_keep_their_distance():
    times = np.concatenate([10.0 * np.arange(20), 10.0 * np.arange(20) + 100.3])
    data = made(times, np.arange(40) % 2, [0] * 20 + [1] * 20, ("uuid1", "uuid1"))
    pairs = sources_left_out(data)
    assert [set(data.sources[held_out]) for _, held_out in pairs] == [{0}, {1}]
    for train, held_out in pairs:
        assert set(data.sources[train]).isdisjoint(data.sources[held_out])
        assert closest_s(data, train, held_out) >= GUARD_S and len(held_out) == 20 and len(train) == 10


def test_leaving_a_source_out_needs_two_with_both_classes():
    with pytest.raises(DatasetError, match="two sources"):
        sources_left_out(made(np.arange(40.0), np.arange(40) % 2))
    with pytest.raises(DatasetError, match="blocked frames in one only"):
        sources_left_out(made(np.arange(40.0), [0, 1] * 10 + [1] * 20, [0] * 20 + [1] * 20, ("uuid1", "uuid1")))


def test_messages_name_the_class():
    with pytest.raises(DatasetError, match="no held-out one among 1 free frames; collect more of them$"):
        split(made(9.0 * np.arange(5), [0, 0, 0, 0, 1]))
    with pytest.raises(DatasetError, match="no held-out one among 1 frames; collect"):
        split(made([0.0], [(0, 0)], task="road"))
