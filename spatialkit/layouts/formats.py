"""Ambisonic formats, and the lookup of any format by name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal, TypeAlias, get_args, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit.errors import LayoutError
from spatialkit.layouts import json, tables
from spatialkit.layouts.layout import Layout, get_layout, layout_names, standard_layout
from spatialkit.typing import FloatArray, FloatT
from spatialkit.validation import as_audio, as_choice, as_count, match_name, unknown_name

__all__ = [
    "AmbisonicFormat",
    "Format",
    "channels_of",
    "get_format",
    "layout_of_labels",
    "same_channels",
]

Normalization: TypeAlias = Literal["SN3D", "N3D", "FuMa"]
"""Scale of the channels of an Ambisonic signal."""

ChannelOrder: TypeAlias = Literal["ACN", "FuMa"]
"""Order of the channels of an Ambisonic signal."""

NORMALIZATIONS: tuple[Normalization, ...] = get_args(Normalization)
CHANNEL_ORDERS: tuple[ChannelOrder, ...] = get_args(ChannelOrder)
MAX_ORDER = 7
MAX_FUMA_ORDER = 3


@dataclass(frozen=True)
class AmbisonicFormat:
    """Order, normalization and channel order of an Ambisonic signal.

    Parameters
    ----------
    order : int
        1 to 7; at most 3 if the normalization or the channel order is FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
        Scale of the channels.
    channel_order : {"ACN", "FuMa"}
        Order of the channels.

    Raises
    ------
    LayoutError
        If FuMa is requested above order 3.
    OptionError
        If another argument is not accepted.

    Examples
    --------
    >>> AmbisonicFormat(3).n_channels, AmbisonicFormat(3).name
    (16, 'ambix3')
    """

    order: int = 1
    normalization: Normalization = "SN3D"
    channel_order: ChannelOrder = "ACN"

    def __post_init__(self) -> None:
        object.__setattr__(
            self, "normalization", as_choice(self.normalization, "normalization", NORMALIZATIONS)
        )
        object.__setattr__(
            self, "channel_order", as_choice(self.channel_order, "channel_order", CHANNEL_ORDERS)
        )
        object.__setattr__(self, "order", as_count(self.order, "order", maximum=MAX_ORDER))
        fuma = "FuMa" in (self.normalization, self.channel_order)
        if fuma and self.order > MAX_FUMA_ORDER:
            raise LayoutError(f"FuMa is defined up to order 3, got order {self.order}")

    @property
    def n_channels(self) -> int:
        """Number of channels, (order + 1) squared."""
        return (self.order + 1) ** 2

    @property
    def name(self) -> str:
        """Name such as "ambix1" or "fuma2", or "N3D-ACN-1" for formats without a common name."""
        usual = {("SN3D", "ACN"): "ambix", ("FuMa", "FuMa"): "fuma"}
        prefix = usual.get((self.normalization, self.channel_order))
        return f"{prefix or f'{self.normalization}-{self.channel_order}-'}{self.order}"


def _all_formats() -> Iterator[AmbisonicFormat]:
    for normalization, channel_order in product(NORMALIZATIONS, CHANNEL_ORDERS):
        fuma = "FuMa" in (normalization, channel_order)
        for order in range(1, (MAX_FUMA_ORDER if fuma else MAX_ORDER) + 1):
            yield AmbisonicFormat(order, normalization, channel_order)


FORMATS = {"foa": AmbisonicFormat(1), **{form.name: form for form in _all_formats()}}
USUAL_NAMES = ("foa", *(name for name in FORMATS if name.startswith(("ambix", "fuma"))))

Format: TypeAlias = Layout | AmbisonicFormat
"""Meaning of the channels of a signal."""


def get_format(name: str | os.PathLike[str] | Format) -> Format:
    """Return the layout or Ambisonic format with a name; an object is returned as it is.

    Parameters
    ----------
    name : str, path, Layout or AmbisonicFormat
        A name that `get_layout` accepts, "foa", "ambix1" to "ambix7", or "fuma1" to "fuma3", in
        upper or lower case.

    Raises
    ------
    LayoutError
        If no layout or format has that name.

    Examples
    --------
    >>> get_format("ambix2")
    AmbisonicFormat(order=2, normalization='SN3D', channel_order='ACN')
    """
    if isinstance(name, AmbisonicFormat):
        return name
    ambisonic = match_name(name, FORMATS)
    if ambisonic is not None:
        return FORMATS[ambisonic]
    if isinstance(name, str) and not json.is_path(name):
        names = (*layout_names(), *USUAL_NAMES)
        if match_name(name.partition(":")[0], layout_names()) is None:
            raise LayoutError(unknown_name("layout or format", name, names) + json.OTHER_NAMES)
    return get_layout(name)


def same_channels(first: Format, second: Format) -> bool:
    """Return whether two formats have the same channels in the same order.

    Layouts may differ in name and angles, such as "5.1", "0+5+0" and the loudspeakers of a room
    with the labels of "5.1".

    Parameters
    ----------
    first, second : Layout or AmbisonicFormat

    Examples
    --------
    >>> same_channels(get_layout("5.1"), get_layout("0+5+0"))
    True
    >>> same_channels(get_layout("5.0"), get_layout("paper5"))
    False
    """
    if not (isinstance(first, Layout) and isinstance(second, Layout)):
        return first == second
    return first.labels == second.labels or 0 < first.wave_mask == second.wave_mask


@overload
def channels_of(
    audio: FloatArray[FloatT], layout: Format, name: str = ...
) -> FloatArray[FloatT]: ...
@overload
def channels_of(audio: ArrayLike, layout: Format, name: str = ...) -> NDArray[Any]: ...
def channels_of(audio: ArrayLike, layout: Format, name: str = "audio") -> NDArray[Any]:
    """Return audio as an array, checked to have the channels of a layout or format."""
    return as_audio(audio, name, channels=layout.n_channels, of=f"{layout.name!r}")


def layout_of_labels(labels: Sequence[str]) -> tuple[Layout, NDArray[np.intp]] | None:
    """Return the layout of channels with labels of everyday layouts or BS.2051, in any order.

    Parameters
    ----------
    labels : sequence of str
        Labels such as "FL" or "M+030" of each channel of a file, each once.

    Returns
    -------
    layout : Layout
        The named layout with the same loudspeakers, else a layout of these labels, in the order of
        WAVE if it defines one. Back channels without side channels, with a centre, are surrounds.
    order : ndarray of int, shape (channels,)
        ``audio[..., order, :]`` is in the order of the layout.
        None instead of both if a label is unknown or repeated.

    Examples
    --------
    >>> layout, order = layout_of_labels(["FC", "FL", "FR"])
    >>> layout, order.tolist()
    (Layout('3.0': FL FR FC), [1, 2, 0])
    """
    if len(set(labels)) < len(labels) or not all(map(tables.has_meaning, labels)):
        return None
    roles = tables.with_surrounds(labels)
    for named in map(get_layout, layout_names()):
        if set(named.labels) == set(roles):
            return named, _order(roles, named)
    if set(labels) <= set(tables.WAVE_BITS):
        bits = [tables.WAVE_BITS[label] for label in labels]
        return Layout.from_wave_mask(sum(bits)), np.argsort(bits)
    everyday = [tables.everyday_label(label) for label in labels]
    if everyday == list(labels) and not any(map(tables.bs2051_direction, labels)):
        return standard_layout("custom", roles), np.arange(len(labels))
    angles = [tables.label_direction(label) or (np.nan, np.nan) for label in labels]
    layout = Layout("custom", tuple(labels), *np.array(angles).T)
    found = layout_of_labels(everyday) if everyday != list(labels) else None
    if found and np.allclose(layout.directions[found[1]], found[0].directions, equal_nan=True):
        return found
    return layout, np.arange(len(labels))


def _order(labels: Sequence[str], layout: Layout) -> NDArray[np.intp]:
    return np.array([labels.index(label) for label in layout.labels])
