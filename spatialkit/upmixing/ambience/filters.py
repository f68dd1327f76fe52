"""Filters of `Ambience`: critical bands, LFE low-pass and mono spreading."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

PRE_DELAY_SECONDS = 0.006
# Mono spreading: largest distance from the centre (1 is the edge of the stage), period of the
# alternation between left and right in ERBs, and corner frequency in Hz.
MONO_SPREAD = 0.5
MONO_SPREAD_PERIOD = 5.0
MONO_SPREAD_FROM = 300.0
LFE_PLAYBACK_DB = 10.0


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
