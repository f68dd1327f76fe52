"""Values per channel, given as one number, a list, or by label."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import OptionError, ShapeError
from spatialkit.layouts import Layout
from spatialkit.validation import as_number, as_numbers

__all__ = ["ChannelValues"]

ChannelValues: TypeAlias = ArrayLike | Mapping[str, float] | None
"""A number for all channels, a list of a number per channel, or numbers by label."""


def channel_values(
    given: ChannelValues,
    name: str,
    layout: Layout,
    *,
    default: float,
    minimum: float,
    maximum: float,
    unit: str,
) -> NDArray[np.float64]:
    """Return a value per channel of a layout, read-only.

    Parameters
    ----------
    given : float, array_like of shape (channels,), dict of str to float, or None
        None, NaN and channels that a dictionary does not contain have the default.
    name : str
        Name of the argument, for error messages.
    layout : Layout
    default, minimum, maximum : float
    unit : str

    Raises
    ------
    OptionError, ShapeError
        If a label is unknown, or the values are not one per channel, or out of range.
    """
    values = np.full(layout.n_channels, default)
    if isinstance(given, Mapping):
        for label, value in given.items():
            values[channel_of(label, name, layout)] = as_number(
                value, f"{name} of {label}", minimum=minimum, maximum=maximum, unit=unit
            )
    elif given is not None:
        array = as_numbers(given, name, OptionError, unit=unit)
        if array.shape not in ((), values.shape):
            raise ShapeError(
                f"{name} must be a number, a dictionary by label, or have shape {values.shape} as "
                f"the channels of layout {layout.name!r}, got shape {array.shape}"
            )
        present = ~np.isnan(array)
        for value in array[present]:
            as_number(value, name, minimum=minimum, maximum=maximum, unit=unit)
        values = np.where(present, array, values)
    values.flags.writeable = False
    return values


def channel_of(label: Any, name: str, layout: Layout) -> int:
    """Return the index of the channel with a label."""
    if label not in layout.labels:
        raise OptionError(
            f"{name} has the label {label!r}, which layout {layout.name!r} does not have; it has "
            f"{' '.join(layout.labels)}"
        )
    return layout.labels.index(label)
