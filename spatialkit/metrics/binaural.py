"""Metrics of signals for both ears: interaural time difference and coherence, and their errors.

Cues are measured in bands of one ERB and frames of 85 ms; those 40 dB below the loudest of the
reference are inaudible beside it and left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit import auditory
from spatialkit._fourier import rfft_frames
from spatialkit.audio import AudioLike
from spatialkit.metrics.inputs import as_rate, as_signal, mean_of_known, unpack_signal

__all__ = ["interaural_coherence", "itd"]

MIN_RATE = 8000
# Length of a frame in seconds, rounded to a power of two: 4096 samples at 48 kHz.
FRAME = 0.085
FRAMES_PER_BLOCK = 64
FLOOR_DB = -40.0
# Lags of the coherence per millisecond, on either side.
LAGS = 48


def itd(binaural: AudioLike[Any], sample_rate: float | None = None) -> NDArray[np.float64]:
    r"""Calculate the interaural time difference (ITD) of the whole signal.

    .. math:: \arg\max_\tau \sum_t l(t) \, r(t + \tau), \quad |\tau| \le 1 \text{ms}

    of both ears below 1.5 kHz, where hearing uses the phase. Bands of one ERB count equally, as
    bass would prevail otherwise, whose phase determines no direction.

    Parameters
    ----------
    binaural : array_like of float or Audio, shape (..., 2, samples)
        Left and right ear. An `Audio` also specifies ``sample_rate``.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays.

    Returns
    -------
    ndarray of float64, shape (...)
        Microseconds, positive if the left ear receives the signal first: for a source at the left.
        NaN if an ear is silent.

    Raises
    ------
    ShapeError, SignalError
        If ``binaural`` does not have two channels, or a sample is NaN or infinite.
    OptionError
        If ``sample_rate`` is not accepted.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal(48000)
    >>> binaural = np.stack([noise, np.roll(noise, 24)])
    >>> float(itd(binaural, 48000).round(1))
    500.0
    """
    signals, rate = as_both_ears(binaural, sample_rate)
    delays = np.empty(signals.shape[:-2])
    for item in np.ndindex(delays.shape):
        cross, power = spectral_sums(signals[item], rate)
        delays[item] = auditory.interaural_delay(balanced(cross, power, rate), rate)
    return (1e6 * delays)[()]


def interaural_coherence(
    binaural: AudioLike[Any], sample_rate: float | None = None, *, per_band: bool = False
) -> NDArray[np.float64]:
    r"""Calculate the interaural coherence in bands of one ERB.

    .. math:: \max_{|\tau| \le 1 \text{ms}}
        \frac{\sum_t l(t) \, r(t + \tau)}{\sqrt{\sum_t l(t)^2 \sum_t r(t)^2}}

    in each band. It is near 1 for one source, and lower for a wide one or in a diffuse field.

    Parameters
    ----------
    binaural : array_like of float or Audio, shape (..., 2, samples)
        Left and right ear. An `Audio` also specifies ``sample_rate``.
    sample_rate : float, optional
        Sample rate in Hz, at least 8000; required for arrays.
    per_band : bool
        Whether the result has one value per band instead of their mean.

    Returns
    -------
    ndarray of float64, shape (...) or (..., bands)
        Up to 1, without unit. The bands are those of `spatialkit.auditory.erb_bands`, 38 at 48 kHz.
        Bands in which an ear is 40 dB below its loudest band are NaN and not part of the mean; all
        are for silence.

    Raises
    ------
    ShapeError, SignalError, OptionError
        As for `itd`.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((2, 480000))
    >>> mixed = np.stack([noise[0], noise[0] + noise[1]])
    >>> float(interaural_coherence(mixed, 48000).round(1))
    0.7
    """
    signals, rate = as_both_ears(binaural, sample_rate)
    lead = signals.shape[:-2]
    found = np.array(
        [band_coherence(*spectral_sums(signals[item], rate), rate) for item in np.ndindex(lead)]
    )
    found = found.reshape(*lead, -1)
    return found if per_band else mean_of_known(found)


def as_both_ears(binaural: AudioLike[Any], sample_rate: float | None) -> tuple[NDArray[Any], int]:
    """Return the signals (..., 2, samples) of both ears, and the sample rate."""
    from spatialkit.layouts import get_layout

    samples, _, sample_rate = unpack_signal(binaural, None, sample_rate, "binaural")
    rate = as_rate(sample_rate, MIN_RATE)
    return as_signal(samples, "binaural", layout=get_layout("stereo")), rate


def frame_spectra(signal: NDArray[Any], rate: int) -> Iterator[NDArray[np.complex128]]:
    """Yield spectra (2, frames, bins) of successive frames, which overlap by half."""
    size = 1 << round(np.log2(FRAME * rate))
    hop = size // 2
    window = np.sin(np.pi * (np.arange(size) + 0.5) / size)  # powers of two frames sum to 1
    frames = -(-signal.shape[1] // hop) + 1
    for start in range(0, frames, FRAMES_PER_BLOCK):
        count = min(FRAMES_PER_BLOCK, frames - start)
        first = (start - 1) * hop
        part = signal[:, max(first, 0) : first + (count + 1) * hop].astype(np.float64)
        before = max(-first, 0)
        part = np.pad(part, ((0, 0), (before, (count + 1) * hop - before - part.shape[1])))
        spectra = np.empty((2, count, size + 1), np.complex128)
        # Padded to twice the length, so that lags do not wrap.
        rfft_frames(part, hop, window, 2 * size, spectra)
        yield spectra


def spectral_sums(
    signal: NDArray[Any], rate: int
) -> tuple[NDArray[np.complex128], NDArray[np.float64]]:
    """Return the cross-spectrum (bins,) and the powers (2, bins) of both ears."""
    cross, power = 0.0, 0.0
    for spectra in frame_spectra(signal, rate):
        cross = cross + np.sum(spectra[0] * spectra[1].conj(), axis=0)
        power = power + np.sum(squared_magnitudes(spectra), axis=1)
    return np.asarray(cross, np.complex128), np.asarray(power, np.float64)


def balanced(
    cross: NDArray[np.complex128], power: NDArray[np.float64], rate: int
) -> NDArray[np.complex128]:
    """Return a cross-spectrum (..., bins) below 1.5 kHz in which all bands count equally."""
    n_fft = 2 * (cross.shape[-1] - 1)
    starts, _ = auditory.erb_bands(rate, n_fft)
    bands = np.sqrt(np.prod(auditory.sum_bands(power, starts), axis=0))
    gains = np.zeros(bands.shape)
    np.divide(1.0, bands, out=gains, where=bands > 0.0)
    inside = slice(starts[0], starts[-1])
    weights = np.repeat(gains, np.diff(starts), axis=-1)
    weights *= auditory.low_frequency_weights(rate, n_fft)[inside]
    balanced = np.zeros_like(cross)
    np.multiply(cross[..., inside], weights, out=balanced[..., inside])
    return balanced


def squared_magnitudes(spectra: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return squared magnitudes."""
    return spectra.real**2 + spectra.imag**2


def band_coherence(
    cross: NDArray[np.complex128], power: NDArray[np.float64], rate: int
) -> NDArray[np.float64]:
    """Return the coherence (bands,) from the cross-spectrum and the powers of both ears."""
    starts, _ = auditory.erb_bands(rate, 2 * (len(cross) - 1))
    bands = auditory.sum_bands(power, starts)
    radians = np.pi * np.arange(len(cross)) / (len(cross) - 1) * rate * auditory.MAX_ITD
    # Lags one by one: a matrix of all of them would take 10 MB.
    best = np.full(len(starts) - 1, -np.inf)
    for lag in np.arange(-LAGS, LAGS + 1) / LAGS:
        shifted = auditory.sum_bands((cross * np.exp(1j * lag * radians)).real, starts)
        best = np.maximum(best, shifted)
    floor = 10.0 ** (FLOOR_DB / 10.0) * bands.max(axis=-1, keepdims=True)
    audible = ((bands > 0.0) & (bands >= floor)).all(axis=0)
    coherence = np.full(len(best), np.nan)
    np.divide(best, np.sqrt(bands[0]) * np.sqrt(bands[1]), out=coherence, where=audible)
    return np.minimum(coherence, 1.0)
