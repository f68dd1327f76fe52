"""ILD, IPD, ICC and WILD compared with slow implementations and scipy.stats."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.metrics import icc, ild, ild_error, ipd, leakage, wasserstein_distance, wild
from spatialkit.stft import stft


def noise_spectrum(rng, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape) + 1j * rng.standard_normal(shape)


def slow_ilds(audio: np.ndarray, loudest: float, floor_db=-60.0, clip_db=60.0, **sizes):
    """Oracle for the ILDs of WILD, (pairs, bins, frames), in float64."""
    magnitude = np.abs(stft(audio.astype(np.float64), **sizes))
    level = 20.0 * np.log10(np.maximum(magnitude, loudest * 10.0 ** (floor_db / 20.0)))
    pairs = combinations(range(len(audio)), 2)
    return np.array([np.clip(level[i] - level[j], -clip_db, clip_db) for i, j in pairs])


def slow_wild(reference: np.ndarray, estimate: np.ndarray, floor_db=-60.0, clip_db=60.0, **sizes):
    loudest = np.abs(stft(reference.astype(np.float64), **sizes)).max()
    ilds = [slow_ilds(x, loudest, floor_db, clip_db, **sizes) for x in (reference, estimate)]
    return sum(stats.wasserstein_distance(a.ravel(), b.ravel()) for a, b in zip(*ilds, strict=True))


def uneven(rng, *shape: int) -> np.ndarray:
    """Noise whose level varies by more than the floor, differently in each channel."""
    start = rng.uniform(0.0, 10.0, (*shape[:-1], 1))
    swell = np.sin(start + np.arange(shape[-1]) / rng.uniform(500.0, 1500.0, (*shape[:-1], 1)))
    return rng.standard_normal(shape) * swell**6


def test_ild_equals_its_formula(rng):
    spectrum = noise_spectrum(rng, 2, 3, 5, 7)
    ours = ild(spectrum)
    assert ours.shape == (2, 3, 5, 7)
    for pair, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        expected = 20.0 * np.log10(np.abs(spectrum[:, i]) / np.abs(spectrum[:, j]))
        np.testing.assert_allclose(ours[:, pair], expected, atol=1e-10)


def test_pairs_are_in_the_order_of_combinations():
    spectrum = 10.0 ** -np.arange(5.0)[:, None, None] + 0j
    expected = [20.0 * (j - i) for i, j in combinations(range(5), 2)]
    np.testing.assert_allclose(ild(spectrum, floor_db=-200.0).ravel(), expected, atol=1e-12)


def test_bins_below_the_floor_are_nan():
    left, right = np.array([[1.0, 1e-2, 1e-4, 1e-4, 0.0, 0.0], [0.1, 1e-4, 1e-2, 1e-5, 1.0, 0.0]])
    spectrum = np.stack([left, right])[:, None, :] + 0j
    expected = [20.0, 40.0, -40.0, np.nan, -np.inf, np.nan]
    np.testing.assert_allclose(ild(spectrum).ravel(), expected, atol=1e-12)
    np.testing.assert_array_equal(np.isnan(ipd(spectrum)).ravel(), [0, 1, 1, 1, 1, 1])
    # The floor is that of each item: a thousand times louder one beside it changes nothing.
    both = ild(np.stack([spectrum, 1000.0 * spectrum]))
    np.testing.assert_allclose(both[0], both[1], atol=1e-12)


def test_silence_has_no_level_difference_phase_or_coherence():
    for measure in (ild, ipd, icc):
        assert np.all(np.isnan(measure(np.zeros((2, 3, 4, 5), complex))))
        assert measure(np.zeros((2, 4, 0), complex)).shape == (1, 4, 0)


def test_ipd_is_the_phase_of_the_first_channel_minus_that_of_the_second(rng):
    spectrum = noise_spectrum(rng, 2, 4, 6)
    apart = np.degrees(np.angle(spectrum[0]) - np.angle(spectrum[1]))
    expected = np.remainder(apart + 180.0, 360.0) - 180.0
    np.testing.assert_allclose(ipd(spectrum)[0], expected, atol=1e-10)
    opposite = np.array([1.0 + 0j, -1.0 - 0j])[:, None, None]
    assert ipd(opposite).item() == 180.0


@pytest.mark.parametrize(
    ("frames", "bins"), [(9, 1), (4, 3), (1, 2), (30, 30), (None, 1), (3, None)]
)
def test_icc_equals_its_formula(rng, frames, bins):
    spectrum = noise_spectrum(rng, 3, 6, 8)
    spectrum[1] += spectrum[0]
    ours = icc(spectrum, frames=frames, bins=bins)
    assert ours.shape == (3, 1 if bins is None else 6, 1 if frames is None else 8)
    reach = [(0, 99) if n is None else ((n - 1) // 2, n // 2 + 1) for n in (bins, frames)]
    for pair, (i, j) in enumerate([(0, 1), (0, 2), (1, 2)]):
        for f, t in np.ndindex(ours.shape[1:]):
            rows = slice(max(f - reach[0][0], 0), f + reach[0][1])
            columns = slice(max(t - reach[1][0], 0), t + reach[1][1])
            a, b = spectrum[i, rows, columns], spectrum[j, rows, columns]
            expected = abs(np.vdot(b, a)) / np.linalg.norm(a) / np.linalg.norm(b)
            assert ours[pair, f, t] == pytest.approx(expected, abs=1e-12)


def test_one_source_is_coherent_and_two_are_not(rng):
    source = noise_spectrum(rng, 1, 20, 2000)
    panned = np.concatenate([source, -0.3 * source])
    np.testing.assert_allclose(icc(panned), 1.0, atol=1e-12)
    # Of n independent frames the coherence is of the order 1 / sqrt(n).
    assert icc(noise_spectrum(rng, 2, 20, 2000), frames=None).max() < 5.0 / np.sqrt(2000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_wild_equals_scipy(rng, dtype):
    reference, estimate = uneven(rng, 2, 2, 3, 20_000).astype(dtype)
    ours = wild(reference, estimate)
    assert ours.shape == (2,)
    assert ours.dtype == np.float64
    for item in range(2):
        expected = slow_wild(reference[item], estimate[item], n_fft=1024, hop=256)
        # float32 levels: rounding of 2e-6 dB in each of 40 000 bins, of either sign
        assert ours[item] == pytest.approx(expected, abs=1e-6)
        assert expected > 1.0


def test_wild_depends_on_its_options(rng):
    reference, estimate = uneven(rng, 2, 3, 8000)
    options = {"n_fft": 256, "hop": 64, "floor_db": -40.0, "clip_db": 15.0}
    expected = slow_wild(reference, estimate, **options)
    assert wild(reference, estimate, **options) == pytest.approx(expected, abs=1e-6)
    assert expected != pytest.approx(wild(reference, estimate), rel=0.05)


def test_wild_of_unequal_lengths_equals_scipy(rng):
    reference, estimate = uneven(rng, 2, 9000), uneven(rng, 2, 6001)
    expected = slow_wild(reference, estimate, n_fft=1024, hop=256)
    assert wild(reference, estimate) == pytest.approx(expected, abs=1e-6)


def test_the_histogram_converges_to_the_exact_value(rng):
    reference, estimate = uneven(rng, 2, 3, 30_000)
    exact = wild(reference, estimate)
    assert wild(reference, estimate, method="histogram") == pytest.approx(exact, abs=0.1)
    finer = wild(reference, estimate, method="histogram", bin_db=0.005)
    assert finer == pytest.approx(exact, abs=1e-3)


def test_wild_of_shifted_ilds_is_the_shift(rng):
    """Every ILD of the pair is shifted by 12 dB, which is the distance by definition."""
    stereo = rng.standard_normal((2, 20_000))
    moved = stereo * 10.0 ** (np.array([[0.0], [-12.0]]) / 20.0)
    ours = wild(stereo, moved, floor_db=-150.0, clip_db=1000.0)
    assert ours == pytest.approx(12.0, abs=1e-5)


def slow_leakage(reference, estimate, floor_db):
    """Oracle: whole spectra."""
    first, second = (np.abs(stft(audio)) for audio in (reference, estimate))
    loudest = first.max(axis=0)
    silent = first < 10 ** (floor_db / 20) * loudest
    energy = second**2 * (loudest > 0.0)
    return 10 * np.log10(energy[silent].sum() / energy.sum())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_leakage_equals_its_definition(rng, dtype):
    reference, estimate = uneven(rng, 2, 3, 30_000), uneven(rng, 2, 3, 30_000)
    reference[:, :, :9000] = 0.0
    both = reference.astype(dtype), estimate.astype(dtype)
    for floor_db in (-60.0, -10.0):
        expected = [slow_leakage(r, e, floor_db) for r, e in zip(reference, estimate, strict=True)]
        ours = leakage(*both, floor_db=floor_db)
        np.testing.assert_allclose(ours, expected, rtol=0.0, atol=1e-5)
        gained = leakage(both[0], both[1] * dtype(0.5), floor_db=floor_db)
        np.testing.assert_allclose(gained, ours, rtol=0.0, atol=1e-5)


def test_leakage_is_the_level_in_silent_channels(rng):
    voice, music = rng.standard_normal((2, 20_000))
    reference = np.stack([voice, music, 0.0 * voice])
    leaky = reference + np.array([0.0, 0.0, 0.1])[:, None] * voice
    expected = 10 * np.log10(0.01 * np.sum(voice**2) / np.sum(leaky**2))
    # The frames overlap evenly, but for the ends of the signal.
    assert leakage(reference, leaky) == pytest.approx(expected, abs=0.05)
    assert leakage(reference, reference[[1, 0, 2]]) == -np.inf
    assert np.isnan(leakage(0.0 * reference, leaky))
    assert np.isnan(leakage(reference, 0.0 * leaky))
    assert np.isnan(leakage(reference[:, :0], leaky[:, :0]))
    with pytest.raises(ShapeError, match="at least 2 channels"):
        leakage(voice[None], voice[None])


def test_wild_does_not_depend_on_the_common_level(rng):
    reference, estimate = uneven(rng, 2, 2, 20_000)
    expected = wild(reference, estimate)
    for gain in (1e-6, 1e6):
        assert wild(gain * reference, gain * estimate) == pytest.approx(expected, abs=1e-6)


def test_degenerate_distances(rng):
    sound, silence = rng.standard_normal((2, 3000)), np.zeros((2, 3000))
    for method in ("exact", "histogram"):
        assert wild(sound, sound, method=method) == 0.0
        assert np.isnan(wild(silence, silence, method=method))
        assert np.isnan(wild(silence, sound, method=method))
        assert np.isfinite(wild(sound, silence, method=method))
        assert np.isnan(wild(silence[:, :0], silence[:, :0], method=method))
        assert wild(sound[:, :1], sound[:, :1], method=method) == 0.0
    assert ild_error(sound, sound) == 0.0
    assert np.isnan(ild_error(silence, sound))
    assert np.isnan(ild_error(silence[:, :0], silence[:, :0]))


def test_ild_error_equals_its_formula(rng):
    reference, estimate = uneven(rng, 2, 3, 20_000)
    magnitude = np.abs(stft(reference))
    loudest = magnitude.max()
    heard = [
        np.maximum(magnitude[i], magnitude[j]) > 1e-3 * loudest for i, j in [(0, 1), (0, 2), (1, 2)]
    ]
    error = np.abs(slow_ilds(reference, loudest) - slow_ilds(estimate, loudest))
    expected = error[np.array(heard)].mean()
    assert 0.1 < np.mean(heard) < 0.99
    assert ild_error(reference, estimate) == pytest.approx(expected, abs=1e-5)  # float32 levels


@given(
    st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=30),
    st.lists(st.floats(-100.0, 100.0), min_size=1, max_size=30),
)
def test_wasserstein_distance_equals_scipy(a, b):
    expected = stats.wasserstein_distance(a, b)
    assert wasserstein_distance(a, b) == pytest.approx(expected, abs=1e-9)


def test_wasserstein_distance_of_batches(rng):
    a, b = rng.standard_normal((2, 3, 1000)), 2.0 + rng.standard_normal((2, 3, 1500))
    ours = wasserstein_distance(a, b)
    assert ours.shape == (2, 3)
    expected = stats.wasserstein_distance(a[1, 2], b[1, 2])
    assert ours[1, 2] == pytest.approx(expected, abs=1e-9)
    assert ours[1, 2] != ours[0, 0]
    # Many small sets are no signal that lies the wrong way round.
    assert wasserstein_distance(np.zeros((100, 3)), np.ones((100, 2))).tolist() == [1.0] * 100


def test_invalid_arguments_are_rejected(rng):
    stereo, mono = np.zeros((2, 100)), np.zeros((1, 100))
    with pytest.raises(SignalError, match="spectrum must be complex, got float64"):
        ild(np.zeros((2, 3, 4)))
    with pytest.raises(ShapeError, match="at least 2 channels"):
        ipd(np.zeros((1, 3, 4), complex))
    with pytest.raises(ShapeError, match=r"\(\.\.\., channels, bins, frames\)"):
        icc(np.zeros((3, 4), complex))
    spectrum = np.ones((2, 3, 4), complex)
    spectrum[1, 0, 2] = np.nan
    with pytest.raises(SignalError, match=r"spectrum holds \(?nan.* at index \(1, 0, 2\)"):
        ild(spectrum)
    with pytest.raises(OptionError, match="frames must be at least 1"):
        icc(np.zeros((2, 3, 4), complex), frames=0)
    with pytest.raises(OptionError, match=r"floor_db must be from -inf to 0, got 3"):
        ild(np.zeros((2, 3, 4), complex), floor_db=3.0)
    with pytest.raises(ShapeError, match="reference and estimate must have at least 2 channels"):
        wild(mono, mono)
    with pytest.raises(ShapeError, match="reference and estimate must have at least 2 channels"):
        ild_error(mono, mono)
    with pytest.raises(ShapeError, match="the same shape except for the last axis"):
        wild(stereo, np.zeros((3, 100)))
    with pytest.raises(OptionError, match=r"unknown method '.*Accepted: 'exact', 'histogram'"):
        wild(stereo, stereo, method="sorted")
    with pytest.raises(OptionError, match="clip_db"):
        wild(stereo, stereo, clip_db=0.0)
    broken = stereo.copy()
    broken[0, 3] = np.inf
    with pytest.raises(SignalError, match=r"estimate holds inf at index \(0, 3\)"):
        wild(stereo, broken)
    with pytest.raises(SignalError, match=r"b holds nan at index \(1\)"):
        wasserstein_distance([0.0], [1.0, np.nan])
    with pytest.raises(ShapeError, match="at least one value"):
        wasserstein_distance([], [1.0])
