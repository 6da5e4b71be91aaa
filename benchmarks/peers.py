"""The network and the training step of jetbot_mlp beside torch, onnxruntime and scikit-learn.

    python benchmarks/peers.py [--rounds 21] [--json]

The same work on the same shapes, in float32, one thread, in alternating rounds as `jetbot-mlp bench` does
it, whose table needs no peers. A peer that is not installed is named and left out. scikit-learn's step is
`MLPClassifier.partial_fit` on one batch, the only step it offers; it has one momentum-free SGD and Adam.
"""
import argparse
import json
import os
import sys
import tempfile

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # read when NumPy is imported
os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2  # noqa: E402
import numpy as np  # noqa: E402

from jetbot_mlp.bench_clock import row  # noqa: E402
from jetbot_mlp.bench_inference import default_model, some_frame  # noqa: E402
from jetbot_mlp.bench_process import rows_beside  # noqa: E402
from jetbot_mlp.bench_training import BATCHES, SIZES, lecture_steps, step_and_products  # noqa: E402
from jetbot_mlp.commands_bench import table  # noqa: E402
from jetbot_mlp.features import extract, shrink  # noqa: E402
from jetbot_mlp.optimizers import SGD, Adam  # noqa: E402


def peer(name, absent):
    """The module, or None, and then its name is in absent."""
    try:
        return __import__(name)
    except ImportError:
        absent.append(name)
        return None


def onnxruntime_rows(onnxruntime, rounds, random_state):
    """The network with its mirror image, all behind the features, as `jetbot-mlp export` writes it."""
    from jetbot_mlp.export_onnx import onnx_bytes

    model = default_model()
    features = extract(shrink(some_frame(random_state))[None], model.feature_spec)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_bytes(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    np.testing.assert_allclose(session.run(None, {name: features})[0], model.outputs_of(features), atol=1e-5)
    return [row("network, frame and mirror image", lambda: model.outputs_of(features), "onnxruntime",
                lambda: session.run(None, {name: features}), 1.2, rounds, random_state)]


def torch_step(torch, sizes, batch, name, random_state):
    """-> function: one training step of the same network in torch."""
    nn, layers = torch.nn, []
    for n_in, n_out in zip(sizes, sizes[1:]):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    network = nn.Sequential(*layers[:-1])
    optimizer = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam}[name](network.parameters(), lr=1e-5)
    x = torch.from_numpy(random_state.random_sample((batch, sizes[0])).astype(np.float32))
    labels = torch.from_numpy(random_state.randint(0, sizes[-1], batch))

    def step():
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(x), labels).backward()
        optimizer.step()
    return step


def scikit_learn_step(sizes, batch, name, random_state):
    """-> function: one training step of the same network in scikit-learn, float32."""
    from sklearn.neural_network import MLPClassifier

    network = MLPClassifier(sizes[1:-1], solver=name.lower(), batch_size=batch, alpha=0, momentum=0, shuffle=False,
                            learning_rate_init=1e-5, random_state=0)
    x = random_state.random_sample((batch, sizes[0])).astype(np.float32)
    labels = random_state.randint(0, sizes[-1], batch)
    network.partial_fit(x, labels, classes=np.arange(sizes[-1]))
    return lambda: network.partial_fit(x, labels)


def training_rows(torch, sklearn, rounds, random_state):
    found = []
    for sizes in SIZES:
        for batch in BATCHES:
            step, _ = step_and_products(sizes, batch, random_state)
            for name, optimizer in (("SGD", SGD(1e-5)), ("Adam", Adam(1e-5))):
                work = "%s, batch %d, %s" % ("-".join(map(str, sizes)), batch, name)

                def ours(optimizer=optimizer, step=step):
                    step(optimizer)

                if torch is not None:
                    theirs = torch_step(torch, sizes, batch, name, random_state)
                    found.append(row(work, ours, "torch", theirs, 1.0, rounds, random_state))
                if sklearn is not None:
                    theirs = scikit_learn_step(sizes, batch, name, random_state)
                    found.append(row(work, ours, "scikit-learn", theirs, 1.0, rounds, random_state))
    return found


def lecture_rows(torch, rounds, random_state):
    """One sample at a time: sigmoid layers and half squared error, float64 as in the lecture, and float32."""
    nn = torch.nn

    def torch_lecture_step(dtype):
        network = nn.Sequential(nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 10), nn.Sigmoid()).to(dtype)
        optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
        x = torch.from_numpy(random_state.random_sample((1, 784))).to(dtype)
        target = torch.full((1, 10), 0.01, dtype=dtype)

        def step():
            optimizer.zero_grad()
            (0.5 * (network(x) - target) ** 2).sum().backward()
            optimizer.step()
        return step
    ours, single = lecture_steps(random_state)[:2]
    return [row("one sample, the lecture's class", ours, "torch, float64", torch_lecture_step(torch.float64), 0.2,
                rounds, random_state),
            row("one sample, MLP.descend, float32", single, "torch, float32", torch_lecture_step(torch.float32), 0.2,
                rounds, random_state)]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=21, help="turns of each (default: 21)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    random_state, found, absent = np.random.RandomState(0), [], []
    torch, sklearn, onnxruntime = (peer(name, absent) for name in ("torch", "sklearn", "onnxruntime"))
    if onnxruntime is not None and peer("onnx", absent) is not None:
        found += onnxruntime_rows(onnxruntime, args.rounds, random_state)
    if torch is not None:
        torch.set_num_threads(1)
    found += training_rows(torch, sklearn, args.rounds, random_state)
    if torch is not None:
        found += lecture_rows(torch, args.rounds, random_state)
        with tempfile.TemporaryDirectory() as folder:
            found += rows_beside("torch", max(1, args.rounds // 3), random_state, folder)
    if absent:
        print("not installed, so left out: %s; see benchmarks/README.md" % ", ".join(absent), file=sys.stderr)
    if args.json:
        print(json.dumps({"absent": absent, "rows": [dict(one._asdict(), reached=one.reached) for one in found]}))
    else:
        print(table(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
