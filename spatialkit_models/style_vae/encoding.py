"""Encoding of five-channel music into a style."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.audio import Audio, AudioLike, unpack_audio
from spatialkit.downmix import downmix
from spatialkit.errors import ShapeError, SpatialkitWarning
from spatialkit.files import resample, stream
from spatialkit.layouts import AmbisonicFormat, Layout, get_format
from spatialkit.rendering import render_matrix
from spatialkit.validation import as_audio, as_sample_rate, require_finite
from spatialkit_models.separation import separate_all
from spatialkit_models.stem_names import STEMS
from spatialkit_models.style_vae.example import Segment
from spatialkit_models.style_vae.stem_hints import NO_HINTS, StemHints
from spatialkit_models.style_vae.style import Style, StyleError, model_of, new_style

if TYPE_CHECKING:
    from spatialkit_models.style_vae.inference import StyleModel

    Format = Layout | AmbisonicFormat

__all__ = ["encode_array", "encode_audio", "encode_file", "encode_style"]

MIN_SECONDS = 0.5
SILENCE = 1e-6  # RMS
# Ratio of the likelihood of two stems in exchanged places to that in their own, above which a
# warning is issued.
EXCHANGE_RATIO = 0.9


def encode_style(
    audio: str | Path | AudioLike[Any],
    sample_rate: int | None = None,
    *,
    layout: str | Format | None = None,
    source: str = "",
    stems: Any = "",
    separator: Any = "",
    names: str | Mapping[str, Any] = "",
    variant: str = "fast",
    weights: str | Path = "",
) -> Style:
    """Encode the style of five-channel music.

    Parameters
    ----------
    audio : path, Audio or array_like of float, shape (channels, samples)
        At least half a second. One place is found for each stem in the whole of it.
    sample_rate : int
        Sample rate of an array in Hz; a file and an `Audio` contain their own.
    layout : str, Layout or AmbisonicFormat
        Format of an array, "5.0" by default, or of an `Audio` without a format. The LFE channel
        of "5.1" is ignored; other layouts of five loudspeakers or more, and Ambisonics, are
        rendered to 5.0.
    source : str
        Description of the origin; the name of a file by default.
    stems : str, Path or mapping
        Folder of the stems of the stereo downmix of the music (method "sum"), or files by stem.
        They tell which sound is which stem; by default the network does.
    separator : str or Separator
        Separator of the downmix, instead of stems.
    names : str or mapping
        Azimuths in degrees near which stems are, in the notation of `parse_directions` or as in
        `directions_style`, where the network cannot tell them apart: "vocals:0,other:110".
    variant : {"fast", "paper"}
        Variant of the shipped model; the paper's network has no stems, for which the three above
        are refused.
    weights : str or Path
        File of weights that replaces the bundled ones.

    Returns
    -------
    Style

    Warns
    -----
    SpatialkitWarning
        If two stems could be exchanged: the masks do not tell which of their places is whose.

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
    hints = StemHints.of(stems, separator, names, has_stems=model.has_stem_masks)
    if isinstance(audio, (str, Path)):
        return encode_file(model, audio, hints, source)
    samples, rate, form = unpack_audio(
        audio, sample_rate=sample_rate, format=layout, format_name="layout"
    )
    if isinstance(audio, Audio):
        form = None if form is None else get_format(form)
        return encode_audio(model, Audio(samples, audio.sample_rate, form), hints, source)
    if rate is None:
        raise StyleError("an array has no sample rate: pass sample_rate=")
    return encode_array(model, samples, rate, "5.0" if form is None else form, hints, source)


def encode_file(
    model: StyleModel, path: str | Path, hints: StemHints = NO_HINTS, source: str = ""
) -> Style:
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
            return _encode_segments(model, music, rate, form, hints, source or Path(path).name)
    except StyleError as error:
        raise StyleError(f"{path}: {error}") from error


def encode_audio(
    model: StyleModel, audio: Audio[Any], hints: StemHints = NO_HINTS, source: str = ""
) -> Style:
    """Encode an `Audio` with a format."""
    if audio.format is None:
        raise StyleError(
            "the format of the audio is unknown: pass layout=, or to the upmixer "
            "(samples, sample_rate, layout)"
        )
    return encode_array(model, audio.samples, audio.sample_rate, audio.format, hints, source)


def encode_array(
    model: StyleModel,
    audio: Any,
    sample_rate: Any,
    layout: Any = "5.0",
    hints: StemHints = NO_HINTS,
    source: str = "",
) -> Style:
    """Encode samples (channels, samples) of a layout."""
    form, rate = get_format(layout), as_sample_rate(sample_rate)
    samples = as_audio(audio, channels=form.n_channels, of=f"layout {form.name!r}")
    if samples.ndim != 2:
        raise ShapeError(f"audio must have shape (channels, samples), got {samples.shape}")
    require_finite(samples)
    size = model.seconds * rate
    segments = (samples[:, start : start + size] for start in range(0, samples.shape[1], size))
    return _encode_segments(model, segments, rate, form, hints, source)


def _encode_segments(
    model: StyleModel,
    segments: Iterable[NDArray[Any]],
    rate: int,
    form: Format,
    hints: StemHints,
    source: str,
) -> Style:
    """Encode the segments of an example that are neither silent nor too short."""
    if isinstance(form, Layout) and np.sum(~form.is_lfe) < 5:
        raise StyleError(f"a style needs at least five loudspeakers, {form.name!r} has fewer")
    matrix = render_matrix(form, "5.0")
    samples = 0

    def audible() -> Iterator[Segment]:
        nonlocal samples
        for segment in segments:
            start, samples = samples, samples + segment.shape[1]
            five = matrix.astype(segment.dtype) @ segment
            energy = float(np.square(five, dtype=np.float64).sum())
            if segment.shape[1] < MIN_SECONDS * rate or energy <= SILENCE**2 * five.size:
                continue
            stems = None
            if hints.separator:
                stereo = downmix(five, "5.0", "stereo", method="sum")
                separated = separate_all(hints.separator, stereo, rate, start)
                stems = np.stack([resample(stem, rate, model.sample_rate) for stem in separated])
            yield Segment(resample(five, rate, model.sample_rate), stems)

    found = audible()
    first = next(found, None)
    code = None if first is None else model.encode_example(chain([first], found), hints.named)
    if samples < MIN_SECONDS * rate:
        raise StyleError(
            f"a style needs at least {MIN_SECONDS:g} s of music, got {samples / rate:.2g} s"
        )
    if code is None:
        raise StyleError("the audio is silent: a style cannot be encoded from silence")
    if hints.separator:
        hints.separator.check_song(samples, rate)
    confidence = () if code.likelihood is None else np.diagonal(code.likelihood)
    if code.likelihood is not None and hints.separator is None and hints.named is None:
        _warn_of_exchange(code.likelihood)
    return new_style(model, code.mean, code.log_variance, source, confidence)


def _warn_of_exchange(likelihood: NDArray[np.float32]) -> None:
    """Warn if the masks fit two stems in exchanged places nearly as well."""
    for first, second in combinations(range(len(STEMS)), 2):
        kept = likelihood[first, first] + likelihood[second, second]
        exchanged = likelihood[first, second] + likelihood[second, first]
        if exchanged > EXCHANGE_RATIO * kept:
            one, other = STEMS[first], STEMS[second]
            warnings.warn(
                f"{one} and {other} of the example could be exchanged: listen to the upmix, and if "
                f"they are, name the place of one of them (option names, {one}:<azimuth>) or give "
                "the stems of the example (option style_stems)",
                SpatialkitWarning,
                stacklevel=2,
            )
