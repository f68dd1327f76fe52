"""One training loop for all models."""

from typing import TYPE_CHECKING, Any

from spatialkit_models._lazy import lazy_attribute
from spatialkit_models.training.config import PRECISIONS, TrainingConfig

if TYPE_CHECKING:  # at run time `__getattr__` imports these, and torch with them
    from spatialkit_models.training.loop import Examples, Task, TrainingError, TrainingResult, train

__all__ = [
    "Examples",
    "PRECISIONS",
    "Task",
    "TrainingConfig",
    "TrainingError",
    "TrainingResult",
    "train",
]

_LAZY = {
    "loop": (
        "Examples",
        "Task",
        "TrainingError",
        "TrainingResult",
        "train",
    ),
}


def __getattr__(name: str) -> Any:
    return lazy_attribute(__name__, name, _LAZY)
