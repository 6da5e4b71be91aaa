"""What the commands of the robot do: check, drive, replay. Nothing of training or the simulator is imported
unless it is asked for: the robot's memory is small and its disk slow.
"""
import contextlib
import hashlib
import os
import platform

import cv2
import numpy as np

from . import __version__, progress
from .control import Limits, Settings
from .errors import JetbotMLPError
from .frame_files import shown
from .inference import Predictor
from .model_file import load_model
from .proof import prove
from .terminal import print_json, say, say_skipped, writable_file


def check(args):
    """Prove each model file; exit status 0 when all are sound, 1 when one is not."""
    results = [prove(path) for path in args.models]
    if args.json:
        print_json({"models": results})
    else:
        for result in results:
            if result["sound"]:
                print(f"sound: {result['model']}: {result['task']}, {result['layers']}, "
                      f"{result['bytes'] / 1000:.0f} kB")
            else:
                print(f"not sound: {result['problem']}")
    return 0 if all(result["sound"] for result in results) else 1


def drive(args):
    """One model, or a road and a collision model together."""
    models = [load_model(path) for path in args.models]
    tasks = [model.task for model in models]
    if "mnist" in tasks or len(set(tasks)) != len(tasks):
        raise JetbotMLPError(f"expected one collision model, one road model, or one of each, found "
                             f"{' and '.join(tasks)}; choose the models to drive with")
    settings, limits = settings_from(args), Limits(max_speed=args.max_speed)
    predictors = [Predictor(model) for model in models]
    if args.sim and args.film:
        writable_file(args.film, ".webm", ".mp4", ".avi")
    if not args.sim:
        from .hardware import camera_named

        try:
            camera_named(args.camera)
        except ValueError as error:
            raise JetbotMLPError(str(error))
    with contextlib.ExitStack() as stack:
        recorder = None
        if args.record is not None:
            from .recorder import Recorder

            about = about_drive(args, tasks, settings, limits)
            recorder = stack.enter_context(Recorder(args.record, about, patient=args.sim))
            if recorder.folder != args.record:
                say(f"{shown(args.record)} holds recorded drives already; this one: {shown(recorder.folder)}")
        if args.sim:
            from .sim_drive import drive_in_simulator, world_kind_for

            done = drive_in_simulator(predictors, world_kind_for(tasks), args.seconds or 60.0, args.seed, settings,
                                      limits, args.dry_run, film=args.film, progress=progress.bar, recorder=recorder)
        else:
            from .robot_drive import drive_robot

            done = drive_robot(predictors, args.seconds, args.camera, settings, limits, args.dry_run, recorder)
    result = done.result
    if recorder is not None:
        result = dict(result, recording={"folder": shown(recorder.folder), "frames": recorder.frames,
                                         "left_out": recorder.dropped, "note": recorder.note})
    if args.json:
        print_json(dict(result, reason=done.reason))
        return
    for name, value in result.items():
        if value is not None:
            print(f"{name:18}{_shown(value)}")
    print(f"{'ended':18}{done.reason}")


def about_drive(args, tasks, settings, limits):
    """-> dict for a recording's header: what drives, how, and with which versions."""
    models = []
    for path, task in zip(args.models, tasks):
        with open(path, "rb") as stream:
            models.append({"task": task, "file": shown(os.path.basename(path)),
                           "sha256": hashlib.sha256(stream.read()).hexdigest()})
    return {"models": models, "dry_run": args.dry_run, "limits": limits._asdict(),
            "settings": {"road": settings.road._asdict(), "collision": settings.collision._asdict(),
                         "when_blocked": settings.when_blocked},
            "versions": {"jetbot_mlp": __version__, "python": platform.python_version(), "numpy": np.__version__,
                         "opencv": cv2.__version__}}


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
    """Draw what a model makes of recorded frames; a recorded drive also as it was, and against another model."""
    from .recording import recordings_in
    from .replay import replay as write_replay

    if len(args.sources) > 2:
        raise JetbotMLPError(f"expected a model and frames, or a recorded drive, found {len(args.sources)} words")
    model, frames = args.sources if len(args.sources) == 2 else (None, args.sources[0])
    writable_file(args.out, ".webm", ".mp4", ".avi")
    predictor = None if model is None else Predictor(load_model(model))
    others = recordings_in(frames)[1:]
    if others:
        say(f"{len(others)} more drives were recorded there; replay one by its name: "
            f"{', '.join(shown(folder) for folder in others)}")
    done = write_replay(predictor, frames, args.out, args.fps, progress.bar)
    say_skipped(done.skipped)
    if args.json:
        print_json({"video": shown(args.out), "frames": done.frames, "skipped": len(done.skipped),
                    "fps": round(done.frame_rate_hz, 2), "comparison": done.comparison})
        return
    print(f"{shown(args.out)}: {done.frames} frames at {done.frame_rate_hz:.3g} a second")
    if done.comparison is not None:
        print(f"new model against the recorded one: {difference_in_words(done.comparison)}")


def difference_in_words(comparison):
    """comparison: of `replay.compared`."""
    if not comparison["frames"]:
        return f"nothing to compare, no {comparison['task']} model drove"
    if comparison["task"] == "road":
        return (f"on {comparison['frames']} frames the target differs by {comparison['x_px']:.1f} px sideways and "
                f"{comparison['y_px']:.1f} px up or down on average (px of 224)")
    return (f"on {comparison['blocked_differs']:.1%} of {comparison['frames']} frames one says blocked and the other "
            f"free; P(blocked) differs by {comparison['prob_blocked']:.3f} on average")
