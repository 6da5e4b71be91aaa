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


@pytest.mark.parametrize("words", [["road.onnx", "robot"], ["road.npz", "best_steering_model_xy.pth", "robot"],
                                   ["road.npz", "notes.txt", "robot"]])
def test_a_file_that_is_no_model_of_ours_is_not_taken_for_a_robot(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    assert main(["deploy"] + words) == 2
    told = capsys.readouterr().err
    assert "(.npz) or a robot, found " + words[-2] in told and "deploy the .npz itself" in told


def test_hosts_of_a_file_are_one_a_line(tmp_path):
    (tmp_path / "hosts").write_text("# the class\njetbot@one  # first\n\nssh://two:2222\n")
    assert commands_deploy.hosts_of(str(tmp_path / "hosts")) == ["jetbot@one", "ssh://two:2222"]
    (tmp_path / "hosts").write_text("\ufeffjetbot@one\r\n", encoding="utf-8")  # of Windows' editor
    assert commands_deploy.hosts_of(str(tmp_path / "hosts")) == ["jetbot@one"]


def result(host, **more):
    return dict({"host": host, "error": None, "where": "host", "folder": "/home/jetbot/jetbot", "from": 1, "to": 2,
                 "package_from": "0.1.0", "package": "0.1.0", "installed": False, "models": ["road.npz"], "kept": [],
                 "difference": 6e-8, "ms_per_frame": 1.234, "notes": []}, **more)


def test_the_table_says_of_each_robot_what_it_has_now_and_the_exit_status_whether_all_have_it(capsys):
    class Words:
        json = False

    same = {"from": 2, "to": 2, "difference": None}
    new = {"from": None, "to": 1, "package_from": None, "installed": True, "kept": ["a.npz"], "notes": ["look"],
           "where": "container jetbot_jupyter", "folder": "/workspace/jetbot"}
    assert commands_deploy.told(Words, [result("one"), result("two", **same), result("three", **new)]) == 0
    out, err = capsys.readouterr()
    assert [line.rstrip() for line in out.splitlines()] == [
        "robot  where                     version       package        check          ms/frame",
        "one    host                      1 -> 2        0.1.0          equal (6e-08)  1.23",
        "two    host                      2 (the same)  0.1.0          sound          1.23",
        "three  container jetbot_jupyter  none -> 1     none -> 0.1.0  equal (6e-08)  1.23"]
    assert err.splitlines() == [
        "three: look", "three: the new version also has a.npz of the old one (--only: it has not)",
        "drive there: docker exec -it jetbot_jupyter python3 -m jetbot_mlp drive /workspace/jetbot/current/road.npz",
        "drive there: python3 -m jetbot_mlp drive /home/jetbot/jetbot/current/road.npz"]
    assert commands_deploy.told(Words, [{"host": "one", "error": "is it\non?"}]) == 1
    out, err = capsys.readouterr()
    assert out == "one  FAILED: is it on?\n" and err.startswith("1 of 1 failed; nothing changed there")
