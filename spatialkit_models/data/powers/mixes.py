"""Random mixes of stored powers, by number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit_models.data.powers.cache import MIX, SongPowers
from spatialkit_models.data.powers.config import PowerMixConfig
from spatialkit_models.modules import MaskConfig
from spatialkit_models.stem_names import N_STEMS, STEMS

__all__ = ["PowerMixes"]

# Power per frame that stems of different songs are brought near to: that of a usual stem in a song
# of the level of `cache_powers`. The exponent keeps a part of the difference.
STEM_POWER, EVENNESS = 1.6e4, 0.7
# Transpositions, semitones.
SEMITONES = (-3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0)
# Standard deviation of equalizers of songs as they are, relative to those of stems.
NATURAL_TILT = 0.5
# Range of levels of the stems of one song, dB to both sides.
COHERENT_DB = 6.0
# Number of points of an equalizer.
TILT_POINTS = 7
# Attempts at a place of a song where a stem sounds, and its least power relative to the song's.
ATTEMPTS, AUDIBLE = 6, 1e-3
DRUMS, OTHER = STEMS.index("drums"), STEMS.index("other")


class PowerMixes:
    """Infinite sequence of mixes of powers, each a function of the seed and its number.

    Parameters
    ----------
    songs : sequence of SongPowers
        Songs to mix.
    weights : sequence of float
        Relative probability of each song.
    config : PowerMixConfig
        Kinds of mixes.
    masks : MaskConfig
        Resolution of the powers.
    seed : int
        Seed of all choices.

    Raises
    ------
    OptionError
        If no song contains a stem.
    """

    def __init__(
        self,
        songs: Sequence[SongPowers],
        weights: Sequence[float],
        config: PowerMixConfig,
        masks: MaskConfig,
        seed: int = 0,
    ) -> None:
        self.songs, self.config, self.seed = tuple(songs), config, seed
        self.seconds = config.frames * masks.hop_length / masks.sample_rate
        self._weights = np.asarray(weights, float) / np.sum(weights)
        self._transpositions = [_transposition(masks, semitones) for semitones in SEMITONES]
        self._bands = songs[0].roots.shape[-1]
        # Songs that provide each stem, and their probabilities.
        self._providers = []
        for stem, name in enumerate(STEMS):
            found = [
                number
                for number, song in enumerate(songs)
                if song.sounds(stem) and song.groups.count(song.groups[stem]) == 1
            ]
            if not found:
                raise OptionError(f"no song to train on has {name}: add a dataset that has")
            chosen = self._weights[found]
            self._providers.append((found, chosen / chosen.sum()))

    def batch(self, start: int, size: int) -> dict[str, NDArray[np.float32]]:
        """Return the mixes ``start`` to ``start + size - 1``.

        Returns
        -------
        dict of str to ndarray
            "mix" (size, frames, 3, bands): powers of left, right and left - right.
            "powers" (size, frames, 4, bands): power of each stem, left and right together.
            "groups" (size, 4): see `SongPowers`.
        """
        mixes = [self._mix(number) for number in range(start, start + size)]
        names = ("mix", "powers", "groups")
        return {
            name: np.stack(arrays)
            for name, arrays in zip(names, zip(*mixes, strict=True), strict=True)
        }

    def _mix(self, number: int) -> tuple[NDArray[Any], ...]:
        rng = np.random.default_rng([self.seed, number])
        song = self.songs[rng.choice(len(self.songs), p=self._weights)]
        if song.is_joint or rng.random() < self.config.natural:
            return self._natural(rng, song)
        return self._remixed(rng, song)

    def _natural(self, rng: np.random.Generator, song: SongPowers) -> tuple[NDArray[Any], ...]:
        """Return an excerpt of a song as it is mixed, equalized and perhaps transposed."""
        frames = self.config.frames
        found = song.powers(self._start(rng, song), frames, slice(None))
        if rng.random() < self.config.shifted:
            found = self._transposed(rng, found)
        found = found * self._tilt(rng, NATURAL_TILT)
        stems = found[:, :MIX, 0] + found[:, :MIX, 1]
        return self._swapped(rng, found[:, MIX]), stems, np.array(song.groups)

    def _remixed(self, rng: np.random.Generator, song: SongPowers) -> tuple[NDArray[Any], ...]:
        """Return a mix of stems of one song at other levels, or of several songs."""
        config = self.config
        coherent, panned = rng.random() < config.coherent, rng.random() < config.panned
        start = self._start(rng, song)
        mix = np.zeros((config.frames, 3, self._bands), np.float32)
        stems = np.zeros((config.frames, N_STEMS, self._bands), np.float32)
        for stem in range(N_STEMS):
            if rng.random() < config.silent:
                continue
            if coherent:
                found = song.powers(start, config.frames, stem)
                found = found * _db(rng.uniform(-COHERENT_DB, COHERENT_DB))
            else:
                found = self._sampled(rng, stem)
                if stem == OTHER and rng.random() < config.doubled:
                    found = found + self._sampled(rng, stem) * _db(rng.uniform(-6.0, 3.0))
                found = found * _db(rng.normal(0.0, config.level_db))
                if stem != DRUMS and rng.random() < config.shifted:
                    found = self._transposed(rng, found)
            found = found * self._tilt(rng)
            if panned or rng.random() < config.panned_stem:
                found = _point(found, rng.uniform(0.0, np.pi / 2))
            else:
                found = self._swapped(rng, found)
            mix += found
            stems[:, stem] = found[:, 0] + found[:, 1]
        return mix, stems, np.arange(N_STEMS)

    def _sampled(self, rng: np.random.Generator, stem: int) -> NDArray[np.float32]:
        """Return a stem of a random song, near a usual level."""
        numbers, chances = self._providers[stem]
        song = self.songs[rng.choice(numbers, p=chances)]
        found = song.powers(self._start(rng, song, stem), self.config.frames, stem)
        power = float(found[:, :2].sum()) / len(found)
        return found * np.float32((STEM_POWER / max(power, 1e-9)) ** EVENNESS)

    def _start(self, rng: np.random.Generator, song: SongPowers, stem: int | None = None) -> int:
        """Return a frame from which a stem, or the song, sounds, if one is found soon."""
        columns = slice(None) if stem is None else slice(stem, stem + 1)
        blocks = song.frames / len(song.loudness)
        least = AUDIBLE * song.loudness.sum(1).mean()
        for _ in range(ATTEMPTS):
            start = int(rng.integers(max(1, song.frames - self.config.frames + 1)))
            part = slice(int(start / blocks), int((start + self.config.frames) / blocks) + 1)
            if song.loudness[part, columns].sum(1).mean() > least:
                break
        return start

    def _tilt(self, rng: np.random.Generator, scale: float = 1.0) -> NDArray[np.float32]:
        """Return the power gains (bands,) of a smooth random equalizer."""
        points = rng.normal(0.0, scale * self.config.tilt_db, TILT_POINTS)
        at = np.linspace(0.0, TILT_POINTS - 1.0, self._bands)
        return _db(np.interp(at, np.arange(TILT_POINTS), points))

    def _transposed(
        self, rng: np.random.Generator, powers: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        lower, upper_part, gains = self._transpositions[rng.integers(len(SEMITONES))]
        low, high = powers[..., lower], powers[..., lower + 1]
        return (low + upper_part * (high - low)) * gains

    def _swapped(
        self, rng: np.random.Generator, powers: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return powers with left and right exchanged or not, at random."""
        return powers[..., [1, 0, 2], :] if rng.random() < 0.5 else powers


def _db(level: NDArray[np.float64] | float) -> NDArray[np.float32]:
    """Convert dB to a factor of power."""
    return np.asarray(10.0 ** (np.asarray(level) / 10.0), np.float32)


def _point(powers: NDArray[np.float32], angle: float) -> NDArray[np.float32]:
    """Return the powers of the mean of left and right, panned by sine and cosine of an angle."""
    left, right, difference = powers[:, 0], powers[:, 1], powers[:, 2]
    # |L + R|^2 / 2, which is the power of both channels if they are equal.
    mono = np.maximum(left + right - 0.5 * difference, 0.0)
    gains = np.array([np.cos(angle), np.sin(angle), np.cos(angle) - np.sin(angle)])
    return mono[:, None] * np.square(gains, dtype=np.float32)[:, None]


def _transposition(
    masks: MaskConfig, semitones: float
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Return the lower source band, the part of the next one, and the gain of each band."""
    sizes = np.concatenate([np.full(count, float(size)) for count, size in masks.regions])
    edges = np.concatenate([[0.0], np.cumsum(sizes)])
    centres = 0.5 * (edges[:-1] + edges[1:])
    ratio = 2.0 ** (semitones / 12.0)
    source = np.interp(centres / ratio, centres, np.arange(len(sizes)))
    lower = np.minimum(source.astype(np.intp), len(sizes) - 2)
    # A band of the result covers fewer or more bins than its source.
    gains = sizes / np.interp(source, np.arange(len(sizes)), sizes) / ratio
    return lower, np.asarray(source - lower, np.float32), np.asarray(gains, np.float32)
