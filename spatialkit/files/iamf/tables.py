"""Loudspeaker layouts and Ambisonics of IAMF, in the order of their substreams.

Source: Alliance for Open Media, "Immersive Audio Model and Formats" (IAMF) 1.1, sections 3.6.2
(loudspeaker_layout, order of substreams) and 3.7.7 (sound_system).
"""

from __future__ import annotations

from dataclasses import dataclass

from spatialkit.files.adm.definitions import bed_labels
from spatialkit.layouts import AmbisonicFormat, Format, Layout, get_layout

# Order of Ambisonics with more than 16 channels, which the profile base-enhanced has.
MAX_ORDER = 4
MAX_SIMPLE_CHANNELS = 16
SIMPLE, BASE_ENHANCED = 0, 2


@dataclass(frozen=True)
class IamfLayout:
    """Loudspeaker layout of IAMF.

    Parameters
    ----------
    name : str
        Name of the layout in this package.
    code : int
        loudspeaker_layout.
    system : int
        sound_system.
    pairs, singles : tuple of str
        Labels of BS.2051 of coupled substreams (left channels) and of the others, in order.
    """

    name: str
    code: int
    system: int
    pairs: tuple[str, ...] = ()
    singles: tuple[str, ...] = ()

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of all channels in the order of substreams."""
        both = [(left, left.replace("+", "-")) for left in self.pairs]
        return (*(label for pair in both for label in pair), *self.singles)

    @property
    def substreams(self) -> list[int]:
        """Number of channels of each substream."""
        return [2] * len(self.pairs) + [1] * len(self.singles)

    def order(self, layout: Layout) -> list[int]:
        """Return the channel of a layout with these loudspeakers for each channel."""
        labels = bed_labels(layout) or ()
        return [labels.index(label) for label in self.labels]


_CENTRE = ("M+000", "LFE1")
LAYOUTS = (
    IamfLayout("mono", 0, 12, (), ("M+000",)),
    IamfLayout("stereo", 1, 0, ("M+030",)),
    IamfLayout("5.1", 2, 1, ("M+030", "M+110"), _CENTRE),
    IamfLayout("5.1.2", 3, 2, ("M+030", "M+110", "U+030"), _CENTRE),
    IamfLayout("5.1.4", 4, 3, ("M+030", "M+110", "U+030", "U+110"), _CENTRE),
    IamfLayout("7.1", 5, 8, ("M+030", "M+090", "M+135"), _CENTRE),
    IamfLayout("7.1.2", 6, 10, ("M+030", "M+090", "M+135", "U+045"), _CENTRE),
    IamfLayout("7.1.4", 7, 9, ("M+030", "M+090", "M+135", "U+045", "U+135"), _CENTRE),
)


def layout_of_format(format: Format) -> IamfLayout | None:
    """Return the layout of IAMF with the loudspeakers of a format, in any order."""
    labels = set(bed_labels(format) or ()) if isinstance(format, Layout) else set()
    return next((each for each in LAYOUTS if labels and set(each.labels) == labels), None)


def layout_of_code(code: int) -> IamfLayout | None:
    """Return the layout with a loudspeaker_layout."""
    return next((each for each in LAYOUTS if each.code == code), None)


def stored_layout(found: IamfLayout) -> Layout:
    """Return the layout of this package."""
    return get_layout(found.name)


def is_supported(format: Format) -> bool:
    """Return whether IAMF has a layout or Ambisonics: AmbiX up to order 4."""
    if isinstance(format, AmbisonicFormat):
        return format == AmbisonicFormat(format.order) and format.order <= MAX_ORDER
    return layout_of_format(format) is not None


def names() -> str:
    """Return the names of all formats that IAMF has."""
    layouts = ", ".join(each.name for each in LAYOUTS)
    return f"{layouts} and ambix1 to ambix{MAX_ORDER}"
