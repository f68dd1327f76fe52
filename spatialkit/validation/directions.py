"""Validation of angles and distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import DirectionError, OptionError, ShapeError
from spatialkit.validation.arrays import as_numbers

__all__ = ["as_angles", "as_directions", "as_distances"]


MAX_DISTANCE = 1e5


def as_angles(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """Return angles in degrees as a float64 array.

    Parameters
    ----------
    values : array_like
        Degrees, any finite number.
    name : str
        Name of the argument, for error messages.

    Returns
    -------
    ndarray of float64
        In the shape of ``values``.

    Raises
    ------
    DirectionError
        If a value is not a finite number.

    Examples
    --------
    >>> as_angles([0, 90], "azimuth")
    array([ 0., 90.])
    """
    array = as_numbers(values, name, DirectionError, unit="degrees")
    if not np.all(np.isfinite(array)):
        bad = array[~np.isfinite(array)].flat[0]
        raise DirectionError(f"{name} must be finite degrees, got {bad}")
    return array


def as_directions(
    azimuth: ArrayLike, elevation: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return azimuth and elevation as float64 arrays of one shape.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other; elevation from -90 to 90.

    Returns
    -------
    azimuth, elevation : ndarray of float64

    Raises
    ------
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.
    ShapeError
        If the shapes do not broadcast against each other.

    Examples
    --------
    >>> as_directions([30, -30], 0)
    (array([ 30., -30.]), array([0., 0.]))
    """
    azimuths = as_angles(azimuth, "azimuth")
    elevations = as_angles(elevation, "elevation")
    if np.abs(elevations).max(initial=0.0) > 90.0:
        bad = elevations[np.abs(elevations) > 90.0].flat[0]
        raise DirectionError(f"elevation must be from -90 to 90 degrees, got {bad:g}")
    if azimuths.shape == elevations.shape:  # the following would take longer than the checks
        return azimuths, elevations
    try:
        azimuths, elevations = np.broadcast_arrays(azimuths, elevations)
    except ValueError as error:
        raise ShapeError(
            f"azimuth of shape {azimuths.shape} and elevation of shape {elevations.shape} "
            "do not broadcast against each other"
        ) from error
    return azimuths, elevations


def as_distances(distance: ArrayLike) -> NDArray[np.float64]:
    """Return distances in metres as a float64 array, after checking that they are 0 to 100000.

    Raises
    ------
    OptionError
        If a distance is not a number, or out of range.
    """
    metres = as_numbers(distance, "distance", OptionError, unit="metres")
    wrong = ~((metres >= 0.0) & (metres <= MAX_DISTANCE))
    if wrong.any():
        raise OptionError(
            f"distance must be from 0 to {MAX_DISTANCE:.0f} metres, got {metres[wrong].flat[0]:g}"
        )
    return metres
