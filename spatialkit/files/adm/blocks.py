"""Blocks of an object: its direction, distance, gain and extent over time."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.validation import as_directions, as_numbers

# Times in ADM have five decimals.
TICKS = 100_000
_EXTENTS = {"width": 360.0, "height": 360.0, "depth": np.inf}


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of an object, as audioBlockFormat of ITU-R BS.2076.

    A block lasts from ``start`` to ``stop``. Its gains to loudspeakers are reached at the end of
    its interpolation, linearly from those of the block before, if that ends where it starts.

    Parameters
    ----------
    azimuth, elevation : array_like, shape (blocks,) or ()
        Degrees, positive to the left and up.
    distance : array_like, shape (blocks,) or ()
        Relative to that of the loudspeakers, 0 to 1 in general; it affects the extent only.
    gain : array_like, shape (blocks,) or ()
        Linear.
    width, height, depth : array_like, shape (blocks,) or ()
        Extent: angles in degrees, 0 to 360, and a range of distances.
    start : array_like, shape (blocks,) or ()
        Seconds from the start of the object, ascending.
    stop : array_like, shape (blocks,) or ()
        Seconds; by default the start of the next block, and infinity for the last.
    interpolation : array_like, shape (blocks,) or ()
        Seconds from the start of a block; infinity, the default, is the whole block.

    Raises
    ------
    ShapeError
        If the numbers of blocks differ.
    DirectionError
        If a direction is not accepted.
    OptionError
        If another value is not accepted, or blocks overlap.

    Examples
    --------
    >>> blocks = Blocks([0.0, 90.0], start=[0.0, 1.0])
    >>> len(blocks), blocks.stop.tolist()
    (2, [1.0, inf])
    """

    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    distance: NDArray[np.float64] = 1.0  # type: ignore[assignment]
    gain: NDArray[np.float64] = 1.0  # type: ignore[assignment]
    width: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    height: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    depth: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    start: NDArray[np.float64] = 0.0  # type: ignore[assignment]
    stop: NDArray[np.float64] = None  # type: ignore[assignment]
    interpolation: NDArray[np.float64] = np.inf  # type: ignore[assignment]

    def __post_init__(self) -> None:
        values = {
            field.name: _as_row(getattr(self, field.name), field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) is not None
        }
        count = max(len(value) for value in values.values())
        for name, value in values.items():
            if len(value) not in (1, count):
                raise ShapeError(f"{name} must have shape ({count},) or (), got {value.shape}")
            values[name] = np.broadcast_to(value, (count,)).copy()
        start = values["start"]
        values.setdefault("stop", np.append(start[1:], np.inf))
        values["azimuth"], values["elevation"] = as_directions(
            values["azimuth"], values["elevation"]
        )
        _check(values)
        for name, value in values.items():
            value.flags.writeable = False
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.start)


def _as_row(value: ArrayLike, name: str) -> NDArray[np.float64]:
    array = np.atleast_1d(as_numbers(value, name, OptionError))
    if array.ndim != 1 or not array.size:
        raise ShapeError(f"{name} must have shape (blocks,) or (), got {np.shape(value)}")
    return array


def _check(values: dict[str, NDArray[np.float64]]) -> None:
    for name in ("distance", "gain", "width", "height", "depth", "start"):
        if not np.isfinite(values[name]).all():
            raise OptionError(f"{name} of blocks must be finite")
    for name in ("distance", "start", "interpolation"):
        if not (values[name] >= 0.0).all():
            raise OptionError(f"{name} of blocks must be at least 0")
    for name, maximum in _EXTENTS.items():
        if not ((values[name] >= 0.0) & (values[name] <= maximum)).all():
            accepted = "at least 0" if np.isinf(maximum) else f"from 0 to {maximum:g}"
            raise OptionError(f"{name} of blocks must be {accepted}")
    start, stop = values["start"], values["stop"]
    # Starts and durations in files are rounded to 10 us each.
    if not (stop >= start).all() or np.any(stop[:-1] > start[1:] + 1.5 / TICKS):
        raise OptionError("blocks must be in the order of time and must not overlap")


__all__ = ["TICKS", "Blocks"]
