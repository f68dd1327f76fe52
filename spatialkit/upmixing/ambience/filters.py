"""Filters of `Ambience`: decorrelators, critical bands, LFE low-pass and mono spreading."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

DECORRELATOR_SECONDS = 0.030
DECORRELATOR_DENSITY = 1000.0  # impulses per second
DECORRELATOR_DECAY_DB = -30.0  # level at the end of the filter
PRE_DELAY_SECONDS = 0.006
SEED = 2026
CANDIDATES = 64
POINTS_PER_BAND = 4  # frequencies per third of an octave
# Mono spreading: largest distance from the centre (1 is the edge of the stage), period of the
# alternation between left and right in ERBs, and corner frequency in Hz.
MONO_SPREAD = 0.5
MONO_SPREAD_PERIOD = 5.0
MONO_SPREAD_FROM = 300.0
LFE_PLAYBACK_DB = 10.0


@dataclass(frozen=True, eq=False)
class SparseFilter:
    """Impulse response with few nonzero taps."""

    delays: NDArray[np.int64]
    gains: NDArray[np.float64]


@lru_cache(maxsize=8)
def decorrelators(count: int, sample_rate: int) -> tuple[SparseFilter, ...]:
    """Return velvet-noise filters, one per channel, mutually decorrelated and of unit energy.

    References
    ----------
    .. [1] B. Alary, A. Politis and V. Valimaki, "Velvet-noise decorrelator", DAFx 2017.
    """
    rng = np.random.default_rng(SEED)
    return tuple(_velvet(rng, sample_rate) for _ in range(count))


def _velvet(rng: np.random.Generator, sample_rate: int) -> SparseFilter:
    """Return the least coloured of many candidates with one signed, decaying impulse per period."""
    impulses = int(DECORRELATOR_SECONDS * DECORRELATOR_DENSITY)
    times = (np.arange(impulses) + rng.random((CANDIDATES, impulses))) / impulses
    gains = rng.choice([-1.0, 1.0], times.shape) * 10.0 ** (DECORRELATOR_DECAY_DB * times / 20.0)
    gains /= np.linalg.norm(gains, axis=1, keepdims=True)
    best = np.argmin(_colouration(DECORRELATOR_SECONDS * times, gains))
    seconds = PRE_DELAY_SECONDS + DECORRELATOR_SECONDS * times[best]
    # At low sample rates, several impulses can round to the same sample.
    delays, tap = np.unique(np.round(seconds * sample_rate), return_inverse=True)
    merged = np.bincount(tap, gains[best])
    return SparseFilter(delays.astype(np.int64), merged / np.linalg.norm(merged))


def _colouration(seconds: NDArray[np.float64], gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the standard deviation of the third-octave levels in dB of filters (filters, taps)."""
    third_octaves = np.arange(np.log2(50.0), np.log2(16000.0), 1.0 / 3.0)
    offset = (np.arange(POINTS_PER_BAND) + 0.5) / POINTS_PER_BAND / 3.0
    frequency = 2.0 ** (third_octaves[:, None] + offset)
    phase = np.exp(-2j * np.pi * seconds[:, :, None, None] * frequency)
    power = np.abs(np.einsum("ft,ftbp->fbp", gains, phase)) ** 2
    return np.std(10.0 * np.log10(power.mean(axis=2)), axis=1)


def band_edges(bins: int, sample_rate: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first bin and the end (exclusive) of a band of one ERB around each bin.

    The equivalent rectangular bandwidth (ERB) of auditory filters is 24.7 (4.37 f / 1000 + 1) Hz
    (Glasberg and Moore 1990).
    """
    frequency = _frequencies(bins, sample_rate)
    width = 24.7 * (4.37e-3 * frequency + 1.0)
    half = (0.5 * width / max(frequency[1], 1e-9)).astype(np.intp)
    centre = np.arange(bins)
    return np.maximum(centre - half, 0), np.minimum(centre + half + 1, bins)


def lfe_gains(bins: int, sample_rate: int, options: Any) -> NDArray[np.float64]:
    """Return the gains of L + R in the LFE: a zero-phase fourth-order Linkwitz-Riley low-pass.

    At 0 dB the bass of the LFE is as loud as that of the input if the LFE is played back 10 dB
    louder, as is standard.
    """
    rolloff = (_frequencies(bins, sample_rate) / options.lfe_crossover) ** 4
    return amplitude(options.lfe_level - LFE_PLAYBACK_DB) * np.sqrt(0.5) / (1.0 + rolloff)


def mono_spread(bins: int, sample_rate: int) -> NDArray[np.float64]:
    """Return the gains of mono in left and right, shape (2, bins); bass stays in the centre.

    Above `MONO_SPREAD_FROM` the position alternates between left and right along the frequency
    axis.
    """
    frequency = _frequencies(bins, sample_rate)
    erbs = 21.4 * np.log10(4.37e-3 * frequency + 1.0)
    high_pass = frequency**2 / (frequency**2 + MONO_SPREAD_FROM**2)
    position = MONO_SPREAD * high_pass * np.sin(2.0 * np.pi * erbs / MONO_SPREAD_PERIOD)
    amplitudes = np.stack([1.0 + position, 1.0 - position])
    return amplitudes / np.linalg.norm(amplitudes, axis=0)


def amplitude(decibels: float) -> float:
    """Return the amplitude of a level in decibels."""
    return 10.0 ** (decibels / 20.0)


def _frequencies(bins: int, sample_rate: int) -> NDArray[np.float64]:
    return np.linspace(0.0, 0.5 * sample_rate, bins)
