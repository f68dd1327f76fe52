"""`Audio` in place of arrays: rate and layout are used, contradictions are rejected."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit.audio import Audio
from spatialkit.downmix import correction_size, downmix, match_downmix
from spatialkit.errors import LayoutError, OptionError
from spatialkit.metrics import (
    angle_error,
    downmix_error,
    energy_vector,
    evaluate,
    ild_error,
    loudness,
    sd_sdr,
    si_sdr,
    snr,
    true_peak,
    velocity_vector,
    wild,
)
from spatialkit.stft import stft

RATE = 16000


@pytest.fixture
def five(rng):
    return Audio(rng.standard_normal((5, RATE)), RATE, "5.0")


@pytest.fixture
def stereo(rng):
    return Audio(rng.standard_normal((2, RATE)), RATE, "stereo")


@pytest.mark.parametrize("metric", [snr, sd_sdr, si_sdr, wild, ild_error])
def test_pairs_of_audio_equal_pairs_of_arrays(metric, five, rng):
    noisy = Audio(five.samples + 0.1 * rng.standard_normal(five.samples.shape), RATE, "5.0")
    expected = metric(five.samples, noisy.samples)
    assert metric(five, noisy) == expected
    assert metric(five, noisy.samples) == metric(five.samples, noisy) == expected
    other_rate = Audio(noisy.samples, 48000, "5.0")
    with pytest.raises(OptionError, match="same sample rate, got 16000 and 48000 Hz"):
        metric(five, other_rate)
    with pytest.raises(LayoutError, match=r"same format, got '5\.0' and 'paper5'"):
        metric(five, Audio(noisy.samples, RATE, "paper5"))


def test_evaluate_uses_rate_and_layout(five, rng):
    noisy = Audio(five.samples + 0.1 * rng.standard_normal(five.samples.shape), RATE, "5.0")
    expected = evaluate(five.samples, noisy.samples, layout="5.0", sample_rate=RATE)
    np.testing.assert_equal(evaluate(five, noisy), expected)
    options = {"layout": "5.0", "sample_rate": float(RATE)}
    np.testing.assert_equal(evaluate(five, noisy.samples, **options), expected)
    with pytest.raises(LayoutError, match=r"layout is 'paper5', but reference is an Audio"):
        evaluate(five, noisy, layout="paper5")
    with pytest.raises(OptionError, match=r"sample_rate is 8000 Hz, but reference is an Audio"):
        evaluate(five, noisy, sample_rate=8000)


def test_single_signals_use_rate_and_layout(five):
    samples = five.samples
    assert loudness(five) == loudness(samples, "5.0", RATE)
    assert true_peak(five) == true_peak(samples, RATE)
    np.testing.assert_array_equal(energy_vector(five), energy_vector(samples, "5.0"))
    np.testing.assert_array_equal(velocity_vector(five), velocity_vector(samples, "5.0"))
    stems = Audio(samples[:1], RATE)
    expected = angle_error(samples[:1], samples, [30.0], "5.0")
    np.testing.assert_array_equal(angle_error(stems, five, [30.0]), expected)
    np.testing.assert_array_equal(stft(five), stft(samples))


def test_missing_and_unsuitable_arguments_are_rejected(five):
    for metric in (loudness, true_peak):
        with pytest.raises(OptionError, match=r"sample_rate is missing; .* or pass an Audio"):
            metric(five.samples)
    for metric in (energy_vector, velocity_vector):
        with pytest.raises(LayoutError, match=r"layout is missing; .* or pass an Audio"):
            metric(five.samples)
    scene = Audio(five.samples[:4], RATE, "foa")
    for metric in (energy_vector, velocity_vector):
        with pytest.raises(LayoutError, match="must be a loudspeaker layout, got 'ambix1'"):
            metric(scene)
    with pytest.raises(LayoutError, match="layout is missing"):
        downmix_error(five.samples, five.samples[:2])
    with pytest.raises(OptionError, match="stems and estimate must have the same sample rate"):
        angle_error(Audio(five.samples, 8000), five, np.zeros(5))


def test_downmix_uses_the_format(five, stereo):
    samples, original = five.samples, stereo.samples
    np.testing.assert_array_equal(downmix(five), downmix(samples, "5.0"))
    np.testing.assert_array_equal(downmix(five, target="mono"), downmix(samples, "5.0", "mono"))
    expected = match_downmix(samples, original, "5.0")
    np.testing.assert_array_equal(match_downmix(five, stereo), expected)
    assert correction_size(five, stereo) == correction_size(samples, original, "5.0")
    assert downmix_error(five, stereo) == downmix_error(samples, original, "5.0")
    for function in (match_downmix, correction_size, downmix_error):
        with pytest.raises(OptionError, match="upmix and original must have the same sample rate"):
            function(five, Audio(original, 8000))
    for function in (match_downmix, correction_size):
        with pytest.raises(LayoutError, match="source is missing"):
            function(samples, original)
    with pytest.raises(LayoutError, match="source is missing"):
        downmix(samples)
    with pytest.raises(LayoutError, match=r"source is '7\.1', but audio is an Audio"):
        downmix(five, "7.1")
