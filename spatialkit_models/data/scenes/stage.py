"""Stages of the Ambisonizer: the option ``stage``, and random directions of stems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, as_number, match_name, unknown_name
from spatialkit_models.stem_names import STEMS

__all__ = [
    "ALL_FRONT",
    "NO_AMBIENCE",
    "MEAN_STAGE",
    "STAGES",
    "mono_gains",
    "parse_stage",
    "sample_places",
    "sample_band",
]

ALL_FRONT = (1.0, 1.0, 1.0, 1.0)
STAGES = {"front": ALL_FRONT, "band": (1.0, 1.0, 1.0, -1.0)}
"""Named stages: front-rear position of each of `STEMS`, from -1 (rear) to 1 (front)."""

NO_AMBIENCE = -60.0
"""Level of ambience in dB that disables it."""

# Ordinary stage: maximum azimuth, minimum and maximum width of each stem, in degrees.
PLACES = {"vocals": (20.0, 0.0, 60.0), "drums": (10.0, 30.0, 120.0), "bass": (15.0, 0.0, 40.0)}
# Probability that other instruments are in a wide front; otherwise they are in any direction.
FRONT_PROBABILITY = 0.4
FRONT_OTHER, ANYWHERE_OTHER = (30.0, 60.0, 180.0), (180.0, 20.0, 160.0)

MEAN_STAGE = (1.0, 1.0, 1.0, FRONT_PROBABILITY)
"""Mean stage of `sample_band`: any direction is in front as often as in the rear."""

# Widths in degrees of the most likely scene of mono, whose stems are all in the centre.
DEFAULT_WIDTHS = (0.0, 75.0, 0.0, 120.0)
# Gain of the difference of the two channels of a stem relative to their sum; -17 to -6 dB in songs.
DECORRELATED_GAIN = 0.5


def parse_stage(stage: str | Mapping[str, float]) -> tuple[float, ...]:
    """Return the front-rear position of each of `STEMS`, from -1 (rear) to 1 (front).

    Parameters
    ----------
    stage : str or mapping
        Name of a stage in `STAGES`, or values by stem, as a mapping or in the notation of the
        command line. Other stems are in front.

    Raises
    ------
    OptionError
        If the name or a stem is unknown, or a value is not from -1 to 1.

    Examples
    --------
    >>> parse_stage("band")
    (1.0, 1.0, 1.0, -1.0)
    >>> parse_stage("drums:0.7,other:-0.5")
    (1.0, 0.7, 1.0, -0.5)
    """
    if isinstance(stage, str):
        name = match_name(stage.strip(), STAGES)
        if name:
            return STAGES[name]
        stage = _parsed(stage)
    values = dict.fromkeys(STEMS, 1.0)
    for stem, value in stage.items():
        stem = as_choice(stem, "stem of stage", STEMS)
        values[stem] = as_number(value, f"stage of {stem}", minimum=-1.0, maximum=1.0)
    return tuple(values.values())


def _parsed(text: str) -> dict[str, float]:
    """Parse values by stem in the notation of the command line."""
    if ":" not in text:
        raise OptionError(
            f"{unknown_name('stage', text, STAGES)}, or values by stem from -1 (rear) to 1 (front) "
            "such as vocals:1,drums:0.7,other:-0.5"
        )
    values: dict[str, float] = {}
    for item in text.split(","):
        name, colon, value = item.partition(":")
        stem = name.strip().casefold()
        try:
            if not colon or stem in values:
                raise ValueError
            values[stem] = float(value)
        except ValueError:
            raise OptionError(
                f"stage must be {', '.join(map(repr, STAGES))}, or {', '.join(STEMS)} with values "
                f"from -1 to 1, such as vocals:1,drums:0.7,other:-0.5, each once, got {text!r}"
            ) from None
    return values


def mono_gains(seed: int, stage: tuple[float, ...]) -> NDArray[np.float32]:
    """Return gains that place the stems of mono, (stems, 3), for `Ambisonizer.place`.

    A stem is two plane waves at half of its width to the left and right of its azimuth. Their sum
    is W; their difference is the decorrelated copy of W.

    Parameters
    ----------
    seed : int
        0 is the most likely scene: all stems in the centre, drums and other instruments wide.
        Other seeds sample azimuths and widths.
    stage : tuple of float
        Front-rear position of each stem as returned by `parse_stage`; the seed determines the
        lateral position.

    Examples
    --------
    >>> mono_gains(0, (1.0, 1.0, 1.0, -1.0)).round(2)
    array([[ 0.  ,  1.  ,  0.  ],
           [ 0.  ,  0.79,  0.3 ],
           [ 0.  ,  1.  ,  0.  ],
           [ 0.  , -0.5 ,  0.43]], dtype=float32)
    """
    if seed:
        azimuth, width = sample_band(np.random.default_rng(seed))
    else:
        azimuth, width = np.zeros(len(STEMS)), np.array(DEFAULT_WIDTHS)
    angle, half = np.radians(azimuth), np.radians(width) / 2.0
    common, across = np.cos(half), np.abs(np.cos(angle))
    y, x = np.sin(angle) * common, across * common * stage
    return np.stack([y, x, DECORRELATED_GAIN * across * np.sin(half)], 1).astype(np.float32)


def sample_band(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sample directions of vocals, drums, bass and other on an ordinary stage.

    Returns
    -------
    azimuth, width : ndarray of float64, shape (4,)
        Azimuth of the centre of each stem, and its width, in degrees.
    """
    other = FRONT_OTHER if rng.random() < FRONT_PROBABILITY else ANYWHERE_OTHER
    return sample_places(rng, [*PLACES.values(), other])


def sample_places(
    rng: np.random.Generator, rules: Sequence[tuple[float, float, float]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sample azimuths and widths from rules: maximum azimuth, minimum and maximum width."""
    max_azimuth, min_width, max_width = np.array(rules).T
    return rng.uniform(-max_azimuth, max_azimuth), rng.uniform(min_width, max_width)
