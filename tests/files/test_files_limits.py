"""Limits of containers: the largest RIFF file, boxes of MP4 with special lengths."""

import io
import struct
import warnings

import numpy as np
import pytest

from spatialkit.errors import AudioFileError, OptionError
from spatialkit.files import info, pyav, read, wave, write, write_stream
from spatialkit.files.demuxers import demuxer_of
from spatialkit.files.leading_bytes import tags_end
from spatialkit.files.lengths import containers
from spatialkit.files.targets import make_target


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
    assert containers.mov_end(io.BytesIO(boxes)) == end


def test_a_pcm_16_header_has_44_bytes_and_a_float_header_states_its_samples():
    header, size = wave.wave_header(1, 7, 8000, "PCM_16", 0x4)
    assert len(header) == 44
    assert size == 44 + 14
    # "fact" of 4 bytes follows "fmt ": 18 bytes more and the extension of 22 + 2.
    header, _ = wave.wave_header(2, 7, 8000, "FLOAT", 0x3)
    place = header.index(b"fact")
    assert np.frombuffer(header[place + 4 : place + 12], "<u4").tolist() == [4, 7]


@pytest.mark.parametrize(
    ("data", "keep", "number"),
    [
        (b"\x82", False, (2, 1)),
        (b"\x40\x02", False, (2, 2)),
        (b"\x20\x00\x02\x99", False, (2, 3)),
        (b"\x10\x00\x00\x02", False, (2, 4)),
        (b"\xff", False, (127, 1)),
        (b"\x01" + bytes(6) + b"\x05", False, (5, 8)),
        (b"\x1a\x45\xdf\xa3", True, (0x1A45DFA3, 4)),
        (b"\x40", False, (0, 0)),  # cut off
        (b"\x00\x01", False, (0, 0)),  # longer than 8 bytes
        (b"", False, (0, 0)),
    ],
)
def test_numbers_of_matroska_have_their_length_in_the_leading_zeros(data, keep, number):
    """RFC 8794, section 4.4: the same number in 1 to 4 bytes; an ID keeps its length marker."""
    assert containers.varint(data, keep=keep) == number


EBML = b"\x1a\x45\xdf\xa3\x82ab"  # an element of 2 bytes before the Segment
SEGMENT = b"\x18\x53\x80\x67"


@pytest.mark.parametrize(
    ("data", "end"),
    [
        (EBML + SEGMENT + b"\x85" + bytes(5), 7 + 5 + 5),
        (EBML + SEGMENT + b"\x40\xc8" + bytes(9), 7 + 6 + 200),
        (EBML + SEGMENT + b"\xff" + bytes(9), 0),  # unknown length
        (EBML + SEGMENT + b"\x01" + b"\xff" * 7, 0),  # unknown length in 8 bytes
        (EBML + SEGMENT, 0),  # cut off before its length
        (EBML, 0),
        (b"", 0),
    ],
)
def test_the_end_of_a_matroska_file_is_that_of_its_segment(data, end):
    """RFC 8794, section 6.2: a length of ones only is unknown."""
    assert containers.matroska_end(io.BytesIO(data)) == end


@pytest.mark.parametrize(
    ("head", "start"),
    [
        (b"ID3\4\0\0\0\0\2\1", 10 + 257),  # exactly its 10 bytes
        (b"ID3\4\0\0\1\0\0\0 more", 10 + 2**21),
        (b"ID3\4\0\0\0\0\2", 0),
        (b"IDx\4\0\0\0\0\2\1", 0),
    ],
)
def test_an_id3_tag_has_its_size_in_7_bits_of_4_bytes(head, start):
    assert tags_end(io.BytesIO(head)) == start


def test_demuxers_are_chosen_by_the_first_bytes():
    assert demuxer_of(io.BytesIO(b"\xff\xf1")) == "aac"
    assert demuxer_of(io.BytesIO(b"wvpk")) == "wv"
    packet = b"\x47" + bytes(187)
    assert demuxer_of(io.BytesIO(packet * 2)) == "mpegts"
    assert demuxer_of(io.BytesIO(packet)) is None


@pytest.mark.parametrize(
    ("labels", "native"),
    [
        (("FL", "FR", "FC", "LFE", "BL", "BR"), True),
        (("FL", "FC", "FR"), False),
        (("FL", "FR", "other"), False),
        (("FL", "FL", "FR"), False),
        (("?", "?"), True),  # no labels at all
        (("?",), False),
        (("NONE", "NONE"), True),
        (("AMBI0", "AMBI1", "AMBI2", "AMBI3"), True),
        (("AMBI0", "AMBI1", "AMBI2", "AMBI3", "FL", "FR"), True),
        (("AMBI0", "AMBI3", "AMBI1", "AMBI2"), False),
        (("FL", "AMBI0"), False),
    ],
)
def test_channels_in_the_order_of_ffmpeg_or_without_labels_are_read(labels, native):
    assert pyav._is_native(labels) == native


@pytest.mark.parametrize(
    ("announced", "words"),
    [
        (b"00:00:01.095", None),
        (b"00:00:01.105", "specifies 1.1[01] s of audio, the file contains 1.00 s"),
        (b"00:01:00.000", "specifies 60.00 s"),
        (b"01:00:00.000", "specifies 3600.00 s"),
    ],
)
def test_a_file_may_be_a_tenth_of_a_second_shorter_than_its_container_specifies(
    tmp_path, announced, words
):
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    with av.open(str(tmp_path / "a.mka"), "w") as container:
        track = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), layout="mono")
        frame.sample_rate, frame.pts = 8000, 0
        container.mux(track.encode(frame))
    data = (tmp_path / "a.mka").read_bytes()
    assert b"00:00:01.000" in data
    (tmp_path / "a.mka").write_bytes(data.replace(b"00:00:01.000", announced))
    if words is None:
        assert info(tmp_path / "a.mka").samples == 8000
    else:
        with pytest.raises(AudioFileError, match=words):
            info(tmp_path / "a.mka")


@pytest.mark.parametrize(
    ("name", "options", "maximum"),
    [
        ("a.flac", {}, 655350),
        ("a.ogg", {}, 200000),
        ("a.wav", {"subtype": "PCM_16"}, (2**32 - 1) // 2),  # bytes per second have 32 bits
        ("a.wav", {"channels": 6}, (2**32 - 1) // 24),
    ],
)
def test_each_container_has_a_largest_sample_rate(tmp_path, name, options, maximum):
    settings = {"format": None, "channels": 1, "samples": 9, "subtype": None, "dither": None}
    settings |= {"seed": 0, "overwrite": False} | options
    assert make_target(tmp_path / name, maximum, **settings).sample_rate == maximum
    with pytest.raises(OptionError, match=f"sample_rate must be .* to {maximum}"):
        make_target(tmp_path / name, maximum + 1, **settings)


@pytest.mark.parametrize(("subtype", "maximum"), [("PCM_16", 32767), ("DOUBLE", 8191)])
def test_a_frame_of_wav_has_at_most_65535_bytes(tmp_path, subtype, maximum):
    settings = {"format": None, "samples": 9, "dither": None, "seed": 0, "overwrite": False}
    settings |= {"subtype": subtype}
    make_target(tmp_path / "a.wav", 8000, channels=maximum, **settings)
    with pytest.raises(AudioFileError, match=f"at most {maximum} channels of {subtype}"):
        make_target(tmp_path / "a.wav", 8000, channels=maximum + 1, **settings)


@pytest.mark.parametrize(
    ("name", "subtype", "bits"),
    [("a.wav", "PCM_16", 16), ("a.wav", "PCM_24", 24), ("a.ogg", "VORBIS", 16)],
)
def test_the_peak_guard_ends_two_steps_below_full_scale(tmp_path, name, subtype, bits):
    audio = np.array([[0.0, 3.0, -1.5] * 300])
    with (
        warnings.catch_warnings(action="ignore"),
        write_stream(tmp_path / name, 48000, channels=1, subtype=subtype, peak_guard=True) as file,
    ):
        file.write(audio)
    assert 10.0 ** (file.gain_db / 20.0) * 3.0 == pytest.approx(1.0 - 2.0 ** (2 - bits), rel=1e-12)
    if name == "a.wav":
        peak = read(tmp_path / name, dtype="float64").samples.max()
        assert (1.0 - peak) * 2 ** (bits - 1) == 2.0
    # The largest sample that is not scaled is 1.
    with write_stream(tmp_path / f"b{name}", 48000, channels=1, peak_guard=True) as file:
        file.write(audio / 3.0)
    assert file.gain_db == 0.0


@pytest.mark.parametrize(("size", "mask"), [(24, 0x33), (40, 0x33), (22, None)])
def test_a_mask_is_read_from_format_chunks_that_contain_it(size, mask):
    """WAVEFORMATEXTENSIBLE: the mask is at byte 20; a chunk of odd size has a pad byte."""
    fmt = struct.pack("<HHIIHHHHI", 0xFFFE, 4, 8000, 64000, 8, 16, 22, 16, 0x33) + bytes(16)
    chunks = b"odd " + struct.pack("<I", 3) + b"odd\0"
    chunks += b"fmt " + struct.pack("<I", size) + fmt[:size]
    chunks += b"data" + struct.pack("<I", 8) + bytes(8)
    data = b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks
    assert wave.read_wave_header(io.BytesIO(data)) == wave.WaveHeader(mask, 8, 8)
    no_data = data[: data.index(b"data")]
    assert wave.read_wave_header(io.BytesIO(no_data)) == wave.WaveHeader(mask, 0, 0)


def test_the_ds64_chunk_has_the_sizes_of_other_large_chunks():
    """EBU Tech 3306: a table of names and sizes, here with one more entry than it contains."""
    table = struct.pack("<4sQ4sQ", b"big ", 6, b"huge", 4)
    ds64 = struct.pack("<QQQI", 0, 8, 4, 3) + table
    large = struct.pack("<I", 0xFFFFFFFF)
    chunks = b"ds64" + struct.pack("<I", len(ds64)) + ds64
    chunks += b"big " + large + bytes(6) + b"huge" + large + bytes(4)
    data = b"RF64" + large + b"WAVE" + chunks + b"data" + large + bytes(8)
    assert wave.read_wave_header(io.BytesIO(data)) == wave.WaveHeader(None, 8, 8)
    with pytest.raises(ValueError, match="no ds64 chunk with the sizes"):
        wave.read_wave_header(io.BytesIO(data.replace(b"huge" + large, b"vast" + large)))
    # The count of entries ends the table, not the size of the chunk.
    fewer = data.replace(struct.pack("<QQQI", 0, 8, 4, 3), struct.pack("<QQQI", 0, 8, 4, 1))
    with pytest.raises(ValueError, match="no ds64 chunk with the sizes"):
        wave.read_wave_header(io.BytesIO(fewer))


def test_a_wav_file_is_left_to_libsndfile_and_rewound(tmp_path):
    write(tmp_path / "a.wav", np.zeros((1, 9)), 8000)
    with (tmp_path / "a.wav").open("rb") as file:
        assert demuxer_of(file) is None
        assert file.tell() == 0
