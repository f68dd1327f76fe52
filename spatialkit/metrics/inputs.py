"""Functions that the metrics share: validation, blocks in float64, division."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import Audio, AudioLike, require_equal_rates, unpack_audio
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError
from spatialkit.layouts import AmbisonicFormat, Format, Layout, get_format, get_layout
from spatialkit.metrics.kernels import add_products
from spatialkit.validation import (
    MAX_SAMPLE_RATE,
    as_array,
    as_audio,
    as_sample_rate,
    require_finite,
)

# Values converted to float64 at a time: no metric makes a second copy of a long signal.
VALUES_PER_BLOCK = 1 << 18
# Samples whose products are summed at a time.
SAMPLES_PER_BLOCK = 1 << 18
# Smallest peak, and reciprocal of the largest, of signals that need no scaling: those in float64
# are squared and summed, those in float32 transformed.
MIN_PEAKS = {np.dtype(np.float32): 1e-30, np.dtype(np.float64): 1e-100}
# Smallest energy, and reciprocal of the largest, of signals that certainly need none.
MIN_ENERGY = 1e-180


def unpack_pair(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    *,
    layout: str | Format | None = None,
    sample_rate: float | None = None,
) -> tuple[ArrayLike, ArrayLike, Format | None, float | None]:
    """Return samples of both signals, their format and sample rate; an `Audio` specifies both."""
    require_equal_rates(reference, estimate, "reference and estimate")
    if isinstance(reference, Audio) and isinstance(estimate, Audio):
        formats = [audio.format for audio in (reference, estimate) if audio.format is not None]
        if len(formats) == 2 and formats[0] != formats[1]:
            raise LayoutError(
                f"reference and estimate must have the same format, got {formats[0].name!r} and "
                f"{formats[1].name!r}; render one to the format of the other"
            )
    first, sample_rate, layout = unpack_audio(
        reference, sample_rate=sample_rate, format=layout, name="reference", format_name="layout"
    )
    second, sample_rate, layout = unpack_audio(
        estimate, sample_rate=sample_rate, format=layout, name="estimate", format_name="layout"
    )
    return first, second, None if layout is None else get_format(layout), sample_rate


def unpack_signal(
    audio: AudioLike[Any],
    layout: str | Format | None,
    sample_rate: float | None = None,
    name: str = "audio",
) -> tuple[ArrayLike, str | Format | None, float | None]:
    """Return samples, format and sample rate of one signal."""
    samples, sample_rate, layout = unpack_audio(
        audio, sample_rate=sample_rate, format=layout, name=name, format_name="layout"
    )
    return samples, layout, sample_rate


def as_loudspeaker_layout(layout: str | Format | None) -> Layout:
    """Return a required layout; reject Ambisonics."""
    if layout is None:
        raise LayoutError("layout is missing; specify it, or pass an Audio with a format")
    if isinstance(layout, AmbisonicFormat):
        raise LayoutError(
            f"layout must be a loudspeaker layout, got {layout.name!r}; render the audio first"
        )
    return get_layout(layout)


def as_rate(sample_rate: float | None, minimum: int) -> int:
    """Return a required sample rate in Hz."""
    if sample_rate is None:
        raise OptionError("sample_rate is missing; specify it in Hz, or pass an Audio")
    return as_sample_rate(sample_rate, minimum=minimum, maximum=MAX_SAMPLE_RATE)


def is_file_signal(audio: Any) -> bool:
    """Return whether audio is a `FileSignal`: finite samples that are read when they are sliced."""
    return not isinstance(audio, np.ndarray) and hasattr(audio, "peak")


def as_signal(
    audio: Any,
    name: str = "audio",
    *,
    layout: Layout | AmbisonicFormat | None = None,
    allow_mono: bool = False,
) -> NDArray[Any]:
    """Return audio as finite floating-point samples with the channels of ``layout``."""
    channels = layout.n_channels if layout else None
    of = f"layout {layout.name!r}" if layout else ""
    if is_file_signal(audio):
        as_audio(audio[:, :0], name, channels=channels or len(audio), of=of)
        return audio
    return require_finite(
        as_audio(audio, name, channels=channels, of=of, allow_mono=allow_mono), name
    )


def as_pair(
    reference: ArrayLike,
    estimate: ArrayLike,
    *,
    allow_mono: bool = False,
    layout: Layout | AmbisonicFormat | None = None,
    same_length: bool = True,
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both signals; their shapes are equal, except for the length if not ``same_length``."""
    first = as_signal(reference, "reference", layout=layout, allow_mono=allow_mono)
    second = as_signal(estimate, "estimate", layout=layout, allow_mono=allow_mono)
    _require_equal_shapes(first, second, same_length)
    return _in_range(first, second)


def as_products(
    reference: ArrayLike, estimate: ArrayLike
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Return both signals, as `as_pair` does, and the sums of products (4, ...) of each channel.

    The sums are :math:`|s|^2`, :math:`<s, e>`, :math:`|e|^2` and :math:`|s - e|^2`. They contain
    NaN or infinity if a sample does: the samples are read once.
    """
    if is_file_signal(reference) or is_file_signal(estimate):
        first, second = as_pair(reference, estimate)
        return first, second, products(first, second, np.ones(first.shape[:-1]))
    first = as_audio(reference, "reference", allow_mono=True)
    second = as_audio(estimate, "estimate", allow_mono=True)
    _require_equal_shapes(first, second)
    sums = products(first, second, np.ones(first.shape[:-1]))
    if not MIN_ENERGY < sums.max(initial=0.0) < 1.0 / MIN_ENERGY:  # or NaN
        first, second = as_pair(first, second, allow_mono=True)
        sums = products(first, second, np.ones(first.shape[:-1]))
    return first, second, sums


def products(
    first: NDArray[Any], second: NDArray[Any], gains: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the sums (4, ...) of `add_products` of signals (..., samples), for gains (...)."""
    sums = np.zeros((4, *first.shape[:-1]))
    if first.ndim == 1:
        add_products(first[None], second[None], gains[None], sums[:, None])
        return sums
    for item in np.ndindex(first.shape[:-2]):
        for start in range(0, first.shape[-1], SAMPLES_PER_BLOCK):
            part = slice(start, start + SAMPLES_PER_BLOCK)
            add_products(
                *(first[item][:, part], second[item][:, part], gains[item]),
                sums[(slice(None), *item)],
            )
    return sums


def _require_equal_shapes(
    first: NDArray[Any], second: NDArray[Any], same_length: bool = True
) -> None:
    if first.shape[:-1] != second.shape[:-1] or (same_length and first.shape != second.shape):
        wanted = "the same shape" if same_length else "the same shape except for the last axis"
        raise ShapeError(
            f"reference and estimate must have {wanted}, got {first.shape} and {second.shape}"
        )


def peak_of(signal: Any) -> float:
    """Return the largest magnitude of a signal."""
    if is_file_signal(signal):
        return signal.peak
    return float(max(signal.max(initial=0.0), -signal.min(initial=0.0)))


def _in_range(first: NDArray[Any], second: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both signals times a power of two if their squares or sums may exceed their range."""
    if not (first.size and second.size):
        return first, second
    peak = max(peak_of(each) for each in (first, second))
    minimum = MIN_PEAKS[np.result_type(first.dtype, second.dtype)]
    if not peak or minimum < peak < 1.0 / minimum:
        return first, second
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    scale = -math.frexp(peak)[1]
    return np.ldexp(first, scale), np.ldexp(second, scale)


def as_spectrum(spectrum: ArrayLike, *, min_channels: int = 1) -> NDArray[Any]:
    """Return a spectrum as finite complex numbers (..., channels, bins, frames)."""
    array = as_array(spectrum, "spectrum", SignalError)
    if not np.iscomplexobj(array):
        raise SignalError(
            f"spectrum must be complex, got {array.dtype}; pass the result of spatialkit.stft"
        )
    if array.ndim < 3 or array.shape[-3] < min_channels:
        raise ShapeError(
            f"spectrum must have shape (..., channels, bins, frames) with at least "
            f"{min_channels} channels, got {array.shape}"
        )
    return require_finite(array, "spectrum")


def channel_energies(signals: NDArray[Any]) -> NDArray[np.float64]:
    """Return the sums of squares (...) of signals (..., samples)."""
    return products(signals, signals, np.ones(signals.shape[:-1]))[0]


def in_blocks(*arrays: NDArray[Any]) -> Iterator[tuple[NDArray[np.float64], ...]]:
    """Yield successive blocks of arrays (..., samples) of equal length, in float64."""
    rows = max(math.prod(array.shape[:-1]) for array in arrays)
    step = max(VALUES_PER_BLOCK // max(rows, 1), 1)
    for start in range(0, arrays[0].shape[-1], step):
        # In one memory order, so that sums of equal signals are equal to the bit.
        blocks = (array[..., start : start + step] for array in arrays)
        yield tuple(block.astype(np.float64, order="C") for block in blocks)


def divide(vectors: NDArray[np.float64], total: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``vectors`` (..., n) divided by ``total`` (...), NaN where that is zero."""
    result = np.full(vectors.shape, np.nan)
    return np.divide(vectors, total[..., None], out=result, where=total[..., None] > 0.0)


def mean_of_known(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean (...) of the values (..., n) that are not NaN, NaN if there are none."""
    known = ~np.isnan(values)
    count = np.count_nonzero(known, axis=-1)
    total = np.sum(values, axis=-1, where=known)
    mean = np.full(np.shape(total), np.nan)
    return np.divide(total, count, out=mean, where=count > 0)[()]


def require_channel_pairs(audio: NDArray[Any]) -> None:
    """Raise a ShapeError if audio (..., channels, samples) has fewer than two channels."""
    if audio.shape[-2] < 2:
        raise ShapeError(
            "reference and estimate must have at least 2 channels, (..., channels, samples), "
            f"got {audio.shape}"
        )
