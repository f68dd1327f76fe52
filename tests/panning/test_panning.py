"""VBAP compared with BS.2127 and textbook VBAP, and its properties on all kinds of layouts."""

import numpy as np
import pytest
from conftest import DATA
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import ConvexHull

from spatialkit.errors import DirectionError, LayoutError, OptionError, ShapeError, SignalError
from spatialkit.geometry import rotation_matrix, to_cartesian, to_spherical
from spatialkit.layouts import Layout, get_layout, layout_names
from spatialkit.panning import vbap_gains, vbap_pan

GOLDEN = (1.0 + np.sqrt(5.0)) / 2.0
SIGNS = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]


def pointing(vectors, name="custom"):
    azimuth, elevation = to_spherical(np.asarray(vectors, dtype=float))
    return Layout.from_directions(azimuth, elevation, name=name)


def random_directions(rng, count):
    vectors = rng.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def gains_towards(vectors, layout, **options):
    azimuth, elevation = to_spherical(vectors)
    return vbap_gains(azimuth, elevation, layout=layout, **options)


def _random_layouts():
    rng = np.random.default_rng(7)
    shapes = {
        "sphere": [1.0, 1.0, 1.0],
        "flattish": [1.0, 1.0, 0.1],
        "frontal": [1.0, 1.0, 1.0],
        "dome": [1.0, 1.0, 1.0],
    }
    for name, stretch in shapes.items():
        for count in (2, 3, 5, 11, 24):
            vectors = random_directions(rng, count) * stretch
            if name == "frontal":
                vectors[:, 0] = np.abs(vectors[:, 0])
            if name == "dome":
                vectors[:, 2] = np.abs(vectors[:, 2])
            yield pointing(vectors, f"{name} of {count}")
            yield pointing(np.vstack([vectors, vectors * [1, -1, 1]]), f"mirrored {name} {count}")


UNUSUAL = [
    Layout.from_directions([37.0], [20.0], name="one loudspeaker"),
    Layout.from_directions([90.0, -90.0], name="two opposite, level"),
    Layout.from_directions([30.0, -150.0], [40.0, -40.0], name="two opposite, tilted"),
    Layout.from_directions([0.0, 0.0], [90.0, -90.0], name="two opposite, upright"),
    Layout.from_directions([100.0, -100.0, 0.0], name="gap of 160"),
    Layout.from_directions([80.0, -80.0, 0.0], name="gap of 200"),
    Layout.from_directions([90.0, -90.0, 180.0], name="gap of exactly 180"),
    Layout.from_directions([-40.0, -20.0, 0.0, 20.0, 40.0], name="row"),
    Layout.from_directions([-40.0, -20.0, 0.0, 20.0, 40.0], 20.0, name="raised row"),
    Layout.from_directions([0.0, 0.0, 0.0], [-30.0, 0.0, 30.0], name="upright row"),
    Layout.from_directions([0.0, 0.0], [10.0, 40.0], name="two above each other"),
    Layout.from_directions(np.arange(0, 360, 45), name="ring"),
    Layout.from_directions(np.arange(0, 360, 360 / 7), name="ring of 7"),
    Layout.from_directions(np.arange(0, 360, 45), 30.0, name="raised ring"),
    Layout.from_directions(np.arange(0, 360, 60), [0, 1e-3, -1e-3, 0, 1e-5, 0], name="near ring"),
    Layout.from_directions([30.0, -30.0, 0.0], [0.0, 0.0, 45.0], name="frontal dome"),
    Layout.from_directions([0.0, 90.0, 0.0], [0.0, 0.0, 90.0], name="corner"),
    Layout.from_directions([0.0, 120.0, -120.0], -40.0, name="below"),
    pointing([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], "tetrahedron"),
    pointing(np.vstack([np.eye(3), -np.eye(3)]), "octahedron"),
    pointing(SIGNS, "cube"),
    pointing(
        [
            *SIGNS,
            *[(0, a / GOLDEN, b * GOLDEN) for a, b, _ in SIGNS[::2]],
            *[(a / GOLDEN, b * GOLDEN, 0) for a, b, _ in SIGNS[::2]],
            *[(a * GOLDEN, 0, b / GOLDEN) for a, b, _ in SIGNS[::2]],
        ],
        "dodecahedron",
    ),
    pointing(to_cartesian(np.arange(0, 360, 60)) @ rotation_matrix(20, 35, 10).T, "tilted ring"),
    *_random_layouts(),
]
ABOVE_EACH_OTHER = Layout.from_directions(
    [30.0, -30.0, 0.0, 110.0, -110.0, 0.0], [0, 0, 0, 0, 0, 5], name="two centres"
)
UNUSUAL += [
    ABOVE_EACH_OTHER,
    Layout.from_directions(
        [30.0, 30.0, -30.0, -30.0, 110.0, -110.0], [-8, 8, -8, 8, 0, 0], name="doubled fronts"
    ),
    Layout.from_directions([0.0, 1.0, 0.0, -1.0], [0.0, 0.0, 1.0, 0.0], name="close together"),
    Layout.from_directions([0.0, 120.0, -120.0], 89.97, name="at the zenith"),
]
COINCIDENT = [
    Layout.from_directions([30.0, 30.0, -30.0, 110.0, -110.0], name="coincident pair"),
    Layout.from_directions([30.0, 30.0], name="one place, two loudspeakers"),
    Layout.from_directions([0.0, 120.0, -120.0, 180.0, 7.0], [0, 0, 0, 90, 90], name="two on top"),
]
LAYOUTS = [*map(get_layout, layout_names()), *UNUSUAL, *COINCIDENT]
every_layout = pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)


def sphere(rng, count=1500):
    """Return random and critical directions: the horizon, the meridian, the poles."""
    around = np.arange(-180.0, 181.0, 3.0)
    return np.vstack(
        [
            random_directions(rng, count),
            to_cartesian(around),
            to_cartesian(0.0, np.arange(-90.0, 91.0, 3.0)),
            to_cartesian(180.0, np.arange(-90.0, 91.0, 3.0)),
        ]
    )


# Oracles ------------------------------------------------------------------------------------------

REFERENCE = np.load(DATA / "panning/bs2127_point_source.npz")
SYSTEMS = sorted(key[6:] for key in REFERENCE.files if key.startswith("gains_"))


@pytest.mark.parametrize("name", [name for name in SYSTEMS if name != "0+2+0"])
def test_gains_are_those_of_the_bs2127_point_source_panner(name):
    layout = get_layout(name)
    labels = REFERENCE[f"labels_{name}"].tolist()
    order = [labels.index(layout.labels[n]) for n in layout.loudspeakers]
    gains = gains_towards(REFERENCE["directions"], layout)
    # Both solve the same linear and quadratic equations in float64.
    np.testing.assert_allclose(
        gains[:, layout.loudspeakers], REFERENCE[f"gains_{name}"][:, order], atol=1e-12
    )


def textbook_pairwise_vbap(azimuth, loudspeakers):
    """Pulkki 1997, eqs. 6-9, the slow way: the pair whose two gains are not negative."""
    for a in range(len(loudspeakers)):
        for b in range(len(loudspeakers)):
            if 0.0 < (loudspeakers[b] - loudspeakers[a]) % 360.0 < 180.0:
                between = np.mod(loudspeakers - loudspeakers[a], 360.0)
                if (between[between > 0] < between[b]).any():
                    continue
                angles = np.radians([loudspeakers[a], loudspeakers[b]])
                basis = np.array([np.cos(angles), np.sin(angles)])
                pair = np.linalg.solve(
                    basis, [np.cos(np.radians(azimuth)), np.sin(np.radians(azimuth))]
                )
                if pair.min() >= -1e-14:
                    gains = np.zeros(len(loudspeakers))
                    gains[[a, b]] = np.maximum(pair, 0.0)
                    return gains / np.linalg.norm(gains)
    return None


@pytest.mark.parametrize(
    "layout",
    [get_layout(name) for name in ("3.0", "quad", "5.0", "7.0", "6.1", "paper5", "0+7+0")]
    + [
        Layout.from_directions(np.sort(np.random.default_rng(n).uniform(-180, 180, n + 4)))
        for n in range(6)
    ]
    + [Layout.from_directions([0.0, 179.9, -100.0])],
    ids=lambda layout: layout.name,
)
def test_gains_on_horizontal_layouts_are_textbook_vbap(layout, rng):
    azimuths = rng.uniform(-180.0, 180.0, 400)
    gains = vbap_gains(azimuths, layout=layout)[:, layout.loudspeakers]
    expected = [
        textbook_pairwise_vbap(azimuth, layout.azimuth[layout.loudspeakers]) for azimuth in azimuths
    ]
    served = [n for n, pair in enumerate(expected) if pair is not None]
    assert len(served) > 50
    np.testing.assert_allclose(gains[served], [expected[n] for n in served], atol=1e-12)


@pytest.mark.parametrize("name", ["octahedron", "tetrahedron", "sphere of 24"])
def test_gains_on_surrounding_layouts_are_textbook_triplets(name, rng):
    """Pulkki 1997, eqs. 17-18, the slow way: the triplet of the hull with no negative gain."""
    layout = next(layout for layout in UNUSUAL if layout.name == name)
    hull = ConvexHull(layout.directions)
    vectors = random_directions(rng, 300)
    for vector, gains in zip(vectors, gains_towards(vectors, layout), strict=True):
        solved = np.linalg.solve(
            layout.directions[hull.simplices].transpose(0, 2, 1),
            np.tile(vector, (len(hull.simplices), 1))[..., None],
        )[..., 0]
        best = solved.min(axis=1).argmax()
        expected = np.zeros(layout.n_channels)
        expected[hull.simplices[best]] = solved[best] / np.linalg.norm(solved[best])
        np.testing.assert_allclose(gains, expected, atol=1e-12)


@given(st.floats(-30.0, 30.0))
def test_stereo_obeys_the_tangent_law(azimuth):
    for name in ("stereo", "0+2+0"):
        left, right = vbap_gains(azimuth, layout=name)
        expected = np.tan(np.radians(azimuth)) / np.tan(np.radians(30.0))
        # A 2 x 2 inverse of condition sqrt(3) in float64.
        assert (left - right) / (left + right) == pytest.approx(expected, abs=1e-14)


def test_stereo_is_centred_behind_and_never_silent():
    np.testing.assert_allclose(vbap_gains(180.0, layout="stereo"), np.sqrt([0.5, 0.5]), atol=1e-15)
    assert (np.diff(vbap_gains(np.arange(-180, -30), layout="stereo")[:, 1]) > 0).all()


@pytest.mark.parametrize(
    ("name", "elevation", "gain", "channels"),
    [
        # anchors of BS.2127: a pole is shared in equal powers.
        ("7.1.4", 90, 1 / np.sqrt(4), "TFL TFR TBL TBR"),
        ("7.1.4", -90, 1 / np.sqrt(7), "FL FR FC BL BR SL SR"),
        ("5.0", 90, 1 / np.sqrt(5), "FL FR FC SL SR"),
        ("22.2", 90, 1.0, "T+000"),
    ],
)
def test_poles_are_shared_by_the_surrounding_loudspeakers(name, elevation, gain, channels):
    layout = get_layout(name)
    expected = [gain if label in channels.split() else 0.0 for label in layout.labels]
    np.testing.assert_allclose(vbap_gains(33.0, elevation, layout=name), expected, atol=1e-14)


def test_an_elevated_source_on_a_flat_layout_stays_at_its_azimuth():
    np.testing.assert_allclose(vbap_gains(0, 15, layout="5.0"), [0, 0, 1, 0, 0], atol=1e-15)


# Properties ---------------------------------------------------------------------------------------


@every_layout
def test_power_is_one_and_no_gain_negative_anywhere(layout, rng):
    gains = gains_towards(sphere(rng), layout)
    np.testing.assert_allclose((gains**2).sum(axis=-1), 1.0, atol=1e-12)
    assert gains.min() >= 0.0
    assert not gains[:, layout.is_lfe].any()


@every_layout
def test_gains_are_bit_identical_on_every_run(layout, rng):
    vectors = sphere(rng, 50)
    fresh = Layout(layout.name, layout.labels, layout.azimuth, layout.elevation, layout.is_lfe)
    from spatialkit.panning.vbap import Panner

    spreads = np.zeros(len(vectors))
    np.testing.assert_array_equal(
        Panner(layout).gains(vectors, spreads), Panner(fresh).gains(vectors, spreads)
    )


@every_layout
def test_gains_are_continuous(layout, rng):
    vectors = sphere(rng)
    # Arcs between loudspeakers, where faces meet.
    real = layout.directions[layout.loudspeakers]
    pairs = real[rng.integers(len(real), size=(2, 300))]
    arcs = pairs[0] + rng.uniform(0, 1, (300, 1)) * pairs[1] + 1e-9 * rng.normal(size=(300, 3))
    vectors = np.vstack([vectors, arcs / np.linalg.norm(arcs, axis=1, keepdims=True)])
    nearby = vectors + 1e-8 * random_directions(rng, len(vectors))
    change = np.abs(gains_towards(nearby, layout) - gains_towards(vectors, layout)).max()
    # A jump is of the size of a gain; slivers are steep, up to 3000 a radian.
    assert change < 1e-4


@every_layout
def test_gains_do_not_depend_on_the_order_of_loudspeakers(layout, rng):
    vectors = sphere(rng, 300)
    order = rng.permutation(layout.n_channels)
    shuffled = Layout(
        "shuffled",
        [layout.labels[n] for n in order],
        layout.azimuth[order],
        layout.elevation[order],
        layout.is_lfe[order],
    )
    np.testing.assert_allclose(
        gains_towards(vectors, shuffled), gains_towards(vectors, layout)[:, order], atol=1e-12
    )


def mirror_order(layout):
    """Channel at the mirror image of each channel, or None."""
    real = layout.loudspeakers
    vectors = layout.directions[real]
    away = np.linalg.norm((vectors * [1, -1, 1])[:, None] - vectors[None], axis=2)
    order = np.arange(layout.n_channels)
    order[real] = real[away.argmin(axis=1)]
    symmetric = away.min(axis=1).max() < 1e-9 and len(set(order)) == layout.n_channels
    return order if symmetric else None


@pytest.mark.parametrize(
    "layout", [one for one in LAYOUTS if mirror_order(one) is not None], ids=lambda one: one.name
)
@pytest.mark.parametrize("spread", [0.0, 40.0])
def test_symmetric_layouts_pan_symmetrically(layout, spread, rng):
    vectors = sphere(rng, 300)[:: 1 if spread == 0.0 else 20]
    gains = gains_towards(vectors, layout, spread=spread)
    mirrored = gains_towards(vectors * [1, -1, 1], layout, spread=spread)
    np.testing.assert_allclose(mirrored, gains[:, mirror_order(layout)], atol=1e-12)


def test_all_named_layouts_but_none_of_the_random_ones_are_symmetric():
    symmetric = [one.name for one in LAYOUTS if mirror_order(one) is not None]
    assert set(layout_names()) <= set(symmetric)
    assert not [name for name in symmetric if name.startswith(("sphere", "dome"))]


@pytest.mark.parametrize(
    "layout", [one for one in LAYOUTS if one not in COINCIDENT], ids=lambda one: one.name
)
def test_a_source_at_a_loudspeaker_uses_it_alone(layout):
    real = layout.loudspeakers
    gains = vbap_gains(layout.azimuth[real], layout.elevation[real], layout=layout)
    np.testing.assert_allclose(gains[:, real], np.eye(len(real)), atol=1e-9)


@pytest.mark.parametrize("azimuth", [180.0, -180.0, 540.0])
def test_a_source_at_the_rear_is_exact_at_plus_and_minus_180(azimuth):
    np.testing.assert_array_equal(vbap_gains(azimuth, layout="6.1"), [0, 0, 0, 0, 1, 0, 0])


def test_loudspeakers_above_each_other_are_one_entry_of_the_ring():
    behind = vbap_gains(180.0, layout=ABOVE_EACH_OTHER)
    np.testing.assert_allclose(behind, [0, 0, 0, *np.sqrt([0.5, 0.5]), 0], atol=1e-14)
    above, below = vbap_gains(0.0, [30.0, -30.0], layout=ABOVE_EACH_OTHER)
    np.testing.assert_allclose(above, [0, 0, 0, 0, 0, 1], atol=1e-14)
    np.testing.assert_allclose(below, [0, 0, 1, 0, 0, 0], atol=1e-14)


def test_coincident_loudspeakers_share_equally_in_power():
    pair, stack, tops = COINCIDENT
    np.testing.assert_allclose(vbap_gains(30, layout=pair)[:2], np.sqrt([0.5, 0.5]), atol=1e-15)
    np.testing.assert_allclose(vbap_gains(-9, layout=stack), np.sqrt([0.5, 0.5]), atol=1e-15)
    np.testing.assert_allclose(
        vbap_gains(0, 90, layout=tops), [0, 0, 0, *np.sqrt([0.5, 0.5])], atol=1e-15
    )


@pytest.mark.parametrize("elevation", [-70.0, 0.0, 35.0])
def test_the_gains_of_two_loudspeakers_at_the_poles_hardly_depend_on_azimuth(elevation):
    """The same in the directions of imaginary loudspeakers; between them, as on an octahedron."""
    gains = vbap_gains(np.arange(360.0), elevation, layout=UNUSUAL[3])
    assert np.ptp(gains, axis=0).max() < 0.07
    np.testing.assert_allclose(gains[:270], gains[90:], atol=1e-12)


# Spread -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["stereo", "5.0", "7.1.4", "22.2"])
@pytest.mark.parametrize("spread", [10.0, 75.0, 200.0, 360.0])
def test_spread_is_the_power_mean_over_a_cap_or_an_arc(name, spread, rng):
    """Against a plain mean of random points: its standard error with 40000 is about 2e-3."""
    layout = get_layout(name)
    centre = to_cartesian(50.0, 0.0 if name in ("stereo", "5.0") else 20.0)
    if name in ("stereo", "5.0"):
        points = to_cartesian(50.0 + rng.uniform(-0.5, 0.5, 40000) * spread)
    else:
        points = random_directions(rng, 400000)
        points = points[points @ centre >= np.cos(np.radians(spread / 2))][:40000]
    expected = np.sqrt(np.mean(gains_towards(points, layout) ** 2, axis=0))
    gains = gains_towards(centre, layout, spread=spread)
    # The narrowest cap holds 760 points of the 400000.
    np.testing.assert_allclose(gains, expected, atol=2e-2 if spread == 10.0 else 8e-3)
    np.testing.assert_allclose((gains**2).sum(), 1.0, atol=1e-12)


@pytest.mark.parametrize("name", ["mono", "stereo", "5.0", "4+5+1", "7.1.4"])
def test_full_spread_is_the_same_for_every_direction(name, rng):
    gains = gains_towards(sphere(rng, 20)[::6], name, spread=360.0)
    np.testing.assert_allclose(gains - gains[0], 0.0, atol=1e-12)


def test_a_degree_off_the_horizon_spread_is_still_an_arc():
    nearly = Layout.from_directions([30, -30, 0, 110, -110], [0, 0, 0.5, 0, -0.5])
    exact = vbap_gains(20.0, layout="5.0", spread=90.0)[[0, 1, 2, 3, 4]]
    # Half a degree of elevation moves gains by about a hundredth.
    np.testing.assert_allclose(vbap_gains(20.0, layout=nearly, spread=90.0), exact, atol=0.02)


@pytest.mark.parametrize("name", ["stereo", "5.0", "7.1.4"])
def test_spread_starts_at_the_point_source_and_grows_continuously(name, rng):
    vectors = random_directions(rng, 10)
    point = gains_towards(vectors, name)
    np.testing.assert_allclose(gains_towards(vectors, name, spread=1e-9), point, atol=1e-9)
    spreads = np.linspace(0.0, 360.0, 721)
    gains = gains_towards(vectors[:, None], name, spread=spreads)
    # Half a degree moves the edge of the cap by a quarter; a gain near 0 grows like a root.
    assert np.abs(np.diff(gains, axis=1)).max() < 0.08


@pytest.mark.parametrize("bad", [-1.0, 360.5])
def test_spreads_outside_0_to_360_are_refused(bad):
    with pytest.raises(OptionError, match="spread must be from 0 to 360 degrees"):
        vbap_gains(0.0, spread=[0.0, bad])


# Shapes and errors --------------------------------------------------------------------------------


def test_directions_broadcast():
    gains = vbap_gains(np.zeros((4, 1)), np.zeros(3), layout="7.1.4", spread=np.zeros((2, 1, 1)))
    assert gains.shape == (2, 4, 3, 12)
    assert vbap_gains(0.0).shape == (5,)
    assert vbap_gains([], layout="5.1").shape == (0, 6)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_directions_that_are_not_finite_are_refused(bad):
    for azimuth, elevation in ((bad, 0.0), (0.0, bad)):
        with pytest.raises(DirectionError, match="must be finite degrees"):
            vbap_gains(azimuth, elevation)
        with pytest.raises(DirectionError, match="must be finite degrees"):
            vbap_pan(np.zeros(8), [azimuth, 0.0], elevation)


def test_invalid_calls_are_refused_with_a_reason():
    with pytest.raises(LayoutError, match="unknown layout"):
        vbap_gains(0.0, layout="5.9")
    with pytest.raises(DirectionError, match="elevation must be from -90 to 90"):
        vbap_gains(0.0, 100.0)
    with pytest.raises(ShapeError, match="do not broadcast"):
        vbap_gains(np.zeros(3), np.zeros(4))
    with pytest.raises(ShapeError, match="spread of shape"):
        vbap_gains(np.zeros(3), spread=np.zeros(4))


# Panning of audio ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_static_sources_are_multiplied_by_their_gains_and_summed(dtype, rng):
    audio = rng.standard_normal((2, 3, 50)).astype(dtype)
    azimuths, elevations = [10.0, -70.0, 150.0], [0.0, 20.0, 50.0]
    out = vbap_pan(audio, azimuths, elevations, layout="7.1.4", spread=[0.0, 30.0, 0.0])
    gains = vbap_gains(azimuths, elevations, layout="7.1.4", spread=[0.0, 30.0, 0.0])
    assert out.dtype == dtype
    np.testing.assert_allclose(
        out, np.einsum("bsn,sc->bcn", audio, gains), atol=1e-6 if dtype == np.float32 else 1e-14
    )


def test_one_source_gives_channels_by_samples(rng):
    audio = rng.standard_normal(20)
    out = vbap_pan(audio, 20.0, layout="5.1")
    np.testing.assert_allclose(out, vbap_gains(20.0, layout="5.1")[:, None] * audio, atol=1e-15)
    np.testing.assert_array_equal(vbap_pan(audio[None], 20.0, layout="5.1"), out)
    np.testing.assert_array_equal(vbap_pan(audio[None], [20.0], layout="5.1"), out)


def test_a_scalar_direction_applies_to_all_sources(rng):
    audio = rng.standard_normal((3, 20))
    np.testing.assert_allclose(vbap_pan(audio, 45.0), vbap_pan(audio.sum(axis=0), 45.0), atol=1e-14)


@pytest.mark.parametrize("name", ["stereo", "5.0", "7.1.4"])
def test_moving_sources_follow_the_gains_of_each_sample(name):
    n = 24000
    azimuths = np.linspace(-170.0, 400.0, 20)
    out = vbap_pan(np.ones(n), azimuths, 10.0, layout=name)
    # The way between points 30 degrees apart is a great circle: recomputed at each sample.
    vectors = to_cartesian(azimuths, 10.0)
    place = np.linspace(0.0, len(azimuths) - 1.0, n)
    segment = np.minimum(place.astype(int), len(azimuths) - 2)
    angle = np.arccos(vectors[0] @ vectors[1])
    done = (place - segment)[:, None] * angle
    way = np.sin(angle - done) * vectors[segment] + np.sin(done) * vectors[segment + 1]
    exact = gains_towards(way, name).T
    # Linear between points 1 degree apart: second differences, and kinks at loudspeakers.
    np.testing.assert_allclose(out, exact, atol=2e-2)
    assert np.sqrt(np.mean((out - exact) ** 2)) < 1e-3
    np.testing.assert_allclose((out**2).sum(axis=0), 1.0, atol=1e-12)


def test_a_trajectory_ends_at_its_last_point_on_the_last_sample(rng):
    out = vbap_pan(np.ones(1001), [0.0, 30.0, 110.0], layout="5.0")
    expected = vbap_gains([0.0, 30.0, 110.0], layout="5.0")
    np.testing.assert_allclose(out[:, [0, 500, 1000]].T, expected, atol=1e-12)


def test_trajectories_follow_the_shortest_arc_and_opposite_points_pass_the_left():
    behind = vbap_pan(np.ones(2001), [170.0, -170.0], layout="7.1")
    np.testing.assert_allclose(behind[:, 1000], vbap_gains(180.0, layout="7.1"), atol=1e-6)
    for start in (0.0, 40.0, 180.0, -20.0):
        way = vbap_pan(np.ones(2001), [start, start + 180.0], layout="7.1")
        left = 90.0 + start if np.cos(np.radians(start)) > 0 else start - 90.0
        np.testing.assert_allclose(way[:, 1000], vbap_gains(left, layout="7.1"), atol=1e-6)


def test_a_moving_source_does_not_click():
    """A panned sine keeps its spectrum: steps of the gains would lift a floor of noise."""
    rate, n = 48000, 48000
    sine = np.sin(2.0 * np.pi * 1000.0 * np.arange(n) / rate)
    out = vbap_pan(sine, np.linspace(-90.0, 90.0, 5), layout="5.0")
    window = np.blackman(n)
    spectrum = np.abs(np.fft.rfft(out * window)) / (window.sum() / 2.0)
    away = np.abs(np.fft.rfftfreq(n, 1.0 / rate) - 1000.0)
    # Kinks at loudspeakers fall off with the square of the distance, steps with the distance.
    assert spectrum[:, away > 500.0].max() < 10.0 ** (-75.0 / 20.0)
    assert spectrum[:, away > 5000.0].max() < 10.0 ** (-110.0 / 20.0)
    zipper = sine * vbap_gains(np.linspace(-90, 90, 100), layout="5.0").repeat(480, axis=0).T
    stepped = np.abs(np.fft.rfft(zipper * window)) / (window.sum() / 2.0)
    assert stepped[:, away > 5000.0].max() > 10.0 ** (-95.0 / 20.0)


def test_many_moving_sources_are_the_sum_of_each_alone(rng):
    audio = rng.standard_normal((2, 3, 3000)).astype(np.float32)
    azimuths = rng.uniform(-180, 180, (3, 6))
    spreads = np.array([0.0, 20.0, 90.0])
    together = vbap_pan(audio, azimuths, [0.0, 10.0, 20.0], layout="7.1.4", spread=spreads)
    alone = [
        vbap_pan(audio[:, [n]], azimuths[[n]], 10.0 * n, layout="7.1.4", spread=spreads[n])
        for n in range(3)
    ]
    assert together.shape == (2, 12, 3000)
    np.testing.assert_allclose(together, sum(alone), atol=2e-6)


@pytest.mark.parametrize("samples", [0, 1, 2])
@pytest.mark.parametrize("points", [1, 2, 7])
def test_the_shortest_signals_are_supported(samples, points):
    azimuths = np.linspace(0.0, 30.0, points)
    out = vbap_pan(np.ones(samples), azimuths, layout="5.0")
    assert out.shape == (5, samples)
    if samples:
        np.testing.assert_allclose(out[:, 0], vbap_gains(0.0), atol=1e-15)


def test_a_trajectory_with_a_point_per_sample_is_exact(rng):
    azimuths = rng.uniform(-60, 60, 5000).cumsum() / 20
    out = vbap_pan(np.ones(5000), azimuths, layout="5.0")
    np.testing.assert_allclose(out, vbap_gains(azimuths).T, atol=1e-9)


def test_a_spread_that_changes_quickly_is_followed():
    out = vbap_pan(np.ones(200), [20.0, 20.0], layout="7.1.4", spread=[0.0, 180.0])
    exact = vbap_gains(20.0, layout="7.1.4", spread=np.linspace(0.0, 180.0, 200)).T
    # Second differences over a degree; the first gains grow like a root.
    np.testing.assert_allclose(out, exact, atol=0.03)


def test_the_input_is_not_modified(rng):
    audio = rng.standard_normal((2, 100))
    before = audio.copy()
    vbap_pan(audio, [[0.0, 90.0], [10.0, 20.0]])
    np.testing.assert_array_equal(audio, before)


@pytest.mark.parametrize(
    ("audio", "azimuth", "error", "message"),
    [
        (np.zeros((2, 9)), [1.0, 2.0, 3.0], ShapeError, r"a scalar, \(2,\) or \(2, points\)"),
        (np.zeros((2, 9)), np.zeros((3, 4)), ShapeError, r"got shape \(3, 4\)"),
        (np.zeros(9), np.zeros((1, 4)), ShapeError, r"a scalar or \(points,\)"),
        (np.zeros(9), [], ShapeError, "got shape"),
        (np.zeros((1000, 2)), 0.0, ShapeError, "looks frames-first"),
        (np.zeros(9, dtype=np.int16), 0.0, SignalError, r"int16; scale integers to -1\.\.1 first"),
        (np.zeros(9, dtype=complex), 0.0, SignalError, "got complex128"),
        (np.float64(3.0), 0.0, ShapeError, r"or \(samples,\), got \(\)"),
    ],
)
def test_mismatched_audio_and_directions_are_refused(audio, azimuth, error, message):
    with pytest.raises(error, match=message):
        vbap_pan(audio, azimuth)


def test_points_of_angles_must_agree_in_number():
    with pytest.raises(ShapeError, match="the same number of points, got 3 and 4"):
        vbap_pan(np.zeros(9), np.zeros(3), np.zeros(4))
