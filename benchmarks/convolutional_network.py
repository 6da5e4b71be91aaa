"""A yardstick: a small convolutional network, trained from scratch in torch on the folds of our crossvalidation.

    python benchmarks/convolutional_network.py collision|road DATASET... [--blocks 5 | --draws 3] [--json]

Each dataset is judged by itself: blocks of capture time, each held out once, or random draws of 50
frames (collision) or 10 % (road) as in the official notebooks. Nothing is ever chosen on held-out
frames: the number of steps is fixed and the last network counts. The frames, folds, random changes,
class weights, scores and table are those of jetbot_mlp; only the network and its training are torch's,
so the difference in the scores is that of the networks (ours averages three and asks each for the mirrored
frame too; this one is asked once, as it would be on a robot).
"""
import argparse
import json
import math
import sys
import time
from typing import NamedTuple

import cv2
import numpy as np

from jetbot_mlp import progress
from jetbot_mlp.augment import augment
from jetbot_mlp.crossvalidate import SCORES, CrossValidation, mean_of_summaries, metrics_of, summarise
from jetbot_mlp.crossvalidate_table import format_crossvalidation
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.labelled_frames import titles_of
from jetbot_mlp.messages import CLASSES
from jetbot_mlp.splits import class_weights, random_draws, time_blocks


class Settings(NamedTuple):
    """How the network is built and trained; the same for every dataset of a task."""

    size: int = 64  #: px, side of the frames it sees
    widths: tuple = (16, 32, 64, 64)  #: channels of the 3x3 convolutions, each halves the side
    head: str = "flat"  #: 'flat': all positions, 64 units; 'pooled': mean over the positions
    steps: int = 400  #: of the optimizer; 800 gave no more on collision frames
    batch_size: int = 32
    learning_rate: float = 2e-3  #: highest; half a cosine down to 0 after a short warm-up
    weight_decay: float = 0.05  #: decoupled (AdamW)
    dropout: float = 0.3  #: before the last layer
    label_smoothing: float = 0.1  #: collision only


def build_network(torch, settings):
    """Convolution 3x3, max pooling, batch normalisation, ReLU, as often as there are widths; then the head.

    Pooling comes straight after the convolution: the same operations in a third of the time. Takes float32
    (n, 3, size, size), gives (n, 2): logits of CLASSES, or x and y.
    """
    nn, layers, channels, side = torch.nn, [], 3, settings.size
    for width in settings.widths:
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.MaxPool2d(2), nn.BatchNorm2d(width),
                   nn.ReLU()]
        channels, side = width, side // 2
    if settings.head == "pooled":
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(settings.dropout), nn.Linear(channels, 2)]
    else:
        layers += [nn.Flatten(), nn.Linear(channels * side ** 2, 64), nn.ReLU(), nn.Dropout(settings.dropout),
                   nn.Linear(64, 2)]
    return nn.Sequential(*layers)


def train(torch, training, settings, random_state):
    """Fit a network to a Dataset. random_state: np.random.RandomState.

    Returns a function: images uint8 (n, 112, 112, 3) -> outputs float32 (n, 2): probabilities, or x and y.
    """
    torch.manual_seed(int(random_state.randint(2 ** 31)))
    mean, std = (f(training.images / np.float32(255), axis=(0, 1, 2)) for f in (np.mean, np.std))
    network = build_network(torch, settings).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate,
                                  weight_decay=settings.weight_decay)
    is_collision = training.task == "collision"
    weights = class_weights(training.targets, 2) if is_collision else np.ones(len(training), np.float32)

    def as_input(images):
        small = np.stack([cv2.resize(image, (settings.size,) * 2, interpolation=cv2.INTER_AREA) for image in images])
        values = (small * np.float32(1 / 255) - mean) / std
        return torch.from_numpy(values).permute(0, 3, 1, 2)  # a view: channels stay last in memory

    network.train()
    rows = np.zeros(0, np.int64)
    for step in range(settings.steps):
        while len(rows) < settings.batch_size:  # the next epoch
            rows = np.concatenate([rows, random_state.permutation(len(training))])
        batch, rows = rows[:settings.batch_size], rows[settings.batch_size:]
        images, targets = augment(training.images[batch], training.targets[batch], training.task, random_state)
        outputs = network(as_input(images))
        if is_collision:
            losses = torch.nn.functional.cross_entropy(outputs, torch.from_numpy(targets), reduction="none",
                                                       label_smoothing=settings.label_smoothing)
        else:
            losses = torch.nn.functional.huber_loss(outputs, torch.from_numpy(targets), reduction="none").sum(dim=1)
        rate = 0.5 * settings.learning_rate * (1 + math.cos(math.pi * step / settings.steps))
        optimizer.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 50)
        optimizer.zero_grad()
        (losses * torch.from_numpy(weights[batch])).mean().backward()
        optimizer.step()
    network.eval()

    def predict(images):
        with torch.no_grad():
            outputs = network(as_input(images))
            return (torch.softmax(outputs, dim=1) if is_collision else outputs).numpy()
    return predict


def cross_validate(torch, dataset, folds, settings, seed, title):
    """Train on each fold and answer for what it holds out -> CrossValidation, as our own networks' is.

    folds: list of (train, held_out) index arrays into the Dataset.
    """
    answers, scores = [], []
    for number, (train_rows, held_rows) in enumerate(progress.bar(folds, total=len(folds), desc=title)):
        started = time.perf_counter()
        predict = train(torch, dataset.subset(train_rows), settings, np.random.RandomState([seed, number]))
        answers.append(predict(dataset.images[held_rows]))
        scores.append(dict(metrics_of(dataset.task, dataset.targets[held_rows], answers[-1]),
                           trained_on=len(train_rows), seconds=time.perf_counter() - started))
    frames = np.concatenate([held_rows for _, held_rows in folds])
    fold = np.repeat(np.arange(len(folds)), [len(held_rows) for _, held_rows in folds])
    return CrossValidation(dataset.task, CLASSES.get(dataset.task), frames, [dataset.names[i] for i in frames], fold,
                           dataset.targets[frames], np.concatenate(answers), None, scores, None)


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("task", choices=("collision", "road"))
    parser.add_argument("datasets", nargs="+", metavar="DATASET", help="folder or zip file, each judged by itself")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--blocks", type=int, default=5, metavar="N", help="of capture time (default: 5)")
    how.add_argument("--draws", type=int, metavar="N", help="hold out 50 frames or 10 %% at random, N times")
    parser.add_argument("--steps", type=int, default=Settings().steps, help="of training (default: %(default)s)")
    parser.add_argument("--size", type=int, default=Settings().size, help="px of a frame (default: %(default)s)")
    parser.add_argument("--head", choices=("flat", "pooled"), default=Settings().head)
    parser.add_argument("--threads", type=int, default=1, help="of torch (default: 1)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    try:
        import torch
    except ImportError:
        print("torch is not installed, so its network was left out; see benchmarks/README.md", file=sys.stderr)
        if args.json:
            print(json.dumps({"task": args.task, "absent": ["torch"], "datasets": []}))
        return 0
    torch.set_num_threads(args.threads)
    cv2.setNumThreads(args.threads)
    settings = Settings(size=args.size, steps=args.steps, head=args.head)
    n_parameters = sum(p.numel() for p in build_network(torch, settings).parameters())
    titles, summaries = titles_of(args.datasets), []
    try:
        for title, path in zip(titles, args.datasets):
            dataset = load_dataset(args.task, path)
            folds = random_draws(dataset, args.draws, args.seed) if args.draws else time_blocks(dataset, args.blocks)
            summaries.append(summarise(cross_validate(torch, dataset, folds, settings, args.seed, title)))
            headline = SCORES[args.task][0]
            print("%s: %s %.4f" % (title, headline, summaries[-1]["mean"][headline]), file=sys.stderr)
    except JetbotMLPError as error:
        print("convolutional_network: %s" % error, file=sys.stderr)
        return 2
    mean = mean_of_summaries(args.task, summaries) if len(summaries) > 1 else None
    if args.json:
        print(json.dumps({"task": args.task, "absent": [], "settings": settings._asdict(), "seed": args.seed,
                          "parameters": n_parameters, "mean": mean,
                          "datasets": [dict(summary, name=title) for title, summary in zip(titles, summaries)]}))
        return 0
    print("convolutional network, %d parameters, %d px, %d steps; %s\n" % (
        n_parameters, settings.size, settings.steps,
        "%d random draws" % args.draws if args.draws else "%d blocks of capture time" % args.blocks))
    print(format_crossvalidation(args.task, list(zip(titles, summaries)), mean))
    return 0


if __name__ == "__main__":
    sys.exit(main())
