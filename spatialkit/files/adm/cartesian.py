"""Conversion of Cartesian positions of objects, which are in a cube, to polar ones.

Source: ITU-R BS.2127-1, section 10 ("Conversion"). The walls of the cube are those that the
loudspeakers of 4+5+0 span: its corners are M+030, M-030, M-110 and M+110, with M+000 between the
first two, and the upper layer, at an elevation of 30 degrees, is its ceiling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["polar_of_cube"]

Array = NDArray[np.float64]
# Corners from the left rear clockwise: x to the right, y to the front; and their azimuths.
_CORNERS = np.array([(-1.0, -1.0), (-1.0, 1.0), (0.0, 1.0), (1.0, 1.0), (1.0, -1.0), (-1.0, -1.0)])
_AZIMUTHS = np.array([110.0, 30.0, 0.0, -30.0, -110.0, -250.0])
# A position is a sum of both corners of its sector, with weights that are not negative.
_WEIGHTS = np.linalg.inv(np.stack([_CORNERS[:-1], _CORNERS[1:]], axis=2))
# Elevation of the edges of the ceiling, in a cube and on the sphere.
_CUBE_EDGE, _SPHERE_EDGE = 45.0, 30.0
# Below this, a position is on the vertical axis.
_AXIS = 1e-10


def polar_of_cube(position: Array, size: Array) -> tuple[Array, Array]:
    """Return polar positions and extents.

    Parameters
    ----------
    position : ndarray, shape (3, blocks)
        x to the right, y to the front and z up; the walls of the cube are at -1 and 1.
    size : ndarray, shape (3, blocks)
        Sizes in x, y and z, 0 to 1.

    Returns
    -------
    position : ndarray, shape (3, blocks)
        Azimuth and elevation in degrees, and distance.
    extent : ndarray, shape (3, blocks)
        Width and height in degrees, and depth.
    """
    polar = _polar_positions(*position)
    return polar, _polar_extents(np.linalg.norm(_axes(*polar[:2]) * size, axis=1))


def _polar_positions(x: Array, y: Array, z: Array) -> Array:
    weights = np.einsum("sij,jn->sin", _WEIGHTS, np.stack([x, y]))
    sector = weights.min(axis=1).argmax(axis=0)
    left, right = np.maximum(weights[sector, :, np.arange(len(x))], 0.0).T
    radius = left + right
    on_axis = np.hypot(x, y) < _AXIS
    share = right / np.where(on_axis, 1.0, radius)
    middle = (_AZIMUTHS[sector] + _AZIMUTHS[sector + 1]) / 2.0
    half = np.radians(_AZIMUTHS[sector] - _AZIMUTHS[sector + 1]) / 2.0
    # Constant power between the corners, on the sphere the tangent law.
    turn = np.degrees(np.arctan(np.tan(half) * np.tan((share - 0.5) * np.pi / 2.0)))
    azimuth = np.where(on_axis, 0.0, (middle - turn + 180.0) % 360.0 - 180.0)
    angle = np.where(on_axis, 90.0 * np.sign(z), np.degrees(np.arctan2(z, radius)))
    above = np.abs(angle) > _CUBE_EDGE
    elevation = np.interp(np.abs(angle), [0.0, _CUBE_EDGE, 90.0], [0.0, _SPHERE_EDGE, 90.0])
    return np.stack([azimuth, np.copysign(elevation, angle), np.where(above, np.abs(z), radius)])


def _axes(azimuth: Array, elevation: Array) -> Array:
    """Return unit vectors to the right, away and up (3, 3, blocks) as seen in a direction."""
    sine, cosine = (
        np.sin(np.radians([azimuth, elevation])),
        np.cos(np.radians([azimuth, elevation])),
    )
    right = [cosine[0], sine[0], np.zeros(len(azimuth))]
    away = [-sine[0] * cosine[1], cosine[0] * cosine[1], sine[1]]
    up = [sine[0] * sine[1], -cosine[0] * sine[1], cosine[1]]
    return np.array([right, away, up])


def _polar_extents(size: Array) -> Array:
    """Return width, height and depth of sizes to the right, away and up."""
    across, away, up = np.clip(size, 0.0, 1.0)
    angle_away = 2.0 * np.degrees(np.arccos(1.0 - 2.0 * away))
    width, height = (
        angle + part * np.maximum(angle_away - angle, 0.0)
        for part, angle in ((each, 2.0 * np.degrees(np.arcsin(each))) for each in (across, up))
    )
    # The part of the size away that width and height do not contain.
    contained = (1.0 - np.cos(np.radians(np.maximum(width, height)) / 2.0)) / 2.0
    return np.stack([width, height, np.maximum(away - contained, 0.0)])
