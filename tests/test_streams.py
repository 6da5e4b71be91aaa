import os
import subprocess
import sys

import pytest

from jetbot_mlp.streams import printable


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_text_can_be_printed(tmp_path, encoding):
    path = str(tmp_path / "out")
    with open(path, "w", encoding=encoding) as stream:
        other = printable(stream)
        other.write("로봇 \udcff\n")
        other.flush()
        assert printable(other) is other
    with open(path, encoding=encoding) as stream:
        assert stream.read() in ("로봇 \\udcff\n", "\\ub85c\\ubd07 \\udcff\n")


@pytest.mark.skipif(os.name == "nt", reason="needs a POSIX shell")
def test_closed_streams_are_the_null_device_and_keep_their_numbers():
    program = ("import os, sys; from jetbot_mlp.streams import make_printable; make_printable(); print(1); "
               "print(2, file=sys.stderr); sys.stdin.read(); sys.exit(40 + os.open(os.devnull, os.O_RDONLY))")
    done = subprocess.run(["/bin/sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, program])
    assert done.returncode >= 43
