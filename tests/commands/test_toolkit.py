"""The toolkit of plug-in commands: the example of its docstring runs."""

from __future__ import annotations

import ast
import sys
import textwrap
import types
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from spatialkit.commands import GROUP, batches, main, plugins, toolkit
from spatialkit.files import info, read, write


@pytest.fixture
def example(monkeypatch, tmp_path, rng):
    """Install the command of the docstring of the toolkit as "invert", beside in.wav."""
    code = toolkit.__doc__.partition("::\n")[2].partition("\n\nAn error")[0]
    module = types.ModuleType("invert")
    exec(textwrap.dedent(code), module.__dict__)
    monkeypatch.setitem(sys.modules, "invert", module)
    entry = EntryPoint("invert", "invert:command", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"invert": entry})
    monkeypatch.chdir(tmp_path)
    write("in.wav", rng.uniform(-0.5, 0.5, (2, 100)).astype(np.float32), 48000, format="stereo")


def test_the_example_of_the_docstring_is_a_command(example, capsys):
    assert main(["invert", "in.wav", "-o", "out.wav"]) == 0
    assert capsys.readouterr().out.startswith("out.wav: stereo, 2 channels, 0.00 s at 48000 Hz, ")
    assert np.array_equal(read("out.wav").samples, -read("in.wav").samples)
    assert info("out.wav").format.name == "stereo"
    assert main(["invert", "in.wav", "-o", "out.wav"]) == 2
    assert capsys.readouterr().err == "Error: out.wav exists: add --force to replace it\n"
    assert main(["invert", "--help"]) == 0
    assert "Invert the polarity of every channel." in capsys.readouterr().out


@pytest.mark.parametrize("module", [toolkit, batches])
def test_every_public_name_is_documented(module):
    for name in module.__all__:
        value = getattr(module, name)
        if callable(value) and not name.endswith(("_option", "_argument")):
            assert value.__doc__, name


# ESC sequences (clear the screen, set the title), BEL, line breaks, a mark that reverses the
# direction of writing, and a byte that is not UTF-8.
HOSTILE = "a\x1b[2J\x1b]0;title\x07\r\n\x85\u2028\u202egnp.\udcff\x7fz"
ESCAPED = r"a\x1b[2J\x1b]0;title\x07\r\n\x85\u2028\u202egnp.\udcff\x7fz"


def test_characters_that_are_not_printable_are_escaped():
    assert toolkit.printable(HOSTILE) == ESCAPED
    for text in ("Dvořák - 音楽　二.wav", "non\u00a0breaking", "🎧 \\ 'quotes' \"and\" so on"):
        assert toolkit.printable(text) == text


@pytest.mark.parametrize(
    "show",
    [
        toolkit.print_line,
        lambda text: toolkit.print_error(text, debug=False),
        toolkit.print_warning,
        lambda text: toolkit.print_table(("name", "text"), [(text, text)]),
        lambda text: toolkit.print_wrapped(text.replace("\n", "")),
        lambda text: toolkit.print_json({text: text}),
    ],
)
def test_everything_that_prints_escapes(show, capsys):
    show(HOSTILE)
    printed = "".join(capsys.readouterr())
    assert printed.strip()
    assert printed.replace("\n", "").isprintable()


def test_errors_with_their_traceback_are_escaped(capsys):
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        toolkit.print_error(str(error), debug=True)
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert printed.replace("\n", "").isprintable()


def test_hostile_names_and_texts_of_plug_ins_are_escaped(example, capsys, monkeypatch):
    entry = EntryPoint("in\x1b[31mvert", f"in\x07vert:{HOSTILE}", GROUP)
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {entry.name: entry})
    name = "in\x1b[2J\x07\n.wav"
    try:
        Path("in.wav").rename(name)
    except OSError:
        pytest.skip("no such name in this file system")
    lines = (
        "--help",
        f"info {name}",
        f"info {name} x{name}",
        f"info x{name}",
        f"in\x1b[31mvert {name}",
        f"upmix {name} -o {name}x.wav",
        f"upmix {name} {name} -o {name}",
        f"evaluate {name} {name}",
        f"--debug info x{name}",
        f"pan {name} -o {name}.wav --azimuth {name}",
        f"info --{name}",
        f"{name}",
    )
    for line in lines:
        main(line.split(" "))
        printed = "".join(capsys.readouterr())
        assert printed.strip()
        assert printed.replace("\n", "").isprintable()
        if "--debug" not in line:  # lines of a traceback are printed as they are
            assert not [part for part in printed.split("\n") if part.startswith(".wav")]


PRINTING = {"print", "click.echo", "click.secho", "sys.stdout.write", "sys.stderr.write"}


@pytest.mark.parametrize("package", ["spatialkit", "spatialkit_models"])
def test_commands_print_by_the_toolkit_only(package):
    """The script of completion and the word "interrupted" are our own text."""
    (folder,) = map(Path, find_spec(f"{package}.commands").submodule_search_locations)
    for path in sorted(folder.rglob("*.py")):
        if path.name in ("printing.py", "completion.py"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTING:
                assert ast.unparse(node.args[0]) == "'interrupted'", f"{path}:{node.lineno}"
