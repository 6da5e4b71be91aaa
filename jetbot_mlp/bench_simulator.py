"""The loop from camera to wheels in the simulator: its slowest frames beside its median, and the simulator itself."""
import time

import numpy as np

from .bench_clock import row_of
from .bench_inference import default_model
from .driver import Driver
from .inference import Predictor
from .sim_world import make_world
from .simulator import Simulator

PARTS = 5  #: of the drive, each with its own ratio, so that there is a spread
STEPS_A_SECOND = 1000  #: wanted of the simulator


def rows(n_steps, clock=time.process_time):
    """Drive n_steps frames at 30 frames a simulated second, with the default recipe's network -> [Row]."""
    sim = Simulator(make_world("road", 0), seed=0)
    driver = Driver([Predictor(default_model())], sim.robot, sim.camera, clock=sim.clock)
    loop_ms, sim_ms = np.empty(n_steps), np.empty(n_steps)
    driver.start(threaded=False)
    try:
        for _ in range(10):  # the first ones load and allocate
            sim.step()
            driver.step()
        for index in range(n_steps):
            started = clock()
            sim.step()
            drawn = clock()
            driver.step()
            loop_ms[index], sim_ms[index] = 1e3 * (clock() - drawn), 1e3 * (drawn - started)
    finally:
        driver.stop("the measurement ended")
        driver.join()
    parts = np.array_split(loop_ms, PARTS)
    return [row_of("slowest of 100 frames, %.0f s of driving" % (n_steps / 30.0), [np.percentile(p, 99) for p in parts],
                   "the median frame", [np.median(p) for p in parts], "ms", 3.0),
            row_of("simulator, a step with its picture", [np.median(p) for p in np.array_split(sim_ms, PARTS)],
                   "%d a second" % STEPS_A_SECOND, np.full(PARTS, 1e3 / STEPS_A_SECOND), "ms", 1.0)]
