"""The package's floors: imports only point down, and importing does nothing."""
import ast
import functools
import os
import subprocess
import sys

import pytest

PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "jetbot_mlp")

# bottom first; a module may import from the floors below its own
FLOORS = [
    "errors messages streams bounded blas_threads bench_clock edge_histograms motor_chip processes drive_processes "
    "remote_base "
    "remote_script "
    "doctor_checks intervals lazy_names find_official",
    "model_choice layers losses optimizers target_strips features metrics control watchdog capture_time pictures "
    "road_names augment splits "
    "elastic near_twins text_files calibration video cameras robot_settings progress signals cluster trial_file "
    "motor_guard guard_process notebook_interrupt heartbeat driver_status report_html sim_camera sim_physics "
    "sim_room sim_texture "
    "sim_track recent_frames row_files jupyter_kernel remote_package remote_versions",
    "network_settings trainer evaluation inference frame_files frame_cache gate official_robot stop_wheels "
    "doctor_probes overlay "
    "report_plots report_pictures report_scores suspects held_out_twins frame_overlap frame_quality "
    "sim_world parallel nearest_neighbour "
    "crossvalidate_table remote_drives remote_files",
    "network wheel_calibration hand_drive exclusion explanation report_suspects labelled_frames frame_source "
    "kept_frames mnist driver report "
    "sim_labels comparison "
    "sim_render sim_view recording terminal training_pictures remote_host ssh_errors remote_look "
    "remote_steps",
    "digits gradient_check average dataset collection live_drive model_file report_trained sim_dataset "
    "sim_expert recorder "
    "replay jupyter_host ssh_host remote_main",
    "lecture simulator train_frames model_versions export_onnx proof wheel_file",
    "train_mnist sim_drive bench_training bench_inference hardware crossvalidate retrain cargo __init__",
    "bench_loading bench_process bench_simulator bench_threads demo deploy robot_drive doctor_children tune "
    "panel_parts sim_realtime",
    "panel_train panel_calibrate panel_clicks panel_numbers",
    "panel_hand panel_saved panel_second panel_live",
    "panel_collect panel_corrections",
    "panel",
    "pull",
    "commands commands_bench commands_drive commands_deploy doctor tune_table",
    "commands_crossvalidate commands_calibrate",
    "commands_suspects",
    "__main__",
]
FLOOR_OF = {module: floor for floor, modules in enumerate(FLOORS) for module in modules.split()}
MODULES = sorted(name[:-3] for name in os.listdir(PACKAGE) if name.endswith(".py"))


def imports_of(module):
    """Names of this package's modules that a module imports, anywhere in it."""
    with open(os.path.join(PACKAGE, module + ".py"), encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level:
            found |= {node.module.split(".")[0]} if node.module else {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("jetbot_mlp"), f"{module}: write from .x import y"
    return found - {"__version__"}


def test_every_module_has_its_floor():
    assert sorted(FLOOR_OF) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    for other in imports_of(module):
        assert FLOOR_OF[other] < FLOOR_OF[module], f"{module} imports {other}, which is not below it"


@functools.lru_cache(maxsize=None)
def imports_in(module):
    with open(os.path.join(PACKAGE, module + ".py"), encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]


def imported_anywhere(name):
    """Modules of the package that import an outside package."""
    users = set()
    for module in MODULES:
        for node in imports_in(module):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else \
                [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            if any(n.split(".")[0] == name for n in names):
                users.add(module)
    return users


def test_only_hardware_knows_the_official_package():
    assert imported_anywhere("jetbot") <= {"hardware"}
    assert imported_anywhere("torch") == set()
    # heartbeat: at first use of its widget; driving without a notebook does without
    assert {name for name in imported_anywhere("ipywidgets") if not name.startswith("panel")} <= {"heartbeat"}


def test_importing_everything_prints_nothing_and_draws_no_random_number():
    code = ("import importlib, numpy; before = repr(numpy.random.get_state())\n"
            f"for name in {[m for m in MODULES if m != '__main__']!r}: importlib.import_module('jetbot_mlp.' + name)\n"
            "assert repr(numpy.random.get_state()) == before")
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    assert (done.returncode, done.stdout) == (0, "")
