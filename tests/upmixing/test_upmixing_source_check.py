"""Balance, delay and correlation of the channels of a source."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spatialkit
from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.upmixing import SourceCheck
from spatialkit.upmixing.source_check import CLIPPED

RATE = 48000


@pytest.fixture(scope="module")
def song():
    audio = spatialkit.read(spatialkit.sample_path())
    return audio.samples[:, : 10 * audio.sample_rate], audio.sample_rate


def report_of(audio, sample_rate=RATE):
    check = SourceCheck(sample_rate)
    check.update(audio)
    return check.report()


def delayed(signal, samples):
    """Delay ``signal`` circularly by a fractional number of samples."""
    shift = np.exp(-2j * np.pi * np.fft.rfftfreq(signal.shape[-1]) * samples)
    return np.fft.irfft(np.fft.rfft(signal) * shift, signal.shape[-1])


def test_song_without_problems_has_no_sentences(song):
    report = report_of(*song)
    assert report.sentences() == []
    assert abs(report.balance_db) < 0.5
    assert abs(report.delay_ms) < 0.001
    assert 0.3 < report.correlation < 0.9
    assert (report.is_mono, report.is_near_mono, report.is_reversed) == (False, False, False)
    left, right = song[0].astype(np.float64)
    assert report.balance_db == pytest.approx(10 * np.log10(left.var() / right.var()), abs=1e-9)
    assert report.correlation == pytest.approx(np.corrcoef(left, right)[0, 1], abs=1e-12)
    assert report.peak == np.abs(song[0]).max()
    assert report.seconds == 10.0


@pytest.mark.parametrize("gain_db", [-6.0, -1.2, 1.8])
def test_louder_channel_is_reported(song, gain_db):
    audio, rate = song
    before, report = report_of(audio, rate), report_of(audio * [[10 ** (gain_db / 20)], [1]], rate)
    assert report.balance_db - before.balance_db == pytest.approx(gain_db, abs=1e-6)
    loud, soft = ("left", "right") if gain_db > 0 else ("right", "left")
    level = f"{abs(report.balance_db):.1f}"
    assert report.sentences() == [
        f"The {loud} channel is {level} dB louder than the {soft}: "
        f"centred sources will shift {loud}."
    ]


@pytest.mark.parametrize("samples", [-200, -24.3, -1, 0.25, 0.5, 7.7, 100.1, 220])
def test_fractional_delay_is_found(song, samples):
    audio, rate = song
    late = np.stack([audio[0].astype(np.float64), delayed(audio[1], samples)])
    report = report_of(late, rate)
    # The tolerance covers the interpolation error and the delay of the song itself.
    assert report.delay_ms * rate / 1000 == pytest.approx(samples, abs=0.01)
    sentences = report.sentences()
    if abs(samples) < 2:
        assert sentences == []
    else:
        channel = "right" if samples > 0 else "left"
        assert len(sentences) == 1
        assert sentences[0].startswith(
            f"The {channel} channel is {abs(report.delay_ms):.2f} ms later"
        )


def test_delay_of_noise_is_found_at_every_rate(rng):
    for rate in (8000, 44100, 192000):
        noise = rng.standard_normal(rate)
        report = report_of(np.stack([noise, delayed(noise, rate / 1000)]), rate)
        assert report.delay_ms == pytest.approx(1.0, abs=1e-4)


def test_delay_does_not_depend_on_level(rng):
    noise = rng.standard_normal(48000).astype(np.float32)
    late = np.roll(noise, 24)
    for left, right in ((1e30, 1e30), (1e-4, 1e-4), (1e18, 1e-3)):
        check = SourceCheck(48000)
        check.update(np.stack([np.float32(left) * noise, np.float32(right) * late]))
        assert check.report().delay_ms == pytest.approx(0.5, abs=1e-3)


def test_delay_is_nan_beyond_5_ms_and_for_uncorrelated_channels(song, rng):
    audio, rate = song
    assert math.isnan(report_of(np.stack([audio[0], np.roll(audio[0], 1000)]), rate).delay_ms)
    for samples in (50, 500, 5000, 50000):
        report = report_of(rng.standard_normal((2, samples)))
        assert math.isnan(report.delay_ms)
        assert not report.is_reversed


@pytest.mark.parametrize("samples", [0, 20])
def test_reversed_polarity_is_reported_with_a_delay(song, samples):
    audio, rate = song
    report = report_of(np.stack([audio[0], -np.roll(audio[1], samples)]), rate)
    assert report.is_reversed
    assert report.delay_ms * rate / 1000 == pytest.approx(samples, abs=0.01)
    assert any("opposite polarity" in sentence for sentence in report.sentences())


@given(cuts=st.lists(st.integers(0, 20000), max_size=6))
def test_result_does_not_depend_on_block_size(cuts):
    audio = np.random.default_rng(4).standard_normal((2, 20000)).astype(np.float32)
    audio[1] = np.clip(np.roll(audio[0], 5) + 0.3 * audio[1], -1, 1)
    check = SourceCheck(RATE)
    for block in np.split(audio, sorted(cuts), axis=1):
        check.update(block)
    report, whole = check.report(), report_of(audio)
    assert (report.clipped_runs, report.peak) == (whole.clipped_runs, whole.peak)
    for value in ("balance_db", "delay_ms", "correlation", "dc"):
        # Rounding of float64 sums in a different order.
        assert getattr(report, value) == pytest.approx(getattr(whole, value), abs=1e-12)


def test_report_is_available_between_blocks(rng):
    audio = rng.standard_normal((2, 30000))
    check = SourceCheck(RATE)
    check.update(audio[:, :10000])
    assert check.report() == check.report()
    check.update(audio[:, 10000:])
    assert check.report().balance_db == pytest.approx(report_of(audio).balance_db, abs=1e-12)


def test_identical_channels_are_reported_but_mono_is_not(song):
    audio, rate = song
    both = report_of(audio[[0, 0]] * np.float32([[0.9], [1.0]]), rate)
    assert both.is_mono
    assert both.delay_ms == pytest.approx(0.0, abs=1e-6)
    assert both.sentences() == [
        "The left and right channels are identical: all sources are centred."
    ]
    near = report_of(audio.mean(axis=0) + 0.08 * audio, rate)
    assert near.is_near_mono
    assert not near.is_mono
    assert "nearly identical" in near.sentences()[0]
    alone = report_of(audio[0], rate)
    assert (alone.channels, alone.balance_db, alone.is_mono) == (1, 0.0, True)
    assert alone.sentences() == []


def test_silence_is_reported(rng):
    noise = 0.1 * rng.standard_normal(9000)
    assert SourceCheck(RATE).report().sentences() == []
    silent = report_of(np.zeros((2, 9000)))
    assert silent.sentences() == ["The source is silent."]
    assert math.isnan(silent.balance_db)
    assert math.isnan(silent.correlation)
    (steady,) = report_of(np.full((2, 1), 0.5)).sentences()
    assert steady.startswith("The source is constant")
    left = report_of(np.stack([noise, 0 * noise]))
    assert left.balance_db == math.inf
    assert math.isnan(left.delay_ms)
    assert left.sentences() == ["The right channel is silent: all sources are on the left."]
    assert report_of(np.stack([0 * noise, noise])).balance_db == -math.inf


def test_runs_at_full_scale_are_counted_once_each():
    audio = np.zeros((2, 100))
    audio[0, 10:13] = 1.0
    audio[0, 20:22] = 1.0  # two samples are a peak
    audio[0, 30:60] = -1.0
    audio[1, 97:] = CLIPPED
    check = SourceCheck(RATE)
    for sample in audio.T:
        check.update(sample[:, None])
    report = check.report()
    assert report.clipped_runs == report_of(audio).clipped_runs == 3
    assert "The source clips 3 times." in report.sentences()
    assert "The source clips once." in report_of(audio[:, :20]).sentences()


def test_offset_is_reported_and_does_not_change_the_balance(song):
    audio, rate = song
    report = report_of(audio + np.float32([[0.0], [-0.02]]), rate)
    assert report.dc == pytest.approx(-0.02, abs=1e-3)
    assert report.sentences() == [f"The source has a constant offset of {report.dc:.3f}."]
    assert report.balance_db == pytest.approx(report_of(audio, rate).balance_db, abs=1e-4)


def test_invalid_blocks_raise():
    check = SourceCheck(RATE)
    with pytest.raises(ShapeError, match=r"\(1 or 2, samples\), got \(6, 9\)"):
        check.update(np.zeros((6, 9)))
    with pytest.raises(SignalError, match="block holds nan"):
        check.update(np.full((2, 9), np.nan))
    check.update(np.zeros((2, 0)))
    with pytest.raises(ShapeError, match="1 channels, the blocks before it had 2"):
        check.update(np.zeros(9))
    with pytest.raises(OptionError, match="sample_rate must be"):
        SourceCheck(0)


def test_whole_rates_of_any_type_are_accepted():
    assert SourceCheck(44100.0).sample_rate == 44100
    with pytest.raises(OptionError, match=r"whole number of Hz, got 44100\.5"):
        SourceCheck(44100.5)
