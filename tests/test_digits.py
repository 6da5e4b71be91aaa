import gzip
import struct

import numpy as np
import pytest

from jetbot_mlp.digits import FILES, VARIABLE, draw_digits, find_digits
from jetbot_mlp.errors import DatasetError


def write_mnist(folder, n=20):
    for name in FILES:
        with gzip.open(str(folder / name), "wb") as stream:
            if "images" in name:
                stream.write(struct.pack(">IIII", 0x803, n, 28, 28) + bytes(n * 784))
            else:
                stream.write(struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n)))


def test_drawn_digits_are_like_mnist_and_the_same_for_the_same_seed():
    images, labels, test_images, test_labels = draw_digits(200, 50)
    assert images.shape == (200, 784) and images.dtype == np.uint8 and test_images.shape == (50, 784)
    assert set(labels) == set(test_labels) == set(range(10)) and labels.dtype == np.int64
    assert images.max() > 200 and np.median(images) == 0
    np.testing.assert_array_equal(images, draw_digits(200, 50)[0])


def test_drawn_digits_can_be_told_apart():
    images, labels, test_images, test_labels = draw_digits(600, 100)
    distance = ((test_images[:, None].astype(float) - images[None]) ** 2).sum(axis=2)
    right = np.mean(labels[distance.argmin(axis=1)] == test_labels)
    assert right > 0.8


def test_digits_are_looked_for_where_the_variable_says_then_beside_the_notebook(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(VARIABLE, raising=False)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    write_mnist(folder)
    assert "no MNIST found" in find_digits()[1] and FILES[0] in find_digits()[1]
    monkeypatch.setenv(VARIABLE, str(folder))
    data, words = find_digits()
    assert len(data[0]) == 20 and "elsewhere" in words
    monkeypatch.delenv(VARIABLE)
    (tmp_path / "mnist").mkdir()
    write_mnist(tmp_path / "mnist")
    assert find_digits()[1].startswith("MNIST from mnist")


def test_a_folder_without_its_files_is_an_error_and_no_reason_to_draw(tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    with pytest.raises(DatasetError):
        find_digits()
