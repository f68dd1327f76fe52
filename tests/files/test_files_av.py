"""Compressed audio and audio of videos read with PyAV, and our files read by PyAV."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tone_channels import RATE, identities, tones

from spatialkit.errors import AudioFileError, SpatialkitWarning
from spatialkit.files import info, read, stream, wave, write
from spatialkit.layouts import get_format, get_layout, layout_names

av = pytest.importorskip("av", reason="no wheel of PyAV for this Python")


def add_track(container, codec, layout, *, sample_format=None):
    """Add a sound track to a container, before anything is written."""
    track = container.add_stream(codec, rate=RATE, layout=layout)
    track.bit_rate = 192000
    track.codec_context.format = sample_format or track.codec_context.codec.audio_formats[0].name
    track.codec_context.open()
    return track


def encode(container, track, audio):
    """Write all of a sound track."""
    layout = track.layout.name
    frame = av.AudioFrame.from_ndarray(audio.T.reshape(1, -1), format="flt", layout=layout)
    frame.sample_rate, frame.pts = RATE, 0
    size = track.codec_context.frame_size or 4096
    cutter = av.AudioResampler(track.format.name, layout, RATE, frame_size=size)
    for part in [*cutter.resample(frame), *cutter.resample(None)]:
        container.mux(track.encode(part))
    container.mux(track.encode(None))


def add_picture(container):
    picture = container.add_stream("mpeg4", rate=25)
    picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
    return picture


def draw(container, picture):
    """Write a second of a grey that grows lighter."""
    for number in range(25):
        grey = np.full((48, 64, 3), 10 * number, np.uint8)
        container.mux(picture.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
    container.mux(picture.encode(None))


def make(path, audio, codec, layout, **options):
    with av.open(str(path), "w") as container:
        encode(container, add_track(container, codec, layout, **options), audio)
    return path


# Reading


@pytest.mark.parametrize(
    ("name", "codec", "layout", "ours", "facts"),
    [
        ("a.m4a", "aac", "mono", "mono", ("MP4", "AAC")),
        ("a.m4a", "aac", "stereo", "stereo", ("MP4", "AAC")),
        ("a.m4a", "aac", "3.0", "3.0", ("MP4", "AAC")),
        ("a.m4a", "aac", "5.0", "5.0", ("MP4", "AAC")),
        ("a.m4a", "aac", "5.1", "5.1", ("MP4", "AAC")),
        ("a.mp4", "aac", "7.1", "7.1", ("MP4", "AAC")),
        ("a.aac", "aac", "5.1", "5.1", ("AAC", "AAC")),
        ("a.m4a", "alac", "stereo", "stereo", ("MP4", "ALAC")),
        ("a.mov", "pcm_s24le", "5.1(side)", "5.1", ("MP4", "PCM_S24LE")),
        ("a.mka", "aac", "7.1", "7.1", ("MATROSKA", "AAC")),
        ("a.mkv", "flac", "5.1(side)", "5.1", ("MATROSKA", "FLAC")),
        ("a.mkv", "flac", "6.1", "6.1", ("MATROSKA", "FLAC")),
        ("a.mkv", "ac3", "3.0", "3.0", ("MATROSKA", "AC3")),
        ("a.webm", "libopus", "7.1", "7.1", ("MATROSKA", "OPUS")),
        ("a.webm", "libopus", "5.1", "5.1", ("MATROSKA", "OPUS")),
        ("a.ac3", "ac3", "5.1(side)", "5.1", ("AC3", "AC3")),
        ("a.eac3", "eac3", "5.0(side)", "5.0", ("EAC3", "EAC3")),
        ("a.wma", "wmav2", "stereo", "stereo", ("ASF", "WMAV2")),
        ("a.avi", "ac3", "5.1(side)", "5.1", ("AVI", "AC3")),
        ("a.flv", "aac", "stereo", "stereo", ("FLV", "AAC")),
        ("a.ts", "ac3", "5.1(side)", "5.1", ("MPEG-TS", "AC3")),
        ("a.mpg", "ac3", "5.1(side)", "5.1", ("MPEG-PS", "AC3")),
        ("a.wv", "wavpack", "7.1", "7.1", ("WAVPACK", "WAVPACK")),
        ("a.tta", "tta", "5.1", "5.1", ("TTA", "TTA")),
        ("a.ogg", "flac", "5.1", "5.1", ("OGG", "FLAC")),
    ],
)
def test_every_channel_is_read_under_its_own_label(tmp_path, name, codec, layout, ours, facts):
    channels = av.AudioLayout(layout).nb_channels
    path = make(tmp_path / name, tones(channels), codec, layout)
    found = info(path)
    assert (found.container, found.subtype) == facts
    assert (found.sample_rate, found.channels, found.wave_mask) == (RATE, channels, None)
    audio = read(path)
    assert audio.samples.shape == (channels, found.samples)
    assert identities(audio.samples) == list(range(channels))
    assert found.format == audio.format
    assert audio.format == get_layout(ours)


@pytest.mark.parametrize(
    ("codec", "layout", "labels"),
    [
        ("alac", "7.1(wide)", "FL FR FC LFE SL SR FLC FRC"),
        ("ac3", "4.0", "FL FR FC BC"),
        ("ac3", "quad(side)", "FL FR SL SR"),
    ],
)
def test_unusual_layouts_keep_their_labels(tmp_path, codec, layout, labels):
    path = make(tmp_path / "a.mp4", tones(len(labels.split())), codec, layout)
    with warnings.catch_warnings(action="error"):
        audio = read(path)
    assert audio.format.labels == tuple(labels.split())
    assert identities(audio.samples) == list(range(len(audio.samples)))


def test_any_channel_order_of_quicktime_is_read(tmp_path):
    """Here that of film; PyAV itself does not return such channels."""
    path = make(tmp_path / "a.mov", tones(6), "pcm_s16le", "5.1(side)")
    data = path.read_bytes()
    at = data.index(b"chan") - 4
    # Apple's labels: Left 1, Right 2, Center 3, LFE 4, surrounds 5 and 6.
    film = b"".join(struct.pack(">II12x", label, 0) for label in (1, 3, 2, 5, 6, 4))
    chan = struct.pack(">I4sIIII", 24 + len(film), b"chan", 0, 0, 0, 6) + film
    path.write_bytes(with_box(data, at, chan))
    audio = read(path)
    assert (audio.format, identities(audio.samples)) == (get_layout("5.1"), [0, 2, 1, 5, 3, 4])


def with_box(data, at, box):
    """An MP4 file with another box in the place of the one at ``at``, all sizes put right."""
    old = struct.unpack_from(">I", data, at)[0]
    change = bytearray(data[:at] + box + data[at + old :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"sowt"):
        place = data.rindex(kind, 0, at) - 4
        size = struct.unpack_from(">I", data, place)[0]
        struct.pack_into(">I", change, place, size + len(box) - old)
    assert data.index(b"mdat") < at  # what the boxes point to has not moved
    return bytes(change)


def test_channels_without_names_have_no_format(tmp_path):
    path = make(tmp_path / "a.mkv", tones(12), "pcm_f32le", "7.1.4")  # Matroska has no word for it
    assert info(path).format is None
    audio = read(path, format="7.1.4")
    assert (audio.format, identities(audio.samples)) == (get_layout("7.1.4"), list(range(12)))


@pytest.mark.parametrize(
    ("name", "codec", "sample_format", "step"),
    [
        ("a.mkv", "flac", "s16", 2.0**-15),
        ("a.m4a", "alac", "s16p", 2.0**-15),
        ("a.mov", "pcm_s24le", "s32", 2.0**-23),
        ("a.mkv", "pcm_f32le", "flt", 0.0),
        ("a.wv", "wavpack", "fltp", 0.0),
    ],
)
@pytest.mark.parametrize("samples", [1, 4096, 50001])
def test_lossless_audio_is_read_exactly(tmp_path, rng, name, codec, sample_format, step, samples):
    integers = rng.integers(-(2**15), 2**15, (2, samples))
    audio = (integers / 2**15).astype(np.float32)
    path = make(tmp_path / name, audio, codec, "stereo", sample_format=sample_format)
    for dtype in ("float32", "float64"):
        back = read(path, dtype=dtype).samples
        assert back.dtype == dtype
        assert np.array_equal(back, audio)


@pytest.mark.parametrize("samples", [1000, 50000, 65536 + 700])
def test_the_delay_of_aac_is_removed_where_mp4_specifies_it(tmp_path, samples):
    """Exact at both ends: the edit list says the start, the last packet the end.

    The edit list's own end is in milliseconds; a packet that begins behind it is left out.
    """
    path = make(tmp_path / "a.m4a", tones(2, samples), "aac", "stereo")
    assert info(path).samples == samples
    back = read(path).samples
    if samples > 10000:
        error = back[:, 5000:-5000] - tones(2, samples)[:, 5000:-5000]
        # Lossy, some 30 dB below the tone; one sample of delay would leave -46 dB of a 60 Hz tone,
        # the 1024 of the codec +3 dB.
        assert np.sum(error**2) < 10**-2.5 * np.sum(back**2)
    bare = make(tmp_path / "a.aac", tones(2, samples), "aac", "stereo")
    assert info(bare).samples == -(-samples // 1024) * 1024 + 1024  # which cannot say it


@pytest.mark.parametrize("tag", [True, False])
def test_libsndfile_and_ffmpeg_read_equal_samples_of_mp3(tmp_path, rng, tag):
    """With LAME's tag the length is exact and nothing late; without it all that is coded comes."""
    audio = tones(2, 50000)
    options = {} if tag else {"write_xing": "0"}
    with av.open(str(tmp_path / "a.mp3"), "w", options=options) as container:
        encode(container, add_track(container, "libmp3lame", "stereo", sample_format="fltp"), audio)
    with av.open(str(tmp_path / "a.mp3")) as container:
        theirs = decoded(container)
    back = read(tmp_path / "a.mp3").samples
    assert info(tmp_path / "a.mp3").samples == back.shape[1] == theirs.shape[1]
    assert back.shape[1] == (50000 if tag else 45 * 1152)
    # Two decoders of one standard, in float32.
    np.testing.assert_allclose(back, theirs, rtol=0, atol=1e-5)
    if tag:
        error = back[:, 3000:-3000] - audio[:, 3000:-3000]
        assert np.sum(error**2) < 1e-2 * np.sum(audio**2)


def test_the_audio_track_of_a_video_is_read(tmp_path):
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        picture, track = add_picture(container), add_track(container, "aac", "5.1")
        draw(container, picture)
        encode(container, track, tones(6))
    found = info(tmp_path / "film.mp4")
    assert (found.container, found.subtype, found.tracks) == ("MP4", "AAC", 1)
    assert (found.samples, found.format) == (RATE, get_layout("5.1"))
    assert identities(read(tmp_path / "film.mp4").samples) == list(range(6))


def test_the_default_of_several_tracks_is_read_with_a_warning(tmp_path):
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        tracks = [add_track(container, "flac", layout) for layout in ("mono", "stereo")]
        for channels, track in enumerate(tracks, start=1):
            encode(container, track, tones(channels))
    assert info(tmp_path / "a.mkv").tracks == 2
    words = r"a\.mkv has 2 audio tracks; only the default one is read \(FLAC, channels: \d\)"
    with pytest.warns(SpatialkitWarning, match=words) as caught:
        audio = read(tmp_path / "a.mkv")
    assert caught[0].filename == __file__
    assert len(audio.samples) == info(tmp_path / "a.mkv").channels


def test_concatenated_blocks_equal_the_whole(tmp_path):
    path = make(tmp_path / "a.m4a", tones(3, 70000), "aac", "3.0")
    whole = read(path)
    for block in (1000, 4096, 100000):
        with stream(path, block=block) as source:
            assert (source.samples, source.format) == (70000, get_layout("3.0"))
            parts = list(source)
        assert {part.shape[1] for part in parts[:-1]} <= {block}
        assert np.array_equal(np.hstack(parts), whole.samples)
    for start, stop in ((0, 10), (1, 40001), (40000, None)):
        part = read(path, dtype="float64", start=start, stop=stop).samples
        assert np.array_equal(part, read(path, dtype="float64").samples[:, start:stop])
    with stream(path, sample_rate=44100) as source:
        assert np.hstack(list(source)).shape == (3, round(70000 * 44100 / 48000))
    assert read(path, sample_rate=44100).samples.shape == (3, round(70000 * 44100 / 48000))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is of Linux")
def test_memory_does_not_grow_with_the_length(tmp_path):
    """Resident memory of the process, where FFmpeg's own is counted, too."""
    script = (
        "import re, sys\n"
        "from spatialkit.files import stream\n"
        "with stream(sys.argv[1]) as source:\n"
        "    samples = sum(block.shape[1] for block in source)\n"
        "print(samples, re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    peaks = []
    for seconds in (10, 120):
        path = make(tmp_path / "a.mkv", np.tile(tones(2), seconds), "pcm_f32le", "stereo")
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True
        )
        samples, peak = map(int, done.stdout.split())
        assert samples == seconds * RATE
        peaks.append(peak)
    assert peaks[1] - peaks[0] < 15000  # KiB; two minutes are 46,000 in float32


# Rejected files and arguments


def test_without_the_extra_the_error_contains_the_install_command(tmp_path, monkeypatch):
    path = make(tmp_path / "a.m4a", tones(2, 2000), "aac", "stereo")
    monkeypatch.setitem(sys.modules, "av", None)
    words = r"a\.m4a \(MP4\) needs spatialkit's extra `av` \(pip install 'spatialkit-audio\[av\]'\)"
    for function in (info, read, stream):
        with pytest.raises(AudioFileError, match=words):
            function(path)


@pytest.mark.parametrize(
    ("name", "codec", "sample_format"),
    [
        ("a.m4a", "aac", None),
        ("a.mka", "aac", None),
        ("a.mkv", "flac", "s16"),
        ("a.mkv", "libmp3lame", "fltp"),
        ("a.webm", "libopus", "flt"),
        ("a.aac", "aac", None),
        ("a.ac3", "ac3", None),
    ],
)
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.98])
def test_truncated_files_are_rejected(tmp_path, capfd, name, codec, sample_format, kept):
    path = make(tmp_path / name, tones(2), codec, "stereo", sample_format=sample_format)
    capfd.readouterr()
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) + 1])
    for function in (info, read):
        with pytest.raises(AudioFileError, match=r"is (truncated|damaged)") as refusal:
            function(path)
        assert str(refusal.value).startswith(str(path))
        assert "\n" not in str(refusal.value)
    assert capfd.readouterr().err == ""  # FFmpeg has words of its own


def test_corrupt_audio_data_is_rejected(tmp_path, rng):
    for name, codec in (("a.m4a", "aac"), ("a.ac3", "ac3"), ("a.mka", "libmp3lame")):
        path = make(tmp_path / name, tones(2), codec, "stereo")
        data = path.read_bytes()
        middle = len(data) // 2
        path.write_bytes(data[:middle] + rng.bytes(2000) + data[middle + 2000 :])
        with pytest.raises(AudioFileError, match="damaged"):
            read(path)


def test_a_change_of_channels_within_the_file_is_rejected(tmp_path):
    one, two = (
        make(tmp_path / f"{layout}.ac3", tones(channels), "ac3", layout).read_bytes()
        for channels, layout in ((1, "mono"), (2, "stereo"))
    )
    (tmp_path / "both.ac3").write_bytes(two + one)
    with pytest.raises(AudioFileError, match="changes its sample rate or channels"):
        read(tmp_path / "both.ac3")


def test_a_video_without_audio_is_rejected(tmp_path):
    with av.open(str(tmp_path / "film.mp4"), "w") as container:
        draw(container, add_picture(container))
    with pytest.raises(AudioFileError, match=r"film\.mp4 has no audio track"):
        read(tmp_path / "film.mp4")


def test_playlists_and_urls_never_reach_ffmpeg(tmp_path, monkeypatch):
    make(tmp_path / "a.ts", tones(2, 2000), "ac3", "stereo")
    (tmp_path / "list.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\na.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(AudioFileError, match="not a supported audio file"):
        read(tmp_path / "list.m3u8")
    monkeypatch.chdir(tmp_path)
    make(tmp_path / "b.m4a", tones(2, 2000), "aac", "stereo").rename("concat:a.ts|b.m4a")
    assert read("concat:a.ts|b.m4a").samples.shape == (2, 2000)


# Reading of our files with PyAV


# The bits of dwChannelMask in ascending order, as FFmpeg calls them (libavutil/channel_layout.h).
BITS = [
    *("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC"),
    *("SL", "SR", "TC", "TFL", "TFC", "TFR", "TBL", "TBC", "TBR"),
]
# What our labels of BS.2051 are in WAVE.
ROLES = {
    **{"M+030": "FL", "M-030": "FR", "M+000": "FC", "LFE1": "LFE", "M+110": "SL", "M-110": "SR"},
    **{"M+090": "SL", "M-090": "SR", "M+135": "BL", "M-135": "BR", "U+045": "TFL", "U-045": "TFR"},
    **{"U+030": "TFL", "U-030": "TFR", "U+110": "TBL", "U-110": "TBR", "U+135": "TBL"},
    **{"U-135": "TBR", "M+SC": "FLC", "M-SC": "FRC"},
}


def decoded(container):
    """Samples of an open container, (channels, n): PyAV the plain way."""
    track = container.streams.audio[0]
    packed = av.AudioResampler("dbl")
    parts = [part for frame in container.decode(track) for part in packed.resample(frame)]
    channels = track.layout.nb_channels
    return np.hstack([part.to_ndarray().reshape(-1, channels).T for part in parts])


def independently(path):
    """Return the channel names, samples and sample rate that PyAV reads."""
    with av.open(str(path)) as container:
        track = container.streams.audio[0]
        names = [channel.name for channel in track.layout.channels]
        return names, decoded(container), track.rate


def names_of(layout):
    """FFmpeg's name of each channel of a layout, "" for those that have none in a mask."""
    return [
        ROLES.get(label, label) if ROLES.get(label, label) in BITS else ""
        for label in layout.labels
    ]


def require_agreement(path, layout):
    """PyAV finds each channel of `tones` under the name that it has in ``layout``."""
    names, audio, rate = independently(path)
    ours = names_of(layout)
    assert rate == RATE
    mask = info(path).wave_mask
    if mask:
        assert names == sorted(ours, key=BITS.index)
        assert [ours[channel] for channel in identities(audio)] == names
    else:
        assert identities(audio) == list(range(layout.n_channels))
        unnamed = not set(names) & set(BITS)
        assert unnamed if mask == 0 else unnamed or names == ours  # None: mono, stereo


@pytest.mark.parametrize("name", layout_names())
@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_16", "PCM_24"])
def test_pyav_finds_every_channel_of_our_wav(tmp_path, name, subtype):
    layout = get_layout(name)
    write(tmp_path / "a.wav", tones(layout.n_channels), RATE, format=layout, subtype=subtype)
    require_agreement(tmp_path / "a.wav", layout)


@pytest.mark.parametrize("name", ["stereo", "5.1", "paper5", "7.1.4", "9.1.6"])
def test_pyav_finds_every_channel_of_our_rf64(tmp_path, monkeypatch, name):
    monkeypatch.setattr(wave, "MAX_RIFF_SIZE", 0)
    layout = get_layout(name)
    write(tmp_path / "a.wav", tones(layout.n_channels), RATE, format=layout)
    assert (tmp_path / "a.wav").read_bytes()[:4] == b"RF64"
    require_agreement(tmp_path / "a.wav", layout)


@pytest.mark.parametrize(
    "name", [name for name in layout_names() if get_layout(name).n_channels <= 8]
)
@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_pyav_finds_every_channel_of_our_flac(tmp_path, name, subtype):
    layout = get_layout(name)
    write(tmp_path / "a.flac", tones(layout.n_channels), RATE, format=layout, subtype=subtype)
    require_agreement(tmp_path / "a.flac", layout)


@pytest.mark.parametrize("name", ["mono", "stereo"])
@pytest.mark.parametrize("file", ["a.ogg", "a.opus"])
def test_pyav_finds_every_channel_of_our_ogg(tmp_path, name, file):
    layout = get_layout(name)
    write(tmp_path / file, tones(layout.n_channels), RATE, format=layout)
    names, audio, _ = independently(tmp_path / file)
    assert names == list(layout.labels)
    assert identities(audio) == list(range(layout.n_channels))


@pytest.mark.parametrize("order", [1, 2, 3])
def test_pyav_finds_no_loudspeakers_in_our_ambisonics(tmp_path, order):
    form = get_format(f"ambix{order}")
    write(tmp_path / "a.wav", tones(form.n_channels), RATE, format=form)
    names, audio, _ = independently(tmp_path / "a.wav")
    assert not set(names) & set(BITS)
    assert identities(audio) == list(range(form.n_channels))


@given(
    name=st.sampled_from(layout_names()),
    samples=st.integers(1, 3000),
    rate=st.sampled_from([8000, 44100, 48000, 192000]),
    encoding=st.sampled_from(["a.wav FLOAT", "a.wav PCM_16", "a.wav PCM_24", "a.flac PCM_24"]),
    seed=st.integers(0, 99),
)
def test_pyav_reads_equal_samples(tmp_path_factory, name, samples, rate, encoding, seed):
    file, subtype = encoding.split()
    layout = get_layout(name)
    if file == "a.flac" and layout.n_channels > 8:
        file = "a.wav"
    path = tmp_path_factory.mktemp("both") / file
    audio = np.random.default_rng(seed).uniform(-1, 0.99, (layout.n_channels, samples))
    write(path, audio, rate, format=layout, subtype=subtype)
    _, theirs, their_rate = independently(path)
    assert their_rate == rate
    assert np.array_equal(theirs, read(path, dtype="float64").samples)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="no ffprobe here")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        *(("mono", "mono"), ("stereo", "stereo"), ("quad", "quad"), ("5.0", "5.0(side)")),
        *(("5.1", "5.1(side)"), ("6.1", "6.1"), ("7.0", "7.0"), ("7.1", "7.1")),
        *(("0+7+0", "7.1"), ("paper5", "5.0(side)")),
    ],
)
@pytest.mark.parametrize("file", ["a.wav", "a.flac"])
def test_ffprobe_names_our_layouts(tmp_path, name, said, file):
    layout = get_layout(name)
    write(tmp_path / file, tones(layout.n_channels, 5000), RATE, format=layout)
    command = ["ffprobe", "-v", "error", "-show_entries", "stream=channel_layout", "-of", "csv=p=0"]
    found = subprocess.run(
        [*command, str(tmp_path / file)], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == said
