"""The conformance check: good upmixers pass, and each violated rule is named."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest

from spatialkit.errors import OptionError, SpatialkitWarning, UpmixerError
from spatialkit.layouts import AmbisonicFormat, get_layout
from spatialkit.upmixing import (
    CheckResult,
    Upmixer,
    UpmixStream,
    check_upmixer,
    controls,
    describe_upmixers,
    get_upmixer,
    option,
)


def twice(audio):
    return np.concatenate([audio, audio])


class Good(Upmixer):
    """Both channels, twice."""

    name = "good"
    accepts = (2,)
    format = get_layout("quad")

    def _upmix(self, audio, sample_rate):
        return twice(audio)


class Native(Good):
    sample_rate = 32000


class Scene(Good):
    format = AmbisonicFormat(1)
    accepts = (1, 2, 4)

    def _upmix(self, audio, sample_rate):
        return np.repeat(audio[:1], 4, axis=0)


class Lookahead(UpmixStream):
    """Upmixer that buffers ``held`` samples, like a filter, and reports ``latency``."""

    latency = 100.0
    held = 100

    def __init__(self, upmixer, sample_rate):
        super().__init__(upmixer, sample_rate)
        self.kept = None

    def _process(self, block):
        known = block if self.kept is None else np.concatenate([self.kept, block], axis=1)
        ready = max(0, known.shape[1] - self.held)
        self.kept = known[:, ready:].copy()
        return self.upmixer.upmix(known[:, :ready], self.sample_rate)

    def _flush(self):
        return self.upmixer.upmix(self.kept, self.sample_rate)


class Streaming(Good):
    def _stream(self, sample_rate):
        return Lookahead(self, sample_rate)


@dataclass(frozen=True)
class Options:
    gain: float = option(0.5, "Gain of the copy.", minimum=0.0, maximum=1.0)
    taste: str = option("sweet", "Kind of the copy.", choices=("sweet", "sour"))
    exact_downmix: bool = controls.exact_downmix()


class Optional(Good):
    """Upmixer with options whose invalid values are refused."""

    linear_level = True
    options_class = Options

    def _upmix(self, audio, sample_rate):
        return np.concatenate([audio, audio * audio.dtype.type(self.options.gain)])


class Exact(Optional, Streaming):
    """Upmixer with an exact downmix, also in its own stream."""


GOOD = [
    Good(),
    Native(),
    Scene(),
    Streaming(),
    Optional(),
    Exact(exact_downmix=True),
]
GOOD += [
    *(get_upmixer("matrix", layout=name) for name in ("mono", "quad", "22.2", "3+7+0")),
    get_upmixer("matrix", layout="7.1.4", exact_downmix=True, width=45.0, front_rear=0.5),
]
# Those of the core, found as everyone's are.
BUILT_IN = [found for found in describe_upmixers() if found.origin.startswith("spatialkit.upmix")]


@pytest.mark.parametrize(
    "upmixer", GOOD, ids=lambda upmixer: f"{type(upmixer).__name__}-{upmixer.format.name}"
)
def test_good_upmixers_pass(upmixer):
    check_upmixer(upmixer)


def test_the_built_in_upmixers_are_found():
    assert {"all-channel-stereo", "matrix"} <= {found.name for found in BUILT_IN}


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("layout", ["stereo", "5.1", "7.1.4", "0+5+0"])
@pytest.mark.parametrize("found", BUILT_IN, ids=lambda found: found.name)
def test_built_in_upmixers_conform_on_several_layouts(found, layout, exact):
    values = {"layout": layout, "exact_downmix": exact}
    declared = [each.name for each in found.options]
    if "layout" not in declared and layout != "5.1":
        pytest.skip(f"{found.name} serves {found.format} only")
    check_upmixer(
        get_upmixer(found.name, **{key: values[key] for key in values if key in declared})
    )


def broken(base=Good, **members):
    """An upmixer with some members replaced."""
    return type("Broken", (base,), {"name": "broken", **members})()


class Picky(Good):
    def __init__(self, size):
        super().__init__()


class Hollow(Good):
    def __init__(self):
        pass


class Tuned(Good):
    """Its output depends on a setting that is not an option."""

    level = 1.0

    def _upmix(self, audio, sample_rate):
        return twice(audio) * audio.dtype.type(self.level)


class Drifting(Tuned):
    """Its output depends on the number of calls before."""

    def _upmix(self, audio, sample_rate):
        self.level *= 0.999
        return super()._upmix(audio, sample_rate)


tuned = Tuned()
tuned.level = 0.5


class Aliasing(UpmixStream):
    """Keeps the caller's buffer, not what was in it."""

    latency = math.inf

    def _process(self, block):
        self.blocks = [*getattr(self, "blocks", []), block]
        return self._nothing()

    def _flush(self):
        return self.upmixer.upmix(np.concatenate(self.blocks, axis=1), self.sample_rate)


class Understated(Lookahead):
    latency = 10.0


class Delayed(Lookahead):
    """Upmixer that pads with zeros, like a plug-in host, and drops the end."""

    latency = 0.0

    def _process(self, block):
        early = super()._process(block)
        zeros = np.zeros((4, block.shape[1] - early.shape[1]), block.dtype)
        return np.concatenate([zeros, early], axis=1)

    def _flush(self):
        return self._nothing()


class Eager(Lookahead):
    def _process(self, block):
        return np.zeros((4, block.shape[1] + 1), block.dtype)


class Global(Lookahead):
    """All streams share one memory."""

    kept = None
    __init__ = UpmixStream.__init__

    def _process(self, block):
        known = block if Global.kept is None else np.concatenate([Global.kept, block], axis=1)
        ready = max(0, known.shape[1] - self.held)
        Global.kept = known[:, ready:].copy()
        return self.upmixer.upmix(known[:, :ready], self.sample_rate)


class Bare(Upmixer):
    """Upmixer that overrides public methods and therefore has no checks of the base class."""

    name = "bare"
    accepts = (2,)
    format = get_layout("quad")

    def upmix(self, audio, sample_rate):
        return twice(audio)


def served(function):
    """Members of an upmixer without the checks of the base class."""
    return broken(Bare, upmix=lambda self, audio, sample_rate: function(audio))


def refusing(**wrong):
    """Return an upmixer that refuses all invalid input except one kind."""

    class Lax(Good):
        def _check_input(self, audio, name="audio"):
            array = np.asarray(audio)
            if any(fits(array) for fits in wrong.values()):
                return np.zeros((2, array.shape[-1]))
            return super()._check_input(audio, name)

    return Lax()


class Lenient(Optional):
    """Upmixer that accepts any option."""

    def __init__(self, **options):
        known = ("gain", "taste", "exact_downmix")
        super().__init__(**{key: options[key] for key in known if key in options})


class Clipping(Optional):
    """Upmixer that replaces an invalid gain by the nearest valid one."""

    def __init__(self, gain=0.5, **options):
        if isinstance(gain, (int, float)):
            gain = min(max(gain, 0.0), 1.0)
        super().__init__(gain=gain, **options)


class Terse(Optional):
    """Upmixer whose error names no option."""

    end = "Accepted"

    def __init__(self, **options):
        try:
            super().__init__(**options)
        except OptionError as error:
            raise OptionError(str(error).partition(self.end)[0]) from None


class Vague(Terse):
    """Upmixer whose error does not contain the accepted values."""

    end = " from 0"


class Sour(Optional):
    """Upmixer that refuses a valid value."""

    def __init__(self, **options):
        if options.get("taste", "sweet") not in ("sweet", "sour"):
            raise KeyError(options["taste"])
        super().__init__(**options)


class Inexact(Optional):
    """Claims an exact downmix, but bypasses the base class."""

    def upmix(self, audio, sample_rate):
        return self._upmix(self._check_input(audio), sample_rate)


class Overwriting(Lookahead):
    """Fades the caller's block, not a copy of it."""

    def _process(self, block):
        ready = super()._process(block)
        block *= block.dtype.type(0.5)
        return ready


def compressed(audio):
    return twice(np.tanh(audio))


def dice(audio):
    """Upmixer that samples random numbers without using them."""
    np.random.random()  # noqa: NPY002
    return twice(audio)


def in_place(audio):
    audio *= audio.dtype.type(0.5)
    return twice(audio)


def late(audio, lag=2048):
    delayed = np.zeros_like(audio)
    delayed[:, lag:] = audio[:, : max(0, audio.shape[1] - lag)]
    return twice(delayed)


def early(audio, lead):
    return twice(np.roll(audio, -lead, axis=1))


def crash(audio):
    raise RuntimeError("no")


BROKEN = [
    (3, "must be an Upmixer, got 3"),
    (broken(name="a b"), "'a b': name must be letters, digits and '-'"),
    (broken(accepts=[2]), r"accepts must be a tuple of channel counts, got \[2\]"),
    (broken(accepts=()), "accepts must be a tuple"),
    (broken(accepts=(0, 2)), "accepts must be a tuple"),
    (broken(sample_rate=48000.0), "sample_rate must be hertz or None, got 48000.0"),
    (broken(format="quad"), "format must be a Layout or AmbisonicFormat, got 'quad'"),
    (Hollow(), "options must be an instance of NoOptions, its options_class, got None"),
    (Picky(3), "must make the same upmixer, it raised TypeError"),
    (served(crash), "must be accepted, it raised RuntimeError: no"),
    (served(lambda audio: audio), "upmix must return the 4 channels of its format 'quad', got 2$"),
    (
        served(lambda audio: twice(audio)[:, :90]),
        "upmix must return as many samples as the input has, 100, got 90$",
    ),
    (served(lambda audio: twice(audio).tolist()), "upmix must return a NumPy array"),
    (served(lambda audio: twice(audio).astype(np.float32)), "upmix must keep the dtype float64"),
    (served(lambda audio: twice(audio) * audio.dtype.type(np.nan)), "upmix returned NaN"),
    (served(in_place), "upmix changed its input in place"),
    (broken(format=get_layout("stereo"), _upmix=lambda self, audio, rate: audio), "share memory"),
    (broken(_upmix=lambda self, audio, rate: twice(audio) + audio[0, 0]), "it raised IndexError"),
    (tuned, "made again from its options, it gives another output"),
    (Drifting(), "the same input must give the same output"),
    (broken(_upmix=lambda self, audio, rate: twice(audio) + 1e-5), "silence must stay silence"),
    (broken(_upmix=lambda self, audio, rate: late(audio)), "it is 2048 samples late"),
    (broken(_upmix=lambda self, audio, rate: late(audio, 480)), "it is 480 samples late"),
    (broken(_upmix=lambda self, audio, rate: late(audio, 48)), "it is 48 samples late"),
    (broken(_upmix=lambda self, audio, rate: late(audio, 1)), "it is 1 sample late"),
    (broken(_upmix=lambda self, audio, rate: early(audio, 5)), "it is 5 samples early"),
    (
        broken(_upmix=lambda self, audio, rate: audio),
        "returned 2 channels instead of the 4 channels of its format 'quad'",
    ),
    (
        broken(_upmix=lambda self, audio, rate: twice(audio)[:, 1:]),
        "returned 99 samples for 100 samples of input|returned 0 samples for 1 samples of input",
    ),
    (broken(memoryless=True, _upmix=lambda self, a, r: twice(a) - a.sum()), "must equal upmix of"),
    (broken(_stream=lambda self, rate: Delayed(self, rate)), "must equal upmix of the whole, got"),
    (
        broken(_stream=lambda self, rate: Understated(self, rate)),
        "buffered .* more than its latency of 10",
    ),
    (
        broken(_stream=lambda self, rate: Eager(self, rate)),
        "returned 2 samples for 1 samples of input",
    ),
    (
        broken(_stream=lambda self, rate: Global(self, rate)),
        "as many samples as the input has, 24000, got 24008",
    ),
    (broken(_stream=lambda self, rate: Aliasing(self, rate)), "a stream must accept.*SignalError"),
    (
        refusing(count=lambda a: a.shape == (1, 1000)),
        "a channel count of 1 must raise a SpatialkitError",
    ),
    (
        refusing(turned=lambda a: a.shape == (1000, 2)),
        "frames-first audio must raise a SpatialkitError",
    ),
    (refusing(axes=lambda a: a.ndim == 3), "three axes must raise a SpatialkitError"),
    (refusing(holes=lambda a: a.size and np.isnan(a.sum())), "NaN must raise a SpatialkitError"),
    (refusing(whole=lambda a: a.dtype == np.int16), "integers must raise a SpatialkitError"),
    (broken(Bare), "must raise a SpatialkitError"),
    (served(dice), "must draw from a generator of its own"),
    (broken(linear_level=True, _upmix=lambda self, a, r: compressed(a)), "with linear_level, "),
    (broken(Inexact), "the downmix must equal the input, got .* dB instead"),
    (broken(_stream=lambda self, rate: Overwriting(self, rate)), "a stream changed its input"),
    (broken(Lenient), "option no_such_option=1 must raise a SpatialkitError"),
    (broken(Clipping), "option gain=-1.0 must raise a SpatialkitError$"),
    (broken(Terse), "the error for option no_such_option=1 must name gain, taste, exact_downmix"),
    (broken(Vague), "the error for option gain=-1.0 must name 0, 1$"),
    (broken(Sour), "must raise a SpatialkitError, it raised KeyError"),
    (
        served(lambda audio: np.add(*audio, dtype=audio.dtype)[None].repeat(4, axis=0)),
        "a channel count of 1 must raise a SpatialkitError, it raised TypeError",
    ),
    (
        broken(stream=lambda self, rate: Lookahead(self, abs(rate) + 1)),
        "a rate of 0 must raise a SpatialkitError",
    ),
]


@pytest.mark.parametrize(("upmixer", "message"), BROKEN, ids=[message for _, message in BROKEN])
def test_a_broken_rule_is_named(upmixer, message):
    with pytest.raises(UpmixerError, match=message):
        check_upmixer(upmixer)


class Upright(Good):
    """Both channels in quad, the output changed by ``change``."""

    change = staticmethod(lambda upmix: upmix)

    def _upmix(self, audio, sample_rate):
        return np.ascontiguousarray(self.change(twice(audio))).astype(audio.dtype)


class UprightAmbisonics(Upright):
    """W = (L + R) / 2, Y = (L - R) / 2 in N3D and FuMa order."""

    format = AmbisonicFormat(1, "N3D", "FuMa")

    def _upmix(self, audio, sample_rate):
        left, right = audio
        side = np.sqrt(3.0) * (left - right) / 2
        w, x, y, z = self.change(np.stack([(left + right) / 2, 0 * left, side, 0 * left]))
        return np.stack([w, x, y, z]).astype(audio.dtype)


def swap(upmix):
    if upmix.shape[0] == 4 and not np.any(upmix[1]) and not np.any(upmix[3]):
        return upmix * np.array([[1.0], [1.0], [-1.0], [1.0]])
    return upmix[[1, 0, 3, 2]]


SUSPECT = [
    (lambda upmix: -upmix, "polarity", "the polarity is inverted: .* is -1.00"),
    (swap, "left and right", "the left and right channels are swapped"),
    (lambda upmix: upmix * 10.0 ** (-12.0 / 20.0), "level", "dB softer than the input"),
    (lambda upmix: upmix * 10.0 ** (12.0 / 20.0), "level", "dB louder than the input"),
]


@pytest.mark.parametrize("base", [Upright, UprightAmbisonics])
@pytest.mark.parametrize(("change", "name", "message"), SUSPECT)
def test_violations_the_interface_allows_are_warnings(base, change, name, message):
    check_upmixer(base())
    upmixer = broken(base, change=staticmethod(change))
    with pytest.warns(SpatialkitWarning, match=message):
        check_upmixer(upmixer)
    results = check_upmixer(upmixer, raise_on_failure=False)
    suspect = {result.name: result.detail for result in results if result.status == "warning"}
    assert list(suspect) == [f"{name}, 2 channels"]
    assert {result.status for result in results} == {"passed", "warning"}


def test_results_name_every_check_and_the_failures():
    upmixer = broken(_upmix=lambda self, audio, rate: late(audio, 48))
    results = check_upmixer(upmixer, raise_on_failure=False)
    failed = {result.name: result.detail for result in results if result.status == "failed"}
    assert failed == {
        "alignment, 2 channels": "upmixer 'broken': the output must be aligned with the input, "
        "it is 48 samples late"
    }
    assert {"declaration", "output", "stream, 2 channels"} <= {result.name for result in results}
    assert all(isinstance(result, CheckResult) for result in results)


def test_after_a_wrong_channel_count_no_other_check_is_run():
    results = check_upmixer(broken(_upmix=lambda self, audio, rate: audio), raise_on_failure=False)
    assert [result.status for result in results] == ["passed", "failed"]
