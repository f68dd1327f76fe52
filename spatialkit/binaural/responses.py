"""Impulse responses: minimum phase, arrival times and sample-rate conversion."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

# Level, relative to the largest magnitude of a response, below which a magnitude is replaced: the
# logarithm of zero is not finite.
FLOOR_DB = -200.0
# Responses that are transformed at a time.
BLOCK_SIZE = 256
# Frequency in Hz up to which the phase determines the arrival time.
MAX_FREQUENCY = 3000.0
# Values of the correlation per sample; a parabola gives the fraction.
OVERSAMPLING = 4
# Low-pass filter of the sample-rate conversion: cutoff relative to half of the lower rate, length
# on either side in periods of that rate, and shape of the window.
CUTOFF, HALF_WIDTH, KAISER_BETA = 0.94, 32.0, 7.0


def fft_size(taps: int) -> int:
    """Return the size of the transforms of responses: a power of two, at least twice their length.

    The zeros that are appended receive what fractional shifts and minimum phase move past the end.
    """
    return 1 << max(7, (2 * taps - 1).bit_length())


def frequencies(n_fft: int, sample_rate: float) -> NDArray[np.float64]:
    """Return the frequencies (bins,) in Hz of a real transform."""
    return np.arange(n_fft // 2 + 1, dtype=np.float64) * (sample_rate / n_fft)


def log_magnitude(spectrum: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return the natural logarithm of magnitudes (..., bins), limited from below."""
    magnitude = np.abs(spectrum)
    floor = 10.0 ** (FLOOR_DB / 20.0) * magnitude.max(axis=-1, keepdims=True)
    return np.log(np.maximum(magnitude, np.maximum(floor, np.finfo(np.float64).tiny)))


def minimum_phase(log_magnitudes: NDArray[np.float64]) -> NDArray[np.complex128]:
    """Return the minimum-phase spectra (..., bins) with the given magnitudes.

    The cepstrum of a minimum-phase response is causal (A. V. Oppenheim and R. W. Schafer,
    "Discrete-Time Signal Processing", chapter on the cepstrum): the real cepstrum is folded onto
    positive times.
    """
    cepstrum = np.fft.irfft(log_magnitudes, axis=-1)
    half = cepstrum.shape[-1] // 2
    cepstrum[..., 1:half] *= 2.0
    cepstrum[..., half + 1 :] = 0.0
    return np.exp(np.fft.rfft(cepstrum, axis=-1))


def shifts(samples: NDArray[np.float64], n_fft: int) -> NDArray[np.complex128]:
    """Return the spectra (..., bins) that delay a response by fractional numbers of samples."""
    return np.exp(-2j * np.pi / n_fft * samples[..., None] * np.arange(n_fft // 2 + 1))


def estimate_delays(responses: NDArray[np.float64], sample_rate: float) -> NDArray[np.float64]:
    """Estimate the arrival times (...) in samples of responses (..., taps); 0 for silent ones.

    A response has the delay at which it correlates best with its minimum-phase version (J. Nam,
    J. S. Abel and J. O. Smith, "A Method for Estimating Interaural Time Difference for Binaural
    Synthesis", AES 125, 2008). Only the frequencies at which the ear uses interaural phase count,
    and all of them about equally: the square root of their power (smoothed coherence transform).
    """
    n_fft = fft_size(responses.shape[-1])
    low_pass = 1.0 / (1.0 + (frequencies(n_fft, sample_rate) / MAX_FREQUENCY) ** 8)
    rows = responses.reshape(-1, responses.shape[-1])
    delays = np.empty(len(rows))
    for start in range(0, len(rows), BLOCK_SIZE):
        spectra = np.fft.rfft(rows[start : start + BLOCK_SIZE], n_fft, axis=-1)
        cross = spectra * minimum_phase(log_magnitude(spectra)).conj()
        cross *= low_pass / np.sqrt(np.maximum(np.abs(cross), np.finfo(np.float64).tiny))
        correlation = np.fft.irfft(cross, OVERSAMPLING * n_fft, axis=-1)
        peak = correlation.argmax(axis=-1)
        left, top, right = (
            np.take_along_axis(correlation, (peak + step)[:, None] % correlation.shape[1], axis=1)
            for step in (-1, 0, 1)
        )
        curvature, slope = left - 2.0 * top + right, 0.5 * (left - right)
        fraction = np.zeros_like(slope)
        np.divide(slope, curvature, out=fraction, where=curvature < 0.0)
        # A response has no negative times: they are wrapped to the end.
        half = correlation.shape[1] // 2
        peak = (peak + half) % correlation.shape[1] - half
        delays[start : start + BLOCK_SIZE] = (peak + fraction[:, 0]) / OVERSAMPLING
    return delays.reshape(responses.shape[:-1])


def resample(responses: NDArray[np.float64], rate: int, new_rate: int) -> NDArray[np.float64]:
    """Return responses (..., taps) with the same frequency response at another sample rate.

    The low-pass filter is short, because a long one would begin before the responses: it is flat up
    to 19 kHz for 44.1 and 48 kHz.
    """
    if rate == new_rate:
        return responses
    return responses @ _conversion(responses.shape[-1], rate, new_rate)


@lru_cache(maxsize=16)
def _conversion(taps: int, rate: int, new_rate: int) -> NDArray[np.float64]:
    """Return the matrix (taps, taps of the result) that converts responses to another rate."""
    cutoff = CUTOFF * min(1.0, new_rate / rate)
    times = np.arange(-(-taps * new_rate // rate), dtype=np.float64) * (rate / new_rate)
    kernel = windowed_sinc(times - np.arange(taps)[:, None], cutoff, HALF_WIDTH / cutoff)
    return kernel * (rate / new_rate)


def windowed_sinc(
    times: NDArray[np.float64], cutoff: float, half_width: float
) -> NDArray[np.float64]:
    """Return a low-pass filter at times in samples; its cutoff is relative to half the rate."""
    inside = np.maximum(1.0 - (times / half_width) ** 2, 0.0)
    window = np.where(np.abs(times) < half_width, np.i0(KAISER_BETA * np.sqrt(inside)), 0.0)
    return cutoff * np.sinc(cutoff * times) * window / np.i0(KAISER_BETA)
