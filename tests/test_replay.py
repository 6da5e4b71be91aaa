import cv2
import numpy as np
import pytest
from test_inference import model_answering

from jetbot_mlp.driver_status import Step
from jetbot_mlp.errors import DatasetError
from jetbot_mlp.inference import Predictor
from jetbot_mlp.messages import CollisionPrediction, Frame, RoadPrediction, WheelCommand
from jetbot_mlp.overlay import BLUE, ORANGE, RED, YELLOW
from jetbot_mlp.recorder import Recorder
from jetbot_mlp.replay import compared, replay
from jetbot_mlp.video import iter_video

ROAD = Predictor(model_answering("road", None, "linear", [0.5, 0.5]))
FREE = Predictor(model_answering("collision", ("blocked", "free"), "softmax", [0.0, np.log(3.0)]))
GREY = np.full((64, 64, 3), 128, np.uint8)


@pytest.fixture
def drive(tmp_path):
    """A recorded drive of two seconds at 10 frames/s, with both tasks; blocked from half time on."""
    with Recorder(tmp_path / "drive", patient=True) as recorder:
        for sequence in range(20):
            stamp = 100.0 + sequence / 10.0
            predictions = RoadPrediction(-0.5, 0.5, stamp), CollisionPrediction(float(sequence >= 10), stamp)
            recorder(Step(Frame(GREY, stamp, sequence), predictions, WheelCommand(0.1, 0.2, stamp), 0.001))
    return tmp_path / "drive"


def colors_in(picture, colors):
    """Which of the colours are there, give or take what the codec does to them."""
    return [bool((np.abs(picture.astype(int) - color).max(axis=2) < 60).any()) for color in colors]


def test_a_new_model_is_drawn_beside_the_recorded_one_and_compared(drive, tmp_path):
    out = str(tmp_path / "out.avi")
    done = replay(ROAD, str(drive), out)
    assert (done.frames, done.skipped, round(done.frame_rate_hz)) == (20, [], 10)
    assert done.comparison == {"task": "road", "frames": 20, "x_px": 112.0, "y_px": 0.0}
    picture = next(iter_video(out))
    assert colors_in(picture[300:], (BLUE, ORANGE)) == [True, True]  # the arrows; the legend is above
    middle = picture.shape[1] // 2
    assert colors_in(picture[300:, :middle], (BLUE, ORANGE)) == [True, False]  # then it steered left


def test_as_it_was_needs_no_model(drive, tmp_path):
    out = str(tmp_path / "out.avi")
    done = replay(None, str(drive), out)
    assert (done.frames, done.comparison) == (20, None)
    first, last = (list(iter_video(out))[index] for index in (0, -1))
    assert colors_in(first[300:], (YELLOW, BLUE)) == [True, False]
    assert [colors_in(picture[60:400, -15:-5], (RED,)) for picture in (first, last)] == [[False], [True]]


def test_blocked_and_free_are_counted(drive, tmp_path):
    done = replay(FREE, str(drive), str(tmp_path / "out.avi"))
    assert done.comparison == {"task": "collision", "frames": 20, "blocked_differs": 0.5, "prob_blocked": 0.5}


def test_a_task_that_did_not_drive_can_be_drawn_but_not_compared():
    assert compared("collision", []) == {"task": "collision", "frames": 0, "blocked_differs": None,
                                         "prob_blocked": None}


def test_damaged_pictures_and_lines_are_named_and_left_out(drive, tmp_path):
    (drive / "00000003.jpg").write_bytes((drive / "00000003.jpg").read_bytes()[:100])
    (drive / "00000004.jpg").unlink()
    with open(str(drive / "drive.jsonl"), "a") as stream:
        stream.write('{"frame": "000000')
    done = replay(ROAD, str(drive), str(tmp_path / "out.avi"))
    assert done.frames == done.comparison["frames"] == 18
    assert sorted(name for name, _ in done.skipped) == ["00000003.jpg", "00000004.jpg", "drive.jsonl"]


def test_the_frame_rate_is_the_one_asked_for(drive, tmp_path):
    assert replay(None, str(drive), str(tmp_path / "out.avi"), 25).frame_rate_hz == 25


def test_pictures_and_videos_that_are_no_recorded_drive_are_shown_as_before(drive, tmp_path):
    frames, video = tmp_path / "frames", str(tmp_path / "out.avi")
    frames.mkdir()
    for name in "ab":
        cv2.imwrite(str(frames / (name + ".jpg")), GREY)
    done = replay(ROAD, str(frames), video)
    assert (done.frames, done.frame_rate_hz, done.comparison) == (2, 10.0, None)
    assert replay(ROAD, video, str(tmp_path / "again.avi")).frames == 2
    with pytest.raises(DatasetError, match="expected a recorded drive"):
        replay(None, str(frames), video)
    for file in drive.glob("*.jpg"):
        file.unlink()
    with pytest.raises(DatasetError, match="none readable"):
        replay(ROAD, str(drive), str(tmp_path / "none.avi"))
    assert not (tmp_path / "none.avi").exists()
