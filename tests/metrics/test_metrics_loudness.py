"""BS.1770: values of the standard, pyloudnorm, and tones of known level."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from spatialkit.ambisonics import encode_ambisonics
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError
from spatialkit.files import resample
from spatialkit.layouts import Layout, get_layout
from spatialkit.metrics import (
    LoudnessMeter,
    TruePeakMeter,
    loudness,
    loudness_range,
    momentary_loudness,
    short_term_loudness,
    true_peak,
)
from spatialkit.metrics.k_weighting import HEAD_SHELF, HIGH_PASS, KWeighting, section_at_rate

RATES = [8000, 11025, 22050, 32000, 44100, 48000, 88200, 96000, 192000]


def sine(frequency: float, rate: float, seconds: float, phase: float = 0.0) -> np.ndarray:
    return np.sin(2.0 * np.pi * frequency / rate * np.arange(int(rate * seconds)) + phase)


def pauses(rng, channels: int, samples: int) -> np.ndarray:
    """Noise with loud, soft and silent sections, so that both gates exclude blocks."""
    level = np.repeat(rng.choice([0.0, 1e-3, 0.05, 0.5], samples // 12_000), 12_000)
    noise = rng.standard_normal((channels, samples))
    noise[..., : level.size] *= level
    return 0.2 * noise


def peer(audio: np.ndarray, rate: int) -> float:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        import pyloudnorm

        return pyloudnorm.Meter(rate, filter_class="DeMan").integrated_loudness(audio.T)


@pytest.mark.parametrize("stage", [HEAD_SHELF, HIGH_PASS])
def test_at_48_khz_the_filters_are_those_of_the_standard(stage):
    np.testing.assert_allclose(section_at_rate(stage, 48000.0), np.concatenate(stage), atol=1e-13)


@pytest.mark.parametrize("rate", RATES)
def test_the_response_is_the_same_at_all_rates(rate):
    """Oracle: the printed tables at 48 kHz, evaluated by SciPy up to half the rate or 20 kHz."""
    from scipy.signal import sosfreqz

    frequencies = np.geomspace(20.0, min(0.499 * rate, 20e3), 200)
    weighting = KWeighting(rate)
    impulse = np.zeros(2 * rate)
    impulse[0] = 1.0
    weighted, _ = weighting.process(impulse, weighting.start(()))
    kernel = np.exp(-2j * np.pi * np.outer(frequencies, np.arange(impulse.size)) / rate)
    standard = np.array([np.concatenate(stage) for stage in (HEAD_SHELF, HIGH_PASS)])
    _, expected = sosfreqz(standard, 2.0 * np.pi * frequencies / 48000.0)
    difference = 20.0 * np.log10(np.abs(kernel @ weighted) / np.abs(expected))
    # The bilinear transform is within 0.008 dB from 44.1 kHz on; below, a filter corrects it.
    assert np.abs(difference).max() < (0.001 if rate < 40000 else 0.01)


def test_states_are_zero_after_silence(rng):
    """Subnormal numbers, which decay forever, are slow on some processors."""
    weighting = KWeighting(48000.0)
    state = weighting.start((1,))
    for block in (rng.standard_normal((1, 48000)), *np.zeros((4, 1, 48000))):
        _, state = weighting.process(block, state)
    assert not state[0].any()


@pytest.mark.parametrize("rate", [8000, 11025, 16000])
def test_low_rates_measure_what_48_khz_measure(rng, rate):
    """Oracle: the same noise converted to 48 kHz and measured there."""
    noise = resample(rng.standard_normal((2, 6 * 48000)), 48000, rate, quality="VHQ")
    noise = noise[:, rate // 2 : -rate // 2]
    expected = loudness(resample(noise, rate, 48000, quality="VHQ"), "stereo", 48000)
    # the conversion cuts the highest 5 % of the band
    assert loudness(noise, "stereo", rate) == pytest.approx(expected, abs=0.05)


@pytest.mark.parametrize(("layout", "channels"), [("mono", 1), ("stereo", 2), ("5.0", 5)])
def test_loudness_equals_pyloudnorm(rng, layout, channels):
    audio = pauses(rng, channels, 240_000)
    ours = loudness(audio, layout, 48000)
    assert ours == pytest.approx(peer(audio, 48000), abs=1e-6)
    assert -60.0 < ours < 0.0


@pytest.mark.parametrize("softer_db", [6.0, 9.0, 9.9, 10.1, 11.0, 12.0, 12.6, 15.0])
def test_the_relative_gate_is_10_lu_below_the_ungated_mean(softer_db):
    """A tone with a softer second half, which is in the mean as long as it is above the gate.

    The ungated mean of both lies 2.8 to 2.1 dB below the louder half for what is softer by 9 to
    15 dB, so the gate opens at about 12.6.
    """
    tone = sine(997.0, 48000, 10.0)
    tone[240_000:] *= 10.0 ** (-softer_db / 20.0)
    assert loudness(tone, "mono", 48000) == pytest.approx(peer(tone[None], 48000), abs=1e-6)


@pytest.mark.parametrize("rate", [22050, 44100, 96000])
def test_loudness_at_other_rates_is_close_to_pyloudnorm(rng, rate):
    """pyloudnorm keeps the numerator (1, -2, 1), up to 0.05 dB from the response at 48 kHz."""
    audio = pauses(rng, 2, 5 * rate)
    assert loudness(audio, "stereo", rate) == pytest.approx(peer(audio, rate), abs=0.06)


@pytest.mark.parametrize("rate", RATES)
def test_a_full_scale_sine_at_997_hz_has_minus_3_01(rate):
    """BS.1770-5, annex 1: at 0 dBFS in one front channel, -3.01 LKFS."""
    tone = sine(997.0, rate, 3.0)
    assert loudness(tone, "mono", rate) == pytest.approx(-3.01, abs=0.01)


def test_channel_weights_depend_on_directions():
    """1.5 dB more from 60 to 120 degrees below 30 degrees of elevation; no LFE."""
    tone = sine(997.0, 48000, 1.0)
    azimuth = [59.0, 60.0, -120.0, 121.0, 90.0, 90.0, 270.0, 180.0]
    elevation = [0.0, 0.0, 29.0, 0.0, 30.0, -29.0, 0.0, 0.0]
    layout = Layout.from_directions(azimuth, elevation)
    alone = np.eye(8)[:, :, None] * tone
    heavier = 10.0 * np.log10(1.41)
    expected = np.array([0, 1, 1, 0, 0, 1, 1, 0]) * heavier + loudness(tone, "mono", 48000)
    np.testing.assert_allclose(loudness(alone, layout, 48000), expected, atol=1e-10)
    surround = np.zeros((6, tone.size))
    surround[3] = tone
    assert loudness(surround, "5.1", 48000) == -np.inf
    assert loudness(surround, None, 48000) == pytest.approx(loudness(tone, "mono", 48000))


def test_the_gates_exclude_pauses():
    """EBU Tech 3341, case 3: 10 s at -36, 60 s at -23, 10 s at -36 dBFS have -23.0 +- 0.1."""
    steps = np.repeat([-36.0, -23.0, -36.0], [10, 60, 10])
    gain = np.repeat(10.0 ** (steps / 20.0), 32_000)
    stereo = np.stack([sine(1000.0, 32_000, 80.0)] * 2) * gain
    assert loudness(stereo, "stereo", 32_000) == pytest.approx(-23.0, abs=0.1)
    steps = np.repeat([-72.0, -36.0, -23.0, -36.0, -72.0], [10, 10, 60, 10, 10])  # case 4
    gain = np.repeat(10.0 ** (steps / 20.0), 32_000)
    stereo = np.stack([sine(1000.0, 32_000, 100.0)] * 2) * gain
    assert loudness(stereo, "stereo", 32_000) == pytest.approx(-23.0, abs=0.1)


def test_batches_and_short_signals(rng):
    audio = pauses(rng, 2, 96_000)[None] * np.array([1.0, 0.1, 0.0])[:, None, None]
    values = loudness(audio, "stereo", 48000)
    assert values[0] == loudness(audio[0], "stereo", 48000)
    assert values[1] < values[0]
    assert values[2] == -np.inf
    assert np.isfinite(loudness(audio[0, :, :19_200] + 0.1, "stereo", 48000))
    for samples in (0, 1, 19_199):
        assert np.all(np.isnan(loudness(audio[..., :samples], "stereo", 48000)))


def test_gating_blocks_start_every_100_ms_at_odd_rates():
    """At 11025 Hz 100 ms are 1102.5 samples: an early and a late burst have equal loudness."""
    tone = sine(997.0, 11025, 60.0)
    whole = loudness(tone, "mono", 11025)
    assert whole == pytest.approx(loudness(tone[: 11025 * 2], "mono", 11025), abs=0.02)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("rate", [44100, 48000, 96000, 192000])
def test_the_peak_between_samples_is_found(rate, dtype):
    """A sine at a quarter of the rate, sampled 45 degrees from its peaks, which are 3 dB higher."""
    tone = np.sqrt(0.5) * sine(rate / 4.0, rate, 0.2, np.pi / 4.0)
    fade = np.minimum(1.0, np.linspace(0.0, 8.0, tone.size) * np.linspace(8.0, 0.0, tone.size))
    tone = (tone * fade).astype(dtype)
    assert 20.0 * np.log10(np.abs(tone).max()) == pytest.approx(-6.02, abs=0.01)
    # BS.1770-5 allows this with 4 times 48 kHz; at 192 kHz there is no oversampling.
    expected = -3.01 if rate < 192000 else -6.02
    assert true_peak(tone, rate) == pytest.approx(expected, abs=0.05)


def test_true_peak_is_that_of_the_loudest_channel(rng):
    audio = rng.uniform(-1.0, 1.0, (3, 2, 1000)) * [[0.1], [0.5]]
    each = true_peak(audio[:, :, None, :], 48000)
    assert each.shape == (3, 2)
    np.testing.assert_array_equal(true_peak(audio, 48000), each.max(axis=-1))
    assert np.all(each >= 20.0 * np.log10(np.abs(audio).max(axis=-1)))


def test_the_meter_of_blocks_equals_the_true_peak_of_the_whole(rng):
    audio = rng.uniform(-1.0, 1.0, (2, 5000)).astype(np.float32)
    audio[1, -1] = 2.0  # the interpolation continues beyond the last sample
    meter = TruePeakMeter(2, 44100)
    for block in np.split(audio, [0, 1, 700, 701, 4000], axis=1):
        meter.add(block)
    assert meter.finish() == true_peak(audio, 44100)
    assert TruePeakMeter(2, 44100).finish() == -np.inf


@pytest.mark.parametrize(("rate", "factor"), [(48000, 4), (96000, 2)])
def test_true_peak_equals_that_of_soxr(rng, rate, factor):
    """Oracle: conversion to a higher rate, of noise below 0.45 of the rate with silent ends."""
    spectrum = np.fft.rfft(rng.uniform(-1.0, 1.0, (3, 30_000)))
    spectrum[:, 13_500:] = 0.0
    audio = np.fft.irfft(spectrum) * np.hanning(30_000) * [[0.2], [1.0], [0.5]]
    # A part that is louder than the rest, which is not interpolated after it.
    audio[:, 4000:4400] *= 3.0 * np.hanning(400)
    peaks = [np.abs(resample(each, 1, factor, quality="VHQ")).max() for each in audio]
    expected = 20.0 * np.log10(max(peaks))
    # The loud part has short ends, above 0.45 of the rate by some thousandths.
    assert true_peak(audio, rate) == pytest.approx(expected, abs=0.02)
    assert true_peak(audio[0], rate) == pytest.approx(20.0 * np.log10(peaks[0]), abs=0.02)


def test_true_peak_of_long_and_short_signals(rng):
    noise = rng.uniform(-1.0, 1.0, 200_000)
    noise[150_000:150_002] = [3.0, 3.0]  # a peak beyond both samples, behind the second chunk
    assert true_peak(noise, 48000) > 20.0 * np.log10(3.2)
    assert true_peak(np.array([0.5]), 48000) >= 20.0 * np.log10(0.5) - 1e-12
    for samples in (0, 1, 100):
        assert true_peak(np.zeros((2, samples)), 48000) == -np.inf


def test_invalid_arguments_are_rejected():
    with pytest.raises(ShapeError, match="must have 2 channels for layout 'stereo'"):
        loudness(np.zeros((3, 48000)), "stereo", 48000)
    with pytest.raises(LayoutError, match="unknown layout or format 'fao'; did you mean 'foa'"):
        loudness(np.zeros((4, 48000)), "fao", 48000)
    with pytest.raises(OptionError, match="sample_rate must be from 8000 to 10000000 Hz, got 48"):
        loudness(np.zeros((2, 48000)), "stereo", 48)
    with pytest.raises(OptionError, match="sample_rate"):
        true_peak(np.zeros((2, 48000)), float("nan"))
    with pytest.raises(OptionError, match=r"whole number of Hz, got 44100\.5"):
        loudness(np.zeros((2, 48000)), "stereo", 44100.5)
    broken = np.zeros((2, 100))
    broken[1, 7] = np.nan
    with pytest.raises(SignalError, match=r"audio holds nan at index \(1, 7\)"):
        true_peak(broken, 48000)


@pytest.mark.parametrize("rate", [8000, 11025, 44100, 48000])
def test_a_meter_of_blocks_equals_the_loudness_of_the_whole(rng, rate):
    audio = rng.standard_normal((6, 2 * rate)) * np.linspace(0.01, 1.0, 2 * rate)
    layout = get_layout("5.1")
    meter, start = LoudnessMeter(layout, rate), 0
    while start < audio.shape[1]:
        # Blocks that end at the ends of steps, one before and after them, and anywhere.
        size = int(rng.choice([0, 1, rate // 10, rate // 10 + 1, int(rng.integers(1, 3000))]))
        meter.add(audio[:, start : start + size])
        start += size
    np.testing.assert_allclose(meter.finish(), loudness(audio, layout, rate), atol=1e-9)
    assert np.isnan(LoudnessMeter(layout, rate).finish())


def tones(levels, seconds, rate=48000):
    """A stereo sine of 1 kHz with levels in dBFS (its peak), one after the other."""
    counts = np.rint(np.asarray(seconds) * rate).astype(int)
    counts = np.broadcast_to(counts, len(levels))
    gain = np.repeat(10.0 ** (np.asarray(levels) / 20.0), counts)
    return np.stack([np.sin(2.0 * np.pi * 1000.0 / rate * np.arange(gain.size)) * gain] * 2)


SILENT = -np.inf


def test_case_9_of_tech_3341_has_a_constant_short_term_loudness():
    signal = tones([-20.0, -30.0] * 5, [1.34, 1.66] * 5)
    np.testing.assert_allclose(short_term_loudness(signal, "stereo", 48000), -23.0, atol=0.1)


@pytest.mark.parametrize("number", range(20))
def test_case_10_of_tech_3341_finds_the_maximum_short_term_loudness(number):
    signal = tones([SILENT, -23.0, SILENT], [0.15 * number, 3.0, 1.0])
    found = short_term_loudness(signal, "stereo", 48000).max()
    assert found == pytest.approx(-23.0, abs=0.1)


def test_case_11_of_tech_3341_follows_the_level_of_each_segment():
    for number in range(20):
        signal = tones([SILENT, -38.0 + number, SILENT], [0.15 * number, 3.0, 3.0 - 0.15 * number])
        found = short_term_loudness(signal, "stereo", 48000).max()
        assert found == pytest.approx(-38.0 + number, abs=0.1)


def test_case_12_of_tech_3341_has_a_constant_momentary_loudness():
    signal = tones([-20.0, -30.0] * 25, [0.18, 0.22] * 25)
    np.testing.assert_allclose(momentary_loudness(signal, "stereo", 48000), -23.0, atol=0.1)


@pytest.mark.parametrize("number", range(20))
def test_case_13_of_tech_3341_finds_the_maximum_momentary_loudness(number):
    signal = tones([SILENT, -23.0, SILENT], [0.02 * number, 0.4, 1.0])
    found = momentary_loudness(signal, "stereo", 48000).max()
    assert found == pytest.approx(-23.0, abs=0.1)


def test_case_14_of_tech_3341_follows_the_level_of_each_segment():
    for number in range(20):
        signal = tones([SILENT, -38.0 + number, SILENT], [0.02 * number, 0.4, 0.4])
        found = momentary_loudness(signal, "stereo", 48000).max()
        assert found == pytest.approx(-38.0 + number, abs=0.1)


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([-20.0, -30.0], 10.0),
        ([-20.0, -15.0], 5.0),
        ([-40.0, -20.0], 20.0),
        ([-50.0, -35.0, -20.0, -35.0, -50.0], 15.0),
    ],
)
def test_cases_1_to_4_of_tech_3342(levels, expected, rate):
    """EBU Tech 3342, table 1: 20 s each, LRA +- 1 LU."""
    assert loudness_range(tones(levels, 20.0, rate), "stereo", rate) == pytest.approx(
        expected, abs=1.0
    )


def test_case_5_of_tech_3341_and_windows_at_odd_rates():
    signal = tones([-26.0, -20.0, -26.0], [20.0, 20.1, 20.0], 44100)
    assert loudness(signal, "stereo", 44100) == pytest.approx(-23.0, abs=0.1)
    signal = tones([-23.0], 5.0, 11025)  # 10 ms are 110.25 samples
    np.testing.assert_allclose(momentary_loudness(signal, "stereo", 11025), -23.0, atol=0.02)


def test_windows_of_short_and_silent_signals(rng):
    noise = rng.standard_normal((3, 2, 48000))
    assert momentary_loudness(noise, "stereo", 48000).shape == (3, 61)
    assert short_term_loudness(noise, "stereo", 48000).shape == (3, 0)
    assert np.isnan(loudness_range(noise, "stereo", 48000)).all()
    silence = np.zeros((2, 4 * 48000))
    assert np.all(momentary_loudness(silence, "stereo", 48000) == -np.inf)
    assert np.isnan(loudness_range(silence, "stereo", 48000))
    assert momentary_loudness(noise[..., :0], "stereo", 48000).shape == (3, 0)


def test_channels_alone_and_the_sum(rng):
    signal = pauses(rng, 6, 240_000)
    alone = loudness(signal, "5.1", 48000, per_channel=True)
    assert alone.shape == (6,)
    for channel in range(6):
        expected = loudness(signal[channel], "mono", 48000)
        assert alone[channel] == pytest.approx(expected, abs=1e-9)
    assert momentary_loudness(signal, "5.1", 48000, per_channel=True).shape == (6, 461)
    assert loudness_range(signal, None, 48000, per_channel=True).shape == (6,)


@pytest.mark.parametrize("form", ["foa", "fuma1", "ambix3"])
def test_ambisonics_is_measured_by_its_channel_w(form):
    """A plane wave has the loudness of its source in mono."""
    from spatialkit.ambisonics import convert_ambisonics

    tone = sine(997.0, 48000, 1.0)
    scene = encode_ambisonics(tone, 40.0, order=3 if form == "ambix3" else 1)
    if form == "fuma1":
        scene = convert_ambisonics(scene, "ambix1", "fuma1")
    expected = loudness(tone, "mono", 48000)
    assert loudness(scene, form, 48000) == pytest.approx(expected, abs=1e-6)
