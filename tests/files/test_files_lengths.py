"""Lengths: sizes that cannot be believed, files that are cut off, files in a row."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import warnings

import crafted_files as crafted
import file_kinds
import numpy as np
import pytest
import soundfile

from spatialkit.errors import AudioFileError, OptionError, SpatialkitWarning
from spatialkit.files import info, read, stream, write
from spatialkit.files.lengths import extent_of
from spatialkit.files.lengths.tags import tags_start
from spatialkit.files.mpeg_audio import frame_of
from spatialkit.files.views import View

RATE = file_kinds.RATE
WHOLE = file_kinds.libsndfile_files()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "song"


def samples_of(path, data, **options):
    """Samples of a file with some content, whose length `info` has to state."""
    path.write_bytes(data)
    found = read(path, **options).samples
    assert info(path, **options).samples == found.shape[1]
    return found


def refusal_of(path, data):
    path.write_bytes(data)
    with pytest.raises(AudioFileError) as of_info:
        info(path)
    with pytest.raises(AudioFileError):
        read(path)
    return str(of_info.value)


def replaced(data, place, content):
    return data[:place] + content + data[place + len(content) :]


# Sizes that programs write to pipes, and those less the headers of SoX, FFmpeg and arecord.
PLACEHOLDERS = [0, 0x7F000000, 0x7FFFF000, 0x7FFFF000 - 36, 0x7FFFFFFF, 0x7FFFFFFF - 44]
PLACEHOLDERS += [0x80000000, 0x80000000 - 68, 0xFFFFFFFF, 0xFFFFFFFF - 78]


@pytest.mark.parametrize("size", PLACEHOLDERS)
@pytest.mark.parametrize(
    ("kind", "name", "form"),
    [("wav", b"data", "<I"), ("wavex", b"data", "<I"), ("aiff", b"SSND", ">I")],
)
def test_audio_of_a_size_that_cannot_be_right_extends_to_the_end(path, kind, name, form, size):
    data = WHOLE[kind]
    place = data.index(name) + 4
    found = samples_of(path, replaced(data, place, struct.pack(form, size)))
    assert np.array_equal(found, samples_of(path, data))


@pytest.mark.parametrize("size", PLACEHOLDERS)
def test_au_of_a_size_that_cannot_be_right_extends_to_the_end(path, size):
    data = replaced(WHOLE["au"], 8, struct.pack(">I", size))
    assert np.array_equal(samples_of(path, data), samples_of(path, WHOLE["au"]))


@pytest.mark.parametrize("size", [0, 2**64 - 1, 2**63 - 1])
@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_rf64_without_sizes_in_ds64_extends_to_the_end(path, kind, size):
    data = WHOLE["rf64"]
    assert data[12:16] == b"ds64"
    changed = replaced(kind + data[4:], 20, struct.pack("<QQQ", size, size, size))
    whole = samples_of(path, data)
    assert np.array_equal(samples_of(path, changed), whole)
    assert info(path).container == kind.decode()


@pytest.mark.parametrize(
    ("kind", "sizes", "form"),
    [
        ("caf", (2**64 - 1, 0), ">Q"),
        ("w64", (0, 24, 2**64 - 1, 2**63 - 1), "<Q"),
    ],
)
def test_caf_and_wave64_of_unknown_size_extend_to_the_end(path, kind, sizes, form):
    data = WHOLE[kind]
    place = data.index(b"data") + {"caf": 4, "w64": 16}[kind]
    for size in sizes:
        found = samples_of(path, replaced(data, place, struct.pack(form, size)))
        assert np.array_equal(found, samples_of(path, data))


def test_an_empty_wav_file_with_chunks_after_its_audio_is_empty(path):
    tags = crafted.chunk(b"LIST", b"INFO" + crafted.chunk(b"INAM", b"name"))
    data = crafted.stereo_wave_file(b"")
    assert samples_of(path, data).shape == (2, 0)
    assert samples_of(path, data + tags).shape == (2, 0)
    assert samples_of(path, data + bytes(400)).shape == (2, 100)


def test_more_than_four_gib_from_a_pipe_are_read_to_the_last_sample(path):
    """FFmpeg leaves sizes of 0xFFFFFFFF in a RIFF header, whatever follows."""
    head = crafted.stereo_wave_file(b"")
    head = replaced(replaced(head, 4, b"\xff" * 4), len(head) - 4, b"\xff" * 4)
    size = 2**32 + 2**20
    with path.open("wb") as file:
        file.write(head)
        file.seek(len(head) + size - 4)
        file.write(struct.pack("<hh", 8192, -16384))
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip("no sparse files here")
    assert (info(path).samples, info(path).container) == (size // 4, "WAV")
    with stream(path, start=size // 4 - 1) as source:
        assert next(source).tolist() == [[0.25], [-0.5]]


def test_flac_without_a_number_of_samples_is_counted(path):
    """RFC 9639, section 8.2: a number of 0 is unknown."""
    data = bytearray(WHOLE["flac"])
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    assert np.array_equal(samples_of(path, bytes(data)), samples_of(path, WHOLE["flac"]))
    with stream(path, start=20000, block=777) as source:
        rest = np.concatenate(list(source), axis=1)
    assert np.array_equal(rest, samples_of(path, WHOLE["flac"])[:, 20000:])
    assert "ends within a frame" in refusal_of(path, bytes(data[:-5]))


@pytest.mark.parametrize("bits", [16, 24])
@pytest.mark.parametrize("channels", [1, 5, 8])
def test_the_last_frame_of_flac_is_found_whatever_its_form(path, rng, channels, bits):
    """Oracle: the number of samples that libFLAC writes to the header."""
    for samples in (1, 17, 4096, 4097, 20000):
        content = io.BytesIO()
        audio = rng.uniform(-1, 1, (samples, channels))
        soundfile.write(content, audio, RATE, format="FLAC", subtype=f"PCM_{bits}")
        data = content.getvalue()
        for tail in (b"", bytes(500), b"TAG" + bytes(125)):
            assert extent_of(io.BytesIO(data + tail), None).missing == ""
        missing = extent_of(io.BytesIO(data[:-1]), None).missing
        assert f"specifies {samples} samples" in missing


CUTS = (0.1, 0.3, 0.5, 0.8, 0.97)


@pytest.mark.parametrize("kind", WHOLE)
def test_a_file_that_is_cut_off_is_refused_and_read_on_request(path, kind):
    data = WHOLE[kind]
    whole = samples_of(path, data)
    for part in CUTS:
        cut = data[: int(len(data) * part)]
        assert "is truncated: " in refusal_of(path, cut)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                found = samples_of(path, cut, on_truncated="warn")
            except AudioFileError:  # not even the headers
                assert kind in ("ogg", "opus", "mp3", "flac")
                assert part < 0.6
                continue
        assert all("only what it contains is read" in str(one.message) for one in caught)
        assert len(caught) == 2
        assert found.shape[1] < whole.shape[1]
        if kind not in ("opus", "mp3"):  # whose last packet overlaps with the missing one
            assert np.array_equal(found, whole[:, : found.shape[1]])
        if part > 0.9:
            assert found.shape[1] > whole.shape[1] / 2


def test_a_file_of_pyav_that_is_cut_off_is_refused_and_read_on_request(path):
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    assert av
    read_on = 0
    for kind, data in file_kinds.av_files().items():
        whole = samples_of(path, data).shape[1]
        for part in CUTS:
            # Not between two frames, which nothing counts.
            cut = data[: int(len(data) * part) // 2 * 2 - 3]
            said = refusal_of(path, cut)
            assert "is truncated: " in said or "damaged" in said, (kind, part, said)
            with warnings.catch_warnings(action="ignore", category=SpatialkitWarning):
                try:
                    found = samples_of(path, cut, on_truncated="warn").shape[1]
                except AudioFileError:
                    continue
            assert found <= whole
            read_on += 1
    assert read_on > 90


def test_the_message_of_a_truncated_file_says_what_to_do(path):
    path.write_bytes(WHOLE["wav"][:-100])
    with pytest.raises(AudioFileError, match='on_truncated="warn"'):
        read(path)
    with pytest.raises(OptionError, match="on_truncated"):
        read(path, on_truncated="ignore")
    with pytest.warns(SpatialkitWarning, match="only what it contains is read") as caught:
        info(path, on_truncated="warn")
    assert caught[0].filename == __file__


JOINED = [kind for kind in WHOLE if kind not in ("wavex",)]


@pytest.mark.parametrize("kind", JOINED)
def test_joined_files_are_read_one_after_the_other(path, kind):
    data = WHOLE[kind]
    one = samples_of(path, data)
    two = samples_of(path, data + data)
    assert np.array_equal(two, np.concatenate([one, one], axis=1))
    with stream(path, block=999, start=one.shape[1] - 100) as source:
        found = np.concatenate(list(source), axis=1)
    assert np.array_equal(found, two[:, one.shape[1] - 100 :])
    with stream(path, start=one.shape[1] + 100) as source:
        assert np.array_equal(next(source)[:, :50], one[:, 100:150])
    assert "is truncated: " in refusal_of(path, data + data[: len(data) * 3 // 4])


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "opus", "mp3", "au"])
def test_joined_files_of_other_channels_are_refused_with_the_place(path, kind):
    container, _, subtype = {
        "wav": "WAV PCM_16",
        "flac": "FLAC PCM_16",
        "ogg": "OGG VORBIS",
        "opus": "OGG OPUS",
        "mp3": "MP3 MPEG_LAYER_III",
        "au": "AU PCM_16",
    }[kind].partition(" ")
    content = io.BytesIO()
    soundfile.write(content, file_kinds.tones(1).T, RATE, format=container, subtype=subtype)
    said = refusal_of(path, WHOLE[kind] + content.getvalue())
    assert "changes its sample rate or channels after 0.50 s" in said
    assert "from 2 channels at 48000 Hz to 1 channel at 48000 Hz; split it there" in said


@pytest.mark.parametrize("name", ["a.m4a", "a.wv", "a.mka", "a.tta", "a.ogg"])
def test_joined_files_of_pyav_are_read_one_after_the_other(path, name):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    codec = {"a.m4a": "aac", "a.wv": "wavpack", "a.mka": "flac", "a.tta": "tta", "a.ogg": "flac"}
    data = file_kinds.encoded(name, codec[name])
    one = samples_of(path, data)
    assert np.array_equal(samples_of(path, data + data), np.concatenate([one, one], axis=1))


@pytest.mark.parametrize("kind", JOINED)
def test_what_follows_the_audio_is_not_taken_for_audio(path, kind):
    whole = samples_of(path, WHOLE[kind])
    for tail in (b"TAG" + bytes(125), bytes(1000)):
        assert np.array_equal(samples_of(path, WHOLE[kind] + tail), whole)


def mp3_file(layout, rate, quality, tag):
    """MP3 of constant or variable bit rate, the first third of it nearly silent."""
    import av

    audio = file_kinds.tones(2 if layout == "stereo" else 1, 96000)
    audio[:, :30000] *= 1e-3
    content = io.BytesIO()
    options = {"write_xing": str(int(tag)), "id3v2_version": "0"}
    with av.open(content, "w", format="mp3", options=options) as container:
        track = container.add_stream("libmp3lame", rate=rate, layout=layout)
        if quality is not None:
            track.codec_context.flags |= 2
            track.codec_context.global_quality = quality * 118
        frame = av.AudioFrame.from_ndarray(audio, format="fltp", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        for part in (frame, None):
            container.mux(track.encode(part))
    return content.getvalue()


@pytest.mark.parametrize("tag", [True, False])
@pytest.mark.parametrize("quality", [None, 4])
@pytest.mark.parametrize("rate", [48000, 44100, 24000, 16000, 11025, 8000])
@pytest.mark.parametrize("layout", ["stereo", "mono"])
def test_mp3_is_read_to_the_sample_in_blocks_too(path, layout, rate, quality, tag):
    """Oracle: FFmpeg. A variable bit rate, no tag, and frames that depend on those before."""
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    data = mp3_file(layout, rate, quality, tag)
    with av.open(io.BytesIO(data), format="mp3") as container:
        theirs = np.concatenate([part.to_ndarray() for part in container.decode(audio=0)], axis=1)
    found = samples_of(path, data)
    assert found.shape == theirs.shape
    assert np.abs(found - theirs).max() < 1e-5
    with stream(path, block=1000, start=30000) as source:
        assert np.array_equal(np.concatenate(list(source), axis=1), found[:, 30000:])


def test_an_mp3_tag_without_a_number_of_frames_is_not_believed(path):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    data = bytearray(mp3_file("stereo", 48000, 4, tag=True))
    place = max(data.find(b"Xing"), data.find(b"Info"))
    data[place + 7] = 0
    assert samples_of(path, bytes(data)).shape[1] == 97920


@pytest.mark.parametrize("announced", [0, 10])
def test_damage_between_the_parts_of_an_mp3_is_skipped(path, announced):
    """After a tag without a number of frames, and between the frames announced and others."""
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    data = mp3_file("stereo", 48000, 4, tag=True)
    place = max(data.find(b"Xing"), data.find(b"Info"))
    after = place - 36  # the header of the tag's frame, and side information
    for _ in range(1 + announced):
        after += frame_of(data[after : after + 4]).size
    tag = bytearray(data[:after])
    tag[place + 7] = announced > 0
    tag[place + 8 : place + 12] = struct.pack(">I", announced)
    whole = samples_of(path, data)
    found = samples_of(path, bytes(tag) + b"damage" * 7 + data[after:])
    assert abs(found.shape[1] - whole.shape[1]) <= 4 * 1152


@pytest.mark.skipif(os.name == "nt", reason="prints to the console there")
def test_mpg123_prints_nothing_about_cut_and_damaged_mp3(path, rng, capfd):
    damaged = bytearray(WHOLE["mp3"])
    for place in range(600, len(damaged) - 40, 300):
        damaged[place : place + 30] = rng.bytes(30)
    for data in (WHOLE["mp3"], WHOLE["mp3"] * 2, WHOLE["mp3"][:-200], bytes(damaged)):
        path.write_bytes(data)
        with (
            warnings.catch_warnings(action="ignore", category=SpatialkitWarning),
            contextlib.suppress(AudioFileError),
        ):
            read(path, on_truncated="warn")
    assert capfd.readouterr().err == ""
    soundfile.read(io.BytesIO(bytes(damaged)))
    assert capfd.readouterr().err  # others still see it


@pytest.mark.parametrize("samples", [10, 1000, 20000])
@pytest.mark.parametrize("tag", [1, 0xFFFE])
def test_samples_of_24_bits_in_4_bytes_are_the_upper_ones(path, samples, tag):
    """Microsoft, WAVEFORMATEX: valid bits are left-justified in the container."""
    values = np.linspace(-(2**23), 2**23 - 1, 2 * samples).astype(np.int64).reshape(-1, 2)
    fmt = struct.pack("<HHIIHH", tag, 2, RATE, RATE * 8, 8, 24)
    if tag == 0xFFFE:
        fmt += struct.pack("<HHIH", 22, 24, 3, 1) + crafted.PCM_TAIL
    chunks = crafted.chunk(b"fmt ", fmt)
    chunks += crafted.chunk(b"data", (values << 8).astype("<i4").tobytes())
    found = samples_of(path, b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    assert np.array_equal(np.round(found.T.astype(np.float64) * 2**23), values)


def test_tags_at_the_end_are_found_and_stray_bytes_are_not_tags():
    audio = bytes(range(200))
    id3 = b"TAG" + bytes(125)
    items = b"x" * 40
    footer = b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, 1, 1 << 31) + bytes(8)
    header = b"APETAGEX" + struct.pack("<IIII", 2000, len(items) + 32, 1, 5 << 29) + bytes(8)
    lyrics = b"LYRICSBEGIN" + b"y" * 20
    lyrics += b"%06dLYRICS200" % len(lyrics)
    for tags in (b"", id3, header + items + footer, lyrics + id3, header + items + footer + id3):
        data = audio + tags
        assert tags_start(io.BytesIO(data), len(data)) == len(audio)
    for stray in (b"APETAGEX" + bytes(8), b"APETAGEX" + b"\xff" * 16 + bytes(8), b"99LYRICS200"):
        data = audio + stray
        assert tags_start(io.BytesIO(data), len(data)) == len(data)


def test_a_view_has_its_prefix_before_the_range():
    view = View(io.BytesIO(b"0123456789"), 2, 8, {3: b"X"}, b"abc")
    assert view.read() == b"abc234X67"
    assert view.size == 9
    for place in range(9):
        view.seek(place)
        assert view.read(4) == b"abc234X67"[place : place + 4]
    view.seek(-2, os.SEEK_END)
    assert view.read() == b"67"


def test_a_written_file_is_whole(tmp_path):
    for name in ("a.wav", "a.flac", "a.ogg", "a.opus"):
        write(tmp_path / name, file_kinds.tones(2, 5000), RATE)
        assert info(tmp_path / name).samples == 5000
