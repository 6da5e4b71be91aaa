"""A model as an ONNX file, for those who go on to other runtimes (onnxruntime, TensorRT, OpenCV, a browser).

What is exported is everything behind the features: the network, which has standardisation, averaging of its
members and temperature folded in, and the mean of the answers for the frame and the mirrored frame. What comes
before, frame to features, is no part of the graph: it is described in the file's metadata, and `shrink` and
`extract` do it.

    features float32 (n, n_features) -+-> network -----------------------+-> mean -> answer float32 (n, 2 or n_classes)
                                      +-> Gather(mirror_order) -> network +

Only operators of opset 11 are used, which onnxruntime 1.0 and TensorRT 7 already know.
Source: the operators of ONNX, https://onnx.ai/onnx/operators/
"""
import hashlib
import json
from typing import NamedTuple, Optional

import numpy as np

from . import __version__
from .errors import JetbotMLPError
from .features import extract, mirror_order, shrink
from .frame_files import shown
from .layers import LEAKY_SLOPE
from .model_file import golden_frame, load_model
from .target_strips import strip_middles
from .terminal import print_json, writable_file
from .text_files import write_whole

OPSET, IR_VERSION = 11, 6  #: of ONNX 1.6, December 2019
TOLERANCE = 1e-5  #: largest difference from our own answers, which are at most 1
INPUT, OUTPUT = "features", {"collision": "probabilities", "mnist": "probabilities", "road": "target"}
_OPERATORS = {"sigmoid": "Sigmoid", "tanh": "Tanh", "relu": "Relu", "leaky_relu": "LeakyRelu", "softmax": "Softmax"}
_WORDS = {
    "collision": "probability of each class, in the order of 'classes'; jetbot_mlp calls a frame blocked from 0.5 on",
    "mnist": "probability of each digit 0 to 9",
    "road": "x, y of the target point in [-1, 1]: x -1 is the left edge of the frame, 1 the right; y -1 the top, "
            "1 the bottom",
}


class Exported(NamedTuple):
    """What `export_onnx` made."""

    bytes: int  #: size of the file
    runtime: Optional[str]  #: 'onnxruntime 1.19.2', which computed the same; None when it is not installed
    largest_difference: Optional[float]  #: of its answers from ours


def export_onnx(model_path, onnx_path):
    """Write the model of a file as ONNX, whole or not at all, and verify it where onnxruntime is installed.

    Returns Exported. Raises JetbotMLPError without the package onnx, or when onnxruntime computes other numbers
    than we do (nothing is written then); ModelFileError for a file that is no sound model.
    """
    model, golden = load_model(model_path), golden_frame(model_path)
    with open(model_path, "rb") as stream:
        digest = hashlib.sha256(stream.read()).hexdigest()
    data = onnx_bytes(model, {"source_sha256": digest})
    features = trial_features(extract(shrink(golden)[None], model.feature_spec)[0])
    runtime, difference = None, None
    try:
        import onnxruntime
    except ImportError:
        pass
    else:
        runtime = f"onnxruntime {onnxruntime.__version__}"
        difference = largest_difference(onnxruntime, data, model, features)
        if not difference <= TOLERANCE:  # NaN fails too
            raise JetbotMLPError(f"expected {runtime} to answer as we do within {TOLERANCE:g}, found a difference of "
                                 f"{difference:g}; nothing was written: try another version of onnxruntime")
    write_whole(onnx_path, data)
    return Exported(len(data), runtime, difference)


def onnx_bytes(model, more=None):
    """model: `Model`; more: dict of str for the metadata, beside what is there anyhow. Returns bytes."""
    onnx = _onnx()
    helper, float32 = onnx.helper, onnx.TensorProto.FLOAT
    network, output, sizes = model.network, OUTPUT[model.task], model.network.layer_sizes
    nodes, constants = [], {}
    for index, (weights, bias) in enumerate(zip(network.weights_, network.biases_)):
        constants[f"weights_{index}"] = weights.astype(np.float32)
        constants[f"bias_{index}"] = bias.astype(np.float32)

    def add(operator, inputs, result, **attributes):
        nodes.append(helper.make_node(operator, inputs, [result], name=f"{operator}_{len(nodes)}", **attributes))
        return result

    def add_coordinates(strips, prefix):
        """As `target_strips.coordinates`."""
        if sizes[-1] == 2:
            return strips
        for name, columns in (("middles", strip_middles(sizes[-1] // 2)), ("ones", np.ones(sizes[-1] // 2))):
            constants[name] = np.kron(np.eye(2), columns[:, np.newaxis]).astype(np.float32)
            add("MatMul", [strips, name], f"{prefix}{name}_sum")
        return add("Div", [f"{prefix}middles_sum", f"{prefix}ones_sum"], f"{prefix}coordinates")

    def add_network(layer_input, prefix):
        """Each call takes the same weights."""
        activations = [network.hidden_activation] * (len(network.weights_) - 1) + [network.output_activation]
        for index, activation in enumerate(activations):
            z = add("Gemm", [layer_input, f"weights_{index}", f"bias_{index}"], f"{prefix}z_{index}")
            attributes = {"leaky_relu": {"alpha": LEAKY_SLOPE}, "softmax": {"axis": 1}}.get(activation, {})
            layer_input = z if activation == "linear" else \
                add(_OPERATORS[activation], [z], f"{prefix}a_{index}", **attributes)
        return add_coordinates(layer_input, prefix) if model.task == "road" else layer_input

    answer = add_network(INPUT, "")
    if model.mirrored:
        constants["mirror_order"] = mirror_order(model.feature_spec).astype(np.int64)
        mirror = add_network(add("Gather", [INPUT, "mirror_order"], "mirrored_features", axis=1), "mirrored_")
        if model.task == "road":
            constants["left_is_right"] = np.array([-1, 1], np.float32)
            mirror = add("Mul", [mirror, "left_is_right"], "mirrored_back")
        constants["half"] = np.array(0.5, np.float32)
        answer = add("Mul", [add("Add", [answer, mirror], "sum"), "half"], "mean")
    if model.task == "road":  # as `to_prediction` does
        constants["lowest"], constants["highest"] = np.array(-1, np.float32), np.array(1, np.float32)
        add("Clip", [answer, "lowest", "highest"], output)
    else:
        add("Identity", [answer], output)

    n_answers = 2 if model.task == "road" else sizes[-1]
    graph = helper.make_graph(
        nodes, f"jetbot_mlp_{model.task}", [helper.make_tensor_value_info(INPUT, float32, ["n", sizes[0]])],
        [helper.make_tensor_value_info(output, float32, ["n", n_answers])],
        [onnx.numpy_helper.from_array(array, name) for name, array in constants.items()])
    proto = helper.make_model(graph, producer_name="jetbot_mlp", producer_version=__version__,
                              opset_imports=[helper.make_opsetid("", OPSET)])
    proto.ir_version = IR_VERSION
    helper.set_model_props(proto, dict(metadata(model), **(more or {})))
    onnx.checker.check_model(proto)
    return proto.SerializeToString()


def metadata(model):
    """What a program needs to make the features and to read the answer: dict of str to str, JSON where nested."""
    return {
        "task": model.task, "classes": json.dumps(model.classes), "package": f"jetbot_mlp {__version__}",
        "feature_spec": json.dumps(dict(model.feature_spec._asdict())), "mirrored": json.dumps(model.mirrored),
        "training": json.dumps(model.training), "output": _WORDS[model.task],
        "preprocessing": (
            f"The input is no picture but features, made by jetbot_mlp {__version__} (pip install the same version): "
            "from jetbot_mlp.features import FeatureSpec, extract, shrink; features = extract(shrink(frame)[None], "
            "FeatureSpec(**feature_spec)), where frame is uint8 (height, width, 3) in BGR order as OpenCV gives it, "
            "and feature_spec is the JSON object of that name in this metadata. shrink: to 112 x 112 by area "
            "averaging, squeezed when not square. extract, one after the other: grey_size^2 grey values / 255; "
            "color_size^2 * 3 logarithmic opponent colours; for the cells and then the coarse_cells the histograms "
            "of edge directions, normalised in blocks of 2 x 2 cells; sizes that are 0 are left out. Standardisation "
            "and the mirrored frame's answer are inside this graph."),
    }


def trial_features(golden):
    """Features to verify with: the golden frame's, float32 (n_features,), 16 others near it, 16 at random.

    Returns float32 (33, n_features). Near the golden frame hardly any answer is cut off at +-1.
    """
    random = np.random.RandomState(0)
    near = golden * random.uniform(0.7, 1.3, (16, len(golden)))
    anywhere = random.uniform(golden.min(), golden.max(), (16, len(golden)))
    return np.concatenate((golden[None], near, anywhere)).astype(np.float32)


def largest_difference(onnxruntime, data, model, features):
    """How far onnxruntime's answers are from ours: a float. All features at once and the first one by itself."""
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    ours = model.outputs_of(features)
    if model.task == "road":
        ours = np.clip(ours, -1.0, 1.0)
    differences = [np.max(np.abs(session.run([OUTPUT[model.task]], {INPUT: part})[0] - ours[:len(part)]))
                   for part in (features, features[:1])]
    return float(np.max(differences))


def _onnx():
    try:
        import onnx
        import onnx.numpy_helper  # in onnx 1.7 not there by itself
    except ImportError as error:
        raise JetbotMLPError(f"writing ONNX needs the package onnx, which is not here ({error}); "
                             f"pip install 'jetbot_mlp[onnx]' on the laptop, the robot does not need it")
    return onnx


def export(args):
    """The command: one ONNX file, and how well it was verified."""
    writable_file(args.onnx, ".onnx")
    done = export_onnx(args.model, args.onnx)
    if args.json:
        print_json({"model": shown(args.model), "onnx": shown(args.onnx), "bytes": done.bytes, "opset": OPSET,
                    "verified_by": done.runtime, "largest_difference": done.largest_difference})
        return
    print(f"{shown(args.onnx)}: {done.bytes / 1000:.0f} kB, opset {OPSET}; its metadata say how a frame becomes "
          f"features")
    if done.runtime is None:
        print("not verified: onnxruntime is not installed (pip install onnxruntime)")
    else:
        print(f"verified: {done.runtime} answers as we do within {done.largest_difference:.1g}")
