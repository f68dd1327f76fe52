"""Model weights (safetensors) and their model cards (JSON)."""

from spatialkit_models.weights.cards import (
    Card,
    load_weights,
    missing_packages,
    save_weights,
    shipped,
    shipped_names,
    state_of,
)
from spatialkit_models.weights.storage import WeightsError

__all__ = [
    "Card",
    "WeightsError",
    "load_weights",
    "missing_packages",
    "save_weights",
    "shipped",
    "shipped_names",
    "state_of",
]
