"""Conversion of the authors' checkpoints of the Ambisonizer, without unpickling code."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spatialkit_models.ambisonizer.published.config import PublishedConfig
from spatialkit_models.ambisonizer.published.network import MODEL, PublishedAmbisonizer
from spatialkit_models.weights import MAX_BYTES, Card, WeightsError, read_bytes, save_weights

__all__ = ["convert_checkpoint"]

MAX_INDEX_BYTES = 1_000_000
# Accepted sizes of the latent: multiples of what the attention heads need.
LATENT_SIZES = range(4, 513, 4)


def convert_checkpoint(source: str | Path, target: str | Path) -> Card:
    """Convert a checkpoint to safetensors with a model card.

    Parameters
    ----------
    source : str or Path
        Checkpoint of the authors' training: the state of their network, with any ``embed_dim``.
    target : str or Path
        File to write, ".safetensors"; the card has the same name with the suffix ".json".

    Returns
    -------
    Card

    Raises
    ------
    WeightsError
        If ``source`` is not such a checkpoint, contains anything but tensors, or a file cannot be
        written.
    OptionError
        If ``target`` has another suffix.
    """
    source = Path(source)
    data = read_bytes(source, MAX_BYTES)
    state = _read_state(data, source)
    size = state["mu_layer.weight"].shape[:1] if "mu_layer.weight" in state else ()
    known = [number for number in size if number in LATENT_SIZES]
    config = PublishedConfig(latent_size=known[0]) if known else PublishedConfig()
    network = PublishedAmbisonizer(config)
    _require_form(state, network.state_dict(), source)
    network.load_state_dict(state)
    origin = f"converted from {source.name}, SHA-256 {hashlib.sha256(data).hexdigest()}"
    card = Card(
        model=MODEL,
        architecture="ambisonizer-published",
        config=dataclasses.asdict(config),
        command=origin,
    )
    return save_weights(target, network, card)


def _read_state(data: bytes, path: Path) -> dict[str, Tensor]:
    """Read the tensors of a checkpoint by name."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise WeightsError(f"{path} is not a valid torch checkpoint (.pth): {error}") from error
    # Torch does not compress: a compressed entry could expand to any size.
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise WeightsError(f"{path} has compressed entries, which torch checkpoints do not have")
    if any(x.file_size > MAX_INDEX_BYTES for x in entries if x.filename.endswith(".pkl")):
        raise WeightsError(
            f"{path} has more than {MAX_INDEX_BYTES} bytes beside its tensors, the maximum of this "
            "conversion"
        )
    try:
        state: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # an invalid pickle can raise any exception
        raise WeightsError(
            f"{path} is damaged, or contains objects other than tensors, which are not loaded "
            f"({type(error).__name__})"
        ) from error
    if not isinstance(state, dict) or not all(map(_is_named_tensor, state.items())):
        raise WeightsError(f"{path} must contain a dict of tensors by name, the state of a network")
    return dict(state)


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    name, tensor = item
    plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided
    return isinstance(name, str) and plain and tensor.device.type == "cpu"


def _require_form(found: dict[str, Tensor], expected: dict[str, Tensor], path: Path) -> None:
    """Raise a WeightsError for the first tensor that differs from the network's."""
    for name in sorted(found.keys() ^ expected.keys()):
        problem = "is missing" if name in expected else "is unknown"
        raise WeightsError(
            f"{path} is not a checkpoint of the published Ambisonizer: tensor {name!r} {problem}"
        )
    for name, model in expected.items():
        tensor = found[name]
        if (tensor.shape, tensor.dtype) != (model.shape, model.dtype):
            raise WeightsError(
                f"{path}: tensor {name!r} must have shape {tuple(model.shape)} and type "
                f"{model.dtype}, got {tuple(tensor.shape)} and {tensor.dtype}"
            )
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: tensor {name!r} has weights that are NaN or infinite")
