"""What runs on the robot: `deploy`, `rollback` and `pull` send this file's text to the Python over there.

Only the standard library of Python 3.6, and nothing of this package: it may be missing there, or another one.
Arguments: a command and its options as one JSON object; the answer is one JSON object, printed last, or
{"error": line}. In the robot's folder (`~/jetbot`, in the container `/workspace/jetbot`) it keeps

    versions/0003/          models, the wheel that they were proven with, manifest.json; KEEP versions are kept
    current -> versions/0003    what drives; only a link changes (where links cannot be: a copy, renamed)
    .deploy/incoming/TOKEN/ what one deploy copies, until it is proven
    .deploy/lock            locked (flock) while a deploy is proven or switched: two never mix
"""
import contextlib
import errno
import getpass
import hashlib
import importlib.util
import json
import os
import platform
import pwd
import shutil
import subprocess
import sys
import time
import zipfile

KEEP = 5  # versions, the current one among them
STALE_S = 60.0  # what nobody has touched for so long was left by a deploy that was cut off
LOCK_S = 120.0  # so long a second deploy waits for the first
CHECK_S = 180.0
PIP_S = 600.0
SPARE_BYTES = 10 * 2 ** 20  # left free on the disk
SERVICE = "jetbot-mlp-drive"
PROC = "/proc"


class Refusal(Exception):
    """One line for the user: expected, found, what to do."""


# -- what is there ------------------------------------------------------------------------------------------

def look(folder, home="~"):
    """Changes nothing."""
    folder = whole(folder, home)
    numpy, opencv, problem = libraries()
    version = current(folder)
    above = nearest(folder)
    return {
        "python": "%d.%d.%d" % sys.version_info[:3], "executable": sys.executable, "user": getpass.getuser(),
        "machine": platform.machine(), "numpy": numpy, "opencv": opencv, "problem": problem, "package": installed(),
        "folder": folder, "free": shutil.disk_usage(above).free,
        "refused": None if os.access(above, os.W_OK | os.X_OK) else denied(above),
        "version": version, "versions": numbers(folder), "manifest": manifest(folder, version),
        "moving": moving()["moving"],
    }


def whole(folder, home="~"):
    """A folder below home; that of the official container is /workspace, which outlives it."""
    if home == "~" and os.path.exists("/.dockerenv") and os.path.isdir("/workspace"):
        home = "/workspace"
    return os.path.normpath(os.path.join(os.path.expanduser(home), os.path.expanduser(folder)))


def nearest(path):
    """The path, or the nearest folder above it that exists."""
    while not os.path.isdir(path):
        path = os.path.dirname(path)
    return path


def libraries():
    """-> NumPy's and OpenCV's version, and a line about what is missing. In a child: a NumPy for another
    processor kills its process."""
    code = "import numpy, cv2; print(numpy.__version__, cv2.__version__)"
    done = child([sys.executable, "-c", code], 60)
    words = done.stdout.split()
    if done.returncode == 0 and len(words) == 2:
        return words[0], words[1], None
    remedy = "install it there (sudo apt-get install python3-numpy python3-opencv), or start the robot's container " \
             "(docker start jetbot_jupyter), which has both"
    if done.returncode < 0:
        return None, None, f"NumPy or OpenCV kills Python there ({died(done.returncode)}): run jetbot-mlp doctor there"
    missing = [name for name in ("numpy", "cv2") if importlib.util.find_spec(name) is None]
    if missing:
        names = " and ".join({"numpy": "NumPy", "cv2": "OpenCV (cv2)"}[name] for name in missing)
        return None, None, f"expected NumPy and OpenCV for {sys.executable} there, found no {names}; {remedy}"
    return None, None, f"NumPy or OpenCV does not load there ({last_line(done)}); {remedy}"


def installed():
    """The package that this Python would import -> {"version", "fingerprint", "root"}, or None."""
    importlib.invalidate_caches()
    try:
        spec = importlib.util.find_spec("jetbot_mlp")
    except (ImportError, ValueError):
        return None
    if spec is None or not spec.origin or not os.path.isfile(spec.origin):
        return None
    package = os.path.dirname(spec.origin)
    sources = {}
    for name in os.listdir(package):
        if name.endswith(".py"):
            with open(os.path.join(package, name), "rb") as stream:
                sources[name] = stream.read()
    return {"version": version_of(sources), "fingerprint": fingerprint(sources), "root": os.path.dirname(package)}


def version_of(sources):
    for line in sources.get("__init__.py", b"").decode("utf-8", "replace").splitlines():
        if line.startswith("__version__"):
            return line.split("=", 1)[1].strip().strip("\"'")
    return "unknown"


def fingerprint(sources):
    """name -> bytes of the package's Python files; the same on the laptop, in a wheel and installed."""
    total = hashlib.sha256()
    for name in sorted(sources):
        total.update((name + "\0" + hashlib.sha256(sources[name]).hexdigest() + "\n").encode())
    return total.hexdigest()


def manifest(folder, version):
    if version is None:
        return None
    return read_manifest(os.path.join(folder, "versions", "%04d" % version))


def read_manifest(path):
    try:
        with open(os.path.join(path, "manifest.json"), encoding="utf-8") as stream:
            found = json.load(stream)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and isinstance(found.get("models"), dict) else None


def current(folder):
    """Number of the current version; None when there is none."""
    found = read_manifest(os.path.join(folder, "current"))
    return None if found is None else found.get("number")


def numbers(folder):
    try:
        names = os.listdir(os.path.join(folder, "versions"))
    except OSError:
        return []
    return sorted(int(name) for name in names if name.isdigit() and len(name) >= 4)


# -- does it drive? -------------------------------------------------------------------------------------------

def moving():
    """-> {"moving": [line]} of all that may turn the wheels: the service, drives, motor guards."""
    found = [f"the service {SERVICE} is running"] if service_runs() else []
    found += [f"process {pid}: {words}" for pid, kind, words in processes()]
    return {"moving": found}


def service_runs():
    if not shutil.which("systemctl"):
        return False
    done = child(["systemctl", "is-active", SERVICE], 10)
    return done.stdout.strip() in ("active", "activating", "deactivating", "reloading")


def processes():
    """[(process id, "drive" or "guard", words)]; those in the simulator left out."""
    found = []
    for pid in sorted(int(name) for name in os.listdir(PROC) if name.isdigit()):
        try:
            with open(f"{PROC}/{pid}/cmdline", "rb") as stream:
                words = stream.read(8192).decode("utf-8", "replace").split("\0")
        except OSError:
            continue  # ended meanwhile
        if pid == os.getpid() or "python" not in os.path.basename(words[0]):
            continue
        at = [i for i, word in enumerate(words[:-1]) if os.path.basename(word) in ("jetbot_mlp", "jetbot-mlp")]
        if "--sim" not in words and any(words[i + 1] in ("drive", "calibrate") for i in at):
            found.append((pid, "drive", " ".join(words).strip()[:100]))
        elif any("jetbot_mlp.guard_process" in word for word in words[:8]):
            found.append((pid, "guard", f"motor guard of process {parent(pid)}"))
    return found


def parent(pid):
    try:
        with open(f"{PROC}/{pid}/stat") as stream:
            return int(stream.read().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


def stop():
    """Ends what may turn the wheels, which brings them to zero: the drive does it, and its guard once more."""
    said = []
    if service_runs():
        for words in (["systemctl", "stop", SERVICE], ["sudo", "-n", "systemctl", "stop", SERVICE]):
            if shutil.which(words[0]) and child(words, 30).returncode == 0:
                said.append(f"stopped the service {SERVICE}")
                break
        else:
            raise Refusal(f"the service {SERVICE} runs there and {getpass.getuser()} may not stop it: "
                          f"sudo systemctl stop {SERVICE} there")
    targets = {}
    for pid, kind, words in processes():
        if kind == "drive":
            targets[pid] = words
        elif (parent(pid) or 0) > 1:  # a notebook's kernel, say: its guard stops the wheels when it is gone
            targets.setdefault(parent(pid), "which a motor guard was watching")
    for pid in sorted(targets):
        end(pid)
        said.append(f"ended process {pid}: {targets[pid]}")
    deadline = time.monotonic() + 12  # a guard writes zeros, for up to 10 s, and goes
    while processes() and time.monotonic() < deadline:
        time.sleep(0.1)
    left = moving()["moving"]
    if left:
        raise Refusal(f"expected everything that drives there to end, found {left[0]}; end it there, "
                      "or switch the robot off and on")
    if installed() is not None and said:
        said.append(last_line(child([sys.executable, "-m", "jetbot_mlp", "stop"], 30)))
    return {"said": said}


def end(pid, wait_s=3.0):
    for number in (15, 9):
        deadline = time.monotonic() + wait_s
        try:
            os.kill(pid, number)
            while time.monotonic() < deadline:
                os.kill(pid, 0)
                time.sleep(0.05)
        except ProcessLookupError:
            return
        except PermissionError:
            raise Refusal(f"process {pid} drives there and belongs to another user: sudo kill {pid} there")


def refuse_while_moving():
    found = moving()["moving"]
    if found:
        raise Refusal(f"the wheels may turn there ({found[0]}): end the drive (jetbot-mlp stop), or --force")


# -- the steps of a deploy --------------------------------------------------------------------------------------

def begin(folder, token, need):
    """Room for one deploy's files; sweeps what deploys that were cut off have left."""
    incoming = os.path.join(folder, ".deploy", "incoming")
    if not os.path.isdir(folder):
        make_folders(folder)
        give_away(folder, os.path.dirname(folder))
    for path in (incoming, os.path.join(folder, "versions")):
        make_folders(path)
    give_away(os.path.join(folder, ".deploy"), folder)
    give_away(os.path.join(folder, "versions"), folder)
    with locked(folder):
        swept = sweep(folder, incoming)
    free = shutil.disk_usage(folder).free
    if free < need + SPARE_BYTES:
        raise Refusal(f"disk full: expected {(need + SPARE_BYTES) / 1e6:.1f} MB free at {folder} there, found "
                      f"{free / 1e6:.1f} MB; delete something there")
    own = os.path.join(incoming, token)
    os.mkdir(own)
    return {"incoming": own, "swept": swept}


def sweep(folder, incoming):
    repair(folder)
    swept, now, number = 0, time.time(), current(folder)
    for name in os.listdir(incoming):
        path = os.path.join(incoming, name)
        times = [os.stat(p).st_mtime for p in [path] + [os.path.join(path, n) for n in os.listdir(path)]]
        if now - max(times) > STALE_S:
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    for other in numbers(folder):  # renamed, but the plug was pulled before it became current
        path = os.path.join(folder, "versions", "%04d" % other)
        if other != number and not os.path.exists(os.path.join(path, "since")):
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def discard(folder, token):
    """After a failure. Under the lock: a switch whose connection was cut goes on, and is waited for."""
    with locked(folder):
        shutil.rmtree(own_folder(folder, token), ignore_errors=True)
    return {}


def own_folder(folder, token):
    return os.path.join(folder, ".deploy", "incoming", token)


def prove(folder, token, files, wheel, package, only, who):
    """Is everything whole, and does it compute here what the laptop computed? Changes nothing but the own folder.

    files: name -> sha256 of what was copied; wheel: its name; package: {"version", "fingerprint"} of it.
    only: the version holds the given models only, else also the current one's others. who: it comes from.
    """
    own = own_folder(folder, token)
    with locked(folder, own):
        for name in files:
            if sha256(os.path.join(own, name)) != files[name]:
                raise Refusal(f"{name} did not arrive whole (its sha256 differs); deploy again")
        models = {name: files[name] for name in files if name.endswith(".npz")}
        before, kept = manifest(folder, current(folder)), []
        for name, digest in sorted((before or {"models": {}})["models"].items()):
            if name not in models and not only:
                bring(folder, own, name, digest)
                models[name] = digest
                kept.append(name)
        if wheel not in files:
            bring(folder, own, wheel, None)
        sources = wheel_sources(os.path.join(own, wheel))
        if fingerprint(sources) != package["fingerprint"]:
            raise Refusal(f"{wheel} is not the laptop's package; deploy again")
        same = (installed() or {}).get("fingerprint") == package["fingerprint"]
        results = check([os.path.join(own, name) for name in sorted(models)], None if same else
                        os.path.join(own, wheel))
        about = {"models": models, "wheel": wheel, "package": package, "from": who, "at": time.strftime("%F %T")}
        write_json(os.path.join(own, "manifest.json"), about)
        return {"models": results, "kept": kept}


def bring(folder, own, name, digest):
    """A copy of the current version's file."""
    source = os.path.join(folder, "versions", "%04d" % current(folder), name)
    if digest is not None and sha256(source) != digest:
        raise Refusal(f"{name} of the current version was changed there by hand: deploy it too, or --only")
    shutil.copyfile(source, os.path.join(own, name))


def check(paths, wheel=None):
    """`jetbot-mlp check --json` in a child, out of the wheel itself if given -> one dict a model."""
    env = dict(os.environ, OPENBLAS_NUM_THREADS="1")
    if platform.machine() == "aarch64":
        env.setdefault("OPENBLAS_CORETYPE", "ARMV8")  # NumPy 1.19.5 dies on a Jetson Nano without it
    if wheel is not None:
        env["PYTHONPATH"] = os.pathsep.join([wheel] + [p for p in [env.get("PYTHONPATH")] if p])
    done = child([sys.executable, "-m", "jetbot_mlp", "check", "--json"] + paths, CHECK_S, env)
    try:
        results = json.loads(done.stdout.splitlines()[-1])["models"]
    except (IndexError, ValueError, KeyError, TypeError):
        why = died(done.returncode) if done.returncode < 0 else last_line(done)
        raise Refusal(f"jetbot-mlp check does not run there ({why}); run jetbot-mlp doctor there")
    for result in results:
        result["model"] = os.path.basename(result["model"])
        if not result["sound"]:
            raise Refusal(f"{result['model']} is not sound there: {result['problem']}")
    return results


def switch(folder, token):
    """Installs the package if it is another one, and makes the proven version the current one."""
    own = own_folder(folder, token)
    with locked(folder, own):
        refuse_while_moving()
        about = read_manifest(own)
        if about is None:
            raise Refusal("expected a proven version, found none: another deploy came between; deploy again")
        number = current(folder)
        before = manifest(folder, number)
        changed = install(own, about)
        if before is not None and all(before.get(key) == about[key] for key in ("models", "wheel", "package")):
            shutil.rmtree(own, ignore_errors=True)
            return {"from": number, "to": number, "installed": changed, "folder": folder}
        after = max([0] + numbers(folder)) + 1
        write_json(os.path.join(own, "manifest.json"), dict(about, number=after))
        version = os.path.join(folder, "versions", "%04d" % after)
        give_away(own, folder)
        to_disk(own)
        os.rename(own, version)
        to_disk(os.path.dirname(version))
        point(folder, after)
        for old in [n for n in numbers(folder) if n != after][:-KEEP + 1]:
            shutil.rmtree(os.path.join(folder, "versions", "%04d" % old), ignore_errors=True)
        return {"from": number, "to": after, "installed": changed, "folder": folder}


def rollback(folder, to=None):
    """Back to the version before the current one, or to a given one, with the package of then."""
    with locked(folder):
        repair(folder)
        refuse_while_moving()
        number, there = current(folder), numbers(folder)
        lower = [n for n in there if number is not None and n < number]
        if to is None and not lower:
            raise Refusal(f"expected a version before the current one ({number}) in {folder} there, found none"
                          if number else f"expected versions in {folder} there, found none; deploy first")
        target = lower[-1] if to is None else to
        if target not in there:
            raise Refusal(f"expected one of the versions {', '.join(map(str, there)) or '(none)'}, found {to}")
        path = os.path.join(folder, "versions", "%04d" % target)
        about = read_manifest(path)
        if about is None:
            raise Refusal(f"version {target} there is damaged (no manifest.json); choose another with --to")
        for name, digest in about["models"].items():
            if sha256(os.path.join(path, name)) != digest:
                raise Refusal(f"{name} of version {target} was changed there; choose another version with --to")
        same = (installed() or {}).get("fingerprint") == about["package"]["fingerprint"]
        results = check([os.path.join(path, name) for name in sorted(about["models"])],
                        None if same else os.path.join(path, about["wheel"]))
        changed = install(path, about)
        point(folder, target)
        return {"from": number, "to": target, "installed": changed, "package": about["package"], "models": results,
                "folder": folder}


def install(path, about):
    """pip, offline, nothing else touched; -> whether it was needed. When it did not help, the old one comes back."""
    before = installed()
    if before is not None and before["fingerprint"] == about["package"]["fingerprint"]:
        return False
    backup = before and pack(before, path)
    try:
        pip(os.path.join(path, about["wheel"]))
        after = installed()
        if after is None or after["fingerprint"] != about["package"]["fingerprint"]:
            raise Refusal(f"pip installed the package, but {sys.executable} finds "
                          f"{'none' if after is None else 'another one first, in ' + after['root']}; remove that")
        check([os.path.join(path, name) for name in sorted(about["models"])])
    except Refusal:
        if backup:
            with contextlib.suppress(Refusal):  # the first reason is the one to tell
                pip(backup)
        raise
    finally:
        if backup:
            os.unlink(backup)
    return True


def pip(wheel):
    own = sys.prefix == getattr(sys, "base_prefix", sys.prefix) and os.geteuid() != 0
    if importlib.util.find_spec("pip") is None:
        raise Refusal(f"expected pip for {sys.executable} there, found none: sudo apt-get install python3-pip there")
    done = child([sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-cache-dir",
                  "--disable-pip-version-check", "--force-reinstall"] + ["--user"] * own + [wheel], PIP_S)
    if done.returncode:
        if "externally-managed" in done.stderr:
            raise Refusal(f"the system keeps {sys.executable} for itself there: make a virtual environment (python3 "
                          "-m venv --system-site-packages FOLDER) and name its Python with --python")
        errors = [line for line in done.stderr.splitlines() if "rror" in line]
        raise Refusal(f"pip refuses there: {(errors or [last_line(done)])[0].strip()[:300]}")


def pack(package, path):
    """The installed package as a wheel again, or None when it was not installed from one."""
    root = package["root"]
    info = [n for n in os.listdir(root) if n.startswith("jetbot_mlp-") and n.endswith(".dist-info")]
    if len(info) != 1:
        return None
    wheel = os.path.join(path, info[0][:-len(".dist-info")] + "-1-py3-none-any.whl")
    with zipfile.ZipFile(wheel, "w") as archive:
        for folder in ("jetbot_mlp", info[0]):
            for name in sorted(os.listdir(os.path.join(root, folder))):
                if os.path.isfile(os.path.join(root, folder, name)) and name not in ("RECORD", "INSTALLER"):
                    archive.write(os.path.join(root, folder, name), folder + "/" + name)
        archive.writestr(info[0] + "/RECORD", "")
    return wheel


def wheel_sources(wheel):
    try:
        with zipfile.ZipFile(wheel) as archive:
            return {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()
                    if name.startswith("jetbot_mlp/") and name.endswith(".py")}
    except (zipfile.BadZipFile, OSError) as error:
        raise Refusal(f"{os.path.basename(wheel)} is damaged there ({error}); deploy again")


def point(folder, number):
    """`current` becomes that version, in one step."""
    link, new = os.path.join(folder, "current"), os.path.join(folder, ".current.new")
    target = os.path.join("versions", "%04d" % number)
    remove(new)
    try:
        os.symlink(target, new)
    except OSError:  # no links on this file system: a copy, and a moment without any, which `repair` knows
        old = os.path.join(folder, ".current.old")
        remove(old)
        shutil.copytree(os.path.join(folder, target), new)
        to_disk(new)
        if os.path.lexists(link):
            os.rename(link, old)
        os.rename(new, link)
        remove(old)
    else:
        os.replace(new, link)
    with open(os.path.join(folder, target, "since"), "a") as stream:
        stream.write(time.strftime("%F %T\n"))
    to_disk(folder, deep=False)


def repair(folder):
    link, old = os.path.join(folder, "current"), os.path.join(folder, ".current.old")
    if not os.path.lexists(link) and os.path.isdir(old):
        os.rename(old, link)
    if os.path.lexists(link) and read_manifest(link) is None and not os.path.islink(link):
        raise Refusal(f"{link} there is not of jetbot-mlp deploy; move it away, or choose another --folder")


def remove(path):
    if os.path.islink(path):
        os.unlink(path)
    elif os.path.isdir(path):
        shutil.rmtree(path)


def notebooks(folder, token, files):
    """Puts the copied notebooks into FOLDER/notebooks; one that was worked in is kept under another name."""
    own, kept = own_folder(folder, token), []
    for name in sorted(files):
        if sha256(os.path.join(own, name)) != files[name]:
            raise Refusal(f"{name} did not arrive whole (its sha256 differs); deploy again")
    for name in sorted(files):
        target = os.path.join(folder, "notebooks", *name.split("@"))
        make_folders(os.path.dirname(target))
        if os.path.exists(target) and sha256(target) != files[name]:
            stem, count = target[:-len(".ipynb")], 1
            while os.path.exists(f"{stem}.old{count}.ipynb"):
                count += 1
            os.rename(target, f"{stem}.old{count}.ipynb")
            kept.append(f"{stem}.old{count}.ipynb")
        os.replace(os.path.join(own, name), target)
    give_away(os.path.join(folder, "notebooks"), folder)
    shutil.rmtree(own, ignore_errors=True)
    return {"kept": kept}


# -- pull ---------------------------------------------------------------------------------------------------------

def listing(folder, home="~"):
    """-> {"folder", "files": [[path below it, bytes, sha256]]}; links to elsewhere are left out."""
    root = whole(folder, home)
    if os.path.isfile(root):
        return {"folder": os.path.dirname(root), "files": [[os.path.basename(root), os.path.getsize(root),
                                                            sha256(root)]]}
    if not os.path.isdir(root):
        raise Refusal(f"expected a folder there, found no {root}")
    files = []
    for path, folders, names in os.walk(root, onerror=unreadable):
        folders.sort()
        for name in sorted(names):
            file = os.path.join(path, name)
            if os.path.isfile(file) and not os.path.islink(file):
                files.append([os.path.relpath(file, root), os.path.getsize(file), sha256(file)])
    return {"folder": root, "files": files}


def unreadable(error):
    raise error


# -- small things ---------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def locked(folder, own=None):
    """One at a time. While waiting, the own folder is touched: it is not left over."""
    import fcntl

    # for reading: the file may belong to root, who deployed in the container
    handle = os.open(os.path.join(folder, ".deploy", "lock"), os.O_RDONLY | os.O_CREAT, 0o644)
    try:
        deadline = time.monotonic() + LOCK_S
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise Refusal(f"another deploy is at work there for more than {LOCK_S:.0f} s; try again later")
            if own is not None:
                os.utime(own, None)
            time.sleep(0.2)
        if own is not None:
            if not os.path.isdir(own):
                raise Refusal("what was copied is gone there; deploy again")
            os.utime(own, None)
        yield
    finally:
        os.close(handle)


def child(words, limit_s, env=None):
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/",
                              env=env, timeout=limit_s, universal_newlines=True, errors="replace")
    except subprocess.TimeoutExpired:
        raise Refusal(f"expected an answer of '{' '.join(words[1:5])}' within {limit_s:.0f} s there, found none")


def last_line(done):
    lines = [line for line in (done.stdout + "\n" + done.stderr).splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else f"exit status {done.returncode}"


def died(status):
    import signal

    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def sha256(path):
    total = hashlib.sha256()
    with open(path, "rb") as stream:
        for data in iter(lambda: stream.read(2 ** 20), b""):
            total.update(data)
    return total.hexdigest()


def write_json(path, data):
    with open(path, "w", encoding="utf-8") as stream:
        json.dump(data, stream)
        stream.flush()
        os.fsync(stream.fileno())


def to_disk(path, deep=True):
    """A folder, and with deep what is in it, survives a pulled plug from now on."""
    for name in [os.path.join(path, name) for name in os.listdir(path)] * deep + [path]:
        handle = os.open(name, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno != errno.EINVAL:  # some file systems have nothing to say about folders
                raise
        finally:
            os.close(handle)


def make_folders(path):
    os.makedirs(path, exist_ok=True)
    if not os.access(path, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)


def give_away(path, like):
    """What root makes in the container's mounted folder belongs to whom that folder, `like`, belongs to."""
    if os.geteuid() != 0:
        return
    owner = os.stat(like)
    for folder, _, names in os.walk(path):
        for name in [folder] + [os.path.join(folder, name) for name in names]:
            os.chown(name, owner.st_uid, owner.st_gid, follow_symlinks=False)


def owner_of(path):
    uid = os.stat(path).st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def denied(path):
    """The line for a path that may not be written."""
    there, user = nearest(path), getpass.getuser()
    try:
        if os.statvfs(there).f_flag & os.ST_RDONLY:
            return f"{there} there lies on a read-only file system (mount says more); choose another --folder"
    except OSError:
        pass
    owner = owner_of(there)
    if owner == user:
        return f"{there} there may not be written, even by its owner {user}: chmod u+rwx {there} there"
    return (f"{there} there belongs to {owner} (a container writes as root), and {user} may not write it: "
            f"sudo chown -R {user} {there} there, or choose another --folder")


def explain(error):
    """OSError -> one line."""
    path = error.filename if isinstance(error.filename, str) else ""
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS) and path:
        return denied(path)
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"disk full: no space left at {path or 'the folder'} there; delete something there"
    return f"{path or 'the system'} there: {error.strerror or error}"


COMMANDS = {function.__name__: function for function in
            (look, moving, stop, begin, discard, prove, switch, rollback, notebooks, listing)}


def main(arguments):
    command, options = arguments[0], json.loads(arguments[1])
    os.chdir("/")  # a folder jetbot_mlp where one happens to stand must not be taken for the package
    try:
        answer = COMMANDS[command](**options)
    except Refusal as refusal:
        answer = {"error": str(refusal)}
    except OSError as error:
        answer = {"error": explain(error)}
    try:
        print(json.dumps(answer))
        sys.stdout.flush()
    except OSError:  # nobody listens any more
        if command == "prove":
            discard(options["folder"], options["token"])
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
