import numpy as np
from synthetic import collision_dataset, road_dataset

from jetbot_mlp import nearest_neighbour as module
from jetbot_mlp.nearest_neighbour import nearest_answers


def test_every_known_frame_finds_itself(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 7)  # several chunks, the last one short
    data = road_dataset(30)
    np.testing.assert_array_equal(nearest_answers(data.images, data.targets, data.images), data.targets)


def test_the_answer_is_the_label_of_the_most_similar_grey_picture():
    data = collision_dataset(40)
    noisy = np.clip(data.images.astype(int) + np.random.RandomState(1).randint(-3, 4, data.images.shape), 0, 255)
    answers = nearest_answers(data.images, data.targets, noisy.astype(np.uint8)[::-1], n_classes=2)
    np.testing.assert_array_equal(answers, np.eye(2)[data.targets[::-1]])


def test_a_tie_goes_to_the_first():
    images = np.repeat(collision_dataset(2).images[:1], 2, axis=0)
    np.testing.assert_array_equal(nearest_answers(images, np.array([1, 0]), images, n_classes=2), [[0, 1]] * 2)
