"""Output of the benchmark commands of the models, apart from what plug-ins print."""

from __future__ import annotations

import os

import numpy as np
import pytest
import soundfile

from spatialkit.commands import main
from spatialkit.layouts import get_format
from spatialkit.upmixing import Upmixer, register_upmixer
from spatialkit.upmixing.registry import UPMIXERS
from spatialkit_models.separation import Separator, register_separator
from spatialkit_models.separation.registry import SEPARATORS

RATE = 8000
STEMS = ("vocals", "drums", "bass", "other")


def make_noise():
    print("printed by Python")
    os.write(1, b"written by a library\n")
    os.chdir("/")


class NoisyUpmixer(Upmixer):
    name = "noisy"
    accepts = (1, 2)

    def __init__(self, **options):
        make_noise()
        super().__init__(**options)
        self.format = get_format("ambix1")

    def _upmix(self, audio, sample_rate):
        make_noise()
        return np.repeat(audio[:1], 4, axis=0)


class NoisySeparator(Separator):
    name = "noisy"
    stems = STEMS

    version = "1"
    window, overlap = 0.5, 0.2

    def _separate(self, audio, sample_rate, start):
        make_noise()
        return np.stack([audio / 4] * 4)


@pytest.fixture
def noisy(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    register_upmixer("noisy", NoisyUpmixer)
    register_separator("noisy", NoisySeparator)
    (tmp_path / "song").mkdir()
    for name in STEMS:
        audio = 0.1 * rng.standard_normal((3 * RATE, 2))
        soundfile.write(tmp_path / "song" / f"{name}.wav", audio, RATE, subtype="FLOAT")
    yield tmp_path
    del UPMIXERS.registered["noisy"], SEPARATORS.registered["noisy"]


@pytest.mark.parametrize(
    "line",
    [
        "style-vae --protocol mixed --upmixer noisy",
        "ambisonizer --protocol stated --upmixer noisy",
        "stems --protocol mixed --separator noisy",
    ],
)
def test_only_the_table_is_on_standard_output(noisy, capfd, line):
    songs = f"--stems {noisy} --split all --examples 1 --seconds 1 --json facts.json"
    assert main(f"benchmark {line} {songs}".split()) == 0
    assert os.getcwd() == str(noisy)
    printed = capfd.readouterr()
    assert "| noisy |" in printed.out
    for text in ("printed by Python", "written by a library"):
        assert text not in printed.out
        assert text in printed.err
