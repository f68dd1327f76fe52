"""Where stems stand: the option ``stage`` of the Ambisonizer, and what scenes draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.validation import as_choice, as_number
from spatialkit_models.stem_names import STEMS

__all__ = [
    "AHEAD",
    "NO_AMBIENCE",
    "RULE_STAGE",
    "STAGES",
    "mono_gains",
    "parse_stage",
    "places",
    "staged_azimuths",
]

AHEAD = (1.0, 1.0, 1.0, 1.0)
STAGES = {"front": AHEAD, "band": (1.0, 1.0, 1.0, -1.0)}
"""Stages that have a name: for each of `STEMS` from -1, behind, to 1, ahead."""

NO_AMBIENCE = -60.0
"""Level of ambience in dB that stands for none."""

# An ordinary stage: of each stem most degrees from the middle, and least and most width.
PLACES = {"vocals": (20.0, 0.0, 60.0), "drums": (10.0, 30.0, 120.0), "bass": (15.0, 0.0, 40.0)}
# Other instruments stand on a wide front at times, else anywhere.
FRONT_SHARE = 0.4
FRONT_OTHER, ANYWHERE_OTHER = (30.0, 60.0, 180.0), (180.0, 20.0, 160.0)

RULE_STAGE = (1.0, 1.0, 1.0, FRONT_SHARE)
"""Mean of the stages that `staged_azimuths` draws: anywhere is ahead as often as behind."""

# The likeliest scene of mono: widths in degrees of stems that are all in the middle.
LIKELY_WIDTHS = (0.0, 75.0, 0.0, 120.0)
# Level of what the two sides of a stem have apart, against what they have in common: songs have
# from -17 to -6 dB.
APART = 0.5


def parse_stage(stage: str | Mapping[str, float]) -> tuple[float, ...]:
    """Values of the four stems, in the order of `STEMS`, from -1, behind, to 1, ahead.

    Parameters
    ----------
    stage : str or mapping
        A name of `STAGES`, or values by stem, as a mapping or as the shell writes them. Stems
        left out are ahead.

    Raises
    ------
    OptionError
        If it is neither, a stem is unknown, or a value is not from -1 to 1.

    Examples
    --------
    >>> parse_stage("band")
    (1.0, 1.0, 1.0, -1.0)
    >>> parse_stage("drums:0.7,other:-0.5")
    (1.0, 0.7, 1.0, -0.5)
    """
    if isinstance(stage, str):
        if stage.strip() in STAGES:
            return STAGES[stage.strip()]
        stage = _parsed(stage)
    values = dict.fromkeys(STEMS, 1.0)
    for stem, value in stage.items():
        stem = as_choice(stem, "stem of stage", STEMS)
        values[stem] = as_number(value, f"stage of {stem}", minimum=-1.0, maximum=1.0)
    return tuple(values.values())


def _parsed(text: str) -> dict[str, float]:
    found: dict[str, float] = {}
    for part in text.split(","):
        stem, colon, value = part.partition(":")
        try:
            if not colon or stem.strip() in found:
                raise ValueError
            found[stem.strip()] = float(value)
        except ValueError:
            raise OptionError(
                f"stage must be {', '.join(map(repr, STAGES))}, or {', '.join(STEMS)} with values "
                f"from -1 to 1, such as vocals:1,drums:0.7,other:-0.5, each once, got {text!r}"
            ) from None
    return found


def mono_gains(seed: int, stage: tuple[float, ...]) -> NDArray[np.float32]:
    """Gains that place the stems of mono, (stems, 3), for `Ambisonizer.place`.

    A stem is two plane waves half of its width to either side of its azimuth. What the two have
    in common is W; what they have apart is made of the decorrelated twin of W.

    Parameters
    ----------
    seed : int
        0 is the likeliest scene: all in the middle, drums and other instruments wide. Others
        draw azimuths and widths.
    stage : tuple of float
        Of each stem, as `parse_stage` returns it: whether it is ahead or behind; what is drawn
        says how far to which side.

    Examples
    --------
    >>> mono_gains(0, (1.0, 1.0, 1.0, -1.0)).round(2)
    array([[ 0.  ,  1.  ,  0.  ],
           [ 0.  ,  0.79,  0.3 ],
           [ 0.  ,  1.  ,  0.  ],
           [ 0.  , -0.5 ,  0.43]], dtype=float32)
    """
    if seed:
        azimuth, width = staged_azimuths(np.random.default_rng(seed))
    else:
        azimuth, width = np.zeros(len(STEMS)), np.array(LIKELY_WIDTHS)
    angle, half = np.radians(azimuth), np.radians(width) / 2.0
    common, across = np.cos(half), np.abs(np.cos(angle))
    y, x = np.sin(angle) * common, across * common * stage
    return np.stack([y, x, APART * across * np.sin(half)], 1).astype(np.float32)


def staged_azimuths(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw where vocals, drums, bass and other stand on an ordinary stage.

    Returns
    -------
    azimuth, width : ndarray of float64, shape (4,)
        Degrees: of the middle of each stem, and between its sides.
    """
    other = FRONT_OTHER if rng.random() < FRONT_SHARE else ANYWHERE_OTHER
    return places(rng, [*PLACES.values(), other])


def places(
    rng: np.random.Generator, rules: Sequence[tuple[float, float, float]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Azimuths and widths by rules: most degrees from the middle, least and most width."""
    off, least, most = np.array(rules).T
    return rng.uniform(-off, off), rng.uniform(least, most)
