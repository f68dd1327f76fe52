"""The published Ambisonizer network, its training task and its checkpoints."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit_models.ambisonizer.published.config import (
    PublishedConfig,
    PublishedLossConfig,
    PublishedSceneConfig,
)

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.ambisonizer.published.checkpoint import convert_checkpoint
    from spatialkit_models.ambisonizer.published.losses import PublishedLoss
    from spatialkit_models.ambisonizer.published.network import (
        MODEL,
        PublishedAmbisonizer,
        load_published,
    )
    from spatialkit_models.ambisonizer.published.seanet import fold_weight_norm
    from spatialkit_models.ambisonizer.published.training_task import PublishedTask, published_task

__all__ = [
    "MODEL",
    "PublishedAmbisonizer",
    "PublishedConfig",
    "PublishedLoss",
    "PublishedLossConfig",
    "PublishedSceneConfig",
    "PublishedTask",
    "convert_checkpoint",
    "fold_weight_norm",
    "load_published",
    "published_task",
]

_MODULES = ("network", "losses", "seanet", "checkpoint", "training_task")


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _MODULES)
