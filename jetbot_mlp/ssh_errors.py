"""What OpenSSH complains about, as one line that says what to do."""
import re

from .errors import NotLetIn, RemoteError
from .frame_files import shown


def last_said(text):
    """The last line, fit for printing."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return shown(lines[-1])[:200] if lines else "nothing was said"


def why_no_login(name, complaint):
    """What ssh said -> RemoteError with one line; NotLetIn where another answer of the user's could help."""
    host = shown(name)
    refused = re.search(r"connect to (?:host|address) (\S+) port (\d+): (.+)", complaint)
    if "IDENTIFICATION HAS CHANGED" in complaint:
        return RemoteError("expected the host key of before, found another: is this the same robot? If it was set up "
                           f"anew: ssh-keygen -R {_known_name(host)}, then ssh {host} once")
    if "Host key verification failed" in complaint:
        return NotLetIn("expected a known host key, found one that nobody has confirmed; do it once by hand: "
                        f"ssh {host}")
    if "Permission denied" in complaint or "Too many authentication failures" in complaint:
        return NotLetIn(f"expected the right password or key, found '{last_said(complaint)}'; try by hand: ssh {host} "
                        "(the official robot: jetbot@..., password jetbot)")
    if "Could not resolve hostname" in complaint:
        return RemoteError(f"expected the name or address of a robot, found {host}, which nobody knows; its display "
                           "shows the address")
    if refused and "refused" in refused.group(3):
        return RemoteError(f"expected ssh at {refused.group(1)}, port {refused.group(2)}, found that it refuses: is it "
                           "a robot, is its ssh server running (sudo systemctl start ssh there)?")
    if refused:
        return RemoteError(f"expected a robot at {refused.group(1)}, found no answer ({refused.group(3).strip()}): is "
                           "it on, and in this network?")
    if "banner" in complaint or "kex_exchange" in complaint:
        return RemoteError(f"expected ssh there, found something that does not answer as ssh does "
                           f"({last_said(complaint)}): is that the port of ssh, and the robot not just starting?")
    return RemoteError(f"expected to log in with ssh, found: {last_said(complaint)}; try by hand: ssh {host}")


def _known_name(host):
    """The name under which ssh keeps the key."""
    match = re.match(r"ssh://(?:[^@/]*@)?(\[[^]]*\]|[^:/]*)(?::(\d+))?", host)
    if match and match.group(2):
        return f"'[{match.group(1).strip('[]')}]:{match.group(2)}'"
    return match.group(1).strip("[]") if match else host.rpartition("@")[2]
