"""Stimuli: loudness, alignment, fades, anchors, rendering and encoding."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile
from listening_cases import RATE, noise

from spatialkit import Audio, listening, render, write
from spatialkit.errors import AudioFileError, LayoutError, OptionError, ShapeError, SignalError
from spatialkit.listening.stimuli import equalize, prepare
from spatialkit.metrics import loudness

SHORT = listening.StimulusOptions(duration=1.2)
AS_IT_IS = listening.StimulusOptions(duration=1.2, playback="stereo", fade=0.0)


def prepared(sources, options=SHORT, anchors=()):
    found = prepare("song", sources, options, anchors)
    return equalize(found, options.loudness, dict.fromkeys(found, "a sample"))


def test_stimuli_are_equally_loud_after_encoding():
    """Loudness of what a listener receives, decoded by another library."""
    sources = {"quiet": noise(level=0.001), "loud": noise(level=0.2), "5.1": noise(6, format="5.1")}
    levels = []
    for stimulus in prepared(sources, anchors=listening.ANCHORS).values():
        samples, rate = soundfile.read(io.BytesIO(stimulus.encode(16)), always_2d=True)
        levels.append(float(loudness(samples.T, "stereo", rate)))
    assert max(levels) - min(levels) <= listening.LOUDNESS_TOLERANCE
    assert levels == pytest.approx([-23.0] * 6, abs=0.05)  # dither of 16 bits is below -90 dB


def test_loudness_is_lowered_for_all_if_a_peak_were_clipped():
    clicks = np.zeros((2, 2 * RATE))
    clicks[:, ::4800] = 1.0
    found = prepared({"noise": noise(), "clicks": Audio(clicks, RATE, "stereo")}, AS_IT_IS)
    levels = {name: each.facts["loudness"] for name, each in found.items()}
    assert levels["noise"] == levels["clicks"] < -23.0
    assert found["clicks"].facts["true_peak"] == pytest.approx(-1.0, abs=0.01)
    assert np.abs(found["clicks"].samples).max() <= 10 ** (-1 / 20) * (1 + 1e-12)


@pytest.mark.parametrize("delay", [0, 1, 37, 2048, 4799])
def test_delays_are_removed(delay):
    audio = noise(seconds=2.0)
    late = Audio(np.pad(audio.samples, ((0, 0), (delay, 0)))[:, : 2 * RATE], RATE, "stereo")
    found = prepared({"reference": audio, "late": late, "same": audio}, AS_IT_IS)
    assert [each.facts["delay"] for each in found.values()] == [0, delay, 0]
    np.testing.assert_allclose(found["late"].samples, found["reference"].samples, atol=1e-12)
    back = prepared({"late": late, "early": audio}, AS_IT_IS)
    assert back["early"].facts["delay"] == -delay
    # The loudness is measured with 100 ms less of one of them in front: the level differs a little.
    np.testing.assert_allclose(back["late"].samples, back["early"].samples, atol=1e-12)


def test_signals_that_are_not_similar_are_not_shifted():
    found = prepared({"one": noise(seed=1), "two": noise(seed=2)}, AS_IT_IS)
    assert [each.facts["delay"] for each in found.values()] == [0, 0]


def test_differences_of_paths_to_the_ears_are_no_delays():
    audio = noise(6, seconds=2.0, format="5.1")
    for delay, found in ((30, 0), (100, 100)):  # 0.6 and 2.1 ms
        late = Audio(np.pad(audio.samples, ((0, 0), (delay, 0)))[:, : 2 * RATE], RATE, "5.1")
        assert prepared({"a": audio, "late": late})["late"].facts["delay"] == found


def test_alignment_can_be_switched_off():
    audio = noise(seconds=2.0)
    late = Audio(np.pad(audio.samples, ((0, 0), (100, 0)))[:, : 2 * RATE], RATE, "stereo")
    options = listening.StimulusOptions(duration=1.2, playback="stereo", align=False)
    assert prepared({"a": audio, "late": late}, options)["late"].facts["delay"] == 0


def test_fades_are_raised_cosines():
    ones = Audio(np.ones((2, 2 * RATE)), RATE, "stereo")
    options = listening.StimulusOptions(duration=1.0, playback="stereo", fade=0.1)
    samples = prepare("song", {"a": ones}, options)["a"].samples[0]
    ramp = np.sin(0.5 * np.pi * (np.arange(4800) + 0.5) / 4800) ** 2
    np.testing.assert_allclose(samples[:4800], ramp, atol=1e-12)
    np.testing.assert_allclose(samples[::-1][:4800], ramp, atol=1e-12)
    assert np.all(samples[4800:-4800] == 1.0)


def test_headphones_are_rendered_as_by_render():
    audio = noise(6, format="5.1", seconds=1.5)
    options = listening.StimulusOptions(duration=1.5, fade=0.0)
    found = prepare("song", {"a": audio}, options)["a"]
    np.testing.assert_allclose(found.samples, render(audio, target="binaural"), atol=1e-12)
    assert found.layout.name == "stereo"


def test_loudspeakers_are_played_as_they_are():
    audio = noise(6, format="5.1")
    options = listening.StimulusOptions(duration=1.5, fade=0.0, playback="loudspeakers")
    found = prepare("song", {"a": audio}, options)["a"]
    np.testing.assert_array_equal(found.samples, audio.samples)
    options = listening.StimulusOptions(duration=1.5, playback="loudspeakers", layout="quad")
    assert prepare("song", {"a": audio}, options)["a"].samples.shape == (4, 72000)


def test_files_are_read_from_start_and_resampled(tmp_path):
    rng = np.random.default_rng(0)
    samples = 0.1 * rng.standard_normal((2, 3 * 44100))
    write(tmp_path / "a.wav", samples, 44100, subtype="DOUBLE")
    options = listening.StimulusOptions(start=1.0, duration=1.0, playback="stereo", fade=0.0)
    found = prepare("song", {"a": tmp_path / "a.wav"}, options)["a"]
    assert found.samples.shape == (2, 48000)
    assert found.facts["resampled_from"] == 44100
    assert found.facts["source"] == "a.wav"  # pages contain no folders of the experimenter
    same = listening.StimulusOptions(
        start=1.0, duration=1.0, playback="stereo", fade=0.0, sample_rate=44100, align=False
    )
    found = prepare("song", {"a": tmp_path / "a.wav"}, same)["a"]
    np.testing.assert_array_equal(found.samples, samples[:, 44100 : 2 * 44100])


@pytest.mark.parametrize("cutoff", [3500.0, 7000.0])
def test_low_pass_anchors_meet_the_limits_of_bs1534(cutoff):
    """Annex 1: ripple of 0.1 dB up to 3.5 kHz, 25 dB at 4 kHz, 50 dB at 4.5 kHz; no delay."""
    click = np.zeros((1, 8192))
    click[0, 4096] = 1.0
    found = listening.low_pass_anchor(Audio(click, RATE, "mono"), cutoff).samples[0]
    response = 20.0 * np.log10(np.abs(np.fft.rfft(found)) + 1e-12)
    ratio = np.fft.rfftfreq(8192, 1.0 / RATE) / cutoff
    assert np.abs(response[ratio <= 1.0]).max() <= 0.1
    assert response[ratio >= 4.0 / 3.5].max() <= -50.0
    np.testing.assert_allclose(found[4096:4500], found[4096:3692:-1], atol=1e-12)  # symmetric


def test_the_spatial_anchor_is_in_front():
    surround = listening.spatial_anchor(noise(6, format="5.1"))
    assert np.flatnonzero(surround.samples.std(axis=1)).tolist() == [2]
    stereo = listening.spatial_anchor(noise())
    np.testing.assert_array_equal(stereo.samples[0], stereo.samples[1])
    scene = listening.spatial_anchor(noise(4, format="ambix1")).samples
    assert np.flatnonzero(scene.std(axis=1)).tolist() == [0, 3]  # W and X


def test_encoding_is_reproducible_and_dithered():
    stimulus = prepared({"a": noise()})["a"]
    assert stimulus.encode(16, seed=1) == stimulus.encode(16, seed=1) != stimulus.encode(16, seed=2)
    samples, _ = soundfile.read(io.BytesIO(stimulus.encode(24)), always_2d=True)
    np.testing.assert_allclose(samples.T, stimulus.samples, atol=2**-24)


@pytest.mark.parametrize(
    ("sources", "options", "error", "match"),
    [
        ({"a": noise(), "b": noise(seconds=0.9)}, SHORT, OptionError, "differ in length"),
        ({"a": noise(seconds=0.2)}, SHORT, OptionError, "at least 0.5 s"),
        ({"a": "missing.wav"}, SHORT, AudioFileError, "missing.wav"),
        ({"a": 3}, SHORT, OptionError, "must be a path or an Audio"),
        ({"a": noise(6, format=None)}, SHORT, LayoutError, "without a format"),
        ({"a": noise(6, format="5.1")}, AS_IT_IS, ShapeError, "needs 2"),
        (
            {"a": noise(12, format="7.1.4")},
            listening.StimulusOptions(playback="loudspeakers"),
            LayoutError,
            "at most 8",
        ),
        (
            {"a": noise(6, format="5.1"), "b": noise(4, format="quad")},
            listening.StimulusOptions(playback="loudspeakers"),
            LayoutError,
            "specify layout",
        ),
    ],
)
def test_unusable_sources_are_refused(sources, options, error, match):
    with pytest.raises(error, match=match):
        prepare("song", sources, options)


def test_silence_is_refused():
    silence = Audio(np.zeros((2, 2 * RATE)), RATE, "stereo")
    with pytest.raises(SignalError, match="is silent"):
        prepared({"a": silence})


@pytest.mark.parametrize(
    "wrong",
    [
        {"playback": "phone"},
        {"duration": 0.1},
        {"duration": 1000.0},
        {"loudness": 0.0},
        {"bit_depth": 8},
        {"fade": -1.0},
        {"start": -1.0},
        {"sample_rate": 100},
        {"playback": "stereo", "layout": "5.1"},
    ],
)
def test_wrong_options_are_refused(wrong):
    with pytest.raises(OptionError):
        listening.StimulusOptions(**wrong)
