"""Change of the size of a part of a file, in place and in constant memory."""

from __future__ import annotations

import os
from typing import BinaryIO

_BLOCK = 2**20


def resize_region(file: BinaryIO, start: int, old: int, new: int) -> None:
    """Move what follows a region, so that the region has another size; its content is undefined.

    Parameters
    ----------
    file : binary file
        Open for reading and writing.
    start, old : int
        Position and size of the region in bytes.
    new : int
        New size in bytes.
    """
    end = file.seek(0, os.SEEK_END)
    first, shift = start + old, new - old
    places = range(first, end, _BLOCK)
    for at in reversed(places) if shift > 0 else places:
        if not shift:
            break
        file.seek(at)
        block = file.read(min(_BLOCK, end - at))
        file.seek(at + shift)
        file.write(block)
    if shift < 0:
        file.truncate(end + shift)
