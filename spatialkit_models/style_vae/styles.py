"""Styles for the upmixer "style-vae": taken from music, drawn, asked for by direction, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.files import Audio, read, resample, stream
from spatialkit.layouts import AmbisonicFormat, Layout, get_format, get_layout
from spatialkit.panning import vbap_gains
from spatialkit.rendering import render_matrix
from spatialkit.sample import sample_path
from spatialkit.validation import as_angles, as_audio, as_choice, as_count, require_finite
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.style import Style, StyleError, interpolate
from spatialkit_models.weights import missing_packages

if TYPE_CHECKING:
    from spatialkit_models.style_vae.inference import StyleModel

    Format = Layout | AmbisonicFormat

__all__ = [
    "StemPlace",
    "Style",
    "StyleError",
    "as_style",
    "directions_style",
    "encode_style",
    "interpolate",
    "parse_directions",
    "random_style",
    "style_directions",
]

# Where stems stand of which nothing is said: as in an ordinary mix.
ORDINARY = {"vocals": (0.0,), "drums": (30.0, -30.0), "bass": (0.0,), "other": (30.0, -30.0)}
# Second of the bundled song from which on each stem plays without a rest.
# What is heard unless a style is asked for: a band ahead, and something around the listener.
BAND = {**ORDINARY, "other": (110.0, -110.0)}
REFERENCE_STARTS = {"vocals": 0, "drums": 0, "bass": 8, "other": 16}
REFERENCE_SECONDS = 4
REFERENCE_RMS = 0.05
LEAST_SECONDS = 0.5
SILENCE = 1e-6  # RMS
DRAWN = -10.0  # log variance of a style that is one point; the least that encoders say
# An energy vector shorter than this points nowhere.
LEAST_LENGTH = 1e-3


@dataclass(frozen=True)
class StemPlace:
    """Where a style puts a stem.

    Parameters
    ----------
    azimuth : float
        Degrees of its energy vector; NaN where that has no length, as all around.
    length : float
        Of that vector: 1 where one loudspeaker plays, 0 where it comes from all around and its
        azimuth says nothing.
    gains : dict of str to float
        By loudspeaker of "5.0", of power 1.
    """

    azimuth: float
    length: float
    gains: dict[str, float]


def encode_style(
    audio: str | Path | Audio | ArrayLike,
    sample_rate: int | None = None,
    *,
    layout: str | Format | None = None,
    source: str = "",
    variant: str = "fast",
    weights: str | Path = "",
) -> Style:
    """Take the style from music in five channels.

    Parameters
    ----------
    audio : path, Audio or array_like of float, shape (channels, samples)
        Half a second at least. A file says itself what its channels are. If it is longer than the
        model hears at once, its parts count by their energy.
    sample_rate : int
        Hz, any; a file and an `Audio` have their own.
    layout : str, Layout or AmbisonicFormat
        What the channels are: "5.0", the default of arrays; "5.1", whose LFE is left out;
        "paper5"; anything else of five loudspeakers or more, or Ambisonics, is rendered to 5.0.
    source : str
        What it is called, for people.
    variant : {"fast", "paper"}
        Which of the shipped models.
    weights : str or Path
        File of weights to use instead.

    Returns
    -------
    Style

    Raises
    ------
    StyleError
        If the audio is too short or silent, or has too few loudspeakers.
    ShapeError, SignalError, LayoutError, OptionError
        If it is no audio of that layout.
    WeightsError
        If there are no such weights.
    """
    model = _model(variant, weights)
    if isinstance(audio, (str, Path)):
        return _encode_file(model, Path(audio), source)
    if isinstance(audio, Audio):
        layout = audio.format if layout is None else layout
        if layout is None:
            raise StyleError(f"{_LAYOUT_UNKNOWN}: pass layout=")
        samples, sample_rate = audio.samples, audio.sample_rate
    else:
        samples = np.asarray(audio)
        if sample_rate is None:
            raise StyleError("an array does not say its sample rate: pass sample_rate=")
    return _encode_array(model, samples, sample_rate, "5.0" if layout is None else layout, source)


def random_style(seed: int = 0, *, variant: str = "fast", weights: str | Path = "") -> Style:
    """Draw a style as they are found in music.

    The fast model's is drawn from the posterior of stems in random directions: the standard normal
    distribution, which is the prior, has styles between those, less decided than any music. That
    of the paper is drawn from the prior, as the paper does.

    Parameters
    ----------
    seed : int
        The same seed gives the same style.
    variant, weights
        Which model, as in `encode_style`.
    """
    return _drawn(_model(variant, weights), seed)


def directions_style(
    directions: Mapping[str, float | Sequence[float]],
    *,
    variant: str = "fast",
    weights: str | Path = "",
) -> Style:
    """Style in which instruments stand where they are told to.

    The fast model is told where they stand; for the paper's, stems of the bundled song are panned
    there in 5.0, and encoded.

    Parameters
    ----------
    directions : mapping
        Azimuth in degrees of "vocals", "drums", "bass" and "other", or several, which share the
        stem's power. Stems left out stand as in an ordinary mix: vocals and bass ahead, drums and
        other at 30 degrees on both sides.
    variant, weights
        Which model, as in `encode_style`.

    Raises
    ------
    OptionError
        If a stem is unknown, or has no direction.
    DirectionError
        If a direction is no finite number.
    """
    return _directed(_model(variant, weights), directions)


def style_directions(
    style: Style, *, variant: str = "fast", weights: str | Path = ""
) -> dict[str, StemPlace]:
    """Say what a style does: where it puts each stem.

    The fast model knows; that of the paper is tried on the bundled song's stems.

    Parameters
    ----------
    style : Style
    variant, weights
        The model that made it, as in `encode_style`.

    Raises
    ------
    StyleError
        If other weights made it.
    """
    if not isinstance(style, Style):
        raise StyleError(f"a Style is asked what it does, got {type(style).__name__}")
    model = _model(variant, weights)
    gains = model.stem_gains(latent_of(style, model), lambda: _reference(model.sample_rate))
    layout = get_layout("5.0")
    angles = np.deg2rad(layout.azimuth)
    places = {}
    for stem, of_stem in zip(STEMS, gains.astype(float), strict=True):
        x, y = np.square(of_stem) @ np.cos(angles), np.square(of_stem) @ np.sin(angles)
        length = float(np.hypot(x, y))
        azimuth = float(np.rad2deg(np.arctan2(y, x))) if length > LEAST_LENGTH else np.nan
        by_label = dict(zip(layout.labels, of_stem.tolist(), strict=True))
        places[stem] = StemPlace(azimuth, length, by_label)
    return places


def parse_directions(text: str) -> dict[str, list[float]]:
    """Directions as the shell writes them.

    Examples
    --------
    >>> parse_directions("vocals:0,drums:110/-110")
    {'vocals': [0.0], 'drums': [110.0, -110.0]}
    """
    found: dict[str, list[float]] = {}
    for part in text.split(","):
        stem, colon, angles = part.partition(":")
        try:
            if not colon or stem.strip() in found:
                raise ValueError
            found[stem.strip()] = [float(angle) for angle in angles.split("/")]
        except ValueError:
            raise OptionError(
                "directions must be stems with degrees, such as vocals:0,drums:110/-110, "
                f"each stem once, got {text!r}"
            ) from None
    return found


# For the upmixer.


def as_style(given: Any, model: StyleModel, seed: int = 0) -> Style:
    """Style of a model that ``given`` stands for, as the option ``style`` of the upmixer."""
    if isinstance(given, Mapping):
        return _directed(model, given)
    if isinstance(given, Audio):
        if given.format is None:
            raise StyleError(f"{_LAYOUT_UNKNOWN}: pass (samples, sample_rate, layout)")
        return _encode_array(model, given.samples, given.sample_rate, given.format, "")
    if isinstance(given, tuple) and len(given) in (2, 3):
        audio, sample_rate, layout = (*given, "5.0")[:3]
        return _encode_array(model, audio, sample_rate, layout, "")
    if isinstance(given, Style):
        style = given
    elif not isinstance(given, (str, Path)):
        raise OptionError(
            "style must be a file of music in five channels or of a style (.json), 'random', "
            "'band', a Style, an Audio, (samples, sample_rate, layout) or directions of stems, "
            f"got {type(given).__name__}"
        )
    elif not str(given):
        raise OptionError("style is empty: name a file, or 'random' or 'band'")
    elif given == "band":
        return _directed(model, BAND)
    elif given == "random":
        return _drawn(model, seed)
    elif str(given).startswith("{"):
        style = Style.from_json(str(given))
    elif str(given).lower().endswith(".json"):
        style = Style.load(given)
    else:
        return _encode_file(model, Path(given), "")
    latent_of(style, model)
    return style


def latent_of(style: Style, model: StyleModel) -> NDArray[np.float32]:
    """The latent of a style, (latent_size,), if ``model`` made it."""
    if style.weights != model.sha256 or len(style.mean) != model.latent_size:
        raise StyleError(
            f"the style was made by {style.model} with weights {style.weights[:8] or '?'}..., not "
            f"by this {model.name} with {model.sha256[:8]}...: take it from its music again"
        )
    return np.array(style.mean, np.float32)


_LAYOUT_UNKNOWN = "the file of the audio does not say what its channels are"


def _model(variant: str, weights: str | Path) -> StyleModel:
    if missing := missing_packages():
        raise StyleError(f"a style {missing}")
    from spatialkit_models.style_vae.inference import load_style_model

    return load_style_model(variant, weights)


def _style(model: StyleModel, mean: Any, log_variance: Any, source: str) -> Style:
    return Style(
        mean=tuple(map(float, mean)),
        log_variance=tuple(map(float, log_variance)),
        model=model.name,
        weights=model.sha256,
        source=source,
    )


def _drawn(model: StyleModel, seed: int) -> Style:
    rng = np.random.default_rng(as_count(seed, "seed", minimum=0))
    drawn = rng.standard_normal(model.latent_size)
    if model.knows_stems:
        gains = vbap_gains(rng.uniform(-180.0, 180.0, len(STEMS)))
        mean, log_variance = model.encode_stems(lambda: _reference(model.sample_rate), gains)
        drawn = mean + np.exp(0.5 * log_variance) * drawn
    return _style(model, drawn, np.full(model.latent_size, DRAWN), f"random, seed {seed}")


def _directed(model: StyleModel, directions: Mapping[str, Any]) -> Style:
    angles = {}
    for stem, given in directions.items():
        stem = as_choice(stem, "stem", STEMS)
        angles[stem] = np.atleast_1d(as_angles(given, f"direction of {stem}"))
        if angles[stem].ndim != 1 or not angles[stem].size:
            raise OptionError(f"direction of {stem} must be degrees or a list of them")
    gains = np.stack([vbap_gains(angles.get(stem, ORDINARY[stem])).sum(0) for stem in STEMS])
    gains /= np.linalg.norm(gains, axis=1, keepdims=True)
    said = ",".join(f"{stem}:{'/'.join(f'{a:g}' for a in angles[stem])}" for stem in angles)
    style = model.encode_stems(lambda: _reference(model.sample_rate), gains)
    return _style(model, *style, said)


@cache
def _reference(sample_rate: int) -> NDArray[np.float32]:
    """Stems of the bundled song, (stems, samples), equally loud."""
    stems = []
    for stem in STEMS:
        song = read(sample_path(stem), sample_rate=sample_rate)
        start = REFERENCE_STARTS[stem] * sample_rate
        mono = song.samples[:, start : start + REFERENCE_SECONDS * sample_rate].mean(0)
        stems.append(mono * (REFERENCE_RMS / np.sqrt(np.mean(np.square(mono)))))
    return np.stack(stems)


def _encode_array(
    model: StyleModel, audio: Any, sample_rate: Any, layout: Any, source: str
) -> Style:
    form, rate = get_format(layout), as_count(sample_rate, "sample_rate")
    samples = as_audio(audio, channels=form.n_channels, of=f"layout {form.name!r}")
    if samples.ndim != 2:
        raise ShapeError(f"audio must have shape (channels, samples), got {samples.shape}")
    require_finite(samples)
    size = model.seconds * rate
    parts = (samples[:, start : start + size] for start in range(0, samples.shape[1], size))
    return _encoded(model, parts, rate, form, source)


def _encode_file(model: StyleModel, path: Path, source: str) -> Style:
    try:
        return _encode_stream(model, path, source or path.name)
    except StyleError as error:
        raise StyleError(f"{path}: {error}") from error


def _encode_stream(model: StyleModel, path: Path, source: str) -> Style:
    with stream(path) as song:
        if song.format is None:
            raise StyleError(
                "it does not say what its channels are: write it anew with a channel mask "
                "(spatialkit.write(..., format='5.0')), or pass (samples, sample_rate, layout)"
            )
        rate, form = song.sample_rate, song.format
    with stream(path, block=model.seconds * rate) as song:
        return _encoded(model, song, rate, form, source)


def _encoded(
    model: StyleModel, parts: Iterable[NDArray[Any]], rate: int, form: Format, source: str
) -> Style:
    """Style of audio that comes in parts of what the model hears at once; they count by energy."""
    if isinstance(form, Layout) and np.sum(~form.is_lfe) < 5:
        raise StyleError(f"a style needs at least five loudspeakers, {form.name!r} has fewer")
    matrix = render_matrix(form, "5.0")
    means, variances, energies, heard = [], [], [], 0
    for part in parts:
        heard += part.shape[1]
        five = resample(matrix.astype(part.dtype) @ part, rate, model.sample_rate)
        energy = float(np.square(five, dtype=np.float64).sum())
        long_enough = part.shape[1] >= LEAST_SECONDS * rate
        if long_enough and energy > SILENCE**2 * five.size:
            mean, log_variance = model.encode(five)
            means.append(mean)
            variances.append(np.exp(log_variance))
            energies.append(energy)
    if heard < LEAST_SECONDS * rate:
        raise StyleError(
            f"a style is taken from {LEAST_SECONDS:g} s of music at least, got {heard / rate:.2g} s"
        )
    if not energies:
        raise StyleError("there is no style in silence")
    mean = np.average(means, axis=0, weights=energies)
    variance = np.average(variances, axis=0, weights=energies)
    return _style(model, mean, np.log(variance), source)
