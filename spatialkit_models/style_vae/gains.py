"""Gains of stems in given directions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import OptionError
from spatialkit.panning import vbap_gains
from spatialkit.validation import as_angles, as_choice
from spatialkit_models.stem_names import STEMS

__all__ = ["BAND", "direction_gains", "stem_angles", "stem_gains"]

# Directions of stems that are not specified: those of an ordinary mix.
ORDINARY = {"vocals": (0.0,), "drums": (30.0, -30.0), "bass": (0.0,), "other": (30.0, -30.0)}
BAND = {**ORDINARY, "other": (110.0, -110.0)}
"""Default style: an ordinary mix with other instruments in the rear loudspeakers."""


def direction_gains(directions: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the gains of stems in given directions for the loudspeakers of "5.0", of power 1.

    Parameters
    ----------
    directions : mapping
        As in `directions_style`.

    Returns
    -------
    ndarray, shape (4, 5)

    Examples
    --------
    >>> direction_gains({"vocals": 0.0, "other": [110.0, -110.0]})[[0, 3]].round(3)
    array([[0.   , 0.   , 1.   , 0.   , 0.   ],
           [0.   , 0.   , 0.   , 0.707, 0.707]])
    """
    return _gains({**ORDINARY, **stem_angles(directions)})


def stem_gains(directions: Mapping[str, Any], missing: float) -> NDArray[np.float64]:
    """Return the loudspeaker gains of stems in directions, (stems, 5), and a value for the rest."""
    angles = stem_angles(directions)
    gains = np.full((len(STEMS), 5), missing)
    for stem, row in zip(angles, _gains(angles), strict=True):
        gains[STEMS.index(stem)] = row
    return gains


def stem_angles(directions: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Return checked azimuths by stem, in the order of ``directions``."""
    angles = {}
    for name, azimuth in directions.items():
        stem = as_choice(name, "stem", STEMS)
        angles[stem] = np.atleast_1d(as_angles(azimuth, f"direction of {stem}"))
        if angles[stem].ndim != 1 or not angles[stem].size:
            raise OptionError(
                f"direction of {stem} must be degrees or a list of degrees, got {azimuth!r}"
            )
    return angles


def _gains(angles: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return gains of power 1, one row per stem."""
    gains = np.stack([vbap_gains(azimuth).sum(0) for azimuth in angles.values()])
    return gains / np.linalg.norm(gains, axis=1, keepdims=True)
