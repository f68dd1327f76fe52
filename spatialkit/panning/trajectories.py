"""Static and moving sources: gains that follow a direction, applied to audio.

Panners and Ambisonic encoders differ only in the gains of a direction. This module has what they
share: the shapes of directions, trajectories, control points and interpolation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.audio import AudioLike, unpack_audio
from spatialkit.errors import ShapeError
from spatialkit.geometry import angle_between, arc_tangents, to_cartesian
from spatialkit.panning.paths import REFERENCE_DISTANCE, as_paths, distances_along
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_angles, as_audio, as_directions

# 10 ms at 16 kHz, less at higher rates: arrays carry no sample rate.
STEP_SAMPLES = 160
# Control points whose gains are in memory at a time.
BLOCK_SIZE = 4096


def place_sources(
    audio: AudioLike[FloatT],
    azimuth: ArrayLike,
    elevation: ArrayLike,
    gains_of: Callable[..., NDArray[np.float64]],
    *,
    n_outputs: int,
    step_degrees: float,
    unit_power: bool,
    spread: ArrayLike | None = None,
    distance: ArrayLike | None = None,
) -> FloatArray[FloatT]:
    """Sum sources, each multiplied by the gains of its direction.

    Parameters
    ----------
    audio : array_like of float or Audio, shape (samples,) or (..., sources, samples)
    azimuth, elevation : array_like
        Degrees, in the shapes of `spatialkit.vbap_pan`.
    gains_of : callable
        Function of unit vectors (n, 3), and of spreads (n,) if ``spread`` is given, that returns
        gains (n, n_outputs).
    n_outputs : int
        Number of gains of a direction.
    step_degrees : float
        Largest difference of direction, and of spread, between control points of a trajectory.
    unit_power : bool
        Whether gains have unit power and keep it between control points.
    spread : array_like, optional
        Spread of each direction in degrees, in the shape of ``elevation``.
    distance : array_like, optional
        Metres, in the shape of ``azimuth``, with any number of points: the gain is
        ``1 / max(distance, 1)``.

    Returns
    -------
    ndarray, shape (..., n_outputs, samples)
        In the precision of ``audio``.
    """
    samples, _, _ = unpack_audio(audio)
    array = as_audio(samples, allow_mono=True)
    sources = array[None] if array.ndim == 1 else array
    others = [] if spread is None else [spread]
    paths = _paths(azimuth, elevation, others, array)
    vectors, extras = to_cartesian(*paths[:2]), paths[2:]
    out = np.zeros((*sources.shape[:-2], n_outputs, sources.shape[-1]), dtype=array.dtype)
    if distance is not None:
        metres = distances_along(distance, array)
        sources = sources / np.maximum(metres, REFERENCE_DISTANCE).astype(array.dtype)
    if not sources.size:
        return out
    if vectors.shape[1] == 1 or sources.shape[-1] == 1:
        gains = gains_of(vectors[:, 0], *(extra[:, 0] for extra in extras))
        _place_static(sources, gains.astype(array.dtype), out)
    else:
        for number, path in enumerate(vectors):
            along = [extra[number] for extra in extras]
            _place_moving(
                sources[..., number, :],
                _control_points(path, along, step_degrees, sources.shape[-1]),
                gains_of,
                unit_power,
                number > 0,
                out,
            )
    return out


def _paths(
    azimuth: ArrayLike, elevation: ArrayLike, others: list[ArrayLike], audio: NDArray[Any]
) -> list[NDArray[np.float64]]:
    """Return all angles as arrays (sources, points)."""
    n_sources = 1 if audio.ndim == 1 else audio.shape[-2]
    arrays = []
    named = [("azimuth", azimuth), ("elevation", elevation), *(("spread", o) for o in others)]
    for name, values in named:
        arrays.append(as_paths(as_angles(values, name), name, audio))
    try:
        shape = np.broadcast_shapes((n_sources, 1), *(array.shape for array in arrays))
    except ValueError as error:
        points = sorted({array.shape[1] for array in arrays} - {1})
        raise ShapeError(
            "azimuth, elevation and spread must have the same number of points, got "
            + " and ".join(map(str, points))
        ) from error
    as_directions(arrays[0], arrays[1])
    return [np.broadcast_to(array, shape) for array in arrays]


def _place_static(sources: NDArray[Any], gains: NDArray[Any], out: NDArray[Any]) -> None:
    if len(gains) > 1:
        np.matmul(gains.T, sources, out=out)
        return
    # Channels without gain are not written: their memory is zero from the allocation.
    for channel in np.flatnonzero(gains[0]):
        np.multiply(sources[..., 0, :], gains[0, channel], out=out[..., channel, :])


def _control_points(
    path: NDArray[np.float64], along: list[NDArray[np.float64]], step: float, n_samples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[NDArray[np.float64]]]:
    """Return times in samples, vectors and spreads, dense enough for linear interpolation."""
    starts, ends = path[:-1], path[1:]
    angles = angle_between(starts, ends)
    spacing = (n_samples - 1) / len(angles)
    longest = np.max([angles, *(np.abs(np.diff(values)) for values in along)], axis=0)
    intervals = np.maximum(np.ceil(longest / step), np.ceil(spacing / STEP_SAMPLES))
    # At most one per sample, and none between points in the same direction.
    intervals = np.clip(intervals, 1, max(np.ceil(spacing), 1.0))
    intervals = np.where(longest > 0.0, intervals, 1.0).astype(int)
    segment = np.repeat(np.arange(len(angles)), intervals)
    fraction = (
        np.arange(len(segment)) - np.repeat(np.cumsum(intervals) - intervals, intervals)
    ) / intervals[segment]
    covered = np.radians(angles[segment] * fraction)[:, None]
    vectors = (
        np.cos(covered) * starts[segment] + np.sin(covered) * arc_tangents(starts, ends)[segment]
    )
    times = np.append((segment + fraction) * spacing, n_samples - 1)
    followed = [
        np.append(values[segment] + fraction * np.diff(values)[segment], values[-1])
        for values in along
    ]
    return times, np.vstack([vectors, path[-1:]]), followed


def _place_moving(
    source: NDArray[Any],
    control_points: tuple[NDArray[np.float64], NDArray[np.float64], list[NDArray[np.float64]]],
    gains_of: Callable[..., NDArray[np.float64]],
    unit_power: bool,
    add: bool,
    out: NDArray[Any],
) -> None:
    from spatialkit.panning.trajectory_kernels import apply_moving_gains

    times, vectors, along = control_points
    bounds = np.ceil(times).astype(np.int64)
    bounds[-1] = source.shape[-1]
    flat_source = source.reshape(-1, source.shape[-1])
    flat_out = out.reshape(-1, *out.shape[-2:])
    weights = np.empty((2, int(np.diff(bounds).max(initial=1))), source.dtype)
    for start in range(0, len(times) - 1, BLOCK_SIZE):
        part = slice(start, start + BLOCK_SIZE + 1)
        gains = gains_of(vectors[part], *(values[part] for values in along))
        for one, result in zip(flat_source, flat_out, strict=True):
            segments = times[part], bounds[part], gains
            apply_moving_gains(one, *segments, unit_power, add, weights, result)
