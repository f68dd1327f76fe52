"""Downmix: gains of the standards, properties of every pair, audio, rejected arguments."""

from __future__ import annotations

import json

import numpy as np
import pytest
from conftest import DATA
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.signal import lfilter

from spatialkit.downmix import correction_size, downmix, downmix_matrix, match_downmix
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout, layout_names

A = np.sqrt(0.5)
METHODS = ("itu", "sum", "dplii", "iamf")
# Products and quotients of square roots: a few 2**-53.
ROUNDING = 5e-16


def reordered(name, labels):
    """The layout of that name with its channels in another order."""
    layout = get_layout(name)
    places = [layout.labels.index(label) for label in labels.split()]
    return Layout(
        f"{name}, reordered", labels.split(), layout.azimuth[places], layout.elevation[places]
    )


def iamf_layout(name):
    """The layout of a name of IAMF's, with its channel order (tests/data/panning/README.md)."""
    if name == "0+1+0":
        return get_layout("mono")
    if name == "7.1.2":
        return reordered("7.1.2", "FL FR FC LFE SL SR BL BR TFL TFR")
    if name == "9.1.6":
        return reordered("9.1.6", "FWL FWR FC LFE BL BR FL FR SL SR TFL TFR TBL TBR TSL TSR")
    return get_layout(name)


def iamf_pairs():
    gains = json.loads((DATA / "panning" / "iamf_gains.json").read_text())["gains"]
    # Left out: Ambisonics, and two layouts that have no name here.
    known = [
        name for name in gains if not name.startswith("A") and name not in ("3.1.2", "7.1.5.4")
    ]
    for source in known:
        for target, rows in gains[source].items():
            matrix = np.array(rows).T
            if target not in ("3.1.2", "7.1.5.4") and matrix.shape[0] < matrix.shape[1]:
                yield pytest.param(source, target, matrix, id=f"{source} to {target}")


IAMF_PAIRS = list(iamf_pairs())


def fewer_channels():
    names = layout_names()
    count = {name: get_layout(name).n_channels for name in names}
    return [(a, b) for a in names for b in names if count[a] > count[b]]


def allowed_matrices():
    """Every matrix of every method between named layouts for which it is defined."""
    for source, target in fewer_channels():
        for method in METHODS:
            try:
                yield source, target, method, downmix_matrix(source, target, method=method)
            except LayoutError:
                assert method != "itu", f"itu must be defined for {source} to {target}"


def mirror_order(layout):
    """Return the index of the mirror image of each channel."""
    mirrored = layout.directions * [1.0, -1.0, 1.0]
    order = np.arange(layout.n_channels)
    for channel in layout.loudspeakers:
        order[channel] = np.nanargmax(layout.directions @ mirrored[channel])
    return order


# Gains of the standards


@pytest.mark.parametrize(("source", "target", "expected"), IAMF_PAIRS)
def test_iamf_gains_are_those_of_iamf_tools(source, target, expected):
    matrix = downmix_matrix(iamf_layout(source), iamf_layout(target), method="iamf")
    np.testing.assert_allclose(matrix, expected, atol=ROUNDING)


@pytest.mark.parametrize(("source", "target", "expected"), IAMF_PAIRS)
def test_itu_equals_iamf_but_for_the_level_of_mono_and_gains_of_22_2(source, target, expected):
    if target == "0+1+0":
        expected = expected * np.sqrt(2)  # the level of mono is that of BS.775, not of IAMF
    if (source, target) == ("9+10+3", "9.1.6"):
        expected = expected.copy()
        expected[:, [3, 14]] = 0.0
        expected[3, 3] = A  # LFE1 as LFE2
        expected[[10, 11], 14] = A  # the top front centre to the tops, as to every other layout
    matrix = downmix_matrix(iamf_layout(source), iamf_layout(target))
    np.testing.assert_allclose(matrix, expected, atol=ROUNDING)


SURROUND_BACK = Layout("2/1", ["FL", "FR", "BC"], [30, -30, 180])


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("mono", [[A, A, 1.0, 0.5, 0.5]]),
        ("stereo", [[1, 0, A, A, 0], [0, 1, A, 0, A]]),
        (SURROUND_BACK, [[1, 0, A, 0, 0], [0, 1, A, 0, 0], [0, 0, 0, A, A]]),
        ("3.0", [[1, 0, 0, A, 0], [0, 1, 0, 0, A], [0, 0, 1, 0, 0]]),
        ("quad", [[1, 0, A, 0, 0], [0, 1, A, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 0, 1]]),
    ],
)
def test_5_0_has_the_gains_of_bs_775_table_2(target, expected):
    np.testing.assert_allclose(downmix_matrix("5.0", target), expected, atol=ROUNDING)


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("stereo", "mono", [[A, A]]),
        ("3.0", "mono", [[A, A, 1.0]]),
        ("3.0", "stereo", [[1, 0, A], [0, 1, A]]),
        ("quad", "stereo", [[1, 0, A, 0], [0, 1, 0, A]]),
        ("quad", "mono", [[A, A, 0.5, 0.5]]),
    ],
)
def test_smaller_layouts_have_the_gains_of_bs_775_table_2(source, target, expected):
    np.testing.assert_allclose(downmix_matrix(source, target), expected, atol=ROUNDING)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("paper5", [[1, 1, 0.5, 0, 0], [0, 0, 0.5, 1, 1]]),  # FL RL C FR RR
        ("5.0", [[1, 0, 0.5, 1, 0], [0, 1, 0.5, 0, 1]]),
        ("5.1", [[1, 0, 0.5, 0, 1, 0], [0, 1, 0.5, 0, 0, 1]]),
    ],
)
def test_sum_is_the_matrix_of_the_style_transfer_paper(source, expected):
    """L = FL + RL + C/2, R = FR + RR + C/2."""
    np.testing.assert_array_equal(downmix_matrix(source, "stereo", method="sum"), expected)


def test_sum_uses_the_sign_of_azimuth_for_layouts_without_known_labels():
    ring = Layout.from_directions([0, 60, 120, 180, -120, -60])
    matrix = downmix_matrix(ring, "stereo", method="sum")
    np.testing.assert_array_equal(matrix, [[0.5, 1, 1, 0.5, 0, 0], [0.5, 0, 0, 0.5, 1, 1]])


def test_dplii_has_the_gains_of_pro_logic_2():
    near, far = 1j * np.sqrt(3) / 2, 0.5j
    expected = [[1, 0, A, -near, -far], [0, 1, A, far, near]]
    np.testing.assert_allclose(
        downmix_matrix("5.0", "stereo", method="dplii"), expected, atol=ROUNDING
    )


def test_dplii_downmixes_larger_layouts_to_5_0_first():
    encoder = downmix_matrix("5.0", "stereo", method="dplii")
    matrix = downmix_matrix("7.1.4", "stereo", method="dplii")
    np.testing.assert_allclose(matrix, encoder @ downmix_matrix("7.1.4", "5.0"), atol=ROUNDING)


# Every pair


def test_no_channel_is_lost_between_any_named_layouts():
    # The quietest there is: a surround in IAMF's mono, 1 / sqrt(8).
    for source, target, method, matrix in allowed_matrices():
        power = np.sum(np.abs(matrix) ** 2, axis=0)[get_layout(source).loudspeakers]
        assert power.min() > 0.12, (source, target, method)


def test_a_channel_that_both_layouts_have_keeps_gain_1():
    for source, target in fewer_channels():
        if target == "mono":
            continue
        have, want = get_layout(source), get_layout(target)
        matrix = downmix_matrix(have, want)
        for row, label in enumerate(want.labels):
            if label in have.labels and not label.startswith(("LFE", "SL", "SR")):
                assert matrix[row, have.labels.index(label)] == 1.0, (source, target, label)


def test_every_matrix_is_left_right_symmetric():
    for source, target, method, matrix in allowed_matrices():
        swap_rows, swap_columns = mirror_order(get_layout(target)), mirror_order(get_layout(source))
        mirrored = matrix[swap_rows][:, swap_columns]
        # The surrounds of dplii are of opposite sign on the two sides.
        np.testing.assert_allclose(
            mirrored, matrix.conj(), atol=ROUNDING, err_msg=f"{source, target, method}"
        )


@pytest.mark.parametrize("order", ["film", "wave", "vorbis"])
def test_the_order_of_channels_does_not_matter(order):
    source, target = get_layout(f"7.1:{order}"), get_layout(f"5.1:{order}")
    matrix = downmix_matrix(source, target)
    usual_rows = [get_layout("5.1").labels.index(label) for label in target.labels]
    usual_columns = [get_layout("7.1").labels.index(label) for label in source.labels]
    usual = downmix_matrix("7.1", "5.1")[usual_rows][:, usual_columns]
    np.testing.assert_array_equal(matrix, usual)


def test_5_1_with_back_labels_equals_5_1():
    np.testing.assert_array_equal(
        downmix_matrix(Layout.from_wave_mask(0x3F), "stereo"), downmix_matrix("5.1", "stereo")
    )


@pytest.mark.parametrize("method", METHODS)
def test_equal_loudspeakers_are_reordered(method):
    matrix = downmix_matrix("7.1", "0+7+0", method=method)
    np.testing.assert_array_equal(matrix, np.eye(8)[[0, 1, 2, 3, 6, 7, 4, 5]])


def test_changing_a_returned_matrix_does_not_change_the_next():
    downmix_matrix("5.1", "stereo")[:] = 0.0
    assert downmix_matrix("5.1", "stereo").any()


# LFE, level


def test_the_lfe_is_omitted_unless_a_gain_is_given():
    assert not downmix_matrix("5.1", "stereo")[:, 3].any()
    np.testing.assert_allclose(
        downmix_matrix("5.1", "stereo", lfe_gain=0.5)[:, 3], 0.5 * A, atol=ROUNDING
    )
    np.testing.assert_allclose(
        downmix_matrix("5.1", "mono", lfe_gain=0.5)[:, 3], 0.5, atol=ROUNDING
    )
    np.testing.assert_array_equal(
        downmix_matrix("5.1", "5.0", lfe_gain=0.5)[:, 3], [0, 0, 0.5, 0, 0]
    )


def test_one_or_two_lfe_channels_go_to_the_lfe_of_the_target():
    assert downmix_matrix("7.1", "5.1", lfe_gain=0.5)[:, 3].tolist() == [0, 0, 0, 1, 0, 0]
    both = downmix_matrix("22.2", "5.1")[:, [3, 9]]
    np.testing.assert_allclose(both, np.outer(np.eye(6)[3], [A, A]), atol=ROUNDING)


@pytest.mark.parametrize("method", METHODS)
def test_matrices_are_normalized_only_on_request(method):
    plain = downmix_matrix("7.1.4", "stereo", method=method)
    scaled = downmix_matrix("7.1.4", "stereo", method=method, normalize=True)
    loudest = np.abs(plain).sum(axis=1).max()
    assert loudest > 3.0
    assert np.abs(scaled).sum(axis=1).max() == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(scaled * loudest, plain, atol=4 * ROUNDING)


def test_normalize_never_raises_the_level():
    np.testing.assert_array_equal(
        downmix_matrix("stereo", "mono", method="iamf", normalize=True), [[0.5, 0.5]]
    )


# Audio


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("samples", [0, 1, 7, 3000])
def test_downmix_keeps_dtype_length_batch_and_input(rng, method, samples):
    audio = rng.standard_normal((2, 3, 6, samples))
    before = audio.copy()
    wide = downmix(audio, "5.1", method=method)
    narrow = downmix(audio.astype(np.float32), "5.1", method=method)
    np.testing.assert_array_equal(audio, before)
    assert (wide.dtype, narrow.dtype) == (np.float64, np.float32)
    assert wide.shape == narrow.shape == (2, 3, 2, samples)
    # Sums of 6 (with dplii: 1023 more) terms of size 1 to 4 in float32.
    np.testing.assert_allclose(narrow, wide, atol=1e-5)
    np.testing.assert_allclose(downmix(audio[1, 2], "5.1", method=method), wide[1, 2], atol=1e-13)


@pytest.mark.parametrize("method", ["itu", "sum", "iamf"])
def test_downmix_is_the_product_with_the_matrix(rng, method):
    audio = rng.standard_normal((6, 50))
    slow = sum(
        np.outer(downmix_matrix("5.1", "stereo", method=method)[:, n], audio[n]) for n in range(6)
    )
    np.testing.assert_allclose(downmix(audio, "5.1", method=method), slow, atol=1e-14)


def steady_phasors(surround, frequency, samples=6000):
    """Amplitude and phase of Lt and Rt for a cosine in one channel, and of the cosine itself."""
    time = np.arange(samples)
    audio = np.zeros((5, samples))
    audio[surround] = np.cos(2 * np.pi * frequency * time)
    inner = slice(600, samples - 600)  # past the filter's 511 samples at both ends
    probe = np.exp(-2j * np.pi * frequency * time[inner])
    basis = np.stack([probe.conj(), probe], axis=1)
    totals = downmix(audio, "5.0", method="dplii")
    both = np.vstack([totals, audio[surround]])[:, inner]
    return np.linalg.lstsq(basis, both.T.astype(complex), rcond=None)[0][0] * 2


# 90 degrees within 1 is the bound; magnitudes within 0.02 dB, by the design of the filter.
@pytest.mark.parametrize("frequency", [0.00175, 0.002, 0.005, 0.03, 0.1234, 0.25, 0.47, 0.49825])
def test_dplii_shifts_the_surrounds_by_90_degrees_and_only_them(frequency):
    left, right, itself = steady_phasors(3, frequency)
    assert np.degrees(np.angle(left / itself)) == pytest.approx(-90.0, abs=1e-3)
    assert np.degrees(np.angle(right / itself)) == pytest.approx(90.0, abs=1e-3)
    assert abs(np.degrees(np.angle(left / right))) == pytest.approx(180.0, abs=1e-6)
    assert 20 * np.log10(abs(left) / np.sqrt(0.75)) == pytest.approx(0.0, abs=0.02)
    assert 20 * np.log10(abs(right) / 0.5) == pytest.approx(0.0, abs=0.02)


def test_dplii_does_not_filter_the_front(rng):
    audio = np.zeros((5, 500))
    audio[:3] = rng.standard_normal((3, 500))
    totals = downmix(audio, "5.0", method="dplii")
    np.testing.assert_allclose(totals, audio[:2] + A * audio[2], atol=1e-13)


def test_equal_surrounds_are_out_of_phase_in_dplii(rng):
    audio = np.zeros((5, 2000))
    audio[3:] = rng.standard_normal(2000)
    left, right = downmix(audio, "5.0", method="dplii")
    np.testing.assert_allclose(left, -right, atol=1e-13)
    assert np.abs(left).max() > 1.0


@pytest.mark.parametrize(
    ("form", "gain"),
    [("foa", 1.0), ("ambix3", 1.0), ("fuma2", np.sqrt(2)), (AmbisonicFormat(2, "N3D"), 1)],
)
def test_ambisonics_is_downmixed_to_the_pressure_at_the_listener(form, gain):
    matrix = downmix_matrix(form, "mono")
    assert matrix[0, 0] == gain
    assert not matrix[0, 1:].any()


# match_downmix


@given(
    source=st.sampled_from(["stereo", "5.1", "7.1.4", "paper5", "22.2"]),
    channels=st.sampled_from([1, 2]),
    method=st.sampled_from(["itu", "sum", "iamf"]),
    dtype=st.sampled_from([np.float32, np.float64]),
    seed=st.integers(0, 99),
)
def test_the_downmix_of_a_matched_upmix_is_the_original(source, channels, method, dtype, seed):
    rng = np.random.default_rng(seed)
    target = ("mono", "stereo")[channels - 1]
    assume((method, target) != ("sum", "mono") and (method, source) != ("iamf", "paper5"))
    upmix = rng.standard_normal((2, get_layout(source).n_channels, 40)).astype(dtype)
    original = rng.standard_normal((2, channels, 40)).astype(dtype)
    matched = match_downmix(upmix, original, source, method=method)
    assert matched.dtype == dtype
    error = downmix(matched, source, target, method=method) - original
    # Required accuracy of an exact downmix.
    assert np.linalg.norm(error) <= 1e-6 * np.linalg.norm(original)


def weighted_correction(upmix, original, matrix):
    """Oracle: the definition, with the filter of SciPy and a pseudoinverse per sample."""
    used = matrix.any(axis=0)
    levels = lfilter([1 / 4096], [1, 1 / 4096 - 1], np.abs(upmix[used]))
    power = levels**2 + 1e-8 * np.sum(levels**2, axis=0)
    correction, gains = np.zeros_like(upmix), matrix[:, used]
    missing = original - matrix @ upmix
    for n, weights in enumerate(power.T):
        scaled = weights / weights.max() if weights.max() else np.ones_like(weights)
        factors = np.linalg.pinv(gains * scaled @ gains.T, rcond=1e-11) @ missing[:, n]
        correction[used, n] = scaled * (gains.T @ factors)
    return correction


@pytest.mark.parametrize("source", ["stereo", "7.1.4"])
@pytest.mark.parametrize("channels", [1, 2])
def test_corrections_are_least_squares_weighted_by_level(source, channels, rng):
    layout = get_layout(source)
    upmix = rng.standard_normal((layout.n_channels, 300))
    upmix *= 10.0 ** rng.uniform(-4.0, 0.0, (layout.n_channels, 1))
    upmix[0, 100:], upmix[:, :5] = 0.0, 0.0
    original = rng.standard_normal((channels, 300))
    matched, decibels = match_downmix(upmix, original, source, return_correction=True)
    matrix = downmix_matrix(source, ("mono", "stereo")[channels - 1])
    expected = weighted_correction(upmix, original, matrix)
    # Equations of condition 1e8.
    np.testing.assert_allclose(matched - upmix, expected, atol=1e-7)
    np.testing.assert_array_equal(matched[layout.is_lfe], upmix[layout.is_lfe])
    smallest = np.linalg.lstsq(matrix, original - matrix @ upmix, rcond=None)[0]
    least = 10 * np.log10(np.sum(smallest**2) / np.sum(upmix**2))
    assert decibels == pytest.approx(least, abs=1e-9)


def test_silent_channels_stay_silent(rng):
    stereo = rng.standard_normal((2, 4000))
    upmix = np.zeros((6, 4000))
    upmix[[0, 1, 4]] = 0.8 * stereo[0], 0.8 * stereo[1], 0.1 * stereo[0]  # FL, FR and SL
    matched = match_downmix(upmix, stereo, "5.1")
    np.testing.assert_allclose(downmix(matched, "5.1"), stereo, atol=1e-12)
    peaks = np.abs(matched).max(axis=-1)
    assert peaks[[2, 5]].max() < 1e-7 * peaks.max()  # -140 dB
    # With SL 18 dB below FL, its weight is 1.6 %, its gain in the downmix 0.7 of that.
    assert np.abs(matched[4] - upmix[4]).max() < 0.02 * np.abs(matched[0] - upmix[0]).max()


def test_a_channel_without_alternative_is_corrected_even_if_silent(rng):
    left = rng.standard_normal((1, 500))
    upmix = np.zeros((5, 500))
    upmix[2] = left  # all in the centre, of which the downmix has both sides
    original = np.concatenate([left, np.zeros_like(left)])
    matched = match_downmix(upmix, original, "5.0")
    np.testing.assert_allclose(downmix(matched, "5.0"), original, atol=1e-6)


def test_huge_and_tiny_upmixes_are_matched():
    upmix = np.random.default_rng(0).standard_normal((5, 50))
    original = downmix(upmix, "5.0") * 1.1
    for scale in (1e-150, 1e100):
        matched = match_downmix(scale * upmix, scale * original, "5.0")
        np.testing.assert_allclose(downmix(matched, "5.0") / scale, original, rtol=1e-9)


def test_an_upmix_with_an_exact_downmix_is_not_corrected():
    stereo = np.array([[0.5, -0.25, 0.75], [0.25, 1.0, 0.0]], np.float32)
    upmix = np.zeros((6, 3), np.float32)
    upmix[:2] = stereo
    matched, decibels = match_downmix(upmix, stereo, "5.1", return_correction=True)
    np.testing.assert_array_equal(matched, upmix)
    assert decibels == -np.inf


def test_correction_size_has_one_value_per_item_including_silent_ones(rng):
    upmix = rng.standard_normal((3, 6, 20))
    upmix[1:] = 0.0
    original = downmix(upmix, "5.1")
    original[0] *= 2.0
    original[1] = 1.0
    matched, decibels = match_downmix(upmix, original, "5.1", return_correction=True)
    assert decibels.shape == (3,)
    assert np.isfinite(decibels[0])
    assert decibels[1:].tolist() == [np.inf, -np.inf]
    assert np.array_equal(correction_size(upmix, original, "5.1"), decibels)
    np.testing.assert_allclose(downmix(matched, "5.1"), original, atol=1e-14)


def test_mono_may_come_without_a_channel_axis(rng):
    upmix, original = rng.standard_normal((6, 20)), rng.standard_normal(20)
    matched = match_downmix(upmix, original, "5.1")
    np.testing.assert_allclose(downmix(matched, "5.1", "mono")[0], original, atol=1e-14)


@pytest.mark.parametrize("samples", [0, 1])
def test_match_downmix_accepts_zero_samples_and_one(samples):
    matched, decibels = match_downmix(
        np.ones((6, samples)), np.ones((2, samples)), "5.1", return_correction=True
    )
    assert matched.shape == (6, samples)
    assert decibels.shape == ()


@pytest.mark.parametrize("form", ["foa", "fuma2"])
@pytest.mark.parametrize("channels", [1, 2])
def test_in_ambisonics_only_w_is_matched(rng, form, channels):
    upmix = rng.standard_normal((4 if form == "foa" else 9, 20))
    original = rng.standard_normal((channels, 20))
    matched = match_downmix(upmix, original, form)
    np.testing.assert_allclose(downmix(matched, form, "mono")[0], original.mean(axis=0), atol=1e-14)
    np.testing.assert_array_equal(matched[1:], upmix[1:])


# Rejected arguments


@pytest.mark.parametrize(
    ("source", "target"), [("5.1", "7.1"), ("stereo", "5.0"), ("5.1.2", "7.1")]
)
def test_targets_with_more_channels_are_rejected(source, target):
    with pytest.raises(LayoutError, match=r"must have fewer channels than .*; use render"):
        downmix_matrix(source, target)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("foa", "stereo"), r"must have target 'mono' \(W\) and method 'itu'.*render"),
        (("5.1", "foa"), r"must be a loudspeaker layout, got 'ambix1'; use render"),
        (
            (Layout.from_directions([30, -30, 0]), "stereo"),
            r"no rule for label 1, 2, 3 of 'custom'",
        ),
        (
            ("5.1", Layout("rear", ["BL", "BR"], [135, -135])),
            r"must have a front pair.*got 'rear' with BL BR",
        ),
        (("5.1", "5.9"), "unknown layout or format '5.9'"),
    ],
)
def test_targets_outside_the_rules_of_itu_are_rejected(arguments, message):
    with pytest.raises(LayoutError, match=message):
        downmix_matrix(*arguments)


@pytest.mark.parametrize(
    ("target", "method", "message"),
    [
        ("mono", "sum", "target of method 'sum' must be 'stereo', got 'mono'"),
        ("quad", "dplii", "target of method 'dplii' must be 'stereo'"),
        ("quad", "iamf", r"no gains from '5.1' to 'quad'; accepted are .*22\.2 .*4\+9\+0"),
    ],
)
def test_methods_reject_pairs_for_which_they_are_not_defined(target, method, message):
    with pytest.raises(LayoutError, match=message):
        downmix_matrix("5.1", target, method=method)


def test_invalid_options_and_audio_are_rejected():
    with pytest.raises(OptionError, match=r"Accepted: 'itu', 'sum', 'dplii', 'iamf'"):
        downmix_matrix("5.1", "stereo", method="dolby")
    with pytest.raises(OptionError, match="lfe_gain must be finite"):
        downmix_matrix("5.1", "stereo", lfe_gain=np.nan)
    with pytest.raises(ShapeError, match=r"6 channels for '5.1'.*transpose"):
        downmix(np.zeros((100, 6)), "5.1")
    with pytest.raises(SignalError, match="int16"):
        downmix(np.zeros((6, 100), np.int16), "5.1")


def test_match_downmix_rejects_invalid_arguments():
    upmix = np.zeros((6, 10))
    with pytest.raises(OptionError, match="must be 'itu', 'sum' or 'iamf', got 'dplii'"):
        match_downmix(upmix, np.zeros((2, 10)), "5.1", method="dplii")
    with pytest.raises(ShapeError, match=r"must be mono or stereo, .* got shape \(3, 10\)"):
        match_downmix(upmix, np.zeros((3, 10)), "5.1")
    with pytest.raises(ShapeError, match=r"same batch axes .* got shapes \(2, 9\) and \(6, 10\)"):
        match_downmix(upmix, np.zeros((2, 9)), "5.1")
    with pytest.raises(ShapeError, match=r"same batch axes .* got shapes \(3, 2, 10\)"):
        match_downmix(upmix, np.zeros((3, 2, 10)), "5.1")
