"""Open bitstream units (OBU) of IAMF: numbers, headers and their sequence.

Source: Alliance for Open Media, "Immersive Audio Model and Formats" (IAMF) 1.1, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

CODEC_CONFIG, AUDIO_ELEMENT, MIX_PRESENTATION, PARAMETER_BLOCK, TEMPORAL_DELIMITER = range(5)
AUDIO_FRAME, FIRST_AUDIO_FRAME, SEQUENCE_HEADER = 5, 6, 31
# Substreams with an OBU type of their own; the others have their number in the frame.
TYPED_SUBSTREAMS = 18
_MAX_NUMBER_BYTES = 8
_MAX_HEAD = 1 + 4 * _MAX_NUMBER_BYTES


class IamfProblem(ValueError):
    """Reason for which a bitstream is refused, such as "is truncated"."""


def leb128(number: int) -> bytes:
    """Return a number in groups of 7 bits, the lowest first."""
    written = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        written.append(low | (0x80 if number else 0))
        if not number:
            return bytes(written)


def obu(kind: int, payload: bytes, *, trim_end: int = 0, trim_start: int = 0) -> bytes:
    """Return a unit with its header; samples to trim are those of an audio frame."""
    trims = leb128(trim_end) + leb128(trim_start) if trim_end or trim_start else b""
    head = bytes([kind << 3 | (2 if trims else 0)])
    return head + leb128(len(trims) + len(payload)) + trims + payload


class Unit(NamedTuple):
    """Unit in a file: its type, position and size of the payload, and samples to trim."""

    kind: int
    start: int
    size: int
    trim_end: int = 0
    trim_start: int = 0


class Fields:
    """Reader of the fields of a payload."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if self.at + count > len(self.data):
            raise IamfProblem("has a unit that is shorter than its fields")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self) -> int:
        """Return a number of leb128."""
        value = 0
        for shift in range(0, 7 * _MAX_NUMBER_BYTES, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise IamfProblem("has a number of more than 8 bytes")

    def byte(self) -> int:
        """Return an unsigned byte."""
        return self.take(1)[0]

    def short(self) -> int:
        """Return a signed integer of 16 bits."""
        return int.from_bytes(self.take(2), "big", signed=True)

    def text(self) -> str:
        """Return a text that ends with a zero, at most 128 bytes."""
        end = self.data.find(b"\0", self.at, self.at + 128)
        if end < 0:
            raise IamfProblem("has a text of more than 128 bytes")
        return self.take(end + 1 - self.at)[:-1].decode("utf-8", "replace")


def units_in(file: BinaryIO, start: int, end: int) -> Iterator[Unit]:
    """Yield the units of a range of a file.

    Raises
    ------
    IamfProblem
        If a unit exceeds the range.
    """
    block, base = b"", start
    while start < end:
        offset = start - base
        if offset < 0 or offset + _MAX_HEAD > len(block):
            file.seek(start)
            block, base, offset = file.read(min(1 << 16, max(_MAX_HEAD, end - start))), start, 0
        fields = Fields(block[offset : offset + min(_MAX_HEAD, end - start)])
        try:
            head = fields.byte()
            size = fields.number()
            first, trim_end, trim_start = fields.at, 0, 0
            if head & 2:
                trim_end, trim_start = fields.number(), fields.number()
            if head & 1:
                fields.take(fields.number())
        except IamfProblem as problem:
            raise IamfProblem("is truncated") from problem
        payload = size - (fields.at - first)
        if payload < 0 or start + first + size > end:
            raise IamfProblem("is truncated")
        yield Unit(head >> 3, start + fields.at, payload, trim_end, trim_start)
        start += first + size
