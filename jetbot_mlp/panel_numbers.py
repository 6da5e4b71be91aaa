"""What the live panel says of a drive in numbers and words. Nothing of widgets: text and HTML."""
import math

from .panel_parts import BORDER

PLANNED = ("STOP", "the robot was carried", "the camera was restarted")  # reasons of stops that somebody wanted


def numbers_in_words(status):
    """HTML: rate, latency, age and wheels of a driver's `Status`, always at the same places."""
    running = status.running and status.frames
    wheels = "0.00 &nbsp; 0.00"
    if status.command is not None:
        wheels = f"{status.command.left:+.2f} &nbsp; {status.command.right:+.2f}"
    rows = (("frames a second", f"{status.fps:.1f}" if running else "&ndash;"),
            ("latency, half / 99 of 100 below", "&ndash;" if math.isnan(status.latency_p50_ms) else
             f"{status.latency_p50_ms:.1f} / {status.latency_p99_ms:.1f} ms"),
            ("age of the frame", f"{1e3 * status.frame_age_s:.0f} ms" if running else "&ndash;"),
            ("wheels, left and right", wheels if running else "0.00 &nbsp; 0.00"))
    cells = "".join(f"<tr><td style='padding:0 12px 0 0'>{name}</td><td style='text-align:right;min-width:9em'>"
                    f"<b>{value}</b></td></tr>" for name, value in rows)
    return f"<table style='line-height:1.4;border-top:{BORDER}'>{cells}</table>"


def stop_in_words(stop, now, running):
    """stop: gate.Stop, or None: there was none yet; now: s, of its clock; running: a drive has begun since.
    -> (words, kind) for a `StatusLine`."""
    if stop is None:
        return "last stop: none yet", "plain"
    harmless = running or stop.reason.startswith(PLANNED)
    return f"last stop, {ago(now - stop.stamp)}: {stop.reason}", "plain" if harmless else "trouble"


def ago(seconds):
    """A past time in words."""
    return f"{seconds:.0f} s ago" if seconds < 120 else f"{seconds / 60:.0f} min ago"
