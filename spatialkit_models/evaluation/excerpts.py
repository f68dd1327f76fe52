"""Songs and rooms that benchmarks are run on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spatialkit.validation import as_choice, as_count
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.rooms import RoomResponses, find_rooms
from spatialkit_models.data.songs import ExcerptConfig, StemExcerpts, find_songs
from spatialkit_models.evaluation.listed_excerpts import POOL, ListedExcerpts, Starts, find_places
from spatialkit_models.stem_names import SPLITS

__all__ = ["SAMPLE_RATE", "SEED", "RoomChoice", "SongExcerpts"]

SAMPLE_RATE = 44100
# Differs from the seed of training, whose validation uses the same songs.
SEED = 20261121
MIN_ACTIVE = 3
ALL_SPLITS = (*SPLITS, "all")


@dataclass(frozen=True)
class SongExcerpts:
    """Excerpts of songs that a benchmark upmixes.

    Parameters
    ----------
    datasets : sequence of (path or Procedural, weight)
        As in `ExcerptConfig`.
    split : {"train", "valid", "test", "all"}
        Split of the songs; "all" uses songs of every split.
    seconds : float
        Length of an excerpt in seconds.
    seed : int
        Seed of the choice of excerpts.
    sample_rate : int
        Sample rate in Hz.
    min_active : int
        Minimum number of active stems, if the song allows it.
    starts : sequence of float, mapping or "all", optional
        Start times in seconds, the same for every song or by name of the song; songs that a
        mapping does not contain are not used. "all" divides every song into consecutive excerpts.
        By default excerpts are sampled, and only these depend on ``seed`` and ``min_active``.
    """

    datasets: Sequence[tuple[str | os.PathLike[str] | Procedural, float]]
    split: str = "valid"
    seconds: float = 10.0
    seed: int = SEED
    sample_rate: int = SAMPLE_RATE
    min_active: int = MIN_ACTIVE
    starts: Starts = None

    def open(self, *, stereo: bool = False) -> StemExcerpts | ListedExcerpts:
        """Return coherent excerpts without augmentation.

        Excerpts whose numbers differ by `POOL` are different segments.
        """
        split, splits = as_choice(self.split, "split", ALL_SPLITS), {}
        if self.starts is not None:
            places = find_places(self.datasets, split, self.starts, self.seconds)
            return ListedExcerpts(places, self.seconds, self.sample_rate, stereo)
        if split == "all":
            split = "test"
            splits = {
                song.name: split
                for dataset, _ in self.datasets
                if not isinstance(dataset, Procedural) and dataset != "procedural"
                for song in find_songs(dataset)
            }
        config = ExcerptConfig(
            datasets=self.datasets,
            split=split,
            splits=splits,
            seconds=self.seconds,
            sample_rate=self.sample_rate,
            stereo=stereo,
            seed=self.seed,
            coherent=1.0,
            min_active=self.min_active,
            pool=POOL,
            segment_seconds=self.seconds,
            reuse=1.0,
        )
        return StemExcerpts(config)

    def count(self, examples: int) -> int:
        """Return the number of listed excerpts, or ``examples`` if excerpts are sampled."""
        opened = None if self.starts is None else self.open()
        if isinstance(opened, ListedExcerpts):
            return len(opened.places)
        return as_count(examples, "examples")

    def facts(self) -> dict[str, Any]:
        """Return the settings as recorded in the JSON of a benchmark."""
        datasets = [
            {
                "dataset": "procedural" if isinstance(dataset, Procedural) else str(dataset),
                "weight": weight,
            }
            for dataset, weight in self.datasets
        ]
        names = ("split", "seconds", "seed", "sample_rate", "min_active", "starts")
        return {"datasets": datasets, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class RoomChoice:
    """Rooms that a benchmark places stems in.

    Parameters
    ----------
    directories : sequence of path
        Directories of room responses: see `RoomResponses`.
    split : {"train", "valid", "test", "all"}
        Split of the rooms; "all" uses rooms of every split.
    format : str
        Ambisonic format of measured responses: see `RoomResponses`.
    dry_below : float
        Frequency in Hz below which responses are reduced to the direct sound: see
        `RoomResponses`. The default is that of training.
    """

    directories: Sequence[str | os.PathLike[str]]
    split: str = "valid"
    format: str = "ambix1"
    dry_below: float = 150.0

    def open(self, sample_rate: int, seed: int) -> RoomResponses:
        """Return room responses by number."""
        split, splits = as_choice(self.split, "split", ALL_SPLITS), None
        if split == "all":
            split = "test"
            splits = {
                room.name: split for directory in self.directories for room in find_rooms(directory)
            }
        return RoomResponses(
            self.directories,
            split,
            sample_rate,
            seed=seed,
            format=self.format,
            dry_below=self.dry_below,
            splits=splits,
        )

    def facts(self) -> dict[str, Any]:
        """Return the settings as recorded in the JSON of a benchmark."""
        directories = [str(directory) for directory in self.directories]
        names = ("split", "format", "dry_below")
        return {"directories": directories, **{name: getattr(self, name) for name in names}}
