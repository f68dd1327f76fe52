"""Layouts in the JSON format of the IEM and SPARTA plug-ins."""

from __future__ import annotations

import json
import os
import reprlib
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import LayoutError
from spatialkit.validation import parse_json, read_json

OTHER_NAMES = "; a layout may also be the path of a .json file"
MAX_CHANNEL = 1024
# Errors that an object which is not the JSON of a layout may raise.
PARSING_ERRORS = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


class Fields(NamedTuple):
    """Arguments of `Layout`."""

    name: str
    labels: tuple[str, ...]
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    is_lfe: NDArray[np.bool_]
    nominal: NDArray[np.float64] | None


def is_path(name: Any) -> bool:
    """Return whether ``name`` is the path of a JSON file: a path object, or text in ".json"."""
    return isinstance(name, os.PathLike) or (
        isinstance(name, str) and name.lower().endswith(".json")
    )


def read(source: str | os.PathLike[str]) -> Fields:
    """Read a layout from a file or from JSON text; see `Layout.from_json`."""
    if not is_path(source):
        return convert(parse_json(str(source), "the layout", error=LayoutError))
    data = read_json(source, error=LayoutError)
    try:
        return convert(data)
    except LayoutError as error:
        raise LayoutError(f"{os.fspath(source)}: {error}") from error


def convert(data: dict[str, Any]) -> Fields:
    """Return the layout of a JSON object."""
    try:
        layout = data.get("LoudspeakerLayout") or data["GenericLayout"]
        entries = layout["Loudspeakers"] if "Loudspeakers" in layout else layout["Elements"]
        entries = [entry for entry in entries if not entry.get("IsImaginary", False)]
        real = {_channel(entry["Channel"]): entry for entry in entries}
        azimuth = {n: _number(entry["Azimuth"]) for n, entry in real.items()}
        elevation = {n: _number(entry["Elevation"]) for n, entry in real.items()}
        nominal = {
            n: [_number(entry.get(f"Nominal{angle}", np.nan)) for angle in ("Azimuth", "Elevation")]
            for n, entry in real.items()
        }
        scaled = [n for n, entry in real.items() if _number(entry.get("Gain", 1.0)) != 1.0]
        lfe = {int(n): _label(label) for n, label in layout.get("LFE", {}).items()}
        labels = {n: _label(entry.get("Label", n)) for n, entry in real.items()}
        name = _label(layout.get("Name") or data.get("Name") or "custom")
    except PARSING_ERRORS as error:
        raise LayoutError(f"not a loudspeaker layout of IEM or SPARTA: {_cause(error)}") from error
    used = [*real, *lfe]
    if len(real) < len(entries) or any(n < 1 or n > MAX_CHANNEL for n in used):
        raise LayoutError(
            f"channel numbers must be from 1 to {MAX_CHANNEL}, a different one per loudspeaker"
        )
    if scaled:
        raise LayoutError(
            f"the loudspeaker of channel {scaled[0]} has a gain other than 1: "
            "a layout holds directions only; read it as a LoudspeakerSetup"
        )
    numbers = range(1, max(used, default=0) + 1)
    unused = [n for n in numbers if n not in real]
    for count, n in enumerate(unused, start=1):
        lfe.setdefault(n, f"LFE{count}" if len(unused) > 1 else "LFE")
    return Fields(
        name,
        tuple(labels[n] if n in real else lfe[n] for n in numbers),
        np.array([azimuth.get(n, np.nan) for n in numbers]),
        np.array([elevation.get(n, np.nan) for n in numbers]),
        np.array([n not in real for n in numbers], dtype=bool),
        np.array([nominal.get(n, [np.nan, np.nan]) for n in numbers]).reshape(-1, 2).T,
    )


def _cause(error: Exception) -> str:
    if isinstance(error, LayoutError):
        return str(error)
    if isinstance(error, KeyError):
        return f"the field {error} is missing"
    return (
        "LoudspeakerLayout (or GenericLayout) must be an object, its Loudspeakers (or Elements) "
        "a list of objects with Azimuth, Elevation and Channel"
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise LayoutError(f"{reprlib.repr(value)} is not a number")
    return float(value)


def _channel(value: Any) -> int:
    number = _number(value)
    if not number.is_integer():  # nor are infinity and NaN
        raise LayoutError(f"Channel {value} is not a whole number")
    return int(number)


def _label(value: Any) -> str:
    if not isinstance(value, (int, str)):
        raise LayoutError(f"{reprlib.repr(value)} is not text")
    return str(value)


def write(layout: Fields) -> str:
    """Return the JSON of a layout; see `Layout.to_json`."""
    loudspeakers: list[dict[str, Any]] = [
        {
            "Azimuth": float(layout.azimuth[n]),
            "Elevation": float(layout.elevation[n]),
            "Radius": 1.0,
            "IsImaginary": False,
            "Channel": int(n) + 1,
            "Gain": 1.0,
            "Label": layout.labels[n],
            **_nominal_entries(layout, n),
        }
        for n in np.flatnonzero(~layout.is_lfe)
    ]
    inner: dict[str, Any] = {"Name": layout.name, "Loudspeakers": loudspeakers}
    if layout.is_lfe.any():
        inner["LFE"] = {n + 1: layout.labels[n] for n in np.flatnonzero(layout.is_lfe).tolist()}
    whole = {"Name": layout.name, "Description": "", "LoudspeakerLayout": inner}
    return json.dumps(whole, indent=2)


def _nominal_entries(layout: Fields, channel: np.intp) -> dict[str, float]:
    """Return the entries of nominal directions, which other programs ignore."""
    if layout.nominal is None:
        return {}
    azimuth, elevation = layout.nominal[:, channel].tolist()
    return {"NominalAzimuth": azimuth, "NominalElevation": elevation}
