"""What the tests share: where the real frames lie, if they are there at all; an imitated official package."""
import os
import signal
import sys

import pytest
from fake_jetbot import make_jetbot

from jetbot_mlp import motor_guard
from jetbot_mlp.cameras import OfficialCamera


def pytest_configure():
    # a shell that runs the tests in the background has Ctrl-C ignored, for all their children too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP"):  # and one started by nohup has this ignored
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(monkeypatch, tmp_path_factory):
    """What someone calibrated on this machine is not for the tests, nor is the cache of the one who runs them."""
    own = tmp_path_factory.mktemp("machine")  # a test's tmp_path holds what the test puts there, nothing else
    monkeypatch.setenv("JETBOT_MLP_ROBOT", str(own / "robot.json"))
    monkeypatch.setenv("JETBOT_MLP_CACHE", str(own / "cache"))


@pytest.fixture
def real_data():
    """Folder with collision/, road/ and mnist/ of real frames, named by JETBOT_MLP_DATA."""
    folder = os.environ.get("JETBOT_MLP_DATA", "")
    if not os.path.isdir(folder):
        pytest.skip("no real frames: set JETBOT_MLP_DATA to their folder")
    return folder


@pytest.fixture
def install(monkeypatch):
    """-> function that puts an imitated jetbot package in place."""
    def put(**keywords):
        module = make_jetbot(**keywords)
        monkeypatch.setitem(sys.modules, "jetbot", module)
        monkeypatch.setattr(motor_guard, "BUSES", (91,))  # a real chip of this machine is not for the tests
        return module

    yield put
    if OfficialCamera.opened is not None:
        OfficialCamera.opened.stop()
