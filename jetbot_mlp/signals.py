"""Stops the wheels when the process is told to end or to pause: Ctrl-C, Ctrl-Z, kill, a closed terminal.

kill -9 can't be caught here; a second process has to do that.
"""
import os
import signal
import threading

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGTSTP")  # Windows has none of the last two


class stop_on_signals:  # lower case: it reads as the with statement that it is for
    """Context manager: on SIGINT, SIGTERM or SIGHUP first stop the wheels, then end as one would without it.

    A handler that was there (Python's KeyboardInterrupt, Jupyter's) is called next; where there was none,
    SystemExit(128 + number) unwinds the program, so `finally` blocks run and the status is the shell's for
    that signal. SIGTSTP (Ctrl-Z) suspends, with standing wheels, until SIGCONT (fg). A signal that was ignored
    (nohup) stays ignored. Leaving the block restores the handlers.
    Raises ValueError outside the main thread, where Python allows no handlers.
    """

    def __init__(self, driver):
        self._driver = driver
        self._previous = {}

    def __enter__(self):
        if threading.current_thread() is not threading.main_thread():
            raise ValueError("stop_on_signals: expected the main thread, found another; use it at the top")
        for name in NAMES:
            number = getattr(signal, name, None)
            if number is None or signal.getsignal(number) in (signal.SIG_IGN, None):
                continue
            self._previous[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception):
        try:
            self._driver.stop("the program ended")  # first: without the handlers a signal would skip it
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)
            self._previous = {}

    def _handle(self, number, frame):
        # The gate only: it is made for being called in the midst of anything. The rest of stop() (the camera)
        # follows when the exception below unwinds, or in the drive loop.
        self._driver.gate.stop(f"{signal.Signals(number).name} received")
        previous = self._previous.get(number, signal.SIG_DFL)
        if callable(previous):
            previous(number, frame)
        elif signal.Signals(number).name == "SIGTSTP":
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            signal.signal(number, self._handle)
        else:
            raise SystemExit(128 + number)
