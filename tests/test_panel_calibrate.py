import time

import pytest
from driving_fakes import SentRobot

pytest.importorskip("ipywidgets")

from jetbot_mlp import motor_guard  # noqa: E402
from jetbot_mlp.errors import SettingsError  # noqa: E402
from jetbot_mlp.gate import MotorGate  # noqa: E402
from jetbot_mlp.panel_calibrate import CalibrationPanel, calibration_panel  # noqa: E402
from jetbot_mlp.robot_settings import DEFAULTS  # noqa: E402


def panel(**keywords):
    robot, saved = SentRobot(), []
    return CalibrationPanel(robot, save=saved.append, **keywords), robot, saved


def test_a_motor_turns_for_a_moment_and_stands():
    shown, robot, _ = panel()
    shown.motors[1].click()
    shown.worker.join(5)
    assert any(left == 0 and right > 0 for left, right in robot.sent) and robot.sent[-1] == (0.0, 0.0)


def test_stop_is_heard_while_a_wheel_turns():
    shown, robot, _ = panel()
    shown.straight.click()
    while not any(left for left, _ in robot.sent):
        time.sleep(0.005)
    pressed = time.monotonic()
    shown.stop.click()
    assert robot.sent[-1] == (0.0, 0.0) and time.monotonic() - pressed < 0.2
    shown.worker.join(5)
    assert robot.sent[-1] == (0.0, 0.0) and "STOP was pressed" in shown.said.text[0]


def test_stop_is_for_other_programs_too(monkeypatch):
    told = []
    monkeypatch.setattr(MotorGate, "stop_programs", lambda gate: told.append(gate))
    shown, _, _ = panel()
    shown.stop.click()
    assert told == [shown.calibration.gate]


def test_a_motor_guard_that_can_not_be_started_is_said_and_no_wheel_turns(install, monkeypatch):
    def refuses(*arguments, **keywords):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(motor_guard.MotorGuard, "running", None)
    monkeypatch.setattr(motor_guard.subprocess, "Popen", refuses)
    module = install()
    shown = CalibrationPanel(module.Robot(), save=lambda settings: None)
    shown.motors[0].click()
    shown.worker.join(10)
    assert "motor guard: expected to start its process, found Resource temporarily" in shown.said.text[0]
    assert module.chip.wheels == (0, 0)


def test_one_pulse_at_a_time():
    shown, robot, _ = panel()
    shown.motors[0].click()
    first = shown.worker
    shown.motors[1].click()
    assert shown.worker is first
    first.join(5)
    assert not any(right for _, right in robot.sent)


def test_what_was_seen_is_kept_and_saved():
    shown, _, saved = panel()
    shown.seen[0].value, shown.seen[1].value = ("right", False), ("left", True)
    shown.wire.click()
    for _ in range(6):
        shown.turned["left"].click()
    shown.ahead.value, shown.right.value = 50.0, 4.0
    shown.trim.click()
    shown.max_speed.value, shown.upside_down.value = 0.5, True
    shown.keep.click()
    settings, = saved
    assert settings.swapped and settings.right_reversed and not settings.left_reversed
    assert settings.left_dead_band < 0.01 and settings.trim < 0
    assert settings.max_speed == 0.5 and settings.camera_upside_down


def test_an_answer_is_asked_for_after_a_try_only_and_a_found_number_stays():
    shown, robot, _ = panel()
    assert shown.turned["right"].disabled and shown.stood["right"].disabled
    for _ in range(7):
        shown.tries["right"].click()
        assert not shown.turned["right"].disabled
        shown.stop.click()
        shown.worker.join(5)
        shown.stood["right"].click()
        assert shown.stood["right"].disabled
    assert shown.searches["right"].done and "begins to turn at 0.49" in shown.power["right"].value
    assert "0.49" in shown.known.value and shown.calibration.settings.right_dead_band > 0.49
    shown.tries["right"].click()  # once more
    shown.stop.click()
    shown.worker.join(5)
    assert not shown.searches["right"].done


def test_what_cannot_be_is_said_and_changes_nothing():
    shown, _, _ = panel()
    shown.seen[0].value = shown.seen[1].value = ("left", True)
    shown.wire.click()
    assert "found left twice" in shown.said.text[0] and shown.calibration.settings == DEFAULTS


def test_a_full_disk_is_said():
    def full(settings):
        raise SettingsError("robot.json: no space left")

    shown = CalibrationPanel(SentRobot(), save=full)
    shown.keep.click()
    assert "no space left" in shown.said.text[0]


def test_the_panel_is_one_widget():
    assert calibration_panel(SentRobot()).children
