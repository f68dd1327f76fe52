"""Ambisonics: harmonics, encoders, rotation, conversion, virtual microphones."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.ambisonics import (
    convert_ambisonics,
    convert_foa,
    encode_ambisonics,
    encode_foa,
    harmonics,
    rotate_ambisonics,
    rotate_foa,
    spherical_harmonics,
    virtual_microphones,
)
from spatialkit.errors import DirectionError, LayoutError, OptionError, ShapeError, SignalError
from spatialkit.geometry import to_cartesian, to_spherical
from spatialkit.layouts import AmbisonicFormat

TABLE = np.load(Path(__file__).parents[1] / "data" / "panning" / "spherical_harmonics.npz")
FORMATS = [
    {"normalization": normalization, "channel_order": channel_order}
    for normalization in ("SN3D", "N3D", "FuMa")
    for channel_order in ("ACN", "FuMa")
]
# Polynomials of degree 7 with coefficients of a few hundred, in float64: 1e-13, with headroom.
EXACT = 1e-12
azimuths, elevations = st.floats(-720.0, 720.0), st.floats(-90.0, 90.0)


@pytest.mark.parametrize("normalization", ["N3D", "SN3D"])
def test_harmonics_equal_those_of_scipy_poles_included(normalization):
    azimuth, elevation = to_spherical(TABLE["directions"])
    ours = spherical_harmonics(azimuth, elevation, order=7, normalization=normalization)
    np.testing.assert_allclose(ours, TABLE[normalization.lower()], rtol=0.0, atol=EXACT)


def test_a_plane_wave_from_the_front_has_the_channels_of_a_published_third_order_recording():
    """Oracle: gains measured in omnitone's third-order example, here in closed form."""
    expected = np.zeros(16)
    expected[[0, 3, 6, 8, 13, 15]] = [1.0, 1.0, -0.5, 3**0.5 / 2, -(6**0.5) / 4, 10**0.5 / 4]
    np.testing.assert_allclose(spherical_harmonics(0.0, order=3), expected, atol=EXACT)


@given(azimuths, elevations, azimuths, elevations)
def test_harmonics_obey_the_addition_theorem(azimuth_a, elevation_a, azimuth_b, elevation_b):
    a = spherical_harmonics(azimuth_a, elevation_a, order=7, normalization="N3D")
    b = spherical_harmonics(azimuth_b, elevation_b, order=7, normalization="N3D")
    cosine = to_cartesian(azimuth_a, elevation_a) @ to_cartesian(azimuth_b, elevation_b)
    for n in range(8):
        part = slice(n * n, (n + 1) ** 2)
        legendre = np.polynomial.legendre.Legendre.basis(n)(cosine)
        assert a[part] @ b[part] == pytest.approx((2 * n + 1) * legendre, abs=1e-11)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_fuma_channels_are_scaled_and_sorted_as_published(order):
    """Oracle: Malham's formulas of W XYZ RSTUV KLMNOPQ, in azimuth A and elevation E."""
    azimuth, elevation = 37.0, -21.0
    a, e = np.radians(azimuth), np.radians(elevation)
    sine = np.sin(e)
    expected = [
        0.5**0.5,
        *(np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), sine),
        *(1.5 * sine**2 - 0.5, np.cos(a) * np.sin(2 * e), np.sin(a) * np.sin(2 * e)),
        *(np.cos(2 * a) * np.cos(e) ** 2, np.sin(2 * a) * np.cos(e) ** 2),
        sine * (5 * sine**2 - 3) / 2,
        (135 / 256) ** 0.5 * np.cos(a) * np.cos(e) * (5 * sine**2 - 1),
        (135 / 256) ** 0.5 * np.sin(a) * np.cos(e) * (5 * sine**2 - 1),
        *(27**0.5 / 2 * np.cos(2 * a) * sine * np.cos(e) ** 2,),
        *(27**0.5 / 2 * np.sin(2 * a) * sine * np.cos(e) ** 2,),
        *(np.cos(3 * a) * np.cos(e) ** 3, np.sin(3 * a) * np.cos(e) ** 3),
    ]
    ours = spherical_harmonics(
        azimuth, elevation, order=order, normalization="FuMa", channel_order="FuMa"
    )
    np.testing.assert_allclose(ours, expected[: (order + 1) ** 2], atol=EXACT)


def test_fuma_is_refused_above_order_3():
    with pytest.raises(LayoutError, match="up to order 3, got order 4"):
        spherical_harmonics(0.0, order=4, normalization="FuMa")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", [1, 4, 7])
def test_a_static_source_is_multiplied_by_its_harmonics(rng, dtype, order):
    audio = rng.standard_normal(50).astype(dtype)
    encoded = encode_ambisonics(audio, 200.0, 35.0, order=order)
    assert encoded.dtype == dtype
    expected = spherical_harmonics(200.0, 35.0, order=order)[:, None] * audio
    # One product in the audio's precision, gains up to 1.
    np.testing.assert_allclose(encoded, expected, rtol=0.0, atol=8 * np.finfo(dtype).eps)


def test_sources_are_summed_and_batches_kept(rng):
    audio = rng.standard_normal((2, 3, 40))
    encoded = encode_foa(audio, [10.0, 120.0, -60.0], [0.0, 45.0, -45.0], **FORMATS[-1])
    gains = spherical_harmonics([10.0, 120.0, -60.0], [0.0, 45.0, -45.0], **FORMATS[-1])
    np.testing.assert_allclose(encoded, gains.T @ audio, atol=1e-13)


@pytest.mark.parametrize("order", [1, 3, 7])
def test_a_moving_source_follows_the_shortest_arc(order):
    """Oracle: the harmonics of every single sample's direction."""
    n_samples = 4001
    encoded = encode_ambisonics(np.ones(n_samples), [170.0, -100.0], order=order)
    expected = spherical_harmonics(np.linspace(170.0, 260.0, n_samples), order=order).T
    # Straight lines over a quarter of a degree divided by the order: (0.0044)^2 / 8 = 2.4e-6.
    np.testing.assert_allclose(encoded, expected, rtol=0.0, atol=3e-6)


@pytest.mark.parametrize("n_samples", [0, 1])
def test_empty_and_single_samples_are_supported(n_samples):
    scene = encode_foa(np.ones(n_samples, dtype=np.float32), [0.0, 90.0])
    assert scene.shape == (4, n_samples)
    assert rotate_foa(scene, 10.0).shape == (4, n_samples)
    assert convert_foa(scene, "foa", "fuma1").shape == (4, n_samples)
    assert virtual_microphones(scene, [0.0, 90.0]).shape == (2, n_samples)


def test_rotations_equal_those_measured_on_random_directions():
    for rotation, expected in zip(
        TABLE["rotations_xyz"], TABLE["rotations_sh_order3"], strict=True
    ):
        ours = harmonics.rotation_of_harmonics(rotation, 3)
        np.testing.assert_allclose(ours, expected, rtol=0.0, atol=EXACT)


@given(azimuths, elevations, azimuths, st.sampled_from(FORMATS), st.sampled_from([1, 2, 3]))
def test_rotating_a_scene_to_the_left_rotates_its_sources(azimuth, elevation, yaw, form, order):
    source = np.ones(1)
    turned = rotate_ambisonics(
        encode_ambisonics(source, azimuth, elevation, order=order, **form), yaw, **form
    )
    expected = encode_ambisonics(source, azimuth + yaw, elevation, order=order, **form)
    np.testing.assert_allclose(turned, expected, atol=1e-11)


@given(st.lists(st.floats(-180.0, 180.0), min_size=3, max_size=3), azimuths, elevations)
def test_every_rotation_applies_to_all_orders_as_to_the_first(angles, azimuth, elevation):
    """The first order is the direction itself: it says where a source went."""
    turned = rotate_ambisonics(encode_ambisonics(np.ones(1), azimuth, elevation, order=7), *angles)
    y, z, x = turned[1:4, 0]
    where, height = to_spherical([x, y, z])
    expected = encode_ambisonics(np.ones(1), where, height, order=7)
    # Angles come back from vectors with 1e-16 / cos(elevation), amplified seven times.
    np.testing.assert_allclose(turned, expected, atol=1e-11)
    np.testing.assert_allclose(
        rotate_foa(encode_foa(np.ones(1), azimuth, elevation), *angles), turned[:4], atol=1e-13
    )


def test_roll_raises_the_left_before_pitch_raises_the_front():
    source = np.ones(1)
    ahead, left = encode_foa(source, 0.0), encode_foa(source, 90.0)
    up = encode_foa(source, 0.0, 90.0)
    np.testing.assert_allclose(rotate_foa(ahead, pitch=90.0), up, atol=1e-15)
    np.testing.assert_allclose(rotate_foa(left, roll=90.0), up, atol=1e-15)
    in_turn = rotate_foa(rotate_foa(rotate_foa(left, roll=50.0), pitch=40.0), yaw=30.0)
    np.testing.assert_allclose(rotate_foa(left, 30.0, 40.0, 50.0), in_turn, atol=1e-15)


def test_rotation_keeps_batches_precision_and_input(rng):
    scene = rng.standard_normal((2, 3, 16, 20)).astype(np.float32)
    before = scene.copy()
    turned = rotate_ambisonics(scene, 20.0, 10.0, -5.0)
    assert turned.dtype == np.float32
    np.testing.assert_array_equal(scene, before)
    np.testing.assert_allclose(
        turned[1, 2], rotate_ambisonics(scene[1, 2], 20.0, 10.0, -5.0), atol=1e-6
    )


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_conversion_is_encoding_in_the_other_format(rng, source, target):
    audio = rng.standard_normal((2, 30))
    places = {"azimuth": [20.0, -130.0], "elevation": [50.0, -10.0], "order": 3}
    converted = convert_ambisonics(
        encode_ambisonics(audio, **places, **source),
        AmbisonicFormat(3, **source),
        AmbisonicFormat(3, **target),
    )
    np.testing.assert_allclose(converted, encode_ambisonics(audio, **places, **target), atol=1e-14)


def test_converting_to_a_lower_order_drops_channels(rng):
    scene = rng.standard_normal((16, 5)).astype(np.float32)
    lower = convert_ambisonics(scene, "ambix3", "ambix1")
    np.testing.assert_array_equal(lower, scene[:4])
    assert lower.dtype == np.float32
    assert not np.shares_memory(lower, scene)
    with pytest.raises(LayoutError, match="higher order than source 'ambix1'"):
        convert_ambisonics(lower, "ambix1", "ambix3")


def test_conversion_refuses_layouts_and_other_orders():
    with pytest.raises(LayoutError, match=r"target must be an Ambisonic format.*'5\.1'"):
        convert_foa(np.zeros((4, 1)), "foa", "5.1")
    with pytest.raises(LayoutError, match="source must be of order 1, got 'ambix2'"):
        convert_foa(np.zeros((9, 1)), "ambix2", "fuma1")
    with pytest.raises(LayoutError, match="unknown layout or format 'ambix9'"):
        convert_foa(np.zeros((4, 1)), "foa", "ambix9")
    with pytest.raises(ShapeError, match="4 channels for 'ambix1'"):
        convert_foa(np.zeros((5, 10)), "foa", "fuma1")


@given(azimuths, elevations, azimuths, elevations, st.floats(0.0, 1.0))
def test_a_microphone_weights_a_plane_wave_by_its_pattern(azimuth, elevation, to, up, pattern):
    heard = virtual_microphones(encode_foa(np.ones(1), azimuth, elevation), to, up, pattern=pattern)
    cosine = to_cartesian(azimuth, elevation) @ to_cartesian(to, up)
    assert heard.shape == (1, 1)
    assert heard[0, 0] == pytest.approx(1.0 - pattern + pattern * cosine, abs=1e-14)


@pytest.mark.parametrize("form", FORMATS)
def test_microphone_signals_are_equal_in_every_format_and_order(rng, form):
    audio = rng.standard_normal((2, 2, 25))
    expected = virtual_microphones(
        encode_foa(audio, [33.0, -99.0]), [0.0, 90.0, 200.0], pattern=[0.0, 0.5, 1.0]
    )
    scene = encode_ambisonics(audio, [33.0, -99.0], order=3, **form)
    heard = virtual_microphones(scene, [0.0, 90.0, 200.0], pattern=[0.0, 0.5, 1.0], **form)
    assert heard.shape == (2, 3, 25)
    np.testing.assert_allclose(heard, expected, atol=1e-14)


def test_microphones_refuse_patterns_above_1_and_mismatched_shapes():
    scene = np.zeros((4, 3))
    for pattern in (1.5, [0.5, -0.1], np.nan):
        with pytest.raises(OptionError, match="pattern must be from 0 to 1"):
            virtual_microphones(scene, 0.0, pattern=pattern)
    with pytest.raises(ShapeError, match="does not fit 3 microphones"):
        virtual_microphones(scene, [0.0, 1.0, 2.0], pattern=[0.5, 0.5])
    with pytest.raises(ShapeError, match=r"scalar or \(microphones,\)"):
        virtual_microphones(scene, [[0.0, 1.0]])


def test_invalid_arguments_are_refused():
    with pytest.raises(ShapeError, match=r"must have 4 channels for order 1.*transpose"):
        rotate_foa(np.zeros((100, 4)), 10.0)
    with pytest.raises(ShapeError, match=r"\(order \+ 1\)\^2 channels, 4 to 64"):
        rotate_ambisonics(np.zeros((5, 100)))
    with pytest.raises(ShapeError, match=r"\(order \+ 1\)\^2 channels"):
        rotate_ambisonics(np.zeros((1, 100)))
    with pytest.raises(SignalError, match="int16"):
        rotate_foa(np.zeros((4, 10), dtype=np.int16))
    with pytest.raises(DirectionError, match="finite"):
        encode_foa(np.zeros(10), np.nan)
    with pytest.raises(DirectionError, match="finite"):
        rotate_foa(np.zeros((4, 10)), yaw=np.inf)
    with pytest.raises(OptionError, match="unknown normalization"):
        encode_foa(np.zeros(10), 0.0, normalization="maxN")
    with pytest.raises(OptionError, match="order must be from 1 to 7"):
        encode_ambisonics(np.zeros(10), 0.0, order=8)
