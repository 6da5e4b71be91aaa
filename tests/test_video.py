"""A video appears whole or not at all, and what was written can be read back."""
import os
import subprocess
import sys

import numpy as np
import pytest

from jetbot_mlp import video
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.video import VideoWriter, iter_video


def frames(count, height=64, width=96):
    """A red square that moves to the right over a grey ground."""
    for i in range(count):
        frame = np.full((height, width, 3), 100, np.uint8)
        frame[16:48, 2 * i:2 * i + 32] = (0, 0, 255)
        yield frame


@pytest.mark.parametrize("ending", [".webm", ".mp4", ".avi", ".WEBM"])
def test_what_was_written_is_read_back_in_order(tmp_path, ending):
    path = tmp_path / ("drive" + ending)
    with VideoWriter(path, 30.0) as out:
        for frame in frames(25):
            out.write(frame)
    read = list(iter_video(path))
    assert len(read) == 25
    for wrote, got in zip(frames(25), read):
        assert got.shape == (64, 96, 3) and got.dtype == np.uint8
        assert np.abs(got.astype(int) - wrote.astype(int)).mean() < 8  # lossy, yet the same picture
    assert os.listdir(str(tmp_path)) == ["drive" + ending]


def test_opencv_prints_nothing_while_it_opens_the_codec(tmp_path, capfd):
    with VideoWriter(tmp_path / "a.webm") as out:
        out.write(next(frames(1)))
    assert list(iter_video(tmp_path / "a.webm"))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError])
def test_an_interrupted_video_leaves_nothing_and_the_old_one_stays(tmp_path, error):
    path = tmp_path / "drive.webm"
    path.write_bytes(b"the old one")
    with pytest.raises(error), VideoWriter(path) as out:
        out.write(next(frames(1)))
        raise error
    assert path.read_bytes() == b"the old one"
    assert os.listdir(str(tmp_path)) == ["drive.webm"]


def test_no_frames_make_no_file(tmp_path):
    with pytest.raises(JetbotMLPError, match="at least one frame"), VideoWriter(tmp_path / "a.webm"):
        pass
    assert os.listdir(str(tmp_path)) == []


def test_a_missing_codec_names_the_remedy_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setitem(video.CODECS, ".webm", "AV01")  # no OpenCV wheel encodes AV1
    path = tmp_path / "a.webm"
    with pytest.raises(JetbotMLPError, match="choose another ending"), VideoWriter(path) as out:
        out.write(next(frames(1)))
    assert os.listdir(str(tmp_path)) == []


def test_a_full_disk_is_noticed_and_told_in_one_message(tmp_path, capfd):
    resource = pytest.importorskip("resource")  # not on Windows
    random, limits = np.random.RandomState(0), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50000, limits[1]))  # Python ignores its signal: EFBIG
        with pytest.raises(JetbotMLPError, match="disk full"), VideoWriter(tmp_path / "a.webm") as out:
            for _ in range(20):
                out.write(random.randint(0, 255, (256, 384, 3)).astype(np.uint8))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert capfd.readouterr().err == ""
    assert os.listdir(str(tmp_path)) == []


def test_odd_sizes_lose_one_row_and_column(tmp_path):
    with VideoWriter(tmp_path / "a.webm") as out:
        for frame in frames(3, 65, 97):
            out.write(frame)
    assert [frame.shape for frame in iter_video(tmp_path / "a.webm")] == [(64, 96, 3)] * 3


def test_a_progress_bar_may_print_while_frames_are_written(tmp_path, capfd):
    with VideoWriter(tmp_path / "a.webm") as out:
        for frame in frames(2):
            out.write(frame)
            os.write(2, b"bar ")
    assert capfd.readouterr().err == "bar bar "


def test_a_name_that_can_not_be_encoded_is_refused_before_opencv_crashes(tmp_path, monkeypatch):
    monkeypatch.setattr(video.cv2, "VideoWriter", None)
    monkeypatch.setattr(video.cv2, "VideoCapture", None)
    with pytest.raises(JetbotMLPError, match="rename it, or set LC_ALL"):
        VideoWriter(str(tmp_path / "\udcea.webm"))
    with pytest.raises(JetbotMLPError, match="rename it, or set LC_ALL"):
        next(iter_video(str(tmp_path / "\udcea.webm")))


def test_korean_names_work_or_are_refused_with_a_message_where_the_locale_knows_no_korean(tmp_path):
    script = ("import sys, numpy\n"
              "from jetbot_mlp.errors import JetbotMLPError\n"
              "from jetbot_mlp.video import VideoWriter, iter_video\n"
              "try:\n"
              "    with VideoWriter(sys.argv[1], 30.0) as out:\n"
              "        out.write(numpy.full((64, 64, 3), 99, numpy.uint8))\n"
              "    print(len(list(iter_video(sys.argv[1]))))\n"
              "except JetbotMLPError as error:\n"
              "    print(error)\n")
    path = os.fsencode(str(tmp_path)) + "/\ud55c\uad6d.avi".encode("utf-8")
    for locale in ("C", "C.UTF-8"):
        environment = dict(os.environ, LC_ALL=locale, PYTHONCOERCECLOCALE="0", PYTHONUTF8="0")
        done = subprocess.run([sys.executable, "-c", script, path], env=environment, stdout=subprocess.PIPE)
        assert done.returncode == 0
        assert done.stdout.strip() == b"1" or b"rename it, or set LC_ALL" in done.stdout


def test_unknown_endings_and_missing_folders_are_refused_before_the_work(tmp_path):
    with pytest.raises(JetbotMLPError, match="webm"):
        VideoWriter(tmp_path / "a.gif")
    with pytest.raises(JetbotMLPError, match="make it first"):
        VideoWriter(tmp_path / "nowhere" / "a.webm")


@pytest.mark.parametrize("frame", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32),
                                   np.zeros((8, 8, 4), np.uint8)])
def test_only_bgr_bytes_are_frames(tmp_path, frame):
    with pytest.raises(ValueError, match="expected uint8"), VideoWriter(tmp_path / "a.webm") as out:
        out.write(frame)


def test_all_frames_have_the_first_ones_size(tmp_path):
    with pytest.raises(ValueError, match="resize"), VideoWriter(tmp_path / "a.webm") as out:
        out.write(next(frames(1, 64, 96)))
        out.write(next(frames(1, 32, 96)))


def test_a_video_that_is_none_is_named(tmp_path):
    (tmp_path / "a.webm").write_bytes(b"not a video" * 100)
    for name in ("a.webm", "missing.webm"):
        with pytest.raises(JetbotMLPError, match=name):
            next(iter_video(tmp_path / name))
