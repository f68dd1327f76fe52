"""Metrics of the benchmark of the Ambisonizer on sources with known directions."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spatialkit import encode_foa
from spatialkit_models.ambisonizer.cues import (
    CUES,
    CuePool,
    circle_distance,
    cue_distances,
    cues_of,
    energy_quantiles,
)
from spatialkit_models.ambisonizer.field import field_of
from spatialkit_models.ambisonizer.scores import METRICS, MONO, RESOLUTIONS, Reference

RATE = 8000
ROOT_HALF = math.sqrt(0.5)


def wave(azimuth, seconds=1.0, seed=0):
    """Noise from a direction."""
    noise = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return encode_foa(noise, azimuth)


def pair_of(foa):
    return np.stack([foa[0] + foa[1], foa[0] - foa[1]])


def test_a_wave_from_another_direction_has_the_closed_form_errors():
    true, made = wave(30.0), wave(50.0)
    found = Reference(true, RATE).scores(made, pair_of(true))
    cosines = np.cos(np.radians([30.0, 50.0]))
    assert found["direction_error"] == pytest.approx(20.0)
    assert found["front_rear_accuracy"] == 100.0
    assert found["diffuseness_error"] == pytest.approx(0.0, abs=1e-6)
    assert found["x_level"] == pytest.approx(20.0 * np.log10(cosines[1] / cosines[0]))
    assert found["x_snr"] == pytest.approx(20.0 * np.log10(cosines[0] / (cosines[0] - cosines[1])))
    assert found["x_si_sdr"] == 200.0  # X is in proportion
    assert found["downmix_snr"] == found["y_si_sdr"] == 200.0
    sines = np.sin(np.radians([30.0, 50.0]))
    assert found["y_snr"] == pytest.approx(20.0 * np.log10(sines[0] / (sines[1] - sines[0])))
    # Cardioids at +-45 degrees: sum 1 + x / root 2, difference y / root 2.
    widths = 20.0 * np.log10(ROOT_HALF * sines / (1.0 + ROOT_HALF * cosines))
    assert found["width"] == pytest.approx(widths[1] - widths[0])
    assert found["correlation"] == pytest.approx(0.0, abs=1e-9)
    # A magnitude that is in proportion everywhere.
    share = abs(cosines[1] / cosines[0] - 1.0)
    assert found["x_convergence"] == pytest.approx(100.0 * share, rel=1e-6)
    assert found["x_log_error"] == pytest.approx(-found["x_level"], rel=1e-3)  # -80 dB is the floor


def test_without_x_no_side_is_correct_and_half_of_the_intensity_is_missing():
    true = wave(30.0)
    made = true * [[1.0], [1.0], [1.0], [0.0]]
    found = Reference(true, RATE).scores(made, pair_of(true))
    # Intensity (0, 1/2) instead of (root 3 / 2, 1/2); energy 5/8.
    assert found["direction_error"] == pytest.approx(60.0)
    assert found["front_rear_accuracy"] == 50.0
    assert found["diffuseness_error"] == found["diffuseness_bias"] == pytest.approx(20.0)
    assert found["x_level"] == found["x_si_sdr"] == -math.inf
    assert found["x_snr"] == 0.0
    assert found["x_convergence"] == pytest.approx(100.0, rel=1e-3)
    silence = Reference(0.0 * true, RATE).scores(made, pair_of(true))
    assert math.isnan(silence["direction_error"])
    assert math.isnan(silence["x_level"])


def test_a_scene_without_a_side_signal_has_no_width():
    true = wave(0.0)
    found = Reference(true, RATE).scores(true * [[1.0], [1.0], [1.0], [0.5]], pair_of(true))
    assert math.isnan(found["width"])
    assert math.isnan(found["y_snr"])
    assert found["direction_error"] == 0.0
    assert found["x_snr"] == pytest.approx(20.0 * np.log10(2.0))


def test_bands_are_weighted_with_their_intensity():
    time = np.arange(2 * RATE) / RATE
    tones = np.stack([np.sin(2 * np.pi * 200.0 * time), 2.0 * np.sin(2 * np.pi * 2000.0 * time)])
    reference = Reference(encode_foa(tones, [0.0, 120.0]), RATE)
    found = reference.scores(encode_foa(tones, [0.0, -120.0]), tones)
    # A fifth of the energy is right, the rest 120 degrees off; Hann's leakage is far below.
    assert found["direction_error"] == pytest.approx(0.8 * 120.0, abs=0.05)
    assert found["front_rear_accuracy"] == pytest.approx(100.0, abs=0.01)
    assert found["diffuseness_error"] == pytest.approx(0.0, abs=0.05)


def test_fields_are_those_of_slow_code(rng):
    foa = rng.standard_normal((4, 4000))
    field = field_of(foa, RATE)
    # 46.5 ms are 372 samples: a transform of 512, hop 256. Frame 5 and its neighbours.
    window = 0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(512) / 512)
    w, y, z, x = (
        [np.fft.rfft(window * channel[k * 256 - 256 : k * 256 + 256]) for k in (4, 5, 6)]
        for channel in foa
    )
    frequency = np.arange(257) * RATE / 512
    erbs = 21.4 * np.log10(1.0 + 0.00437 * frequency)
    filled = [band for band in range(40) if ((erbs >= band) & (erbs < band + 1)).any()]
    assert field.energy.shape[0] == len(filled)
    for place, band in ((0, filled[0]), (7, filled[7]), (len(filled) - 1, filled[-1])):
        inside = (erbs >= band) & (erbs < band + 1)
        flow, energy, omni = np.zeros(3), 0.0, 0.0
        for k in range(3):
            for n in np.flatnonzero(inside):
                flow += [(np.conj(w[k][n]) * v[k][n]).real for v in (x, y, z)]
                omni += abs(w[k][n]) ** 2
                energy += sum(abs(v[k][n]) ** 2 for v in (w, x, y, z)) / 2.0
        np.testing.assert_allclose(field.intensity[:, place, 5], flow, rtol=1e-9, atol=1e-9)
        assert field.energy[place, 5] == pytest.approx(energy)
        assert field.omni[place, 5] == pytest.approx(omni)


def test_spectral_errors_are_those_of_torch(rng):
    torch = pytest.importorskip("torch")
    # Silence at both ends: torch mirrors there, this package sees zeros.
    true, made = (
        np.pad(0.1 * rng.standard_normal((4, RATE)), ((0, 0), (2048, 2048))) for _ in "ab"
    )
    found = Reference(true, RATE).scores(made, pair_of(true))
    convergences, differences = [], []
    for n_fft, hop, length in RESOLUTIONS:
        window = torch.hann_window(length, dtype=torch.float64)
        one, other = (
            torch.stft(torch.from_numpy(a[3]), n_fft, hop, length, window, return_complex=True)
            .abs()
            .clamp(min=1e-4)
            for a in (true, made)
        )
        convergences.append(float(torch.linalg.norm(one - other) / torch.linalg.norm(one)))
        differences.append(float((20.0 * (one.log10() - other.log10())).abs().mean()))
    assert found["x_convergence"] == pytest.approx(100.0 * np.mean(convergences), rel=1e-6)
    assert found["x_log_error"] == pytest.approx(np.mean(differences), rel=1e-6)


def test_cues_of_a_wave_are_those_of_its_direction():
    cues = cues_of(field_of(wave(40.0), RATE))
    sine = np.sin(np.radians(40.0))
    expected = {
        "diffuseness": 0.0,
        "azimuth": 40.0,
        "coherence": 1.0,
        "level_difference": 20.0 * np.log10((1.0 + sine) / (1.0 - sine)),
    }
    assert list(expected) == list(CUES)
    for name, value in expected.items():
        np.testing.assert_allclose(cues[name], value, atol=1e-9)
    # Left alone is as far as level differences go.
    np.testing.assert_allclose(cues_of(field_of(wave(90.0), RATE))["level_difference"], 60.0)


def test_circular_distances_are_those_of_the_best_rotation(rng):
    first, second = rng.uniform(-180.0, 180.0, (2, 31)) * [[1.0], [0.3]]
    a, b = np.sort(first % 360.0), np.sort(second % 360.0)
    apart = [np.abs((a - np.roll(b, k) + 180.0) % 360.0 - 180.0).mean() for k in range(31)]
    assert circle_distance(first, second) == pytest.approx(min(apart))
    assert circle_distance(first, first + 360.0) == pytest.approx(0.0, abs=1e-9)


def test_energy_weighs_distributions(rng):
    values, weights = rng.standard_normal(50), rng.integers(1, 5, 50)
    repeated = np.sort(np.repeat(values, weights))
    levels = (np.arange(1000) + 0.5) / 1000 * repeated.size
    np.testing.assert_array_equal(
        energy_quantiles(values, weights.astype(float)), repeated[np.floor(levels).astype(int)]
    )
    pool = CuePool()
    scenes = [cues_of(field_of(wave(azimuth), RATE)) for azimuth in (20.0, -20.0, 35.0)]
    pool.add(scenes[0], [scenes[1]])
    pool.add(scenes[1], [scenes[0]])
    # Each is 40 degrees off; together they are right.
    assert cue_distances(scenes[0], scenes[1])["azimuth"] == pytest.approx(40.0)
    assert pool.distances()["azimuth"] == pytest.approx(0.0, abs=1e-9)
    pool.add(scenes[0], [scenes[2]])
    assert pool.distances()["azimuth"] == pytest.approx(5.0)
    silent = cue_distances(scenes[0], cues_of(field_of(np.zeros((4, RATE)), RATE)))
    assert all(math.isnan(distance) for distance in silent.values())


def test_mono_is_evaluated_by_distributions_and_seeds():
    true = wave(20.0)
    seeds = [wave(20.0), wave(-20.0), wave(20.0)]
    found = Reference(true, RATE).mono_scores(seeds, true[:1])
    assert set(found) == {metric.name for metric in METRICS if metric.table == MONO}
    assert found["mono_azimuth"] == pytest.approx(40.0 / 3.0)
    assert found["mono_diversity"] == pytest.approx(2.0 * 40.0 / 3.0)  # two of three pairs
    assert found["mono_diffuseness"] == pytest.approx(0.0, abs=1e-6)
    assert found["mono_y_level"] == pytest.approx(0.0)
    assert found["mono_downmix_snr"] == 200.0
    alone = Reference(true, RATE).mono_scores([0.5 * true], true[:1])
    assert alone["mono_diversity"] == 0.0
    assert alone["mono_y_level"] == pytest.approx(-6.0206)
    assert alone["mono_downmix_snr"] == pytest.approx(6.0206)
