"""Names on the command line: typing mistakes, upper and lower case, and completion."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

import click
import numpy as np
import pytest
from click.shell_completion import ShellComplete

from spatialkit.ambisonics import FoaDecoder, Weights, decode_ambisonics
from spatialkit.commands import cli, main
from spatialkit.commands.toolkit import SUBTYPES, ambisonic_names
from spatialkit.downmix import DownmixMethod
from spatialkit.files import read, write
from spatialkit.files.formats import FILE_FORMATS
from spatialkit.layouts import get_format, layout_names
from spatialkit.upmixing import upmixer_names

RATE = 44100


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """Create stereo.wav, surround.wav and scene.wav (Ambisonics) in a new folder."""
    monkeypatch.chdir(tmp_path)
    for name, channels in (("stereo", 2), ("surround", 6), ("scene", 4)):
        write(f"{name}.wav", rng.uniform(-0.5, 0.5, (channels, 3000)).astype(np.float32), RATE)
    return tmp_path


def completions(line: str) -> list[str]:
    """Return the completions of the last word of a command line."""
    *words, incomplete = line.split(" ")
    complete = ShellComplete(cli, {}, "spatialkit", "_SPATIALKIT_COMPLETE")
    return [item.value for item in complete.get_completions(words, incomplete)]


# Typing mistakes


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("upmx", "unknown command 'upmx'; did you mean 'upmix'? Accepted: 'upmix', 'pan', "),
        ("benchmark upmx", "unknown command 'upmx'; did you mean 'upmix'? Accepted: "),
        (
            "pan stereo.wav -o out.wav --azimuth 0 --layuot 5.1",
            "unknown option '--layuot'; did you mean '--layout'? Accepted: '--output', ",
        ),
        ("--debog", "unknown option '--debog'; did you mean '--debug'? Accepted: "),
        ("upmix stereo.wav -o out.wav -u matrx", "unknown upmixer 'matrx'; did you mean 'matrix'?"),
        ("check ambient", "unknown upmixer 'ambient'; did you mean 'ambience'?"),
        ("upmix stereo.wav -o out.wav --layout 7.1.3", "'7.1.3'; did you mean '7.1.4'?"),
        ("upmix stereo.wav -o out.wav -O heigth=1", "option 'heigth'; did you mean 'height'?"),
        (
            "decode scene.wav -o out.wav --decoder allrd",
            "decoder 'allrd'; did you mean 'allrad'?",
        ),
        (
            "decode scene.wav -o out.wav --weights maxre",
            "weights 'maxre'; did you mean 'max-re'?",
        ),
        ("decode scene.wav -o out.wav --from ambx1", "'ambx1'; did you mean 'ambix1'?"),
        (
            "downmix surround.wav -o o.wav --from 5.1 --method ittu",
            "'ittu'; did you mean 'itu'?",
        ),
        ("render stereo.wav -o out.wav --to sterio", "'sterio'; did you mean 'stereo'?"),
        ("layouts quadd", "unknown layout 'quadd'; did you mean 'quad'?"),
        ("upmix stereo.wav -o out.wav --subtype pcm24", "'pcm24'; did you mean 'PCM_24'?"),
    ],
)
def test_the_closest_name_is_suggested(folder, capsys, line, words):
    assert main(line.split()) == 2
    error = capsys.readouterr().err
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    assert words in error


def test_names_are_matched_without_regard_to_case(folder, capsys):
    for line in (
        "upmix stereo.wav -o up.wav --upmixer MATRIX --layout Quad -O Ambience=-3 --subtype pcm_24",
        "decode scene.wav -o scene.out.wav --from Ambix1 --decoder ALLRAD --weights Max-rE",
        "downmix surround.wav -o down.wav --from 5.1 --method ITU --to Stereo",
        "render stereo.wav -o to.wav --to QUAD",
        "LAYOUTS Stereo",
    ):
        assert main(line.split()) == 0, capsys.readouterr().err
    expected = decode_ambisonics(read("scene.wav").samples)
    assert np.array_equal(read("scene.out.wav").samples, expected)


# Completion


def test_commands_and_options_are_completed():
    assert completions("up") == ["upmix", "upmixers"]
    assert completions("benchmark up") == ["upmix"]
    assert completions("pan a.wav --lay") == ["--layout"]
    assert "--debug" in completions("--d")


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("upmix a.wav --upmixer ", upmixer_names()),
        ("upmix a.wav -u matr", ["matrix"]),
        ("check MATR", ["matrix"]),
        ("upmix a.wav --layout 7.1.", ["7.1.2", "7.1.4"]),
        ("upmix a.wav --layout AMB", [name for name in ambisonic_names() if name[0] == "a"]),
        ("pan a.wav --layout ", layout_names()),
        ("decode a.wav --from ", ambisonic_names()),
        ("microphones a.wav --from ", ambisonic_names()),
        ("decode a.wav --decoder ", get_args(FoaDecoder)),
        ("decode a.wav --weights ", get_args(Weights)),
        ("downmix a.wav --method ", get_args(DownmixMethod)),
        ("render a.wav --to fu", ["fuma1", "fuma2", "fuma3"]),
        ("upmix a.wav --subtype PCM", ["PCM_16", "PCM_24"]),
        (
            "upmix a.wav -u matrix -O ",
            [
                "layout=",
                "width=",
                "center=",
                "ambience=",
                "front_rear=",
                "height=",
                "exact_downmix=",
            ],
        ),
        ("upmix a.wav -u matrix -O exact_downmix=", ["exact_downmix=yes", "exact_downmix=no"]),
        ("upmix a.wav -O layout=22", ["layout=22.2"]),
        ("check matrix -O wi", ["width="]),
        ("upmix a.wav -u nothing -O ", []),
        ("completion z", ["zsh"]),
    ],
)
def test_values_are_completed(line, names):
    assert completions(line) == list(names)


def test_files_are_completed_where_no_layout_fits():
    complete = ShellComplete(cli, {}, "spatialkit", "_SPATIALKIT_COMPLETE")
    (item,) = complete.get_completions(["layouts"], "studio/")
    assert item.type == "file"


def test_completed_names_are_those_of_the_library():
    assert all(get_format(name).name == name for name in ambisonic_names())
    written = {subtype for found in FILE_FORMATS for subtype in found.subtypes}
    assert written == set(SUBTYPES)


@pytest.mark.parametrize("words", ["up", "upmix -u ", "upmix -O ", "pan --layout ", "decode --dec"])
def test_completion_loads_nothing_heavy(words):
    script = (
        "import sys; from click.shell_completion import ShellComplete;"
        "from spatialkit.commands import cli; *words, last = sys.argv[1].split(' ');"
        "assert ShellComplete(cli, {}, 'spatialkit', '_X').get_completions(words, last);"
        "print({'numba', 'torch', 'scipy.signal', 'soundfile', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script, words], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["upmix", "--layout", "=", "7.1."], ["7.1.2", "7.1.4"]),
        (["upmix", "-O", "layout", "=", "7.1."], ["7.1.2", "7.1.4"]),
        (["upmix", "-u", "matrix", "-O", "exact_downmix", "="], ["yes", "no"]),
        (["upmix", "-O", "wid"], ["width="]),
        (["upmix", "-u", "matr"], ["matrix"]),
    ],
)
def test_bash_passes_an_equals_sign_as_a_word(capsys, monkeypatch, words, found):
    monkeypatch.setenv("COMP_WORDS", "\n".join(["spatialkit", *words]))
    monkeypatch.setenv("COMP_CWORD", f"{len(words)}")
    monkeypatch.setenv("_SPATIALKIT_COMPLETE", "bash_complete")
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 0
    assert capsys.readouterr().out.splitlines() == [f"plain,{value}" for value in found]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "BASH"])
def test_the_script_of_each_shell_is_printed(capsys, shell):
    assert main(["completion", shell]) == 0
    assert "_SPATIALKIT_COMPLETE" in capsys.readouterr().out


def test_a_broken_plugin_does_not_break_completion(monkeypatch):
    from importlib.metadata import EntryPoint

    from spatialkit.commands import plugins

    broken = EntryPoint("upset", "no_such_package:command", "spatialkit.commands")
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"upset": broken})
    assert completions("up") == ["upmix", "upmixers", "upset"]
    with pytest.raises(click.UsageError, match="failed to import"):
        completions("upset ")
