"""The published Ambisonizer network, its training task and its checkpoints."""

from spatialkit_models.ambisonizer.published.checkpoint import convert_checkpoint
from spatialkit_models.ambisonizer.published.network import (
    MODEL,
    PublishedAmbisonizer,
    PublishedConfig,
    build_published,
    load_published,
)
from spatialkit_models.ambisonizer.published.seanet import fold_weight_norm
from spatialkit_models.ambisonizer.published.training_task import (
    PublishedTask,
    PublishedTraining,
    published_task,
)

__all__ = [
    "MODEL",
    "PublishedAmbisonizer",
    "PublishedConfig",
    "PublishedTask",
    "PublishedTraining",
    "build_published",
    "convert_checkpoint",
    "fold_weight_norm",
    "load_published",
    "published_task",
]
