"""NumPy's products in one thread, because several can hang for ever beside a fork.

OpenBLAS shares a product out to a pool of threads, and ends the pool in whatever thread forks the process
(`pthread_atfork` in its memory.c), without a look at products under way in other threads. Those wait for threads that
are gone: a camera's or a drive's thread hangs. Measured with the robot's Python 3.6 and NumPy 1.19 (OpenBLAS 0.3.9):
each of 4 tries hung at the first to third fork. What forks is the start of any program: the motor guard, `!ls` in a
notebook, and Python's own `platform.machine()` and `uuid`. NumPy 2 with OpenBLAS 0.3.30 stood it, and Python 3.10 and
newer mostly start programs without a fork; but nobody chooses a robot's versions.

In one thread there is no pool to lose, and it is no slower: a frame's products are too small to be shared out.
"""
import ctypes

import numpy as np  # noqa: F401  loads the library that is looked for

NAMES = ("openblas_set_num_threads", "openblas_set_num_threads64_", "scipy_openblas_set_num_threads",
         "scipy_openblas_set_num_threads64_")  # of distributions' and of NumPy's own builds
_done = set()  # paths of the libraries that were told


def one_blas_thread(maps="/proc/self/maps"):
    """From now on this process's OpenBLAS works in one thread. -> how many libraries were told, ever.

    maps: where Linux lists the libraries that are loaded; elsewhere, and with another library, nothing is done.
    """
    _done.update(path for path in _loaded(maps) - _done if _tell(path, 1))
    return len(_done)


def use_blas_threads(count, maps="/proc/self/maps"):
    """So many threads for a while, in a program that starts no others meanwhile; then 1 again, please.

    -> how many libraries were told. maps: as above.
    """
    return sum(_tell(path, count) for path in _loaded(maps))


def _loaded(maps):
    """{path} of what may be OpenBLAS."""
    try:
        with open(maps, encoding="utf-8", errors="replace") as stream:
            return {line.split(None, 5)[5].strip() for line in stream if "blas" in line and ".so" in line}
    except OSError:
        return set()


def _tell(path, count):
    """True if the library is OpenBLAS: it was told."""
    try:
        library = ctypes.CDLL(path)
    except OSError:  # deleted meanwhile: an update of NumPy
        return False
    functions = [getattr(library, name) for name in NAMES if hasattr(library, name)]
    for function in functions:
        function(count)
    return bool(functions)
