"""Audio files: round trips, channel order, and rejected files and arguments."""

from __future__ import annotations

import errno
import io
import os
import struct
import tracemalloc
import warnings
from contextlib import nullcontext
from typing import get_args

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
)
from spatialkit.files import Audio, Subtype, info, read, stream, write, write_stream
from spatialkit.files.formats import FILE_FORMATS, file_format
from spatialkit.files.ogg_opus import opus_family
from spatialkit.files.sound import BLOCK_SIZE
from spatialkit.files.wave import WAVE_ENCODINGS
from spatialkit.layouts import (
    AmbisonicFormat,
    Layout,
    get_format,
    get_layout,
    layout_names,
    reorder,
)
from spatialkit.sample import SAMPLE_NAMES, sample_path

# dwChannelMask by name: Microsoft's bits, the pairing with names as ffmpeg has it.
MASKS = {
    "mono": 0x4,
    "stereo": 0x3,
    "3.0": 0x7,
    "quad": 0x33,
    "5.0": 0x607,
    "5.1": 0x60F,
    "6.1": 0x70F,
    "7.0": 0x637,
    "7.1": 0x63F,
    "5.1.2": 0x560F,
    "7.1.2": 0x563F,
    "5.1.4": 0x2D60F,
    "7.1.4": 0x2D63F,
    "9.1.4": 0,
    "9.1.6": 0,
    "22.2": 0,
    "paper5": 0x607,
    "0+7+0": 0x63F,
    "4+7+0": 0x2D63F,
}


def constants(channels, samples=50):
    """Channel k holds k + 1 sixteenths: every channel is known by its value, exactly."""
    return np.repeat(np.arange(1.0, channels + 1) / 32, samples).reshape(channels, samples)


def identities(audio):
    """Return the index of the constant in each channel."""
    return (audio[:, 0] * 32).round().astype(int).tolist()


def parse_wave(data):
    """Chunks of a RIFF file, the slow obvious way: the test's own reader."""
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WAVE"
    assert struct.unpack("<I", data[4:8])[0] == len(data) - 8
    chunks, at = {}, 12
    while at < len(data):
        size = struct.unpack("<I", data[at + 4 : at + 8])[0]
        chunks[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data)
    return chunks


def plain_wave(channels=2, rate=48000, samples=100, announced=None, mask=None):
    """Bytes of a 16-bit WAV file made by hand."""
    data = bytes(2 * channels * samples)
    tag = 1 if mask is None else 0xFFFE
    fmt = struct.pack("<HHIIHH", tag, channels, rate, rate * channels * 2, channels * 2, 16)
    if mask is not None:
        fmt += struct.pack("<HHIH", 22, 16, mask, 1)
        fmt += bytes.fromhex("000000001000800000aa00389b71")
    size = len(data) if announced is None else announced
    body = b"WAVE" + b"LIST" + struct.pack("<I", 3) + b"odd\0"
    body += b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


# Writing


@pytest.mark.parametrize("name", MASKS)
def test_wav_has_the_mask_of_its_layout(tmp_path, name):
    path = tmp_path / "a.wav"
    write(path, constants(get_layout(name).n_channels), 48000, format=name)
    chunks = parse_wave(path.read_bytes())
    tag, channels, rate, byte_rate, frame, bits = struct.unpack_from("<HHIIHH", chunks[b"fmt "])
    assert (tag, channels, rate, bits) == (0xFFFE, get_layout(name).n_channels, 48000, 32)
    assert (byte_rate, frame) == (48000 * 4 * channels, 4 * channels)
    valid_bits, mask, subformat = struct.unpack_from("<HIH", chunks[b"fmt "], 18)
    assert (valid_bits, mask, subformat) == (32, MASKS[name], 3)
    assert chunks[b"fact"] == struct.pack("<I", 50)


@pytest.mark.parametrize("name", layout_names())
@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_every_channel_keeps_its_label(tmp_path, name, suffix):
    layout = get_layout(name)
    if suffix == ".flac" and layout.n_channels > 8:
        pytest.skip("FLAC ends at 8 channels")
    audio = constants(layout.n_channels)
    write(tmp_path / f"a{suffix}", audio, 44100, format=layout)
    back = read(tmp_path / f"a{suffix}")
    if back.format is None:
        assert info(tmp_path / f"a{suffix}").wave_mask == 0
        assert identities(back.samples) == list(range(1, layout.n_channels + 1))
    else:
        assert identities(reorder(back.samples, back.format, layout)) == identities(audio)


def test_paper_order_is_stored_in_wave_order(tmp_path):
    write(tmp_path / "a.wav", constants(5), 48000, format="paper5")
    back = read(tmp_path / "a.wav")
    assert back.format == get_layout("5.0")
    assert identities(back.samples) == [1, 4, 3, 2, 5]  # FL FR FC SL SR of FL SL FC FR SR


def test_libsndfile_reads_flac_channels_in_wave_order(tmp_path):
    write(tmp_path / "a.flac", constants(8), 48000, format="0+7+0")
    frames, _ = soundfile.read(tmp_path / "a.flac")
    assert identities(frames.T) == [1, 2, 3, 4, 7, 8, 5, 6]  # backs before sides
    tag = b"WAVEFORMATEXTENSIBLE_CHANNEL_MASK=0x0000063F"
    assert tag in (tmp_path / "a.flac").read_bytes()


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_ambisonics_is_never_labelled_as_loudspeakers(tmp_path, suffix):
    """FLAC has a tag for it that not all programs know: so they are warned."""
    path = tmp_path / f"a{suffix}"
    unsure = pytest.warns(SpatialkitWarning, match="ambix1") if suffix == ".flac" else nullcontext()
    with unsure:
        write(path, constants(4), 48000, format="ambix1")
    assert info(path).wave_mask == 0
    assert read(path).format == (None if suffix == ".flac" else AmbisonicFormat(1))
    assert read(path, format="ambix1").format == AmbisonicFormat(1)
    assert identities(read(path, format="ambix1").samples) == [1, 2, 3, 4]


def test_the_header_is_plain_where_the_default_mask_is_correct(tmp_path):
    write(tmp_path / "a.wav", constants(2), 48000, subtype="PCM_16")
    fmt = parse_wave((tmp_path / "a.wav").read_bytes())[b"fmt "]
    assert (len(fmt), fmt[:2]) == (16, b"\x01\x00")


@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE", "PCM_16", "PCM_24"])
@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("samples", [0, 1, BLOCK_SIZE + 1])
def test_libsndfile_reads_the_written_samples(tmp_path, rng, subtype, channels, samples):
    audio = rng.uniform(-1, 0.9999, (channels, samples))
    write(tmp_path / "a.wav", audio, 44100, subtype=subtype)
    parse_wave((tmp_path / "a.wav").read_bytes())
    frames, rate = soundfile.read(tmp_path / "a.wav", always_2d=True)
    assert rate == 44100
    assert soundfile.info(tmp_path / "a.wav").subtype == subtype
    # Half a step of the encoding.
    step = {"FLOAT": 2**-24, "DOUBLE": 0, "PCM_16": 2**-15, "PCM_24": 2**-23}[subtype]
    np.testing.assert_allclose(frames.T, audio, rtol=0, atol=step / 2 * (1 + 1e-9))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize(("subtype", "bits"), [("PCM_16", 16), ("PCM_24", 24)])
def test_integers_are_exact_after_several_round_trips(tmp_path, rng, suffix, subtype, bits):
    scale = 2 ** (bits - 1)
    integers = np.append(rng.integers(-scale, scale, 1000), [-scale, scale - 1, 0])
    path = tmp_path / f"a{suffix}"
    write(path, integers / scale, 48000, subtype=subtype)
    once = read(path, dtype="float64").samples
    write(path, once, 48000, subtype=subtype, overwrite=True)
    assert (read(path, dtype="float64").samples * scale == integers).all()


def test_full_scale_is_one_step_lower_in_pcm(tmp_path):
    write(tmp_path / "a.wav", np.array([[1.0, -1.0]]), 48000, subtype="PCM_16")
    assert (read(tmp_path / "a.wav").samples * 32768).tolist() == [[32767.0, -32768.0]]


@given(st.integers(1, 12), st.integers(0, 40), st.sampled_from(["float32", "float64"]))
def test_read_returns_the_written_samples(tmp_path_factory, channels, samples, dtype):
    audio = np.random.default_rng(samples).standard_normal((channels, samples)).astype(dtype)
    path = tmp_path_factory.mktemp("round") / "a.wav"
    write(path, audio, 48000, subtype="DOUBLE")
    back = read(path, dtype=dtype)
    assert back.samples.dtype == dtype
    assert back.samples.flags.c_contiguous
    assert np.array_equal(back.samples, audio)
    assert back.duration == samples / 48000


def test_one_axis_is_mono_and_nothing_is_changed_in_place(tmp_path):
    audio = np.linspace(-1, 1, 100)
    kept = audio.copy()
    write(tmp_path / "a.wav", audio, 48000, subtype="PCM_16")
    assert np.array_equal(audio, kept)
    assert read(tmp_path / "a.wav").samples.shape == (1, 100)


def test_float_files_keep_samples_beyond_full_scale(tmp_path):
    write(tmp_path / "a.wav", np.array([[2.5, -3.0]]), 48000)
    assert read(tmp_path / "a.wav").samples.tolist() == [[2.5, -3.0]]


def test_long_files_are_reordered_block_by_block(tmp_path, rng):
    audio = rng.uniform(-1, 1, (5, 8 * BLOCK_SIZE + 1)).astype(np.float32)
    tracemalloc.start()
    write(tmp_path / "a.wav", audio, 48000, format="paper5")
    peaks = [tracemalloc.get_traced_memory()[1]]
    tracemalloc.reset_peak()
    back = read(tmp_path / "a.wav").samples
    peaks.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    assert np.array_equal(back, audio[[0, 3, 2, 1, 4]])
    # A block, reordered, and as bytes - not the whole once more.
    block = 5 * 4 * BLOCK_SIZE
    assert peaks[0] < 4 * block
    assert peaks[1] < audio.nbytes + 4 * block


# Reading


@pytest.mark.parametrize(
    ("mask", "channels", "name", "order"),
    [
        (0x37, 5, "5.0", [1, 2, 3, 4, 5]),
        (0x3F, 6, "5.1", [1, 2, 3, 4, 5, 6]),
        (0x63F, 8, "7.1", [1, 2, 3, 4, 5, 6, 7, 8]),
        (0x13F, 7, "6.1", [1, 2, 3, 4, 7, 5, 6]),  # the file: FL FR FC LFE BL BR BC
    ],
)
def test_backs_for_sides_are_read_by_label(tmp_path, mask, channels, name, order):
    data = bytearray(plain_wave(channels, mask=mask))
    values = (constants(channels, 100) * 32768).astype("<i2")
    data[-values.size * 2 :] = values.T.tobytes()
    (tmp_path / "a.wav").write_bytes(data)
    back = read(tmp_path / "a.wav")
    assert back.format == get_layout(name)
    assert identities(back.samples) == order


def test_long_files_with_backs_for_sides_are_read_by_label(tmp_path, rng):
    values = rng.integers(-32768, 32768, (7, BLOCK_SIZE + 9), dtype=np.int16)
    data = plain_wave(7, samples=BLOCK_SIZE + 9, mask=0x13F)
    (tmp_path / "a.wav").write_bytes(data[: -values.nbytes] + values.T.astype("<i2").tobytes())
    assert np.array_equal(read(tmp_path / "a.wav").samples * 32768, values[[0, 1, 2, 3, 6, 4, 5]])


def test_the_ambiguous_mask_of_8_channels_causes_one_warning(tmp_path):
    (tmp_path / "a.wav").write_bytes(plain_wave(8, mask=0xFF))
    with pytest.warns(SpatialkitWarning, match=r'a\.wav .* 0xff .* pass format="7\.1"') as caught:
        found = read(tmp_path / "a.wav").format
    assert found.labels[-2:] == ("FLC", "FRC")
    assert [warning.filename for warning in caught] == [__file__]
    with warnings.catch_warnings(action="error"):
        assert read(tmp_path / "a.wav", format="7.1").format == get_layout("7.1")
        assert info(tmp_path / "a.wav").format == found


@pytest.mark.parametrize("channels", [3, 4, 5, 6, 7, 8])
def test_vorbis_order_is_converted_to_that_of_wave(tmp_path, channels):
    """Oracle: the order of RFC 7845, 5.1.1.2, written here by hand; tones stand for channels."""
    labels = {
        3: "FL FC FR",
        4: "FL FR BL BR",
        5: "FL FC FR SL SR",
        6: "FL FC FR SL SR LFE",
        7: "FL FC FR SL SR BC LFE",
        8: "FL FC FR SL SR BL BR LFE",
    }[channels].split()
    # Low tones: the codec takes the LFE's high ones away.
    frequencies = 40.0 + 10.0 * np.arange(channels)
    time = np.arange(48000) / 48000
    tones = 0.3 * np.sin(2 * np.pi * frequencies[:, None] * time)
    path = tmp_path / "a.ogg"
    with soundfile.SoundFile(path, "w", 48000, channels, format="OGG", subtype="VORBIS") as file:
        for start in range(0, 48000, 16384):
            file.write(tones.T[start : start + 16384])
    back = read(path)
    heard = np.abs(np.fft.rfft(back.samples * np.hanning(48000))).argmax(axis=1)
    assert heard.tolist() == [frequencies[labels.index(label)] for label in back.format.labels]
    assert back.format.wave_mask != 0


def test_opus_in_another_order_has_no_format(tmp_path):
    stream = io.BytesIO()
    with soundfile.SoundFile(stream, "w", 48000, 4, format="OGG", subtype="OPUS") as file:
        file.write(np.zeros((4800, 4)))
    (tmp_path / "quad.opus").write_bytes(stream.getvalue())
    assert info(tmp_path / "quad.opus").format == get_layout("quad")
    head = stream.getvalue().index(b"OpusHead")
    data = bytearray(stream.getvalue())
    data[head + 18] = 255  # channel mapping family: discrete channels
    assert opus_family(io.BytesIO(data)) == 255


@pytest.mark.parametrize(("channels", "name"), [(1, "mono"), (2, "stereo"), (8, None), (12, None)])
def test_a_plain_header_determines_mono_and_stereo_only(tmp_path, channels, name):
    (tmp_path / "a.wav").write_bytes(plain_wave(channels))
    assert info(tmp_path / "a.wav").wave_mask is None
    assert read(tmp_path / "a.wav").format == (name and get_layout(name))
    if name is None:
        spoken = {8: "5.1.2", 12: "7.1.4"}[channels]
        assert read(tmp_path / "a.wav", format=spoken).format == get_layout(spoken)


def test_flac_without_a_tag_has_the_default_layout_of_its_standard(tmp_path):
    names = ["mono", "stereo", "3.0", "quad", "5.0", "5.1", "6.1", "7.1"]
    for channels, name in enumerate(names, 1):
        soundfile.write(tmp_path / "a.flac", constants(channels).T, 48000)
        assert read(tmp_path / "a.flac").format == get_layout(name)


def test_other_containers_are_read(tmp_path):
    soundfile.write(tmp_path / "a.aiff", constants(2).T, 48000)
    soundfile.write(tmp_path / "a.caf", constants(6).T, 48000)
    assert read(tmp_path / "a.aiff").format == get_layout("stereo")
    assert read(tmp_path / "a.caf").format is None


def test_an_unknown_size_in_the_header_is_accepted(tmp_path):
    (tmp_path / "a.wav").write_bytes(plain_wave(announced=0xFFFFFFFF))
    assert read(tmp_path / "a.wav").samples.shape == (2, 100)


def test_info_returns_the_header(tmp_path):
    write(tmp_path / "a.wav", constants(6), 48000, format="5.1", subtype="PCM_24")
    facts = info(tmp_path / "a.wav")
    assert (facts.container, facts.subtype, facts.sample_rate) == ("WAV", "PCM_24", 48000)
    assert (facts.channels, facts.samples, facts.duration) == (6, 50, 50 / 48000)
    assert (facts.format, facts.wave_mask) == (get_layout("5.1"), 0x60F)


# Rejected files and arguments


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"just some words\n" * 50, "not a supported audio file"),
        (plain_wave()[:30], "not a supported audio file"),
        (plain_wave(rate=0), "not a supported audio file"),
        (
            plain_wave()[:-1],
            "truncated: .* specifies 400 bytes .* contains 399",
        ),
        (
            plain_wave(6, mask=0x63F),
            r"mask 0x63f of .*, 6; specify format=",
        ),
    ],
)
def test_errors_of_invalid_files_contain_their_path(tmp_path, content, words):
    (tmp_path / "bad.wav").write_bytes(content)
    with pytest.raises(AudioFileError, match=words) as refusal:
        read(tmp_path / "bad.wav")
    assert str(tmp_path / "bad.wav") in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_missing_and_unreadable_files_are_rejected(tmp_path):
    with pytest.raises(AudioFileError, match=r"nothing\.wav cannot be read: No such file"):
        read(tmp_path / "nothing.wav")
    with pytest.raises(AudioFileError, match="cannot be read: Is a directory"):
        info(tmp_path)
    (tmp_path / "a.raw").write_bytes(bytes(100))
    with pytest.raises(AudioFileError, match="not a supported audio file"):
        read(tmp_path / "a.raw")


def test_truncated_flac_is_rejected(tmp_path, rng):
    write(tmp_path / "a.flac", rng.uniform(-1, 1, (2, 20000)), 48000)
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioFileError, match=r"damaged|truncated"):
        read(tmp_path / "a.flac")


def test_a_format_that_contradicts_the_file_is_rejected(tmp_path):
    write(tmp_path / "a.wav", constants(6), 48000)
    with pytest.raises(AudioFileError, match=r"a\.wav has 6 channels, but format '7\.1' has 8"):
        read(tmp_path / "a.wav", format="7.1")
    with pytest.raises(LayoutError, match="unknown layout or format"):
        read(tmp_path / "a.wav", format="surround")


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
@pytest.mark.parametrize(
    ("stored", "other"), [("5.0", "paper5"), ("quad", "ambix1"), ("5.1", "5.1:film")]
)
def test_the_format_of_the_file_is_replaced_by_force_only(tmp_path, suffix, stored, other):
    path = tmp_path / f"a{suffix}"
    write(path, constants(len(get_layout(stored).labels)), 48000, format=stored)
    expected = read(path).samples
    for options in ({"format": other}, {"format": other, "block": 7}):
        reader = read if "block" not in options else stream
        with pytest.raises(LayoutError, match=f"contains the format '{stored}' .*requested is"):
            reader(path, **options)
    forced = read(path, format=other, force_format=True)
    assert forced.format == get_format(other)
    assert np.array_equal(forced.samples, expected)
    assert read(path, force_format=True).format == get_layout(stored)


def test_a_format_with_the_same_channels_agrees_with_the_file(tmp_path):
    write(tmp_path / "a.wav", constants(6), 48000, format="5.1")
    speakers = get_layout("5.1")
    room = Layout("room", speakers.labels, speakers.azimuth + 2.0, is_lfe=speakers.is_lfe)
    for form in ("5.1", "0+5+0", room):
        assert read(tmp_path / "a.wav", format=form).format == get_format(form)


def test_a_format_that_agrees_keeps_the_order_of_the_container(tmp_path):
    soundfile.write(tmp_path / "a.ogg", np.zeros((4800, 6)), 48000)
    with stream(tmp_path / "a.ogg") as plain, stream(tmp_path / "a.ogg", format="5.1") as same:
        assert plain.format == same.format == get_layout("5.1")
        assert np.array_equal(plain._order, same._order)  # Vorbis stores FL FC FR ...


def test_mono_and_stereo_without_mask_are_assumptions(tmp_path):
    pair = Layout("pair", ("A", "B"), [45.0, -45.0])
    soundfile.write(tmp_path / "a.wav", np.zeros((9, 2)), 48000, subtype="PCM_16")
    assert info(tmp_path / "a.wav").wave_mask is None
    assert read(tmp_path / "a.wav").format == get_layout("stereo")
    assert read(tmp_path / "a.wav", format=pair).format == pair
    write(tmp_path / "b.wav", np.zeros((2, 9)), 48000, format="stereo")
    assert info(tmp_path / "b.wav").wave_mask == 0x3
    with pytest.raises(LayoutError, match="contains the format 'stereo'"):
        read(tmp_path / "b.wav", format=pair)


@pytest.mark.parametrize(
    ("name", "audio", "options", "error", "words"),
    [
        ("a.wav", np.full((1, 9), np.nan), {}, SignalError, r"a\.wav holds nan at index \(0, 0\)"),
        ("a.flac", np.full((1, 9), np.inf), {}, SignalError, r"a\.flac holds inf"),
        (
            "a.wav",
            [[0.0, -1.5]],
            {"subtype": "PCM_16"},
            SignalError,
            "maximum of PCM_16 is 1",
        ),
        ("a.flac", [[1.0001]], {}, SignalError, "write a WAV file of subtype FLOAT"),
        ("a.wav", [[1e39]], {}, SignalError, "maximum of FLOAT is .* subtype DOUBLE"),
        ("a.wav", np.zeros((6, 9), int), {}, SignalError, "float32 or float64, got int"),
        (
            "a.wav",
            np.zeros((6, 9)),
            {"format": "5.0"},
            ShapeError,
            r"a\.wav must have 5 channels for '5\.0'",
        ),
        ("a.wav", np.zeros((4800, 2)), {"format": "stereo"}, ShapeError, "frames-first"),
        ("a.wav", np.zeros((2, 2, 9)), {}, ShapeError, r"\(channels, samples\)"),
        ("a.wav", np.zeros((0, 9)), {}, ShapeError, r"\(channels, samples\)"),
        ("a.wav", np.zeros((1, 9)), {"subtype": "PCM_8"}, OptionError, "Accepted: 'FLOAT'"),
        ("a.flac", np.zeros((1, 9)), {"subtype": "FLOAT"}, OptionError, "'PCM_24', 'PCM_16'"),
        ("a.flac", np.zeros((9, 9)), {}, AudioFileError, "at most 8 channels, got 9; use .wav"),
        ("a.flac", np.zeros((1, 0)), {}, AudioFileError, "does not support 0 samples"),
        (
            "a.mp3",
            np.zeros((1, 9)),
            {},
            AudioFileError,
            r"unknown output file extension '\.mp3'.*'\.wav', '\.flac', '\.ogg', '\.opus'",
        ),
        ("no/a.wav", np.zeros((1, 9)), {}, AudioFileError, "there is no folder"),
    ],
)
def test_rejected_arguments_leave_no_file(tmp_path, name, audio, options, error, words):
    with pytest.raises(error, match=words) as refusal:
        write(tmp_path / name, np.asarray(audio), 48000, **options)
    assert "\n" not in str(refusal.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("rate", [0, -1, 44100.5, True, 2**32])
@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
def test_invalid_sample_rates_are_rejected(tmp_path, rate, name):
    with pytest.raises(OptionError, match="sample_rate must be"):
        write(tmp_path / name, np.zeros((1, 9)), rate)


def test_an_existing_file_is_kept_unless_overwrite_is_set(tmp_path):
    write(tmp_path / "a.wav", constants(1), 48000)
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(AudioFileError, match="exists; pass overwrite=True"):
        write(tmp_path / "a.wav", constants(2), 48000)
    assert (tmp_path / "a.wav").read_bytes() == before
    write(tmp_path / "a.wav", constants(2), 48000, overwrite=True)
    assert info(tmp_path / "a.wav").channels == 2
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_only_files_are_replaced(tmp_path):
    (tmp_path / "a.wav").mkdir()
    with pytest.raises(AudioFileError, match="not a regular file"):
        write(tmp_path / "a.wav", constants(1), 48000, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(AudioFileError, match="cannot be written"):
        write(tmp_path / "file" / "a.wav", constants(1), 48000)


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, suffix):
    path = tmp_path / f"a{suffix}"
    write(path, constants(1), 48000)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AudioFileError, match="cannot be written: No space left"):
        write(path, constants(2), 48000, overwrite=True)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_a_disk_that_fills_while_writing_raises_an_error(tmp_path, rng, suffix):
    """A limit on the size of files is met by libsndfile itself, as a full disk is."""
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    noise = rng.uniform(-1, 1, (2, 100000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (50000, limits[1]))
    try:
        with pytest.raises(AudioFileError, match="cannot be written: File too large"):
            write(tmp_path / f"a{suffix}", noise, 48000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_nothing(tmp_path, monkeypatch):
    def interrupted(source, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.wav", constants(1), 48000)
    assert list(tmp_path.iterdir()) == []


# The bundled excerpt


def test_the_excerpt_is_the_sum_of_its_stems():
    parts = {name: read(sample_path(name), dtype="float64").samples for name in SAMPLE_NAMES}
    mixture = parts.pop("mixture")
    error = mixture - sum(parts.values())
    # The figure of spatialkit/data/README.md is 37 dB; decoders may differ in the last bits.
    assert 10 * np.log10(np.sum(mixture**2) / np.sum(error**2)) > 36.5
    assert mixture.shape == (2, 30 * 44100)
    assert all(stem.std() > 0.001 for stem in parts.values())
    assert all(np.abs(stem[:, [0, -1]]).max() < 0.01 for stem in parts.values())


def test_the_excerpt_is_small_and_has_its_licence():
    folder = sample_path().parent
    assert sum(sample_path(name).stat().st_size for name in SAMPLE_NAMES) < 3e6
    assert "CC0 1.0 Universal" in (folder / "LICENSE.CC0-1.0.txt").read_text()
    assert "Software-Entwicklungskit" in (folder / "README.md").read_text()
    with pytest.raises(OptionError, match=r"unknown sample name '.*Accepted: 'mixture'"):
        sample_path("guitar")


def test_a_layout_by_directions_has_no_mask(tmp_path):
    ring = Layout.from_directions([30, 110, -110, -30])
    write(tmp_path / "a.wav", constants(4), 48000, format=ring)
    assert info(tmp_path / "a.wav").wave_mask == 0
    assert read(tmp_path / "a.wav", format=ring).format == ring


@pytest.mark.parametrize("format", ["ambix1", "fuma1"])
def test_flac_of_ambisonics_is_written_with_a_warning(tmp_path, format):
    silence = np.zeros((4, 100), np.float32)
    words = f"FLAC has no tag for {format}; other programs .* Use .wav"
    with pytest.warns(SpatialkitWarning, match=words) as caught:
        write(tmp_path / "a.flac", silence, 48000, format=format)
    with (
        pytest.warns(SpatialkitWarning, match=words) as streamed,
        write_stream(tmp_path / "b.flac", 48000, format=format) as target,
    ):
        target.write(silence)
    assert [warning.filename for warning in (*caught, *streamed)] == [__file__] * 2
    write(tmp_path / "a.wav", silence, 48000, format=format)
    write(tmp_path / "c.flac", silence, 48000, format="quad")


def test_write_uses_rate_and_format_of_an_audio(tmp_path):
    write(tmp_path / "a.wav", Audio(constants(6), 44100, "5.1"))
    back = read(tmp_path / "a.wav")
    assert (back.sample_rate, back.format) == (44100, get_layout("5.1"))
    assert identities(back.samples) == [1, 2, 3, 4, 5, 6]
    write(tmp_path / "b.wav", constants(6), 44100.0)
    assert info(tmp_path / "b.wav").sample_rate == 44100
    with pytest.raises(OptionError, match="sample_rate is missing"):
        write(tmp_path / "c.wav", constants(6))
    with pytest.raises(OptionError, match="sample_rate is 48000 Hz, but samples is an Audio"):
        write(tmp_path / "c.wav", back, 48000)
    with pytest.raises(LayoutError, match=r"format is '7\.1', but samples is an Audio"):
        write(tmp_path / "c.wav", back, format="7.1")


def test_unknown_names_suggest_the_closest(tmp_path):
    with pytest.raises(AudioFileError, match=r"'\.wave'; did you mean '\.wav'\?"):
        write(tmp_path / "a.wave", constants(1), 48000)
    with pytest.raises(OptionError, match=r"'PCM16'; did you mean 'PCM_16'\?"):
        write(tmp_path / "a.wav", constants(1), 48000, subtype="PCM16")
    write(tmp_path / "a.WAV", constants(1), 48000, subtype="pcm_24")
    assert info(tmp_path / "a.WAV").subtype == "PCM_24"


def test_the_subtypes_for_type_checkers_are_those_of_the_table():
    accepted = {subtype for found in FILE_FORMATS for subtype in found.subtypes}
    assert set(get_args(Subtype)) == accepted
    assert file_format("wav").subtypes == tuple(WAVE_ENCODINGS)
