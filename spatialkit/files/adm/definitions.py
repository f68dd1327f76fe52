"""Common definitions of the Audio Definition Model (ADM): loudspeakers, beds and Ambisonics.

Sources: ITU-R BS.2094-2 (common definitions), BS.2051-3 (labels of loudspeakers).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from spatialkit.errors import LayoutError
from spatialkit.layouts import AmbisonicFormat, Layout, Normalization, get_layout

# Loudspeakers of the common channel formats from AC_00010001, in ascending order.
SPEAKERS = (
    *("M+030", "M-030", "M+000", "LFE1", "M+110", "M-110", "M+022", "M-022", "M+180", "M+090"),
    *("M-090", "T+000", "U+030", "U+000", "U-030", "U+110", "U+180", "U-110", "U+090", "U-090"),
    *("B+000", "B+045", "B-045", "M+060", "M-060", "", "", "M+135", "M-135", "U+135", "U-135"),
    *("LFE1", "LFE2", "U+045", "U-045", "M+SC", "M-SC", "M+045", "M-045", "UH+180"),
)
NORMALIZATIONS: tuple[Normalization, ...] = ("SN3D", "N3D", "FuMa")
# The first index of definitions that are not common.
FIRST_CUSTOM = 0x1000
# Order up to which SN3D and N3D have common definitions, and that of FuMa.
MAX_COMMON_ORDER = {"SN3D": 6, "N3D": 6, "FuMa": 3}
# Packs of common channels by the loudspeakers in them.
_BEDS = {
    0x01: "M+000",
    0x02: "M+030 M-030",
    0x0A: "M+030 M-030 M+000",
    0x0C: "M+030 M-030 M+000 M+110 M-110",
    0x03: "M+030 M-030 M+000 LFE1 M+110 M-110",
    0x0F: "M+030 M-030 M+000 LFE1 M+090 M-090 M+135 M-135",
    0x04: "M+030 M-030 M+000 LFE1 M+110 M-110 U+030 U-030",
    0x05: "M+030 M-030 M+000 LFE1 M+110 M-110 U+030 U-030 U+110 U-110",
    0x10: "M+030 M-030 M+000 LFE1 M+110 M-110 U+030 U-030 U+110 U-110 B+000",
    0x17: "M+030 M-030 M+000 LFE1 M+090 M-090 M+135 M-135 U+045 U-045 U+135 U-135",
    0x08: "M+030 M-030 M+000 LFE1 M+090 M-090 M+135 M-135 U+045 U-045 U+135 U-135 M+SC M-SC",
    0x07: "M+000 M+030 M-030 U+045 U-045 M+090 M-090 M+135 M-135 UH+180 LFE1 LFE2",
    0x09: (
        "M+060 M-060 M+000 LFE1 M+135 M-135 M+030 M-030 M+180 LFE2 M+090 M-090 U+045 U-045 U+000 "
        "T+000 U+135 U-135 U+090 U-090 U+180 B+000 B+045 B-045"
    ),
}
BEDS = {frozenset(labels.split()): number for number, labels in _BEDS.items()}
# Loudspeakers of BS.2051 by everyday label; surrounds and tops depend on the other channels.
_PLACES = {
    **{"FL": "M+030", "FC": "M+000", "LFE": "LFE1", "BL": "M+135", "BC": "M+180", "SL": "M+090"},
    **{"FLC": "M+SC", "FWL": "M+060", "TC": "T+000", "TFL": "U+045", "TFC": "U+000"},
    **{"TSL": "U+090", "TBL": "U+135", "TBC": "U+180", "LFE2": "LFE2"},
}
_WITHOUT_BACKS = {"SL": "M+110", "TFL": "U+030", "TBL": "U+110"}


def bed_labels(layout: Layout) -> tuple[str, ...] | None:
    """Return the loudspeakers of a layout in the labels of BS.2051.

    None if it is not one of the named layouts: its directions are then its own.
    """
    try:
        named = get_layout(layout.name)
    except LayoutError:
        return None
    if named != layout:
        return None
    if set(layout.labels) <= set(SPEAKERS):
        return layout.labels
    places = dict(_PLACES)
    if not {"BL", "BC"} & set(layout.labels):
        places |= _WITHOUT_BACKS
    if layout.name == "quad":
        places["FL"] = "M+045"
    places |= {
        label[:-1] + "R": place.replace("+", "-")
        for label, place in places.items()
        if label.endswith("L")
    }
    found = tuple(places.get(label, "") for label in layout.labels)
    return found if all(found) else None


def speaker_labels(layout: Layout) -> tuple[str, ...]:
    """Return the labels of BS.2051 of a named layout, also of one whose loudspeakers were moved."""
    with suppress(LayoutError):
        named = get_layout(layout.name)
        if named.labels == layout.labels:
            return bed_labels(named) or layout.labels
    return layout.labels


def speaker_number(label: str, labels: Sequence[str]) -> int:
    """Return the number of the common channel format of a loudspeaker in a bed."""
    if label == "LFE1" and "LFE2" in labels:  # that of the left side
        return len(SPEAKERS) - SPEAKERS[::-1].index(label)
    return SPEAKERS.index(label) + 1


def harmonic_number(index: int, normalization: Normalization) -> int:
    """Return the number of the common channel format of an Ambisonic channel by its ACN."""
    return NORMALIZATIONS.index(normalization) << 8 | index + 1


def scene_number(format: AmbisonicFormat) -> int:
    """Return the number of the common pack of an Ambisonic format, 0 if it has none."""
    if format.order > MAX_COMMON_ORDER[format.normalization]:
        return 0
    return NORMALIZATIONS.index(format.normalization) << 4 | format.order
