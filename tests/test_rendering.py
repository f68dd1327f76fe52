"""Rendering: known matrices, properties of all pairs of formats, rejected arguments."""

from __future__ import annotations

import numpy as np
import pytest

from spatialkit.ambisonics import convert_ambisonics, decode_ambisonics, encode_ambisonics
from spatialkit.downmix import downmix
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout, layout_names, reorder
from spatialkit.rendering import render, render_matrix

ROUNDING = 1e-15
NAMES = layout_names()


def pairwise_gains(azimuth, first, second):
    """Pulkki 1997 for one pair: solve for the source's vector, then scale to unit power."""

    def vector(degrees):
        return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])

    gains = np.linalg.solve(np.stack([vector(first), vector(second)], axis=1), vector(azimuth))
    return gains / np.linalg.norm(gains)


# Known matrices


def test_custom_layouts_share_directions_regardless_of_labels():
    square, turned = (Layout.from_directions(a) for a in ([45, 135, -135, -45], [0, 90, 180, -90]))
    half = np.sqrt(0.5)
    expected = half * np.array([[1, 0, 0, 1], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]])
    np.testing.assert_allclose(render_matrix(square, turned), expected, atol=ROUNDING)
    wide = Layout("wide", ["FL", "FR", "BL", "BR"], [60.0, -60.0, 100.0, -100.0])
    assert render_matrix("quad", wide)[0, 0] < 1.0
    np.testing.assert_array_equal(render_matrix(wide, wide), np.eye(4))


def test_5_1_to_7_1_4_keeps_the_front_and_pans_the_surrounds():
    expected = np.zeros((12, 6))
    expected[[0, 1, 2, 3], [0, 1, 2, 3]] = 1.0
    side, back = pairwise_gains(110.0, 90.0, 135.0)
    labels = get_layout("7.1.4").labels
    expected[[labels.index("SL"), labels.index("SR")], [4, 5]] = side
    expected[[labels.index("BL"), labels.index("BR")], [4, 5]] = back
    np.testing.assert_allclose(render_matrix("5.1", "7.1.4"), expected, atol=ROUNDING)


def test_a_centre_is_panned_between_the_fronts():
    np.testing.assert_allclose(render_matrix("mono", "stereo"), np.sqrt([[0.5], [0.5]]), atol=1e-15)
    np.testing.assert_array_equal(render_matrix("mono", "5.1"), np.eye(6)[:, 2:3])


def test_stereo_stays_in_the_front_pair_at_any_angle():
    np.testing.assert_array_equal(render_matrix("stereo", "quad"), np.eye(4)[:, :2])
    np.testing.assert_array_equal(render_matrix("stereo", "9+10+3"), np.eye(24)[:, 6:8])


def test_equal_loudspeakers_are_reordered(rng):
    audio = rng.standard_normal((8, 10))
    np.testing.assert_array_equal(render(audio, "7.1", "0+7+0"), reorder(audio, "7.1", "0+7+0"))


@pytest.mark.parametrize(
    ("source", "target"), [("7.1.4", "stereo"), ("5.1", "mono"), ("22.2", "5.1")]
)
def test_fewer_channels_are_a_downmix(rng, source, target):
    audio = rng.standard_normal((get_layout(source).n_channels, 10))
    np.testing.assert_array_equal(render(audio, source, target), downmix(audio, source, target))


def test_custom_layouts_are_matched_by_direction():
    ring = Layout.from_directions([0, 30, -30, 70, -70])
    matrix = render_matrix(ring, "5.0")
    np.testing.assert_array_equal(matrix[:, :3], np.eye(5)[:, [2, 0, 1]])
    front, surround = pairwise_gains(70.0, 30.0, 110.0)
    np.testing.assert_allclose(matrix[:, 3], [front, 0, 0, surround, 0], atol=ROUNDING)
    np.testing.assert_allclose(matrix[:, 4], [0, front, 0, 0, surround], atol=ROUNDING)


def test_fewer_loudspeakers_of_custom_layouts_are_panned():
    desk = Layout("desk", ["left", "right"], [30.0, -30.0])
    matrix = render_matrix("5.0", desk)
    np.testing.assert_array_equal(matrix[:, :2], np.eye(2))
    np.testing.assert_allclose(matrix[:, 2], np.sqrt([0.5, 0.5]), atol=ROUNDING)


def test_loudspeakers_become_plane_waves_in_ambisonics():
    half, root = 0.5, np.sqrt(0.75)
    expected = np.array([[1, half, 0, root], [1, -half, 0, root]]).T
    np.testing.assert_allclose(render_matrix("stereo", "foa"), expected, atol=ROUNDING)


@pytest.mark.parametrize("form", [AmbisonicFormat(3), AmbisonicFormat(2, "FuMa", "FuMa")])
def test_layouts_to_ambisonics_is_the_encoder_without_the_lfe(rng, form):
    layout = get_layout("7.1.4")
    audio = rng.standard_normal((12, 10))
    real = layout.loudspeakers
    expected = encode_ambisonics(
        audio[real],
        layout.azimuth[real],
        layout.elevation[real],
        order=form.order,
        normalization=form.normalization,
        channel_order=form.channel_order,
    )
    np.testing.assert_allclose(render(audio, layout, form), expected, atol=1e-13)


@pytest.mark.parametrize("options", [{}, {"decoder": "sampling", "weights": "basic"}])
@pytest.mark.parametrize("form", [AmbisonicFormat(2), AmbisonicFormat(1, "FuMa", "FuMa")])
def test_ambisonics_to_layouts_is_the_decoder(rng, options, form):
    audio = rng.standard_normal((form.n_channels, 10))
    expected = decode_ambisonics(
        audio,
        "5.1",
        normalization=form.normalization,
        channel_order=form.channel_order,
        **options,
    )
    np.testing.assert_allclose(render(audio, form, "5.1", **options), expected, atol=1e-13)


@pytest.mark.parametrize(("source", "target"), [("ambix3", "fuma2"), ("fuma3", "ambix3")])
def test_ambisonics_to_ambisonics_is_the_conversion(rng, source, target):
    audio = rng.standard_normal((16, 10))
    np.testing.assert_allclose(
        render(audio, source, target), convert_ambisonics(audio, source, target), atol=1e-14
    )


def test_a_higher_order_gets_silent_harmonics(rng):
    audio = rng.standard_normal((4, 10))
    higher = render(audio, "fuma1", "ambix3")
    assert not higher[4:].any()
    np.testing.assert_allclose(render(higher, "ambix3", "fuma1"), audio, atol=1e-14)


# Between all formats


def test_every_loudspeaker_keeps_its_power_in_a_larger_layout():
    for source in NAMES:
        for target in NAMES:
            have, want = get_layout(source), get_layout(target)
            if have.n_channels <= want.n_channels:
                power = np.sum(render_matrix(source, target) ** 2, axis=0)[have.loudspeakers]
                np.testing.assert_allclose(power, 1.0, atol=1e-12, err_msg=f"{source}, {target}")


def test_an_lfe_is_copied_to_the_lfe_or_dropped():
    assert render_matrix("5.1", "7.1.4")[:, 3].tolist() == np.eye(12)[3].tolist()
    assert render_matrix("5.1", "22.2")[:, 3].tolist() == np.eye(24)[3].tolist()
    assert not render_matrix("5.1", "7.0")[:, 3].any()
    assert not render_matrix("5.1", "foa")[:, 3].any()
    assert not render_matrix("foa", "5.1")[3].any()


@pytest.mark.parametrize("source", ["stereo", "5.1", "foa", "fuma2"])
@pytest.mark.parametrize("target", ["mono", "7.1.4", "ambix2", "fuma1"])
@pytest.mark.parametrize("samples", [0, 1, 9])
def test_render_keeps_dtype_length_batch_and_input(rng, source, target, samples):
    matrix = render_matrix(source, target)
    audio = rng.standard_normal((2, 3, matrix.shape[1], samples))
    before = audio.copy()
    wide, narrow = render(audio, source, target), render(audio.astype(np.float32), source, target)
    np.testing.assert_array_equal(audio, before)
    assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)
    assert wide.shape == narrow.shape == (2, 3, matrix.shape[0], samples)
    np.testing.assert_allclose(wide[1, 2], matrix @ audio[1, 2], atol=1e-13)
    # Sums of at most 9 terms of size 1 to 4 in float32.
    np.testing.assert_allclose(narrow, wide, atol=1e-5)


def test_a_returned_matrix_is_a_copy():
    render_matrix("mono", "stereo")[:] = 0.0
    assert render_matrix("mono", "stereo").all()


# What is refused


def test_binaural_is_no_matrix():
    with pytest.raises(LayoutError, match="'binaural' needs filters, not a matrix; use render"):
        render_matrix("stereo", "binaural")


@pytest.mark.parametrize(
    ("pair", "options", "message"),
    [
        (("stereo", "5.1"), {"decoder": "epad"}, "'stereo' to '5.1' has no option 'decoder'"),
        (("foa", "5.1"), {"spread": 3}, "no option 'spread'; accepted: decoder and weights"),
        (("foa", "5.1"), {"weights": "dual-band"}, "not a single matrix; use decode_ambisonics"),
        (("foa", "5.1"), {"decoder": "best"}, "unknown decoder 'best'"),
    ],
)
def test_options_that_do_not_apply_are_refused(pair, options, message):
    with pytest.raises(OptionError, match=message):
        render_matrix(*pair, **options)


def test_unknown_formats_and_wrong_channel_counts_are_refused():
    with pytest.raises(LayoutError, match="unknown layout or format 'headphones'"):
        render_matrix("headphones", "stereo")
    with pytest.raises(ShapeError, match=r"must have 2 channels for 'stereo'.*transpose"):
        render(np.zeros((100, 2)), "stereo", "5.1")
