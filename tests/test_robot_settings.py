import json
import os
import stat

import pytest

from jetbot_mlp.errors import SettingsError
from jetbot_mlp.robot_settings import (
    DEFAULTS,
    RobotSettings,
    changed,
    default_path,
    load_settings,
    save_settings,
    to_motors,
)

GRID = [v / 8 for v in range(-8, 9)]
SOME = [DEFAULTS, RobotSettings(trim=0.1), RobotSettings(trim=-0.3, left_dead_band=0.05, right_dead_band=0.12),
        RobotSettings(left_dead_band=0.2, max_speed=0.5), RobotSettings(True, True, False, 0.05, 0.06, 0.07, 0.3)]


def true_speed(motor, dead_band):
    """What a wheel makes of it, as a share of its full speed."""
    return max(0.0, abs(motor) - dead_band) / (1.0 - dead_band) * (1 if motor > 0 else -1)


def test_the_defaults_change_nothing():
    for left in GRID:
        for right in GRID:
            assert to_motors(left, right) == (left, right)


@pytest.mark.parametrize("settings", SOME)
def test_zero_stays_exactly_zero_and_no_limit_is_passed(settings):
    assert to_motors(0.0, 0.0, settings) == to_motors(-0.0, 0, settings) == (0.0, 0.0)
    for left in GRID + [7.0, -1e300]:
        for right in GRID + [1e-6]:
            motors = to_motors(left, right, settings)
            assert all(abs(v) <= settings.max_speed for v in motors)
            given = reversed(motors) if settings.swapped else motors
            assert [v == 0.0 for v in given] == [left == 0.0, right == 0.0]


@pytest.mark.parametrize("settings", SOME)
def test_what_was_asked_twice_as_fast_goes_twice_as_fast_and_curves_stay(settings):
    wheels = settings._replace(swapped=False, left_reversed=False, right_reversed=False)

    def go(left, right):
        motors = to_motors(left, right, wheels)
        return [true_speed(v, d) for v, d in zip(motors, (wheels.left_dead_band, wheels.right_dead_band))]

    most = settings.max_speed
    slow, fast = go(0.25 * most, 0.125 * most), go(most, 0.5 * most)
    assert fast == pytest.approx([4 * v for v in slow]) and min(slow) > 0
    left, right = go(0.5 * most, 0.5 * most)
    assert left / right == pytest.approx((1 + min(settings.trim, 0)) / (1 - max(settings.trim, 0)))
    assert go(-0.5 * most, -0.5 * most) == pytest.approx([-left, -right])


def test_any_small_speed_turns_a_wheel_with_a_dead_band():
    assert to_motors(1e-6, -1e-6, RobotSettings(left_dead_band=0.1, right_dead_band=0.2)) == \
        pytest.approx((0.1, -0.2), abs=1e-5)


def test_a_trim_to_the_right_slows_the_right_wheel():
    assert to_motors(0.5, 0.5, RobotSettings(trim=0.1)) == pytest.approx((0.5, 0.45))
    assert to_motors(0.5, 0.5, RobotSettings(trim=-0.1)) == pytest.approx((0.45, 0.5))


def test_wiring():
    assert to_motors(0.1, 0.2, RobotSettings(swapped=True)) == (0.2, 0.1)
    assert to_motors(0.1, 0.2, RobotSettings(left_reversed=True)) == (-0.1, 0.2)
    assert to_motors(0.1, 0.2, RobotSettings(swapped=True, right_reversed=True)) == (-0.2, 0.1)


def test_a_top_speed_within_the_dead_band_turns_nothing():
    assert to_motors(1.0, 1.0, RobotSettings(max_speed=0.05, left_dead_band=0.05)) == (0.0, 0.0)
    assert to_motors(1.0, 1.0, RobotSettings(max_speed=0.0)) == (0.0, 0.0)


@pytest.mark.parametrize("speeds", [(float("nan"), 0.1), (0.1, float("inf"))])
def test_what_is_not_finite_is_refused(speeds):
    with pytest.raises(ValueError, match="finite"):
        to_motors(*speeds, settings=SOME[1])


# -- the file ---------------------------------------------------------------------------------


def test_what_was_saved_is_read_and_the_folder_is_made(tmp_path, monkeypatch):
    path = tmp_path / "new" / "robot.json"
    monkeypatch.setenv("JETBOT_MLP_ROBOT", str(path))
    assert load_settings() == DEFAULTS and not path.exists()
    assert save_settings(SOME[4]) == str(path) and load_settings() == SOME[4]
    assert os.listdir(str(tmp_path / "new")) == ["robot.json"]
    assert stat.S_IMODE(os.stat(str(path)).st_mode) == 0o644
    assert json.loads(path.read_text())["trim"] == 0.05


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = str(tmp_path / "robot.json")
    save_settings(SOME[1], path)

    def full(*words):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        save_settings(SOME[2], path)
    assert load_settings(path) == SOME[1] and os.listdir(str(tmp_path)) == ["robot.json"]


def test_where_it_lies(monkeypatch):
    monkeypatch.delenv("JETBOT_MLP_ROBOT")
    monkeypatch.setenv("HOME", "/home/me")
    assert default_path() == "/home/me/.config/jetbot_mlp/robot.json"
    monkeypatch.setattr(os.path, "ismount", lambda path: path == "/workspace")  # the official container
    assert default_path() == "/workspace/.config/jetbot_mlp/robot.json"


SOUND = {"format": "jetbot_mlp robot", "version": 1}


@pytest.mark.parametrize("content, part", [
    (b"", "Expecting value"),
    (b"\xff\xfe", "decode"),
    (b"[]", "another file"),
    (b'{"trim": 0.1}', "another file"),
    (b"null", "another file"),
    (b"[" * 50000, ""),
    (b'{"a":' * 10000, ""),
    (b" " * 70000, "more than"),
    (dict(SOUND, version=2), "version 1"),
    (dict(SOUND, version=True), "version 1"),
    (dict(SOUND, speed=0.5), "found 'speed'"),
    (dict(SOUND, trim=0.6), "trim: expected a number from -0.5 to 0.5, found 0.6"),
    (dict(SOUND, trim="0.1"), "found '0.1'"),
    (dict(SOUND, trim=None), "found None"),
    (dict(SOUND, max_speed=True), "found True"),
    (dict(SOUND, max_speed=-0.1), "max_speed"),
    (dict(SOUND, left_dead_band=[0.1]), "left_dead_band"),
    (dict(SOUND, swapped=1), "true or false, found 1"),
    (dict(SOUND, camera_upside_down="yes"), "true or false"),
    (dict(SOUND, trim=10 ** 400), "trim"),
    (b'{"format": "jetbot_mlp robot", "version": 1, "trim": NaN}', "found nan"),
    (b'{"format": "jetbot_mlp robot", "version": 1, "trim": 1e999}', "found inf"),
    (b'{"format": "jetbot_mlp robot", "version": 1, "trim": 0.1, "trim": 0.2}', "twice"),
])
def test_a_file_that_is_not_quite_right_is_refused(tmp_path, content, part):
    path = tmp_path / "robot.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    with pytest.raises(SettingsError) as caught:
        load_settings(str(path))
    text = str(caught.value)
    assert part in text and "robot.json" in text and "jetbot-mlp calibrate" in text
    assert len(text.splitlines()) == 1 and len(text) < 800


def test_what_is_no_file_is_refused_without_hanging(tmp_path):
    os.mkfifo(str(tmp_path / "fifo"))
    for name in (".", "fifo"):
        with pytest.raises(SettingsError):
            load_settings(str(tmp_path / name))


def test_a_few_values_may_be_left_out(tmp_path):
    path = tmp_path / "robot.json"
    path.write_text(json.dumps(dict(SOUND, trim=0, max_speed=1)))
    assert load_settings(str(path)) == DEFAULTS and isinstance(load_settings(str(path)).trim, float)


def test_values_are_set_by_words():
    settings = changed(SOME[1], ["dead_band=0.06", "trim=-0.02", "swapped=yes", "camera_upside_down=ON"])
    assert settings == RobotSettings(True, False, False, -0.02, 0.06, 0.06, 1.0, True)
    assert changed(settings, ["swapped=no"]).swapped is False


@pytest.mark.parametrize("text", ["trim", "trim=", "trim=x", "trim=nan", "trim=1", "speed=0.1", "swapped=2", "=1",
                                  "format=x", "dead_band=0.7", "max_speed=yes"])
def test_words_that_say_nothing_are_refused(text):
    with pytest.raises(SettingsError, match="expected"):
        changed(DEFAULTS, [text])


def test_values_out_of_range_are_not_saved(tmp_path):
    with pytest.raises(ValueError, match="trim"):
        save_settings(RobotSettings(trim=2.0), str(tmp_path / "robot.json"))
    assert os.listdir(str(tmp_path)) == []
