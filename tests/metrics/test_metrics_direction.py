"""Direction metrics on signals with known directions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.ambisonics import convert_ambisonics, encode_ambisonics
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError
from spatialkit.geometry import to_cartesian
from spatialkit.layouts import AmbisonicFormat, get_layout
from spatialkit.metrics import (
    active_intensity,
    angle_error,
    diffuseness,
    energy_density,
    energy_vector,
    velocity_vector,
)
from spatialkit.panning import vbap_gains, vbap_pan
from spatialkit.stft import stft


def textbook_pair_gains(azimuth: float, first: float, second: float) -> np.ndarray:
    """Oracle: VBAP of one pair in the plane (Pulkki 1997), unit energy."""
    base = to_cartesian([first, second])[:, :2]
    gains = to_cartesian(azimuth)[:2] @ np.linalg.inv(base)
    return gains / np.linalg.norm(gains)


@given(azimuth=st.floats(-30.0, 30.0), level=st.floats(1e-4, 10.0))
def test_a_stereo_mix_by_vbap_has_no_angle_error(azimuth, level):
    stem = level * np.random.default_rng(0).standard_normal((1, 500))
    mix = textbook_pair_gains(azimuth, 30.0, -30.0)[:, None] * stem
    assert angle_error(stem, mix, [azimuth], "stereo").item() < 1e-6  # DESIGN's bound


@pytest.mark.parametrize("layout", ["5.0", "5.1", "7.1", "paper5", "quad"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_mix_of_several_stems_by_vbap_has_no_angle_error(rng, layout, dtype):
    """Stems that overlap and differ by 60 dB; azimuths in gaps below 180 degrees."""
    stems = rng.standard_normal((3, 4, 20_000)) * [[1.0], [1e-3], [0.1], [3.0]]
    stems[:, 1] += 1e-3 * stems[:, 0]
    azimuth = rng.uniform(-105.0, 105.0, (3, 4))
    stems = stems.astype(dtype)
    mix = np.stack([vbap_pan(s, a, layout=layout) for s, a in zip(stems, azimuth, strict=True)])
    if get_layout(layout).is_lfe.any():
        mix[:, 3] = stems[:, 0]  # the LFE points nowhere
    error = angle_error(stems, mix, azimuth, layout)
    assert error.shape == (3, 4)
    # float32: the mix is rounded at 6e-8 of its level, 1000 times that of the quietest stem
    assert error.max() < (1e-6 if dtype == np.float64 else 1e-3)


def test_elevations_are_part_of_the_angle(rng):
    stem = rng.standard_normal((1, 100))
    mix = np.zeros((12, 100))
    mix[get_layout("7.1.4").labels.index("TFL")] = stem[0]
    assert angle_error(stem, mix, [45.0], "7.1.4", elevation=[45.0]).item() < 1e-6
    assert angle_error(stem, mix, [45.0], "7.1.4").item() == pytest.approx(45.0)


def test_the_error_is_the_angle_between_true_and_actual_direction(rng):
    stems = rng.standard_normal((2, 1000))
    mix = vbap_pan(stems, [10.0, -100.0], layout="5.0")
    truth = [25.0, 170.0]  # 15 degrees off, and 90 across the back
    np.testing.assert_allclose(angle_error(stems, mix, truth, "5.0"), [15.0, 90.0], atol=1e-6)
    np.testing.assert_allclose(angle_error(stems, mix, 10.0, "5.0"), [0.0, 110.0], atol=1e-6)


def test_coefficients_are_signed(rng):
    """FL alone less as much of FR: the sum of both vectors points to the left, 90 degrees."""
    stem = rng.standard_normal((1, 100))
    mix = np.concatenate([stem, -stem])
    assert angle_error(stem, mix, [90.0], "stereo").item() < 1e-6


def test_energy_weighting_squares_the_coefficients(rng):
    stem = rng.standard_normal((1, 100))
    gains = vbap_gains(20.0, layout="stereo")
    vector = gains**2 @ to_cartesian([30.0, -30.0])
    expected = 20.0 - np.degrees(np.arctan2(vector[1], vector[0]))
    ours = angle_error(stem, gains[:, None] * stem, [20.0], "stereo", weighting="energy")
    assert ours.item() == pytest.approx(abs(expected), abs=1e-9)


def test_stems_without_a_direction_are_nan(rng):
    stems = rng.standard_normal((4, 1000))
    stems[1] = 0.0
    mix = vbap_pan(stems[:3], [10.0, 20.0, 30.0], layout="5.0")
    error = angle_error(stems, mix, [10.0, 20.0, 30.0, 40.0], "5.0")  # the fourth is not in it
    np.testing.assert_array_equal(np.isnan(error), [False, True, False, True])
    assert np.all(np.isnan(angle_error(stems, 0.0 * mix, 0.0, "5.0")))
    assert np.all(np.isnan(angle_error(stems[:, :0], mix[:, :0], 0.0, "5.0")))
    opposite = np.zeros((4, 1000))
    opposite[[0, 3]] = stems[0]  # quad: front left and back right
    assert np.isnan(angle_error(stems[:1], opposite, 0.0, "quad").item())


def test_copies_of_a_stem_share_its_direction(rng):
    stem = rng.standard_normal((1, 1000))
    mix = vbap_pan(stem[0], 20.0, layout="5.0")
    error = angle_error(np.concatenate([stem, 2.0 * stem]), mix, [20.0, 20.0], "5.0")
    np.testing.assert_allclose(error, 0.0, atol=1e-6)


def test_angle_error_rejects_invalid_arguments():
    stems, mix = np.zeros((2, 10)), np.zeros((5, 10))
    with pytest.raises(ShapeError, match=r"must have 5 channels for layout '5\.0'"):
        angle_error(stems, mix[:4], [0.0, 0.0], "5.0")
    with pytest.raises(ShapeError, match="same batch axes and samples"):
        angle_error(stems, mix[:, :9], [0.0, 0.0], "5.0")
    with pytest.raises(ShapeError, match=r"one value per stem, \(2,\), got \(3,\)"):
        angle_error(stems, mix, [0.0, 0.0, 0.0], "5.0")
    with pytest.raises(OptionError, match=r"unknown weighting '.*Accepted: 'amplitude', 'energy'"):
        angle_error(stems, mix, [0.0, 0.0], "5.0", weighting="power")
    with pytest.raises(SignalError, match="stems holds nan"):
        angle_error(stems + np.nan, mix, [0.0, 0.0], "5.0")


def test_vectors_of_one_source_equal_gerzons_formulas(rng):
    gains = rng.uniform(0.0, 1.0, 11)
    gains /= np.linalg.norm(gains)
    signal = rng.standard_normal(300_000)
    real = get_layout("7.1.4").without_lfe()
    audio = np.insert(gains[:, None] * signal, 3, 5.0 * signal, axis=0)  # a loud LFE
    directions = to_cartesian(real.azimuth, real.elevation)
    # float64 sums of 300 000
    np.testing.assert_allclose(energy_vector(audio, "7.1.4"), gains**2 @ directions, atol=1e-12)
    expected = gains @ directions / gains.sum()
    np.testing.assert_allclose(velocity_vector(audio, "7.1.4"), expected, atol=1e-12)


def test_independent_channels_have_equal_vectors(rng):
    """Without correlation <p v> is the sum of energies times directions: rV becomes rE."""
    audio = rng.standard_normal((2, 5, 200_000))
    energy, velocity = energy_vector(audio, "5.0"), velocity_vector(audio, "5.0")
    assert energy.shape == velocity.shape == (2, 3)
    np.testing.assert_allclose(energy, velocity, atol=0.02)  # 1 / sqrt(200 000), tenfold


def test_vectors_of_silence_and_of_zero_pressure_are_nan():
    for samples in (0, 1, 10):
        assert np.all(np.isnan(energy_vector(np.zeros((2, samples)), "stereo")))
        assert np.all(np.isnan(velocity_vector(np.zeros((2, samples)), "stereo")))
    opposite = np.array([[1.0], [-1.0]]) * np.ones(10)
    np.testing.assert_allclose(energy_vector(opposite, "stereo"), [np.sqrt(0.75), 0, 0], atol=1e-12)
    assert np.all(np.isnan(velocity_vector(opposite, "stereo")))


FORMATS = [
    AmbisonicFormat(1),
    AmbisonicFormat(3),
    AmbisonicFormat(1, "N3D"),
    AmbisonicFormat(2, "FuMa", "FuMa"),
    AmbisonicFormat(1, "SN3D", "FuMa"),
]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_the_intensity_of_a_plane_wave_points_to_its_source_and_diffuseness_is_0(rng, format):
    source = rng.standard_normal(3000)
    scene = encode_ambisonics(source, 130.0, -35.0, order=format.order)
    scene = convert_ambisonics(scene, AmbisonicFormat(format.order), format)
    spectrum = stft(scene, n_fft=256, hop=64)
    flow = active_intensity(spectrum, format)
    assert flow.shape == (3, 129, 47)
    density = energy_density(spectrum, format)
    assert density.shape == (129, 47)
    np.testing.assert_allclose(density, np.linalg.norm(flow, axis=0), atol=1e-10)
    expected = np.abs(stft(source, n_fft=256, hop=64)) ** 2
    expected = to_cartesian(130.0, -35.0)[:, None, None] * expected
    np.testing.assert_allclose(flow, expected, atol=1e-10)  # float64, energies up to 500
    np.testing.assert_allclose(diffuseness(spectrum, format), 0.0, atol=1e-9)


def test_opposite_sources_are_half_or_fully_diffuse(rng):
    """For equal independent sources the mean intensity is 0: psi is 1. With a quarter of the
    energy on one side it is (1 - 1/4) / (1 + 1/4) of the energy density: psi is 0.4."""
    left, right = (encode_ambisonics(rng.standard_normal(200_000), a, order=1) for a in (90, -90))
    for gain, expected in ((1.0, 1.0), (0.5, 0.4)):
        spectrum = stft(left + gain * right)
        whole = diffuseness(spectrum, frames=None, bins=None)
        assert whole.shape == (1, 1)
        assert whole.item() == pytest.approx(expected, abs=0.01)  # 1 / sqrt(200 000), a few times


def test_diffuseness_equals_its_formula(rng):
    spectrum = rng.standard_normal((2, 4, 3, 12)) + 1j * rng.standard_normal((2, 4, 3, 12))
    ours, density = diffuseness(spectrum, frames=5), energy_density(spectrum, frames=5)
    w, y, z, x = np.moveaxis(spectrum, 1, 0)
    for item, f, t in np.ndindex(ours.shape):
        near = (item, f, slice(max(t - 2, 0), t + 3))
        flow = [np.mean((np.conj(w[near]) * u[near]).real) for u in (x, y, z)]
        energy = np.mean([np.abs(u[near]) ** 2 for u in (w, x, y, z)], axis=1).sum() / 2.0
        expected = 1.0 - np.linalg.norm(flow) / energy
        assert ours[item, f, t] == pytest.approx(expected, abs=1e-12)
        count = min(t + 3, 12) - max(t - 2, 0)
        assert density[item, f, t] == pytest.approx(count * energy, abs=1e-12)


def test_silence_has_no_intensity_and_no_diffuseness():
    silence = np.zeros((4, 3, 5), complex)
    assert np.all(active_intensity(silence) == 0.0)
    assert np.all(energy_density(silence) == 0.0)
    assert np.all(np.isnan(diffuseness(silence)))


def test_formats_other_than_ambisonics_are_rejected():
    with pytest.raises(LayoutError, match=r"must be Ambisonic, got '5\.0'"):
        active_intensity(np.zeros((5, 3, 4), complex), "5.0")
    with pytest.raises(ShapeError, match="spectrum must have 9 channels for 'ambix2'"):
        diffuseness(np.zeros((4, 3, 4), complex), "ambix2")
