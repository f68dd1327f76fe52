"""Differentiable counterparts of `spatialkit.metrics`: values, special cases, gradients."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from scipy import stats

from spatialkit import geometry, get_layout, metrics, stft, vbap_gains
from spatialkit.errors import OptionError, ShapeError

torch = pytest.importorskip("torch")

from spatialkit_models import losses

RATIOS = ["snr", "sd_sdr", "si_sdr"]
LEVELS = ["wild", "ild_error"]
VECTORS = ["energy_vector", "velocity_vector"]
LAYOUT = "5.0"
RATE = 8000
# Functions of reference and estimate, and what they need besides.
PAIRS = {
    "leakage": {"floor_db": -3.0},
    "correlation_error": {"sample_rate": RATE},
    "log_spectral_distance": {},
    "multi_resolution_stft": {},
    "spatial_distortion": {"sample_rate": RATE},
}
# Functions of one signal.
SIGNALS = {
    "correlation": {},
    "front_rear_balance": {"layout": LAYOUT},
    "left_right_balance": {"layout": LAYOUT},
    "loudness": {"layout": LAYOUT, "sample_rate": RATE},
    "momentary_loudness": {"layout": LAYOUT, "sample_rate": RATE},
    "short_term_loudness": {"layout": LAYOUT, "sample_rate": RATE},
}
# Functions of both ears.
EARS = ["interaural_coherence", "interaural_errors"]
SPECTRA = ["ild", "ipd", "icc", "active_intensity", "energy_density", "diffuseness"]
# Metrics without a counterpart: a position of a maximum or a percentile, which have no derivative
# or one that is zero nearly everywhere; peaks, at a single sample.
NOT_DIFFERENTIABLE = {
    *("itd", "loudness_range", "gated_loudness", "true_peak"),
}
# Functions that are not metrics.
OTHERS = {
    *("bibtex", "bootstrap_interval", "channel_weights", "citation", "compare_systems"),
    *("evaluate", "evaluate_batch", "holm_bonferroni", "read_signal", "select_metrics"),
}
# Where the core computes in float64 for every input, so do the counterparts. Level
# differences are float32 in the core: of a single bin about 1e-6 dB, of their mean far less.
CLOSE = {np.float64: 1e-9, np.float32: 1e-5}
ILD_CLOSE = 1e-5


def uneven(rng, *shape: int) -> np.ndarray:
    """Return noise whose level varies by more than the floor, differently in each channel."""
    start = rng.uniform(0.0, 10.0, (*shape[:-1], 1))
    swell = np.sin(start + np.arange(shape[-1]) / rng.uniform(500.0, 1500.0, (*shape[:-1], 1)))
    return rng.standard_normal(shape) * swell**6


def panned(rng, items: int = 3, samples: int = 4000):
    """Stems, their azimuths, a VBAP mix of them, and an estimate of it that is wrong somehow."""
    stems = uneven(rng, items, 4, samples)
    azimuth = rng.uniform(-180.0, 180.0, (items, 4))
    mix = vbap_gains(azimuth, layout=LAYOUT).swapaxes(-1, -2) @ stems
    elsewhere = vbap_gains(azimuth + rng.uniform(-60, 60, (items, 4)), layout=LAYOUT)
    return stems, azimuth, mix, 0.8 * elsewhere.swapaxes(-1, -2) @ stems


def pairs(rng) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reference and estimate of several kinds, (items, channels, samples)."""
    noise, mix = rng.standard_normal((2, 3, 5, 3000)), panned(rng)[2:]
    gaps, silent = noise.copy(), np.zeros_like(noise[0])
    gaps[:, 0], gaps[:, 2], gaps[:, :, 2], gaps[:, :, 3, :1500] = 0.0, gaps[0, 2], 0.0, 0.0
    return {
        "noise": (noise[0], 0.7 * noise[0] + 0.3 * noise[1]),
        "panned": mix,
        "swelling": (uneven(rng, 3, 5, 3000), uneven(rng, 3, 5, 3000)),
        "silence in places, equal signals": (gaps[0], gaps[1]),
        "silent estimate": (noise[0], silent),
        "silent reference": (silent, noise[0]),
        "an inverted copy": (noise[0], -noise[0]),
        "a single sample": (noise[0][..., :1], noise[1][..., :1]),
    }


KINDS = list(pairs(np.random.default_rng(0)))


def tensors(*arrays, dtype=np.float64, requires_grad=False):
    return [torch.tensor(a.astype(dtype), requires_grad=requires_grad) for a in arrays]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", RATIOS)
def test_ratios_equal_the_core(name, kind, dtype, rng):
    first, second = (audio.astype(dtype) for audio in pairs(rng)[kind])
    for per_channel in (False, True):
        ours = getattr(losses, name)(*tensors(first, second, dtype=dtype), per_channel=per_channel)
        expected = getattr(metrics, name)(first, second, per_channel=per_channel)
        assert ours.dtype == torch.from_numpy(first).dtype
        ours = ours.numpy()
        if name == "si_sdr":
            # Of scaled copies the residual is rounding: about 140 dB down, or 300.
            copies = expected > 120.0
            assert np.all(ours[copies] > 120.0)
            ours, expected = ours[~copies], expected[~copies]
        np.testing.assert_allclose(ours, expected, rtol=0.0, atol=CLOSE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LEVELS)
def test_level_distances_equal_the_core(name, kind, dtype, rng):
    first, second = (audio.astype(dtype) for audio in pairs(rng)[kind])
    for options in ({}, {"n_fft": 255, "hop": 100, "floor_db": -40.0, "clip_db": 30.0}):
        ours = getattr(losses, name)(*tensors(first, second, dtype=dtype), **options)
        expected = getattr(metrics, name)(first, second, **options)
        np.testing.assert_allclose(ours.numpy(), expected, rtol=1e-6, atol=ILD_CLOSE)


def test_every_differentiable_metric_has_a_counterpart():
    functions = {name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))}
    assert functions - NOT_DIFFERENTIABLE - OTHERS <= set(losses.__all__)
    assert not (NOT_DIFFERENTIABLE | OTHERS) & set(losses.__all__)
    assert functions >= NOT_DIFFERENTIABLE | OTHERS


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "a single sample"])
@pytest.mark.parametrize("name", PAIRS)
def test_distances_of_pairs_equal_the_core(name, kind, dtype, rng):
    first, second = (audio.astype(dtype) for audio in pairs(rng)[kind])
    found = getattr(losses, name)(*tensors(first, second, dtype=dtype), **PAIRS[name])
    ours = np.stack([each.numpy() for each in found])
    expected = getattr(metrics, name)(first, second, **PAIRS[name])
    # Bins far below the floor of float32 in the core's float64.
    close = 1e-8 if dtype is np.float64 else 2e-4
    np.testing.assert_allclose(ours, expected, rtol=0.0, atol=close)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sample_rate", [8000, 44100])
def test_interaural_cues_equal_the_core(sample_rate, kind, dtype, rng):
    first, second = (audio[:, :2].astype(dtype) for audio in pairs(rng)[kind])
    both = tensors(first, second, dtype=dtype)
    close = 1e-8 if dtype is np.float64 else 2e-4
    for per_band in (False, True):
        ours = losses.interaural_coherence(both[1], sample_rate, per_band=per_band)
        expected = metrics.interaural_coherence(second, sample_rate, per_band=per_band)
        assert ours.dtype == both[1].dtype
        np.testing.assert_allclose(ours.numpy(), expected, rtol=0.0, atol=close)
    found = losses.interaural_errors(*both, sample_rate)
    core = metrics.interaural_errors(first, second, sample_rate)
    for name in found._fields:
        np.testing.assert_allclose(
            getattr(found, name).numpy(), getattr(core, name), rtol=1e-6, atol=close, err_msg=name
        )


def test_an_undefined_coherence_of_one_signal_has_no_gradient(rng):
    estimate = rng.standard_normal((2, 3000))
    reference = estimate.copy()
    reference[1] = np.sin(np.arange(3000))  # one band is 40 dB above the others
    both = tensors(reference, estimate, requires_grad=True)
    error = losses.interaural_errors(*both, RATE).coherence
    assert 0 < error.isnan().sum() < len(error)
    error.nansum().backward()
    assert all(torch.isfinite(each.grad).all() for each in both)


def test_interaural_cues_are_those_of_two_ears():
    for function in (losses.interaural_coherence, lambda x, r: losses.interaural_errors(x, x, r)):
        with pytest.raises(ShapeError, match=r"shape \(..., 2, samples\), got \(5, 100\)"):
            function(torch.zeros(5, 100), RATE)
        with pytest.raises(OptionError, match="at least 8000"):
            function(torch.zeros(2, 100), 7999)


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("name", ["log_spectral_distance", "multi_resolution_stft"])
def test_distances_of_spectra_have_values_per_channel_and_take_single_signals(
    name, per_channel, rng
):
    first, second = pairs(rng)["silence in places, equal signals"]
    for a, b in ((first, second), (first[0, 1], second[0, 1])):
        ours = getattr(losses, name)(*tensors(a, b), per_channel=per_channel)
        expected = getattr(metrics, name)(a, b, per_channel=per_channel)
        np.testing.assert_allclose(ours.numpy(), expected, rtol=0.0, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SIGNALS)
def test_properties_of_signals_equal_the_core(name, dtype, rng):
    audio = uneven(rng, 4, 5, 6000).astype(dtype)
    audio[1], audio[2, :3], audio[3, 3:] = 0.0, 0.0, 0.0
    ours = getattr(losses, name)(*tensors(audio, dtype=dtype), **SIGNALS[name])
    expected = getattr(metrics, name)(audio, **SIGNALS[name])
    assert ours.dtype == torch.from_numpy(audio).dtype
    close = 1e-8 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0.0, atol=close)
    assert np.isnan(expected[1]).all() or np.isinf(expected[1]).all()


@pytest.mark.parametrize("sample_rate", [8000, 11025, 44100, 48000])
def test_loudness_equals_the_core_at_every_rate(sample_rate, rng):
    # The second half is quiet: below the relative gate.
    audio = rng.standard_normal((2, 6, 2 * sample_rate)) * np.repeat([0.3, 0.01], sample_rate)
    for signal in (audio, audio[..., : int(0.45 * sample_rate)], audio[..., :10], 1e-6 * audio):
        ours = losses.loudness(*tensors(signal), "5.1", sample_rate)
        expected = metrics.loudness(signal, "5.1", sample_rate)
        np.testing.assert_allclose(ours.numpy(), expected, rtol=0.0, atol=1e-8)
    scene = rng.standard_normal((4, sample_rate))
    ours = losses.loudness(*tensors(scene), "fuma1", sample_rate).item()
    assert ours == pytest.approx(float(metrics.loudness(scene, "fuma1", sample_rate)), abs=1e-8)


@pytest.mark.parametrize("name", SPECTRA)
def test_values_of_spectra_equal_the_core(name, rng):
    spectrum = rng.standard_normal((2, 4, 5, 12)) + 1j * rng.standard_normal((2, 4, 5, 12))
    spectrum[0, 1, 2], spectrum[1, :, 3], spectrum[1, :, :, 5] = 0.0, 1e-4 * spectrum[1, :, 3], 0.0
    settings = [{}] if name in ("ild", "ipd") else [{}, {"frames": 4, "bins": None}, {"bins": 3}]
    for options in settings:
        ours = getattr(losses, name)(torch.from_numpy(spectrum), **options).numpy()
        expected = getattr(metrics, name)(spectrum, **options)
        np.testing.assert_allclose(ours, expected, rtol=0.0, atol=1e-9)
    if "intensity" in name:
        fuma = getattr(losses, name)(torch.from_numpy(spectrum), "fuma1").numpy()
        np.testing.assert_allclose(fuma, metrics.active_intensity(spectrum, "fuma1"), atol=1e-9)


@pytest.mark.parametrize("layout", ["5.1", "ambix1"])
@pytest.mark.parametrize("channels", [1, 2])
def test_downmix_errors_equal_the_core(layout, channels, rng):
    upmix = rng.standard_normal((3, 6 if layout == "5.1" else 4, 200))
    original = rng.standard_normal((3, channels, 200))
    original[1] = 0.0
    ours = losses.downmix_error(*tensors(upmix, original), layout).numpy()
    np.testing.assert_allclose(ours, metrics.downmix_error(upmix, original, layout), atol=1e-9)


def test_downmix_errors_refuse_what_the_core_refuses():
    upmix, stereo = torch.zeros(6, 10), torch.zeros(2, 10)
    with pytest.raises(ShapeError, match="original must be mono or stereo"):
        losses.downmix_error(upmix, upmix, "5.1")
    with pytest.raises(ShapeError, match=r"upmix must have 6 channels for '5\.1'"):
        losses.downmix_error(stereo, stereo, "5.1")
    with pytest.raises(OptionError, match="real matrix"):
        losses.downmix_error(upmix, stereo, "5.1", method="dplii")


@pytest.mark.parametrize("samples", [3000, 2000])
def test_wild_equals_its_definition_with_scipy(samples, rng):
    first, second = uneven(rng, 3, 3000), uneven(rng, 3, samples)
    spectra = [np.abs(stft(audio)) for audio in (first, second)]
    levels = [20.0 * np.log10(np.maximum(s, spectra[0].max() * 1e-3)) for s in spectra]
    expected = sum(
        stats.wasserstein_distance(*((x[i] - x[j]).ravel() for x in levels))
        for i, j in [(0, 1), (0, 2), (1, 2)]
    )
    # Sums of some 10 000 terms of float64.
    assert losses.wild(*tensors(first, second)).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(("n", "m"), [(7, 7), (7, 3), (3, 7), (1, 5)])
def test_wasserstein_distance_equals_scipy(n, m, rng):
    a, b = rng.standard_normal((2, n)), rng.standard_normal((2, m))
    ours = losses.wasserstein_distance(*tensors(a, b)).numpy()
    expected = [stats.wasserstein_distance(*pair) for pair in zip(a, b, strict=True)]
    np.testing.assert_allclose(ours, expected, atol=1e-12)


@pytest.mark.parametrize(("n_fft", "hop"), [(1024, 256), (255, 100), (64, 64), (16, 3), (5, 1)])
@pytest.mark.parametrize("samples", [0, 1, 63, 64, 65, 1000])
def test_the_stft_equals_the_core(samples, n_fft, hop, rng):
    if hop == n_fft:  # not invertible with the Hann window: refused by the core
        hop = n_fft // 2
    audio = rng.standard_normal((2, 3, samples))
    ours = losses.stft(*tensors(audio), n_fft=n_fft, hop=hop).numpy()
    np.testing.assert_allclose(ours, stft(audio, n_fft=n_fft, hop=hop), atol=1e-12)


def test_ild_equals_the_core_with_its_nans(rng):
    spectrum = rng.standard_normal((2, 4, 5, 6)) + 1j * rng.standard_normal((2, 4, 5, 6))
    spectrum[0, 1, 2, :] = 0.0  # infinite
    spectrum[1, :, 3, :] *= 1e-4  # below the floor
    ours = losses.ild(torch.from_numpy(spectrum)).numpy()
    np.testing.assert_allclose(ours, metrics.ild(spectrum), atol=1e-9)
    assert np.isnan(ours).any()
    assert np.isinf(ours).any()
    silent = np.zeros((2, 3, 4), complex)
    assert np.isnan(losses.ild(torch.from_numpy(silent)).numpy()).all()
    assert losses.ild(torch.zeros(2, 4, 0, dtype=torch.complex64)).shape == (1, 4, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("weighting", ["amplitude", "energy"])
def test_angle_errors_equal_the_core(weighting, dtype, rng):
    stems, azimuth, mix, estimate = panned(rng)
    stems[0, 1] = 0.0  # silent
    stems[1, 2] = stems[1, 0]  # a copy
    stems[2, 3] *= 1e-4  # quiet
    estimate[2] = -estimate[2]  # inverted
    for signal in (mix, estimate, 0.0 * estimate):
        arrays = [stems.astype(dtype), signal.astype(dtype)]
        ours = losses.angle_error(
            *tensors(*arrays, dtype=dtype), torch.from_numpy(azimuth), LAYOUT, weighting=weighting
        )
        expected = metrics.angle_error(*arrays, azimuth, LAYOUT, weighting=weighting)
        # Copies share a coefficient by a pseudo-inverse, of condition up to 1e10; float32 holds
        # 180 degrees to 1e-5.
        close = 1e-7 if dtype is np.float64 else 2e-5
        np.testing.assert_allclose(ours.numpy(), expected, rtol=0.0, atol=close)


def test_a_vbap_mix_has_no_angle_error_with_elevations(rng):
    stems, azimuth, mix, _ = panned(rng)
    errors = losses.angle_error(*tensors(stems, mix, azimuth), LAYOUT)
    assert errors.max() < 1e-6
    above = losses.angle_error(*tensors(stems, mix, azimuth), LAYOUT, elevation=25.0)
    np.testing.assert_allclose(above.numpy(), 25.0, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("layout", ["5.0", "5.1", "7.1.4"])
@pytest.mark.parametrize("name", VECTORS)
def test_vectors_equal_the_core(name, layout, dtype, rng):
    audio = rng.standard_normal((3, get_layout(layout).n_channels, 2000)).astype(dtype)
    audio[1] = 0.0
    ours = getattr(losses, name)(*tensors(audio, dtype=dtype), layout).numpy()
    expected = getattr(metrics, name)(audio, layout)
    np.testing.assert_allclose(ours, expected, rtol=0.0, atol=CLOSE[dtype])
    assert np.isnan(ours[1]).all()


def test_angles_between_vectors_equal_the_core(rng):
    a, b = rng.standard_normal((2, 50, 3))
    a[0], a[1], a[2] = b[0], -b[1], 0.0
    ours = losses.angle_between(*tensors(a, b)).numpy()
    np.testing.assert_allclose(ours, geometry.angle_between(a, b), atol=1e-9)
    assert losses.angle_between(*tensors(a[3], b)).shape == (50,)


def by_name(name: str):
    if name == "angle_error":
        azimuth = torch.linspace(-150.0, 160.0, 8, dtype=torch.float64).reshape(2, 4)
        # A reference of four channels stands in for the stems.
        return lambda stems, mix: losses.angle_error(stems[:, :4], mix, azimuth, LAYOUT)
    if name in VECTORS:
        return lambda reference, mix: getattr(losses, name)(mix, LAYOUT)
    if name in SIGNALS:
        return lambda reference, mix: getattr(losses, name)(mix, **SIGNALS[name])
    if name == "spatial_distortion":
        return lambda *both: torch.cat(losses.spatial_distortion(*both, RATE, max_delay=1e-3))
    if name == "downmix_error":
        return lambda reference, mix: losses.downmix_error(mix, reference[:, :2], LAYOUT)
    if name == "interaural_coherence":
        return lambda reference, mix: losses.interaural_coherence(mix[:, :2], RATE)
    if name == "interaural_errors":
        return lambda *both: torch.cat(
            losses.interaural_errors(*(audio[:, :2] for audio in both), RATE)[1:]
        )
    if name in PAIRS:
        return lambda *both: getattr(losses, name)(*both, **PAIRS[name])
    if name in LEVELS:
        return lambda reference, mix: getattr(losses, name)(reference, mix, n_fft=32, hop=16)
    return getattr(losses, name)


DIFFERENTIABLE = [*RATIOS, *LEVELS, *VECTORS, *PAIRS, *SIGNALS, *EARS]
DIFFERENTIABLE += ["angle_error", "snr_loss", "downmix_error"]
LONG = {"loudness": 3300, "momentary_loudness": 3300, "short_term_loudness": 24100}
LONG |= {"multi_resolution_stft": 1100, "interaural_coherence": 1300, "interaural_errors": 1300}


@pytest.mark.parametrize("name", DIFFERENTIABLE)
def test_gradients_are_finite_differences(name, rng):
    shape = (2, 2, 5, LONG.get(name, 40))
    reference, estimate = tensors(*rng.standard_normal(shape), requires_grad=True)
    assert torch.autograd.gradcheck(by_name(name), (reference, estimate), fast_mode=True)


@pytest.mark.parametrize("name", SPECTRA)
def test_gradients_of_spectra_are_finite_differences(name, rng):
    parts = rng.standard_normal((2, 4, 3, 5))
    spectrum = torch.tensor(parts[0] + 1j * parts[1], requires_grad=True)
    assert torch.autograd.gradcheck(getattr(losses, name), (spectrum,), fast_mode=True)


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_finite_at_silence_and_at_equality(kind, dtype, name, rng):
    if name == "multi_resolution_stft" and kind == "a single sample":
        pytest.skip("needs more than 1024 samples")
    first, second = (audio[:2] for audio in pairs(rng)[kind])
    for estimate in (second, first):
        both = tensors(first, estimate, dtype=dtype, requires_grad=True)
        by_name(name)(*both).sum().backward()
        for tensor in both:
            assert tensor.grad is None or torch.isfinite(tensor.grad).all()


def test_gradients_of_the_angle_point_to_the_true_direction():
    stem = torch.randn(1, 100, generator=torch.Generator().manual_seed(0))
    gains = torch.tensor([[0.0], [0.5], [0.0], [0.0], [1.0]], requires_grad=True)
    optimizer = torch.optim.SGD([gains], lr=1e-3)
    for _ in range(100):
        optimizer.zero_grad()
        error = losses.angle_error(stem, gains * stem, torch.tensor([20.0]), LAYOUT)
        error.sum().backward()
        optimizer.step()
    assert error.item() < 5.0  # 37 degrees at first


def test_half_precision_and_autocast_are_computed_in_single(rng):
    stems, azimuth, mix, estimate = (array.astype(np.float32) for array in panned(rng, 1))
    first, second = tensors(mix, estimate, dtype=np.float32)
    half = losses.snr(first.bfloat16(), second.bfloat16())
    assert half.dtype == torch.float32
    assert half.item() == losses.snr(first.bfloat16().float(), second.bfloat16().float()).item()
    single = losses.angle_error(*tensors(stems, estimate, azimuth, dtype=np.float32), LAYOUT)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        cast = losses.angle_error(*tensors(stems, estimate, azimuth, dtype=np.float32), LAYOUT)
        assert losses.snr(reference=first, estimate=second).item() == losses.snr(first, second)
    assert torch.equal(single, cast)


@pytest.mark.parametrize("name", [*PAIRS, *SIGNALS])
def test_bfloat16_is_computed_in_single(name, rng):
    both = tensors(*rng.standard_normal((2, 5, 3600)), dtype=np.float32)
    half = [audio.bfloat16() for audio in both]
    function = getattr(losses, name)
    options, count = (PAIRS[name], 2) if name in PAIRS else (SIGNALS[name], 1)
    found = function(*half[:count], **options)
    expected = function(*(audio.float() for audio in half[:count]), **options)
    if name != "spatial_distortion":
        found, expected = [found], [expected]
    for ours, single in zip(found, expected, strict=True):
        assert ours.dtype == torch.float32
        assert torch.equal(ours, single)


def test_the_snr_loss_is_the_negative_snr_below_its_ceiling(rng):
    first, second = pairs(rng)["noise"]
    expected = -metrics.snr(first, second).mean()
    assert losses.snr_loss(*tensors(first, second), ceiling_db=100.0).item() == pytest.approx(
        expected, abs=1e-6
    )
    # At an error of -30 dB and a ceiling of 30 dB both halve the ratio.
    noisy = first * (1.0 + 10.0**-1.5)
    assert losses.snr_loss(*tensors(first, noisy)).item() == pytest.approx(-26.99, abs=0.01)
    assert losses.snr_loss(*tensors(first, first)).item() == pytest.approx(-30.0, abs=1e-9)


def test_the_snr_loss_ignores_silent_references(rng):
    first, second = pairs(rng)["noise"]
    alone = losses.snr_loss(*tensors(first[1:], second[1:])).item()
    first[0] = 0.0
    assert losses.snr_loss(*tensors(first, second)).item() == pytest.approx(alone, abs=1e-12)
    assert losses.snr_loss(torch.zeros(2, 2, 9), torch.ones(2, 2, 9)).item() == 0.0
    faint = losses.snr_loss(torch.full((1, 2, 9), 1e-18), torch.ones(1, 2, 9))
    assert torch.isfinite(faint)


def test_the_divergence_equals_torch(rng):
    mean, log_variance = tensors(*rng.standard_normal((2, 3, 7)))
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(
        normal(mean, (0.5 * log_variance).exp()), normal(0.0, 1.0)
    )
    ours = losses.gaussian_kl(mean, log_variance)
    np.testing.assert_allclose(ours.numpy(), expected.sum(-1).numpy(), atol=1e-12)
    # Near the prior all of it would be rounding, were 1 added and taken off again.
    near = losses.gaussian_kl(torch.zeros(1), torch.tensor([1e-4])).item()
    assert near == pytest.approx(0.25e-8, rel=1e-2)


def test_invalid_arguments_are_refused_with_the_messages_of_the_core(rng):
    two, three = torch.zeros(2, 100), torch.zeros(3, 100)
    with pytest.raises(ShapeError, match="must have the same shape, got"):
        losses.snr(two, three)
    with pytest.raises(ShapeError, match="the same axes but the last, got"):
        losses.wild(two, three)
    with pytest.raises(ShapeError, match="two channels or more"):
        losses.ild_error(torch.zeros(1, 100), torch.zeros(1, 100))
    with pytest.raises(ShapeError, match="estimate must have 5 channels for layout"):
        losses.angle_error(two, three, torch.zeros(2), LAYOUT)
    with pytest.raises(ShapeError, match="the same batch axes and samples"):
        losses.angle_error(two, torch.zeros(5, 99), torch.zeros(2), LAYOUT)
    with pytest.raises(ShapeError, match="one value per stem"):
        losses.angle_error(two, torch.zeros(5, 100), torch.zeros(3), LAYOUT)
    with pytest.raises(OptionError, match="floor_db"):
        losses.wild(two, two, floor_db=3.0)
    with pytest.raises(OptionError, match="unknown weighting"):
        losses.angle_error(two, torch.zeros(5, 100), torch.zeros(2), LAYOUT, weighting="both")
