import math
import os
import signal
import sys
import threading
import warnings

import cv2
import pytest

from jetbot_mlp import cluster, parallel
from jetbot_mlp.errors import JetbotMLPError
from jetbot_mlp.parallel import can_share_out, run

needs_joblib = pytest.mark.skipif(not can_share_out(), reason="no joblib 1.5: pip install 'jetbot_mlp[laptop]'")
POWERS = [(2, exponent) for exponent in range(6)]


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=needs_joblib)])
def test_every_call_is_answered_once_whatever_the_number_of_processes(jobs):
    assert dict(run(math.pow, POWERS, jobs=jobs)) == {i: 2.0 ** i for i in range(6)}


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=needs_joblib)])
def test_the_error_of_a_call_arrives_as_itself(jobs):
    with pytest.raises(ValueError, match="domain"):
        list(run(math.sqrt, [(4.0,), (-1.0,)], jobs=jobs))


@needs_joblib
def test_a_killed_process_is_told_in_one_line():
    with pytest.raises(JetbotMLPError, match="--jobs"):
        list(run(os._exit, [(1,), (1,)], jobs=2))


@needs_joblib
def test_processes_have_one_thread_each_and_leave_ctrl_c_to_the_parent():
    assert dict(run(signal.getsignal, [(signal.SIGINT,)] * 2, jobs=2)) == {0: signal.SIG_IGN, 1: signal.SIG_IGN}
    assert set(dict(run(cv2.getNumThreads, [()] * 2, jobs=2)).values()) == {1}
    assert dict(run(os.getenv, [("OPENBLAS_NUM_THREADS",)] * 2, jobs=2)) == {0: "1", 1: "1"}


def test_opencv_keeps_its_threads_when_all_is_done():
    before = cv2.getNumThreads()
    assert dict(run(cv2.getNumThreads, [(), ()], jobs=1)) == {0: 1, 1: 1}
    assert cv2.getNumThreads() == before


def test_without_joblib_the_calls_are_done_one_by_one(monkeypatch):
    monkeypatch.setitem(sys.modules, "joblib", None)
    order = [index for index, _ in run(math.pow, POWERS, jobs=4)]
    assert order == list(range(6)) and not can_share_out()


def test_progress_counts_finished_calls():
    seen = []

    def track(items, total, desc):
        for item in items:
            seen.append((desc, total, item[0]))
            yield item

    assert len(list(run(math.pow, POWERS, jobs=1, progress=track, desc="folds"))) == 6
    assert seen == [("folds", 6, i) for i in range(6)]


def test_no_calls_need_nobody():
    assert list(run(math.pow, [])) == [] and list(run(math.pow, [], dask="nobody:1")) == []


def test_a_cluster_without_dask_names_the_remedy(monkeypatch):
    monkeypatch.setattr(parallel, "can_share_out", lambda: False)
    with pytest.raises(JetbotMLPError, match="pip install"):
        list(run(math.pow, POWERS, dask="127.0.0.1:8786"))
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(JetbotMLPError, match="pip install"):
        cluster.connect("127.0.0.1:8786")


@pytest.fixture
def dask_is_there():
    with warnings.catch_warnings():  # of Dask's own imports
        warnings.simplefilter("ignore")
        yield pytest.importorskip("distributed", reason="no Dask: pip install 'jetbot_mlp[cluster]'")


@pytest.mark.parametrize("address", ["nonsense", "foo://host:1", "", "host:port"])
def test_a_wrong_address_is_refused_at_once(dask_is_there, address):
    with pytest.raises(JetbotMLPError, match="host:8786"):
        cluster.connect(address)


def test_nobody_and_a_web_server_at_the_address_are_told_within_the_time_limit(dask_is_there, monkeypatch):
    from http.server import BaseHTTPRequestHandler, HTTPServer

    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # such as the dashboard
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = "127.0.0.1:%d" % server.server_address[1]
    with pytest.raises(JetbotMLPError, match="expected a Dask scheduler at " + address):
        cluster.connect(address)
    server.shutdown()
    server.server_close()
    with pytest.raises(JetbotMLPError, match="within 1 s"):
        cluster.connect(address)


def test_a_cluster_answers_and_its_errors_arrive(dask_is_there):
    with dask_is_there.LocalCluster(n_workers=1, threads_per_worker=1, processes=False,
                                    dashboard_address=None) as local:
        address = local.scheduler_address
        assert dict(run(math.pow, POWERS, dask=address)) == {i: 2.0 ** i for i in range(6)}
        with pytest.raises(ValueError, match="domain"):
            list(run(math.sqrt, [(4.0,), (-1.0,)], dask=address))


def test_a_cluster_without_workers_is_told(dask_is_there, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with dask_is_there.LocalCluster(n_workers=0, processes=False, dashboard_address=None) as local:
        with pytest.raises(JetbotMLPError, match="expected a worker"):
            cluster.connect(local.scheduler_address)
