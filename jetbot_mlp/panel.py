"""The panels for notebooks, made of ipywidgets: what a notebook imports.

    from jetbot_mlp.panel import live_panel
    display(live_panel(models, robot, camera))

Each is loaded when it is first used: driving needs nothing of training.
"""
from typing import TYPE_CHECKING

from .lazy_names import offer_lazily

if TYPE_CHECKING:  # for editors; Python itself goes the way below
    from .panel_calibrate import calibration_panel
    from .panel_collect import collection_panel
    from .panel_corrections import corrections_panel
    from .panel_live import live_panel
    from .panel_train import training_panel

__all__ = ["calibration_panel", "collection_panel", "corrections_panel", "live_panel", "training_panel"]

_MODULE_OF = {"calibration_panel": "panel_calibrate", "collection_panel": "panel_collect", "live_panel": "panel_live",
              "training_panel": "panel_train", "corrections_panel": "panel_corrections"}

offer_lazily(__name__)
