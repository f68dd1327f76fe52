"""Configuration of excerpts of stems."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spatialkit.validation import as_choice, as_count, as_number, as_sample_rate
from spatialkit_models.data.procedural import Procedural
from spatialkit_models.data.songs.augmentation import Augmentation
from spatialkit_models.stem_names import SPLITS, STEMS

__all__ = ["ExcerptConfig"]


@dataclass(frozen=True, kw_only=True)
class ExcerptConfig:
    """Configuration of `StemExcerpts`: the songs and how excerpts are sampled from them.

    Parameters
    ----------
    datasets : sequence of (path or Procedural, weight)
        Dataset directories (see `find_songs`), ``Procedural()`` or its short name "procedural",
        each with a weight: songs are sampled from a dataset in proportion to it. A dataset without
        songs in the split is skipped.
    split : {"train", "valid", "test"}
        Split that songs are sampled from: see `split_songs`.
    splits : mapping of str to str, optional
        Splits of single songs by name, such as ``{"francium": "test"}``; they override every
        other rule.
    seconds : float
        Length of an excerpt in seconds, at least 0.05.
    sample_rate : int
        Sample rate of excerpts in Hz, at least 8000. Files at other rates are resampled.
    stereo : bool
        Return stems with the two channels of their files; by default mono, the mean of these.
    seed : int
        Random seed, at least 0.
    coherent : float
        Fraction of excerpts whose stems come from one song at one time, 0 to 1. In the others each
        stem comes from another song, as far as there are enough songs.
    min_active : int
        Minimum number of active stems (mean level above -50 dBFS), 1 to 4. If songs rarely have as
        many, the best of several attempts is used.
    augmentation : Augmentation
        Augmentation of the split "train"; other splits are not augmented.
    pool : int
        Number of cached segments that neighbouring excerpts are sampled from. A larger pool mixes
        more songs within a batch and uses more memory (4 x 2 MB per segment of 12 s at 44.1 kHz).
    segment_seconds : float
        Length of a cached segment in seconds; extended to the length of an excerpt if shorter.
    reuse : float
        Average number of excerpts that use each second of a segment before it leaves the pool, at
        least 0.1. The time for decoding is proportional to 1/reuse.

    Raises
    ------
    OptionError
        If a value is not accepted.

    Examples
    --------
    >>> config = ExcerptConfig(datasets=[("procedural", 1.0)], seconds=2.0)
    >>> config.split, config.samples
    ('train', 88200)
    """

    datasets: Sequence[tuple[str | os.PathLike[str] | Procedural, float]]
    split: str = "train"
    splits: Mapping[str, str] = field(default_factory=dict)
    seconds: float
    sample_rate: int = 44100
    stereo: bool = False
    seed: int = 0
    coherent: float = 0.6
    min_active: int = 1
    augmentation: Augmentation = field(default_factory=Augmentation)
    pool: int = 12
    segment_seconds: float = 12.0
    reuse: float = 8.0

    def __post_init__(self) -> None:
        valid: dict[str, Any] = {
            "split": as_choice(self.split, "split", SPLITS),
            "splits": dict(self.splits),
            "seconds": as_number(self.seconds, "seconds", minimum=0.05, unit="s"),
            "sample_rate": as_sample_rate(self.sample_rate, minimum=8000),
            "seed": as_count(self.seed, "seed", minimum=0),
            "coherent": as_number(self.coherent, "coherent", minimum=0.0, maximum=1.0),
            "min_active": as_count(self.min_active, "min_active", maximum=len(STEMS)),
            "pool": as_count(self.pool, "pool"),
            "segment_seconds": as_number(self.segment_seconds, "segment_seconds", unit="s"),
            "reuse": as_number(self.reuse, "reuse", minimum=0.1),
        }
        for name, value in valid.items():
            object.__setattr__(self, name, value)

    @property
    def samples(self) -> int:
        """Length of an excerpt in samples."""
        return round(self.seconds * self.sample_rate)

    @property
    def segment_samples(self) -> int:
        """Length of a cached segment in samples."""
        return max(self.samples, round(self.segment_seconds * self.sample_rate))
