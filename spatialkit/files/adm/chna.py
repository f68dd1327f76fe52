"""The chunk chna: UID, track format and pack of the tracks of a file (ITU-R BS.2088-1)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_HEAD_SIZE = 4
# Number of the track; its UID, track format and pack.
ENTRY = struct.Struct("<H12s14s11sx")


def chna_entries(chna: bytes) -> Iterator[tuple[int, str, str, str]]:
    """Yield number (from 1), UID, track format and pack of the entries of a chunk chna.

    A track may have several entries, one for each object that contains it.
    """
    entries = len(chna[_HEAD_SIZE:]) // ENTRY.size
    content = chna[_HEAD_SIZE:][: entries * ENTRY.size]
    for number, *texts in ENTRY.iter_unpack(content):
        if number:  # 0: an entry without content
            uid, track, pack = (
                text.rstrip(b"\0 ").decode("ascii", "replace").upper() for text in texts
            )
            yield number, uid, track, pack
