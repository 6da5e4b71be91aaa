"""One small .npz holds everything a robot needs; loading it proves that it computes the right thing.

Inside: ``header`` (UTF-8 JSON: format version, task, classes, layer sizes, activations,
`FeatureSpec`, training summary, data fingerprint), ``weights_0, bias_0, weights_1, ...`` (float32,
or float16 where that loses nothing) and ``golden_image`` + ``golden_output``: a real frame and what the
network answered when it was saved. `load_model` computes that answer again and refuses the file when the
numbers differ, so a damaged file or another preprocessing is found at the desk, not on the floor.

A model file may come from anywhere, so reading trusts nothing: sizes are checked before anything
is unpacked, no pickle is ever opened, time and memory stay bounded.
"""
import io
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from typing import NamedTuple, Optional, Tuple

import numpy as np

from .errors import ModelFileError
from .features import FeatureSpec, extract, mirror_order, shrink
from .messages import CLASSES
from .network import MLP
from .target_strips import coordinates

FORMAT_VERSION = 3  #: since 3 a road network answers with strips (see `target_strips`)
READABLE_VERSIONS = (2, 3)
MAX_BYTES = 8 * 2 ** 20  #: of a file, and of all that it unpacks to; ours are below 1 MB
MAX_HEADER_BYTES = 64 * 2 ** 10
MAX_LAYERS = 32
MAX_MEMBERS = 3 + 2 * MAX_LAYERS
GOLDEN_TOLERANCE = 1e-4  #: largest difference of an output value; float32 on other processors is within 1e-5

TASKS = ("collision", "road", "mnist")
MNIST_PIXELS = FeatureSpec(grey_size=28, color_size=0, gradient_size=0)


class Model(NamedTuple):
    """A trained network with all that is needed to use it."""

    task: str  #: 'collision', 'road' or 'mnist'
    classes: Optional[Tuple[str, ...]]  #: names of the outputs, in order; None for road
    network: MLP  #: takes the raw features: standardisation is folded into its first layer
    feature_spec: FeatureSpec
    training: dict  #: summary for people and reports: frames, epochs, scores, fingerprint, ...
    mirrored: bool = False  #: each answer is the mean of those for the frame and for the mirrored frame

    def outputs(self, images):
        """images: uint8 (n, 112, 112, 3) from `shrink` -> answers: road x, y float32 (n, 2), else one
        probability for each class, float32 (n, n_classes)."""
        return self.outputs_of(extract(images, self.feature_spec))

    def outputs_of(self, features):
        """features: float32 (n, n_features) from `extract` -> answers like those of `outputs`."""
        if not self.mirrored:
            return self._once(features)
        order, n = mirror_order(self.feature_spec), len(features)
        both = np.empty((2 * n, len(order)), features.dtype)
        both[:n] = features
        for mirrored, row in zip(both[n:], features):  # np.take of all rows is slower
            mirrored[:] = row[order]
        both = self._once(both)  # one product: the weights are read once
        answers, other = both[:n], both[n:]
        if self.task == "road":
            other[:, 0] = -other[:, 0]  # what was left is right
        return (answers + other) / 2

    def _once(self, features):
        outputs = self.network.forward(features)
        return coordinates(outputs) if self.task == "road" else outputs


def save_model(path, model, golden_image):
    """Write the file whole or not at all, after proving that it loads again.

    golden_image: uint8 (H, W, 3), a frame of the data. Raises ModelFileError when the model
    cannot be saved as a sound file, OSError when the disk refuses.
    """
    network = model.network
    header = {
        "format": "jetbot_mlp model", "version": FORMAT_VERSION, "task": model.task,
        "classes": None if model.classes is None else list(model.classes),
        "layer_sizes": [int(n) for n in network.layer_sizes],
        "hidden_activation": network.hidden_activation, "output_activation": network.output_activation,
        "loss": network.loss, "feature_spec": dict(model.feature_spec._asdict()), "training": model.training,
        "mirrored": model.mirrored,
    }
    try:
        text = json.dumps(header, allow_nan=False).encode("utf-8")
    except (TypeError, ValueError) as error:
        raise ModelFileError(f"the training summary must be plain JSON without NaN: {error}")
    arrays = {"header": np.frombuffer(text, np.uint8), "golden_image": golden_image,
              "golden_output": model.outputs(shrink(golden_image)[None])[0].astype(np.float32)}
    for index, (weights, bias) in enumerate(zip(network.weights_, network.biases_)):
        arrays[f"weights_{index}"] = _compact(weights)
        arrays[f"bias_{index}"] = _compact(bias)

    import tempfile  # takes 5 ms, and driving writes no model

    folder = os.path.dirname(os.path.abspath(path))
    handle, temporary = tempfile.mkstemp(suffix=".part", prefix=".model-", dir=folder)
    try:
        with os.fdopen(handle, "wb") as stream:
            np.savez_compressed(stream, **arrays)
            stream.flush()
            os.fsync(stream.fileno())
        load_model(temporary)
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp's 0600 would lock out the robot's other user
        os.replace(temporary, path)
    except BaseException:  # Ctrl-C too: nothing half-written stays behind
        os.unlink(temporary)
        raise


def load_model(path):
    """Read and prove a model file.

    Returns Model. Raises ModelFileError (missing, truncated, foreign, hostile, or computing
    other numbers than it promises), whatever the file holds.
    """
    try:
        arrays = _read_arrays(path)
        header = _read_header(arrays)
        model = _build(header, arrays)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}")
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read: {error.strerror or error}; check the path")
    _prove(path, model, arrays)
    return model


def golden_frame(path):
    """The frame, uint8 (H, W, 3), with which a file proves itself. For files that `load_model` has taken."""
    return _read_arrays(path)["golden_image"]


def _compact(array):
    """float16 where that is exact, else float32."""
    with np.errstate(over="ignore"):
        half = array.astype(np.float16)
    return half if np.array_equal(half.astype(array.dtype), array) else array.astype(np.float32)


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _read_arrays(path):
    """name -> array of every member, each size checked before it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(_read_bytes(path))) as archive:
            members = archive.infolist()
            if len(members) > MAX_MEMBERS or sum(m.file_size for m in members) > MAX_BYTES:
                raise ModelFileError("holds more or larger arrays than any model of ours; not unpacked")
            arrays = {}
            for member in members:
                name = member.filename
                if not name.endswith(".npy") or name[:-4] in arrays:
                    raise ModelFileError(f"not a jetbot_mlp model: unexpected member {name!r:.80}")
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise ModelFileError(f"member {name!r:.80} uses an unusual compression; not unpacked")
                with archive.open(member) as stream:
                    data = stream.read(member.file_size + 1)
                arrays[name[:-4]] = _parse_npy(name, data)
            return arrays
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, ValueError,
            KeyError, IndexError, OverflowError, UnicodeError, struct.error) as error:
        raise ModelFileError(f"damaged or not a model file ({error or type(error).__name__}); "
                             f"copy it again or train a new one")


def _read_bytes(path):
    """The whole file, if it is one and of a model's size; a pipe or a device would never end."""
    try:
        status = os.stat(path)
    except ValueError as error:  # a NUL in the path
        raise ModelFileError(f"no such path can be ({error}); check it")
    if not stat.S_ISREG(status.st_mode):
        raise ModelFileError("expected a model file (.npz), found a folder or a device")
    with open(path, "rb") as stream:
        data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ModelFileError(f"expected a model file below {MAX_BYTES >> 20} MB, found more")
    # the zip's last record says how many members there are; zipfile would list them all first
    end = data.rfind(b"PK\5\6")
    if end >= 0 and len(data) >= end + 12 and struct.unpack_from("<H", data, end + 10)[0] > MAX_MEMBERS:
        raise ModelFileError("holds more arrays than any model of ours; not unpacked")
    return data


# NumPy's own reader believes any shape, and its header parser runs Python's tokenizer on what it finds
_NPY_HEADER = re.compile(rb"\{'descr': '(<f[24]|\|u1)', 'fortran_order': (?:True|False), "
                         rb"'shape': \(((?:[0-9]{1,9},? ?){0,4})\), \} *\n")


def _parse_npy(name, data):
    """The array of one .npy member of format 1.0 as `numpy.savez` writes it."""
    start = 10 + int.from_bytes(data[8:10], "little")
    match = _NPY_HEADER.match(data, 10, start) if data[:8] == b"\x93NUMPY\x01\x00" else None
    if match is None or match.end() != start:
        raise ModelFileError(f"array {name!r:.80} is no plain float or uint8 array; copy the file again")
    dtype = np.dtype(match.group(1).decode("ascii"))
    shape = tuple(int(length) for length in re.findall(rb"[0-9]+", match.group(2)))
    count = 1
    for length in shape:
        count *= length
    if count * dtype.itemsize != len(data) - start:
        raise ModelFileError(f"array {name!r:.80}: expected {shape} values, found {len(data) - start} bytes; "
                             f"copy the file again")
    return np.frombuffer(data, dtype, count, start).reshape(shape).copy()


def _read_header(arrays):
    raw = arrays.get("header")
    if raw is None or raw.dtype != np.uint8 or raw.ndim != 1 or len(raw) > MAX_HEADER_BYTES:
        raise ModelFileError("not a jetbot_mlp model: it has no header; train one with 'jetbot-mlp train'")
    try:
        header = json.loads(raw.tobytes().decode("utf-8"), parse_constant=_no_such_number)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"the header is damaged ({str(error):.80}); copy the file again")
    if not isinstance(header, dict) or header.get("format") != "jetbot_mlp model":
        raise ModelFileError("not a jetbot_mlp model: its header is of something else")
    if type(header.get("version")) is not int or header["version"] not in READABLE_VERSIONS:
        raise ModelFileError(f"expected format version {FORMAT_VERSION}, found {header.get('version')!r:.40}; "
                             f"update jetbot_mlp or train the model again")
    return header


def _no_such_number(text):
    raise ValueError(f"{text} is no JSON number")


def _build(header, arrays):
    """Model from the header and arrays; every shape and value is held against the header."""
    task, sizes, classes = header.get("task"), header.get("layer_sizes"), header.get("classes")
    if task not in TASKS:
        raise ModelFileError(f"expected a task out of {', '.join(TASKS)}, found {task!r:.40}")
    if not isinstance(sizes, list) or not 2 <= len(sizes) <= MAX_LAYERS + 1 \
            or not all(type(n) is int and 0 < n <= MAX_BYTES // 4 for n in sizes):
        raise ModelFileError(f"layer sizes are not a list of whole numbers: {sizes!r:.80}")
    expected = None if task == "road" else list(CLASSES[task])
    if classes != expected or (sizes[-1] % 2 if task == "road" else sizes[-1] != len(expected)):
        raise ModelFileError(f"a {task} model has the classes {expected}, found {classes!r:.80} "
                             f"and {sizes[-1]} outputs")
    fitting = ("softmax", "sigmoid") if task != "road" else ("linear",) if sizes[-1] == 2 else ("softmax",)
    if header.get("output_activation") not in fitting:
        raise ModelFileError(f"output activation {header.get('output_activation')!r:.40} does not fit {task}")
    for index, shape in enumerate(zip(sizes[:-1], sizes[1:])):
        for name, expected in ((f"weights_{index}", shape), (f"bias_{index}", shape[1:])):
            array = arrays.get(name)
            if array is None or array.dtype not in (np.float32, np.float16) or array.shape != expected:
                raise ModelFileError(f"array {name}: expected float32 or float16 {expected}, found "
                                     f"{'nothing' if array is None else (str(array.dtype), array.shape)}")
            if not np.all(np.isfinite(array)):
                raise ModelFileError(f"array {name} holds values that are not finite; train the model again")
    try:
        spec = FeatureSpec(**header["feature_spec"]).check()
        layers = range(len(sizes) - 1)
        network = MLP.of([arrays[f"weights_{index}"] for index in layers],
                         [arrays[f"bias_{index}"] for index in layers],
                         header["hidden_activation"], header["output_activation"], header["loss"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"the header is not understood by this version ({str(error):.120}); "
                             f"update jetbot_mlp or train the model again")
    mirrored = header.get("mirrored")
    if not isinstance(mirrored, bool):
        raise ModelFileError(f"expected mirrored to be true or false, found {mirrored!r:.40}")
    if task == "mnist" and (spec != MNIST_PIXELS or mirrored):
        raise ModelFileError(f"an mnist model takes 28 x 28 grey pixels, not mirrored, found {spec}")
    if spec.n_features != sizes[0]:
        raise ModelFileError(f"the features have {spec.n_features} numbers, the first layer takes {sizes[0]}")
    training = header.get("training")
    return Model(task, None if classes is None else tuple(classes), network, spec,
                 training if isinstance(training, dict) else {}, mirrored)


def _prove(path, model, arrays):
    """Compute the golden frame's answer again."""
    image, promised = arrays.get("golden_image"), arrays.get("golden_output")
    if image is None or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape \
            or promised is None or promised.shape != (2 if model.task == "road" else model.network.layer_sizes[-1],):
        raise ModelFileError(f"{path}: holds no golden frame to prove itself with; train the model again")
    with np.errstate(all="ignore"):
        computed = model.outputs(shrink(image)[None])[0]
        difference = np.max(np.abs(computed - promised))
    if not difference <= GOLDEN_TOLERANCE:  # NaN fails too
        raise ModelFileError(f"{path}: the golden frame gives {np.round(computed, 5).tolist()} here, the file "
                             f"promises {np.round(promised, 5).tolist()}; do not drive with it: copy it again, "
                             f"or the versions of OpenCV or jetbot_mlp differ too much")
