"""Which excerpts of songs benchmarks take, and of which rooms."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spatialkit.validation import as_choice
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.rooms import RoomResponses, find_rooms
from spatialkit_models.data.songs import StemExcerpts, find_songs
from spatialkit_models.stem_names import SPLITS

__all__ = ["POOL", "SAMPLE_RATE", "SEED", "RoomChoice", "SongExcerpts"]

SAMPLE_RATE = 44100
# Not that of training, which takes its validation from the same songs.
SEED = 20261121
# Excerpts have pieces of songs of their own: so many to choose from.
POOL = 12
LEAST_SOUNDING = 3


@dataclass(frozen=True)
class SongExcerpts:
    """Which excerpts are upmixed.

    Parameters
    ----------
    roots : sequence of (path or Procedural, weight)
        See `StemExcerpts`.
    split : {"train", "valid", "test", "all"}
        Which songs; "all" takes songs of any split.
    seconds : float
        Length of an excerpt.
    seed : int
        Of the choice of excerpts.
    sample_rate : int
        Hz.
    least_sounding : int
        How many stems have to sound, if the song allows it.
    """

    roots: Sequence[tuple[str | os.PathLike[str] | Procedural, float]]
    split: str = "valid"
    seconds: float = 10.0
    seed: int = SEED
    sample_rate: int = SAMPLE_RATE
    least_sounding: int = LEAST_SOUNDING

    def open(self, *, stereo: bool = False) -> StemExcerpts:
        """Excerpts of whole songs, each of a piece of its own, without augmentation."""
        split, splits = as_choice(self.split, "split", (*SPLITS, "all")), None
        if split == "all":
            split = "test"
            splits = {
                song.name: split
                for root, _ in self.roots
                if not isinstance(root, Procedural) and root != "procedural"
                for song in find_songs(root)
            }
        return StemExcerpts(
            self.roots,
            split,
            self.seconds,
            self.sample_rate,
            seed=self.seed,
            coherent=1.0,
            least_sounding=self.least_sounding,
            splits=splits,
            pool=POOL,
            piece_seconds=self.seconds,
            reuse=1.0,
            stereo=stereo,
        )

    def facts(self) -> dict[str, Any]:
        """What JSON says of them."""
        roots = [
            {
                "root": "procedural" if isinstance(root, Procedural) else str(root),
                "weight": weight,
            }
            for root, weight in self.roots
        ]
        names = ("split", "seconds", "seed", "sample_rate", "least_sounding")
        return {"roots": roots, **{name: getattr(self, name) for name in names}}


@dataclass(frozen=True)
class RoomChoice:
    """In which rooms stems are put.

    Parameters
    ----------
    roots : sequence of path
        Folders of responses: see `RoomResponses`.
    split : {"train", "valid", "test", "all"}
        Which rooms; "all" takes rooms of any split.
    format : str
        What measured responses are: see `RoomResponses`.
    dry_below : float
        Hz below which there is only direct sound: see `RoomResponses`. By default as in training.
    """

    roots: Sequence[str | os.PathLike[str]]
    split: str = "valid"
    format: str = "ambix1"
    dry_below: float = 150.0

    def open(self, sample_rate: int, seed: int) -> RoomResponses:
        """Responses by number."""
        split, splits = as_choice(self.split, "split", (*SPLITS, "all")), None
        if split == "all":
            split = "test"
            splits = {room.name: split for root in self.roots for room in find_rooms(root)}
        return RoomResponses(
            self.roots,
            split,
            sample_rate,
            seed=seed,
            format=self.format,
            dry_below=self.dry_below,
            splits=splits,
        )

    def facts(self) -> dict[str, Any]:
        """What JSON says of them."""
        roots = [str(root) for root in self.roots]
        names = ("split", "format", "dry_below")
        return {"roots": roots, **{name: getattr(self, name) for name in names}}
