#!/bin/sh
# Installs jetbot_mlp on the robot, offline, from the wheel that lies beside this file (or in ../dist).
# Says what it did, step by step. May be run again at any time; `sh install.sh --help` tells the rest.
set -eu

usage() {
    cat <<'END'
sh install.sh [--host | --container NAME] [--user] [--python PYTHON] [--wheel FILE] [--service MODEL...]
sh install.sh --uninstall [--host | --container NAME]

  --host              into the Python of this machine (or of the container in which this runs)
  --container NAME    into the running Docker container NAME
                      default: the container jetbot_jupyter if it runs here, else --host
  --user              for this user only (pip install --user); so by default unless you are root
  --python PYTHON     another interpreter than python3
  --wheel FILE        another wheel than the one beside this file or in ../dist
  --service MODEL...  also install the service jetbot-mlp-drive, which drives with one model or two at boot,
                      but do not enable it (container: MODEL is a whole path inside it, /workspace/...)
  --uninstall         take the package and the service away again; models and settings stay

NumPy, OpenCV and all other packages stay as they are.
END
}

here=$(cd "$(dirname "$0")" && pwd)
container='' host=no user='' python=python3 wheel='' service=no uninstall=no models=''
units="${DESTDIR:-}/etc/systemd/system"
configuration="${DESTDIR:-}/etc/jetbot-mlp-drive.conf"
library="${DESTDIR:-}/usr/local/lib/jetbot-mlp"
unit=jetbot-mlp-drive.service
number=0

step() { number=$((number + 1)); echo "$number. $*"; }
fail() { echo "install.sh: $*" >&2; exit 1; }
# every path is made whole, because all Pythons run in /: a folder jetbot_mlp here must not be taken for the package
whole() { case $1 in /*) echo "$1" ;; *) echo "$(pwd)/$1" ;; esac; }
need() { [ "$2" -ge 2 ] || fail "expected a word after $1; see sh install.sh --help"; }

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --host) host=yes ;;
        --container) need "$1" $#; container=$2; shift ;;
        --user) user=--user ;;
        --python) need "$1" $#; python=$2; shift; case $python in */*) python=$(whole "$python") ;; esac ;;
        --wheel) need "$1" $#; wheel=$(whole "$2"); shift ;;
        --uninstall) uninstall=yes ;;
        --service)
            service=yes
            while [ $# -gt 1 ]; do
                case $2 in --*) break ;; esac
                model=$(whole "$2")
                case $model in *[[:space:]]*) fail "expected a model's path without spaces, found '$model'" ;; esac
                models="$models $model"
                shift
            done
            [ -n "$models" ] || fail "expected models after --service; see sh install.sh --help" ;;
        *) fail "expected an option, found '$1'; see sh install.sh --help" ;;
    esac
    shift
done
[ -z "$container" ] || [ "$host" = no ] || fail "expected --host or --container, found both"

# the Python that is meant, wherever it is
py() {
    if [ -n "$container" ]; then docker exec -i -w / "$container" "$python" "$@"; else (cd / && "$python" "$@"); fi
}
# versions of other packages, which must stay
others='
for name in ("numpy", "cv2", "traitlets"):
    try:
        print(name, __import__(name).__version__, end=" ")
    except Exception:
        print(name, "missing", end=" ")
'
others() { py -c "$others" 2>/dev/null || echo "NumPy does not load: see jetbot-mlp doctor"; }

# A copy that an account installed for itself (pip install --user) is found before the one for everybody, also by the
# service, whatever is newer. Takes it away, and prints where it was; other packages and settings stay.
take_away='
import glob, os, shutil, site, sys, sysconfig
def place(folder):
    return sys.path.index(folder) if folder in sys.path else len(sys.path)
if sys.prefix != sys.base_prefix and place(site.getusersitepackages()) >= place(sysconfig.get_path("purelib")):
    sys.exit()  # an environment of its own, which comes before
homes = [os.path.expanduser("~")]
try:
    import pwd
    homes += [os.environ.get("DESTDIR", "") + entry.pw_dir for entry in pwd.getpwall()]
except (ImportError, OSError):
    pass
version = "python%d.%d" % sys.version_info[:2]
for base in sorted({os.path.realpath(os.path.join(home, ".local")) for home in homes}):
    folder = os.path.join(base, "lib", version, "site-packages")
    found = glob.glob(os.path.join(folder, "jetbot_mlp")) + glob.glob(os.path.join(folder, "jetbot_mlp-*.dist-info"))
    for path in found + (glob.glob(os.path.join(base, "bin", "jetbot-mlp")) if found else []):
        try:
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        except OSError as error:
            sys.exit("%s hides the new one and cannot be taken away (%s): remove it by hand" % (path, error.strerror))
    if found:
        print(folder)
'
take_away() {
    copies=$(py -c "$take_away") || fail "see the line above"
    [ -z "$copies" ] || step "an older copy, which would hide this one, taken away from $copies"
}

# 1. where to
running() { command -v docker >/dev/null 2>&1 && docker ps --format '{{.Names}}' 2>/dev/null | grep -Fqx "$1"; }
if [ -n "$container" ]; then
    running "$container" || fail "expected a running container $container, found none; see: docker ps"
elif [ "$host" = no ] && running jetbot_jupyter; then
    container=jetbot_jupyter
elif [ "$host" = no ] && command -v docker >/dev/null 2>&1 && ! docker ps >/dev/null 2>&1; then
    echo "(docker does not answer: if JupyterLab runs in a container, use sudo; if it does not, --host)"
fi
if [ -n "$container" ]; then
    user=''
    where="container $container"
elif [ -e /.dockerenv ]; then
    where="this container"
else
    where="this machine"
fi
about=$(py -c 'import sys
if sys.version_info < (3, 6):
    sys.exit(1)
kind = "own" if sys.prefix == sys.base_prefix else "venv"
print("%d.%d.%d" % sys.version_info[:3], kind, sys.executable)' 2>/dev/null) || {
    found=$(py --version 2>/dev/null | head -n 1)
    fail "expected Python 3.6 or newer as $python on $where, found ${found:-none}"
}
interpreter=${about#* * }
step "$where: Python ${about%% *}, $interpreter"

# 2. pip
pip=$(py -m pip --version 2>/dev/null) ||
    fail "expected pip for $python on $where, found none; install it: apt-get install python3-pip"
step "${pip%% from *}"

if [ "$uninstall" = yes ]; then
    if [ -e "$units/$unit" ]; then
        [ -n "${DESTDIR:-}" ] || systemctl disable --now "$unit" >/dev/null 2>&1 || true
        rm -f "$units/$unit" "$configuration" "$library/jetbot_mlp.whl"
        rmdir "$library" 2>/dev/null || true
        [ -n "${DESTDIR:-}" ] || systemctl daemon-reload
        step "service $unit stopped and removed"
    else
        step "no service $unit"
    fi
    if py -m pip show jetbot_mlp >/dev/null 2>&1; then
        py -m pip uninstall --yes jetbot_mlp >/dev/null
        step "jetbot_mlp removed"
    else
        step "no jetbot_mlp"
    fi
    exit 0
fi

# 3. the wheel
if [ -z "$wheel" ]; then
    for folder in "$here" "$here/../dist"; do
        for file in "$folder"/jetbot_mlp-*.whl; do
            [ -e "$file" ] || continue
            [ -z "$wheel" ] || fail "expected one wheel, found $wheel and $file; delete the older or use --wheel FILE"
            wheel=$file
        done
        [ -z "$wheel" ] || break
    done
fi
[ -n "$wheel" ] || fail "expected jetbot_mlp-*.whl beside this file or in ../dist, found none; make it: make wheel"
[ -f "$wheel" ] || fail "expected a wheel, found no file $wheel"
step "wheel $wheel"

# 4. install, unless the very same files are there
passed=$wheel
if [ -n "$container" ]; then
    passed=/tmp/$(basename "$wheel")
    docker cp "$wheel" "$container:$passed" >/dev/null
    trap 'docker exec "$container" rm -f "$passed"' EXIT
fi
same='
import csv, io, os, sys, zipfile
try:
    import pkg_resources
    root = pkg_resources.get_distribution("jetbot_mlp").location
except Exception:
    import jetbot_mlp
    root = os.path.dirname(os.path.dirname(os.path.abspath(jetbot_mlp.__file__)))
with zipfile.ZipFile(sys.argv[1]) as wheel:
    names = [name for name in wheel.namelist() if not name.endswith("/RECORD")]
    for name in names:
        with open(os.path.join(root, name), "rb") as stream:
            if stream.read() != wheel.read(name):
                sys.exit(1)
installed = [name for name in os.listdir(os.path.join(root, "jetbot_mlp")) if name.endswith(".py")]
sys.exit(len(installed) != sum(name.startswith("jetbot_mlp/") and name.endswith(".py") for name in names))
'
if py -W ignore -c "$same" "$passed" >/dev/null 2>&1; then
    step "jetbot_mlp is there already, with the very same files"
else
    before=$(others)
    case $about in *" own "*) [ "$(id -u)" = 0 ] || [ -n "$container" ] || user=--user ;; esac
    # shellcheck disable=SC2086  # an empty $user is no word
    log=$(py -m pip install $user --no-deps --no-index --no-cache-dir --disable-pip-version-check --force-reinstall \
        "$passed" 2>&1) || fail "pip refused:
$log"
    step "$(basename "$wheel") installed${user:+ for this user}"
    after=$(others)
    [ "$before" = "$after" ] || fail "other packages changed: were $before, are $after"
    step "the others stay as they were: $after"
fi

[ -n "$user" ] || take_away

# 5. it works
set --
if [ -z "$container" ]; then
    for model in "$here"/*.npz "$here"/../models/*.npz; do
        [ ! -f "$model" ] || set -- "$@" "$model"
    done
fi
for model in $models; do set -- "$@" "$model"; done
if [ $# -gt 0 ]; then
    py -m jetbot_mlp check "$@" || fail "see the lines above; copy the model again"
    step "jetbot_mlp works; the models above are sound here"
else
    py -m jetbot_mlp --help >/dev/null || fail "jetbot_mlp does not start; see the lines above"
    step "jetbot_mlp starts; no models here to check"
fi

# 6. the service
if [ "$service" = yes ]; then
    [ -d "$units" ] || fail "expected systemd's folder $units, found none; --service works on the host only"
    [ -w "$units" ] || fail "$units may not be written; run: sudo sh install.sh ..."
    if [ -n "$container" ]; then
        start="docker exec -w / -e OPENBLAS_CORETYPE=ARMV8 -e PYTHONUNBUFFERED=1 -e JETBOT_MLP_ROBOT $container $python" account=root
    else
        start=$interpreter account=${SUDO_USER:-$(id -un)}
    fi
    mkdir -p "$library"
    cp "$wheel" "$library/jetbot_mlp.whl"
    if [ -e "$configuration" ]; then
        options=$(sed -n 's/^OPTIONS=//p' "$configuration")
    else
        options='--max-speed 0.3'
    fi
    printf '# read by %s\nPYTHON=%s\nMODELS=%s\nOPTIONS=%s\n' \
        "$unit" "$start" "${models# }" "$options" >"$configuration"
    sed "s/^User=.*/User=$account/" "$here/$unit" >"$units/$unit"
    [ -n "${DESTDIR:-}" ] || systemctl daemon-reload
    step "service $unit installed, not enabled; it drives with$models $options ($configuration)"
    echo "   wheels up, then try it: sudo systemctl start jetbot-mlp-drive; journalctl -fu jetbot-mlp-drive"
    echo "   stop it:                sudo systemctl stop jetbot-mlp-drive"
    echo "   drive at every boot:    sudo systemctl enable jetbot-mlp-drive"
fi
echo "done; next: ${container:+docker exec -it $container }$python -m jetbot_mlp doctor"
