"""``--setup`` of the commands."""

from __future__ import annotations

import json

import numpy as np
import pytest

from spatialkit import (
    LoudspeakerSetup,
    decode_ambisonics,
    encode_foa,
    get_layout,
    get_upmixer,
    read,
    render,
    vbap_pan,
    write,
)
from spatialkit.__main__ import main

RATE = 8000


@pytest.fixture
def room(tmp_path, monkeypatch, rng):
    """Write sounds and a setup to a new working folder, and return the setup."""
    monkeypatch.chdir(tmp_path)
    stereo = rng.uniform(-0.2, 0.2, (2, 3 * RATE)).astype(np.float32)
    write("mono.wav", stereo[:1], RATE)
    write("stereo.wav", stereo, RATE, format="stereo")
    write("scene.wav", encode_foa(stereo, [60.0, -60.0]), RATE, format="foa")
    layout = get_layout("5.1").move({"SL": 118.0})
    setup = LoudspeakerSetup(
        layout, {"FL": 2.4, "SL": 1.5, "LFE": 2.0}, gain_db={"FL": -2.0}, crossover=90.0
    )
    (tmp_path / "room.json").write_text(setup.to_json())
    return setup


def run(line):
    return main(line.split())


def samples(path):
    return read(path).samples


@pytest.mark.parametrize(
    ("line", "signals"),
    [
        ("pan mono.wav --azimuth 30", lambda s: vbap_pan(samples("mono.wav"), 30.0, layout=s)),
        (
            "pan mono.wav --azimuth 30:60",
            lambda s: vbap_pan(samples("mono.wav"), [[30.0, 60.0]], layout=s),
        ),
        ("decode scene.wav", lambda s: decode_ambisonics(samples("scene.wav"), s)),
        ("render stereo.wav", lambda s: render(samples("stereo.wav"), "stereo", s)),
        (
            "upmix stereo.wav -u matrix",
            lambda s: get_upmixer("matrix", layout=s).upmix(samples("stereo.wav"), RATE),
        ),
    ],
)
def test_output_is_that_of_apply(room, line, signals):
    assert run(f"{line} -o out.wav --setup room.json") == 0
    expected = room.apply(signals(room.layout).astype(np.float32), RATE)
    assert np.abs(samples("out.wav") - expected).max() < 2e-6
    assert read("out.wav").format == get_layout("5.1")


def test_headphones_and_downmix_are_those_of_the_upmix_itself(room, capsys):
    line = "upmix stereo.wav --json -u matrix --headphones"
    facts = []
    for options in ("-o plain.wav --layout 5.1", "-o room.wav --setup room.json"):
        assert run(f"{line} {options}") == 0
        facts += json.loads(capsys.readouterr().out)
    assert facts[0]["downmix_error_db"] == pytest.approx(facts[1]["downmix_error_db"], abs=3.0)
    peak = np.abs(samples("room.wav")).max()
    assert facts[1]["peak_db"] == pytest.approx(20.0 * np.log10(peak), abs=1e-3)


def test_resume_repeats_files_whose_setup_has_changed(room, capsys):
    line = "upmix stereo.wav mono.wav -o out/ -u matrix --setup room.json --resume"
    for expected in ("2 done", "0 done, 2 skipped"):
        assert run(line) == 0
        assert expected in capsys.readouterr().out
    with open("room.json", "w") as file:
        file.write(LoudspeakerSetup(room.layout, room.distance).to_json())
    assert run(line) == 0
    assert "2 done" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("pan mono.wav --azimuth 0 --layout 5.1", "--layout and --setup are mutually exclusive"),
        ("render stereo.wav --to 5.1", "--to and --setup are mutually exclusive"),
        ("render stereo.wav --hrtf ku100", "--hrtf requires --to binaural, got --setup"),
        (
            "upmix stereo.wav -O layout=5.1",
            "the option layout and the setup of a room are mutually exclusive",
        ),
        ("upmix stereo.wav --layout 5.1", "--layout and --setup are mutually exclusive"),
        ("upmix stereo.wav -u foa", "foa"),
    ],
)
def test_refused_options(room, capsys, line, sentence):
    assert run(f"{line} -o out.wav --setup room.json") == 2
    error = capsys.readouterr().err
    assert sentence in error
    assert error.count("\n") == 1


def test_render_needs_a_target(room, capsys):
    assert run("render stereo.wav -o out.wav") == 2
    assert "--to or --setup is required" in capsys.readouterr().err
