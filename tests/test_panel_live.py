import functools
import os
import time

import driving_fakes
import numpy as np
import pytest
from driving_fakes import FakeCamera, FakeRobot

pytest.importorskip("ipywidgets")

from jetbot_mlp.errors import JetbotMLPError  # noqa: E402
from jetbot_mlp.features import FeatureSpec  # noqa: E402
from jetbot_mlp.gate import MotorGate  # noqa: E402
from jetbot_mlp.heartbeat import BrowserHeartbeat  # noqa: E402
from jetbot_mlp.inference import Predictor  # noqa: E402
from jetbot_mlp.model_file import Model  # noqa: E402
from jetbot_mlp.network import MLP  # noqa: E402
from jetbot_mlp.panel_live import LivePanel, live_panel, predictors_of  # noqa: E402

wait_until = functools.partial(driving_fakes.wait_until, timeout=5.0)
SHIPPED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")


def model(task):
    """A small network that says: straight on; free."""
    spec = FeatureSpec(color_size=4, gradient_size=16, cells=2, coarse_cells=0)
    outputs = {"output_activation": "linear"} if task == "road" else {"output_activation": "softmax",
                                                                        "loss": "softmax_cross_entropy"}
    network = MLP([spec.n_features, 2], random_state=0, **outputs)
    network.weights_[0][...] = 0.0
    network.biases_[0][...] = (0.0, -0.5) if task == "road" else (-3.0, 3.0)
    return Model(task, ("blocked", "free") if task == "collision" else None, network, spec, {}, False)


@pytest.fixture
def made():
    """-> function that makes a panel on a running camera; it has .robot and .camera."""
    cameras = []

    def make(models=None, robot="fake", **keywords):
        camera = FakeCamera()
        camera.run(60)
        cameras.append(camera)
        keywords.setdefault("heartbeat", None)
        panel = LivePanel(models or model("road"), FakeRobot() if robot == "fake" else robot, camera, **keywords)
        # what the jslink does on the page
        panel.preview._number.observe(lambda change: panel.preview._answer.set_state({"value": change["new"]}), "value")
        return panel

    yield make
    if LivePanel.opened is not None:
        LivePanel.opened.close()
    for camera in cameras:
        camera._running = False


def drive(panel):
    panel.start.click()
    assert wait_until(lambda: panel.drive.why_not_armed() is None)
    panel.worker.join(5)
    panel.arm.click()
    assert wait_until(lambda: panel.robot.moving)
    panel.worker.join(5)
    return panel


def test_the_picture_moves_before_anything_is_started(made):
    panel = made()
    assert wait_until(lambda: panel.preview.sent > 3)
    first = bytes(panel.picture.value)
    assert wait_until(lambda: bytes(panel.picture.value) != first)
    assert panel.sees.value and panel.why.value and "to the right" in panel.meaning.value
    assert not panel.robot.log  # nothing was written to the motors


def test_first_dry_then_armed_then_stop(made):
    panel = made()
    assert not panel.start.disabled and panel.arm.disabled and not panel.stop.disabled
    panel.start.click()
    assert wait_until(lambda: "dry run" in panel.said.text[0] and not panel.arm.disabled)
    assert not panel.robot.moving and panel.start.disabled and not panel.stop.disabled
    panel.arm.click()
    assert wait_until(lambda: panel.robot.moving and "driving" in panel.said.text[0])
    assert panel.arm.disabled and not panel.stop.disabled
    pressed = time.monotonic()
    panel.stop.click()
    assert not panel.robot.moving and time.monotonic() - pressed < 0.2
    assert "STOP was pressed" in panel.last.text[0] and "stopped" in panel.said.text[0]
    assert not panel.start.disabled and panel.arm.disabled


def test_stop_is_for_other_programs_too_but_closing_is_not(made, monkeypatch):
    told = []
    monkeypatch.setattr(MotorGate, "stop_programs", lambda gate: told.append(gate))
    panel = made()
    panel.stop.click()
    assert told == [panel.drive.armed.gate]
    panel.close()
    assert len(told) == 1


def test_sliders_change_the_running_robot_at_once_and_the_limit_holds(made):
    panel = drive(made())
    panel.sliders["road", "speed"].value = 0.7
    assert wait_until(lambda: panel.robot.wheels[0] == pytest.approx(0.7))
    panel.limit.value = 0.2
    assert wait_until(lambda: panel.robot.wheels[0] == pytest.approx(0.2))
    for slider in panel.sliders.values():
        slider.value = slider.max
    time.sleep(0.15)
    assert max(abs(v) for v in panel.robot.wheels) <= 0.2
    panel.sliders["road", "kd"].value = 0.123
    assert panel.drive.settings.road.kd == pytest.approx(0.123)


def test_the_sliders_have_the_courses_names_and_begin_as_it_does(made):
    road = made().sliders
    assert [slider.description for slider in road.values()] == [
        "speed gain", "steering gain", "steering kd", "steering bias"]
    assert [slider.value for slider in road.values()] == [0.4, 0.2, 0.0, 0.0]
    assert [slider.description for slider in made(model("collision")).sliders.values()] == [
        "speed", "turn speed", "blocked from"]


def test_both_models_together_and_what_is_done_when_blocked(made):
    panel = drive(made([model("road"), model("collision")]))
    assert ("road", "speed") in panel.sliders and ("collision", "threshold") in panel.sliders
    panel.about.value = "collision"
    assert wait_until(lambda: "speaks for blocked" in panel.meaning.value)
    panel.predictors[1].model.network.biases_[0][...] = (0.0, 0.0)  # undecided: P(blocked) is 0.5
    assert wait_until(lambda: not panel.robot.moving) and panel.drive.state == "driving"
    panel.when_blocked.value = "turn"
    assert wait_until(lambda: panel.robot.wheels[0] < 0 < panel.robot.wheels[1])
    panel.sliders["collision", "threshold"].value = 0.9
    assert wait_until(lambda: panel.robot.wheels[0] > 0)


def test_pictures_that_are_switched_off_are_hidden_and_not_made(made):
    panel = made()
    assert wait_until(lambda: panel.why.value)
    panel.show_why.value = panel.show_sees.value = False
    assert panel.why.layout.display == panel.sees.layout.display == "none"
    sent = panel.preview.sent
    assert wait_until(lambda: panel.preview.sent > sent + 1)
    before = bytes(panel.why.value)
    assert wait_until(lambda: panel.preview.sent > sent + 6) and bytes(panel.why.value) == before
    panel.show_why.value = True
    assert panel.why.layout.display is None


def test_what_the_driver_finds_is_said_in_plain_words(made):
    panel = drive(made())
    panel.camera.frozen = True
    assert wait_until(lambda: "the picture is frozen" in panel.last.text[0])
    assert panel.last.text[1] == "trouble" and not panel.robot.moving
    assert wait_until(lambda: not panel.start.disabled)


def test_what_refuses_a_start_is_said(made):
    panel = made(heartbeat=BrowserHeartbeat())
    panel.start.click()
    assert wait_until(lambda: "no sign of the browser yet" in panel.said.text[0])
    panel.heartbeat.beat()
    panel.start.click()
    assert wait_until(lambda: "dry run" in panel.said.text[0])
    assert wait_until(lambda: "the browser is gone" in panel.last.text[0])  # 1.5 s later


def test_a_browser_that_must_be_there_is_the_default(made):
    assert isinstance(made(heartbeat=True).heartbeat, BrowserHeartbeat)


def test_motors_that_refuse_are_said_and_stop_can_be_pressed_again(made):
    panel = drive(made())
    panel.robot.broken = True
    assert wait_until(lambda: "REFUSE TO STOP" in panel.said.text[0])
    assert not panel.stop.disabled
    panel.robot.broken = False
    panel.stop.click()
    assert not panel.robot.moving


def test_without_a_robot_it_runs_dry(made):
    panel = made(robot=None)
    panel.start.click()
    assert wait_until(lambda: "dry run" in panel.said.text[0])
    time.sleep(0.1)
    assert panel.arm.disabled


def test_a_second_panel_ends_the_first(made):
    first = drive(made())
    second = made()
    assert not first.robot.moving and not first.preview.running and not first.ticker.running
    assert second.preview.running and "closed" in first.drive.last_stop().reason


def test_the_drive_loop_does_not_wait_for_the_pictures(made):
    panel = made([os.path.join(SHIPPED, "road.npz"), os.path.join(SHIPPED, "collision.npz")])
    panel.preview.make = lambda: time.sleep(5.0)  # one that hangs for longer than the wheels may go on
    panel.start.click()
    assert wait_until(lambda: panel.drive.status().frames > 60, timeout=20.0)
    assert panel.drive.state == "dry run" and panel.preview.sent < 10
    panel.preview.make = lambda: None


def test_models_are_taken_as_they_come():
    path = os.path.join(SHIPPED, "road.npz")
    assert [p.task for p in predictors_of(path)] == ["road"]
    assert [p.task for p in predictors_of([path, model("collision")])] == ["road", "collision"]
    predictor = Predictor(model("road"))
    assert predictors_of(predictor) == [predictor] and predictors_of((predictor,)) == [predictor]


@pytest.mark.parametrize("models,found", [([], "found none"), ([model("road")] * 2, "road and road"),
                                          ([lambda frame: None], "found None")])
def test_models_that_cannot_drive_are_refused_in_one_line(models, found):
    with pytest.raises(JetbotMLPError, match=found):
        predictors_of(models)


def test_the_panel_is_one_widget_and_more_may_be_shown_below(made):
    import ipywidgets

    extra = ipywidgets.HTML("more")
    panel = made(extra=[extra])
    assert extra in panel.box.children
    assert live_panel(model("road"), panel.robot, panel.camera, heartbeat=None).children


def test_a_camera_is_started_again_after_the_wheels_were_stopped(made):
    panel = drive(made())
    calls = []
    panel.camera.stop = lambda: calls.append(("stop", panel.robot.moving))
    panel.camera.start = lambda: calls.append(("start", panel.robot.moving))
    panel.restart.click()
    panel.worker.join(5)
    assert calls == [("stop", False), ("start", False)]
    assert "the camera was restarted" in panel.last.text[0] and panel.last.text[1] == "plain"


def test_buttons_pressed_twice_or_in_the_wrong_order_are_answered(made):
    panel = made()
    panel.arm.click()
    panel.worker.join(5)
    assert "start the dry run first" in panel.said.text[0] and not panel.robot.moving
    for _ in range(2):
        panel.start.click()
        panel.worker.join(5)
    assert panel.drive.state == "dry run"
    for _ in range(2):
        panel.stop.click()
    assert panel.drive.state == "stopped"


def test_a_black_frame_of_no_shape_shows_nothing_and_ends_nothing(made):
    panel = made()
    panel.camera._running = False
    panel.camera._thread.join()
    panel.camera.value = np.zeros((3,), np.uint8)
    sent = panel.preview.sent
    time.sleep(0.2)
    assert panel.preview.running and panel.preview.sent <= sent + 1
