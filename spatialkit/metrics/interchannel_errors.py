"""Errors of the correlation between channels."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit import auditory
from spatialkit.audio import AudioLike
from spatialkit.metrics.inputs import (
    as_pair,
    as_rate,
    peak_of,
    require_channel_pairs,
    unpack_pair,
)
from spatialkit.stft import StreamingSTFT
from spatialkit.validation import as_number

__all__ = ["CORRELATION_FRAMES", "CORRELATION_SECONDS", "correlation_error"]

CORRELATION_SECONDS = 0.02
"""Length of a transform of `correlation_error`: rounded to a power of two, 1024 at 48 kHz."""

CORRELATION_FRAMES = 32
"""Number of transforms, with a hop of a quarter, that are summed: about 0.2 s."""

MIN_RATE = 8000
MIN_PEAK, MAX_PEAK = 1e-9, 1e9


def correlation_error(
    reference: AudioLike[Any],
    estimate: AudioLike[Any],
    sample_rate: float | None = None,
    *,
    floor_db: float = -60.0,
) -> NDArray[np.float64]:
    r"""Calculate the mean absolute error of the interchannel cross-correlation.

    .. math:: \mathrm{mean} |\rho_{ij}(S) - \rho_{ij}(E)|, \quad
        \rho_{ij} = \frac{\mathrm{Re} \sum S_i S_j^*}{\sqrt{\sum |S_i|^2 \sum |S_j|^2}}

    with sums over the bins of a band of one ERB and over 0.2 s: the correlation of the band signals
    at lag 0, which changes with decorrelation, polarity and phase. The mean runs over all pairs of
    channels, bands and sections in which both channels are above the floor in the reference; where
    a channel of the estimate is below it, the correlation of the estimate is 0.

    Parameters
    ----------
    reference, estimate : array_like of float or Audio, shape (..., channels, samples)
        Signals of equal shape with at least two channels. An `Audio` also specifies
        ``sample_rate``.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays.
    floor_db : float
        Power of a band in dB relative to the loudest band of the reference item, at most 0.

    Returns
    -------
    ndarray of float64, shape (...)
        0 to 2, without unit; 0 for equal correlations. NaN where no two channels are above the
        floor in the same band, for a silent reference among others.

    Raises
    ------
    ShapeError
        If the shapes differ, or there are fewer than two channels.
    SignalError, OptionError
        If a sample is NaN or infinite, or another argument is not accepted.

    References
    ----------
    J. Breebaart, S. van de Par, A. Kohlrausch and E. Schuijers, "Parametric coding of stereo
    audio", EURASIP J. Applied Signal Processing 2005(9): the interchannel coherence, here with its
    sign.

    Examples
    --------
    >>> import numpy as np
    >>> noise = np.random.default_rng(0).standard_normal((1, 48000))
    >>> stereo = np.concatenate([noise, noise])
    >>> float(correlation_error(stereo, stereo * [[1.0], [-1.0]], 48000).round(6))
    2.0
    """
    samples, others, _, rate = unpack_pair(reference, estimate, sample_rate=sample_rate)
    hertz = as_rate(rate, MIN_RATE)
    first, second = as_pair(samples, others)
    require_channel_pairs(first)
    floor = 10.0 ** (as_number(floor_db, "floor_db", maximum=0.0) / 10.0)
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        result[item] = _item_error(first[item], second[item], hertz, floor)
    return result[()]


def _item_error(reference: NDArray[Any], estimate: NDArray[Any], rate: int, floor: float) -> float:
    peak = max(peak_of(audio) for audio in (reference, estimate))
    if not MIN_PEAK < peak < MAX_PEAK and peak:  # powers would not be in the range of float32
        reference, estimate = (
            np.asarray(audio, np.float64) / peak for audio in (reference, estimate)
        )
    products = [
        np.stack(list(_band_products(audio, rate))) for audio in (reference, estimate)
    ]  # (sections, bands, channels, channels)
    powers = [np.diagonal(each, axis1=-2, axis2=-1) for each in products]
    minimum = floor * powers[0].max(initial=0.0)
    i, j = np.triu_indices(len(reference), 1)
    audible = [(each > minimum) & (each > 0.0) for each in powers]
    correlations = []
    for product, power, sounds in zip(products, powers, audible, strict=True):
        scale = np.sqrt(power[..., i]) * np.sqrt(power[..., j])
        found = np.zeros(scale.shape)
        both = sounds[..., i] & sounds[..., j]
        correlations.append(np.divide(product[..., i, j], scale, out=found, where=both))
    counted = audible[0][..., i] & audible[0][..., j]
    errors = np.abs(correlations[0] - correlations[1])[counted]
    return float(errors.mean()) if errors.size else np.nan


def _band_products(audio: NDArray[Any], rate: int) -> Iterator[NDArray[np.float64]]:
    """Yield the real parts of the cross-spectra (bands, channels, channels) of each section."""
    n_fft = 1 << round(np.log2(CORRELATION_SECONDS * rate))
    starts, _ = auditory.erb_bands(rate, n_fft)
    transform = StreamingSTFT(n_fft=n_fft, hop=n_fft // 4)
    step = CORRELATION_FRAMES * n_fft // 4
    for start in range(0, max(audio.shape[-1], 1), step):
        spectrum = transform.process(audio[:, start : start + step])
        if start + step >= audio.shape[-1]:
            spectrum = np.concatenate([spectrum, transform.flush()], axis=-1)
        yield _products(spectrum, starts)


def _products(spectrum: NDArray[Any], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    bands = [spectrum[:, low:high].reshape(len(spectrum), -1) for low, high in pairwise(starts)]
    return np.array([(band @ band.conj().T).real for band in bands], np.float64)
