"""Channel mapping of Ogg Opus files, and positions of their pages.

Sources: RFC 3533 (Ogg), RFC 6716, section 3.1 (packets), RFC 7845 (Ogg Opus) and RFC 8486
(Ambisonics; mapping family 3 has a matrix from the decoded channels to those of Ambisonics).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

_PAGE = struct.Struct("<4sBBqIIIB")
_MAX_PAGE_SIZE = 27 + 255 + 255 * 255
_POSITION, _CHECKSUM = 6, 22  # in a page
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_HEADERS = 2  # packets
_CONTINUED, _LAST_PAGE = 1, 4  # header types
_MAGIC = b"OpusHead"
_HEAD_SIZE = 21  # up to the mapping or the matrix
_MAX_CHANNELS = 227  # the largest order, with stereo for headphones
PROJECTION, DISCRETE = 3, 255  # mapping families


def replaced_headers(file: BinaryIO) -> tuple[dict[int, bytes], NDArray[np.float64] | None]:
    """Return what libsndfile needs to read an Ogg Opus file that it does not support.

    Returns
    -------
    replaced : dict of int to bytes
        Parts of the file to replace, by their position: those of `projection` and
        `regular_positions`.
    matrix : ndarray, optional
        As `projection` returns it.
    """
    if opus_family(file) is None:
        return {}, None
    replaced = regular_positions(file)
    page, matrix = projection(file) or (b"", None)
    return ({**replaced, 0: page} if page else replaced), matrix


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
    changed[_CHECKSUM : _CHECKSUM + 4] = struct.pack("<I", page_checksum(changed))
    # Bytes between pages are skipped.
    return bytes(changed).ljust(len(page), b"\0"), columns.T / 2.0**15


def page_checksum(page: bytes | bytearray) -> int:
    """Return the checksum of a page: that of zlib with all bits in reverse order, from 0 on."""
    value = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(value.to_bytes(4, "little").translate(_REVERSED), "big")


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


def regular_positions(file: BinaryIO) -> dict[int, bytes]:
    """Return headers of pages whose positions are the number of samples up to them.

    Empty if the positions of the file are valid. libsndfile (1.2.2) stops at a page whose position
    is less than that of the page before plus its own samples, and loses samples if it is more.
    FFmpeg writes such pages when it copies packets from another container.

    Returns
    -------
    dict of int to bytes
        Headers by their position in the file.
    """
    if not any(irregular for _, _, irregular in _audio_pages(file)):
        return {}
    end = 0
    replaced = {}
    for page, samples, _ in _audio_pages(file):
        head, end = bytearray(page.content), end + page.samples
        head[_POSITION : _POSITION + 8] = struct.pack("<q", end - page.samples + samples)
        head[_CHECKSUM : _CHECKSUM + 4] = bytes(4)
        head[_CHECKSUM : _CHECKSUM + 4] = struct.pack("<I", page_checksum(head))
        replaced[page.start] = bytes(head[: _PAGE.size])
    return replaced


class _Page(NamedTuple):
    """Page with its position in the file, and samples of the packets that end on it."""

    start: int
    content: bytes
    samples: int


def _audio_pages(file: BinaryIO) -> Iterator[tuple[_Page, int, bool]]:
    """Yield the pages on which a packet ends, samples to play, and whether the position is invalid.

    The position of the last page may be less, which cuts its samples.
    """
    before = None
    for page in _pages(file):
        if page.samples:
            position = struct.unpack_from("<q", page.content, _POSITION)[0]
            is_last = bool(page.content[5] & _LAST_PAGE)
            step = position - before if before is not None else min(position, page.samples)
            cut = is_last and 0 <= step < page.samples
            yield page, step if cut else page.samples, step != page.samples and not cut
            before = position


def _pages(file: BinaryIO) -> Iterator[_Page]:
    """Yield the pages of the first stream."""
    file.seek(0)
    at, serial, started, ended = 0, b"", 0, 0
    while len(head := file.read(_PAGE.size)) == _PAGE.size and head.startswith(b"OggS"):
        table = file.read(head[26])
        body = file.read(sum(table))
        if len(table) < head[26] or len(body) < sum(table):
            return
        start, at = at, at + len(head) + len(table) + len(body)
        serial = serial or head[14:18]
        if head[14:18] != serial:
            continue
        samples = place = 0
        begins = not head[5] & _CONTINUED
        for length in table:
            if begins and length:
                started = _samples(body[place : place + 2])
            place += length
            begins = length < 255
            if begins:
                samples += started if ended >= _HEADERS else 0
                ended += 1
        yield _Page(start, head + table + body, samples)


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
