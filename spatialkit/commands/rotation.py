"""Rotation of a scene over time as text: ``30`` constant, ``0:45:0`` moving, or a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from spatialkit.errors import OptionError

SYNTAX = "30 (constant) or 0:45:0 (moving)"
AngleTuple = tuple[float, ...]


class AnglePath(click.ParamType):
    """Angles of points, in degrees."""

    name = "DEG"

    def convert(self, value: Any, param: Any, ctx: Any) -> AngleTuple:
        if not isinstance(value, str):
            return value
        try:
            return tuple(float(point) for point in value.split(":"))
        except ValueError:
            raise OptionError(
                f"{param.opts[0]} must be degrees such as {SYNTAX}, got {value!r}"
            ) from None


def rotation_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of the rotation of a scene to a command."""
    helps = {
        "yaw": "Rotation of the scene to the left: degrees, or a path such as 0:45:0.",
        "pitch": "Rotation of its front upwards, likewise.",
        "roll": "Rotation of its left side upwards, likewise.",
    }
    function = click.option(
        "--orientation",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Path (.csv, .json: seconds, yaw, pitch, roll), in place of --yaw, --pitch, --roll.",
    )(function)
    for name in ("roll", "pitch", "yaw"):
        function = click.option(
            f"--{name}", type=AnglePath(), metavar="DEG[:DEG...]", help=helps[name]
        )(function)
    return function


def read_rotation(angles: dict[str, AngleTuple | None], orientation: Path | None) -> dict[str, Any]:
    """Return the options that are given as fields of `spatialkit.upmixing.Headphones`."""
    given = {name: values for name, values in angles.items() if values is not None}
    if orientation is None:
        return dict(given)
    if given:
        raise OptionError(
            f"--orientation and --{next(iter(given))} are mutually exclusive: pass one of them"
        )
    from spatialkit.binaural import read_orientation

    return {"orientation": read_orientation(orientation)}
