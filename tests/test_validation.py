"""Argument validation: names, numbers, sample rates and arrays."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import spatialkit
from spatialkit.errors import (
    DirectionError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    SpatialkitError,
)
from spatialkit.validation import (
    as_angles,
    as_audio,
    as_choice,
    as_count,
    as_number,
    as_sample_rate,
    match_name,
    require_finite,
    unknown_name,
)

DECODERS = ("allrad", "epad", "mode-matching", "sampling")


@pytest.mark.parametrize("name", ["epad", "EPAD", "Epad", np.str_("epad")])
def test_names_match_without_regard_to_case(name):
    chosen = as_choice(name, "decoder", DECODERS)
    assert chosen == "epad"
    assert type(chosen) is str


def test_an_exact_match_comes_before_one_that_differs_in_case():
    assert match_name("b", ("B", "b")) == "b"
    assert match_name("B", ("B", "b")) == "B"
    assert match_name("c", ("B", "b")) is None
    assert match_name(None, ("none",)) is None


def test_an_unknown_name_gets_the_closest_match_before_the_accepted_names():
    with pytest.raises(OptionError) as refused:
        as_choice("allrd", "decoder", DECODERS)
    assert str(refused.value) == (
        "unknown decoder 'allrd'; did you mean 'allrad'? "
        "Accepted: 'allrad', 'epad', 'mode-matching', 'sampling'"
    )
    assert "did you mean 'mode-matching'?" in unknown_name("decoder", "MODE_MATCHING", DECODERS)


def test_a_name_like_no_other_gets_the_accepted_names_only():
    assert unknown_name("decoder", "zzz", ("a", "b")) == "unknown decoder 'zzz'. Accepted: 'a', 'b'"
    assert unknown_name("decoder", None, ()) == "decoder must be a name, got None. Accepted: none"
    with pytest.raises(LayoutError, match=r"^unknown layout 'x'"):
        as_choice("x", "layout", ("mono",), error=LayoutError)


@pytest.mark.parametrize("package", ["spatialkit", "spatialkit_models"])
def test_callers_use_the_name_that_as_choice_returns(package):
    """A caller that ignores it would go on with a spelling that nothing else matches."""
    root = Path(spatialkit.__file__).parents[1] / package
    for path in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                function = node.value.func
                assert getattr(function, "id", "") != "as_choice", f"{path}:{node.lineno}"


@pytest.mark.parametrize(
    "value", [0.5, np.float32(0.5), np.float64(0.5), np.float16(0.5), np.array(0.5), "0.5"]
)
def test_numbers_may_be_scalars_of_numpy_or_text(value):
    number = as_number(value, "width", minimum=0.0, maximum=1.0)
    assert number == 0.5
    assert type(number) is float


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (2.0, "width must be from 0 to 1 m, got 2.0"),
        (np.nan, "width must be from 0 to 1 m, got nan"),
        ("wide", "width must be a number of m, got 'wide'"),
        ([1.0, 2.0], "width must be a number of m"),
        (10**400, "width must be a number of m"),
    ],
)
def test_other_numbers_are_refused_with_the_range(value, message):
    with pytest.raises(OptionError, match=message):
        as_number(value, "width", minimum=0.0, maximum=1.0, unit="m")


def test_open_ranges_are_named():
    with pytest.raises(OptionError, match=r"gain must be finite, got inf"):
        as_number(np.inf, "gain")
    with pytest.raises(OptionError, match=r"gain must be at least 3 dB, got 2$"):
        as_number(2, "gain", minimum=3.0, unit="dB")


@pytest.mark.parametrize("value", [3, np.int16(3), np.uint8(3), np.array(3)])
def test_counts_may_be_integers_of_numpy(value):
    count = as_count(value, "order", maximum=7)
    assert count == 3
    assert type(count) is int


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "order must be a whole number, got True"),
        (np.True_, "order must be a whole number, got"),
        (3.0, "order must be a whole number, got 3.0"),
        ("3", "order must be a whole number, got '3'"),
        (0, "order must be from 1 to 7, got 0"),
        (8, "order must be from 1 to 7, got 8"),
    ],
)
def test_other_counts_are_refused(value, message):
    with pytest.raises(OptionError, match=message):
        as_count(value, "order", maximum=7)


@pytest.mark.parametrize("value", [44100, 44100.0, np.float32(44100), np.int32(44100)])
def test_a_sample_rate_may_be_a_whole_float(value):
    rate = as_sample_rate(value)
    assert rate == 44100
    assert type(rate) is int


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (44100.5, "sample_rate must be a whole number of Hz, got 44100.5"),
        (np.nan, "sample_rate must be a whole number of Hz, got nan"),
        (np.inf, "sample_rate must be a whole number of Hz, got inf"),
        (None, "sample_rate must be a whole number of Hz, got None"),
        ("44100", "sample_rate must be a whole number of Hz, got '44100'"),
        (0.0, "sample_rate must be at least 1 Hz, got 0"),
        (-48000, "sample_rate must be at least 1 Hz, got -48000"),
    ],
)
def test_other_sample_rates_are_refused(value, message):
    with pytest.raises(OptionError, match=message):
        as_sample_rate(value)


@pytest.mark.parametrize("dtype", [">f4", "<f4", ">f8", "<f8"])
def test_audio_of_either_byte_order_becomes_native(dtype):
    values = np.array([[0.25, -0.5], [1.0, 0.0]], dtype=dtype)
    audio = as_audio(values)
    assert audio.dtype.isnative
    assert audio.dtype.itemsize == values.dtype.itemsize
    np.testing.assert_array_equal(audio, values)


def test_native_audio_is_not_copied():
    audio = np.zeros((2, 100), np.float32)
    assert as_audio(audio) is audio
    assert require_finite(audio) is audio


def test_big_endian_audio_is_processed_as_native_audio():
    audio = np.linspace(-1.0, 1.0, 10)
    panned = spatialkit.vbap_pan(audio.astype(">f8"), 10.0, layout="stereo")
    np.testing.assert_array_equal(panned, spatialkit.vbap_pan(audio, 10.0, layout="stereo"))


@pytest.mark.parametrize("dtype", [np.int16, np.complex64, np.float16, bool, object])
def test_other_data_types_are_refused(dtype):
    with pytest.raises(SignalError, match="stems must be float32 or float64, got"):
        as_audio(np.zeros((2, 100), dtype), "stems")


def test_angles_may_be_scalars_of_numpy():
    np.testing.assert_array_equal(as_angles(np.float32(30), "azimuth"), 30.0)
    np.testing.assert_array_equal(as_angles([np.int8(30), 0.5], "azimuth"), [30.0, 0.5])


@pytest.mark.parametrize(
    "audio",
    [np.ma.masked_greater(np.zeros((2, 9)), 1.0), [[0.0], [0.0, 1.0]], None, "text", [True, False]],
)
def test_values_that_are_no_audio_give_one_sentence(audio):
    with pytest.raises(SignalError, match=r"^audio must be "):
        as_audio(audio)


def test_booleans_are_no_numbers():
    for value in (True, np.True_):
        with pytest.raises(OptionError, match="gain must be a number, got"):
            as_number(value, "gain")


class FakeTensor:
    """Tensor as torch has it: NumPy cannot read one that requires gradients."""

    requires_grad = True

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.ma.masked_array(np.ones((2, 9)), mask=np.eye(2, 9)), "without mask"),
        ([[1.0, 2.0], [1.0]], "must be an array of numbers"),
        (None, "got None"),
        (FakeTensor(), r"pass tensor\.detach\(\)"),
    ],
    ids=["masked", "ragged", "None", "tensor"],
)
@pytest.mark.parametrize(
    "call",
    [
        lambda values: spatialkit.vbap_pan(values, 0.0),
        lambda values: spatialkit.vbap_gains(values),
        lambda values: spatialkit.stft(values),
        lambda values: spatialkit.istft(values),
        lambda values: spatialkit.metrics.snr(np.ones((2, 9)), values),
        lambda values: spatialkit.metrics.ild(values),
        lambda values: spatialkit.get_upmixer("ambience").upmix(values, 48000),
        lambda values: spatialkit.write("a.wav", values, 48000),
    ],
)
def test_what_is_not_an_array_of_numbers_is_one_sentence(call, values, message):
    with pytest.raises(SpatialkitError, match=message):
        call(values)


@pytest.mark.parametrize("angle", [True, "30", [True, False], np.array(["30"]), 1j, object()])
def test_angles_are_numbers(angle):
    with pytest.raises(DirectionError, match="must be numbers in degrees"):
        spatialkit.vbap_gains(angle)


def test_many_channels_with_few_samples_are_accepted_for_a_layout_that_has_them():
    layout = spatialkit.Layout.from_directions(np.linspace(0.0, 357.0, 128))
    assert spatialkit.metrics.energy_vector(np.ones((128, 64)), layout).shape == (3,)
    with pytest.raises(ShapeError, match="frames-first"):
        spatialkit.vbap_pan(np.ones((128, 64)), np.zeros(128))


@pytest.mark.parametrize("exponent", [-600, -400, 400, 530, 1000])
def test_metrics_of_two_signals_do_not_depend_on_their_scale(rng, exponent):
    reference = rng.standard_normal((2, 4800))
    estimate = reference + 0.1 * rng.standard_normal((2, 4800))
    scaled = np.ldexp(reference, exponent), np.ldexp(estimate, exponent)
    for metric in (
        spatialkit.metrics.snr,
        spatialkit.metrics.si_sdr,
        spatialkit.metrics.sd_sdr,
        spatialkit.metrics.wild,
        spatialkit.metrics.ild_error,
    ):
        assert metric(*scaled) == pytest.approx(metric(reference, estimate), rel=1e-9)
