"""WAV headers: writing and reading of RIFF, RF64 (above 4 GiB) and BW64.

Sources: Microsoft, "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); EBU Tech
3306 (RF64); ITU-R BS.2088 (BW64, with the chunks of RF64). libsndfile writes no mask for most
layouts, a wrong one for 7.1, and sizes above 4 GiB that wrap.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

# Maximum of a RIFF size. This value itself stands for "see ds64", or for "unknown" in a RIFF file
# that was written to a pipe.
MAX_SIZE = 0xFFFFFFFF
# Maximum size minus 8 bytes of a file that is written as RIFF; larger files are RF64.
MAX_RIFF_SIZE = MAX_SIZE - 1
WAVE_KINDS = (b"RIFF", b"RF64", b"BW64")
_PCM, _IEEE_FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_DS64 = struct.Struct("<QQQI")  # sizes of file and audio data, samples, table entries
_DS64_ENTRY = struct.Struct("<4sQ")
# Format tag and bits by subtype of WAV.
WAVE_ENCODINGS = {
    "FLOAT": (_IEEE_FLOAT, 32),
    "PCM_16": (_PCM, 16),
    "PCM_24": (_PCM, 24),
    "DOUBLE": (_IEEE_FLOAT, 64),
}
# Default masks by number of channels, in every container.
COMMON_MASKS = {1: 0x4, 2: 0x3}


def wave_header(
    channels: int, samples: int, sample_rate: int, subtype: str, mask: int, *, reserve: bool = False
) -> tuple[bytes, int]:
    """Return the header of a WAV file up to its first sample, and the file size in bytes.

    The header is RF64 if the size exceeds that of RIFF. With ``reserve``, RIFF has a JUNK chunk in
    the place of the ds64 chunk of RF64: both headers then have the same length, and one can replace
    the other later. The format is WAVE_FORMAT_EXTENSIBLE for more than 2 channels, more than 16
    bits, or a mask that is not the default.
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
        chunks += _chunk_head(b"fact", 4) + struct.pack("<I", min(samples, MAX_SIZE))
    data = samples * frame
    reserved = 8 + _DS64.size
    size = 12 + reserved * reserve + len(chunks) + 8 + data + data % 2
    if size - 8 <= MAX_RIFF_SIZE:
        junk = _chunk_head(b"JUNK", _DS64.size) + bytes(_DS64.size) if reserve else b""
        chunks += _chunk_head(b"data", data)
        return _chunk_head(b"RIFF", size - 8) + b"WAVE" + junk + chunks, size
    size += reserved * (not reserve)
    ds64 = _chunk_head(b"ds64", _DS64.size) + _DS64.pack(size - 8, data, samples, 0)
    chunks += _chunk_head(b"data", MAX_SIZE)
    return _chunk_head(b"RF64", MAX_SIZE) + b"WAVE" + ds64 + chunks, size


def _chunk_head(name: bytes, size: int) -> bytes:
    return name + struct.pack("<I", size)


@dataclass(frozen=True)
class WaveHeader:
    """Contents of the header of a WAV file.

    ``mask`` is None without WAVE_FORMAT_EXTENSIBLE. ``data_size`` is the number of bytes of audio
    data in the header, 0 if the header does not specify it; ``available`` is that in the file.
    """

    mask: int | None
    data_size: int
    available: int


def read_wave_header(file: BinaryIO) -> WaveHeader:
    """Read the header of a RIFF, RF64 or BW64 file; ValueError if RF64 does not specify sizes."""
    end = file.seek(0, 2)
    file.seek(0)
    large = file.read(4) != b"RIFF"
    file.seek(12)
    mask = None
    sizes: dict[bytes, int] = {}
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if large and size == MAX_SIZE:
            if name not in sizes:
                raise ValueError("has no ds64 chunk with the sizes of its chunks")
            size = sizes[name]
        if name == b"data":
            unknown = not large and size == MAX_SIZE
            return WaveHeader(mask, 0 if unknown else size, end - file.tell())
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
    return WaveHeader(mask, 0, 0)


def _read_ds64(content: bytes) -> dict[bytes, int]:
    """Return the sizes of chunks by name."""
    if len(content) < _DS64.size:
        raise ValueError("has a truncated ds64 chunk")
    _, data, _, entries = _DS64.unpack_from(content)
    complete = (len(content) - _DS64.size) // _DS64_ENTRY.size
    table = content[_DS64.size :][: min(entries, complete) * _DS64_ENTRY.size]
    return {**dict(_DS64_ENTRY.iter_unpack(table)), b"data": data}
