import gc
import weakref

import numpy as np
import pytest

from jetbot_mlp import sim_drive
from jetbot_mlp.messages import CollisionPrediction, RoadPrediction
from jetbot_mlp.simulator import Simulator
from jetbot_mlp.video import iter_video


def ahead(frame):
    return RoadPrediction(0.0, 0.0, frame.stamp)


def free(frame):
    return CollisionPrediction(0.0, frame.stamp)


def nan(frame):
    return RoadPrediction(float("nan"), 0.0, frame.stamp)


def test_straight_ahead_leaves_a_curved_track_and_is_told_so():
    done = sim_drive.drive_in_simulator([ahead], "road", 30.0, seed=1)
    assert done.result["off_track"] > 0 and done.result["distance_m"] > 0.3


def test_a_network_that_never_sees_a_wall_meets_one():
    done = sim_drive.drive_in_simulator([free], "room", 60.0, seed=1)
    assert done.result["collisions"] > 0


def test_an_answer_that_is_no_number_stops_the_drive_and_the_wheels():
    done = sim_drive.drive_in_simulator([nan], "road", 5.0)
    assert done.result["stops"] == 1 and done.result["distance_m"] == 0 and "finite" in done.reason


def test_the_same_seed_drives_the_same_way():
    first, second = (sim_drive.drive_in_simulator([ahead], "road", 3.0, seed=4).result for _ in range(2))
    assert first["distance_m"] == second["distance_m"] > 0


def test_the_film_shows_both_views(tmp_path):
    path = str(tmp_path / "drive.avi")
    sim_drive.drive_in_simulator([ahead], "road", 2.0, film=path)
    frames = list(iter_video(path))
    assert len(frames) == 20 and frames[0].shape[0] == sim_drive.VIDEO_SIDE
    assert not np.array_equal(frames[0], frames[-1])


@pytest.mark.parametrize("tasks, kind", [(["road"], "road"), (["collision"], "room"), (["collision", "road"], "both")])
def test_each_set_of_models_gets_its_world(tasks, kind):
    assert sim_drive.world_kind_for(tasks) == kind


def test_a_finished_drive_frees_its_world(monkeypatch):
    worlds = []

    def remembered(*args):
        sim = Simulator(*args)
        worlds.append(weakref.ref(sim))
        return sim

    monkeypatch.setattr(sim_drive, "Simulator", remembered)
    sim_drive.drive_in_simulator([ahead], "road", 0.5)
    gc.collect()
    assert worlds[0]() is None
