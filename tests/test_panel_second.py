import numpy as np
import pytest

pytest.importorskip("ipywidgets")

from jetbot_mlp.messages import Frame, RoadPrediction  # noqa: E402
from jetbot_mlp.panel_second import FrozenSecond, between  # noqa: E402


def frames(n, side=224):
    random_state = np.random.RandomState(0)
    return [Frame(random_state.randint(0, 255, (side, side, 3)).astype(np.uint8), 0.1 * i, i) for i in range(n)]


def straight(frame):
    return RoadPrediction(0.0, -0.25, frame.stamp)


@pytest.fixture
def second():
    changes = []
    made = FrozenSecond(lambda: changes.append(1), "sliders")
    made.changes = changes
    return made


def test_it_begins_where_the_network_pointed_and_nothing_counts_as_clicked(second):
    second.show(frames(5), straight)
    assert [(click.x.value, click.y.value) for click in second.clicks] == [(112, 84)] * 2
    assert second.labelled() == [] and second.changes == [] and second.box.layout.display is None


def test_a_click_draws_the_target_and_tells(second):
    second.show(frames(5), straight)
    before = second.clicks[1].picture.value
    second.clicks[1].point_at(200, 100)
    assert second.changes and second.clicks[1].picture.value != before
    second.hide()
    assert second.labelled() == [] and second.box.layout.display == "none"


def test_pictures_of_another_size_are_drawn_on_in_proportion(second):
    second.show(frames(3, 448), straight)
    second.clicks[1].point_at(200, 100)
    assert [label for _, label in second.labelled()] == [(200, 100)] * 3


def test_without_anything_frozen_a_click_does_nothing(second):
    second.clicks[0].point_at(10, 10)
    assert second.changes == [] and second.labelled() == []


def test_between_goes_by_the_clock_not_by_the_number():
    assert between((0, 0), (100, 50), [5.0, 5.1, 6.0]) == [(0, 0), pytest.approx((10, 5)), (100, 50)]
    assert between((0, 0), (100, 50), [5.0]) == [(100, 50)]
