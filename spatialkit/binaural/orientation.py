"""Paths of a rotating scene."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import ShapeError
from spatialkit.geometry import rotation_matrix
from spatialkit.validation import as_angles

# Largest angle in degrees between rotations with filters of their own, and smallest number of
# samples of the crossfade between them.
STEP_DEGREES = 2.0
MIN_SAMPLES = 64
# Sine of the pitch at which yaw and roll are the same rotation.
VERTICAL = 1.0 - 1e-12


def as_rotations(yaw: ArrayLike, pitch: ArrayLike, roll: ArrayLike) -> NDArray[np.float64]:
    """Return matrices (points, 3, 3) of one rotation or of several points of a path."""
    values = {"yaw": yaw, "pitch": pitch, "roll": roll}
    angles = [as_angles(value, name) for name, value in values.items()]
    shapes = {array.shape for array in angles if array.ndim}
    if len(shapes) > 1 or any(len(shape) > 1 or 0 in shape for shape in shapes):
        raise ShapeError(
            "yaw, pitch and roll must be numbers, or arrays of the same number of points, got "
            f"shapes {', '.join(str(array.shape) for array in angles)}"
        )
    points = np.stack(np.broadcast_arrays(*map(np.atleast_1d, angles)), axis=1)
    return np.array([rotation_matrix(*point) for point in points])


def angles_of(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return yaw, pitch and roll in degrees of a rotation matrix."""
    sine = float(np.clip(rotation[2, 0], -1.0, 1.0))
    if abs(sine) > VERTICAL:
        yaw, roll = np.arctan2(-rotation[0, 1], rotation[1, 1]), 0.0
    else:
        yaw = np.arctan2(rotation[1, 0], rotation[0, 0])
        roll = np.arctan2(rotation[2, 1], rotation[2, 2])
    yaw, pitch, roll = np.degrees([yaw, np.arcsin(sine), roll])
    return float(yaw), float(pitch), float(roll)


def segments(
    rotations: NDArray[np.float64], samples: int, block_size: int
) -> Iterator[tuple[int, int, NDArray[np.float64] | None]]:
    """Yield successive ranges of samples (start, stop) with the rotation (3, 3) at their ends.

    The points (points, 3, 3) are equally spaced from the first to the last sample. None stands for
    a rotation that does not change within a range of at most ``block_size`` samples.
    """
    start = 0
    for stop, rotation in _controls(rotations, samples):
        if rotation is not None:
            yield start, stop, rotation
        else:
            for first in range(start, stop, block_size):
                yield first, min(first + block_size, stop), None
        start = stop


def _controls(
    rotations: NDArray[np.float64], samples: int
) -> Iterator[tuple[int, NDArray[np.float64] | None]]:
    """Yield the ends of successive ranges, and the rotation there unless it is the one before."""
    if len(rotations) == 1:
        yield samples, None
        return
    planes, angles = _turns(rotations[1:] @ np.swapaxes(rotations[:-1], 1, 2))
    done, current = 0, rotations[0]
    for number, angle in enumerate(angles):
        steps = max(1, int(np.ceil(np.degrees(abs(angle)) / STEP_DEGREES - 1e-9)))
        for step in range(1, steps + 1):
            stop = int(np.ceil((number + step / steps) / len(angles) * samples - 1e-9))
            if stop <= done or (stop - done < MIN_SAMPLES and stop < samples):
                continue
            part = angle * step / steps
            turn = np.eye(3) + np.sin(part) * planes[number]
            turn += (1.0 - np.cos(part)) * planes[number] @ planes[number]
            rotation = turn @ rotations[number]
            still = np.abs(rotation - current).max() < 1e-12
            yield stop, None if still else rotation
            done, current = stop, rotation


def _turns(rotations: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the cross-product matrices (n, 3, 3) of the axes of rotations, and angles (n,)."""
    # The axis is the eigenvector with eigenvalue 1; upwards, so that half a turn is to the left.
    axes = np.linalg.eigh(0.5 * (rotations + np.swapaxes(rotations, 1, 2)))[1][:, :, -1]
    x, y, z = (axes * np.where(axes[:, 2:] < 0.0, -1.0, 1.0)).T
    zero = np.zeros_like(x)
    planes = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=-1).reshape(-1, 3, 3)
    sines = 0.5 * np.sum(planes * rotations, axis=(1, 2))
    cosines = 0.5 * (np.trace(rotations, axis1=1, axis2=2) - 1.0)
    return planes, np.arctan2(sines, cosines)
