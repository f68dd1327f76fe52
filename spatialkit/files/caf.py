"""Writing of Core Audio Format (CAF) files with PCM.

Source: Apple, "Core Audio Format Specification 1.0" (chunks desc, chan, info and data).
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

from numpy.typing import NDArray

from spatialkit.files import coreaudio
from spatialkit.files.encoders import Quantizer, packed
from spatialkit.files.formats import Target
from spatialkit.files.rules import require_no_bit_rate
from spatialkit.files.tags.caf import build_info

_FLOAT, _LITTLE_ENDIAN = 1, 2
_DESCRIPTION = struct.Struct(">d4sIIIII")
_CHUNK = struct.Struct(">4sq")
_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4, "DOUBLE": 8}


def caf_problem(target: Target) -> str:
    """Return why a target cannot be a CAF file, "" if it can."""
    require_no_bit_rate(target)
    if not _channel_layout(target):
        if target.format is None:
            return f"CAF has at most 65535 channels, got {target.channels}"
        return f"CAF has no channel labels for the layout {target.format.name}"
    return ""


class CafEncoder:
    """Encoder of CAF files from blocks (channels, n)."""

    def __init__(self, file: BinaryIO, target: Target) -> None:
        self.file, self.target = file, target
        self.quantized = Quantizer(target) if target.bits else None
        self.frame = _BYTES[target.subtype] * target.channels
        file.write(b"caff" + struct.pack(">HH", 1, 0))
        description = _DESCRIPTION.pack(
            target.sample_rate,
            b"lpcm",
            _LITTLE_ENDIAN | (0 if target.bits else _FLOAT),
            *(self.frame, 1, target.channels, 8 * _BYTES[target.subtype]),
        )
        parts = ((b"desc", description), (b"chan", _channel_layout(target)))
        for name, content in (*parts, (b"info", build_info(target.tags))):
            if content:
                file.write(_CHUNK.pack(name, len(content)) + content)
        self.start = file.tell()
        self._write_size(target.samples or 0)
        file.write(bytes(4))  # edit count

    def _write_size(self, samples: int) -> None:
        self.file.write(_CHUNK.pack(b"data", 4 + samples * self.frame))

    def put(self, block: NDArray[Any]) -> None:
        """Encode and write a block (channels, n)."""
        self.file.write(packed(block, self.target, self.quantized))

    def finish(self, samples: int) -> None:
        """Complete the file, which has ``samples`` samples per channel."""
        if self.target.samples is None:
            self.file.seek(self.start)
            self._write_size(samples)

    def close(self) -> None:
        """Release the encoder; called after errors as well."""


def _channel_layout(target: Target) -> bytes:
    """Return the content of the chunk "chan", empty if Core Audio cannot express the format."""
    if target.mask:
        return coreaudio.layout_of_mask(target.mask)
    if target.format is None:
        return coreaudio.discrete_layout(target.channels)
    return coreaudio.layout_of_format(target.format)
