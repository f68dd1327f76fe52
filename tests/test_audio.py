"""`Audio` in place of an array."""

from __future__ import annotations

import numpy as np
import pytest

import spatialkit
from spatialkit import (
    AmbisonicFormat,
    Audio,
    Layout,
    LayoutError,
    OptionError,
    convert_ambisonics,
    convert_foa,
    decode_ambisonics,
    decode_foa,
    encode_ambisonics,
    encode_foa,
    get_layout,
    render,
    rotate_ambisonics,
    rotate_foa,
    vbap_pan,
    virtual_microphones,
)
from spatialkit.audio import unpack_ambisonics, unpack_audio

SAMPLES = np.zeros((2, 100), np.float32)
STEREO = Audio(SAMPLES, 44100, get_layout("stereo"))


def test_the_class_is_the_same_wherever_it_is_exported():
    assert spatialkit.Audio is spatialkit.files.Audio is Audio


@pytest.mark.parametrize(
    ("shape", "form", "text"),
    [
        ((2, 44100), "stereo", "Audio(2 channels, 44100 samples at 44100 Hz, 'stereo')"),
        ((1, 9), "mono", "Audio(1 channel, 9 samples at 44100 Hz, 'mono')"),
        ((9,), None, "Audio(1 channel, 9 samples at 44100 Hz, unknown format)"),
        ((7, 3, 4, 0), "foa", "Audio(7 x 3 items, 4 channels, 0 samples at 44100 Hz, 'ambix1')"),
    ],
)
def test_the_representation_is_short(shape, form, text):
    assert repr(Audio(np.zeros(shape), 44100.0, form)) == text


def test_rate_and_format_are_normalized():
    audio = Audio(np.zeros((6, 24000)), 48000.0, "5.1")
    assert type(audio.sample_rate) is int
    assert audio.format is get_layout("5.1")
    assert audio.duration == 0.5
    with pytest.raises(OptionError, match="sample_rate must be a whole number of Hz"):
        Audio(SAMPLES, 44100.5)
    with pytest.raises(LayoutError, match="unknown layout or format"):
        Audio(SAMPLES, 44100, "sterio")


def test_arrays_are_unpacked_with_the_arguments():
    assert unpack_audio(SAMPLES) == (SAMPLES, None, None)
    samples, rate, form = unpack_audio(SAMPLES, sample_rate=48000, format="quad")
    assert samples is SAMPLES
    assert (rate, form) == (48000, "quad")


def test_audio_is_unpacked_with_its_rate_and_format():
    for given in ({}, {"sample_rate": 44100.0}, {"format": "Stereo"}):
        samples, rate, form = unpack_audio(STEREO, **given)
        assert samples is SAMPLES
        assert (rate, form) == (44100, get_layout("stereo"))


def test_an_argument_adds_the_format_that_audio_lacks():
    assert unpack_audio(Audio(SAMPLES, 44100), format="stereo") == (SAMPLES, 44100, "stereo")


def test_an_argument_specifies_the_angles_of_the_same_channels():
    room = Layout("room", ("FL", "FR"), [25.0, -40.0])
    for form in (room, get_layout("0+2+0")):
        assert unpack_audio(STEREO, format=form)[2] == form


def test_contradictions_are_refused():
    with pytest.raises(OptionError) as refused:
        unpack_audio(STEREO, sample_rate=48000, name="estimate")
    assert str(refused.value) == (
        "sample_rate is 48000 Hz, but estimate is an Audio at 44100 Hz; omit sample_rate"
    )
    with pytest.raises(LayoutError) as refused:
        unpack_audio(STEREO, format="quad", format_name="source")
    assert str(refused.value) == (
        "source is 'quad', but audio is an Audio in 'stereo'; "
        "omit source, or pass the samples of audio"
    )


def test_ambisonics_is_unpacked_with_its_conventions():
    samples = np.zeros((9, 10))
    n3d = Audio(samples, 48000, AmbisonicFormat(2, "N3D"))
    for given in ({}, {"normalization": "n3d"}, {"channel_order": "ACN"}):
        assert unpack_ambisonics(n3d, **given) == (samples, "N3D", "ACN")
    assert unpack_ambisonics(samples) == (samples, "SN3D", "ACN")
    assert unpack_ambisonics(samples, channel_order="fuma") == (samples, "SN3D", "FuMa")
    unknown = Audio(samples, 48000)
    assert unpack_ambisonics(unknown, normalization="N3D") == (samples, "N3D", "ACN")


def test_other_audio_is_not_taken_for_ambisonics():
    with pytest.raises(LayoutError, match="must be Ambisonics, got an Audio in 'stereo'; encode"):
        unpack_ambisonics(STEREO)
    fuma = Audio(np.zeros((4, 9)), 48000, "fuma1")
    with pytest.raises(
        LayoutError, match="normalization is 'SN3D', but scene is an Audio with normalization 'FuM"
    ):
        unpack_ambisonics(fuma, normalization="SN3D", name="scene")


@pytest.fixture
def scene(rng):
    """First-order FuMa, as an array and as an `Audio`."""
    samples = rng.standard_normal((4, 200)).astype(np.float32)
    return samples, Audio(samples, 48000, "fuma1")


def same(result, expected):
    assert type(result) is np.ndarray
    assert result.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("function", [vbap_pan, encode_foa, encode_ambisonics])
def test_panners_and_encoders_use_the_channels_of_audio_as_sources(function, rng):
    samples = rng.standard_normal((2, 100)).astype(np.float32)
    same(function(Audio(samples, 44100, "stereo"), [30.0, -30.0]), function(samples, [30.0, -30.0]))


FUMA = {"normalization": "FuMa", "channel_order": "FuMa"}


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (rotate_foa, (30.0,)),
        (rotate_ambisonics, (30.0, 20.0)),
        (virtual_microphones, ([0.0, 90.0],)),
        (decode_foa, ("quad",)),
        (decode_ambisonics, ("5.1",)),
    ],
)
def test_the_format_of_audio_is_used(function, arguments, scene):
    samples, audio = scene
    same(function(audio, *arguments), function(samples, *arguments, **FUMA))
    same(function(audio, *arguments, **FUMA), function(samples, *arguments, **FUMA))
    with pytest.raises(LayoutError, match="channel_order is 'ACN', but ambisonics is an Audio"):
        function(audio, *arguments, channel_order="ACN")
    with pytest.raises(LayoutError, match="ambisonics must be Ambisonics, got an Audio in 'quad'"):
        function(Audio(samples, 48000, "quad"), *arguments)


@pytest.mark.parametrize("decode", [decode_foa, decode_ambisonics])
def test_dual_band_decoders_use_the_rate_of_audio(decode, scene):
    samples, audio = scene
    expected = decode(samples, "quad", weights="dual-band", sample_rate=48000, **FUMA)
    same(decode(audio, "quad", weights="dual-band"), expected)
    same(decode(audio, "quad", weights="dual-band", sample_rate=48000.0), expected)
    with pytest.raises(OptionError, match="ambisonics is an Audio at 48000 Hz; omit sample_rate"):
        decode(audio, "quad", weights="dual-band", sample_rate=44100)


@pytest.mark.parametrize("convert", [convert_foa, convert_ambisonics, render])
def test_the_source_format_may_be_omitted(convert, scene):
    samples, audio = scene
    same(convert(audio, target="foa"), convert(samples, "fuma1", "foa"))
    same(convert(audio, "fuma1", "foa"), convert(samples, "fuma1", "foa"))
    with pytest.raises(LayoutError, match=r"source is 'ambix1', but .* is an Audio in 'fuma1'"):
        convert(audio, "ambix1", "foa")
    with pytest.raises(LayoutError, match="source is missing"):
        convert(Audio(samples, 48000), target="foa")
    with pytest.raises(LayoutError, match="target is missing"):
        convert(audio)
