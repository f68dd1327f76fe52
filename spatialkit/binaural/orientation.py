"""Paths of a rotating scene: points at any times, from arrays, CSV or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import DirectionError, OptionError, ShapeError
from spatialkit.geometry import rotation_matrix
from spatialkit.trajectory import as_points, as_times, read_table
from spatialkit.typing import StrPath
from spatialkit.validation import as_angles

__all__ = ["OrientationPath", "read_orientation"]

# Largest angle in degrees between rotations with filters of their own, and smallest number of
# samples of the crossfade between them.
STEP_DEGREES = 2.0
MIN_SAMPLES = 64
# Smallest angle between them, and time after which a rotation is held that changes by less: head
# trackers report small random changes hundreds of times in a second.
MIN_DEGREES, HOLD_SECONDS = 0.5, 0.05
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


class OrientationPath:
    """Rotation of a scene over time.

    Between two points the scene rotates along the shortest arc; before the first and after the last
    one it does not. Points that are 180 degrees apart are connected through the left.

    Parameters
    ----------
    seconds : array_like, shape (points,)
        Times, increasing.
    yaw, pitch, roll : array_like, shape (points,) or ()
        Degrees, as in `spatialkit.rotate_ambisonics`: those of a head that turns have the other
        sign (a head to the left by 30 degrees is ``yaw=-30``).

    Attributes
    ----------
    rotations : ndarray, shape (points, 3, 3)
        Rotation matrices.

    Raises
    ------
    ShapeError, OptionError
        If there is no point, the numbers of points differ, or times or angles are not accepted.

    Examples
    --------
    >>> path = OrientationPath([0.0, 2.0], yaw=[0.0, -90.0])
    >>> {name: round(angle, 6) + 0.0 for name, angle in path.at(1.0).items()}
    {'yaw': -45.0, 'pitch': 0.0, 'roll': 0.0}
    """

    def __init__(
        self,
        seconds: ArrayLike,
        yaw: ArrayLike = 0.0,
        pitch: ArrayLike = 0.0,
        roll: ArrayLike = 0.0,
    ) -> None:
        self.seconds = as_times(seconds)
        angles = {"yaw": yaw, "pitch": pitch, "roll": roll}
        points = {
            name: as_angles(as_points(name, value, len(self.seconds)), name)
            for name, value in angles.items()
        }
        self.yaw, self.pitch, self.roll = points.values()
        self.rotations = as_rotations(*points.values())

    @classmethod
    def over(
        cls, seconds: float, yaw: ArrayLike, pitch: ArrayLike = 0.0, roll: ArrayLike = 0.0
    ) -> OrientationPath:
        """Return the path whose points are equally spaced from 0 to a time in seconds."""
        points = len(as_rotations(yaw, pitch, roll))  # refuses different numbers of points
        times = np.arange(points) / max(points - 1, 1) * max(seconds, 1e-9)
        angles = [np.asarray(angle, np.float64) for angle in (yaw, pitch, roll)]
        return cls(
            times, *(angle[0] if angle.size == 1 and angle.ndim else angle for angle in angles)
        )

    def __repr__(self) -> str:
        first, last = self.seconds[[0, -1]]
        return f"OrientationPath({len(self.seconds)} points, {first:g} to {last:g} s)"

    def at(self, seconds: float) -> dict[str, float]:
        """Return yaw, pitch and roll in degrees at a time.

        They are parameters of `spatialkit.realtime.BinauralProcessor` and `RotatorProcessor`.
        """
        names = ("yaw", "pitch", "roll")
        return dict(zip(names, angles_of(self.rotation_at(seconds)), strict=True))

    def rotation_at(self, seconds: float) -> NDArray[np.float64]:
        """Return the matrix (3, 3) at a time."""
        after = int(np.searchsorted(self.seconds, seconds, "right"))
        if after in (0, len(self.seconds)):
            return self.rotations[min(after, len(self.seconds) - 1)]
        start, end = self.seconds[after - 1 : after + 1]
        first, last = self.rotations[after - 1 : after + 1]
        (plane,), (angle,) = _turns((last @ first.T)[None])
        return _turn(plane, angle * (seconds - start) / (end - start)) @ first

    def controls(self, sample_rate: float) -> Iterator[tuple[int, NDArray[np.float64] | None]]:
        """Yield the ends in samples of successive ranges, with the rotation (3, 3) there.

        The first range starts at 0, after the last one the scene does not rotate. None stands for a
        rotation that does not change within a range.
        """
        kept = np.flatnonzero(self.seconds > 0.0)
        points = [(0.0, self.rotation_at(0.0))]
        points += [(self.seconds[n] * sample_rate, self.rotations[n]) for n in kept]
        done, current = 0, points[0][1]
        for (start, first), (end, last) in pairwise(points):
            (plane,), (angle,) = _turns((last @ first.T)[None])
            steps = max(1, int(np.ceil(np.degrees(abs(angle)) / STEP_DEGREES - 1e-9)))
            for step in range(1, steps + 1):
                stop = int(np.ceil(start + step / steps * (end - start) - 1e-9))
                is_last = step == steps and end == points[-1][0]
                if stop <= done or (stop - done < MIN_SAMPLES and not is_last):
                    continue
                rotation = _turn(plane, angle * step / steps) @ first
                moved = _angle(rotation @ current.T)
                if moved > MIN_DEGREES or (is_last and moved > 1e-9):
                    yield stop, rotation
                    done, current = stop, rotation
                elif moved <= 1e-9 or is_last or stop - done > HOLD_SECONDS * sample_rate:
                    yield stop, None
                    done = stop


def read_orientation(path: StrPath) -> OrientationPath:
    """Read the rotation of a scene over time from a file.

    Parameters
    ----------
    path : str or path
        ``.csv`` or ``.json`` with "seconds", and "yaw", "pitch" and "roll" as needed, in the form
        of `spatialkit.trajectory.read_trajectory`.

    Raises
    ------
    OptionError
        If the file cannot be read, or its content is not such a path.
    """
    columns = read_table(path, ("seconds",), ("seconds", "yaw", "pitch", "roll"))
    try:
        return OrientationPath(**columns)
    except (OptionError, ShapeError, DirectionError) as error:
        raise OptionError(f"{path}: {error}") from error


def _turn(plane: NDArray[np.float64], angle: float) -> NDArray[np.float64]:
    """Return the rotation by an angle about the axis of a cross-product matrix (Rodrigues)."""
    turn: NDArray[np.float64] = np.eye(3) + np.sin(angle) * plane
    return turn + (1.0 - np.cos(angle)) * plane @ plane


def _angle(rotation: NDArray[np.float64]) -> float:
    """Return the angle of a rotation in degrees; precise for small ones."""
    skew = rotation - rotation.T
    sine = float(np.sqrt(np.square(skew).sum() / 8.0))
    return float(np.degrees(np.arctan2(sine, 0.5 * (np.trace(rotation) - 1.0))))


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
