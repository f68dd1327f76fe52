"""Interface of upmixers, and the two passive upmixers."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spatialkit.audio import Audio
from spatialkit.errors import LayoutError, OptionError, ShapeError, SignalError, UpmixerError
from spatialkit.layouts import Layout, everyday_label, get_layout, layout_names
from spatialkit.metrics import downmix_error
from spatialkit.upmixing import Upmixer, check_upmixer, get_upmixer

RATE = 48000
PASSIVE = ("all-channel-stereo", "matrix")
# Layouts where L, R, C and S have loudspeakers of their own.
DISCRETE = ("5.0", "5.1", "6.1", "7.0", "7.1", "5.1.2", "7.1.4", "9.1.6", "paper5", "0+5+0", "22.2")
FLOAT64_SUM = 1e-14  # sums of two to four products near 1


def fold(upmixed):
    """The style-transfer paper's G, written from its text: L = FL + RL + C/2."""
    channel = dict(zip(get_layout("5.0").labels, upmixed, strict=True))
    half = channel["FC"] / 2
    return np.stack([channel["FL"] + channel["SL"] + half, channel["FR"] + channel["SR"] + half])


def test_all_channel_stereo_copies_each_channel_to_front_and_rear_at_half_gain(rng):
    left, right = stereo = rng.standard_normal((2, 50))
    upmixed = get_upmixer("all-channel-stereo").upmix(stereo, RATE)
    np.testing.assert_array_equal(upmixed, [left / 2, right / 2, np.zeros(50), left / 2, right / 2])


def test_the_downmix_of_all_channel_stereo_is_the_original(rng):
    stereo = rng.standard_normal((2, 50))
    upmixed = get_upmixer("all-channel-stereo").upmix(stereo, RATE)
    np.testing.assert_array_equal(fold(upmixed), stereo)


@pytest.mark.parametrize("layout", DISCRETE)
def test_matrix_is_the_passive_decode(layout, rng):
    """Oracle: the decoder's four equations; S in equal power, negative on the right."""
    left, right = stereo = rng.standard_normal((2, 20))
    layout = get_layout(layout)
    upmixed = get_upmixer("matrix", layout=layout).upmix(stereo, RATE)
    fed = {"FL": left, "FR": right, "FC": (left + right) / np.sqrt(2)}
    surround = (left - right) / np.sqrt(2)
    channels = list(zip(layout.labels, layout.azimuth, layout.elevation, upmixed, strict=True))
    rest = [c for c in channels if everyday_label(c[0]) not in fed]
    around = [c for c in rest if abs(c[1]) > 60 or (abs(c[2]) > 15 and c[1] != 0)]
    around = [c for c in around if abs(c[1]) != 180]
    for label, azimuth, _, channel in channels:
        expected = fed.get(everyday_label(label), np.zeros(20))
        if any(label == c[0] for c in around):
            expected = np.sign(azimuth) * surround / np.sqrt(len(around))
        np.testing.assert_allclose(channel, expected / np.sqrt(2), atol=FLOAT64_SUM, err_msg=label)


@pytest.mark.parametrize("layout", DISCRETE)
def test_matrix_preserves_the_power_of_any_signal_with_loudspeakers_for_all_feeds(layout, rng):
    stereo = rng.standard_normal((2, 30)) @ np.diag(rng.uniform(0, 2, 30))
    upmixed = get_upmixer("matrix", layout=layout).upmix(stereo, RATE)
    np.testing.assert_allclose((upmixed**2).sum(0), (stereo**2).sum(0), rtol=FLOAT64_SUM)


@pytest.mark.parametrize("layout", layout_names())
def test_matrix_preserves_the_power_of_uncorrelated_channels_on_every_layout(layout):
    """For uncorrelated signals of unit power the power is the sum of the squared gains."""
    upmixer = get_upmixer("matrix", layout=layout)
    assert np.sum(upmixer.gains**2) == pytest.approx(2.0, rel=FLOAT64_SUM)
    assert not upmixer.gains[upmixer.format.is_lfe].any()


def mirror(layout):
    """Index of the mirror image of every channel."""
    points = np.nan_to_num(layout.directions, nan=9.0)
    images = np.where(layout.is_lfe[:, None], points, points * [1.0, -1.0, 1.0])
    return np.linalg.norm(points[:, None] - images[None], axis=-1).argmin(0)


@pytest.mark.parametrize("layout", layout_names())
def test_matrix_mirrors_the_upmix_of_swapped_channels(layout):
    layout = get_layout(layout)
    gains = get_upmixer("matrix", layout=layout).gains
    mirrored = gains[mirror(layout)][:, ::-1]
    np.testing.assert_allclose(mirrored, gains, atol=1e-12)  # the panner's symmetry


def test_matrix_to_stereo_returns_the_input(rng):
    stereo = rng.standard_normal((2, 20))
    upmixed = get_upmixer("matrix", layout="stereo").upmix(stereo, RATE)
    np.testing.assert_allclose(upmixed, stereo, atol=FLOAT64_SUM)


def test_matrix_feeds_a_lone_rear_loudspeaker():
    layout = Layout("LCRS", ["FL", "FR", "FC", "BC"], [30.0, -30.0, 0.0, 180.0])
    gains = get_upmixer("matrix", layout=layout).gains
    np.testing.assert_allclose(gains[3], [0.5, -0.5], atol=FLOAT64_SUM)


@pytest.mark.parametrize("azimuth", [[30, -30, 0, 110, -110], [-110, 0, 110, 30, -30]])
def test_matrix_finds_loudspeakers_without_usual_labels_by_direction(azimuth):
    custom = Layout.from_directions(azimuth)
    by_name = dict(
        zip([30, -30, 0, 110, -110], get_upmixer("matrix", layout="5.0").gains, strict=True)
    )
    gains = get_upmixer("matrix", layout=custom).gains
    np.testing.assert_allclose(gains, [by_name[angle] for angle in azimuth], atol=1e-12)


@pytest.mark.parametrize(
    "azimuth", [[0.0], [170.0], [90.0, -90.0], [10.0, 20.0, 200.0], [-100.0, -120.0, 0.0, 5.0]]
)
def test_matrix_supports_any_layout(azimuth):
    check_upmixer(get_upmixer("matrix", layout=Layout.from_directions(azimuth)))


def test_levels_change_their_own_feed_only():
    plain, changed = (
        get_upmixer("matrix", layout="7.1.4", **levels).gains
        for levels in ({}, {"ambience": -6.0, "height": 3.0})
    )
    decibels = np.array([0, 0, 0, 0, -6, -6, -6, -6, -3, -3, -3, -3])
    np.testing.assert_allclose(changed, 10 ** (decibels[:, None] / 20) * plain, atol=FLOAT64_SUM)


STAGES = [
    {"width": 0.0},
    {"width": 50.0},
    {"center": 0.0},
    {"center": 0.4},
    {"front_rear": -1.0},
    {"front_rear": 0.3},
    {"front_rear": 1.0},
]


@pytest.mark.parametrize("stage", STAGES, ids=str)
@pytest.mark.parametrize("layout", layout_names())
def test_controls_of_position_preserve_power_and_mirror_symmetry(layout, stage):
    upmixer = get_upmixer("matrix", layout=layout, **stage)
    gains = upmixer.gains
    assert np.sum(gains**2) == pytest.approx(2.0, rel=FLOAT64_SUM)
    assert not gains[upmixer.format.is_lfe].any()
    np.testing.assert_allclose(gains[mirror(upmixer.format)][:, ::-1], gains, atol=1e-12)


def feeds(**options):
    """L, R, C, Ls, Rs of 5.0 in multiples of the gain of L in L."""
    gains = get_upmixer("matrix", layout="5.0", **options).gains
    return gains / gains[0, 0]


def test_center_is_the_gain_of_the_centre_loudspeaker_and_0_silences_it():
    half = np.sqrt(0.5)
    np.testing.assert_allclose(feeds(center=1.0)[2], [half, half], atol=FLOAT64_SUM)
    np.testing.assert_allclose(feeds(center=0.25)[2], [half / 4, half / 4], atol=FLOAT64_SUM)
    np.testing.assert_array_equal(feeds(center=0.0)[2], [0.0, 0.0])
    np.testing.assert_allclose(feeds(center=0.0)[[0, 1, 3, 4]], feeds()[[0, 1, 3, 4]], rtol=1e-14)


def test_front_rear_removes_the_difference_from_front_or_surround():
    np.testing.assert_allclose(feeds(front_rear=1.0)[:2], np.ones((2, 2)), atol=FLOAT64_SUM)
    np.testing.assert_array_equal(feeds(front_rear=-1.0)[3:], np.zeros((2, 2)))
    np.testing.assert_array_equal(feeds(front_rear=-1.0)[:2], np.eye(2))
    half = feeds(front_rear=-0.5)[3:]
    np.testing.assert_allclose(half, np.sqrt(0.5) * feeds()[3:], atol=FLOAT64_SUM)


@pytest.mark.parametrize(
    ("layout", "option"),
    [("stereo", "front_rear"), ("3.0", "front_rear"), ("quad", "center"), ("5.1", "height")],
)
def test_a_control_without_its_loudspeakers_has_no_effect(layout, option):
    plain = get_upmixer("matrix", layout=layout).gains
    changed = get_upmixer("matrix", layout=layout, **{option: 0.7}).gains
    np.testing.assert_array_equal(changed, plain)


@pytest.mark.parametrize("layout", ["5.0", "7.1.4", "9.1.6", "0+5+0"])
def test_width_moves_the_edges_of_the_stage(layout):
    """Oracle: with C and S silent, the velocity vector of the left feed points there."""
    layout = get_layout(layout)
    for width in (0.0, 15.0, 29.999, 30.0, 30.001, 60.0, 90.0):
        upmixer = get_upmixer("matrix", layout=layout, width=width, center=0.0, front_rear=-1.0)
        x, y, _ = (upmixer.gains[:, 0] @ np.nan_to_num(layout.directions)).tolist()
        assert np.degrees(np.arctan2(y, x)) == pytest.approx(width, abs=1e-6)


def test_width_30_is_the_front_pair_at_any_angle():
    quad = [get_upmixer("matrix", layout="quad", width=w).gains for w in (29.9999, 30.0, 30.0001)]
    np.testing.assert_allclose(quad[0], quad[1], atol=1e-5)
    np.testing.assert_allclose(quad[2], quad[1], atol=1e-5)


@pytest.mark.parametrize("name", PASSIVE)
@pytest.mark.parametrize("channels", [1, 2])
def test_passive_upmixes_have_an_exact_downmix_on_request(name, channels, rng):
    audio = 0.1 * rng.standard_normal((channels, RATE)).astype(np.float32)
    upmixer = get_upmixer(name, exact_downmix=True)
    assert downmix_error(upmixer.upmix(audio, RATE), audio, upmixer.format) > 130.0
    assert downmix_error(get_upmixer(name).upmix(audio, RATE), audio, upmixer.format) < 30.0


@pytest.mark.parametrize("name", PASSIVE)
def test_mono_equals_two_identical_channels_of_the_same_power(name, rng):
    mono = rng.standard_normal(20)
    upmixer = get_upmixer(name)
    expected = upmixer.upmix(np.stack([mono, mono]) * np.sqrt(0.5), RATE)
    np.testing.assert_allclose(upmixer.upmix(mono, RATE), expected, atol=FLOAT64_SUM)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", PASSIVE)
@given(sizes=st.lists(st.integers(0, 40), max_size=8), channels=st.integers(1, 2))
def test_passive_streams_equal_the_whole_exactly(name, dtype, sizes, channels):
    audio = np.random.default_rng(3).standard_normal((channels, sum(sizes))).astype(dtype)
    stream = get_upmixer(name).stream(RATE)
    blocks = np.split(audio, np.cumsum(sizes), axis=1)
    parts = [stream.process(block) for block in blocks]
    assert [part.shape[1] for part in parts] == [block.shape[1] for block in blocks]
    assert stream.latency == 0
    joined = np.concatenate([*parts, stream.flush()], axis=1)
    np.testing.assert_array_equal(joined, get_upmixer(name).upmix(audio, RATE))
    assert joined.dtype == dtype


@pytest.mark.parametrize("name", PASSIVE)
def test_long_signals_are_mixed_exactly_without_a_second_copy(name, rng):
    stereo = rng.standard_normal((2, 100_000)).astype(np.float32)
    upmixer = get_upmixer(name)
    tracemalloc.start()
    upmixed = upmixer.upmix(stereo, RATE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1.5 * upmixed.nbytes
    left, right = upmixer.gains.astype(np.float32).T[..., None]
    np.testing.assert_array_equal(upmixed, left * stereo[0] + right * stereo[1])


class Copies(Upmixer):
    """Both channels, twice."""

    name = "copies"
    accepts = (2,)
    format = get_layout("quad")

    def _upmix(self, audio, sample_rate):
        return np.concatenate([audio, audio])


class Memoryless(Copies):
    """The same upmixer in blocks."""

    memoryless = True


class Native(Copies):
    """Upmixer with a native rate of 44.1 kHz that records the rate of its calls."""

    name = "native"
    sample_rate = 44100

    def _upmix(self, audio, sample_rate):
        self.seen = sample_rate, audio.shape[1]
        return super()._upmix(audio, sample_rate)


@pytest.mark.parametrize(
    ("audio", "error", "message"),
    [
        (np.zeros((3, 100)), ShapeError, r"'copies' accepts 2 channels.*got shape \(3, 100\)$"),
        (np.zeros((30, 2)), ShapeError, r"got shape \(30, 2\) - time is the last axis"),
        (np.zeros(100), ShapeError, r"accepts 2 channels"),
        (np.zeros((1, 2, 100)), ShapeError, "one item at a time"),
        (np.zeros((2, 9), np.int16), SignalError, "audio must be float32 or float64, got int16"),
        (np.full((2, 9), np.nan), SignalError, r"audio holds nan at index \(0, 0\)"),
    ],
)
def test_invalid_audio_is_refused(audio, error, message):
    with pytest.raises(error, match=message):
        Copies().upmix(audio, RATE)
    with pytest.raises(error, match=message.replace("audio", "block")):
        Copies().stream(RATE).process(audio)


@pytest.mark.parametrize("rate", [0, -1, 48000.5, "48000", None, True])
def test_invalid_sample_rates_are_refused(rate):
    with pytest.raises(OptionError, match=r"sample_rate (must be|is required)"):
        Copies().upmix(np.zeros((2, 9)), rate)
    with pytest.raises(OptionError, match="sample_rate must be"):
        Copies().stream(rate)


@pytest.mark.parametrize("samples", [0, 1, 2, 99, 4801])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_audio_of_another_rate_keeps_length_and_dtype(samples, dtype):
    upmixer = Native()
    upmixed = upmixer.upmix(np.zeros((2, samples), dtype), RATE)
    assert upmixed.shape == (4, samples)
    assert upmixed.dtype == dtype
    assert upmixer.seen[0] == 44100
    assert upmixer.seen[1] == pytest.approx(samples * 44100 / RATE, abs=1)


def test_audio_of_another_rate_is_returned_aligned():
    time = np.arange(RATE) / RATE
    tone = np.sin(2 * np.pi * 997 * time) * np.hanning(RATE)
    upmixed = Native().upmix(np.stack([tone, -tone]), RATE)
    # A lag of a hundredth of a sample would be 1e-3; soxr's "HQ" is good for 20 bits.
    np.testing.assert_allclose(upmixed, [tone, -tone, tone, -tone], atol=2e-5)


@pytest.mark.parametrize(
    ("result", "message"),
    [
        (np.zeros((3, 9)), "returned 3 channels instead of the 4 channels of its format 'quad'"),
        (np.zeros((4, 8)), "returned 8 samples for 9 samples of input"),
        (np.zeros((4, 9), complex), "returned complex128"),
        (np.full((4, 9), np.inf), "returned NaN or infinity for finite audio"),
    ],
)
def test_an_invalid_output_is_an_error_of_the_upmixer(result, message):
    class Wrong(Copies):
        def _upmix(self, audio, sample_rate):
            return result

    with pytest.raises(UpmixerError, match=message):
        Wrong().upmix(np.zeros((2, 9)), RATE)
    Wrong.memoryless = True
    with pytest.raises(UpmixerError, match=message):
        Wrong().stream(RATE).process(np.zeros((2, 9)))


def test_a_stream_by_default_buffers_everything_with_infinite_latency(rng):
    stereo = rng.standard_normal((2, 64))
    stream = Copies().stream(RATE)
    buffer = stereo[:, :32].copy()
    assert stream.latency == math.inf
    assert stream.process(buffer).shape == (4, 0)
    buffer[:] = 0.0  # readers fill the same buffer again
    stream.process(stereo[:, 32:])
    np.testing.assert_array_equal(stream.flush(), Copies().upmix(stereo, RATE))


def test_a_memoryless_upmixer_at_another_rate_buffers_everything():
    class Home(Native):
        memoryless = True

    assert Home().stream(44100).latency == 0
    assert Home().stream(RATE).latency == math.inf


@pytest.mark.parametrize("upmixer", [Copies(), Memoryless()])
def test_streams_refuse_blocks_of_different_kinds(upmixer):
    stream = upmixer.stream(RATE)
    stream.process(np.zeros((2, 5), np.float32))
    with pytest.raises(
        ShapeError, match="2 channels of float64, the blocks before it had 2 of float32"
    ):
        stream.process(np.zeros((2, 5)))
    assert stream.flush().dtype == np.float32
    for call in (lambda: stream.process(np.zeros((2, 5), np.float32)), stream.flush):
        with pytest.raises(UpmixerError, match=r"flushed: call stream\(\)"):
            call()


def test_the_rate_of_an_audio_object_is_used(rng):
    stereo = rng.standard_normal((2, 100))
    upmixer = get_upmixer("matrix", layout="quad")
    expected = upmixer.upmix(stereo, RATE)
    for audio in (Audio(stereo, RATE, "stereo"), Audio(stereo, RATE)):
        np.testing.assert_array_equal(upmixer.upmix(audio), expected)
    np.testing.assert_array_equal(upmixer.upmix(stereo, 48000.0), expected)
    with pytest.raises(OptionError, match="sample_rate is 44100 Hz, but audio is an Audio at"):
        upmixer.upmix(Audio(stereo, RATE), 44100)
    with pytest.raises(OptionError, match="sample_rate is required for an array"):
        upmixer.upmix(stereo)


@pytest.mark.parametrize(
    ("format", "words"), [("foa", "got Ambisonics .'ambix1'.; convert"), ("5.1", "got 6 .'5.1'.;")]
)
def test_an_audio_object_that_is_neither_mono_nor_stereo_is_an_error(format, words):
    channels = 4 if format == "foa" else 6
    with pytest.raises(LayoutError, match=words):
        get_upmixer("matrix").upmix(Audio(np.zeros((channels, 5)), RATE, format))


def test_the_representation_is_short():
    upmixer = get_upmixer("all-channel-stereo", gain=0.25)
    assert repr(upmixer) == "AllChannelStereo(gain=0.25, exact_downmix=no)"


def test_a_stream_accepts_blocks_of_audio_at_its_rate(rng):
    stereo = rng.standard_normal((2, 300))
    upmixer = Memoryless()
    stream = upmixer.stream(RATE)
    parts = [stream.process(Audio(block, RATE, "stereo")) for block in np.split(stereo, 3, axis=1)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), upmixer.upmix(stereo, RATE))
    with pytest.raises(OptionError, match="block is an Audio at 44100 Hz, but the stream is at"):
        stream.process(Audio(stereo, 44100))
    with pytest.raises(LayoutError, match="accepts mono or stereo, got Ambisonics"):
        stream.process(Audio(np.zeros((4, 5)), RATE, "foa"))
