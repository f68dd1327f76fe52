"""Files that libsndfile does not read: PyAV reads them, or a message names what they are."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from crafted_files import (
    aiff_file,
    apple_layout,
    caf_file,
    crc,
    dff_file,
    dsf_file,
    flac_file,
    mov_file,
    moved_pages,
    ogg_pages,
    stereo_wave_file,
    wave_file,
)
from tone_channels import RATE, identities, tones

from spatialkit.errors import AudioFileError
from spatialkit.files import info, ogg_opus, read, write
from spatialkit.files.recognition import unsupported_codec
from spatialkit.layouts import get_format, get_layout


@pytest.mark.parametrize("bits", [4, 12, 15, 20, 32, 8, 16, 24])
def test_flac_of_any_width_is_read_exactly(tmp_path, rng, bits):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    integers = rng.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (2, 500))
    integers[:, 0] = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    (tmp_path / "a.flac").write_bytes(flac_file(integers, bits))
    found, audio = info(tmp_path / "a.flac"), read(tmp_path / "a.flac", dtype="float64")
    assert (found.container, found.samples, found.format) == ("FLAC", 500, get_layout("stereo"))
    assert np.array_equal(audio.samples, integers / 2 ** (bits - 1))


@pytest.mark.parametrize(
    ("name", "codec", "layout", "ours", "facts"),
    [
        ("a.caf", "alac", "stereo", "stereo", ("CAF", "ALAC")),
        ("a.caf", "alac", "5.1", "5.1", ("CAF", "ALAC")),
        ("a.caf", "alac", "7.1(wide)", "wave-0xff", ("CAF", "ALAC")),
        ("a.caf", "adpcm_ima_qt", "stereo", "stereo", ("CAF", "ADPCM_IMA_QT")),
        ("a.wav", "ac3", "5.1(side)", "5.1", ("WAV", "AC3")),
        ("a.wav", "mp2", "stereo", "stereo", ("WAV", "MP2")),
        ("a.w64", "ac3", "3.0", "3.0", ("W64", "AC3")),
    ],
)
def test_codecs_that_libsndfile_lacks_are_read(tmp_path, name, codec, layout, ours, facts):
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    channels = av.AudioLayout(layout).nb_channels
    with av.open(str(tmp_path / name), "w") as container:
        track = container.add_stream(codec, rate=RATE, layout=layout, options={"strict": "-2"})
        track.codec_context.format = track.codec_context.codec.audio_formats[0].name
        track.codec_context.open()
        audio = tones(channels)
        frame = av.AudioFrame.from_ndarray(audio.T.reshape(1, -1), format="flt", layout=layout)
        frame.sample_rate, frame.pts = RATE, 0
        size = track.codec_context.frame_size or 4096
        cutter = av.AudioResampler(track.format.name, layout, RATE, frame_size=size)
        for part in [*cutter.resample(frame), *cutter.resample(None)]:
            container.mux(track.encode(part))
        container.mux(track.encode(None))
    found = info(tmp_path / name)
    back = read(tmp_path / name)
    assert (found.container, found.subtype) == facts
    assert (found.format.name, back.format) == (ours, found.format)
    assert back.samples.shape == (channels, found.samples)
    assert identities(back.samples) == list(range(channels))


def test_what_libsndfile_reads_does_not_need_pyav(tmp_path):
    import soundfile

    audio = tones(1, 8000).T
    for container in ("WAV", "W64", "RF64", "CAF", "AIFF"):
        for subtype in soundfile.available_subtypes(container):
            if (container, subtype) == ("WAV", "MPEG_LAYER_III"):  # read only
                continue
            with suppress(soundfile.SoundFileError):
                soundfile.write(tmp_path / "a", audio, 8000, format=container, subtype=subtype)
                with (tmp_path / "a").open("rb") as file:
                    assert unsupported_codec(file) is None, (container, subtype)
                assert info(tmp_path / "a").samples >= 8000


@pytest.mark.parametrize(("name", "maker"), [("a.dsf", dsf_file), ("a.dff", dff_file)])
def test_dsd_is_read(tmp_path, name, maker):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    (tmp_path / name).write_bytes(maker(8 * 4096))
    found, audio = info(tmp_path / name), read(tmp_path / name)
    assert (found.sample_rate, found.channels, found.samples) == (352800, 2, 4096)
    assert np.abs(audio.samples[:, 100:]).max() < 0.01


DTS = Path(__file__).parents[1] / "data" / "tones.dts"


def test_dts_is_read(tmp_path):
    """Two tones, 400 and 900 Hz, in 0.17 s, encoded by FFmpeg 5.1."""
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    stored = DTS.read_bytes()
    swapped = np.frombuffer(stored, ">i2").astype("<i2").tobytes()
    files = {
        "a.dts": stored,
        "b.dts": swapped,
        "marked.wav": stereo_wave_file(stored, tag=0x2001),
        "cd.wav": stereo_wave_file(swapped),  # a DTS CD: the header specifies 16-bit stereo
        "late.wav": stereo_wave_file(bytes(400) + swapped),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
        found, audio = info(tmp_path / name), read(tmp_path / name)
        assert (found.subtype, found.format) == ("DTS", get_layout("stereo"))
        assert found.container == {"dts": "DTS", "wav": "WAV"}[name[-3:]]
        spectrum = np.abs(np.fft.rfft(audio.samples[:, 2000:7000] * np.hanning(5000)))
        assert spectrum.argmax(axis=1).tolist() == [42, 94]  # in steps of 9.6 Hz


def test_pcm_with_a_sync_word_is_pcm(tmp_path, rng):
    noise = rng.integers(-(2**15), 2**15, 20000).astype("<i2").tobytes()
    for places in ((0,), (0, 4096), (0, 4096, 9000), (400, 4496, 8592)):
        data = bytearray(noise)
        for place in places:
            data[place : place + 4] = b"\xfe\x7f\x01\x80"
        (tmp_path / "a.wav").write_bytes(stereo_wave_file(bytes(data)))
        assert info(tmp_path / "a.wav").subtype == "PCM_16"


WITHOUT_AV = """
import sys
sys.modules["av"] = None
from spatialkit.files import info
try:
    info(sys.argv[1])
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (flac_file(np.zeros((1, 16)), 20), "(FLAC, FLAC of 20 bits)"),
        (stereo_wave_file(bytes(400), tag=0x2000), "(WAV, AC-3)"),
        (stereo_wave_file(bytes(400), tag=0x1234), "(WAV, format tag 0x1234)"),
        (dsf_file(8 * 4096), "(DSF)"),
        (b"MAC \x96\x0f" + bytes(100), "(MONKEYS-AUDIO)"),
        (b"MPCK" + bytes(100), "(MUSEPACK)"),
        (b"tBaK" + bytes(100), "(TAK)"),
    ],
)
def test_without_pyav_the_message_names_container_codec_and_extra(tmp_path, content, kind):
    (tmp_path / "a").write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AV, tmp_path / "a"],
        capture_output=True,
        text=True,
        check=True,
    )
    advice = "needs spatialkit's extra `av` (pip install 'spatialkit-audio[av]')"
    assert done.stdout == f"{tmp_path / 'a'} {kind} {advice}\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"just some words\n" * 50, r"a is not a supported audio file$"),
        (b"OFR " + bytes(100), r"a \(OptimFROG\) is not a supported audio file; convert it first"),
        (b"MThd" + bytes(100), r"a \(MIDI\) is not a supported audio file; convert it first"),
        (b"\xf8\x06iamf\0\0" + bytes(50), r"a \(IAMF\) has a unit that is shorter"),
        (b"RIFF\xff\0\0\0WEBPVP8 " + bytes(100), r"a is not a supported audio file$"),
        (stereo_wave_file(bytes(400))[:30], r"a is damaged or not a supported audio file$"),
        (b"fLaC" + bytes(100), r"a is damaged or not a supported audio file$"),
    ],
)
def test_damage_is_stated_of_damaged_files_only(tmp_path, content, words):
    (tmp_path / "a").write_bytes(content)
    for function in (info, read):
        with pytest.raises(AudioFileError, match=words):
            function(tmp_path / "a")


def test_iamf_in_mp4_is_named(tmp_path):
    (tmp_path / "a.mp4").write_bytes(mov_file(2, b"").replace(b"twos", b"iamf"))
    with pytest.raises(AudioFileError, match=r"a\.mp4 \(IAMF\) has no box iacb"):
        info(tmp_path / "a.mp4")


def test_files_with_unknown_codecs_are_not_called_damaged(tmp_path):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    (tmp_path / "a.wav").write_bytes(stereo_wave_file(bytes(400), tag=0x1234))
    words = r"a\.wav \(WAV, format tag 0x1234\) has an audio codec that PyAV does not support"
    with pytest.raises(AudioFileError, match=words):
        info(tmp_path / "a.wav")


def test_the_layout_of_ima4_in_caf_is_that_of_the_container(tmp_path):
    """FFmpeg's decoder has no labels of its own for it."""
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    write(tmp_path / "s.wav", tones(2), RATE, subtype="PCM_16")
    with (
        av.open(str(tmp_path / "s.wav")) as source,
        av.open(str(tmp_path / "a.caf"), "w") as target,
    ):
        track = target.add_stream("adpcm_ima_qt", rate=RATE, layout="stereo")
        track.codec_context.open()
        cutter = av.AudioResampler("s16p", "stereo", RATE, frame_size=64)
        for frame in [*source.decode(audio=0), None]:
            for part in cutter.resample(frame):
                target.mux(track.encode(part))
    data = (tmp_path / "a.caf").read_bytes()
    swapped = struct.pack(">4sqIII", b"chan", 52, 0, 0, 2) + b"".join(
        struct.pack(">II12x", label, 0) for label in (2, 1)
    )
    at = data.index(b"chan")
    size = int.from_bytes(data[at + 4 : at + 12], "big")
    (tmp_path / "a.caf").write_bytes(data[:at] + swapped + data[at + 12 + size :])
    audio = read(tmp_path / "a.caf")
    assert (audio.format, identities(audio.samples)) == (get_layout("stereo"), [1, 0])


# Opus


@pytest.mark.parametrize(
    ("first", "change"), [(4, -24), (4, 480), (2, -20000), (2, -100000), (2, 0)]
)
def test_opus_with_irregular_positions_is_read_to_its_end(tmp_path, first, change):
    """As FFmpeg writes when it copies packets from WebM, from the start or from another time."""
    audio = tones(2, 8 * RATE)
    write(tmp_path / "a.opus", audio, RATE)
    whole = read(tmp_path / "a.opus").samples
    data = moved_pages((tmp_path / "a.opus").read_bytes(), change, first)
    (tmp_path / "b.opus").write_bytes(data)
    back = read(tmp_path / "b.opus").samples
    assert info(tmp_path / "b.opus").samples == back.shape[1]
    # The position of the last page cuts its samples, and counts from the page before.
    assert abs(back.shape[1] - whole.shape[1]) <= 960
    end = min(back.shape[1], whole.shape[1])
    assert np.array_equal(back[:, :end], whole[:, :end])


def ogg_page(position, lacing, *, flags=0, body=b""):
    body = body.ljust(sum(lacing), b"\x4f")
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, 7, 0, 0, len(lacing))
    return head + bytes(lacing) + body


@pytest.mark.parametrize(
    ("positions", "regular"),
    [
        ((2880, 5760, 6000), None),  # the end is cut
        ((9000, 11880, 14760), None),  # any start
        ((2880, -1, 8640), None),
        ((2880, 5736, 8616), (2880, 5760, 8640)),
        ((2880, 5784, 8664), (2880, 5760, 8640)),
        ((2880, 5784, 8600), (2880, 5760, 8576)),
        ((2880, 5760, 8664), (2880, 5760, 8640)),
        ((2000, 4880, 7760), (2880, 5760, 8640)),
        ((-5000, -2120, 760), (2880, 5760, 8640)),
        ((-5000, -1, 760), (2880, -1, 8640)),
    ],
)
def test_positions_of_pages_are_those_of_their_packets(positions, regular):
    """The tags cover several pages. Packets of 60 ms, of which the second is continued."""
    head = b"OpusHead".ljust(19, b"\0")
    data = ogg_page(0, [19], flags=2, body=head) + ogg_page(-1, [255] * 255)
    data += ogg_page(0, [255] * 99 + [7], flags=1)
    first, second, third = positions
    data += ogg_page(first, [255, 1, 255], body=b"\x18".ljust(256) + b"\x18")
    if second == -1:
        data += ogg_page(second, [255], flags=1)
        data += ogg_page(third, [1, 200], flags=5, body=b"O\x18")
    else:
        data += ogg_page(second, [9], flags=1)
        data += ogg_page(third, [200], flags=4, body=b"\x18")
    replaced = ogg_opus.regular_positions(io.BytesIO(data))
    if regular is None:
        assert not replaced
        return
    changed = bytearray(data)
    for place, header in replaced.items():
        changed[place : place + len(header)] = header
    assert len(changed) == len(data)
    pages = list(ogg_pages(bytes(changed)))[3:]
    assert tuple(struct.unpack_from("<q", changed, at + 6)[0] for at, _ in pages) == regular
    for at, end in pages:
        if at in replaced:
            page = changed[at : at + 22] + bytes(4) + changed[at + 26 : end]
            assert changed[at + 22 : at + 26] == crc(page, 0x04C11DB7, 32)[::-1]


# Samples 3000, 6000 and 9000 of the channels, as the decoder of libopus 1.3.1 returns them.
PROJECTED = [
    [-0.1836872, -0.0205753, 0.1540764],
    [0.1927810, -0.0306361, -0.1866275],
    [-0.1741925, -0.0497067, 0.1767342],
    [0.2046494, -0.0441015, -0.1993588],
]


def test_opus_of_mapping_family_3_is_decoded_with_its_matrix(tmp_path):
    """RFC 8486; tones of 300, 500, 700 and 900 Hz, encoded with libopus 1.3.1."""
    path = Path(__file__).parents[1] / "data" / "projection.opus"
    audio = read(path)
    assert (audio.format, info(path).format) == (get_format("ambix1"),) * 2
    assert audio.samples.shape == (4, 12000)
    np.testing.assert_allclose(audio.samples[:, [3000, 6000, 9000]], PROJECTED, rtol=0, atol=1e-6)
    data = path.read_bytes()
    at = data.index(b"OpusHead")
    for place, value in ((9, 5), (19, 0), (20, 3)):  # channels and streams that do not match
        changed = data[: at + place] + bytes([value]) + data[at + place + 1 :]
        (tmp_path / "a.opus").write_bytes(changed)
        with pytest.raises(AudioFileError, match="is damaged or not a supported audio file"):
            info(tmp_path / "a.opus")


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"\x00", 480),  # SILK, 10 ms
        (b"\x18", 2880),  # SILK, 60 ms
        (b"\x69", 1920),  # hybrid, 2 frames of 20 ms
        (b"\x80", 120),  # CELT, 2.5 ms
        (b"\xfb\x83", 2880),  # CELT, 3 frames of 20 ms
        (b"\xfb", 0),
    ],
)
def test_opus_packets_have_their_samples_in_2_bytes(packet, samples):
    """RFC 6716, table 2 and section 3.2."""
    assert ogg_opus._samples(packet) == samples


# Bytes before the audio


def id3(size, *, footer=False):
    sizes = bytes(size >> 7 * place & 0x7F for place in (3, 2, 1, 0))
    return b"ID3\4\0" + bytes([0x10 * footer]) + sizes + bytes(size + 10 * footer)


def mp3_file(folder, samples=30000):
    import soundfile

    soundfile.write(folder / "b", tones(2, samples).T, RATE, format="MP3")
    return (folder / "b").read_bytes()


FRONTS = {
    "tag": id3(200),
    "two tags": id3(100000) + id3(5, footer=True),
    "bytes": b"recorded by hand\r\n" * 9,
    "zeros": bytes(3000),
    "tag of wrong size": id3(20) + bytes(500),
    "sync words": b"\xff\xfb\x90\x44" * 5 + bytes(9),
}


@pytest.mark.parametrize("front", FRONTS)
def test_mp3_after_other_bytes_is_read(tmp_path, front):
    data = mp3_file(tmp_path)
    for number, content in enumerate((data, FRONTS[front] + data)):
        (tmp_path / f"{number}.mp3").write_bytes(content)
    expected, audio = read(tmp_path / "0.mp3"), read(tmp_path / "1.mp3")
    assert info(tmp_path / "1.mp3").samples == 30000
    assert np.array_equal(audio.samples, expected.samples)


@pytest.mark.parametrize("front", ["tag", "two tags"])
@pytest.mark.parametrize("kind", ["wav", "flac", "aiff", "caf", "bw64"])
def test_files_after_id3_tags_keep_length_and_format(tmp_path, front, kind):
    audio = np.arange(6.0)[:, None] / 64.0 * np.ones(500)
    if kind in ("aiff", "caf"):
        layout = apple_layout(124 << 16 | 6)  # C L R Ls Rs LFE
        data = {"aiff": aiff_file, "caf": caf_file}[kind](6, layout)
    elif kind == "bw64":
        data = wave_file(6, 0x60F, kind=b"BW64")
    else:
        write(tmp_path / f"a.{kind}", audio, RATE, format="5.1")
        data = (tmp_path / f"a.{kind}").read_bytes()
    for number, content in enumerate((data, FRONTS[front] + data)):
        (tmp_path / f"{number}").write_bytes(content)
    expected, tagged = read(tmp_path / "0"), read(tmp_path / "1")
    assert tagged.format == expected.format == get_layout("5.1")
    assert np.array_equal(tagged.samples, expected.samples)
    found = info(tmp_path / "1")
    assert (found.container, found.wave_mask) == (
        info(tmp_path / "0").container,
        info(tmp_path / "0").wave_mask,
    )


def test_aac_after_two_tags_is_read(tmp_path):
    av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    with av.open(str(tmp_path / "a.aac"), "w") as container:
        track = container.add_stream("aac", rate=RATE, layout="stereo")
        frame = av.AudioFrame.from_ndarray(tones(2).T.reshape(1, -1), format="flt", layout="stereo")
        frame.sample_rate, frame.pts = RATE, 0
        for part in (frame, None):
            container.mux(track.encode(part))
    data = (tmp_path / "a.aac").read_bytes()
    (tmp_path / "b.aac").write_bytes(FRONTS["two tags"] + data)
    assert np.array_equal(read(tmp_path / "b.aac").samples, read(tmp_path / "a.aac").samples)
