import glob
import os

import cv2
import numpy as np
import pytest

from jetbot_mlp.frame_quality import BLURRED, FROZEN_S, FrozenWatch, TwinWatch, blur, why_not_to_save

DATA = os.environ.get("JETBOT_MLP_DATA", "")


def textured(seed=0, side=224):
    """A picture with sharp edges of all sizes, a little noise."""
    rs = np.random.RandomState(seed)
    image = np.full((side, side, 3), 120, np.uint8)
    for _ in range(60):
        x, y = (int(v) for v in rs.randint(0, side, 2))
        size = [int(v) for v in rs.randint(4, 60, 2)]
        cv2.rectangle(image, (x, y), (x + size[0], y + size[1]), [int(v) for v in rs.randint(0, 255, 3)], -1)
    return np.clip(image + rs.normal(0, 2, image.shape), 0, 255).astype(np.uint8)


def smeared(image, pixels, down=False):
    return cv2.blur(image, (1, pixels) if down else (pixels, 1))


def test_a_sharp_picture_is_sharp_and_a_smeared_one_blurred_in_either_direction():
    image = textured()
    assert blur(image) < BLURRED
    assert blur(smeared(image, 9)) > BLURRED and blur(smeared(image, 9, down=True)) > BLURRED
    assert blur(cv2.GaussianBlur(image, (0, 0), 3)) > BLURRED


def test_a_bare_wall_is_not_blurred():
    assert blur(np.full((224, 224, 3), 90, np.uint8)) == 0.0
    noise = np.random.RandomState(0).normal(90, 2, (224, 224, 3))
    assert blur(noise.astype(np.uint8)) < BLURRED


def test_what_cannot_be_learnt_from_is_refused_with_a_reason():
    image = textured()
    assert why_not_to_save(image) == ""
    assert "no picture" in why_not_to_save(None)
    assert "no picture" in why_not_to_save(np.zeros((224, 224), np.uint8))
    assert "black" in why_not_to_save(np.zeros((224, 224, 3), np.uint8))
    assert "frozen for 0.7 s" in why_not_to_save(image, 0.7)


def test_a_dark_room_is_not_black():
    assert why_not_to_save(textured() // 8) == ""


def test_a_camera_that_repeats_itself_is_frozen_one_with_noise_is_not():
    now = [0.0]
    watch = FrozenWatch(lambda: now[0])
    watch.look(None)
    assert watch.still_s == 0.0
    rs = np.random.RandomState(0)
    for _ in range(10):  # a still room, seen by a live camera
        watch.look(np.clip(textured() + rs.normal(0, 1, (224, 224, 3)), 0, 255).astype(np.uint8))
        now[0] += 0.2
    assert watch.still_s < FROZEN_S
    for _ in range(5):
        watch.look(textured(1))
        now[0] += 0.2
    assert watch.still_s > FROZEN_S


def test_the_picture_may_be_drawn_on_afterwards():
    now = [0.0]
    watch, image = FrozenWatch(lambda: now[0]), textured()
    watch.look(image)
    image[:] = 0
    now[0] = 1.0
    watch.look(textured())
    assert watch.still_s == 1.0


def test_the_same_view_again_is_a_near_twin_until_that_frame_is_gone():
    twins = TwinWatch()
    assert twins.twin_of(textured()) is None
    twins.add("a.jpg", textured(1))
    twins.add("b.jpg", textured(2))
    again = np.clip(textured(2).astype(int) + 3, 0, 255).astype(np.uint8)
    assert twins.twin_of(again) == "b.jpg" and twins.twin_of(textured(3)) is None
    twins.discard("b.jpg")
    twins.discard("never there")
    assert twins.twin_of(again) is None and twins.names == ("a.jpg",)


def test_only_the_last_ones_are_remembered():
    twins = TwinWatch(most=2)
    for seed in range(3):
        twins.add(str(seed), textured(seed))
    assert twins.twin_of(textured(0)) is None and twins.twin_of(textured(2)) == "2"


@pytest.mark.skipif(not os.path.isdir(DATA), reason="JETBOT_MLP_DATA names no folder of real frames")
def test_real_frames_are_hardly_ever_called_blurred_and_smeared_ones_nearly_always():
    sharp, blurred = [], []
    for path in sorted(glob.glob(os.path.join(DATA, "[cr]o*", "**", "*.jpg"), recursive=True))[::7]:
        image = cv2.imread(path)
        assert why_not_to_save(image) == ""
        sharp.append(blur(image))
        noise = np.random.RandomState(0).normal(0, 1, image.shape)
        blurred.append(blur(np.clip(smeared(image, 9) + noise, 0, 255).astype(np.uint8)))
    assert len(sharp) > 200
    assert np.mean(np.array(sharp) > BLURRED) < 0.01 and np.mean(np.array(blurred) > BLURRED) > 0.95
