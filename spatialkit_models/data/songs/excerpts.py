"""Excerpts of stems for training and evaluation.

Every excerpt is a pure function of the seed and its number, so that training can be resumed and
data workers share no state. Songs are read in segments that are a little longer than an excerpt
and are cached for several excerpts of neighbouring numbers, so that decoding, resampling and
equalizing are done once for all of them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SignalError
from spatialkit.validation import as_count
from spatialkit_models.data.songs.augmentation import equalize
from spatialkit_models.data.songs.config import ExcerptConfig
from spatialkit_models.data.songs.datasets import Datasets, StemSource
from spatialkit_models.stem_names import STEMS

__all__ = ["SILENCE", "StemExcerpts"]

SILENCE = 1e-5
"""Mean square above which a stem is active: -50 dB of full scale."""
# Attempts at an excerpt before the best one is used, and before an error if no stem is active.
ATTEMPTS = 24
MAX_ATTEMPTS = 200
# Segments beyond the pool that are searched for another song.
EXTRA_SEGMENTS = 16
# Samples per block of the running sum of energy that activity is computed from.
BLOCK_SIZE = 64
# Seconds read before a segment, in which the equalizers settle.
RUN_IN = 0.05
# First entries of random seeds: one per purpose, so that no two generators coincide.
POOLED, EXTRA, EXCERPT = range(3)


@dataclass(frozen=True, eq=False)
class _Segment:
    """Index range of a song with its augmentation."""

    key: tuple[int, int, int]
    song: StemSource
    start: float
    speed: float
    samples: int
    equalizers: tuple[NDArray[np.float32] | None, ...]


@dataclass(frozen=True, eq=False)
class _CachedStem:
    """Samples of one stem of a segment, and the running sum of its energy by blocks."""

    audio: NDArray[np.float32]
    energy: NDArray[np.float64]


class StemExcerpts:
    """Infinite sequence of excerpts of four stems, indexed by number.

    Parameters
    ----------
    config : ExcerptConfig
        Songs and sampling.

    Raises
    ------
    AudioFileError
        If a dataset directory contains no songs or a file cannot be read.
    OptionError
        If no dataset has a song in the split.

    Notes
    -----
    Cached segments follow the numbers of excerpts: excerpts with distant numbers share none. If
    several workers read, give each a distant range of numbers (see `ShardedScenes`); otherwise
    each worker decodes the segments of all others too.

    Examples
    --------
    >>> config = ExcerptConfig(datasets=[("procedural", 1.0)], seconds=0.5, sample_rate=8000)
    >>> StemExcerpts(config).excerpt(7).shape
    (4, 4000)
    """

    def __init__(self, config: ExcerptConfig) -> None:
        self.config = config
        self._augmentation = config.augmentation if config.split == "train" else None
        self._datasets = Datasets(config.datasets, config.split, config.splits)
        # Excerpts after which the pool advances by one segment.
        self._step = max(1, round(config.reuse * config.segment_samples / config.samples))
        self._segments: OrderedDict[tuple[int, int, int], _Segment] = OrderedDict()
        self._stems: OrderedDict[tuple[int, int, int, int], _CachedStem] = OrderedDict()

    @property
    def seconds(self) -> float:
        """Length of an excerpt in seconds."""
        return self.config.seconds

    @property
    def sample_rate(self) -> int:
        """Sample rate of excerpts in Hz."""
        return self.config.sample_rate

    @property
    def song_counts(self) -> dict[str, int | None]:
        """Number of songs of the split by dataset, None for a procedural collection."""
        return self._datasets.counts

    def excerpt(self, index: int, *, other_than: int | None = None) -> NDArray[np.float32]:
        """Return one excerpt.

        Parameters
        ----------
        index : int
            Number of the excerpt, at least 0.
        other_than : int, optional
            Number of another excerpt, whose songs are not used if there are others.

        Returns
        -------
        ndarray of float32, shape (4, samples) or, with ``stereo``, (4, 2, samples)
            Vocals, drums, bass, other.

        Raises
        ------
        SignalError
            If no stem is active in any of 200 attempts.
        """
        excluded = () if other_than is None else self.songs(other_than)
        segments, starts, gains = self._choose(index, excluded)
        samples = self.config.samples
        channels = (2,) if self.config.stereo else ()
        stems = np.empty((len(STEMS), *channels, samples), np.float32)
        for row, (segment, start) in enumerate(zip(segments, starts, strict=True)):
            audio = self._stem(segment, row).audio[..., start : start + samples]
            np.multiply(audio, gains[row], out=stems[row])
        return stems

    def songs(self, index: int, *, other_than: int | None = None) -> tuple[str, ...]:
        """Return the names of the songs that the four stems of an excerpt come from."""
        excluded = () if other_than is None else self.songs(other_than)
        return tuple(segment.song.name for segment in self._choose(index, excluded)[0])

    def _choose(
        self, index: int, excluded: Collection[str]
    ) -> tuple[list[_Segment], list[int], NDArray[np.float32]]:
        """Sample a segment, the first sample in it and a gain for each stem."""
        config = self.config
        index = as_count(index, "index", minimum=0)
        rng = np.random.default_rng([config.seed, EXCERPT, index])
        coherent = rng.random() < config.coherent
        best, most_active = None, 0
        for attempt in range(MAX_ATTEMPTS):
            segments = self._sample_segments(rng, index, coherent, excluded)
            first = int(rng.integers(max(0, segments[0].samples - config.samples) + 1))
            starts = [
                first
                if coherent
                else int(rng.integers(max(0, segment.samples - config.samples) + 1))
                for segment in segments
            ]
            active = sum(
                self._is_active(segment, row, start)
                for row, (segment, start) in enumerate(zip(segments, starts, strict=True))
            )
            if active > most_active:
                best, most_active = (segments, starts), active
            if most_active >= config.min_active or (most_active and attempt >= ATTEMPTS):
                break
        if best is None:
            names = sorted({segment.song.name for segment in segments})
            raise SignalError(
                f"no stem is above -50 dBFS in {MAX_ATTEMPTS} attempts at excerpt {index}, the "
                f"last from {', '.join(names)}; check that the stems are not silent"
            )
        if self._augmentation is None:
            return *best, np.ones(len(STEMS), np.float32)
        return *best, self._augmentation.sample_gains(rng, len(STEMS))

    def _sample_segments(
        self, rng: np.random.Generator, index: int, coherent: bool, excluded: Collection[str]
    ) -> list[_Segment]:
        """Sample one segment for all stems, or one per stem, from different songs if possible."""
        newest = index // self._step + self.config.pool
        numbers = newest - rng.permutation(self.config.pool)
        segments = [self._segment((POOLED, int(number), 0)) for number in numbers]
        allowed = [segment for segment in segments if segment.song.name not in excluded]
        if not allowed:
            # The pool contains excluded songs only: search segments of this excerpt's own.
            extra = (self._segment((EXTRA, index, number)) for number in range(EXTRA_SEGMENTS))
            allowed = [segment for segment in extra if segment.song.name not in excluded]
            allowed = allowed or segments
        distinct = list({segment.song.name: segment for segment in allowed}.values())
        return distinct[:1] * len(STEMS) if coherent else (distinct * len(STEMS))[: len(STEMS)]

    def _segment(self, key: tuple[int, int, int]) -> _Segment:
        """Sample the song, start, speed and equalizers of a segment."""
        if key in self._segments:
            self._segments.move_to_end(key)
            return self._segments[key]
        config, augmentation = self.config, self._augmentation
        rng = np.random.default_rng([config.seed, *key])
        song = self._datasets.sample(rng)
        speed = augmentation.sample_speed(rng) if augmentation else 1.0
        duration = song.duration / speed
        seconds = config.segment_samples / config.sample_rate
        segment = _Segment(
            key,
            song,
            rng.uniform(0.0, max(0.0, duration - seconds)) * speed,
            speed,
            round(min(duration, seconds) * config.sample_rate),
            tuple(
                augmentation.sample_equalizer(rng, config.sample_rate) if augmentation else None
                for _ in STEMS
            ),
        )
        _store(self._segments, key, segment, 4 * config.pool)
        return segment

    def _stem(self, segment: _Segment, row: int) -> _CachedStem:
        """Return a stem of a segment, read and augmented unless it is cached."""
        key = (*segment.key, row)
        if key in self._stems:
            self._stems.move_to_end(key)
        else:
            audio = self._read(segment, row)
            power = np.square(audio).reshape(-1, audio.shape[-1]).mean(0)
            blocks = np.add.reduceat(power, np.arange(0, len(power), BLOCK_SIZE))
            energy = np.append(0.0, np.cumsum(blocks, dtype=np.float64))
            _store(
                self._stems, key, _CachedStem(audio, energy), len(STEMS) * (self.config.pool + 2)
            )
        return self._stems[key]

    def _read(self, segment: _Segment, row: int) -> NDArray[np.float32]:
        """Read a stem of a segment at its speed and apply its equalizer."""
        rate = self.config.sample_rate
        run_in = round(RUN_IN * rate)
        audio = segment.song.read(
            STEMS[row],
            segment.start - run_in / rate * segment.speed,
            run_in + self.config.segment_samples,
            rate / segment.speed,
            stereo=self.config.stereo,
        )
        equalizer = segment.equalizers[row]
        if equalizer is not None:
            audio = equalize(audio, equalizer)
        return audio[..., run_in:]

    def _is_active(self, segment: _Segment, row: int, start: int) -> bool:
        """Return whether the mean square is above `SILENCE`, by the blocks that lie inside."""
        energy, samples = self._stem(segment, row).energy, self.config.samples
        inside = energy[(start + samples) // BLOCK_SIZE] - energy[-(-start // BLOCK_SIZE)]
        return bool(inside > SILENCE * samples)


def _store(cache: OrderedDict[Any, Any], key: Any, value: Any, size: int) -> None:
    """Store a value in a least-recently-used cache; evicted values can be computed again."""
    cache[key] = value
    if len(cache) > size:
        cache.popitem(last=False)
