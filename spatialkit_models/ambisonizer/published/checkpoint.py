"""Checkpoints of the Ambisonizer's authors: pickles, read as plain tensors or not at all."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spatialkit_models.ambisonizer.published.network import (
    MODEL,
    PublishedAmbisonizer,
    PublishedConfig,
)
from spatialkit_models.weights import MOST_BYTES, Card, WeightsError, read_bytes, save_weights

__all__ = ["convert_checkpoint"]

MOST_INDEX_BYTES = 1_000_000
# Sizes of the latent that a checkpoint may have: multiples of what the heads need.
LATENT_SIZES = range(4, 513, 4)


def convert_checkpoint(source: str | Path, target: str | Path) -> Card:
    """Write the weights of a checkpoint as safetensors, with a card.

    Parameters
    ----------
    source : str or Path
        What the authors' training saves: the bare state of their network, whatever its
        ``embed_dim``.
    target : str or Path
        The file to write, ".safetensors"; the card has the same name and ".json".

    Returns
    -------
    Card

    Raises
    ------
    WeightsError
        If ``source`` is not such a checkpoint, holds more than tensors, or nothing can be written.
    OptionError
        If ``target`` ends in something else.
    """
    source = Path(source)
    data = read_bytes(source, MOST_BYTES)
    state = _read_state(data, source)
    size = state["mu_layer.weight"].shape[:1] if "mu_layer.weight" in state else ()
    known = [number for number in size if number in LATENT_SIZES]
    config = PublishedConfig(latent_size=known[0]) if known else PublishedConfig()
    network = PublishedAmbisonizer(config)
    _require_form(state, network.state_dict(), source)
    network.load_state_dict(state)
    origin = f"converted from {source.name}, SHA-256 {hashlib.sha256(data).hexdigest()}"
    card = Card(model=MODEL, config=dataclasses.asdict(config), command=origin)
    return save_weights(target, network, card)


def _read_state(data: bytes, path: Path) -> dict[str, Tensor]:
    """Tensors by name of a checkpoint, of any form."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise WeightsError(f"{path} is not a whole checkpoint of torch (.pth): {error}") from error
    # Torch compresses nothing: what is as large as the file says cannot fill the memory.
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise WeightsError(f"{path} is compressed inside, which no checkpoint of torch is")
    if any(x.file_size > MOST_INDEX_BYTES for x in entries if x.filename.endswith(".pkl")):
        raise WeightsError(
            f"{path} has more than {MOST_INDEX_BYTES} bytes beside its tensors, the most that is "
            "read"
        )
    try:
        state: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # a pickle that is not sound can make torch raise anything
        raise WeightsError(
            f"{path} is damaged, or holds more than tensors: nothing else is loaded "
            f"({type(error).__name__})"
        ) from error
    if not isinstance(state, dict) or not all(map(_is_named_tensor, state.items())):
        raise WeightsError(f"{path} must hold tensors by name, as a network's state has them")
    return dict(state)


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    name, tensor = item
    plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided
    return isinstance(name, str) and plain and tensor.device.type == "cpu"


def _require_form(found: dict[str, Tensor], wanted: dict[str, Tensor], path: Path) -> None:
    """Raise a WeightsError at the first tensor that is not as the network has it."""
    for name in sorted(found.keys() ^ wanted.keys()):
        what = "lacks" if name in wanted else "has an unknown"
        raise WeightsError(f"{path} {what} tensor {name!r}: it is of no published Ambisonizer")
    for name, model in wanted.items():
        tensor = found[name]
        if (tensor.shape, tensor.dtype) != (model.shape, model.dtype):
            raise WeightsError(
                f"{path}: tensor {name!r} must have shape {tuple(model.shape)} and type "
                f"{model.dtype}, got {tuple(tensor.shape)} and {tensor.dtype}"
            )
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: tensor {name!r} has weights that are NaN or infinite")
