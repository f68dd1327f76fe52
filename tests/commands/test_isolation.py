"""Isolation of the output of commands from plug-ins."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest

from spatialkit.commands import main
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
