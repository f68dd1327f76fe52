"""Extent of Ogg files: chained files in one, and the end of each stream.

Source: RFC 3533, sections 4 (grouping and chaining) and 6 (pages).
"""

from __future__ import annotations

from typing import BinaryIO

from spatialkit.files.lengths.extent import Extent, Part, bytes_at, size_of
from spatialkit.files.ogg_opus import replaced_headers

_HEAD_SIZE = 27
_FIRST_PAGE, _LAST_PAGE = 2, 4  # header types
_SEARCH_SIZE = 1 << 17  # more than a page


def ogg_extent(file: BinaryIO) -> Extent:
    """Return the extent of an Ogg file; a page may be cut off only at its end."""
    size = size_of(file)
    starts: list[int] = []
    unfinished: set[bytes] = set()
    missing = ""
    at, in_headers = 0, False
    while at < size:
        head = bytes_at(file, at, _HEAD_SIZE)
        if not head.startswith(b"OggS"):
            found = bytes_at(file, at, _SEARCH_SIZE).find(b"OggS", 1)
            if found < 0:
                break
            at += found
            continue
        table = file.read(head[26]) if len(head) == _HEAD_SIZE else b""
        end = at + _HEAD_SIZE + len(table) + sum(table)
        if len(head) < _HEAD_SIZE or len(table) < head[26] or end > size:
            missing = "its last page is cut off"
            break
        is_first, serial = bool(head[5] & _FIRST_PAGE), head[14:18]
        if is_first and not in_headers:
            missing = missing or _unfinished(unfinished, f" before byte {at}")
            starts.append(at)
            unfinished = set()
        in_headers = is_first
        unfinished.add(serial)
        if head[5] & _LAST_PAGE:
            unfinished.discard(serial)
        at = end
    missing = missing or _unfinished(unfinished)
    ends = [*starts[1:], min(at, size)]
    parts = [Part(start, end) for start, end in zip(starts or [0], ends, strict=True)]
    return Extent(tuple(_decodable(file, part) for part in parts), missing)


def _unfinished(serials: set[bytes], where: str = "") -> str:
    """Return what is missing of streams that have no last page, empty if there are none."""
    return f"its last page{where} is not marked as the end of the stream" if serials else ""


def _decodable(file: BinaryIO, part: Part) -> Part:
    """Return a part with the headers that libsndfile needs."""
    replaced, _ = replaced_headers(part.open(file))
    return Part(
        part.start, part.end, replaced={part.start + at: new for at, new in replaced.items()}
    )
