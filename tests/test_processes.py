import os
import subprocess
import sys

import pytest

from jetbot_mlp import processes

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="needs /proc")


def test_who_has_a_file_open_is_found_but_not_oneself(tmp_path):
    path = str(tmp_path / "i2c-1")
    with open(path, "w"), subprocess.Popen([sys.executable, "-c", f"f = open({path!r}); print(1, flush=True); input()"],
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert processes.holders(str(tmp_path / "i2c-")) == [(process.pid, path)]
        assert processes.shown(process.pid).startswith(f"process {process.pid} (")
        process.communicate(b"\n")
    assert processes.holders(path) == []


def test_a_process_that_has_ended_is_no_error():
    assert processes.words_of(2 ** 22 + 1) == [""] and "ended" in processes.shown(2 ** 22 + 1)
    assert processes.running_guards("of nobody", (1,)) == []


def test_command_lines_that_look_nearly_like_a_guards_are_none_of_ours():
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE) as process:
        assert processes.running_guards("input()", (1,)) == []  # too few words
        process.communicate(b"\n")
