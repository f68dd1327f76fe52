"""Sample-rate conversion of arrays: length, timing, dtype and rejected arguments."""

from __future__ import annotations

import numpy as np
import pytest
import soxr

from spatialkit.errors import OptionError, ShapeError, SignalError
from spatialkit.files import resample


@pytest.mark.parametrize("shape", [(0,), (1,), (5,), (2, 0), (1, 1), (2, 1), (3, 2, 1000)])
@pytest.mark.parametrize("new_rate", [8000, 44100, 48000, 44100.5])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_exact(rng, shape, new_rate, dtype):
    audio = rng.standard_normal(shape).astype(dtype)
    converted = resample(audio, 44100, new_rate)
    assert converted.shape == (*shape[:-1], round(shape[-1] * new_rate / 44100))
    assert converted.dtype == dtype
    assert converted.flags.c_contiguous


@pytest.mark.parametrize("quality", ["HQ", "VHQ"])
def test_channels_are_those_of_soxr(rng, quality):
    """Oracle: soxr applied to each channel alone."""
    audio = rng.standard_normal((2, 3, 4410))
    converted = resample(audio, 44100, 48000, quality=quality)
    for index in np.ndindex(2, 3):
        expected = soxr.resample(audio[index], 44100, 48000, quality=quality)
        np.testing.assert_allclose(converted[index], expected, rtol=0, atol=1e-14)
    assert not np.array_equal(converted[0, 0], converted[0, 1])


@pytest.mark.parametrize("length", [0, 1, 900, 1088, 1089, 2000])
@pytest.mark.parametrize("new_rate", [48000, 44100])
def test_a_length_cuts_or_pads_the_end(rng, length, new_rate):
    audio = rng.standard_normal((2, 1000))
    converted = resample(audio, 44100, new_rate, length=length)
    expected = np.pad(resample(audio, 44100, new_rate), ((0, 0), (0, 2000)))[:, :length]
    np.testing.assert_array_equal(converted, expected)


def test_default_quality_is_the_higher_one(rng):
    audio = rng.standard_normal((1, 1000))
    default = resample(audio, 44100, 48000)
    np.testing.assert_array_equal(default, resample(audio, 44100, 48000, quality="VHQ"))
    assert not np.array_equal(default, resample(audio, 44100, 48000, quality="HQ"))


def test_a_tone_keeps_its_timing():
    """Closed form: the sine of the same frequency at the new sampling instants."""
    tone = np.sin(2 * np.pi * 1000 / 48000 * np.arange(48000))
    converted = resample(tone, 48000, 32000)
    expected = np.sin(2 * np.pi * 1000 / 32000 * np.arange(32000))
    # Away from both ends; the passband ripple of "VHQ" is about 1e-7.
    np.testing.assert_allclose(converted[2000:-2000], expected[2000:-2000], rtol=0, atol=1e-6)


def test_equal_rates_return_a_copy(rng):
    audio = rng.standard_normal((2, 100))
    copy = resample(audio, 48000, 48000.0)
    np.testing.assert_array_equal(copy, audio)
    assert not np.shares_memory(copy, audio)


@pytest.mark.parametrize(
    ("audio", "options", "error", "words"),
    [
        (np.zeros((2, 9), np.int16), {}, SignalError, "must be float32 or float64"),
        (np.zeros((100, 2)), {}, ShapeError, "frames-first"),
        (np.zeros((2, 9)), {"rate": 0}, OptionError, "rate must be from 1 to"),
        (
            np.zeros((2, 9)),
            {"new_rate": -1.0},
            OptionError,
            "new_rate must be from 1 to",
        ),
        (np.zeros((2, 9)), {"rate": np.nan}, OptionError, "rate must be from 1 to"),
        (np.zeros((2, 9)), {"quality": "best"}, OptionError, "quality"),
        (
            np.zeros((2, 9)),
            {"length": -1},
            OptionError,
            "length must be at least 0 samples, got -1",
        ),
    ],
)
def test_invalid_arguments_are_rejected(audio, options, error, words):
    with pytest.raises(error, match=words):
        resample(audio, **({"rate": 44100, "new_rate": 48000} | options))
