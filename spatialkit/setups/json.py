"""Setups in the JSON of layouts of the IEM plug-ins, with further entries."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import LayoutError
from spatialkit.layouts import Layout
from spatialkit.validation import as_count, as_number, parse_json, read_json

# Entries of a loudspeaker by name of the argument of `LoudspeakerSetup`.
BY_CHANNEL = {
    "distance": "Radius",
    "gain_db": "Gain",
    "delay": "Delay",
    "crossover": "Crossover",
    "high_pass": "HighPass",
    "low_pass": "LowPass",
}
GENERAL = {
    "lfe_gain_db": "LFEGainDB",
    "distance_exponent": "DistanceExponent",
    "speed_of_sound": "SpeedOfSound",
}
# Values that are left out, because they are the defaults.
DEFAULTS = {"delay": 0.0}


def load(source: str | os.PathLike[str]) -> tuple[dict[str, Any], str]:
    """Return the object in a file or JSON text, and the start of error messages about it."""
    if isinstance(source, os.PathLike) or str(source).lower().endswith(".json"):
        return read_json(source, error=LayoutError), f"{os.fspath(source)}: "
    return parse_json(str(source), "the setup", error=LayoutError), ""


def convert(data: dict[str, Any]) -> tuple[Layout, dict[str, Any]]:
    """Return the layout and the other arguments of the setup of a JSON object."""
    layout = Layout.from_json(json.dumps(without_gains(data)))
    holder = data.get("LoudspeakerLayout") or data["GenericLayout"]
    elements = holder.get("Loudspeakers") or holder["Elements"]
    subwoofers = data.get("Subwoofers", [])
    if not isinstance(subwoofers, list) or not all(isinstance(each, dict) for each in subwoofers):
        raise LayoutError("Subwoofers must be a list of objects")
    values: dict[str, Any] = {name: {} for name in BY_CHANNEL}
    for entry in (*elements, *subwoofers):
        if entry.get("IsImaginary", False):
            continue
        number = as_count(entry.get("Channel"), "Channel", maximum=layout.n_channels)
        label = layout.labels[number - 1]
        for name, key in BY_CHANNEL.items():
            if key in entry:
                value = as_number(entry[key], f"{key} of channel {number}")
                values[name][label] = _decibels(value, number) if key == "Gain" else value
    feeds = {
        layout.labels[int(entry["Channel"]) - 1]: entry["Feeds"]
        for entry in subwoofers
        if "Feeds" in entry
    }
    general = data.get("Setup", {})
    if not isinstance(general, dict):
        raise LayoutError("Setup must be an object")
    given = {name: general[key] for name, key in GENERAL.items() if key in general}
    return layout, values | given | ({"subwoofers": feeds} if feeds else {})


def without_gains(data: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a layout without the gains of its loudspeakers."""

    def plain(value: Any) -> Any:
        if isinstance(value, list):
            return [plain(each) for each in value]
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if key != "Gain"}
        return value

    kept = {key: data[key] for key in ("Name", "LoudspeakerLayout", "GenericLayout") if key in data}
    cleaned: dict[str, Any] = plain(kept)
    return cleaned


def _decibels(gain: float, channel: int) -> float:
    if gain <= 0.0:
        raise LayoutError(f"Gain of channel {channel} must be above 0, got {gain:g}")
    # Rounded so that a number of dB is read as it was written.
    return round(20.0 * float(np.log10(gain)), 9)


def write(
    layout: Layout,
    by_channel: Mapping[str, NDArray[np.float64]],
    general: Mapping[str, float],
    subwoofers: Mapping[str, Sequence[str]],
) -> str:
    """Return the JSON of a setup."""
    data = json.loads(layout.to_json())

    def entries(channel: int) -> dict[str, float]:
        values = {name: float(values[channel]) for name, values in by_channel.items()}
        values["gain_db"] = 10.0 ** (values["gain_db"] / 20.0)
        return {
            key: values[name]
            for name, key in BY_CHANNEL.items()
            if not np.isnan(values[name]) and values[name] != DEFAULTS.get(name)
        }

    for entry in data["LoudspeakerLayout"]["Loudspeakers"]:
        del entry["Radius"]
        entry |= entries(entry["Channel"] - 1)
    channels = {label: layout.labels.index(label) for label in subwoofers}
    data["Subwoofers"] = [
        {"Channel": channels[label] + 1, **entries(channels[label]), "Feeds": list(feeds)}
        for label, feeds in subwoofers.items()
    ]
    data["Setup"] = {key: float(general[name]) for name, key in GENERAL.items()}
    return json.dumps(data, indent=2)
