"""Excerpts, sample rate and peak guard: the same options in every command."""

from __future__ import annotations

import json
import tracemalloc

import click
import numpy as np
import pytest
import soundfile

from spatialkit.ambisonics import decode_ambisonics
from spatialkit.commands import cli, main
from spatialkit.commands.toolkit import conversion
from spatialkit.errors import OptionError
from spatialkit.files import info, read, stream, write
from spatialkit.rendering import render
from spatialkit.upmixing import get_upmixer

RATE = 44100


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """Create half a second of noise with 1, 2 and 6 channels and of first order."""
    monkeypatch.chdir(tmp_path)
    for name, form, channels in (
        ("mono", "mono", 1),
        ("stereo", "stereo", 2),
        ("surround", "5.1", 6),
        ("scene", "ambix1", 4),
    ):
        noise = rng.uniform(-0.5, 0.5, (channels, RATE // 2)).astype(np.float32)
        write(f"{name}.wav", noise, RATE, format=form)
    return tmp_path


def run_command(line):
    return main(line.split())


LINES = {
    "pan": "mono.wav -o {} --azimuth 0:90",
    "encode": "mono.wav -o {} --azimuth 0:90",
    "decode": "scene.wav -o {} --from ambix1 --weights dual-band",
    "microphones": "scene.wav -o {} --from ambix1 --azimuth 60,-60",
    "render": "surround.wav -o {} --to 7.1.4",
    "downmix": "surround.wav -o {} --method dplii",
    "upmix": "stereo.wav -o {} --upmixer matrix",
}


@pytest.mark.parametrize("name", LINES)
def test_an_excerpt_is_processed_like_a_file_of_that_length(folder, capsys, name):
    line = f"{name} {LINES[name]}"
    source = line.split()[1]
    cut = read(source, start=4410, stop=4410 + 8820)
    assert run_command(f"{line.format('out.wav')} --start 0.1 --duration 0.2") == 0
    write("cut.wav", cut, overwrite=True)
    assert run_command(line.format("expected.wav").replace(source, "cut.wav")) == 0
    assert np.array_equal(read("out.wav").samples, read("expected.wav").samples)
    assert run_command(f"{line.format('rate.wav')} --sample-rate 48000 --duration 0.25") == 0
    assert (info("rate.wav").sample_rate, info("rate.wav").samples) == (48000, 12000)
    capsys.readouterr()
    for excerpt in ("--start 0.5", "--start 0.4 --duration 0.11", "--duration 9", "--duration 0"):
        assert run_command(f"{line.format('no.wav')} {excerpt}") == 2
        error = capsys.readouterr().err
        assert f"the excerpt of {source} from " in error
        assert error.endswith("; choose another --start or --duration\n")
    assert run_command(f"{line.format('no.wav')} --start -1") == 2
    assert "--start must be" in capsys.readouterr().err
    assert not (folder / "no.wav").exists()


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".mp3", ".ogg", ".opus", ".gsm"])
def test_excerpts_equal_the_samples_of_the_whole_file(tmp_path, rng, suffix):
    """Sources with pages and frames: seeking must not change a sample."""
    noise = 0.1 * rng.standard_normal(48000 * 3)
    path = tmp_path / f"a{suffix}"
    if suffix == ".gsm":  # libsndfile cannot seek in it
        path = path.with_suffix(".wav")
        soundfile.write(path, noise[:24000], 8000, format="WAV", subtype="GSM610")
    elif suffix == ".opus":
        soundfile.write(path, noise, 48000, format="OGG", subtype="OPUS")
    else:
        soundfile.write(path, noise, 48000)
    whole = read(path)
    rate, length = whole.sample_rate, whole.samples.shape[1]
    for start in (1, length // 3, length - 700, length - 1):
        stop = min(start + 5000, length)
        found = read(path, offset=start / rate, duration=(stop - start) / rate).samples
        # The decoder of MP3 rounds differently by block.
        tolerance = 1e-7 if suffix == ".mp3" else 0.0
        assert np.allclose(found, whole.samples[:, start:stop], rtol=0.0, atol=tolerance)
        with stream(path, offset=start / rate, block=999) as blocks:
            rest = np.hstack(list(blocks))
        assert np.allclose(rest, whole.samples[:, start:], rtol=0.0, atol=tolerance)


def test_excerpts_of_the_library(folder):
    for arguments in ({"start": 10, "offset": 0.1}, {"stop": 10, "duration": 0.1}):
        with pytest.raises(OptionError, match="exclude offset and duration"):
            read("mono.wav", **arguments)
    with pytest.raises(OptionError, match=r"from 0\.4 s to 0\.6 s exceeds its 0\.5 s; choose anot"):
        read("mono.wav", offset=0.4, duration=0.2)
    with pytest.raises(OptionError, match="offset must be at least 0"):
        stream("mono.wav", offset=-0.1)
    write("empty.wav", np.zeros((1, 0)), RATE)
    assert read("empty.wav", offset=0).samples.shape == (1, 0)


def test_evaluate_compares_excerpts(folder, capsys):
    audio = read("stereo.wav")
    changed = audio.samples.copy()
    changed[:, :4410] = 0.0
    write("changed.wav", changed, RATE, format="stereo")
    assert run_command("evaluate stereo.wav changed.wav --start 0.1 --duration 0.3 --json") == 0
    assert json.loads(capsys.readouterr().out)["snr"] == "inf"
    (folder / "pairs.csv").write_text("reference,estimate\nstereo.wav,changed.wav\n")
    assert run_command("evaluate --batch pairs.csv --start 0.1") == 0
    assert json.loads(capsys.readouterr().out)["metrics"]["snr"] == "inf"


def test_a_batch_repeats_another_excerpt(folder, capsys):
    line = "upmix stereo.wav -o up/ --upmixer matrix --resume"
    for excerpt, summary in (
        ("", "1 done"),
        ("--start 0.1", "1 done"),
        ("--start 0.1", "0 done, 1 sk"),
    ):
        assert run_command(f"{line} {excerpt}") == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith(summary)
    expected = get_upmixer("matrix").upmix(read("stereo.wav", offset=0.1), None)
    assert np.allclose(read("up/stereo.wav").samples, expected, atol=1e-6)


def test_every_command_that_reads_audio_has_the_options():
    context = click.Context(cli)
    for name in (*LINES, "evaluate", "separate"):
        command = cli.get_command(context, name)
        options = {option for each in command.params for option in each.opts}
        assert {"--start", "--duration"} <= options
        assert ("--sample-rate" in options) == (name != "evaluate")


@pytest.mark.parametrize("name", LINES)
def test_progress_is_printed_on_terminals_only(folder, capsys, monkeypatch, name):
    monkeypatch.setattr(conversion, "DELAY", 0.0)
    line = f"{name} {LINES[name]}"
    assert run_command(line.format("a.wav")) == 0
    assert "s of audio" not in capsys.readouterr().err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert run_command(line.format("b.wav")) == 0
    assert "s of audio [" in capsys.readouterr().err
    assert run_command(f"{line.format('c.wav')} --json") == 0
    assert "s of audio" not in capsys.readouterr().err


@pytest.mark.parametrize("line", ["render long.wav -o o.wav --to quad", "decode long.wav -o o.wav"])
def test_long_files_are_converted_in_constant_memory(folder, line):
    noise = np.zeros((4, 2_000_000), np.float32)
    noise[:, ::1000] = 0.5
    write("long.wav", noise, RATE, format="ambix1")
    run_command("render scene.wav -o warm.wav --to quad")
    tracemalloc.start()
    assert run_command(line) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < noise.nbytes / 3
    expected = render(noise, "ambix1", "quad") if "render" in line else decode_ambisonics(noise)
    assert np.allclose(read("o.wav").samples, expected, atol=1e-6)


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("name", LINES)
def test_samples_beyond_full_scale_are_scaled_before_pcm(folder, capsys, name):
    for path in ("mono.wav", "stereo.wav", "surround.wav", "scene.wav"):
        audio = read(path)
        write(path, 4.0 * audio.samples, RATE, format=audio.format, overwrite=True)
    line = LINES[name].replace("7.1.4", "5.1").replace("--azimuth 0:90", "--azimuth 10")
    assert run_command(f"{name} {line.format('out.flac')} --json") == 0
    captured = capsys.readouterr()
    facts = json.loads(captured.out)
    facts = facts[0] if isinstance(facts, list) else facts
    assert facts["subtype"] == "PCM_24"
    assert facts["gain_db"] < -0.1
    assert facts["peak_db"] == pytest.approx(0.0, abs=0.01)
    assert f"all are scaled by {facts['gain_db']:.2f} dB" in captured.err
    assert run_command(f"{name} {line.format('out.wav')}") == 0
    unscaled = read("out.wav").samples
    scaled = unscaled * 10 ** (facts["gain_db"] / 20)
    assert abs(read("out.flac").samples - scaled).max() < 2**-22
