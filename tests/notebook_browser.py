"""Opens a notebook in a real browser, JupyterLab 4 or the classic notebook 6: what the browser tests share.

    with jupyter(python, folder, "lab") as server, browser() as chromium:
        with NotebookPage(chromium, server, "live_demo.ipynb") as page:
            page.run_all()
            page.button("STOP").click()

Chromium is `JETBOT_MLP_CHROMIUM`, or the one in the PATH, or playwright's own. The notebook's Python may be another
one than that of the tests (playwright does not run on the robot's Python 3.6): `JETBOT_MLP_CLASSIC_PYTHON`.
"""
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
START_S = 40.0  # s, for a Jupyter server or a page on a busy machine
# counts each picture that has really been loaded into an <img>
COUNT_LOADS = """image => { image.loads = 0; image.onload = () => { image.loads += 1; }; }"""
NOTE = """(button, kind) => button.addEventListener(kind, () => { window.notedAt = Date.now() / 1000; }, true)"""


def can_import(python, *modules):
    """True when that Python has all of the modules."""
    code = f"import importlib.util as u, sys; sys.exit(not all(u.find_spec(m) for m in {modules!r}))"
    return subprocess.call([python, "-c", code]) == 0


def lab_python():
    """The Python with JupyterLab 4 and ipywidgets 8; skips where there is none."""
    python = os.environ.get("JETBOT_MLP_LAB_PYTHON", sys.executable)
    if not can_import(python, "jupyterlab", "ipywidgets", "ipykernel"):
        pytest.skip("no JupyterLab: pip install 'jetbot_mlp[browser]'")
    return python


def classic_python():
    """The Python with notebook 6 and ipywidgets 7, the robot's generation; skips where there is none."""
    python = os.environ.get("JETBOT_MLP_CLASSIC_PYTHON", "")
    if not python or not can_import(python, "notebook", "ipywidgets", "ipykernel", "cv2"):
        pytest.skip("no classic notebook: set JETBOT_MLP_CLASSIC_PYTHON to a Python with notebook<7 and ipywidgets<8")
    return python


@contextlib.contextmanager
def browser():
    """A chromium without a window, through playwright; skips where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="no playwright: pip install 'jetbot_mlp[browser]'")
    path = os.environ.get("JETBOT_MLP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser") \
        or shutil.which("google-chrome")
    with api.sync_playwright() as playwright:
        try:
            chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        except api.Error as error:
            pytest.skip(f"no chromium: {str(error).splitlines()[0]}")
        try:
            yield chromium
        finally:
            chromium.close()


class Server:
    """A running Jupyter; flavour: 'lab' or 'classic'; address: http://..., folder: where its notebooks lie."""

    def __init__(self, address, flavour, folder):
        self.address, self.flavour, self.folder = address, flavour, folder


@contextlib.contextmanager
def jupyter(python, folder, flavour):
    """Serves a folder; -> Server. Nothing of the user's own Jupyter settings is read or written."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = os.path.join(folder, ".jupyter")
    environment = dict(os.environ, PYTHONPATH=ROOT, JUPYTER_CONFIG_DIR=own, JUPYTER_DATA_DIR=own,
                       JUPYTER_RUNTIME_DIR=own, IPYTHONDIR=own, PYTHONWARNINGS="default")
    program, app = {"lab": ("jupyterlab", "ServerApp"), "classic": ("notebook", "NotebookApp")}[flavour]
    command = [python, "-m", program, "--no-browser", "--allow-root", f"--{app}.port={port}", f"--{app}.ip=127.0.0.1",
               f"--{app}.token=", f"--{app}.password=", f"--{app}.disable_check_xsrf=True"]
    if flavour == "lab":
        command += ["--LabApp.expose_app_in_browser=True"]
    os.makedirs(os.path.join(own, "labconfig"), exist_ok=True)
    with open(os.path.join(own, "labconfig", "default_setting_overrides.json"), "w", encoding="utf-8") as settings:
        json.dump({"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}, settings)
    with open(os.path.join(own, "server.log"), "w", encoding="utf-8") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True)
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address + "/api", process, log.name)
            yield Server(address, flavour, folder)
        finally:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGINT if process.poll() is None else signal.SIGTERM)
            time.sleep(0.2)
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL)  # its kernels, too
            process.wait(10)


def _wait_for(address, process, log):
    until = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > until:
                with open(log, encoding="utf-8") as stream:
                    raise AssertionError("Jupyter did not start:\n" + stream.read()[-2000:])
            time.sleep(0.1)


def copy_notebook(name, folder, cells_after=None):
    """notebooks/<name> into a folder laid out as here, models/ beside it; -> its path from that folder.

    cells_after: {number of a code cell, from 0: source of a cell that is put behind it}, to look into the kernel.
    """
    with open(os.path.join(ROOT, "notebooks", name), encoding="utf-8") as stream:
        notebook = json.load(stream)
    cells, number = [], 0
    for cell in notebook["cells"]:
        cells.append(cell)
        if cell["cell_type"] == "code":
            if number in (cells_after or {}):
                cells.append(dict(cell, source=cells_after[number]))
            number += 1
    path = os.path.join(folder, "notebooks", name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(dict(notebook, cells=cells), stream)
    if not os.path.isdir(os.path.join(folder, "models")):
        shutil.copytree(os.path.join(ROOT, "models"), os.path.join(folder, "models"))
    return "notebooks/" + name


class NotebookPage:
    """One notebook, opened; left, its kernel ends. `page` is playwright's, for whatever is not here."""

    opened = 0  # so many, each in a workspace of its own: JupyterLab would open the earlier ones again, too

    def __init__(self, chromium, server, path, size=(1280, 1400)):
        self.server = server
        self.page = chromium.new_page(viewport={"width": size[0], "height": size[1]})
        self.page.set_default_timeout(1000 * START_S)
        self.errors = []  # what the page threw
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        NotebookPage.opened += 1
        folder = f"/lab/workspaces/w{NotebookPage.opened}/tree/" if server.flavour == "lab" else "/notebooks/"
        self.page.goto(server.address + folder + path)
        # a new kernel is there, and idle
        if server.flavour == "lab":
            self.page.wait_for_function("""() => { const app = window.jupyterapp, now = app && app.shell.currentWidget;
                const session = now && now.sessionContext && now.sessionContext.session;
                return session && session.kernel && session.kernel.status === 'idle'; }""")
        else:
            self.page.wait_for_function("""() => window.Jupyter && Jupyter.notebook && Jupyter.notebook.kernel &&
                Jupyter.notebook.kernel.is_connected() && document.querySelector('.kernel_idle_icon') &&
                'jupyter.widget' in Jupyter.notebook.kernel.comm_manager.targets""")
            self.page.wait_for_timeout(2000)  # it still asks the kernel for old widgets; new ones would get lost

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        sessions = self.server.address + "/api/sessions"
        with contextlib.suppress(OSError):  # a kernel that is just being restarted; the server's end is its end
            with contextlib.closing(urllib.request.urlopen(sessions, timeout=10)) as answer:
                found = json.loads(answer.read().decode())
            for session in found:
                gone = urllib.request.Request(f"{sessions}/{session['id']}", method="DELETE")
                urllib.request.urlopen(gone, timeout=20).close()
        self.page.close()

    def kernel(self, what):
        """what: 'interrupt' or 'restart', as the menu does it."""
        kernel = "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel" \
            if self.server.flavour == "lab" else "Jupyter.notebook.kernel"
        self.page.evaluate(f"() => {{ {kernel}.{what}(); }}")

    def run_all(self):
        """All cells, from the first; returns when the last one has been sent."""
        if self.server.flavour == "lab":
            self.page.evaluate("() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }")
        else:
            self.page.evaluate("() => { Jupyter.notebook.execute_all_cells(); }")

    def cell_errors(self):
        """Texts of the tracebacks that cells show."""
        where = ".jp-RenderedText[data-mime-type='application/vnd.jupyter.stderr'], .output_error, " \
                ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
        return self.page.locator(where).all_inner_texts()

    def button(self, text):
        """The widget button with that text."""
        return self.page.locator("button.jupyter-button, button.widget-button").filter(has_text=text).first

    def slider(self, label):
        """The handle of the slider with that label, for `focus` and `press('ArrowRight')`."""
        box = self.page.locator(".widget-slider, .widget-hslider").filter(has_text=label).first
        return box.locator(".noUi-handle, .ui-slider-handle").first

    def image(self, alt, number=0):
        """The <img> of a widget: by its alternative text, where ipywidgets knows that, else by its place."""
        named = self.page.locator(f"img[alt='{alt}']")
        return named.first if named.count() else self.page.locator("img.widget-image, img.jupyter-widgets").nth(number)

    def updates_per_second(self, image, seconds=3.0):
        """How many pictures a second are really shown in an <img>."""
        handle = image.element_handle()
        handle.evaluate(COUNT_LOADS)
        began = time.monotonic()
        self.page.wait_for_timeout(1000 * seconds)
        return handle.evaluate("image => image.loads") / (time.monotonic() - began)

    def press_and_note_when(self, button):
        """Clicks; -> when the browser saw the click, s, as time.time()."""
        button.element_handle().evaluate(NOTE, "click")
        button.click()
        return self.page.evaluate("() => window.notedAt")

    def hold(self, button):
        """The mouse goes down on it; -> function that lets go, and returns when the browser saw that."""
        button.scroll_into_view_if_needed()
        button.element_handle().evaluate(NOTE, "mouseup")
        box = button.bounding_box()
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.wait_for_timeout(300)  # the kernel hears that the mouse is there
        self.page.mouse.down()

        def let_go():
            self.page.mouse.up()
            return self.page.evaluate("() => window.notedAt")

        return let_go

    def click_on_image(self, image, x, y):
        """A click at x, y, shares of the image's width and height."""
        image.scroll_into_view_if_needed()
        box = image.bounding_box()
        self.page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])

    def wait_for_text(self, text):
        """Until it is to be seen somewhere on the page."""
        self.page.get_by_text(text).first.wait_for()
