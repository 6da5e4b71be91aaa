"""deploy/: the install script in throw-away environments, and what the service unit promises."""
import base64
import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DEPLOY = os.path.join(ROOT, "deploy")
UNIT = os.path.join(DEPLOY, "jetbot-mlp-drive.service")
MODEL = os.path.join(ROOT, "models", "road.npz")
pip = pytest.importorskip("pip")
pytestmark = pytest.mark.skipif(os.name != "posix" or not shutil.which("sh"), reason="needs sh")

# stands in for Docker: one container named jetbot_jupyter, which is this machine
DOCKER = """#!/bin/sh
echo "$@" >> "$DOCKER_LOG"
verb=$1; shift
case $verb in
ps) echo jetbot_jupyter; exit 0 ;;
cp) exec cp "$1" "${2#*:}" ;;
exec)
    while :; do
        case $1 in -w) cd "$2"; shift 2 ;; -e) shift 2 ;; -*) shift ;; *) break ;; esac
    done
    shift
    exec "$@" ;;
esac
exit 1
"""


def make_wheel(folder, extra=""):
    """The package as a wheel, as `make wheel` packs it but without setuptools -> its path."""
    path = os.path.join(str(folder), "jetbot_mlp-0.1.0-py3-none-any.whl")
    info = "jetbot_mlp-0.1.0.dist-info/"
    members = {info + "METADATA": b"Metadata-Version: 2.1\nName: jetbot-mlp\nVersion: 0.1.0\n"
               b"Requires-Dist: what-no-index-has\n",
               info + "WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
               info + "entry_points.txt": b"[console_scripts]\njetbot-mlp = jetbot_mlp.__main__:main\n"}
    package = os.path.join(ROOT, "jetbot_mlp")
    for name in os.listdir(package):
        if name.endswith(".py"):
            with open(os.path.join(package, name), "rb") as stream:
                members["jetbot_mlp/" + name] = stream.read()
    members["jetbot_mlp/errors.py"] += extra.encode()
    sums = {name: base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
            for name, data in members.items()}
    record = [f"{name},sha256={sums[name]},{len(data)}" for name, data in members.items()]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(info + "RECORD", "\n".join(record + [info + "RECORD,,"]) + "\n")
    return path


@pytest.fixture(scope="module")
def linked(tmp_path_factory):
    """A folder with everything installed here but jetbot_mlp itself."""
    folder = tmp_path_factory.mktemp("linked")
    import cv2
    import numpy

    for home in {os.path.dirname(os.path.dirname(os.path.abspath(m.__file__))) for m in (pip, numpy, cv2)}:
        for name in os.listdir(home):
            if not re.match(r"_*(editable|jetbot)|.*\.(pth|egg-link)$", name) and not (folder / name).exists():
                (folder / name).symlink_to(os.path.join(home, name))
    return str(folder)


class Robot:
    """A folder with the script, a wheel, and a Python, a home and a systemd folder of its own."""

    def __init__(self, root, linked):
        self.root, self.folder = root, root / "here"
        venv.create(str(root / "venv"), with_pip=False)
        self.python = str(root / "venv" / "bin" / "python")
        code = "import sysconfig; print(sysconfig.get_path('purelib'))"
        self.site = subprocess.check_output([self.python, "-c", code], universal_newlines=True).strip()
        with open(os.path.join(self.site, "linked.pth"), "w") as stream:
            stream.write(linked + "\n")
        self.folder.mkdir()
        (root / "elsewhere" / "jetbot_mlp").mkdir(parents=True)  # a clone, say, that must not be taken for the package
        (root / "elsewhere" / "jetbot_mlp" / "__init__.py").write_text("raise SystemExit('the wrong one')")
        for name in ("install.sh", "jetbot-mlp-drive.service"):
            shutil.copy(os.path.join(DEPLOY, name), str(self.folder))
        self.wheel = make_wheel(self.folder)
        self.units = root / "etc" / "systemd" / "system"
        self.units.mkdir(parents=True)
        self.settings = root / "etc" / "jetbot-mlp-drive.conf"

    def __call__(self, *words, **environment):
        """Run the script -> (status, what it said)."""
        options = [] if "--python" in words else ["--python", self.python]
        options += [] if "PATH" in environment else ["--host"]
        env = dict(os.environ, HOME=str(self.root), DESTDIR=str(self.root), PIP_CONFIG_FILE=os.devnull, **environment)
        env.pop("PYTHONPATH", None)
        done = subprocess.run(["sh", str(self.folder / "install.sh")] + options + list(words), stdout=subprocess.PIPE,
                              env=env, stderr=subprocess.STDOUT, universal_newlines=True,
                              cwd=str(self.root / "elsewhere"), stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout


@pytest.fixture
def robot(tmp_path, linked):
    return Robot(tmp_path, linked)


@pytest.fixture(scope="module")
def installed(tmp_path_factory, linked):
    """A robot on which the script has run once; what it said is its `said`."""
    robot = Robot(tmp_path_factory.mktemp("installed"), linked)
    status, robot.said = robot()
    assert status == 0, robot.said
    return robot


def test_it_installs_the_package_and_nothing_else(installed):
    assert "installed" in installed.said and "the others stay as they were: numpy " in installed.said
    assert os.path.exists(os.path.join(installed.site, "jetbot_mlp", "doctor.py"))
    assert os.path.exists(os.path.join(os.path.dirname(installed.python), "jetbot-mlp"))
    others = [name for name in os.listdir(installed.site) if not name.startswith(("jetbot", "linked", "__pycache__"))]
    assert others == []


def test_a_second_time_there_is_nothing_to_do(installed):
    status, said = installed()
    assert status == 0 and "the very same files" in said, said


def test_another_build_of_the_same_version_replaces_the_first_and_uninstall_takes_it_away(robot):
    with zipfile.ZipFile(robot.wheel) as archive:
        archive.extractall(robot.site)
    make_wheel(robot.folder, "# newer\n")
    shutil.copy(MODEL, str(robot.folder / "road.npz"))
    status, said = robot()
    assert status == 0 and "installed" in said and "sound: " in said, said
    with open(os.path.join(robot.site, "jetbot_mlp", "errors.py")) as stream:
        assert stream.read().endswith("# newer\n")
    status, said = robot("--uninstall")
    assert status == 0 and "jetbot_mlp removed" in said, said
    assert not os.path.exists(os.path.join(robot.site, "jetbot_mlp"))
    status, said = robot("--uninstall")
    assert status == 0 and "no jetbot_mlp" in said, said


def test_the_container_is_found_and_everything_happens_inside_it(installed):
    tools, log = installed.root / "tools", installed.root / "docker.log"
    tools.mkdir()
    (tools / "docker").write_text(DOCKER)
    (tools / "docker").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    status, said = installed("--service", MODEL, PATH=path, DOCKER_LOG=str(log))
    assert status == 0 and "1. container jetbot_jupyter" in said, said
    assert "exec -i -w / jetbot_jupyter" in log.read_text()
    start = ("PYTHON=docker exec -w / -e OPENBLAS_CORETYPE=ARMV8 -e PYTHONUNBUFFERED=1 -e JETBOT_MLP_ROBOT "
             f"jetbot_jupyter {installed.python}\n")
    assert start in installed.settings.read_text()
    status, said = installed("--container", "nobody", PATH=path, DOCKER_LOG=str(log))
    assert status == 1 and "found none" in said


def make_older_copy(robot, home=None):
    """What `pip install --user` once left in an account's home -> (its folder, its program)."""
    base = (home or robot.root) / ".local"
    folder = base / "lib" / "python{}.{}".format(*sys.version_info[:2]) / "site-packages"
    for name in ("jetbot_mlp", "jetbot_mlp-0.0.9.dist-info", "another"):
        (folder / name).mkdir(parents=True)
    (folder / "jetbot_mlp" / "__init__.py").write_text("raise SystemExit('the old one')")
    (base / "bin").mkdir()
    (base / "bin" / "jetbot-mlp").write_text("")
    return folder, base / "bin" / "jetbot-mlp"


@pytest.fixture
def with_homes(robot):
    """A Python that looks into its user's home first, as the system's own does."""
    path = str(robot.root / "venv" / "pyvenv.cfg")
    with open(path) as stream:
        text = stream.read().replace("include-system-site-packages = false", "include-system-site-packages = true")
    with open(path, "w") as stream:
        stream.write(text)
    with open(os.path.join(robot.site, "first.pth"), "w") as stream:
        stream.write("import site, sys; sys.path.insert(0, site.getusersitepackages())\n")
    return robot


def test_older_copies_in_the_homes_of_this_and_other_accounts_do_not_hide_the_one_for_everybody(with_homes):
    import pwd

    robot = with_homes
    other = robot.root / pwd.getpwuid(os.getuid()).pw_dir.lstrip("/")
    other.mkdir(parents=True)
    status, said = robot()
    assert status == 0 and "hide" not in said, said
    copies = [make_older_copy(robot), make_older_copy(robot, other)]
    status, said = robot()  # also where the one for everybody is there already
    assert status == 0 and "an older copy, which would hide this one, taken away from " in said, said
    for folder, program in copies:
        assert str(folder) in said and os.listdir(str(folder)) == ["another"] and not program.exists()
    found = subprocess.check_output([robot.python, "-c", "import jetbot_mlp; print(jetbot_mlp.__file__)"], cwd="/",
                                    env=dict(os.environ, HOME=str(robot.root)), universal_newlines=True)
    assert found.startswith(robot.site)


def test_an_environment_that_does_not_look_into_homes_leaves_them_alone(installed):
    folder, program = make_older_copy(installed)
    status, said = installed()
    assert status == 0 and "hide" not in said and program.exists() and len(os.listdir(str(folder))) == 3, said
    shutil.rmtree(str(installed.root / ".local"))


def test_an_environment_that_comes_before_the_homes_leaves_them_alone(with_homes):
    os.remove(os.path.join(with_homes.site, "first.pth"))
    _, program = make_older_copy(with_homes)
    status, said = with_homes()
    assert status == 0 and "hide" not in said and program.exists(), said


@pytest.mark.parametrize("words, problem", [
    (("--python", "/no/python"), "expected Python 3.6 or newer"),
    (("--python", "/bin/false"), "expected Python 3.6 or newer"),
    (("--wheel", "/no/wheel.whl"), "found no file"),
    (("--service",), "expected models after --service"),
    (("--service", "a b.npz"), "without spaces"),
    (("--frobnicate",), "expected an option"),
    (("--python",), "expected a word after"),
])
def test_what_cannot_be_is_said_in_one_line_with_status_1(installed, words, problem):
    status, said = installed(*words)
    assert status == 1 and problem in said.splitlines()[-1], said


def test_two_wheels_or_none_are_refused(robot):
    shutil.copy(robot.wheel, str(robot.folder / "jetbot_mlp-0.2.0-py3.whl"))
    assert "expected one wheel" in robot()[1]
    for name in os.listdir(str(robot.folder)):
        if name.endswith(".whl"):
            os.unlink(str(robot.folder / name))
    assert "make wheel" in robot()[1]


def test_a_damaged_model_stops_the_service_from_being_installed(installed):
    (installed.root / "broken.npz").write_bytes(b"PK no model")
    unit = installed.units / "jetbot-mlp-drive.service"
    if unit.exists():
        unit.unlink()
    status, said = installed("--service", str(installed.root / "broken.npz"))
    assert status == 1 and "not sound" in said and not unit.exists()


def test_the_service_is_installed_but_not_enabled_and_a_persons_options_stay(installed):
    installed.settings.write_text("OPTIONS=--max-speed 0.2\n")
    status, said = installed("--service", MODEL, MODEL)
    assert status == 0 and "not enabled" in said, said
    assert os.listdir(str(installed.units)) == ["jetbot-mlp-drive.service"]
    assert f"\nMODELS={MODEL} {MODEL}\nOPTIONS=--max-speed 0.2\n" in installed.settings.read_text()
    assert zipfile.is_zipfile(str(installed.root / "usr" / "local" / "lib" / "jetbot-mlp" / "jetbot_mlp.whl"))


def test_uninstall_takes_the_service_away(robot):
    (robot.units / "jetbot-mlp-drive.service").write_text("")
    robot.settings.write_text("")
    assert robot("--uninstall")[0] == 0 and os.listdir(str(robot.units)) == [] and not robot.settings.exists()


def unit_lines():
    with open(UNIT) as stream:
        return [line.strip() for line in stream if line.strip() and not line.startswith("#")]


def test_a_robot_that_failed_is_never_started_again_by_itself():
    assert "Restart=no" in unit_lines()


def test_the_service_forks_its_guard_beside_no_other_thread_of_openblas():
    environment, = [line.partition("=")[2].split() for line in unit_lines() if line.startswith("Environment=")]
    assert "OPENBLAS_NUM_THREADS=1" in environment


def test_the_wheel_file_alone_is_enough_to_stop_the_wheels_after_the_service(robot):
    last = [line for line in unit_lines() if line.startswith("ExecStopPost=")][-1]
    words = last.partition("=")[2].split()
    assert words[:3] == ["/usr/bin/env", "PYTHONPATH=/usr/local/lib/jetbot-mlp/jetbot_mlp.whl", "python3"]
    environment = dict(os.environ, PYTHONPATH=robot.wheel)
    done = subprocess.run([sys.executable, "-S"] + words[3:], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          universal_newlines=True, env=environment, cwd=str(robot.root))
    # on a robot it writes; here no chip answers, and that is all that it lacks
    assert "wheels at zero" in done.stdout or "expected a motor chip on I2C" in done.stderr, done


def test_systemd_accepts_the_unit():
    analyze = shutil.which("systemd-analyze")
    if not analyze:
        pytest.skip("no systemd here")
    done = subprocess.run([analyze, "verify", UNIT], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    if "Failed to" in done.stdout and "jetbot" not in done.stdout:
        pytest.skip("systemd-analyze does not work here: " + done.stdout)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_script_is_clean_for_shellcheck():
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("no shellcheck here")
    assert subprocess.call([shellcheck, os.path.join(DEPLOY, "install.sh")]) == 0
