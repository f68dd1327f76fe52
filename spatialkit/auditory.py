"""Bands of hearing, and the time difference between the signals of both ears."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from spatialkit._fourier import irfft

__all__ = [
    "MAX_ITD",
    "erb_bands",
    "interaural_delay",
    "low_frequency_weights",
    "peak_position",
    "sum_bands",
]

MAX_ITD = 1e-3
"""Largest interaural time difference in seconds that is searched."""

# Highest frequency in Hz whose phase determines the time difference.
MAX_PHASE_FREQUENCY = 1500.0
# Values of the correlation per sample; a parabola gives the fraction.
OVERSAMPLING = 2
# Numbers of ERBs below the first and the last band: 55 Hz to 16.9 kHz.
FIRST_BAND, LAST_BAND = 2, 40


def erb_bands(sample_rate: float, n_fft: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return bands one ERB (equivalent rectangular bandwidth) wide, as bins of a transform.

    The bands are from 55 Hz to 16.9 kHz or half the sample rate. Those without a bin are left out.

    Parameters
    ----------
    sample_rate : float
        Hz.
    n_fft : int
        Length of the transform.

    Returns
    -------
    starts : ndarray of int, shape (bands + 1,)
        First bin of each band, and the end of the last one.
    frequencies : ndarray of float64, shape (bands,)
        Centres in Hz.

    References
    ----------
    B. R. Glasberg and B. C. J. Moore, "Derivation of auditory filter shapes from notched-noise
    data", Hearing Research 47, 1990.

    Examples
    --------
    >>> starts, frequencies = erb_bands(48000, 1024)
    >>> starts[:4].tolist(), round(frequencies[-1])
    ([2, 3, 4, 5], 15844)
    """
    edges = (10.0 ** (np.arange(FIRST_BAND, LAST_BAND + 1) / 21.4) - 1.0) / 0.00437
    edges = edges[edges < sample_rate / 2.0]
    starts = np.unique(np.ceil(edges * n_fft / sample_rate).astype(np.intp))
    return starts, (starts[:-1] + starts[1:] - 1) / 2.0 * sample_rate / n_fft


def sum_bands(values: NDArray[np.float64], starts: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the sums (..., bands) of values (..., bins) over each band of `erb_bands`.

    Parameters
    ----------
    values : ndarray of float64, shape (..., bins)
    starts : ndarray of int, shape (bands + 1,)

    Examples
    --------
    >>> sum_bands(np.ones(6), np.array([1, 2, 6]))
    array([1., 4.])
    """
    return np.add.reduceat(values[..., : starts[-1]], starts[:-1], axis=-1)


def low_frequency_weights(sample_rate: float, n_fft: int) -> NDArray[np.float64]:
    """Return weights (bins,) of a cross-spectrum for `interaural_delay`: up to 1.5 kHz.

    Parameters
    ----------
    sample_rate : float
        Hz.
    n_fft : int
        Length of the transform.

    Examples
    --------
    >>> low_frequency_weights(48000, 32)[:3].round(3)
    array([1.  , 0.25, 0.  ])
    """
    frequencies = np.arange(n_fft // 2 + 1, dtype=np.float64) * (sample_rate / n_fft)
    return 1.0 / (1.0 + (frequencies / MAX_PHASE_FREQUENCY) ** 8) ** 2


def interaural_delay(cross: NDArray[np.complex128], sample_rate: float) -> NDArray[np.float64]:
    """Return the delay of the second signal at which two signals correlate best.

    Parameters
    ----------
    cross : ndarray of complex, shape (..., bins)
        Spectrum of the first signal times the conjugate of the second, zero-padded by 1 ms or more.
    sample_rate : float
        Hz.

    Returns
    -------
    ndarray of float64, shape (...)
        Seconds, between -1 and 1 ms; NaN where ``cross`` is zero.

    Examples
    --------
    >>> early, late = np.zeros((2, 256))
    >>> early[10] = late[22] = 1.0
    >>> float(interaural_delay(np.fft.rfft(early) * np.fft.rfft(late).conj(), 48000).round(6))
    0.00025
    """
    n_fft = 2 * (cross.shape[-1] - 1)
    size = OVERSAMPLING * n_fft
    spectrum = np.zeros((*cross.shape[:-1], size // 2 + 1), np.complex128)
    spectrum[..., : cross.shape[-1]] = cross
    correlation = irfft(spectrum, size)
    reach = int(np.ceil(MAX_ITD * OVERSAMPLING * sample_rate)) + 1
    # A later second signal correlates at negative lags, which are at the end.
    lags = np.arange(-reach, reach + 1)
    found = correlation[..., -lags % correlation.shape[-1]]
    delays = (peak_position(found) - reach) / (OVERSAMPLING * sample_rate)
    return np.where(np.abs(cross).max(axis=-1) > 0.0, delays, np.nan)


def peak_position(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the index of the largest value, with the fraction of a parabola.

    The parabola passes through the largest value y0 and its neighbours y-, y+; its vertex is at
    (y- - y+) / 2 / (y- - 2 y0 + y+) from the largest value, limited to half an index.

    Parameters
    ----------
    values : ndarray of float64, shape (..., n)
        At least 3 values. At either end, the parabola is that of the last three.

    Returns
    -------
    ndarray of float64, shape (...)

    Examples
    --------
    >>> float(peak_position(-np.square(np.arange(5) - 2.25)))
    2.25
    """
    peak = np.clip(values.argmax(axis=-1), 1, values.shape[-1] - 2)
    left, top, right = (
        np.take_along_axis(values, (peak + step)[..., None], axis=-1)[..., 0] for step in (-1, 0, 1)
    )
    curvature, slope = left - 2.0 * top + right, 0.5 * (left - right)
    fraction = np.zeros_like(slope)
    np.divide(slope, curvature, out=fraction, where=curvature < 0.0)
    return peak + np.clip(fraction, -0.5, 0.5)
