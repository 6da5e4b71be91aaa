"""The same function for many inputs: over all cores (joblib), over a cluster (its Dask backend), or one by one.

Each call must be independent of the others and take its random seed as an argument; then the results are the
same however the calls are shared out.
"""
import importlib
import signal

import cv2

from .errors import JetbotMLPError

CONNECT_S = 10  #: how long to wait for a cluster and for its first worker


def run(function, calls, jobs=None, dask=None, progress=None, desc="", shared=()):
    """Call function(*arguments) for each tuple of arguments; yield (index of the call, result) as each finishes.

    function: of a module (workers import it), returns something picklable; jobs: processes at once, None: one
    for each core; 1: in this process; dask: address of a Dask scheduler, host:port, or None; progress: tqdm-like
    or None, with desc as its title; shared: large arguments that many calls have in common, sent once to each
    worker of a cluster (the processes of one machine share the memory of arrays anyway).
    Errors of a call are raised here, and end the others. So does Ctrl-C, which the workers leave to this process.
    Raises JetbotMLPError when the cluster is not there, or a process was killed from outside.
    """
    calls = list(calls)
    track = progress or (lambda items, total, desc: items)
    if dask is not None:
        results = _on_cluster(function, calls, dask, shared)
    elif jobs == 1 or len(calls) < 2 or not can_share_out():
        results = ((index, _one_thread(function, call)) for index, call in enumerate(calls))
    else:
        results = _on_cores(function, calls, jobs)
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


def _on_cores(function, calls, jobs):
    from joblib import Parallel, delayed, parallel_config
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    jobs = -1 if jobs is None else min(jobs, len(calls))
    with parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1, initializer=_leave_ctrl_c_to_the_parent):
        parallel = Parallel(return_as="generator_unordered", batch_size=1)
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
    client = _connect(address)
    try:
        from joblib import Parallel, delayed, parallel_config

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


def _connect(address):
    """A Client of a cluster whose workers have this very package."""
    try:
        from distributed import Client
    except ImportError as error:
        raise JetbotMLPError(f"a cluster needs Dask ({error}); pip install 'jetbot_mlp[cluster]'")
    if not can_share_out():
        raise JetbotMLPError("a cluster needs joblib 1.5 or newer; pip install 'jetbot_mlp[cluster]'")
    from . import __version__

    try:
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # anything, from a wrong port to another kind of server
        raise JetbotMLPError(f"expected a Dask scheduler at {address}, found none ({error}); start one with "
                             f"'dask scheduler' and give its address, host:8786")
    try:
        client.wait_for_workers(1, timeout=CONNECT_S)
        workers = client.get_versions(packages=["jetbot_mlp"])["workers"]
    except Exception as error:
        client.close(timeout=1)
        raise JetbotMLPError(f"expected a worker at {address} within {CONNECT_S} s, found none ({error}); start "
                             f"one with 'dask worker {address}'")
    for worker, found in workers.items():
        version = found["packages"].get("jetbot_mlp")
        if version != __version__:
            client.close(timeout=1)
            raise JetbotMLPError(f"expected jetbot_mlp {__version__} on the worker {worker}, found "
                                 f"{version or 'none'}; install the same there")
    return client


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


def _leave_ctrl_c_to_the_parent():
    """Ctrl-C reaches every process of a terminal; each worker would print a traceback of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
