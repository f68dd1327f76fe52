"""Block processors: equal to the functions of whole signals, and without clicks."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spatialkit import (
    decode_ambisonics,
    encode_ambisonics,
    render,
    rotate_ambisonics,
    vbap_gains,
    vbap_pan,
)
from spatialkit.errors import DirectionError, OptionError, ShapeError, SignalError
from spatialkit.realtime import (
    BinauralProcessor,
    DecoderProcessor,
    EncoderProcessor,
    PannerProcessor,
    RotatorProcessor,
    chain,
)

RATE = 48000
SIZES = [1, 7, 64, 500, 8192, 0, 3]


def in_blocks(processor, audio, sizes=SIZES, **parameters):
    """Output of blocks of the sizes in turn, all of them with the parameters."""
    blocks, at, turn = [], 0, 0
    while at < audio.shape[-1]:
        size = sizes[turn % len(sizes)]
        blocks.append(processor.process(audio[:, at : at + size], **parameters))
        at, turn = at + size, turn + 1
    return np.concatenate(blocks, axis=1)


def noise(rng, channels, samples=9000, dtype=np.float64):
    return rng.standard_normal((channels, samples)).astype(dtype)


@pytest.mark.parametrize("layout", ["stereo", "7.1.4", "5.1"])
def test_constant_directions_equal_vbap_pan(rng, layout):
    audio = noise(rng, 3)
    azimuth, elevation, spread = [30.0, -100.0, 5.0], [0.0, 20.0, -10.0], [0.0, 0.0, 60.0]
    panner = PannerProcessor(layout, RATE, sources=3)
    found = in_blocks(panner, audio, azimuth=azimuth, elevation=elevation, spread=spread)
    expected = vbap_pan(audio, azimuth, elevation, layout=layout, spread=spread)
    assert np.abs(found - expected).max() < 1e-12


@pytest.mark.parametrize("normalization", ["SN3D", "N3D", "FuMa"])
@pytest.mark.parametrize("order", [1, 3])
def test_constant_directions_equal_encode_ambisonics(rng, order, normalization):
    audio = noise(rng, 2)
    form = {"normalization": normalization}
    form["channel_order"] = "FuMa" if normalization == "FuMa" else "ACN"
    encoder = EncoderProcessor(order, RATE, sources=2, **form)
    found = in_blocks(encoder, audio, azimuth=[70.0, -20.0], elevation=[10.0, -40.0])
    expected = encode_ambisonics(audio, [70.0, -20.0], [10.0, -40.0], order=order, **form)
    assert np.abs(found - expected).max() < 1e-12


@pytest.mark.parametrize("form", [{}, {"normalization": "FuMa", "channel_order": "FuMa"}])
def test_near_fields_of_constant_distances_equal_encode_ambisonics(rng, form):
    audio, metres = noise(rng, 2), [0.8, 5.0]
    encoder = EncoderProcessor(3, RATE, sources=2, near_field_radius=1.5, **form)
    found = in_blocks(encoder, audio, azimuth=[70.0, -20.0], distance=metres)
    options = {"order": 3, "near_field_radius": 1.5, "sample_rate": RATE, **form}
    expected = encode_ambisonics(audio, [70.0, -20.0], distance=metres, **options)
    assert np.abs(found - expected).max() < 1e-11
    encoder.reset()
    assert np.abs(in_blocks(encoder, audio) - expected).max() < 1e-11


def test_plane_waves_for_loudspeakers_at_a_radius_equal_encode_ambisonics(rng):
    audio = noise(rng, 1)
    encoder = EncoderProcessor(2, RATE, near_field_radius=1.5)
    options = {"order": 2, "near_field_radius": 1.5, "sample_rate": RATE}
    expected = encode_ambisonics(audio, 30.0, **options)
    assert np.abs(in_blocks(encoder, audio, azimuth=30.0) - expected).max() < 1e-11


@pytest.mark.parametrize(("size", "tolerance"), [(16, 0.15), (256, 0.15), (1000, 0.01)])
def test_a_source_that_comes_near_in_blocks_follows_the_whole(size, tolerance):
    """Distances at the ends of blocks; encode_ambisonics is linear in the distance between them.

    Ramps last at least 10 ms, in which the distance changes by 2.5 cm and the level of order 2, up
    to 1.4, by 8 %. Blocks of 1000 samples are as long as their ramps.
    """
    samples = 40 * 1000
    tone = np.sin(2.0 * np.pi * 60.0 * np.arange(samples) / RATE)
    encoder = EncoderProcessor(2, RATE, near_field_radius=2.0)
    ends = np.arange(size, samples + 1, size)
    metres = 3.0 - 2.0 * ends / samples
    encoder.set(distance=3.0)
    encoder.process(np.zeros((1, 1)))
    blocks = [
        encoder.process(tone[None, end - size : end], distance=distance)
        for end, distance in zip(ends, metres, strict=True)
    ]
    options = {"order": 2, "near_field_radius": 2.0, "sample_rate": RATE}
    whole = encode_ambisonics(tone, 0.0, distance=[3.0, 1.0], **options)
    found = np.concatenate(blocks, axis=1)
    assert np.abs(found - whole[:, : found.shape[1]]).max() < tolerance


@pytest.mark.parametrize("kind", [EncoderProcessor, PannerProcessor])
def test_distances_are_levels(rng, kind):
    audio = noise(rng, 2, 3000)
    place = encode_ambisonics if kind is EncoderProcessor else vbap_pan
    processor = kind(1 if kind is EncoderProcessor else "5.0", RATE, sources=2)
    found = in_blocks(processor, audio, azimuth=[70.0, -20.0], distance=[0.5, 4.0], gain=2.0)
    expected = 2.0 * place(audio, [70.0, -20.0], distance=[0.5, 4.0])
    assert np.abs(found - expected).max() < 1e-12
    with pytest.raises(OptionError, match="distance must be from 0 to 100000 metres, got -1"):
        processor.set(distance=-1.0)


@pytest.mark.parametrize("order", [1, 3, 7])
@pytest.mark.parametrize("angles", [(30, 0, 0), (0, -50, 0), (0, 0, 95), (200, 80, -130)])
def test_constant_rotations_equal_rotate_ambisonics(rng, order, angles):
    audio = noise(rng, (order + 1) ** 2, 2000)
    rotator = RotatorProcessor(order, RATE)
    found = in_blocks(rotator, audio, **dict(zip(("yaw", "pitch", "roll"), angles, strict=True)))
    assert np.abs(found - rotate_ambisonics(audio, *angles)).max() < 1e-12


def test_rotations_of_fuma_equal_rotate_ambisonics(rng):
    audio, form = noise(rng, 16, 500), {"normalization": "FuMa", "channel_order": "FuMa"}
    found = in_blocks(RotatorProcessor(3, RATE, **form), audio, yaw=20.0, pitch=30.0)
    assert np.abs(found - rotate_ambisonics(audio, 20.0, 30.0, **form)).max() < 1e-12


@pytest.mark.parametrize("weights", ["max-re", "basic", "in-phase"])
def test_decoded_blocks_equal_decode_ambisonics(rng, weights):
    audio = noise(rng, 16)
    found = in_blocks(DecoderProcessor("7.1.4", 3, RATE, weights=weights), audio)
    expected = decode_ambisonics(audio, "7.1.4", weights=weights)
    assert np.abs(found - expected).max() < 1e-12


def test_dual_band_has_the_magnitudes_of_decode_ambisonics_in_any_blocks(rng):
    """The bands of both differ in phase by the same all-pass only."""
    audio = noise(rng, 9)
    decoder = DecoderProcessor("5.1", 2, RATE, weights="dual-band", crossover=500.0)
    whole = decoder.process(audio)
    decoder.reset()
    assert np.abs(in_blocks(decoder, audio) - whole).max() < 1e-12
    decoder.reset()
    size = 1 << 15
    for channel in (0, 3, 8):
        impulse = np.zeros((9, size))
        impulse[channel, size // 2] = 1.0
        decoder.reset()
        found = np.abs(np.fft.rfft(decoder.process(impulse)))
        options = {"weights": "dual-band", "crossover": 500.0, "sample_rate": RATE}
        expected = np.abs(np.fft.rfft(decode_ambisonics(impulse, "5.1", **options)))
        assert np.abs(found - expected).max() < 1e-4


@pytest.mark.parametrize("source", ["7.1.4", "stereo", "ambix3"])
def test_a_still_head_equals_render(rng, source):
    channels = {"7.1.4": 12, "stereo": 2, "ambix3": 16}[source]
    audio = noise(rng, channels, 4000, np.float32)
    options = {"order": None} if source == "stereo" else {}
    processor = BinauralProcessor(source, RATE, **options)
    found = in_blocks(processor, audio, yaw=-30.0, pitch=10.0)
    order = {"order": 5} if source == "7.1.4" else {}
    expected = render(audio, source, "binaural", sample_rate=RATE, yaw=-30.0, pitch=10.0, **order)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


def away_from_tone(signal, hertz=1000.0, distance=5000.0):
    """Largest spectral line far from a tone, relative to the tone."""
    window = np.blackman(signal.shape[-1])
    spectrum = np.abs(np.fft.rfft(signal * window)) / (window.sum() / 2.0)
    frequencies = np.fft.rfftfreq(signal.shape[-1], 1.0 / RATE)
    return spectrum[..., np.abs(frequencies - hertz) > distance].max()


def moved(processor, block_size, parameters_of, samples=RATE):
    """Output of a tone while the parameters change with every block."""
    tone = np.sin(2.0 * np.pi * 1000.0 * np.arange(samples) / RATE)
    audio = np.tile(tone, (processor.n_inputs, 1))
    blocks = [
        processor.process(audio[:, at : at + block_size], **parameters_of(at / RATE))
        for at in range(0, samples, block_size)
    ]
    return np.concatenate(blocks, axis=1)


@pytest.mark.parametrize("block_size", [1, 16, 64, 512, 2048])
def test_moving_sources_do_not_click(block_size):
    """90 degrees per second, and a gain that changes: steps would lift a floor of noise."""
    samples = 4800 if block_size == 1 else RATE

    def parameters(seconds):
        return {
            "azimuth": np.arange(8) * 45.0 + 90.0 * seconds,
            "elevation": 20.0,
            "gain": 0.5 + 0.4 * np.sin(6.0 * seconds),
        }

    found = moved(PannerProcessor("7.1.4", RATE, sources=8), block_size, parameters, samples)
    assert away_from_tone(found) < 10.0 ** (-85.0 / 20.0)
    found = moved(EncoderProcessor(3, RATE, sources=8), block_size, parameters)
    assert away_from_tone(found) < 10.0 ** (-85.0 / 20.0)


@pytest.mark.parametrize("block_size", [16, 64, 512, 2048])
def test_turning_scenes_and_heads_do_not_click(block_size):
    def parameters(seconds):
        return {"yaw": 120.0 * seconds, "pitch": 20.0 * np.sin(4.0 * seconds)}

    for processor in (RotatorProcessor(3, RATE), BinauralProcessor("ambix3", RATE)):
        found = moved(processor, block_size, parameters, RATE // 2)
        # Not the start of the tone itself.
        assert away_from_tone(found[:, 4800:]) < 10.0 ** (-75.0 / 20.0) * np.abs(found).max()


@pytest.mark.parametrize("block_size", [64, 512])
def test_a_jump_is_a_ramp_of_ten_milliseconds_or_a_block(block_size):
    panner = PannerProcessor("7.1.4", RATE)
    ones = np.ones((1, block_size))
    panner.process(ones, azimuth=0.0)
    blocks = [panner.process(ones, azimuth=100.0, elevation=30.0) for _ in range(40)]
    joined = np.concatenate(blocks, axis=1)
    length = max(480, block_size)
    before, after = vbap_gains([0.0, 100.0], [0.0, 30.0], layout="7.1.4")
    assert np.abs(joined[:, length - 1] - after).max() < 1e-12
    assert np.abs(joined[:, length - 2] - after).max() > 1e-4
    assert np.abs(np.diff(joined, axis=1)).max() < 5.0 / length
    # The power of the source is kept on the way.
    assert np.abs((joined**2).sum(axis=0) - 1.0).max() < 1e-12
    assert np.abs(joined[:, 0] - before).max() < 0.02


def test_a_gain_of_zero_fades_to_silence_and_back():
    panner = PannerProcessor("5.0", RATE)
    ones = np.ones((1, 480))
    panner.process(ones)
    down = panner.process(ones, gain=0.0)
    assert np.abs(down[2] - np.arange(479, -1, -1) / 480).max() < 1e-12
    assert not panner.process(ones).any()
    up = panner.process(ones, gain=-1.0, azimuth=30.0)
    assert np.abs(up[0] + np.arange(1, 481) / 480).max() < 1e-12


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 900), st.floats(-180, 180)), min_size=1, max_size=12))
def test_gains_are_continuous_for_any_blocks(steps):
    panner = PannerProcessor("7.1.4", RATE)
    blocks = [panner.process(np.ones((1, size)), azimuth=angle) for size, angle in steps]
    joined = np.concatenate(blocks, axis=1)
    if joined.shape[1] > 1:
        # Gains of opposite directions may meet at 0, where the scale is large: within 10 ms.
        assert np.abs((joined**2).sum(axis=0) - 1.0).max() < 1e-9
        assert np.abs(np.diff(joined, axis=1)).max() < 0.02


def test_float32_is_kept_and_blocks_are_not_changed(rng):
    audio = noise(rng, 16, 300, np.float32)
    before = audio.copy()
    for processor in (
        RotatorProcessor(3, RATE),
        DecoderProcessor("5.1", 3, RATE, weights="dual-band"),
        BinauralProcessor("ambix3", RATE),
        PannerProcessor("5.1", RATE, sources=16),
    ):
        assert processor.process(audio).dtype == np.float32
        assert np.array_equal(audio, before)


def test_one_source_may_have_one_axis():
    assert PannerProcessor("5.1", RATE).process(np.ones(10)).shape == (6, 10)


def test_reset_starts_without_a_ramp(rng):
    audio = noise(rng, 1, 200)
    panner = PannerProcessor("5.1", RATE)
    first = panner.process(audio, azimuth=40.0)
    panner.process(audio, azimuth=-170.0)
    panner.set(azimuth=40.0)
    panner.reset()
    assert np.array_equal(panner.process(audio), first)


def test_a_chain_equals_its_processors_in_turn(rng):
    audio = noise(rng, 2, 3000, np.float32)
    encoder, rotator = EncoderProcessor(3, RATE, sources=2), RotatorProcessor(3, RATE)
    joined = chain(encoder, rotator, BinauralProcessor("ambix3", RATE))
    encoder.set(azimuth=[20.0, -60.0])
    rotator.set(yaw=45.0)
    found = in_blocks(joined, audio)
    scene = encode_ambisonics(audio, [65.0, -15.0], order=3)
    expected = render(scene, "ambix3", "binaural", sample_rate=RATE)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert (joined.n_inputs, joined.n_outputs, joined.latency) == (2, 2, 0)
    joined.reset()
    assert np.array_equal(in_blocks(joined, audio), found)


def test_processors_that_do_not_fit_are_not_joined():
    with pytest.raises(ShapeError, match="DecoderProcessor has 9 inputs, but EncoderProcessor"):
        chain(EncoderProcessor(3, RATE), DecoderProcessor("5.1", 2, RATE))
    with pytest.raises(OptionError, match="different sample rates: 48000 and 44100 Hz"):
        chain(EncoderProcessor(1, RATE), RotatorProcessor(1, 44100))
    with pytest.raises(OptionError, match="at least one"):
        chain()


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"azimuth": np.nan}, DirectionError, "azimuth"),
        ({"azimuth": [1.0, 2.0, 3.0]}, ShapeError, r"a number or have shape \(2,\), got \(3,\)"),
        ({"elevation": 91.0}, DirectionError, "-90 to 90"),
        ({"spread": -1.0}, OptionError, "0 to 360"),
        ({"gain": [1.0, np.inf]}, SignalError, "gain"),
        ({"gain": "loud"}, OptionError, "gain must be numbers"),
        ({"azimut": 1.0}, OptionError, "unknown parameter 'azimut'; the parameters are azimuth"),
    ],
)
def test_parameters_that_are_not_accepted_change_nothing(parameters, error, words):
    panner = PannerProcessor("5.1", RATE, sources=2)
    panner.set(azimuth=[10.0, 20.0])
    with pytest.raises(error, match=words):
        panner.set(**{"azimuth": 99.0, **parameters})
    found = panner.process(np.eye(2))
    assert np.allclose(found, vbap_gains([10.0, 20.0], layout="5.1").T)


@pytest.mark.parametrize(
    ("block", "error", "words"),
    [
        (np.ones((3, 8)), ShapeError, r"\(2, samples\), got \(3, 8\)"),
        (np.ones(8), ShapeError, r"got \(8,\)"),
        (np.ones((2, 8), int), SignalError, "float32 or float64, got int64"),
    ],
)
def test_blocks_that_are_not_audio_of_the_inputs_are_refused(block, error, words):
    with pytest.raises(error, match=words):
        PannerProcessor("5.1", RATE, sources=2).process(block)


def test_other_processors_refuse_unknown_parameters():
    with pytest.raises(OptionError, match="unknown parameter 'azimuth'; the parameters are yaw"):
        RotatorProcessor(1, RATE).set(azimuth=1.0)
    with pytest.raises(OptionError, match="has no parameters, got yaw"):
        DecoderProcessor("5.1", 1, RATE).process(np.ones((4, 1)), yaw=1.0)
    with pytest.raises(OptionError, match="yaw"):
        BinauralProcessor("stereo", RATE).set(yaw="left")
    with pytest.raises(OptionError, match="crossover must be below half"):
        DecoderProcessor("5.1", 1, RATE, weights="dual-band", crossover=24000.0)


def test_memory_does_not_grow_with_time(rng):
    block = noise(rng, 2, 64, np.float32)
    encoder, headphones = EncoderProcessor(1, RATE, sources=2), BinauralProcessor("ambix1", RATE)

    def play(count):
        for number in range(count):
            headphones.process(encoder.process(block, azimuth=float(number)), yaw=float(number))

    play(50)
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    play(1000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 500_000  # of blocks alone: 1000 times 1536 bytes
