"""Formats for delivery, read by a second program: FFmpeg's command line, and our reader."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest

from spatialkit.errors import AudioFileError, OptionError, ShapeError, SpatialkitWarning
from spatialkit.files import info, read, write, write_stream
from spatialkit.files.codecs import AC3_BIT_RATES
from spatialkit.files.formats import FILE_FORMATS, file_format
from spatialkit.layouts import Layout, get_format

pytest.importorskip("av", reason="no wheel of PyAV for this Python")
needs_ffmpeg = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")), reason="no ffmpeg here"
)

RATE, SAMPLES = 48000, 11999
EXACT = {"PCM_16": 2**-16, "PCM_24": 2**-24, "FLOAT": 0.0, "DOUBLE": 0.0} | dict.fromkeys(
    ("ALAC", "FLAC", "WAVPACK"), 2**-24
)
MINE = Layout("mine", ["A", "B", "C"], [0.0, 90.0, 180.0])
TOPS = "12 channels (FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR)"
# Path, encoding, format, and the layout that ffprobe 5.1 reports.
CASES = [
    ("a.caf", "PCM_24", "5.1", "5.1(side)"),
    ("a.caf", "PCM_16", "7.1", "7.1"),
    ("a.caf", "FLOAT", "7.1.4", TOPS),
    ("a.caf", "DOUBLE", "9.1.6", None),
    ("a.caf", "PCM_24", "22.2", None),
    ("a.caf", "PCM_24", "ambix3", None),
    ("a.caf", "PCM_24", "fuma1", None),
    ("a.mov", "PCM_24", "5.1", "5.1(side)"),
    ("a.mov", "PCM_16", "7.1", "7.1"),
    ("a.mov", "FLOAT", "7.1.4", TOPS),
    ("a.mov", "PCM_24", "ambix1", None),
    ("a.mov", "PCM_24", "ambix7", None),
    ("a.m4a", "AAC", "stereo", "stereo"),
    ("a.m4a", "AAC", "5.1", "5.1"),
    ("a.m4a", "AAC", "7.1", "7.1"),
    ("a.m4a", "ALAC", "5.1", "5.1"),
    ("a.mp4", "AAC", "5.0", "5.0"),
    ("a.mp4", "OPUS", "5.1", "5.1"),
    ("a.mp4", "OPUS", "7.1", "7.1"),
    ("a.mp4", "OPUS", "ambix1", "ambisonic 1"),
    ("a.mp4", "OPUS", "ambix3", "ambisonic 3"),
    ("a.mp4", "ALAC", "5.0", "5.0"),
    ("a.mp4", "FLAC", "5.1", "5.1(side)"),
    ("a.mp4", "EAC3", "5.1", "5.1(side)"),
    ("a.mp4", "AC3", "5.1", "5.1(side)"),
    ("a.mka", "FLAC", "5.1", "5.1(side)"),
    ("a.mka", "FLAC", "7.0", "7.0"),
    ("a.mka", "OPUS", "7.1", "7.1"),
    ("a.mka", "OPUS", "ambix2", "ambisonic 2"),
    ("a.webm", "OPUS", "quad", "quad"),
    ("a.webm", "OPUS", "5.1", "5.1"),
    ("a.webm", "OPUS_DISCRETE", "7.1.4", None),
    ("a.opus", "OPUS", "5.1", "5.1"),
    ("a.opus", "OPUS", "7.1", "7.1"),
    ("a.opus", "OPUS", "ambix3", "ambisonic 3"),
    ("a.ogg", "OPUS", "3.0", "3.0"),
    ("a.wv", "WAVPACK", "7.1.4", TOPS),
    ("a.wv", "WAVPACK", "6.1", "6.1"),
]
DOLBY = [("a.ac3", "AC3", "5.1", "5.1(side)"), ("a.eac3", "EAC3", "stereo", "stereo")]


def channel_tones(format):
    """A tone per channel, at frequencies of which none is a multiple; low in the LFE, in steps so
    that the position of every sample counts."""
    time = np.arange(SAMPLES) / RATE
    lfe = getattr(format, "is_lfe", (False,) * format.n_channels)
    audio = []
    for number in range(format.n_channels):
        tone = np.sin(2 * np.pi * (31 + 3 * number if lfe[number] else 311 + 97 * number) * time)
        audio.append(0.2 * tone * (0.3 + 0.7 * (time * 8 % 1.0 > 0.5)))
    return np.stack(audio).astype(np.float32)


def channels_in(found, audio):
    """The channel of ``audio`` that each channel of ``found`` correlates with, in its middle."""
    middle = slice(2000, 10000)
    correlation = np.corrcoef(np.concatenate([audio[:, middle], found[:, middle]]))
    return np.abs(correlation[: len(audio), len(audio) :]).argmax(axis=0).tolist()


def offset(found, audio):
    """Samples by which ``found`` is late, by the largest cross-correlation of the first channel."""
    size = 2 * SAMPLES
    spectra = np.fft.rfft(found[0][:SAMPLES], size), np.fft.rfft(audio[0], size)
    place = np.fft.irfft(spectra[0] * spectra[1].conj(), size).argmax()
    return int(place if place < SAMPLES else place - size)


def quiet_write(*arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpatialkitWarning)
        write(*arguments, **options)


def ffprobe(path, entries):
    command = ["ffprobe", "-v", "error", "-show_entries", entries, "-of", "json", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def decoded(path, channels):
    """All samples that FFmpeg's command line decodes."""
    command = ["ffmpeg", "-v", "error", "-i", path, "-f", "f32le", "-"]
    done = subprocess.run(command, capture_output=True, check=True)
    return np.frombuffer(done.stdout, "<f4").reshape(-1, channels).T


@pytest.mark.parametrize(("name", "subtype", "format", "layout"), CASES)
def test_our_reader_returns_the_channels_the_layout_and_the_length(
    tmp_path, name, subtype, format, layout
):
    path, format = tmp_path / name, get_format(format)
    audio = channel_tones(format)
    quiet_write(path, audio, RATE, format=format, subtype=subtype)
    found, header = read(path), info(path)
    unlabelled = subtype == "OPUS_DISCRETE"
    assert found.format == (None if unlabelled else format)
    assert (header.samples, found.samples.shape) == (SAMPLES, audio.shape)
    assert channels_in(found.samples, audio) == list(range(len(audio)))
    assert offset(found.samples, audio) == 0
    if subtype in EXACT:
        assert np.abs(found.samples - audio).max() <= EXACT[subtype]
    assert [each.name for each in tmp_path.iterdir()] == [name]


@needs_ffmpeg
@pytest.mark.parametrize(("name", "subtype", "format", "layout"), [*CASES, *DOLBY])
def test_ffmpeg_returns_the_channels_the_layout_and_the_length(
    tmp_path, name, subtype, format, layout
):
    path, format = tmp_path / name, get_format(format)
    audio = channel_tones(format)
    quiet_write(path, audio, RATE, format=format, subtype=subtype)
    (stream,) = ffprobe(path, "stream=channel_layout,channels")["streams"]
    assert stream["channels"] == len(audio)
    if not (layout is None and name == "a.mov"):  # newer versions report Ambisonics
        assert stream.get("channel_layout") in (layout, f"{get_format(format).name}", TOPS[14:-1])
    found = decoded(path, len(audio))
    assert channels_in(found, audio) == list(range(len(audio)))
    streams = name in ("a.ac3", "a.eac3")
    assert offset(found, audio) == (256 if streams else 0)
    # FFmpeg 5.1 decodes the padding of the last frame in MP4, unlike newer versions.
    padding = found.shape[1] - SAMPLES
    assert padding == 0 or (0 < padding <= 1536 + 256 and (streams or name[-3:] in ("m4a", "mp4")))
    if name[-3:] in ("m4a", "mp4", "mov"):
        (stream,) = ffprobe(path, "stream=duration_ts,time_base")["streams"]
        assert (stream["duration_ts"], stream["time_base"]) == (SAMPLES, f"1/{RATE}")


@pytest.mark.parametrize(("name", "subtype", "format", "layout"), DOLBY)
def test_streams_of_dolby_are_late_with_a_warning(tmp_path, name, subtype, format, layout):
    audio = channel_tones(get_format(format))
    with pytest.warns(SpatialkitWarning, match=r"256 samples of silence.* In \.mp4, E?AC3 has"):
        write(tmp_path / name, audio, RATE, format=format)
    found = read(tmp_path / name)
    assert found.format == get_format(format)
    assert offset(found.samples, audio) == 256


def test_blocks_do_not_change_the_file(tmp_path, rng):
    """The encoder receives frames of its own size, whatever the blocks are."""
    audio = rng.uniform(-0.5, 0.5, (6, 20000)).astype(np.float32)
    for name in ("a.opus", "a.m4a", "a.mka", "a.mov", "a.caf"):
        write(tmp_path / name, audio, RATE, format="5.1")
        other = tmp_path / f"b{name[1:]}"
        with write_stream(other, RATE, format="5.1") as target:
            for start in range(0, 20000, 777):
                target.write(audio[:, start : start + 777])
        assert np.array_equal(read(tmp_path / name).samples, read(other).samples), name


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("a.opus", {"format": "7.1.4"}, r"Opus has layout .* or 7\.1, got 7\.1\.4; use \.wav, "),
        ("a.opus", {"format": "5.0"}, r"got 5\.0; use \.wav, \.flac, "),
        ("a.opus", {"format": "fuma1"}, "contains Ambisonics as AmbiX only, got fuma1; use"),
        ("a.m4a", {"format": "7.1.4"}, "AAC has at most 8 channels, got 12; use"),
        ("a.m4a", {"format": "6.1"}, r"AAC has layout mono, .* or 7\.1, got 6\.1; use"),
        ("a.m4a", {"format": "7.1", "subtype": "ALAC"}, r"ALAC has layout .*, got 7\.1; use"),
        ("a.m4a", {"format": "ambix1"}, "AAC has no tag for Ambisonics; use .wav, .ogg, .opus"),
        ("a.mp4", {"format": "7.0", "subtype": "FLAC"}, r"FLAC in MP4 has layout .*, got 7\.0"),
        ("a.eac3", {"format": "7.1"}, "E-AC-3 has at most 6 channels, got 8; use"),
        ("a.mka", {"format": "7.1.4"}, r"use \.wav, \.caf, \.mov, \.wv"),
        ("a.mov", {"format": "22.2"}, r"cannot express the layout 22\.2; use \.wav(,| or) \.caf"),
        ("a.caf", {"format": MINE}, "no channel labels for the layout mine; use .wav"),
        ("a.m4a", {}, "AAC cannot express channels without format; use .wav"),
    ],
)  # fmt: skip
def test_what_a_container_cannot_express_is_refused_with_the_alternatives(
    tmp_path, name, options, words
):
    known = get_format(options["format"]).n_channels if options else 6
    with pytest.raises(AudioFileError, match=words):
        write(tmp_path / name, np.zeros((known, 4800)), RATE, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "rate", "options", "words"),
    [
        ("a.opus", 44100, {}, r"one of 8000, .* Hz for Opus, got 44100; convert with read"),
        ("a.eac3", 96000, {}, "one of 32000, 44100, 48000 Hz for E-AC-3, got 96000"),
        ("a.ac3", 48000, {"bit_rate": 500000}, "bit_rate of AC-3 must be one of 32000, .*, got"),
        ("a.opus", 48000, {"bit_rate": 10000}, "of Opus with 6 channels must be 36000 to 1536000"),
        ("a.mka", 48000, {"bit_rate": 300000}, "must be None for FLAC, which is without loss"),
        ("a.wav", 48000, {"bit_rate": 300000}, "bit_rate must be None for subtype FLOAT"),
        ("a.flac", 48000, {"bit_rate": 10}, "bit_rate must be at least 6000 bit/s, got 10"),
        ("a.m4a", 48000, {"subtype": "OPUS"}, "unknown subtype of .m4a 'OPUS'"),
        ("a.webm", 48000, {"subtype": "OPUS_DISCRETE"}, "has no layout for, got 5.1; use OPUS"),
        ("a.mp4", 48000, {"dither": "tpdf"}, "dither must be None for subtype AAC"),
    ],
)
def test_rates_that_a_codec_does_not_have_are_refused(tmp_path, name, rate, options, words):
    with pytest.raises(OptionError, match=words):
        write(tmp_path / name, np.zeros((6, 4800)), rate, format="5.1", **options)
    assert list(tmp_path.iterdir()) == []


def test_the_bit_rate_determines_the_size(tmp_path, rng):
    noise = rng.uniform(-0.5, 0.5, (6, 5 * RATE)).astype(np.float32)
    for name, rate in [("a.opus", 200000), ("a.m4a", 300000), ("a.mp4", 640000)]:
        subtype = "EAC3" if name == "a.mp4" else None
        write(tmp_path / name, noise, RATE, format="5.1", bit_rate=rate, subtype=subtype)
        # Codecs vary the rate, and the container adds tables.
        assert (tmp_path / name).stat().st_size * 8 / 5 == pytest.approx(rate, rel=0.25)


def test_every_default_bit_rate_is_one_of_the_codec(tmp_path):
    for name in ("mono", "stereo", "3.0", "5.0", "5.1"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SpatialkitWarning)
            write(
                tmp_path / f"{name}.ac3",
                np.zeros((get_format(name).n_channels, 4800)),
                RATE,
                format=name,
            )
    assert {128000, 256000, 384000, 640000} <= set(AC3_BIT_RATES)


def test_the_layout_is_required_before_the_first_sample(tmp_path):
    with (
        pytest.raises(ShapeError, match="channels must be 6"),
        write_stream(tmp_path / "a.opus", RATE, format="5.1", channels=8),
    ):
        pytest.fail("refused earlier")


def test_names_and_suffixes_are_unique():
    names = [found.name for found in FILE_FORMATS]
    suffixes = [suffix for found in FILE_FORMATS for suffix in found.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)
    with pytest.raises(AudioFileError, match="unknown file format 'flak'; did you mean 'flac'"):
        file_format("flak")


WITHOUT_AV = """
import sys
sys.modules["av"] = None
import numpy as np
from spatialkit.files import write
for name, layout in (("a.opus", "5.1"), ("a.m4a", "stereo"), ("a.flac", "5.1"), ("a.caf", "7.1.4")):
    channels = {"5.1": 6, "stereo": 2, "7.1.4": 12}[layout]
    try:
        write(f"{sys.argv[1]}/{name}", np.zeros((channels, 480)), 48000, format=layout)
    except OSError as error:
        print(str(error).replace(sys.argv[1] + "/", ""))
"""


def test_without_pyav_the_extra_is_named_and_other_formats_are_written(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AV, tmp_path], capture_output=True, text=True, check=True
    )
    advice = "needs spatialkit's extra `av` (pip install 'spatialkit-audio[av]')"
    assert done.stdout == f"a.opus (Opus, OPUS) {advice}\na.m4a (M4A, AAC) {advice}\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.caf", "a.flac"]


FULL = """
import os, sys, warnings
import numpy as np
from spatialkit.errors import AudioFileError
from spatialkit.files import write
warnings.simplefilter("ignore")
noise = np.random.default_rng(1).uniform(-0.5, 0.5, (6, 200000))
for name in ("a.m4a", "a.mka", "a.mov", "a.opus", "a.wv", "a.caf", "a.eac3", "a.webm", "a.mp4"):
    path = os.path.join(sys.argv[1], name)
    try:
        write(path, noise, 48000, format="5.1", tags={"title": "x"})
    except AudioFileError as error:
        assert str(error) == f"{path} cannot be written: File too large", error
    else:
        sys.exit(f"{name} was written")
    assert os.listdir(sys.argv[1]) == []
print("all refused")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a limit on the size of files")
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "full.py").write_text(FULL)
    command = [sys.executable, tmp_path / "full.py", tmp_path / "folder"]
    line = ["sh", "-c", 'ulimit -f 50; exec "$@"', "sh", *command]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout) == ("", "all refused\n")
