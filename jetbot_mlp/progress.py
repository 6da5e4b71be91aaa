"""A progress bar with the remaining time on stderr: tqdm's where it is installed, lines elsewhere."""
import contextlib
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


@contextlib.contextmanager
def counter(total, desc=""):
    """For bytes that come as they like: yields a function to be called with each further number of them."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield _Megabytes(total, desc).add
        return
    with tqdm(total=total, desc=desc, unit="B", unit_scale=True, file=sys.stderr, leave=False, dynamic_ncols=True,
              mininterval=0.2) as shown:
        yield lambda amount: shown.update(amount) and None


class _Megabytes:
    """The same as one line every few seconds."""

    def __init__(self, total, desc, every_s=5.0):
        self._total, self._desc, self._every_s = total, desc, every_s
        self._done, self._last = 0, time.monotonic()

    def add(self, amount):
        self._done += amount
        if time.monotonic() - self._last >= self._every_s:
            self._last = time.monotonic()
            print(f"{self._desc}: {self._done / 1e6:.1f} of {self._total / 1e6:.1f} MB", file=sys.stderr)


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
