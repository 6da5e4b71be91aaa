"""The page opens without a network, shows the numbers, and is not fooled by the names of files."""
import os
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

from jetbot_mlp import report_pictures
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.metrics import Evaluation, History, classification_metrics, road_metrics
from jetbot_mlp.report import TrainingReport, write_report
from jetbot_mlp.report_pictures import weight_picture

EVIL = "<script>alert('&\"')</script>.jpg"
VOID = {"meta", "img", "br", "link", "input"}


class Page(HTMLParser):
    """Collects tags, attributes and text, and holds that every tag is closed in its turn."""

    def __init__(self, html):
        HTMLParser.__init__(self)
        self.open, self.tags, self.attributes, self.text, self.ids = [], [], [], "", []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.handle_startendtag(tag, attributes)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text += data


def history(epochs=5, validation=True):
    losses = [1.0 / (epoch + 1) ** 2 for epoch in range(epochs)]
    return History(list(range(1, epochs + 1)), losses, losses if validation else [],
                   losses if validation else [], [0.001] * epochs, epochs if validation else None)


def noise(n, random):
    return random.randint(0, 255, (n, 112, 112, 3)).astype(np.uint8)


def road(n, random):
    expected = random.uniform(-1, 1, (n, 2)).astype(np.float32)
    predicted = np.clip(expected + random.normal(0, 0.2, (n, 2)), -1, 1)
    names = [EVIL] + ["f%d.jpg" % i for i in range(1, n)]
    return Evaluation("road", None, road_metrics(expected, predicted), names, noise(n, random),
                      expected, predicted)


def classes(n, names, random, task="collision"):
    true = random.randint(0, len(names), n)
    probabilities = 0.6 * np.eye(len(names))[true] + 0.4 * random.dirichlet(np.ones(len(names)), n)
    return Evaluation(task, names, classification_metrics(true, probabilities, names),
                      ["%d.jpg" % i for i in range(n)], noise(n, random), true, probabilities)


def write(folder, reports, **more):
    path = folder / "report.html"
    write_report(path, "Training & <report>", reports, **more)
    assert os.listdir(str(folder)).count("report.html") == 1 and not list(folder.glob(".*"))
    return path.read_text(encoding="utf-8")


def assert_loads_nothing(html):
    """No web address anywhere outside embedded data, and each reference is the page's own."""
    bare = re.sub(r"data:[a-z]+/[a-z]+;base64,[A-Za-z0-9+/=\s]+", "", html)
    assert "http:" not in bare and "https:" not in bare and "//" not in bare
    assert "@import" not in bare
    for tag, name, value in Page(html).attributes:
        if name in ("src", "href", "xlink:href", "srcset", "poster", "data"):
            assert value.startswith(("data:", "#", "./")), (tag, name, value[:60])
        for target in re.findall(r"url\(([^)]*)\)", value):
            assert target.startswith("#")


def test_a_hundred_frames_of_each_task_make_one_small_page_that_loads_nothing(tmp_path):
    pytest.importorskip("matplotlib")
    random = np.random.RandomState(0)
    a, b = road(100, random), classes(100, ("blocked", "free"), random)
    html = write(tmp_path, [
        TrainingReport("Road", [("parameters", 92034), ("seconds", 12.3456), ("layers", "1404-64-2")],
                       history(), a, ("", random.normal(size=(20, 14, 14))), ["a"], [("b.jpg", "empty")]),
        TrainingReport("Collision", [], history(), b, ("Colours.", random.normal(size=(20, 8, 8, 3))))])
    assert_loads_nothing(html)
    assert len(html) < 3e6
    page = Page(html)
    assert page.tags.count("svg") == 12 + 6 + 3  # overlays of the worst frames; plots of road; of collision
    assert page.tags.count("img") == 12 + 20 + 12 + 20 == len(re.findall('<img [^>]*alt="[^"]', html))
    assert len(page.ids) == len(set(page.ids))
    for number in ("92034", "12.3", "1404-64-2", "{:.1f} px".format(a.metrics["mae_x_px"]),
                   "{:.4f}".format(a.metrics["mse"]), "{:.1f} %".format(100 * b.metrics["balanced_accuracy"]),
                   "{:.1f} to {:.1f} px".format(*a.metrics["mae_y_px_interval"])):
        assert number in page.text, number
    for row in b.metrics["confusion"]:
        for count in row:
            assert ">{}<small>".format(count) in html


def test_names_of_files_and_notes_are_text_and_never_tags(tmp_path):
    pytest.importorskip("matplotlib")
    random = np.random.RandomState(0)
    reports = [TrainingReport(EVIL, [(EVIL, EVIL)], history(), road(3, random), (EVIL, np.eye(4)[None]),
                              [EVIL], [(EVIL, EVIL)]),
               TrainingReport("$title {{body}}", [], None, classes(9, (EVIL, "free"), random))]
    html = write(tmp_path, reports, drive_results=[{EVIL: EVIL}])
    page = Page(html)
    assert "script" not in page.tags and "b" in page.tags
    assert page.text.count(EVIL) >= 9
    assert "Training & <report>" in page.text and "$title {{body}}" in page.text
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]


def test_the_worst_frame_comes_first_with_its_label_and_prediction(tmp_path):
    pytest.importorskip("matplotlib")
    images = np.zeros((3, 112, 112, 3), np.uint8)
    true, probabilities = np.array([0, 0, 1]), np.array([[0.9, 0.1], [0.04, 0.96], [0.3, 0.7]])
    html = write(tmp_path, [TrainingReport("C", [], None, Evaluation(
        "collision", ("blocked", "free"), classification_metrics(true, probabilities, ("blocked", "free")),
        ["good.jpg", "worst.jpg", "middle.jpg"], images, true, probabilities))])
    text = Page(html).text
    assert text.index("worst.jpg") < text.index("middle.jpg") < text.index("good.jpg")
    assert "label blockedP(blocked) = 0.04worst.jpg" in text
    assert html.count('class="wrong"') == 1 and html.count('class="right"') == 2
    assert "1 of 2 blocked frames were taken for free" in text


def test_road_marks_lie_where_label_and_prediction_are():
    svg = report_pictures.road_overlay((-1.0, 0.5), (0.0, 0.0))
    assert 'cx="0.0" cy="168.0"' in svg
    assert "L112.0 112.0" in svg


def test_a_page_without_held_out_frames_says_so(tmp_path):
    pytest.importorskip("matplotlib")
    empty = Evaluation("road", None, road_metrics(np.zeros((0, 2)), np.zeros((0, 2))), [],
                       np.zeros((0, 112, 112, 3), np.uint8), np.zeros((0, 2)), np.zeros((0, 2)))
    for evaluation in (None, empty):
        text = Page(write(tmp_path, [TrainingReport("R", [], history(3, False), evaluation)])).text
        assert "No frames were held out" in text


@pytest.mark.parametrize("n", [1, 2, 1500])
def test_tiny_and_large_sets_are_drawn(tmp_path, n):
    pytest.importorskip("matplotlib")
    random = np.random.RandomState(0)
    html = write(tmp_path, [
        TrainingReport("R", [], history(1), road(n, random)),
        TrainingReport("C", [], history(1, False), classes(n, ("blocked", "free"), random)),
        TrainingReport("M", [], None, classes(n, tuple("0123456789"), random, "mnist"))])
    assert_loads_nothing(html)
    assert len(html) < 3e6


def test_validation_gaps_are_left_blank(tmp_path):
    pytest.importorskip("matplotlib")
    gaps = History([1, 2, 3], [1.0, 0.5, 0.2], [None, 0.6, float("nan")], [None] * 3, [0.1] * 3, 2)
    assert "kept: epoch 2" in write(tmp_path, [TrainingReport("R", [], gaps)])


def test_without_matplotlib_the_error_names_the_remedy_and_no_page_appears(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(JetbotMLPError, match=r'pip install "jetbot_mlp\[laptop\]"'):
        write_report(tmp_path / "report.html", "t", [TrainingReport("R", [], history())])
    assert os.listdir(str(tmp_path)) == []


def test_a_page_that_fails_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "report.html"
    path.write_text("the old one")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_report(path, "t", [TrainingReport("R", [])])
    assert os.listdir(str(tmp_path)) == ["report.html"] and path.read_text() == "the old one"


def test_drives_become_a_table(tmp_path):
    html = write(tmp_path, [], drive_results=[{"track": "road", "laps": 10.25, "collisions": None},
                                              {"track": "room", "collisions": 0}])
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", html)]
    assert rows == [["track", "laps", "collisions"], ["road", "10.2", "\u2013"], ["room", "\u2013", "0"]]


def test_small_videos_are_inside_and_large_ones_beside(tmp_path, monkeypatch):
    (tmp_path / "my drive.webm").write_bytes(b"x" * 100)
    (tmp_path / "drive.mp4").write_bytes(b"x" * 100)
    videos = [("from <above>", tmp_path / "my drive.webm"), tmp_path / "drive.mp4"]
    html = write(tmp_path, [], videos=videos)
    assert_loads_nothing(html)
    assert 'src="data:video/webm;base64,eHh4' in html
    assert html.count("<video") == 1 and 'href="./drive.mp4"' in html  # browsers do not play that kind
    assert 'aria-label="from &lt;above&gt;"' in html
    monkeypatch.setattr(report_pictures, "MAX_EMBEDDED_VIDEO_BYTES", 99)
    html = write(tmp_path, [], videos=videos)
    assert_loads_nothing(html)
    assert 'src="./my%20drive.webm"' in html and "from <above>" in Page(html).text


def test_a_missing_video_or_folder_is_named(tmp_path):
    with pytest.raises(JetbotMLPError, match="gone.webm"):
        write_report(tmp_path / "r.html", "t", [], videos=[tmp_path / "gone.webm"])
    with pytest.raises(JetbotMLPError, match="make it first"):
        write_report(tmp_path / "nowhere" / "r.html", "t", [])


def test_weights_are_coloured_around_zero():
    picture, top = weight_picture([[-2.0, 0.0, 2.0, 1.0]])
    assert top == 2.0
    blue, zero, red, half = picture[0].astype(int)
    assert blue[0] - blue[2] > 100 and red[2] - red[0] > 100  # BGR
    assert zero.tolist() == [242, 242, 242]
    assert np.all(np.abs(half - (zero + red) / 2) <= 1)
    assert weight_picture(np.zeros((2, 2)))[0].tolist() == [[[242] * 3] * 2] * 2
    colored, _ = weight_picture(np.array([[[-1.0, 0.0, 1.0]]]))
    assert colored[0, 0].tolist() == [0, 128, 255]
