"""How long one whole prediction takes, camera frame to answer, beside the networks that the course replaces.

    python benchmarks/prediction_time.py [MODEL.npz ...] [--json]

Ours is `Predictor(load_model(path))(frame)` for each model file (default: those of models/). Beside it, in
torch where that is installed, ResNet18 and AlexNet with random weights and two outputs, which take as long
as trained ones, behind the official notebooks' preprocessing. One frame at a time, one thread; the
networks take turns. Printed are medians of processor time, which on an idle core is the time that passes;
on a busy one the time that passes would be unfair to the slow networks, which are interrupted more often.
"""
import argparse
import json
import os
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from jetbot_mlp import Predictor, load_model  # noqa: E402
from jetbot_mlp.errors import JetbotMLPError  # noqa: E402

MODELS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "models")
TARGET = 100  #: times faster than ResNet18
CALLS_A_TURN = 5
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  #: of ImageNet's RGB, as in the official notebooks


def resnet18(torch, n_outputs=2):
    """ResNet18 (He et al., Deep residual learning for image recognition, CVPR 2016, table 1), random weights."""
    nn = torch.nn

    def convolution(n_in, n_out, size, stride):
        return [nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False), nn.BatchNorm2d(n_out)]

    class Block(nn.Module):
        def __init__(self, n_in, n_out, stride):
            super().__init__()
            self.body = nn.Sequential(*convolution(n_in, n_out, 3, stride), nn.ReLU(inplace=True),
                                      *convolution(n_out, n_out, 3, 1))
            same = n_in == n_out and stride == 1
            self.shortcut = nn.Identity() if same else nn.Sequential(*convolution(n_in, n_out, 1, stride))
            self.relu = nn.ReLU(inplace=True)

        def forward(self, x):
            return self.relu(self.body(x) + self.shortcut(x))

    layers = convolution(3, 64, 7, 2) + [nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    for n_in, n_out, stride in ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2)):
        layers += [Block(n_in, n_out, stride), Block(n_out, n_out, 1)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, n_outputs))


def alexnet(torch, n_outputs=2):
    """AlexNet in the one-tower form of Krizhevsky, One weird trick (2014), which torchvision has; random weights."""
    nn, layers = torch.nn, []
    for n_in, n_out, size, stride, padding, pool in ((3, 64, 11, 4, 2, True), (64, 192, 5, 1, 2, True),
                                                     (192, 384, 3, 1, 1, False), (384, 256, 3, 1, 1, False),
                                                     (256, 256, 3, 1, 1, True)):
        layers += [nn.Conv2d(n_in, n_out, size, stride, padding), nn.ReLU(inplace=True)]
        layers += [nn.MaxPool2d(3, 2)] if pool else []
    layers += [nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Dropout(), nn.Linear(256 * 36, 4096), nn.ReLU(inplace=True),
               nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Linear(4096, n_outputs)]
    return nn.Sequential(*layers)


def torch_predictor(torch, network):
    """-> function: uint8 (224, 224, 3) BGR -> list of 2 probabilities, with the official preprocessing."""
    network = network.eval()
    mean, std = (torch.tensor(values).reshape(3, 1, 1) for values in (MEAN, STD))

    def predict(frame):
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        with torch.no_grad():
            x = torch.from_numpy(rgb.transpose(2, 0, 1)).to(torch.float32).div(255).sub_(mean).div_(std)
            return torch.softmax(network(x[None]), dim=1)[0].tolist()
    return predict


def times_ms(predictors, frame, turns):
    """predictors: {name: function of a frame}. -> {name: median processor time of a call in ms}."""
    times = {name: [] for name in predictors}
    for turn in range(turns + 1):
        for name, predict in predictors.items():
            for _ in range(CALLS_A_TURN):
                started = time.process_time()
                predict(frame)
                if turn:  # the first turn only warms up
                    times[name].append(1000 * (time.process_time() - started))
    return {name: float(np.median(values)) for name, values in times.items()}


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL.npz", help="default: those of models/",
                        default=[os.path.join(MODELS, name) for name in ("collision.npz", "road.npz")])
    parser.add_argument("--turns", type=int, default=30, help="of %d calls each (default: 30)" % CALLS_A_TURN)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    try:
        ours = {os.path.basename(path): Predictor(load_model(path)) for path in args.models}
    except JetbotMLPError as error:
        print("prediction_time: %s" % error, file=sys.stderr)
        return 2
    predictors, absent = dict(ours), []
    try:
        import torch
    except ImportError:
        absent.append("torch")
        print("torch is not installed, so ResNet18 and AlexNet were left out; see benchmarks/README.md",
              file=sys.stderr)
    else:
        torch.set_num_threads(1)
        predictors["ResNet18"] = torch_predictor(torch, resnet18(torch))
        predictors["AlexNet"] = torch_predictor(torch, alexnet(torch))
    frame = np.random.RandomState(0).randint(0, 256, (224, 224, 3)).astype(np.uint8)
    times = times_ms(predictors, frame, args.turns)
    ratios = {name: times["ResNet18"] / times[name] for name in ours} if "ResNet18" in times else {}
    if args.json:
        print(json.dumps({"median_ms": times, "times_faster_than_resnet18": ratios, "target": TARGET,
                          "reached": min(ratios.values()) >= TARGET if ratios else None, "absent": absent}))
        return 0
    for name, value in times.items():
        ratio = "  1/%.0f of ResNet18, wanted: 1/%d or less" % (ratios[name], TARGET) if name in ratios else ""
        print("%-24s%9.3f ms%s" % (name, value, ratio))
    return 0


if __name__ == "__main__":
    sys.exit(main())
