"""The same function for many inputs: over all cores (joblib), over a cluster (its Dask backend), or one by one.

Each call must be independent of the others and take its random seed as an argument; then the results are the
same however the calls are shared out.
"""
import contextlib
import importlib
import signal

import cv2

from .cluster import CONNECT_S, connect
from .errors import JetbotMLPError


def run(function, calls, jobs=None, dask=None, progress=None, desc="", shared=()):
    """Call function(*arguments) for each tuple of arguments; yield (index of the call, result) as each finishes.

    function: of a module (workers import it), returns something picklable; jobs: processes at once, None: one
    for each core; 1: in this process; dask: address of a Dask scheduler, host:port, or None; progress: tqdm-like
    or None, with desc as its title; shared: large arguments that many calls have in common, sent once to each
    worker of a cluster (the processes of one machine share the memory of arrays anyway).
    Errors of a call are raised here, and end the others. So does Ctrl-C, which the workers leave to this process.
    Raises JetbotMLPError when the cluster is not there (see `cluster`), or a process was killed from outside.
    """
    calls = list(calls)
    track = progress or (lambda items, total, desc: items)
    if dask is not None and calls:
        results = _on_cluster(function, calls, dask, shared)
    else:
        jobs = min(jobs or _cores(), len(calls))
        one_by_one = ((index, _one_thread(function, call)) for index, call in enumerate(calls))
        results = _on_cores(function, calls, jobs) if jobs > 1 and can_share_out() else one_by_one
    try:
        for item in track(results, total=len(calls), desc=desc):
            yield item
    finally:
        results.close()


def can_share_out():
    """Is there a joblib (1.5, which came with Python 3.9, or newer) to use several cores with?"""
    try:
        joblib = importlib.import_module("joblib")
    except ImportError:
        return False
    return tuple(int(part) for part in joblib.__version__.split(".")[:2]) >= (1, 5)


def _cores():
    """Cores that this process may use."""
    return importlib.import_module("joblib").cpu_count() if can_share_out() else 1


def _on_cores(function, calls, jobs):
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1, initializer=_leave_ctrl_c_to_the_parent):
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
    with _ctrl_c_held_back():  # the processes start here, and inherit it: none dies noisily while it starts
        results = parallel(delayed(_numbered)(index, function, *call) for index, call in enumerate(calls))
    try:
        for item in results:
            yield item
    except TerminatedWorkerError:
        raise JetbotMLPError("a process was killed from outside, most likely for want of memory; use fewer at "
                             "once: --jobs 1, 2, ...")
    finally:
        results.close()  # ends the workers when not all is done


def _on_cluster(function, calls, address, shared):
    if not can_share_out():
        raise JetbotMLPError("a cluster needs joblib 1.5 or newer; pip install 'jetbot_mlp[cluster]'")
    from joblib import Parallel, delayed, parallel_config

    client = connect(address)
    try:
        with parallel_config("dask", client=client, scatter=list(shared)):
            parallel = Parallel(n_jobs=-1, return_as="generator_unordered", batch_size=1)
        results = parallel(delayed(_numbered)(index, function, *call) for index, call in enumerate(calls))
        try:
            for item in results:
                yield item
        finally:
            results.close()
    finally:
        client.close(timeout=CONNECT_S)


def _numbered(index, function, *arguments):
    return index, _one_thread(function, arguments)


def _one_thread(function, arguments):
    """Call it with OpenCV's own threads off: the cores are busy with the other calls."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        return function(*arguments)
    finally:
        cv2.setNumThreads(before)


@contextlib.contextmanager
def _ctrl_c_held_back():
    """A Ctrl-C meanwhile comes at the end of the block. Windows has no such means."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _leave_ctrl_c_to_the_parent():
    """Ctrl-C reaches every process of a terminal; each worker would print a traceback of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
