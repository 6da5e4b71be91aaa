"""Reach a Dask cluster whose workers have this very package, or say in one line why not.

A mistyped port, the dashboard's instead of the scheduler's, a cluster without workers and workers without the
package would all let Dask's own Client wait for ever, or die far from the cause.
"""
import asyncio
import re
from concurrent.futures import ThreadPoolExecutor

from .errors import JetbotMLPError

CONNECT_S = 10  #: how long to wait for the scheduler, and for its first worker
_ADDRESS = re.compile(r"(inproc://.+|((tcp|tls|ws|wss|ucx)://)?(\[[0-9a-fA-F:.]+\]|[^:/\[\]\s]+):[0-9]{1,5})$")


def connect(address):
    """A `distributed.Client` of the scheduler at address, str host:port, to be closed by the caller.

    Raises JetbotMLPError.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise JetbotMLPError(f"a cluster needs Dask ({error}); pip install 'jetbot_mlp[cluster]'")
    from . import __version__

    if not _ADDRESS.match(address):
        raise JetbotMLPError(f"expected the address of a Dask scheduler, host:8786, found {address!r}; 'dask "
                             f"scheduler' prints its address when it starts")
    try:
        _check_scheduler(address)
        client = Client(address, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # whatever answers there may lead to anything, a MemoryError for one
        raise JetbotMLPError(f"expected a Dask scheduler at {address} within {CONNECT_S} s, found none "
                             f"({str(error) or type(error).__name__}); start one with 'dask scheduler' and give the "
                             f"address that it prints")
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


def _check_scheduler(address):
    """Ask who is there, as Client does, but within a time limit."""
    from distributed import Security, rpc

    async def ask():
        async with rpc(address, timeout=CONNECT_S,
                       connection_args=Security().get_connection_args("client")) as server:
            return await asyncio.wait_for(server.identity(), CONNECT_S)

    def ask_in_new_loop():  # a notebook's own event loop is running already in the main thread
        return asyncio.new_event_loop().run_until_complete(ask())

    with ThreadPoolExecutor(1) as pool:
        found = pool.submit(ask_in_new_loop).result()
    if found.get("type") != "Scheduler":
        raise JetbotMLPError(f"a {found.get('type')} answers")
