"""What channels mean: loudspeaker layouts, their orders and masks, and Ambisonic formats."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spatialkit import _labels
from spatialkit._checks import as_audio, as_choice, as_count, as_directions
from spatialkit.errors import DirectionError, LayoutError, ShapeError
from spatialkit.geometry import angle_between, to_cartesian

__all__ = [
    "AmbisonicFormat",
    "Layout",
    "channel_map",
    "get_format",
    "get_layout",
    "layout_names",
    "reorder",
]

# Two layouts share a loudspeaker, for reordering, if its directions are closer than this.
SAME_DIRECTION_DEGREES = 0.5
CHANNEL_ORDERS = ("wave", "film", "vorbis")
MOST_VORBIS_CHANNELS = 8
HIGHEST_ORDER = 7
HIGHEST_FUMA_ORDER = 3


@dataclass(frozen=True, eq=False)
class Layout:
    """Loudspeakers and their channels, in the order of a file.

    Layouts are immutable, hashable, and equal if name, labels and directions are.

    Parameters
    ----------
    name : str
        What to call it.
    labels : sequence of str
        A different one per channel.
    azimuth : array_like, shape (channels,)
        Degrees, 0 ahead, positive to the left; any number. What stands for an LFE is ignored.
    elevation : array_like, shape (channels,), optional
        Degrees, -90 to 90, positive up; 0 if left out.
    is_lfe : sequence of bool, optional
        Which channels are LFE; by default those whose label begins with "LFE".

    Attributes
    ----------
    azimuth, elevation : ndarray of float64, shape (channels,)
        As given; NaN for LFE channels. Read-only.
    is_lfe : ndarray of bool, shape (channels,)

    Raises
    ------
    LayoutError
        If there is no loudspeaker, a label stands twice, or a loudspeaker has no finite direction.

    Examples
    --------
    >>> desk = Layout("desk", ["left", "right", "LFE"], [35.0, -35.0, float("nan")])
    >>> desk.n_channels, desk.is_lfe.tolist()
    (3, [False, False, True])
    """

    name: str
    labels: tuple[str, ...]
    azimuth: NDArray[np.float64]
    elevation: NDArray[np.float64] = None  # type: ignore[assignment]
    is_lfe: NDArray[np.bool_] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        labels = tuple(str(label) for label in self.labels)
        repeated = sorted({label for label in labels if labels.count(label) > 1})
        if repeated:
            raise LayoutError(
                f"layout {self.name!r} has the label {', '.join(repeated)} more than once"
            )
        if self.is_lfe is None:
            is_lfe = np.array([label.startswith("LFE") for label in labels], dtype=bool)
        else:
            is_lfe = np.array(self.is_lfe, dtype=bool)
        azimuth = np.array(self.azimuth, dtype=np.float64)
        elevation = np.zeros(len(labels)) if self.elevation is None else self.elevation
        elevation = np.array(elevation, dtype=np.float64)
        for what, values in (("azimuth", azimuth), ("elevation", elevation), ("is_lfe", is_lfe)):
            if values.shape != (len(labels),):
                raise LayoutError(
                    f"layout {self.name!r} has {len(labels)} labels but {what} of shape "
                    f"{values.shape}: one value per channel is needed"
                )
        if is_lfe.all():
            raise LayoutError(f"layout {self.name!r} has no loudspeaker")
        try:
            as_directions(azimuth[~is_lfe], elevation[~is_lfe])
        except DirectionError as error:
            raise LayoutError(f"layout {self.name!r}: {error}") from None
        azimuth[is_lfe] = elevation[is_lfe] = np.nan
        for values in (azimuth, elevation, is_lfe):
            values.flags.writeable = False
        for field, value in (
            ("labels", labels),
            ("azimuth", azimuth),
            ("elevation", elevation),
            ("is_lfe", is_lfe),
        ):
            object.__setattr__(self, field, value)

    @classmethod
    def from_directions(
        cls, azimuth: ArrayLike, elevation: ArrayLike = 0.0, *, name: str = "custom"
    ) -> Layout:
        """Layout of loudspeakers in the given directions, labelled "1", "2" ... in their order.

        Parameters
        ----------
        azimuth, elevation : array_like, shape (loudspeakers,)
            Degrees; a scalar elevation holds for all.
        name : str

        Examples
        --------
        >>> Layout.from_directions([45, 135, -135, -45]).labels
        ('1', '2', '3', '4')
        """
        azimuths, elevations = as_directions(np.atleast_1d(azimuth), elevation)
        labels = tuple(str(number + 1) for number in range(azimuths.size))
        return cls(name, labels, azimuths, elevations)

    @classmethod
    def from_wave_mask(cls, mask: int) -> Layout:
        """Layout that a WAVE channel mask describes.

        A mask of an everyday layout gives that layout; backs without sides beside a centre are
        surrounds (0x37 is 5.0, 0x3F is 5.1). Other masks give a layout with the usual angles.

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
        labels = [label for label, bit in _labels.WAVE_BITS.items() if mask & bit]
        if mask != sum(_labels.WAVE_BITS[label] for label in labels) or not labels:
            raise LayoutError(
                f"channel mask {mask:#x} is no set of WAVE loudspeakers (bits 0 to 17, at least one)"
            )
        for layout in map(get_layout, _labels.EVERYDAY_SYSTEMS):
            if layout.wave_mask == mask:
                return layout
        only_backs = {"FC", "BL", "BR"} <= set(labels) and not {"SL", "SR"} & set(labels)
        if only_backs:
            sides = _labels.WAVE_BITS["SL"] | _labels.WAVE_BITS["SR"]
            backs = _labels.WAVE_BITS["BL"] | _labels.WAVE_BITS["BR"]
            return cls.from_wave_mask(mask ^ backs ^ sides)
        return _everyday_layout(f"wave-{mask:#x}", labels)

    @classmethod
    def from_json(cls, text: str) -> Layout:
        """Layout from the JSON that the IEM and SPARTA plug-ins exchange.

        Imaginary loudspeakers are left out. Channels come in the order of their numbers; a number
        that no loudspeaker has is an LFE, for which these files have no word (`to_json` adds one).

        Parameters
        ----------
        text : str
            The file's content ("LoudspeakerLayout" of IEM or "GenericLayout" of SPARTA).

        Raises
        ------
        LayoutError
            If the text is no such JSON, or a real loudspeaker has a gain other than 1.
        """
        try:
            data = json.loads(text)
            layout = data.get("LoudspeakerLayout") or data["GenericLayout"]
            entries = layout["Loudspeakers"] if "Loudspeakers" in layout else layout["Elements"]
            real = {int(e["Channel"]): e for e in entries if not e.get("IsImaginary", False)}
            n_real = sum(not e.get("IsImaginary", False) for e in entries)
            angles = {n: (float(e["Azimuth"]), float(e["Elevation"])) for n, e in real.items()}
            lfe = {int(n): str(label) for n, label in layout.get("LFE", {}).items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise LayoutError(f"not a loudspeaker layout of IEM or SPARTA: {error!r}") from error
        if len(real) < n_real or (real and min(real) < 1):
            raise LayoutError("channel numbers must be 1 or more, a different one per loudspeaker")
        scaled = [n for n, e in real.items() if float(e.get("Gain", 1.0)) != 1.0]
        if scaled:
            raise LayoutError(
                f"the loudspeaker of channel {scaled[0]} has a gain other than 1: "
                "a layout holds directions only, apply gains to the audio"
            )
        largest = max([*real, *lfe], default=0)
        if largest > _LARGEST_JSON_CHANNEL:
            raise LayoutError(f"channel numbers must not pass {_LARGEST_JSON_CHANNEL}")
        numbers = range(1, largest + 1)
        unused = [n for n in numbers if n not in real]
        lfe_names = {
            n: lfe.get(n, f"LFE{i + 1}" if len(unused) > 1 else "LFE") for i, n in enumerate(unused)
        }
        return cls(
            str(layout.get("Name") or data.get("Name") or "custom"),
            tuple(lfe_names.get(n) or str(real[n].get("Label", n)) for n in numbers),
            np.array([angles.get(n, (np.nan, np.nan))[0] for n in numbers]),
            np.array([angles.get(n, (np.nan, np.nan))[1] for n in numbers]),
            np.array([n in lfe_names for n in numbers], dtype=bool),
        )

    def to_json(self) -> str:
        """Return the JSON that the IEM plug-ins read; LFE channels stand apart under "LFE".

        Examples
        --------
        >>> Layout.from_json(get_layout("5.1").to_json()) == get_layout("5.1")
        True
        """
        loudspeakers = [
            {
                "Azimuth": float(self.azimuth[n]),
                "Elevation": float(self.elevation[n]),
                "Radius": 1.0,
                "IsImaginary": False,
                "Channel": int(n) + 1,
                "Gain": 1.0,
                "Label": self.labels[n],
            }
            for n in self.loudspeakers
        ]
        layout: dict[str, Any] = {"Name": self.name, "Loudspeakers": loudspeakers}
        if self.is_lfe.any():
            layout["LFE"] = {int(n) + 1: self.labels[n] for n in np.flatnonzero(self.is_lfe)}
        whole = {"Name": self.name, "Description": "", "LoudspeakerLayout": layout}
        return json.dumps(whole, indent=2)

    @property
    def n_channels(self) -> int:
        """Number of channels, LFE included."""
        return len(self.labels)

    @cached_property
    def loudspeakers(self) -> NDArray[np.intp]:
        """Indices of the channels that are no LFE, ascending."""
        return np.flatnonzero(~self.is_lfe)

    @cached_property
    def directions(self) -> NDArray[np.float64]:
        """Unit vectors (channels, 3), x ahead, y left, z up; NaN for LFE channels."""
        vectors = np.full((self.n_channels, 3), np.nan)
        real = self.loudspeakers
        vectors[real] = to_cartesian(self.azimuth[real], self.elevation[real])
        vectors.flags.writeable = False
        return vectors

    @cached_property
    def wave_mask(self) -> int:
        """dwChannelMask of WAVE, or 0 where WAVE cannot say these channels in this order."""
        bits = [_labels.WAVE_BITS.get(_labels.everyday_label(label), 0) for label in self.labels]
        ascending = all(a < b for a, b in zip([0, *bits], bits, strict=False))
        return sum(bits) if ascending else 0

    def without_lfe(self) -> Layout:
        """Return the same layout without its LFE channels."""
        return self._taking(self.loudspeakers, self.name) if self.is_lfe.any() else self

    def in_order(self, order: str) -> Layout:
        """Return the same loudspeakers in another order.

        Parameters
        ----------
        order : {"wave", "film", "vorbis"}
            Ascending WAVE bits; left, centre, right, sides, backs, LFE, tops (SMPTE, Pro Tools);
            or the order of Vorbis and Opus (RFC 7845), which is that of film up to 8 channels.

        Raises
        ------
        LayoutError
            If the order does not say where one of the channels belongs.

        Examples
        --------
        >>> get_layout("7.1").in_order("film").labels
        ('FL', 'FC', 'FR', 'SL', 'SR', 'BL', 'BR', 'LFE')
        """
        as_choice(order, "order", CHANNEL_ORDERS)
        ranks = list(_labels.WAVE_BITS) if order == "wave" else _labels.FILM_ORDER
        roles = [_labels.everyday_label(label) for label in self.labels]
        lost = [label for label, role in zip(self.labels, roles, strict=True) if role not in ranks]
        if lost or len(set(roles)) < len(roles):
            raise LayoutError(
                f"{order} order does not say where {', '.join(lost or self.labels)} of "
                f"{self.name!r} belongs"
            )
        if order == "vorbis" and (self.n_channels > MOST_VORBIS_CHANNELS or "TFL" in roles):
            raise LayoutError(f"Vorbis has no order for {self.name!r}, only for mono to 7.1")
        return self._taking(
            sorted(range(self.n_channels), key=lambda n: ranks.index(roles[n])),
            f"{self.name}:{order}",
        )

    def _taking(self, channels: Sequence[int] | NDArray[np.intp], name: str) -> Layout:
        channels = np.asarray(channels)
        labels = tuple(self.labels[n] for n in channels)
        return Layout(
            name, labels, self.azimuth[channels], self.elevation[channels], self.is_lfe[channels]
        )

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        angles = np.nan_to_num(np.stack([self.azimuth, self.elevation]), nan=0.0) + 0.0
        return self.name, self.labels, self.is_lfe.tobytes(), angles.tobytes()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __repr__(self) -> str:
        return f"Layout({self.name!r}: {' '.join(self.labels)})"


_LARGEST_JSON_CHANNEL = 1024


def layout_names() -> tuple[str, ...]:
    """Names that `get_layout` knows: the everyday ones, then the systems of BS.2051.

    Examples
    --------
    >>> "7.1.4" in layout_names() and "9+10+3" in layout_names()
    True
    """
    return (*_labels.EVERYDAY_SYSTEMS, "22.2", *_labels.BS2051_SYSTEMS)


def get_layout(name: str | Layout) -> Layout:
    """Layout of that name; a Layout is returned as it is.

    Everyday names have their top loudspeakers at 45 degrees of elevation, the systems of BS.2051
    at 30: "7.1.4" and "4+7+0" are different layouts, also in the order of sides and backs.

    Parameters
    ----------
    name : str or Layout
        One of `layout_names`; with ":film", ":vorbis" or ":wave" behind it in that order.

    Raises
    ------
    LayoutError
        If no layout has that name.

    Examples
    --------
    >>> get_layout("5.1").labels
    ('FL', 'FR', 'FC', 'LFE', 'SL', 'SR')
    >>> get_layout("5.1:film").labels
    ('FL', 'FC', 'FR', 'SL', 'SR', 'LFE')
    """
    if isinstance(name, Layout):
        return name
    if not isinstance(name, str):
        raise LayoutError(f"a layout is a name or a Layout, got {name!r}")
    return _named_layout(name)


@lru_cache(maxsize=None)
def _named_layout(name: str) -> Layout:
    base, _, order = name.partition(":")
    if base not in layout_names():
        raise LayoutError(f"no layout is called {name!r}; known: {', '.join(layout_names())}")
    if order:
        return get_layout(base).in_order(order)
    if base in _labels.EVERYDAY_SYSTEMS:
        return _everyday_layout(base, _labels.EVERYDAY_SYSTEMS[base].split())
    labels = _labels.BS2051_SYSTEMS["9+10+3" if base == "22.2" else base].split()
    angles = [_labels.bs2051_direction(label) or (np.nan, np.nan) for label in labels]
    azimuth, elevation = np.array(angles).T
    return Layout(base, tuple(labels), azimuth, elevation)


def _everyday_layout(name: str, labels: Sequence[str]) -> Layout:
    angles = [_labels.everyday_direction(label) or (np.nan, np.nan) for label in labels]
    azimuth, elevation = np.array(angles).T
    sides = np.isin(labels, ["SL", "SR"])
    if not {"BL", "BR", "BC"} & set(labels):
        azimuth[sides] = np.sign(azimuth[sides]) * _labels.SURROUND_AZIMUTH
    if name == "quad":
        fronts = np.isin(labels, ["FL", "FR"])
        azimuth[fronts] = np.sign(azimuth[fronts]) * _labels.QUAD_FRONT_AZIMUTH
    return Layout(name, tuple(labels), azimuth, elevation)


def channel_map(source: str | Layout, target: str | Layout) -> NDArray[np.intp]:
    """Where each channel of ``target`` stands in ``source``, if both share their loudspeakers.

    Channels are matched by label; failing that by what the labels mean ("M+110" is "SL"); failing
    that by direction. Never by position.

    Parameters
    ----------
    source, target : str or Layout

    Returns
    -------
    ndarray of int, shape (channels,)
        ``audio[..., channel_map(source, target), :]`` is in the order of ``target``.

    Raises
    ------
    LayoutError
        If the layouts do not have the same loudspeakers.

    Examples
    --------
    >>> channel_map("7.1", "0+7+0").tolist()
    [0, 1, 2, 3, 6, 7, 4, 5]
    """
    source, target = get_layout(source), get_layout(target)
    if source.n_channels == target.n_channels:
        for meaning in (str, _labels.everyday_label):
            have = [meaning(label) for label in source.labels]
            want = [meaning(label) for label in target.labels]
            if len(set(have)) == len(have) and set(have) == set(want):
                return np.array([have.index(label) for label in want])
        matched = _match_directions(source, target)
        if matched is not None:
            return matched
    raise LayoutError(
        f"{source.name!r} ({' '.join(source.labels)}) and {target.name!r} "
        f"({' '.join(target.labels)}) do not have the same loudspeakers: reordering needs them to, "
        "render() converts between different layouts"
    )


def _match_directions(source: Layout, target: Layout) -> NDArray[np.intp] | None:
    if source.is_lfe.sum() != target.is_lfe.sum():
        return None
    indices = np.empty(target.n_channels, dtype=np.intp)
    indices[target.is_lfe] = np.flatnonzero(source.is_lfe)
    have, want = source.directions[source.loudspeakers], target.directions[target.loudspeakers]
    near = angle_between(want[:, None], have[None]) < SAME_DIRECTION_DEGREES
    if not ((near.sum(axis=0) == 1).all() and (near.sum(axis=1) == 1).all()):
        return None
    indices[target.loudspeakers] = source.loudspeakers[near.argmax(axis=1)]
    return indices


def reorder(audio: ArrayLike, source: str | Layout, target: str | Layout) -> NDArray[Any]:
    """Channels of ``audio`` in the order of another layout with the same loudspeakers.

    Parameters
    ----------
    audio : array_like of float, shape (..., channels, samples)
    source, target : str or Layout
        Matched as in `channel_map`.

    Returns
    -------
    ndarray, shape (..., channels, samples)
        A copy.

    Examples
    --------
    >>> import numpy as np
    >>> film = np.arange(6.0)[:, None]  # L C R Ls Rs LFE
    >>> reorder(film, "5.1:film", "5.1")[:, 0]
    array([0., 2., 1., 5., 3., 4.])
    """
    source = get_layout(source)
    array = as_audio(audio, channels=source.n_channels, of=f"layout {source.name!r}")
    return array[..., channel_map(source, target), :]


@dataclass(frozen=True)
class AmbisonicFormat:
    """Order, normalization and channel order of an Ambisonic signal.

    Parameters
    ----------
    order : int
        1 to 7; to 3 with anything of FuMa.
    normalization : {"SN3D", "N3D", "FuMa"}
    channel_order : {"ACN", "FuMa"}

    Examples
    --------
    >>> AmbisonicFormat(3).n_channels, AmbisonicFormat(3).name
    (16, 'ambix3')
    """

    order: int = 1
    normalization: str = "SN3D"
    channel_order: str = "ACN"

    def __post_init__(self) -> None:
        as_choice(self.normalization, "normalization", ("SN3D", "N3D", "FuMa"))
        as_choice(self.channel_order, "channel_order", ("ACN", "FuMa"))
        fuma = "FuMa" in (self.normalization, self.channel_order)
        if fuma and self.order > HIGHEST_FUMA_ORDER:
            raise LayoutError(f"FuMa is defined up to order 3, got order {self.order}")
        as_count(self.order, "order", most=HIGHEST_ORDER)

    @property
    def n_channels(self) -> int:
        """Number of channels, (order + 1) squared."""
        return (self.order + 1) ** 2

    @property
    def name(self) -> str:
        """Name such as "ambix1" or "fuma2"; spelled out where no name is usual."""
        usual = {("SN3D", "ACN"): "ambix", ("FuMa", "FuMa"): "fuma"}
        prefix = usual.get((self.normalization, self.channel_order))
        return f"{prefix or f'{self.normalization}-{self.channel_order}-'}{self.order}"


_FORMATS = {
    "foa": AmbisonicFormat(1),
    **{f"ambix{order}": AmbisonicFormat(order) for order in range(1, HIGHEST_ORDER + 1)},
    **{
        f"fuma{order}": AmbisonicFormat(order, "FuMa", "FuMa")
        for order in range(1, HIGHEST_FUMA_ORDER + 1)
    },
}


def get_format(name: str | Layout | AmbisonicFormat) -> Layout | AmbisonicFormat:
    """Layout or Ambisonic format of that name; an object of either kind is returned as it is.

    Parameters
    ----------
    name : str, Layout or AmbisonicFormat
        A name of `get_layout`, "foa", "ambix1" to "ambix7", or "fuma1" to "fuma3".

    Raises
    ------
    LayoutError
        If nothing has that name.

    Examples
    --------
    >>> get_format("ambix2")
    AmbisonicFormat(order=2, normalization='SN3D', channel_order='ACN')
    """
    if isinstance(name, AmbisonicFormat):
        return name
    if isinstance(name, str) and name in _FORMATS:
        return _FORMATS[name]
    if isinstance(name, str) and name.partition(":")[0] not in layout_names():
        known = (*layout_names(), "foa", "ambix1 ... ambix7", "fuma1 ... fuma3")
        raise LayoutError(f"no layout or format is called {name!r}; known: {', '.join(known)}")
    return get_layout(name)


def channels_of(audio: ArrayLike, layout: Layout | AmbisonicFormat) -> NDArray[Any]:
    """``audio`` checked to have the channels of ``layout``."""
    return as_audio(audio, channels=layout.n_channels, of=f"{layout.name!r}")
