"""Paths of moving sources: points at any times, from arrays, CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._json import read_text
from spatialkit.errors import DirectionError, OptionError, ShapeError
from spatialkit.geometry import angle_between, arc_tangents, to_cartesian, to_spherical
from spatialkit.typing import StrPath
from spatialkit.validation import (
    as_count,
    as_directions,
    as_distances,
    as_numbers,
    as_sample_rate,
    read_json,
    reason,
)

__all__ = ["Trajectory", "as_points", "as_times", "read_table", "read_trajectory"]

COLUMNS = ("seconds", "azimuth", "elevation", "spread", "gain", "distance")
# Distance in seconds of the directions that `Trajectory.directions` returns.
STEP_SECONDS = 0.005
MAX_FILE_SIZE = 1 << 24


class Trajectory:
    """Direction, spread, gain and distance of a source over time.

    Between two points the direction moves along the shortest arc, and the other values change
    linearly; before the first and after the last point they are constant. Points that are 180
    degrees apart are connected through the left.

    Parameters
    ----------
    seconds : array_like, shape (points,)
        Times, increasing.
    azimuth, elevation : array_like, shape (points,) or ()
        Degrees, as in `spatialkit.vbap_gains`.
    spread : array_like, shape (points,) or ()
        Degrees, 0 to 360.
    gain : array_like, shape (points,) or ()
        Linear.
    distance : array_like, shape (points,) or (), optional
        Metres, 0 to 100000, as in `spatialkit.vbap_pan`.

    Raises
    ------
    ShapeError
        If there is no point, or the numbers of points differ.
    OptionError
        If the times are not finite and increasing, or a spread, gain or distance is not accepted.
    DirectionError
        If a direction is not accepted.

    Examples
    --------
    >>> path = Trajectory([0.0, 2.0], azimuth=[0.0, 90.0], gain=[1.0, 0.5])
    >>> path.at(0.0)
    {'azimuth': 0.0, 'elevation': 0.0, 'spread': 0.0, 'gain': 1.0}

    Pan along it:

    >>> from spatialkit import vbap_pan
    >>> voice = np.ones(96000)
    >>> azimuth, elevation = path.directions(96000, 48000)
    >>> vbap_pan(voice * path.gains(96000, 48000), azimuth, elevation, layout="5.1").shape
    (6, 96000)
    """

    def __init__(
        self,
        seconds: ArrayLike,
        azimuth: ArrayLike,
        elevation: ArrayLike = 0.0,
        *,
        spread: ArrayLike = 0.0,
        gain: ArrayLike = 1.0,
        distance: ArrayLike | None = None,
    ) -> None:
        self.seconds = as_times(seconds)
        points = len(self.seconds)
        self.azimuth, self.elevation = as_directions(
            as_points("azimuth", azimuth, points), as_points("elevation", elevation, points)
        )
        self.spread = as_points("spread", spread, points)
        self.gain = as_points("gain", gain, points)
        if not np.all((self.spread >= 0.0) & (self.spread <= 360.0)):
            raise OptionError("spread must be from 0 to 360 degrees")
        if not np.isfinite(self.gain).all():
            raise OptionError("gain must be finite")
        self.distance: NDArray[np.float64] | None = None
        if distance is not None:
            self.distance = as_distances(as_points("distance", distance, points))
        self._vectors = to_cartesian(self.azimuth, self.elevation)
        self._angles = np.radians(angle_between(self._vectors[:-1], self._vectors[1:]))
        self._tangents = arc_tangents(self._vectors[:-1], self._vectors[1:])

    def __repr__(self) -> str:
        first, last = self.seconds[[0, -1]]
        return f"Trajectory({len(self.seconds)} points, {first:g} to {last:g} s)"

    def at(self, seconds: float) -> dict[str, float]:
        """Return azimuth, elevation, spread, gain and, if it has one, distance at a time.

        They are the parameters of `spatialkit.realtime.PannerProcessor`.
        """
        time = np.array([float(seconds)])
        azimuth, elevation = self._directions_at(time)
        values = {"spread": self.spread, "gain": self.gain}
        values |= {} if self.distance is None else {"distance": self.distance}
        return {
            "azimuth": float(azimuth[0]),
            "elevation": float(elevation[0]),
            **{
                name: float(np.interp(seconds, self.seconds, each)) for name, each in values.items()
            },
        }

    def directions(
        self, samples: int, sample_rate: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return azimuth and elevation for audio that starts at 0 s.

        Parameters
        ----------
        samples : int
            Number of samples of the audio.
        sample_rate : float
            Hz.

        Returns
        -------
        azimuth, elevation : ndarray, shape (points,)
            Degrees at equally spaced points from the first to the last sample, at most 5 ms apart:
            arguments of `spatialkit.vbap_pan` and `spatialkit.encode_ambisonics`. One point if the
            direction does not change.
        """
        if not self._angles.any():
            return self.azimuth[:1].copy(), self.elevation[:1].copy()
        return self._directions_at(self._times(samples, sample_rate))

    def spreads(self, samples: int, sample_rate: float) -> NDArray[np.float64]:
        """Return the spread at the points of `directions`, or at one point if it is constant."""
        if not np.ptp(self.spread):
            return self.spread[:1].copy()
        return np.interp(self._times(samples, sample_rate), self.seconds, self.spread)

    def distances(self, samples: int, sample_rate: float) -> NDArray[np.float64] | None:
        """Return the distance at equally spaced points, an argument of `spatialkit.vbap_pan`.

        None if the trajectory has no distance; one point if it does not change.
        """
        if self.distance is None:
            return None
        if not np.ptp(self.distance):
            return self.distance[:1].copy()
        return np.interp(self._times(samples, sample_rate), self.seconds, self.distance)

    def gains(self, samples: int, sample_rate: float) -> NDArray[np.float64]:
        """Return the gain at each sample, shape (samples,), of audio that starts at 0 s."""
        times = np.arange(as_count(samples, "samples", minimum=0)) / as_sample_rate(sample_rate)
        return np.interp(times, self.seconds, self.gain)

    def _times(self, samples: int, sample_rate: float) -> NDArray[np.float64]:
        last = (as_count(samples, "samples") - 1) / as_sample_rate(sample_rate)
        return np.linspace(0.0, last, int(np.ceil(last / STEP_SECONDS)) + 1)

    def _directions_at(
        self, times: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if len(self.seconds) == 1:
            shape = times.shape
            return np.full(shape, self.azimuth[0]), np.full(shape, self.elevation[0])
        number = np.clip(
            np.searchsorted(self.seconds, times, "right") - 1, 0, len(self._angles) - 1
        )
        steps = np.diff(self.seconds)
        fraction = np.clip((times - self.seconds[number]) / steps[number], 0.0, 1.0)
        angles = (fraction * self._angles[number])[:, None]
        return to_spherical(
            np.cos(angles) * self._vectors[number] + np.sin(angles) * self._tangents[number]
        )


def as_times(seconds: ArrayLike) -> NDArray[np.float64]:
    """Return the times of points (points,) as float64, after checking that they increase."""
    times = as_numbers(seconds, "seconds", OptionError)
    if times.ndim != 1 or not times.size:
        raise ShapeError(f"seconds must have shape (points,), got {times.shape}")
    if not np.isfinite(times).all() or np.any(np.diff(times) <= 0.0):
        raise OptionError("seconds must be finite and increase from point to point")
    return times


def as_points(name: str, values: ArrayLike, points: int) -> NDArray[np.float64]:
    """Return a number, or a number per point, as values of all points (points,)."""
    array = as_numbers(values, name, OptionError)
    if array.shape not in ((), (points,)):
        raise ShapeError(
            f"{name} must be a number or have shape ({points},), as seconds, got {array.shape}"
        )
    return np.broadcast_to(array, (points,)).copy()


def read_trajectory(path: StrPath) -> Trajectory:
    """Read a trajectory from a file.

    Parameters
    ----------
    path : str or path
        ``.csv``: a line with names, at least "seconds" and "azimuth", further "elevation",
        "spread", "gain" and "distance"; then one line per point. Fields are separated by commas,
        semicolons or tabs. ``.json``: an object with these names and lists of numbers.

    Returns
    -------
    Trajectory

    Raises
    ------
    OptionError
        If the file cannot be read, or its content is not a trajectory.
    """
    columns = read_table(path, ("seconds", "azimuth"), COLUMNS)
    try:
        return Trajectory(**columns)
    except (OptionError, ShapeError, DirectionError) as error:
        raise OptionError(f"{path}: {error}") from error


def read_table(path: StrPath, required: Sequence[str], known: Sequence[str]) -> dict[str, Any]:
    """Read a table of numbers with named columns.

    Parameters
    ----------
    path : str or path
        ``.csv`` or ``.json``, as in `read_trajectory`.
    required, known : sequence of str
        Names of the columns that the file must have, and of those that it may have.

    Returns
    -------
    dict
        Values by name.

    Raises
    ------
    OptionError
        If the file cannot be read, or is not such a table.
    """
    path = Path(path)
    if path.suffix.lower() not in (".csv", ".json"):
        raise OptionError(f"{path} must be a .csv or .json file")
    is_csv = path.suffix.lower() == ".csv"
    columns: dict[str, Any] = _read_csv(path) if is_csv else read_json(path)
    missing = [name for name in required if name not in columns]
    if missing:
        raise OptionError(f"{path} has no column {' and no column '.join(missing)}")
    unknown = [name for name in columns if name not in known]
    if unknown:
        raise OptionError(
            f"{path} has an unknown column {unknown[0]!r}; known are {', '.join(known)}"
        )
    return columns


def _read_csv(path: Path) -> dict[str, list[float]]:
    text = read_text(path, max_bytes=MAX_FILE_SIZE)
    head = text.partition("\n")[0]
    delimiter = next((each for each in ";\t" if each in head), ",")
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(row)]
    except csv.Error as error:
        raise OptionError(f"{path} is not CSV: {reason(error)}") from error
    names = [name.strip().lower() for name in rows[0]] if rows else []
    columns: dict[str, list[float]] = {name: [] for name in names}
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(names):
            raise OptionError(f"{path}: point {number - 1} has {len(row)} fields, not {len(names)}")
        for name, field in zip(names, row, strict=True):
            try:
                columns[name].append(float(field))
            except ValueError:
                raise OptionError(
                    f"{path}: {name} of point {number - 1} is not a number: {field!r}"
                ) from None
    return columns
