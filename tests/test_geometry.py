"""Directions and rotations compared with closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.errors import DirectionError
from spatialkit.geometry import (
    angle_between,
    rotation_matrix,
    sphere_quadrature,
    to_cartesian,
    to_spherical,
)

AHEAD, LEFT, UP = np.eye(3)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "expected"),
    [(0, 0, AHEAD), (90, 0, LEFT), (-90, 0, -LEFT), (180, 0, -AHEAD), (17, 90, UP), (0, -90, -UP)],
)
def test_axes_are_front_left_and_up(azimuth, elevation, expected):
    np.testing.assert_allclose(to_cartesian(azimuth, elevation), expected, atol=1e-15)


@given(st.floats(-179.9, 179.9), st.floats(-89.9, 89.9))
def test_angles_are_unchanged_by_conversion_to_vectors_and_back(azimuth, elevation):
    back = to_spherical(to_cartesian(azimuth, elevation))
    # A few roundings of angles up to 180, times 1 / cos(89.9 degrees) = 573 for the azimuth.
    np.testing.assert_allclose(back, (azimuth, elevation), atol=1e-10)


def test_large_azimuths_keep_their_digits():
    np.testing.assert_allclose(to_cartesian(30 + 360e9), to_cartesian(30), atol=1e-15)


def test_a_vector_of_length_zero_has_no_direction():
    assert np.isnan(to_spherical([0.0, 0.0, 0.0])).all()
    assert np.isnan(angle_between([0.0, 0.0, 0.0], AHEAD))


@pytest.mark.parametrize("angle", [1e-9, 1e-4, 45.0, 179.999999])
def test_angles_between_vectors_are_exact_near_0_and_180(angle):
    assert angle_between(AHEAD, 3.0 * to_cartesian(angle)) == pytest.approx(angle, rel=1e-7)


@pytest.mark.parametrize(
    ("turn", "start", "end"),
    [
        ({"yaw": 90}, AHEAD, LEFT),
        ({"pitch": 90}, AHEAD, UP),
        ({"roll": 90}, LEFT, UP),
        # Roll first, then pitch, then yaw.
        ({"roll": 90, "pitch": 90}, LEFT, -AHEAD),
        ({"pitch": 90, "yaw": 90}, UP, -LEFT),
    ],
)
def test_rotations_have_the_documented_signs(turn, start, end):
    np.testing.assert_allclose(rotation_matrix(**turn) @ start, end, atol=1e-15)


@pytest.mark.parametrize("degree", [1, 5, 20])
def test_quadrature_averages_polynomials_exactly(degree):
    vectors, weights = sphere_quadrature(degree)
    # The mean of an even power of a coordinate over the sphere is 1 / (power + 1).
    for power in range(0, degree + 1, 2):
        np.testing.assert_allclose(weights @ vectors**power, 1.0 / (power + 1), atol=1e-14)
    for mirrored in np.vstack([np.ones(3), 1.0 - 2.0 * np.eye(3)]):
        nearest = np.abs(vectors[:, None] * mirrored - vectors[None]).max(axis=2).min(axis=1)
        assert nearest.max() < 1e-12


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_directions_that_are_not_finite_are_refused(bad):
    with pytest.raises(DirectionError, match="azimuth must be finite"):
        to_cartesian([0.0, bad])
    with pytest.raises(DirectionError, match="elevation must be finite"):
        to_cartesian(0.0, bad)


def test_elevations_beyond_the_poles_are_refused():
    with pytest.raises(DirectionError, match="elevation must be from -90 to 90 degrees, got 91"):
        to_cartesian(0.0, 91.0)
