"""Thresholds of the metrics: rates of BS.1770-5, ranges of histograms, scale of the input."""

import numpy as np
import pytest

from spatialkit.metrics import angle_error, loudness, true_peak, wild
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
