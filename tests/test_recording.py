import json
import os

import pytest

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.messages import CollisionPrediction
from jetbot_mlp.recording import frame_name, is_recording, read_recording

HEADER = {"format": "jetbot_mlp recording", "version": 1}


def entry(number, **changes):
    return dict({"frame": frame_name(number), "sequence": number, "stamp": number / 30, "state": "driving",
                 "predictions": [{"prob_blocked": 0.25}], "command": {"left": 0.1, "right": 0.2}}, **changes)


def write(folder, *lines, end="\n"):
    text = "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + end
    (folder / "drive.jsonl").write_text(text)
    return read_recording(str(folder))


def test_lines_become_frames_in_their_order(tmp_path):
    recording = write(tmp_path, dict(HEADER, models=[]), entry(0), entry(1), {"state": "stopped", "reason": "Ctrl-C"})
    assert is_recording(str(tmp_path)) and not is_recording(str(tmp_path / "no"))
    assert [os.path.basename(frame.path) for frame in recording.frames] == ["00000000.jpg", "00000001.jpg"]
    assert recording.frames[0].predictions == (CollisionPrediction(0.25, 0.0),)
    assert recording.reason == "Ctrl-C" == recording.frames[1].reason and recording.frames[0].reason is None


def test_the_cut_last_line_of_a_killed_drive_is_left_out(tmp_path):
    recording = write(tmp_path, HEADER, entry(0), json.dumps(entry(1))[:60], end="")
    assert len(recording.frames) == 1 and recording.damaged == 1 and recording.reason is None
    recording = write(tmp_path, HEADER, entry(0), json.dumps(entry(1)), end="")  # whole, but for the line's end
    assert len(recording.frames) == 1 and recording.damaged == 1


@pytest.mark.parametrize("line", [
    "", "[]", "{", "\0" * 50, '{"frame": "00000001.jpg"}', "[" * 100000,
    entry(1, frame="../../etc/passwd"), entry(1, sequence="one"), entry(1, stamp=float("nan")),
    entry(1, predictions=[{"x": 1.0}]), entry(1, predictions=[3]), entry(1, predictions=None),
    entry(1, command={"left": "fast", "right": 0}), entry(1, command=[1, 2]), entry(1, stamp=10 ** 400),
    entry(1, sequence=float("inf")), {"state": "stopped"},
])
def test_damaged_lines_are_left_out_and_counted(tmp_path, line):
    recording = write(tmp_path, HEADER, entry(0), line, entry(2))
    assert [frame.sequence for frame in recording.frames] == [0, 2] and recording.damaged >= 1


@pytest.mark.parametrize("first", ["", "{}", "[]", "nonsense", dict(HEADER, format="other"), dict(HEADER, version=2)])
def test_what_is_no_recording_is_refused(tmp_path, first):
    with pytest.raises(DatasetError, match="expected a recorded drive"):
        write(tmp_path, first, entry(0))


def test_a_folder_without_one_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="cannot be read"):
        read_recording(str(tmp_path))
