"""Audio files in blocks: equal to the whole, in constant memory, of any length."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tracemalloc
import warnings
from contextlib import suppress

import numpy as np
import pytest
import soundfile
import soxr
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import (
    AudioFileError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitWarning,
)
from spatialkit.files import info, read, stream, wave, write, write_stream
from spatialkit.files.sound import BLOCK_SIZE
from spatialkit.layouts import Layout, get_layout
from spatialkit.sample import sample_path


def noise(channels, samples, seed=0, dtype=np.float32):
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (channels, samples)).astype(dtype)


def put(path, audio, size, **options):
    """Write in blocks of ``size``."""
    with write_stream(path, options.pop("sample_rate", 48000), **options) as target:
        for start in range(0, audio.shape[1], size):
            target.write(audio[:, start : start + size])
    return target


# Reading


@pytest.mark.parametrize("block", [1, 7, 100, 1000, 1001, 5000])
@pytest.mark.parametrize("sample_rate", [None, 44100])
def test_concatenated_blocks_equal_the_whole(tmp_path, block, sample_rate):
    write(tmp_path / "a.wav", noise(3, 1000), 48000, format="3.0")
    whole = read(tmp_path / "a.wav", sample_rate=sample_rate)
    source = stream(tmp_path / "a.wav", block=block, sample_rate=sample_rate)
    assert (source.sample_rate, source.format) == (whole.sample_rate, whole.format)
    assert (source.channels, source.samples) == whole.samples.shape
    assert source.duration == whole.duration
    parts = list(source)
    assert {part.shape[1] for part in parts[:-1]} <= {block}
    assert 1 <= parts[-1].shape[1] <= block
    assert all(part.flags.c_contiguous and part.flags.owndata for part in parts)
    joined = np.concatenate(parts, axis=1)
    # soxr works in float64 and rounds once, wherever the input is cut.
    np.testing.assert_allclose(joined, whole.samples, rtol=0, atol=1e-7 if sample_rate else 0)


def test_stream_reorders_channels(tmp_path):
    data = noise(7, 300)
    write(tmp_path / "a.wav", data, 48000)
    header = bytearray((tmp_path / "a.wav").read_bytes())
    at = header.index(b"fmt ") + 28
    header[at : at + 4] = struct.pack("<I", 0x13F)  # FL FR FC LFE BL BR BC
    (tmp_path / "a.wav").write_bytes(header)
    with stream(tmp_path / "a.wav", block=128) as source:
        assert source.format == get_layout("6.1")
        assert np.array_equal(np.hstack(list(source)), data[[0, 1, 2, 3, 6, 4, 5]])
    with stream(tmp_path / "a.wav", format="7.0", force_format=True) as source:
        assert source.format == get_layout("7.0")
        assert np.array_equal(next(source), data)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize(("start", "stop"), [(0, 1), (1, 1000), (999, None), (70000, 70000)])
def test_a_range_equals_the_slice_of_the_whole(tmp_path, name, start, stop):
    write(tmp_path / name, noise(2, 70000), 48000)
    whole = read(tmp_path / name).samples[:, start:stop]
    assert np.array_equal(read(tmp_path / name, start=start, stop=stop).samples, whole)
    with stream(tmp_path / name, block=77, start=start, stop=stop) as source:
        assert source.samples == whole.shape[1]
        assert np.array_equal(np.hstack([whole[:, :0], *source]), whole)


def test_a_range_is_resampled_like_a_file_of_its_length(tmp_path):
    audio = noise(2, 9000)
    write(tmp_path / "a.wav", audio, 48000)
    write(tmp_path / "b.wav", audio[:, 4000:8000], 48000)
    part = read(tmp_path / "a.wav", sample_rate=44100, start=4000, stop=8000).samples
    assert np.array_equal(part, read(tmp_path / "b.wav", sample_rate=44100).samples)


def test_a_stream_ends_when_it_is_closed(tmp_path):
    write(tmp_path / "a.wav", noise(1, 100), 48000)
    with stream(tmp_path / "a.wav", block=10, dtype="float64") as source:
        assert next(source).dtype == np.float64
    assert list(source) == []


def test_a_stream_of_an_empty_file_has_no_blocks(tmp_path):
    write(tmp_path / "a.wav", np.zeros((2, 0)), 48000)
    assert list(stream(tmp_path / "a.wav")) == []
    assert list(stream(tmp_path / "a.wav", sample_rate=8000)) == []


def test_errors_in_audio_data_are_raised_by_the_iteration(tmp_path):
    write(tmp_path / "a.flac", noise(2, 50000), 48000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[len(data) // 3 : len(data) // 2] = bytes(len(data) // 2 - len(data) // 3)
    (tmp_path / "a.flac").write_bytes(data)
    source = stream(tmp_path / "a.flac", block=1000)
    with source, pytest.raises(AudioFileError, match=r"a\.flac is (damaged|truncated)"):
        list(source)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"block": 0}, "block must be at least 1"),
        ({"sample_rate": 0}, "sample_rate must be from 1 to 10000000 Hz"),
        ({"sample_rate": 44100.5}, "sample_rate must be"),
        ({"dtype": "int16"}, "unknown dtype 'int16'"),
        ({"start": -1}, "start of .*ogg must be from 0 to"),
        ({"start": 3, "stop": 2}, "start of .*ogg must be from 0 to 2, got 3"),
        ({"stop": 1323001}, "stop of .*ogg must be from 0 to"),
    ],
)
def test_invalid_options_of_stream_are_rejected(options, words):
    with pytest.raises(OptionError, match=words):
        stream(sample_path(), **options)


def test_warnings_of_stream_refer_to_its_caller(tmp_path):
    write(tmp_path / "a.wav", noise(8, 10), 48000, format="7.1")
    data = (tmp_path / "a.wav").read_bytes()
    (tmp_path / "a.wav").write_bytes(data.replace(b"\x3f\x06\x00\x00", b"\xff\x00\x00\x00", 1))
    with pytest.warns(SpatialkitWarning, match="0xff") as caught, stream(tmp_path / "a.wav"):
        pass
    assert [warning.filename for warning in caught] == [__file__]


def test_a_length_beyond_memory_raises_one_sentence(tmp_path):
    write(tmp_path / "a.flac", noise(8, 1000), 48000)
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] |= 0x0F  # of STREAMINFO: the upper bits of 36 that count the samples
    data[22:26] = b"\xff" * 4
    (tmp_path / "a.flac").write_bytes(data)
    with pytest.raises(AudioFileError, match=r"specifies \d+ samples|damaged|truncated") as refusal:
        read(tmp_path / "a.flac", dtype="float64")
    assert "\n" not in str(refusal.value)


# Writing


@pytest.mark.parametrize("name", ["a.wav", "a.flac"])
@pytest.mark.parametrize("known", [True, False])
@given(sizes=st.lists(st.integers(0, 300), min_size=1, max_size=5))
def test_blocks_of_any_size_make_the_file_that_write_makes(tmp_path_factory, name, known, sizes):
    folder = tmp_path_factory.mktemp("blocks")
    audio = noise(5, sum(sizes) + 1, dtype=np.float64)
    write(folder / f"whole-{name}", audio, 48000, format="paper5", subtype="PCM_16", dither="tpdf")
    options = {"samples": audio.shape[1]} if known else {}
    path = folder / name
    with write_stream(
        path, 48000, format="paper5", subtype="PCM_16", dither="tpdf", **options
    ) as target:
        start = 0
        for size in [*sizes, 1]:
            target.write(audio[:, start : start + size])
            start += size
            assert target.samples == start
    whole = read(folder / f"whole-{name}")
    assert np.array_equal(read(path).samples, whole.samples)
    assert read(path).format == get_layout("5.0")
    if known:
        assert path.read_bytes() == (folder / f"whole-{name}").read_bytes()


def test_memory_holds_a_few_blocks_only(tmp_path):
    audio = noise(2, BLOCK_SIZE)
    block = audio.nbytes
    tracemalloc.start()
    with write_stream(
        tmp_path / "a.wav", 48000, format="stereo", subtype="PCM_24", peak_guard=True
    ) as target:
        for _ in range(20):
            target.write(audio)
    with stream(tmp_path / "a.wav", sample_rate=44100) as source:
        count = sum(part.shape[1] for part in source)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == round(20 * BLOCK_SIZE * 44100 / 48000)
    assert peak < 8 * block  # the file: 20 blocks


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("guard", [False, True])
def test_an_error_between_blocks_leaves_nothing(tmp_path, name, guard):
    def fail():
        with write_stream(tmp_path / name, 48000, channels=2, peak_guard=guard) as target:
            target.write(noise(2, 1000))
            raise FileNotFoundError("of someone else")

    with pytest.raises(FileNotFoundError, match="of someone else"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_after_a_rejected_block_no_file_is_written(tmp_path):
    def fail():
        with write_stream(tmp_path / "a.wav", 48000, channels=2) as target:
            target.write(noise(2, 1000))
            with pytest.raises(SignalError, match=r"from sample 1000 holds? nan at index"):
                target.write(np.full((2, 3), np.nan))

    with pytest.raises(AudioFileError, match="writing of a block failed"):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("count", "options", "error", "words"),
    [
        (99, {"samples": 100}, ShapeError, "number of samples of .* must be 100 .*, got 99"),
        (101, {"samples": 100}, ShapeError, "number of samples of .* must be 100 .*, got 101"),
        (0, {"name": "a.flac"}, AudioFileError, "FLAC does not support 0 samples"),
        (0, {"name": "a.ogg"}, AudioFileError, "Ogg does not support 0 samples"),
        (9, {"format": "5.0"}, ShapeError, "channels must be 5 for format '5.0', got 2"),
        (9, {"channels": None}, OptionError, "specify format or channels"),
        (9, {"channels": 3}, ShapeError, "must have 3 channels"),
        (9, {"channels": 20000}, AudioFileError, "at most 16383 channels of FLOAT"),
        (9, {"samples": -1}, OptionError, "samples must be at least 0"),
        (9, {"dither": "tpdf"}, OptionError, "dither must be None for subtype FLOAT"),
        (9, {"dither": "noise"}, OptionError, "unknown dither 'noise'. Accepted: 'tpdf'"),
        (9, {"seed": -1}, OptionError, "seed must be at least 0"),
    ],
)
def test_rejected_arguments_of_write_stream_leave_no_file(tmp_path, count, options, error, words):
    options = {"channels": 2, "name": "a.wav", **options}
    path = tmp_path / options.pop("name")

    def fail():
        with write_stream(path, 48000, **options) as target:
            target.write(noise(2, count))

    with pytest.raises(error, match=words):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("guard", [False, True])
def test_a_disk_that_fills_between_blocks_raises_an_error(tmp_path, name, guard):
    resource = pytest.importorskip("resource")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fail():
        with write_stream(tmp_path / name, 48000, channels=2, peak_guard=guard) as target:
            for seed in range(30):
                target.write(noise(2, 10000, seed))

    resource.setrlimit(resource.RLIMIT_FSIZE, (50000, limits[1]))
    try:
        with pytest.raises(AudioFileError, match="cannot be written: File too large"):
            fail()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_appears_meanwhile_is_kept(tmp_path):
    def race():
        with write_stream(tmp_path / "a.wav", 48000, channels=1) as target:
            target.write(np.zeros(100))
            (tmp_path / "a.wav").write_text("of someone else")

    with pytest.raises(AudioFileError, match="exists; pass overwrite=True"):
        race()
    assert (tmp_path / "a.wav").read_text() == "of someone else"
    assert os.listdir(tmp_path) == ["a.wav"]


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL is of POSIX")
def test_a_killed_writer_leaves_no_file_under_the_name(tmp_path):
    """SIGKILL after some blocks: what is there has another name."""
    script = (
        "import os, signal, numpy as np\n"
        "from spatialkit.files import write_stream\n"
        f"with write_stream({str(tmp_path / 'a.wav')!r}, 48000, channels=2) as target:\n"
        "    for _ in range(5):\n"
        "        target.write(np.zeros((2, 50000)))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    assert not (tmp_path / "a.wav").exists()
    assert all(name.startswith(".spatialkit-") for name in os.listdir(tmp_path))


# RF64 and BW64


def sparse_wave(path, samples, kind=b"RF64", channels=2):
    """A file whose sound is a hole, except the last sample."""
    header, size = wave.wave_header(channels, samples, 48000, "FLOAT", 0x3)
    with path.open("wb") as file:
        file.write(header.replace(b"RF64", kind, 1))
        file.truncate(size)
        file.seek(size - 8)
        file.write(struct.pack("<2f", 0.25, -0.5))
    return header, size


LONG = 2**29 + 12345  # samples of stereo in float: 4 GiB and a little


@pytest.mark.parametrize("kind", [b"RF64", b"BW64"])
def test_more_than_four_gib_are_read_to_the_last_sample(tmp_path, kind):
    path = tmp_path / "long.wav"
    try:
        sparse_wave(path, LONG, kind)
    except OSError:
        pytest.skip("no sparse files here")
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip("no sparse files here")
    facts = info(path)
    assert (facts.container, facts.samples) == (kind.decode(), LONG)
    assert (facts.format, facts.wave_mask) == (get_layout("stereo"), 0x3)
    with stream(path, block=2**16) as source:
        assert (source.samples, next(source).any()) == (LONG, False)
        source._sound.seek(LONG - 1)
        assert source._sound.read(1, "float32").tolist() == [[0.25, -0.5]]


def test_rf64_has_its_sizes_in_ds64(tmp_path):
    """Oracle: EBU Tech 3306, table of the ds64 chunk, and libsndfile."""
    header, size = wave.wave_header(2, LONG, 48000, "FLOAT", 0x3)
    assert header[:16] == b"RF64\xff\xff\xff\xffWAVEds64"
    riff, data, samples, table = struct.unpack_from("<QQQI", header, 20)
    assert struct.unpack_from("<I", header, 16) == (28,)
    assert (riff, data, samples, table) == (size - 8, LONG * 8, LONG, 0)
    assert header[-8:] == b"data\xff\xff\xff\xff"
    path = tmp_path / "long.wav"
    sparse_wave(path, LONG)
    assert soundfile.info(path).frames == LONG


def test_riff_ends_where_its_size_does():
    """The last RIFF has 2**32 - 2 bytes behind its size: 2**32 - 1 means that it is unknown."""
    for samples, kind in [(2**32 - 2 - 36, b"RIFF"), (2**32 - 36, b"RF64")]:
        for reserve in (False, True):
            count = samples // 2 - 18 * reserve
            header, size = wave.wave_header(1, count, 48000, "PCM_16", 0x4, reserve=reserve)
            assert header[:4] == kind
            assert size - len(header) == 2 * count


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("channels", [1, 2, 12])
@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_long_files_become_rf64(tmp_path, monkeypatch, known, channels, subtype):
    """The limit is lowered for the test; nothing else depends on it."""
    audio = noise(channels, 1001)
    options = {"samples": 1001} if known else {}
    options |= {"channels": channels, "subtype": subtype}
    put(tmp_path / "short.wav", audio, 100, **options)
    monkeypatch.setattr(wave, "MAX_RIFF_SIZE", 2000)
    put(tmp_path / "long.wav", audio, 100, **options)
    short, long = ((tmp_path / name).read_bytes() for name in ("short.wav", "long.wav"))
    assert short[:4] + short[8:12] == b"RIFFWAVE"
    assert struct.unpack_from("<I", short, 4) == (len(short) - 8,)
    assert short[12:16] == (b"fmt " if known else b"JUNK")
    assert long[:16] == b"RF64\xff\xff\xff\xffWAVEds64"
    assert struct.unpack_from("<Q", long, 20) == (len(long) - 8,)
    assert len(long) - len(short) == (36 if known else 0)
    assert np.array_equal(read(tmp_path / "long.wav").samples, read(tmp_path / "short.wav").samples)
    frames, _ = soundfile.read(tmp_path / "long.wav", dtype="float32", always_2d=True)
    np.testing.assert_allclose(frames.T, audio, rtol=0, atol=2**-24)
    assert info(tmp_path / "long.wav").container == "RF64"


def test_bw64_is_read_as_rf64_is(tmp_path, monkeypatch):
    monkeypatch.setattr(wave, "MAX_RIFF_SIZE", 0)
    audio = noise(12, 300)
    write(tmp_path / "a.wav", audio, 48000, format="7.1.4")
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[:4] = b"BW64"
    data[36:44] = bytes(8)  # BS.2088 has a dummy where RF64 counts samples
    (tmp_path / "a.wav").write_bytes(data)
    back = read(tmp_path / "a.wav")
    assert back.format == get_layout("7.1.4")
    assert np.array_equal(back.samples, audio)
    assert info(tmp_path / "a.wav").container == "BW64"
    small = bytes(data).replace(b"data\xff\xff\xff\xff", b"data" + struct.pack("<I", 12 * 4 * 300))
    (tmp_path / "a.wav").write_bytes(small)
    assert np.array_equal(read(tmp_path / "a.wav").samples, audio)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "specifies 2400 bytes of audio, the file contains 2399"),
        (lambda data: data.replace(b"ds64", b"JUNK"), "has no ds64 chunk"),
        (lambda data: data[:28] + b"\xee" * 8 + data[36:], r"specifies 17216961135462248174 bytes"),
        (lambda data: data[:16] + b"\x08" + data[17:], "truncated ds64 chunk"),
        (lambda data: data[:40], "truncated ds64 chunk"),
    ],
)
def test_rf64_with_contradicting_sizes_is_rejected(tmp_path, monkeypatch, change, words):
    monkeypatch.setattr(wave, "MAX_RIFF_SIZE", 0)
    write(tmp_path / "a.wav", noise(2, 300), 48000)
    (tmp_path / "a.wav").write_bytes(change((tmp_path / "a.wav").read_bytes()))
    with pytest.raises(AudioFileError, match=words):
        read(tmp_path / "a.wav")


def test_invalid_offsets_in_a_header_raise_one_sentence(tmp_path, capfd):
    """Sizes in an AIFF file: libsndfile follows them to before the start of the file."""
    soundfile.write(tmp_path / "a.aiff", noise(2, 100).T, 48000, subtype="PCM_16")
    data = (tmp_path / "a.aiff").read_bytes()
    for at in range(12, 60):
        (tmp_path / "a.aiff").write_bytes(data[:at] + b"\xff" * 8 + data[at + 8 :])
        with suppress(AudioFileError):
            read(tmp_path / "a.aiff")
    assert capfd.readouterr().err == ""


@given(st.data())
def test_random_headers_never_crash_the_reader(tmp_path_factory, data):
    """Any bytes in any place of the header give a sound or one sentence."""
    path = tmp_path_factory.mktemp("fuzz") / "a.wav"
    kind = data.draw(st.sampled_from([b"RIFF", b"RF64", b"BW64"]))
    header, _ = wave.wave_header(2, 20, 48000, "FLOAT", 0x3, reserve=True)
    content = bytearray(kind + header[4:] + bytes(160))
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(4, len(content) - 1))
        change = data.draw(st.binary(min_size=1, max_size=8))
        content[at : at + len(change)] = change
    path.write_bytes(content[: data.draw(st.integers(4, len(content)))])
    with warnings.catch_warnings(action="ignore"):
        try:
            said = f"{path} {read(path).samples.shape}"
        except AudioFileError as refusal:
            said = str(refusal)
    assert str(path) in said
    assert "\n" not in said


# Dither and the peak guard


def test_the_error_with_dither_is_independent_of_the_signal(tmp_path):
    """Closed form: TPDF and rounding err by 2/12 + 1/12 of a step squared, whatever is rounded."""
    for constant in (0.0, 0.25, 0.5):
        audio = np.full((2, 200000), constant / 32768)
        write(tmp_path / "a.wav", audio, 48000, subtype="PCM_16", dither="tpdf", overwrite=True)
        error = (read(tmp_path / "a.wav", dtype="float64").samples - audio) * 32768
        # 400,000 errors: standard deviations of the mean 0.0008, of the variance about 0.0006.
        assert np.mean(error) == pytest.approx(0.0, abs=0.004)
        assert np.var(error) == pytest.approx(0.25, abs=0.004)
        assert abs(np.corrcoef(error)[0, 1]) < 0.012  # 5 / sqrt(200000)


def test_dither_is_the_same_for_the_same_seed(tmp_path):
    def written(seed):
        write(
            tmp_path / "a.flac",
            np.zeros((1, 999)),
            48000,
            dither="tpdf",
            seed=seed,
            overwrite=True,
        )
        return read(tmp_path / "a.flac").samples

    assert np.array_equal(written(1), written(1))
    assert not np.array_equal(written(1), written(2))
    assert np.abs(written(1)).max() == 2**-23


def test_dither_at_full_scale_does_not_wrap(tmp_path):
    audio = np.repeat([[1.0], [-1.0]], 5000, axis=1)
    write(tmp_path / "a.wav", audio, 48000, subtype="PCM_16", dither="tpdf")
    assert np.abs(read(tmp_path / "a.wav").samples - audio).max() <= 2 / 32768


@pytest.mark.parametrize("dither", [None, "tpdf"])
@pytest.mark.parametrize(("name", "subtype"), [("a.wav", "PCM_16"), ("a.flac", "PCM_24")])
def test_the_peak_guard_scales_all_samples_with_a_warning(tmp_path, name, subtype, dither):
    audio = 2.0 * noise(2, BLOCK_SIZE + 1000, dtype=np.float64)
    audio[1, 70] = -3.0
    words = r"peak of 3, the maximum of PCM_\d\d is 1; all are scaled by -9\.54 dB"
    options = {"format": "stereo", "subtype": subtype, "peak_guard": True, "dither": dither}
    with pytest.warns(SpatialkitWarning, match=words) as caught:
        write(tmp_path / name, audio, 48000, **options)
    assert caught[0].filename == __file__
    with pytest.warns(SpatialkitWarning, match=words) as caught:
        target = put(tmp_path / f"blocks-{name}", audio, 10000, **options)
    assert caught[0].filename == __file__
    back = read(tmp_path / name, dtype="float64").samples
    gain = 10 ** (target.gain_db / 20)
    assert gain == pytest.approx(1 / 3, rel=2e-4)
    step = 2.0 ** (1 - int(subtype[-2:]))
    assert np.abs(back - gain * audio).max() <= (1.5 if dither else 0.5) * step * (1 + 1e-6)
    assert np.array_equal(read(tmp_path / f"blocks-{name}", dtype="float64").samples, back)
    assert {path.name for path in tmp_path.iterdir()} == {name, f"blocks-{name}"}


def test_the_peak_guard_does_not_scale_samples_in_range(tmp_path):
    audio = noise(2, 3000)
    target = put(tmp_path / "a.wav", audio, 999, channels=2, subtype="PCM_24", peak_guard=True)
    write(tmp_path / "b.wav", audio, 48000, subtype="PCM_24")
    assert target.gain_db == 0.0
    assert np.array_equal(read(tmp_path / "a.wav").samples, read(tmp_path / "b.wav").samples)
    write(tmp_path / "c.wav", 4 * audio, 48000, peak_guard=True)  # FLOAT holds it
    assert np.array_equal(read(tmp_path / "c.wav").samples, 4 * audio)


def test_the_error_of_a_block_beyond_full_scale_contains_its_start(tmp_path):
    def fail():
        with write_stream(tmp_path / "a.wav", 48000, channels=1, subtype="PCM_16") as target:
            target.write(np.zeros(100))
            target.write(np.array([1.5]))

    with pytest.raises(SignalError, match=r"from sample 100 have a peak of 1\.5, .* peak_guard"):
        fail()


# Sample rates


@given(
    st.integers(0, 3000),
    st.sampled_from([8000, 11025, 44100, 48000, 96000, 12345]),
    st.sampled_from([8000, 22050, 44100, 48000, 192000, 7]),
    st.integers(1, 700),
)
def test_resampled_audio_has_exactly_its_duration(tmp_path_factory, samples, rate, new_rate, block):
    path = tmp_path_factory.mktemp("rate") / "a.wav"
    write(path, np.zeros((2, samples)), rate)
    parts = list(stream(path, block=block, sample_rate=new_rate))
    assert sum(part.shape[1] for part in parts) == round(samples * new_rate / rate)
    assert read(path, sample_rate=new_rate).samples.shape[1] == round(samples * new_rate / rate)


@pytest.mark.parametrize("new_rate", [44100, 96000, 16000])
def test_resampled_tones_keep_their_time_and_frequency(tmp_path, new_rate):
    """Closed form: a sine of the same frequency at the new instants."""
    phase = 2 * np.pi * 1000.3 / 48000 * np.arange(48000)
    audio = 0.5 * np.stack([np.sin(phase), np.cos(phase)])
    write(tmp_path / "a.wav", audio, 48000, subtype="DOUBLE")
    back = read(tmp_path / "a.wav", sample_rate=new_rate, dtype="float64")
    assert back.sample_rate == new_rate
    phase = 2 * np.pi * 1000.3 / new_rate * np.arange(new_rate)
    expected = 0.5 * np.stack([np.sin(phase), np.cos(phase)])
    inside = slice(2000, -2000)  # beyond the reach of the filter at the ends
    # soxr "VHQ" is made for 28 bits: 2**-28 of full scale is 4e-9, its ripple some 1e-7.
    np.testing.assert_allclose(back.samples[:, inside], expected[:, inside], rtol=0, atol=1e-6)


def test_streamed_resampling_equals_that_of_the_whole(tmp_path):
    audio = noise(2, 100000)
    write(tmp_path / "a.wav", audio, 44100)
    expected = soxr.resample(audio.T, 44100, 48000, quality="VHQ").T
    back = read(tmp_path / "a.wav", sample_rate=48000).samples
    np.testing.assert_allclose(back, expected, rtol=0, atol=1e-6)  # float32 of another order


def test_the_rate_of_the_file_needs_no_resampling(tmp_path):
    audio = noise(2, 5000)
    write(tmp_path / "a.wav", audio, 44100)
    assert np.array_equal(read(tmp_path / "a.wav", sample_rate=44100).samples, audio)


# Ogg


@pytest.mark.parametrize(
    ("name", "subtype", "kind"),
    [("a.ogg", None, "VORBIS"), ("a.ogg", "OPUS", "OPUS"), ("a.opus", None, "OPUS")],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_ogg_keeps_channels_length_and_time(tmp_path, name, subtype, kind, channels):
    time = np.arange(3 * BLOCK_SIZE + 77) / 48000
    audio = 0.3 * np.sin(2 * np.pi * np.array([[300.0], [700.0]])[:channels] * time)
    write(tmp_path / name, audio, 48000, subtype=subtype)
    facts = info(tmp_path / name)
    assert (facts.container, facts.subtype, facts.samples) == ("OGG", kind, audio.shape[1])
    back = read(tmp_path / name)
    assert back.format == get_layout("mono" if channels == 1 else "stereo")
    # Lossy: the error of a steady tone lies some 30 dB below it, channels swapped at +3 dB.
    error = back.samples[:, 5000:-5000] - audio[:, 5000:-5000]
    assert np.sum(error**2) < 10**-2.5 * np.sum(audio**2)


def test_two_minutes_of_vorbis_in_one_array_do_not_crash(tmp_path):
    """Oracle of the fault: one such write through libsndfile ends the interpreter."""
    audio = np.zeros((2, 120 * 48000), np.float32)
    write(tmp_path / "a.ogg", audio, 48000)
    assert info(tmp_path / "a.ogg").duration == 120.0


@pytest.mark.parametrize("rate", [8000, 12000, 16000, 24000, 48000])
def test_opus_has_five_rates(tmp_path, rate):
    write(tmp_path / "a.opus", noise(1, 999), rate)
    assert info(tmp_path / "a.opus").sample_rate == rate


LEFT = Layout("left", ["SL"], [90.0])


@pytest.mark.parametrize(
    ("name", "channels", "options", "error", "words"),
    [
        ("a.ogg", 6, {}, AudioFileError, "mono and stereo only, got 6 channels; use .wav, .flac"),
        ("a.opus", 3, {}, AudioFileError, "Opus cannot express channels without format; use .wav"),
        ("a.opus", 2, {"rate": 44100}, OptionError, "one of 8000, 12000, 16000, 24000, 48000"),
        (
            "a.opus",
            2,
            {"subtype": "VORBIS"},
            OptionError,
            "'VORBIS'. Accepted: 'OPUS'",
        ),
        (
            "a.ogg",
            1,
            {"format": Layout("one", ["SL"], [90.0])},
            AudioFileError,
            "mono and stereo only, got one; use .wav",
        ),
        ("a.ogg", 1, {"scale": 2.0}, SignalError, "maximum of VORBIS is 1; .* peak_guard=True"),
        ("a.ogg", 1, {"rate": 0}, OptionError, "sample_rate must be"),
        ("a.ogg", 1, {"dither": "tpdf"}, OptionError, "dither must be None for subtype VORBIS"),
    ],
)
def test_unsupported_ogg_files_are_rejected(tmp_path, name, channels, options, error, words):
    rate, scale = options.pop("rate", 48000), options.pop("scale", 1.0)
    with pytest.raises(error, match=words):
        write(tmp_path / name, scale * noise(channels, 1000), rate, **options)
    assert os.listdir(tmp_path) == []
