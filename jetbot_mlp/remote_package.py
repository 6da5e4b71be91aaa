"""The package and its libraries on the robot (see `remote_script`): what is installed, does it compute, pip."""
import contextlib
import hashlib
import importlib.util
import json
import os
import platform
import sys
import zipfile

from .remote_base import Refusal, child, died, last_line

CHECK_S = 180.0
PIP_S = 600.0


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


def install(path, about):
    """pip, offline, nothing else touched; -> whether it was needed. When it did not help, the old one comes back."""
    before = installed()
    if before is not None and before["fingerprint"] == about["package"]["fingerprint"]:
        return False
    backup = before and packed_again(before, path)
    try:
        pip(os.path.join(path, about["wheel"]))
        after = installed()
        if after is None or after["fingerprint"] != about["package"]["fingerprint"]:
            raise Refusal(f"pip installed the package, but {sys.executable} finds "
                          f"{'none' if after is None else 'another one first, in ' + after['root']}; remove that")
        # not by pip: between the old files and the new ones, when the plug must not be pulled, it would take longest
        child([sys.executable, "-m", "compileall", "-qf", os.path.join(after["root"], "jetbot_mlp")], PIP_S)
        check([os.path.join(path, name) for name in sorted(about["models"])])
        os.sync()  # pip leaves that to the system, and the plug may be pulled once this is what drives
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
    done = child([sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--no-cache-dir", "--no-compile",
                  "--disable-pip-version-check", "--force-reinstall"] + ["--user"] * own + [wheel], PIP_S)
    if done.returncode:
        if "externally-managed" in done.stderr:
            raise Refusal(f"the system keeps {sys.executable} for itself there: make a virtual environment (python3 "
                          "-m venv --system-site-packages FOLDER) and name its Python with --python")
        errors = [line for line in done.stderr.splitlines() if "rror" in line]
        raise Refusal(f"pip refuses there: {(errors or [last_line(done)])[0].strip()[:300]}")


def packed_again(package, path):
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
