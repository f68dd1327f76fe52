"""Reading of ADM metadata: programme, contents, objects, packs and blocks.

Sources: ITU-R BS.2076-2 (elements and their defaults), BS.2088-1 (chunk chna). Cartesian objects
are converted to polar ones. What the renderer of BS.2127 uses and this package does not support is
listed by name, part by part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from math import inf, isfinite
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from spatialkit.errors import SpatialkitError
from spatialkit.files.adm.blocks import Blocks
from spatialkit.files.adm.cartesian import polar_of_cube
from spatialkit.files.adm.chna import chna_entries
from spatialkit.files.adm.description import AdmInfo, AdmPart
from spatialkit.files.adm.tracks import definitions_in, track_channels, track_labels
from spatialkit.files.adm.xml import XMLProblem, parse_xml, text_of, texts_of

__all__ = ["parse_adm"]

Array = NDArray[np.float64]

_KINDS = {"0001": "DirectSpeakers", "0002": "Matrix", "0003": "Objects", "0004": "HOA"}
_KINDS |= {"0005": "Binaural"}
_ELEMENTS = (
    *("audioProgramme", "audioContent", "audioObject", "audioPackFormat", "audioChannelFormat"),
    *("audioStreamFormat", "audioTrackFormat", "audioTrackUID"),
)
_MAX_DEPTH = 16
_POSITION = ("azimuth", "elevation", "distance")
# Properties of blocks that are not supported, with the texts that have no effect.
_UNSUPPORTED = {
    "channelLock": ("", "0"),
    "objectDivergence": ("", "0", "0.0"),
    "zoneExclusion": (),
    "screenRef": ("", "0"),
    "headLocked": ("", "0"),
    "diffuse": ("", "0", "0.0"),
}


def parse_adm(axml: bytes, chna: bytes) -> AdmInfo:
    """Return the description of the first programme in the chunks of a file.

    Parameters
    ----------
    axml, chna : bytes
        Contents of the chunks.

    Raises
    ------
    XMLProblem
        If the metadata is not valid: a text such as "has a document type".
    """
    document = _Document(parse_xml(axml), chna)
    return document.info()


class _Document:
    """Elements by name and identifier, and the tracks of the file by UID."""

    def __init__(self, root: Element, chna: bytes) -> None:
        self.elements: dict[str, dict[str, Element]] = {name: {} for name in _ELEMENTS}
        for element in root.iter():
            if element.tag in self.elements:
                key = "UID" if element.tag == "audioTrackUID" else f"{element.tag}ID"
                self.elements[element.tag].setdefault(element.get(key, "").upper(), element)
        self.definitions = definitions_in(root)
        self.tracks: dict[str, list[tuple[int, str, str]]] = {}
        for number, uid, track, pack in chna_entries(chna):
            self.tracks.setdefault(uid, []).append((number, track, pack))

    def info(self) -> AdmInfo:
        """Return the description of the first programme."""
        programmes = self.elements["audioProgramme"]
        first = next(iter(programmes.values()), None)
        contents = list(self.elements["audioContent"].values())
        if first is not None:
            contents = [
                self.element("audioContent", name) for name in texts_of(first, "audioContentIDRef")
            ]
        parts: list[AdmPart] = []
        for content in contents:
            title = content.get("audioContentName", "")
            for name in texts_of(content, "audioObjectIDRef"):
                parts += self.parts(name, title, _Offset(), ())
        if not contents:  # only objects, as in files without a programme
            for name in self.elements["audioObject"]:
                parts += self.parts(name, "", _Offset(), ())
        title = "" if first is None else first.get("audioProgrammeName", "")
        return AdmInfo(title, len(programmes), tuple(parts))

    def element(self, kind: str, name: str) -> Element:
        """Return the element with an identifier."""
        found = self.elements[kind].get(name.upper())
        if found is None:
            raise XMLProblem(f"refers to {kind} {name[:32]!r}, which it does not contain")
        return found

    def parts(
        self, name: str, content: str, offset: _Offset, above: tuple[str, ...]
    ) -> Iterator[AdmPart]:
        """Yield an object and the objects in it."""
        if name.upper() in above or len(above) > _MAX_DEPTH:
            raise XMLProblem(f"has audioObject {name[:32]!r} inside itself")
        found = self.element("audioObject", name)
        offset = offset.of(found)
        uids = [uid for uid in texts_of(found, "audioTrackUIDRef") if uid.upper() != "ATU_00000000"]
        if uids:
            yield self.part(found, uids, content, offset)
        for inner in texts_of(found, "audioObjectIDRef"):
            yield from self.parts(inner, content, offset, (*above, name.upper()))

    def part(self, found: Element, uids: list[str], content: str, offset: _Offset) -> AdmPart:
        """Return one object with its tracks."""
        name = found.get("audioObjectName", "")
        pack = next(iter(texts_of(found, "audioPackFormatIDRef")), "")
        numbers, formats = [], []
        for uid in uids:
            number, track, own_pack = self.track(uid)
            numbers.append(number)
            formats.append(track)
            pack = pack or own_pack
        kind = _KINDS.get(pack[3:7], "") if re.fullmatch("AP_[0-9A-Fa-f]{8}", pack) else ""
        if not kind:
            raise XMLProblem(f"has audioObject {name[:64]!r} with an unknown pack {pack[:32]!r}")
        unsupported = set(_object_problems(found))
        blocks: list[Blocks] = []
        form, labels = None, tuple[str, ...]()
        if kind == "Objects":
            for track in formats:
                read, problems = _blocks_of(self.channel(track))
                unsupported |= set(problems)
                if read is not None:
                    blocks.append(read)
        elif kind in ("Matrix", "Binaural"):
            unsupported.add(kind)
        else:
            channels = track_channels(formats, self.definitions)
            form = channels.format
            if channels.order is not None:
                numbers = [numbers[place] for place in channels.order]
                formats = [formats[place] for place in channels.order]
            if kind == "DirectSpeakers":
                labels = track_labels(formats, self.definitions)
            if form is None and not (labels and all(labels)):
                unsupported.add("channels without known labels")
        element = self.elements["audioPackFormat"].get(pack.upper())
        return AdmPart(
            name,
            content,
            kind,
            pack if element is None else element.get("audioPackFormatName", pack),
            tuple(numbers),
            form,
            labels,
            tuple(blocks) if len(blocks) == len(formats) else (),
            offset.gain,
            offset.start,
            offset.duration,
            tuple(sorted(unsupported)),
        )

    def track(self, uid: str) -> tuple[int, str, str]:
        """Return number, track format and pack of a track of the file."""
        entries = self.tracks.get(uid.upper(), [])
        if len(entries) != 1:
            count = "no track" if not entries else "several tracks"
            raise XMLProblem(f"refers to {uid[:32]!r}, for which its chunk chna has {count}")
        return entries[0]

    def channel(self, track: str) -> Element | None:
        """Return the channel format of a track format, None if the file does not contain it."""
        if track.startswith("AC_"):
            return self.elements["audioChannelFormat"].get(track[:11])
        stream = self.elements["audioStreamFormat"].get(
            text_of(self.elements["audioTrackFormat"].get(track), "audioStreamFormatIDRef").upper()
        )
        name = text_of(stream, "audioChannelFormatIDRef").upper() or f"AC_{track[3:11]}"
        return self.elements["audioChannelFormat"].get(name)


class _Offset:
    """Start, duration and gain of nested objects."""

    def __init__(self, start: float = 0.0, duration: float = inf, gain: float = 1.0) -> None:
        self.start, self.duration, self.gain = start, duration, gain

    def of(self, element: Element) -> _Offset:
        """Return those of an object inside."""
        start, duration = element.get("start"), element.get("duration")
        inner = 0.0 if start is None else _seconds(start)
        left = max(0.0, self.duration - inner)
        if duration is not None:
            left = min(left, _seconds(duration))
        gain = self.gain * _gain(element)
        return _Offset(self.start + inner, left, 0.0 if text_of(element, "mute") == "1" else gain)


def _object_problems(element: Element) -> Iterator[str]:
    """Yield the properties of an audioObject that are not supported."""
    if element.find("audioComplementaryObjectIDRef") is not None:
        yield "audioComplementaryObject"
    if element.find("alternativeValueSet") is not None:
        yield "alternativeValueSet"
    if any(_value(each.text or "", "positionOffset") for each in element.findall("positionOffset")):
        yield "positionOffset"
    if text_of(element, "headLocked") == "1":
        yield "headLocked"


def _blocks_of(channel: Element | None) -> tuple[Blocks | None, set[str]]:
    """Return the blocks of a channel of an object, and its properties without support."""
    if channel is None:
        return None, {"channel without definition"}
    elements = channel.findall("audioBlockFormat")
    rows, problems = [], set[str]()
    for element in elements:
        problems |= set(_block_problems(element))
        rows.append(_block(element))
    if not rows:
        return None, {"channel without blocks"}
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    in_cube = columns.pop("in_cube").astype(bool)
    if in_cube.any():
        _convert(columns, in_cube)
    try:
        return Blocks(**columns), problems
    except SpatialkitError as error:
        raise XMLProblem(f"has invalid blocks: {error}") from error


def _block_problems(element: Element) -> Iterator[str]:
    for name, harmless in _UNSUPPORTED.items():
        found = element.find(name)
        if found is not None and (found.text or "").strip() not in harmless:
            yield name
    for position in element.findall("position"):
        if position.get("screenEdgeLock"):
            yield "screenEdgeLock"


def _block(element: Element) -> dict[str, float]:
    """Return the values of an audioBlockFormat of an object."""
    values = {"azimuth": 0.0, "elevation": 0.0, "distance": 1.0}
    for position in element.findall("position"):
        if position.get("bound"):
            continue
        name = position.get("coordinate", "")
        values[name] = _value(position.text or "", "position")
    row = {"in_cube": 0.0}
    if {"X", "Y", "Z"} & values.keys():
        x, y, z = (values.get(name, 0.0) for name in "XYZ")
        if text_of(element, "cartesian") == "1":
            row["in_cube"] = 1.0  # until all blocks are read
            values |= dict(zip(_POSITION, (x, y, z), strict=True))
        else:
            values |= _polar(x, y, z)
    row |= {name: values[name] for name in _POSITION}
    for name in ("width", "height", "depth"):
        row[name] = _value(text_of(element, name) or "0", name)
    row["gain"] = _gain(element)
    start, duration = element.get("rtime"), element.get("duration")
    row["start"] = 0.0 if start is None else _seconds(start)
    row["stop"] = inf if duration is None else row["start"] + _seconds(duration)
    jump = element.find("jumpPosition")
    row["interpolation"] = inf
    if jump is not None and (jump.text or "").strip() == "1":
        row["interpolation"] = _value(jump.get("interpolationLength", "0"), "jumpPosition")
    return row


def _convert(columns: dict[str, Array], in_cube: NDArray[np.bool_]) -> None:
    """Convert the positions and extents of blocks in a cube to polar ones."""
    position = np.stack([columns[name][in_cube] for name in _POSITION])
    size = np.stack([columns[name][in_cube] for name in ("width", "depth", "height")])
    if not ((size >= 0.0) & (size <= 1.0)).all():
        raise XMLProblem("has a width, height or depth in a cube that is not from 0 to 1")
    for names, values in zip(
        (_POSITION, ("width", "height", "depth")), polar_of_cube(position, size), strict=True
    ):
        for name, value in zip(names, values, strict=True):
            columns[name][in_cube] = value


def _polar(x: float, y: float, z: float) -> dict[str, float]:
    """Return the direction of a position, x to the right and y to the front, not of a cube."""
    distance = float(np.sqrt(x * x + y * y + z * z))
    elevation = float(np.degrees(np.arcsin(np.clip(z / distance, -1.0, 1.0)))) if distance else 0.0
    return {
        "azimuth": float(-np.degrees(np.arctan2(x, y))),
        "elevation": elevation,
        "distance": distance,
    }


def _gain(element: Element) -> float:
    """Return the linear gain of a block or object, 1 by default."""
    found = element.find("gain")
    if found is None:
        return 1.0
    value = _value(found.text or "", "gain")
    if found.get("gainUnit", "linear") == "dB":
        return float(10.0 ** (min(value, 1000.0) / 20.0))
    return value


def _value(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = inf
    if not isfinite(value):
        raise XMLProblem(f"has a {name} that is not a number: {text[:32]!r}")
    return value


def _seconds(text: str) -> float:
    """Return a time such as 00:00:01.50000 or 00:00:01.24000S48000 in seconds."""
    match = re.fullmatch(r"(\d{1,4}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,12})(?:S(\d{1,8}))?)?", text)
    if match is None or match[5] == "0":
        raise XMLProblem(f"has an invalid time {text[:32]!r}")
    hours, minutes, seconds, fraction, unit = match.groups()
    whole = int(hours) * 3600 + int(minutes) * 60 + int(seconds)
    part = int(fraction or 0) / (int(unit) if unit else 10 ** len(fraction or ""))
    return whole + part
