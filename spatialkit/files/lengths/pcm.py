"""Lengths of WAV, Wave64, AIFF, IFF, CAF, AU, VOC, NIST SPHERE and AVR files.

Programs that write to a pipe cannot go back to the header. They leave a size there that cannot be
right: 0, or one near 2 or 4 GiB. Such audio data extends to the end of the file.

Sources: as `spatialkit.files.wave`; Apple, "Audio Interchange File Format" and "Core Audio Format
Specification 1.0"; Sun, "au(4)"; NIST, "SPHERE file format"; libsndfile for VOC and AVR.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from spatialkit.files import chunks, wave
from spatialkit.files.lengths.extent import Extent, Part, bytes_at, lacking, size_of

# Sizes that SoX, FFmpeg and recorders write in place of unknown ones, each less those of headers.
_PLACEHOLDERS = (0x7F000000, 0x7FFFF000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MAX_HEADER = 4096
_UNKNOWN = (0, 2**63 - 1, 2**64 - 1)
_PCM, _MP3 = 1, 0x55  # format tags
_EXAMINED = 1 << 16  # bytes
_CHUNKS = 12  # position of the first chunk of WAV
_DS64_DATA = 28  # position of the size of the audio data in the chunk ds64
_BITS = 14  # position in the format chunk
_WAVE64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")
_MAX_BLOCKS = 1000000


def _is_placeholder(size: int) -> bool:
    return size in _UNKNOWN or any(value - _MAX_HEADER <= size <= value for value in _PLACEHOLDERS)


def _sized(start: int, size: int, end: int) -> str:
    """Return what is missing of audio data of a given size in a file with ``end`` bytes."""
    if start + size <= end or _is_placeholder(size):
        return ""
    available = max(0, end - start)
    return f"its header specifies {size} bytes of audio, the file contains {available}"


def wave_extent(file: BinaryIO) -> Extent:
    """Return the extent of a RIFF, RF64 or BW64 file; ValueError if it does not specify sizes."""
    header = wave.read_wave_header(file)
    start, size, end = header.data_start, header.data_size, size_of(file)
    kind = bytes_at(file, 0, 4)
    replaced = {0: b"RF64"} if kind == b"BW64" else {}  # libsndfile reads RF64 only
    replaced |= _whole_words(file, header)
    if not start or not _is_counted(file, start, size, end):
        following = _following_wave(file, start + size + size % 2, end) if start else end
        missing = _sized(start, size, end)
        return Extent((Part(replaced=replaced),), missing, following, header.format.tag == _MP3)
    counted = end - start
    if kind != b"RIFF":
        replaced |= {start - 4: b"\xff" * 4, _DS64_DATA: struct.pack("<Q", counted)}
    elif counted < wave.MAX_SIZE:
        replaced[start - 4] = struct.pack("<I", counted)
    else:
        ds64 = b"ds64" + struct.pack("<IQQQI", 28, end, counted, 0, 0)
        chunks_before = bytes_at(file, _CHUNKS, start - 8 - _CHUNKS)
        prefix = b"RF64" + b"\xff" * 4 + b"WAVE" + ds64 + chunks_before + b"data" + b"\xff" * 4
        return Extent((Part(start, prefix=prefix),), end=end)
    return Extent((Part(replaced=replaced),), end=end)


def _is_counted(file: BinaryIO, start: int, size: int, end: int) -> bool:
    """Return whether audio data extends to the end of the file, whatever its header specifies."""
    if size:
        return size > end - start and _is_placeholder(size)
    return _following_wave(file, start, end) != end


def _following_wave(file: BinaryIO, at: int, end: int) -> int:
    """Return the position of the WAV file that follows the chunks from a position on.

    It is ``end`` if none follows, and -1 if there is something else than chunks.
    """
    for _ in range(_MAX_BLOCKS):
        if at >= end:
            return end
        head = bytes_at(file, at, 12)
        if len(head) < 8:
            return -1 if head.strip(b"\0") else end
        if head[:4] in wave.WAVE_KINDS and head[8:] == b"WAVE":
            return at
        size = int.from_bytes(head[4:8], "little")
        if not re.fullmatch(rb"[ -~]{4}", head[:4]) or at + 8 + size > end:
            return -1
        at += 8 + size + size % 2
    return -1


def _whole_words(file: BinaryIO, header: wave.WaveHeader) -> dict[int, bytes]:
    """Return the bits of samples of 24 bits in the upper 3 of 4 bytes as 32 bits.

    libsndfile recognises only some of them, by the samples themselves.
    """
    form = header.format
    if form.tag != _PCM or not 16 < form.bits < 32 or form.frame_size != 4 * form.channels:
        return {}
    if any(bytes_at(file, header.data_start, _EXAMINED)[::4]):
        return {}
    return {header.format_start + _BITS: struct.pack("<H", 32)}


def wave64_extent(file: BinaryIO) -> Extent:
    """Return the extent of a Wave64 file, whose sizes include their heads."""
    start, size = chunks.find_chunk(file, chunks.WAVE64, b"data" + _WAVE64_TAIL)
    end = size_of(file)
    counted = size + 24 in _UNKNOWN or size == 0
    if not start:
        return Extent()
    if counted:
        replaced = {start - 8: struct.pack("<Q", end - start + 24)}
        return Extent((Part(replaced=replaced),), end=end)
    # libsndfile takes what follows the audio data for audio.
    following = min(end, start + size + -size % 8)
    return Extent((Part(0, min(end, start + size)),), _sized(start, size, end), following)


def iff_extent(file: BinaryIO) -> Extent:
    """Return the extent of an AIFF, AIFF-C, 8SVX or 16SV file."""
    is_aiff = bytes_at(file, 8, 4).startswith(b"AIF")
    start, size = chunks.find_chunk(file, chunks.AIFF, b"SSND" if is_aiff else b"BODY")
    end, total = size_of(file), 8 + int.from_bytes(bytes_at(file, 4, 4), "big")
    following = total if start + size <= total <= end else end
    last = following if is_aiff or not start else min(end, start + size)
    return Extent((Part(0, last),), _sized(start, size, end), following)


def caf_extent(file: BinaryIO) -> Extent:
    """Return the extent of a CAF file, in which a size of -1 extends to the end of the file."""
    start, size = chunks.find_chunk(file, chunks.CAF, b"data")
    end = size_of(file)
    if not start or (start + size <= end and size):
        return Extent(end=start + size)
    # libsndfile does not open files that are shorter than the size of a chunk.
    replaced = {start - 8: struct.pack(">Q", end - start)}
    return Extent((Part(replaced=replaced),), _sized(start, size, end))


def au_extent(file: BinaryIO) -> Extent:
    """Return the extent of an AU file of either byte order."""
    head = bytes_at(file, 0, 12)
    order = ">" if head.startswith(b".snd") else "<"
    if len(head) < 12:
        return Extent()
    start, size = struct.unpack_from(f"{order}II", head, 4)
    end = size_of(file)
    counted = _is_placeholder(size) and (size == 0 or start + size > end)
    replaced = {8: b"\xff" * 4} if counted else {}
    following = end if counted else min(end, start + size)
    return Extent((Part(0, following, replaced=replaced),), _sized(start, size, end), following)


def voc_extent(file: BinaryIO) -> Extent:
    """Return the extent of a VOC file, whose blocks have sizes of 3 bytes."""
    at = int.from_bytes(bytes_at(file, 20, 2), "little")
    end = size_of(file)
    for _ in range(_MAX_BLOCKS):
        head = bytes_at(file, at, 4)
        if len(head) < 4 or not head[0]:
            break
        at += 4 + int.from_bytes(head[1:], "little")
    return _ending(at, end, at + 1)


def nist_extent(file: BinaryIO) -> Extent:
    """Return the extent of a NIST SPHERE file, whose header is text."""
    head = bytes_at(file, 0, _MAX_HEADER)
    fields = dict(re.findall(rb"(sample_count|channel_count|sample_n_bytes) -i (\d{1,18})", head))
    start = re.match(rb"NIST_1A\n *(\d{1,9})\n", head)
    if not start or len(fields) < 3:
        return Extent()
    size = 1
    for count in fields.values():
        size *= int(count)
    return _ending(int(start[1]) + size, size_of(file))


def avr_extent(file: BinaryIO) -> Extent:
    """Return the extent of an AVR file, whose header of 128 bytes has the number of frames."""
    head = bytes_at(file, 0, 128)
    if len(head) < 128:
        return Extent()
    channels, bits = 1 + bool(head[12] | head[13]), int.from_bytes(head[14:16], "big")
    size = int.from_bytes(head[26:30], "big") * channels * bits // 8
    return _ending(128 + size, size_of(file))


def _ending(at: int, size: int, following: int = 0) -> Extent:
    """Return the extent of audio that ends at a position; libsndfile reads on behind it."""
    return Extent((Part(0, min(at, size)),), lacking(at, size), min(following or at, size))
