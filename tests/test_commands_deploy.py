"""The words of deploy, rollback and pull."""
import pytest

from jetbot_mlp import commands_deploy
from jetbot_mlp.__main__ import main
from jetbot_mlp.errors import JetbotMLPError


@pytest.mark.parametrize("text, expected", [
    ("jetbot@192.168.55.1:dataset", ("jetbot@192.168.55.1", "dataset")),
    ("robot:/workspace/x", ("robot", "/workspace/x")),
    ("jetbot@[fe80::1]:drives/monday", ("jetbot@fe80::1", "drives/monday")),
    ("ssh://jetbot@robot:2222/dataset", ("ssh://jetbot@robot:2222", "dataset")),
    ("ssh://robot//workspace", ("ssh://robot", "/workspace")),
    ("jupyter://robot/dataset", ("jupyter://robot", "dataset")),
])
def test_a_place_is_a_host_and_a_folder(text, expected):
    assert commands_deploy.place(text) == expected


@pytest.mark.parametrize("text", ["dataset", "robot:", ":x", "ssh://robot"])
def test_what_is_no_place_is_told(text):
    with pytest.raises(JetbotMLPError, match="expected HOST:FOLDER"):
        commands_deploy.place(text)


@pytest.mark.parametrize("words", [["deploy", "robot"], ["deploy", "road.npz"], ["rollback"],
                                   ["deploy", "a.npz", "-x"]])
def test_missing_words_give_one_line_and_status_2(words, capsys):
    try:
        status = main(words)
    except SystemExit as ended:
        status = ended.code
    assert status == 2 and len(capsys.readouterr().err.splitlines()) == 1


def test_hosts_of_a_file_are_one_a_line(tmp_path):
    (tmp_path / "hosts").write_text("# the class\njetbot@one  # first\n\nssh://two:2222\n")
    assert commands_deploy.hosts_of(str(tmp_path / "hosts")) == ["jetbot@one", "ssh://two:2222"]
