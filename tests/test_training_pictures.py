import base64

import cv2
import numpy as np
from synthetic import collision_dataset

from jetbot_mlp.evaluation import score
from jetbot_mlp.training_pictures import HELD_OUT, LEARNT, as_html, curves_picture, tiled, worst_pictures


def has_color(picture, color):
    return bool((np.abs(picture.astype(int) - color).max(axis=2) < 12).any())


def test_each_curve_is_drawn_in_its_color():
    picture = curves_picture("loss", [("training", [1.0, 0.5, 0.2], LEARNT), ("held out", [1.1, 0.7, 0.6], HELD_OUT)],
                             width=320, height=200)
    assert picture.shape == (200, 320, 3) and picture.dtype == np.uint8
    assert has_color(picture[40:], LEARNT) and has_color(picture[40:], HELD_OUT)


def test_a_falling_curve_falls():
    picture = curves_picture("loss", [("training", [8.0, 4.0, 0.0], LEARNT)])
    rows, columns = np.nonzero(np.abs(picture[40:].astype(int) - LEARNT).max(axis=2) < 12)
    assert rows[columns == columns.min()].mean() < rows[columns == columns.max()].mean() - 100


def test_gaps_single_epochs_and_nothing_at_all_are_drawn_too():
    for values in ([], [0.5], [0.0, 0.0], [None, 1.0], [float("nan"), 2.0, 1.0], [-1.0, 1.0]):
        assert curves_picture("loss", [("x", values, LEARNT)]).std() > 0


def test_the_worst_frame_comes_first_with_its_label_and_answer():
    dataset = collision_dataset(4)
    answers = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.7, 0.3]], np.float32)
    evaluation = score("collision", ("blocked", "free"), answers, np.array([0, 0, 0, 1]), dataset.names, dataset.images)
    shown = worst_pictures(evaluation, most=2)
    assert [words for _, words in shown] == ["label blocked, P(blocked) 0.20", "label free, P(blocked) 0.70"]
    assert shown[0][0].shape == (224, 224, 3)


def test_a_road_frame_shows_how_far_it_is_off():
    images = np.full((2, 112, 112, 3), 90, np.uint8)
    expected = np.array([[0.0, 0.5], [0.5, 0.5]])
    predicted = np.array([[0.1, 0.5], [-0.5, 0.5]])
    evaluation = score("road", None, predicted, expected, ["a", "b"], images)
    (picture, words), (_, other) = worst_pictures(evaluation)
    assert (words, other) == ("off by 112 px", "off by 11 px")
    assert (picture[160:176, 160:180] != 90).any()  # the label's ring, at the right


def test_tiles_stand_side_by_side():
    one, other = np.zeros((3, 2, 3), np.uint8), np.full((3, 2, 3), 9, np.uint8)
    whole = tiled([one, other, one], columns=2, gap=1)
    assert whole.shape == (7, 5, 3)
    assert (whole[:3, :2] == 0).all() and (whole[:3, 3:] == 9).all() and (whole[4:, 3:] == 255).all()


def test_a_picture_for_a_notebook_keeps_every_pixel_and_has_words():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    tag = as_html(image, "twelve <greys>", 5)
    data = base64.b64decode(tag.partition("base64,")[2].rpartition('"')[0])
    read = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert 'alt="twelve &lt;greys&gt;"' in tag
    np.testing.assert_array_equal(read, image.repeat(5, axis=0).repeat(5, axis=1))
