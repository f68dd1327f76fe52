"""Encoding of five-channel music into a style."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio, AudioLike, unpack_audio
from spatialkit.errors import ShapeError
from spatialkit.files import resample, stream
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.rendering import render_matrix
from spatialkit.validation import as_audio, as_sample_rate, require_finite
from spatialkit_models.style_vae.style import Style, StyleError, model_of, new_style

if TYPE_CHECKING:
    from spatialkit_models.style_vae.inference import StyleModel

    Format = Layout | AmbisonicFormat

__all__ = ["encode_array", "encode_audio", "encode_file", "encode_style"]

MIN_SECONDS = 0.5
SILENCE = 1e-6  # RMS


def encode_style(
    audio: str | Path | AudioLike[Any],
    sample_rate: int | None = None,
    *,
    layout: str | Format | None = None,
    source: str = "",
    variant: str = "fast",
    weights: str | Path = "",
) -> Style:
    """Encode the style of five-channel music.

    Parameters
    ----------
    audio : path, Audio or array_like of float, shape (channels, samples)
        At least half a second. Audio longer than the model's input is encoded in segments, whose
        styles are averaged with their energies as weights.
    sample_rate : int
        Sample rate of an array in Hz; a file and an `Audio` contain their own.
    layout : str, Layout or AmbisonicFormat
        Format of an array, "5.0" by default, or of an `Audio` without a format. The LFE channel
        of "5.1" is ignored; other layouts of five loudspeakers or more, and Ambisonics, are
        rendered to 5.0.
    source : str
        Description of the origin; the name of a file by default.
    variant : {"fast", "paper"}
        Variant of the shipped model.
    weights : str or Path
        File of weights that replaces the bundled ones.

    Returns
    -------
    Style

    Raises
    ------
    StyleError
        If the audio is too short or silent, or has too few loudspeakers.
    ShapeError, SignalError, LayoutError, OptionError
        If the audio does not match the layout.
    WeightsError
        If the weights do not exist or are invalid.
    """
    model = model_of(variant, weights)
    if isinstance(audio, (str, Path)):
        return encode_file(model, audio, source)
    samples, rate, form = unpack_audio(
        audio, sample_rate=sample_rate, format=layout, format_name="layout"
    )
    if isinstance(audio, Audio):
        form = None if form is None else get_format(form)
        return encode_audio(model, Audio(samples, audio.sample_rate, form), source)
    if rate is None:
        raise StyleError("an array has no sample rate: pass sample_rate=")
    return encode_array(model, samples, rate, "5.0" if form is None else form, source)


def encode_file(model: StyleModel, path: str | Path, source: str = "") -> Style:
    """Encode an audio file, block by block."""
    try:
        with stream(path) as music:
            rate, form = music.sample_rate, music.format
        if form is None:
            raise StyleError(
                "the file does not specify its layout; write it again with a channel mask "
                "(spatialkit.write(..., format='5.0')) or pass (samples, sample_rate, layout)"
            )
        with stream(path, block=model.seconds * rate) as music:
            return _encode_segments(model, music, rate, form, source or Path(path).name)
    except StyleError as error:
        raise StyleError(f"{path}: {error}") from error


def encode_audio(model: StyleModel, audio: Audio[Any], source: str = "") -> Style:
    """Encode an `Audio` with a format."""
    if audio.format is None:
        raise StyleError(
            "the format of the audio is unknown: pass layout=, or to the upmixer "
            "(samples, sample_rate, layout)"
        )
    return encode_array(model, audio.samples, audio.sample_rate, audio.format, source)


def encode_array(
    model: StyleModel, audio: Any, sample_rate: Any, layout: Any = "5.0", source: str = ""
) -> Style:
    """Encode samples (channels, samples) of a layout."""
    form, rate = get_format(layout), as_sample_rate(sample_rate)
    samples = as_audio(audio, channels=form.n_channels, of=f"layout {form.name!r}")
    if samples.ndim != 2:
        raise ShapeError(f"audio must have shape (channels, samples), got {samples.shape}")
    require_finite(samples)
    size = model.seconds * rate
    segments = (samples[:, start : start + size] for start in range(0, samples.shape[1], size))
    return _encode_segments(model, segments, rate, form, source)


def _encode_segments(
    model: StyleModel, segments: Iterable[NDArray[Any]], rate: int, form: Format, source: str
) -> Style:
    """Average the styles of segments of the model's input length, weighted by energy."""
    if isinstance(form, Layout) and np.sum(~form.is_lfe) < 5:
        raise StyleError(f"a style needs at least five loudspeakers, {form.name!r} has fewer")
    matrix = render_matrix(form, "5.0")
    means, variances, energies, samples = [], [], [], 0
    for segment in segments:
        samples += segment.shape[1]
        five = resample(matrix.astype(segment.dtype) @ segment, rate, model.sample_rate)
        energy = float(np.square(five, dtype=np.float64).sum())
        long_enough = segment.shape[1] >= MIN_SECONDS * rate
        if long_enough and energy > SILENCE**2 * five.size:
            mean, log_variance = model.encode(five)
            means.append(mean)
            variances.append(np.exp(log_variance))
            energies.append(energy)
    if samples < MIN_SECONDS * rate:
        raise StyleError(
            f"a style needs at least {MIN_SECONDS:g} s of music, got {samples / rate:.2g} s"
        )
    if not energies:
        raise StyleError("the audio is silent: a style cannot be encoded from silence")
    mean = np.average(means, axis=0, weights=energies)
    variance = np.average(variances, axis=0, weights=energies)
    return new_style(model, mean, np.log(variance), source)
