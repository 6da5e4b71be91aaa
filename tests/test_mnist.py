"""MNIST from idx, gzipped idx and CSV, whole or refused."""
import gzip
import os
import struct
import time

import numpy as np
import pytest

from jetbot_mlp.errors import DatasetError
from jetbot_mlp.mnist import load_mnist


def digits(n, seed):
    random_state = np.random.RandomState(seed)
    return random_state.randint(0, 256, (n, 784)).astype(np.uint8), random_state.randint(0, 10, n)


PARTS = {"train": digits(30, 0), "t10k": digits(7, 1)}


def write_idx(folder, separator="-", packed=False):
    for part, (images, labels) in PARTS.items():
        write(folder, "%s-images%sidx3-ubyte" % (part, separator), packed,
              struct.pack(">IIII", 0x803, len(images), 28, 28) + images.tobytes())
        write(folder, "%s-labels%sidx1-ubyte" % (part, separator), packed,
              struct.pack(">II", 0x801, len(labels)) + labels.astype(np.uint8).tobytes())
    return folder


def write(folder, name, packed, data):
    if packed:
        with gzip.open(str(folder / (name + ".gz")), "wb") as file:
            file.write(data)
    else:
        (folder / name).write_bytes(data)


def write_csv(folder, header="", end="\n", form="%d"):
    for part, name in (("train", "mnist_train.csv"), ("t10k", "mnist_test.csv")):
        rows = [",".join(form % v for v in [label] + image.tolist()) for image, label in zip(*PARTS[part])]
        (folder / name).write_bytes((header + end.join(rows) + end).encode("utf-8"))
    return folder


def check(loaded):
    assert [a.dtype for a in loaded] == [np.uint8, np.int64] * 2
    for got, expected in zip(loaded, PARTS["train"] + PARTS["t10k"]):
        np.testing.assert_array_equal(got, expected)
    loaded[0][0] = 1  # nobody is surprised by a read-only array


@pytest.mark.parametrize("separator", ["-", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_are_read_under_their_usual_names(tmp_path, separator, packed):
    check(load_mnist(write_idx(tmp_path, separator, packed)))


def test_idx_files_in_folders_of_their_own_name_are_found(tmp_path):
    write_idx(tmp_path)
    for name in os.listdir(str(tmp_path)):
        (tmp_path / name).rename(tmp_path / "moving")
        (tmp_path / name).mkdir()
        (tmp_path / "moving").rename(tmp_path / name / name)
    check(load_mnist(str(tmp_path)))


@pytest.mark.parametrize("header", ["", "label,%s\n" % ",".join("1x%d" % i for i in range(784)), "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_csv_is_read_with_or_without_header_and_with_any_line_ends(tmp_path, header, end):
    check(load_mnist(write_csv(tmp_path, header, end)))


@pytest.mark.parametrize("form", ["%.1f", "%.18e", "%g."])
def test_csv_of_whole_floats_is_read(tmp_path, form):
    check(load_mnist(write_csv(tmp_path, form=form)))


def test_a_csv_as_large_as_np_savetxt_writes_is_not_too_large(tmp_path):
    path = write_csv(tmp_path) / "mnist_train.csv"
    with open(str(path), "r+b") as file:
        file.truncate(60000 * 785 * 25)  # a hole, no bytes on the disk
    with pytest.raises(DatasetError, match="row 31 has"):
        load_mnist(tmp_path)


def test_a_csv_without_a_last_line_end_is_read(tmp_path):
    write_csv(tmp_path)
    path = tmp_path / "mnist_test.csv"
    path.write_bytes(path.read_bytes().rstrip())
    check(load_mnist(tmp_path))


def broken_idx(name, edit):
    def breaks(folder):
        path = write_idx(folder) / name
        path.write_bytes(edit(path.read_bytes()))
    return breaks


def broken_csv(edit):
    def breaks(folder):
        path = write_csv(folder) / "mnist_train.csv"
        path.write_bytes(edit(path.read_bytes()))
    return breaks


def packed_with(data):
    def breaks(folder):
        write_idx(folder)
        (folder / "train-images-idx3-ubyte").unlink()
        (folder / "train-images-idx3-ubyte.gz").write_bytes(data)
    return breaks


IMAGES, LABELS = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"


@pytest.mark.parametrize("breaks,words", [
    (lambda folder: None, "found no train-images-idx3-ubyte"),
    (lambda folder: (write_idx(folder) / LABELS).unlink(), "found no t10k-labels-idx1-ubyte"),
    (lambda folder: (write_csv(folder) / "mnist_test.csv").unlink(), "mnist_test.csv"),
    (broken_idx(IMAGES, lambda d: b""), "within the header"),
    (broken_idx(IMAGES, lambda d: d[:-1]), "fewer bytes"),
    (broken_idx(IMAGES, lambda d: d + b"x"), "more bytes"),
    (broken_idx(IMAGES, lambda d: b"\x89PNG" + d), "magic number"),
    (broken_idx(IMAGES, lambda d: d[:8] + struct.pack(">II", 32, 32) + d[16:]), "32 x 32"),
    (broken_idx(IMAGES, lambda d: d[:4] + struct.pack(">I", 2 ** 32 - 1) + d[8:]), "claims 4294967295"),
    (broken_idx(LABELS, lambda d: d[:4] + struct.pack(">I", 6) + d[8:-1]), "as many labels as images"),
    (broken_idx(LABELS, lambda d: d[:-1] + b"\x0a"), "labels 0 to 9"),
    (packed_with(b"no gzip"), "idx file of 28 x 28 images"),
    (packed_with(gzip.compress(struct.pack(">IIII", 0x803, 30, 28, 28) + bytes(30 * 784))[:-20]), "idx file"),
    (packed_with(gzip.compress(struct.pack(">IIII", 0x803, 30, 28, 28) + bytes(2 ** 24))), "more bytes"),
    (broken_csv(lambda d: b""), "no digit"),
    (broken_csv(lambda d: b"label,pixels\n"), "no digit"),
    (broken_csv(lambda d: d[:-700]), "row 30 has"),
    (broken_csv(lambda d: d.replace(b"\n", b",7\n", 1)), "row 1 has 786"),
    (broken_csv(lambda d: d[:200] + b"x" + d[201:]), "rows 1 to 30"),
    (broken_csv(lambda d: b"3," + b",".join([b"256"] * 784) + b"\n" + d), "rows 1 to 31"),
    (broken_csv(lambda d: b"3," + b",".join([b"-1"] * 784) + b"\n" + d), "rows 1 to 31"),
    (broken_csv(lambda d: b"3," + b",".join([b"0.5"] * 784) + b"\n" + d), "rows 1 to 31"),
    (broken_csv(lambda d: b"3," + b",".join([b"nan"] * 784) + b"\n" + d), "rows 1 to 31"),
    (broken_csv(lambda d: b"3," + b",".join([b"1e400"] * 784) + b"\n" + d), "rows 1 to 31"),
    (broken_csv(lambda d: b"\n".join(d.split(b"\n")[:9])), "at least 10 training images .* found 9 and 7"),
    (broken_csv(lambda d: b"3," + b"," * 783 + b"\n" + d), "rows 1 to 31"),
    (broken_csv(lambda d: b"12" + d[1:]), "labels 0 to 9"),
])
def test_what_is_not_whole_is_refused_with_its_reason(tmp_path, breaks, words):
    breaks(tmp_path)
    with pytest.raises(DatasetError, match=words) as error:
        load_mnist(tmp_path)
    assert "\n" not in str(error.value)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(DatasetError, match="absent"):
        load_mnist(tmp_path / "absent")


def test_the_original_files_and_their_csv_agree_and_load_in_seconds(real_data, tmp_path):
    loaded = load_mnist(os.path.join(real_data, "mnist"))
    assert [len(a) for a in loaded] == [60000, 60000, 10000, 10000]
    assert loaded[1][:5].tolist() == [5, 0, 4, 1, 9] and np.bincount(loaded[3]).tolist()[0] == 980
    words = np.array([str(i) for i in range(256)])
    for name, images, labels in (("train", loaded[0], loaded[1]), ("test", loaded[2], loaded[3])):
        with open(str(tmp_path / ("mnist_%s.csv" % name)), "w") as file:
            for i in range(0, len(images), 10):  # a tenth is enough to agree
                file.write(",".join([str(labels[i])] + words[images[i]].tolist()) + "\n")
    began = time.time()
    for got, expected in zip(load_mnist(tmp_path), loaded):
        np.testing.assert_array_equal(got, expected[::10])
    assert time.time() - began < 3.0
