"""Baseline upmixers to first-order Ambisonics: plane waves, mid and side, residual."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter

from spatialkit.ambisonics import (
    convert_ambisonics,
    decode_foa,
    encode_ambisonics,
    upscale_ambisonics,
    virtual_microphones,
)
from spatialkit.errors import OptionError, ShapeError
from spatialkit.metrics import downmix_error
from spatialkit.rendering import render
from spatialkit.stft import istft, stft
from spatialkit.upmixing import check_upmixer, get_upmixer
from spatialkit.upmixing.block_processing import BLOCK_SIZE
from spatialkit.upmixing.decorrelation import AllPassSection

RATE = 48000
STEREO = ("foa-pair", "foa-sides", "foa-residual")
ALL = (*STEREO, "foa-mono")
TARGETS = ("foa", "fuma1", "ambix2", "stereo", "5.1", "7.1.4")
FLOAT64_SUM = 1e-14  # sums of a few products near 1
FRAME, HOP = 2048, 512  # at 48 kHz


def upmixed(name, audio, **options):
    return get_upmixer(name, **options).upmix(audio, RATE)


def given_to(name, rng, samples=RATE // 2, dtype=np.float64):
    """Return partially correlated noise with the number of channels that the upmixer accepts."""
    left, right = 0.1 * rng.standard_normal((2, samples))
    stereo = np.stack([left, 0.6 * left + 0.5 * right]).astype(dtype)
    return stereo if name in STEREO else stereo[:1]


def natural_pair(azimuth, source):
    """Stereo of a plane wave, L = W + Y and R = W - Y."""
    side = np.sin(np.radians(azimuth))
    return np.stack([(1.0 + side) * source, (1.0 - side) * source])


# All of them


@pytest.mark.parametrize("name", ALL)
def test_every_foa_upmixer_passes_the_conformance_check(name):
    check_upmixer(get_upmixer(name))
    check_upmixer(get_upmixer(name, layout="fuma1"))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALL)
def test_mid_equals_w_exactly_and_z_is_zero(name, dtype, rng):
    audio = given_to(name, rng, dtype=dtype)
    w, _, z, _ = upmixed(name, audio)
    np.testing.assert_array_equal(w, audio.mean(axis=0))
    assert not z.any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["foa-sides", "foa-residual"])
def test_side_equals_y_exactly(name, dtype, rng):
    left, right = stereo = given_to(name, rng, dtype=dtype)
    np.testing.assert_array_equal(upmixed(name, stereo)[1], (left - right) / 2)


@pytest.mark.parametrize("name", STEREO)
def test_swapped_channels_give_exactly_the_mirrored_scene(name, rng):
    stereo = given_to(name, rng)
    mirrored = [[1.0], [-1.0], [1.0], [1.0]] * upmixed(name, stereo)
    np.testing.assert_array_equal(upmixed(name, stereo[::-1]), mirrored)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ALL)
def test_other_formats_are_the_rendered_ambisonics(name, target, rng):
    audio = given_to(name, rng)
    expected = render(upmixed(name, audio), "foa", target)
    np.testing.assert_allclose(upmixed(name, audio, layout=target), expected, atol=FLOAT64_SUM)


@pytest.mark.parametrize("name", ALL)
def test_loudspeakers_are_decoded_by_the_decoder_of_the_option(name, rng):
    audio = given_to(name, rng)
    for decoder in ("epad", "dirac"):
        options = {"sample_rate": RATE} if decoder == "dirac" else {}
        expected = decode_foa(upmixed(name, audio), "7.1.4", decoder=decoder, **options)
        found = upmixed(name, audio, layout="7.1.4", decoder=decoder)
        np.testing.assert_allclose(found, expected, atol=FLOAT64_SUM)


@pytest.mark.parametrize("target", ["ambix3", "fuma2"])
def test_dirac_sharpens_to_higher_orders(target, rng):
    audio = given_to("foa-residual", rng)
    expected = upscale_ambisonics(upmixed("foa-residual", audio), int(target[-1]), sample_rate=RATE)
    expected = convert_ambisonics(expected, f"ambix{target[-1]}", target)
    found = upmixed("foa-residual", audio, layout=target, decoder="dirac")
    np.testing.assert_allclose(found, expected, atol=FLOAT64_SUM)


@pytest.mark.parametrize("name", ["foa-sides", "foa-residual"])
def test_sharp_streams_equal_the_whole_within_their_latency(name, rng):
    upmixer = get_upmixer(name, layout="7.1.4", decoder="dirac")
    check_upmixer(upmixer)
    audio = given_to(name, rng, 9 * FRAME)
    stream = upmixer.stream(RATE)
    sizes = [0, 1, 700, 5000, 4096]
    parts = [stream.process(block) for block in np.split(audio, np.cumsum(sizes), axis=1)]
    held = audio.shape[1] - sum(part.shape[1] for part in parts)
    assert 0 < held <= stream.latency < 6000
    joined = np.concatenate([*parts, stream.flush()], axis=1)
    np.testing.assert_allclose(joined, upmixer.upmix(audio, RATE), atol=FLOAT64_SUM)


@pytest.mark.parametrize(
    ("layout", "decoder"), [("foa", "dirac"), ("fuma1", "dirac"), ("ambix3", "epad")]
)
def test_a_decoder_without_effect_is_refused(layout, decoder):
    with pytest.raises(OptionError, match=r"has no effect on the output format .* choose"):
        get_upmixer("foa-sides", layout=layout, decoder=decoder)


def test_an_unknown_decoder_is_refused():
    with pytest.raises(OptionError, match=r"unknown decoder .parametric.. .*dirac"):
        get_upmixer("foa-sides", layout="5.1", decoder="parametric")


@pytest.mark.parametrize("name", ALL)
def test_loudspeakers_have_an_exact_downmix_on_request(name, rng):
    audio = given_to(name, rng, dtype=np.float32)
    for exact, decibels in ((True, 130.0), (False, 30.0)):
        surround = upmixed(name, audio, layout="5.1", exact_downmix=exact)
        assert (downmix_error(surround, audio, "5.1") > decibels) == exact


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ALL)
@settings(max_examples=20)
@given(sizes=st.lists(st.integers(0, 3000), max_size=6))
def test_streams_equal_the_whole_exactly(name, dtype, sizes):
    audio = given_to(name, np.random.default_rng(3), sum(sizes), dtype)
    stream = get_upmixer(name, layout="5.1").stream(RATE)
    parts = [stream.process(block) for block in np.split(audio, np.cumsum(sizes), axis=1)]
    joined = np.concatenate([*parts, stream.flush()], axis=1)
    np.testing.assert_array_equal(joined, upmixed(name, audio, layout="5.1"))
    assert joined.dtype == dtype


@pytest.mark.parametrize("name", ALL)
def test_long_signals_are_upmixed_to_the_same_samples(name, rng):
    audio = given_to(name, rng, 2 * BLOCK_SIZE + 999, np.float32)
    stream = get_upmixer(name).stream(RATE)
    joined = np.concatenate([stream.process(audio), stream.flush()], axis=1)
    np.testing.assert_array_equal(joined, upmixed(name, audio))


@pytest.mark.parametrize(
    ("name", "held"), [("foa-pair", 0), ("foa-sides", 0), ("foa-mono", 0), ("foa-residual", 2047)]
)
def test_streams_buffer_no_more_than_the_latency(name, held, rng):
    audio = given_to(name, rng, 3 * FRAME)
    stream = get_upmixer(name).stream(RATE)
    assert stream.latency == held
    waiting = np.arange(1, audio.shape[1] + 1)
    waiting -= np.cumsum([stream.process(audio[:, [n]]).shape[1] for n in range(audio.shape[1])])
    assert waiting.max() == held


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("level", [0.0, 1e-30, 1.0])
def test_silence_and_extreme_values_give_finite_output(name, level):
    for right in (1.0, 0.0, -1.0):
        square = np.sign(np.sin(0.1 * np.arange(5000.0)))
        stereo = np.float32(level) * np.stack([square, right * square]).astype(np.float32)
        result = upmixed(name, stereo if name in STEREO else stereo[:1])
        assert np.abs(result).max() <= 1.01 * level  # X of a square wave may overshoot a little


@pytest.mark.parametrize("name", STEREO)
def test_stereo_upmixers_refuse_mono(name):
    with pytest.raises(ShapeError, match=f"'{name}' accepts 2 channels.*got shape .1, 9.$"):
        upmixed(name, np.zeros((1, 9)))


def test_the_mono_upmixer_refuses_stereo():
    with pytest.raises(ShapeError, match=r"'foa-mono' accepts 1 channels.*got shape .2, 9.$"):
        upmixed("foa-mono", np.zeros((2, 9)))


@pytest.mark.parametrize(
    ("name", "option", "value"),
    [
        ("foa-pair", "width", 91.0),
        ("foa-sides", "front", -1.1),
        ("foa-residual", "level", 1.1),
        ("foa-mono", "front", 1.1),
        ("foa-mono", "side", -0.1),
    ],
)
def test_options_have_limits(name, option, value):
    with pytest.raises(OptionError, match=f"{option} must be from"):
        get_upmixer(name, **{option: value})


# Two plane waves; mid and side


@pytest.mark.parametrize("width", [0.0, 30.0, 72.5, 90.0])
def test_the_pair_is_two_plane_waves(width, rng):
    """Oracle: the encoder."""
    stereo = given_to("foa-pair", rng)
    waves = encode_ambisonics(0.5 * stereo, azimuth=[width, -width], elevation=0.0)
    np.testing.assert_allclose(
        upmixed("foa-pair", stereo, width=width), waves, rtol=0, atol=FLOAT64_SUM
    )


@pytest.mark.parametrize("name", ["foa-sides", "foa-residual"])
def test_lateral_cardioids_are_the_stereo_signal(name, rng):
    """A cardioid is half of W plus half of the dipole in its direction."""
    stereo = given_to(name, rng)
    heard = virtual_microphones(upmixed(name, stereo), azimuth=[90.0, -90.0], pattern=0.5)
    np.testing.assert_allclose(heard, stereo / 2, rtol=0, atol=FLOAT64_SUM)


@pytest.mark.parametrize("front", [-0.4, 0.0, 1.0])
@pytest.mark.parametrize("name", ["foa-sides", "foa-mono"])
def test_front_is_the_ratio_of_x_to_w(name, front, rng):
    w, _, _, x = upmixed(name, given_to(name, rng), front=front)
    np.testing.assert_allclose(x, front * w, rtol=0, atol=FLOAT64_SUM)


# Residual


@pytest.mark.parametrize("azimuth", [-90.0, -45.0, 0.0, 12.3, 60.0, 89.0, 120.0, 180.0])
def test_a_plane_wave_is_found_in_front(azimuth, rng):
    """Oracle: X = W cos(a); stereo does not contain the sign, front or rear."""
    source = 0.1 * rng.standard_normal(RATE // 4)
    *_, x = upmixed("foa-residual", natural_pair(azimuth, source), level=1.0)
    expected = abs(np.cos(np.radians(azimuth))) * source
    # A difference of squares near 1: an error of 2^-52 is one of 2^-26 where nothing is left.
    np.testing.assert_allclose(x, expected, rtol=0, atol=1e-8)


def test_sources_in_separate_bands_have_separate_x():
    """Oracle: X of each tone by its azimuth; leakage between their bins is small."""
    time = np.arange(RATE) / RATE
    tones = [np.sin(2.0 * np.pi * frequency * time) for frequency in (500.0, 3000.0)]
    stereo = natural_pair(70.0, tones[0]) + natural_pair(-20.0, tones[1])
    *_, x = upmixed("foa-residual", stereo, level=0.5)
    expected = 0.5 * np.cos(np.radians([70.0, 20.0])) @ tones
    inside = slice(FRAME, -FRAME)
    # The Hann window's side lobes are below -100 dB so far off.
    np.testing.assert_allclose(x[inside], expected[inside], rtol=0, atol=1e-5)


def test_x_is_the_equation_bin_by_bin(rng):
    """Oracle: the docstring's equation, bin by bin in complex numbers, of the whole signal."""
    left, right = stereo = given_to("foa-residual", rng, 20 * HOP + 77)
    pair = np.stack([left + right, left - right]) / 2
    spectra = stft(pair, n_fft=FRAME, hop=HOP)
    front = np.zeros_like(spectra[0])
    for place in np.ndindex(*front.shape):
        w, y = spectra[(0, *place)], spectra[(1, *place)]
        front[place] = 0.75 * np.sqrt(max(abs(w) ** 2 - abs(y) ** 2, 0.0)) * w / abs(w)
    expected = istft(front, n_fft=FRAME, hop=HOP, length=stereo.shape[1])
    assert np.any(front == 0.0)
    assert np.any(front != 0.0)
    np.testing.assert_allclose(upmixed("foa-residual", stereo)[3], expected, rtol=0, atol=1e-12)


def test_opposite_polarities_have_no_residual(rng):
    source = 0.1 * rng.standard_normal(RATE // 4)
    assert not upmixed("foa-residual", np.stack([source, -source]))[3].any()


@pytest.mark.parametrize("rate", [8000, 22050, 44100, 96000, 192000])
def test_frames_last_43_ms_at_every_rate(rate):
    stream = get_upmixer("foa-residual").stream(rate)
    assert (stream.latency + 1) / rate == pytest.approx(0.0427, rel=0.5)
    if rate in (44100, 48000):
        assert stream.latency == FRAME - 1


# Mono


@pytest.mark.parametrize("delay", [1, 7, 250])
def test_an_all_pass_section_equals_that_of_schroeder(delay, rng):
    """Oracle: SciPy's filter of (z^-N - g) / (1 - g z^-N)."""
    signal = rng.standard_normal(1000)
    zeros = np.zeros(delay - 1)
    expected = lfilter([-0.5, *zeros, 1.0], [1.0, *zeros, -0.5], signal)
    section = AllPassSection(delay, np.float64)
    made = [section.process(part) for part in np.split(signal, [1, 1, 300, 999])]
    np.testing.assert_allclose(np.concatenate(made), expected, rtol=0, atol=FLOAT64_SUM)


@pytest.mark.parametrize("rate", [8000, 44100, 96000])
def test_the_side_signal_of_mono_has_a_flat_spectrum(rate):
    impulse = np.eye(1, rate)
    side = get_upmixer("foa-mono").upmix(impulse, rate)[1]
    # After a second the rest is below the smallest numbers.
    np.testing.assert_allclose(np.abs(np.fft.rfft(side)), 0.35, rtol=1e-12)


def test_the_side_signal_of_mono_is_uncorrelated_with_w(rng):
    """The correlation over all frequencies is the first sample of the filter, 0.5^4."""
    w, y, *_ = upmixed("foa-mono", 0.1 * rng.standard_normal(10 * RATE))
    assert np.corrcoef(w, y)[0, 1] == pytest.approx(0.0625, abs=0.005)  # of 480,000 samples


def test_the_side_signal_of_mono_decays_to_silence():
    """A feedback of 0.5 decays to zero, also for denormal numbers."""
    burst = np.zeros((1, 2 * RATE), np.float32)
    burst[0, :1000] = 1.0
    assert upmixed("foa-mono", burst)[1, 1000:RATE].any()
    assert not upmixed("foa-mono", burst)[1, -RATE // 2 :].any()
