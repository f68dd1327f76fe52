"""Excerpts of songs at listed times, and files that list them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_dataclass, as_number, read_json
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.songs import Song, find_songs, split_songs
from spatialkit_models.stem_names import STEMS

__all__ = [
    "POOL",
    "PUBLISHED",
    "ExcerptList",
    "ListedExcerpts",
    "Starts",
    "find_places",
    "read_list",
]

# Excerpts whose numbers differ by this are different segments; sampled excerpts are each sampled
# from as many segments.
POOL = 12
# Name of the list of the published figures.
PUBLISHED = "published"
# Value of ``starts`` for consecutive excerpts of whole songs.
EVERYWHERE = "all"

Starts: TypeAlias = Sequence[float] | Mapping[str, Sequence[float]] | str | None


@dataclass(frozen=True, eq=False)
class ListedExcerpts:
    """Excerpts at listed times of songs, with the interface of `StemExcerpts`.

    Parameters
    ----------
    places : sequence of (Song, float)
        Song and start time in seconds of each excerpt.
    seconds : float
        Length of an excerpt in seconds.
    sample_rate : int
        Sample rate in Hz.
    stereo : bool
        Return two channels per stem.
    """

    places: Sequence[tuple[Song, float]]
    seconds: float
    sample_rate: int
    stereo: bool = False

    def excerpt(self, index: int, *, other_than: int | None = None) -> NDArray[np.float32]:
        """Return the stems of an excerpt, (4, samples) or (4, 2, samples)."""
        song, start = self._place(index, other_than)
        samples = round(self.seconds * self.sample_rate)
        return np.stack(
            [
                song.read(stem, start, samples, self.sample_rate, stereo=self.stereo)
                for stem in STEMS
            ]
        )

    def songs(self, index: int, *, other_than: int | None = None) -> tuple[str, ...]:
        """Return the name of the song of each stem of an excerpt."""
        return (self._place(index, other_than)[0].name,) * len(STEMS)

    def start(self, index: int) -> float:
        """Return the start time of an excerpt in seconds."""
        return self._place(index, None)[1]

    def _place(self, index: int, other_than: int | None) -> tuple[Song, float]:
        """Return the place of a number, or the next one of another song than that of a number."""
        count, first = len(self.places), index // POOL
        excluded = "" if other_than is None else self._place(other_than, None)[0].name
        following = [self.places[(first + offset) % count] for offset in range(count)]
        return next((place for place in following if place[0].name != excluded), following[0])


def find_places(
    datasets: Sequence[tuple[Any, float]], split: str, starts: Starts, seconds: float
) -> list[tuple[Song, float]]:
    """Return the songs of a split in datasets with listed start times.

    Parameters
    ----------
    datasets : sequence of (path, weight)
        Dataset directories; weights are not used.
    split : {"train", "valid", "test", "all"}
    starts : sequence of float, mapping or "all"
        As in `SongExcerpts`.
    seconds : float
        Length of an excerpt in seconds.

    Raises
    ------
    OptionError
        If an excerpt does not lie inside its song, or there is none.
    AudioFileError
        If a directory contains no songs.
    """
    if any(isinstance(dataset, Procedural) or dataset == "procedural" for dataset, _ in datasets):
        raise OptionError("procedural songs have no start times: pass directories of songs")
    found = [song for dataset, _ in datasets for song in find_songs(dataset)]
    songs = found if split == "all" else split_songs(found, split)
    places = [(song, start) for song in songs for start in _starts_of(song, starts, seconds)]
    if not places:
        listed = f"; the list names {', '.join(starts)}" if isinstance(starts, Mapping) else ""
        raise OptionError(
            f"no excerpt of {seconds:g} s in the split {split!r} of the datasets, whose songs are "
            f"{', '.join(sorted({song.name for song in found}))}{listed}"
        )
    return places


def _starts_of(song: Song, starts: Starts, seconds: float) -> list[float]:
    """Return the start times of excerpts of a song."""
    if isinstance(starts, str):
        if starts != EVERYWHERE:
            raise OptionError(f"starts must be numbers or {EVERYWHERE!r}, got {starts!r}")
        return [seconds * number for number in range(math.floor(song.duration / seconds))]
    listed = starts.get(song.name, ()) if isinstance(starts, Mapping) else starts or ()
    values = [as_number(start, "start", minimum=0.0, unit="s") for start in listed]
    for start in values:
        if start + seconds > song.duration:
            raise OptionError(
                f"an excerpt of {seconds:g} s from {start:g} s exceeds {song.name}, which has "
                f"{song.duration:.1f} s"
            )
    return values


@dataclass(frozen=True)
class ExcerptList:
    """Songs, start times and seed of a benchmark.

    Parameters
    ----------
    seconds : float
        Length of an excerpt in seconds.
    songs : mapping of str to sequence of float
        Start times in seconds by name of the song.
    seed : int, optional
        Seed of everything that is sampled.
    about : str
        Description.
    """

    seconds: float
    songs: Mapping[str, Sequence[float]]
    seed: int | None = None
    about: str = ""

    def __post_init__(self) -> None:
        as_number(self.seconds, "seconds", minimum=0.0, unit="s")
        for starts in self.songs.values():
            for start in starts:
                as_number(start, "start", minimum=0.0, unit="s")


def read_list(name: str | Path) -> ExcerptList:
    """Read a list of excerpts from a JSON file with the fields of `ExcerptList`.

    Parameters
    ----------
    name : str or Path
        "published" for the list of the published figures, or a file.

    Raises
    ------
    OptionError
        If the file cannot be read or is no such list.

    Examples
    --------
    >>> found = read_list("published")
    >>> found.seconds, found.songs["francium"]
    (30.0, (40.0, 136.0, 200.0))
    """
    path = Path(__file__).with_name("excerpts.json") if name == PUBLISHED else Path(name)
    try:
        return as_dataclass(ExcerptList, read_json(path), "list of excerpts")
    except OptionError as error:
        raise OptionError(
            f'{name} is no list of excerpts; it must be JSON such as {{"seconds": 30, "songs": '
            f'{{"francium": [40, 136, 200]}}}}: {error}'
        ) from error
