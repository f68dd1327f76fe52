"""Stereo scenes with known direct sound, directions and ambience for the benchmark.

Reverberation is synthetic: independent, exponentially decaying Gaussian noise for left and right,
so that the ambience cannot be produced by a panning law [1]_.

References
----------
.. [1] J. A. Moorer, "About this reverberation business", Computer Music Journal 3(2), 1979.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks.reverberation import reverberate
from spatialkit.benchmarks.songs import Song
from spatialkit.panning import vbap_gains

__all__ = ["MARGIN", "Scene", "noise_scene", "song_scenes"]

STAGE = 30.0  # degrees from the middle to the edge of the stereo image
NEAR_MONO = 3.0
ROOM_DB = -8.0
NEAR_MONO_ROOM_DB = -24.0
NOISE_SECONDS = 10.0
NOISE_RATE = 44100
NOISE_SIDE_DB = -3.0
MIN_PINK_HZ = 20.0  # white below
# Samples removed at both ends before measuring, so that the measured range is complete for all
# upmixers with a delay up to this length.
MARGIN = 8192


@dataclass(frozen=True, eq=False)
class Scene:
    """A stereo signal and its components; unknown components are empty."""

    name: str
    kind: str
    """"dry", "room", "near-mono", "noise" or "song"."""
    sample_rate: int
    stereo: NDArray[np.float32]
    """(2, samples)."""
    stems: NDArray[np.float32]
    """Dry sources at their level in the scene, shape (stems, samples)."""
    azimuth: NDArray[np.float64]
    """Azimuth of the stems in degrees."""
    ambience: NDArray[np.float32]
    """Left and right, shape (2, samples), or (0, samples) if unknown."""


def song_scenes(song: Song, seed: int, count: int) -> Iterator[Scene]:
    """Yield ``count`` scenes "dry" and "room" of a song, one "near-mono" and the "song"."""
    rng = np.random.default_rng([seed, *song.name.encode()])
    stems = np.stack([samples.mean(axis=0) for samples in song.stems.values()])
    reverberation = reverberate(stems.sum(axis=0), song.sample_rate, rng)
    for number, azimuth in enumerate(sample_azimuths(count, len(stems), rng), start=1):
        yield _panned(song, "dry", f" {number}", stems, azimuth, None)
        room = _at_level(reverberation, stems, azimuth, ROOM_DB)
        yield _panned(song, "room", f" {number}", stems, azimuth, room)
    azimuth = rng.uniform(-NEAR_MONO, NEAR_MONO, len(stems))
    room = _at_level(reverberation, stems, azimuth, NEAR_MONO_ROOM_DB)
    yield _panned(song, "near-mono", "", stems, azimuth, room)
    mixture = np.sum(list(song.stems.values()), axis=0)
    yield _unknown(f"{song.name}/song", "song", song.sample_rate, mixture)


def noise_scene(seed: int) -> Scene:
    """Create ten seconds of stationary pink noise.

    Each channel is the sum of common noise and independent noise at -3 dB.
    """
    rng = np.random.default_rng([seed, *b"noise"])
    samples = round(NOISE_SECONDS * NOISE_RATE)
    common, left, right = _pink(rng.standard_normal((3, samples)))
    independent_gain = 10.0 ** (NOISE_SIDE_DB / 20.0)
    stereo = 0.1 * np.stack([common + independent_gain * left, common + independent_gain * right])
    return _unknown("noise", "noise", NOISE_RATE, stereo)


def sample_azimuths(count: int, stems: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Sample azimuths at random, shape (sets, stems).

    Each stem is once in each third of the stage; one stem per set is at the edge.
    """
    azimuth = np.empty((count, stems))
    offsets = rng.permutation(stems)
    for index in range(count):
        third = (offsets + index) % 3 - 1
        azimuth[index] = STAGE * (2.0 * third + rng.uniform(-1.0, 1.0, stems)) / 3.0
        outer = np.flatnonzero(third)
        chosen = rng.choice(outer if outer.size else stems)
        azimuth[index, chosen] = np.copysign(STAGE, azimuth[index, chosen])
    return azimuth


def _panned(
    song: Song,
    kind: str,
    number: str,
    stems: NDArray[np.float32],
    azimuth: NDArray[np.float64],
    ambience: NDArray[Any] | None,
) -> Scene:
    stereo = _direct(stems, azimuth)
    if ambience is None:
        ambience = np.zeros((0, stems.shape[1]), np.float32)
    else:
        stereo = stereo + ambience
    name = f"{song.name}/{kind}{number}"
    parts = (stereo.astype(np.float32), stems, azimuth, ambience.astype(np.float32))
    return Scene(name, kind, song.sample_rate, *parts)


def _unknown(name: str, kind: str, rate: int, stereo: NDArray[Any]) -> Scene:
    nothing = np.zeros((0, stereo.shape[1]), np.float32)
    return Scene(name, kind, rate, stereo.astype(np.float32), nothing, np.zeros(0), nothing)


def _direct(stems: NDArray[Any], azimuth: NDArray[np.float64]) -> NDArray[np.float64]:
    return vbap_gains(azimuth, layout="stereo").T @ stems


def _at_level(
    reverberation: NDArray[Any], stems: NDArray[Any], azimuth: NDArray[np.float64], level_db: float
) -> NDArray[np.float64]:
    """Scale reverberation to a level (dB) relative to the direct sound."""
    direct = np.sum(_direct(stems, azimuth) ** 2)
    power = direct / np.sum(reverberation**2) * 10.0 ** (level_db / 10.0)
    return np.sqrt(power) * reverberation


def _pink(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Filter white noise to pink noise (-3 dB per octave) of unit power."""
    frequency = np.fft.rfftfreq(white.shape[-1], 1.0 / NOISE_RATE)
    spectrum = np.fft.rfft(white) / np.sqrt(np.maximum(frequency, MIN_PINK_HZ))
    pink = np.fft.irfft(spectrum, white.shape[-1])
    return pink / np.sqrt(np.mean(pink**2))
