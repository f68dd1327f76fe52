"""WAV headers: writing and reading of RIFF, RF64 (above 4 GiB) and BW64.

Sources: Microsoft, "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); EBU Tech
3306 (RF64); ITU-R BS.2088 (BW64, with the chunks of RF64); R. Dobson, "AMB Ambisonic file format"
(B-format). libsndfile writes no mask for most layouts, a wrong one for 7.1, and sizes above 4 GiB
that wrap.

A format without mask (Ambisonics, 9.1.6 ...) is written by its name in an entry "spkt" of the chunk
LIST INFO, a custom layout by its JSON. Other programs skip entries that they do not know, and do
not copy them to other files, so that it never describes other channels.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import BinaryIO, NamedTuple

from spatialkit.files import chunks
from spatialkit.files.adm.tracks import adm_channels
from spatialkit.files.channels import COMMON_MASKS, Channels, by_mask, by_text

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
# The rest of the subformat of B-format, after the two bytes of the format tag.
_B_FORMAT_TAIL = bytes.fromhex("00002107d3118644c8c1ca000000")
_B_FORMAT_ORDERS = {4: 1, 9: 2, 16: 3}
# Chunks with metadata, which may also follow the audio data, and limits against invalid files.
_METADATA = (b"LIST", b"chna", b"axml")
_MAX_METADATA_SIZE = 2**25
_TAGS = (b"LIST", b"id3 ", b"ID3 ")
_MAX_TAGS_SIZE = 2**28
_MAX_CHUNKS = 10000
_FORMAT_TAG = b"spkt"
_WAVE64_FORMAT = bytes.fromhex("666d7420f3acd3118cd100c04f8edb8a")


def wave_header(
    channels: int,
    samples: int,
    sample_rate: int,
    subtype: str,
    mask: int,
    *,
    text: str = "",
    reserve: bool = False,
    adm: bytes = b"",
    trailing: int = 0,
) -> tuple[bytes, int]:
    """Return the header of a WAV file up to its first sample, and the file size in bytes.

    The header is RF64 if the size exceeds that of RIFF. With ``reserve``, RIFF has a JUNK chunk in
    the place of the ds64 chunk of RF64: both headers then have the same length, and one can replace
    the other later. The format is WAVE_FORMAT_EXTENSIBLE for more than 2 channels, more than 16
    bits, or a mask that is not the default. ``text`` describes a format that has no mask.

    With ``adm``, the content of the chunk chna, the header is that of BS.2088: RIFF or BW64, and
    without WAVE_FORMAT_EXTENSIBLE. ``trailing`` is the size of chunks after the audio data.
    """
    tag, bits = WAVE_ENCODINGS[subtype]
    frame = channels * bits // 8
    extensible = channels > 2 or bits > 16 or mask != COMMON_MASKS[channels]
    extensible = extensible and not adm
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
    written = _chunk_head(b"fmt ", len(fmt)) + fmt
    if tag != _PCM:
        written += _chunk_head(b"fact", 4) + struct.pack("<I", min(samples, MAX_SIZE))
    if text:
        entry = text.encode() + b"\0"
        entry += bytes(len(entry) % 2)
        content = b"INFO" + _chunk_head(_FORMAT_TAG, len(entry)) + entry
        written += _chunk_head(b"LIST", len(content)) + content
    if adm:
        written += wave_chunk(b"chna", adm)
    data = samples * frame
    reserved = 8 + _DS64.size
    size = 12 + reserved * reserve + len(written) + 8 + data + data % 2 + trailing
    if size - 8 <= MAX_RIFF_SIZE:
        junk = _chunk_head(b"JUNK", _DS64.size) + bytes(_DS64.size) if reserve else b""
        written += _chunk_head(b"data", data)
        return _chunk_head(b"RIFF", size - 8) + b"WAVE" + junk + written, size
    size += reserved * (not reserve)
    ds64 = _chunk_head(b"ds64", _DS64.size) + _DS64.pack(size - 8, data, samples, 0)
    written += _chunk_head(b"data", MAX_SIZE)
    return _chunk_head(b"BW64" if adm else b"RF64", MAX_SIZE) + b"WAVE" + ds64 + written, size


def wave_chunk(name: bytes, content: bytes) -> bytes:
    """Return a chunk with its content, padded to an even size."""
    return _chunk_head(name, len(content)) + content + bytes(len(content) % 2)


def _chunk_head(name: bytes, size: int) -> bytes:
    return name + struct.pack("<I", size)


class WaveFormat(NamedTuple):
    """Format tag, that of the subformat with WAVE_FORMAT_EXTENSIBLE; its mask and subformat.

    ``frame_size`` is in bytes, ``bits`` are those of a sample.
    """

    tag: int = 0
    mask: int | None = None
    subformat: bytes = b""
    channels: int = 0
    frame_size: int = 0
    bits: int = 0


@dataclass(frozen=True)
class WaveHeader:
    """Contents of the header of a WAV file.

    ``mask`` is None without WAVE_FORMAT_EXTENSIBLE. ``data_size`` is the number of bytes of audio
    data in the header, 0 if the header does not specify it; ``available`` is that in the file, from
    ``data_start`` on; ``format_start`` is the position of ``format``. ``metadata`` has the contents
    of chunks by name.
    """

    mask: int | None
    data_size: int
    available: int
    data_start: int = field(default=0, compare=False)
    format: WaveFormat = field(default=WaveFormat(), compare=False)
    format_start: int = field(default=0, compare=False)
    metadata: Mapping[bytes, bytes] = field(default_factory=dict, compare=False)


def read_tag_chunks(file: BinaryIO) -> Mapping[bytes, bytes]:
    """Return the chunks of a WAV file that contain tags: LIST INFO and "id3 "."""
    return read_wave_header(file, _TAGS, _MAX_TAGS_SIZE).metadata


def read_wave_header(
    file: BinaryIO, names: tuple[bytes, ...] = _METADATA, max_size: int = _MAX_METADATA_SIZE
) -> WaveHeader:
    """Read the header of a RIFF, RF64 or BW64 file; ValueError if RF64 does not specify sizes.

    ``metadata`` of the header contains the chunks with ``names`` of at most ``max_size`` bytes;
    several lists INFO are joined.
    """
    end = file.seek(0, 2)
    file.seek(0)
    large = file.read(4) != b"RIFF"
    file.seek(12)
    form, format_start = WaveFormat(), 0
    data_start, data_size, available = 0, 0, 0
    metadata: dict[bytes, bytes] = {}
    sizes: dict[bytes, int] = {}
    for _ in range(_MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        name, size = struct.unpack("<4sI", head)
        if large and size == MAX_SIZE:
            if name not in sizes:
                if available:
                    break
                raise ValueError("has no ds64 chunk with the sizes of its chunks")
            size = sizes[name]
        start = file.tell()
        if name == b"data" and not available:
            unknown = not large and size == MAX_SIZE
            data_start, data_size, available = start, 0 if unknown else size, end - start
            if not data_size:
                break
        elif name == b"ds64" and large:
            sizes = _read_ds64(file.read(min(size, end)))
        elif name == b"fmt ":
            form, format_start = _read_format(file.read(min(size, 40))), start
        elif name in names and size <= max_size:
            content = file.read(size)
            if name == b"LIST" and content[:4] == b"INFO":
                metadata[name] = metadata.get(name, b"INFO") + content[4:]
            elif name != b"LIST":
                metadata.setdefault(name, content)
        start += size + size % 2
        if start > end:
            break
        file.seek(start)
    return WaveHeader(form.mask, data_size, available, data_start, form, format_start, metadata)


def read_wave64_format(file: BinaryIO) -> WaveFormat:
    """Return the format of a Wave64 file."""
    return _read_format(chunks.read_chunk(file, chunks.WAVE64, _WAVE64_FORMAT))


def _read_format(fmt: bytes) -> WaveFormat:
    tag = int.from_bytes(fmt[:2], "little")
    if len(fmt) < 16:
        return WaveFormat(tag)
    channels, frame_size, bits = struct.unpack_from("<2xH8xHH", fmt)
    sizes = (channels, frame_size, bits)
    if len(fmt) < 24 or tag != _EXTENSIBLE:
        return WaveFormat(tag, None, b"", *sizes)
    mask, subformat = struct.unpack_from("<I", fmt, 20)[0], fmt[24:40]
    return WaveFormat(int.from_bytes(subformat[:2], "little") or tag, mask, subformat, *sizes)


def wave_channels(header: WaveHeader, channels: int) -> Channels:
    """Return the format of the channels of a WAV file."""
    if header.format.subformat[2:] == _B_FORMAT_TAIL:
        return _b_format(channels)
    found = adm_channels(header.metadata, channels)
    if found.format is None and not header.mask:
        described = by_text(_stored_text(header.metadata.get(b"LIST", b"")), channels)
        found = described if described.format else found
    if found.format is None:
        masked = by_mask(header.mask or 0, channels)
        found = replace(masked, note=found.note) if found.note else masked
    return found


def _b_format(channels: int) -> Channels:
    if channels not in _B_FORMAT_ORDERS:
        return Channels(
            note=f"is B-format of {channels} channels; only those with 4, 9 or 16 are supported"
        )
    return by_text(f"fuma{_B_FORMAT_ORDERS[channels]}", channels)


def _stored_text(info: bytes) -> str:
    """Return the description of a format in a chunk LIST INFO, empty if there is none."""
    for name, content in _entries(info[4:]):
        if name == _FORMAT_TAG:
            return content.rstrip(b"\0").decode("utf-8", "replace")
    return ""


def _entries(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of the entries of a chunk LIST INFO."""
    at = 0
    while at + 8 <= len(content):
        name, size = struct.unpack_from("<4sI", content, at)
        yield name, content[at + 8 : at + 8 + size]
        at += 8 + size + size % 2


def _read_ds64(content: bytes) -> dict[bytes, int]:
    """Return the sizes of chunks by name."""
    if len(content) < _DS64.size:
        raise ValueError("has a truncated ds64 chunk")
    _, data, _, entries = _DS64.unpack_from(content)
    complete = (len(content) - _DS64.size) // _DS64_ENTRY.size
    table = content[_DS64.size :][: min(entries, complete) * _DS64_ENTRY.size]
    return {**dict(_DS64_ENTRY.iter_unpack(table)), b"data": data}
