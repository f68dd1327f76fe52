"""Training: one loop for all models, with recipes and resumable runs."""

from typing import TYPE_CHECKING, Any

from spatialkit.plugins import lazy_attribute
from spatialkit_models.training.config import PRECISIONS, TrainingConfig
from spatialkit_models.training.recipe import Recipe, restore_recipe

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.training.loop import TrainingError, TrainingResult, train
    from spatialkit_models.training.processes import default_workers
    from spatialkit_models.training.task import Examples, Task, new_network, song_records

__all__ = [
    "PRECISIONS",
    "Examples",
    "Recipe",
    "Task",
    "TrainingConfig",
    "TrainingError",
    "TrainingResult",
    "default_workers",
    "new_network",
    "restore_recipe",
    "song_records",
    "train",
]


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, ("loop", "processes", "task"))
