"""Errors of the correlation between channels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit import auditory
from spatialkit.audio import AudioLike
from spatialkit.metrics.inputs import (
    as_pair,
    as_rate,
    require_channel_pairs,
    unpack_pair,
)
from spatialkit.metrics.kernels import channel_products
from spatialkit.metrics.paired_spectra import FRAMES_PER_BLOCK, PairedSpectra
from spatialkit.validation import as_number

__all__ = ["CORRELATION_FRAMES", "CORRELATION_SECONDS", "correlation_error"]

CORRELATION_SECONDS = 0.02
"""Length of a transform of `correlation_error`: rounded to a power of two, 1024 at 48 kHz."""

CORRELATION_FRAMES = FRAMES_PER_BLOCK
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
    floor_db = as_number(floor_db, "floor_db", maximum=0.0)
    n_fft = correlation_size(hertz)
    result = np.full(first.shape[:-2], np.nan)
    for item in np.ndindex(result.shape):
        spectra = PairedSpectra(first[item], second[item], n_fft, n_fft // 4)
        metric = CorrelationError(spectra, hertz, floor_db)
        result[item] = spectra.measure(metric)["correlation_error"]
    return result[()]


def correlation_size(sample_rate: int) -> int:
    """Return the size of a transform of `correlation_error`; the hop is a quarter of it."""
    return 1 << round(np.log2(CORRELATION_SECONDS * sample_rate))


class CorrelationError:
    """`correlation_error` of one item.

    Parameters
    ----------
    spectra : PairedSpectra
        Spectra of at least two channels, of equal length, of the size `correlation_size`.
    sample_rate : int
        Hz.
    floor_db : float
        As for `correlation_error`.
    """

    def __init__(self, spectra: PairedSpectra, sample_rate: int, floor_db: float = -60.0) -> None:
        self._starts, _ = auditory.erb_bands(sample_rate, correlation_size(sample_rate))
        self._floor = 10.0 ** (floor_db / 10.0)
        self.double = not MIN_PEAK < spectra.peak < MAX_PEAK
        pairs = np.triu_indices(spectra.channels)
        self._powers = np.flatnonzero(pairs[0] == pairs[1])
        self._cross = np.flatnonzero(pairs[0] != pairs[1])
        self._sums = np.empty((len(pairs[0]), spectra.bins))
        # Of the sections of each signal, (pairs, bands).
        self._products: tuple[list[NDArray[Any]], list[NDArray[Any]]] = ([], [])

    def add(self, reference: NDArray[Any], estimate: NDArray[Any]) -> None:
        """Add the next blocks (channels, frames, bins)."""
        for products, spectrum in zip(self._products, (reference, estimate), strict=True):
            channel_products(spectrum, self._sums)
            products.append(auditory.sum_bands(self._sums, self._starts))

    def results(self) -> dict[str, float]:
        """Return the value, NaN where no two channels are above the floor in the same band."""
        products = [np.stack(each, axis=1) for each in self._products]
        powers = [each[self._powers] for each in products]
        minimum = self._floor * powers[0].max(initial=0.0)
        audible = [(each > minimum) & (each > 0.0) for each in powers]
        i, j = np.triu_indices(len(self._powers), 1)
        correlations = []
        for product, power, sounds in zip(products, powers, audible, strict=True):
            scale = np.sqrt(power[i]) * np.sqrt(power[j])
            found, both = np.zeros(scale.shape), sounds[i] & sounds[j]
            correlations.append(np.divide(product[self._cross], scale, out=found, where=both))
        errors = np.abs(correlations[0] - correlations[1])[audible[0][i] & audible[0][j]]
        return {"correlation_error": float(errors.mean()) if errors.size else np.nan}
