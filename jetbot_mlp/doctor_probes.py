"""What `jetbot-mlp doctor` measures. Nothing is judged here; `doctor_checks` does that.

What may crash or hang (NumPy on a processor it was not built for, OpenCV, the official package, the
camera, a model) is asked in a child process: `ask(name)` runs the function of that name in `doctor_children`.
This module imports neither NumPy nor OpenCV.
"""
import errno
import glob
import importlib.util
import json
import os
import platform
import re
import shutil
import signal
import subprocess
import sys

from . import processes, robot_settings
from .doctor_checks import DISPLAY, Child
from .motor_chip import KINDS, open_bus
from .motor_guard import PROGRAM

BUSES = (0, 1, 7)  # of the 40-pin header: 1 on Nano and Xavier, 7 on Orin

CAMERA_S = 45.0  # the official class may take 30 s
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows
OC_LINE = re.compile(r"OC ALARM|under-?voltage|throttl", re.IGNORECASE)

# the child sees exactly the packages that this process sees
_CHILD = ("import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
          "from jetbot_mlp.doctor_children import answer; answer(sys.argv[2], sys.argv[3:])")


def ask(name, *words, limit_s=30.0):
    """Run `doctor_children`'s child_<name>(*words) in a child process -> Child.

    Never raises, lasts at most limit_s + 4 s.
    """
    path = [os.path.abspath(p) for p in sys.path if os.path.exists(p or ".")]
    return run_child([sys.executable, "-c", _CHILD, json.dumps(path), name] + list(words), limit_s)


def run_child(command, limit_s):
    """Run a command whose stdout has JSON objects, a line each -> Child with all of them in one dict."""
    try:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                   start_new_session=True)  # so that all it starts ends with it
    except OSError as error:
        return Child({}, 1, str(error), 0.0)
    hung_s, output = 0.0, (b"", b"")
    try:
        for wait_s, number in ((limit_s, signal.SIGTERM), (2.0, _KILL), (2.0, _KILL)):
            try:
                output = process.communicate(timeout=wait_s)
                break
            except subprocess.TimeoutExpired as expired:  # SIGTERM first: the camera's server wants a farewell
                hung_s, output = limit_s, (expired.output or b"", b"")
                _signal_group(process, number)
    finally:
        _signal_group(process, _KILL)
        process.stdout.close()
        process.stderr.close()
    answer = {}
    for line in output[0].decode("utf-8", "replace").splitlines():
        try:
            answer.update(json.loads(line))
        except (ValueError, TypeError):
            pass  # half a line of a child that died
    said = output[1].decode("utf-8", "replace").split("\n")
    words = [line.strip() for line in said if line.strip()]
    return Child(answer, process.poll() or 0, words[-1][:200] if words else "", hung_s)


def _signal_group(process, number):
    """To the child and all that it has started."""
    try:
        os.killpg(process.pid, number)
    except (OSError, AttributeError):  # all have ended; Windows
        if process.poll() is None:
            process.kill()


def has_jetbot():
    """Is the official package there? (Without importing it.)"""
    try:
        return importlib.util.find_spec("jetbot") is not None
    except ValueError:  # imported already, and not by the usual way
        return True


def on_jetson():
    """Is this one of NVIDIA's small boards?"""
    return "nvidia" in read("/proc/device-tree/compatible").lower() or os.path.exists("/etc/nv_tegra_release")


def container():
    """Does this run in a container?"""
    return os.path.exists("/.dockerenv") or any(word in read("/proc/1/cgroup") for word in ("docker", "containerd"))


def machine():
    return platform.machine() or "unknown machine"


def video_devices():
    return sorted(glob.glob("/dev/video[0-9]*"))


def settings():
    """What `jetbot-mlp calibrate` found -> (RobotSettings, its file, whether that is there)."""
    path = robot_settings.default_path()
    return robot_settings.load_settings(path), path, os.path.exists(path)


def camera_holders():
    """[(process id, command line)] of other processes with /dev/video* open or the robot's camera library in use.

    Sees only what this user may see; in a container, only the container's processes.
    """
    holders = []
    for folder in glob.glob("/proc/[0-9]*"):
        pid = int(os.path.basename(folder))
        command = read(os.path.join(folder, "cmdline")).replace("\0", " ").strip()
        if pid == os.getpid() or "nvargus-daemon" in command:
            continue
        targets = set()
        for link in glob.glob(os.path.join(folder, "fd", "*")):
            try:
                targets.add(os.readlink(link))
            except OSError:
                pass  # closed meanwhile
        if any(target.startswith("/dev/video") for target in targets) or \
                "nvargus_socketclient" in read(os.path.join(folder, "maps")):
            holders.append((pid, command[:80]))
    return sorted(holders)


def i2c_buses(look):
    """[(number, error words or '', [address that answered])] of the buses that a motor board can be on.

    look: False: nothing is read from them; on a laptop other chips live there.
    """
    found = []
    for number in sorted(BUSES):
        if not look and not os.path.exists(f"/dev/i2c-{number}"):
            continue
        answered, error = [], ""
        try:
            bus = open_bus(number) if look else None
        except FileNotFoundError:
            continue
        except OSError as refusal:
            bus, error = None, refusal.strerror or str(refusal)
        for address in [kind.address for kind in KINDS] + [DISPLAY] if bus else []:
            try:
                bus.probe(address)
                answered.append(address)
            except OSError as silence:
                if silence.errno == errno.EBUSY:  # a driver of the kernel's has it, so it is there
                    answered.append(address)
        found.append((number, error, answered))
    return found


def running_guards():
    """[(process id, MB, RunningGuard.parent, .state)] of the motor guards at work."""
    found = processes.running_guards(PROGRAM, BUSES)
    return [(guard.pid, rss_mb(guard.pid), guard.parent, guard.state) for guard in found]


def in_i2c_group():
    """'yes', 'after login' (the file says so, this process was started before) or 'no'."""
    try:
        import grp
        import pwd

        group = grp.getgrnam("i2c")
        if os.geteuid() == 0 or group.gr_gid in os.getgroups() + [os.getegid()]:
            return "yes"
        return "after login" if pwd.getpwuid(os.geteuid()).pw_name in group.gr_mem else "no"
    except (ImportError, KeyError):
        return "yes" if getattr(os, "geteuid", lambda: 1)() == 0 else "no"


def memory_mb():
    """-> (available, swap, container limit or None), MB."""
    info = {name: float(kb) / 1e3 for name, kb in re.findall(r"(\w+):\s+(\d+) kB", read("/proc/meminfo"))}
    if "MemAvailable" not in info:
        raise OSError("/proc/meminfo tells nothing here")
    available, limit = info["MemAvailable"], None
    for limit_file, usage_file, stat_file in (  # cgroup 2, then 1
            ("memory.max", "memory.current", "memory.stat"),
            ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat")):
        allowed, used = (read("/sys/fs/cgroup/" + name).strip() for name in (limit_file, usage_file))
        if allowed.isdigit() and used.isdigit() and float(allowed) < 1e12:
            limit = float(allowed) / 1e6
            # files that were read stay counted, though they give way
            cached = re.search(r"^(?:total_)?inactive_file (\d+)$", read("/sys/fs/cgroup/" + stat_file), re.M)
            given_back = float(cached.group(1)) if cached else 0.0
            available = min(available, limit - (float(used) - given_back) / 1e6)
    return available, info.get("SwapFree", 0.0), limit


def disk_mb():
    """[(folder, MB free)] of the working folder and of home, once if they are on one disk."""
    free = {}
    for folder in (os.getcwd(), os.path.expanduser("~")):
        if os.path.isdir(folder):
            free.setdefault(os.stat(folder).st_dev, (folder, shutil.disk_usage(folder).free / 1e6))
    return list(free.values())


def power_mode():
    """What nvpmodel says ('MAXN', '5W'), '' when it is not there."""
    said = output_of("nvpmodel", "-q")
    mode = re.search(r"NV Power Mode:\s*(\S+)", said)
    return mode.group(1) if mode else ""


def clocks():
    """'1479 of 1479 MHz' of the first processor, or ''."""
    folder = "/sys/devices/system/cpu/cpu0/cpufreq/"
    now, most = (read(folder + name).strip() for name in ("scaling_cur_freq", "scaling_max_freq"))
    return f"{int(now) // 1000} of {int(most) // 1000} MHz" if now.isdigit() and most.isdigit() else ""


def temperatures():
    """{thermal zone: degrees C}"""
    found = {}
    for zone in glob.glob("/sys/class/thermal/thermal_zone*"):
        text = read(os.path.join(zone, "temp")).strip()
        name = read(os.path.join(zone, "type")).strip() or os.path.basename(zone)
        if re.match(r"-?\d+$", text) and not name.startswith("PMIC"):  # which always says 50 or 100 on Jetsons
            found[name] = int(text) / 1e3
    return found


def throttle_events():
    """Overcurrent counters above zero and lines of the kernel log about throttling or undervoltage."""
    events = []
    for path in sorted(glob.glob("/sys/class/hwmon/hwmon*/oc*_event_cnt")):
        count = read(path).strip()
        if count not in ("", "0"):
            events.append(f"{os.path.basename(path)} {count}")
    return events + [line.strip()[:120] for line in output_of("dmesg").splitlines() if OC_LINE.search(line)]


def written_s():
    """s since 1970 when this package was installed: the clock must not be earlier."""
    return os.stat(__file__).st_mtime


def read(path):
    """A small text file of the system; '' when it is not there or not ours to read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(2 ** 20).decode("utf-8", "replace")
    except OSError:
        return ""


def output_of(*command):
    """stdout of a command; '' when it is not there, fails or takes longer than 3 s."""
    try:
        return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
                              timeout=3).stdout.decode("utf-8", "replace")
    except (OSError, subprocess.SubprocessError):
        return ""


def rss_mb(pid, kind="VmRSS"):
    """Memory of a process, MB; kind 'VmHWM': the most it ever had. NaN when it is not to be known."""
    found = re.search(kind + r":\s+(\d+) kB", read(f"/proc/{pid}/status"))
    return float(found.group(1)) / 1e3 if found else float("nan")
