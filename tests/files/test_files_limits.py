"""Limits of containers: the largest RIFF file, boxes of MP4 with special lengths."""

import io

import numpy as np
import pytest

from spatialkit.files import pyav, wave


def test_riff_up_to_the_largest_size_that_its_header_can_state_then_rf64():
    """The size field holds the file less 8 bytes; its largest value means "see ds64"."""
    # 16-bit mono: 44 bytes of header, so that file sizes are even; 2**32 + 6 is the largest.
    most = (0xFFFFFFFE - 36) // 2
    header, size = wave.wave_header(1, most, 48000, "PCM_16", 0x4)
    assert header[:4] == b"RIFF"
    assert size == 0xFFFFFFFE + 8
    assert int.from_bytes(header[4:8], "little") == 0xFFFFFFFE
    header, size = wave.wave_header(1, most + 1, 48000, "PCM_16", 0x4)
    assert header[:4] == b"RF64"
    assert header[4:8] == b"\xff\xff\xff\xff"
    assert size == len(header) + 2 * (most + 1)


def box(length: int, kind: bytes, content: int, *, large: bool = False) -> bytes:
    """A box of MP4 with any number in its length field."""
    if large:
        return (1).to_bytes(4, "big") + kind + length.to_bytes(8, "big") + bytes(content)
    return length.to_bytes(4, "big") + kind + bytes(content)


@pytest.mark.parametrize(
    ("boxes", "end"),
    [
        (box(24, b"ftyp", 16), 24),
        (box(24, b"ftyp", 16) + box(100, b"mdat", 10), 124),
        (box(24, b"ftyp", 16) + box(40, b"mdat", 24, large=True), 64),
        (box(24, b"ftyp", 16) + box(0, b"mdat", 99), 24),  # to the end of the file
        (box(24, b"ftyp", 16) + box(3, b"free", 0) + box(50, b"mdat", 5), 24 + 8 + 50),
        (box(24, b"ftyp", 16) + bytes(5), 24),  # padding
        (box(24, b"ftyp", 16) + b"\0\0\1", 32),  # a header that is cut off
        (box(24, b"ftyp", 16) + box(64, b"\1\2\3\4", 8), 24),  # no box
    ],
)
def test_the_end_of_an_mp4_file_is_that_of_its_last_box(boxes, end):
    """ISO/IEC 14496-12, section 4.2: length 0 extends to the end, 1 has 64 bits behind the kind."""
    assert pyav._mov_end(io.BytesIO(boxes), len(boxes)) == end


def test_a_pcm_16_header_has_44_bytes_and_a_float_header_states_its_samples():
    header, size = wave.wave_header(1, 7, 8000, "PCM_16", 0x4)
    assert len(header) == 44
    assert size == 44 + 14
    # "fact" of 4 bytes follows "fmt ": 18 bytes more and the extension of 22 + 2.
    header, _ = wave.wave_header(2, 7, 8000, "FLOAT", 0x3)
    place = header.index(b"fact")
    assert np.frombuffer(header[place + 4 : place + 12], "<u4").tolist() == [4, 7]
