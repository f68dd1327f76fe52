"""Interface, registry and conformance test of separators, with separators made of arithmetic."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.errors import LayoutError, OptionError, ShapeError
from spatialkit.files import Audio
from spatialkit.upmixing import describe_options, option
from spatialkit_models.separation import (
    Separator,
    SeparatorError,
    check_separator,
    get_separator,
    load_separator,
    register_separator,
    registry,
    separator_names,
)

RATE = 8000


@dataclass(frozen=True)
class Options:
    ratio: float = option(0.5, "Part of the song in the first stem.", minimum=0.0, maximum=1.0)


class Parts(Separator):
    """Two proportional stems, in windows of half a second."""

    name = "parts"
    version = "1"
    stems = ("vocals", "other")
    sample_rate = RATE
    window, overlap = 0.5, 0.2
    options_class = Options

    def _separate(self, audio, sample_rate, start):
        assert sample_rate == RATE
        return np.stack([self.options.ratio * audio, np.zeros_like(audio)])


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    monkeypatch.setattr(registry.SEPARATORS, "registered", {"parts": Parts})


def noise(channels=2, samples=2 * RATE, dtype=np.float32):
    return 0.1 * np.random.default_rng(3).standard_normal((channels, samples)).astype(dtype)


def test_a_separator_that_conforms_passes_every_check():
    results = check_separator(get_separator("parts"))
    assert {result.status for result in results} == {"passed"}
    assert len(results) == 12


@pytest.mark.parametrize("rate", [RATE, 11025])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_residual_goes_to_other_so_that_the_sum_is_the_song(rate, channels, dtype):
    song = noise(channels, dtype=dtype)
    stems = get_separator("parts", ratio=0.25).separate(song, rate)
    assert stems.shape == (2, *song.shape)
    assert stems.dtype == dtype
    # Rounding of both stems to the data type of the song.
    np.testing.assert_allclose(stems.sum(axis=0), song, atol=4 * np.finfo(dtype).eps)
    if rate == RATE:
        np.testing.assert_allclose(stems[0], 0.25 * song, atol=1e-7)


def test_without_other_the_residual_goes_to_the_last_stem(monkeypatch):
    monkeypatch.setattr(Parts, "stems", ("vocals", "bass"))
    song = noise()
    np.testing.assert_allclose(get_separator("parts").separate(song, RATE)[1], 0.5 * song)


def test_an_audio_brings_its_rate_and_must_be_mono_or_stereo():
    separator, song = get_separator("parts"), noise(samples=100)
    stems = separator.separate(Audio(song, RATE, "stereo"))
    np.testing.assert_array_equal(stems, separator.separate(song, RATE))
    with pytest.raises(LayoutError, match="separator 'parts' accepts 1 or 2 channels, got 6"):
        separator.separate(Audio(noise(6), RATE, "5.1"))
    with pytest.raises(OptionError, match="sample_rate is required"):
        separator.separate(song)


def test_windows_receive_their_place_in_the_song():
    starts = []

    class Recording(Parts):
        sample_rate = 2 * RATE

        def _separate(self, audio, sample_rate, start):
            starts.append((audio.shape[1], start))
            return np.stack([audio, 0 * audio])

    separator = Recording()
    separator.separate(noise(samples=RATE), RATE)
    assert starts == [(8000, 0), (8000, 4800), (8000, 8000)]
    separator.separate_window(noise(samples=10), RATE, 123)
    assert starts[-1] == (20, 246)
    with pytest.raises(OptionError, match="start must be at least 0"):
        separator.separate_window(noise(samples=10), RATE, -1)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (lambda audio: audio, r"of shape \(2, 100\) instead of .* \(2, 2, 100\)"),
        (lambda audio: np.full((2, *audio.shape), np.nan), "returned NaN or infinity"),
        (lambda audio: np.zeros((2, *audio.shape), int), "returned int64"),
    ],
)
def test_an_invalid_output_is_named(monkeypatch, output, message):
    monkeypatch.setattr(Parts, "_separate", lambda self, audio, rate, start: output(audio))
    with pytest.raises(SeparatorError, match=message):
        get_separator("parts").separate(noise(samples=100), RATE)


class Late(Parts):
    def _separate(self, audio, sample_rate, start):
        return np.stack([np.pad(audio, ((0, 0), (3, 0)))[:, :-3], 0 * audio])


class Random(Parts):
    rng = np.random.default_rng(1)

    def _separate(self, audio, sample_rate, start):
        return np.stack([self.rng.random() * audio, 0 * audio])


class Selfish(Parts):
    def separate(self, audio, sample_rate=None):
        stems = super().separate(audio, sample_rate)
        return 2.0 * stems


class Strict(Parts):
    def _separate(self, audio, sample_rate, start):
        if audio.shape[1] < 50:
            raise ValueError("too short")
        return super()._separate(audio, sample_rate, start)


class Positional(Parts):
    def separate_window(self, audio, sample_rate, start=0):
        return super().separate_window(audio, sample_rate, start)[::-1]


class Nameless(Parts):
    version = ""


@pytest.mark.parametrize(
    ("broken", "check", "message"),
    [
        (Late, "alignment", "'vocals' must be aligned with the input, it is 3 samples late"),
        (Random, "same stems each time", "the same input must give the same stems"),
        (Selfish, "sum", "the sum of the stems must be the input"),
        (Strict, "any length", r"shape \(2, 1\) must be accepted, it raised ValueError"),
        (Positional, "windows", "separate_window at sample 0 must equal separate"),
        (Nameless, "declaration", "version must be a text that is not empty"),
    ],
)
def test_each_rule_is_checked(broken, check, message):
    with pytest.raises(SeparatorError, match=message):
        check_separator(broken(ratio=0.7))
    results = check_separator(broken(ratio=0.7), raise_on_failure=False)
    assert next(result.name for result in results if result.status == "failed") == check


def test_names_are_found_in_any_case_and_suggested():
    assert {"masks", "folder", "parts"} <= set(separator_names())
    assert type(get_separator("PARTS")) is Parts
    assert load_separator("parts") is Parts
    with pytest.raises(SeparatorError, match="unknown separator 'mask'; did you mean 'masks'"):
        get_separator("mask")
    with pytest.raises(OptionError, match=r"separator 'parts': unknown option 'ratoi'.*'ratio'"):
        get_separator("parts", ratoi=1.0)
    assert describe_options(Parts)[0].accepts == "number from 0 to 1"


def test_separators_are_registered_once():
    register_separator("more-parts", Parts)
    assert get_separator("more-parts").name == "more-parts"
    with pytest.raises(SeparatorError, match="'more-parts' is in use by"):
        register_separator("more-parts", Parts)
    register_separator("number", lambda: 3)
    with pytest.raises(SeparatorError, match="is a int, not a Separator; derive it from"):
        get_separator("number")


def test_wrong_input_is_refused():
    separator = get_separator("parts")
    with pytest.raises(ShapeError, match="separator 'parts' accepts 1 or 2 channels"):
        separator.separate(noise(3), RATE)
    with pytest.raises(ShapeError, match="one item at a time"):
        separator.separate(noise()[None], RATE)


def test_the_command_line_checks_a_separator(capsys):
    assert main(["check", "--separator", "parts", "-O", "ratio=0.3"]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert lines[0] == "passed   declaration"
    assert summary == "parts: 12 passed"


def test_the_command_line_check_fails_with_the_reason(capsys, monkeypatch):
    def late(self, audio, rate, start):
        return np.stack([np.roll(audio, 50, axis=1), 0.0 * audio])

    monkeypatch.setattr(Parts, "_separate", late)
    assert main(["check", "--separator", "parts", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["separator"], facts["passed"]) == ("parts", False)
    failed = [check["name"] for check in facts["checks"] if check["status"] == "failed"]
    assert "alignment" in failed


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "unknown separator 'nowhere'"),
        (["parts", "-O", "ratio=2"], "ratio must be from 0 to 1"),
        (["folder", "-O", "path=x"], "accepts only the song that its files belong to"),
    ],
)
def test_the_command_line_check_refuses_invalid_use(capsys, arguments, words):
    assert main(["check", "--separator", *arguments]) == 2
    assert words in capsys.readouterr().err
