"""One training loop for all models."""

from typing import TYPE_CHECKING, Any

from spatialkit_models._lazy import lazy_attribute
from spatialkit_models.training.config import PRECISIONS, TrainingConfig

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.training.loop import Examples, Task, TrainingError, TrainingResult, train
    from spatialkit_models.training.processes import default_workers

__all__ = [
    "PRECISIONS",
    "Examples",
    "Task",
    "TrainingConfig",
    "TrainingError",
    "TrainingResult",
    "default_workers",
    "train",
]


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, ("loop", "processes"))
