"""Level differences between an upmix and its target, or another upmix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.metrics import wild
from spatialkit.stft import stft

__all__ = ["WILD", "largest_level_difference", "wild_scores"]

# Settings of `spatialkit.metrics.wild` by score: the default floor, and that of the style-transfer
# paper, at which near-silent leakage counts.
WILD: dict[str, dict[str, Any]] = {
    name: {"floor_db": floor_db, "clip_db": 60.0, "method": "histogram", "bin_db": 0.1}
    for name, floor_db in (("wild", -60.0), ("wild_90", -90.0))
}

# Frequency in Hz of the lowest and the highest octave band, lower edges.
LOWEST, HIGHEST = 44.0, 5680.0
FRAME_SECONDS = 0.093
SEGMENT_SECONDS = 1.0
# Levels are limited from below to this, relative to all channels of the band in the segment.
FLOOR = 1e-3
# Bands below this, relative to all bands of the loudest segment, are not compared: nearly silent.
SILENT = 1e-5


def wild_scores(target: NDArray[Any], upmix: NDArray[Any]) -> dict[str, float]:
    """Return the scores "wild" and "wild_90" of an upmix, in dB, with the settings of `WILD`.

    Parameters
    ----------
    target, upmix : ndarray, shape (channels, samples)
    """
    return {name: float(wild(target, upmix, **settings)) for name, settings in WILD.items()}


def largest_level_difference(first: NDArray[Any], second: NDArray[Any], sample_rate: int) -> float:
    """Return the largest level difference of a channel in an octave band and second, in dB.

    Levels are limited from below to 30 dB below all channels of the same band and second; bands
    50 dB below the loudest second are left out. Octave bands from 63 Hz to 8 kHz.

    Parameters
    ----------
    first, second : ndarray, shape (channels, samples)
    sample_rate : int
        Sample rate in Hz.

    Examples
    --------
    >>> noise = np.random.default_rng(0).standard_normal((2, 16000))
    >>> round(largest_level_difference(noise, noise * [[1.0], [0.5]], 8000), 1)
    6.0
    """
    powers = [_octave_energies(audio, sample_rate) for audio in (first, second)]
    total = 0.5 * (powers[0].sum(0) + powers[1].sum(0))
    compared = total > SILENT * total.sum(0).max(initial=0.0)
    levels = [np.maximum(power, FLOOR * total)[:, compared] for power in powers]
    if not levels[0].size:
        return np.nan
    return float(10.0 * np.max(np.abs(np.log10(levels[0] / levels[1]))))


def _octave_energies(audio: NDArray[Any], sample_rate: int) -> NDArray[np.float64]:
    """Return energies by channel, octave band and segment, (channels, bands, segments)."""
    n_fft = 2 ** round(np.log2(FRAME_SECONDS * sample_rate))
    powers = np.abs(stft(audio, n_fft=n_fft, hop=n_fft // 2)).astype(np.float64) ** 2
    frequency = np.arange(n_fft // 2 + 1) * sample_rate / n_fft
    edges = LOWEST * 2.0 ** np.arange(round(np.log2(HIGHEST / LOWEST)) + 2)
    firsts = np.searchsorted(frequency, edges[edges < frequency[-1]])
    bands = np.add.reduceat(powers, firsts, axis=1)
    if edges[-1] < frequency[-1]:  # bins above the last band
        bands = bands[:, :-1]
    count = max(1, round(audio.shape[-1] / sample_rate / SEGMENT_SECONDS))
    return np.stack([part.sum(2) for part in np.array_split(bands, count, axis=2)], 2)
