"""What `deploy`, `rollback` and `pull` do."""
import os
import re
import sys
import tempfile

from . import deploy as logic
from . import progress
from .cargo import pack
from .errors import JetbotMLPError
from .frame_files import shown
from .jupyter_host import JupyterHost, is_jupyter
from .pull import pull as pull_files
from .ssh_host import SSHHost
from .terminal import print_json, say

OTHER_MODELS = (".onnx", ".pth", ".trt", ".engine", ".tflite", ".h5", ".keras")  # .pt is Portugal's, too


def deploy(args):
    """Exit status 0: all robots have it; 1: at least one has not, and the table says why."""
    models = [word for word in args.words if word.lower().endswith(".npz")]
    names = [word for word in args.words if word not in models] + hosts_of(args.hosts)
    for word in args.words:
        if word not in models and (word.lower().endswith(OTHER_MODELS) or os.path.isfile(word)):
            raise JetbotMLPError(f"expected a model file that 'jetbot-mlp train' wrote (.npz) or a robot, found "
                                 f"{shown(word)}; deploy the .npz itself (an .onnx was exported from one)")
    if not models or not names:
        raise JetbotMLPError(f"expected models (.npz) and robots such as jetbot@192.168.55.1, found {len(models)} "
                             f"models and {len(names)} robots")
    with tempfile.TemporaryDirectory(prefix="jetbot-mlp-") as folder:
        cargo = pack(models, folder, args.notebooks)
        for _, name, _, here in cargo.models:
            say(f"sound here: {name}: {here['task']}, {here['bytes'] / 1000:.0f} kB")
        results = at_work(args, names, lambda host, step: logic.deploy(
            host, cargo, args.folder, args.force, args.only, step), "deploy")
    return told(args, results)


def rollback(args):
    """Exit status as for deploy."""
    names = args.words + hosts_of(args.hosts)
    if not names:
        raise JetbotMLPError("expected robots such as jetbot@192.168.55.1, found none")
    return told(args, at_work(args, names, lambda host, step: logic.rollback(
        host, args.folder, args.to, args.force, step), "rollback"))


def pull(args):
    """Exit status 0: all files are here; 1: some were kept as they are here, or changed there meanwhile."""
    name, folder = place(args.place)
    host = host_named(name, args)
    with host:
        done = pull_files(host, folder, args.directory, progress.counter)
    if args.json:
        print_json(dict(done._asdict(), host=host.name, folder=folder, directory=shown(args.directory)))
    else:
        for what, files in (("kept as it is here, though another is there", done.kept),
                            ("changed there while it was copied, try again", done.changed)):
            for file in files:
                say(f"{what}: {shown(file)}")
        print(f"{shown(args.directory)}: {done.copied} files copied ({done.copied_bytes / 1e6:.1f} MB, each proven by "
              f"its sha256), {done.there_already} were here already")
    return 1 if done.kept or done.changed else 0


def at_work(args, names, work, desc):
    """-> the results of `deploy.on_all`, with progress: the steps of one robot, or a bar for all."""
    for name in {name for name in names if names.count(name) > 1}:
        raise JetbotMLPError(f"expected each robot once, found {shown(name)} {names.count(name)} times")
    hosts = [host_named(name, args) for name in names]
    if len(hosts) == 1:
        return logic.on_all(hosts, work, lambda steps, total: steps, lambda host, step: say(f"{host.name}: {step}"))
    say(f"logging in to {len(hosts)} robots")
    return logic.on_all(hosts, work, lambda steps, total: progress.bar(steps, total, desc))


def told(args, results):
    """Prints what became of each robot -> exit status."""
    failed = sum(result["error"] is not None for result in results)
    if args.json:
        print_json({"hosts": results, "failed": failed})
        return 1 if failed else 0
    good = [result for result in results if result["error"] is None]
    rows = [("robot", "where", "version", "package", "check", "ms/frame")] * bool(good) + [row(r) for r in results]
    widths = [max([len(cells[i]) for cells in rows if len(cells) > 2] or [0]) for i in range(6)]
    widths[0] = max(len(cells[0]) for cells in rows)
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip() if len(cells) > 2 else
              f"{cells[0].ljust(widths[0])}  FAILED: {cells[1]}")
    sys.stdout.flush()
    for result in results:
        for note in result.get("notes", []):
            say(f"{result['host']}: {note}")
        if result.get("kept"):
            kept = ", ".join(result["kept"])
            say(f"{result['host']}: the new version also has {kept} of the old one (--only: it has not)")
    for command in sorted({drive_command(result) for result in good}):
        say(f"drive there: {command}")
    if failed:
        say(f"{failed} of {len(results)} failed; nothing changed there, unless the line says so")
    return 1 if failed else 0


def row(result):
    """The cells of one robot."""
    if result["error"] is not None:
        return result["host"], " ".join(result["error"].split())
    version = f"{result['from'] or 'none'} -> {result['to']}"
    if result["from"] == result["to"]:
        version = f"{result['to']} (the same)"
    package = result["package"]
    if result["installed"]:
        package = f"{result['package_from'] or 'none'} -> {package}"
    check = "sound" if result["difference"] is None else f"equal ({result['difference']:.0e})"
    return result["host"], result["where"], version, package, check, f"{result['ms_per_frame']:.2f}"


def drive_command(result):
    models = " ".join(f"{result['folder']}/current/{name}" for name in result["models"])
    inside = result["where"].startswith("container ") and " " not in result["where"][len("container "):]
    return f"{'docker exec -it ' + result['where'][10:] + ' ' if inside else ''}python3 -m jetbot_mlp drive {models}"


def hosts_of(file):
    """The robots of a text file, one a line; # begins a comment."""
    if file is None:
        return []
    try:
        with open(file, encoding="utf-8-sig") as stream:  # Windows' editor begins with a byte order mark
            lines = [line.partition("#")[0].strip() for line in stream]
    except UnicodeDecodeError:
        raise JetbotMLPError(f"expected a text file with one robot a line, found other bytes in {shown(file)}")
    names = [line for line in lines if line]
    if not names:
        raise JetbotMLPError(f"expected one robot a line in {shown(file)}, found none")
    return names


def host_named(name, args):
    """The host that a word of the command line means, not yet opened."""
    if is_jupyter(name):
        return JupyterHost(name, args.password, args.token)
    options = [word for flag, value in (("-p", args.port), ("-i", args.identity), ("-F", args.config)) if value
               for word in (flag, str(value))]
    container = False if args.no_container else args.container
    return SSHHost(name, options, container, args.python)


def place(text):
    """'HOST:FOLDER', 'ssh://HOST:PORT/FOLDER', 'jupyter://HOST/FOLDER' -> (host, folder); two slashes: from the
    root. Raises JetbotMLPError."""
    match = re.match(r"([a-z]+://[^/]+)/(.+)$", text) or \
        re.match(r"((?:[^@/]*@)?(?:\[[^]]+\]|[^:/\[]+)):(?!//)(.+)$", text)
    if not match:
        raise JetbotMLPError(f"expected HOST:FOLDER, such as jetbot@192.168.55.1:dataset, found {shown(text)}")
    host, folder = match.groups()
    if "://" not in host:
        host = re.sub(r"\[([^]]+)\]$", r"\1", host)
    return host, folder
