"""Isolation of the output of commands from plug-ins."""

from __future__ import annotations

import json
import os
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from spatialkit.commands import main, plugins
from spatialkit.files import write
from spatialkit.layouts import get_layout
from spatialkit.upmixing import Upmixer, register_upmixer
from spatialkit.upmixing.registry import UPMIXERS


def make_noise():
    print("printed by Python")
    os.write(1, b"written by a library\n")
    os.chdir("/")


class Noisy(Upmixer):
    """Upmixer that prints and changes the folder."""

    name = "noisy"
    accepts = (1, 2)

    def __init__(self, **options):
        make_noise()
        super().__init__(**options)
        self.format = get_layout("stereo")

    def _upmix(self, audio, sample_rate):
        make_noise()
        return np.concatenate([audio, audio])[:2]


@pytest.fixture
def noisy(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    register_upmixer("noisy", Noisy)
    for name in "ab":
        write(f"{name}.wav", rng.uniform(-0.5, 0.5, (2, 4800)), 48000)
    yield tmp_path
    del UPMIXERS.registered["noisy"]


@pytest.mark.parametrize(
    "line",
    [
        "upmix a.wav -o out.wav --upmixer noisy --json",
        "upmix a.wav b.wav -o out/ --upmixer noisy --json",
        "check noisy --json",
        "benchmark upmix --upmixer noisy --seconds 2 --json",
    ],
)
def test_output_of_plugins_goes_to_standard_error(noisy, capfd, line):
    main(line.split())
    assert os.getcwd() == str(noisy)
    printed = capfd.readouterr()
    json.loads(printed.out)
    assert "written by a library" in printed.err
    assert "printed by Python" in printed.err


def test_output_of_imports_goes_to_standard_error(tmp_path, monkeypatch, capfd):
    (tmp_path / "loud_command.py").write_text(
        "import click\n"
        "print('printed by Python')\n"
        "command = click.Command('loud', callback=lambda: click.echo('{}'))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entry = EntryPoint("loud", "loud_command:command", "spatialkit.commands")
    monkeypatch.setattr(plugins, "find_plugins", lambda group: {"loud": entry})
    assert main(["loud"]) == 0
    assert capfd.readouterr() == ("{}\n", "printed by Python\n")
