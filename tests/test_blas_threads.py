import os
import subprocess
import sys

import pytest

from jetbot_mlp.blas_threads import one_blas_thread, use_blas_threads

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# The simulator's camera thread and a predicting one, while programs are started: does each go on?
BESIDE_FORKS = """
import os, subprocess, sys, threading, time
import numpy as np
from jetbot_mlp import Predictor, load_model
from jetbot_mlp.simulator import Simulator, make_world
counts = [0, 0]
sim, predict = Simulator(make_world("room", 1000000), 0), Predictor(load_model(sys.argv[1]))
image = np.random.RandomState(0).randint(0, 255, (224, 224, 3)).astype(np.uint8)
def simulate():
    while True:
        sim.step(); counts[0] += 1
def predict_on():
    while True:
        predict(image); counts[1] += 1
for work in (simulate, predict_on):
    threading.Thread(target=work, daemon=True).start()
def goes_on():
    before, until = list(counts), time.monotonic() + 20
    while counts[0] <= before[0] or counts[1] <= before[1]:
        if time.monotonic() > until:
            print("hung after", counts, flush=True)
            os._exit(3)
        time.sleep(0.005)
for _ in range(12):
    goes_on()
    subprocess.call(["true"])
    pid, terminal = os.forkpty()  # how IPython starts !command
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    os.close(terminal)
goes_on()
os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "forkpty"), reason="there is no fork here")
def test_threads_that_predict_and_simulate_go_on_beside_forks():
    environment = dict(os.environ, PYTHONPATH=ROOT)
    for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        environment.pop(name, None)
    model = os.path.join(ROOT, "models", "road.npz")
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", BESIDE_FORKS, model], env=environment,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    assert done.returncode == 0, done.stdout


def test_where_no_libraries_are_listed_nothing_is_done(tmp_path):
    before = one_blas_thread()
    assert one_blas_thread(str(tmp_path / "none")) == before
    maps = tmp_path / "maps"
    maps.write_text("7f00-7f01 r-xp 0 08:01 1 /nowhere/libopenblas.so\n7f01-7f02 r-xp 0 08:01 1 /lib/libc.so.6\n")
    assert one_blas_thread(str(maps)) == before
    assert use_blas_threads(2, str(maps)) == 0
