"""Thresholds of the metrics: rates of BS.1770-5, ranges of histograms, scale of the input."""

import numpy as np
import pytest

from spatialkit.errors import OptionError
from spatialkit.metrics import (
    MIN_RELATIVE_EIGENVALUE,
    MIN_RELATIVE_LEVEL,
    angle_error,
    diffuseness,
    icc,
    ild,
    ild_error,
    loudness,
    true_peak,
    wild,
)
from spatialkit.panning import vbap_pan


@pytest.mark.parametrize(
    ("rate", "factor"),
    [(8000, 4), (48000, 4), (95999, 4), (96000, 2), (100000, 2), (191999, 2), (192000, 1)],
)
def test_oversampling_is_4_below_96_khz_and_2_below_192_khz(rate, factor):
    """Oracle: a sine whose maxima are 1/8 period from the samples, or 1/4 in a single pair."""
    quarter = np.sin(0.5 * np.pi * np.arange(2000) + 0.25 * np.pi) * np.hanning(2000)
    # Two times oversampled, the maximum is 1/16 period off the grid of this one.
    eighth = np.sin(0.5 * np.pi * np.arange(2000) + 0.125 * np.pi) * np.hanning(2000)
    for tone, offset in ((quarter, 0.25), (eighth, 0.125)):
        # The grid has 4 * factor points per period; distance of the nearest to the maximum.
        grid = (np.arange(4 * factor) / (4.0 * factor) + offset / 2.0 - 0.25) % 1.0
        nearest = np.minimum(grid, 1.0 - grid).min()
        expected = 20.0 * np.log10(np.cos(2.0 * np.pi * nearest))
        assert true_peak(tone, rate) == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("azimuth", "elevation", "louder"),
    [(59.9, 0, 0), (60, 0, 1), (120, 0, 1), (120.1, 0, 0), (90, 29.9, 1), (90, 30, 0), (-60, 0, 1)],
)
def test_loudness_weighs_loudspeakers_beside_the_listener(azimuth, elevation, louder, rng):
    """Table 4 of BS.1770-5: 1.41 from 60 to 120 degrees below 30 degrees of elevation."""
    from spatialkit.layouts import Layout

    noise = rng.normal(size=(1, 48000))
    front = loudness(noise, Layout.from_directions([0.0]), 48000)
    beside = loudness(noise, Layout.from_directions([azimuth], [elevation]), 48000)
    assert beside - front == pytest.approx(louder * 10.0 * np.log10(1.41), abs=1e-9)


def test_the_histogram_of_wild_covers_the_whole_range(rng):
    """Hard panning: level differences at both ends of the range, which is 60 dB."""
    source = rng.normal(size=4096)
    left, right = np.stack([source, 0.0 * source]), np.stack([0.0 * source, source])
    exact = wild(left, right)
    assert 60.0 < exact < 120.0
    assert wild(left, right, method="histogram") == pytest.approx(float(exact), abs=0.1)
    assert wild(right, left, method="histogram") == pytest.approx(float(exact), abs=0.1)


@pytest.mark.parametrize("scale", [1.0, 1e-4, 1e4])
def test_angle_errors_do_not_depend_on_the_level(scale, rng):
    stems = rng.normal(size=(2, 4800)) * [[1.0], [1e-2]]
    panned = vbap_pan(stems, [20.0, 100.0], layout="5.0")
    errors = angle_error(scale * stems, scale * panned, [30.0, 100.0], "5.0")
    np.testing.assert_allclose(errors, [10.0, 0.0], atol=1e-5)


@pytest.mark.parametrize(("level", "has_direction"), [(0.95, False), (1.05, True)])
def test_a_stem_180_db_below_the_loudest_channel_has_no_direction(level, has_direction):
    assert MIN_RELATIVE_LEVEL == 1e-9
    loud, quiet = stems = np.eye(2)
    error = angle_error(stems, [loud, level * 1e-9 * quiet], [30.0, -30.0], "stereo")
    np.testing.assert_allclose(error, [0.0, 0.0 if has_direction else np.nan], atol=1e-6)


@pytest.mark.parametrize(("ratio", "copies"), [(0.95, True), (1.05, False)])
def test_stems_with_a_relative_eigenvalue_below_the_limit_are_copies(ratio, copies):
    """Two stems of correlation r have the eigenvalues 1 - r and 1 + r."""
    assert MIN_RELATIVE_EIGENVALUE == 1e-10
    half_angle = np.arctan(np.sqrt(ratio * 1e-10))
    stems = np.cos(half_angle) * np.ones((2, 2)), np.sin(half_angle) * np.array([[1, -1], [-1, 1]])
    stems = stems[0] + stems[1]
    error = angle_error(stems, stems, [30.0, -30.0], "stereo")
    np.testing.assert_allclose(error, 30.0 if copies else 0.0, atol=0.1)


def test_the_default_floor_of_level_differences_is_60_db():
    level = 10.0 ** (np.array([0.0, -59.0, -61.0]) / 20.0)
    spectrum = np.stack([level, 0.5 * level])[:, None, :] + 0j
    difference = ild(spectrum).ravel()
    np.testing.assert_allclose(difference, [6.0206, 6.0206, np.nan], atol=1e-4)


@pytest.mark.parametrize("scale", [1e-90, 1e-44, 1e38, 1e90])
def test_level_differences_do_not_depend_on_the_range_of_float32(scale, rng):
    reference, estimate = rng.normal(size=(2, 3, 8000))
    scaled = scale * reference, scale * estimate
    for metric in (wild, ild_error):
        expected = metric(reference, estimate)
        assert metric(*scaled) == pytest.approx(expected, rel=1e-5)  # levels in float32
    histogram = wild(reference, estimate, method="histogram")
    assert wild(*scaled, method="histogram") == pytest.approx(histogram, rel=1e-3)


def test_the_default_neighbourhood_is_9_frames(rng):
    spectrum = rng.normal(size=(4, 3, 30)) + 1j * rng.normal(size=(4, 3, 30))
    np.testing.assert_array_equal(icc(spectrum), icc(spectrum, frames=9, bins=1))
    np.testing.assert_array_equal(diffuseness(spectrum), diffuseness(spectrum, frames=9, bins=1))


@pytest.mark.parametrize("metric", [wild, ild_error])
def test_widths_of_level_differences_are_at_least_0_001_db(metric, rng):
    stereo = rng.normal(size=(2, 2, 300))
    options = [{"clip_db": 0.001}]
    if metric is wild:
        options.append({"bin_db": 0.001, "method": "histogram"})
    for accepted in options:
        assert metric(*stereo, **accepted) > 0.0
        refused = {name: 0.0009 if value == 0.001 else value for name, value in accepted.items()}
        with pytest.raises(OptionError, match=r"_db must be at least 0\.001 dB"):
            metric(*stereo, **refused)


def test_the_defaults_of_both_level_metrics_are_documented(rng):
    """1024 samples with a hop of 256, floor at -60 dB, differences limited to 60 dB."""
    stereo = rng.normal(size=(2, 2, 3000)) * 10.0 ** -np.arange(0.0, 4.0, 1.0).reshape(2, 2, 1)
    options = {"n_fft": 1024, "hop": 256, "floor_db": -60.0, "clip_db": 60.0}
    assert ild_error(*stereo) == ild_error(*stereo, **options)
    assert wild(*stereo) == wild(*stereo, method="exact", **options)
    histogram = wild(*stereo, method="histogram")
    assert histogram == wild(*stereo, method="histogram", bin_db=0.1, **options)
    for name, value in {"n_fft": 1025, "hop": 257, "floor_db": -66.0, "clip_db": 55.0}.items():
        assert ild_error(*stereo) != ild_error(*stereo, **options | {name: value})
