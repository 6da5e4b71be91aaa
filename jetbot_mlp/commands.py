"""What each command does; `__main__` only reads the words of the command line.

Those of the robot are in `commands_drive`, which imports nothing of training.
"""
import os

from . import progress
from .dataset import load_dataset
from .errors import JetbotMLPError
from .evaluation import evaluate, score
from .exclusion import check_some_left_out
from .frame_files import shown
from .frame_overlap import overlap, overlap_as_json, overlap_in_words
from .held_out_twins import leaks_as_json, leaks_of, warning_of_leaks
from .metrics import format_metrics
from .mnist import load_mnist
from .model_file import load_model, save_model
from .terminal import print_json, say, say_skipped, writable_file
from .train_frames import RECIPES, train_frames
from .train_mnist import (
    as_features,
    as_pictures,
    thumbnails,
    train_mnist,
    train_mnist_as_lecture,
    train_mnist_deformed,
)


def simulate(args):
    from .sim_dataset import simulate as write_dataset

    write_dataset(args.task, args.out, args.count, seed=args.seed, progress=progress.bar)
    print(f"{args.count} labelled {args.task} frames in {shown(args.out)}")


def train(args):
    writable_file(args.out, ".npz")
    args.report_path = None if args.no_report else \
        args.report or os.path.splitext(args.out)[0] + ".report.html"
    if args.report_path:
        writable_file(args.report_path, ".html")
    if args.deform and args.task != "mnist":
        raise JetbotMLPError(f"--deform is for mnist, found {args.task}; leave it out: frames are always varied")
    if args.task == "mnist":
        (trained, golden, skipped), dataset = _train_mnist(args), None
    else:
        dataset = load_frames(args.task, args)
        recipe = RECIPES[args.task]._replace(mirror=not args.no_mirror)
        trained = train_frames(dataset, recipe, args.held_out, args.seed, progress.bar)
        golden, skipped = dataset.images[0], dataset.skipped
    for note in trained.notes:
        say(note)
    if trained.interrupted:
        say("stopped by Ctrl-C; keeping the best model so far")
    save_model(args.out, trained.model, golden)
    leaks = leaks_of(trained, dataset)
    if warning_of_leaks(leaks):
        say(warning_of_leaks(leaks))
    report = _write_training_report(args, trained, skipped, dataset, leaks)

    model, summary = trained.model, trained.model.training
    result = {
        "task": model.task, "samples": summary["samples"], "seconds": round(trained.seconds, 2),
        "epochs": summary["epochs"], "parameters": int(model.network.n_parameters),
        "model_bytes": os.path.getsize(args.out),
        "held_out": None if trained.evaluation is None else trained.evaluation.metrics,
        "held_out_rule": summary["held_out_rule"], "held_out_near_twins": leaks_as_json(leaks), "skipped": len(skipped),
        "excluded": 0 if dataset is None else dataset.excluded,
        "interrupted": trained.interrupted, "model": shown(args.out), "report": report and shown(report),
    }
    if args.json:
        print_json(result)
        return
    print(f"{shown(args.out)}: {result['samples']} frames, {result['epochs']} epochs in {result['seconds']:.1f} s, "
          f"{result['parameters']} parameters, {result['model_bytes'] / 1000:.0f} kB")
    if trained.evaluation is None:
        print("no frames were held out, so there is no score")
    else:
        print(f"held out: {summary['held_out_rule']}")
        print(format_metrics(model.task, trained.evaluation.metrics, model.classes))
    if report:
        print(f"pictures and details: {shown(report)}")


def _write_training_report(args, trained, skipped, dataset, leaks):
    """-> the page's path, or None when it was not wanted or this Python cannot draw it."""
    path = args.report_path
    if path is None:
        return None
    from .report import write_report
    from .report_trained import training_report

    name = shown(os.path.basename(args.out))
    try:
        write_report(path, f"Training of {name}",
                     [training_report(name, trained, os.path.getsize(args.out), skipped, dataset, leaks)])
    except JetbotMLPError as error:
        if args.report:
            raise
        say(f"no report page: {error}")  # the robot has no matplotlib; the model is what counts
        return None
    return path


def _train_mnist(args):
    if len(args.datasets) != 1:
        raise JetbotMLPError(f"expected one MNIST folder, found {len(args.datasets)}")
    if args.exclude:
        raise JetbotMLPError("MNIST's images have no names to leave out; leave --exclude out")
    if args.lecture and args.deform:
        raise JetbotMLPError("the lecture's way knows no deformed digits; leave --lecture or --deform out")
    if args.held_out != "time":
        raise JetbotMLPError("MNIST has its own test images; leave --held-out out")
    data = load_mnist(args.datasets[0])
    if args.lecture:
        trained = train_mnist_as_lecture(data, args.seed, progress.bar)
    elif args.deform:
        trained = train_mnist_deformed(data, None, args.seed, progress.bar, progress.line)
    else:
        trained = train_mnist(data, random_state=args.seed, progress=progress.bar)
    return trained, as_pictures(data[2][:1])[0], []


def load_frames(task, args, **settings):
    """-> the Dataset of args.datasets, less what --exclude names. Says on stderr what was not read."""
    dataset = load_dataset(task, args.datasets, xy=args.xy, progress=progress.bar, exclude=args.exclude, **settings)
    say_skipped(dataset.skipped)
    if args.exclude:
        check_some_left_out(args.exclude, dataset.excluded)
    return dataset


def evaluate_command(args):
    model = load_model(args.model)
    if args.report:
        writable_file(args.report, ".html")
    if model.task == "mnist":
        if len(args.datasets) != 1:
            raise JetbotMLPError(f"expected one MNIST folder, found {len(args.datasets)}")
        if args.exclude:
            raise JetbotMLPError("MNIST's images have no names to leave out; leave --exclude out")
        _, _, images, labels = load_mnist(args.datasets[0])
        outputs = model.network.forward(as_features(images))
        names = [f"test image {n}" for n in range(len(images))]
        evaluation, skipped = score("mnist", model.classes, outputs, labels, names, thumbnails(images)), 0
        dataset, warning, trained_on = None, "", None
    else:
        dataset = load_frames(model.task, args, require_all_classes=False)
        evaluation, skipped = evaluate(model, dataset), len(dataset.skipped)
        if dataset.excluded:
            say(f"frames left out as the list says: {dataset.excluded}")
        found = overlap(model.training, dataset)
        warning, trained_on = overlap_in_words(found, evaluation), overlap_as_json(found)
        if warning:
            say(warning)
    if args.report:
        from .report import write_report
        from .report_trained import evaluation_report

        name = shown(os.path.basename(args.model))
        write_report(args.report, f"{name}, evaluated on {len(evaluation.expected)} frames",
                     [evaluation_report(name, model, evaluation, dataset, warning)])
    if args.json:
        print_json({"task": model.task, "model": shown(args.model), "samples": len(evaluation.expected),
                    "skipped": skipped, "excluded": 0 if dataset is None else dataset.excluded,
                    "trained_on": trained_on, "warning": warning or None, "metrics": evaluation.metrics})
    else:
        print(format_metrics(model.task, evaluation.metrics, model.classes))


def demo(args):
    from .demo import run_demo

    run_demo(args.out, args.seed, progress.bar, say)
