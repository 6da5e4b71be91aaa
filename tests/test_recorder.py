import errno
import json
import os
import shutil
import subprocess
import time

import cv2
import numpy as np
import pytest
from driving_fakes import FakeCamera, FakeRobot, straight_on, wait_until

from jetbot_mlp import recorder as module
from jetbot_mlp.driver import Driver
from jetbot_mlp.driver_status import Step
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.messages import CollisionPrediction, Frame, RoadPrediction, WheelCommand
from jetbot_mlp.pictures import decode_picture
from jetbot_mlp.recorder import Recorder, write_picture
from jetbot_mlp.recording import read_recording, recordings_in

IMAGE = cv2.resize(np.random.RandomState(0).randint(0, 256, (6, 8, 3)).astype(np.uint8), (64, 48))


def step(sequence, command=(0.2, 0.1), image=IMAGE):
    stamp = 10.0 + sequence / 30.0
    predictions = RoadPrediction(0.25, -0.5, stamp), CollisionPrediction(0.125, stamp)
    return Step(Frame(image, stamp, sequence), predictions, command and WheelCommand(*(command + (stamp,))), 0.003)


def lines_of(folder):
    with open(os.path.join(str(folder), "drive.jsonl")) as stream:
        return [json.loads(line) for line in stream]


def full(path, data):
    """A disk without space: it takes half of the picture."""
    try:
        with open(path, "wb") as stream:
            stream.write(data[:len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
    finally:
        os.unlink(path)


def test_what_was_seen_said_and_done_is_read_back(tmp_path):
    with Recorder(tmp_path / "drive", {"models": ["road.npz"]}) as recorder:
        recorder.about["camera"] = "a webcam"
        for sequence in (0, 1, 3):
            recorder(step(sequence))
        recorder(step(4, command=None))
    recording = read_recording(str(tmp_path / "drive"))
    assert recording.header["models"] == ["road.npz"] and recording.header["camera"] == "a webcam"
    assert [frame.sequence for frame in recording.frames] == [0, 1, 3, 4] and recording.damaged == 0
    third, last = recording.frames[2:]
    assert third.stamp == pytest.approx(10.1) and third.command == WheelCommand(0.2, 0.1, third.stamp)
    assert third.predictions == (RoadPrediction(0.25, -0.5, third.stamp), CollisionPrediction(0.125, third.stamp))
    assert (third.state, last.state, last.command) == ("driving", "refused", None)
    with open(third.path, "rb") as stream:
        picture = decode_picture(stream.read())
    assert picture.shape == IMAGE.shape and np.abs(picture.astype(int) - IMAGE).mean() < 5
    assert recorder.frames == 4 and recorder.dropped == 0 and recorder.note is None


def test_the_header_is_the_first_line_and_every_picture_is_there_before_its_line(tmp_path):
    folder, order = tmp_path / "drive", []

    def slowly(path, data):
        time.sleep(0.02)
        order.append(len(lines_of(folder)))
        write_picture(path, data)

    with Recorder(folder, write=slowly) as recorder:
        for sequence in range(4):
            recorder(step(sequence))
    assert order == [0, 2, 3, 4]  # header and first line come together
    first, rest = lines_of(folder)[0], lines_of(folder)[1:]
    assert (first["format"], first["version"]) == ("jetbot_mlp recording", 1)
    assert sorted(os.listdir(str(folder))) == [line["frame"] for line in rest] + ["drive.jsonl"]


def test_a_slow_disk_never_slows_the_driver_and_what_is_left_out_is_counted(tmp_path):
    def slowly(path, data):
        time.sleep(0.1)
        write_picture(path, data)

    with Recorder(tmp_path / "drive", queue_bytes=3 * IMAGE.nbytes, write=slowly) as recorder:
        slowest = 0.0
        for sequence in range(50):
            started = time.perf_counter()
            recorder(step(sequence))
            slowest = max(slowest, time.perf_counter() - started)
    assert slowest < 0.05 and recorder.dropped >= 45
    assert recorder.frames + recorder.dropped == 50 and len(read_recording(recorder.folder).frames) == recorder.frames


def test_closing_does_not_wait_for_a_disk_that_hangs(tmp_path):
    recorder = Recorder(tmp_path / "drive", write=lambda path, data: time.sleep(1.0))
    for sequence in range(5):
        recorder(step(sequence))
    started = time.monotonic()
    recorder.close(0.2)
    assert time.monotonic() - started < 0.8 and recorder.dropped >= 4


def test_a_patient_recorder_leaves_nothing_out(tmp_path):
    def slowly(path, data):
        time.sleep(0.005)
        write_picture(path, data)

    with Recorder(tmp_path / "drive", patient=True, queue_bytes=1, write=slowly) as recorder:
        for sequence in range(30):
            recorder(step(sequence))
    assert (recorder.frames, recorder.dropped) == (30, 0)


@pytest.mark.parametrize("patient", [False, True])
def test_a_full_disk_ends_recording_with_a_word_and_nothing_half_written(tmp_path, patient):
    folder, written = tmp_path / "drive", []

    def until_full(path, data):
        (full if len(written) >= 3 else write_picture)(path, data)
        written.append(path)

    with Recorder(folder, patient=patient, queue_bytes=2 * IMAGE.nbytes, write=until_full) as recorder:
        for sequence in range(20):
            recorder(step(sequence))
            assert wait_until(lambda: not recorder._queue or recorder.note)
        assert "No space left" in recorder.note and "No space left" in recorder.words()
    recording = read_recording(str(folder))
    assert len(recording.frames) == recorder.frames == 3 and recording.damaged == 0
    assert sorted(os.listdir(str(folder))) == ["00000000.jpg", "00000001.jpg", "00000002.jpg", "drive.jsonl"]


def test_a_line_that_does_not_fit_is_taken_back_and_its_picture_too(tmp_path, monkeypatch):
    real, room = os.write, [600]

    def nearly_full(handle, data):
        if handle != recorder._lines:
            return real(handle, data)
        if not room[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = real(handle, data[:room[0]])  # what fits, without an error: so does a disk
        room[0] -= taken
        return taken

    with Recorder(tmp_path / "drive") as recorder:
        monkeypatch.setattr(module.os, "write", nearly_full)
        for sequence in range(5):
            recorder(step(sequence))
        assert wait_until(lambda: recorder.note)
    monkeypatch.undo()
    recording = read_recording(recorder.folder)
    assert "No space" in recorder.note and 0 < recorder.frames < 5 and recording.damaged == 0
    assert len(recording.frames) == recorder.frames == len(os.listdir(recorder.folder)) - 1


def test_it_ends_before_the_disk_is_full(tmp_path, monkeypatch):
    free = [10 ** 9]
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(0, 0, free[0]))
    with Recorder(tmp_path / "drive") as recorder:
        recorder(step(0))
        assert wait_until(lambda: recorder.frames == 1)
        free[0] = 50 * 2 ** 20
        recorder(step(1))
        assert wait_until(lambda: recorder.note)
    assert "100 MB" in recorder.note and len(read_recording(recorder.folder).frames) == 1
    with pytest.raises(JetbotMLPError, match="100 MB"):
        Recorder(tmp_path / "other")
    assert os.listdir(str(tmp_path)) == ["drive"]


def test_a_really_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.call(["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs", str(disk)], stderr=subprocess.DEVNULL):
        pytest.skip("may not mount a small disk here")
    try:
        with Recorder(disk / "drive", spare_bytes=0, patient=True) as recorder:
            for sequence in range(100):
                recorder(step(sequence))
        recording = read_recording(recorder.folder)
        assert "No space left" in recorder.note and 2 < recorder.frames < 99 and recording.damaged == 0
        assert len(recording.frames) == recorder.frames == len(os.listdir(recorder.folder)) - 1
    finally:
        subprocess.check_call(["umount", str(disk)])


def test_whatever_fails_driving_goes_on(tmp_path):
    robot, camera = FakeRobot(), FakeCamera()

    def mad(path, data):
        raise MemoryError("none left")

    with Recorder(tmp_path / "drive", write=mad) as recorder:
        driver = Driver(straight_on, robot, camera, on_step=recorder).start()
        camera.run()
        try:
            assert wait_until(lambda: recorder.note) and "MemoryError" in recorder.note
            before = driver.status().frames
            assert wait_until(lambda: driver.status().frames > before + 3) and robot.moving
        finally:
            driver.stop()
            camera.end()
            driver.join()
        recorder.ended(driver)
    assert os.listdir(str(tmp_path)) == []  # a recording without a frame is none


def test_the_end_and_the_frame_at_which_it_came_are_noted(tmp_path):
    def fails(frame):
        if frame.sequence == 2:
            raise RuntimeError("no idea")
        return straight_on(frame)

    robot, camera = FakeRobot(), FakeCamera()
    with Recorder(tmp_path / "drive") as recorder:
        driver = Driver(fails, robot, camera, on_step=recorder).start(threaded=False)
        for _ in range(3):
            camera.show()
            driver.step()
        recorder.ended(driver)
        driver.join()
    recording = read_recording(recorder.folder)
    assert "no idea" in recording.reason and recording.frames[-1].reason == recording.reason
    assert [(frame.sequence, frame.state) for frame in recording.frames] == [
        (0, "driving"), (1, "driving"), (2, "stopped")]


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "me.jpg").write_bytes(b"x")
    with pytest.raises(JetbotMLPError, match="something else in it"):
        Recorder(tmp_path / "photos")
    assert os.listdir(str(tmp_path / "photos")) == ["me.jpg"]
    for bad in (tmp_path / "no" / "such", tmp_path / "photos" / "me.jpg"):
        with pytest.raises(JetbotMLPError, match="expected a folder to record in"):
            Recorder(bad)


def test_recording_into_the_same_folder_again_makes_a_sub_folder_for_each_drive(tmp_path, monkeypatch):
    # a robot without a clock's battery: every boot at the same second
    monkeypatch.setattr(module.time, "strftime", lambda pattern: "20260101-000003")
    folders = []
    for count in (1, 2, 3):
        with Recorder(tmp_path / "drives") as recorder:
            for sequence in range(count):
                recorder(step(sequence))
        folders.append(recorder.folder)
    first = str(tmp_path / "drives")
    assert folders == [first, os.path.join(first, "20260101-000003"), os.path.join(first, "20260101-000003-2")]
    assert recordings_in(first) == folders
    assert [len(read_recording(folder).frames) for folder in folders] == [1, 2, 3]
    assert recordings_in(str(tmp_path / "none")) == [] and recordings_in(str(tmp_path)) == [first]


def test_a_drive_without_frames_takes_away_its_sub_folder_only(tmp_path):
    with Recorder(tmp_path / "drives") as recorder:
        recorder(step(0))
    Recorder(tmp_path / "drives").close()
    assert sorted(os.listdir(str(tmp_path / "drives"))) == ["00000000.jpg", "drive.jsonl"]


def test_an_empty_folder_is_taken_and_stays_when_nothing_was_recorded(tmp_path):
    (tmp_path / "drive").mkdir()
    Recorder(tmp_path / "drive").close()
    assert os.listdir(str(tmp_path / "drive")) == []
    Recorder(tmp_path / "new").close()
    assert os.listdir(str(tmp_path)) == ["drive"]


def test_large_pictures_do_not_fill_the_memory(tmp_path):
    image = np.zeros((1000, 1000, 3), np.uint8)
    with Recorder(tmp_path / "drive", write=lambda path, data: time.sleep(0.2)) as recorder:
        for sequence in range(20):
            recorder(step(sequence, image=image))
        assert sum(picture.nbytes for _, picture in recorder._queue) <= module.QUEUE_BYTES
        assert recorder.dropped > 10
        recorder.close(0.0)
