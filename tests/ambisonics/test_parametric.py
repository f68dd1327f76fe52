"""Sharp decoding of first order, against VBAP of the same sources."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from spatialkit import (
    convert_foa,
    decode_foa,
    encode_ambisonics,
    encode_foa,
    get_layout,
    get_upmixer,
    read,
    sample_path,
    vbap_pan,
)
from spatialkit.ambisonics import ParametricStream, upscale_ambisonics
from spatialkit.audio import Audio
from spatialkit.benchmarks import level_pumping, log_kurtosis_ratio
from spatialkit.commands import main
from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.files import info, write
from spatialkit.geometry import to_cartesian, to_spherical
from spatialkit.metrics import angle_error, snr

RATE = 44100
AZIMUTH, ELEVATION = np.array([0.0, -60.0, 20.0, 110.0]), np.array([0.0, 30.0, 0.0, 0.0])
LAYOUT = get_layout("7.1.4")


@cache
def stems():
    names = ("vocals", "drums", "bass", "other")
    parts = [read(sample_path(name), offset=6.0, duration=6.0) for name in names]
    return np.stack([part.samples.mean(axis=0) for part in parts]).astype(np.float64)


@cache
def decoded():
    scene = encode_foa(stems(), AZIMUTH, ELEVATION)
    return decode_foa(scene, LAYOUT, decoder="dirac", sample_rate=RATE)


@cache
def panned():
    return vbap_pan(stems(), AZIMUTH, ELEVATION, layout=LAYOUT)


@cache
def diffuse(samples=4 * RATE):
    """Independent noise from 200 directions."""
    rng = np.random.default_rng(0)
    directions = to_spherical(rng.standard_normal((200, 3)))
    return encode_foa(rng.standard_normal((200, samples)) / np.sqrt(200.0), *directions)


def direction_error(output):
    """Mean angle of the energy vectors of stems, fitted to the output, in degrees."""
    gains = np.linalg.lstsq(stems().T, output.T, rcond=None)[0] ** 2
    vectors = gains @ np.nan_to_num(LAYOUT.directions)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = np.sum(vectors * to_cartesian(AZIMUTH, ELEVATION), axis=1)
    return np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))).mean()


def test_stems_are_where_they_were_encoded():
    """Fifth-order Ambisonics reaches 3.5 degrees and 10.6 dB."""
    linear = decode_foa(encode_foa(stems(), AZIMUTH, ELEVATION), LAYOUT)
    assert direction_error(linear) > 10.0
    assert direction_error(decoded()) < 5.0
    assert snr(panned(), linear) < 3.0
    assert snr(panned(), decoded()) > 10.0


@pytest.mark.parametrize("hertz", [63, 125, 250, 500, 1000, 2000, 4000, 8000])
def test_energy_of_octaves_is_kept(hertz):
    octave = butter(4, [hertz / 2**0.5, hertz * 2**0.5], "bandpass", fs=RATE, output="sos")

    def level(signal):
        return 10.0 * np.log10(np.sum(sosfilt(octave, signal) ** 2))

    assert abs(level(decoded()) - level(panned())) < 0.5
    field = diffuse()
    spread = decode_foa(field, LAYOUT, decoder="dirac", sample_rate=RATE)
    assert abs(level(spread) - level(field[:1])) < 0.5


def test_a_diffuse_field_stays_diffuse():
    found = decode_foa(diffuse(), LAYOUT, decoder="dirac", sample_rate=RATE)[LAYOUT.loudspeakers]
    linear = decode_foa(diffuse(), LAYOUT)[LAYOUT.loudspeakers]
    assert np.abs(np.corrcoef(linear) - np.eye(11)).max() > 0.9
    assert np.abs(np.corrcoef(found) - np.eye(11)).max() < 0.2
    late = found[:, RATE // 2 :]  # the onset is not decorrelated
    assert np.abs(np.corrcoef(late) - np.eye(11)).max() < 0.1


@pytest.mark.parametrize("layout", ["5.1", "7.1.4", "stereo", "9.1.6"])
def test_a_single_source_is_panned(rng, layout):
    noise = rng.standard_normal(48000)
    found = decode_foa(encode_foa(noise, 37.0, 12.0), layout, decoder="dirac", sample_rate=48000)
    expected = vbap_pan(noise, 37.0, 12.0, layout=layout)
    assert snr(expected, found) > 45.0  # the crossover


def test_a_single_source_is_encoded_at_the_higher_order(rng):
    noise = rng.standard_normal(48000)
    for order in (2, 3, 7):
        found = upscale_ambisonics(encode_foa(noise, -70.0, 30.0), order, sample_rate=48000)
        expected = encode_ambisonics(noise, -70.0, 30.0, order=order)
        assert found.shape == expected.shape
        assert snr(expected, found) > 45.0


def noises(rng, azimuth, colour):
    """Steady noises of equal level."""
    noise = rng.standard_normal((len(azimuth), 4 * RATE))
    if colour == "pink":
        hertz = np.fft.rfftfreq(noise.shape[1], 1.0 / RATE)
        noise = np.fft.irfft(np.fft.rfft(noise) / np.sqrt(np.maximum(hertz, 20.0)))
    return 0.1 * noise / noise.std()


@pytest.mark.parametrize("colour", ["white", "pink"])
@pytest.mark.parametrize(
    "azimuth", [[0.0, 35.0, -35.0], [0.0, -60.0, 35.0, 140.0]], ids=["in front", "around"]
)
def test_steady_noises_have_no_more_artefacts_than_those_of_ambience(rng, azimuth, colour):
    """The log kurtosis ratio is near 0 for constant gains; it was 0.2, and 1.1 at the start.

    That of an upmixer of stereo whose gains change with time, too, is the bound: from the margin
    of the benchmark on, and in the first half second.
    """
    sources = noises(rng, np.array(azimuth), colour)
    scene, stereo = (
        encode_foa(sources, azimuth),
        vbap_pan(sources, 30.0 * np.sin(np.radians(azimuth)), layout="stereo"),
    )
    sharp = decode_foa(scene, LAYOUT, decoder="dirac", sample_rate=RATE)[LAYOUT.loudspeakers]
    upmix = get_upmixer("ambience", layout=LAYOUT).upmix(stereo, RATE)[LAYOUT.loudspeakers]
    for part, limit in ((slice(8192, -8192), 0.07), (slice(0, RATE // 2), 0.1)):
        found = log_kurtosis_ratio(sharp[:, part], scene[:1, part])
        assert found < max(log_kurtosis_ratio(upmix[:, part], stereo[:, part]), limit)
    assert level_pumping(sharp, scene, RATE) < level_pumping(upmix, stereo, RATE)


def test_noises_after_a_softer_sound_are_steady_again_in_half_a_second(rng):
    """The means that detect steady sounds begin again with an attack."""
    sources = noises(rng, np.zeros(4), "white")
    sources[:3, : 2 * RATE] = 0.0
    sources[3] *= 0.03
    scene = encode_foa(sources, [0.0, 35.0, -35.0, 150.0])
    found = decode_foa(scene, LAYOUT, decoder="dirac", sample_rate=RATE)[LAYOUT.loudspeakers]
    part = slice(round(2.5 * RATE), -8192)
    assert log_kurtosis_ratio(found[:, part], scene[:1, part]) < 0.1


def test_a_voice_beside_a_steady_noise_is_not_averaged_with_it(rng):
    """Its bins differ from their neighbours, and not at random: 15.5 dB with averages of all."""
    voice = stems()[0, : 4 * RATE]
    sources = np.stack([voice, 0.3 * voice.std() * rng.standard_normal(len(voice))])
    azimuth = [40.0, -60.0]
    found = decode_foa(encode_foa(sources, azimuth), LAYOUT, decoder="dirac", sample_rate=RATE)
    assert snr(vbap_pan(sources, azimuth, layout=LAYOUT), found) > 16.0


def test_chords_keep_their_directions():
    """Neighbouring bins of tones are not averaged: with averages, the error would be 21 degrees."""
    time = np.arange(4 * RATE) / RATE
    keys = np.array([[48, 55, 64], [52, 60, 67], [57, 59, 72]])
    hertz = 440.0 * 2.0 ** ((keys - 69.0) / 12.0)
    chords = np.zeros((3, len(time)))
    for partial in range(1, 12):
        phases = 2.0 * np.pi * partial * hertz[..., None] * time + partial**2
        chords += np.sin(phases).sum(axis=1) / partial
    azimuth = [0.0, -60.0, 110.0]
    found = decode_foa(encode_foa(chords, azimuth), LAYOUT, decoder="dirac", sample_rate=RATE)
    late = slice(RATE, -RATE)
    errors = angle_error(chords[:, late], found[:, late], azimuth, LAYOUT, weighting="energy")
    assert errors.mean() < 8.0


@pytest.mark.parametrize(("speed", "decibels"), [(10.0, 9.0), (30.0, 12.0), (90.0, 12.0)])
def test_a_steady_source_that_moves_is_followed(rng, speed, decibels):
    """Degrees per second; long means alone would reach 5.5 dB at 30, and 1.6 dB at 90.

    At 10 degrees per second they lag by 5 degrees.
    """
    noise, azimuth = rng.standard_normal(3 * RATE), np.linspace(0.0, 3.0 * speed, 50)
    found = decode_foa(encode_foa(noise, azimuth), LAYOUT, decoder="dirac", sample_rate=RATE)
    assert snr(vbap_pan(noise, azimuth, layout=LAYOUT), found) > decibels


def test_transients_keep_their_attack():
    """A click beside steady noise: what precedes it comes from the noise only."""
    clicks, noise = np.zeros(48000), 0.01 * np.random.default_rng(1).standard_normal(48000)
    clicks[12000::12000] = 1.0
    sources, azimuth = np.stack([clicks, noise]), [70.0, -70.0]
    expected = vbap_pan(sources, azimuth, layout="7.1")
    scene = encode_foa(sources, azimuth)
    found = decode_foa(scene, "7.1", decoder="dirac", sample_rate=48000)
    before = slice(24000 - 480, 24000 - 96)  # 10 to 2 ms
    left = get_layout("7.1").labels.index("SL")
    assert np.abs(found[left, before]).max() < 0.05 * np.abs(found[left, 24000])
    assert snr(expected, found) > 12.0


@pytest.mark.parametrize("target", ["7.1.4", 3])
@pytest.mark.parametrize("sizes", [(1, 700, 5000), (8192,), (300,)])
def test_blocks_equal_the_whole(target, sizes):
    scene = encode_foa(stems()[:, :30000], AZIMUTH, ELEVATION).astype(np.float32)
    stream, blocks, at, turn = ParametricStream(target, RATE), [], 0, 0
    while at < scene.shape[1]:
        size = sizes[turn % len(sizes)]
        blocks.append(stream.process(scene[:, at : at + size]))
        at, turn = at + size, turn + 1
        assert at - sum(block.shape[1] for block in blocks) <= stream.latency + size
    found = np.concatenate([*blocks, stream.flush()], axis=1)
    whole = (
        upscale_ambisonics(scene, 3, sample_rate=RATE)
        if target == 3
        else decode_foa(scene, target, decoder="dirac", sample_rate=RATE)
    )
    assert found.dtype == np.float32
    assert np.abs(found - whole).max() < 1e-6
    again = np.concatenate([stream.process(scene), stream.flush()], axis=1)
    assert np.abs(again - whole).max() < 1e-6


@pytest.mark.parametrize("samples", [0, 1, 100, 5000])
def test_silence_and_short_signals(samples):
    silent = decode_foa(np.zeros((4, samples)), "5.1", decoder="dirac", sample_rate=48000)
    assert silent.shape == (6, samples)
    assert not silent.any()
    ones = decode_foa(np.ones((2, 4, samples)), "5.1", decoder="dirac", sample_rate=48000)
    assert ones.shape == (2, 6, samples)
    assert np.isfinite(ones).all()


def test_silence_after_sound_ends():
    scene = np.zeros((4, 48000))
    scene[:, :4800] = encode_foa(np.random.default_rng(0).standard_normal(4800), 30.0)
    found = decode_foa(scene, "7.1.4", decoder="dirac", sample_rate=48000)
    assert np.abs(found[:, 24000:]).max() < 1e-9


def test_other_formats_are_converted(rng):
    scene = encode_foa(rng.standard_normal(9000), 30.0, 20.0)
    expected = decode_foa(scene, "5.1", decoder="dirac", sample_rate=48000)
    fuma = convert_foa(scene, "ambix1", "fuma1")
    options = {"normalization": "FuMa", "channel_order": "FuMa"}
    found = decode_foa(fuma, "5.1", decoder="dirac", sample_rate=48000, **options)
    assert np.abs(found - expected).max() < 1e-9
    audio = Audio(fuma, 48000, "fuma1")
    assert np.abs(decode_foa(audio, "5.1", decoder="dirac") - expected).max() < 1e-9


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: decode_foa(np.zeros((4, 9)), decoder="dirac"), OptionError, "needs sample_rate"),
        (
            lambda: decode_foa(np.zeros((4, 9)), decoder="dirac", weights="basic", sample_rate=1e4),
            OptionError,
            "weights='basic' has no effect",
        ),
        (
            lambda: decode_foa(np.full((4, 9), np.nan), decoder="dirac", sample_rate=48000),
            SignalError,
            "ambisonics",
        ),
        (lambda: upscale_ambisonics(np.zeros((4, 9)), 1, sample_rate=1e4), OptionError, "2 to 7"),
        (lambda: upscale_ambisonics(np.zeros((9, 9)), 2, sample_rate=1e4), ShapeError, "4"),
        (lambda: ParametricStream("5.1", 4000), OptionError, "8000"),
        (lambda: ParametricStream("5.1", 48000).process(np.zeros((2, 9))), ShapeError, "4"),
    ],
)
def test_arguments_that_are_not_accepted(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_the_command_decodes_sharply(tmp_path, capsys):
    scene = encode_foa(np.random.default_rng(0).standard_normal(9600) * 0.1, 110.0)
    write(tmp_path / "scene.wav", scene.astype(np.float32), 48000, format="ambix1")
    arguments = ["--layout", "5.1", "--decoder", "dirac"]
    paths = [str(tmp_path / "scene.wav"), "-o", str(tmp_path / "out.wav")]
    assert main(["decode", *paths, *arguments]) == 0
    assert info(tmp_path / "out.wav").format.name == "5.1"
    levels = read(tmp_path / "out.wav").samples.std(axis=1)
    assert levels[4] > 100.0 * levels[[0, 1, 2, 5]].max()
    whole = decode_foa(read(tmp_path / "scene.wav"), "5.1", decoder="dirac")
    np.testing.assert_allclose(read(tmp_path / "out.wav").samples, whole, atol=1e-6)
    fuma = convert_foa(scene.astype(np.float32), "ambix1", "fuma1")
    write(tmp_path / "fuma.wav", fuma, 48000)
    command = ["decode", str(tmp_path / "fuma.wav"), *paths[1:], "--force", "--from", "fuma1"]
    assert main([*command, *arguments]) == 0
    np.testing.assert_allclose(read(tmp_path / "out.wav").samples, whole, atol=1e-6)
    assert main([*command, *arguments, "--weights", "basic"]) == 2
    assert "--weights basic has no effect on --decoder dirac" in capsys.readouterr().err
    higher = encode_ambisonics(np.ones(100), 0.0, order=2).astype(np.float32)
    write(tmp_path / "second.wav", higher, 48000, format="ambix2")
    paths[0] = str(tmp_path / "second.wav")
    assert main(["decode", *paths, "--force", *arguments]) == 2
    assert "is for first order" in capsys.readouterr().err
