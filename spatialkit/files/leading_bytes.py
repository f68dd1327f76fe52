"""Bytes before the audio: ID3 tags in front of any container, and other bytes in front of MP3.

Sources: ID3 tag versions 2.3.0 and 2.4.0; ISO/IEC 11172-3, section 2.4.2.3 (headers of frames).
"""

from __future__ import annotations

import re
from typing import BinaryIO

_MAX_SKIPPED = 1 << 16
_MIN_FRAMES = 3
# Bit rates in kbit/s of layer III, of MPEG-1 and of the lower sample rates.
_BIT_RATES = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_SAMPLE_RATES = (44100, 48000, 32000)


def tags_end(file: BinaryIO) -> int:
    """Return the end of the ID3 tags at the start of a file, 0 if there is none."""
    at = 0
    while True:
        file.seek(at)
        head = file.read(10)
        if len(head) < 10 or head[:3] != b"ID3" or max(head[6:]) > 0x7F:
            return at
        footer = 10 if head[5] & 0x10 else 0
        size = sum(byte << 7 * place for place, byte in enumerate(reversed(head[6:])))
        at += 10 + size + footer


def mp3_start(file: BinaryIO) -> int:
    """Return the position of the first three frames of MP3 in a row, -1 if there are none near."""
    file.seek(0)
    data = file.read(2 * _MAX_SKIPPED)
    for match in re.finditer(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]", data[:_MAX_SKIPPED]):
        at = match.start()
        for _ in range(_MIN_FRAMES):
            size = _frame_size(data[at : at + 4])
            if not size:
                break
            at += size
        else:
            return match.start()
    return -1


def _frame_size(head: bytes) -> int:
    """Return the size of a frame of MP3 by its header of 4 bytes, 0 if it is invalid."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[1] & 0x18 == 0x08:
        return 0
    version, rate, bits = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if rate == 3 or not 0 < bits < 15:
        return 0
    first = version == 3
    sample_rate = _SAMPLE_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    return (144 if first else 72) * 1000 * _BIT_RATES[first][bits - 1] // sample_rate + (
        head[2] >> 1 & 1
    )
