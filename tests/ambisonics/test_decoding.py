"""Ambisonic decoders: level, symmetry, known matrices, energy vectors, the two bands."""

import json
from pathlib import Path

import numpy as np
import pytest

from spatialkit.ambisonics import (
    decode_ambisonics,
    decode_foa,
    decoder_matrix,
    decoder_report,
    encode_ambisonics,
    spherical_harmonics,
)
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.geometry import sphere_quadrature, to_spherical
from spatialkit.layouts import Layout, get_layout, layout_names

DATA = Path(__file__).parents[1] / "data" / "panning"
PUBLISHED = np.load(DATA / "decoders.npz")
IAMF = json.loads((DATA / "iamf_gains.json").read_text())["gains"]
DECODERS = ("allrad", "epad", "mode-matching", "sampling")
WEIGHTS = ("basic", "max-re", "in-phase")
BS2051 = [name for name in layout_names() if "+" in name]
T_DESIGN = Layout.from_directions(*PUBLISHED["loudspeakers_deg__tdesign7"].T, name="t-design")
RING = Layout.from_directions(np.arange(12) * 30.0, name="ring")


def is_flat(layout):
    return bool(np.all(layout.elevation[layout.loudspeakers] == 0.0))


def carries(layout, order):
    """Oracle of EPAD: as many independent loudspeakers as harmonics, by NumPy's rank."""
    real = layout.without_lfe()
    if not is_flat(layout):
        modes = spherical_harmonics(real.azimuth, real.elevation, order=order)
    else:
        turns = np.radians(real.azimuth)[:, None] * np.arange(order + 1)
        modes = np.hstack([np.cos(turns), np.sin(turns[:, 1:])])
    return np.linalg.matrix_rank(modes) == modes.shape[1]


def plane_waves(layout, order):
    """Directions all around, dense enough for a mean of squared gains, as N3D, and weights."""
    if is_flat(layout):
        azimuth, elevation = np.arange(360.0), 0.0
        weights = np.full(360, 1.0 / 360.0)
    else:
        vectors, weights = sphere_quadrature(20)
        azimuth, elevation = to_spherical(vectors)
    return spherical_harmonics(azimuth, elevation, order=order, normalization="N3D"), weights


def applicable(decoder, layout, order):
    return decoder != "epad" or carries(layout, order)


@pytest.mark.parametrize("name", layout_names())
def test_a_plane_wave_has_mean_energy_1_and_left_equals_right(name):
    layout = get_layout(name)
    mirror = Layout("mirror", layout.labels, -layout.azimuth, layout.elevation, layout.is_lfe)
    gap = np.nan_to_num(mirror.directions[:, None] - layout.directions[None])
    gap[layout.is_lfe[:, None] != layout.is_lfe[None]] = 1.0
    swapped = np.abs(gap).sum(axis=-1).argmin(axis=1)
    for order in (1, 2, 3, 7):
        waves, mean = plane_waves(layout, order)
        left_right = np.sign(spherical_harmonics(40.0, 40.0, order=order)) * np.sign(
            spherical_harmonics(-40.0, 40.0, order=order)
        )
        for decoder in (d for d in DECODERS if applicable(d, layout, order)):
            for weights in WEIGHTS:
                options = {"decoder": decoder, "weights": weights, "normalization": "N3D"}
                matrix = decoder_matrix(name, order, **options)
                energy = np.sum((waves @ matrix.T) ** 2, axis=-1)
                assert mean @ energy == pytest.approx(1.0, abs=1e-10)
                assert not matrix[layout.is_lfe].any()
                np.testing.assert_allclose(
                    matrix[swapped] * left_right, matrix, rtol=0.0, atol=1e-12
                )


@pytest.mark.parametrize("name", [name for name in BS2051 if name != "0+2+0"])
@pytest.mark.parametrize("order", [1, 3])
def test_allrad_equals_the_published_matrices_of_bs2127(name, order):
    expected = np.array(IAMF[f"A{order}"][name]).T
    ours = decoder_matrix(name, order, decoder="allrad", weights="basic")
    factor = np.sum(expected * ours) / np.sum(ours**2)
    # Two quadratures of some 5000 points each, over gains with corners; measured 3e-4.
    np.testing.assert_allclose(factor * ours, expected, rtol=0.0, atol=1e-3)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_sampling_mode_matching_and_epad_agree_on_a_t_design(order):
    matrices = [
        decoder_matrix(T_DESIGN, order, decoder=decoder, weights="basic")
        for decoder in ("sampling", "mode-matching", "epad")
    ]
    for matrix in matrices[1:]:
        np.testing.assert_allclose(matrix, matrices[0], rtol=0.0, atol=1e-10)


@pytest.mark.parametrize(
    ("published", "decoder"),
    [
        *((f"spaudiopy_{method}__tdesign7__order{order}", decoder)
          for method, decoder in (("sad", "sampling"), ("mad", "mode-matching"), ("epad", "epad"))
          for order in (1, 3)),
        ("spaudiopy_sad__4+7+0__order1", "sampling"),
        ("spaudiopy_sad__4+7+0__order3", "sampling"),
        ("spaudiopy_mad__4+7+0__order1", "mode-matching"),
        ("spaudiopy_epad__4+7+0__order1", "epad"),
        ("saf_sad__4+7+0__order3", "sampling"),
        ("saf_mmd__4+7+0__order1", "mode-matching"),
        ("saf_epad__4+7+0__order1", "epad"),
        ("saf_mmd__0+5+0__order1", "mode-matching"),
    ],
)  # fmt: skip
def test_decoders_equal_those_of_other_libraries_up_to_a_factor(published, decoder):
    _, layout, order = published.split("__")
    directions = PUBLISHED[f"loudspeakers_deg__{layout}"]
    ours = decoder_matrix(
        Layout.from_directions(*directions.T),
        int(order[-1]),
        decoder=decoder,
        weights="basic",
        normalization="N3D",
    )
    theirs = PUBLISHED[published]
    factor = np.sum(theirs * ours) / np.sum(theirs**2)
    # SAF computes in float32.
    tolerance = 1e-6 if published.startswith("saf") else 1e-12
    np.testing.assert_allclose(factor * theirs, ours, rtol=0.0, atol=tolerance)


@pytest.mark.parametrize("order", range(1, 8))
def test_max_re_weights_are_the_exact_ones(order):
    basic, max_re = (
        decoder_matrix("22.2", order, decoder="sampling", weights=weights)
        for weights in ("basic", "max-re")
    )
    ratio = max_re[0] / basic[0] / (max_re[0, 0] / basic[0, 0])
    exact = PUBLISHED[f"max_re__exact__order{order}"]
    orders = np.repeat(np.arange(order + 1), 2 * np.arange(order + 1) + 1)
    # The smallest weights are about 0.05, of matrices rounded to 1e-16.
    np.testing.assert_allclose(ratio, exact[orders], rtol=0.0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_energy_vectors_on_a_t_design_have_their_textbook_lengths(order):
    """Zotter and Frank 2012: with 2 N + 1 <= 7 all directions are alike, and rE points home."""
    expected = {
        "basic": order / (order + 1),
        "max-re": np.polynomial.legendre.leggauss(order + 1)[0][-1],
    }
    for weights, length in expected.items():
        report = decoder_report(T_DESIGN, order, decoder="sampling", weights=weights)
        assert report.re_length_min == pytest.approx(length, abs=1e-6)
        assert report.re_length_mean == pytest.approx(length, abs=1e-6)
        assert report.direction_error_max == pytest.approx(0.0, abs=1e-4)
        assert report.energy_min_db == pytest.approx(0.0, abs=1e-6)
        assert report.condition_number == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("decoder", ["epad", "mode-matching", "sampling"])
@pytest.mark.parametrize("order", [1, 3, 5])
def test_energy_vectors_on_a_ring_have_the_lengths_of_circular_harmonics(decoder, order):
    """Closed forms on the circle: basic 2N / (2N + 1), max-rE cos(pi / (2N + 2))."""
    for weights, length in {
        "basic": 2 * order / (2 * order + 1),
        "max-re": np.cos(np.pi / (2 * order + 2)),
    }.items():
        report = decoder_report(RING, order, decoder=decoder, weights=weights)
        assert report.re_length_min == pytest.approx(length, abs=1e-12)
        assert report.direction_error_max == pytest.approx(0.0, abs=1e-9)
        assert report.energy_max_db == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("layout", [T_DESIGN, RING])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_in_phase_decoders_have_no_negative_gain_and_no_rear_gain(layout, order):
    matrix = decoder_matrix(layout, order, decoder="sampling", weights="in-phase")
    behind = spherical_harmonics(layout.azimuth[0] + 180.0, -layout.elevation[0], order=order)
    waves = spherical_harmonics(np.arange(360.0), layout.elevation[5], order=order)
    # t-design angles are given to 1e-8 degrees or so; the gains themselves round to 1e-16.
    assert matrix[0] @ behind == pytest.approx(0.0, abs=1e-12)
    assert (waves @ matrix.T).min() > -1e-12


@pytest.mark.parametrize("name", layout_names())
@pytest.mark.parametrize("order", [1, 2, 3])
def test_epad_preserves_energy_or_refuses_the_layout(name, order):
    if carries(get_layout(name), order):
        report = decoder_report(name, order, decoder="epad", weights="basic")
        # 4.3e-10 dB is 1e-10 of the energy.
        assert report.energy_min_db == pytest.approx(0.0, abs=5e-10)
        assert report.energy_max_db == pytest.approx(0.0, abs=5e-10)
    else:
        with pytest.raises(LayoutError, match="'allrad' or 'mode-matching', which support any"):
            decoder_matrix(name, order, decoder="epad")


def test_the_refusal_of_epad_names_counts_and_alternatives():
    with pytest.raises(
        LayoutError, match=r"11 loudspeakers are too few for 16.*use order 1, or 'allrad'"
    ):
        decoder_matrix("7.1.4", 3, decoder="epad")
    with pytest.raises(LayoutError, match="11 loudspeakers cannot distinguish 9 harmonics"):
        decoder_report("7.1.4", 2, decoder="epad")


def test_mode_matching_reproduces_the_harmonics_on_suitable_layouts():
    layout = get_layout("4+7+0").without_lfe()
    matrix = decoder_matrix(
        layout, 1, decoder="mode-matching", weights="basic", normalization="N3D"
    )
    modes = spherical_harmonics(layout.azimuth, layout.elevation, order=1, normalization="N3D")
    recreated = modes.T @ matrix
    np.testing.assert_allclose(recreated, recreated[0, 0] * np.eye(4), atol=1e-13)


@pytest.mark.parametrize("name", ["5.0", "5.1.2", "7.1.4", "4+7+0", "9.1.6", "22.2"])
@pytest.mark.parametrize("order", [1, 2, 3])
def test_mode_matching_is_limited_on_other_layouts(name, order):
    """Other libraries' pseudo-inverses reach 9.9 and 14.4 times the mean energy on 7.1.4."""
    report = decoder_report(name, order, decoder="mode-matching", weights="basic")
    assert 10.0 ** (report.energy_max_db / 10.0) < 5.0


@pytest.mark.parametrize("decoder", ["allrad", "mode-matching", "sampling"])
def test_layouts_that_do_not_surround_the_listener_are_supported(decoder):
    single = Layout.from_directions([20.0], [50.0])
    pair = Layout.from_directions([90.0, -90.0])
    for layout in (single, pair, get_layout("mono"), get_layout("3.0")):
        matrix = decoder_matrix(layout, 3, decoder=decoder)
        assert np.isfinite(matrix).all()
        assert np.abs(matrix).max() > 0.01


def test_condition_number_is_that_of_the_harmonics_at_the_loudspeakers():
    real = get_layout("22.2").without_lfe()
    modes = spherical_harmonics(real.azimuth, real.elevation, order=2, normalization="N3D")
    report = decoder_report("22.2", 2)
    assert report.condition_number == pytest.approx(np.linalg.cond(modes), rel=1e-9)
    assert decoder_report("7.1.4", 3).condition_number == np.inf
    assert str(report).startswith("allrad (max-re) of order 2 on 22.2, ")
    assert repr(report) == "DecoderReport('22.2', order=2, decoder='allrad', weights='max-re')"


def test_a_silent_direction_is_reported():
    report = decoder_report("mono", 1, decoder="sampling", weights="in-phase")
    assert report.energy_min_db < -100.0
    assert report.re_length_min == pytest.approx(1.0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("order", [1, 3, 7])
def test_decoding_applies_the_matrix(rng, dtype, order):
    scene = rng.standard_normal((2, (order + 1) ** 2, 30)).astype(dtype)
    decoded = decode_ambisonics(scene, "7.1.4")
    assert decoded.dtype == dtype
    expected = decoder_matrix("7.1.4", order) @ scene.astype(np.float64)
    # Sums of up to 64 products of order 1 in the precision of the audio.
    np.testing.assert_allclose(decoded, expected, rtol=0.0, atol=200 * np.finfo(dtype).eps)


@pytest.mark.parametrize("normalization", ["SN3D", "N3D", "FuMa"])
@pytest.mark.parametrize("channel_order", ["ACN", "FuMa"])
def test_all_formats_decode_to_the_same_loudspeakers(rng, normalization, channel_order):
    form = {"normalization": normalization, "channel_order": channel_order}
    audio = rng.standard_normal(20)
    scene = encode_ambisonics(audio, 25.0, 10.0, order=2, **form)
    expected = decode_ambisonics(encode_ambisonics(audio, 25.0, 10.0, order=2), "5.1.4")
    np.testing.assert_allclose(decode_ambisonics(scene, "5.1.4", **form), expected, atol=1e-14)
    np.testing.assert_allclose(
        decode_foa(scene[:4], **form), decode_foa(encode_ambisonics(audio, 25.0, 10.0)), atol=1e-14
    )


def test_the_two_bands_are_basic_and_max_re_in_phase_and_without_delay(rng):
    """Oracle: the squared Butterworth magnitude, by the bilinear transform, as a real gain."""
    rate, crossover, n_samples, centre = 48000, 700.0, 8192, 4000
    scene = np.zeros((9, n_samples))
    scene[:, centre] = rng.standard_normal(9)
    decoded = decode_ambisonics(
        scene, "7.1.4", weights="dual-band", crossover=crossover, sample_rate=rate
    )
    spectrum = np.fft.rfft(np.roll(decoded, -centre, axis=-1))
    frequencies = np.fft.rfftfreq(n_samples, 1.0 / rate)
    warped = np.tan(np.pi * frequencies / rate) / np.tan(np.pi * crossover / rate)
    low = 1.0 / (1.0 + warped**4)
    below, above = (
        decoder_matrix("7.1.4", 2, weights=weights) @ scene[:, centre]
        for weights in ("basic", "max-re")
    )
    expected = np.outer(below, low) + np.outer(above, 1.0 - low)
    # The impulse response has died away to 1e-16 at the ends of the signal.
    np.testing.assert_allclose(spectrum, expected, rtol=0.0, atol=1e-12)


def test_the_crossover_assumes_silence_around_the_signal(rng):
    scene = rng.standard_normal((2, 4, 300)).astype(np.float32)
    options = {"weights": "dual-band", "sample_rate": 8000.0}
    padded = np.concatenate([np.zeros_like(scene), scene, np.zeros_like(scene)], axis=-1)
    decoded = decode_foa(scene, **options)
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decode_foa(padded, **options)[..., 300:600], decoded, atol=1e-6)
    for n_samples in (0, 1):
        assert decode_foa(scene[..., :n_samples], **options).shape == (2, 5, n_samples)


def test_errors_list_accepted_values():
    scene = np.zeros((4, 100))
    with pytest.raises(OptionError, match=r"unknown decoder '.*Accepted: 'allrad', 'epad'"):
        decode_foa(scene, decoder="vbap")
    with pytest.raises(OptionError, match="unknown weights"):
        decoder_matrix("5.0", weights="dual-band")
    with pytest.raises(OptionError, match="needs sample_rate"):
        decode_foa(scene, weights="dual-band")
    with pytest.raises(OptionError, match="crossover must be below half the sample rate of 1000"):
        decode_foa(scene, weights="dual-band", sample_rate=1000.0)
    with pytest.raises(OptionError, match="crossover must be at least 20 Hz"):
        decode_foa(scene, weights="dual-band", sample_rate=48000, crossover=0.0)
    with pytest.raises(LayoutError, match=r"unknown layout '5\.9'"):
        decode_foa(scene, "5.9")
    with pytest.raises(ShapeError, match="must have 4 channels for order 1"):
        decode_foa(np.zeros((9, 100)))
    with pytest.raises(LayoutError, match="FuMa is defined up to order 3"):
        decoder_matrix("5.0", 4, normalization="FuMa")


def test_a_returned_matrix_is_a_copy():
    decoder_matrix("5.0")[:] = 0.0
    assert decoder_matrix("5.0").any()
