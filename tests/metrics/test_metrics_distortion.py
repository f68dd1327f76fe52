"""SNR, SD-SDR and SI-SDR compared with their definitions and other libraries; silence."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import LayoutError, ShapeError, SignalError
from spatialkit.metrics import downmix_error, sd_sdr, si_sdr, snr

METRICS = [snr, sd_sdr, si_sdr]


def decibels(ratio: float) -> float:
    return 10.0 * np.log10(ratio)


def by_definition(reference: np.ndarray, estimate: np.ndarray) -> list[float]:
    """Oracle: Le Roux et al. 2019, of flat signals."""
    s, e = reference.ravel(), estimate.ravel()
    a = (e @ s) / (s @ s)
    return [
        decibels(s @ s / np.sum((s - e) ** 2)),
        decibels(np.sum((a * s) ** 2) / np.sum((s - e) ** 2)),
        decibels(np.sum((a * s) ** 2) / np.sum((a * s - e) ** 2)),
    ]


@pytest.fixture
def pair(rng):
    reference = rng.standard_normal((3, 2, 5000))
    return reference, 0.7 * reference + 0.3 * rng.standard_normal((3, 2, 5000))


def test_joint_values_are_the_definitions(pair):
    for item, (reference, estimate) in enumerate(zip(*pair, strict=True)):
        expected = by_definition(reference, estimate)
        ours = [metric(*pair)[item] for metric in METRICS]
        np.testing.assert_allclose(ours, expected, atol=1e-12)  # float64 sums of 10 000


def test_values_per_channel_are_those_of_each_channel_alone(pair):
    for metric in METRICS:
        each = metric(*pair, per_channel=True)
        assert each.shape == (3, 2)
        assert each[1, 1] == pytest.approx(metric(pair[0][1, 1], pair[1][1, 1]), abs=1e-12)
        assert each[1, 1] != pytest.approx(each[1, 0], abs=1e-3)


def test_si_sdr_equals_fast_bss_eval(pair):
    pytest.importorskip("torch")  # without it fast_bss_eval 0.1.4 fails
    pytest.importorskip("fast_bss_eval")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from fast_bss_eval import si_sdr as peer

        expected = peer(pair[0][0], pair[1][0])
    np.testing.assert_allclose(
        si_sdr(pair[0][0], pair[1][0], per_channel=True), expected, atol=1e-6
    )


def test_values_equal_torchmetrics(pair):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.audio")
    reference, estimate = map(torch.from_numpy, pair)
    # Its order is estimate first; it adds a float64 epsilon.
    expected = functional.scale_invariant_signal_distortion_ratio(estimate, reference).numpy()
    np.testing.assert_allclose(si_sdr(*pair, per_channel=True), expected, atol=1e-6)
    expected = functional.signal_noise_ratio(estimate, reference).numpy()
    np.testing.assert_allclose(snr(*pair, per_channel=True), expected, atol=1e-6)
    expected = functional.source_aggregated_signal_distortion_ratio(estimate, reference).numpy()
    np.testing.assert_allclose(si_sdr(*pair), expected, atol=1e-6)


def test_level_and_polarity_change_snr_and_sd_sdr_but_not_si_sdr(rng):
    tone = rng.standard_normal(1000)
    assert snr(tone, 0.5 * tone) == pytest.approx(decibels(4.0))
    assert sd_sdr(tone, 0.5 * tone) == pytest.approx(0.0, abs=1e-12)
    assert snr(tone, -tone) == pytest.approx(decibels(0.25))
    assert sd_sdr(tone, -tone) == pytest.approx(decibels(0.25))
    assert si_sdr(tone, 0.5 * tone) == np.inf
    assert si_sdr(tone, -tone) == np.inf


def test_joint_si_sdr_depends_on_level_differences_between_channels(rng):
    stereo = rng.standard_normal((2, 1000))
    lopsided = stereo * [[1.0], [0.5]]
    assert np.all(si_sdr(stereo, lopsided, per_channel=True) == np.inf)
    assert si_sdr(stereo, lopsided) < 12.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("samples", [0, 1, 200])
def test_silence_has_the_documented_values(dtype, samples):
    sound, silence = np.ones((2, samples), dtype), np.zeros((2, samples), dtype)
    for metric in METRICS:
        for per_channel in (False, True):
            assert np.all(np.isnan(metric(silence, sound, per_channel=per_channel)))
            assert np.all(np.isnan(metric(silence, silence, per_channel=per_channel)))
            if samples:
                worst = 0.0 if metric is snr else -np.inf
                assert np.all(metric(sound, silence, per_channel=per_channel) == worst)
                assert np.all(metric(sound, sound, per_channel=per_channel) == np.inf)


def test_a_silent_item_does_not_change_the_others(pair):
    reference = pair[0].copy()
    reference[1] = 0.0
    for metric in METRICS:
        values = metric(reference, pair[1])
        assert np.isnan(values[1])
        np.testing.assert_array_equal(values[[0, 2]], metric(*pair)[[0, 2]])


def test_an_orthogonal_estimate_has_minus_infinity():
    sine, cosine = np.array([1.0, 0.0, -1.0, 0.0]), np.array([0.0, 1.0, 0.0, -1.0])
    assert snr(sine, cosine) == pytest.approx(decibels(0.5))
    assert sd_sdr(sine, cosine) == -np.inf
    assert si_sdr(sine, cosine) == -np.inf


def test_high_scores_keep_their_digits(rng):
    """|e|^2 - |a s|^2 would end near 150 dB."""
    s = rng.standard_normal(10_000)
    n = rng.standard_normal(10_000)
    n -= (n @ s) / (s @ s) * s
    expected = decibels((s @ s) / (n @ n)) + 200.0
    # The noise itself is rounded at 2e-16 of the signal, 1e-6 of its own level.
    assert si_sdr(s, s + 1e-10 * n) == pytest.approx(expected, abs=1e-4)


def test_float32_is_summed_in_float64(pair):
    single = [signal.astype(np.float32) for signal in pair]
    double = [signal.astype(np.float64) for signal in single]
    for metric in METRICS:
        values = metric(*single)
        assert values.dtype == np.float64
        # float64 sums of 10 000 terms in another order
        np.testing.assert_allclose(values, metric(*double), rtol=0, atol=1e-12)


def test_sums_are_those_of_exact_arithmetic(rng):
    """Oracle: `math.fsum` of the products, which float64 holds exactly for float32 samples."""
    s, e = rng.standard_normal((2, 30_001)).astype(np.float32)
    exact = [math.fsum(a * b for a, b in pairs) for pairs in zip_products(s, e)]
    expected = decibels(exact[0] / exact[2])
    assert snr(s, e) == pytest.approx(expected, abs=1e-12)
    scale = exact[1] / exact[0]
    expected = decibels(scale**2 * exact[0] / (exact[3] - scale * exact[1]))
    assert si_sdr(s, e) == pytest.approx(expected, abs=1e-12)


def zip_products(s: np.ndarray, e: np.ndarray) -> list[list[tuple[float, float]]]:
    """Return the factors of |s|^2, <s, e>, |s - e|^2 and |e|^2."""
    first, second = s.astype(float).tolist(), e.astype(float).tolist()
    apart = (s.astype(float) - e).tolist()
    pairs = ((first, first), (first, second), (apart, apart), (second, second))
    return [list(zip(a, b, strict=True)) for a, b in pairs]


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-90, 1e90, 1e160, 1e300])
def test_the_level_of_both_signals_does_not_matter(pair, scale):
    for metric in METRICS:
        scaled = metric(scale * pair[0], scale * pair[1])
        np.testing.assert_allclose(scaled, metric(*pair), atol=1e-10)


def test_the_memory_order_does_not_matter(pair):
    reference, estimate = pair
    orders = [np.asfortranarray(estimate), np.repeat(estimate, 2, axis=-1)[..., ::2]]
    for metric in METRICS:
        for other in orders:
            np.testing.assert_allclose(metric(reference, other), metric(*pair), atol=1e-12)
            assert np.all(np.isposinf(metric(other, estimate)))


def test_long_signals_are_summed_block_by_block_to_the_same_value(rng):
    reference = rng.standard_normal((2, 300_000))
    estimate = reference + rng.standard_normal((2, 300_000))
    ours = [metric(reference, estimate) for metric in METRICS]
    np.testing.assert_allclose(ours, by_definition(reference, estimate), atol=1e-10)


@given(st.floats(0.01, 100.0), st.booleans())
def test_si_sdr_does_not_depend_on_the_scale_of_either_signal(scale, invert):
    rng = np.random.default_rng(3)
    reference, noise = rng.standard_normal((2, 2, 100))
    factor = -scale if invert else scale
    expected = si_sdr(reference, reference + noise)
    assert si_sdr(factor * reference, reference + noise) == pytest.approx(expected, abs=1e-10)
    assert si_sdr(reference, factor * (reference + noise)) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("metric", METRICS)
def test_invalid_signals_are_rejected(metric):
    good = np.zeros((2, 3, 10))
    with pytest.raises(ShapeError, match=r"same shape, got \(2, 3, 10\) and \(3, 10\)"):
        metric(good, good[0])
    with pytest.raises(SignalError, match="estimate must be float32 or float64, got int64"):
        metric(good, good.astype(np.int64))
    bad = good.copy()
    bad[1, 2, 7:] = [np.nan, np.inf, -np.inf]
    with pytest.raises(SignalError, match=r"reference holds nan at index \(1, 2, 7\)"):
        metric(bad, good)
    bad[1, 2, 7] = 0.0
    with pytest.raises(SignalError, match=r"estimate holds inf at index \(1, 2, 8\)"):
        metric(good, bad)


def test_downmix_error_is_the_snr_of_the_downmix(rng):
    """BS.775: the centre and the surrounds go to the sides at -3 dB, the LFE is left out."""
    upmix = rng.standard_normal((2, 6, 500))
    k = np.sqrt(0.5)
    fl, fr, fc, _, sl, sr = np.moveaxis(upmix, -2, 0)
    folded = np.stack([fl + k * fc + k * sl, fr + k * fc + k * sr], axis=-2)
    original = folded + 0.1 * rng.standard_normal(folded.shape)
    ours = downmix_error(upmix, original, "5.1")
    np.testing.assert_allclose(ours, snr(original, folded), atol=1e-9)
    mono = original.mean(axis=-2, keepdims=True)
    assert downmix_error(upmix, mono, "5.1").shape == (2,)


@pytest.mark.parametrize(("format", "gain"), [("foa", 1.0), ("ambix2", 1.0), ("fuma1", 2**-0.5)])
def test_the_downmix_of_ambisonics_is_w(rng, format, gain):
    stereo = rng.standard_normal((2, 500))
    scene = np.zeros((9 if format == "ambix2" else 4, 500))
    scene[0] = gain * (stereo[0] + stereo[1]) / 2.0
    scene[1:] = rng.standard_normal((len(scene) - 1, 500))
    assert downmix_error(scene, stereo, format) > 290.0  # float64
    assert downmix_error(scene, stereo.mean(axis=0, keepdims=True), format) > 290.0


def test_downmix_error_rejects_invalid_arguments():
    with pytest.raises(ShapeError, match="original must be mono or stereo"):
        downmix_error(np.zeros((5, 10)), np.zeros((3, 10)), "5.0")
    with pytest.raises(ShapeError, match="must have 5 channels"):
        downmix_error(np.zeros((6, 10)), np.zeros((2, 10)), "5.0")
    with pytest.raises(LayoutError, match="unknown layout or format"):
        downmix_error(np.zeros((6, 10)), np.zeros((2, 10)), "5.O")
