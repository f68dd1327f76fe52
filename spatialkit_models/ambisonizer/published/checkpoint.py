"""Conversion of the authors' checkpoints of the Ambisonizer, without unpickling code."""

from __future__ import annotations

import dataclasses
import hashlib
import io
import warnings
import zipfile
from pathlib import Path
from typing import Any, TypeGuard

import torch
from torch import Tensor

from spatialkit.errors import SpatialkitWarning
from spatialkit.validation import reason
from spatialkit_models.ambisonizer.published.config import PublishedConfig
from spatialkit_models.ambisonizer.published.network import MODEL, PublishedAmbisonizer
from spatialkit_models.weights import MAX_BYTES, Card, WeightsError, read_bytes, save_weights

__all__ = ["convert_checkpoint"]

MAX_INDEX_BYTES = 1_000_000
# Accepted sizes of the latent: multiples of what the attention heads need.
LATENT_SIZES = range(4, 513, 4)
# Keys that a training script can store the state of the network under, beside its own data.
WRAPPERS = ("state_dict", "model", "model_state_dict")
# Last parts of the names of buffers that are no weights: the counter of torch's AveragedModel, the
# counts of the profiler thop, and position indices.
IGNORED = ("n_averaged", "total_ops", "total_params", "position_ids")
# Types that are converted to the type of the network without loss.
HALF = (torch.float16, torch.bfloat16)
# Tensor whose name contains the prefix of all names.
ANCHOR = "mu_layer.weight"


def convert_checkpoint(source: str | Path, target: str | Path) -> Card:
    """Convert a checkpoint to safetensors with a model card.

    Parameters
    ----------
    source : str or Path
        Checkpoint of the authors' training: the state of their network, with any ``embed_dim``. It
        may be an entry "state_dict", "model" or "model_state_dict" of the file, all names may have
        one prefix, such as "module.", and tensors may be float16 or bfloat16.
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

    Warns
    -----
    SpatialkitWarning
        If buffers that are no weights were ignored, such as the counter of an average.
    """
    source = Path(source)
    data = read_bytes(source, MAX_BYTES)
    state = _plain_names(_read_state(data, source), source)
    size = state[ANCHOR].shape[:1] if ANCHOR in state else ()
    known = [number for number in size if number in LATENT_SIZES]
    config = PublishedConfig(latent_size=known[0]) if known else PublishedConfig()
    network = PublishedAmbisonizer(config)
    network.load_state_dict(_matching(state, network.state_dict(), source))
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
        raise WeightsError(
            f"{path} is not a valid torch checkpoint (.pth): {reason(error)}"
        ) from error
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
    states = [state] if _is_state(state) else _wrapped_states(state)
    if len(states) != 1:
        found = "several" if states else "none"
        raise WeightsError(
            f"{path} must contain a dict of tensors by name, the state of a network, as it is or "
            f"under one of the keys {', '.join(map(repr, WRAPPERS))}; found {found}"
        )
    return dict(states[0])


def _wrapped_states(file: Any) -> list[dict[str, Tensor]]:
    """Return the states under the keys of `WRAPPERS`."""
    found = [file.get(name) for name in WRAPPERS] if isinstance(file, dict) else []
    return [state for state in found if _is_state(state)]


def _is_state(state: Any) -> TypeGuard[dict[str, Tensor]]:
    return isinstance(state, dict) and all(map(_is_named_tensor, state.items()))


def _is_named_tensor(item: tuple[Any, Any]) -> bool:
    name, tensor = item
    plain = isinstance(tensor, Tensor) and tensor.layout == torch.strided
    return isinstance(name, str) and plain and tensor.device.type == "cpu"


def _plain_names(state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Remove the common prefix of all names, and buffers that are no weights."""
    ignored = [name for name in state if name.rpartition(".")[2] in IGNORED]
    if ignored:
        warnings.warn(
            f"{path} has buffers that are no weights, which were ignored: {', '.join(ignored)}",
            SpatialkitWarning,
            stacklevel=3,
        )
    weights = {name: tensor for name, tensor in state.items() if name not in ignored}
    anchors = [name for name in weights if name.endswith(f".{ANCHOR}")]
    prefix = anchors[0].removesuffix(ANCHOR) if anchors else ""
    for name in sorted(weights):
        if not name.startswith(prefix):
            raise WeightsError(
                f"{path} must have the prefix {prefix!r} in all names or in none; tensor {name!r} "
                "does not have it"
            )
    return {name.removeprefix(prefix): tensor for name, tensor in weights.items()}


def _matching(
    found: dict[str, Tensor], expected: dict[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Return tensors in the type of the network, or raise an error for the first misfit."""
    for name in sorted(found.keys() ^ expected.keys()):
        problem = "is missing" if name in expected else "is unknown"
        raise WeightsError(
            f"{path} is not a checkpoint of the published Ambisonizer: tensor {name!r} {problem}"
        )
    weights = {}
    for name, model in expected.items():
        tensor = found[name]
        if tensor.shape != model.shape or tensor.dtype not in (model.dtype, *HALF):
            raise WeightsError(
                f"{path}: tensor {name!r} must have shape {tuple(model.shape)} and type "
                f"{model.dtype}, float16 or bfloat16, got {tuple(tensor.shape)} and {tensor.dtype}"
            )
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: tensor {name!r} has weights that are NaN or infinite")
        weights[name] = tensor.to(model.dtype)
    return weights
