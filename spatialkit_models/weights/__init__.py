"""Model weights (safetensors) and their model cards (JSON)."""

from spatialkit_models.weights.architectures import ARCHITECTURES, Architecture
from spatialkit_models.weights.cards import (
    MAX_BYTES,
    Card,
    load_weights,
    missing_packages,
    read_card,
    save_weights,
    shipped,
    shipped_names,
    state_of,
)
from spatialkit_models.weights.storage import (
    WeightsError,
    read_bytes,
    read_json,
    read_tensors,
    replace_file,
    tensor_file,
)

__all__ = [
    "ARCHITECTURES",
    "MAX_BYTES",
    "Architecture",
    "Card",
    "WeightsError",
    "load_weights",
    "missing_packages",
    "read_bytes",
    "read_card",
    "read_json",
    "read_tensors",
    "replace_file",
    "save_weights",
    "shipped",
    "shipped_names",
    "state_of",
    "tensor_file",
]
