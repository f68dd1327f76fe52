"""Channel mapping of Ogg Opus files, and positions of their pages.

Sources: RFC 3533 (Ogg), RFC 6716, section 3.1 (packets), RFC 7845 (Ogg Opus) and RFC 8486
(Ambisonics; mapping family 3 has a matrix from the decoded channels to those of Ambisonics).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

_PAGE = struct.Struct("<4sBBqIIIB")
_MAX_PAGE_SIZE = 27 + 255 + 255 * 255
_CHECKSUM = 22  # position in a page
_HEADERS = 2  # packets
_LAST_PAGE = 4  # header type
_MAGIC = b"OpusHead"
_HEAD_SIZE = 21  # up to the mapping or the matrix
_MAX_CHANNELS = 227  # the largest order, with stereo for headphones
PROJECTION, DISCRETE = 3, 255  # mapping families


def opus_family(file: BinaryIO) -> int | None:
    """Return the channel mapping family of an Ogg Opus file; None for other codecs."""
    head = _head(_first_page(file))
    return head[18] if len(head) > 18 else None


def _first_page(file: BinaryIO) -> bytes:
    file.seek(0)
    page = file.read(_MAX_PAGE_SIZE)
    if len(page) < _PAGE.size:
        return b""
    start = _PAGE.size + page[26]
    return page[: start + sum(page[_PAGE.size : start])]


def _head(page: bytes) -> bytes:
    """Return the packet OpusHead in the first page, empty if there is none."""
    packet = page[_PAGE.size + page[26] :] if page else b""
    return packet if packet.startswith(_MAGIC) else b""


def projection(file: BinaryIO) -> tuple[bytes, NDArray[np.float64]] | None:
    """Return what is needed to decode mapping family 3, which libsndfile does not support.

    Returns
    -------
    page : bytes
        First page, to replace that of the file, in which the channels are not mapped.
    matrix : ndarray, shape (channels, channels)
        Matrix from the channels that are then decoded to those of Ambisonics.
        None instead of both for files of other families, and if the header is invalid.
    """
    page = _first_page(file)
    head = _head(page)
    if len(head) <= _HEAD_SIZE or head[18] != PROJECTION:
        return None
    channels, decoded = head[9], head[19] + head[20]
    matrix = head[_HEAD_SIZE:]
    if decoded != channels or len(matrix) != 2 * channels * decoded or channels > _MAX_CHANNELS:
        return None
    columns = np.frombuffer(matrix, "<i2").reshape(decoded, channels)
    unmapped = head[:18] + bytes([DISCRETE]) + head[19:_HEAD_SIZE] + bytes(range(channels))
    changed = bytearray(page[:_CHECKSUM] + bytes(4) + b"\x01" + bytes([len(unmapped)]) + unmapped)
    changed[_CHECKSUM : _CHECKSUM + 4] = struct.pack("<I", _checksum(changed))
    # Bytes between pages are skipped.
    return bytes(changed).ljust(len(page), b"\0"), columns.T / 2.0**15


def _checksum(page: bytearray) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x104C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value


class ProjectedFile:
    """Open Opus file of mapping family 3, with the methods of `soundfile.SoundFile`.

    Parameters
    ----------
    sound : soundfile.SoundFile
        File whose channels are not mapped.
    matrix : ndarray, shape (channels, channels)
        As `projection` returns it.
    """

    def __init__(self, sound: Any, matrix: NDArray[np.float64]) -> None:
        self._sound, self._matrix = sound, matrix

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sound, name)

    def read(self, frames: int, dtype: str, *, always_2d: bool) -> NDArray[Any]:
        """Return up to ``frames`` frames (n, channels) of Ambisonics."""
        decoded: NDArray[Any] = self._sound.read(frames, dtype, always_2d=always_2d)
        return decoded @ self._matrix.T.astype(dtype)


def has_irregular_positions(file: BinaryIO) -> bool:
    """Return whether the position of a page is not that of the page before plus its samples.

    libsndfile (1.2.2) stops at a page whose position is less, and loses samples if it is more.
    FFmpeg writes such pages when it copies packets from containers with times in milliseconds.
    """
    before, started, ended = None, 0, 0
    for flags, position, packets in _pages(file):
        samples = 0
        for first, complete in packets:
            started = _samples(first) if first else started
            samples += started if complete and ended >= _HEADERS else 0
            ended += complete
        if not samples or position < 0:  # headers; no packet ends on the page
            continue
        step = position - (position - samples if before is None else before)
        if step > samples or (step < samples and not flags & _LAST_PAGE):
            return True
        before = position
    return False


def _pages(file: BinaryIO) -> Iterator[tuple[int, int, list[tuple[bytes, bool]]]]:
    """Yield header type and position of the pages of the first stream, and its packets.

    Of each packet these are the first 2 bytes, empty if it began on a page before, and whether it
    ends on the page.
    """
    file.seek(0)
    serial = None
    while len(head := file.read(_PAGE.size)) == _PAGE.size:
        name, _, flags, position, number, _, _, segments = _PAGE.unpack(head)
        if name != b"OggS":
            return
        table = file.read(segments)
        body = file.read(sum(table))
        serial = number if serial is None else serial
        if number != serial:
            continue
        packets = []
        start = at = 0
        continued = bool(flags & 1)
        for length in table:
            at += length
            if length < 255:
                packets.append((b"" if continued else body[start : start + 2], True))
                start, continued = at, False
        if start < at:
            packets.append((b"" if continued else body[start : start + 2], False))
        yield flags, position, packets


def _samples(packet: bytes) -> int:
    """Return the number of samples at 48 kHz of a packet, from its first 2 bytes."""
    configuration, code = packet[0] >> 3, packet[0] & 3
    if configuration < 12:
        frame = (480, 960, 1920, 2880)[configuration & 3]
    elif configuration < 16:
        frame = (480, 960)[configuration & 1]
    else:
        frame = (120, 240, 480, 960)[configuration & 3]
    frames = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[code]
    return frame * frames
