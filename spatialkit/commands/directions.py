"""Directions as text: ``30`` at rest, ``0:90:180`` moving, ``30,-30`` one per source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands.toolkit import counted
from spatialkit.errors import DirectionError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

Points = list[list[float]]
SYNTAX = "30 at rest, 0:90:180 moving, 30,-30 one for each channel of IN"


class Angles(click.ParamType):
    """Points by source, in degrees."""

    name = "ANGLES"

    def convert(self, value: Any, param: Any, ctx: Any) -> Points:
        if not isinstance(value, str):
            return value
        try:
            return [[float(point) for point in part.split(":")] for part in value.split(",")]
        except ValueError:
            raise DirectionError(
                f"{param.opts[0]} must be degrees such as {SYNTAX}; got {value!r}"
            ) from None


azimuth_option = click.option(
    "--azimuth",
    type=Angles(),
    required=True,
    help=f"Degrees, positive to the left: {SYNTAX}. One for all puts their sum there. "
    "Between points the shortest arc is taken (a great circle): a full circle needs points, "
    "0:90:180:270:360.",
)
elevation_option = click.option(
    "--elevation",
    type=Angles(),
    default="0",
    show_default=True,
    help="Degrees, -90 to 90, positive up; written as --azimuth.",
)


def to_arrays(sources: int, **angles: Points) -> list[NDArray[Any]]:
    """Angles by name as arrays of one shape: (sources,), or (sources, points) if any moves."""
    import numpy as np

    points = _count_points(angles)
    arrays = []
    for name, parts in angles.items():
        if len(parts) not in (1, sources):
            raise ShapeError(
                f"--{name} gives {len(parts)} directions, IN has {counted(sources, 'channel')}: "
                "one for all or one for each"
            )
        whole = np.array([np.broadcast_to(part, points) for part in parts])
        whole = np.broadcast_to(whole, (sources, points))
        arrays.append(whole[:, 0] if points == 1 else whole)
    return arrays


def _count_points(angles: dict[str, Points]) -> int:
    """Points of all that moves, 1 if nothing does."""
    counts = {name: sorted({len(part) for part in parts} - {1}) for name, parts in angles.items()}
    different = {count for many in counts.values() for count in many}
    if len(different) > 1:
        (name, first), *others = (
            (name, " and ".join(map(str, many))) for name, many in counts.items() if many
        )
        rest = "".join(f", --{other} {many}" for other, many in others)
        raise ShapeError(f"--{name} has {first} points{rest}: all that moves needs the same number")
    return max(different, default=1)
