"""Tags behind the audio of a file: ID3 version 1, APE and Lyrics3; tags between two files.

Sources: ID3.org, "ID3v1" and "Lyrics3 v2.00"; Hydrogenaudio, "APEv2 specification".
"""

from __future__ import annotations

import re
from typing import BinaryIO

from spatialkit.files.leading_bytes import tags_end
from spatialkit.files.lengths.extent import bytes_at

_ID3_SIZE = 128
_APE = b"APETAGEX"
_APE_SIZE = 32  # of a header and of a footer
_HAS_HEADER = 1 << 31


def tags_start(file: BinaryIO, end: int) -> int:
    """Return the position of the tags that end at ``end``; ``end`` itself if there are none."""
    while True:
        size = _tag_size(file, end)
        if not size:
            return end
        end -= size


def next_start(file: BinaryIO, at: int) -> int:
    """Return the end of the tags that begin at a position, ``at`` if there are none."""
    while True:
        head = bytes_at(file, at, _APE_SIZE)
        size = 0
        if head.startswith(_APE) and len(head) == _APE_SIZE:
            has_header = int.from_bytes(head[20:24], "little") & _HAS_HEADER
            size = int.from_bytes(head[12:16], "little") + (_APE_SIZE if has_header else 0)
        elif head.startswith(b"TAG"):
            size = _ID3_SIZE
        else:
            size = tags_end(file, at) - at
        if not size:
            return at
        at += size


def _tag_size(file: BinaryIO, end: int) -> int:
    """Return the size of the tag that ends at ``end``, 0 if there is none."""
    if end >= _ID3_SIZE and bytes_at(file, end - _ID3_SIZE, 3) == b"TAG":
        return _ID3_SIZE
    tail = bytes_at(file, max(0, end - _APE_SIZE), min(end, _APE_SIZE))
    lyrics = re.fullmatch(rb"(\d{6})LYRICS200", tail[-15:])
    if lyrics and (size := int(lyrics[1]) + 15) <= end:
        return size if bytes_at(file, end - size, 11) == b"LYRICSBEGIN" else 0
    if len(tail) < _APE_SIZE or not tail.startswith(_APE) or any(tail[24:]):
        return 0
    size = int.from_bytes(tail[12:16], "little")
    if int.from_bytes(tail[20:24], "little") & _HAS_HEADER:
        size += _APE_SIZE
        return size if size <= end and bytes_at(file, end - size, 8) == _APE else 0
    return size if _APE_SIZE <= size <= end else 0
