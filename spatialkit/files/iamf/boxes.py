"""IAMF in MP4: boxes of a track, written and read.

Sources: IAMF 1.1, section 4 (sample entry iamf, box iacb); ISO/IEC 14496-12 (ISO base media).
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Sequence
from typing import BinaryIO, NamedTuple

from spatialkit.files.iamf.obu import Fields, IamfProblem, leb128

FILE_TYPE = struct.pack(">I4s4sI", 28, b"ftyp", b"iso6", 1) + b"iso6isomiamf"
# Head of mdat with a size of 64 bits.
MEDIA_HEAD_SIZE = 16
_UNITY = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_MAX_BOXES = 100_000
_MAX_TABLE = 2**28


def box(kind: bytes, *contents: bytes) -> bytes:
    """Return a box."""
    content = b"".join(contents)
    return struct.pack(">I4s", 8 + len(content), kind) + content


def full_box(kind: bytes, version: int, flags: int, *contents: bytes) -> bytes:
    """Return a box with version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


def media_head(size: int) -> bytes:
    """Return the head of the box mdat for a number of bytes of content."""
    return struct.pack(">I4sQ", 1, b"mdat", MEDIA_HEAD_SIZE + size)


class Samples(NamedTuple):
    """Samples of a track: temporal units in the order of the file."""

    sizes: Sequence[int]
    frame_size: int
    delay: int
    length: int
    roll: int


def movie(descriptors: bytes, samples: Samples, sample_rate: int, start: int) -> bytes:
    """Return the box moov of a file whose first sample is at ``start``.

    ``delay`` samples before the ``length`` samples of audio are skipped by an edit list.
    """
    total, count = samples.delay + samples.length, len(samples.sizes)
    dates = struct.pack(">QQ", 0, 0)
    header = full_box(
        b"mvhd",
        1,
        0,
        dates,
        struct.pack(">IQ", sample_rate, samples.length),
        struct.pack(">iHH8x", 0x10000, 0x100, 0),
        _UNITY,
        bytes(24),
        struct.pack(">I", 2),
    )
    track_header = full_box(
        b"tkhd",
        1,
        7,
        dates,
        struct.pack(">I4xQ8xhhH2x", 1, samples.length, 0, 0, 0x100),
        _UNITY,
        struct.pack(">II", 0, 0),
    )
    edits = box(
        b"edts",
        full_box(b"elst", 1, 0, struct.pack(">IQqhh", 1, samples.length, samples.delay, 1, 0)),
    )
    media_header = full_box(
        b"mdhd", 1, 0, dates, struct.pack(">IQHH", sample_rate, total, 0x55C4, 0)
    )
    handler = full_box(b"hdlr", 0, 0, struct.pack(">4x4s12x", b"soun"), b"IAMF\0")
    reference = full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1))
    information = box(
        b"minf",
        full_box(b"smhd", 0, 0, bytes(4)),
        box(b"dinf", reference),
        _sample_table(descriptors, samples, total, count, start),
    )
    return box(
        b"moov",
        header,
        box(b"trak", track_header, edits, box(b"mdia", media_header, handler, information)),
    )


def _sample_table(
    descriptors: bytes, samples: Samples, total: int, count: int, start: int
) -> bytes:
    configuration = box(b"iacb", bytes([1]), leb128(len(descriptors)), descriptors)
    # Channels and sample rate are 0: those of the descriptors count.
    entry = box(b"iamf", struct.pack(">6xH8xHHHHI", 1, 0, 16, 0, 0, 0), configuration)
    last = total - (count - 1) * samples.frame_size
    times = [(count - 1, samples.frame_size), (1, last)] if count > 1 else [(count, last)]
    times = [pair for pair in times if pair[0] > 0]
    sizes = array("I", samples.sizes)
    sizes.byteswap()
    parts = [
        full_box(b"stsd", 0, 0, struct.pack(">I", 1), entry),
        full_box(
            b"stts",
            0,
            0,
            struct.pack(">I", len(times)),
            b"".join(struct.pack(">II", *pair) for pair in times),
        ),
        full_box(b"stsc", 0, 0, struct.pack(">IIII", 1, 1, max(count, 1), 1)),
        full_box(b"stsz", 0, 0, struct.pack(">II", 0, count), sizes.tobytes()),
        full_box(b"co64", 0, 0, struct.pack(">IQ", 1, start)),
    ]
    if samples.roll:
        group = struct.pack(">4sIIh", b"roll", 2, 1, samples.roll)
        parts.append(full_box(b"sgpd", 1, 0, group))
        parts.append(full_box(b"sbgp", 0, 0, struct.pack(">4sIII", b"roll", 1, count, 1)))
    return box(b"stbl", *parts)


class Track(NamedTuple):
    """Track of IAMF in a file: descriptors, and positions and sizes of its samples."""

    descriptors: bytes
    samples: list[tuple[int, int]]


def read_track(file: BinaryIO) -> Track | None:
    """Return the first track of IAMF, None if there is none."""
    found: list[dict[bytes, tuple[int, int]]] = []
    _read(file, 0, file.seek(0, 2), found)
    for boxes in found:
        description = _content(file, boxes.get(b"stsd"))
        if description[12:16] == b"iamf":
            return Track(_descriptors(description), _samples(file, boxes))
    return None


def _read(
    file: BinaryIO, start: int, end: int, found: list[dict[bytes, tuple[int, int]]], depth: int = 0
) -> None:
    for kind, at, stop in _boxes(file, start, end):
        if kind == b"trak":
            found.append({})
        if kind in _PARENTS and depth < len(_PARENTS):
            _read(file, at, stop, found, depth + 1)
        elif found and depth == len(_PARENTS):
            found[-1].setdefault(kind, (at, stop))


def _boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    for _ in range(_MAX_BOXES):
        if start + 8 > end:
            return
        file.seek(start)
        head = file.read(16)
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        content = start + 8
        if size == 1:
            size, content = int.from_bytes(head[8:], "big"), start + 16
        stop = end if size == 0 else min(start + size, end)
        if stop < content:
            return
        yield kind, content, stop
        start = stop


def _content(file: BinaryIO, place: tuple[int, int] | None) -> bytes:
    if place is None:
        return b""
    file.seek(place[0])
    return file.read(min(place[1] - place[0], _MAX_TABLE))


def _descriptors(description: bytes) -> bytes:
    entry = description[8:]
    size = int.from_bytes(entry[:4], "big")
    at = 36
    while at + 8 <= min(size, len(entry)):
        length, kind = struct.unpack_from(">I4s", entry, at)
        if kind == b"iacb":
            fields = Fields(entry[at + 9 : at + length])
            return fields.take(fields.number())
        at += max(length, 8)
    raise IamfProblem("has no box iacb")


def _samples(file: BinaryIO, boxes: dict[bytes, tuple[int, int]]) -> list[tuple[int, int]]:
    """Return position and size of each sample, by the tables of sizes and chunks."""
    sizes_box = _content(file, boxes.get(b"stsz"))
    if len(sizes_box) < 12:
        raise IamfProblem("has no box stsz")
    fixed, count = struct.unpack_from(">II", sizes_box, 4)
    available = (len(sizes_box) - 12) // 4
    if not fixed and count > available:
        raise IamfProblem("has a box stsz that is truncated")
    count = min(count, _MAX_TABLE // 4)
    sizes = [fixed] * count if fixed else list(struct.unpack_from(f">{count}I", sizes_box, 12))
    wide = b"co64" in boxes
    offsets_box = _content(file, boxes.get(b"co64" if wide else b"stco"))
    width, code = (8, "Q") if wide else (4, "I")
    number = min(int.from_bytes(offsets_box[4:8], "big"), max(0, len(offsets_box) - 8) // width)
    offsets = struct.unpack_from(f">{number}{code}", offsets_box, 8) if number else ()
    chunks_box = _content(file, boxes.get(b"stsc"))
    entries = min(int.from_bytes(chunks_box[4:8], "big"), max(0, len(chunks_box) - 8) // 12)
    runs = [struct.unpack_from(">III", chunks_box, 8 + 12 * each)[:2] for each in range(entries)]
    found, sample = [], 0
    for chunk, offset in enumerate(offsets, 1):
        while len(runs) > 1 and runs[1][0] <= chunk:
            runs.pop(0)
        per_chunk = runs[0][1] if runs else 0
        for size in sizes[sample : sample + per_chunk]:
            found.append((offset, size))
            offset += size
        sample += per_chunk
    if len(found) < count:
        raise IamfProblem("has chunks of fewer samples than it specifies")
    return found
