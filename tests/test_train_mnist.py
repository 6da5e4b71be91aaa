import json
import struct

import numpy as np
import pytest
from synthetic import alike

from jetbot_mlp import train_mnist as training
from jetbot_mlp.__main__ import main
from jetbot_mlp.features import extract, shrink
from jetbot_mlp.inference import Predictor
from jetbot_mlp.mnist import load_mnist
from jetbot_mlp.model_file import MNIST_PIXELS
from jetbot_mlp.train_mnist import (
    DEFORMED,
    RECIPE,
    as_features,
    as_pictures,
    train_mnist,
    train_mnist_as_lecture,
    train_mnist_deformed,
)


def made_digits(n, seed):
    """Digit d: a bright row of pixels at height 2 d + 4, on noise. uint8 (n, 784), int64 (n,)."""
    random_state = np.random.RandomState(seed)
    labels = np.arange(n) % 10
    images = random_state.randint(0, 60, (n, 28, 28)).astype(np.uint8)
    for image, label in zip(images, labels):
        image[2 * label + 4] = 250
    return images.reshape(n, 784), labels.astype(np.int64)


DATA = made_digits(400, 0) + made_digits(50, 1)
SHORT = DEFORMED._replace(hidden=(60,), batch_size=50, epochs=4)


def test_a_digit_as_a_frame_has_the_features_that_the_network_was_trained_on():
    images = DATA[0][:3]
    pictures = np.stack([shrink(picture) for picture in as_pictures(images)])
    np.testing.assert_allclose(extract(pictures, MNIST_PIXELS), as_features(images), atol=1e-6)


def test_the_trainers_recipe_learns_digits_and_the_predictor_reads_them():
    trained = train_mnist(DATA, RECIPE._replace(epochs=20))
    assert trained.evaluation.metrics["accuracy"] > 0.9
    assert Predictor(trained.model)(as_pictures(DATA[2][7:8])[0]).digit == 7


def test_the_lectures_network_answers_the_same_from_a_model_file():
    trained = train_mnist_as_lecture(DATA)
    assert trained.evaluation.metrics["accuracy"] > 0.9
    assert trained.model.network.output_activation == "sigmoid"


def test_deformed_digits_are_learnt_with_their_own_labels_and_from_all_images():
    # sorted by label: the last images, which others hold back for validation, are all that show the last digits
    images, labels, test_images, test_labels = DATA
    order = np.argsort(labels, kind="stable")
    trained = train_mnist_deformed((images[order], labels[order], test_images, test_labels), SHORT._replace(epochs=40))
    assert trained.model.network.layer_sizes == [784, 60, 10]
    assert trained.evaluation.metrics["accuracy"] > 0.8
    assert trained.history.best_epoch == 40 and trained.history.validation_loss == []


def test_a_seed_is_a_training_of_its_own():
    first, again, other = (train_mnist_deformed(DATA, SHORT, random_state=seed).model.network.weights_[0]
                           for seed in (0, 0, 1))
    assert alike(first, again) and not alike(first, other)


def test_deformations_are_full_up_to_the_middle_and_end_weak():
    strengths = [training._strength(epoch, 10) for epoch in range(1, 11)]
    np.testing.assert_allclose(strengths, [1, 1, 1, 1, 1, 0.84, 0.68, 0.52, 0.36, 0.2])


def test_ctrl_c_keeps_what_the_epochs_before_have_learnt():
    def interrupted(epochs, total, desc):
        for epoch in epochs:
            if epoch == 3:
                raise KeyboardInterrupt
            yield epoch

    trained = train_mnist_deformed(DATA, SHORT, progress=interrupted)
    assert trained.interrupted and trained.history.epoch == [1, 2]


def test_the_command_says_how_long_it_takes_and_how_long_it_took(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(training, "DEFORMED", SHORT)
    for name, images, labels in (("train", DATA[0], DATA[1]), ("t10k", DATA[2], DATA[3])):
        head = struct.pack(">4I", 0x803, len(images), 28, 28)
        (tmp_path / (name + "-images-idx3-ubyte")).write_bytes(head + images.tobytes())
        head = struct.pack(">2I", 0x801, len(labels))
        (tmp_path / (name + "-labels-idx1-ubyte")).write_bytes(head + labels.astype(np.uint8).tobytes())
    model = str(tmp_path / "m.npz")
    words = ["train", "mnist", str(tmp_path), "--out", model, "--deform", "--no-report"]
    assert main(words + ["--json"]) == 0
    captured = capsys.readouterr()
    assert "all 4 take about" in captured.err
    result = json.loads(captured.out)
    assert result["epochs"] == 4 and result["samples"] == 400 and result["held_out"]["samples"] == 50
    assert main(["check", model]) == 0
    assert main(words) == 0
    assert "4 epochs in " in capsys.readouterr().out


@pytest.mark.parametrize("words", [["mnist", "--lecture"], ["collision"]])
def test_deform_goes_with_mnist_and_the_trainer_only(tmp_path, capsys, words):
    assert main(["train", words[0], str(tmp_path), "--out", str(tmp_path / "m.npz"), "--deform"] + words[1:]) == 2
    assert "--deform" in capsys.readouterr().err


def test_784_800_10_learns_fast_from_deformed_digits_of_mnist(real_data):
    trained = train_mnist_deformed(load_mnist(real_data + "/mnist"), DEFORMED._replace(epochs=2))
    assert trained.model.network.layer_sizes == [784, 800, 10]
    assert trained.evaluation.metrics["accuracy"] >= 0.97


def test_784_100_10_reaches_98_percent_on_mnist(real_data):
    trained = train_mnist(load_mnist(real_data + "/mnist"))
    assert trained.model.network.layer_sizes == [784, 100, 10]
    assert trained.evaluation.metrics["accuracy"] >= 0.98
    assert trained.evaluation.metrics["samples"] == 10000
    with pytest.raises(ValueError):
        trained.model.network.forward(np.zeros((1, 783)))
