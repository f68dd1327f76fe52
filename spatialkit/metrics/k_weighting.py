"""K-weighting of ITU-R BS.1770 at any sample rate."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics.level_kernels import filter_sections

__all__ = ["KWeighting"]

# The two stages of K-weighting as printed in BS.1770, numerator and denominator at 48 kHz: a shelf
# (effect of the head), then a high-pass filter (Annex 1, Tables 1 and 2).
STANDARD_RATE = 48000.0
HEAD_SHELF = (
    (1.53512485958697, -2.69169618940638, 1.19839281085285),
    (1.0, -1.69065929318241, 0.73248077421585),
)
HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
MIN_RATE = 8000
# Below this rate the bilinear transform warps the shelf audibly, and a filter corrects it.
MIN_UNCORRECTED_RATE = 40000.0
CORRECTION_TAPS = 64
CORRECTION_BINS = 4096
# Smaller states become 0 after each block. They have no effect on a sum of squares, but in silence
# they would remain subnormal forever, with which some processors compute slowly.
MIN_STATE = 1e-200


class KWeighting:
    """K-weighting filter of any number of signals, block by block.

    Parameters
    ----------
    sample_rate : float
        Sample rate in Hz.
    """

    def __init__(self, sample_rate: float) -> None:
        self.sections = np.array(
            [section_at_rate(stage, sample_rate) for stage in (HEAD_SHELF, HIGH_PASS)]
        )
        corrected = sample_rate < MIN_UNCORRECTED_RATE
        self.correction = correction(self.sections, sample_rate) if corrected else None

    def start(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the state before the first sample of signals of shape (..., samples)."""
        taps = 0 if self.correction is None else len(self.correction) - 1
        return np.zeros((*shape, len(self.sections), 2)), np.zeros((*shape, taps))

    def process(
        self, block: NDArray[Any], state: tuple[NDArray[np.float64], NDArray[np.float64]]
    ) -> tuple[NDArray[np.float64], tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Return the weighted block (..., n), and the state after it."""
        poles, taps = state[0].copy(), state[1]
        weighted = np.array(block, np.float64, order="C")
        filter_sections(
            weighted.reshape(-1, block.shape[-1]),
            self.sections,
            poles.reshape(-1, *poles.shape[-2:]),
        )
        poles[np.abs(poles) < MIN_STATE] = 0.0
        if self.correction is not None:
            from scipy.signal import lfilter

            weighted, taps = lfilter(self.correction, 1.0, weighted, axis=-1, zi=taps)
        return weighted, (poles, taps)


def section_at_rate(
    stage: tuple[tuple[float, ...], tuple[float, ...]], rate: float
) -> NDArray[np.float64]:
    """Return the second-order section at ``rate`` with the same analogue prototype as ``stage``.

    The bilinear transform maps p0 + p1 s + p2 s^2 to a polynomial in 1/z with the sum of
    coefficients 4 p0 k^2, the difference of the first and last coefficient 2 p1 k and the
    alternating sum 4 p2, where k = tan(pi f / rate) for the frequency f that the transform
    preserves: here that of the poles.
    """
    polynomials = np.array(stage)
    sums, differences = polynomials.sum(axis=1), polynomials[:, 0] - polynomials[:, 2]
    alternating = polynomials @ [1.0, -1.0, 1.0]
    k = np.sqrt(sums[1] / alternating[1])
    ratio = np.tan(np.arctan(k) * STANDARD_RATE / rate) / k
    low, middle, high = sums * ratio**2, 2.0 * differences * ratio, alternating
    section = np.stack([low + middle + high, 2.0 * (low - high), low - middle + high], axis=1)
    return section.ravel() / section[1, 0]


def correction(sections: NDArray[np.float64], rate: float) -> NDArray[np.float64]:
    """Return a minimum-phase filter that gives ``sections`` the magnitudes at 48 kHz.

    The logarithm of the magnitude is the even part of the cepstrum; folded to positive times it
    belongs to the minimum phase (A. V. Oppenheim and R. W. Schafer, "Discrete-time signal
    processing", chapter 13).
    """
    frequencies = np.fft.rfftfreq(CORRECTION_BINS, 1.0 / rate)
    frequencies[0] = 0.5 * frequencies[1]  # at 0 both are zero
    standard = np.array([np.concatenate(stage) for stage in (HEAD_SHELF, HIGH_PASS)])
    wanted = _magnitude(standard, frequencies / STANDARD_RATE)
    # At half the rate the high-pass alone is not zero, but the last bin is computed like the rest.
    given = _magnitude(sections, np.minimum(frequencies / rate, 0.5))
    cepstrum = np.fft.irfft(np.log(wanted / given))
    half = CORRECTION_BINS // 2
    cepstrum[1:half] *= 2.0
    cepstrum[half + 1 :] = 0.0
    return np.fft.irfft(np.exp(np.fft.rfft(cepstrum)))[:CORRECTION_TAPS]


def _magnitude(sections: NDArray[np.float64], frequencies: NDArray[Any]) -> NDArray[np.float64]:
    """Return the magnitude of second-order sections at frequencies in cycles per sample."""
    delays = np.exp(-2j * np.pi * frequencies[:, None] * np.arange(3))
    numerators, denominators = delays @ sections[:, :3].T, delays @ sections[:, 3:].T
    return np.abs(np.prod(numerators / denominators, axis=1))
