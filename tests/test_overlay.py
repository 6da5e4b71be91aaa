import numpy as np
import pytest

from jetbot_mlp.messages import CollisionPrediction, RoadPrediction, WheelCommand
from jetbot_mlp.overlay import BLUE, GREEN, ORANGE, RED, YELLOW, draw, draw_both

NAN, INF = float("nan"), float("inf")
GREY = np.full((224, 224, 3), 128, np.uint8)


def where(picture, color):
    """Rows and columns of the pixels of exactly this colour."""
    return np.nonzero((picture == np.array(color, np.uint8)).all(axis=2))


def test_the_frame_is_not_touched_and_the_picture_is_a_new_one():
    image = GREY.copy()
    image.setflags(write=False)
    picture = draw(image, [RoadPrediction(0.2, 0.1, 0.0)], WheelCommand(0.2, 0.1, 0.0), 0.05, "hello")
    assert picture.shape == image.shape and picture.dtype == np.uint8
    assert not np.shares_memory(picture, image) and (picture != image).any()
    assert (image == 128).all()


def test_nothing_to_say_draws_nothing():
    np.testing.assert_array_equal(draw(GREY), GREY)


@pytest.mark.parametrize("x, y", [(0.0, 0.0), (-0.5, 0.5), (0.8, -0.2)])
def test_the_circle_is_where_the_target_is(x, y):
    rows, columns = where(draw(GREY, [RoadPrediction(x, y, 0.0)]), GREEN)
    assert columns.mean() == pytest.approx((x + 1) / 2 * 223, abs=1.5)
    assert rows.mean() == pytest.approx((y + 1) / 2 * 223, abs=1.5)


@pytest.mark.parametrize("x, side", [(0.5, 1), (-0.5, -1)])
def test_the_arrow_points_to_the_side_that_the_robot_steers_to(x, side):
    columns = where(draw(GREY, [RoadPrediction(x, 0.0, 0.0)]), YELLOW)[1]
    assert len(columns) and side * (columns.mean() - 112) > 5


@pytest.mark.parametrize("probability, color", [(0.25, GREEN), (0.75, RED), (1.0, RED)])
def test_the_bar_is_as_high_as_the_probability_and_red_when_blocked(probability, color):
    rows = np.unique(where(draw(GREY, [CollisionPrediction(probability, 0.0)])[:, -8:], color)[0])
    assert len(rows) == pytest.approx(probability * 224, abs=2) and rows.max() == 223


@pytest.mark.parametrize("left, up", [(0.8, True), (-0.5, False)])
def test_a_wheel_bar_goes_up_for_forward_and_down_for_backward(left, up):
    picture = draw(GREY, command=WheelCommand(left, 0.0, 0.0))
    rows = where(picture[100:, 75:105], (255, 255, 255))[0] + 100
    assert (rows.min() < 160) == up and (rows.max() > 180) != up


def test_every_line_of_text_changes_the_picture():
    pictures = [draw(GREY), draw(GREY, age_s=0.1), draw(GREY, age_s=0.2), draw(GREY, text="no frame")]
    assert len({p.tobytes() for p in pictures}) == len(pictures)


@pytest.mark.parametrize("bad", [NAN, INF, -INF, 1e300])
def test_numbers_that_are_not_finite_are_written_and_do_no_harm(bad):
    both = [RoadPrediction(bad, 0.0, 0.0), CollisionPrediction(bad, 0.0)]
    for picture in (draw(GREY, both, WheelCommand(bad, 0.1, 0.0), bad), draw(GREY, [RoadPrediction(0.0, bad, 0.0)])):
        assert picture.shape == GREY.shape and picture.dtype == np.uint8
        assert np.any(picture[:40] != GREY[:40])  # the words are there


@pytest.mark.parametrize("shape", [(48, 64, 3), (1, 1, 3), (480, 640, 3)])
def test_any_size_and_scale(shape):
    image = np.full(shape, 90, np.uint8)
    both = [RoadPrediction(0.3, 0.2, 0.0), CollisionPrediction(0.7, 0.0)]
    picture = draw(image, both, WheelCommand(0.2, -0.1, 0.0), 0.01, "x", scale=2)
    assert picture.shape == (2 * shape[0], 2 * shape[1], 3)


@pytest.mark.parametrize("image", [None, GREY[..., 0], GREY.astype(float), np.zeros((4, 4, 4), np.uint8)])
def test_what_is_no_frame_is_refused(image):
    with pytest.raises(ValueError, match="expected an uint8"):
        draw(image)

def test_both_predictions_have_their_colour_in_the_legend_and_in_the_picture():
    old, new = CollisionPrediction(1.0, 0.0), CollisionPrediction(0.5, 0.0)
    picture = draw_both(np.full((448, 448, 3), 128, np.uint8), [old], [new], text="stopped: " + "why " * 20)
    rows, columns = where(picture[200:], BLUE)
    assert columns.min() >= 448 - 22 and len(set(rows)) == 248  # the outer bar, to the top
    rows, columns = where(picture[200:], ORANGE)
    assert columns.max() < 448 - 22 and rows.min() >= 20  # the inner bar, to the middle
    for color in (BLUE, ORANGE):  # the words, whose edges are smoothed
        assert (np.abs(picture[:60, :300].astype(int) - color).max(axis=2) < 60).sum() > 20
