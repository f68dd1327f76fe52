"""Directions: conversion between angles and vectors, rotations, and quadrature on the sphere.

Azimuth is 0 ahead and positive to the left (anticlockwise seen from above), elevation positive
up, both in degrees; x points ahead, y to the left, z up (ITU-R BS.2051, AmbiX).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.validation import as_angles, as_count, as_directions, as_numbers

# Largest degree of a quadrature: 500,000 points.
MAX_DEGREE = 1000

__all__ = [
    "angle_between",
    "arc_tangents",
    "rotation_matrix",
    "sphere_quadrature",
    "to_cartesian",
    "to_spherical",
    "unit_vectors",
]


def to_cartesian(azimuth: ArrayLike, elevation: ArrayLike = 0.0) -> NDArray[np.float64]:
    """Convert directions to unit vectors.

    Parameters
    ----------
    azimuth, elevation : array_like
        Degrees, broadcast against each other; elevation from -90 to 90.

    Returns
    -------
    ndarray of float64, shape (..., 3)
        x ahead, y left, z up.

    Raises
    ------
    DirectionError
        If an angle is not finite, or an elevation is outside -90 to 90 degrees.

    Examples
    --------
    >>> to_cartesian([0.0, 90.0]).round(3) + 0.0
    array([[1., 0., 0.],
           [0., 1., 0.]])
    """
    return unit_vectors(*as_directions(azimuth, elevation))


def unit_vectors(
    azimuth: NDArray[np.float64], elevation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Convert directions, of one shape and already checked, to unit vectors (..., 3)."""
    # Reduced in degrees: the sine of a large angle in radians is less precise.
    azimuth_rad = np.radians(np.fmod(azimuth, 360.0))
    elevation_rad = np.radians(elevation)
    horizontal = np.cos(elevation_rad)
    vectors = np.empty((*azimuth_rad.shape, 3))
    vectors[..., 0] = horizontal * np.cos(azimuth_rad)
    vectors[..., 1] = horizontal * np.sin(azimuth_rad)
    vectors[..., 2] = np.sin(elevation_rad)
    return vectors


def to_spherical(vectors: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Convert vectors of any length to azimuth and elevation.

    Parameters
    ----------
    vectors : array_like, shape (..., 3)
        x ahead, y left, z up. The angles of a vector of length zero are NaN.

    Returns
    -------
    azimuth, elevation : ndarray of float64, shape (...)
        Degrees, azimuth in (-180, 180], elevation in [-90, 90].

    Raises
    ------
    ShapeError
        If the vectors are not real numbers with a last axis of length 3.

    Examples
    --------
    >>> azimuth, elevation = to_spherical([0.0, -2.0, 0.0])
    >>> float(azimuth), float(elevation)
    (-90.0, 0.0)
    """
    x, y, z = np.moveaxis(_as_vectors(vectors, "vectors"), -1, 0)
    horizontal = np.hypot(x, y)
    undefined = (horizontal == 0.0) & (z == 0.0)
    azimuth = np.where(undefined, np.nan, np.degrees(np.arctan2(y, x)))
    azimuth = np.where(azimuth == -180.0, 180.0, azimuth)
    return azimuth, np.where(undefined, np.nan, np.degrees(np.arctan2(z, horizontal)))


def angle_between(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Compute the angle between vectors, exact for small angles too.

    Parameters
    ----------
    a, b : array_like, shape (..., 3)
        Vectors of any length, broadcast against each other; length zero gives NaN.

    Returns
    -------
    ndarray of float64, shape (...)
        Degrees, 0 to 180.

    Raises
    ------
    ShapeError
        If the vectors are not real numbers with a last axis of length 3, or their shapes do not
        broadcast against each other.

    Examples
    --------
    >>> float(angle_between([1.0, 0.0, 0.0], [0.0, 3.0, 0.0]))
    90.0
    """
    a, b = _as_vectors(a, "a"), _as_vectors(b, "b")
    try:
        a, b = np.broadcast_arrays(a, b)
    except ValueError as error:
        raise ShapeError(
            f"a of shape {a.shape} and b of shape {b.shape} do not broadcast against each other"
        ) from error
    # atan2 of cross and dot product: the arc cosine of a dot product loses precision near 0.
    sine = np.linalg.norm(np.cross(a, b), axis=-1)
    cosine = np.sum(a * b, axis=-1)
    undefined = (sine == 0.0) & (cosine == 0.0)
    return np.where(undefined, np.nan, np.degrees(np.arctan2(sine, cosine)))


def _as_vectors(values: ArrayLike, name: str) -> NDArray[np.float64]:
    vectors = as_numbers(values, name, ShapeError)
    if vectors.ndim < 1 or vectors.shape[-1] != 3:
        raise ShapeError(f"{name} must have shape (..., 3), got {vectors.shape}")
    return vectors


def arc_tangents(starts: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute unit tangents (n, 3) at the starts of the shortest arcs between unit vectors (n, 3).

    An arc between opposite points starts to the left, or to the front if that is impossible. The
    point at an angle ``a`` from the start is ``cos(a) * start + sin(a) * tangent``.
    """
    tangents = ends - np.sum(starts * ends, axis=1, keepdims=True) * starts
    for fallback in ([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]):
        # The norm is the sine of the angle: below 1e-9 the points are opposite or equal.
        undefined = np.linalg.norm(tangents, axis=1) < 1e-9
        along = (starts[undefined] @ fallback)[:, None]
        tangents[undefined] = np.array(fallback) - starts[undefined] * along
    return tangents / np.linalg.norm(tangents, axis=1, keepdims=True)


def rotation_matrix(yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> NDArray[np.float64]:
    """Compute the matrix of an active rotation of the scene: roll first, then pitch, then yaw.

    Parameters
    ----------
    yaw : float
        Degrees; positive rotates the scene to the left.
    pitch : float
        Degrees; positive raises the front of the scene.
    roll : float
        Degrees; positive raises the left side of the scene.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        To be multiplied with column vectors (x, y, z).

    Examples
    --------
    >>> (rotation_matrix(yaw=90.0) @ [1.0, 0.0, 0.0]).round(3) + 0.0
    array([0., 1., 0.])
    """
    angles = as_angles([yaw, pitch, roll], "yaw, pitch, roll")
    (cy, cp, cr), (sy, sp, sr) = np.cos(np.radians(angles)), np.sin(np.radians(angles))
    about_z = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    about_y = np.array([[cp, 0.0, -sp], [0.0, 1.0, 0.0], [sp, 0.0, cp]])
    about_x = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    return about_z @ about_y @ about_x


def sphere_quadrature(degree: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute points and weights whose mean over the sphere is exact up to a polynomial degree.

    The rule is a product: Gauss-Legendre nodes in height, equal steps in azimuth. The points are
    mirror-symmetric left/right, front/rear and up/down.

    Parameters
    ----------
    degree : int
        Largest degree of the spherical polynomials whose mean is exact, 0 to 1000.

    Returns
    -------
    vectors : ndarray of float64, shape (points, 3)
    weights : ndarray of float64, shape (points,)
        Weights; their sum is 1.

    Examples
    --------
    >>> vectors, weights = sphere_quadrature(4)
    >>> (weights @ vectors**2).round(6)
    array([0.333333, 0.333333, 0.333333])
    """
    degree = as_count(degree, "degree", minimum=0, maximum=MAX_DEGREE)
    height, height_weights = np.polynomial.legendre.leggauss(degree // 2 + 1)
    # A multiple of four steps, offset by half a step, has all three mirror planes.
    steps = 4 * (degree // 4 + 1)
    azimuth = (np.arange(steps) + 0.5) * (2.0 * np.pi / steps)
    ring = np.sqrt(1.0 - height**2)
    vectors = np.stack(
        [
            np.outer(ring, np.cos(azimuth)),
            np.outer(ring, np.sin(azimuth)),
            np.outer(height, np.ones(steps)),
        ],
        axis=-1,
    )
    weights = np.repeat(height_weights / (2.0 * steps), steps)
    return vectors.reshape(-1, 3), weights
