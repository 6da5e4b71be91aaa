import pytest

from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.trial_file import TrialFile


def made(path, run="abc"):
    return TrialFile(str(path), run, ["hidden", "dropout"], ["frames, block 1", "frames, block 2"])


def test_what_was_written_is_read_again(tmp_path):
    file = made(tmp_path / "t.csv")
    assert file.read() == {}
    file.append(0, 0.85, 1.25, [(64, 32), 0.1], [0.8, 0.9])
    file.append(3, 0.5, 2.0, [(32,), 0.2], [1 / 3, 2 / 3])
    assert made(tmp_path / "t.csv").read() == {0: ([0.8, 0.9], 1.25), 3: ([1 / 3, 2 / 3], 2.0)}


def test_a_line_that_was_cut_off_is_dropped_and_the_next_one_is_whole(tmp_path):
    path = tmp_path / "t.csv"
    made(path).append(0, 0.85, 1.25, [(64, 32), 0.1], [0.8, 0.9])
    path.write_bytes(path.read_bytes() + b'abc,1,0.8,1.25,"(64')
    assert list(made(path).read()) == [0]
    made(path).append(1, 0.5, 1.0, [(8,), 0.0], [0.5, 0.5])
    assert list(made(path).read()) == [0, 1]


@pytest.mark.parametrize("change", [lambda text: text.replace("abc", "other"), lambda text: "a,b\n1,2\n",
                                    lambda text: text + "abc,1\n", lambda text: text.replace("0.9", "high"),
                                    lambda text: "no line"])
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path, change):
    path = tmp_path / "t.csv"
    made(path).append(0, 0.85, 1.25, [(64, 32), 0.1], [0.8, 0.9])
    path.write_text(change(path.read_text()))
    before = path.read_bytes()
    with pytest.raises(JetbotMLPError, match="another file"):
        made(path).read()
    assert path.read_bytes() == before
