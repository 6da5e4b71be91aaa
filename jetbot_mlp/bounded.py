"""A call that may never return, waited for with a limit: a write to I2C can hang in the kernel for ever.

Nobody can end such a call, or the thread that it holds; but whoever waits can go on, and say so. Safe in signal
handlers, whatever they interrupt: it takes no lock that another call here may hold (threading.Thread.start does).
"""
import _thread

PATIENCE_S = 1.0  # s; zeros to both wheels take 0.03 s, on a busy machine some more
AGAIN_S = 0.05  # s that one waits for a call which hung before
HANGS = "a command to the motors does not return: I2C hangs"


class _Call:
    """One call under way."""

    def __init__(self):
        self.answer = RuntimeError("it ended without an answer")
        self.under_way = _thread.allocate_lock()
        self.under_way.acquire()

    def run(self, function):
        try:
            self.answer = function()
        except BaseException as error:
            self.answer = error
        finally:
            self.under_way.release()

    def ended(self, timeout):
        """Wait at most timeout s. -> True when it has ended."""
        if not self.under_way.acquire(timeout=timeout):
            return False
        self.under_way.release()  # several may wait
        return True


class Bounded:
    """function() -> None or what went wrong, in words; calling this gives the same, or HANGS after patience_s.

    While a call hangs no other one is begun. An answer is always one of a call that began after it was asked for.
    """

    def __init__(self, function, patience_s=PATIENCE_S):
        self._function = function
        self.patience_s = patience_s
        self._last = None  # _Call that was begun last
        self._hung = None  # ... that was given up

    @property
    def hangs(self):
        """Whether a call was given up, and has not returned yet."""
        hung = self._hung
        return hung is not None and hung.under_way.locked()

    def __call__(self):
        last = self._last
        if last is not None and not last.ended(AGAIN_S if self.hangs else self.patience_s):
            self._hung = last
            return HANGS
        call = self._last = _Call()
        try:
            _thread.start_new_thread(call.run, (self._function,))
        except RuntimeError:  # no more threads: the program ends (Python 3.12), or the machine has no more of them
            call.run(self._function)
        if not call.ended(self.patience_s):
            self._hung = call
            return HANGS
        if isinstance(call.answer, BaseException):
            return f"{type(call.answer).__name__}: {call.answer}"
        return call.answer
