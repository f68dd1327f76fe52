"""Writing of ADM metadata: the chunks chna and axml.

Sources: ITU-R BS.2076-2 (elements), BS.2088-1 (chunk chna), BS.2094-2 (common definitions).

Elements are those of the version of 2019 without changes since: ``audioTrackFormat`` and
``audioStreamFormat`` between tracks and channels, which older readers need.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape  # xml.sax.saxutils imports urllib.request, which takes 20 ms

import numpy as np

from spatialkit.ambisonics import convert_ambisonics
from spatialkit.errors import AudioFileError
from spatialkit.files.adm import definitions
from spatialkit.files.adm.blocks import TICKS, Blocks
from spatialkit.files.adm.chna import ENTRY
from spatialkit.layouts import AmbisonicFormat, Format, Layout

_TYPES = {"DirectSpeakers": 1, "Objects": 3, "HOA": 4}
_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<ebuCoreMain xmlns="urn:ebu:metadata-schema:ebuCore_2016" xml:lang="en">\n'
    "<coreMetadata><format>\n"
    '<audioFormatExtended version="ITU-R_BS.2076-2">\n'
)
_TAIL = "</audioFormatExtended>\n</format></coreMetadata></ebuCoreMain>\n"
# Length of times with two digits for hours.
_MAX_SECONDS = 100 * 3600


@dataclass(frozen=True)
class DescribedPart:
    """Bed, scene or object that consists of the next tracks of a file.

    Parameters
    ----------
    name : str
    format : Layout or AmbisonicFormat, optional
        Format of a bed or scene, in the order of its tracks; None for an object.
    blocks : Blocks, optional
        Directions of an object, which has one track.
    """

    name: str
    format: Format | None = None
    blocks: Blocks | None = None

    @property
    def kind(self) -> str:
        """Type of its channels."""
        if self.format is None:
            return "Objects"
        return "DirectSpeakers" if isinstance(self.format, Layout) else "HOA"

    @property
    def channels(self) -> int:
        """Number of its tracks."""
        return 1 if self.format is None else self.format.n_channels


@dataclass(frozen=True)
class AdmContent:
    """Content of a file: its parts in the order of its tracks, and the name of the programme."""

    name: str
    parts: tuple[DescribedPart, ...]

    @property
    def channels(self) -> int:
        """Number of tracks."""
        return sum(part.channels for part in self.parts)

    def chna(self) -> bytes:
        """Return the content of the chunk chna."""
        tracks = [track for written in self._written() for track in written.tracks]
        entries = [
            ENTRY.pack(number, _track_uid(number).encode(), track.encode(), pack.encode())
            for number, (track, pack) in enumerate(tracks, 1)
        ]
        return struct.pack("<HH", len(entries), len(entries)) + b"".join(entries)

    def axml(self, samples: int, sample_rate: int, bits: int) -> bytes:
        """Return the content of the chunk axml for a number of samples per channel."""
        ticks = -(-samples * TICKS // sample_rate)  # rounded up: it contains all samples
        if ticks >= _MAX_SECONDS * TICKS:
            raise AudioFileError("ADM has times of up to 100 hours only; divide the audio")
        name, end = _attribute(self.name), _time(ticks)
        lines = [
            f'<audioProgramme audioProgrammeID="APR_1001" audioProgrammeName={name} '
            f'start="{_time(0)}" end="{end}">',
            "<audioContentIDRef>ACO_1001</audioContentIDRef></audioProgramme>",
            f'<audioContent audioContentID="ACO_1001" audioContentName={name}>',
        ]
        lines += [
            f"<audioObjectIDRef>AO_{0x1001 + number:04X}</audioObjectIDRef>"
            for number in range(len(self.parts))
        ]
        lines += ["</audioContent>"]
        track, tracks, custom = 0, [], []
        for number, (part, written) in enumerate(zip(self.parts, self._written(), strict=True)):
            lines += [
                f'<audioObject audioObjectID="AO_{0x1001 + number:04X}" '
                f'audioObjectName={_attribute(part.name)} start="{_time(0)}" duration="{end}">',
                f"<audioPackFormatIDRef>{written.pack}</audioPackFormatIDRef>",
            ]
            for format, pack in written.tracks:
                track += 1
                uid = _track_uid(track)
                lines.append(f"<audioTrackUIDRef>{uid}</audioTrackUIDRef>")
                tracks += [
                    f'<audioTrackUID UID="{uid}" sampleRate="{sample_rate}" bitDepth="{bits}">'
                    f"<audioTrackFormatIDRef>{format}</audioTrackFormatIDRef>"
                    f"<audioPackFormatIDRef>{pack}</audioPackFormatIDRef></audioTrackUID>"
                ]
            lines += ["</audioObject>"]
            custom += list(written.definitions(ticks))
        return (_HEAD + "\n".join([*lines, *custom, *tracks]) + "\n" + _TAIL).encode()

    def _written(self) -> list[_WrittenPart]:
        number, found = definitions.FIRST_CUSTOM, []
        for index, part in enumerate(self.parts):
            found.append(_WrittenPart(part, index, number + 1))
            number += found[-1].custom
        return found


class _WrittenPart:
    """Identifiers and definitions of a part; own definitions are numbered from ``first``."""

    def __init__(self, part: DescribedPart, index: int, first: int) -> None:
        self.part, self.type = part, _TYPES[part.kind]
        own_pack = definitions.FIRST_CUSTOM + 1 + index
        numbers, pack = _common_numbers(part)
        self.pack = f"AP_{self.type:04x}{pack or own_pack:04x}"
        self.is_own_pack = not pack
        self.custom = 0 if numbers else part.channels
        self.numbers = numbers or list(range(first, first + part.channels))
        self.tracks = [(f"AT_{self.type:04x}{each:04x}_01", self.pack) for each in self.numbers]

    def definitions(self, ticks: int) -> Iterator[str]:
        """Yield the elements of a pack and channels that are not common definitions."""
        if self.is_own_pack:
            name = _attribute(self.part.name)
            yield (
                f'<audioPackFormat audioPackFormatID="{self.pack}" audioPackFormatName={name} '
                f'typeLabel="{self.type:04d}" typeDefinition="{self.part.kind}">'
            )
            for number in self.numbers:
                yield (
                    f"<audioChannelFormatIDRef>AC_{self.type:04x}{number:04x}"
                    "</audioChannelFormatIDRef>"
                )
            yield "</audioPackFormat>"
        for index, number in enumerate(self.numbers[: self.custom]):
            yield from self._channel(index, f"{self.type:04x}{number:04x}", ticks)

    def _channel(self, index: int, number: str, ticks: int) -> Iterator[str]:
        label = self.part.name
        if isinstance(self.part.format, Layout):
            label = definitions.speaker_labels(self.part.format)[index]
        name = _attribute(label)
        kind = f'typeLabel="{self.type:04d}" typeDefinition="{self.part.kind}"'
        yield (
            f'<audioChannelFormat audioChannelFormatID="AC_{number}" audioChannelFormatName={name} '
            f"{kind}>"
        )
        yield from _blocks(self.part, index, number, ticks)
        if isinstance(self.part.format, Layout) and self.part.format.is_lfe[index]:
            yield '<frequency typeDefinition="lowPass">120</frequency>'
        yield "</audioChannelFormat>"
        pcm = 'formatLabel="0001" formatDefinition="PCM"'
        yield (
            f'<audioStreamFormat audioStreamFormatID="AS_{number}" audioStreamFormatName={name} '
            f"{pcm}><audioChannelFormatIDRef>AC_{number}</audioChannelFormatIDRef>"
            f"<audioTrackFormatIDRef>AT_{number}_01</audioTrackFormatIDRef></audioStreamFormat>"
        )
        yield (
            f'<audioTrackFormat audioTrackFormatID="AT_{number}_01" audioTrackFormatName={name} '
            f"{pcm}><audioStreamFormatIDRef>AS_{number}</audioStreamFormatIDRef></audioTrackFormat>"
        )


def _common_numbers(part: DescribedPart) -> tuple[list[int], int]:
    """Return the numbers of common channels and of a common pack; none and 0 without one."""
    if isinstance(part.format, Layout):
        labels = definitions.bed_labels(part.format)
        if labels is None:
            return [], 0
        numbers = [definitions.speaker_number(label, labels) for label in labels]
        return numbers, definitions.BEDS.get(frozenset(labels), 0)
    if isinstance(part.format, AmbisonicFormat):
        pack = definitions.scene_number(part.format)
        if pack:
            normalization = part.format.normalization
            indices = channel_indices(part.format)
            return [definitions.harmonic_number(acn, normalization) for acn in indices], pack
    return [], 0


def channel_indices(format: AmbisonicFormat) -> list[int]:
    """Return the ACN of each channel of a format."""
    acn = AmbisonicFormat(format.order, format.normalization, "ACN")
    places = convert_ambisonics(np.eye(format.n_channels), format, acn)
    return [int(index) for index in np.argmax(places, axis=0)]


def _blocks(part: DescribedPart, index: int, number: str, ticks: int) -> Iterator[str]:
    """Yield the elements audioBlockFormat of a channel."""
    head = f'<audioBlockFormat audioBlockFormatID="AB_{number}_'
    if isinstance(part.format, Layout):
        yield f'{head}00000001">' + "".join(_speaker(part.format, index)) + "</audioBlockFormat>"
    elif isinstance(part.format, AmbisonicFormat):
        acn = channel_indices(part.format)[index]
        order = int(acn**0.5)
        yield (
            f'{head}00000001"><order>{order}</order><degree>{acn - order**2 - order}</degree>'
            f"<normalization>{part.format.normalization}</normalization></audioBlockFormat>"
        )
    elif part.blocks is not None:
        yield from _object_blocks(part.blocks, head, ticks)


def _speaker(layout: Layout, index: int) -> Iterator[str]:
    label = definitions.speaker_labels(layout)[index]
    yield f"<speakerLabel>{escape(label, quote=False)}</speakerLabel>"
    is_lfe = bool(layout.is_lfe[index])
    azimuth = 0.0 if is_lfe else float(layout.azimuth[index])
    elevation = -30.0 if is_lfe else float(layout.elevation[index])  # as in BS.2094
    yield from _position(_wrapped(azimuth), elevation, 1.0)


def _object_blocks(blocks: Blocks, head: str, ticks: int) -> Iterator[str]:
    start = np.round(blocks.start * TICKS).astype(np.int64)
    stop = np.round(np.minimum(blocks.stop * TICKS, ticks)).astype(np.int64)
    kept = [index for index in range(len(blocks)) if start[index] < min(stop[index], ticks)]
    for number, index in enumerate(kept, 1):
        last = int(min(stop[index], ticks))
        timed = len(kept) > 1 or start[index] > 0 or last < ticks
        times = (
            f' rtime="{_time(int(start[index]))}" duration="{_time(last - int(start[index]))}"'
            if timed
            else ""
        )
        yield (
            f'{head}{number:08x}"{times}>'
            + "".join(_object_block(blocks, index, (last - int(start[index])) / TICKS))
            + "</audioBlockFormat>"
        )


def _object_block(blocks: Blocks, index: int, duration: float) -> Iterator[str]:
    def value(name: str) -> float:
        return float(getattr(blocks, name)[index])

    yield from _position(_wrapped(value("azimuth")), value("elevation"), value("distance"))
    for name, default in (("width", 0.0), ("height", 0.0), ("depth", 0.0), ("gain", 1.0)):
        if value(name) != default:
            yield f"<{name}>{_number(value(name))}</{name}>"
    if value("interpolation") < duration:
        length = _number(value("interpolation"))
        yield f'<jumpPosition interpolationLength="{length}">1</jumpPosition>'


def _attribute(text: str) -> str:
    """Return text as the value of an attribute, without characters that XML does not have."""
    plain = "".join(each if each.isprintable() else " " for each in text)
    return f'"{escape(plain)}"'


def _position(azimuth: float, elevation: float, distance: float) -> Iterator[str]:
    values = {"azimuth": azimuth, "elevation": elevation, "distance": distance}
    for name, value in values.items():
        if name != "distance" or value != 1.0:
            yield f'<position coordinate="{name}">{_number(value)}</position>'


def _wrapped(azimuth: float) -> float:
    """Return an azimuth from -180 to 180 degrees."""
    wrapped = (azimuth + 180.0) % 360.0 - 180.0
    return 180.0 if wrapped == -180.0 else wrapped


def _number(value: float) -> str:
    """Return a number in decimals, as ADM has no exponents."""
    text = f"{value:.10f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def _time(ticks: int) -> str:
    seconds, fraction = divmod(ticks, TICKS)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{fraction:05d}"


def _track_uid(number: int) -> str:
    return f"ATU_{number:08X}"
