"""Conversion of the option ``style`` of the upmixer to a style: names, files and objects."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spatialkit.audio import Audio
from spatialkit.errors import OptionError
from spatialkit.panning import vbap_gains
from spatialkit.validation import as_count, match_name, unknown_name
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.directions import encode_directions, reference_stems
from spatialkit_models.style_vae.encoding import encode_array, encode_audio, encode_file
from spatialkit_models.style_vae.gains import BAND
from spatialkit_models.style_vae.stem_hints import NO_HINTS, StemHints
from spatialkit_models.style_vae.style import Style, latent_of, model_of, new_style

if TYPE_CHECKING:
    from spatialkit_models.style_vae.inference import StyleModel

__all__ = ["as_style", "is_example", "random_style"]

# Log variance of a sampled style, which is a single point: the lowest that encoders output.
POINT_LOG_VARIANCE = -10.0


def as_style(style: Any, model: StyleModel, seed: int = 0, hints: StemHints = NO_HINTS) -> Style:
    """Return the style of a model that a value of the option ``style`` specifies.

    Parameters
    ----------
    style : str, Path, Audio, tuple, mapping or Style
        As in `StyleVAEUpmixer`.
    model : StyleModel
        Model that the style is for.
    seed : int
        Seed of the style "random".
    hints : StemHints
        What is known about the stems of music.

    Raises
    ------
    OptionError
        If the type or name is not accepted.
    StyleError
        If the style belongs to other weights or cannot be encoded.
    """
    if isinstance(style, (str, Path)):
        return _from_text(str(style), model, seed, hints)
    for kind, convert in CONVERTERS.items():
        if isinstance(style, kind):
            return convert(style, model, hints)
    raise OptionError(
        "style must be 'band', 'random', the path of an audio file or of a saved style (.json), "
        "a Style, an Audio, (samples, sample_rate, layout) or a mapping of stems to directions, "
        f"got {type(style).__name__}"
    )


def is_example(style: Any) -> bool:
    """Return whether a value of the option ``style`` is a recording, or was encoded from one."""
    if isinstance(style, (str, Path)):
        text = str(style)
        return not match_name(text, NAMED) and Path(text).suffix.lower() != ".json"
    return not isinstance(style, (Mapping, Style))


def random_style(seed: int = 0, *, variant: str = "fast", weights: str | Path = "") -> Style:
    """Sample a style.

    For the fast model it is sampled from the posterior of stems in random directions: styles from
    the prior, the standard normal distribution, are less concentrated than those of music. For
    the paper's model it is sampled from the prior, as in the paper.

    Parameters
    ----------
    seed : int
        Random seed; the same seed gives the same style.
    variant, weights
        Model, as in `encode_style`.
    """
    return _sample_style(model_of(variant, weights), seed)


def _from_text(text: str, model: StyleModel, seed: int, hints: StemHints) -> Style:
    """Return the style of a name, of JSON, or of a file."""
    if not text:
        raise OptionError("style is empty; pass 'band', 'random' or the path of a file")
    name = match_name(text, NAMED)
    if name:
        return NAMED[name](model, seed)
    if text.startswith("{"):
        return _of_model(Style.from_json(text), model, hints)
    path = Path(text)
    if path.suffix.lower() == ".json":
        return _of_model(Style.load(path), model, hints)
    if not path.suffix and not path.exists():
        raise OptionError(f"{unknown_name('style', text, NAMED)}, or the path of a file")
    return encode_file(model, path, hints)


def _sample_style(model: StyleModel, seed: int) -> Style:
    rng = np.random.default_rng(as_count(seed, "seed", minimum=0))
    latent = rng.standard_normal(model.latent_size)
    if model.has_stem_masks:
        gains = vbap_gains(rng.uniform(-180.0, 180.0, len(STEMS)))
        mean, log_variance = model.encode_stems(lambda: reference_stems(model.sample_rate), gains)
        latent = mean + np.exp(0.5 * log_variance) * latent
    log_variance = np.full(model.latent_size, POINT_LOG_VARIANCE)
    return new_style(model, latent, log_variance, f"random, seed {seed}")


def _of_model(style: Style, model: StyleModel, hints: StemHints) -> Style:
    """Return a style unchanged if the model encoded it."""
    latent_of(style, model)
    return style


def _from_tuple(style: tuple[Any, ...], model: StyleModel, hints: StemHints) -> Style:
    if len(style) not in (2, 3):
        raise OptionError(
            "a style as a tuple must be (samples, sample_rate) or (samples, sample_rate, layout), "
            f"got {len(style)} items"
        )
    layout = style[2] if len(style) == 3 else "5.0"
    return encode_array(model, style[0], style[1], layout, hints)


NAMED: dict[str, Callable[[StyleModel, int], Style]] = {
    "band": lambda model, seed: encode_directions(model, BAND),
    "random": _sample_style,
}
# Tried in this order: an `Audio` may be a tuple.
CONVERTERS: dict[type, Callable[[Any, StyleModel, StemHints], Style]] = {
    Style: _of_model,
    Audio: lambda audio, model, hints: encode_audio(model, audio, hints),
    tuple: _from_tuple,
    Mapping: lambda directions, model, hints: encode_directions(model, directions),
}
