import io
import json
import os
import pickle
import zipfile

import numpy as np
import pytest

from jetbot_mlp import model_file
from jetbot_mlp.errors import ModelFileError
from jetbot_mlp.features import FeatureSpec
from jetbot_mlp.model_file import Model, load_model, save_model
from jetbot_mlp.network import MLP
from jetbot_mlp.target_strips import STRIPS

SPEC = FeatureSpec(color_size=4, gradient_size=16, cells=2, coarse_cells=0)
FRAME = np.random.RandomState(0).randint(0, 256, (224, 224, 3)).astype(np.uint8)


def a_model():
    network = MLP((SPEC.n_features, 6, 2), "relu", "softmax", "softmax_cross_entropy", random_state=0)
    return Model("collision", ("blocked", "free"), network, SPEC, {"samples": 3, "note": "한글"})


@pytest.fixture
def saved(tmp_path):
    path = str(tmp_path / "model.npz")
    save_model(path, a_model(), FRAME)
    return path


def read(path):
    with open(path, "rb") as stream:
        return stream.read()


def members_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_members(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def npy(array, allow_pickle=False):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=allow_pickle)
    return stream.getvalue()


def with_header(path, change):
    """Rewrite the JSON header of a saved model."""
    members = members_of(path)
    header = json.loads(np.load(io.BytesIO(members["header.npy"])).tobytes().decode("utf-8"))
    change(header)
    members["header.npy"] = npy(np.frombuffer(json.dumps(header).encode("utf-8"), np.uint8))
    write_members(path, members)


def test_what_is_saved_is_loaded(saved):
    model, original = load_model(saved), a_model()
    assert (model.task, model.classes, model.feature_spec) == ("collision", ("blocked", "free"), SPEC)
    assert model.training == original.training
    for ours, theirs in zip(model.network.parameters(), original.network.parameters()):
        np.testing.assert_array_equal(ours, theirs)


def test_the_file_appears_whole_and_alone(saved, tmp_path):
    assert os.listdir(str(tmp_path)) == ["model.npz"]


@pytest.mark.parametrize("trouble", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_ctrl_c_keeps_the_old_file_and_leaves_nothing_else(saved, tmp_path, monkeypatch, trouble):
    before = read(saved)

    def broken(stream, **arrays):
        stream.write(b"half")
        raise trouble

    monkeypatch.setattr(model_file.np, "savez_compressed", broken)
    with pytest.raises(type(trouble)):
        save_model(saved, a_model(), FRAME)
    assert read(saved) == before
    assert os.listdir(str(tmp_path)) == ["model.npz"]


def test_a_network_with_nan_is_never_saved(tmp_path):
    model = a_model()
    model.network.weights_[0][0, 0] = np.nan
    with pytest.raises(ModelFileError, match="not finite"):
        save_model(str(tmp_path / "nan.npz"), model, FRAME)
    assert os.listdir(str(tmp_path)) == []


@pytest.mark.parametrize("n_outputs, output_activation, loss", [
    (2, "linear", "huber"), (2 * STRIPS, "softmax", "softmax_cross_entropy")])
def test_a_road_model_answers_x_and_y_whether_its_network_names_them_or_strips(tmp_path, n_outputs,
                                                                              output_activation, loss):
    network = MLP((SPEC.n_features, n_outputs), "relu", output_activation, loss, random_state=0)
    path = str(tmp_path / "road.npz")
    save_model(path, Model("road", None, network, SPEC, {}, True), FRAME)
    answers = load_model(path).outputs(np.stack([FRAME[:112, :112], FRAME[:112, 111::-1]]))
    assert answers.shape == (2, 2)
    np.testing.assert_allclose(answers[1], answers[0] * [-1, 1], atol=1e-4)  # mirrored frame, mirrored x


def test_files_of_the_version_before_are_read(saved):
    with_header(saved, lambda header: header.update(version=2))
    assert load_model(saved).classes == ("blocked", "free")


@pytest.mark.parametrize("change, message", [
    (lambda h: h.update(output_activation="linear", loss="huber"), "output activation"),
    (lambda h: h["layer_sizes"].__setitem__(-1, 2 * STRIPS + 1), "outputs"),
])
def test_strips_must_be_probabilities_and_of_two_coordinates(tmp_path, change, message):
    network = MLP((SPEC.n_features, 2 * STRIPS), "relu", "softmax", "softmax_cross_entropy", random_state=0)
    path = str(tmp_path / "road.npz")
    save_model(path, Model("road", None, network, SPEC, {}), FRAME)
    with_header(path, change)
    with pytest.raises(ModelFileError, match=message):
        load_model(path)


def test_other_numbers_than_promised_are_refused(saved):
    members = members_of(saved)
    weights = np.load(io.BytesIO(members["weights_1.npy"]))
    members["weights_1.npy"] = npy(weights * np.float32(1.5))
    write_members(saved, members)
    with pytest.raises(ModelFileError, match="golden frame"):
        load_model(saved)


@pytest.mark.parametrize("change, message", [
    (lambda h: h.update(version=99), "format version"),
    (lambda h: h.update(format="other"), "not a jetbot_mlp model"),
    (lambda h: h.update(task="fly"), "task"),
    (lambda h: h.update(version=True), "format version"),
    (lambda h: h.update(classes=["blocked"]), "classes"),
    (lambda h: h.update(classes=["free", "blocked"]), "classes"),
    (lambda h: h.update(output_activation="linear"), "output activation"),
    (lambda h: h["training"].update(score=float("nan")), "no JSON number"),
    (lambda h: h.update(classes={"a": 1}), "classes"),
    (lambda h: h.update(layer_sizes=[10 ** 9, 10 ** 9, 2]), "layer sizes"),
    (lambda h: h.update(layer_sizes=[]), "layer sizes"),
    (lambda h: h.update(layer_sizes="big"), "layer sizes"),
    (lambda h: h.update(hidden_activation="os.system"), "not understood"),
    (lambda h: h.update(output_activation=["softmax"]), "output activation"),
    (lambda h: h["feature_spec"].update(color_size=8), "features have"),
    (lambda h: h["feature_spec"].update(color_size=10 ** 30), "not understood"),
    (lambda h: h["feature_spec"].update(unknown=1), "not understood"),
    (lambda h: h.pop("feature_spec"), "not understood"),
])
def test_a_header_that_does_not_fit_is_refused(saved, change, message):
    with_header(saved, change)
    with pytest.raises(ModelFileError, match=message):
        load_model(saved)


def test_a_pickle_is_never_opened(saved, tmp_path):
    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    members = members_of(saved)
    members["weights_0.npy"] = npy(np.array([Bomb()], dtype=object), allow_pickle=True)
    write_members(saved, members)
    with pytest.raises(ModelFileError):
        load_model(saved)
    with open(saved, "wb") as stream:
        pickle.dump(Bomb(), stream)
    with pytest.raises(ModelFileError):
        load_model(saved)
    assert not (tmp_path / "exploded").exists()


def test_an_array_header_that_claims_terabytes_is_refused(saved):
    members = members_of(saved)
    honest = npy(np.zeros((3, 3), np.float32))
    members["weights_0.npy"] = honest.replace(b"(3, 3), }", b"(99999999999, 99999), }")
    write_members(saved, members)
    with pytest.raises(ModelFileError):
        load_model(saved)


@pytest.mark.parametrize("header", [
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 3)",  # the tokenizer of old NumPys raises at this
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (True, 9), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (-3, -3), }",
    b"{'descr': '<f4', 'fortran_order': False, 'shape': (9.0,), }",
    b"{'descr': '|O', 'fortran_order': False, 'shape': (9,), }",
    b"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (9,), }",
    b"__import__('os').getcwd()", b"[" * 100,
])
def test_odd_array_headers_are_refused(saved, header):
    members = members_of(saved)
    header = header.ljust(117) + b"\n"
    members["weights_0.npy"] = b"\x93NUMPY\x01\x00" + bytes([len(header), 0]) + header + bytes(36)
    write_members(saved, members)
    with pytest.raises(ModelFileError):
        load_model(saved)


def test_pipes_and_devices_are_refused_at_once(tmp_path):
    pipe = str(tmp_path / "pipe.npz")
    os.mkfifo(pipe)
    for path in (pipe, "/dev/zero", "a\0b"):
        with pytest.raises(ModelFileError):
            load_model(path)


def test_a_list_of_a_million_members_is_not_read(tmp_path):
    path = str(tmp_path / "many.npz")
    write_members(path, {"%d.npy" % n: b"" for n in range(100)})
    with pytest.raises(ModelFileError, match="more arrays"):
        load_model(path)


def test_a_zip_bomb_is_not_unpacked(tmp_path):
    path = str(tmp_path / "bomb.npz")
    write_members(path, {"header.npy": b"\0" * (200 * 2 ** 20)})
    assert os.path.getsize(path) < 2 ** 20
    with pytest.raises(ModelFileError, match="larger arrays"):
        load_model(path)


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(saved, compression):
    members = members_of(saved)
    write_members(saved, members, compression)
    with pytest.raises(ModelFileError, match="compression"):
        load_model(saved)


@pytest.mark.parametrize("content", [b"", b"PK", b"hello", b"PK\x05\x06" + b"\0" * 18, b"\x93NUMPY\x01\x00"])
def test_foreign_files_are_refused(tmp_path, content):
    path = tmp_path / "foreign.npz"
    path.write_bytes(content)
    with pytest.raises(ModelFileError):
        load_model(str(path))


def test_missing_files_and_folders_are_named(tmp_path):
    with pytest.raises(ModelFileError, match="nothing.npz"):
        load_model(str(tmp_path / "nothing.npz"))
    with pytest.raises(ModelFileError, match="folder"):
        load_model(str(tmp_path))


def test_every_truncation_is_refused(saved):
    whole = read(saved)
    for length in np.linspace(0, len(whole) - 1, 60).astype(int):
        with open(saved, "wb") as stream:
            stream.write(whole[:length])
        with pytest.raises(ModelFileError):
            load_model(saved)


def test_flipped_bits_are_refused_or_change_nothing(saved):
    """A flip in a zip field that nobody reads (a date) is harmless; any other must be found."""
    whole = bytearray(read(saved))
    original = a_model().network.parameters()
    random_state = np.random.RandomState(0)
    refused = 0
    for _ in range(400):
        position, bit = random_state.randint(len(whole)), random_state.randint(8)
        flipped = bytearray(whole)
        flipped[position] ^= 1 << bit
        with open(saved, "wb") as stream:
            stream.write(flipped)
        try:
            model = load_model(saved)
        except ModelFileError:
            refused += 1
        else:
            for ours, theirs in zip(model.network.parameters(), original):
                np.testing.assert_array_equal(ours, theirs)
    assert refused > 350


def test_random_structures_are_refused_with_the_packages_own_error(saved):
    """Random members, shapes, dtypes and JSON: always ModelFileError."""
    random_state = np.random.RandomState(1)
    good = members_of(saved)
    values = [None, True, -1, 1e308, "x", [], {}, [[]], {"a": [1]}, [2, 2], 10 ** 40]
    for _ in range(150):
        members = dict(good)
        name = sorted(members)[random_state.randint(len(members))]
        kind = random_state.randint(4)
        if kind == 0:
            del members[name]
        elif kind == 1:
            members[name] = bytes(random_state.bytes(random_state.randint(200)))
        elif kind == 2:
            dtype = [np.float64, np.int8, np.float32, np.uint8, "S5", "U3", bool][random_state.randint(7)]
            members[name] = npy(np.zeros(random_state.randint(0, 4, random_state.randint(5)), dtype))
        else:
            header = json.loads(np.load(io.BytesIO(good["header.npy"])).tobytes().decode("utf-8"))
            key = sorted(set(header) - {"training", "loss"})[random_state.randint(len(header) - 2)]
            header[key] = values[random_state.randint(len(values))]
            members["header.npy"] = npy(np.frombuffer(json.dumps(header).encode("utf-8"), np.uint8))
        write_members(saved, members)
        with pytest.raises(ModelFileError):
            load_model(saved)
