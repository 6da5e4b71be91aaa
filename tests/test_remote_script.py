"""The text that is sent to robots."""
import ast
import importlib
import json
import subprocess
import sys

import pytest

from jetbot_mlp.remote_script import PARTS, joined


def test_it_runs_by_itself_where_the_package_is_not(tmp_path):
    done = subprocess.run([sys.executable, "-I", "-S", "-", "look", json.dumps({"folder": str(tmp_path / "no")})],
                          input=joined().encode(), stdout=subprocess.PIPE, check=True)
    answer = json.loads(done.stdout.decode().splitlines()[-1])
    assert answer["version"] is None and answer["package"] is None


def test_every_name_is_given_once_so_that_the_parts_can_be_joined():
    found = {}
    for part in PARTS:
        for name, value in vars(importlib.import_module("jetbot_mlp." + part)).items():
            if getattr(value, "__module__", "").startswith("jetbot_mlp."):
                assert found.setdefault(name, value) is value, name
    constants = [target.id for node in ast.parse(joined()).body if isinstance(node, ast.Assign)
                 for target in node.targets]
    assert len(constants) == len(set(constants))


def test_a_part_comes_after_those_that_it_imports_and_imports_nothing_else_of_the_package():
    for index, part in enumerate(PARTS):
        with open(importlib.import_module("jetbot_mlp." + part).__file__, encoding="utf-8") as stream:
            tree = ast.parse(stream.read())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.module in PARTS[:index]


@pytest.mark.parametrize("options, line", [
    ({"folder": "/proc/x"}, "/proc/x there: No such file"), ({"folder": "/dev/null/x"}, "/dev/null")])
def test_what_the_disk_says_is_one_line(options, line):
    done = subprocess.run([sys.executable, "-", "begin", json.dumps(dict(options, token="t", need=0))],
                          input=joined().encode(), stdout=subprocess.PIPE, check=True)
    assert line in json.loads(done.stdout.decode())["error"]
