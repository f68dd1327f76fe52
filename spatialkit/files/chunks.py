"""Chunks of AIFF, CAF and Wave64 files."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

# Limits against invalid files.
_MAX_CHUNKS = 10000
_MAX_SIZE = 2**20


@dataclass(frozen=True)
class Container:
    """Form of the chunks of a container.

    ``head`` packs name and size. Chunks begin at ``start`` and have a multiple of ``alignment``
    bytes; ``inclusive`` sizes contain the head.
    """

    head: struct.Struct
    start: int
    alignment: int = 1
    inclusive: bool = False


AIFF = Container(struct.Struct(">4sI"), 12, alignment=2)
CAF = Container(struct.Struct(">4sQ"), 8)
WAVE64 = Container(struct.Struct("<16sQ"), 40, alignment=8, inclusive=True)


def read_chunk(file: BinaryIO, container: Container, name: bytes) -> bytes:
    """Return the content of the first chunk with a name, at most 1 MiB; empty if there is none."""
    start, size = find_chunk(file, container, name)
    file.seek(start)
    return file.read(min(size, _MAX_SIZE))


def find_chunk(file: BinaryIO, container: Container, name: bytes) -> tuple[int, int]:
    """Return position and size of the content of the first chunk with a name, 0 if none.

    The size is the one that the chunk specifies; the file may be shorter.
    """
    head, at = container.head, container.start
    end = file.seek(0, 2)
    for _ in range(_MAX_CHUNKS):
        file.seek(at)
        start = file.read(head.size)
        if len(start) < head.size:
            break
        found, size = head.unpack(start)
        size -= head.size * container.inclusive
        if found == name:
            return at + head.size, max(0, size)
        if size < 0 or size > end:
            break
        at += head.size + size
        at += -at % container.alignment
    return 0, 0
