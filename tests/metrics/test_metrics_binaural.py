"""Interaural time difference and coherence: known signals, errors of known renderings."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit import Audio, encode_ambisonics, get_layout, read_hrtf, render, vbap_pan
from spatialkit.auditory import erb_bands, interaural_delay
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError
from spatialkit.metrics import UNITS, evaluate, interaural_coherence, itd

RATE = 48000


@pytest.fixture
def noise(rng):
    return rng.standard_normal(5 * RATE)


# Time difference


@pytest.mark.parametrize("rate", [8000, 44100, 48000, 96000])
@pytest.mark.parametrize("delay", [-600.0, -33.3, 0.0, 250.0, 900.0])
def test_a_delay_in_microseconds_is_found(rng, rate, delay):
    """Oracle: noise delayed by a linear phase."""
    spectrum = np.fft.rfft(rng.standard_normal(rate))
    late = spectrum * np.exp(-2j * np.pi * np.arange(len(spectrum)) * delay * 1e-6)
    binaural = np.fft.irfft([spectrum, late], rate)
    assert itd(binaural, rate) == pytest.approx(delay, abs=2.0)


def test_bass_does_not_prevail(rng, noise):
    """Loud bass in phase beside noise of 300 us."""
    bass = 30.0 * np.sin(2 * np.pi * 70.0 / RATE * np.arange(noise.size))
    late = np.roll(noise, round(300e-6 * RATE))
    assert itd(np.stack([noise + bass, late + bass]), RATE) == pytest.approx(300.0, abs=20.0)


@pytest.mark.parametrize("delay", [-31.25, -0.5, 0.0, 7.3, 40.0])
def test_delays_are_found_between_samples(delay):
    frequencies = np.arange(513) / 1024.0
    cross = np.exp(2j * np.pi * frequencies * delay) * np.exp(-((frequencies / 0.05) ** 2))
    assert RATE * interaural_delay(cross, RATE) == pytest.approx(delay, abs=0.01)


def test_a_source_at_the_left_is_positive(noise):
    found = [
        itd(render(noise[None], get_layout("mono"), "binaural", sample_rate=RATE, yaw=yaw), RATE)
        for yaw in (-40.0, 0.0, 40.0, 90.0)
    ]
    assert found[0] == pytest.approx(-found[2], abs=0.1)
    assert found[1] == pytest.approx(0.0, abs=0.1)
    assert 300.0 < found[2] < 600.0 < found[3] < 900.0


def test_items_audio_and_silence(noise):
    pair = np.stack([noise, np.roll(noise, 24)])
    items = np.stack([pair, pair[::-1], 0.0 * pair])
    np.testing.assert_allclose(itd(items, RATE), [500.0, -500.0, np.nan], atol=0.5)
    assert itd(Audio(pair, RATE, "stereo")) == itd(pair, RATE)
    assert np.isnan(itd(pair[:, :0], RATE))
    coherence = interaural_coherence(items, RATE)
    np.testing.assert_allclose(coherence, [1.0, 1.0, np.nan], atol=0.01)


# Coherence


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 1.0])
def test_coherence_of_mixed_noise(rng, share):
    """Oracle: the correlation of a + sqrt(share) c and b + sqrt(share) c, with unit power."""
    a, b, c = rng.standard_normal((3, 10 * RATE))
    pair = np.sqrt(1.0 - share) * np.stack([a, b]) + np.sqrt(share) * c
    assert interaural_coherence(pair, RATE) == pytest.approx(share, abs=0.03)
    bands = interaural_coherence(pair, RATE, per_band=True)
    assert bands.shape == erb_bands(RATE, 8192)[1].shape
    # A band of 55 Hz has about 500 independent values in 10 s; the maximum over lags adds to it.
    np.testing.assert_allclose(bands, share, atol=0.12)


def test_coherence_is_independent_of_level_and_delay(noise):
    pair = np.stack([noise, 0.01 * np.roll(noise, 30)])
    assert interaural_coherence(pair, RATE) == pytest.approx(1.0, abs=0.01)


def test_bands_without_sound_are_left_out():
    tone = np.sin(2 * np.pi * 1000.0 / RATE * np.arange(RATE))
    bands = interaural_coherence(np.stack([tone, tone]), RATE, per_band=True)
    assert 0 < np.count_nonzero(~np.isnan(bands)) < 6
    np.testing.assert_allclose(bands[~np.isnan(bands)], 1.0, atol=1e-9)


# Errors of a pair


def scores(reference, estimate, layout):
    found = evaluate(reference, estimate, layout=layout, sample_rate=RATE, binaural=True)
    names = [name for name in found if name.startswith("binaural")]
    assert names == [name for name in UNITS if name.startswith("binaural")]
    return {name.removeprefix("binaural_").removesuffix("_error"): found[name] for name in names}


def test_equal_signals_have_no_errors(rng):
    audio = rng.standard_normal((6, RATE))
    assert set(scores(audio, audio, "5.1").values()) == {0.0}


def test_a_gain_changes_the_loudness_alone(rng):
    audio = rng.standard_normal((6, RATE))
    found = scores(audio, 0.5 * audio, "5.1")
    assert found["loudness"] == pytest.approx(6.02, abs=0.01)
    assert [found[name] for name in ("itd", "ild", "coherence")] == pytest.approx(
        [0, 0, 0], abs=1e-6
    )


def test_a_source_moved_from_left_to_right(noise):
    """Oracle: twice the time difference of the HRTF, and mirrored levels."""
    left, right = (vbap_pan(noise, azimuth, layout="5.0") for azimuth in (30.0, -30.0))
    found = scores(left, right, "5.0")
    ears = render(left, "5.0", "binaural", sample_rate=RATE)
    assert found["itd"] == pytest.approx(2.0 * itd(ears, RATE), rel=0.02)
    assert found["ild"] > 10.0
    assert found["coherence"] == pytest.approx(0.0, abs=1e-6)
    assert found["loudness"] == pytest.approx(0.0, abs=1e-6)


def test_decorrelation_changes_the_coherence(rng):
    mono = np.repeat(rng.standard_normal((1, 5 * RATE)), 2, axis=0)
    found = scores(mono, rng.standard_normal((2, 5 * RATE)), "stereo")
    assert found["coherence"] > 0.3


def test_ambisonics_and_silence(noise):
    scene = encode_ambisonics(noise, 60.0, order=1)
    assert scores(scene, scene, "foa")["itd"] == 0.0
    assert all(np.isnan(list(scores(0.0 * scene, scene, "foa").values())))
    found = scores(scene, 0.0 * scene, "foa")
    assert np.isnan(found["itd"])
    assert found["loudness"] > 20.0


def test_invalid_arguments_are_refused(rng):
    audio = rng.standard_normal((2, 100))
    with pytest.raises(LayoutError, match="need the format of both signals; pass layout"):
        evaluate(audio, audio, sample_rate=RATE, binaural=True)
    with pytest.raises(OptionError, match="sample_rate is missing"):
        evaluate(audio, audio, layout="stereo", binaural=True)
    for metric in (itd, interaural_coherence):
        with pytest.raises(ShapeError, match="2 channels"):
            metric(rng.standard_normal((3, 100)), RATE)
        with pytest.raises(OptionError, match="sample_rate is missing"):
            metric(audio)
        with pytest.raises(SignalError, match="nan"):
            metric(np.full((2, 100), np.nan), RATE)


def test_the_set_is_that_of_the_renderer(noise):
    """The time difference of a rendered source is that of the responses."""
    pair = read_hrtf().at(70.0)
    ears = np.stack([np.convolve(noise, response) for response in pair])
    rendered = render(noise[None], get_layout("mono"), "binaural", sample_rate=RATE, yaw=70.0)
    assert itd(rendered, RATE) == pytest.approx(itd(ears, RATE), abs=0.5)
