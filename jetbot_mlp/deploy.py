"""Models from the laptop to robots: looked at, copied, proven over there, and only then current.

`deploy` does it to one robot, `on_all` to many at once. What is done over there is `remote_script`'s; until its
`switch` nothing changes that drives, so whatever fails, and whenever, the old model stays.
"""
import concurrent.futures
import contextlib
import getpass
import json
import os
import queue
import socket
import uuid

from .errors import ConnectionCut, JetbotMLPError, NotLetIn, RemoteError
from .proof import difference
from .remote_script import joined

TOLERANCE = 1e-5  #: largest difference between the robot's and the laptop's answer to the stored frame
STEPS = ("logging in", "looking", "copying", "proving", "switching")
AT_ONCE = 8  # robots
UNPACKED = 5  # times the wheel's size: installed, compiled, and the old one put aside
SCRIPT = joined()


def deploy(host, cargo, folder="jetbot", force=False, only=False, step=lambda name: None):
    """Bring cargo to an opened host -> dict: where, folder, from, to (version numbers or None), package_from,
    package, installed, models, kept, difference, ms_per_frame (slowest model), notes.

    force: end a drive that runs there. only: the new version holds these models only, else the current one's others
    too. step: called with each of STEPS. Raises RemoteError; then the version of before is current.
    """
    notes = list(host.notes)
    step("looking")
    there = ask(host, "look", folder=folder, home=host.home)
    if there["problem"]:
        raise RemoteError(there["problem"])
    if there["refused"]:
        raise RemoteError(there["refused"])
    notes += end_drives(host, there["moving"], force)
    step("copying")
    files = {name: (path, digest) for path, name, digest, _ in cargo.models}
    wheel = os.path.basename(cargo.wheel)
    if there["wheel"] != cargo.wheel_digest:
        files[wheel] = (cargo.wheel, cargo.wheel_digest)
    needed = sum(os.path.getsize(path) for path, _ in files.values()) + UNPACKED * os.path.getsize(cargo.wheel)
    with staged(host, there["folder"], needed, notes) as token_and_incoming:
        token, incoming = token_and_incoming
        for name, (path, _) in sorted(files.items()):
            host.put(path, f"{incoming}/{name}")
        step("proving")
        digests = {name: digest for name, (_, digest) in files.items()}
        proven = ask(host, "prove", folder=there["folder"], token=token, files=digests, wheel=wheel,
                     package=cargo.package, only=only, who=who())
        worst = hold_against(cargo, proven["models"])
        step("switching")
        if force or host.container is not None:  # else `switch` looks itself
            notes += end_drives(host, ask(host, "moving")["moving"], force)
        done = switch(host, there, token, cargo)
    if cargo.notebooks:
        try:
            notes += _send_notebooks(host, there["folder"], cargo.notebooks)
        except RemoteError as error:
            raise RemoteError(f"the models are there, version {done['to']} is current, but not the notebooks: {error}")
    package = there["package"]
    return {"where": host.where, "folder": done["folder"], "from": done["from"], "to": done["to"],
            "package_from": package and package["version"], "package": cargo.package["version"],
            "installed": done["installed"], "models": [result["model"] for result in proven["models"]],
            "kept": proven["kept"], "difference": worst,
            "ms_per_frame": max(result["ms_per_frame"] for result in proven["models"]), "notes": notes}


def ask(host, command, outside=False, limit_s=900, **options):
    """Run one command of `remote_script` over there -> its answer."""
    return host.run(SCRIPT, [command, json.dumps(options)], outside=outside, limit_s=limit_s)


def end_drives(host, moving, force):
    """Refuse while wheels may turn there, or, with force, end what drives. -> lines that say what was ended.

    moving: what was found beside the Python; around the container it is looked for here.
    """
    if host.container is not None:
        moving = moving + ask(host, "moving", outside=True)["moving"]
    if not moving:
        return []
    if not force:
        raise RemoteError(f"the wheels may turn there ({moving[0]}): end the drive (jetbot-mlp stop there), "
                          "or deploy with --force, which ends it")
    said = ask(host, "stop")["said"]
    if host.container is not None:
        said += ask(host, "stop", outside=True)["said"]
    return said


@contextlib.contextmanager
def staged(host, folder, needed, notes):
    """-> (token, folder over there for the files). When the block fails, what was copied is removed again."""
    token = uuid.uuid4().hex[:12]
    begun = ask(host, "begin", folder=folder, token=token, need=needed)
    if begun["swept"]:
        notes.append("removed what a deploy that was cut off had left")
    try:
        yield token, begun["incoming"]
    except (JetbotMLPError, OSError) as error:
        with contextlib.suppress(RemoteError):
            if isinstance(error, ConnectionCut):
                _again(host)
            ask(host, "discard", folder=folder, token=token)
        raise


def _again(host):
    """A new connection, without asking anybody anything."""
    host.close()
    host.asks = False
    host.open()


def hold_against(cargo, results):
    """The robot's answers to the stored frames against the laptop's -> largest difference. Raises RemoteError."""
    there = {result["model"]: result for result in results}
    worst = 0.0
    for _, name, _, here in cargo.models:
        apart = difference(here["golden_output"], there[name]["golden_output"])
        if not apart <= TOLERANCE:
            raise RemoteError(f"expected {name} to give there what it gives here within {TOLERANCE:g}, found a "
                              f"difference of {apart:.1e}: its OpenCV or NumPy computes other numbers; see jetbot-mlp "
                              "doctor there")
        worst = max(worst, apart)
    return worst


def switch(host, before, token, cargo):
    """The last step. When the connection is cut in it, ask again how it ended: it goes on without us.

    before: what `look` found there.
    """
    folder = before["folder"]
    try:
        return ask(host, "switch", folder=folder, token=token)
    except ConnectionCut as cut:
        try:
            _again(host)
            ask(host, "discard", folder=folder, token=token)  # waits until the switch is over
            there = ask(host, "look", folder=folder, home=host.home)
        except RemoteError:
            raise RemoteError(f"{cut}: it happened while switching, so the new version is current or the old one, both "
                              "sound; deploy again to know")
        models = (there["manifest"] or {"models": {}})["models"]
        if (there["manifest"] or {}).get("package") != cargo.package \
                or any(models.get(name) != digest for _, name, digest, _ in cargo.models):
            raise cut
        installed = (before["package"] or {}).get("fingerprint") != cargo.package["fingerprint"]
        return {"from": before["version"], "to": there["version"], "installed": installed, "folder": folder}


def _send_notebooks(host, folder, notebooks):
    notes = []
    needed = sum(os.path.getsize(path) for path, _, _ in notebooks)
    with staged(host, folder, needed, notes) as token_and_incoming:
        token, incoming = token_and_incoming
        for path, name, _ in notebooks:
            host.put(path, f"{incoming}/{name}")
        kept = ask(host, "notebooks", folder=folder, token=token,
                   files={name: digest for _, name, digest in notebooks})["kept"]
    return notes + [f"{len(notebooks)} notebooks in {folder}/notebooks"] + [f"your notebook of before: {path}"
                                                                             for path in kept]


def rollback(host, folder="jetbot", to=None, force=False, step=lambda name: None):
    """Back to the version before the current one, or to a given one -> dict as `deploy`'s."""
    step("looking")
    there = ask(host, "look", folder=folder, home=host.home)
    if there["problem"] or there["refused"]:
        raise RemoteError(there["problem"] or there["refused"])
    notes = list(host.notes) + end_drives(host, there["moving"], force)
    step("switching")
    done = ask(host, "rollback", folder=there["folder"], to=to)
    package = there["package"]
    return {"where": host.where, "folder": done["folder"], "from": done["from"], "to": done["to"],
            "package_from": package and package["version"], "package": done["package"]["version"],
            "installed": done["installed"], "models": [result["model"] for result in done["models"]], "kept": [],
            "difference": None, "ms_per_frame": max([r["ms_per_frame"] for r in done["models"]] or [0]),
            "notes": notes}


def on_all(hosts, work, progress, said=lambda host, step: None):
    """Do work(host, step) -> dict with each of the hosts, at once -> their dicts in order, each with host and error
    (None, or the line). One bad robot does not stop the others.

    progress: wraps an iterable of steps, as `progress.bar`; said: called with a host and each of its STEPS.
    """
    events, total = queue.Queue(), len(STEPS) * len(hosts)

    def one(host, refusal):
        done = 0

        def step(name):
            nonlocal done
            done += 1
            events.put(1)
            said(host, name)

        try:
            if refusal is not None:
                raise refusal
            result = dict(work(host, step), error=None)
        except JetbotMLPError as error:
            result = {"error": str(error)}
        except OSError as error:  # of this machine
            result = {"error": f"{error.filename or 'file'}: {error.strerror or error}"}
        finally:
            host.close()
            events.put(len(STEPS) - done)
        return dict(result, host=host.name)

    try:
        refusals = log_in(hosts, said)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(one, host, refusal) for host, refusal in zip(hosts, refusals)]
            for _ in progress(_steps(events, total), total):
                pass
            return [future.result() for future in futures]
    finally:
        for host in hosts:
            host.close()


def _steps(events, total):
    while total:
        for _ in range(events.get()):
            total -= 1
            yield


def log_in(hosts, said=lambda host, step: None):
    """Open all hosts -> for each None, or why not. One may ask on the terminal; of several those that let us in
    without a question come first, all at once, and the others one after another."""
    def opened(host, asks):
        said(host, STEPS[0])
        host.asks = asks
        try:
            host.open()
        except RemoteError as error:
            host.close()
            return error
        return None

    if len(hosts) == 1:
        return [opened(hosts[0], True)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        refusals = list(pool.map(lambda host: opened(host, False), hosts))
    return [opened(host, True) if isinstance(refusal, NotLetIn) else refusal
            for host, refusal in zip(hosts, refusals)]


def who():
    """user@laptop, for the version's manifest."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this user
        user = "somebody"
    return f"{user}@{socket.gethostname()}"
