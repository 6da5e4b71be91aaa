import json
import sys
import types

import numpy as np
import pytest

from jetbot_mlp import __version__, export_onnx
from jetbot_mlp.__main__ import main
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.features import FeatureSpec, extract, shrink
from jetbot_mlp.messages import CLASSES
from jetbot_mlp.model_file import MNIST_PIXELS, Model, load_model, save_model
from jetbot_mlp.network import MLP
from jetbot_mlp.target_strips import STRIPS

SMALL = FeatureSpec(grey_size=3, color_size=4, gradient_size=16, cells=2, coarse_cells=0)
FRAME = np.random.RandomState(0).randint(0, 256, (224, 224, 3)).astype(np.uint8)


def a_model(task="collision", hidden="relu", output="softmax", mirrored=True, sizes=(6,)):
    spec = MNIST_PIXELS if task == "mnist" else SMALL
    classes = None if task == "road" else tuple(CLASSES[task])
    loss = {"softmax": "softmax_cross_entropy", "linear": "huber", "sigmoid": "half_squared_error"}[output]
    n_outputs = len(classes) if task != "road" else 2 if output == "linear" else 2 * STRIPS
    network = MLP((spec.n_features,) + sizes + (n_outputs,), hidden, output, loss, random_state=0)
    for bias in network.biases_:
        bias[...] = np.random.RandomState(1).uniform(-0.5, 0.5, bias.shape)
    return Model(task, classes, network, spec, {"note": "한글"}, mirrored)


@pytest.fixture
def saved(tmp_path):
    path = str(tmp_path / "model.npz")
    save_model(path, a_model(), FRAME)
    return path


def session_of(path):
    onnxruntime = pytest.importorskip("onnxruntime")
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


MODELS = [
    a_model(), a_model(mirrored=False), a_model(output="sigmoid"), a_model("road", "tanh", "linear"),
    a_model("road", "leaky_relu", "linear", mirrored=False, sizes=(7, 5)),
    a_model("road", "sigmoid", "linear", sizes=()), a_model("road"), a_model("road", mirrored=False),
    a_model("mnist", "sigmoid", "sigmoid", mirrored=False), a_model("mnist", mirrored=False),
]


def name_of(model):
    network = model.network
    return f"{model.task}-{network.hidden_activation}-{network.output_activation}-{model.mirrored}"


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_another_runtime_answers_for_every_kind_of_model_as_we_do(model, tmp_path):
    pytest.importorskip("onnx")
    source, path = str(tmp_path / "model.npz"), str(tmp_path / "model.onnx")
    save_model(source, model, FRAME)
    done = export_onnx.export_onnx(source, path)
    session = session_of(path)
    assert done.runtime.startswith("onnxruntime ") and done.largest_difference < 1e-5
    images = np.random.RandomState(2).randint(0, 256, (5, 112, 112, 3)).astype(np.uint8)
    expected = load_model(source).outputs(images)
    if model.task == "road":
        expected = np.clip(expected, -1, 1)
    features = extract(images, model.feature_spec)
    for n in (1, 5):  # any number of frames at once
        answer, = session.run(None, {"features": features[:n]})
        assert answer.shape == expected[:n].shape and np.max(np.abs(answer - expected[:n])) < 1e-5


def test_a_target_beyond_the_frame_is_cut_off_as_the_predictor_does(tmp_path):
    pytest.importorskip("onnx")
    model = a_model("road", "relu", "linear", mirrored=False)
    model.network.biases_[-1][...] = (7, -9)
    source, path = str(tmp_path / "model.npz"), str(tmp_path / "model.onnx")
    save_model(source, model, FRAME)
    export_onnx.export_onnx(source, path)
    answer, = session_of(path).run(None, {"features": extract(shrink(FRAME)[None], SMALL)})
    assert answer.tolist() == [[1, -1]]


def test_the_metadata_say_how_a_frame_becomes_features(saved, tmp_path):
    onnx = pytest.importorskip("onnx")
    path = str(tmp_path / "model.onnx")
    export_onnx.export_onnx(saved, path)
    proto = onnx.load(path)
    said = {entry.key: entry.value for entry in proto.metadata_props}
    assert FeatureSpec(**json.loads(said["feature_spec"])) == SMALL
    assert json.loads(said["classes"]) == ["blocked", "free"] and said["task"] == "collision"
    assert said["package"] == f"jetbot_mlp {__version__}" and "extract(shrink(frame)" in said["preprocessing"]
    assert len(said["source_sha256"]) == 64 and json.loads(said["training"]) == {"note": "한글"}
    assert [(o.domain, o.version) for o in proto.opset_import] == [("", 11)] and proto.ir_version == 6


def test_another_answer_leaves_the_old_file_as_it_was(saved, tmp_path, monkeypatch):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(export_onnx, "LEAKY_SLOPE", 0.5)
    save_model(saved, a_model("road", "leaky_relu", "linear"), FRAME)
    with pytest.raises(JetbotMLPError, match="as we do within 1e-05, found a difference of .*nothing was written"):
        export_onnx.export_onnx(saved, str(path))
    assert path.read_bytes() == b"old" and sorted(p.name for p in tmp_path.iterdir()) == ["model.npz", "model.onnx"]


def test_without_onnx_one_line_says_what_to_install(saved, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["export", saved, "--onnx", str(tmp_path / "model.onnx")]) == 2
    said = capsys.readouterr()
    assert said.err.count("\n") == 1 and "pip install 'jetbot_mlp[onnx]'" in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_without_onnxruntime_the_file_is_written_and_said_to_be_not_verified(saved, tmp_path, monkeypatch, capsys):
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", saved, "--onnx", str(tmp_path / "model.onnx")]) == 0
    assert "not verified: onnxruntime is not installed" in capsys.readouterr().out
    assert main(["export", saved, "--onnx", str(tmp_path / "model.onnx"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["verified_by"] is None


@pytest.mark.parametrize("name", ["model.pb", "nowhere/model.onnx"])
def test_a_name_that_cannot_be_is_told_before_the_work(saved, tmp_path, name, capsys):
    assert main(["export", saved, "--onnx", str(tmp_path / name)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_runtime_that_answers_nan_is_not_believed():
    class Session:
        def __init__(self, data, providers):
            pass

        def run(self, names, inputs):
            return [np.full((len(inputs["features"]), 2), np.nan, np.float32)]

    features = export_onnx.trial_features(extract(shrink(FRAME)[None], SMALL)[0])
    runtime = types.SimpleNamespace(InferenceSession=Session)
    difference = export_onnx.largest_difference(runtime, b"", a_model(), features)
    assert np.isnan(difference)
