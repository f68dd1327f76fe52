"""Upmixing of files in blocks: equal to the whole, in constant memory."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile

from spatialkit.downmix import DownmixMeter, match_downmix
from spatialkit.errors import (
    AudioFileError,
    SignalError,
    SpatialkitError,
    SpatialkitWarning,
    UpmixerError,
)
from spatialkit.files import info, read, write, write_stream
from spatialkit.layouts import Layout, get_format, get_layout
from spatialkit.metrics import downmix_error
from spatialkit.sample import sample_path
from spatialkit.upmixing import (
    Upmixer,
    UpmixJob,
    UpmixStream,
    file_upmix,
    get_upmixer,
    kept_upmixer,
    registry,
    upmix_file,
)

RATE = 44100
LONG = 150_001  # samples: two blocks and a part


@pytest.fixture
def song(tmp_path, rng):
    """Noise in stereo, three blocks long."""
    path = tmp_path / "song.wav"
    noise = rng.uniform(-0.3, 0.3, (2, LONG)).astype(np.float32)
    write(path, noise, RATE)
    return path


class Late(Upmixer):
    """Upmixer that returns its input, with some latency in a stream."""

    name = "late"
    accepts = (1, 2)
    format = get_layout("stereo")
    made = 0
    surplus = 0

    def __init__(self, **options):
        super().__init__(**options)
        type(self).made += 1

    def _upmix(self, audio, sample_rate):
        return 0.9 * audio[[0, -1]]

    def _stream(self, sample_rate):
        return LateStream(self, sample_rate)


class LateStream(UpmixStream):
    latency = 100_000

    def __init__(self, upmixer, sample_rate):
        super().__init__(upmixer, sample_rate)
        self.held = None

    def _process(self, block):
        new = 0.9 * block[[0, -1]]
        self.held = new if self.held is None else np.concatenate([self.held, new], axis=1)
        ready = max(0, self.held.shape[1] - self.latency)
        out, self.held = self.held[:, :ready], self.held[:, ready:]
        return out

    def _flush(self):
        surplus = self.upmixer.surplus
        if surplus < 0:
            return self.held[:, :surplus]
        return np.concatenate([self.held, np.zeros((2, surplus), self.held.dtype)], axis=1)


@pytest.fixture
def late(monkeypatch):
    monkeypatch.setattr(registry.UPMIXERS, "registered", {"late": Late})
    monkeypatch.setattr(file_upmix, "_cached", {})
    monkeypatch.setattr(Late, "made", 0)
    return Late


@pytest.mark.parametrize(("kind", "subtype"), [("wav", "FLOAT"), ("flac", "PCM_24")])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_file_contains_the_upmix_of_the_whole_signal(tmp_path, rng, kind, subtype, channels):
    noise = rng.uniform(-0.3, 0.3, (channels, LONG)).astype(np.float32)
    write(tmp_path / "in.wav", noise, RATE)
    path = tmp_path / f"out.{kind}"
    made = upmix_file(UpmixJob(tmp_path / "in.wav", path, "matrix", {"layout": "7.1"}))
    expected = get_upmixer("matrix", layout="7.1").upmix(noise, RATE)
    # Nothing is lost in float; in 24 bits half a step.
    assert np.abs(read(path).samples - expected).max() <= (0.0 if kind == "wav" else 2.0**-24)
    assert (info(path).subtype, info(path).format) == (subtype, get_layout("7.1"))
    assert (made.channels, made.samples, made.sample_rate, made.gain_db) == (8, LONG, RATE, 0.0)
    assert made.peak == np.abs(expected).max()
    assert made.source.channels == channels
    assert made.source.peak == np.abs(noise).max()
    # Sums of other blocks in another order: float64.
    downmix_snr = downmix_error(expected, noise, "7.1")
    assert made.downmix_error_db == pytest.approx(float(downmix_snr), abs=1e-9)
    _, correction = match_downmix(expected, noise, "7.1", return_correction=True)
    assert made.downmix_correction_db == pytest.approx(float(correction), abs=1e-9)


def test_latency_does_not_change_the_downmix_snr(song, tmp_path, late):
    made = upmix_file(UpmixJob(song, tmp_path / "out.wav", "late"))
    assert np.array_equal(read(tmp_path / "out.wav").samples, np.float32(0.9) * read(song).samples)
    # A tenth is missing: 20 dB, less the rounding of float32.
    assert made.downmix_error_db == pytest.approx(20.0, abs=1e-5)


@pytest.mark.parametrize(
    ("surplus", "words"), [(3, "more samples than it received"), (-2, "2 samples")]
)
def test_stream_of_another_length_raises(song, tmp_path, late, monkeypatch, surplus, words):
    monkeypatch.setattr(Late, "surplus", surplus)
    with pytest.raises(UpmixerError, match=words) as caught:
        upmix_file(UpmixJob(song, tmp_path / "out.wav", "late"))
    assert str(caught.value).startswith(str(song))
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_upmixer_is_created_once_for_many_files(song, tmp_path, late):
    for name in ("a", "b", "c"):
        upmix_file(UpmixJob(song, tmp_path / f"{name}.wav", "late"))
    assert late.made == 1
    assert kept_upmixer("matrix", {"layout": "5.0"}).format == get_layout("5.0")
    assert kept_upmixer("matrix", {"layout": "5.1"}).format == get_layout("5.1")


def test_integer_encodings_are_scaled_with_a_warning(tmp_path, rng):
    write(tmp_path / "in.wav", rng.uniform(-2.0, 2.0, (2, LONG)).astype(np.float32), RATE)
    job = UpmixJob(tmp_path / "in.wav", tmp_path / "out.flac", "matrix")
    with pytest.warns(SpatialkitWarning, match="all are scaled by -"):
        made = upmix_file(job)
    expected = get_upmixer("matrix").upmix(read(tmp_path / "in.wav").samples, RATE)
    assert made.peak == np.abs(expected).max() > 1.0
    scaled = 10.0 ** (made.gain_db / 20.0) * expected
    assert np.abs(read(tmp_path / "out.flac").samples - scaled).max() < 2.0**-23
    assert np.abs(scaled).max() == pytest.approx(1.0, abs=1e-5)


def test_nan_raises_with_its_position_and_writes_no_file(song, tmp_path):
    noise = read(song).samples
    noise[1, 140_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", noise.T, RATE, subtype="FLOAT")
    where = r"nan.wav from sample 131072 on holds nan at index \(1, 8928\)"
    with pytest.raises(SignalError, match=where):
        upmix_file(UpmixJob(tmp_path / "nan.wav", tmp_path / "out.wav"))
    assert not list(tmp_path.glob("*out*"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("samples", [0, 1])
def test_the_shortest_files_are_upmixed(tmp_path, samples):
    write(tmp_path / "in.wav", np.full((2, samples), 0.5, np.float32), RATE)
    made = upmix_file(UpmixJob(tmp_path / "in.wav", tmp_path / "out.wav"))
    assert made.samples == samples
    assert read(tmp_path / "out.wav").samples.shape == (6, samples)
    assert math.isnan(made.downmix_error_db) == (samples == 0)


def test_invalid_option_values_raise_with_the_option(tmp_path):
    for options, words in (({"layout": ["5.1"]}, "layout"), ({"width": 10**400}, "width must be")):
        with pytest.raises(SpatialkitError, match=words):
            upmix_file(UpmixJob(tmp_path / "a.wav", tmp_path / "b.wav", "matrix", options))


def test_unsupported_channel_count_raises(tmp_path):
    for samples in (0, 10):
        write(tmp_path / "six.wav", np.zeros((6, samples), np.float32), RATE, overwrite=True)
        with pytest.raises(
            UpmixerError, match=r"six.wav has 6 channels.*: upmixer 'ambience' accepts"
        ):
            upmix_file(UpmixJob(tmp_path / "six.wav", tmp_path / "out.wav"))


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "DOUBLE"])
def test_the_requested_encoding_is_written(song, tmp_path, subtype):
    made = upmix_file(UpmixJob(song, tmp_path / "out.wav", "matrix", subtype=subtype))
    assert made.subtype == info(tmp_path / "out.wav").subtype == subtype


def test_an_existing_file_is_kept(song, tmp_path):
    (tmp_path / "out.wav").write_text("mine")
    with pytest.raises(AudioFileError, match="exists"):
        upmix_file(UpmixJob(song, tmp_path / "out.wav"))
    assert (tmp_path / "out.wav").read_text() == "mine"
    upmix_file(UpmixJob(song, tmp_path / "out.wav", overwrite=True))
    assert info(tmp_path / "out.wav").channels == 6


@pytest.mark.parametrize("form", ["5.1", "9.1.6", "ambix2", "0+5+0"])
@pytest.mark.parametrize("channels", [1, 2])
def test_downmix_snrs_are_those_of_the_metrics_for_any_blocks(rng, form, channels):
    format = get_format(form)
    upmix = rng.standard_normal((format.n_channels, 20_000)).astype(np.float32)
    original = rng.standard_normal((channels, 20_000)).astype(np.float32)
    for parts in ([20_000], [1, 9000, 10_999]):
        measured = DownmixMeter.find(format, channels)
        for end in np.cumsum(parts):
            begin = end - parts[np.cumsum(parts).tolist().index(end)]
            measured.add(upmix[:, begin:end], original[:, begin:end])
        expected = float(downmix_error(upmix, original, format))
        assert measured.error_db == pytest.approx(expected, abs=1e-9)
        _, correction = match_downmix(upmix, original, format, return_correction=True)
        assert measured.correction_db == pytest.approx(float(correction), abs=1e-9)
        assert measured.peak == np.abs(upmix).max()


def test_downmix_snrs_of_silence_and_of_layouts_without_a_rule():
    stereo = np.zeros((2, 100))
    silent = DownmixMeter.find(get_layout("5.1"), 2)
    silent.add(np.zeros((6, 100)), stereo)
    assert math.isnan(silent.error_db)
    assert silent.correction_db == -math.inf
    empty = DownmixMeter.find(get_layout("5.1"), 2)
    empty.add(np.zeros((6, 100)), stereo + 0.5)
    assert (empty.error_db, empty.correction_db) == (0.0, math.inf)
    odd = DownmixMeter.find(Layout.from_directions([10.0, 50.0, 200.0]), 2)
    odd.add(np.ones((3, 100)), stereo)
    assert math.isnan(odd.error_db)
    assert math.isnan(odd.correction_db)
    assert odd.peak == 1.0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux says the most memory")
def test_a_minute_needs_the_memory_of_a_few_blocks(tmp_path, rng):
    """A minute of 7.1.4 in float32 is 121 MiB; an hour needs no more than this."""
    block = rng.uniform(-0.1, 0.1, (2, 10 * RATE)).astype(np.float32)
    with write_stream(tmp_path / "long.wav", RATE, format="stereo", subtype="PCM_16") as target:
        for _ in range(6):
            target.write(block)
    write(tmp_path / "short.wav", block[:, : 2 * RATE], RATE)
    script = (
        "import json, re; from spatialkit.upmixing.file_upmix import *;"
        "kib = lambda: int(re.search(r'VmHWM:\\s*(\\d+)', open('/proc/self/status').read())[1]);"
        "made = upmix_file(UpmixJob('short.wav', 'first.wav', options={'layout': '7.1.4'}));"
        "before = kib();"
        "made = upmix_file(UpmixJob('long.wav', 'out.wav', options={'layout': '7.1.4'}));"
        "print(json.dumps([before, kib(), made.samples]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    before, after, samples = json.loads(done.stdout)
    assert samples == 60 * RATE
    assert after - before < 20_000
    assert after < 300_000


@pytest.mark.parametrize("gain", [1.0, 3.0])
@pytest.mark.parametrize("name", ["out.wav", "out.flac"])
def test_the_downmix_of_ambience_is_exact_in_24_bits_and_in_float(tmp_path, name, gain):
    song = read(sample_path()).samples[:, : 5 * RATE]
    write(tmp_path / "in.wav", gain * song, RATE)
    job = UpmixJob(tmp_path / "in.wav", tmp_path / name, "ambience", {"layout": "5.1"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SpatialkitWarning)  # of the peak guard
        made = upmix_file(job)
    assert (made.gain_db < 0.0) == (gain > 1.0 and name == "out.flac")
    stored = read(tmp_path / name).samples
    scale = gain * 10.0 ** (made.gain_db / 20.0)
    assert downmix_error(stored, scale * song, "5.1") > 100.0
