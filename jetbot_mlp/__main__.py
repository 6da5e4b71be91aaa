"""The command line: jetbot-mlp ... = python -m jetbot_mlp ...

Exit status: 0 done, 1 a checked model is not sound or doctor has found something to do, 2 bad input (one
line says what was expected, found and what to do), 130 ended by Ctrl-C.
"""
import argparse
import importlib
import os
import signal
import sys

from .errors import JetbotMLPError
from .streams import make_printable

# They start processes (the motor guard), and a fork beside OpenBLAS's own threads can hang. One frame at a time
# needs no more than one thread anyhow.
ONE_THREAD = ("bench", "drive", "doctor", "calibrate", "deploy", "rollback", "pull")


class Parser(argparse.ArgumentParser):
    """argparse, but a wrong word gives one line."""

    def error(self, message):
        self.exit(2, f"{self.prog}: {message}; see {self.prog} --help\n")


def whole_number(low, high=2 ** 31 - 1):
    """argparse type: a whole number from low to high."""
    def parse(text):
        try:
            value = int(text)
        except ValueError:
            value = None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected a whole number from {low} to {high}, found {text!r}")
        return value
    return parse


def number(low, high):
    """argparse type: a number from low to high."""
    def parse(text):
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"expected a number from {low} to {high}, found {text!r}")
        return value
    return parse


def build_parser():
    parser = Parser(prog="jetbot-mlp", description="A JetBot learns to avoid collisions and follow roads "
                    "with a multilayer perceptron written out in NumPy.")
    subcommands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    seed = whole_number(0)
    sim_seed = whole_number(0, 99998)  # of simulated frames; worlds from 99,999 * 10,000 on are for evaluation

    def add(name, run, text):
        sub = subcommands.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    commands, driving = _Later("commands"), _Later("commands_drive")

    sub = add("demo", commands.demo, "the whole job in the simulator: collect, train, evaluate, drive, report")
    sub.add_argument("--out", default="demo", metavar="DIR", help="folder of the results (default: demo)")
    sub.add_argument("--seed", type=sim_seed, default=0)

    sub = add("simulate", commands.simulate, "write a labelled dataset of simulated frames")
    sub.add_argument("task", choices=("collision", "road"))
    sub.add_argument("--out", required=True, metavar="DATASET", help="new folder")
    sub.add_argument("--count", required=True, type=whole_number(1, 10 ** 7), help="frames")
    sub.add_argument("--seed", type=sim_seed, default=0)

    sub = add("train", commands.train, "train a network and save it as one small file")
    sub.add_argument("task", choices=("collision", "road", "mnist"))
    sub.add_argument("datasets", nargs="+", metavar="DATASET", help="folder or zip file; MNIST: its folder")
    sub.add_argument("--out", required=True, metavar="MODEL.npz")
    sub.add_argument("--held-out", choices=("time", "random", "none"), default="time",
                     help="which fifth of the frames is kept back for the score (default: the last in time)")
    add_xy(sub)
    add_exclude(sub)
    sub.add_argument("--no-mirror", action="store_true", help="do not train on mirrored frames: for tracks "
                     "with a side, such as driving in the right lane")
    sub.add_argument("--lecture", action="store_true", help="mnist: as in the lecture, one image at a time")
    sub.add_argument("--deform", action="store_true", help="mnist: 800 hidden nodes, every digit deformed anew in "
                     "every epoch; says how long it takes")
    sub.add_argument("--report", metavar="FILE.html", help="default: beside the model")
    sub.add_argument("--no-report", action="store_true")
    add_seed_and_json(sub, seed)

    sub = add("evaluate", commands.evaluate_command, "score a model on labelled frames")
    sub.add_argument("model", metavar="MODEL")
    sub.add_argument("datasets", nargs="+", metavar="DATASET")
    add_xy(sub)
    add_exclude(sub)
    sub.add_argument("--report", metavar="FILE.html", help="write a page with pictures")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout")

    crossvalidation = _Later("commands_crossvalidate")
    sub = add("crossvalidate", crossvalidation.crossvalidate, "how good is the default recipe on these frames? Each "
              "of several datasets by itself")
    add_frames(sub)
    how = sub.add_mutually_exclusive_group()
    how.add_argument("--blocks", type=whole_number(2, 1000), metavar="N", help="cut each class into N blocks of "
                     "capture time, each held out once (the default, with N = 5)")
    how.add_argument("--draws", type=whole_number(1, 1000), metavar="N", help="as the official notebooks: 50 frames "
                     "(collision) or 10 %% (road) held out at random, N times; near-twins leak")
    how.add_argument("--by-source", action="store_true", help="train on all datasets but one, test on that one")
    sub.add_argument("--no-nearest", action="store_true", help="leave the nearest neighbour's scores out")
    sub.add_argument("--report", metavar="FILE.html", help="write a page with pictures")
    add_sharing(sub)
    add_seed_and_json(sub, seed)

    sub = add("tune", crossvalidation.tune, "try other settings of the recipe, by cross-validation on all datasets")
    add_frames(sub)
    sub.add_argument("--trials", type=whole_number(1, 10 ** 6), default=20, metavar="N", help="settings tried, "
                     "the default recipe among them (default: 20)")
    sub.add_argument("--blocks", type=whole_number(2, 1000), default=5, metavar="N", help="blocks of capture time, "
                     "each held out once (default: 5)")
    sub.add_argument("--out", metavar="TABLE.csv", help="write each finished trial there at once; trials that are "
                     "there already are not done again")
    add_sharing(sub)
    add_seed_and_json(sub, seed)

    sub = add("suspects", _Later("commands_suspects").suspects, "frames whose labels to look at again: near-twins, and "
              "where a model trained without the frame disagrees")
    add_frames(sub)
    sub.add_argument("--out", required=True, metavar="LIST.txt", help="list for --exclude, all lines commented out")
    sub.add_argument("--report", metavar="FILE.html", help="write a page with the pictures")
    add_sharing(sub)
    add_seed_and_json(sub, seed)

    sub = add("check", driving.check, "prove model files: 0 all sound, 1 not")
    sub.add_argument("models", nargs="+", metavar="MODEL")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout, with what the stored frame gives "
                     "here and the time for one frame")

    sub = add("export", _Later("export_onnx").export, "write a model for other runtimes, and verify it")
    sub.add_argument("model", metavar="MODEL")
    sub.add_argument("--onnx", required=True, metavar="FILE.onnx", help="all behind the features; how to make those is "
                     "in its metadata")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    deploying = _Later("commands_deploy")
    sub = add("deploy", deploying.deploy, "bring models and this package to robots, prove them there, and only then "
              "make them current; 0: all have them, 1: not all")
    sub.add_argument("words", nargs="+", metavar="MODEL|HOST", help="model files (.npz); robots as ssh names "
                     "them (jetbot@192.168.55.1, a name of ~/.ssh/config, ssh://USER@HOST:PORT), or jupyter://HOST")
    add_hosts(sub)
    sub.add_argument("--only", action="store_true", help="the new version has these models only; else those of the "
                     "current one that are not named stay in it")
    sub.add_argument("--notebooks", metavar="DIR", help="copy this folder's notebooks too; none there is lost")

    sub = add("rollback", deploying.rollback, "make the version before the current one current again, on robots")
    sub.add_argument("words", nargs="*", metavar="HOST")
    add_hosts(sub)
    sub.add_argument("--to", type=whole_number(1), metavar="N", help="that version (default: the one before)")

    sub = add("pull", deploying.pull, "bring datasets or recorded drives from a robot; goes on where it was cut off, "
              "deletes nothing")
    sub.add_argument("place", metavar="HOST:FOLDER", help="or ssh://HOST:PORT/FOLDER, jupyter://HOST/FOLDER; below the "
                     "home folder (in the container /workspace) unless it begins with /")
    sub.add_argument("directory", metavar="DIR")
    add_ssh(sub)

    sub = add("drive", driving.drive, "drive with one model or two (follow the road, stop when blocked)")
    sub.add_argument("models", nargs="+", metavar="MODEL")
    sub.add_argument("--sim", action="store_true", help="in the simulator, faster than real time")
    sub.add_argument("--seconds", type=number(0.01, 86400), metavar="N", help="stop after that time "
                     "(default: until Ctrl-C; in the simulator 60)")
    sub.add_argument("--dry-run", action="store_true", help="everything but the wheels")
    sub.add_argument("--camera", default="auto", metavar="NAME", help="auto (default: the robot's own, else a webcam), "
                     "jetbot, gst, zmq, usb, usb:NUMBER, a video file, or a stream's URL")
    sub.add_argument("--film", metavar="VIDEO", help="in the simulator: film the drive (.webm, .mp4)")
    sub.add_argument("--record", metavar="FOLDER", help="write frames, predictions and commands into this folder, "
                     "for replay; into a sub-folder when it holds recorded drives already")
    sub.add_argument("--speed", type=number(0, 1), help="forward, share of full speed (default: 0.2)")
    sub.add_argument("--turn-speed", type=number(0, 1), help="while turning away (default: 0.2)")
    sub.add_argument("--kp", type=number(0, 10), help="steering gain (default: 0.2)")
    sub.add_argument("--kd", type=number(0, 10), help="steering damping, per second (default: 0)")
    sub.add_argument("--bias", type=number(-1, 1), help="steering bias, + turns right (default: 0)")
    sub.add_argument("--max-speed", type=number(0, 1), default=1.0, help="no wheel ever turns faster")
    add_seed_and_json(sub, seed)

    sub = add("doctor", _Later("doctor").doctor, "does this machine have what driving takes? 0: yes; 1: something "
              "must be done, and it says what")
    sub.add_argument("models", nargs="*", metavar="MODEL", help="model files to look at too")
    sub.add_argument("--turn-wheels", action="store_true", help="also turn each wheel for a moment; it asks first")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    sub = add("bench", _Later("commands_bench").bench, "how fast is it here, beside the least that such work takes? It "
              "lasts up to a minute")
    sub.add_argument("--quick", action="store_true", help="some seconds, less exact")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")

    add("stop", _Later("stop_wheels").stop, "stop the wheels of this robot now, whatever drives it")

    sub = add("calibrate", _Later("commands_calibrate").calibrate, "find this robot's wiring, trim and dead band, and "
              "whether its camera hangs upside down; driving reads it")
    sub.add_argument("--show", action="store_true", help="print what is known")
    sub.add_argument("--set", nargs="+", metavar="NAME=VALUE", help="set what is known, such as trim=0.02 "
                     "dead_band=0.06 max_speed=0.5 camera_upside_down=yes")
    sub.add_argument("--sim", action="store_true", help="a robot of the simulator, which answers by itself")
    sub.add_argument("--file", help="default: $JETBOT_MLP_ROBOT, else ~/.config/jetbot_mlp/robot.json; in the "
                     "official container in /workspace, which outlives it")
    sub.add_argument("--camera", default="auto", metavar="NAME", help="as for drive")
    add_seed_and_json(sub, sim_seed)

    sub = add("replay", driving.replay, "draw a model's predictions on recorded frames, as a video; on a drive that "
              "drive --record wrote, beside those of then; without MODEL such a drive as it was")
    # one positional: with two, of which the first may be missing, argparse takes FRAMES after --out for too many
    sub.add_argument("sources", nargs="+", metavar="MODEL FRAMES", help="a model file; a folder or zip file of "
                     "pictures, a video file, or a recorded drive")
    sub.usage = "jetbot-mlp replay [MODEL] FRAMES --out VIDEO [--fps N] [--json]"
    sub.add_argument("--out", required=True, metavar="VIDEO", help=".webm, .mp4 or .avi")
    sub.add_argument("--fps", type=whole_number(1, 240), metavar="N", help="frames a second (default: as recorded, "
                     "else 10)")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")
    return parser


def add_frames(sub):
    sub.add_argument("task", choices=("collision", "road"))
    sub.add_argument("datasets", nargs="+", metavar="DATASET", help="folder or zip file")
    add_xy(sub)
    add_exclude(sub)
    sub.add_argument("--no-mirror", action="store_true", help="do not train on mirrored frames: for tracks "
                     "with a side, such as driving in the right lane")


def add_hosts(sub):
    sub.add_argument("--hosts", metavar="FILE", help="more robots, one a line")
    sub.add_argument("--folder", default="jetbot", metavar="DIR", help="there, below the home folder (in the container "
                     "/workspace); default: jetbot")
    sub.add_argument("--force", action="store_true", help="end a drive that runs there; else it is refused")
    add_ssh(sub)


def add_ssh(sub):
    sub.add_argument("-p", dest="port", type=whole_number(1, 65535), metavar="PORT", help="as for ssh")
    sub.add_argument("-i", dest="identity", metavar="FILE", help="as for ssh: a private key")
    sub.add_argument("-F", dest="config", metavar="FILE", help="as for ssh: instead of ~/.ssh/config")
    where = sub.add_mutually_exclusive_group()
    where.add_argument("--container", metavar="NAME", help="into this Docker container (default: jetbot_jupyter where "
                       "it runs, else the robot itself)")
    where.add_argument("--no-container", action="store_true", help="to the robot itself")
    sub.add_argument("--python", default="python3", metavar="PYTHON", help="another interpreter there than python3")
    known = sub.add_mutually_exclusive_group()
    known.add_argument("--password", metavar="WORD", help="of a Jupyter server (jupyter://HOST); others can read it in "
                       "the list of processes: better JETBOT_JUPYTER_PASSWORD, or let it be asked for")
    known.add_argument("--token", metavar="TOKEN", help="of a Jupyter server, the same: better JETBOT_JUPYTER_TOKEN")
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")


def add_sharing(sub):
    sub.add_argument("--jobs", type=whole_number(1, 10000), metavar="N", help="trainings at once (default: one for "
                     "each core)")
    sub.add_argument("--dask", metavar="HOST:PORT", help="over the workers of a Dask scheduler instead")


def add_exclude(sub):
    sub.add_argument("--exclude", metavar="LIST", help="text file that names frames to leave out, one a line, as "
                     "the command suspects writes it; nothing is deleted")


def add_xy(sub):
    sub.add_argument("--xy", choices=("auto", "pixel", "percent"), default="auto",
                     help="what the numbers in xy_<x>_<y>_ names are (default: decided per folder)")


def add_seed_and_json(sub, seed):
    sub.add_argument("--seed", type=seed, default=0)
    sub.add_argument("--json", action="store_true", help="one JSON object on stdout and nothing else")


def main(argv=None):
    """Run one command; returns the exit status."""
    make_printable()
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    if rest and hasattr(args, "words") and not any(word.startswith("-") for word in rest):
        args.words += rest  # argparse takes words after an option in the midst of them for too many
    elif rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if args.command is None:  # required=True of add_subparsers came with Python 3.7
        parser.error("expected a command")
    if args.command in ONE_THREAD:  # before NumPy is loaded
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    previous = signal.signal(signal.SIGTERM, _unwind)  # so that what is half-written is removed
    try:
        status = args.run(args) or 0
        sys.stdout.flush()
        return status
    except JetbotMLPError as error:
        message = str(error)
    except BrokenPipeError:  # `jetbot-mlp ... | head`: nobody wants the rest
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # full disk, no permission
        message = f"{error.filename or 'file'}: {error.strerror or error}"
    except KeyboardInterrupt:
        print(f"\njetbot-mlp {args.command}: ended by Ctrl-C", file=sys.stderr)
        return 130
    finally:
        signal.signal(signal.SIGTERM, previous)
    print(f"jetbot-mlp {args.command}: {' '.join(message.split())}", file=sys.stderr)
    return 2


class _Later:
    """The functions of a module which is imported only when one of them is called: NumPy and OpenCV take
    long to load, and `doctor` must run where NumPy kills the process."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return lambda args: getattr(importlib.import_module("." + self._module, __package__), name)(args)


def _unwind(number, frame):
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())
