"""Weights with their cards: safetensors beside JSON, checked in full before they are used.

``name.safetensors`` holds the tensors, ``name.json`` the card: what the model is, how it was
trained, how it was measured, and the SHA-256 of the tensors' file. Nothing is unpickled.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, extra
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

    Model = TypeVar("Model", bound=nn.Module)

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

SHIPPED = Path(__file__).with_name("files")
REQUIREMENTS = ("torch", "safetensors")
STORAGES = ("float32", "float16")
MOST_BYTES = 512 * 2**20


@dataclass(frozen=True, kw_only=True)
class Card:
    """What is known about weights.

    Parameters
    ----------
    model : str
        Name of the model, such as "style-vae".
    config : dict
        What the model is built from, as JSON has it.
    steps : int
        Updates in training.
    command : str
        What trained it.
    hardware : str
        On what.
    data : list of dict
        What it was trained on: name and licence of each source.
    figures : dict
        What was measured, by name.
    storage : str
        Floating-point type of the file, "float32" or "float16". Models are float32 either way.
    parameters : int
        Count of trained numbers; `save_weights` fills it in.
    sha256 : str
        Of the tensors' file; `save_weights` fills it in.
    """

    model: str
    config: dict[str, Any]
    steps: int = 0
    command: str = ""
    hardware: str = ""
    data: list[dict[str, str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)
    storage: str = "float32"
    parameters: int = 0
    sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "storage", as_choice(self.storage, "storage", STORAGES))


def missing_packages() -> str:
    """What models need that is not installed, "" if all is."""
    lacking = any(find_spec(module) is None for module in REQUIREMENTS)
    return f"needs {extra('models')}" if lacking else ""


def save_weights(path: str | Path, model: nn.Module, card: Card) -> Card:
    """Write a model's weights and their card.

    Parameters
    ----------
    path : str or Path
        The file of tensors, ".safetensors"; the card has the same name and ".json". Files that
        are there are replaced, each of them whole or not at all.
    model : Module
        Whose parameters and buffers are written.
    card : Card
        What is known about them.

    Returns
    -------
    Card
        With ``parameters`` and ``sha256`` as they are in the file.

    Raises
    ------
    WeightsError
        If a weight is NaN or infinite, in the card's ``storage`` too, or nothing can be written.
    OptionError
        If ``path`` ends in something else.
    """
    import torch

    path = _as_path(path)
    dtype = getattr(torch, card.storage)
    tensors = {name: _stored(tensor, dtype) for name, tensor in model.state_dict().items()}
    _require_finite(tensors, path)
    data = tensor_file(tensors)
    card = dataclasses.replace(
        card,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        sha256=hashlib.sha256(data).hexdigest(),
    )
    text = json.dumps(dataclasses.asdict(card), indent=2, allow_nan=False)
    replace_file(path, data)
    replace_file(path.with_suffix(".json"), f"{text}\n".encode())
    return card


def load_weights(
    path: str | Path, name: str, build: Callable[[dict[str, Any]], Model]
) -> tuple[Model, Card]:
    """Make the model that a card describes, with the weights beside the card.

    Parameters
    ----------
    path : str or Path
        The file of tensors, ".safetensors", with its card beside it.
    name : str
        Which model it must be.
    build : callable
        Makes the model from the card's ``config``. What it says against one is passed on.

    Returns
    -------
    model : Module
        On the CPU, in evaluation mode.
    card : Card

    Raises
    ------
    WeightsError
        If a file is missing, too large, damaged, of another model, or not what the card says:
        hash, names, shapes and types must agree, and all weights be finite.
    """
    path = _as_path(path)
    data = read_bytes(path, MOST_BYTES)
    card = _read_card(path.with_suffix(".json"), name)
    if hashlib.sha256(data).hexdigest() != card.sha256:
        raise WeightsError(
            f"{path} is not the file that its card describes (their SHA-256 differ): it is "
            "damaged, or one of the two was replaced"
        )
    tensors, _ = read_tensors(data, path)
    try:
        model = build(card.config)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise WeightsError(
            f"the config in {path.with_suffix('.json')} makes no {name}: {error}"
        ) from error
    wanted = model.state_dict()
    _require_equal_form(tensors, wanted, card, path)
    _require_finite(tensors, path)
    model.load_state_dict({key: tensors[key].to(wanted[key].dtype) for key in wanted})
    return model.eval(), card


def shipped_names() -> tuple[str, ...]:
    """Names of the weights in this package."""
    return tuple(sorted(path.stem for path in SHIPPED.glob("*.safetensors")))


def shipped(name: str) -> Path:
    """Path of weights in this package, for `load_weights`.

    Raises
    ------
    WeightsError
        If there are none of that name.
    """
    names = shipped_names()
    if name not in names:
        raise WeightsError(
            f"no weights are called {name!r}; this package has: {', '.join(names) or 'none'} "
            "(weights= takes a file)"
        )
    return SHIPPED / f"{name}.safetensors"


def state_of(path: Path) -> tuple[int, int]:
    """When a file was changed, and its size: models in memory are kept by them; zeros of none."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0  # whoever reads it says what is wrong
    return state.st_mtime_ns, state.st_size


def _as_path(path: str | Path) -> Path:
    path = Path(path)
    if path.suffix != ".safetensors":
        raise OptionError(f"weights must be a .safetensors file, got {path}")
    return path


def _read_card(path: Path, name: str) -> Card:
    if not path.exists():
        raise WeightsError(f"{path} is missing: weights need their card beside them")
    facts = read_json(path)
    known = {each.name: each for each in dataclasses.fields(Card)}
    odd = sorted(facts.keys() ^ known.keys())
    if odd:
        raise WeightsError(
            f"{path} is not a card of weights: {odd[0]!r} is "
            + ("missing" if odd[0] in known else "unknown")
        )
    try:
        card = Card(**facts)
    except OptionError as error:
        raise WeightsError(f"{path}: {error}") from error
    if card.model != name:
        raise WeightsError(f"{path} is the card of a {card.model!r}, not of a {name!r}")
    if not isinstance(card.config, dict):
        raise WeightsError(f"{path}: config must be an object of JSON, got {card.config!r}")
    return card


def _stored(tensor: Tensor, dtype: Any) -> Tensor:
    """``tensor`` in the type of its file; whole numbers keep theirs."""
    return tensor.to(dtype) if tensor.is_floating_point() else tensor


def _require_equal_form(
    tensors: Mapping[str, Tensor], wanted: Mapping[str, Tensor], card: Card, path: Path
) -> None:
    """Raise a WeightsError at the first name, shape or type that differs."""
    import torch

    for name in sorted(tensors.keys() ^ wanted.keys()):
        what = "lacks" if name in wanted else "has an unknown"
        raise WeightsError(f"{path} {what} tensor {name!r}: it does not fit this {card.model}")
    dtype = getattr(torch, card.storage)
    for name, tensor in wanted.items():
        found, expected = tensors[name], dtype if tensor.is_floating_point() else tensor.dtype
        if (found.shape, found.dtype) != (tensor.shape, expected):
            raise WeightsError(
                f"{path}: tensor {name!r} must have shape {tuple(tensor.shape)} and type "
                f"{expected}, got {tuple(found.shape)} and {found.dtype}"
            )


def _require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    for name, tensor in tensors.items():
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{path}: tensor {name!r} has weights that are NaN or infinite")
