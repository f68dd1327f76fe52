"""Audio Definition Model (ADM): beds and Ambisonics in the chunks of WAV and BW64 files.

Sources: ITU-R BS.2088 (chunk chna), BS.2076 (chunk axml) and BS.2094 (common definitions).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias
from xml.etree.ElementTree import Element

import numpy as np

from spatialkit.errors import SpatialkitError
from spatialkit.files.adm.chna import chna_entries
from spatialkit.files.adm.definitions import FIRST_CUSTOM, NORMALIZATIONS, SPEAKERS, bed_labels
from spatialkit.files.adm.xml import XMLProblem, parse_xml, text_of
from spatialkit.files.channels import Channels, by_ambisonics, by_labels
from spatialkit.geometry import angle_between
from spatialkit.layouts import Layout, Normalization, get_layout, layout_names

# Labels of loudspeakers in other notations: of BS.2094, and those of Dolby's room-centric beds.
_OTHER_LABELS = {"LFE": "LFE1", "LFEL": "LFE1", "LFER": "LFE2"} | {
    f"RC_{name}": label
    for name, label in {
        **{"L": "FL", "R": "FR", "C": "FC", "LFE": "LFE", "Lss": "SL", "Rss": "SR"},
        **{"Ls": "SL", "Rs": "SR", "Lrs": "BL", "Rrs": "BR", "Lts": "TSL", "Rts": "TSR"},
    }.items()
}
# Largest angle between a direction in a file and that of a named layout.
_SAME_DEGREES = 0.1
Direction: TypeAlias = tuple[float, float]
# Label of a loudspeaker, or ACN index and normalization of a channel of Ambisonics.
Meaning: TypeAlias = str | tuple[int, Normalization]


def adm_channels(metadata: Mapping[bytes, bytes], channels: int) -> Channels:
    """Return the format of channels by the chunks chna and axml of a file, if it has them."""
    tracks: dict[int, str] = {}
    for number, _, track, _ in chna_entries(metadata.get(b"chna", b"")):
        tracks.setdefault(number, track)
    if not tracks:
        return Channels()
    if set(tracks) != set(range(1, channels + 1)):
        return Channels(note="has ADM metadata of other channels, which are ignored")
    formats = [tracks[number] for number in range(1, channels + 1)]
    custom = any(int(track[7:11], 16) >= FIRST_CUSTOM for track in formats if _is_id(track))
    found = track_channels(formats, _definitions(metadata.get(b"axml", b"")) if custom else {})
    if found.format or found.note:
        return found
    return Channels(
        note="has ADM metadata of objects or loudspeakers that are not one bed, read by "
        "objects.read_adm and `spatialkit render`; it is ignored"
    )


def track_channels(formats: Sequence[str], definitions: Mapping[str, Element]) -> Channels:
    """Return the format of tracks by their track formats, such as "AT_00010001_01"."""
    meanings = [_meaning(track, definitions) for track in formats]
    labels = [meaning for meaning in meanings if isinstance(meaning, str)]
    scene = [meaning for meaning in meanings if isinstance(meaning, tuple)]
    if len(labels) == len(meanings):
        return _bed(labels, [_direction(track, definitions) for track in formats])
    if len(scene) == len(meanings) and len({normalization for _, normalization in scene}) == 1:
        return by_ambisonics([index for index, _ in scene], scene[0][1])
    return Channels()


def track_labels(formats: Sequence[str], definitions: Mapping[str, Element]) -> tuple[str, ...]:
    """Return the labels of the loudspeakers of tracks; empty texts where they have none."""
    meanings = [_meaning(track, definitions) for track in formats]
    return tuple(each if isinstance(each, str) else "" for each in meanings)


def _bed(labels: Sequence[str], directions: Sequence[Direction | None]) -> Channels:
    """Return the format of loudspeakers; directions are those of definitions in the file."""
    if all(label.startswith("LFE") for label in labels):  # no layout has no loudspeaker
        return Channels(note="has LFE channels only, whose ADM metadata is ignored")
    found = by_labels(labels)
    if not isinstance(found.format, Layout) or found.format.name == "custom":
        named = (name for name in layout_names() if _is_bed(get_layout(name), labels))
        layout = next(map(get_layout, named), None)
        if layout is not None:
            places = list(bed_labels(layout) or ())
            return Channels(layout, np.array([labels.index(place) for place in places]))
    own = [each for each in directions if each is not None]
    if len(own) < len(labels) or len(set(labels)) < len(labels):
        return found
    azimuth, elevation = np.array(own).T
    if isinstance(found.format, Layout):
        order = np.arange(len(labels)) if found.order is None else found.order
        real = ~found.format.is_lfe
        moved = found.format.move(azimuth[order], elevation[order])
        away = angle_between(moved.directions[real], found.format.directions[real])
        return Channels(moved, found.order) if away.max(initial=0.0) > _SAME_DEGREES else found
    with suppress(SpatialkitError):  # text or angles that no layout has
        return Channels(Layout("custom", tuple(labels), azimuth, elevation))
    return found


def _is_bed(layout: Layout, labels: Sequence[str]) -> bool:
    """Return whether a named layout has the loudspeakers with these labels of BS.2051."""
    return set(bed_labels(layout) or ()) == set(labels) and layout.n_channels == len(labels)


def _direction(track: str, definitions: Mapping[str, Element]) -> Direction | None:
    """Return azimuth and elevation in the definition of a channel, None without one."""
    block = getattr(_definition(track, definitions), "find", lambda _: None)("audioBlockFormat")
    found: dict[str, str] = {}
    for position in () if block is None else block.findall("position"):
        if not position.get("bound"):
            found[position.get("coordinate", "")] = position.text or ""
    try:
        return float(found["azimuth"]), float(found["elevation"])
    except (KeyError, ValueError):
        return None


def _is_id(track: str) -> bool:
    """Return whether a text is the identifier of a track format or a channel format."""
    return bool(re.fullmatch(r"A[TC]_[0-9A-F]{8}(_[0-9A-F]{2})?", track))


def _meaning(track: str, definitions: Mapping[str, Element]) -> Meaning | None:
    """Return the meaning of a track by its track format, such as "AT_00010001_01"."""
    if not _is_id(track):
        return None
    kind, index = int(track[3:7], 16), int(track[7:11], 16)
    if index >= FIRST_CUSTOM:
        defined = _definition(track, definitions)
        return None if defined is None else _custom_meaning(defined)
    if kind == 1 and 1 <= index <= len(SPEAKERS):
        return SPEAKERS[index - 1] or None
    if kind == 4 and index & 0xFF and index >> 8 < len(NORMALIZATIONS):
        return (index & 0xFF) - 1, NORMALIZATIONS[index >> 8]
    return None


def _definition(track: str, definitions: Mapping[str, Element]) -> Element | None:
    """Return the channel format of a track in the file."""
    stream = _reference(definitions.get(track), "audioStreamFormatIDRef")
    channel = _reference(definitions.get(stream), "audioChannelFormatIDRef")
    return definitions.get(channel or f"AC_{track[3:11]}")


def _custom_meaning(channel: Element) -> Meaning | None:
    """Return the meaning of an element audioChannelFormat."""
    block = channel.find("audioBlockFormat")
    if block is None:
        return None
    label = text_of(block, "speakerLabel").rpartition(":")[2]
    if label:
        return _OTHER_LABELS.get(label, label)
    order, degree = text_of(block, "order"), text_of(block, "degree")
    normalization = text_of(block, "normalization") or "SN3D"
    if not (re.fullmatch("[0-9]{1,2}", order) and re.fullmatch("[+-]?[0-9]{1,2}", degree)):
        return None
    if normalization not in NORMALIZATIONS or abs(int(degree)) > int(order):
        return None
    return int(order) ** 2 + int(order) + int(degree), normalization


def _definitions(axml: bytes) -> dict[str, Element]:
    """Return the elements of track, stream and channel formats by identifier."""
    try:
        return definitions_in(parse_xml(axml))
    except XMLProblem:
        return {}


def definitions_in(root: Element) -> dict[str, Element]:
    """Return the elements of track, stream and channel formats in a document by identifier."""
    found = {}
    for element in root.iter():
        if element.tag in ("audioTrackFormat", "audioStreamFormat", "audioChannelFormat"):
            found[element.get(f"{element.tag}ID", "").upper()] = element
    return found


def _reference(element: Element | None, name: str) -> str:
    return text_of(element, name).upper()
