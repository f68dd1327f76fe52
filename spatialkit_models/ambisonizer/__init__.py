"""Ambisonizer: stereo or mono to first-order Ambisonics (Zang, Wang and Lee, 2024)."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit_models.ambisonizer.config import (
    AmbisonicSceneConfig,
    AmbisonizerConfig,
    AmbisonizerLossConfig,
)
from spatialkit_models.ambisonizer.recipes import RECIPES
from spatialkit_models.ambisonizer.upmixer import AmbisonizerOptions, AmbisonizerUpmixer

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.ambisonizer import benchmark, published
    from spatialkit_models.ambisonizer.inference import (
        AmbisonizerModel,
        PublishedModel,
        StageModel,
        load_ambisonizer_model,
    )
    from spatialkit_models.ambisonizer.losses import AmbisonizerLoss
    from spatialkit_models.ambisonizer.network import Ambisonizer
    from spatialkit_models.ambisonizer.training_task import AmbisonizerTask, ambisonizer_task

__all__ = [
    "RECIPES",
    "AmbisonicSceneConfig",
    "Ambisonizer",
    "AmbisonizerConfig",
    "AmbisonizerLoss",
    "AmbisonizerLossConfig",
    "AmbisonizerModel",
    "AmbisonizerOptions",
    "AmbisonizerTask",
    "AmbisonizerUpmixer",
    "PublishedModel",
    "StageModel",
    "ambisonizer_task",
    "benchmark",
    "load_ambisonizer_model",
    "published",
]

_MODULES = ("network", "losses", "inference", "training_task", "benchmark", "published")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
