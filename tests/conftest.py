"""What the tests share: where the real frames lie, if they are there at all."""
import os

import pytest


@pytest.fixture
def real_data():
    """Folder with collision/, road/ and mnist/ of real frames, named by JETBOT_MLP_DATA."""
    folder = os.environ.get("JETBOT_MLP_DATA", "")
    if not os.path.isdir(folder):
        pytest.skip("no real frames: set JETBOT_MLP_DATA to their folder")
    return folder
