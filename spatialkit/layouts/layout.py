"""Loudspeaker layouts: channels and their directions, by name or by the user."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit._display import plots
from spatialkit.errors import LayoutError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import json, tables
from spatialkit.layouts.arguments import as_labels, as_layout_directions, as_lfe, as_nominal
from spatialkit.layouts.channel_orders import (
    CHANNEL_ORDERS,
    LoudspeakerOrder,
    mask_labels,
    ordered_channels,
    wave_mask,
)
from spatialkit.layouts.nominal import label_directions
from spatialkit.validation import (
    as_angles,
    as_choice,
    as_directions,
    match_name,
    shown,
    unknown_name,
)

__all__ = ["Layout", "get_layout", "layout_names"]

FLAT_DEGREES = 1.0


@dataclass(frozen=True, eq=False)
class Layout:
    """Loudspeakers and their channels, in the order of a file.

    Layouts are immutable, hashable, and equal if name, labels and directions are.

    A loudspeaker has a real and a nominal direction, as in ITU-R BS.2127-1, section 6.1: nominal
    directions determine between which loudspeakers a source is panned, real directions the gains.
    Loudspeakers that are not exactly where a standard specifies them, as measured in a room, are
    thus used as they are in the standard. The labels of the systems of BS.2051 and of everyday
    layouts specify nominal directions; for others, use ``nominal`` or `move`.

    Parameters
    ----------
    name : str
        Name, for error messages and representations.
    labels : sequence of str
        A unique label per channel.
    azimuth : array_like, shape (channels,)
        Azimuth in degrees, 0 in front, positive to the left. The value of an LFE is ignored.
    elevation : array_like, shape (channels,), optional
        Elevation in degrees, -90 to 90, positive up; 0 by default.
    is_lfe : sequence of bool, optional
        LFE channels; by default those whose label starts with "LFE".
    nominal : array_like, shape (2, channels), or Layout or str, optional
        Nominal azimuths and elevations in degrees, or a layout with the same channels in the same
        order. NaN and the default stand for the direction that the label specifies, or without
        one for the real direction.

    Attributes
    ----------
    azimuth, elevation : ndarray of float64, shape (channels,)
        As given; NaN for LFE channels. Read-only.
    is_lfe : ndarray of bool, shape (channels,)
    nominal : ndarray of float64, shape (2, channels)
        Nominal azimuths and elevations; NaN for LFE channels. Read-only.

    Raises
    ------
    LayoutError
        If there is no loudspeaker, a label is repeated, a direction is not finite, or ``nominal``
        is not for the same channels.

    Examples
    --------
    >>> desk = Layout("desk", ["left", "right", "LFE"], [35.0, -35.0, float("nan")])
    >>> desk.n_channels, desk.is_lfe.tolist()
    (3, [False, False, True])
    >>> measured = Layout("room", ["FL", "FR", "FC"], [31.2, -28.9, 0.4])
    >>> measured.nominal[0]
    array([ 30., -30.,   0.])
    """

    name: str
    labels: tuple[str, ...]
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64] = None  # type: ignore[assignment]
    is_lfe: NDArray[np.bool_] = None  # type: ignore[assignment]
    nominal: NDArray[np.float64] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise LayoutError(f"name of a layout must be text, got {shown(self.name)}")
        labels = as_labels(self.labels, self.name)
        is_lfe = as_lfe(self.is_lfe, labels, self.name)
        azimuth, elevation = as_layout_directions(
            self.azimuth, self.elevation, is_lfe, len(labels), self.name
        )
        object.__setattr__(self, "labels", labels)
        for field, value in (("azimuth", azimuth), ("elevation", elevation), ("is_lfe", is_lfe)):
            value.flags.writeable = False
            object.__setattr__(self, field, value)
        nominal = self._default_nominal()
        if self.nominal is not None:
            given = self._as_nominal(self.nominal)
            nominal = np.where(np.isnan(given), nominal, given)
        nominal[:, is_lfe] = np.nan
        nominal.flags.writeable = False
        object.__setattr__(self, "nominal", nominal)

    def _default_nominal(self) -> NDArray[np.float64]:
        """Return the directions that labels specify, and the real ones where they do not."""
        nominal = label_directions(self.labels, self.azimuth)
        return np.where(np.isnan(nominal), [self.azimuth, self.elevation], nominal)

    def _as_nominal(self, given: Any) -> NDArray[np.float64]:
        if isinstance(given, (str, Layout)):
            other = get_layout(given)
            if other.n_channels != self.n_channels or (other.is_lfe != self.is_lfe).any():
                raise LayoutError(
                    f"nominal layout {other.name!r} must have the channels of layout "
                    f"{self.name!r} in the same order, got {' '.join(other.labels)} for "
                    f"{' '.join(self.labels)}"
                )
            return other.nominal
        return as_nominal(given, self.n_channels, self.name)

    @classmethod
    def from_directions(
        cls, azimuth: ArrayLike, elevation: ArrayLike = 0.0, *, name: str = "custom"
    ) -> Layout:
        """Create a layout of loudspeakers in given directions, labelled "1", "2" ... in order.

        Parameters
        ----------
        azimuth, elevation : array_like, shape (loudspeakers,)
            Degrees; a scalar elevation applies to all.
        name : str
            Name of the layout.

        Examples
        --------
        >>> Layout.from_directions([45, 135, -135, -45]).labels
        ('1', '2', '3', '4')
        """
        azimuths, elevations = as_directions(
            np.atleast_1d(as_angles(azimuth, "azimuth")), elevation
        )
        labels = tuple(str(number + 1) for number in range(azimuths.size))
        return cls(name, labels, azimuths, elevations)

    @classmethod
    def from_wave_mask(cls, mask: int) -> Layout:
        """Return the layout of a WAVE channel mask, in the order of the file.

        The mask of an everyday layout gives that layout. Back channels without side channels, with
        a centre, are surrounds (0x37 is 5.0, 0x3F is 5.1). Other masks give a layout with the
        angles of the everyday layouts.

        Parameters
        ----------
        mask : int
            dwChannelMask of WAVEFORMATEXTENSIBLE.

        Raises
        ------
        LayoutError
            If the mask is 0 or has bits that WAVE does not define.

        Examples
        --------
        >>> Layout.from_wave_mask(0x3F).name
        '5.1'
        """
        labels = mask_labels(mask)
        for name, system in tables.EVERYDAY_SYSTEMS.items():
            if system.split() == labels:
                return get_layout(name)
        return standard_layout(f"wave-{mask:#x}", labels)

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> Layout:
        """Create a layout from the JSON that the IEM and SPARTA plug-ins exchange.

        Imaginary loudspeakers are ignored. Channels are in ascending order of their numbers; a
        number without a loudspeaker is an LFE, for which this format has no entry (`to_json` adds
        one).

        Parameters
        ----------
        source : str or path
            Path of a file, as text with the ending ".json" or as a path object; or the JSON
            itself, a "LoudspeakerLayout" (IEM) or "GenericLayout" (SPARTA).

        Raises
        ------
        LayoutError
            If the file cannot be read, the JSON is not a layout, or a real loudspeaker has a gain
            other than 1.

        Examples
        --------
        >>> from pathlib import Path
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "room.json"
        ...     _ = path.write_text(get_layout("5.1").to_json())
        ...     Layout.from_json(path)
        Layout('5.1': FL FR FC LFE SL SR)
        """
        return cls(**json.read(source)._asdict())

    def to_json(self) -> str:
        """Return the JSON that the IEM plug-ins read, with LFE channels in an entry "LFE".

        Examples
        --------
        >>> Layout.from_json(get_layout("5.1").to_json()) == get_layout("5.1")
        True
        """
        default = np.array_equal(self.nominal, self._default_nominal(), equal_nan=True)
        nominal = None if default else self.nominal
        return json.write(
            json.Fields(self.name, self.labels, self.azimuth, self.elevation, self.is_lfe, nominal)
        )

    def move(
        self,
        azimuth: ArrayLike | Mapping[str, float] | None = None,
        elevation: ArrayLike | Mapping[str, float] | None = None,
    ) -> Layout:
        """Return the same layout with its loudspeakers at other directions, as measured in a room.

        The nominal directions are kept.

        Parameters
        ----------
        azimuth, elevation : array_like, shape (channels,), or dict of str to float, optional
            Real directions in degrees, in channel order (the value of an LFE is ignored), or by
            label for the loudspeakers that move. By default the present ones.

        Raises
        ------
        LayoutError
            If a label is unknown, or the directions are not one per channel.

        Examples
        --------
        >>> room = get_layout("5.1").move({"FL": 27.5, "SR": -104.0}, {"SR": 8.0})
        >>> room.azimuth.tolist()
        [27.5, -30.0, 0.0, nan, 110.0, -104.0]
        >>> room.nominal[0].tolist()
        [30.0, -30.0, 0.0, nan, 110.0, -110.0]
        """
        labelled = label_directions(self.labels, self.azimuth)
        return Layout(
            self.name,
            self.labels,
            self._moved("azimuth", azimuth),
            self._moved("elevation", elevation),
            self.is_lfe,
            # Those of labels are determined again: they depend on the side of screen loudspeakers.
            np.where(self.nominal == labelled, np.nan, self.nominal),
        )

    def _moved(self, name: str, given: Any) -> Any:
        values = getattr(self, name)
        if given is None:
            return values
        if not isinstance(given, Mapping):
            return given
        unknown = [label for label in given if label not in self.labels]
        if unknown:
            raise LayoutError(
                f"{name} has the label {unknown[0]!r}, which layout {self.name!r} does not have; "
                f"it has {' '.join(self.labels)}"
            )
        return [given.get(label, value) for label, value in zip(self.labels, values, strict=True)]

    @property
    def n_channels(self) -> int:
        """Number of channels, LFE included."""
        return len(self.labels)

    @cached_property
    def loudspeakers(self) -> NDArray[np.intp]:
        """Indices of the channels that are not LFE, ascending."""
        indices = np.flatnonzero(~self.is_lfe)
        indices.flags.writeable = False
        return indices

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors (channels, 3), x front, y left, z up; NaN for LFE channels."""
        return self._vectors(self.azimuth, self.elevation)

    @cached_property
    def nominal_directions(self) -> NDArray[np.float64]:
        """Unit vectors (channels, 3) of the nominal directions; NaN for LFE channels."""
        return self._vectors(*self.nominal)

    def _vectors(
        self, azimuth: NDArray[np.float64], elevation: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        vectors = np.full((self.n_channels, 3), np.nan)
        real = self.loudspeakers
        vectors[real] = to_cartesian(azimuth[real], elevation[real])
        vectors.flags.writeable = False
        return vectors

    @cached_property
    def is_flat(self) -> bool:
        """True if the nominal elevation of all loudspeakers is within 1 degree of 0."""
        return bool(np.all(np.abs(self.nominal[1, self.loudspeakers]) <= FLAT_DEGREES))

    @cached_property
    def wave_mask(self) -> int:
        """The dwChannelMask of WAVE, or 0 if no mask describes these channels in this order."""
        return wave_mask(self.labels)

    def without_lfe(self) -> Layout:
        """Return the same layout without its LFE channels."""
        return self._select(self.loudspeakers, self.name) if self.is_lfe.any() else self

    def in_order(self, order: LoudspeakerOrder) -> Layout:
        """Return the same loudspeakers in another channel order.

        Parameters
        ----------
        order : {"wave", "film", "vorbis"}
            "wave" is ascending WAVE bits; "film" is left, centre, right, side, back, LFE, top
            (SMPTE, Pro Tools); "vorbis" is the order of Vorbis and Opus (RFC 7845), which equals
            "film" up to 8 channels.

        Raises
        ------
        LayoutError
            If the order does not define the position of one of the channels.

        Examples
        --------
        >>> get_layout("7.1").in_order("film").labels
        ('FL', 'FC', 'FR', 'SL', 'SR', 'BL', 'BR', 'LFE')
        """
        return self._select(ordered_channels(self.labels, order, self.name), f"{self.name}:{order}")

    def _select(self, channels: Sequence[int] | NDArray[np.intp], name: str) -> Layout:
        channels = np.asarray(channels)
        labels = tuple(self.labels[n] for n in channels)
        angles = self.azimuth[channels], self.elevation[channels]
        return Layout(name, labels, *angles, self.is_lfe[channels], self.nominal[:, channels])

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        every = np.stack([self.azimuth, self.elevation, *self.nominal])
        angles = np.nan_to_num(every, nan=0.0) + 0.0
        return self.name, self.labels, self.is_lfe.tobytes(), angles.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __reduce__(self) -> tuple[Any, ...]:
        # pickle and copy call the constructor: NumPy would restore read-only arrays as writable.
        angles = self.azimuth, self.elevation
        return Layout, (self.name, self.labels, *angles, self.is_lfe, self.nominal)

    def plot(self, *, ax: Any = None, **options: Any) -> Any:
        """Plot the loudspeakers, see `spatialkit.plots.plot_layout`."""
        return plots().plot_layout(self, ax=ax, **options)

    def _repr_html_(self) -> str:
        return str(plots().layout_html(self))

    def __repr__(self) -> str:
        return f"Layout({self.name!r}: {' '.join(self.labels)})"


def layout_names() -> tuple[str, ...]:
    """Return the names that `get_layout` accepts: everyday names, then the systems of BS.2051.

    Examples
    --------
    >>> "7.1.4" in layout_names() and "9+10+3" in layout_names()
    True
    """
    return (*tables.EVERYDAY_SYSTEMS, "22.2", *tables.BS2051_SYSTEMS)


def get_layout(name: str | os.PathLike[str] | Layout) -> Layout:
    """Return the layout with a name; a `Layout` is returned as it is.

    Everyday names have their top loudspeakers at 45 degrees of elevation, the systems of BS.2051
    at 30: "7.1.4" and "4+7+0" are different layouts, also in the order of side and back channels.

    Parameters
    ----------
    name : str, path or Layout
        One of `layout_names`, in upper or lower case; append ":wave", ":film" or ":vorbis" for
        that channel order. Or the path of a ".json" file, read as by `Layout.from_json`.

    Raises
    ------
    LayoutError
        If no layout has that name, or the file is not a layout.

    Examples
    --------
    >>> get_layout("5.1").labels
    ('FL', 'FR', 'FC', 'LFE', 'SL', 'SR')
    >>> get_layout("5.1:film").labels
    ('FL', 'FC', 'FR', 'SL', 'SR', 'LFE')
    """
    if isinstance(name, Layout):
        return name
    if json.is_path(name):
        return Layout.from_json(name)
    base, colon, order = name.partition(":") if isinstance(name, str) else (name, "", "")
    known = match_name(base, layout_names())
    if known is None:
        raise LayoutError(unknown_name("layout", base, layout_names()) + json.OTHER_NAMES)
    if not colon:
        return _named_layout(known)
    return _named_layout(known).in_order(
        as_choice(order, f"channel order of {base!r}", CHANNEL_ORDERS, error=LayoutError)
    )


@cache
def _named_layout(name: str) -> Layout:
    systems = {**tables.EVERYDAY_SYSTEMS, **tables.BS2051_SYSTEMS}
    return standard_layout(name, systems["9+10+3" if name == "22.2" else name].split())


def standard_layout(name: str, labels: Sequence[str]) -> Layout:
    """Return a layout whose loudspeakers are where their labels specify."""
    return Layout(name, tuple(labels), *label_directions(labels))
