"""Every notebook runs from top to bottom, without a robot and without a person; and holds only what it should."""
import ast
import glob
import os
import re
import shutil
import subprocess
import sys

import pytest

nbformat = pytest.importorskip("nbformat", reason="pip install 'jetbot_mlp[test]'")
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTEBOOKS = sorted(os.path.relpath(path, ROOT) for path in glob.glob(os.path.join(ROOT, "notebooks", "**", "*.ipynb"),
                                                                    recursive=True) if ".ipynb_checkpoints" not in path)
LECTURE = os.path.join("notebooks", "backpropagation.ipynb")  # here students write functions
# In a process of its own: the warnings of Jupyter's packages are not for our tests
RUN = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=200, resources={"metadata": {"path": sys.argv[2]}}).execute()
nbformat.write(notebook, sys.argv[1])
"""


def test_there_are_the_course_s_notebooks():
    names = {os.path.relpath(path, "notebooks").replace(os.sep, "/") for path in NOTEBOOKS}
    assert {"backpropagation.ipynb", "collision_avoidance/train_model.ipynb",
            "road_following/train_model.ipynb"} <= names


def cells_of(path, kind):
    return [cell for cell in nbformat.read(os.path.join(ROOT, path), 4).cells if cell.cell_type == kind]


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_is_of_a_format_that_the_robot_s_jupyter_reads(path):
    notebook = nbformat.read(os.path.join(ROOT, path), nbformat.NO_CONVERT)
    assert notebook.nbformat == 4 and notebook.nbformat_minor <= 4  # 4.5 is news to notebook 6
    nbformat.validate(notebook)
    assert notebook.metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_nothing_that_it_once_printed_is_stored(path):
    for cell in cells_of(path, "code"):
        assert cell.outputs == [] and cell.execution_count is None


@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path != LECTURE])
def test_functions_and_classes_live_in_the_package(path):
    for cell in cells_of(path, "code"):
        kinds = {type(node) for node in ast.walk(ast.parse(cell.source))}
        assert not kinds & {ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda}


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_pictures_have_words_for_those_who_do_not_see_them(path):
    """`as_html` asks for them; IPython's Image takes none before version 8, imshow never."""
    for cell in cells_of(path, "code"):
        names = {getattr(node, "id", getattr(node, "attr", None)) for node in ast.walk(ast.parse(cell.source))}
        assert not names & {"Image", "imshow", "as_png"}
    for cell in cells_of(path, "markdown"):
        assert not re.search(r"!\[ *\]|<img", cell.source)


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_runs_on_the_robot_s_python(path):
    older = {"feature_version": (3, 6)} if sys.version_info >= (3, 8) else {}
    for cell in cells_of(path, "code"):
        assert isinstance(ast.parse(cell.source, **older), ast.Module)


@pytest.mark.parametrize("path", NOTEBOOKS)
def test_it_runs_from_top_to_bottom(path, tmp_path):
    pytest.importorskip("nbclient", reason="pip install 'jetbot_mlp[test]'")
    pytest.importorskip("ipykernel", reason="pip install 'jetbot_mlp[test]'")
    pytest.importorskip("ipywidgets", reason="pip install 'jetbot_mlp[laptop]'")
    shutil.copytree(os.path.join(ROOT, "models"), str(tmp_path / "models"))
    copy = tmp_path / path
    copy.parent.mkdir(parents=True)
    shutil.copy(os.path.join(ROOT, path), str(copy))
    environment = dict(os.environ, PYTHONPATH=ROOT, IPYTHONDIR=str(tmp_path / "ipython"), OPENBLAS_NUM_THREADS="1")
    environment.pop("JETBOT_MLP_MNIST", None)
    done = subprocess.run([sys.executable, "-c", RUN, str(copy), str(copy.parent)], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, done.stdout[-3000:]
    printed = [output for cell in nbformat.read(str(copy), 4).cells for output in cell.get("outputs", ())]
    assert not [output.text for output in printed if output.get("name") == "stderr"]
    if path.endswith("train_model.ipynb"):
        task = "road" if "road" in path else "collision"
        assert (copy.parent / (task + ".npz")).is_file()  # it did the work
