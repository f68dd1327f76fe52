"""Layouts in the JSON format of the IEM and SPARTA plug-ins."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import LayoutError

OTHER_NAMES = "; a layout may also be the path of a .json file"
MAX_CHANNEL = 1024
# Errors that text which is not the JSON of a layout may raise.
PARSING_ERRORS = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError)


class Fields(NamedTuple):
    """Arguments of `Layout`."""

    name: str
    labels: tuple[str, ...]
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64]
    is_lfe: NDArray[np.bool_]


def is_path(name: Any) -> bool:
    """Return whether ``name`` is the path of a JSON file: a path object, or text in ".json"."""
    return isinstance(name, os.PathLike) or (
        isinstance(name, str) and name.lower().endswith(".json")
    )


def read(source: str | os.PathLike[str]) -> Fields:
    """Read a layout from a file or from JSON text; see `Layout.from_json`."""
    if not is_path(source):
        return parse(str(source))
    try:
        return parse(Path(source).read_text("utf-8-sig"))
    except OSError as error:
        raise LayoutError(f"{source} cannot be read: {error.strerror}") from error
    except (LayoutError, UnicodeDecodeError) as error:
        raise LayoutError(f"{source}: {error}") from error


def parse(text: str) -> Fields:
    """Read a layout from JSON text."""
    try:
        data = json.loads(text)
        layout = data.get("LoudspeakerLayout") or data["GenericLayout"]
        entries = layout["Loudspeakers"] if "Loudspeakers" in layout else layout["Elements"]
        entries = [entry for entry in entries if not entry.get("IsImaginary", False)]
        real = {int(entry["Channel"]): entry for entry in entries}
        azimuth = {n: float(entry["Azimuth"]) for n, entry in real.items()}
        elevation = {n: float(entry["Elevation"]) for n, entry in real.items()}
        scaled = [n for n, entry in real.items() if float(entry.get("Gain", 1.0)) != 1.0]
        lfe = {int(n): str(label) for n, label in layout.get("LFE", {}).items()}
        name = str(layout.get("Name") or data.get("Name") or "custom")
    except PARSING_ERRORS as error:
        raise LayoutError(f"not a loudspeaker layout of IEM or SPARTA: {error!r}") from error
    used = [*real, *lfe]
    if len(real) < len(entries) or any(n < 1 or n > MAX_CHANNEL for n in used):
        raise LayoutError(
            f"channel numbers must be from 1 to {MAX_CHANNEL}, a different one per loudspeaker"
        )
    if scaled:
        raise LayoutError(
            f"the loudspeaker of channel {scaled[0]} has a gain other than 1: "
            "a layout holds directions only, apply gains to the audio"
        )
    numbers = range(1, max(used, default=0) + 1)
    unused = [n for n in numbers if n not in real]
    for count, n in enumerate(unused, start=1):
        lfe.setdefault(n, f"LFE{count}" if len(unused) > 1 else "LFE")
    return Fields(
        name,
        tuple(str(real[n].get("Label", n)) if n in real else lfe[n] for n in numbers),
        np.array([azimuth.get(n, np.nan) for n in numbers]),
        np.array([elevation.get(n, np.nan) for n in numbers]),
        np.array([n not in real for n in numbers], dtype=bool),
    )


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
        }
        for n in np.flatnonzero(~layout.is_lfe)
    ]
    inner: dict[str, Any] = {"Name": layout.name, "Loudspeakers": loudspeakers}
    if layout.is_lfe.any():
        inner["LFE"] = {n + 1: layout.labels[n] for n in np.flatnonzero(layout.is_lfe).tolist()}
    whole = {"Name": layout.name, "Description": "", "LoudspeakerLayout": inner}
    return json.dumps(whole, indent=2)
