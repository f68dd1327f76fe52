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


class Inverted(Upmixer):
    """Inverts the polarity."""

    name = "inverted"
    accepts = (2,)
    format = get_layout("stereo")
    memoryless = True

    def _upmix(self, audio, sample_rate):
        return -audio


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """Register the upmixers."""
    monkeypatch.setattr(registry.UPMIXERS, "registered", {"late": Late, "inverted": Inverted})


def test_a_built_in_upmixer_passes_with_a_line_per_check(capsys):
    assert main(["check", "matrix", "-O", "layout=quad"]) == 0
    *lines, summary = capsys.readouterr().out.splitlines()
    assert lines[0] == "passed   declaration"
    assert all(line.startswith(("passed   ", "warning  ")) for line in lines)
    assert len(lines) > 10
    assert summary.startswith("matrix: ")
    assert summary.endswith(" passed")


def test_an_upmixer_that_does_not_conform_fails_with_the_reason(capsys):
    assert main(["check", "late"]) == 1
    captured = capsys.readouterr()
    (line,) = [line for line in captured.out.splitlines() if line.startswith("failed ")]
    assert line.startswith("failed   alignment, 2 channels: upmixer 'late': ")
    assert captured.out.splitlines()[-1].endswith("1 failed")
    assert captured.err == ""
    assert main(["check", "late", "--json"]) == 1
    facts = json.loads(capsys.readouterr().out)
    assert (facts["upmixer"], facts["passed"]) == ("late", False)
    (failed,) = [check for check in facts["checks"] if check["status"] == "failed"]
    assert failed["name"] == "alignment, 2 channels"


def test_warnings_do_not_fail(capsys):
    assert main(["check", "inverted"]) == 0
    captured = capsys.readouterr()
    assert "\nwarning  polarity" in captured.out
    assert captured.err == ""


def test_invalid_options_are_errors_of_use(capsys):
    assert main(["check", "matrix", "-O", "width=1000"]) == 2
    assert "width must be from 0 to 90 degrees" in capsys.readouterr().err


def test_one_of_upmixer_and_separator_is_required(capsys):
    for arguments in ([], ["matrix", "--separator", "masks"]):
        assert main(["check", *arguments]) == 2
        assert "NAME, an upmixer, or --separator NAME" in capsys.readouterr().err
