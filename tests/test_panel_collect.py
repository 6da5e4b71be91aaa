import os
import time

import numpy as np
import pytest

pytest.importorskip("ipywidgets")

import cv2  # noqa: E402
from driving_fakes import FakeRobot, wait_for  # noqa: E402

from jetbot_mlp import panel_collect  # noqa: E402
from jetbot_mlp.dataset import load_dataset  # noqa: E402
from jetbot_mlp.panel_collect import CollectionPanel, collection_panel  # noqa: E402
from jetbot_mlp.sim_realtime import open_simulated  # noqa: E402


class Camera:
    """Shows what it is told, with a live sensor's noise."""

    description = "a camera"

    def __init__(self):
        self.frozen, self.scene = False, 0
        self.starts = 0
        self._last = None

    @property
    def value(self):
        if not self.frozen:
            rs = np.random.RandomState(self.scene)
            base = cv2.resize(rs.randint(0, 255, (9, 9, 3)).astype(np.uint8), (224, 224), None, 0, 0, cv2.INTER_NEAREST)
            self._last = np.clip(base + np.random.RandomState(time.time_ns() % 2 ** 32 if hasattr(time, "time_ns") else
                                                              int(time.time() * 1e6) % 2 ** 32)
                                 .normal(0, 2, base.shape), 0, 255).astype(np.uint8)
        return self._last

    def stop(self):
        pass

    def start(self):
        self.starts += 1


@pytest.fixture
def panel(tmp_path):
    made = []

    def make(task="collision", robot=None, **keywords):
        keywords.setdefault("way", "sliders")
        made.append(CollectionPanel(task, Camera(), tmp_path / "dataset", robot, heartbeat=None, **keywords))
        wait_for(lambda: made[-1].preview.sent and made[-1].quality.text[0])
        return made[-1]

    yield make
    for each in made:
        each.close()


def move(panel, scene):
    """The camera looks at another scene, and the page shows it."""
    panel.camera.scene = scene
    n = panel.preview.sent
    panel.preview._answer.value = n  # the page got all so far
    wait_for(lambda: panel.preview.sent >= n + 2)
    panel.preview._answer.value = panel.preview.sent


def test_the_motor_guard_that_is_given_watches_the_drive_buttons(panel):
    class Guard:
        heard = 0

        def arm(self):
            self.heard += 1

        beat = rest = arm

    robot, guard = FakeRobot(), Guard()
    panel(robot=robot, guard=guard).pad.hand.hold("forward", 0.3)
    wait_for(lambda: robot.moving)
    assert guard.heard >= 2  # told of the start and of the command


def test_frames_are_saved_as_they_are_labelled_and_counted(panel):
    shown = panel()
    for scene in range(6):
        move(shown, scene)
        shown.labels["free" if scene % 2 else "blocked"].click()
        assert shown.said.text[0] == "saved: " + ("free" if scene % 2 else "blocked")
    assert "3 blocked, 3 free" in shown.counted.text[0]
    assert len(load_dataset("collision", shown.frames.folder)) == 6


def test_a_near_twin_and_a_blurred_picture_may_be_saved_but_it_is_said(panel):
    shown = panel()
    shown.labels["free"].click()
    shown.labels["blocked"].click()
    assert "saved: blocked; nearly the same as one that is saved (free)" in shown.said.text[0]
    wait_for(lambda: "nearly the same" in shown.quality.text[0])
    assert not shown.labels["free"].disabled
    assert "blurred" in shown._warnings(cv2.GaussianBlur(shown.camera.value, (0, 0), 4))[0]


def test_what_the_folder_holds_already_is_compared_with_too(panel):
    panel().labels["free"].click()
    again = panel()
    wait_for(lambda: "nearly the same" in again.quality.text[0])


def test_a_frozen_a_black_and_no_picture_are_not_saved(panel):
    shown = panel()
    shown.camera.frozen = True
    wait_for(lambda: "frozen" in shown.quality.text[0] and shown.labels["free"].disabled)
    shown.save("free")
    assert "not saved: the picture is frozen" in shown.said.text[0] and shown.frames.names() == []
    for last, word in ((np.zeros((224, 224, 3), np.uint8), "black"), (None, "no picture")):
        shown.camera._last = last
        shown._sent.clear()
        shown.save("free")
        assert word in shown.said.text[0] and shown.frames.names() == []
    shown.camera.frozen = False
    wait_for(lambda: not shown.labels["free"].disabled)


def test_what_the_page_showed_is_saved_not_what_the_camera_shows_by_now(panel):
    shown = panel()
    move(shown, 1)
    showed = shown._shown()
    shown.camera.scene = 2
    shown.labels["free"].click()
    saved = shown.frames.read(shown.frames.names()[0])
    assert np.abs(saved.astype(int) - showed).mean() < 15  # JPEG; of another scene it is 80


def test_mistakes_are_taken_back(panel):
    shown = panel()
    shown.labels["free"].click()
    shown.saved.relabel.click()
    assert shown.frames.counts() == {"blocked": 1, "free": 0} and "blocked" in shown.saved.about.value
    shown.saved.leave_out.click()
    assert shown.frames.counts() == {"blocked": 0, "free": 0}
    assert shown.saved.leave_out.description == "take it in again"
    shown.saved.leave_out.click()
    assert shown.frames.counts() == {"blocked": 1, "free": 0}
    for _ in range(4):
        shown.saved.undo.click()
    assert shown.frames.names() == [] and shown.saved.undo.disabled and shown.twins.names == ()
    assert "nothing saved yet" in shown.saved.about.value


def test_older_frames_can_be_looked_at(panel):
    shown = panel()
    for scene in range(3):
        move(shown, scene)
        shown.labels["free"].click()
    names = shown.frames.names()
    for _ in range(5):
        shown.saved.older.click()
    assert shown.saved.at == names[0] and "1 of 3" in shown.saved.about.value
    shown.saved.newer.click()
    assert shown.saved.at == names[1]


def test_a_click_saves_the_target_and_a_click_on_the_saved_frame_moves_it(panel):
    shown = panel("road")
    shown.live.clicked(30, 100)
    assert shown.frames.label_of(shown.frames.names()[0]) == (30, 100) and "1 left" in shown.counted.text[0]
    shown.saved.clicks.clicked(200, 90)
    name, = shown.frames.names()
    assert shown.frames.label_of(name) == (200, 90) and "target 200, 90" in shown.saved.about.value
    assert "1 right" in shown.counted.text[0]
    shown.saved.undo.click()
    assert shown.frames.label_of(shown.frames.names()[0]) == (30, 100)


def test_the_sliders_marker_is_drawn_and_their_button_saves(panel):
    shown = panel("road")
    shown.live.x.value, shown.live.y.value = 150, 60
    picture = shown._live_picture()[shown.picture]
    assert (picture[60, 138:163] != shown._sent[-1][1][60, 138:163]).any()
    shown.live.press.click()
    assert shown.frames.label_of(shown.frames.names()[0]) == (150, 60)


def test_keys_do_what_buttons_do_once_a_press(panel):
    shown = panel()
    shown._on_event({"type": "keydown", "key": "B"})
    shown._on_event({"type": "keydown", "key": "b", "repeat": True})
    shown._on_event({"type": "keydown", "key": "f", "ctrlKey": True})
    shown._on_event({"type": "keyup", "key": "b"})
    assert shown.frames.counts() == {"blocked": 1, "free": 0}
    shown._on_event({"type": "keydown", "key": "u"})
    assert shown.frames.names() == []


def test_a_full_disk_is_said_and_nothing_is_counted(panel, monkeypatch):
    shown = panel()
    monkeypatch.setattr("jetbot_mlp.collection.SPARE_BYTES", 2 ** 60)
    shown.labels["free"].click()
    assert "left on the disk" in shown.said.text[0] and shown.said.text[1] == "trouble"
    assert shown.frames.names() == []


def test_the_zip_can_be_downloaded_from_the_page(panel):
    shown = panel()
    shown.make_zip.click()
    shown._busy.join(3)
    assert "save some first" in shown.said.text[0]
    shown.labels["free"].click()
    shown.make_zip.click()
    shown._busy.join(3)
    assert "download='dataset.zip'" in shown.link.value and "base64" in shown.link.value
    assert os.path.exists(str(shown.frames.folder) + ".zip")
    old = panel_collect.DOWNLOAD_BYTES
    panel_collect.DOWNLOAD_BYTES = 10
    try:
        shown.make_zip.click()
        shown._busy.join(3)
    finally:
        panel_collect.DOWNLOAD_BYTES = old
    assert "right-click, Download" in shown.link.value and "base64" not in shown.link.value


def test_a_panel_opened_again_ends_the_one_before(panel):
    first = panel()
    second = panel()
    assert not first.preview.running and not first.ticker.running and second.preview.running
    assert first.box.comm is None  # dead buttons are not left on the page


def test_a_camera_can_be_started_again(panel):
    shown = panel()
    shown.restart.click()
    shown._busy.join(3)
    assert shown.camera.starts == 1


@pytest.mark.parametrize("task,world", [("collision", "room"), ("road", "road")])
def test_in_the_simulator_it_drives_is_carried_and_saves(tmp_path, task, world):
    robot, camera = open_simulated(world)
    shown = CollectionPanel(task, camera, tmp_path / "dataset", robot, heartbeat=None, way="sliders")
    try:
        wait_for(lambda: shown.quality.text[0] and not shown.live or shown.preview.sent)
        before = robot.sim.pose
        shown.pad.buttons["forward"].click()
        wait_for(lambda: robot.sim.pose != before)
        wait_for(lambda: not shown.pad.hand.moving)
        shown.elsewhere.click()
        assert robot.left_motor.value == robot.right_motor.value == 0.0
        wait_for(lambda: shown.quality.text[0] == "sharp and new" or "blurred" in shown.quality.text[0])
        shown.save("free" if task == "collision" else (100, 120))
        assert shown.said.text[0].startswith("saved: ") and len(shown.frames.names()) == 1
    finally:
        shown.close()
        camera.stop()


def test_the_panel_is_one_widget(tmp_path):
    camera = Camera()
    assert collection_panel("road", camera, tmp_path / "dataset").children
    CollectionPanel.opened.close()
