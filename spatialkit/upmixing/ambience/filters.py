"""Filters and bands of `Ambience`: decorrelators, critical bands, the LFE, the spread of mono."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

DECORRELATOR_SECONDS = 0.030
DECORRELATOR_DENSITY = 1000.0  # impulses in a second
DECORRELATOR_DECAY_DB = -30.0  # at its end
PRE_DELAY_SECONDS = 0.006
SEED = 2026
CANDIDATES = 64
BAND_POINTS = 4  # frequencies in a third of an octave
# Of mono: how far from the middle (1 is the edge), a to and fro in ERBs, and above how many Hz.
MONO_SPREAD = 0.5
MONO_SPREAD_PERIOD = 5.0
MONO_SPREAD_FROM = 300.0
LFE_PLAYBACK_DB = 10.0


@dataclass(frozen=True, eq=False)
class SparseFilter:
    """An impulse response of few taps."""

    delays: NDArray[np.int64]
    gains: NDArray[np.float64]


@lru_cache(maxsize=8)
def decorrelators(count: int, sample_rate: int) -> tuple[SparseFilter, ...]:
    """Velvet noise: one filter for each channel, of unit energy, unlike each other.

    References
    ----------
    .. [1] B. Alary, A. Politis and V. Valimaki, "Velvet-noise decorrelator", DAFx 2017.
    """
    rng = np.random.default_rng(SEED)
    return tuple(_velvet(rng, sample_rate) for _ in range(count))


def _velvet(rng: np.random.Generator, sample_rate: int) -> SparseFilter:
    """One signed impulse in each of equal stretches, dying away: the least coloured of many."""
    impulses = int(DECORRELATOR_SECONDS * DECORRELATOR_DENSITY)
    times = (np.arange(impulses) + rng.random((CANDIDATES, impulses))) / impulses
    gains = rng.choice([-1.0, 1.0], times.shape) * 10.0 ** (DECORRELATOR_DECAY_DB * times / 20.0)
    gains /= np.linalg.norm(gains, axis=1, keepdims=True)
    least = np.argmin(_colouration(DECORRELATOR_SECONDS * times, gains))
    seconds = PRE_DELAY_SECONDS + DECORRELATOR_SECONDS * times[least]
    # At low rates impulses meet.
    delays, which = np.unique(np.round(seconds * sample_rate), return_inverse=True)
    merged = np.bincount(which, gains[least])
    return SparseFilter(delays.astype(np.int64), merged / np.linalg.norm(merged))


def _colouration(seconds: NDArray[np.float64], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation in dB of the third-octave levels of filters (filters, taps)."""
    third_octaves = np.arange(np.log2(50.0), np.log2(16000.0), 1.0 / 3.0)
    inside = (np.arange(BAND_POINTS) + 0.5) / BAND_POINTS / 3.0
    frequency = 2.0 ** (third_octaves[:, None] + inside)
    phase = np.exp(-2j * np.pi * seconds[:, :, None, None] * frequency)
    power = np.abs(np.einsum("ft,ftbp->fbp", gains, phase)) ** 2
    return np.std(10.0 * np.log10(power.mean(axis=2)), axis=1)


def band_edges(bins: int, sample_rate: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First bin, and the one after the last, of a band about each bin: one ERB wide.

    The equivalent rectangular bandwidth of hearing is 24.7 (4.37 f / 1000 + 1) Hz (Glasberg and
    Moore 1990).
    """
    frequency = _frequencies(bins, sample_rate)
    width = 24.7 * (4.37e-3 * frequency + 1.0)
    half = (0.5 * width / max(frequency[1], 1e-9)).astype(np.intp)
    centre = np.arange(bins)
    return np.maximum(centre - half, 0), np.minimum(centre + half + 1, bins)


def lfe_gains(bins: int, sample_rate: int, options: Any) -> NDArray[np.float64]:
    """Gains of L + R in the LFE: a Linkwitz-Riley low-pass of fourth order, without its phase.

    At 0 dB the bass is as loud in the LFE as in the other channels once the LFE is played 10 dB
    louder, as it is meant to be.
    """
    steep = (_frequencies(bins, sample_rate) / options.lfe_crossover) ** 4
    return amplitude(options.lfe_level - LFE_PLAYBACK_DB) * np.sqrt(0.5) / (1.0 + steep)


def mono_spread(bins: int, sample_rate: int) -> NDArray[np.float64]:
    """Gains of a mono signal for left and right, shape (2, bins): bands to and fro, bass stays."""
    frequency = _frequencies(bins, sample_rate)
    erbs = 21.4 * np.log10(4.37e-3 * frequency + 1.0)
    above = frequency**2 / (frequency**2 + MONO_SPREAD_FROM**2)
    position = MONO_SPREAD * above * np.sin(2.0 * np.pi * erbs / MONO_SPREAD_PERIOD)
    amplitudes = np.stack([1.0 + position, 1.0 - position])
    return amplitudes / np.linalg.norm(amplitudes, axis=0)


def amplitude(decibels: float) -> float:
    """Of a level."""
    return 10.0 ** (decibels / 20.0)


def _frequencies(bins: int, sample_rate: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 0.5 * sample_rate, bins)
