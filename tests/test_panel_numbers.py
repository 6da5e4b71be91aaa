import pytest
from driving_fakes import FakeCamera

pytest.importorskip("ipywidgets")

from jetbot_mlp.gate import Stop  # noqa: E402
from jetbot_mlp.live_drive import LiveDrive  # noqa: E402
from jetbot_mlp.panel_numbers import ago, numbers_in_words, stop_in_words  # noqa: E402


def test_numbers_before_the_first_frame_are_no_numbers():
    words = numbers_in_words(LiveDrive(lambda frame: None, None, FakeCamera()).status())
    assert "nan" not in words and "inf" not in words and "&ndash;" in words


@pytest.mark.parametrize("reason,running,kind", [
    ("the picture is frozen", False, "trouble"), ("the picture is frozen", True, "plain"),
    ("STOP was pressed", False, "plain"), ("the notebook's kernel was interrupted", False, "trouble")])
def test_a_stop_that_nobody_wanted_is_red_until_it_drives_again(reason, running, kind):
    assert stop_in_words(Stop(10.0, reason), 13.0, running) == (f"last stop, 3 s ago: {reason}", kind)


def test_before_any_stop_that_is_said():
    assert stop_in_words(None, 1.0, False) == ("last stop: none yet", "plain")


def test_times_are_in_seconds_then_in_minutes():
    assert (ago(0.4), ago(119.0), ago(180.0)) == ("0 s ago", "119 s ago", "3 min ago")
