"""The published Ambisonizer network, its training task and its checkpoints."""

from spatialkit_models.ambisonizer.published.checkpoint import convert_checkpoint
from spatialkit_models.ambisonizer.published.network import (
    PublishedAmbisonizer,
    PublishedConfig,
    build_published,
    load_published,
)
from spatialkit_models.ambisonizer.published.training_task import (
    PublishedTask,
    PublishedTraining,
    published_task,
)

__all__ = [
    "PublishedAmbisonizer",
    "PublishedConfig",
    "PublishedTask",
    "PublishedTraining",
    "build_published",
    "convert_checkpoint",
    "load_published",
    "published_task",
]
