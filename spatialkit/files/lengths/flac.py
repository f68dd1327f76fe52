"""Length of FLAC files, from the number of their last frame.

The header may have no length (RFC 9639, section 8.2: a number of samples of 0), and a file that was
cut off has that of the whole. The last frame specifies where it is, and its checksum whether it is
complete.

Source: RFC 9639, sections 8.2 (STREAMINFO), 9.1 (frame header) and 9.3 (checksums).
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import BinaryIO, NamedTuple

from spatialkit.files.lengths.extent import Extent, Part, bytes_at, size_of
from spatialkit.files.lengths.tags import tags_start

_START = rb"fLaC[\0\x80]\0\0\x22"  # first bytes and the head of STREAMINFO
_PROBES = 8  # places at which the number of samples has to increase
_TOTAL = 21  # position of the number of samples in 36 bits, the upper 4 of them in one byte
_REACHES = (1 << 16, 1 << 20, 1 << 24)  # bytes from the end in which frames are searched for
_SEARCH_SIZE = 1 << 24
_MIN_HEADER, _MAX_HEADER = 6, 16  # bytes of the header of a frame


def _table(polynomial: int, bits: int) -> list[int]:
    table = []
    for byte in range(256):
        value = byte << bits - 8
        for _ in range(8):
            value = value << 1 ^ polynomial if value >> bits - 1 else value << 1
            value &= (1 << bits) - 1
        table.append(value)
    return table


_CRC_8, _CRC_16 = _table(0x07, 8), _table(0x8005, 16)


def _crc_8(data: bytes) -> int:
    value = 0
    for byte in data:
        value = _CRC_8[value ^ byte]
    return value


def _crc_16(data: bytes) -> int:
    value = 0
    for byte in data:
        value = value << 8 & 0xFFFF ^ _CRC_16[value >> 8 ^ byte]
    return value


class _Frame(NamedTuple):
    """Position of a frame in the file, with its end if known, and number of samples up to it."""

    start: int
    samples: int
    end: int = 0


def flac_extent(file: BinaryIO) -> Extent:
    """Return the extent of a FLAC file, and of those that are joined to it."""
    if not re.match(_START, bytes_at(file, 0, 8)):
        return Extent()  # damaged
    size, head = size_of(file), bytes_at(file, 0, _TOTAL + 5)
    last = _last_frame(file, 0, size, head)
    starts = _starts(file, size, head, last[0])
    if starts == [0]:
        part, missing = _part(head, 0, size, last)
        return Extent((part,), missing)
    parts, problems = [], []
    for start, end in pairwise((*starts, size)):
        head = bytes_at(file, start, _TOTAL + 5)
        part, missing = _part(head, start, end, _last_frame(file, start, end, head))
        parts.append(part)
        problems.append(missing)
    return Extent(tuple(parts), next(filter(None, problems), ""))


def _starts(file: BinaryIO, size: int, head: bytes, last: _Frame) -> list[int]:
    """Return the positions of the headers in a file, the first of which is 0."""
    probed = [
        frames[0].samples
        for number in range(1, _PROBES)
        if (frames := _frames(bytes_at(file, size * number // _PROBES, _REACHES[0]), head))
    ]
    probed.append(last.samples)
    if probed == sorted(probed) and probed[-1] == _total(head):
        return [0]  # without reading the whole file
    starts, at = [0], 1
    while content := bytes_at(file, at, _SEARCH_SIZE):
        found = re.search(_START, content)
        if found:
            starts.append(at + found.start())
            at += found.end()
        else:
            at += max(1, len(content) - 7)
    return starts


def _total(head: bytes) -> int:
    """Return the number of samples in a header, 0 if it is not specified."""
    return int.from_bytes(head[_TOTAL:], "big") & 0xFFFFFFFFF


def _part(head: bytes, start: int, end: int, last: tuple[_Frame, bool]) -> tuple[Part, str]:
    """Return a part with its true number of samples, and what is missing of it."""
    total = _total(head)
    frame, is_whole = last
    if is_whole and total == frame.samples:
        return Part(start, end), ""
    number = (head[_TOTAL : _TOTAL + 1] or b"\0")[0] >> 4 << 36 | frame.samples
    part = Part(start, frame.end or end, replaced={start + _TOTAL: number.to_bytes(5, "big")})
    if is_whole and total < frame.samples:  # not specified, or joined to a shorter file
        return part, ""
    if total:
        return part, f"its header specifies {total} samples, the file contains {frame.samples}"
    return part, f"it ends within a frame, after {frame.samples} samples"


def _last_frame(file: BinaryIO, start: int, end: int, head: bytes) -> tuple[_Frame, bool]:
    """Return the last complete frame of a part, and whether the part ends with it."""
    stop = tags_start(file, end)
    for reach in _REACHES:
        first = max(start, stop - reach)
        data = bytes_at(file, first, stop - first)
        frames = _frames(data, head)
        padded = len(data.rstrip(b"\0"))  # a checksum may end with zeros
        for last in {len(data), padded, min(padded + 1, len(data)), min(padded + 2, len(data))}:
            for frame in reversed(frames):
                if frame.start < last and not _crc_16(data[frame.start : last]):
                    return frame._replace(end=first + last), True
        for number, following in reversed(list(enumerate(frames))):
            for frame in reversed(frames[:number]):
                if not _crc_16(data[frame.start : following.start]):
                    return frame._replace(end=first + following.start), False
        if first == start:
            break
    return _Frame(start, 0), False


def _frames(data: bytes, head: bytes) -> list[_Frame]:
    """Return the frames whose headers are in some data, by their position in it."""
    places = [match.start() for match in re.finditer(rb"\xff[\xf8\xf9]", data)]
    return [frame for place in places if (frame := _frame(data, place, head))]


def _frame(data: bytes, at: int, head: bytes) -> _Frame | None:
    """Return the frame whose header begins at a position; None if there is no valid header."""
    header = data[at : at + _MAX_HEADER]
    if len(header) < _MIN_HEADER or header[3] & 1:
        return None
    size_code, rate_code, assignment = header[2] >> 4, header[2] & 15, header[3] >> 4
    width = max(1, 8 - (header[4] ^ 0xFF).bit_length())
    more = {6: 1, 7: 2}.get(size_code, 0)
    place = 4 + width
    checked = place + more + {12: 1, 13: 2, 14: 2}.get(rate_code, 0)
    channels = assignment + 1 if assignment < 8 else 2
    if (
        len(header) <= checked
        or width > 7
        or assignment > 10
        or size_code == 0
        or channels != (head[20] >> 1 & 7) + 1
        or _crc_8(header[:checked]) != header[checked]
    ):
        return None
    number = header[4] & (0x7F if width == 1 else 0x7F >> width)
    for byte in header[5:place]:
        number = number << 6 | byte & 0x3F
    size = 576 << size_code - 2 if size_code < 6 else 256 << size_code - 8 if size_code > 7 else 0
    if size_code == 1:
        size = 192
    if more:
        size = int.from_bytes(header[place : place + more], "big") + 1
    has_sample_number = header[1] & 1
    first = number if has_sample_number else number * int.from_bytes(head[8:10], "big")
    return _Frame(at, first + size)
