"""Pictures of floors and roads."""
import numpy as np
import pytest

from jetbot_mlp import sim_texture, sim_track


@pytest.mark.parametrize("kind", sim_texture.FLOORS)
def test_a_floor_has_the_size_asked_for_and_a_texture(kind):
    floor = sim_texture.floor(np.random.RandomState(1), kind, 900, 300, 0.003)
    assert floor.shape == (900, 300, 3) and floor.dtype == np.uint8
    assert 1 < floor.astype(float).std() < 70 and 20 < floor.mean() < 240


def test_the_background_closes_where_its_ends_meet():
    picture = sim_texture.panorama(np.random.RandomState(3), 224, 660, 112, (90, 90, 90)).astype(int)
    seam = abs(picture[:, 0] - picture[:, -1]).mean()
    steps = abs(np.diff(picture, axis=1)).mean(axis=(0, 2))
    assert seam <= steps.max()


def test_the_printed_road_is_dark_with_a_light_line_in_its_middle():
    track = sim_track.random_track(np.random.RandomState(2))
    ground = np.full((1400, 1400, 3), 200, np.uint8)
    origin = np.array([-2.1, -2.1])
    sim_texture.paint_road(np.random.RandomState(2), ground, track, origin, 0.003)
    left = np.stack([-track.tangents[:, 1], track.tangents[:, 0]], axis=1)

    def grey(offset):
        at = ((track.points + offset * left - origin) / 0.003).astype(int)
        return ground[at[:, 1], at[:, 0]].mean(axis=1)

    assert grey(0.07).mean() < 110 and grey(-0.07).mean() < 110
    assert 0.3 < (grey(0.0) > 150).mean() < 0.7  # dashed
    assert grey(track.half_width_m).mean() > grey(0.07).mean() + 30
