import numpy as np
import pytest

from jetbot_mlp.driver import Driver
from jetbot_mlp.errors import FrameError
from jetbot_mlp.features import shrink
from jetbot_mlp.messages import no_picture
from jetbot_mlp.overlay import draw

GOOD = np.zeros((4, 6, 3), np.uint8)
BAD = [(None, "NoneType"), (GOOD[..., 0], r"uint8 \(4, 6\)"), (GOOD[..., :2], r"uint8 \(4, 6, 2\)"),
       (GOOD.astype(np.float32), "float32"), (GOOD[:0], r"uint8 \(0, 6, 3\)")]


def test_a_cameras_picture_is_one():
    assert no_picture(GOOD) is None


@pytest.mark.parametrize("image, found", BAD)
def test_whoever_takes_pictures_asks_the_same_question(image, found):
    assert no_picture(image) is not None
    with pytest.raises(FrameError, match="found " + found):
        shrink(image)
    with pytest.raises(ValueError, match="found " + found):
        draw(image)
    driver = Driver(lambda frame: None, None, type("Camera", (), {"observe": None, "unobserve": None}), dry_run=True)
    driver.gate.open()
    driver._on_frame({"new": image})
    assert driver.gate.stopped and "expected uint8 (H, W, 3), found" in driver.status().reason
