"""Times are the machine's; here only that the table is whole and that what stands beside ours does the same work."""
import json
import os
import sys

import numpy as np
import pytest

from jetbot_mlp import bench_inference, bench_process, bench_training
from jetbot_mlp.__main__ import main
from jetbot_mlp.bench_clock import row_of
from jetbot_mlp.commands_bench import table
from jetbot_mlp.errors import JetbotMLPError


def test_bench_measures_everything_and_prints_one_json_object(capsys):
    assert main(["bench", "--quick", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    rows = result["rows"]
    assert len(rows) == 19 - 2 * (not hasattr(os, "wait4"))
    for row in rows:
        assert row["ours"] > 0 and row["theirs"] > 0 and 0 < row["low"] <= row["ratio"] <= row["high"], row
        assert row["reached"] is (None if row["goal"] is None else row["ratio"] <= row["goal"])
    # generous: a regression of the package, not of the machine
    worst = {"features of a frame": 6, "network, frame and mirror image": 12}
    for row in rows:
        if row["goal"] is not None and row["work"] in worst:
            assert row["ratio"] < worst[row["work"]], row


def test_the_table_says_what_is_reached():
    text = table([row_of("work", [2.0], "other", [1.0], "ms", 1.5), row_of("work", [1.0], "other", [1.0], "ms", 1.5),
                  row_of("work", [1.0], "other", [1.0], "MB", None)])
    assert [line.split()[-2:] for line in text.splitlines()[1:3]] == [["not", "reached"], ["1.50", "reached"]]
    assert "reached" not in text.splitlines()[3]


def test_the_lectures_lines_and_the_class_take_the_same_step():
    ours, single, plain = bench_training.lecture_steps(np.random.RandomState(0))
    for step in (ours, single, plain):
        step()

    def inside(function):
        return dict(zip(function.__code__.co_freevars, [cell.cell_contents for cell in function.__closure__]))

    network, mlp, lines = inside(ours)["network"], inside(single)["mlp"], inside(plain)
    np.testing.assert_allclose(mlp.weights_[0], lines["w2"], atol=1e-6)
    for name, attribute in (("w2", "W2"), ("b2", "b2"), ("w3", "W3"), ("b3", "b3")):
        np.testing.assert_allclose(getattr(network, attribute), lines[name], rtol=1e-9)


def test_the_default_model_is_as_large_as_a_trained_one():
    model = bench_inference.default_model()
    assert model.mirrored and model.network.layer_sizes[0] == model.feature_spec.n_features


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="no wait4 here")
def test_memory_is_that_of_the_child_alone():
    here = np.zeros(50 * 2 ** 20 // 8)  # this process is larger than an empty Python
    here += 1
    small = bench_process.used_by([sys.executable, "-S", "-c", "pass"])
    large = bench_process.used_by([sys.executable, "-S", "-c", "x = bytearray(100 * 2 ** 20)"])
    assert 1 < small[1] < 40 and 95 < large[1] - small[1] < 130 and 0 < small[0] < 5


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="no wait4 here")
def test_a_child_that_fails_is_told_not_measured():
    with pytest.raises(JetbotMLPError, match="No module named 'nothing_of_the_kind'"):
        bench_process.used_by([sys.executable, "-c", "import nothing_of_the_kind"])
