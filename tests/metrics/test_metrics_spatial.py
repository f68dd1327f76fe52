"""Spatial distortion, balances, correlation, spectral and interaural errors."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from scipy import linalg, signal

from spatialkit.auditory import erb_bands
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat
from spatialkit.metrics import (
    correlation_error,
    front_rear_balance,
    interaural_errors,
    itd,
    left_right_balance,
    log_spectral_distance,
    multi_resolution_stft,
    spatial_distortion,
)

RATE = 8000


def textbook_distortion(reference, estimate, half, reach):
    """SSR and SRR by SciPy's full cross-correlation and least squares, frame by frame."""
    channels, samples = reference.shape
    padded = np.pad(reference, ((0, 0), (reach, reach)))
    ratios = []
    for start in range(0, max(samples - half, 1), half):
        stop = min(start + 2 * half, samples)
        s, e = reference[:, start:stop], estimate[:, start:stop]
        projection = np.empty_like(s)
        for c in range(channels):
            delayed = []
            for d in range(channels):
                around = padded[d, start : stop + 2 * reach]
                # index k: the reference delayed by reach - k
                found = signal.correlate(around, e[c], mode="valid")
                delay = reach - np.abs(found).argmax()
                first = start + reach - delay
                delayed.append(padded[d, first : first + stop - start])
            gains, *_ = linalg.lstsq(np.transpose(delayed), e[c])
            projection[c] = gains @ delayed
        pairs = (s, projection - s), (projection, e - projection)
        ratios.append([10 * np.log10(np.sum(a**2) / np.sum(b**2)) for a, b in pairs])
    return np.mean(ratios, axis=0)


MIXES = {
    "gains": ([[1.0, 0.1, 0.0], [0.2, 0.9, 0.05], [0.0, -0.1, 0.7]], 0, 0.0),
    "gains and noise": ([[1.0, 0.1, 0.0], [0.2, 0.9, 0.05], [0.0, -0.1, 0.7]], 0, 0.1),
    "noise": (np.eye(3), 0, 0.3),
    "delay and noise": (np.eye(3), 11, 0.05),
}


@pytest.mark.parametrize("name", MIXES)
@pytest.mark.parametrize("samples", [48_000, 30_001])
def test_spatial_distortion_equals_the_textbook(rng, name, samples):
    matrix, delay, level = MIXES[name]
    reference = rng.standard_normal((3, samples))
    estimate = np.asarray(matrix) @ reference
    estimate[1, delay:] = estimate[1, : samples - delay].copy()
    estimate += level * rng.standard_normal(estimate.shape)
    found = spatial_distortion(reference, estimate, RATE, limit_db=None)
    ssr, srr = textbook_distortion(reference, estimate, RATE, round(0.02 * RATE))
    assert found.ssr == pytest.approx(ssr, abs=1e-6)
    # above 200 dB there is rounding error only
    assert min(found.srr, 200.0) == pytest.approx(min(srr, 200.0), abs=1e-6)


def test_gains_and_delays_between_channels_are_spatial_and_noise_is_not(rng):
    """Closed forms for independent white noise, which correlates with nothing else."""
    stereo, noise = rng.standard_normal((2, 2, 480_000))
    quieter = stereo * [[1.0], [0.5]]  # |e|^2 / |s|^2 = 0.5^2 / 2
    found = spatial_distortion(stereo, quieter, 48000)
    assert found.ssr == pytest.approx(10 * np.log10(8.0), abs=0.05)
    assert found.srr == 80.0
    late = np.stack([stereo[0], np.roll(stereo[1], 48)])  # |s(n) - s(n - 1 ms)|^2 = 2 |s|^2
    found = spatial_distortion(stereo, late, 48000)
    assert found.ssr == pytest.approx(0.0, abs=0.05)
    assert found.srr > 60.0  # the first samples come from outside
    noisy = stereo + 0.1 * noise
    found = spatial_distortion(stereo, noisy, 48000)
    assert found.srr == pytest.approx(20.0, abs=0.05)
    assert found.ssr > 50.0
    swapped = spatial_distortion(stereo, stereo[::-1], 48000)
    assert swapped.ssr == pytest.approx(10 * np.log10(0.5), abs=0.05)


def test_a_delay_beyond_the_limit_is_a_residual(rng):
    stereo = rng.standard_normal((2, 96_000))
    late = np.stack([stereo[0], np.roll(stereo[1], 200)])
    assert spatial_distortion(stereo, late, 48000, max_delay=0.003).srr < 4.0
    assert spatial_distortion(stereo, late, 48000, max_delay=0.005).srr > 20.0


def test_spatial_distortion_of_degenerate_signals(rng):
    sound, silence = rng.standard_normal((2, 30_000)), np.zeros((2, 30_000))
    assert spatial_distortion(sound, sound, RATE) == (80.0, 80.0)
    assert spatial_distortion(sound, sound, RATE, limit_db=None) == (np.inf, np.inf)
    assert np.isnan(spatial_distortion(silence, sound, RATE)).all()
    found = spatial_distortion(sound, silence, RATE)
    assert found.ssr == 0.0
    assert np.isnan(found.srr)
    copies = np.stack([sound[0], sound[0]])  # equal channels have no unique gains
    assert spatial_distortion(copies, copies * [[1.0], [0.5]], RATE).srr == 80.0
    one_silent = sound * [[1.0], [0.0]]
    assert spatial_distortion(one_silent, 0.5 * one_silent, RATE).srr == 80.0
    half = sound.copy()
    half[:, 12_000:] = 0.0  # silent frames are left out
    assert spatial_distortion(half, 0.5 * half, RATE).ssr == pytest.approx(6.02, abs=0.01)
    for samples in (0, 1):
        spatial_distortion(sound[:, :samples], sound[:, :samples], RATE)
    batch = spatial_distortion(sound[None, None], 0.5 * sound[None, None], RATE)
    assert batch.ssr.shape == (1, 1)
    with pytest.raises(ShapeError, match="at least 2 channels"):
        spatial_distortion(sound[:1], sound[:1], RATE)
    with pytest.raises(OptionError, match="max_delay"):
        spatial_distortion(sound, sound, RATE, max_delay=-1.0)


def test_log_spectral_distance_equals_slow_code(rng):
    reference, estimate = 0.1 * rng.standard_normal((2, 3, 20_000))
    reference[1, 5000:9000] = estimate[1, 5000:9000] = 0.0
    spectra = []
    for audio in (reference, estimate):
        padded = np.pad(audio, ((0, 0), (1024, 1024)))
        frames = np.stack([padded[:, n : n + 2048] for n in range(0, 20_001, 512)], axis=1)
        spectra.append(np.abs(np.fft.rfft(frames * signal.get_window("hann", 2048))))
    floor = 1e-3 * spectra[0].max()
    levels = [20.0 * np.log10(np.maximum(each, floor)) for each in spectra]
    distance = np.sqrt(np.mean((levels[0] - levels[1]) ** 2, axis=-1))
    audible = np.maximum(*spectra).max(axis=-1) > floor
    assert not audible.all()
    expected = distance[audible].mean()
    assert log_spectral_distance(reference, estimate) == pytest.approx(expected, rel=1e-9)
    each = log_spectral_distance(reference, estimate, per_channel=True)
    for channel in range(3):
        expected = distance[channel][audible[channel]].mean()
        assert each[channel] == pytest.approx(expected, rel=1e-9)


def test_log_spectral_distance_of_levels_and_silence(rng):
    noise = rng.standard_normal((2, 2, 8000))
    np.testing.assert_allclose(log_spectral_distance(noise, 0.5 * noise), 6.02, atol=0.01)
    assert log_spectral_distance(noise, noise).tolist() == [0.0, 0.0]
    assert np.isnan(log_spectral_distance(0.0 * noise, noise)).all()
    assert log_spectral_distance(noise[0, 0], 0.0 * noise[0, 0]) > 30.0
    found = log_spectral_distance(noise * [[1.0], [0.0]], noise * [[0.5], [0.0]], per_channel=True)
    assert np.isnan(found[:, 1]).all()
    assert np.isnan(log_spectral_distance(noise[..., :0], noise[..., :0])).all()


# auraloss 0.4.0, MultiResolutionSTFTLoss() in float64, of each item of the signals below.
AURALOSS = (0.5271857225454043, 1.1928346017307856)


def test_multi_resolution_stft_equals_auraloss():
    rng = np.random.default_rng(11)
    reference = 0.3 * rng.standard_normal((2, 1, 6000))
    estimate = reference + 0.1 * rng.standard_normal(reference.shape)
    estimate[1] *= 0.5
    found = multi_resolution_stft(reference, estimate)
    # auraloss adds its minimum to the norm; its window is float32
    np.testing.assert_allclose(found, AURALOSS, rtol=1e-6)
    pair = multi_resolution_stft(reference[:, 0], estimate[:, 0], per_channel=True)
    np.testing.assert_allclose(pair, found, rtol=1e-12)


def test_multi_resolution_stft_is_the_loss_of_each_item(rng):
    torch = pytest.importorskip("torch")
    from spatialkit_models import losses

    reference, estimate = 0.1 * rng.standard_normal((2, 3, 2, 5000))
    found = multi_resolution_stft(reference, estimate)
    for item in range(3):
        tensors = (torch.from_numpy(each[item]) for each in (reference, estimate))
        expected = losses.multi_resolution_stft(*tensors).item()
        assert found[item] == pytest.approx(expected, rel=1e-9)
    assert np.isnan(multi_resolution_stft(0.0 * reference, estimate)).all()
    with pytest.raises(ShapeError, match="more than 1024 samples, got 1024"):
        multi_resolution_stft(reference[..., :1024], estimate[..., :1024])


def test_balances_are_level_ratios(rng):
    noise = rng.standard_normal(2000)
    gains = np.array([1.0, 2.0, 4.0, 8.0, 0.5, 0.25])[:, None]  # FL FR FC LFE SL SR
    audio = gains * noise
    front, rear = 1.0 + 4.0 + 16.0, 0.25 + 0.0625
    assert front_rear_balance(audio, "5.1") == pytest.approx(10 * np.log10(front / rear))
    left, right = 1.0 + 0.25, 4.0 + 0.0625
    assert left_right_balance(audio, "5.1") == pytest.approx(10 * np.log10(left / right))
    assert front_rear_balance(audio * [[1], [1], [1], [1], [0], [0]], "5.1") == np.inf
    assert np.isnan(front_rear_balance(0.0 * audio, "5.1"))
    assert np.isnan(front_rear_balance(audio[:2], "stereo"))  # no loudspeaker in the rear
    # 7.1: the sides at 90 degrees are in neither half
    sides = np.zeros((8, 2000))
    sides[6:] = noise
    assert np.isnan(front_rear_balance(sides, "7.1"))
    assert left_right_balance(sides, "7.1") == 0.0
    with pytest.raises(LayoutError, match="loudspeaker layout"):
        front_rear_balance(audio[:4], AmbisonicFormat(1))


def test_correlation_error_equals_slow_code(rng):
    common = rng.standard_normal(40_000)
    reference, estimate = rng.standard_normal((2, 3, 40_000))
    reference, estimate = reference + 2.0 * common, estimate + 0.5 * common
    rate = 16_000
    n_fft = 256  # 0.02 s rounded to a power of two
    starts, _ = erb_bands(rate, n_fft)

    def correlations(audio):
        padded = np.pad(audio, ((0, 0), (n_fft // 2, n_fft)))
        frames = [padded[:, n : n + n_fft] for n in range(0, 40_001, n_fft // 4)]
        spectra = np.fft.rfft(np.array(frames) * signal.get_window("hann", n_fft))
        # a frame belongs to the section in which its last sample is
        sections = np.split(spectra, range(31, len(spectra), 32))
        values = []
        for section in sections:
            for low, high in pairwise(starts):
                part = section[:, :, low:high]
                for i, j in combinations(range(3), 2):
                    cross = np.sum(part[:, i] * part[:, j].conj()).real
                    power = [np.sum(np.abs(part[:, channel]) ** 2) for channel in (i, j)]
                    values.append(cross / np.sqrt(power[0] * power[1]))
        return np.array(values)

    expected = np.abs(correlations(reference) - correlations(estimate)).mean()
    found = correlation_error(reference, estimate, rate)
    assert found == pytest.approx(expected, rel=1e-6)
    assert 0.3 < found < 1.0


def test_correlation_error_of_known_changes(rng):
    one, two = rng.standard_normal((2, 96_000))
    same, inverted = np.stack([one, one]), np.stack([one, -one])
    assert correlation_error(same, same, 48000) == 0.0
    assert correlation_error(same, 0.1 * same, 48000) == pytest.approx(0.0, abs=1e-12)
    assert correlation_error(same, inverted, 48000) == pytest.approx(2.0, abs=1e-12)
    assert correlation_error(same, np.stack([one, two]), 48000) == pytest.approx(1.0, abs=0.1)
    assert correlation_error(same, 0.0 * same, 48000) == pytest.approx(1.0, abs=1e-12)
    assert np.isnan(correlation_error(0.0 * same, same, 48000))
    assert np.isnan(correlation_error(same[:, :0], same[:, :0], 48000))
    one_sided = np.stack([one, 0.0 * one])
    assert np.isnan(correlation_error(one_sided, one_sided, 48000))
    with pytest.raises(ShapeError, match="at least 2 channels"):
        correlation_error(same[:1], same[:1], 48000)


def test_interaural_errors_of_known_delays_and_gains(rng):
    """The error of each band is the change of delay and level; `itd` is the whole-band oracle."""
    noise = rng.standard_normal(96_000)
    ahead = np.stack([noise, noise])
    for delay in (7, 24, -30):
        lateral = np.stack([noise, 0.25 * np.roll(noise, delay)])
        found = interaural_errors(ahead, lateral, 48000)
        expected = abs(itd(lateral, 48000))
        assert expected == pytest.approx(abs(delay) / 0.048, abs=1.0)
        low = found.frequencies <= 1500.0
        assert np.isnan(found.itd[~low]).all()
        # Narrow bands of noise have flat correlations: 85 ms hold few periods of 60 Hz, and near
        # 1.5 kHz neighbouring periods within 1 ms are almost equal.
        clear = (found.frequencies > 300.0) & (found.frequencies < 1200.0)
        np.testing.assert_allclose(found.itd[clear], expected, rtol=0.2)
        np.testing.assert_allclose(found.ild, 20.0 * np.log10(4.0), atol=0.5)
        assert np.nanmax(found.coherence) < 0.1
    same = interaural_errors(ahead, ahead, 48000)
    for errors in same[1:]:
        assert np.nanmax(errors) == 0.0
    wide = interaural_errors(ahead, np.stack([noise, rng.standard_normal(96_000)]), 48000)
    assert np.nanmean(wide.coherence) > 0.6
    silent = interaural_errors(0.0 * ahead, ahead, 48000)
    assert all(np.isnan(errors).all() for errors in silent[1:])
    batch = interaural_errors(ahead[None], ahead[None], 48000)
    assert batch.itd.shape == (1, len(batch.frequencies))
