"""Checks of the arguments of `Layout`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import DirectionError, LayoutError, OptionError
from spatialkit.validation import as_array, as_count, as_directions, as_numbers, shown


def as_labels(labels: Any, name: str) -> tuple[str, ...]:
    """Return unique labels of a layout; numbers are converted."""
    try:
        found = tuple(
            str(label if isinstance(label, str) else as_count(label, "label")) for label in labels
        )
    except (TypeError, OptionError) as error:
        raise LayoutError(
            f"labels of layout {name!r} must be a sequence of names, got {shown(labels)}"
        ) from error
    repeated = sorted({label for label in found if found.count(label) > 1})
    if repeated:
        raise LayoutError(f"layout {name!r} has the label {', '.join(repeated)} more than once")
    return found


def as_lfe(is_lfe: Any, labels: tuple[str, ...], name: str) -> NDArray[np.bool_]:
    """Return which channels are LFE; by default those whose label starts with "LFE"."""
    if is_lfe is None:
        return np.array([label.startswith("LFE") for label in labels], dtype=bool)
    found = as_array(is_lfe, f"is_lfe of layout {name!r}", LayoutError)
    if found.dtype.kind not in "biu":
        raise LayoutError(
            f"is_lfe of layout {name!r} must be True or False per channel, got {shown(is_lfe)}"
        )
    return found.astype(bool)


def as_layout_directions(
    azimuth: Any, elevation: Any, is_lfe: NDArray[np.bool_], channels: int, name: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return azimuths and elevations (channels,), 0 by default; NaN for LFE channels."""

    def numbers(values: Any, what: str) -> NDArray[np.float64]:
        what = f"{what} of layout {name!r}"
        return as_numbers(values, what, LayoutError, unit="degrees").copy()

    azimuths = numbers(azimuth, "azimuth")
    elevations = np.zeros(channels) if elevation is None else numbers(elevation, "elevation")
    for what, values in (("azimuth", azimuths), ("elevation", elevations), ("is_lfe", is_lfe)):
        if values.shape != (channels,):
            raise LayoutError(
                f"layout {name!r} has {channels} labels but {what} of shape {values.shape}: one "
                "value per channel is needed"
            )
    if is_lfe.all():
        raise LayoutError(f"layout {name!r} has no loudspeaker")
    try:
        as_directions(azimuths[~is_lfe], elevations[~is_lfe])
    except DirectionError as error:
        raise LayoutError(f"layout {name!r}: {error}") from None
    azimuths[is_lfe] = elevations[is_lfe] = np.nan
    return azimuths, elevations


def as_nominal(given: Any, channels: int, name: str) -> NDArray[np.float64]:
    """Return nominal azimuths and elevations (2, channels); NaN stands for the default."""
    try:
        azimuth, elevation = given
        angles = [as_numbers(each, "nominal", LayoutError) for each in (azimuth, elevation)]
        nominal = np.array(np.broadcast_arrays(*angles))
    except (TypeError, ValueError) as error:
        raise LayoutError(
            f"nominal of layout {name!r} must be a layout, or azimuths and elevations in degrees, "
            f"got {shown(given)}"
        ) from error
    if nominal.shape != (2, channels):
        raise LayoutError(
            f"nominal of layout {name!r} must have shape (2, {channels}), got {nominal.shape}"
        )
    try:
        as_directions(*np.where(np.isnan(nominal), 0.0, nominal))
    except DirectionError as error:
        raise LayoutError(f"nominal of layout {name!r}: {error}") from None
    return nominal
