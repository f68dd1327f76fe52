"""The toolkit of plug-in commands: the example of its docstring runs."""

from __future__ import annotations

import sys
import textwrap
import types
from importlib.metadata import EntryPoint

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
        if callable(value) and not name.endswith("_option") and name != "file_argument":
            assert value.__doc__, name
