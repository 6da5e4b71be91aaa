"""Closed-loop drives in the simulator by the very `Driver` that drives the robot, on a stepped clock.

The worlds' seeds lie beyond those of any training set (`EVALUATION_SEED_OFFSET`), so a drive is
always on a track or in a room that the network has never seen.
"""
import contextlib
import time

import cv2
import numpy as np

from .control import DEFAULT_LIMITS, DEFAULT_SETTINGS
from .driver import Driver
from .driver_status import Drive
from .overlay import draw
from .simulator import EVALUATION_SEED_OFFSET, Simulator, draw_from_above, make_world
from .video import VideoWriter

VIDEO_EVERY = 3  #: simulated frames for one frame of the film: 10 a second of a 30 Hz camera
VIDEO_SIDE = 256  #: px; the robot's view and the view from above have this height


def world_kind_for(tasks):
    """The world in which models of these tasks can show what they do."""
    return {("collision",): "room", ("road",): "road"}.get(tuple(tasks), "both")


def drive_in_simulator(predictors, world_kind, seconds, seed=0, settings=DEFAULT_SETTINGS,
                       limits=DEFAULT_LIMITS, dry_run=False, laps=None, film=None, progress=None,
                       recorder=None):
    """Drive for some simulated seconds, or until so many laps are done.

    predictors: `Predictor`s; world_kind: of `make_world`; seed: of the world, the start and the noise;
    film: None, or the path of a video of both views; recorder: None, or a patient `Recorder`. Returns Drive.
    """
    sim = Simulator(make_world(world_kind, EVALUATION_SEED_OFFSET + seed), seed)
    driver = Driver(predictors, sim.robot, sim.camera, settings, limits, clock=sim.clock, dry_run=dry_run)
    n_steps = max(1, int(round(seconds / sim.period_s)))
    steps = range(n_steps) if progress is None else progress(range(n_steps), total=n_steps, desc="driving")
    compute_s, reason = [], "time is up"
    with contextlib.ExitStack() as stack:
        video = None
        if film is not None:
            video = stack.enter_context(VideoWriter(film, 1 / (sim.period_s * VIDEO_EVERY)))
        if recorder is not None:
            recorder.about.update(robot="simulator", world=world_kind, seed=seed)
            stack.callback(recorder.ended, driver)
        driver.start(threaded=False)
        stack.callback(driver.join)
        stack.callback(driver.stop, "the drive ended")
        for index in steps:
            sim.step()
            before = time.perf_counter()
            step = driver.step()
            compute_s.append(time.perf_counter() - before)
            if recorder is not None and step is not None:
                recorder(step)  # not as on_step: it may wait for the disk, which is none of the computer's time
            if video is not None and index % VIDEO_EVERY == 0 and step is not None:
                video.write(both_views(sim, step))
            ended = _reason_to_end(driver, sim, laps)
            if ended:
                reason = ended
                break
        status, score = driver.status(), sim.score()
        driver.stop(reason)
    return Drive(_result(status, score, compute_s), reason)


def _reason_to_end(driver, sim, laps):
    if driver.gate.stopped:
        return driver.status().reason
    if sim.fallen:
        return "fell over the edge"
    if laps is not None and sim.score()["laps"] >= laps:
        return f"{laps} laps done"
    return None


def _result(status, score, compute_s):
    p50, p99 = np.percentile(compute_s, [50, 99]) * 1e3
    return {
        "frames": status.frames, "seconds": score["seconds"],
        "fps": status.frames / score["seconds"] if score["seconds"] else 0.0,
        # the simulated clock stands still while the computer thinks, so this is its real time
        "latency_ms": {"p50": round(float(p50), 3), "p99": round(float(p99), 3)},
        "stops": len(status.stops),
        "collisions": score["collisions"], "off_track": score["off_track"], "laps": score["laps"],
        "cross_track_rms_m": score["cross_track_rms_m"], "distance_m": score["distance_m"],
    }


def both_views(sim, step):
    """One picture: what the robot sees and makes of it, and where it is. uint8 (256, w, 3) BGR."""
    own = draw(cv2.resize(step.frame.image, (VIDEO_SIDE, VIDEO_SIDE)), step.predictions, step.command)
    above = draw_from_above(sim, size=400)
    width = int(round(above.shape[1] * VIDEO_SIDE / above.shape[0] / 2)) * 2
    return np.hstack([own, cv2.resize(above, (width, VIDEO_SIDE), interpolation=cv2.INTER_AREA)])
