"""Parts of a file, and the bytes that are missing of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO, cast

from spatialkit.files.views import View


@dataclass(frozen=True)
class Part:
    """Range of a file that a decoder reads as a file of its own.

    Parameters
    ----------
    start, end : int
        Range in bytes; an end of None is that of the file.
    prefix : bytes
        Header that is read before the range.
    replaced : mapping of int to bytes
        Bytes by their position in the file, which correct what its headers specify.
    """

    start: int = 0
    end: int | None = None
    prefix: bytes = b""
    replaced: Mapping[int, bytes] = field(default_factory=dict)

    def open(self, file: BinaryIO) -> BinaryIO:
        """Return a view of the part of an open file."""
        replaced = {
            place - self.start: content
            for place, content in self.replaced.items()
            if place >= self.start
        }
        view = View(file, self.start, self.end, replaced, self.prefix)
        return cast(BinaryIO, view)


@dataclass(frozen=True)
class Extent:
    """Parts of a file in the order of playback, and what is missing of the file.

    Parameters
    ----------
    parts : sequence of Part
        At least one.
    missing : str
        What the file lacks of that which it specifies; empty if it is whole.
    end : int, optional
        Position at which another file may follow; None if nothing is known to end there.
    is_estimated : bool
        Whether libsndfile estimates the number of samples, so that they have to be counted.
    """

    parts: tuple[Part, ...] = (Part(),)
    missing: str = ""
    end: int | None = None
    is_estimated: bool = False


def size_of(file: BinaryIO) -> int:
    """Return the number of bytes of a file."""
    return file.seek(0, io.SEEK_END)


def bytes_at(file: BinaryIO, place: int, count: int) -> bytes:
    """Return up to ``count`` bytes from a position on."""
    file.seek(place)
    return file.read(count)


def lacking(end: int, size: int) -> str:
    """Return what is missing of a file that ends at ``size`` bytes and not at ``end``."""
    if end <= size:
        return ""
    return f"its header specifies {end} bytes, the file contains {size}"
