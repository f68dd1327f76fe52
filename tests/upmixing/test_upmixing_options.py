"""Options of upmixers: declaration, validation, parsing and descriptions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import pytest

from spatialkit.errors import LayoutError, OptionError, UpmixerError
from spatialkit.layouts import AmbisonicFormat, Layout, get_layout
from spatialkit.upmixing import (
    Upmixer,
    describe_options,
    get_upmixer,
    option,
    option_values,
    parse_options,
)


@dataclass(frozen=True)
class DemoOptions:
    gain: float = option(0.5, "Gain of all.", unit="dB", minimum=-1.0, maximum=2.0)
    taps: int = option(3, "Length.", minimum=1)
    loud: bool = option(False, "Whether.")
    mode: str = option("soft", "Manner.", choices=("soft", "hard"))
    note: str = option("", "Anything.")
    layout: Layout = option("quad", "Where to.")
    scene: Layout | AmbisonicFormat = option("foa", "What else.")


class Demo(Upmixer):
    """Upmixer that copies both channels to the first two loudspeakers of any layout."""

    name = "demo"
    accepts = (2,)
    memoryless = True
    options_class = DemoOptions

    def _upmix(self, audio, sample_rate):
        rest = np.zeros((self.format.n_channels - 2, audio.shape[1]), audio.dtype)
        return np.concatenate([audio, rest])


def test_options_have_valid_defaults():
    options = Demo().options
    assert options == DemoOptions(layout=get_layout("quad"), scene=AmbisonicFormat(1))
    assert Demo(gain=1, taps=np.int64(4), loud=np.True_).options == DemoOptions(
        1.0, 4, True, layout=get_layout("quad"), scene=AmbisonicFormat(1)
    )


def test_the_layout_option_is_the_format():
    assert Demo().format == get_layout("quad")
    assert Demo(layout=get_layout("7.1")).format.n_channels == 8


def test_options_recreate_the_upmixer():
    upmixer = Demo(gain=2.0, scene="5.1", layout=Layout.from_directions([1.0, 2.0]))
    assert Demo(**option_values(upmixer)).options == upmixer.options


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gain": 3.0}, r"gain must be from -1 to 2 dB, got 3.0"),
        ({"gain": math.nan}, r"gain must be from -1 to 2 dB, got nan"),
        ({"gain": "much"}, r"gain must be a number of dB, got 'much'"),
        ({"taps": 0}, r"taps must be at least 1"),
        ({"taps": 2.5}, r"taps must be a whole number, got 2.5"),
        ({"loud": 1}, r"loud must be True or False, got 1"),
        ({"mode": "wild"}, r"unknown mode 'wild'.*Accepted: 'soft', 'hard'"),
        ({"note": 3}, r"note must be a string, got 3"),
        (
            {"gian": 1.0},
            r"upmixer 'demo': unknown option 'gian'; did you mean 'gain'\? Accepted: 'g",
        ),
    ],
)
def test_invalid_options_raise_with_the_accepted_values(options, message):
    with pytest.raises(OptionError, match=message):
        Demo(**options)


def test_unknown_layouts_raise_with_their_name():
    with pytest.raises(LayoutError, match=r"unknown layout '5\.3'"):
        get_upmixer("matrix", layout="5.3")


class Plain(Upmixer):
    name = "plain"


def test_upmixer_without_options_accepts_none():
    with pytest.raises(OptionError, match=r"'plain': unknown option 'gain'\. Accepted: none"):
        Plain(gain=1.0)


def test_texts_are_parsed_by_the_declared_type():
    texts = {"gain": "-0.5", "taps": "12", "loud": "Yes", "mode": "Hard", "note": "a b"}
    texts |= {"layout": "7.1:film", "scene": "ambix3"}
    assert parse_options(Demo, texts) == {
        "gain": -0.5,
        "taps": 12,
        "loud": True,
        "mode": "hard",
        "note": "a b",
        "layout": get_layout("7.1:film"),
        "scene": AmbisonicFormat(3),
    }
    assert parse_options(Demo, {"GAIN": "1"}) == {"gain": 1.0}
    assert [parse_options(Demo, {"loud": word})["loud"] for word in ("off", "0", "TRUE")] == [
        False,
        False,
        True,
    ]


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("gain", "", "gain must be a number of dB, got ''"),
        ("gain", "inf", "gain must be from -1 to 2 dB"),
        ("taps", "2.0", "taps must be a whole number, got '2.0'"),
        ("taps", "-3", "taps must be at least 1"),
        ("loud", "maybe", "loud must be yes or no, got 'maybe'"),
        ("gian", "1", "unknown option 'gian'; did you mean 'gain'"),
    ],
)
def test_invalid_texts_raise_with_the_accepted_values(key, text, message):
    with pytest.raises(OptionError, match=message):
        parse_options(Demo, {key: text})


def test_every_option_describes_itself_and_its_default_can_be_typed():
    accepted = {found.name: found.accepts for found in describe_options(Demo)}
    assert accepted == {
        "gain": "number from -1 to 2 dB",
        "taps": "whole number from 1",
        "loud": "yes or no",
        "mode": "soft, hard",
        "note": "text",
        "layout": "layout",
        "scene": "layout or format",
    }
    typed = {found.name: found.text(found.default) for found in describe_options(Demo)}
    assert Demo(**parse_options(Demo, typed)).options == Demo().options


@dataclass
class Thawed:
    gain: float = option(1.0, "Gain.")


@dataclass(frozen=True)
class Undeclared:
    gain: float = 1.0


@dataclass(frozen=True)
class OddType:
    gains: list = option((), "Gains.")
    unused: list = field(default_factory=list)


@pytest.mark.parametrize(
    ("declaration", "message"),
    [
        (Thawed, "must be declared in a frozen dataclass"),
        (dict, "must be declared in a frozen dataclass"),
        (Undeclared, r"'gain' of Undeclared must be declared with option\(default, help\)"),
        (OddType, "'gains' of OddType has the type <class 'list'>; accepted: bool, int"),
    ],
)
def test_invalid_declaration_raises(declaration, message):
    class Wrong(Demo):
        options_class = declaration

    with pytest.raises(UpmixerError, match=message):
        Wrong()
