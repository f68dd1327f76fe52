"""Files of tensors: written whole or not at all, read without running what is in them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.errors import SpatialkitError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["WeightsError", "read_bytes", "read_json", "read_tensors", "replace_file", "tensor_file"]


class WeightsError(SpatialkitError, ValueError):
    """A file of weights, its card or a checkpoint is missing, damaged, or of another model."""


def replace_file(path: Path, data: bytes) -> None:
    """Write a file so that a crash at any moment leaves the old one or the new one.

    The draft has a fixed name, ".NAME.part": what a killed process left is written over.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        if os.name == "posix":  # the new name, too, must be on the disk
            folder = os.open(path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise WeightsError(f"{path} cannot be written: {error.strerror}") from error


def read_bytes(path: Path, most: int) -> bytes:
    """Content of a file of at most ``most`` bytes."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}") from error
    if len(data) > most:
        raise WeightsError(f"{path} has more than {most} bytes, the most that is read")
    return data


def read_json(path: Path, most: int = 1_000_000) -> dict[str, Any]:
    """Object in a file of JSON."""
    try:
        found = json.loads(read_bytes(path, most).decode("utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise WeightsError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise WeightsError(f"{path} must hold an object of JSON, got {type(found).__name__}")
    return found


def tensor_file(tensors: Mapping[str, Tensor], facts: Mapping[str, str] | None = None) -> bytes:
    """Content of a safetensors file that holds tensors, and texts by name."""
    from safetensors.torch import save

    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    return save(plain, metadata=dict(facts) if facts else None)


def read_tensors(data: bytes, path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and texts in the content of a safetensors file; ``path`` is for the error."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type torch has not
        raise WeightsError(f"{path} is not a whole safetensors file: {error}") from error
    # The header has just been found valid: its length in 8 bytes, then JSON.
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    return tensors, header.get("__metadata__") or {}
