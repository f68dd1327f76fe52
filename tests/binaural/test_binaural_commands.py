"""``spatialkit render --to binaural``: files, loudness, memory, options."""

from __future__ import annotations

import json
import tracemalloc

import numpy as np
import pytest
import soundfile

import spatialkit
from spatialkit import read, render, write
from spatialkit.commands import main
from spatialkit.metrics import loudness


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """A folder with a second of 5.1 and of third-order Ambisonics."""
    monkeypatch.chdir(tmp_path)
    for name, form in (("film.wav", "5.1"), ("scene.wav", "ambix3")):
        channels = spatialkit.get_format(form).n_channels
        noise = 0.02 * rng.standard_normal((channels, 48000)).astype(np.float32)
        write(name, noise, 48000, format=form)
    return tmp_path


def test_a_film_is_rendered_with_its_loudness(folder, capsys):
    assert main(["render", "film.wav", "-o", "ears.wav", "--to", "binaural"]) == 0
    film, ears = read("film.wav"), read("ears.wav")
    assert ears.format == spatialkit.get_layout("stereo")
    wanted = render(film, target="binaural")
    np.testing.assert_allclose(ears.samples, wanted, atol=1e-6)
    levels = f"{loudness(ears):.1f} LUFS, film.wav {loudness(film):.1f} LUFS"
    assert capsys.readouterr().out == (
        "ears.wav: stereo, 2 channels, 1.00 s at 48000 Hz, peak "
        f"{20 * np.log10(np.abs(ears.samples).max()):.1f} dB\n"
        f"  for headphones, HRTF ku100; loudness {levels}\n"
    )


def test_options_are_those_of_render(folder, capsys):
    options = ["--method", "magls", "--order", "2", "--lfe-gain", "1"]
    options += ["--yaw", "30", "--pitch", "-10", "--roll", "5"]
    command = ["render", "film.wav", "-o", "ears.wav", "--to", "BINAURAL", "--json", *options]
    assert main(command) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["loudness"] == pytest.approx(float(loudness(read("ears.wav"))), abs=1e-3)
    angles = {"yaw": 30.0, "pitch": -10.0, "roll": 5.0}
    wanted = render(
        read("film.wav"), target="binaural", method="magls", order=2, lfe_gain=1.0, **angles
    )
    np.testing.assert_allclose(read("ears.wav").samples, wanted, atol=1e-6)


def test_the_head_turns_along_points_or_a_file(folder, capsys):
    command = ["render", "film.wav", "--to", "binaural"]
    assert main([*command, "-o", "points.wav", "--yaw", "0:-60:20", "--pitch", "5"]) == 0
    wanted = render(read("film.wav"), target="binaural", yaw=[0.0, -60.0, 20.0], pitch=5.0)
    np.testing.assert_allclose(read("points.wav").samples, wanted, atol=1e-6)
    (folder / "head.csv").write_text("seconds,yaw,pitch\n0,0,5\n0.5,-60,5\n1,20,5\n")
    assert main([*command, "-o", "file.wav", "--orientation", "head.csv"]) == 0
    assert np.array_equal(read("file.wav").samples, read("points.wav").samples)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            "--yaw left",
            "--yaw must be degrees such as 30 (constant) or 0:45:0 (moving), got 'left'",
        ),
        ("--yaw 0:1 --roll 0:1:2", "yaw, pitch and roll must be numbers, or arrays of the same"),
        ("--yaw 0:1 --orientation head.csv", "--orientation and --yaw are mutually exclusive"),
        ("--orientation missing.csv", "missing.csv cannot be read: No such file"),
        ("--orientation head.csv", "head.csv has no column seconds"),
    ],
)
def test_paths_that_are_not_accepted(folder, capsys, arguments, message):
    (folder / "head.csv").write_text("time,yaw\n0,0\n")
    command = ["render", "film.wav", "-o", "ears.wav", "--to", "binaural", *arguments.split()]
    assert main(command) == 2
    assert message in capsys.readouterr().err
    assert not (folder / "ears.wav").exists()


def test_a_scene_has_no_loudness_of_its_own(folder, capsys):
    assert main(["render", "scene.wav", "-o", "ears.flac", "--to", "binaural"]) == 0
    printed = capsys.readouterr().out
    assert "loudness" in printed
    assert "scene.wav" not in printed


def test_a_long_file_is_rendered_in_constant_memory(folder):
    """30 s of 12 channels are 69 MB; blocks and the filters of the set are less."""
    write("long.wav", np.zeros((12, 48000 * 30), np.float32), 48000, format="7.1.4")
    command = ["render", "--to", "binaural", "--force", "--json", "-o", "ears.wav"]
    assert main([*command, "film.wav"]) == 0  # fills caches
    tracemalloc.start()
    try:
        assert main([*command, "long.wav"]) == 0
        assert tracemalloc.get_traced_memory()[1] < 40e6
    finally:
        tracemalloc.stop()


def test_a_failed_rendering_leaves_no_file(folder, capsys):
    audio = np.zeros((2, 70_000), np.float32)
    audio[0, 69_000] = np.nan
    soundfile.write("nan.wav", audio.T, 48000, subtype="FLOAT")
    assert main(["render", "nan.wav", "-o", "ears.wav", "--to", "binaural"]) == 2
    assert "nan.wav" in capsys.readouterr().err
    assert not (folder / "ears.wav").exists()


def test_evaluate_compares_what_is_heard(folder, capsys):
    write("quiet.wav", 0.5 * read("film.wav").samples, 48000, format="5.1")
    assert main(["evaluate", "film.wav", "quiet.wav", "--binaural", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["binaural_loudness_error"] == pytest.approx(6.02, abs=0.01)
    assert values["binaural_itd_error"] == pytest.approx(0.0, abs=1e-3)
    (folder / "pairs.csv").write_text("reference,estimate\nfilm.wav,quiet.wav\n")
    assert main(["evaluate", "--batch", "pairs.csv", "--binaural"]) == 0
    assert json.loads(capsys.readouterr().out)["metrics"] == values
    soundfile.write("two.wav", np.zeros((480, 5)), 48000)
    assert main(["evaluate", "two.wav", "two.wav", "--binaural"]) == 2
    error = "metrics for headphones need the format of both signals: add --from\n"
    assert capsys.readouterr().err.endswith(error)
