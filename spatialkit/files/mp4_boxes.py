"""Channel formats in the boxes of MP4 and QuickTime files.

Sources: ISO/IEC 14496-12 (boxes, box chnl); ISO/IEC 23091-3 (positions of loudspeakers); Apple,
"QuickTime File Format" (sound sample descriptions, box chan); Google, "Spatial Audio RFC" (SA3D).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from spatialkit.files.channels import Channels, by_ambisonics, by_ambix, by_labels
from spatialkit.layouts import Normalization

_CHANNEL_BOXES = (b"chan", b"SA3D", b"chnl")
# Labels by position; a box chnl of version 0 with a position per channel starts with these bytes.
_POSITIONS = (
    *("FL", "FR", "FC", "LFE", "SL", "SR", "FLC", "FRC", "BL", "BR", "BC", "", "", "SL", "SR"),
    *("FWL", "FWR", "TFL", "TFR", "TFC", "TBL", "TBR", "TBC", "TSL", "TSR", "TC", "LFE2"),
    *("BFL", "BFR", "BFC"),
)
_WITH_POSITIONS = b"\0\0\0\0\1\0"
_MAX_BOXES = 100000
_MAX_SIZE = 2**20
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
# Bytes of a sound sample description before its boxes, by its version.
_DESCRIPTION_SIZES = {0: 36, 1: 52, 2: 72}
_SA3D = struct.Struct(">BBIBBI")  # version, type, order, channel order, normalization, channels
_NORMALIZATIONS: tuple[Normalization, ...] = ("SN3D", "N3D")
_HEADPHONES = 0x80


@dataclass
class Track:
    """Boxes of a track about its channels.

    ``kind`` is the name of its sample description, such as "mp4a"; ``places`` are the positions of
    the names of these boxes in the file.
    """

    identifier: int = 0
    kind: bytes = b""
    contents: dict[bytes, bytes] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)


def read_tracks(file: BinaryIO) -> list[Track]:
    """Return the tracks of a file."""
    reader = _Reader(file)
    reader.read(0, file.seek(0, 2))
    return reader.tracks


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.tracks: list[Track] = []
        self.count = 0

    def read(self, start: int, end: int, depth: int = 0) -> None:
        """Read the boxes of a range and those in them."""
        for kind, _, at, stop in self._boxes(start, end):
            if kind == b"trak":
                self.tracks.append(Track())
            track = self.tracks[-1] if self.tracks else Track()
            if kind in _PARENTS and depth < len(_PARENTS):
                self.read(at, stop, depth + 1)
            elif kind == b"tkhd":
                content = self._content(at, stop)
                place = 20 if content[:1] == b"\1" else 12
                track.identifier = int.from_bytes(content[place : place + 4], "big")
            elif kind == b"stsd":
                self._read_description(track, at + 8, stop)

    def _read_description(self, track: Track, start: int, end: int) -> None:
        """Read the boxes in the first sample description of a track."""
        for kind, _, at, stop in self._boxes(start, end):
            track.kind = kind
            version = int.from_bytes(self._content(at, stop)[8:10], "big")
            first = at - 8 + _DESCRIPTION_SIZES.get(version, stop - at)
            self._read_extensions(track, first, stop)
            break

    def _read_extensions(self, track: Track, start: int, end: int, *, nested: bool = False) -> None:
        for kind, box, at, stop in self._boxes(start, end):
            content = self._content(at, stop) if kind in _CHANNEL_BOXES else b""
            if kind == b"wave" and not nested:
                self._read_extensions(track, at, stop, nested=True)
            elif content and (kind != b"chnl" or content.startswith(_WITH_POSITIONS)):
                track.contents.setdefault(kind, content)
                track.places += [box + 4]

    def _boxes(self, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
        """Yield kind and start of the boxes of a range, start and end of their contents."""
        while start + 8 <= end and self.count < _MAX_BOXES:
            self.count += 1
            self.file.seek(start)
            head = self.file.read(16)
            if len(head) < 8:
                return
            size, kind = struct.unpack_from(">I4s", head)
            content = start + 8
            if size == 1:
                size, content = int.from_bytes(head[8:], "big"), start + 16
            stop = end if size == 0 else min(start + size, end)  # clipped, as FFmpeg does
            if stop < content:
                return
            yield kind, start, content, stop
            start = stop

    def _content(self, start: int, end: int) -> bytes:
        self.file.seek(start)
        return self.file.read(min(end - start, _MAX_SIZE))


def positioned_channels(content: bytes, channels: int) -> Channels:
    """Return the format in a box chnl with positions; none if the content is empty."""
    positions = content[len(_WITH_POSITIONS) :][:channels]
    if len(positions) < channels or any(place >= len(_POSITIONS) for place in positions):
        return Channels()
    return by_labels([_POSITIONS[place] for place in positions])


def scene_channels(content: bytes, channels: int) -> Channels:
    """Return the Ambisonic format in a box SA3D; none if the content is empty."""
    if len(content) < _SA3D.size:
        return Channels()
    version, kind, _, channel_order, normalization, number = _SA3D.unpack_from(content)
    indices = content[_SA3D.size :][: 4 * channels]
    if version or channel_order or normalization >= len(_NORMALIZATIONS):
        return Channels(note="has an unsupported box SA3D, which is ignored")
    if number != channels or len(indices) < 4 * channels:
        return Channels(conflict=f"box SA3D with {number} channels")
    if kind & _HEADPHONES:
        return by_ambix(channels)
    return by_ambisonics(struct.unpack(f">{channels}I", indices), _NORMALIZATIONS[normalization])
