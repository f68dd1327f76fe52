"""A style: where instruments stand, as the style-transfer VAE says it, in memory and as JSON."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spatialkit.errors import SpatialkitError
from spatialkit.validation import as_number
from spatialkit_models.weights import WeightsError, read_json, replace_file

__all__ = ["Style", "StyleError", "interpolate"]


class StyleError(SpatialkitError, ValueError):
    """A style is damaged, of other weights, or cannot be taken from what was given."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """Where instruments stand, as a normal distribution over the model's latent.

    Parameters
    ----------
    mean, log_variance : tuple of float
        Of the distribution; upmixing uses the mean.
    model : str
        What made it: "style-vae-fast" or "style-vae-paper".
    weights : str
        SHA-256 of the model's weights: others do not understand it.
    source : str
        What it was taken from, for people.
    """

    mean: tuple[float, ...]
    log_variance: tuple[float, ...]
    model: str
    weights: str
    source: str = ""

    def __post_init__(self) -> None:
        for name in ("mean", "log_variance"):
            values = getattr(self, name)
            if not isinstance(values, (list, tuple)) or not all(map(_is_number, values)):
                raise StyleError(f"{name} of a style must be finite numbers")
            object.__setattr__(self, name, tuple(map(float, values)))
        if not self.mean or len(self.mean) != len(self.log_variance):
            raise StyleError(
                "mean and log_variance of a style must be equally long, got "
                f"{len(self.mean)} and {len(self.log_variance)} numbers"
            )
        for name in ("model", "weights", "source"):
            if not isinstance(getattr(self, name), str):
                raise StyleError(f"{name} of a style must be a text, got {getattr(self, name)!r}")

    def save(self, path: str | Path) -> None:
        """Write it as JSON; a file that is there is replaced.

        Raises
        ------
        StyleError
            If it cannot be written.
        """
        try:
            replace_file(Path(path), f"{self.to_json(indent=1)}\n".encode())
        except WeightsError as error:
            raise StyleError(str(error)) from error

    @classmethod
    def load(cls, path: str | Path) -> Style:
        """Read what `save` wrote.

        Raises
        ------
        StyleError
            If there is no such file, or it holds no style.
        """
        try:
            facts = read_json(Path(path))
        except WeightsError as error:
            raise StyleError(str(error)) from error
        try:
            return cls._from(facts)
        except StyleError as error:
            raise StyleError(f"{path}: {error}") from error

    def to_json(self, *, indent: int | None = None) -> str:
        """Say it as JSON, a text that stands for it wherever a style is asked for."""
        return json.dumps(dataclasses.asdict(self), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Style:
        """Style that `to_json` said."""
        try:
            facts = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise StyleError(f"a style must be JSON: {error}") from error
        return cls._from(facts)

    @classmethod
    def _from(cls, facts: Any) -> Style:
        known = {field.name for field in dataclasses.fields(cls)}
        odd = sorted(known ^ facts.keys()) if isinstance(facts, dict) else ["mean"]
        if odd:
            raise StyleError(
                f"it holds no style: {odd[0]!r} is {'missing' if odd[0] in known else 'unknown'}"
            )
        return cls(**facts)


def interpolate(style_a: Style, style_b: Style, t: float) -> Style:
    """Style between two, ``style_a`` at t = 0 and ``style_b`` at 1.

    Raises
    ------
    StyleError
        If the two were made by different weights.
    OptionError
        If ``t`` is not from 0 to 1.
    """
    t = as_number(t, "t", minimum=0.0, maximum=1.0)
    if (style_a.model, style_a.weights) != (style_b.model, style_b.weights):
        raise StyleError("styles that were made by different weights have nothing between them")

    def between(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((1.0 - t) * a + t * b for a, b in zip(first, second, strict=True))

    return Style(
        mean=between(style_a.mean, style_b.mean),
        log_variance=between(style_a.log_variance, style_b.log_variance),
        model=style_a.model,
        weights=style_a.weights,
        source=f"{t:g} of the way from {style_a.source!r} to {style_b.source!r}",
    )


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)
