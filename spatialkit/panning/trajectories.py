"""Sources at rest and moving: one way to apply gains that follow a direction.

Panners and Ambisonic encoders differ only in the gains of a direction; the shapes of directions,
paths between their points, control points and interpolation are here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.geometry import angle_between, to_cartesian
from spatialkit.validation import as_angles, as_audio, as_directions

# 10 ms at 16 kHz, less at higher rates. Functions of arrays do not know the sample rate.
STEP_SAMPLES = 160
# Control points whose gains are held in memory at a time.
CHUNK = 4096


def place_sources(
    audio: ArrayLike,
    azimuth: ArrayLike,
    elevation: ArrayLike,
    gains_of: Callable[..., NDArray[np.float64]],
    *,
    n_outputs: int,
    step_degrees: float,
    unit_power: bool,
    alongside: ArrayLike | None = None,
) -> NDArray[Any]:
    """Sum of sources, each multiplied by the gains of where it is.

    Parameters
    ----------
    audio : array_like, shape (samples,) or (..., sources, samples)
    azimuth, elevation : array_like
        Degrees, in the shapes of `spatialkit.vbap_pan`.
    gains_of : callable
        From unit vectors (n, 3), and values (n,) of ``alongside`` if given, to gains
        (n, n_outputs).
    n_outputs : int
    step_degrees : float
        Control points of a path are at most this far apart, also in ``alongside``.
    unit_power : bool
        Whether gains have unit power and keep it between control points.
    alongside : array_like, optional
        Degrees that go with each direction: its spread; in the shape of ``elevation``.

    Returns
    -------
    ndarray, shape (..., n_outputs, samples)
    """
    array = as_audio(audio, allow_mono=True)
    sources = array[None] if array.ndim == 1 else array
    others = [] if alongside is None else [alongside]
    paths = _paths(azimuth, elevation, others, array)
    vectors, extras = to_cartesian(*paths[:2]), paths[2:]
    out = np.zeros((*sources.shape[:-2], n_outputs, sources.shape[-1]), dtype=array.dtype)
    if not sources.size:
        return out
    if vectors.shape[1] == 1 or sources.shape[-1] == 1:
        gains = gains_of(vectors[:, 0], *(extra[:, 0] for extra in extras))
        _place_still(sources, gains.astype(array.dtype), out)
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
    """All angles as arrays (sources, points)."""
    n_sources = 1 if audio.ndim == 1 else audio.shape[-2]
    arrays = []
    named = [("azimuth", azimuth), ("elevation", elevation), *(("spread", o) for o in others)]
    for name, values in named:
        array = as_angles(values, name)
        if audio.ndim == 1:
            fits = array.ndim <= 1
            array = array.reshape(1, -1) if fits else array
        else:
            fits = array.ndim == 0 or (array.ndim <= 2 and array.shape[0] == n_sources)
            array = array.reshape(-1, 1) if array.ndim <= 1 else array
        if not fits or array.shape[-1] == 0:
            accepted = (
                "a scalar or (points,) for audio of shape (samples,)"
                if audio.ndim == 1
                else f"a scalar, ({n_sources},) or ({n_sources}, points) for {n_sources} sources"
            )
            raise ShapeError(f"{name} must be {accepted}, got shape {np.shape(values)}")
        arrays.append(array)
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


def _place_still(sources: NDArray[Any], gains: NDArray[Any], out: NDArray[Any]) -> None:
    if len(gains) > 1:
        np.matmul(gains.T, sources, out=out)
        return
    # Channels without gain keep the untouched zeros of their fresh memory.
    for channel in np.flatnonzero(gains[0]):
        np.multiply(sources[..., 0, :], gains[0, channel], out=out[..., channel, :])


def _control_points(
    path: NDArray[np.float64], along: list[NDArray[np.float64]], step: float, n_samples: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], list[NDArray[np.float64]]]:
    """Times in samples, vectors and accompanying values, dense enough for linear interpolation."""
    here, there = path[:-1], path[1:]
    angles = angle_between(here, there)
    spacing = (n_samples - 1) / len(angles)
    longest = np.max([angles, *(np.abs(np.diff(values)) for values in along)], axis=0)
    parts = np.maximum(np.ceil(longest / step), np.ceil(spacing / STEP_SAMPLES))
    # No more than one per sample, and none where nothing moves.
    parts = np.clip(parts, 1, max(np.ceil(spacing), 1.0))
    parts = np.where(longest > 0.0, parts, 1.0).astype(int)
    segment = np.repeat(np.arange(len(angles)), parts)
    fraction = (np.arange(len(segment)) - np.repeat(np.cumsum(parts) - parts, parts)) / parts[
        segment
    ]
    turned = np.radians(angles[segment] * fraction)[:, None]
    vectors = np.cos(turned) * here[segment] + np.sin(turned) * _tangents(here, there)[segment]
    times = np.append((segment + fraction) * spacing, n_samples - 1)
    followed = [
        np.append(values[segment] + fraction * np.diff(values)[segment], values[-1])
        for values in along
    ]
    return times, np.vstack([vectors, path[-1:]]), followed


def _tangents(here: NDArray[np.float64], there: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unit vectors in which each arc sets out; from opposite points to the left, or ahead."""
    onward = there - np.sum(here * there, axis=1, keepdims=True) * here
    for way_out in ([0.0, 1.0, 0.0], [1.0, 0.0, 0.0]):
        # The sine of the angle: below 1e-9 the points are opposite, or the same and at rest.
        lost = np.linalg.norm(onward, axis=1) < 1e-9
        onward[lost] = np.array(way_out) - here[lost] * (here[lost] @ way_out)[:, None]
    return onward / np.linalg.norm(onward, axis=1, keepdims=True)


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
    for start in range(0, len(times) - 1, CHUNK):
        part = slice(start, start + CHUNK + 1)
        gains = gains_of(vectors[part], *(values[part] for values in along))
        for one, result in zip(flat_source, flat_out, strict=True):
            apply_moving_gains(one, times[part], bounds[part], gains, unit_power, add, result)
