"""Scenes of four stems in random directions around the listener."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.benchmarks.runner import Example, Trial
from spatialkit.benchmarks.songs import STEMS, find_songs, read_song
from spatialkit.typing import StrPath
from spatialkit.validation import as_count, as_number

__all__ = ["SourceScene", "SourceScenes", "active_errors"]

# Directions differ by at least 30 degrees of azimuth: one per quarter, up to 30 from its middle.
SPREAD = 30.0
MAX_ELEVATION = 45.0
MAX_SECONDS = 3600.0  # read of a song
# Stems this far below the sum of the stems have no measurable direction: -30 dB.
MIN_RELATIVE_ENERGY = 1e-3


@dataclass(frozen=True, eq=False)
class SourceScene:
    """Mono sources and their directions."""

    song: str
    sample_rate: int
    sources: NDArray[np.float32]
    """Vocals, drums, bass and other, shape (4, samples)."""
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    """Directions in degrees, shape (4,)."""
    seed: tuple[int, ...]
    """Seed for further random numbers, such as reverberation."""

    def example(self, trials: Iterable[Trial]) -> Example:
        """Return an example with song and directions as facts."""
        directions = np.stack([self.azimuth, self.elevation], axis=1).round(1).tolist()
        facts = {"songs": [self.song], "directions": dict(zip(STEMS, directions, strict=True))}
        seconds = self.sources.shape[1] / self.sample_rate
        return Example(facts, seconds, self.sample_rate, trials)


class SourceScenes:
    """Scenes of excerpts at random times of songs, which are used in turn.

    Parameters
    ----------
    stems : str or path, optional
        Directory of a song or of songs, see `find_songs`. By default the bundled song.
    examples : int
        Number of scenes.
    seconds : float
        Length of each scene, at least 1; the whole song if it is shorter.
    seed : int
        Seed of times and directions, at least 0.
    is_elevated : bool
        Whether two of the stems are up to 45 degrees above the horizon.

    Raises
    ------
    OptionError
        If an argument is not accepted.
    AudioFileError
        If the directory does not exist or contains no song. Iteration raises it if stems cannot be
        read.
    """

    def __init__(
        self,
        stems: StrPath | None,
        examples: int,
        seconds: float,
        seed: int,
        *,
        is_elevated: bool,
    ) -> None:
        self._count = as_count(examples, "examples")
        self._seconds = as_number(seconds, "seconds", minimum=1.0)
        self._seed = as_count(seed, "seed", minimum=0)
        self._songs = find_songs(stems)
        self._is_elevated = is_elevated

    @property
    def title(self) -> str:
        """Length and songs."""
        return f"{self._seconds:g} s of {', '.join(self._songs)}"

    def facts(self) -> dict[str, Any]:
        """Return the settings for the results of a benchmark."""
        return {
            "songs": list(self._songs),
            "examples": self._count,
            "seconds": self._seconds,
            "seed": self._seed,
        }

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SourceScene]:
        songs = [read_song(name, files, MAX_SECONDS) for name, files in self._songs.items()]
        for number in range(self._count):
            rng = np.random.default_rng([self._seed, number])
            song = songs[number % len(songs)]
            stems = np.stack([stem.mean(axis=0) for stem in song.stems.values()])
            samples = min(round(self._seconds * song.sample_rate), stems.shape[1])
            start = int(rng.integers(0, stems.shape[1] - samples + 1))
            quarters = 90.0 * rng.permutation(4) + rng.uniform(-SPREAD, SPREAD, 4)
            azimuth = (rng.uniform(0.0, 360.0) + quarters + 180.0) % 360.0 - 180.0
            elevation = np.where(rng.permutation(4) < 2, rng.uniform(0.0, MAX_ELEVATION, 4), 0.0)
            yield SourceScene(
                song.name,
                song.sample_rate,
                stems[:, start : start + samples],
                azimuth,
                elevation if self._is_elevated else np.zeros(4),
                (self._seed, number, 1),
            )


def active_errors(sources: NDArray[Any], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return errors (sources,) with NaN for sources that are nearly silent."""
    energy = np.sum(np.square(sources, dtype=np.float64), axis=1)
    return np.where(energy > MIN_RELATIVE_ENERGY * energy.sum(), errors, np.nan)
