"""Directions of sources as text: ``30`` static, ``0:90:180`` moving, ``30,-30`` one per source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands.toolkit import counted
from spatialkit.errors import DirectionError, OptionError, ShapeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from spatialkit.files import AudioStream

Points = list[list[float]]
SYNTAX = "30 (all channels), 30,-30 (one per channel) or 0:90:180 (moving)"
HELP = """

Each channel of IN is a source. A direction is one value for the sum of all channels (30), one
value per channel (30,-30), or a path (0:90:180) whose points are equally spaced over the file.
Between two points a source moves along the shortest arc; a full circle needs points between:
0:90:180:270:360.
"""


class Angles(click.ParamType):
    """Points of each source, in degrees or another unit."""

    name = "ANGLES"

    def __init__(self, unit: str = "degrees") -> None:
        self._unit = unit

    def convert(self, value: Any, param: Any, ctx: Any) -> Points:
        if not isinstance(value, str):
            return value
        try:
            return [[float(point) for point in path.split(":")] for path in value.split(",")]
        except ValueError:
            raise DirectionError(
                f"{param.opts[0]} must be {self._unit} such as {SYNTAX}, got {value!r}"
            ) from None


def direction_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of directions and their description to a command."""
    function.__doc__ = f"{function.__doc__ or ''}{HELP}"
    azimuth = click.option(
        "--azimuth",
        type=Angles(),
        help="Azimuth in degrees, positive to the left (see above). Required without --trajectory.",
    )
    elevation = click.option(
        "--elevation",
        type=Angles(),
        default="0",
        show_default=True,
        help="Elevation in degrees, -90 to 90, positive up.",
    )
    trajectory = click.option(
        "--trajectory",
        "trajectories",
        type=click.Path(path_type=Path),
        multiple=True,
        metavar="FILE",
        help="Path with times, spread, gain, distance (.csv, .json), in place of the directions; "
        "one for all channels, or repeated: one per channel.",
    )
    distance = click.option(
        "--distance",
        type=Angles("metres"),
        metavar="METRES",
        help="Distance: level 1/distance beyond 1 m. Written as directions. By default 1 m.",
    )
    return azimuth(elevation(distance(trajectory(function))))


def placement(
    audio: AudioStream,
    place: Callable[..., NDArray[Any]],
    *,
    azimuth: Points | None,
    elevation: Points,
    distance: Points | None,
    trajectories: Sequence[Path],
    spread: Points | None = None,
) -> tuple[Callable[[NDArray[Any]], NDArray[Any]], bool]:
    """Return a function that places the sources of a file, and whether it needs the whole file.

    Parameters
    ----------
    audio : AudioStream
        Source, which has the number of channels and samples.
    place : callable
        As `spatialkit.vbap_pan` or `spatialkit.encode_ambisonics`.
    azimuth, elevation, distance, trajectories
        The options of `direction_options`.
    spread : list, optional
        The option, if ``place`` has this argument.
    """
    moves = False
    if distance is not None:
        (metres,) = to_arrays(audio.channels, distance=distance)
        place, moves = partial(place, distance=metres), metres.ndim > 1
    if trajectories:
        if azimuth is not None:
            raise OptionError("--azimuth and --trajectory are mutually exclusive: pass one of them")
        has = {"has_spread": spread is not None, "has_distance": distance is not None}
        return _along_trajectories(trajectories, audio, place, **has), True
    if azimuth is None:
        raise OptionError("--azimuth or --trajectory is required")
    angles = {"azimuth": azimuth, "elevation": elevation}
    angles |= {} if spread is None else {"spread": spread}
    arrays = dict(zip(angles, to_arrays(audio.channels, **angles), strict=True))
    return partial(place, **arrays), moves or arrays["azimuth"].ndim > 1


def _along_trajectories(
    files: Sequence[Path],
    audio: AudioStream,
    place: Callable[..., NDArray[Any]],
    *,
    has_spread: bool,
    has_distance: bool,
) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """Return a function that places whole audio along paths in files."""
    import numpy as np

    from spatialkit.trajectory import read_trajectory

    if len(files) not in (1, audio.channels):
        raise ShapeError(
            f"--trajectory is specified {counted(len(files), 'time')}, IN has "
            f"{counted(audio.channels, 'channel')}: specify one file, or one per channel"
        )
    length = max(1, audio.samples), audio.sample_rate
    paths = [read_trajectory(file) for file in files]
    directions = [(*path.directions(*length), path.spreads(*length)) for path in paths]
    points = max(len(angles) for path in directions for angles in path)
    angles = np.array([[np.broadcast_to(each, points) for each in path] for path in directions])
    angles = np.broadcast_to(angles, (audio.channels, *angles.shape[1:]))
    gains = np.array([path.gains(*length) for path in paths], np.float32)[:, : audio.samples]
    others = {"spread": angles[:, 2]} if has_spread else {}
    metres = [path.distances(*length) for path in paths]
    if any(each is not None for each in metres):
        if has_distance:
            raise OptionError(
                "--distance and a --trajectory with distances are mutually exclusive: omit one"
            )
        # Sources without a distance have the level of 1 m.
        known = [np.ones(1) if each is None else each for each in metres]
        points = max(map(len, known))
        along = np.array([np.broadcast_to(each, points) for each in known])
        others["distance"] = np.broadcast_to(along, (audio.channels, points))
    return lambda samples: place(
        samples * gains, azimuth=angles[:, 0], elevation=angles[:, 1], **others
    )


def to_arrays(sources: int, **angles: Points) -> list[NDArray[Any]]:
    """Return named angles as arrays of one shape.

    Parameters
    ----------
    sources : int
        Number of sources.
    **angles : list of list of float
        Points of one path for all sources, or of one path per source.

    Returns
    -------
    list of ndarray, shape (sources,) or (sources, points)
        The second shape where any angle has more than one point.

    Raises
    ------
    ShapeError
        If the number of paths is neither 1 nor ``sources``, or moving angles have different
        numbers of points.
    """
    import numpy as np

    points = _count_points(angles)
    arrays = []
    for name, paths in angles.items():
        if len(paths) not in (1, sources):
            raise ShapeError(
                f"--{name} has {counted(len(paths), 'value')}, IN has "
                f"{counted(sources, 'channel')}: give one value, or one per channel"
            )
        whole = np.array([np.broadcast_to(path, points) for path in paths])
        whole = np.broadcast_to(whole, (sources, points))
        arrays.append(whole[:, 0] if points == 1 else whole)
    return arrays


def _count_points(angles: dict[str, Points]) -> int:
    """Return the number of points of all moving angles, 1 if none moves."""
    counts = {name: sorted({len(path) for path in paths} - {1}) for name, paths in angles.items()}
    different = {count for many in counts.values() for count in many}
    if len(different) > 1:
        (name, first), *others = (
            (name, " and ".join(map(str, many))) for name, many in counts.items() if many
        )
        rest = "".join(f", --{other} {many}" for other, many in others)
        raise ShapeError(f"--{name} has {first} points{rest}: paths need the same number of points")
    return max(different, default=1)
