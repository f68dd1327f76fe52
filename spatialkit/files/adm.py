"""Audio Definition Model (ADM): beds and Ambisonics in the chunks of WAV and BW64 files.

Sources: ITU-R BS.2088 (chunk chna), BS.2076 (chunk axml) and BS.2094 (common definitions).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import TypeAlias
from xml.etree import ElementTree

from spatialkit.files.channels import Channels, by_ambisonics, by_labels
from spatialkit.layouts import Normalization

_HEAD_SIZE = 4
_ENTRY = struct.Struct("<H12s14s11sx")  # number of the track; its UID, track format, pack format
# Loudspeakers of the common channel formats from AC_00010001, in ascending order.
_SPEAKERS = (
    *("M+030", "M-030", "M+000", "LFE1", "M+110", "M-110", "M+022", "M-022", "M+180", "M+090"),
    *("M-090", "T+000", "U+030", "U+000", "U-030", "U+110", "U+180", "U-110", "U+090", "U-090"),
    *("B+000", "B+045", "B-045", "M+060", "M-060", "", "", "M+135", "M-135", "U+135", "U-135"),
    *("LFE1", "LFE2", "U+045", "U-045", "M+SC", "M-SC", "M+045", "M-045", "UH+180"),
)
# Labels of loudspeakers in other notations: of BS.2094, and those of Dolby's room-centric beds.
_OTHER_LABELS = {"LFE": "LFE1", "LFEL": "LFE1", "LFER": "LFE2"} | {
    f"RC_{name}": label
    for name, label in {
        **{"L": "FL", "R": "FR", "C": "FC", "LFE": "LFE", "Lss": "SL", "Rss": "SR"},
        **{"Ls": "SL", "Rs": "SR", "Lrs": "BL", "Rrs": "BR", "Lts": "TSL", "Rts": "TSR"},
    }.items()
}
_NORMALIZATIONS: tuple[Normalization, ...] = ("SN3D", "N3D", "FuMa")
_FIRST_CUSTOM = 0x1000
# Beds and Ambisonics need a few kilobytes; only objects need more.
_MAX_AXML_SIZE = 2**22
# Label of a loudspeaker, or ACN index and normalization of a channel of Ambisonics.
Meaning: TypeAlias = str | tuple[int, Normalization]


def adm_channels(metadata: Mapping[bytes, bytes], channels: int) -> Channels:
    """Return the format of channels by the chunks chna and axml of a file, if it has them."""
    tracks = _track_formats(metadata.get(b"chna", b""))
    if not tracks:
        return Channels()
    if set(tracks) != set(range(1, channels + 1)):
        return Channels(note="has ADM metadata of other channels, which are ignored")
    custom = any(
        int(track[7:11], 16) >= _FIRST_CUSTOM for track in tracks.values() if _is_id(track)
    )
    definitions = _definitions(metadata.get(b"axml", b"")) if custom else {}
    meanings = [_meaning(tracks[number], definitions) for number in range(1, channels + 1)]
    labels = [meaning for meaning in meanings if isinstance(meaning, str)]
    scene = [meaning for meaning in meanings if isinstance(meaning, tuple)]
    found = Channels()
    if len(labels) == channels:
        found = by_labels(labels)
    elif len(scene) == channels and len({normalization for _, normalization in scene}) == 1:
        found = by_ambisonics([index for index, _ in scene], scene[0][1])
    if found.format or found.note:
        return found
    return Channels(
        note="has ADM metadata of objects or loudspeakers that are not supported and are ignored"
    )


def _track_formats(chna: bytes) -> dict[int, str]:
    """Return the identifier of the track format of each track, from 1."""
    entries = len(chna[_HEAD_SIZE:]) // _ENTRY.size
    found: dict[int, str] = {}
    for number, _, track, _ in _ENTRY.iter_unpack(chna[_HEAD_SIZE:][: entries * _ENTRY.size]):
        if number:  # 0: an entry without content
            found.setdefault(number, track.rstrip(b"\0").decode("ascii", "replace").upper())
    return found


def _is_id(track: str) -> bool:
    """Return whether a text is the identifier of a track format or a channel format."""
    return bool(re.fullmatch(r"A[TC]_[0-9A-F]{8}(_[0-9A-F]{2})?", track))


def _meaning(track: str, definitions: Mapping[str, ElementTree.Element]) -> Meaning | None:
    """Return the meaning of a track by its track format, such as "AT_00010001_01"."""
    if not _is_id(track):
        return None
    kind, index = int(track[3:7], 16), int(track[7:11], 16)
    if index >= _FIRST_CUSTOM:
        stream = _reference(definitions.get(track), "audioStreamFormatIDRef")
        channel = _reference(definitions.get(stream), "audioChannelFormatIDRef")
        defined = definitions.get(channel or f"AC_{track[3:11]}")
        return None if defined is None else _custom_meaning(defined)
    if kind == 1 and 1 <= index <= len(_SPEAKERS):
        return _SPEAKERS[index - 1] or None
    if kind == 4 and index & 0xFF and index >> 8 < len(_NORMALIZATIONS):
        return (index & 0xFF) - 1, _NORMALIZATIONS[index >> 8]
    return None


def _custom_meaning(channel: ElementTree.Element) -> Meaning | None:
    """Return the meaning of an element audioChannelFormat."""
    block = _child(channel, "audioBlockFormat")
    if block is None:
        return None
    label = _text(block, "speakerLabel").rpartition(":")[2]
    if label:
        return _OTHER_LABELS.get(label, label)
    order, degree = _text(block, "order"), _text(block, "degree")
    normalization = _text(block, "normalization") or "SN3D"
    if not (re.fullmatch("[0-9]{1,2}", order) and re.fullmatch("[+-]?[0-9]{1,2}", degree)):
        return None
    if normalization not in _NORMALIZATIONS or abs(int(degree)) > int(order):
        return None
    return int(order) ** 2 + int(order) + int(degree), normalization


def _definitions(axml: bytes) -> dict[str, ElementTree.Element]:
    """Return the elements of track, stream and channel formats by identifier."""
    # Definitions of entities may expand to any size.
    if (
        not axml
        or len(axml) > _MAX_AXML_SIZE
        or re.search(rb"<!(DOCTYPE|ENTITY)", axml, re.IGNORECASE)
    ):
        return {}
    try:
        root = ElementTree.fromstring(axml.rstrip(b"\0 \r\n\t"))
    except (ElementTree.ParseError, ValueError, LookupError):
        return {}
    found = {}
    for element in root.iter():
        name = _local(element)
        if name in ("audioTrackFormat", "audioStreamFormat", "audioChannelFormat"):
            found[element.get(f"{name}ID", "").upper()] = element
    return found


def _reference(element: ElementTree.Element | None, name: str) -> str:
    return "" if element is None else _text(element, name).upper()


def _text(element: ElementTree.Element, name: str) -> str:
    child = _child(element, name)
    return "" if child is None else (child.text or "").strip()


def _child(element: ElementTree.Element, name: str) -> ElementTree.Element | None:
    return next((child for child in element if _local(child) == name), None)


def _local(element: ElementTree.Element) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]
