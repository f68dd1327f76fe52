"""Ends of files that are frames in a row, each of which specifies its size.

A file is cut off if its last frame is. What follows the last frame, such as a tag or zeros, is not
examined.

Sources: ISO/IEC 13818-7 (ADTS), ISO/IEC 14496-3 (LOAS), ETSI TS 102 366 (AC-3, E-AC-3), ETSI TS 102
114 (DTS), the documentation of MLP/TrueHD, WavPack 4 and 5, 3GPP TS 26.101 and 26.201 (AMR).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from spatialkit.files.leading_bytes import tags_end
from spatialkit.files.lengths.extent import size_of
from spatialkit.files.views import View

_HEAD_SIZE = 32
_INITIAL_BLOCK = 1 << 11  # flag of WavPack, of the first block of those with the same samples
# Words of 16 bits of AC-3 at 48 kHz by its code of the bit rate.
_AC3_RATES = (
    *(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640),
)
_AMR_SIZES = {
    b"#!AMR\n": (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1),
    b"#!AMR-WB\n": (18, 24, 33, 37, 41, 47, 51, 59, 61, 6, 1, 1, 1, 1, 1, 1),
}


def _adts(head: bytes) -> int:
    if head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def _loas(head: bytes) -> int:
    return 3 + ((head[1] & 0x1F) << 8 | head[2]) if head[0] == 0x56 and head[1] >= 0xE0 else 0


def _ac3(head: bytes) -> int:
    """Return the size of a frame of AC-3 or E-AC-3."""
    if head[:2] != b"\x0b\x77":
        return 0
    if head[5] >> 3 > 10:
        return 2 * (((head[2] & 7) << 8 | head[3]) + 1)
    rate, code = head[4] >> 6, head[4] & 0x3F
    if rate == 3 or code >= 2 * len(_AC3_RATES):
        return 0
    bits = _AC3_RATES[code >> 1]
    return (4 * bits, 2 * (320 * bits // 147 + (code & 1)), 6 * bits)[rate]


def _dts(head: bytes) -> int:
    """Return the size of a core frame of 16 bits in either byte order, or of an extension."""
    if head[:4] == b"\xfe\x7f\x01\x80":
        head = bytes(byte for pair in zip(head[1::2], head[::2], strict=True) for byte in pair)
    if head[:4] == b"\x7f\xfe\x80\x01":
        return ((head[5] & 3) << 12 | head[6] << 4 | head[7] >> 4) + 1
    if head[:4] == b"\x64\x58\x20\x25":
        bits = int.from_bytes(head[4:12], "big")
        is_long = bits >> 53 & 1
        return (bits >> (21 if is_long else 29) & (0xFFFFF if is_long else 0xFFFF)) + 1
    return 0


def _truehd(head: bytes) -> int:
    return 2 * ((head[0] & 0x0F) << 8 | head[1])


def _wavpack(head: bytes) -> int:
    return 8 + int.from_bytes(head[4:8], "little") if head[:4] == b"wvpk" else 0


def frames_end(file: BinaryIO, size_of_frame: Callable[[bytes], int], at: int = 0) -> int:
    """Return the end of the last frame of a file, more than its size if it is cut off.

    Parameters
    ----------
    file : binary file
    size_of_frame : callable
        Function that returns the size of a frame from its first 32 bytes; 0 if it is none.
    at : int
        Position of the first frame.
    """
    view, size = View(file), size_of(file)
    while at < size:
        step = size_of_frame(view.take(at, _HEAD_SIZE).ljust(_HEAD_SIZE, b"\0"))
        if step <= 0:
            step = tags_end(file, at) - at  # of a file that is joined to this one
        if step <= 0:
            break
        at += step
    return at


def wavpack_end(file: BinaryIO) -> int:
    """Return the end of a WavPack file, which may precede another; more if blocks are missing."""
    view, end, size, at = View(file), frames_end(file, _wavpack), size_of(file), 0
    done = total = 0
    while at < min(end, size):
        head = view.take(at, _HEAD_SIZE)
        if len(head) < _HEAD_SIZE or not (step := _wavpack(head)):
            break
        total = total or int.from_bytes(head[12:16], "little")
        first, count = int.from_bytes(head[16:20], "little"), int.from_bytes(head[20:24], "little")
        is_initial = int.from_bytes(head[24:28], "little") & _INITIAL_BLOCK
        if is_initial and first < done:  # another file
            return at
        done = first + count
        at += step
    is_short = total not in (0, 0xFFFFFFFF) and done < total
    return max(end, size + 1) if is_short else end


def amr_end(file: BinaryIO) -> int:
    """Return the end of an AMR file."""
    file.seek(0)
    head = file.read(9)
    magic = next((magic for magic in _AMR_SIZES if head.startswith(magic)), b"")
    if not magic:
        return 0
    return frames_end(file, lambda frame: _AMR_SIZES[magic][frame[0] >> 3 & 15], len(magic))


FRAME_SIZES: dict[str, Callable[[bytes], int]] = {
    "aac": _adts,
    "loas": _loas,
    "ac3": _ac3,
    "eac3": _ac3,
    "dts": _dts,
    "truehd": _truehd,
    "mlp": _truehd,
}
