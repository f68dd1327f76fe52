"""IAMF: round trips, frozen files of others, a second reader, and damaged files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from outside import run
from tone_channels import tones

from spatialkit import Layout, downmix, get_format, get_layout, info, metrics, read, reorder, write
from spatialkit.delivery import ambisonic_matrix
from spatialkit.errors import AudioFileError, OptionError, SpatialkitWarning
from spatialkit.files import stream, write_stream
from spatialkit.files.iamf import obu
from spatialkit.files.iamf.descriptors import Descriptors
from spatialkit.files.iamf.tables import LAYOUTS

DATA = Path(__file__).parents[1] / "data"
NAMES = [*(layout.name for layout in LAYOUTS), "4+7+0", "4+5+0", "ambix1", "ambix3", "ambix4"]
RATE = 48000


def noise(channels, samples=2500):
    return np.random.default_rng(channels).uniform(-0.1, 0.1, (channels, samples))


def written(tmp_path, form, audio, suffix=".iamf", **options):
    path = tmp_path / f"song{suffix}"
    write(path, audio, RATE, format=form, overwrite=True, **options)
    return path


def in_order(audio, form):
    return reorder(audio.samples, audio.format, form) if isinstance(form, Layout) else audio.samples


@pytest.mark.parametrize("suffix", [".iamf", ".iamf.mp4"])
@pytest.mark.parametrize("name", NAMES)
def test_pcm_is_read_exactly_as_it_was_written(tmp_path, name, suffix):
    form = get_format(name)
    for bits, samples in ((24, 2500), (16, 2048), (24, 1)):
        integers = np.random.default_rng(samples).integers(
            -(2 ** (bits - 1)), 2 ** (bits - 1), (form.n_channels, samples)
        )
        audio = integers / 2.0 ** (bits - 1)
        audio = np.minimum(audio, 1.0)
        path = written(tmp_path, form, audio, suffix, subtype=f"PCM_{bits}")
        found = read(path, dtype="float64")
        np.testing.assert_array_equal(in_order(found, form), audio)
        header = info(path)
        assert (header.container, header.subtype) == ("IAMF", f"PCM_{bits}")
        assert (header.samples, header.sample_rate) == (samples, RATE)


@pytest.mark.parametrize("suffix", [".iamf", ".iamf.mp4"])
def test_blocks_of_unknown_length_give_the_same_audio(tmp_path, suffix):
    audio, path = noise(6, 5000), tmp_path / f"a{suffix}"
    with write_stream(path, RATE, format="5.1", overwrite=True) as target:
        for start in range(0, 5000, 700):
            target.write(audio[:, start : start + 700])
    known = written(tmp_path, "5.1", audio, suffix)
    np.testing.assert_array_equal(read(path).samples, read(known).samples)
    if suffix == ".iamf":
        assert path.read_bytes()[-9000:] == known.read_bytes()[-9000:]
    with stream(known, block=333, start=1500, stop=4001) as blocks:
        joined = np.concatenate(list(blocks), axis=1)
    np.testing.assert_array_equal(joined, read(known).samples[:, 1500:4001])


@pytest.mark.parametrize("suffix", [".iamf", ".iamf.mp4"])
@pytest.mark.parametrize("name", ["mono", "7.1.4", "ambix1"])
def test_flac_is_exact_and_opus_keeps_channels_and_length(tmp_path, name, suffix):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    form = get_format(name)
    audio = 0.1 * tones(form.n_channels, 48123)
    exact = read(written(tmp_path, form, audio, suffix, subtype="FLAC"), dtype="float64")
    np.testing.assert_allclose(exact.samples, audio, atol=2.0**-24)
    path = written(tmp_path, form, audio, suffix, subtype="OPUS")
    lossy = read(path, dtype="float64")
    assert lossy.samples.shape == audio.shape
    middle = slice(2000, -2000)
    for found, expected in zip(lossy.samples[:, middle], audio[:, middle], strict=True):
        # A delay of one sample would cost more: measured 0.04 for the LFE, at a low bit rate.
        error = np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2))
        assert error < 0.1


def test_the_frozen_file_of_another_writer_is_read():
    audio = read(DATA / "delivery" / "tones_7.1.4.iamf", dtype="float64")
    assert audio.format == get_layout("7.1.4")
    spectrum = np.abs(np.fft.rfft(audio.samples))
    np.testing.assert_array_equal(spectrum.argmax(axis=1) * 10, 200 + 100 * np.arange(12))


def test_files_of_iamf_tools_are_read(tmp_path):
    """Its PCM file has frames of 0 samples in its descriptors, which FFmpeg 9 refuses."""
    audio = read(DATA / "delivery" / "tones_256samp_5p1_pcm.iamf", dtype="float64")
    assert audio.format == get_layout("5.1")
    time = np.arange(256) / RATE
    for samples, frequency in zip(audio.samples, (220, 202, 303, 65, 434, 616), strict=True):
        sine, cosine = np.sin(2 * np.pi * frequency * time), np.cos(2 * np.pi * frequency * time)
        waves = np.stack([sine, cosine], axis=1)
        residual = samples - waves @ np.linalg.lstsq(waves, samples, rcond=None)[0]
        assert np.abs(residual).max() < 3e-4
    with pytest.raises(AudioFileError, match="mixes 2 audio elements, which is not supported"):
        info(DATA / "delivery" / "tones_100ms_3OA_stereo_opus.iamf")


@pytest.mark.parametrize("name", ["noise_1024samp_stereo_flac", "noise_1024samp_5p1_opus"])
def test_coded_files_of_iamf_tools_equal_the_decoding_of_ffmpeg(name):
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    path = DATA / "delivery" / f"{name}.iamf"
    audio = read(path, dtype="float64")
    decoded = ffmpeg_substreams(path)
    assert audio.samples.shape == (len(decoded), 1024)
    order = [0, 1] if len(decoded) == 2 else [0, 1, 4, 5, 2, 3]  # pairs, then centre and LFE
    np.testing.assert_allclose(audio.samples[order], decoded, atol=1e-7)


def ffmpeg_substreams(path):
    """Channels of all substreams, decoded one by one by FFmpeg."""
    import av

    found = []
    with av.open(str(path)) as container:
        count = len(container.streams.audio)
    for number in range(count):
        with av.open(str(path)) as container:
            parts = []
            for frame in container.decode(container.streams.audio[number]):
                array = frame.to_ndarray()
                channels = len(frame.layout.channels)
                array = array if frame.format.is_planar else array.reshape(-1, channels).T
                scale = 1.0 if array.dtype.kind == "f" else -float(np.iinfo(array.dtype).min)
                parts.append(array / scale)
            found.append(np.concatenate(parts, axis=1))
    return np.concatenate(found)


@pytest.mark.parametrize("suffix", [".iamf", ".iamf.mp4"])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLAC", "OPUS"])
def test_ffmpeg_reads_every_substream_to_the_sample(tmp_path, suffix, subtype):
    """FFmpeg returns substreams one by one: pairs, then centre and LFE."""
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    audio = 0.1 * tones(12, 24123)
    path = written(tmp_path, "7.1.4", audio, suffix, subtype=subtype)
    labels = get_layout("7.1.4").labels
    order = ["FL", "FR", "SL", "SR", "BL", "BR", "TFL", "TFR", "TBL", "TBR", "FC", "LFE"]
    decoded = ffmpeg_substreams(path)
    expected = audio[[labels.index(label) for label in order]]
    assert decoded.shape == expected.shape
    if subtype == "OPUS":
        own = read(path, dtype="float64").samples
        expected = own[[labels.index(label) for label in order]]
    # Opus: two decoders, one of which returns 16 bits.
    tolerance = 2e-3 if subtype == "OPUS" else 2.0**-24
    np.testing.assert_allclose(decoded, expected, atol=tolerance)


def descriptors_of(path):
    """Descriptors, and the loudness of each layout of the mix by sound_system."""
    with open(path, "rb") as file:
        units = list(obu.units_in(file, 0, file.seek(0, 2)))
        found = Descriptors()
        for unit in units[:4]:
            file.seek(unit.start)
            payload = file.read(unit.size)
            found.add(unit.kind, payload)
    count = payload[-1 - 2 * 8] if len(payload) > 17 and payload[-17] == 2 else 1
    loudness = {}
    for number in range(count):
        entry = payload[len(payload) - 8 * (count - number) :][:8]
        levels = np.frombuffer(entry[2:], ">i2") / 256.0
        loudness[entry[0] >> 2 & 15] = levels
    return found, loudness


def test_the_loudness_of_the_mix_is_that_of_our_metrics(tmp_path):
    audio = noise(12, 3 * RATE)
    path = written(tmp_path, "7.1.4", audio)
    _, loudness = descriptors_of(path)
    stereo = downmix(audio, "7.1.4", "stereo", method="iamf")
    for system, samples, layout in ((0, stereo, "stereo"), (9, audio, "7.1.4")):
        expected = [
            metrics.loudness(samples, layout, RATE),
            20 * np.log10(np.abs(samples).max()),
            metrics.true_peak(samples, RATE),
        ]
        np.testing.assert_allclose(loudness[system], expected, atol=0.5 / 256 + 1e-3)


def test_silence_and_short_files_have_a_loudness(tmp_path):
    for audio in (np.zeros((6, RATE)), noise(6, 100)):
        _, loudness = descriptors_of(written(tmp_path, "5.1", audio))
        assert set(loudness) == {0, 1}
        assert all(np.all(levels >= -128.0) for levels in loudness.values())


@pytest.mark.parametrize("order", [1, 3])
@pytest.mark.parametrize(("layout", "system"), [("stereo", "0+2+0"), ("4+7+0", "4+7+0")])
def test_ambisonics_is_measured_behind_the_matrices_of_iamf(order, layout, system):
    gains = json.loads((DATA / "panning" / "iamf_gains.json").read_text())["gains"]
    expected = np.array(gains[f"A{order}"][system]).T
    matrix = reorder(ambisonic_matrix(order, layout), layout, system)
    # Both are quadratures of gains with corners; theirs has 5200 points.
    np.testing.assert_allclose(matrix, expected, atol=2e-3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"format": "5.0"},
            AudioFileError,
            r"IAMF has mono, stereo, .*ambix4, got 5\.0; use",
        ),
        ({"format": "fuma1"}, AudioFileError, r"ambix1 to ambix4, got fuma1"),
        ({"format": "ambix5"}, AudioFileError, r"ambix1 to ambix4, got ambix5"),
        ({"format": None, "channels": 6}, AudioFileError, "got 6 without format"),
        ({"format": "5.1", "rate": 22050}, OptionError, "one of 16000, 32000, 44100, 480"),
        (
            {"format": "5.1", "rate": 44100, "subtype": "OPUS"},
            OptionError,
            "one of 48000 Hz for",
        ),
    ],
)
def test_what_iamf_does_not_have_is_refused(tmp_path, arguments, error, message):
    rate = arguments.pop("rate", RATE)
    channels = arguments.pop("channels", None)
    channels = channels or get_format(arguments["format"]).n_channels
    with pytest.raises(error, match=message):
        write(tmp_path / "a.iamf", noise(channels), rate, **arguments)
    with pytest.raises(AudioFileError, match="does not support 0 samples"):
        write(tmp_path / "a.iamf", np.zeros((2, 0)), RATE)
    assert not list(tmp_path.iterdir())


def test_a_truncated_file_is_an_error_or_a_warning(tmp_path):
    path = written(tmp_path, "5.1", noise(6, 5000))
    path.write_bytes(path.read_bytes()[:-20000])
    with pytest.raises(AudioFileError, match=r"song\.iamf \(IAMF\) is truncated"):
        read(path)
    with pytest.warns(SpatialkitWarning, match="is truncated: its last frame is incomplete"):
        assert read(path, on_truncated="warn").samples.shape[1] == 3 * 1024


def changed(data, old, new):
    assert data.count(old) >= 1
    return data.replace(old, new, 1)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda data: changed(data, b"ipcm", b"xxxx"), "has the codec 'xxxx'"),
        (lambda data: changed(data, b"ipcm\x80\x08", b"ipcm\x81\x08"), "6144 bytes, not 6150"),
        # Audio element of 6 channels: one layer, 5.1, 4 substreams of which 2 are coupled.
        (lambda data: changed(data, b"\x20\x20\x04\x02", b"\x40\x20\x04\x02"), "is scalable, in 2"),
        (lambda data: changed(data, b"\x20\x20\x04\x02", b"\x20\xb0\x04\x02"), "speaker_layout 11"),
        (lambda data: changed(data, b"\x20\x20\x04\x02", b"\x20\x70\x04\x02"), "4 substreams for"),
        (lambda data: data[:40], "has no audio"),
        (lambda data: b"\xf8\x06iamf\0\0", "has no audio element"),
        (
            lambda data: b"\xf8\x06iamf\0\0" + b"\x00\xff\xff\xff\xff\xff\xff\xff\xff\x01",
            "truncated",
        ),
        (lambda data: b"\xf8\x06iamf\0\0\x08\x01\x80", "shorter than"),
    ],
)
def test_damaged_and_foreign_files_are_refused_in_one_sentence(tmp_path, change, problem):
    path = written(tmp_path, "5.1", noise(6))
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(AudioFileError, match=rf"song\.iamf \(IAMF\).*({problem})"):
        read(path)


def test_random_damage_is_never_another_exception(tmp_path, rng):
    for suffix in (".iamf", ".iamf.mp4"):
        path = written(tmp_path, "stereo", noise(2, 3000), suffix)
        data = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(150):
            damaged = data.copy()
            places = rng.integers(0, min(len(data), 900), 3)
            damaged[places] = rng.integers(0, 256, 3)
            path.write_bytes(damaged.tobytes()[: rng.integers(len(data) // 2, len(data) + 1)])
            try:
                audio = read(path)
                assert np.isfinite(audio.samples).all()
            except AudioFileError:
                pass


@pytest.mark.parametrize("suffix", [".iamf", ".iamf.mp4"])
@pytest.mark.parametrize("subtype", ["PCM_24", "OPUS"])
@pytest.mark.parametrize("name", ["stereo", "5.1", "7.1.4", "ambix1", "ambix3"])
def test_iamf_sentinel_has_no_warning(tmp_path, name, subtype, suffix):
    if subtype == "OPUS":
        pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    form = get_format(name)
    path = written(tmp_path, form, 0.5 * noise(form.n_channels, RATE), suffix, subtype=subtype)
    report = run("sentinel", "validate", path)
    assert "0 FAIL" in report
    # Advice on the codec string of every file of coded audio in MP4.
    report = report.replace("[WARN] S-403", "")
    assert "[WARN]" not in report


@pytest.mark.slow  # 80 s of the processor
def test_an_hour_of_7_1_4_needs_less_than_300_mb(tmp_path):
    """Silence, as the file is then small; the tables of frames are those of any audio."""
    pytest.importorskip("av", reason="no wheel of PyAV for this Python")
    path = tmp_path / "hour.iamf.mp4"
    program = (
        "import re, numpy as np\n"
        "from spatialkit.files import write_stream\n"
        f"with write_stream({str(path)!r}, 48000, format='7.1.4', subtype='FLAC') as target:\n"
        "    for _ in range(3600):\n"
        "        target.write(np.zeros((12, 48000), np.float32))\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    # Measured 170 MB, of which 65 are FFmpeg.
    assert int(done.stdout) < 300_000
    assert info(path).samples == 3600 * 48000


def test_ffmpeg_names_the_layout(tmp_path):
    if " iamf " not in run("ffmpeg", "-hide_banner", "-demuxers"):
        pytest.skip("FFmpeg older than 7")
    path = written(tmp_path, "7.1.4", noise(12))
    report = run("ffmpeg", "-hide_banner", "-i", path, "-map", "0:0", "-f", "null", "-")
    assert "12 channels (FL+FR+SL+SR+BL+BR+TFL+TFR+TBL+TBR+FC+LFE)" in report
    assert "Layout #1: 7.1.4" in report
