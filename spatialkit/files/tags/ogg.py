"""Comment headers of Ogg files: reading, and replacement in a complete file.

Sources: RFC 3533 (Ogg); RFC 7845, section 5.2 (Opus); Vorbis I, section 5 (Vorbis).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from spatialkit.files.ogg_opus import page_checksum
from spatialkit.files.tags.regions import resize_region
from spatialkit.files.tags.vorbis import build_comments, comment_fields, parse_comments
from spatialkit.tags import Tags

_HEAD = struct.Struct("<4sBBqIIIB")
_CONTINUED = 1
_OPUS, _VORBIS, _FLAC = b"OpusTags", b"\x03vorbis", b"\x04"
_MAX_HEADER = 2**27
_SEGMENTS = 255


def read_comments(file: BinaryIO) -> Tags:
    """Return the tags of an Ogg file."""
    packets, _ = _header_packets(file, 2)
    if len(packets) < 2:
        return Tags()
    comment = packets[1]
    for start in (_OPUS, _VORBIS):
        if comment.startswith(start):
            return parse_comments(comment[len(start) :])
    if packets[0].startswith(b"\x7fFLAC"):
        return parse_comments(comment[4:])
    return Tags()


def _pages(file: BinaryIO, at: int = 0) -> Iterator[tuple[int, bytes, list[int]]]:
    """Yield position, head and lacing values of the pages of a file."""
    while True:
        file.seek(at)
        head = file.read(_HEAD.size)
        if len(head) < _HEAD.size or head[:4] != b"OggS":
            return
        lacing = list(file.read(head[26]))
        yield at, head, lacing
        at += _HEAD.size + len(lacing) + sum(lacing)


def _header_packets(file: BinaryIO, count: int) -> tuple[list[bytes], int]:
    """Return the first packets, and the end of the page in which the last of them ends."""
    packets: list[bytes] = []
    parts: list[bytes] = []  # of a packet that is not complete; joined once, for large covers
    end = 0
    for at, _, lacing in _pages(file):
        body = at + _HEAD.size + len(lacing)
        end = body + sum(lacing)
        if end > _MAX_HEADER:
            break
        file.seek(body)
        data = file.read(sum(lacing))
        start = 0
        for size in lacing:
            parts.append(data[start : start + size])
            start += size
            if size < _SEGMENTS:
                packets.append(b"".join(parts))
                parts = []
        if len(packets) >= count:
            break
    return packets, end


def replace_comments(file: BinaryIO, tags: Tags) -> None:
    """Replace the comments of a complete file with one stream of Opus or Vorbis."""
    packets, end = _header_packets(file, 2)
    is_vorbis = packets[1].startswith(_VORBIS)
    if is_vorbis:
        packets, end = _header_packets(file, 3)
    old = parse_vendor(packets[1])
    start = _VORBIS if is_vorbis else _OPUS
    comment = start + build_comments(comment_fields(tags, pictures=True), old)
    comment += b"\1" if is_vorbis else b""
    at, head, lacing = next(_pages(file))
    first = at + _HEAD.size + len(lacing) + sum(lacing)
    serial = struct.unpack_from("<I", head, 14)[0]
    new = _paginated([comment, *packets[2:3]], serial, 1)
    number = 1
    for page_at, _, _ in _pages(file, first):
        if page_at >= end:
            break
        number += 1
    resize_region(file, first, end - first, len(new))
    file.seek(first)
    file.write(new)
    shift = _page_count(new) + 1 - number
    if shift:
        _renumber(file, first + len(new), shift)


def parse_vendor(comment: bytes) -> str:
    """Return the name of the encoder in a comment packet."""
    at = len(_VORBIS) if comment.startswith(_VORBIS) else len(_OPUS)
    (size,) = struct.unpack_from("<I", comment, at)
    return comment[at + 4 : at + 4 + size].decode("utf-8", "replace")


def _paginated(packets: list[bytes], serial: int, number: int) -> bytes:
    """Return pages of header packets, which end with the last packet."""
    lacing, data = [], b"".join(packets)
    ends = []
    for packet in packets:
        lacing += [_SEGMENTS] * (len(packet) // _SEGMENTS) + [len(packet) % _SEGMENTS]
        ends.append(len(lacing))
    pages, at = [], 0
    for first in range(0, len(lacing), _SEGMENTS):
        part = lacing[first : first + _SEGMENTS]
        size = sum(part)
        continued = first > 0 and lacing[first - 1] == _SEGMENTS
        has_end = any(first < end <= first + len(part) for end in ends)
        head = _HEAD.pack(
            *(b"OggS", 0, _CONTINUED if continued else 0, 0 if has_end else -1),
            *(serial, number, 0, len(part)),
        )
        pages.append(_with_checksum(head + bytes(part) + data[at : at + size]))
        at += size
        number += 1
    return b"".join(pages)


def _with_checksum(page: bytes) -> bytes:
    cleared = page[:22] + bytes(4) + page[26:]
    return page[:22] + struct.pack("<I", page_checksum(cleared)) + page[26:]


def _page_count(data: bytes) -> int:
    count = at = 0
    while at < len(data):
        lacing = data[at + _HEAD.size : at + _HEAD.size + data[at + 26]]
        at += _HEAD.size + len(lacing) + sum(lacing)
        count += 1
    return count


def _renumber(file: BinaryIO, start: int, shift: int) -> None:
    """Add to the numbers of all pages from a position on."""
    for at, head, lacing in _pages(file, start):
        (number,) = struct.unpack_from("<I", head, 18)
        file.seek(at)
        page = file.read(_HEAD.size + len(lacing) + sum(lacing))
        page = page[:18] + struct.pack("<I", number + shift) + page[22:]
        file.seek(at)
        file.write(_with_checksum(page))
