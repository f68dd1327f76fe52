"""What WAV and FLAC files say about their channels, read and written.

Sources: Microsoft, "Multiple channel audio data and WAVE files" (WAVEFORMATEXTENSIBLE); RFC 9639,
sections 8.6.2 (the mask of FLAC) and 9.1.3 (its order of channels); RFC 7845, section 5.1.1.
libsndfile writes no mask for most layouts, and a wrong one for 7.1.
"""

from __future__ import annotations

import errno
import re
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# Frames that are read or written at a time.
BLOCK = 65536
# What a RIFF size can say; this very number stands for "unknown" in files written to a pipe.
LARGEST_SIZE = 0xFFFFFFFF
_PCM, _IEEE_FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")
# Subtypes of WAV: format tag and bits.
WAVE_ENCODINGS = {
    "FLOAT": (_IEEE_FLOAT, 32),
    "PCM_16": (_PCM, 16),
    "PCM_24": (_PCM, 24),
    "DOUBLE": (_IEEE_FLOAT, 64),
}
# What the number of channels alone says: of any file, and of FLAC (RFC 9639, section 9.1.3).
COMMON_MASKS = {1: 0x4, 2: 0x3}
FLAC_MASKS = {**COMMON_MASKS, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
_FLAC_TAG = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x{:08X}"
# As long as the tag, and what libsndfile writes for it: "comment=" and the text.
_FLAC_PLACEHOLDER = "?" * (len(_FLAC_TAG.format(0)) - len("comment="))
_FLAC_COMMENTS = 4


def wave_header(
    channels: int, samples: int, sample_rate: int, subtype: str, mask: int
) -> tuple[bytes, int]:
    """Header of a WAV file up to its first sample, and the size of the whole file in bytes.

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
    chunks += _chunk_head(b"data", data)
    size = 12 + len(chunks) + data + data % 2
    return _chunk_head(b"RIFF", size - 8) + b"WAVE" + chunks, size


def _chunk_head(name: bytes, size: int) -> bytes:
    return name + struct.pack("<I", min(size, LARGEST_SIZE))


def wave_mask(file: BinaryIO) -> tuple[int | None, int, int]:
    """Channel mask of a RIFF or RF64 file, and its bytes of sound: announced, and there.

    The mask is None in a plain header. A size that is not known is given as 0.
    """
    file.seek(0, 2)
    end = file.tell()
    file.seek(12)
    mask = None
    while len(head := file.read(8)) == 8:
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            return mask, size if size < LARGEST_SIZE else 0, end - file.tell()
        start = file.tell()
        if name == b"fmt ":
            fmt = file.read(min(size, 40))
            if len(fmt) >= 24 and struct.unpack_from("<H", fmt)[0] == _EXTENSIBLE:
                mask = struct.unpack_from("<I", fmt, 20)[0]
        file.seek(start + size + size % 2)
    return mask, 0, 0


def flac_mask(file: BinaryIO) -> int | None:
    """Channel mask in the comments of a FLAC file, None if there is none."""
    file.seek(4)
    last = False
    while not last and len(head := file.read(4)) == 4:
        last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
        block = file.read(size)
        if kind == _FLAC_COMMENTS:
            found = re.search(rb"(?i)WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x([0-9a-f]{1,8})", block)
            return int(found[1], 16) if found else None
    return None


def opus_says_order(file: BinaryIO) -> bool:
    """Whether the channels of an Ogg file have the order of Vorbis: Opus may say otherwise."""
    file.seek(0)
    start = file.read(512)
    at = start.find(b"OpusHead")
    return at < 0 or start[at + 18 : at + 19] in (b"\x00", b"\x01")


def put_wave(
    file: BinaryIO,
    samples: NDArray[Any],
    order: NDArray[np.intp] | None,
    sample_rate: int,
    subtype: str,
    mask: int,
) -> None:
    """Write samples (channels, n), or ``samples[order]``, as a WAV file."""
    channels, count = samples.shape
    header, size = wave_header(channels, count, sample_rate, subtype, mask)
    file.write(header)
    for block in _blocks(samples, order):
        file.write(_encoded(block, subtype))
    file.write(bytes(size - file.tell()))  # chunks have an even size


def put_flac(
    file: BinaryIO,
    samples: NDArray[Any],
    order: NDArray[np.intp] | None,
    sample_rate: int,
    subtype: str,
    mask: int,
) -> None:
    """As `put_wave`, a FLAC file; with a tag if its number of channels does not say the mask."""
    import soundfile

    bits = int(subtype[-2:])
    channels = len(samples)
    needs_tag = mask != COMMON_MASKS.get(channels)
    sink = _Sink(file)
    try:
        with soundfile.SoundFile(
            sink, "w", sample_rate, channels, format="FLAC", subtype=subtype
        ) as flac:
            if needs_tag:
                flac.comment = _FLAC_PLACEHOLDER
            for block in _blocks(samples, order):
                # libsndfile takes the upper bits of 32: shifted, every integer is stored exactly.
                flac.write(_as_integers(block.T, bits) << (32 - bits))
    except (soundfile.SoundFileError, AssertionError) as error:
        raise sink.error or OSError(errno.EIO, "libsndfile failed") from error
    if sink.error:
        raise sink.error
    if needs_tag:
        _replace_placeholder(file, mask)


class _Sink:
    """File for libsndfile, through which no exception passes: the first one is kept."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.error: OSError | None = None
        self.seek, self.tell, self.read = file.seek, file.tell, file.read

    def write(self, data: bytes) -> int:
        """Bytes written; 0 tells libsndfile to stop."""
        try:
            return self.file.write(data)
        except OSError as error:
            self.error = self.error or error
            return 0


def _blocks(samples: NDArray[Any], order: NDArray[np.intp] | None) -> Iterator[NDArray[Any]]:
    for start in range(0, samples.shape[1], BLOCK):
        block = samples[:, start : start + BLOCK]
        yield block if order is None else block[order]


def _replace_placeholder(file: BinaryIO, mask: int) -> None:
    """Write a channel mask where libsndfile has put `_FLAC_PLACEHOLDER` as a comment."""
    file.seek(0)
    start = file.read(4096)
    file.seek(start.index(b"comment=" + _FLAC_PLACEHOLDER.encode()))
    file.write(_FLAC_TAG.format(mask).encode())


def _encoded(block: NDArray[np.floating], subtype: str) -> bytes:
    """Bytes of WAV for samples (channels, n)."""
    frames = block.T
    if subtype == "FLOAT":
        return frames.astype("<f4").tobytes()
    if subtype == "DOUBLE":
        return frames.astype("<f8").tobytes()
    if subtype == "PCM_16":
        return _as_integers(frames, 16).astype("<i2").tobytes()
    four = np.ascontiguousarray(_as_integers(frames, 24).astype("<i4"))
    return four.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()


def _as_integers(samples: NDArray[np.floating], bits: int) -> NDArray[np.int32]:
    """Samples from -1 to 1 as integers of so many bits; what they are read back as is exact.

    Full scale is 2 ** (bits - 1), as in reading; the one number beyond, for 1.0, is a step lower.
    """
    scale = 2 ** (bits - 1)
    return np.minimum(np.rint(samples * scale), scale - 1).astype(np.int32)
