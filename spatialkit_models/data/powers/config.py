"""Configuration of mixes of powers; light to import."""

from __future__ import annotations

from dataclasses import dataclass, fields

from spatialkit.validation import as_count, as_number
from spatialkit_models.modules import MAX_LEVEL_DB, MAX_SIZE

__all__ = ["PowerMixConfig"]


@dataclass(frozen=True, kw_only=True)
class PowerMixConfig:
    """Mixes that separation masks are trained on, see `PowerMixes`.

    Parameters
    ----------
    frames : int
        Length of a mix in STFT frames.
    natural : float
        Ratio of excerpts of songs as they are mixed, 0 to 1. Songs with joint stems are always
        used as they are.
    panned : float
        Ratio of the other mixes, 0 to 1, in which every stem is a point between left and right.
    coherent : float
        Ratio of the other mixes, 0 to 1, whose stems come from one song at one time.
    panned_stem : float
        Probability that a single stem is a point in a mix that is not panned as a whole.
    silent : float
        Probability that a stem is left out of a mix.
    doubled : float
        Probability that two songs provide "other" together, in mixes of several songs.
    shifted : float
        Probability that a stem, except drums, or an excerpt is transposed.
    tilt_db : float
        Standard deviation of random equalizers, dB at each of seven points.
    level_db : float
        Standard deviation of the level of stems from different songs, dB.
    """

    frames: int = 128
    natural: float = 0.35
    panned: float = 0.2
    coherent: float = 0.4
    panned_stem: float = 0.15
    silent: float = 0.1
    doubled: float = 0.2
    shifted: float = 0.3
    tilt_db: float = 3.0
    level_db: float = 5.0

    def __post_init__(self) -> None:
        as_count(self.frames, "frames", maximum=MAX_SIZE)
        for field in fields(self):
            if field.name in ("tilt_db", "level_db"):
                level = getattr(self, field.name)
                as_number(level, field.name, minimum=0.0, maximum=MAX_LEVEL_DB, unit="dB")
            elif field.name != "frames":
                as_number(getattr(self, field.name), field.name, minimum=0.0, maximum=1.0)
