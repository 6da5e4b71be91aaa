"""The same work with all threads and with one: is it worth the other cores?

By the time that passes, not the processor's, which is the sum over all threads. So it is right only as far as the
computer has nothing else to do, and there are no goals here.
"""
import os
import time

import cv2
import numpy as np

from .bench_clock import Turn, row_of
from .bench_inference import default_model, some_frame
from .bench_training import BATCHES, SIZES, step_and_products
from .blas_threads import use_blas_threads
from .features import extract, shrink
from .optimizers import SGD


def cores():
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def use_threads(count):
    """Of OpenCV and of NumPy's products. -> is NumPy's library one that can be told?"""
    cv2.setNumThreads(count)
    return use_blas_threads(count) > 0


def rows(rounds, random_state, clock=time.perf_counter):
    """-> [Row]; [] with one core, or where NumPy's library can't be told. In the end there is one thread again."""
    count = cores()
    try:
        if count < 2 or not use_threads(count):
            return []
        return [_row(work, function, count, rounds, random_state, clock) for work, function in _works(random_state)]
    finally:
        use_threads(1)


def _works(random_state):
    model, frame = default_model(), some_frame(random_state)
    yield "features of a frame", lambda: extract(shrink(frame)[None], model.feature_spec)
    for sizes in SIZES:
        for batch in BATCHES:
            step, _ = step_and_products(sizes, batch, random_state)
            yield "%s, batch %d, SGD" % ("-".join(map(str, sizes)), batch), lambda step=step: step(SGD(1e-5))


def _row(work, function, count, rounds, random_state, clock):
    counts, milliseconds = (count, 1), np.empty((rounds, 2))
    turn = Turn(function, clock)
    for values in milliseconds:
        for which in random_state.permutation(2):
            use_threads(counts[which])
            function()  # threads that are new start in it
            values[which] = 1e3 * turn.seconds_a_call()
    return row_of("%s, %d threads" % (work, count), milliseconds[:, 0], "one thread", milliseconds[:, 1], "ms", None)
