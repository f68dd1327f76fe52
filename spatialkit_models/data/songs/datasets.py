"""Datasets that songs are sampled from: directories and procedural collections."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_number
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.songs.library import Song, find_songs, split_songs

__all__ = ["Datasets", "StemSource", "split_datasets"]


class StemSource(Protocol):
    """Interface of a song: `Song` and `ProceduralSong` implement it."""

    @property
    def name(self) -> str:
        """Name of the song."""
        ...

    @property
    def duration(self) -> float:
        """Length in seconds."""
        ...

    def read(
        self, stem: str, start: float, samples: int, sample_rate: float, *, stereo: bool = False
    ) -> NDArray[np.float32]:
        """Return a segment of a stem, silence beyond both ends of the song."""
        ...


class Datasets:
    """Songs of one split in several weighted datasets.

    Parameters
    ----------
    datasets : sequence of (path or Procedural, weight)
        As in `ExcerptConfig`.
    split : {"train", "valid", "test"}
        Split that songs are sampled from.
    splits : mapping of str to str
        Splits of single songs by name.

    Raises
    ------
    AudioFileError
        If a directory contains no songs or a file cannot be read.
    OptionError
        If an entry is not a pair with a weight, ``splits`` names a song that does not exist, or
        no dataset has a song in the split.
    """

    def __init__(
        self,
        datasets: Sequence[tuple[str | os.PathLike[str] | Procedural, float]],
        split: str,
        splits: Mapping[str, str],
    ) -> None:
        self._sources: list[_Directory | _Collection] = []
        self._counts: dict[str, int | None] = {}
        weights = []
        for dataset, songs, weight in split_datasets(datasets, split, splits):
            if isinstance(dataset, Procedural):
                self._sources.append(_Collection(dataset, split))
                self._counts["procedural"] = None
                weights.append(weight)
                continue
            self._counts[str(dataset)] = len(songs)
            if songs:
                self._sources.append(_Directory(songs))
                weights.append(weight)
        ends = np.cumsum(weights)
        self._ends = ends / ends[-1]

    @property
    def counts(self) -> dict[str, int | None]:
        """Number of songs of the split by dataset, None for a procedural collection."""
        return dict(self._counts)

    def sample(self, rng: np.random.Generator) -> StemSource:
        """Sample a dataset by its weight, then a song of it."""
        source = self._sources[int(np.searchsorted(self._ends, rng.random(), side="right"))]
        return source.sample(rng)


def split_datasets(
    datasets: Sequence[tuple[str | os.PathLike[str] | Procedural, float]],
    split: str,
    splits: Mapping[str, str],
    *,
    joint: bool = False,
) -> list[tuple[str | os.PathLike[str] | Procedural, tuple[Song, ...], float]]:
    """Return each dataset with its songs of a split, none for a procedural one, and its weight.

    Parameters and errors are those of `Datasets`; with ``joint`` songs may have joint stems, see
    `find_songs`.
    """
    found: list[tuple[str | os.PathLike[str] | Procedural, tuple[Song, ...], float]] = []
    names: set[str] = set()
    for dataset, weight in map(_checked, datasets):
        chosen: tuple[Song, ...] = ()
        if not isinstance(dataset, Procedural):
            songs = find_songs(dataset, joint=joint)
            names |= {song.name for song in songs}
            chosen = split_songs(songs, split, splits=splits)
        found.append((dataset, chosen, weight))
    for name in splits:
        # A misspelt name would put a song that is to be held out into training.
        if name not in names:
            raise OptionError(f"splits contains {name!r}, but no dataset has a song of this name")
    if not any(weight for dataset, chosen, weight in found if chosen or _is_generated(dataset)):
        raise _no_song(datasets, split, len(names))
    return found


def _is_generated(dataset: object) -> bool:
    return isinstance(dataset, Procedural)


def _checked(entry: object) -> tuple[str | os.PathLike[str] | Procedural, float]:
    """Return an entry of ``datasets`` with "procedural" resolved, or raise an OptionError."""
    if not isinstance(entry, tuple) or len(entry) != 2:
        raise OptionError(
            "datasets must be a sequence of pairs (directory, weight), where the directory may be "
            f'Procedural() or "procedural", got {entry!r}'
        )
    dataset, weight = entry
    weight = as_number(weight, f"weight of {dataset}", minimum=0.0)
    return (Procedural() if dataset == "procedural" else dataset), weight


def _no_song(
    datasets: Sequence[tuple[str | os.PathLike[str] | Procedural, float]], split: str, songs: int
) -> OptionError:
    """Return the error for a split without songs."""
    found = ", ".join(str(dataset) for dataset, _ in datasets) or "none"
    if songs == 1:
        return OptionError(
            f"the datasets contain one song only ({found}), and the split {split!r} needs one of "
            "its own: add songs, or generated ones: the dataset 'procedural'"
        )
    return OptionError(
        f"no dataset with a weight above 0 has a song in the split {split!r}; datasets: {found}. "
        f"Put songs into a directory named {split}",
        python=f", or assign a song to it: splits={{song: {split!r}}}",
        command_line=f", or assign a song to it: --split SONG={split}",
    )


class _Directory:
    """Songs of one split in a directory, sampled in proportion to their length."""

    def __init__(self, songs: Sequence[Song]) -> None:
        self.songs = songs
        ends = np.cumsum([song.duration for song in songs])
        self.ends = ends / ends[-1]

    def sample(self, rng: np.random.Generator) -> StemSource:
        return self.songs[int(np.searchsorted(self.ends, rng.random(), side="right"))]


class _Collection:
    """Procedural songs of one split."""

    def __init__(self, collection: Procedural, split: str) -> None:
        self.collection, self.split = collection, split

    def sample(self, rng: np.random.Generator) -> StemSource:
        return self.collection.sample(rng, self.split)
