"""Powers of the stems of a song, stored on disk.

Of each stem and of the mix the powers of left, right and their difference are kept per frame and
band. They describe the real spatial covariance of two channels, and those of a mix of uncorrelated
sounds are the sums of those of the sounds: gains, equalizers, panning, transposition and stems of
other songs cost a few multiplications, and neither decoding nor a transform.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import AudioFileError
from spatialkit.stft import stft
from spatialkit.storage import replace_file, replacing
from spatialkit.validation import as_dataclass, read_json, reason
from spatialkit_models.data.songs import Song
from spatialkit_models.modules import MaskConfig
from spatialkit_models.stem_names import N_STEMS, STEMS

__all__ = ["MIX", "SongPowers", "cache_powers", "open_powers", "signal_powers", "sum_bins"]

# Index of the mix in the stored array, after the stems.
MIX = N_STEMS
SIGNALS = N_STEMS + 1
# RMS that songs are scaled to: float16 holds the roots of powers of quiet and loud frames then.
LEVEL = 0.1
# Version of the stored files.
VERSION = 1
# Frames that are transformed at a time, and frames before and after them, which are discarded.
BLOCK, MARGIN = 512, 2
# Frames per block of `SongPowers.loudness`, and part of a song's power above which a stem sounds.
LOUDNESS_FRAMES = 8
AUDIBLE = 1e-3
# Maximum size of a sidecar: 4 MB per hour of music.
MAX_FACTS = 100_000_000


@dataclass(frozen=True, eq=False)
class SongPowers:
    """Powers of a song.

    Parameters
    ----------
    name : str
        Name of the song.
    roots : ndarray of float16, shape (frames, 5, 3, bands)
        Square roots of the powers of left, right and left - right, of the four stems and of the
        mix.
    groups : tuple of int
        Number of the group of each stem: stems of one group are stored together as the first of
        them, and are not to be told apart.
    loudness : ndarray, shape (blocks, 4)
        Power of each stem in blocks of eight frames.
    """

    name: str
    roots: NDArray[np.float16]
    groups: tuple[int, ...]
    loudness: NDArray[np.float32]

    @property
    def frames(self) -> int:
        """Length in frames."""
        return len(self.roots)

    @property
    def is_joint(self) -> bool:
        """True if some stems are stored together."""
        return len(set(self.groups)) < N_STEMS

    def sounds(self, stem: int) -> bool:
        """Return True if a stem is above -30 dB of the song on average."""
        mean = self.loudness.mean(0)
        return bool(mean[stem] > AUDIBLE * mean.sum())

    def powers(self, start: int, frames: int, signal: int | slice) -> NDArray[np.float32]:
        """Return powers of stems or the mix, zeros after the end: (frames, ..., 3, bands)."""
        found = np.square(self.roots[start : start + frames, signal], dtype=np.float32)
        short = frames - len(found)
        return np.pad(found, ((0, short), *((0, 0),) * (found.ndim - 1))) if short else found


def cache_powers(song: Song, directory: str | os.PathLike[str], config: MaskConfig) -> Path:
    """Compute the powers of a song unless they are stored, and return their file.

    Parameters
    ----------
    song : Song
        Its stems may be joint, see `Song`.
    directory : path
        Directory of stored powers, created if needed. A file is valid for the audio files, by
        size and time of their last change, and for the resolution in ``config``.
    config : MaskConfig
        Sample rate, STFT and bands.

    Raises
    ------
    AudioFileError
        If a file cannot be read.
    """
    path = Path(directory) / f"{song.name}-{_key(song, config)}.npy"
    if path.with_suffix(".json").exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = 1 + int(song.duration * config.sample_rate) // config.hop_length
    scale = LEVEL / _rms(song, frames, config)
    shape = (frames, SIGNALS, 3, sum(count for count, _ in config.regions))
    loudness = []
    with replacing(path) as file:
        stored = np.lib.format.open_memmap(file.name, "w+", np.float16, shape)
        for start, audio in _blocks(song, frames, config):
            powers = signal_powers(scale * audio, config)[MARGIN:][: min(BLOCK, frames - start)]
            stored[start : start + len(powers)] = np.sqrt(powers)
            loudness += powers[::LOUDNESS_FRAMES, :N_STEMS, :2].sum((2, 3)).tolist()
        stored.flush()
        del stored
    facts = {"name": song.name, "groups": _groups(song), "loudness": loudness}
    # The sidecar marks the file as complete.
    replace_file(path.with_suffix(".json"), json.dumps(facts).encode())
    return path


def open_powers(path: str | os.PathLike[str]) -> SongPowers:
    """Open a file of `cache_powers`; powers are read when they are used."""
    sidecar = Path(path).with_suffix(".json")
    facts = read_json(sidecar, max_bytes=MAX_FACTS, error=AudioFileError)
    stored = as_dataclass(_Facts, facts, str(sidecar), error=AudioFileError)
    try:
        roots = np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise AudioFileError(f"{path} cannot be read: {reason(error)}; remove it") from error
    loudness = np.array(stored.loudness, np.float32).reshape(-1, N_STEMS)
    return SongPowers(stored.name, roots, stored.groups, loudness)


@dataclass(frozen=True)
class _Facts:
    """Sidecar of a file of powers."""

    name: str
    groups: tuple[int, int, int, int]
    loudness: tuple[tuple[float, float, float, float], ...]


def signal_powers(audio: NDArray[Any], config: MaskConfig) -> NDArray[np.float32]:
    """Return the powers of left, right and left - right of stereo signals.

    Parameters
    ----------
    audio : ndarray, shape (signals, 2, samples)
    config : MaskConfig

    Returns
    -------
    ndarray of float32, shape (frames, signals, 3, bands)
    """
    spectrum = stft(audio, n_fft=config.n_fft, hop=config.hop_length)
    left, right = spectrum[:, 0], spectrum[:, 1]
    pairs = np.stack([left, right, left - right], 1)
    powers = np.square(pairs.real) + np.square(pairs.imag)
    return sum_bins(powers.transpose(3, 0, 1, 2), config)


def sum_bins(values: NDArray[Any], config: MaskConfig) -> NDArray[Any]:
    """Sum values (..., bins) over the bins of each band."""
    sizes = np.concatenate([np.full(count, size) for count, size in config.regions])
    starts = np.cumsum(sizes) - sizes
    return np.add.reduceat(values[..., : sizes.sum()], starts, axis=-1)


def _blocks(
    song: Song, frames: int, config: MaskConfig
) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Yield the first frame and the audio (5, 2, samples) of blocks, with a margin before each."""
    rate, hop = config.sample_rate, config.hop_length
    samples = (BLOCK + 2 * MARGIN) * hop
    for start in range(0, frames, BLOCK):
        audio = np.zeros((SIGNALS, 2, samples), np.float32)
        for number, stem in enumerate(STEMS):
            audio[number] = song.read(
                stem, (start - MARGIN) * hop / rate, samples, rate, stereo=True
            )
        audio[MIX] = audio[:MIX].sum(0)
        yield start, audio


def _rms(song: Song, frames: int, config: MaskConfig) -> float:
    """Return the RMS of a song."""
    energy, samples = 0.0, 0
    for _, audio in _blocks(song, frames, config):
        energy += float(np.square(audio[MIX], dtype=np.float64).sum())
        samples += audio[MIX].size
    if not energy:
        raise AudioFileError(f"the stems of song {song.name} are silent: leave it out")
    return (energy / samples) ** 0.5


def _groups(song: Song) -> list[int]:
    """Return the group of each stem: the number of the first stem in its file."""
    return [
        STEMS.index(song.joint[0]) if stem in song.joint else number
        for number, stem in enumerate(STEMS)
    ]


def _key(song: Song, config: MaskConfig) -> str:
    """Return a hash of the audio files and of the resolution."""
    resolution = (config.sample_rate, config.n_fft, config.hop_length, config.regions)
    files = [
        (stem, str(path), path.stat().st_size, path.stat().st_mtime_ns)
        for stem, path in sorted(song.files.items())
    ]
    return hashlib.sha256(repr((resolution, files, VERSION)).encode()).hexdigest()[:12]
