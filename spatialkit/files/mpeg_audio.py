"""Frames of MPEG audio: MP3, and layers I and II.

Source: ISO/IEC 11172-3, section 2.4.2.3 (header), and ISO/IEC 13818-3 (lower sample rates).
"""

from __future__ import annotations

import re
from typing import BinaryIO, NamedTuple

LAYER_3 = 1
_MAX_SKIPPED = 1 << 16
_MIN_FRAMES = 3
# Bit rates in kbit/s by layer (3 is layer I), of MPEG-1 and of the lower sample rates.
_LOW_RATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_BIT_RATES = {
    (True, 3): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, LAYER_3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 3): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): _LOW_RATES,
    (False, LAYER_3): _LOW_RATES,
}
_SAMPLE_RATES = (44100, 48000, 32000)
_MONO = 3


class Frame(NamedTuple):
    """Header of a frame.

    ``kind`` is the same for all frames of a file: version, layer, sample rate and whether it is
    mono. ``size`` is in bytes, ``samples`` are per channel, ``side`` is the size of the side
    information of layer III.
    """

    kind: tuple[int, int, int, bool]
    size: int
    samples: int
    side: int
    has_checksum: bool

    @property
    def layer(self) -> int:
        """Layer as in the header: 1 is layer III, 3 is layer I."""
        return self.kind[1]

    @property
    def sample_rate(self) -> int:
        """Sample rate in Hz."""
        return self.kind[2]


def frame_of(head: bytes) -> Frame | None:
    """Return the frame whose header are 4 bytes; None if they are not a header."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bits, rate, padding = head[2] >> 4, head[2] >> 2 & 3, head[2] >> 1 & 1
    if version == 1 or layer == 0 or not 0 < bits < 15 or rate == 3:
        return None
    is_first = version == 3
    sample_rate = _SAMPLE_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bit_rate = 1000 * _BIT_RATES[is_first, layer][bits - 1]
    is_mono = head[3] >> 6 == _MONO
    samples = 384 if layer == 3 else 1152 if is_first or layer == 2 else 576
    size = (
        4 * (12 * bit_rate // sample_rate + padding)
        if layer == 3
        else samples // 8 * bit_rate // sample_rate + padding
    )
    side = (17 if is_mono else 32) if is_first else (9 if is_mono else 17)
    kind = (version, layer, sample_rate, is_mono)
    return Frame(kind, size, samples, side, not head[1] & 1)


def frames_start(file: BinaryIO, at: int = 0, layer: int = LAYER_3) -> int:
    """Return the position of the first three frames of a layer in a row, -1 if none are near."""
    file.seek(at)
    data = file.read(2 * _MAX_SKIPPED)
    for match in re.finditer(rb"\xff[\xe0-\xff]", data[:_MAX_SKIPPED]):
        place = match.start()
        kind = None
        for _ in range(_MIN_FRAMES):
            frame = frame_of(data[place : place + 4])
            if frame is None or frame.layer != layer or kind not in (None, frame.kind):
                break
            kind = frame.kind
            place += frame.size
        else:
            return at + match.start()
    return -1
