import numpy as np
import pytest
import traitlets

from jetbot_mlp.messages import Frame
from jetbot_mlp.recent_frames import RecentFrames


class Camera(traitlets.HasTraits):
    value = traitlets.Any()


def picture(level):
    return np.full((4, 4, 3), level, np.uint8)


def filled(seconds=1.0, rate_hz=10.0, n=90, fps=30.0):
    recent = RecentFrames(seconds, rate_hz)
    for i in range(n):
        recent.add(picture(i), i / fps)
    return recent


def test_it_holds_the_last_second_and_no_more():
    frames = filled().frames()
    assert frames[-1].stamp - frames[0].stamp <= 1.0
    assert frames[-1].image[0, 0, 0] >= 87 and len(frames) in (10, 11)
    assert [frame.stamp for frame in frames] == sorted(frame.stamp for frame in frames)


def test_neighbours_are_thinned_out():
    stamps = [frame.stamp for frame in filled(rate_hz=5.0).frames()]
    assert np.diff(stamps).min() > 0.19


def test_frames_are_copies():
    recent, image = RecentFrames(), picture(7)
    recent.add(image, 0.0)
    image[...] = 0
    assert recent.frames()[0].image[0, 0, 0] == 7


def test_after_a_pause_old_frames_are_not_of_the_last_second():
    recent = filled()
    recent.add(picture(200), 60.0)
    assert [frame.image[0, 0, 0] for frame in recent.frames()] == [200]


def test_it_watches_a_camera_until_it_no_longer_does():
    times = iter(np.arange(0.0, 10.0, 0.2))
    camera, recent = Camera(), RecentFrames(clock=lambda: next(times))
    recent.watch(camera)
    camera.value = picture(1)
    camera.value = None
    camera.value = picture(2)
    recent.unwatch()
    camera.value = picture(3)
    assert [frame.image[0, 0, 0] for frame in recent.frames()] == [1, 2]


def test_a_driver_feeds_it():
    class Step:
        frame = Frame(picture(9), 4.5, 0)

    recent = RecentFrames()
    recent.on_step(Step)
    assert recent.frames()[0].stamp == 4.5
    recent.clear()
    assert recent.frames() == []


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="above 0"):
        RecentFrames(seconds=0)
