"""Limits of decoders and encoders: quiet directions, flat layouts, the circle and the sphere."""

import numpy as np
import pytest

from spatialkit.ambisonics import (
    convert_ambisonics,
    decode_foa,
    decoder_matrix,
    decoder_report,
    encode_ambisonics,
    rotate_ambisonics,
    spherical_harmonics,
    virtual_microphones,
)
from spatialkit.ambisonics.decoder_design import design
from spatialkit.errors import LayoutError, OptionError
from spatialkit.geometry import angle_between, sphere_quadrature, to_spherical
from spatialkit.layouts import Layout, get_layout


def test_the_report_includes_directions_of_little_energy():
    """Sources behind a single loudspeaker have little energy and a large error."""
    report = decoder_report("mono", 1, decoder="sampling", weights="max-re")
    assert report.energy_min_db < -10.0
    assert report.direction_error_max > 150.0
    assert report.coverage == 0.0


@pytest.mark.parametrize(
    ("name", "coverage"),
    [
        ("7.1.4", 0.5),
        ("4+5+0", 0.5),
        ("5.1", 1.0),
        ("quad", 1.0),
        ("stereo", 60.0 / 360.0),
        ("3.0", 60.0 / 360.0),
    ],
)
def test_the_report_is_over_the_directions_between_loudspeakers(name, coverage):
    assert decoder_report(name, 1).coverage == pytest.approx(coverage, abs=0.03)


def test_a_dome_is_reported_over_its_upper_hemisphere():
    """Oracle: the definitions, with public functions, over the grid above the horizon."""
    vectors, weights = sphere_quadrature(90)
    above = vectors[:, 2] > -1e-9
    azimuth, elevation = to_spherical(vectors[above])
    weights = weights[above] / weights[above].sum()
    form = {"order": 3, "normalization": "N3D"}
    matrix = decoder_matrix("7.1.4", **form)
    energies = (spherical_harmonics(azimuth, elevation, **form) @ matrix.T) ** 2
    energy = energies.sum(axis=-1)
    directions = np.nan_to_num(get_layout("7.1.4").directions)
    energy_vectors = energies @ directions / energy[:, None]
    errors = angle_between(energy_vectors, vectors[above])
    report = decoder_report("7.1.4", 3)
    assert report.energy_min_db == pytest.approx(10 * np.log10(energy.min() / (weights @ energy)))
    assert report.direction_error_mean == pytest.approx(weights @ errors)
    assert report.direction_error_max == pytest.approx(errors.max())
    assert report.direction_error_max < 30.0  # 90 degrees with the directions below the floor


def test_the_report_of_a_flat_layout_is_over_364_directions_of_the_horizon():
    """Oracle: the definitions of energy and energy vector, with public functions."""
    azimuth = np.arange(364) * 360.0 / 364
    form = {"order": 2, "normalization": "N3D"}
    energies = (spherical_harmonics(azimuth, **form) @ decoder_matrix("5.0", **form).T) ** 2
    energy = energies.sum(axis=-1)
    angles = np.radians(get_layout("5.0").azimuth)
    vectors = (energies @ np.exp(1j * angles)) / energy
    errors = np.abs(np.angle(vectors * np.exp(-1j * np.radians(azimuth)), deg=True))
    report = decoder_report("5.0", 2)
    assert report.energy_min_db == pytest.approx(10.0 * np.log10(energy.min()), abs=1e-9)
    assert report.energy_max_db == pytest.approx(10.0 * np.log10(energy.max()), abs=1e-9)
    assert report.re_length_min == pytest.approx(np.abs(vectors).min(), abs=1e-9)
    assert report.re_length_mean == pytest.approx(np.abs(vectors).mean(), abs=1e-9)
    assert report.direction_error_mean == pytest.approx(errors.mean(), abs=1e-9)
    assert report.direction_error_max == pytest.approx(errors.max(), abs=1e-9)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_epad_on_a_regular_ring_is_closed_form(order):
    """Oracle: circular harmonics sampled on a ring, scaled to one energy in all directions."""
    count = 2 * order + 2
    azimuth = np.arange(count) * 360.0 / count
    layout = Layout.from_directions(azimuth, name="ring")
    matrix = decoder_matrix(layout, order, decoder="epad", weights="basic", normalization="N3D")
    report = decoder_report(layout, order, decoder="epad", weights="basic")
    assert report.energy_min_db == pytest.approx(0.0, abs=1e-9)
    assert report.energy_max_db == pytest.approx(0.0, abs=1e-9)
    # W reaches all loudspeakers equally, with 1/(2 order + 1) of the energy.
    assert matrix[:, 0] ** 2 == pytest.approx(1.0 / ((2 * order + 1) * count), abs=1e-12)


def test_virtual_microphones_accept_one_pattern_per_direction(rng):
    """Oracle: each microphone alone."""
    scene = rng.normal(size=(4, 32))
    azimuth, patterns = [0.0, 90.0, -30.0], [0.0, 0.5, 1.0]
    together = virtual_microphones(scene, azimuth, 10.0, pattern=patterns)
    for index in range(3):
        alone = virtual_microphones(scene, azimuth[index], 10.0, pattern=patterns[index])
        np.testing.assert_allclose(together[index], np.squeeze(alone), atol=1e-12)


def test_mode_matching_attenuates_patterns_more_than_10_db_below_the_strongest():
    """Oracle: 1 / s is the gain of a pattern of singular value s, below the limit s / limit^2."""
    layout = get_layout("7.1.4").without_lfe()
    form = {"order": 3, "normalization": "N3D"}
    modes = spherical_harmonics(layout.azimuth, layout.elevation, **form)
    _, levels, patterns = np.linalg.svd(modes, full_matrices=False)
    matrix = decoder_matrix(layout, decoder="mode-matching", weights="basic", **form)
    reproduced = np.linalg.norm(matrix @ patterns.T, axis=0) * levels
    relative = 20.0 * np.log10(levels / levels[0])
    expected = 2.0 * np.minimum(relative + 10.0, 0.0)
    assert (expected < 0.0).any()
    np.testing.assert_allclose(20.0 * np.log10(reproduced / reproduced[0]), expected, atol=1e-9)


@pytest.mark.parametrize(("condition", "supported"), [(99.0, True), (101.0, False)])
def test_epad_supports_condition_numbers_up_to_100(condition, supported):
    """Loudspeakers beside a vertical plane, where the front-rear harmonic is the weakest."""
    turn = np.radians(90.0) * np.arange(4)
    distance = np.arctan(1.0 / (condition * np.sqrt(2.0)))
    ring = np.stack([np.zeros(4), np.cos(turn), np.sin(turn)], axis=-1) * np.cos(distance)
    offset = np.array([np.sin(distance), 0.0, 0.0])
    vectors = np.concatenate([ring + offset, ring - offset])
    layout = Layout.from_directions(*to_spherical(vectors))
    assert decoder_report(layout, 1).condition_number == pytest.approx(condition, rel=1e-9)
    if supported:
        decoder_matrix(layout, 1, decoder="epad")
    else:
        with pytest.raises(LayoutError, match="cannot distinguish 4 harmonics"):
            decoder_matrix(layout, 1, decoder="epad")


def test_a_cached_design_is_read_only():
    with pytest.raises(ValueError, match="read-only"):
        design(get_layout("5.0"), 1, "allrad", "max-re")[:] = 0.0


def test_the_crossover_is_at_least_20_hz_and_700_hz_by_default(rng):
    scene = rng.normal(size=(4, 500))
    options = {"weights": "dual-band", "sample_rate": 48000}
    np.testing.assert_array_equal(
        decode_foa(scene, **options), decode_foa(scene, crossover=700.0, **options)
    )
    assert np.isfinite(decode_foa(scene, crossover=20.0, **options)).all()
    for crossover in (19.9, 24000.0):
        with pytest.raises(OptionError, match="crossover must be"):
            decode_foa(scene, crossover=crossover, **options)


@pytest.mark.parametrize("order", [1, 3])
def test_moving_sources_are_interpolated_within_2_4e_6(order):
    """The chord of an arc of 1/4 degree divided by the order; the highest harmonic turns order."""
    degrees = np.linspace(0.0, 11.0, 4001)
    encoded = encode_ambisonics(np.ones(4001), [0.0, 11.0], order=order, normalization="SN3D")
    exact = spherical_harmonics(degrees, order=order).T
    np.testing.assert_allclose(encoded, exact, rtol=0.0, atol=2.4e-6)


@pytest.mark.parametrize("form", ["fuma2", "fuma3"])
def test_fuma_scenes_of_higher_orders_rotate_like_those_in_ambix(form, rng):
    """FuMa scales the harmonics of one order differently."""
    ambix, fuma = f"ambix{form[-1]}", {"normalization": "FuMa", "channel_order": "FuMa"}
    scene = rng.normal(size=((int(form[-1]) + 1) ** 2, 5))
    angles = {"yaw": 20.0, "pitch": 30.0, "roll": -40.0}
    rotated = rotate_ambisonics(convert_ambisonics(scene, form, ambix), **angles)
    expected = convert_ambisonics(rotated, ambix, form)
    np.testing.assert_allclose(rotate_ambisonics(scene, **angles, **fuma), expected, atol=1e-12)
