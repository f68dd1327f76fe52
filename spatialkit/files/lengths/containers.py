"""Ends of containers that PyAV reads, as their headers specify them.

Sources: ISO/IEC 14496-12, section 4.2 (MP4); RFC 8794, sections 4 and 6 (Matroska); Microsoft,
"Advanced Systems Format" and "AVI RIFF file reference"; OpenDML 1.02; Adobe, "Flash video file
format 10.1"; ISO/IEC 13818-1 (MPEG-2 systems); Sony, "DSF file format"; Philips, "DSDIFF 1.5"; the
documentation of Monkey's Audio, TTA and Musepack SV8.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from spatialkit.files.lengths.extent import bytes_at, size_of
from spatialkit.files.lengths.tags import tags_start
from spatialkit.files.views import View

_SEGMENT = 0x18538067  # Matroska element that contains all others
_ASF_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_TS_PACKET, _TS_SYNC = 188, 0x47
_PES_AUDIO = (0xBD, *range(0xC0, 0xE0), 0xFD)  # stream identifiers


def mov_end(file: BinaryIO) -> int:
    """Return the end of the last box of an MP4 file, which precedes that of another file."""
    size, at = size_of(file), 0
    while at < size:
        head = bytes_at(file, at, 16)
        if len(head) < 8:
            return at if not any(head) else at + 8
        length, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:
            length = int.from_bytes(head[8:], "big")
        if kind == b"ftyp" and at:  # another file
            return at
        if length == 0 or not re.fullmatch(rb"[ -~\xa9]{4}", kind):  # extends to the end; not a box
            return at
        at += max(length, 8)
    return at


def matroska_end(file: BinaryIO) -> int:
    """Return the end of the Segment of a Matroska file, 0 if unknown."""
    size, at = size_of(file), 0
    while at < size:
        head = bytes_at(file, at, 12)
        identifier, width = varint(head, keep=True)
        length, more = varint(head[width:], keep=False)
        at += width + more
        if not (width and more) or length == 2 ** (7 * more) - 1:
            return 0
        at += length
        if identifier == _SEGMENT:
            return at
    return 0


def varint(data: bytes, *, keep: bool) -> tuple[int, int]:
    """Return a variable-length number, with or without its length marker, and its length."""
    width = 9 - data[0].bit_length() if data else 0
    if not 0 < width <= min(8, len(data)):
        return 0, 0
    number = int.from_bytes(data[:width], "big")
    return (number if keep else number & (2 ** (7 * width) - 1)), width


def asf_end(file: BinaryIO) -> int:
    """Return the size of an ASF file in its properties, 0 for a broadcast."""
    head = bytes_at(file, 0, 1 << 16)
    at = head.find(_ASF_PROPERTIES)
    if at < 0 or len(head) < at + 92:
        return size_of(file) + 1
    is_broadcast = head[at + 88] & 1
    return 0 if is_broadcast else int.from_bytes(head[at + 40 : at + 48], "little")


def avi_end(file: BinaryIO) -> int:
    """Return the end of an AVI file, of its last part if it has several (OpenDML)."""
    at = 0
    while (head := bytes_at(file, at, 12))[:4] == b"RIFF":
        size = int.from_bytes(head[4:8], "little")
        if size in (0, 0xFFFFFFFF):
            return 0
        at += 8 + size + size % 2
    return at


def flv_end(file: BinaryIO) -> int:
    """Return the end of an FLV file, by its tags and the size in the first of them."""
    size = size_of(file)
    head = bytes_at(file, 0, 1 << 12)
    at = int.from_bytes(head[5:9], "big") + 4
    announced = re.search(rb"\0\x08filesize\0(.{8})", head, re.DOTALL)
    end = int(min(struct.unpack(">d", announced[1])[0], 2.0**62)) if announced else 0
    view = View(file)
    while at < size:
        tag = view.take(at, 11)
        if len(tag) < 11:
            return at + 11
        at += 11 + int.from_bytes(tag[1:4], "big") + 4
    return max(at, end)


def mpegts_end(file: BinaryIO) -> int:
    """Return the end of the last packet of an MPEG transport stream, or of its audio."""
    size = tags_start(file, size_of(file))
    view = View(file)
    left: dict[int, int] = {}  # bytes that the last packet of audio of each PID still needs
    for at in range(0, size, _TS_PACKET):
        packet = view.take(at, _TS_PACKET)
        if packet[0] != _TS_SYNC:
            break
        if at + _TS_PACKET > size:
            return at + _TS_PACKET
        pid = int.from_bytes(packet[1:3], "big") & 0x1FFF
        start = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        payload = packet[start:] if packet[3] & 0x10 else b""
        if packet[1] & 0x40 and payload[:3] == b"\0\0\1" and payload[3] in _PES_AUDIO:
            left[pid] = 6 + int.from_bytes(payload[4:6], "big")
        if pid in left:
            left[pid] -= len(payload)
    return size + max(0, *left.values(), 0)


def mpeg_end(file: BinaryIO) -> int:
    """Return the end of the last packet of an MPEG program stream."""
    view, size, at = View(file), size_of(file), 0
    while at < size:
        head = view.take(at, 14)
        if len(head) < 6 or head[:3] != b"\0\0\1":
            return at if len(head) >= 6 or not any(head) else at + 6
        if head[3] == 0xB9:
            return at + 4
        if head[3] == 0xBA:
            at += 14 + (head[13] & 7 if len(head) == 14 else 0) if head[4] & 0xC0 == 0x40 else 12
        else:
            at += 6 + int.from_bytes(head[4:6], "big")
    return at


def ape_end(file: BinaryIO) -> int:
    """Return the end of a file of Monkey's Audio from version 3.98 on, 0 for older ones."""
    head = bytes_at(file, 0, 52)
    if len(head) < 52 or int.from_bytes(head[4:6], "little") < 3980:
        return 0
    descriptor, header, index, wave, data, upper, tail = struct.unpack_from("<7I", head, 8)
    return int(descriptor + header + index + wave + (upper << 32 | data) + tail)


def tta_end(file: BinaryIO) -> int:
    """Return the end of a TTA file by its table of the sizes of frames."""
    head = bytes_at(file, 0, 22)
    if len(head) < 22:
        return 22
    rate, samples = struct.unpack_from("<II", head, 10)
    frame = rate * 256 // 245
    count = -(-samples // frame) if frame else 0
    table = bytes_at(file, 22, 4 * min(count, size_of(file)))
    if len(table) < 4 * count:
        return 26 + 4 * count
    return 26 + 4 * count + sum(struct.unpack(f"<{count}I", table))


def mpc8_end(file: BinaryIO) -> int:
    """Return the end of the last packet of Musepack SV8, which is "SE" in a whole file."""
    size, at = size_of(file), 4
    while at < size:
        head = bytes_at(file, at, 12)
        length = width = 0
        for byte in head[2:]:
            length, width = length << 7 | byte & 0x7F, width + 1
            if byte < 0x80:
                break
        if head[:2] == b"SE":
            return at + length
        if length < 2 + width:
            break
        at += length
    return max(at, size + 1)


def dsf_end(file: BinaryIO) -> int:
    """Return the size of a DSF file in its header."""
    return int.from_bytes(bytes_at(file, 12, 8), "little")


def dsdiff_end(file: BinaryIO) -> int:
    """Return the end of a DSDIFF file."""
    return 12 + int.from_bytes(bytes_at(file, 4, 8), "big")
