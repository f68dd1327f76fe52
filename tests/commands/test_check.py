"""``spatialkit check``: one line per result of the conformance test."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spatialkit.commands import main
from spatialkit.layouts import get_layout
from spatialkit.upmixing import Upmixer, registry


class Late(Upmixer):
    """Delays its output by 100 ms."""

    name = "late"
    accepts = (2,)
    format = get_layout("stereo")

    def _upmix(self, audio, sample_rate):
        delay = sample_rate // 10
        return np.pad(audio, ((0, 0), (delay, 0)))[:, : audio.shape[1]]


@pytest.fixture(autouse=True)
def late(monkeypatch):
    """Register the upmixer that does not conform."""
    monkeypatch.setattr(registry, "_registered", {"late": Late})


def test_a_built_in_upmixer_passes(capsys):
    assert main(["check", "matrix", "-O", "layout=quad"]) == 0
    *warnings, verdict = capsys.readouterr().out.splitlines()
    assert verdict == "passed: upmixer 'matrix' conforms to the upmixer interface"
    assert all(line.startswith("warning: ") for line in warnings)


def test_an_upmixer_that_does_not_conform_fails_with_the_reason(capsys):
    assert main(["check", "late"]) == 1
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1].startswith("failed: upmixer 'late': ")
    assert captured.err == ""
    assert main(["check", "late", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["upmixer"], facts["passed"]) == ("late", False)
    assert facts["results"][-1]["status"] == "failed"
    assert "aligned" in facts["results"][-1]["message"]


def test_invalid_options_are_errors_of_use(capsys):
    assert main(["check", "matrix", "-O", "width=1000"]) == 2
    assert "width must be from 0 to 90 degrees" in capsys.readouterr().err
