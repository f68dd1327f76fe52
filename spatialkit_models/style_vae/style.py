"""Styles: the spatial arrangement of instruments as a point of the model's latent space."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SpatialkitError
from spatialkit.storage import replace_file
from spatialkit.validation import as_dataclass, as_number, parse_json, read_json, shown
from spatialkit_models.stem_names import N_STEMS
from spatialkit_models.weights import missing_packages

if TYPE_CHECKING:
    from spatialkit_models.style_vae.inference import StyleModel

__all__ = ["Style", "StyleError", "interpolate", "latent_of", "model_of", "new_style"]


# The prior has mean 0 and variance 1; encoders output log variances from -10 to 4.
RANGES = {"mean": (-1e3, 1e3), "log_variance": (-1e2, 1e2), "confidence": (0.0, 1.0)}


class StyleError(SpatialkitError, ValueError):
    """A style is invalid, belongs to other weights, or cannot be computed from the input."""


@dataclass(frozen=True, kw_only=True)
class Style:
    """Spatial arrangement of instruments: a normal distribution over the model's latent space.

    Parameters
    ----------
    mean, log_variance : tuple of float
        Mean and logarithm of the variance by dimension; upmixing uses the mean.
    model : str
        Name of the model: "style-vae-fast" or "style-vae-paper".
    weights : str
        SHA-256 of the model's weights; a style is only valid for these.
    source : str
        Description of its origin, such as a file name.
    confidence : tuple of float
        For each stem the probability, 0 to 1, by the masks of the example, that the sound at its
        place is this stem; empty if the style was not found in music.
    """

    mean: tuple[float, ...]
    log_variance: tuple[float, ...]
    model: str
    weights: str
    source: str = ""
    confidence: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            values = getattr(self, name)
            if not isinstance(values, (list, tuple)) or not all(map(_is_number, values)):
                raise StyleError(f"{name} of a style must be a list of finite numbers")
            for value in values:
                if not low <= value <= high:
                    raise StyleError(
                        f"{name} of a style must be from {low:g} to {high:g}, got {value:g}"
                    )
            object.__setattr__(self, name, tuple(map(float, values)))
        if not self.mean or len(self.mean) != len(self.log_variance):
            raise StyleError(
                "mean and log_variance of a style must have the same length, at least 1, got "
                f"{len(self.mean)} and {len(self.log_variance)} numbers"
            )
        if len(self.confidence) not in (0, N_STEMS):
            raise StyleError(
                f"confidence of a style must be empty or {N_STEMS} numbers, got "
                f"{len(self.confidence)}"
            )
        for name in ("model", "weights", "source"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise StyleError(f"{name} of a style must be text, got {shown(value)}")
            if name != "source" and not value.isprintable():  # messages quote the others
                raise StyleError(
                    f"{name} of a style must be printable text in one line, got {shown(value)}"
                )

    def directions(self) -> dict[str, Any]:
        """Return the direction of each stem by the bundled weights, see `style_directions`.

        Raises
        ------
        StyleError
            If torch is not installed, or other weights encoded the style.
        """
        # The module that decodes styles is above this one in the order of imports.
        style_vae = import_module("spatialkit_models.style_vae")
        variant = self.model.removeprefix("style-vae-")
        return dict(style_vae.style_directions(self, variant=variant))

    def plot(self, *, ax: Any = None, layout: Any = "5.0") -> Any:
        """Plot the direction of each stem, see `spatialkit.plots.plot_style`."""
        from spatialkit.plots import plot_style  # 0.3 s

        return plot_style(self, ax=ax, layout=layout)

    def _repr_html_(self) -> str:
        title = f"<b>Style</b> of {escape(self.model)}: {escape(self.source)}"
        try:
            places = self.directions()
        except StyleError as error:
            return f"<div>{title}<div>{escape(str(error))}</div></div>"
        rows = "".join(
            f"<tr><th>{stem}</th><td>{_azimuth_text(place)}</td><td>{place.length:.2f}</td></tr>"
            for stem, place in places.items()
        )
        header = "<tr><th>stem</th><th>azimuth</th><th>length of rE</th></tr>"
        return f"<div>{title}<table>{header}{rows}</table></div>"

    def save(self, path: str | Path) -> None:
        """Write the style to a JSON file; an existing file is replaced.

        Raises
        ------
        StyleError
            If the file cannot be written.
        """
        replace_file(path, f"{self.to_json(indent=1)}\n".encode(), error=StyleError)

    @classmethod
    def load(cls, path: str | Path) -> Style:
        """Read a style from a JSON file that `save` wrote.

        Raises
        ------
        StyleError
            If the file does not exist or does not contain a style.
        """
        facts = read_json(path, error=StyleError)
        return as_dataclass(cls, facts, f"{path} is not a style", error=StyleError)

    def to_json(self, *, indent: int | None = None) -> str:
        """Return the style as JSON, which is accepted wherever a style is."""
        return json.dumps(dataclasses.asdict(self), indent=indent, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Style:
        """Return the style that `to_json` wrote.

        Raises
        ------
        StyleError
            If the text is not JSON of a style.
        """
        facts = parse_json(text, "the style", error=StyleError)
        return as_dataclass(cls, facts, "not a style", error=StyleError)


def interpolate(style_a: Style, style_b: Style, t: float) -> Style:
    """Interpolate linearly between two styles.

    Parameters
    ----------
    style_a, style_b : Style
        Styles of the same weights.
    t : float
        0 returns the parameters of ``style_a``, 1 those of ``style_b``.

    Raises
    ------
    StyleError
        If the two styles belong to different weights.
    OptionError
        If ``t`` is not from 0 to 1.
    """
    t = as_number(t, "t", minimum=0.0, maximum=1.0)
    if (style_a.model, style_a.weights) != (style_b.model, style_b.weights):
        raise StyleError(
            "styles can only be interpolated if they were encoded with the same weights, got "
            f"{_weights(style_a)} and {_weights(style_b)}"
        )

    def between(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
        return tuple((1.0 - t) * a + t * b for a, b in zip(first, second, strict=True))

    return Style(
        mean=between(style_a.mean, style_b.mean),
        log_variance=between(style_a.log_variance, style_b.log_variance),
        model=style_a.model,
        weights=style_a.weights,
        source=f"{t:g} of the way from {style_a.source!r} to {style_b.source!r}",
    )


# Between styles and models.


def model_of(variant: str, weights: str | Path) -> StyleModel:
    """Return the model of a variant or of a file of weights; StyleError without torch."""
    if missing := missing_packages():
        raise StyleError(f"a style {missing}")
    from spatialkit_models.style_vae.inference import load_style_model

    return load_style_model(variant, weights)


def new_style(
    model: StyleModel, mean: Any, log_variance: Any, source: str, confidence: Any = ()
) -> Style:
    """Return a style of a model from arrays (latent_size,)."""
    return Style(
        mean=tuple(map(float, mean)),
        log_variance=tuple(map(float, log_variance)),
        model=model.name,
        weights=model.sha256,
        source=source,
        confidence=tuple(map(float, np.clip(confidence, 0.0, 1.0))),
    )


def latent_of(style: Style, model: StyleModel) -> NDArray[np.float32]:
    """Return the latent of a style, (latent_size,), or raise if other weights encoded it."""
    if style.weights != model.sha256 or len(style.mean) != model.latent_size:
        raise StyleError(
            f"the style was encoded with {_weights(style)}, not with those of this {model.name} "
            f"({model.sha256[:8]}...): encode it again from its music"
        )
    return np.array(style.mean, np.float32)


def _weights(style: Style) -> str:
    return f"{style.model} weights {style.weights[:8] or '?'}..."


def _azimuth_text(place: Any) -> str:
    return "around" if math.isnan(place.azimuth) else f"{place.azimuth:.0f}°"


def _is_number(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value)
