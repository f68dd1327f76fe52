"""Nominal directions of loudspeakers, specified by their labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spatialkit.layouts import tables

# The screen loudspeakers are nominally inside of M+030 and M-030, or outside (BS.2127-1, 6.1.3.1).
SCREEN_LABELS = {"M+SC": "M+030", "M-SC": "M-030"}
WIDE_SCREEN_AZIMUTH = 45.0


def label_directions(
    labels: Sequence[str], azimuth: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Return nominal azimuths and elevations (2, channels); NaN where a label specifies none.

    The surround pair of 5.x is at 110 degrees and the front pair of quad at 45. The real azimuths
    determine whether screen loudspeakers are inside of the front pair or outside.
    """
    angles = [
        tables.everyday_direction(label) or tables.bs2051_direction(label) or (np.nan, np.nan)
        for label in labels
    ]
    nominal = np.array(angles, dtype=np.float64).reshape(-1, 2).T.copy()
    if not {"BL", "BR", "BC"} & set(labels):
        _replace(nominal, labels, ("SL", "SR"), tables.SURROUND_AZIMUTH)
    if set(labels) == set(tables.EVERYDAY_SYSTEMS["quad"].split()):
        _replace(nominal, labels, ("FL", "FR"), tables.QUAD_FRONT_AZIMUTH)
    if azimuth is not None:
        for label, front in SCREEN_LABELS.items():
            if label in labels and _is_outside(label, front, labels, azimuth):
                _replace(nominal, labels, (label,), WIDE_SCREEN_AZIMUTH)
    return nominal


def _replace(
    nominal: NDArray[np.float64], labels: Sequence[str], replaced: Sequence[str], size: float
) -> None:
    """Set the azimuths of some labels to ``size``, on their own side."""
    channels = np.isin(labels, replaced)
    nominal[0, channels] = np.sign(nominal[0, channels]) * size


def _is_outside(
    label: str, front: str, labels: Sequence[str], azimuth: NDArray[np.float64]
) -> bool:
    """Return whether a screen loudspeaker is farther from the centre than the front one."""
    standard = {front: tables.bs2051_direction(front)[0], "M+000": 0.0}  # type: ignore[index]
    real = dict(zip(labels, azimuth, strict=True))
    centre = real.get("M+000", standard["M+000"])
    distances = [
        abs(np.remainder(angle - centre + 180.0, 360.0) - 180.0)
        for angle in (real[label], real.get(front, standard[front]))
    ]
    return bool(distances[0] > distances[1])


def permitted_angles(labels: Sequence[str]) -> tuple[str | None, NDArray[np.float64]]:
    """Return the system of BS.2051 with given labels, and the angles that it permits.

    Parameters
    ----------
    labels : sequence of str
        In any order and notation; LFE channels are ignored.

    Returns
    -------
    system : str or None
        None if no system has these loudspeakers.
    angles : ndarray of float64, shape (2, 2, channels)
        Azimuth and elevation, lowest and highest, in degrees; NaN for LFE channels and without a
        system.
    """
    angles = np.full((2, 2, len(labels)), np.nan)
    roles = [tables.everyday_label(label) for label in labels]
    wanted = sorted(role for role in roles if not role.startswith("LFE"))
    for system, own in tables.BS2051_SYSTEMS.items():
        named = {tables.everyday_label(label): label for label in own.split()}
        if wanted == sorted(role for role in named if not role.startswith("LFE")):
            for channel, role in enumerate(roles):
                if role in wanted:
                    angles[..., channel] = _permitted(system, named[role])
            return system, angles
    return None, angles


def _permitted(system: str, label: str) -> NDArray[np.float64]:
    ranges = tables.BS2051_RANGES[system]
    if label in ranges:
        left, right, low, high = ranges[label]
        return np.array([[left, right], [low, high]], dtype=np.float64)
    left, right, low, high = ranges[label.replace("-", "+")]
    return np.array([[-right, -left], [low, high]], dtype=np.float64)
