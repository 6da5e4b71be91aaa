import os
import subprocess
import sys

import pytest

CELL = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("from jetbot_mlp.dataset import load_dataset; load_dataset('road', 'nowhere')")
"""


def test_a_notebook_s_cell_shows_the_words_and_no_traceback(tmp_path):
    pytest.importorskip("IPython")
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CELL], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, cwd=str(tmp_path),
                          env=dict(os.environ, PYTHONPATH=root, IPYTHONDIR=str(tmp_path)))
    assert done.stdout.strip().startswith("DatasetError: ") and "nowhere" in done.stdout
    assert "Traceback" not in done.stdout and len(done.stdout.strip().splitlines()) == 1
