"""What each command does; `__main__` only reads the words of the command line.

Results go to stdout (one JSON object with --json), progress to stderr.
"""
import json
import os
import sys
import tempfile

from . import progress
from .control import Limits, Settings
from .dataset import load_dataset
from .errors import JetbotMLPError, ModelFileError
from .evaluation import evaluate, score
from .exclusion import check_some_left_out
from .frame_files import shown
from .inference import Predictor
from .metrics import format_metrics
from .mnist import load_mnist
from .model_file import load_model, save_model
from .train_frames import RECIPES, train_frames
from .train_mnist import (
    as_features,
    as_pictures,
    thumbnails,
    train_mnist,
    train_mnist_as_lecture,
    train_mnist_deformed,
)


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
        raise JetbotMLPError(f"expected a file ending in {' or '.join(suffixes)} to write, found {shown(path)}")
    if os.path.isdir(path):
        raise JetbotMLPError(f"expected a file to write, found the folder {shown(path)}; name a file in it")
    if not os.path.isdir(folder):
        raise JetbotMLPError(f"the folder {shown(folder)} does not exist; make it first")
    try:
        if os.path.exists(path):  # it will be replaced through a temporary file beside it
            handle, trial = tempfile.mkstemp(prefix=".trial-", dir=folder)
        else:  # also finds names that the disk cannot take
            handle, trial = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), path
    except (OSError, ValueError) as error:
        raise JetbotMLPError(f"{shown(path)} cannot be written ({getattr(error, 'strerror', error)}); "
                             f"choose another file")
    os.close(handle)
    os.unlink(trial)
    return path


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
        say(f"stopped by Ctrl-C; keeping the best model so far (epoch {trained.history.best_epoch})")
    save_model(args.out, trained.model, golden)
    report = _write_training_report(args, trained, skipped, dataset)

    model, summary = trained.model, trained.model.training
    result = {
        "task": model.task, "samples": summary["samples"], "seconds": round(trained.seconds, 2),
        "epochs": summary["epochs"], "parameters": int(model.network.n_parameters),
        "model_bytes": os.path.getsize(args.out),
        "held_out": None if trained.evaluation is None else trained.evaluation.metrics,
        "held_out_rule": summary["held_out_rule"], "skipped": len(skipped),
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


def _write_training_report(args, trained, skipped, dataset):
    """-> the page's path, or None when it was not wanted or this Python cannot draw it."""
    path = args.report_path
    if path is None:
        return None
    from .report import write_report
    from .report_trained import training_report

    name = shown(os.path.basename(args.out))
    try:
        write_report(path, f"Training of {name}",
                     [training_report(name, trained, os.path.getsize(args.out), skipped, dataset)])
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


def say_skipped(skipped):
    """Name the files that were not read, on stderr. skipped: list of (name, reason)."""
    if skipped:
        say(f"{len(skipped)} files skipped:")
        for name, reason in skipped[:20]:
            say(f"  {name}: {reason}")
        if len(skipped) > 20:
            say(f"  ... and {len(skipped) - 20} more")


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
        dataset = None
    else:
        dataset = load_frames(model.task, args, require_all_classes=False)
        evaluation, skipped = evaluate(model, dataset), len(dataset.skipped)
        if dataset.excluded:
            say(f"frames left out as the list says: {dataset.excluded}")
        if dataset.fingerprint() == model.training.get("data_fingerprint"):
            say("these are the very frames of the model's training: the score says how well it remembers them")
    if args.report:
        from .report import write_report
        from .report_trained import evaluation_report

        name = shown(os.path.basename(args.model))
        write_report(args.report, f"{name} on other frames", [evaluation_report(name, model, evaluation, dataset)])
    if args.json:
        print_json({"task": model.task, "model": shown(args.model), "samples": len(evaluation.expected),
                    "skipped": skipped, "excluded": 0 if dataset is None else dataset.excluded,
                    "metrics": evaluation.metrics})
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
            print(f"not sound: {shown(str(error))}")
        else:
            layers = "-".join(str(n) for n in model.network.layer_sizes)
            print(f"sound: {shown(path)}: {model.task}, {layers}, {os.path.getsize(path) / 1000:.0f} kB")
    return 1 if unsound else 0


def drive(args):
    """One model, or a road and a collision model together."""
    models = [load_model(path) for path in args.models]
    tasks = [model.task for model in models]
    if "mnist" in tasks or len(set(tasks)) != len(tasks):
        raise JetbotMLPError(f"expected one collision model, one road model, or one of each, found "
                             f"{' and '.join(tasks)}; choose the models to drive with")
    settings = settings_from(args)
    predictors = [Predictor(model) for model in models]
    if args.sim:
        from .sim_drive import drive_in_simulator, world_kind_for

        if args.film:
            writable_file(args.film, ".webm", ".mp4", ".avi")
        done = drive_in_simulator(predictors, world_kind_for(tasks), args.seconds or 60.0, args.seed, settings,
                                  Limits(max_speed=args.max_speed), args.dry_run, film=args.film,
                                  progress=progress.bar)
    else:
        from .hardware import camera_named
        from .robot_drive import drive_robot

        try:
            camera_named(args.camera)
        except ValueError as error:
            raise JetbotMLPError(str(error))
        done = drive_robot(predictors, args.seconds, args.camera, settings, Limits(max_speed=args.max_speed),
                           args.dry_run)
    if args.json:
        print_json(dict(done.result, reason=done.reason))
        return
    for name, value in done.result.items():
        if value is not None:
            print(f"{name:18}{_shown(value)}")
    print(f"{'ended':18}{done.reason}")


def settings_from(args):
    """What the command line says of driving, over the defaults."""
    settings = Settings()
    given = {name: getattr(args, name) for name in ("speed", "kp", "kd", "bias") if getattr(args, name) is not None}
    collision = {name: getattr(args, name) for name in ("speed", "turn_speed") if getattr(args, name) is not None}
    return settings._replace(road=settings.road._replace(**given),
                             collision=settings.collision._replace(**collision))


def _shown(value):
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(part)}" for name, part in value.items())
    return f"{value:.2f}" if isinstance(value, float) else str(value)


def replay(args):
    """Draw what a model makes of recorded frames."""
    from .replay import replay as write_replay

    writable_file(args.out, ".webm", ".mp4", ".avi")
    done = write_replay(Predictor(load_model(args.model)), args.frames, args.out, args.fps, progress.bar)
    say_skipped(done.skipped)
    print(f"{shown(args.out)}: {done.frames} frames at {args.fps} a second")


def demo(args):
    from .demo import run_demo

    run_demo(args.out, args.seed, progress.bar, say)
