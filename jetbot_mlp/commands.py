"""What each command does; `__main__` only reads the words of the command line.

Results go to stdout (one JSON object with --json), progress to stderr.
"""
import json
import os
import sys

from . import progress
from .dataset import load_dataset
from .errors import JetbotMLPError, ModelFileError
from .evaluation import evaluate, score
from .metrics import format_metrics
from .mnist import load_mnist
from .model_file import load_model, save_model
from .train_frames import RECIPES, train_frames
from .train_mnist import as_features, as_pictures, train_mnist


def say(*words):
    """A line for people, on stderr, out of the way of results."""
    print(*words, file=sys.stderr)


def print_json(result):
    """One JSON object on stdout."""
    print(json.dumps(result, allow_nan=False))


def writable_file(path, *suffixes):
    """Find out before the work, not after it, that the result could not be saved there."""
    folder = os.path.dirname(os.path.abspath(path))
    if suffixes and not path.lower().endswith(suffixes):
        raise JetbotMLPError(f"expected an --out file ending in {' or '.join(suffixes)}, found {path}")
    if os.path.isdir(path):
        raise JetbotMLPError(f"expected an --out file, found the folder {path}; name a file in it")
    if not os.path.isdir(folder):
        raise JetbotMLPError(f"the folder {folder} does not exist; make it first")
    if not os.access(folder, os.W_OK):
        raise JetbotMLPError(f"the folder {folder} cannot be written to; choose another --out")
    return path


def simulate(args):
    from .sim_dataset import simulate as write_dataset

    write_dataset(args.task, args.out, args.count, seed=args.seed, progress=progress.bar)
    print(f"{args.count} labelled {args.task} frames in {args.out}")


def train(args):
    writable_file(args.out, ".npz")
    if args.task == "mnist":
        trained, golden, skipped = _train_mnist(args)
    else:
        dataset = load_dataset(args.task, args.datasets, xy=args.xy, progress=progress.bar)
        _say_skipped(dataset)
        recipe = RECIPES[args.task]._replace(mirror=not args.no_mirror)
        trained = train_frames(dataset, recipe, args.held_out, args.seed, progress.bar)
        golden, skipped = dataset.images[0], dataset.skipped
    for note in trained.notes:
        say(note)
    if trained.interrupted:
        say(f"stopped by Ctrl-C; keeping the best model so far (epoch {trained.history.best_epoch})")
    save_model(args.out, trained.model, golden)
    report = _write_report(args, trained, skipped)

    model, summary = trained.model, trained.model.training
    result = {
        "task": model.task, "samples": summary["samples"], "seconds": round(trained.seconds, 2),
        "epochs": summary["epochs"], "parameters": int(model.network.n_parameters),
        "model_bytes": os.path.getsize(args.out),
        "held_out": None if trained.evaluation is None else trained.evaluation.metrics,
        "held_out_rule": summary["held_out_rule"], "skipped": len(skipped),
        "interrupted": trained.interrupted, "model": args.out, "report": report,
    }
    if args.json:
        print_json(result)
        return
    print(f"{args.out}: {result['samples']} frames, {result['epochs']} epochs in {result['seconds']:.1f} s, "
          f"{result['parameters']} parameters, {result['model_bytes'] / 1000:.0f} kB")
    if trained.evaluation is None:
        print("no frames were held out, so there is no score")
    else:
        print(f"held out: {summary['held_out_rule']}")
        print(format_metrics(model.task, trained.evaluation.metrics, model.classes))
    if report:
        print(f"pictures and details: {report}")


def _train_mnist(args):
    if len(args.datasets) != 1:
        raise JetbotMLPError(f"expected one MNIST folder, found {len(args.datasets)}")
    data = load_mnist(args.datasets[0])
    if args.lecture:
        from .lecture_run import train_mnist_as_lecture

        trained = train_mnist_as_lecture(data, args.seed, progress.bar)
    else:
        trained = train_mnist(data, random_state=args.seed, progress=progress.bar)
    return trained, as_pictures(data[2][:1])[0], []


def _say_skipped(dataset):
    if dataset.skipped:
        say(f"{len(dataset.skipped)} files skipped:")
        for name, reason in dataset.skipped[:20]:
            say(f"  {name}: {reason}")
        if len(dataset.skipped) > 20:
            say(f"  ... and {len(dataset.skipped) - 20} more")


def evaluate_command(args):
    model = load_model(args.model)
    if model.task == "mnist":
        if len(args.datasets) != 1:
            raise JetbotMLPError(f"expected one MNIST folder, found {len(args.datasets)}")
        _, _, images, labels = load_mnist(args.datasets[0])
        outputs = model.network.forward(as_features(images))
        evaluation, skipped = score("mnist", model.classes, outputs, labels, None, None), 0
    else:
        dataset = load_dataset(model.task, args.datasets, xy=args.xy, progress=progress.bar,
                               require_all_classes=False)
        _say_skipped(dataset)
        evaluation, skipped = evaluate(model, dataset), len(dataset.skipped)
    if args.json:
        print_json({"task": model.task, "model": args.model, "samples": len(evaluation.expected),
                    "skipped": skipped, "metrics": evaluation.metrics})
    else:
        print(format_metrics(model.task, evaluation.metrics, model.classes))


def check(args):
    """Prove each model file; exit status 0 when all are sound, 1 when one is not."""
    unsound = 0
    for path in args.models:
        try:
            model = load_model(path)
        except ModelFileError as error:
            unsound += 1
            print(f"not sound: {error}")
        else:
            layers = "-".join(str(n) for n in model.network.layer_sizes)
            print(f"sound: {path}: {model.task}, {layers}, {os.path.getsize(path) / 1000:.0f} kB")
    return 1 if unsound else 0
