"""Tensor files: atomic writing, and reading without executing their content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit import storage, validation
from spatialkit.errors import SpatialkitError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WeightsError", "read_bytes", "read_json", "read_tensors", "replace_file", "tensor_file"]


class WeightsError(SpatialkitError, ValueError):
    """A tensor file, its model card or a checkpoint is missing, damaged or unsuitable."""


def replace_file(path: Path, data: bytes) -> None:
    """Replace a file atomically, see ``spatialkit.storage.replacing``."""
    storage.replace_file(path, data, error=WeightsError)


def read_bytes(path: Path, max_bytes: int) -> bytes:
    """Read a file of at most ``max_bytes`` bytes."""
    try:
        with path.open("rb") as file:
            # Python reserves as much memory as is asked for.
            size = os.fstat(file.fileno()).st_size
            data = file.read(min(size, max_bytes) + 1)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise WeightsError(f"{path} is larger than {max_bytes} bytes, the maximum for this file")
    return data


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that contains an object, see `spatialkit.validation.read_json`."""
    return validation.read_json(path, error=WeightsError)


def tensor_file(tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None) -> bytes:
    """Serialize tensors, and text metadata, in the safetensors format."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(plain, metadata=dict(metadata) if metadata else None)


def read_tensors(data: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Parse tensors and metadata in the safetensors format; ``path`` is named in errors."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a dtype unknown to torch
        raise WeightsError(
            f"{path} is not a valid safetensors file: {validation.reason(error)}"
        ) from error
    # `load` has validated the header: its length in 8 bytes, then JSON.
    header = data[8 : 8 + int.from_bytes(data[:8], "little")]
    found = validation.parse_json(header, f"the header of {path}", error=WeightsError)
    return tensors, found.get("__metadata__") or {}
