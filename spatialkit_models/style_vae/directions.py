"""Styles from directions of stems, and directions of stems in a style."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.files import read
from spatialkit.layouts import get_layout
from spatialkit.sample import sample_path
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.gains import direction_gains, stem_angles
from spatialkit_models.style_vae.style import Style, StyleError, latent_of, model_of, new_style

if TYPE_CHECKING:
    from spatialkit_models.style_vae.inference import StyleModel

__all__ = [
    "StemPlace",
    "directions_style",
    "encode_directions",
    "parse_directions",
    "reference_stems",
    "style_directions",
]

# Segments of the bundled song in which each stem is active without a pause, in seconds.
REFERENCE_STARTS = {"vocals": 0, "drums": 0, "bass": 8, "other": 16}
REFERENCE_SECONDS = 4
REFERENCE_RMS = 0.05
# Below this length an energy vector has no defined direction.
MIN_LENGTH = 1e-3


@dataclass(frozen=True)
class StemPlace:
    """Direction of a stem in a style.

    Parameters
    ----------
    azimuth : float
        Azimuth of its energy vector in degrees; NaN if the length is 0.
    length : float
        Length of its energy vector: 1 for a single loudspeaker, 0 for a stem that surrounds the
        listener evenly.
    gains : dict of str to float
        Gains by loudspeaker of "5.0"; their squares sum to 1.
    confidence : float
        Probability that the sound at this place of the example is this stem, see `Style`; NaN if
        the style was not found in music.
    """

    azimuth: float
    length: float
    gains: dict[str, float]
    confidence: float = np.nan


def directions_style(
    directions: Mapping[str, float | Sequence[float]],
    *,
    variant: str = "fast",
    weights: str | Path = "",
) -> Style:
    """Return the style that places stems in given directions.

    The fast model receives the directions themselves. The paper's model encodes stems of the
    bundled song that are panned to these directions in 5.0.

    Parameters
    ----------
    directions : mapping
        Azimuth in degrees of "vocals", "drums", "bass" and "other", or several, which share the
        power of the stem. Other stems are placed as in an ordinary mix: vocals and bass at 0
        degrees, drums and other at 30 and -30 degrees.
    variant, weights
        Model, as in `encode_style`.

    Raises
    ------
    OptionError
        If a stem is unknown or has no direction.
    DirectionError
        If a direction is not a finite number.
    """
    return encode_directions(model_of(variant, weights), directions)


def encode_directions(model: StyleModel, directions: Mapping[str, Any]) -> Style:
    """Return the style of a model that places stems in given directions."""
    gains = direction_gains(directions)
    source = directions_text(directions)
    code = model.encode_stems(lambda: reference_stems(model.sample_rate), gains)
    return new_style(model, *code, source)


def style_directions(
    style: Style, *, variant: str = "fast", weights: str | Path = ""
) -> dict[str, StemPlace]:
    """Return the direction of each stem in a style.

    The fast model has gains by stem. The paper's model is applied to stems of the bundled song.

    Parameters
    ----------
    style : Style
    variant, weights
        Model that encoded the style, as in `encode_style`.

    Raises
    ------
    StyleError
        If other weights encoded the style.
    """
    if not isinstance(style, Style):
        raise StyleError(f"style must be a Style, got {type(style).__name__}")
    model = model_of(variant, weights)
    gains = model.stem_gains(latent_of(style, model), lambda: reference_stems(model.sample_rate))
    layout = get_layout("5.0")
    angles = np.deg2rad(layout.azimuth)
    places = {}
    confidence = style.confidence or (np.nan,) * len(STEMS)
    for stem, row, sure in zip(STEMS, gains.astype(float), confidence, strict=True):
        x, y = np.square(row) @ np.cos(angles), np.square(row) @ np.sin(angles)
        length = float(np.hypot(x, y))
        azimuth = float(np.rad2deg(np.arctan2(y, x))) if length > MIN_LENGTH else np.nan
        by_label = dict(zip(layout.labels, row.tolist(), strict=True))
        places[stem] = StemPlace(azimuth, length, by_label, sure)
    return places


def parse_directions(text: str) -> dict[str, list[float]]:
    """Parse directions in the notation of the command line.

    Examples
    --------
    >>> parse_directions("vocals:0,drums:110/-110")
    {'vocals': [0.0], 'drums': [110.0, -110.0]}
    """
    directions: dict[str, list[float]] = {}
    for item in text.split(","):
        name, colon, angles = item.partition(":")
        stem = name.strip().casefold()
        try:
            if not colon or stem in directions:
                raise ValueError
            directions[stem] = [float(angle) for angle in angles.split("/")]
        except ValueError:
            raise OptionError(
                "directions and names must be stems with degrees, such as vocals:0,drums:110/-110, "
                f"each stem once, got {text!r}"
            ) from None
    return directions


def directions_text(directions: Any) -> Any:
    """Return a mapping of stems to directions in the notation of `parse_directions`.

    Anything else is returned as it is.

    Examples
    --------
    >>> directions_text({"vocals": 0, "drums": [110, -110]})
    'vocals:0,drums:110/-110'
    """
    if not isinstance(directions, Mapping):
        return directions
    return ",".join(
        f"{stem}:{'/'.join(f'{angle:g}' for angle in row)}"
        for stem, row in stem_angles(directions).items()
    )


@cache
def reference_stems(sample_rate: int) -> NDArray[np.float32]:
    """Return stems of the bundled song, (stems, samples), of equal RMS."""
    stems = []
    for stem in STEMS:
        song = read(sample_path(stem), sample_rate=sample_rate)
        start = REFERENCE_STARTS[stem] * sample_rate
        mono = song.samples[:, start : start + REFERENCE_SECONDS * sample_rate].mean(0)
        stems.append(mono * (REFERENCE_RMS / np.sqrt(np.mean(np.square(mono)))))
    return np.stack(stems)
