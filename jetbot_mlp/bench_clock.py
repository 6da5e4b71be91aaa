"""How long one thing takes beside another, on a computer that does other things too.

Both take turns, in an order drawn anew for every round, so what disturbs the computer for a while disturbs both. In
each round each is called as often as fills some milliseconds, so the clock's own steps don't count, and the ratio is
taken round by round: a processor that slows down slows both. The median of those ratios is what is told, with their
quartiles, since a ratio without its spread can't be judged.
"""
import time
from typing import Callable, NamedTuple, Optional

import numpy as np

LEAST_S = 0.005  #: of a turn; a call that takes longer is a turn by itself


class Row(NamedTuple):
    """One line of the table: our work beside other work of the same use."""

    work: str
    ours: float  #: median, in unit
    beside: str
    theirs: float  #: median, in unit
    unit: str  #: 'us', 'ms' or 'MB'
    ratio: float  #: ours / theirs, median over the rounds
    low: float  #: its first quartile
    high: float  #: its third quartile
    goal: Optional[float]  #: the largest ratio that is wanted; None where there is no such wish

    @property
    def reached(self):
        """Is the median at the goal? None without a goal."""
        return None if self.goal is None else self.ratio <= self.goal


def row(work, ours, beside, theirs, goal, rounds, random_state, clock=time.process_time):
    """Measure two functions without arguments in turns -> Row.

    rounds: how often each has its turn; random_state: np.random.RandomState, draws who is first; clock: gives seconds.
    The default is the processor's time: of work in one thread, on an idle computer, it is the time that passes.
    """
    turns = [Turn(function, clock) for function in (ours, theirs)]
    seconds = np.empty((rounds, 2))
    for values in seconds:
        for which in random_state.permutation(2):
            values[which] = turns[which].seconds_a_call()
    scale, unit = (1e6, "us") if np.median(seconds) < 1e-3 else (1e3, "ms")
    return row_of(work, seconds[:, 0] * scale, beside, seconds[:, 1] * scale, unit, goal)


def row_of(work, ours, beside, theirs, unit, goal):
    """Row of what was measured in pairs. ours, theirs: float (rounds,), theirs above 0."""
    low, ratio, high = np.percentile(np.asarray(ours) / np.asarray(theirs), (25, 50, 75))
    return Row(work, float(np.median(ours)), beside, float(np.median(theirs)), unit, float(ratio), float(low),
               float(high), goal)


class Turn:
    """A function that is called so often that LEAST_S pass."""

    def __init__(self, function: Callable, clock=time.process_time, least_s=LEAST_S):
        self._function, self._clock, self.calls = function, clock, 1
        function()  # the first call may load or allocate something
        while self.calls < 2 ** 20:
            took_s = self.seconds_a_call() * self.calls
            if took_s >= least_s:
                break
            self.calls = max(2 * self.calls, min(16 * self.calls, int(1.2 * self.calls * least_s / max(took_s, 1e-6))))

    def seconds_a_call(self):
        """Have one turn -> float."""
        started = self._clock()
        for _ in range(self.calls):
            self._function()
        return (self._clock() - started) / self.calls
