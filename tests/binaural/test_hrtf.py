"""HRTF: interpolation, equalization, sample rates, mirroring, rejected arguments."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import spatialkit
from spatialkit.binaural import HRTF, read_hrtf
from spatialkit.errors import DirectionError, OptionError, ShapeError, SignalError
from spatialkit.geometry import angle_between, to_cartesian

KU100 = read_hrtf()


def spherical_head(azimuth, elevation=0.0, rate=48000, taps=128):
    """Delays of Woodworth's head (8.75 cm) and a level difference: a set in closed form."""
    vectors = to_cartesian(azimuth, elevation)
    towards = np.clip(np.stack([vectors[..., 1], -vectors[..., 1]], axis=-1), -1.0, 1.0)
    angle = np.arccos(towards)
    path = np.where(angle < np.pi / 2, -np.cos(angle), angle - np.pi / 2)
    delays = 40.0 + 0.0875 / 343.0 * rate * path
    gains = 10.0 ** (6.0 * towards / 20.0)
    times = np.arange(taps) - delays[..., None]
    return gains[..., None] * np.exp(-((times / 2.5) ** 2)), delays, gains


def head_set(azimuth, elevation=0.0):
    azimuth, elevation = np.broadcast_arrays(np.asarray(azimuth, float), elevation)
    ir, _, _ = spherical_head(azimuth, elevation)
    return HRTF(ir, azimuth, elevation, 48000)


def fibonacci(count):
    height = 1.0 - (2.0 * np.arange(count) + 1.0) / count
    azimuth = (np.degrees(np.pi * (1.0 + 5.0**0.5) * np.arange(count)) + 180.0) % 360.0 - 180.0
    return azimuth, np.degrees(np.arcsin(height))


# Interpolation


def test_measured_directions_return_the_measured_responses():
    found = KU100.at(KU100.azimuth + 360.0, KU100.elevation)
    np.testing.assert_allclose(found, KU100.ir, atol=1e-12)


def test_delays_and_levels_between_directions_follow_the_head():
    """Oracle: a sphere with known delays and levels, sampled at 400 directions (10 degrees)."""
    hrtf = head_set(*fibonacci(400))
    azimuth, elevation = fibonacci(37)
    found = hrtf.at(azimuth, elevation)
    wanted, delays, gains = spherical_head(azimuth, elevation)
    # Interpolation between directions 10 degrees apart: 0.2 samples are 4 us.
    level = 10.0 * np.log10(np.sum(found**2, axis=-1) / np.sum(wanted**2, axis=-1))
    assert np.abs(level).max() < 0.1
    centre = np.sum(found * np.arange(128), axis=-1) / np.sum(found, axis=-1)
    assert np.abs(centre - delays).max() < 0.4
    assert gains.max() > 1.9


def test_estimated_delays_are_those_of_the_head():
    azimuth, elevation = fibonacci(100)
    ir, delays, _ = spherical_head(azimuth, elevation)
    found = HRTF(ir, azimuth, elevation, 48000).delays
    # The minimum-phase version of a pulse has a delay of its own, the same for all directions.
    offset = found - delays
    assert np.ptp(offset) < 0.05


@given(st.floats(-180.0, 180.0), st.floats(-90.0, 90.0))
def test_interpolation_is_symmetric_and_continuous(azimuth, elevation):
    left = KU100.at(azimuth, elevation)
    np.testing.assert_allclose(KU100.at(-azimuth, elevation)[::-1], left, atol=1e-11)
    moved = KU100.at(azimuth + 1e-6, elevation)
    np.testing.assert_allclose(moved, left, atol=1e-5)


def test_weights_of_a_direction_point_to_it():
    weights = KU100._tessellation.weights(to_cartesian(*fibonacci(500)))
    assert weights.min() >= 0.0
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    apart = angle_between(weights @ KU100.vectors, to_cartesian(*fibonacci(500)))
    assert apart.max() < 1e-5


def test_a_cell_of_a_grid_has_four_corners_and_no_diagonal():
    weights = KU100._tessellation.weights(to_cartesian([1.0], [7.5]))
    assert np.count_nonzero(weights) == 4
    half = weights[weights > 0.0]
    np.testing.assert_allclose(half.sum(), 1.0)
    np.testing.assert_allclose(np.sort(half)[::2], np.sort(half)[1::2], rtol=1e-9)  # left = right


def test_directions_below_the_lowest_ring_use_the_whole_ring():
    grid = np.meshgrid(np.arange(0, 360, 30.0), [-40.0, 0.0, 40.0])
    azimuth, elevation = np.append(grid[0], 0.0), np.append(grid[1], 90.0)
    hrtf = head_set(azimuth, elevation)
    below = hrtf.at(0.0, -90.0)
    np.testing.assert_allclose(below[0], below[1], atol=1e-12)
    assert np.count_nonzero(hrtf._tessellation.weights(to_cartesian([0.0], [-90.0]))) == 12


@pytest.mark.parametrize("azimuth", [[0.0], [30.0, -30.0], np.arange(0, 360, 15.0), [90, 0, -90]])
def test_sets_that_do_not_surround_the_listener_cover_every_direction(azimuth):
    hrtf = head_set(azimuth)
    np.testing.assert_allclose(hrtf.at(azimuth), hrtf.ir, atol=1e-12)
    found = hrtf.at([10.0, 170.0, 0.0, 0.0], [0.0, 20.0, 90.0, -90.0])
    assert np.isfinite(found).all()
    assert np.sum(found**2, axis=-1).min() > 0.1 * np.sum(hrtf.ir**2, axis=-1).min()
    np.testing.assert_allclose(hrtf.weights, 1.0 / len(azimuth))


def test_shapes_broadcast():
    assert KU100.at(0.0).shape == (2, 128)
    assert KU100.at(np.zeros((3, 1)), np.zeros(2)).shape == (3, 2, 2, 128)
    assert KU100.at([]).shape == (0, 2, 128)


# Equalization, rates, mirror


def coloured(rng):
    """A set whose diffuse field has a dip of 14 dB."""
    hrtf = head_set(*fibonacci(60))
    colour = np.array([1.0, -0.8, 0.0, 0.0, 0.3])
    ir = np.apply_along_axis(np.convolve, -1, hrtf.ir, colour)
    return HRTF(ir, hrtf.azimuth, hrtf.elevation, 48000)


def test_diffuse_field_equalization_is_flat_at_the_level_of_the_sources(rng):
    hrtf = read_hrtf().equalized()
    level = 20.0 * np.log10(hrtf.diffuse_field(4096))
    frequencies = np.fft.rfftfreq(4096, 1 / 48000)
    audible = (frequencies > 50.0) & (frequencies < 18000.0)
    # The power of both ears is 0.5 dB below that of the sources, half of it at each.
    np.testing.assert_allclose(level[audible], -0.5 - 10.0 * np.log10(2.0), atol=0.02)
    # The bundled set is flat to 0.7 dB, and at the same level.
    plain = 20.0 * np.log10(read_hrtf().diffuse_field(4096))[audible]
    assert np.ptp(plain) < 0.75
    assert abs(plain.mean() + 3.51) < 0.1


def test_equalization_changes_neither_level_nor_time_differences():
    hrtf = coloured(None)
    flat = hrtf.equalized("diffuse-field")
    ratio = np.sum(flat.ir**2, axis=-1)
    level = 10.0 * np.log10(ratio[:, 0] / ratio[:, 1])
    before = 10.0 * np.log10(np.sum(hrtf.ir[:, 0] ** 2, -1) / np.sum(hrtf.ir[:, 1] ** 2, -1))
    np.testing.assert_allclose(level, before, atol=0.2)
    np.testing.assert_array_equal(flat.delays, hrtf.delays)


@pytest.mark.parametrize("rate", [16000, 32000, 44100, 88200, 96000, 192000])
def test_other_rates_have_the_same_frequency_response(rate):
    frequencies = np.arange(100.0, min(18000.0, 0.37 * rate), 100.0)

    def magnitude(hrtf):
        taps = np.arange(hrtf.ir.shape[-1])
        return hrtf.ir[::50] @ np.exp(-2j * np.pi / hrtf.sample_rate * np.outer(taps, frequencies))

    found = KU100.resampled(rate)
    assert found.sample_rate == rate
    np.testing.assert_allclose(found.delays, KU100.delays * rate / 48000)
    error = np.abs(magnitude(found) - magnitude(KU100))
    # The filter begins before the responses, and is cut there.
    assert error.max() < (0.05 if rate < 32000 else 0.02) * np.abs(magnitude(KU100)).max()


def test_the_same_rate_returns_the_set_itself():
    assert KU100.resampled(48000.0) is KU100


def test_mirrored_exchanges_directions_and_ears():
    hrtf = coloured(None)
    mirrored = hrtf.mirrored()
    np.testing.assert_array_equal(mirrored.ir[5], hrtf.ir[5, ::-1])
    assert mirrored.azimuth[5] == -hrtf.azimuth[5]
    np.testing.assert_allclose(mirrored.at(40.0, 9.0), hrtf.at(-40.0, 9.0)[::-1], atol=1e-12)


# Construction


def test_sets_are_immutable():
    with pytest.raises(FrozenInstanceError):
        KU100.name = "other"
    with pytest.raises(ValueError, match="read-only"):
        KU100.ir[0] = 0.0


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"ir": np.zeros((2, 3, 8))}, ShapeError, r"ir must have shape \(directions, 2, taps\)"),
        ({"azimuth": [0.0, 1.0, 2.0], "elevation": 0.0}, ShapeError, "ir has 2 directions, but"),
        ({"elevation": [0.0, 91.0]}, DirectionError, "91"),
        ({"ir": np.full((2, 2, 8), np.inf)}, SignalError, "ir holds inf at index"),
        ({"ir": np.zeros((2, 2, 8))}, SignalError, "silent"),
        ({"azimuth": [30.0, 390.0]}, ShapeError, "directions must differ, got azimuth 390"),
        ({"sample_rate": 4000}, OptionError, "from 8000 to"),
        ({"delays": np.zeros(2)}, ShapeError, r"delays must have shape \(2, 2\)"),
    ],
)
def test_invalid_sets_are_refused(changes, error, message):
    valid = {"ir": np.ones((2, 2, 8)), "azimuth": [30.0, -30.0], "elevation": [0.0, 0.0]}
    with pytest.raises(error, match=message):
        HRTF(**{**valid, "sample_rate": 48000, **changes})


def test_unknown_targets_and_rates_are_refused():
    with pytest.raises(OptionError, match="unknown target 'free-field'"):
        KU100.equalized("free-field")
    with pytest.raises(OptionError, match="sample_rate"):
        KU100.resampled(44100.5)
    with pytest.raises(DirectionError, match="elevation"):
        KU100.at(0.0, 91.0)


def test_names_are_imported_on_first_use():
    assert spatialkit.read_hrtf is read_hrtf
    assert spatialkit.binaural.HRTF is spatialkit.HRTF is HRTF
    with pytest.raises(AttributeError, match="module 'spatialkit' has no attribute 'read_hrft'"):
        spatialkit.read_hrft  # noqa: B018
