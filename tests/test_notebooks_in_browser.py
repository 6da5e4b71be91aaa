"""The notebooks in a real browser, as students have them: run all, look, press, click, move a slider, STOP.

Takes two minutes. Skips, saying so, where JupyterLab or the classic notebook, playwright or chromium are missing; see
notebook_browser. With JETBOT_MLP_SCREENSHOTS=FOLDER pictures of the pages are left there.
"""
import os
import re
import shutil
import subprocess
import time

import pytest
from notebook_browser import NotebookPage, browser, can_import, classic_python, copy_notebook, jupyter, lab_python

pytestmark = pytest.mark.browser

UPDATES_HZ, BUSY_HZ = 10.0, 4.0  # pictures a second that must really be shown; when others use the machine, too
STOP_S = 0.2  # from the click in the browser to wheels at zero
CLICK_PX = 2  # of 224

# what the wheels do, sampled in the kernel, beside what drives them: "time left right" for each change
WATCH = r"""import os, threading, time
def watch():
    with open("wheels.log", "w", buffering=1) as log:
        last = None
        while True:
            now = robot.left_motor.power, robot.right_motor.power
            if now != last:
                log.write("%.4f %.4f %.4f\n" % ((time.time(),) + now))
                last = now
            time.sleep(0.002)
threading.Thread(target=watch, daemon=True).start()
with open("kernel.pid", "w") as stream:
    stream.write(str(os.getpid()))"""


@pytest.fixture(scope="module")
def chromium():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with jupyter(lab_python(), str(tmp_path_factory.mktemp("lab")), "lab") as server:
        yield server


@pytest.fixture(scope="module")
def classic(tmp_path_factory):
    with jupyter(classic_python(), str(tmp_path_factory.mktemp("classic")), "classic") as server:
        yield server


@pytest.fixture
def opened(request, chromium):
    """-> function: opens a notebook of this repository on 'lab' or 'classic' and runs it -> (page, its folder)."""
    pages = []

    def opens(flavour, name, watch=WATCH):
        server = request.getfixturevalue(flavour)
        pages.append(NotebookPage(chromium, server, copy_notebook(name, server.folder, {0: watch})))
        pages[-1].run_all()
        return pages[-1], os.path.join(server.folder, "notebooks", os.path.dirname(name))

    yield opens
    for page in pages:
        page.__exit__()


def wheels(folder):
    """[(time s, left, right)] of the watched wheels."""
    with open(os.path.join(folder, "wheels.log"), encoding="utf-8") as log:
        lines = log.read().split("\n")[:-1]  # behind the last newline: half a line, or nothing
    return [tuple(float(value) for value in line.split()) for line in lines] or [(0.0, 0.0, 0.0)]


def stand(folder):
    return wheels(folder)[-1][1:] == (0.0, 0.0)


def wait_until(condition, seconds=10.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen within %g s" % seconds
        time.sleep(0.05)


def seconds_to_zero(folder, since):
    """s from then until the wheels stood for good."""
    wait_until(lambda: stand(folder))
    time.sleep(0.3)
    assert stand(folder)
    return wheels(folder)[-1][0] - since


def drive(page, folder):
    """Dry run, then armed, and the wheels turn."""
    page.button("start the dry run").click()
    page.wait_for_text("dry run: it answers")
    page.button("2  arm").click()
    page.wait_for_text("driving: the wheels turn")
    wait_until(lambda: wheels(folder)[-1][1] > 0)


def pictures_a_second(page):
    """The best of three: other tests may be running beside this one."""
    best = 0.0
    for _ in range(3):
        best = max(best, page.updates_per_second(page.image("camera"), 2.0))
        if best >= UPDATES_HZ:
            break
    return best


def snapshot(page, name):
    folder = os.environ.get("JETBOT_MLP_SCREENSHOTS")
    if folder:
        page.button("STOP").evaluate("button => button.scrollIntoView({block: 'start'})")
        page.page.wait_for_timeout(500)
        page.page.screenshot(path=os.path.join(folder, name + ".png"))


def targets(folder):
    """[(x, y)] px of the saved road frames."""
    names = os.listdir(folder) if os.path.isdir(folder) else []
    found = [re.match(r"xy_(\d+)_(\d+)_", name) for name in names]
    return [(int(match.group(1)), int(match.group(2))) for match in found if match]


def near(target, x, y):
    return abs(target[0] - 224 * x) <= CLICK_PX and abs(target[1] - 224 * y) <= CLICK_PX


def hears_clicks(flavour):
    """Both halves of ipyevents are there; the classic notebook's one is installed by a command of its own."""
    python = lab_python() if flavour == "lab" else classic_python()
    if flavour == "lab" or not can_import(python, "ipyevents"):
        return can_import(python, "ipyevents")
    prefix = subprocess.check_output([python, "-c", "import sys; print(sys.prefix)"], universal_newlines=True).strip()
    return os.path.isdir(os.path.join(prefix, "share", "jupyter", "nbextensions", "ipyevents"))


# --- live ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("flavour,name", [
    ("lab", "road_following/live_demo.ipynb"), ("lab", "collision_avoidance/live_demo.ipynb"),
    ("classic", "both_together.ipynb")])
def test_the_live_demo_shows_drives_and_stops(opened, flavour, name):
    page, folder = opened(flavour, name)
    stop, start, arm = page.button("STOP"), page.button("start the dry run"), page.button("2  arm")
    stop.wait_for()
    page.wait_for_text("last stop: none yet")
    stop.scroll_into_view_if_needed()
    snapshot(page, f"{flavour}-stopped")
    assert stop.is_enabled() and start.is_enabled() and not arm.is_enabled()
    standing_hz = pictures_a_second(page)

    drive(page, folder)
    updates_hz = pictures_a_second(page)
    snapshot(page, f"{flavour}-driving-{os.path.basename(os.path.dirname(name)) or 'both'}")

    limit = page.slider("speed limit")
    limit.focus()
    limit.press("Home")
    for _ in range(10):
        limit.press("ArrowRight")  # 0.10
    wait_until(lambda: 0 < max(abs(v) for v in wheels(folder)[-1][1:]) <= 0.101)

    assert stop.is_enabled()
    pressed = page.press_and_note_when(stop)
    page.wait_for_text("STOP was pressed")
    stopped_s = seconds_to_zero(folder, pressed)
    print(f"{flavour} {name}: {standing_hz:.1f} and {updates_hz:.1f} pictures/s, STOP to zero {1e3 * stopped_s:.0f} ms")
    assert stopped_s < STOP_S
    assert min(standing_hz, updates_hz) >= (BUSY_HZ if os.getloadavg()[0] > 2 * os.cpu_count() else UPDATES_HZ)
    assert not arm.is_enabled()
    assert page.cell_errors() == []


def test_that_was_wrong_keeps_the_target_that_is_clicked(opened):
    page, folder = opened("lab", "road_following/live_demo.ipynb")
    page.wait_for_text("last stop: none yet")
    page.page.wait_for_timeout(1000)
    page.button("show the last second").click()
    if hears_clicks("lab"):
        page.wait_for_text("click where it should have gone")
        page.click_on_image(page.image("now", 5), 0.25, 0.5)
        page.wait_for_text("frames have a target")
        page.button("keep with these targets").click()
        page.wait_for_text("frames kept")
        kept = targets(os.path.join(folder, "corrections_road"))
        assert kept and all(near(target, 0.25, 0.5) for target in kept), kept
    assert page.cell_errors() == []


def test_an_interrupted_or_restarted_kernel_leaves_standing_wheels_and_says_so(opened):
    page, folder = opened("lab", "collision_avoidance/live_demo.ipynb")
    page.button("STOP").wait_for()
    drive(page, folder)
    page.kernel("interrupt")
    page.wait_for_text("ago: the notebook's kernel was interrupted")
    wait_until(lambda: stand(folder))
    page.wait_for_text("stopped: the wheels stand")

    drive(page, folder)  # the kernel goes on, and so may the robot
    with open(os.path.join(folder, "kernel.pid")) as stream:
        kernel = int(stream.read())
    page.kernel("restart")
    wait_until(lambda: not os.path.exists(f"/proc/{kernel}"))  # nobody is left to drive the simulated robot


# --- collect -------------------------------------------------------------------------------------------------------


def opened_collection(opened, flavour, name):
    page, folder = opened(flavour, name)
    page.image("camera").wait_for()
    page.wait_for_text("sharp and new")
    return page, folder


def check_driving_by_hand(page, folder, flavour):
    """Held, it drives; let go, it stands; without ipyevents each press is a short move."""
    left, forward = (page.page.locator(f"button[title='{move}']").first for move in ("left", "forward"))
    if not hears_clicks(flavour):
        left.click()
        wait_until(lambda: len(wheels(folder)) > 2 and stand(folder))
        return
    let_go = page.hold(left)
    wait_until(lambda: not stand(folder))
    released_s = seconds_to_zero(folder, let_go())
    print(f"{flavour}: let go to zero {1e3 * released_s:.0f} ms")
    assert released_s < STOP_S
    let_go = page.hold(forward)
    wait_until(lambda: not stand(folder))
    pressed = time.time()
    page.page.keyboard.press(" ")  # a STOP for which the mouse need not move
    assert seconds_to_zero(folder, pressed) < 2 * STOP_S
    let_go()
    page.button("STOP").click()
    assert stand(folder)


def test_collision_frames_are_collected_by_buttons_and_keys(opened):
    page, folder = opened_collection(opened, "lab", "collision_avoidance/data_collection.ipynb")
    for label in ("free", "blocked"):
        page.button(f"{label} ({label[0]})").click()
        page.wait_for_text(f"saved: {label}")
        page.button("carry the robot elsewhere").click()
        page.page.wait_for_timeout(500)
    count = 2
    if hears_clicks("lab"):
        page.image("camera").hover()
        page.page.keyboard.press("b")
        page.wait_for_text("2 blocked, 1 free")
        count = 3
    names = [name for label in ("blocked", "free") for name in os.listdir(os.path.join(folder, "dataset", label))]
    assert len(names) == count
    page.button("zip for download").click()
    page.wait_for_text("download dataset.zip")
    check_driving_by_hand(page, folder, "lab")
    snapshot(page, "lab-collect")
    assert page.cell_errors() == []


@pytest.mark.parametrize("flavour", ["lab", "classic"])
def test_road_frames_are_collected_by_clicks(opened, flavour):
    page, folder = opened_collection(opened, flavour, "road_following/data_collection.ipynb")
    saved = os.path.join(folder, "dataset_xy")
    if hears_clicks(flavour):
        page.click_on_image(page.image("camera"), 0.25, 0.5)
        page.wait_for_text("saved: target")
        assert len(targets(saved)) == 1 and near(targets(saved)[0], 0.25, 0.5), targets(saved)
        page.click_on_image(page.image("saved frame", 1), 0.75, 0.625)  # its target was elsewhere
        page.wait_for_text("its label is")
        assert len(targets(saved)) == 1 and near(targets(saved)[0], 0.75, 0.625), targets(saved)
    else:
        page.page.get_by_text("no answer to a click?").first.click()
        page.button("save with this target").click()
        page.wait_for_text("saved: target 112, 112")
    check_driving_by_hand(page, folder, flavour)
    snapshot(page, f"{flavour}-collect-road")
    assert page.cell_errors() == []


# --- train ---------------------------------------------------------------------------------------------------------


def test_the_training_notebook_trains_shows_curves_and_saves(opened, lab):
    shutil.rmtree(os.path.join(lab.folder, "notebooks", "collision_avoidance", "dataset"), True)  # another test's
    page, folder = opened("lab", "collision_avoidance/train_model.ipynb", "")
    model = os.path.join(folder, "collision.npz")
    loss = page.image("loss")
    page.page.wait_for_function("() => [...document.querySelectorAll('img.widget-image, img.jupyter-widgets')]"
                                ".some(image => image.offsetWidth > 300 && image.naturalWidth > 300)", timeout=90000)
    wait_until(lambda: os.path.exists(model), 90.0)
    page.page.get_by_text("stopped: the wheels stand").first.wait_for(timeout=90000)  # the last cell's panel
    assert loss.evaluate("image => image.complete && image.naturalWidth > 300")
    page.button("save").click()
    page.wait_for_text("the one before is kept as")
    assert len([name for name in os.listdir(folder) if name.endswith(".npz")]) == 2
    assert page.cell_errors() == []
