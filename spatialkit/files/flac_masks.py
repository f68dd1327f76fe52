"""Channel masks of FLAC files.

Source: RFC 9639, sections 8.6.2 (the mask of FLAC) and 9.1.3 (its order of channels).
"""

from __future__ import annotations

import re
from typing import BinaryIO

from spatialkit.files.channels import COMMON_MASKS

# Default masks of FLAC by number of channels.
FLAC_MASKS = {**COMMON_MASKS, 3: 0x7, 4: 0x33, 5: 0x37, 6: 0x3F, 7: 0x70F, 8: 0x63F}
_FLAC_TAG = "WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x{:08X}"
# Comment of the same length as the tag, which libsndfile writes as "comment=" and this text.
FLAC_PLACEHOLDER = "?" * (len(_FLAC_TAG.format(0)) - len("comment="))
_FLAC_COMMENTS = 4


def flac_mask(file: BinaryIO) -> int | None:
    """Return the channel mask in the comments of a FLAC file, or None."""
    file.seek(4)
    last = False
    while not last and len(head := file.read(4)) == 4:
        last, kind, size = bool(head[0] & 0x80), head[0] & 0x7F, int.from_bytes(head[1:], "big")
        block = file.read(size)
        if kind == _FLAC_COMMENTS:
            found = re.search(rb"(?i)WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x([0-9a-f]{1,8})", block)
            return int(found[1], 16) if found else None
    return None


def put_flac_mask(file: BinaryIO, mask: int) -> None:
    """Replace the comment `FLAC_PLACEHOLDER` that libsndfile has written by a channel mask."""
    file.seek(0)
    start = file.read(4096)
    file.seek(start.index(b"comment=" + FLAC_PLACEHOLDER.encode()))
    file.write(_FLAC_TAG.format(mask).encode())
