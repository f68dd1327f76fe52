"""Model weights and model cards: safetensors and JSON, validated before use.

``name.safetensors`` contains the tensors, ``name.json`` the model card: architecture, training,
measured results, and the SHA-256 of the tensor file. Nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, as_count, as_dataclass, extra, reason
from spatialkit_models.weights.architectures import ARCHITECTURES
from spatialkit_models.weights.storage import (
    WeightsError,
    read_bytes,
    read_json,
    read_tensors,
    replace_file,
    tensor_file,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

__all__ = [
    "Card",
    "WeightsError",
    "load_weights",
    "missing_packages",
    "read_card",
    "save_weights",
    "shipped",
    "shipped_names",
    "state_of",
]

SHIPPED = Path(__file__).with_name("files")
REQUIREMENTS = ("torch", "safetensors")
STORAGES = ("float32", "float16", "float8_e4m3fn")
MAX_BYTES = 512 * 2**20


@dataclass(frozen=True, kw_only=True)
class Card:
    """Model card: description of a file of weights.

    Parameters
    ----------
    model : str
        Name of the model, such as "style-vae".
    architecture : str
        Name of the network's architecture, a key of `ARCHITECTURES`.
    config : dict
        Fields of the network's config, as JSON values.
    recipe : dict
        Name of the recipe that the network was trained by, and its settings of scenes, loss and
        training as JSON values.
    steps : int
        Number of training steps.
    warning : str
        Reason not to trust the weights; empty if there is none.
    command : str
        Command line of the training.
    hardware : str
        Device that the training ran on.
    data : list of dict
        Training data: name of each source, and its licence, address or number of songs where known.
    figures : dict
        Measured results by name.
    shared : dict
        Parts of the network whose tensors are in other bundled weights: by name of the part their
        ``weights`` and ``sha256``.
    storage : str
        Floating-point type in the file, except of shared parts: "float32", "float16" or
        "float8_e4m3fn" (values up to 448, 3 bits of mantissa). Networks are float32 in any case.
    parameters : int
        Number of trained parameters; set by `save_weights`.
    sha256 : str
        SHA-256 of the tensor file; set by `save_weights`.
    """

    model: str
    architecture: str
    config: dict[str, Any]
    recipe: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    warning: str = ""
    command: str = ""
    hardware: str = ""
    data: list[dict[str, Any]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    shared: dict[str, dict[str, str]] = field(default_factory=dict)
    storage: str = "float32"
    parameters: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "storage", as_choice(self.storage, "storage", STORAGES))
        for name in ("steps", "parameters"):
            as_count(getattr(self, name), name, minimum=0)
        for part, source in self.shared.items():
            if source.keys() != {"weights", "sha256"}:
                raise OptionError(
                    f"shared[{part!r}] must have the fields weights and sha256, got "
                    f"{', '.join(sorted(source)) or 'none'}"
                )


def missing_packages() -> str:
    """Return the requirement of models that is not installed, or an empty string."""
    missing = any(find_spec(module) is None for module in REQUIREMENTS)
    return f"needs {extra('models')}" if missing else ""


def save_weights(path: str | Path, network: nn.Module, card: Card) -> Card:
    """Write the weights of a network and their model card.

    Parameters
    ----------
    path : str or Path
        Tensor file, ".safetensors"; the card is written beside it with the suffix ".json".
        Existing files are replaced atomically.
    network : Module
        Network whose parameters and buffers are written.
    card : Card
        Model card.

    Returns
    -------
    Card
        The card with ``parameters`` and ``sha256`` set.

    Raises
    ------
    WeightsError
        If a weight is NaN or infinite (also after conversion to ``card.storage``), or if a file
        cannot be written.
    OptionError
        If ``path`` has another suffix.
    """
    import torch

    path = _as_path(path)
    shared, storage = _shared_tensors(card, path), getattr(torch, card.storage)
    tensors = {
        name: _stored(tensor, shared[name].dtype if name in shared else storage)
        for name, tensor in network.state_dict().items()
    }
    _require_finite(tensors, path)
    for name, tensor in shared.items():
        if not torch.equal(tensors.pop(name), tensor):
            raise WeightsError(
                f"tensor {name!r} of the network differs from the shared weights: replace it by "
                "them, or leave out shared"
            )
    data = tensor_file(tensors)
    card = dataclasses.replace(
        card,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    text = json.dumps(dataclasses.asdict(card), indent=2, allow_nan=False)
    replace_file(path, data)
    replace_file(path.with_suffix(".json"), f"{text}\n".encode())
    return card


def read_card(path: str | Path) -> Card:
    """Read the model card of a tensor file, without the tensors.

    Parameters
    ----------
    path : str or Path
        Tensor file, ".safetensors", with its card beside it.

    Raises
    ------
    WeightsError
        If the card is missing or invalid.
    """
    tensors = _as_path(path)
    if not tensors.exists():
        raise WeightsError(f"{tensors} cannot be read: No such file or directory")
    path = tensors.with_suffix(".json")
    if not path.exists():
        raise WeightsError(f"{path} not found: a file of weights needs its model card beside it")
    fields = read_json(path)
    for name in sorted({each.name for each in dataclasses.fields(Card)} - fields.keys()):
        accepted = f" (one of: {', '.join(ARCHITECTURES)})" if name == "architecture" else ""
        raise WeightsError(f"{path} is not a valid model card: {name!r}{accepted} is missing")
    card = as_dataclass(Card, fields, f"{path} is not a valid model card", error=WeightsError)
    if card.architecture not in ARCHITECTURES:
        raise WeightsError(
            f"{path}: unknown architecture {card.architecture!r}; accepted: "
            + ", ".join(ARCHITECTURES)
        )
    if ARCHITECTURES[card.architecture].model != card.model:
        raise WeightsError(
            f"{path}: the architecture {card.architecture!r} does not belong to the model "
            f"{card.model!r}"
        )
    return card


def load_weights(path: str | Path, model: str) -> tuple[Any, Card]:
    """Build the network that a model card describes and load its weights.

    Parameters
    ----------
    path : str or Path
        Tensor file, ".safetensors", with its card beside it.
    model : str
        Name of the model that the weights must belong to, such as "style-vae".

    Returns
    -------
    network : Module
        The network, on the CPU and in evaluation mode.
    card : Card
        Its model card.

    Raises
    ------
    WeightsError
        If a file is missing, too large, damaged or of another model, or if it does not match the
        card: hash, names, shapes and types must be equal, and all weights finite.
    """
    import torch

    path = _as_path(path)
    data = read_bytes(path, MAX_BYTES)
    card = read_card(path)
    card_path = path.with_suffix(".json")
    if card.model != model:
        raise WeightsError(f"{card_path} is the card of a {card.model!r} model, expected {model!r}")
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(
            f"{path} does not match its model card (the SHA-256 differ): the file is damaged, or "
            "one of the two was replaced"
        )
    tensors, _ = read_tensors(data, path)
    shared = _shared_tensors(card, path)
    tensors |= shared
    # First without memory for tensors: the config may specify a network of any size.
    for device in ("meta", "cpu"):
        try:
            with torch.device(device):
                network = ARCHITECTURES[card.architecture].build(card.config)
        except (TypeError, ValueError, KeyError, AttributeError, RuntimeError) as error:
            if device == "meta" and not isinstance(error, ValueError):
                continue  # the constructor computes with values of tensors
            raise WeightsError(
                f"the config in {card_path} does not describe a {card.architecture} network: "
                f"{reason(error)}"
            ) from error
        expected = network.state_dict()
        _require_equal_form(tensors, expected, card, path, shared)
    _require_finite(tensors, path)
    network.load_state_dict({key: tensors[key].to(expected[key].dtype) for key in expected})
    return network.eval(), card


def shipped_names() -> tuple[str, ...]:
    """Return the names of the weights in this package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.safetensors")))


def shipped(name: str) -> Path:
    """Return the path of weights in this package, for `load_weights`.

    Raises
    ------
    WeightsError
        If the package contains no weights of this name.
    """
    names = shipped_names()
    if name not in names:
        raise WeightsError(
            f"unknown weights {name!r}; this package contains: {', '.join(names) or 'none'} "
            "(the option weights= accepts a file)"
        )
    return SHIPPED / f"{name}.safetensors"


def state_of(path: Path) -> tuple[int, int]:
    """Return modification time and size of a file, the key of cached models; zeros if missing."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0  # the reader of the file reports the error
    return state.st_mtime_ns, state.st_size


def _as_path(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".safetensors":
        raise OptionError(f"weights must be a .safetensors file, got {path}")
    return path


def _shared_tensors(card: Card, path: Path) -> dict[str, Tensor]:
    """Return the tensors of other bundled weights that a card names, by their names here."""
    tensors: dict[str, Tensor] = {}
    for part, source in card.shared.items():
        other = shipped(source["weights"])
        data = read_bytes(other, MAX_BYTES)
        if hashlib.sha256(data).hexdigest() != source["sha256"]:
            raise WeightsError(
                f"{path} needs another version of the weights {source['weights']!r}, which this "
                "package contains: install both files from one version of the package"
            )
        found, _ = read_tensors(data, other)
        tensors |= {f"{part}.{name}": tensor for name, tensor in found.items()}
    return tensors


def _stored(tensor: Tensor, dtype: Any) -> Tensor:
    """Convert floating-point tensors to ``dtype``; keep the type of integers."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _require_equal_form(
    tensors: Mapping[str, Tensor],
    expected: Mapping[str, Tensor],
    card: Card,
    path: Path,
    shared: Collection[str],
) -> None:
    """Raise a WeightsError for the first name, shape or type that differs.

    The type of shared tensors is that of their own file.
    """
    import torch

    for name in sorted(tensors.keys() ^ expected.keys()):
        problem = "is missing" if name in expected else "is unknown"
        raise WeightsError(
            f"{path} does not match the architecture {card.architecture}: tensor {name!r} {problem}"
        )
    storage = getattr(torch, card.storage)
    for name, tensor in expected.items():
        found, dtype = tensors[name], storage if tensor.is_floating_point() else tensor.dtype
        dtype = found.dtype if name in shared else dtype
        if (found.shape, found.dtype) != (tensor.shape, dtype):
            raise WeightsError(
                f"{path}: tensor {name!r} must have shape {tuple(tensor.shape)} and type "
                f"{dtype}, got {tuple(found.shape)} and {found.dtype}"
            )


def _require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for name, tensor in tensors.items():
        if not bool(tensor.double().isfinite().all()):  # float8 has no `isfinite`
            raise WeightsError(f"{path}: tensor {name!r} has weights that are NaN or infinite")
