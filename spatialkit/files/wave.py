"""Headers of WAV files, written and read: RIFF, RF64 above 4 GiB, and BW64.

Sources: Microsoft, "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); EBU Tech
3306 (RF64); ITU-R BS.2088 (BW64, with the chunks of RF64). libsndfile writes no mask for most
layouts, a wrong one for 7.1, and sizes above 4 GiB that wrap.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

# What a RIFF size can say; this very number stands for "see ds64", or "unknown" in RIFF from a
# pipe.
LARGEST_SIZE = 0xFFFFFFFF
# Largest file, less 8 bytes, that is written as RIFF: above it is RF64.
LARGEST_RIFF = LARGEST_SIZE - 1
WAVE_KINDS = (b"RIFF", b"RF64", b"BW64")
_PCM, _IEEE_FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_DS64 = struct.Struct("<QQQI")  # sizes of the file and of the sound, samples, entries of a table
_DS64_ENTRY = struct.Struct("<4sQ")
# Subtypes of WAV: format tag and bits.
WAVE_ENCODINGS = {
    "FLOAT": (_IEEE_FLOAT, 32),
    "PCM_16": (_PCM, 16),
    "PCM_24": (_PCM, 24),
    "DOUBLE": (_IEEE_FLOAT, 64),
}
# What the number of channels alone says, in any file.
COMMON_MASKS = {1: 0x4, 2: 0x3}


def wave_header(
    channels: int, samples: int, sample_rate: int, subtype: str, mask: int, *, reserve: bool = False
) -> tuple[bytes, int]:
    """Header of a WAV file up to its first sample, and the size of the whole file in bytes.

    RF64 if RIFF cannot say the size. With ``reserve``, RIFF has a JUNK chunk where RF64 has its
    ds64: both headers are equally long, and one may later take the place of the other.
    WAVE_FORMAT_EXTENSIBLE for more than 2 channels, more than 16 bits, or an unusual mask.
    """
    tag, bits = WAVE_ENCODINGS[subtype]
    frame = channels * bits // 8
    extensible = channels > 2 or bits > 16 or mask != COMMON_MASKS[channels]
    fmt = struct.pack(
        "<HHIIHH",
        _EXTENSIBLE if extensible else tag,
        channels,
        sample_rate,
        sample_rate * frame,
        frame,
        bits,
    )
    if extensible:
        fmt += struct.pack("<HHIH", 22, bits, mask, tag) + _SUBFORMAT_TAIL
    chunks = _chunk_head(b"fmt ", len(fmt)) + fmt
    if tag != _PCM:
        chunks += _chunk_head(b"fact", 4) + struct.pack("<I", min(samples, LARGEST_SIZE))
    data = samples * frame
    room = 8 + _DS64.size
    size = 12 + room * reserve + len(chunks) + 8 + data + data % 2
    if size - 8 <= LARGEST_RIFF:
        junk = _chunk_head(b"JUNK", _DS64.size) + bytes(_DS64.size) if reserve else b""
        chunks += _chunk_head(b"data", data)
        return _chunk_head(b"RIFF", size - 8) + b"WAVE" + junk + chunks, size
    size += room * (not reserve)
    ds64 = _chunk_head(b"ds64", _DS64.size) + _DS64.pack(size - 8, data, samples, 0)
    chunks += _chunk_head(b"data", LARGEST_SIZE)
    return _chunk_head(b"RF64", LARGEST_SIZE) + b"WAVE" + ds64 + chunks, size


def _chunk_head(name: bytes, size: int) -> bytes:
    return name + struct.pack("<I", size)


@dataclass(frozen=True)
class WaveFacts:
    """What the header of a WAV file says.

    ``mask`` is None in a plain header. ``announced`` and ``there`` are bytes of sound;
    ``announced`` is 0 where the header does not know.
    """

    mask: int | None
    announced: int
    there: int


def read_wave_header(file: BinaryIO) -> WaveFacts:
    """Facts of a RIFF, RF64 or BW64 file. ValueError, with the reason, if RF64 says no size."""
    end = file.seek(0, 2)
    file.seek(0)
    large = file.read(4) != b"RIFF"
    file.seek(12)
    mask = None
    sizes: dict[bytes, int] = {}
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if large and size == LARGEST_SIZE:
            if name not in sizes:
                raise ValueError("has no ds64 chunk that says how long it is")
            size = sizes[name]
        if name == b"data":
            unknown = not large and size == LARGEST_SIZE
            return WaveFacts(mask, 0 if unknown else size, end - file.tell())
        start = file.tell()
        if name == b"ds64" and large:
            sizes = _read_ds64(file.read(min(size, end)))
        elif name == b"fmt ":
            fmt = file.read(min(size, 40))
            if len(fmt) >= 24 and struct.unpack_from("<H", fmt)[0] == _EXTENSIBLE:
                mask = struct.unpack_from("<I", fmt, 20)[0]
        start += size + size % 2
        if start > end:
            break
        file.seek(start)
    return WaveFacts(mask, 0, 0)


def _read_ds64(content: bytes) -> dict[bytes, int]:
    """Sizes of chunks by name."""
    if len(content) < _DS64.size:
        raise ValueError("has a ds64 chunk that is cut short")
    _, data, _, entries = _DS64.unpack_from(content)
    there = (len(content) - _DS64.size) // _DS64_ENTRY.size
    table = content[_DS64.size :][: min(entries, there) * _DS64_ENTRY.size]
    return {**dict(_DS64_ENTRY.iter_unpack(table)), b"data": data}
