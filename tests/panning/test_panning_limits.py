"""Thresholds of the panning mesh: layers of BS.2127-1, section 6.1.3.1, and gaps in the ring."""

import numpy as np
import pytest

from spatialkit.geometry import to_cartesian, to_spherical
from spatialkit.layouts import Layout
from spatialkit.panning import vbap_gains, vbap_pan

RING = [30.0, -30.0, 110.0, -110.0]


def ring_and(azimuth, elevation, ring=RING):
    """Loudspeakers around the listener, then one more."""
    return Layout.from_directions([*ring, azimuth], [*np.zeros(len(ring)), elevation])


def alone(azimuth, elevation, layout, channel):
    """Return whether a source in this direction is reproduced by one channel alone."""
    gains = vbap_gains(azimuth, elevation, layout=layout)
    return gains[channel] == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("elevation", "in_the_layer"), [(10.0, True), (10.0 + 1e-6, True), (10.01, False)]
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_middle_layer_ends_at_10_degrees(elevation, in_the_layer, sign):
    """A loudspeaker of the middle layer has a copy at 30 degrees on the side without a layer."""
    layout = ring_and(0.0, sign * elevation)
    assert alone(0.0, -sign * 30.0, layout, channel=4) == in_the_layer


@pytest.mark.parametrize(
    ("elevation", "covers"),
    [
        (9.99, False),
        (10.0 - 1e-6, True),
        (10.0, True),
        (70.0, True),
        (70.0 + 1e-6, True),
        (70.01, False),
    ],
)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_layers_from_10_to_70_degrees_cover_the_middle_layer(elevation, covers, sign):
    """The loudspeaker at 30 degrees has no copy above itself if a layer covers the front."""
    layout = ring_and(0.0, sign * elevation)
    assert alone(30.0, sign * 30.0, layout, channel=0) != covers
    if covers:
        assert alone(110.0, sign * elevation, layout, channel=2)


@pytest.mark.parametrize(
    ("azimuth", "copied"),
    [(39.99, False), (40.0 - 1.05e-5, False), (40.0 - 0.95e-5, True), (40.0, True)],
)
def test_copies_begin_40_degrees_beyond_the_layer_that_covers(azimuth, copied):
    """With the tolerance of the reference code of BS.2127, 1e-5 degrees."""
    layout = ring_and(0.0, 45.0, ring=[azimuth, -azimuth, 110.0, -110.0])
    for side, channel in ((1.0, 0), (-1.0, 1)):
        assert alone(side * azimuth, 45.0, layout, channel) == copied


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_without_an_outer_layer_copies_are_at_30_degrees(sign):
    layout = Layout.from_directions(RING)
    assert alone(30.0, sign * 29.9, layout, channel=0)
    assert alone(30.0, sign * 30.0, layout, channel=0)
    assert not alone(30.0, sign * 30.1, layout, channel=0)


def test_a_copy_is_of_the_loudspeaker_nearest_to_the_pole():
    """Two of the middle layer above each other, also where azimuths change from -180 to 180."""
    for azimuth in (-20.0, 180.0):
        layout = Layout.from_directions(
            [azimuth + 1e-5, azimuth - 1e-5, azimuth + 90.0, azimuth - 90.0, azimuth + 180.0],
            [5.0, -5.0, 0.0, 0.0, 0.0],
        )
        assert alone(azimuth, 30.0, layout, channel=0)
        assert alone(azimuth, -30.0, layout, channel=1)


@pytest.mark.parametrize("turn", [1.0, 90.0, 149.0, 179.0, 180.0])
def test_gains_without_outer_layers_rotate_with_the_layout(turn, rng):
    """Oracle: the same sources and loudspeakers, both rotated about the vertical axis."""
    azimuth = np.array([0.0, 1e-5, -1e-5, 90.0, -100.0])
    elevation = np.array([0.0, 5.0, -5.0, 3.0, 0.0])
    sources = rng.uniform(-180.0, 180.0, 50), rng.uniform(-90.0, 90.0, 50)
    still = vbap_gains(*sources, layout=Layout.from_directions(azimuth, elevation))
    turned = vbap_gains(
        sources[0] + turn, sources[1], layout=Layout.from_directions(azimuth + turn, elevation)
    )
    # The loudspeakers near azimuth 0 are 1e-5 degrees apart: their places round by 1e-7.
    np.testing.assert_allclose(turned, still, atol=1e-5)


@pytest.mark.parametrize(("gap", "filled"), [(170.0, False), (180.0, True), (190.0, True)])
def test_a_gap_of_180_degrees_behind_is_filled_by_both_its_ends(gap, filled):
    """Oracle: VBAP between the end and an imaginary loudspeaker behind, shared in equal power."""
    end = 180.0 - gap / 2.0
    layout = Layout.from_directions([end, -end, 0.0])
    azimuth = (end + 180.0) / 2.0
    other = 180.0 if filled else 360.0 - end
    pair = np.array([to_cartesian(end), to_cartesian(other)])[:, :2]
    first, second = np.linalg.solve(pair.T, to_cartesian(azimuth)[:2])
    shared = second / np.sqrt(2.0)
    expected = np.array([first + shared, shared, 0.0] if filled else [first, second, 0.0])
    expected /= np.linalg.norm(expected)
    np.testing.assert_allclose(vbap_gains(azimuth, layout=layout), expected, atol=1e-9)


@pytest.mark.parametrize("azimuth", [120.0, -120.0])
def test_a_ring_of_one_loudspeaker_is_filled_by_two_imaginary_ones(azimuth):
    """The gap is 360 degrees; all power of the imaginary ones arrives at the only real one."""
    layout = Layout.from_directions([0.0, 90.0, -90.0], [0.0, 45.0, 45.0])
    assert alone(azimuth, 0.0, layout, channel=0)
    assert not alone(0.75 * azimuth, 20.0, layout, channel=0)


def test_the_imaginary_loudspeakers_of_a_ring_of_one_are_at_120_degrees():
    """Half way from there to a real loudspeaker above, both receive the same power."""
    layout = Layout.from_directions([0.0, 90.0, -90.0], [0.0, 45.0, 45.0])
    middle = to_spherical(to_cartesian(120.0) + to_cartesian(90.0, 45.0))
    expected = [np.sqrt(0.5), np.sqrt(0.5), 0.0]
    np.testing.assert_allclose(vbap_gains(*middle, layout=layout), expected, atol=1e-12)


@pytest.mark.parametrize("layout", ["stereo", "5.0", "7.1.4"])
def test_one_static_source_leaves_silent_channels_at_zero(layout, rng):
    """Also where the source is not finite, and zero times a sample is not zero."""
    audio = rng.normal(size=(1, 64))
    audio[0, 7] = np.inf
    panned = vbap_pan(audio, 30.0, layout=layout)
    assert np.count_nonzero(panned.any(axis=-1)) == 1


@pytest.mark.parametrize(
    ("azimuth", "elevation"), [(0.0, 0.0), (45.0, 30.0), (-20.0, -50.0), (90.0, 0.0), (-90.0, 0.0)]
)
def test_a_path_between_opposite_points_sets_out_to_the_left(azimuth, elevation):
    """Oracle: half way is the part of the y axis that is at right angles to the first point.

    From the left and the right itself the path sets out to the front.
    """
    here = to_cartesian(azimuth, elevation)
    left = np.array([0.0, 1.0, 0.0]) - here[1] * here
    middle = (0.0, 0.0) if abs(azimuth) == 90.0 else to_spherical(left / np.linalg.norm(left))
    panned = vbap_pan(
        np.ones(2001), [azimuth, azimuth + 180.0], [elevation, -elevation], layout="9+10+3"
    )
    expected = vbap_gains(*middle, layout="9+10+3")
    # Gains between control points 1 degree apart are interpolated: an error of 1e-4.
    np.testing.assert_allclose(panned[:, 1000], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("degrees", "n_samples", "spacing"), [(320.0, 32001, 100), (1.0, 32001, 160)]
)
def test_control_points_are_at_most_1_degree_and_160_samples_apart(degrees, n_samples, spacing):
    """Gains are exact at control points, and have the error of interpolation between them."""
    panned = vbap_pan(np.ones(n_samples), [30.0, 30.0], layout="5.0", spread=[0.0, degrees])
    points = np.arange(12) * spacing
    for offset in (0, spacing // 2):
        spread = (points + offset) * degrees / (n_samples - 1)
        exact = vbap_gains(30.0, layout="5.0", spread=spread).T
        error = np.abs(panned[:, points + offset] - exact).max()
        assert error > 1e-10 if offset else error < 1e-13
