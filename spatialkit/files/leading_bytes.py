"""ID3 tags before the audio, which may precede any container.

Sources: ID3 tag versions 2.3.0, section 3.1, and 2.4.0, section 3.
"""

from __future__ import annotations

from typing import BinaryIO


def tags_end(file: BinaryIO, at: int = 0) -> int:
    """Return the end of the ID3 tags at a position of a file, ``at`` if there is none."""
    while True:
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            return at
        footer = 10 if head[5] & 0x10 else 0
        size = sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:])))
        at += 10 + size + footer
