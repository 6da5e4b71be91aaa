"""Which numbers are in a road frame's name?"""
import numpy as np
import pytest

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.road_names import decide_xy, is_road_name, parse_road_name, target_of


def decide(points, width_px=224):
    return decide_xy(points, [width_px] * len(points), "set")


def test_official_names_are_read():
    assert parse_road_name("xy_032_050_551114e2-f573-11ec-b631-16f63a1aa8c9.jpg") == (32, 50)
    assert parse_road_name("XY_5_1234_a.b.PNG") == (5, 1234)
    assert parse_road_name("xy_000_7.jpeg") == (0, 7)


@pytest.mark.parametrize("name", ["xy_-12_050_a.jpg", "xy_a_b_c.jpg", "xy_12.jpg", "xy_1.5_20_a.jpg",
                                  "xy__1_2.jpg",
                                  "xy_%s_1_a.jpg" % ("9" * 5000), "xy_\u0661_\u0662_a.jpg", "xy_12_34x.jpg"])
def test_names_without_two_whole_numbers_are_refused(name):
    assert is_road_name(name)
    with pytest.raises(DatasetError, match="xy_<x>_<y>_<uuid> with whole numbers.*pixels or percent.*rename"):
        parse_road_name(name)


def test_a_number_above_100_means_pixels():
    assert decide([(20 * i, 90) for i in range(11)]) == "pixel"
    assert decide([(101, 50)]) == "pixel"
    assert decide([(50, 101)]) == "pixel"


def test_pixel_folders_are_recognised_however_high_the_road_lies():
    random_state = np.random.RandomState(0)
    for n in (30, 60, 300):
        for lowest in (75, 100, 112):  # 75 to 120: as in a real folder, with a camera that looks down
            ys = random_state.randint(lowest, 120 if lowest == 75 else 224, n)
            assert decide(list(zip(random_state.randint(0, 224, n), ys))) == "pixel"


def test_many_spread_numbers_up_to_100_mean_percent():
    assert decide([(10 * i, 70) for i in range(11)]) == "percent"
    assert decide([(30 + 4 * i, 50) for i in range(15)]) == "percent"


@pytest.mark.parametrize("points", [
    [(50, 70)], [(0, 70), (100, 70)],  # too few
    [(48 + i % 4, 60) for i in range(300)],  # a straight road in percent, or a left lane in pixels
    [(i % 101, 60) for i in range(300)] + [(150, 60)],  # one slip of the pen among percents
    [(20 * i, 120) for i in range(10)] + [(2 * i, 40 + i) for i in range(40)],  # a fifth pixels
    [(3 * i, 105 + i) for i in range(60)] + [(2 * i, 40 + i) for i in range(40)],  # three fifths pixels
    [(3 * i, 80 + i % 40) for i in range(70)] + [(i, 50) for i in range(30)],  # and their road lies high
])
def test_an_undecidable_folder_asks_and_names_what_it_found(points):
    with pytest.raises(DatasetError) as error:
        decide(points)
    xs = [x for x, _ in points]
    for part in ("--xy pixel or --xy percent, or split the folder", "set", "x %d..%d" % (min(xs), max(xs))):
        assert part in str(error.value)


def test_small_pictures_up_to_100_pixels_wide_ask():
    with pytest.raises(DatasetError, match="--xy"):
        decide([(9 * i, 70) for i in range(11)], width_px=100)


def test_targets_follow_the_official_formulas():
    assert target_of((0, 224), "pixel", 224, 224) == (-1.0, 1.0)
    assert target_of((112, 56), "pixel", 224, 224) == (0.0, -0.5)
    assert target_of((480, 120), "pixel", 640, 480) == (0.5, -0.5)
    assert target_of((50, 100), "percent", 640, 480) == (0.0, 1.0)
    assert target_of((25, 0), "percent", 224, 224) == (-0.5, -1.0)


@pytest.mark.parametrize("point,xy", [((225, 0), "pixel"), ((0, 225), "pixel"), ((101, 0), "percent")])
def test_targets_outside_of_the_picture_are_refused(point, xy):
    with pytest.raises(DatasetError, match="outside"):
        target_of(point, xy, 224, 224)
