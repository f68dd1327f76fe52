"""Boxes that FFmpeg does not write to MP4 and QuickTime files, in the box moov at their end.

They are the box SA3D of Ambisonics, and tags with pictures and keys of any name.

Sources: ISO/IEC 14496-12 (boxes); Google, "Spatial Audio RFC" (SA3D).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from typing import BinaryIO

from spatialkit.errors import AudioFileError
from spatialkit.files.formats import Target
from spatialkit.files.tags import mp4
from spatialkit.layouts import AmbisonicFormat

_PATH = (b"trak", b"mdia", b"minf", b"stbl", b"stsd")
_SA3D = struct.Struct(">BBIBBI")


def complete(file: BinaryIO, target: Target) -> None:
    """Add boxes to a file that FFmpeg has closed."""

    def edit(movie: bytes) -> bytes:
        if isinstance(target.format, AmbisonicFormat):
            movie = _with_description_box(movie, scene_box(target.format))
        if target.tags:
            movie = _without(movie, b"udta") + mp4.build_user_data(target.tags)
        return movie

    if target.tags or isinstance(target.format, AmbisonicFormat):
        _edit_movie(file, target, edit)


def scene_box(format: AmbisonicFormat) -> bytes:
    """Return the box SA3D of AmbiX channels."""
    channels = format.n_channels
    content = _SA3D.pack(0, 0, format.order, 0, 0, channels)
    return boxed(b"SA3D", content + struct.pack(f">{channels}I", *range(channels)))


def boxed(kind: bytes, content: bytes) -> bytes:
    """Return a box."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def _edit_movie(file: BinaryIO, target: Target, edit: Callable[[bytes], bytes]) -> None:
    """Replace the box moov, which is the last one: no position in the file changes."""
    end, start = file.seek(0, os.SEEK_END), 0
    while start < end:
        file.seek(start)
        size, kind = struct.unpack(">I4s", file.read(8))
        if size == 1:
            size = int.from_bytes(file.read(8), "big")
        if kind == b"moov" and start + size == end:
            file.seek(start + 8)
            movie = file.read(size - 8)
            file.seek(start)
            file.write(boxed(b"moov", edit(movie)))
            file.truncate()
            return
        start += size
    raise AudioFileError(f"{target.path} cannot be written: FFmpeg wrote no box moov at its end")


def _with_description_box(movie: bytes, box: bytes) -> bytes:
    """Return the content of moov with a box at the end of the sample descriptions."""
    return _edited(movie, _PATH, lambda description: _appended(description, box))


def _edited(content: bytes, path: tuple[bytes, ...], edit: Callable[[bytes], bytes]) -> bytes:
    """Return the content of a box whose boxes of a path have been edited."""
    if not path:
        return edit(content)
    parts, at = [], 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        inner = content[at + 8 : at + size]
        parts.append(boxed(kind, _edited(inner, path[1:], edit) if kind == path[0] else inner))
        at += size
    return b"".join(parts)


def _without(content: bytes, name: bytes) -> bytes:
    """Return the content of a box without the boxes of a kind."""
    parts, at = [], 0
    while at + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, at)
        parts.append(b"" if kind == name else content[at : at + size])
        at += size
    return b"".join(parts)


def _appended(descriptions: bytes, box: bytes) -> bytes:
    """Return the content of stsd with a box at the end of its first sample description."""
    size, kind = struct.unpack_from(">I4s", descriptions, 8)
    description = descriptions[16 : 8 + size]
    return descriptions[:8] + boxed(kind, description + box) + descriptions[8 + size :]
