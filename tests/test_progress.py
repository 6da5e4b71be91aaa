import sys

from jetbot_mlp import progress


def test_without_tqdm_there_are_lines_with_the_remaining_time_on_stderr(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress.time, "monotonic", iter(range(0, 1000, 3)).__next__)
    assert list(progress.bar(range(4), total=4, desc="learning")) == [0, 1, 2, 3]
    out, err = capsys.readouterr()
    assert out == "" and "learning: 2 of 4, 6 s left" in err


def test_every_item_comes_through_and_stdout_stays_empty(capsys):
    assert list(progress.bar(iter("abc"), total=3, desc="x")) == ["a", "b", "c"]
    assert capsys.readouterr().out == ""


def test_bytes_are_counted_in_lines_of_megabytes_without_tqdm(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(progress.time, "monotonic", iter(range(0, 1000, 3)).__next__)
    with progress.counter(4 * 10 ** 6, "pull") as count:
        for _ in range(4):
            assert count(10 ** 6) is None
    out, err = capsys.readouterr()
    assert out == "" and err == "pull: 2.0 of 4.0 MB\npull: 4.0 of 4.0 MB\n"


def test_bytes_are_counted_on_stderr(capsys):
    with progress.counter(10, "pull") as count:
        count(3)
        count(7)
    assert capsys.readouterr().out == ""
