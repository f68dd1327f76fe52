"""Values of sources, static or at points along the audio."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.validation import as_distances

__all__ = ["REFERENCE_DISTANCE", "distances_along"]

REFERENCE_DISTANCE = 1.0
"""Metres at which a source has its own level; nearer ones are not louder."""


def as_paths(values: NDArray[np.float64], name: str, audio: NDArray[Any]) -> NDArray[np.float64]:
    """Return values as (sources or 1, points), after checking that they fit the audio.

    For audio (samples,) they are a scalar or (points,); for audio (..., sources, samples) a scalar,
    (sources,) or (sources, points).
    """
    n_sources = 1 if audio.ndim == 1 else audio.shape[-2]
    shape = values.shape
    if audio.ndim == 1:
        fits = values.ndim <= 1
        values = values.reshape(1, -1) if fits else values
    else:
        fits = values.ndim == 0 or (values.ndim <= 2 and values.shape[0] == n_sources)
        values = values.reshape(-1, 1) if values.ndim <= 1 else values
    if not fits or values.shape[-1] == 0:
        accepted = (
            "a scalar or (points,) for audio of shape (samples,)"
            if audio.ndim == 1
            else f"a scalar, ({n_sources},) or ({n_sources}, points) for {n_sources} sources"
        )
        raise ShapeError(f"{name} must be {accepted}, got shape {shape}")
    return values


def distances_along(distance: ArrayLike, audio: NDArray[Any]) -> NDArray[np.float64]:
    """Return the distances of sources at each sample, linear between points.

    Parameters
    ----------
    distance : array_like
        Metres, 0 to 100000, in the shapes of the azimuth of `spatialkit.vbap_pan`.
    audio : ndarray, shape (samples,) or (..., sources, samples)

    Returns
    -------
    ndarray of float64, shape (sources or 1, samples or 1)
        One value per source where the distance does not change.

    Raises
    ------
    OptionError
        If a distance is not a number, or out of range.
    ShapeError
        If the shape does not match that of the audio.

    Examples
    --------
    >>> distances_along([1.0, 3.0], np.zeros(5))
    array([[1. , 1.5, 2. , 2.5, 3. ]])
    """
    paths = as_paths(as_distances(distance), "distance", audio)
    points, samples = paths.shape[1], audio.shape[-1]
    if points == 1 or samples <= 1:
        return paths[:, :1]
    times = np.linspace(0.0, samples - 1.0, points)
    return np.array([np.interp(np.arange(samples), times, path) for path in paths])
