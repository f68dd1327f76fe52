"""Interaural cues: bands of hearing, time difference and coherence of both ears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit.binaural.responses import frequencies

# Highest frequency in Hz whose phase determines the interaural time difference.
MAX_PHASE_FREQUENCY = 1500.0
# Largest time difference in seconds that is searched.
MAX_ITD = 1e-3
# Values of the correlation per sample; a parabola gives the fraction.
OVERSAMPLING = 8
FIRST_BAND, LAST_BAND = 2, 40


def band_starts(sample_rate: float, n_fft: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the first bins of bands one ERB wide, and their centres in Hz.

    The number of ERBs below a frequency is that of B. R. Glasberg and B. C. J. Moore (Hearing
    Research 47, 1990). Bands are from 2 ERB (55 Hz) to 40 ERB (16.9 kHz) or half the sample rate;
    those without a bin are left out. The last start is the end of the last band.
    """
    edges = (10.0 ** (np.arange(FIRST_BAND, LAST_BAND + 1) / 21.4) - 1.0) / 0.00437
    edges = edges[edges < sample_rate / 2.0]
    starts = np.unique(np.ceil(edges * n_fft / sample_rate).astype(np.intp))
    return starts, (starts[:-1] + starts[1:] - 1) / 2.0 * sample_rate / n_fft


def sum_bands(values: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums (..., bands) of values (..., bins) over each band."""
    return np.add.reduceat(values[..., : starts[-1]], starts[:-1], axis=-1)


def low_pass_power(sample_rate: float, n_fft: int) -> NDArray[np.float64]:
    """Return the weights of the bins of a cross-spectrum for the time difference."""
    ratio = frequencies(n_fft, sample_rate) / MAX_PHASE_FREQUENCY
    return 1.0 / (1.0 + ratio**8) ** 2


def cross_correlation_delay(
    cross: NDArray[np.complex128], sample_rate: float
) -> NDArray[np.float64]:
    """Return the delays (...) in seconds of the second signal at the largest cross-correlation.

    ``cross`` (..., bins) is the spectrum of the first times the conjugate of the second. NaN where
    it is zero.
    """
    n_fft = 2 * (cross.shape[-1] - 1)
    correlation = np.fft.irfft(cross, OVERSAMPLING * n_fft, axis=-1)
    reach = int(np.ceil(MAX_ITD * OVERSAMPLING * sample_rate)) + 1
    # The second signal later than the first: negative lags, from which the order is reversed.
    lags = np.arange(-reach, reach + 1)
    found = correlation[..., -lags % correlation.shape[-1]]
    peak = np.clip(found.argmax(axis=-1), 1, 2 * reach - 1)[..., None]
    left, top, right = (
        np.take_along_axis(found, peak + step, axis=-1)[..., 0] for step in (-1, 0, 1)
    )
    curvature, slope = left - 2.0 * top + right, 0.5 * (left - right)
    fraction = np.zeros_like(slope)
    np.divide(slope, curvature, out=fraction, where=curvature < 0.0)
    delays = (lags[peak[..., 0]] + np.clip(fraction, -0.5, 0.5)) / (OVERSAMPLING * sample_rate)
    return np.where(np.abs(cross).max(axis=-1) > 0.0, delays, np.nan)
