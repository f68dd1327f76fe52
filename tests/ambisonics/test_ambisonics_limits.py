"""Limits of decoders and encoders: quiet directions, flat layouts, the circle and the sphere."""

import numpy as np
import pytest

from spatialkit.ambisonics import (
    decoder_matrix,
    decoder_report,
    spherical_harmonics,
    virtual_microphones,
)
from spatialkit.layouts import Layout, get_layout


def test_the_report_includes_directions_of_little_energy():
    """Of two loudspeakers in front, sources behind have little energy, and a large error."""
    report = decoder_report("stereo", 1, decoder="sampling", weights="max-re")
    assert report.energy_min_db < -10.0
    assert report.direction_error_max > 150.0


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
