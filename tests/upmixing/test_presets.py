"""Presets of upmixers: options by a name, in Python and on the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest

from spatialkit import UpmixerError, get_layout, get_upmixer, write
from spatialkit.commands import main
from spatialkit.errors import OptionError
from spatialkit.plugins import describe_presets, option, option_values, preset
from spatialkit.upmixing import Upmixer, describe_upmixers, load_upmixer
from spatialkit.upmixing.declaration import check_class

PRESETS = [(found.name, each.name) for found in describe_upmixers() for each in found.presets]


@pytest.mark.parametrize(("name", "chosen"), PRESETS)
def test_a_preset_is_its_options(name, chosen):
    (found,) = [each for each in describe_presets(load_upmixer(name)) if each.name == chosen]
    defaults = option_values(get_upmixer(name))
    values = option_values(get_upmixer(name, preset=chosen))
    assert values == {**defaults, **found.options}
    assert all(defaults[key] != value for key, value in found.options.items())
    assert found.help.endswith(".")


def test_explicit_options_take_precedence_over_a_preset():
    upmixer = get_upmixer("ambience", preset="Concert", ambience=1.0, layout="7.1.4")
    assert upmixer.options.ambience == 1.0
    assert upmixer.options.height == 0.0
    assert upmixer.format.name == "7.1.4"


@pytest.mark.parametrize(
    ("name", "chosen", "message"),
    [
        ("ambience", "consert", "unknown preset 'consert'.*Did you mean 'concert'|'concert'"),
        ("ambience", 3, "preset"),
        ("all-channel-stereo", "concert", "has no presets"),
    ],
)
def test_unknown_presets_are_refused(name, chosen, message):
    with pytest.raises(OptionError, match=message):
        get_upmixer(name, preset=chosen)


@dataclass(frozen=True)
class Options:
    gain: float = option(1.0, "Gain.", minimum=0.0, maximum=2.0)


class Example(Upmixer):
    """Upmixer with a preset."""

    name = "example"
    accepts = (2,)
    format = get_layout("quad")
    options_class = Options
    presets = (preset("quiet", "Half of the level.", gain=0.5),)

    def _upmix(self, audio, sample_rate):
        return self.options.gain * np.concatenate([audio, audio])


def test_an_upmixer_of_a_user_declares_presets():
    check_class(Example)
    assert Example(preset="quiet").options.gain == 0.5
    assert Example(preset="quiet", gain=2.0).options.gain == 2.0
    assert Example(preset=None).options.gain == 1.0


@pytest.mark.parametrize(
    ("presets", "message"),
    [
        ([preset("a", "A.")], "presets must be a tuple"),
        (("quiet",), "presets must be a tuple"),
        ((preset("Quiet", "A."),), "lower-case letters"),
        ((preset("quiet", ""),), "must have a sentence"),
        ((preset("quiet", "A.", level=1.0),), "preset 'quiet': .*unknown option 'level'"),
        ((preset("quiet", "A.", gain=9.0),), "preset 'quiet': gain must be from 0 to 2"),
        ((preset("a", "A."), preset("a", "B.")), "different names"),
    ],
)
def test_invalid_declarations_are_refused(presets, message):
    kind = type("Wrong", (Example,), {"presets": presets})
    with pytest.raises(UpmixerError, match=message):
        check_class(kind)


def test_presets_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    write("song.wav", 0.1 * rng.standard_normal((2, 24000)), 48000)
    for name, options in (
        ("a", ["--preset", "concert"]),
        ("b", ["-O", "ambience=4"]),
        ("c", ["-O", "preset=concert"]),
    ):
        assert main(["upmix", "song.wav", "-o", f"{name}.wav", *options, "-O", "height=-3"]) == 0
    files = [(tmp_path / f"{name}.wav").read_bytes() for name in "abc"]
    assert files[0] == files[1] == files[2]
    capsys.readouterr()
    assert main(["upmix", "song.wav", "-o", "d.wav", "--preset", "none"]) == 2
    assert "unknown preset 'none'. Accepted: 'studio', 'concert'" in capsys.readouterr().err
    assert main(["upmix", "song.wav", "-o", "d.wav", "--preset", "film", "-O", "preset=film"]) == 2
    assert "specified twice" in capsys.readouterr().err
    assert main(["upmixers", "--json"]) == 0
    found = {each["name"]: each["presets"] for each in json.loads(capsys.readouterr().out)}
    assert [each["name"] for each in found["ambience"]] == [
        "studio",
        "concert",
        "film",
        "background",
    ]
    assert found["ambience"][2]["options"] == {"ambience": "-2.0", "height": "-6.0", "lfe": "yes"}
