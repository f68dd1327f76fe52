"""Extent of MPEG audio files: joined files in one, and numbers of frames.

The first frame of an MP3 file may be a tag with the number of frames (Xing, Info of LAME, VBRI) and
the samples of delay and padding. libsndfile reads as many frames as it specifies; without it, as
many as the bit rate of the first frame suggests, which is wrong for a variable one. Here frames are
counted; a part without a number of frames gets a tag in front of it.

Sources: as `spatialkit.files.mpeg_audio`; the documentation of LAME, "MP3 Info Tag revision 1".
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from spatialkit.files.leading_bytes import tags_end
from spatialkit.files.lengths.extent import Extent, Part, bytes_at, size_of
from spatialkit.files.lengths.tags import tags_start
from spatialkit.files.mpeg_audio import LAYER_3, Frame, frame_of, frames_start
from spatialkit.files.views import View

_HEADER_SIZE, _CHECKSUM_SIZE = 4, 2
_TAGS = (b"Xing", b"Info")
_TAG_SIZE = 192  # bytes from the start of a frame to the end of what is read of a tag
_HAS_FRAMES, _HAS_SIZE = 1, 2
# Sizes of the fields of a tag that follow its 4 bytes of flags, by flag: numbers of frames and
# bytes, index for seeking, quality.
_FIELDS = {_HAS_FRAMES: 4, _HAS_SIZE: 4, 4: 100, 8: 4}
_VBRI_PLACE, _VBRI_FRAMES = 36, 14
_LAME_DELAYS = 21  # position of 12 bits of delay and 12 of padding in LAME's own part of a tag
_LARGEST_BIT_RATE = 14 << 4
_DECODER_DELAY = 529  # samples
# A tag counts itself or not, depending on the program.
_TOLERANCE = 1


@dataclass
class _Part:
    """Frames in a row, with the number of them that a tag announces.

    ``place`` is that of the number in the file, ``delays`` that of LAME's delay and padding; 0 if
    there are none. ``boundary`` is the end of the announced frames, ``following`` the start of the
    next one; there may be damage between them.
    """

    first: Frame
    start: int
    end: int
    place: int = 0
    delays: int = 0
    announced: int = 0
    has_size: bool = False
    count: int = 0
    boundary: int = 0
    following: int = 0


def mpeg_extent(file: BinaryIO) -> Extent:
    """Return the extent of a file of MPEG audio that begins with a frame."""
    end = tags_start(file, size_of(file))
    parts: list[_Part] = []
    is_cut = False
    for at, frame, content, is_first in _frames(file, end):
        if at + frame.size > end:
            is_cut = True
            break
        tag = _tag(content, frame, at)
        if tag or is_first or not parts:
            parts.append(tag or _Part(frame, at, at))
        part = parts[-1]
        if not (tag or part.count or part.announced):
            part.start = at  # damage may follow a tag that does not tell the number of frames
        part.end = at + frame.size
        part.count += not tag
        if part.count == part.announced:
            part.boundary = part.end
        elif part.count == part.announced + 1:
            part.following = at
        if part.announced and part.count > part.announced + _TOLERANCE:
            # Frames beyond those that the tag announces are those of another file.
            parts.append(_Part(frame, part.following, part.end, count=part.count - part.announced))
            part.count, part.end = part.announced, part.boundary
    parts = [part for part in parts if part.count]
    if not parts:
        return Extent(missing="it contains no complete frame of audio", is_estimated=True)
    last = parts[-1]
    missing = ""
    if is_cut and (not last.announced or last.count < last.announced):
        missing = "its last frame is cut off"
    for part in parts:
        if part.count < part.announced - _TOLERANCE:
            missing = f"its tag specifies {part.announced} frames, it contains {part.count}"
    return Extent(
        tuple(_decodable(file, part) for part in parts),
        missing,
        is_estimated=any(part.first.layer != LAYER_3 for part in parts),
    )


def _frames(file: BinaryIO, end: int) -> Iterator[tuple[int, Frame, bytes, bool]]:
    """Yield position, header, first bytes of each frame, and whether another file begins there."""
    view = View(file)
    first = frame_of(view.take(0, _HEADER_SIZE))
    at = max(0, frames_start(file, 0, first.layer if first else LAYER_3))
    kind, is_first = None, False
    while at < end:
        frame = frame_of(view.take(at, _HEADER_SIZE))
        if frame is None or kind not in (None, frame.kind):
            tag_end = tags_end(file, at)
            start = frames_start(file, tag_end, kind[1] if kind else LAYER_3)
            if start < 0:
                return
            is_first = tag_end > at
            at = start
            frame = frame_of(view.take(at, _HEADER_SIZE))
            assert frame is not None
        is_first = is_first or kind not in (None, frame.kind)
        kind = frame.kind
        yield at, frame, view.take(at, _TAG_SIZE), is_first
        is_first = False
        at += frame.size


def _tag(content: bytes, frame: Frame, at: int) -> _Part | None:
    """Return the part that begins with a frame at a position; None if the frame is not a tag."""
    place = _HEADER_SIZE + frame.side + _CHECKSUM_SIZE * frame.has_checksum
    if frame.layer != LAYER_3:
        return None
    if content[_VBRI_PLACE : _VBRI_PLACE + 4] == b"VBRI":
        place = _VBRI_PLACE + _VBRI_FRAMES
        return _Part(
            frame, at, at, at + place, 0, int.from_bytes(content[place : place + 4], "big")
        )
    if not content[place:].startswith(_TAGS):
        return None
    flags = int.from_bytes(content[place + 4 : place + 8], "big")
    if not flags & _HAS_FRAMES:
        return _Part(frame, at + frame.size, at + frame.size)
    announced = int.from_bytes(content[place + 8 : place + 12], "big")
    delays = place + 8 + sum(size for flag, size in _FIELDS.items() if flags & flag) + _LAME_DELAYS
    return _Part(frame, at, at, at + place + 8, at + delays, announced, bool(flags & _HAS_SIZE))


def _decodable(file: BinaryIO, part: _Part) -> Part:
    """Return a part in which libsndfile reads exactly the frames that it contains."""
    if part.first.layer != LAYER_3:
        return Part(part.start, part.end)
    count = struct.pack(">I", part.count)
    if not part.announced:
        return Part(part.start, part.end, _made_tag(file, part))
    if part.count >= part.announced:
        return Part(part.start, part.end)
    replaced = {part.place: count}
    if part.has_size:  # in bytes
        replaced[part.place + 4] = struct.pack(">I", part.end - part.start)
    if part.delays:
        # The padding was at the end that is missing.
        delay = bytes_at(file, part.delays, 2)
        replaced[part.delays + 1] = bytes([delay[-1] & 0xF0, 0])
    return Part(part.start, part.end, replaced=replaced)


def _made_tag(file: BinaryIO, part: _Part) -> bytes:
    """Return a tag with the number of frames, and a frame of silence, which its delay removes.

    Both have the form of the first frame. mpg123 removes the delay of its decoder from files with
    a tag, and not from those without.
    """
    head = bytearray(bytes_at(file, part.start, _HEADER_SIZE))
    head[1] |= 1  # no checksum
    head[2] = _LARGEST_BIT_RATE | head[2] & 0x0C
    frame = frame_of(bytes(head))
    assert frame is not None
    delays = frame.samples - _DECODER_DELAY << 12 | _DECODER_DELAY
    content = bytes(head) + bytes(frame.side) + _TAGS[0]
    content += struct.pack(">II", _HAS_FRAMES, part.count + 1)
    content += b"LAME".ljust(_LAME_DELAYS, b"\0") + delays.to_bytes(3, "big")
    return content.ljust(frame.size, b"\0") + bytes(head).ljust(frame.size, b"\0")
