"""A progress bar with the remaining time on stderr: tqdm's where it is installed, lines elsewhere."""
import sys
import time


def bar(iterable, total=None, desc=""):
    """Wrap an iterable; tqdm's signature. stdout stays free for results."""
    try:
        from tqdm import tqdm
    except ImportError:  # the robot has no tqdm
        return _lines(iterable, total, desc)
    return tqdm(iterable, total=total, desc=desc, file=sys.stderr, leave=False, dynamic_ncols=True,
                mininterval=0.2)


def line(text):
    """A line for people on stderr, above the bar if there is one."""
    try:
        from tqdm import tqdm
    except ImportError:
        print(text, file=sys.stderr)
    else:
        tqdm.write(text, file=sys.stderr)


def _lines(iterable, total, desc, every_s=5.0):
    """The same as one line every few seconds."""
    started = last = time.monotonic()
    for index, item in enumerate(iterable):
        yield item
        now = time.monotonic()
        if now - last >= every_s:
            last = now
            done = index + 1
            rest = f" of {total}, {(now - started) / done * (total - done):.0f} s left" if total else ""
            print(f"{desc}: {done}{rest}", file=sys.stderr)
