"""What is suspected, in which order, and that the list accuses nobody until a person agrees."""
import numpy as np
import pytest
from synthetic import collision_dataset, road_dataset

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.exclusion import names_to_leave_out
from jetbot_mlp.suspects import contradictions, disagreements, find_suspects, folds_of_groups, list_text


def answers(dataset, sure=0.9):
    """Probabilities (n, 2) that agree with the labels."""
    return np.where(np.arange(2) == dataset.targets[:, None], sure, 1 - sure)


def with_scenes(dataset):
    """The same frames, but each in a place of its own, so that none are near-twins."""
    grounds = np.random.RandomState(1).randint(20, 230, (len(dataset), 4, 4, 3)).astype(np.uint8)
    dataset.images = np.kron(grounds, np.ones((1, 28, 28, 1), np.uint8))
    return dataset


def test_frames_that_a_model_without_them_calls_otherwise_come_first_by_how_sure_it_is():
    dataset = with_scenes(collision_dataset(40))
    predicted = answers(dataset)
    for frame, own in ((7, 0.02), (11, 0.001), (12, 0.4)):
        predicted[frame, dataset.targets[frame]] = own
        predicted[frame, 1 - dataset.targets[frame]] = 1 - own
    found = find_suspects(dataset, predicted)
    assert [suspect.name for suspect in found.listed] == ["made/11.jpg", "made/7.jpg"]  # 12: not as sure as usual
    assert found.listed[0].reason == "labelled free, the model says blocked with 99 %"


def test_a_timid_model_is_measured_by_its_own_timidity():
    expected = np.array([0, 0, 0, 1, 1, 1])
    own = np.array([0.6, 0.6, 0.35, 0.6, 0.6, 0.6])
    predicted = np.where(np.arange(2) == expected[:, None], own[:, None], 1 - own[:, None])
    assert [frame for frame, _ in disagreements("collision", expected, predicted)] == [2]


def test_road_targets_far_outside_of_the_usual_error_are_named_worst_first():
    random = np.random.RandomState(0)
    expected = random.uniform(-0.5, 0.5, (60, 2))
    predicted = expected + random.normal(0, 0.05, (60, 2))
    predicted[5] += [0.5, 0]
    predicted[9] += [0, 0.9]
    found = disagreements("road", expected, predicted)
    assert [frame for frame, _ in found][:2] == [9, 5] and len(found) <= 4
    assert "px away" in found[0][1]


def test_near_twins_that_contradict_each_other_are_both_named():
    dataset = with_scenes(collision_dataset(10))
    dataset.images[3] = dataset.images[6]  # odd frames are free, even ones blocked
    dataset.images[4] = dataset.images[8]
    found = find_suspects(dataset, answers(dataset))
    assert [(s.frame, s.kind, s.twin) for s in found.listed] == [(3, "contradiction", 6), (6, "contradiction", 3),
                                                                 (8, "twin", 4)]
    assert (found.pairs, found.twins, found.different) == (2, 4, 8)


def test_only_what_is_near_itself_is_called_a_twin():
    """0 is near 2 and 2 near 4, but 0 and 4 are two pictures."""
    dataset = with_scenes(collision_dataset(10))
    dataset.images[0] = 100
    dataset.images[2], dataset.images[4] = dataset.images[0], dataset.images[0]
    dataset.images[2, :28, :28] = 114  # log((114 + 16) / (100 + 16)) = 0.114; below 0.15, above half of it
    dataset.images[4, :28, :28] = 130
    found = find_suspects(dataset)
    assert [(s.frame, s.twin) for s in found.listed] == [(2, 0)] and found.different == 9


def test_road_twins_contradict_when_their_targets_lie_far_apart():
    targets = np.array([[0.0, 0.0], [0.1, 0.0], [0.9, 0.0], [0.0, 0.5]])
    found = contradictions("road", targets, [0, 0, 0], [1, 2, 3])
    assert [(i, j) for i, j, _ in found] == [(0, 2), (0, 3)]
    assert found[0][2] == "their targets lie 101 px apart"


def test_a_mirror_image_has_the_mirrored_target_and_the_same_class():
    targets = np.array([[0.6, 0.1], [-0.6, 0.1], [0.6, 0.1]])
    assert [(i, j) for i, j, _ in contradictions("road", targets, [0, 0], [1, 2], np.array([True, True]))] == [(0, 2)]
    road = with_scenes(road_dataset(12))
    road.images[4], road.images[5] = road.images[2][:, ::-1], road.images[3][:, ::-1]
    road.targets[2:6] = [[0.6, 0.1], [0.6, 0.1], [-0.6, 0.1], [0.6, 0.1]]
    found = find_suspects(road)
    assert [(s.frame, s.kind, s.twin) for s in found.listed] == [(3, "contradiction", 5), (5, "contradiction", 3),
                                                                 (4, "twin", 2)]
    assert found.listed[0].reason == "near-twin of made/5.jpg, mirrored, their targets lie 134 px apart"
    assert found.listed[2].reason == "near-twin of made/2.jpg, mirrored"
    assert find_suspects(road, mirror=False).pairs == 0  # a track with a side has no mirror images
    rooms = with_scenes(collision_dataset(12))
    rooms.images[5] = rooms.images[2][:, ::-1]
    assert "mirrored, which has the other label, labelled" in find_suspects(rooms).listed[0].reason


def test_a_parked_robot_gives_true_counts_and_every_contradiction():
    dataset = with_scenes(collision_dataset(400))
    dataset.images[:300] = dataset.images[0]
    dataset.targets = (np.arange(400) >= 200).astype(np.int64)
    found = find_suspects(dataset)
    assert (found.pairs, found.twins, found.different) == (300 * 299 / 2, 300, 101)
    assert {s.frame for s in found.listed if s.kind == "contradiction"} == set(range(300))


def test_mirror_images_are_held_out_together():
    dataset = with_scenes(collision_dataset(60))
    dataset.images[30:] = dataset.images[:30, :, ::-1]
    for _, held_out in folds_of_groups(dataset, 5):
        assert {i for i in held_out if i < 30} == {i - 30 for i in held_out if i >= 30}


def test_a_frame_is_listed_once_and_every_line_is_commented_out_until_a_person_agrees():
    dataset = with_scenes(collision_dataset(20))
    dataset.images[3] = dataset.images[6]
    predicted = answers(dataset)
    predicted[3] = [1.0, 0.0]
    text = list_text(find_suspects(dataset, predicted), ["made"])
    assert all(line.startswith("#") for line in text.splitlines() if line)
    line = next(line for line in text.splitlines() if line.startswith("#made/3.jpg"))
    assert text.count("#made/3.jpg") == 1
    assert names_to_leave_out([line[1:]], dataset.names, ["made"])[0] == {"made/3.jpg"}


def test_nothing_to_suspect_gives_a_list_of_comments_only():
    dataset = with_scenes(collision_dataset(12))
    assert "made/" not in list_text(find_suspects(dataset, answers(dataset)), ["made"]).replace("of made", "")


def test_near_twins_are_held_out_together_and_every_frame_once():
    dataset = with_scenes(collision_dataset(60))
    dataset.images[10:20] = dataset.images[10]
    folds = folds_of_groups(dataset, 5)
    assert sorted(np.concatenate([held_out for _, held_out in folds]).tolist()) == list(range(60))
    for train, held_out in folds:
        assert not set(train) & set(held_out) and len(train) + len(held_out) == 60
        assert set(dataset.targets[train]) == {0, 1}
        assert len(set(range(10, 20)) & set(held_out)) in (0, 10)
    again = folds_of_groups(dataset, 5)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again))


def test_too_few_different_pictures_are_refused():
    dataset = with_scenes(road_dataset(30))
    dataset.images[:] = dataset.images[0]
    with pytest.raises(DatasetError, match="found 1 of the road"):
        folds_of_groups(dataset)
