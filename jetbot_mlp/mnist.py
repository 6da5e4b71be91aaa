"""Reads MNIST, the lecture's handwritten digits: the original idx files, gzipped or not, or CSV.

idx (http://yann.lecun.com/exdb/mnist): big-endian magic number 0x00000803 (images) or 0x00000801
(labels), one 32-bit size for each dimension, then the bytes. CSV: one digit a line, the label and
784 pixel values, with or without a header line, whole numbers also in the form 5.0 or 5.000e+00.
"""
import gzip
import os
import struct
import warnings
import zlib

import numpy as np

from .errors import DatasetError
from .frame_files import shown

N_PIXELS = 784  #: 28 x 28
_MAX_DIGITS = 1000 * 1000
_MAX_CSV_BYTES = 2 ** 31  # np.savetxt writes 25 bytes a value, 1.2 GB for 60000 digits
_FEWEST_TRAINING_DIGITS = 10  # some are kept for validation
_CSV_CHUNK_BYTES = 2 ** 23
_IMAGES, _LABELS = 0x00000803, 0x00000801
_FOREIGN = "%s is not it (%s); fetch it again"


def load_mnist(folder):
    """Read both parts of MNIST (or of a set in its format, such as Fashion-MNIST) from ``folder``.

    Looks for train-images-idx3-ubyte(.gz) and so on, also with '.idx3' for '-idx3', then for
    mnist_train.csv and mnist_test.csv.
    Returns (train_images uint8 (n, 784), train_labels int64 (n,), test_images, test_labels).
    Raises DatasetError if a file is missing, truncated, foreign or contradicts its twin, and for fewer than
    10 training images or none to test.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise DatasetError("expected a folder with MNIST, found none at %s; check the path" % shown(folder))
    data = _load_part(folder, "train", "train") + _load_part(folder, "t10k", "test")
    if len(data[0]) < _FEWEST_TRAINING_DIGITS or not len(data[2]):
        raise DatasetError("expected at least %d training images and 1 test image, found %d and %d in %s; "
                           "fetch the whole set" % (_FEWEST_TRAINING_DIGITS, len(data[0]), len(data[2]),
                                                    shown(folder)))
    return data


def _load_part(folder, idx_name, csv_name):
    images_path = _find(folder, idx_name + "-images", "idx3-ubyte")
    labels_path = _find(folder, idx_name + "-labels", "idx1-ubyte")
    csv_path = os.path.join(folder, "mnist_%s.csv" % csv_name)
    if images_path and labels_path:
        images = _read_idx(images_path, _IMAGES)
        labels = _read_idx(labels_path, _LABELS).astype(np.int64)
        _check(labels_path, labels, len(images))
        return images, labels
    if os.path.isfile(csv_path):
        return _read_csv(csv_path)
    missing = "%s-%s" % (idx_name, "images-idx3-ubyte" if labels_path else "labels-idx1-ubyte")
    if not images_path and not labels_path:
        missing = "%s-images-idx3-ubyte(.gz) nor mnist_%s.csv" % (idx_name, csv_name)
    raise DatasetError("expected the four idx files of MNIST or mnist_train.csv and mnist_test.csv in %s, "
                       "found no %s; fetch the missing files" % (shown(folder), missing))


def _find(folder, stem, kind):
    """Path of one idx file, or None. Some archives unpack it into a folder of its own name."""
    for separator in "-.":
        for suffix in ("", ".gz"):
            name = stem + separator + kind + suffix
            for path in (os.path.join(folder, name), os.path.join(folder, name, name)):
                if os.path.isfile(path):
                    return path
    return None


def _read_idx(path, magic):
    """uint8 (n, 784) or (n,); never reads more than the header promises and a little."""
    n_dimensions = magic & 0xFF
    try:
        with (gzip.open(path, "rb") if path.endswith(".gz") else open(path, "rb")) as file:
            header = file.read(4 + 4 * n_dimensions)
            if len(header) < 4 + 4 * n_dimensions:
                raise _foreign(path, magic, "it ends within the header")
            found_magic, n = struct.unpack(">II", header[:8])
            shape = struct.unpack(">%dI" % (n_dimensions - 1), header[8:])
            if found_magic != magic:
                raise _foreign(path, magic, "magic number 0x%08x" % found_magic)
            if shape not in ((), (28, 28)) or not 0 < n <= _MAX_DIGITS:
                raise _foreign(path, magic, "it claims %s" % " x ".join(map(str, (n,) + shape)))
            n_bytes = n * (N_PIXELS if shape else 1)
            data = file.read(n_bytes + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _foreign(path, magic, error) from None
    if len(data) != n_bytes:
        raise _foreign(path, magic, "%s bytes than the %d that its header promises"
                       % ("fewer" if len(data) < n_bytes else "more", n_bytes))
    values = np.frombuffer(data, dtype=np.uint8)
    return values.reshape(n, N_PIXELS).copy() if shape else values  # copied: bytes are read-only


def _foreign(path, magic, why):
    what = "28 x 28 images" if magic == _IMAGES else "labels"
    return DatasetError("expected an idx file of %s, found that %s" % (what, _FOREIGN % (shown(path), why)))


def _read_csv(path):
    """(images uint8 (n, 784), labels int64 (n,)) in about a second for 60000 lines.

    np.loadtxt takes minutes in the robot's NumPy; np.fromstring on some thousand lines at a time does not.
    """
    if os.path.getsize(path) > _MAX_CSV_BYTES:
        raise _foreign_csv(path, "larger than 2 GB")
    parts, n_read = [], 0
    try:
        with open(path, "rb") as file:
            first = file.readline(_CSV_CHUNK_BYTES)
            if first.lstrip(b"\xef\xbb\xbf \t")[:1].isdigit():  # else a header line, with or without a mark
                file.seek(len(first) - len(first.lstrip(b"\xef\xbb\xbf")))
            while True:
                lines = file.readlines(_CSV_CHUNK_BYTES)
                if not lines:
                    break
                rows = [line for line in lines if not line.isspace()]
                if rows:
                    parts.append(_parse_rows(rows, path, n_read))
                n_read += len(rows)
    except OSError as error:
        raise _foreign_csv(path, error.strerror) from None
    if not parts:
        raise _foreign_csv(path, "no digit in it")
    values = np.concatenate(parts)
    labels = values[:, 0].astype(np.int64)
    _check(path, labels, len(values))
    return np.ascontiguousarray(values[:, 1:]), labels


def _parse_rows(rows, path, n_before):
    """uint8 (len(rows), 785) of lines of text."""
    for i, row in enumerate(rows):
        if row.count(b",") != N_PIXELS:
            raise _foreign_csv(path, "row %d has %d values" % (n_before + i + 1, row.count(b",") + 1))
    text, n_values = b",".join(rows), len(rows) * (N_PIXELS + 1)
    values = _numbers(text, np.int64)
    if len(values) != n_values:
        values = _numbers(text, np.float64)  # 5.0 and the like; takes longer
    with np.errstate(invalid="ignore"):  # nan compares as False
        is_good = (values >= 0) & (values <= 255) & (values == np.floor(values))
    if len(values) != n_values or not is_good.all():
        raise _foreign_csv(path, "something else than whole numbers from 0 to 255 in rows %d to %d"
                           % (n_before + 1, n_before + len(rows)))
    return values.astype(np.uint8).reshape(len(rows), N_PIXELS + 1)


def _numbers(text, dtype):
    """1-D array of the comma-separated numbers in text (bytes); shorter if one is not of that type."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # how NumPy says that it met something that is no number
            return np.fromstring(text, dtype=dtype, sep=",")
    except (ValueError, DeprecationWarning):
        return np.empty(0, dtype)


def _foreign_csv(path, why):
    return DatasetError("expected a CSV of digits, label and 784 values a row, found that %s"
                        % (_FOREIGN % (shown(path), why)))


def _check(path, labels, n_images):
    if len(labels) != n_images:
        raise DatasetError("expected as many labels as images, found %d in %s for %d images; fetch both again"
                           % (len(labels), shown(path), n_images))
    if labels.max() > 9:
        raise DatasetError("expected labels 0 to 9, found %d in %s; fetch it again"
                           % (labels.max(), shown(path)))
