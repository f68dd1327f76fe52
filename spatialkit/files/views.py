"""Read-only views of ranges of open files."""

from __future__ import annotations

import io
from bisect import bisect
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, BinaryIO

# Bytes that are read at a time to examine the structure of a file.
_BLOCK_SIZE = 1 << 15


class View(io.RawIOBase):
    """Read-only file that is a range of another file, in which some bytes are replaced.

    Parameters
    ----------
    file : binary file
        File that is open for reading; not closed by the view.
    start, end : int
        Range in bytes; by default to the end of the file.
    replaced : mapping of int to bytes
        Bytes by their position in the range, which do not overlap.
    prefix : bytes
        Bytes that the view has before the range.

    Attributes
    ----------
    size : int
        Number of bytes.
    """

    def __init__(
        self,
        file: BinaryIO,
        start: int = 0,
        end: int | None = None,
        replaced: Mapping[int, bytes] | None = None,
        prefix: bytes = b"",
    ) -> None:
        self._file, self._start, self._prefix = file, start - len(prefix), prefix
        self.size = max(0, (file.seek(0, io.SEEK_END) if end is None else end) - self._start)
        self._replaced = {
            place + len(prefix): content for place, content in (replaced or {}).items()
        }
        self._places = sorted(self._replaced)
        self._at = 0
        self._block, self._block_start = b"", 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position; one that is not valid, from a corrupt header, is ignored."""
        target = offset + (0, self._at, self.size)[whence]
        if target >= 0:
            self._at = target
        return self._at

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as the view extends."""
        if self._at < len(self._prefix):
            content = self._prefix[self._at : self._at + len(buffer)]
            target = memoryview(buffer).cast("B")
            target[: len(content)] = content
            self._at += len(content)
            rest = target[len(content) :]
            return len(content) + (self.readinto(rest) if rest else 0)
        count = max(0, min(len(buffer), self.size - self._at))
        with suppress(OverflowError, ValueError):  # a position beyond the largest one of the system
            self._file.seek(self._start + self._at)
            part = memoryview(buffer)[:count].cast("B")
            count = self._file.readinto(part) if count else 0  # type: ignore[attr-defined]
            end = bisect(self._places, self._at + count)
            for place in self._places[max(0, bisect(self._places, self._at) - 1) : end]:
                content = self._replaced[place]
                first, last = max(place, self._at), min(place + len(content), self._at + count)
                if first < last:
                    part[first - self._at : last - self._at] = content[first - place : last - place]
            self._at += count
            return count
        return 0

    def take(self, place: int, count: int) -> bytes:
        """Return up to ``count`` bytes from a position on; the view's own position may change."""
        offset = place - self._block_start
        if offset >= 0 and offset + count <= len(self._block):
            return self._block[offset : offset + count]
        self._at = place
        if count > _BLOCK_SIZE:
            return self.read(max(0, min(count, self.size - place))) or b""
        self._block, self._block_start = self.read(_BLOCK_SIZE) or b"", place
        return self._block[:count]
