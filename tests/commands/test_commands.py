"""The command line: outputs equal those of the library, errors are one sentence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
import warnings
from dataclasses import dataclass
from importlib.metadata import EntryPoint

import click
import numpy as np
import pytest
import soundfile

from spatialkit import commands
from spatialkit.__main__ import main
from spatialkit.ambisonics import decode_ambisonics, encode_ambisonics, virtual_microphones
from spatialkit.commands import COMMANDS, plugins
from spatialkit.commands.toolkit import conversion
from spatialkit.downmix import downmix, match_downmix
from spatialkit.files import info, read, write
from spatialkit.layouts import Layout, get_layout, layout_names
from spatialkit.metrics import downmix_error, evaluate, true_peak
from spatialkit.panning import vbap_pan
from spatialkit.rendering import render
from spatialkit.sample import sample_path
from spatialkit.upmixing import Upmixer, get_upmixer, option, registry

RATE = 44100


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """Create files of noise with 1, 2 and 6 channels and of second order, in a new folder."""
    monkeypatch.chdir(tmp_path)
    files = {"mono": "mono", "stereo": "stereo", "surround": "5.1", "scene": "ambix2"}
    for name, form in files.items():
        channels = {"mono": 1, "stereo": 2, "5.1": 6, "ambix2": 9}[form]
        noise = rng.uniform(-0.5, 0.5, (channels, 8000)).astype(np.float32)
        write(f"{name}.wav", noise, RATE, format=form)
    (tmp_path / "words.wav").write_text("no sound\n" * 20)
    return tmp_path


def run_command(line):
    """Run a command and return its exit status."""
    return main(line.split())


@pytest.fixture
def room(folder):
    """Write a layout of four loudspeakers to room.json."""
    layout = Layout.from_directions([40.0, -40.0, 120.0, -120.0], name="room")
    (folder / "room.json").write_text(layout.to_json())
    return layout


def samples(path, **options):
    return read(path, **options).samples


# Help


@pytest.mark.parametrize("name", COMMANDS)
def test_every_help_has_an_example_and_80_columns(capsys, name):
    assert main([name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"  spatialkit {name} " in text or text.rstrip().endswith(f"  spatialkit {name}")
    assert "Example" in text
    assert "--debug" in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_h_is_help(capsys, name):
    texts = []
    for word in ("-h", "--help"):
        assert main([name, word]) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    assert main(["-h"]) == 0
    assert "Commands:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pan", "a full circle needs points between: 0:90:180:270:360."),
        ("encode", "a full circle needs points between: 0:90:180:270:360."),
        ("evaluate", "wild, summed over the pairs of channels"),
        ("layouts", ".json file"),
        ("render", "not the surround of 5.1, at 110 degrees, to the side of 7.1, at 90"),
    ],
)
def test_help_contains_what_is_not_obvious(capsys, name, sentence):
    assert main([name, "--help"]) == 0
    assert sentence in " ".join(capsys.readouterr().out.split())


def test_help_lists_every_command_with_a_whole_sentence(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert main([]) == 0
    assert capsys.readouterr().out == text
    for name in COMMANDS:
        commands_of_help = text.partition("Commands:")[2].splitlines()
        (line,) = [line for line in commands_of_help if line.startswith(f"  {name} ")]
        assert line.endswith(".")
        assert not line.endswith("...")


def run_python(*arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)


def test_the_module_runs_and_help_loads_nothing_heavy():
    done = run_python("-m", "spatialkit", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Usage: spatialkit [OPTIONS]" in done.stdout
    script = (
        "import sys; from spatialkit.__main__ import main; main(['--help']);"
        "heavy = {'numba', 'scipy', 'soundfile', 'soxr', 'torch', 'matplotlib', 'tqdm'};"
        "print(heavy & set(sys.modules))"
    )
    assert run_python("-c", script).stdout.splitlines()[-1] == "set()"


def test_exit_status_of_the_process_is_that_of_main(folder):
    wrong = run_python("-m", "spatialkit", "info", "nothing.wav")
    assert wrong.returncode == 2
    assert wrong.stderr == "Error: nothing.wav cannot be read: No such file or directory\n"
    right = run_python("-m", "spatialkit", "downmix", "surround.wav", "-o", "made.wav")
    assert (right.returncode, right.stderr) == (0, "")
    assert info("made.wav").wave_mask == 0x3


# Outputs


def test_upmix_equals_the_library(folder, capsys):
    assert (
        run_command(
            "upmix stereo.wav -o up.wav --upmixer matrix --layout 7.1.4 -O ambience=-3 --json"
        )
        == 0
    )
    (facts,) = json.loads(capsys.readouterr().out)
    stereo = samples("stereo.wav")
    expected = get_upmixer("matrix", layout="7.1.4", ambience=-3.0).upmix(stereo, RATE)
    assert np.array_equal(samples("up.wav"), expected)
    assert info("up.wav").wave_mask == 0x2D63F
    assert facts["format"] == "7.1.4"
    assert facts["peak_db"] == pytest.approx(20 * np.log10(np.abs(expected).max()), abs=1e-6)
    error = downmix_error(expected, stereo, "7.1.4")
    assert facts["downmix_error_db"] == pytest.approx(float(error), abs=1e-9)
    _, correction = match_downmix(expected, stereo, "7.1.4", return_correction=True)
    assert facts["downmix_correction_db"] == pytest.approx(float(correction), abs=1e-9)


@pytest.mark.parametrize(
    "line",
    [
        "upmix stereo.wav --upmixer matrix",
        "pan mono.wav --azimuth 30",
        "encode mono.wav --azimuth 30",
        "decode scene.wav --layout 5.1",
        "render surround.wav --to 7.1.4",
        "downmix surround.wav",
        "microphones scene.wav --azimuth 0,90",
    ],
)
@pytest.mark.parametrize("gain", [0.5, 8.0])
def test_the_true_peak_of_files_beyond_full_scale_is_reported(folder, capsys, line, gain):
    """Oracle: `true_peak` of the written file."""
    source = line.split()[1]
    audio = read(source)
    write(source, gain * audio.samples, RATE, format=audio.format, overwrite=True)
    assert run_command(f"{line} -o out.wav") == 0
    printed = capsys.readouterr().out
    assert run_command(f"{line} -o out.wav --force --json") == 0
    facts = json.loads(capsys.readouterr().out)
    (facts,) = facts if isinstance(facts, list) else [facts]
    if gain < 1.0:
        assert "true_peak_db" not in facts
        assert "true peak" not in printed
        return
    expected = float(true_peak(read("out.wav")))
    assert facts["true_peak_db"] == pytest.approx(expected, abs=1e-9)
    assert facts["true_peak_db"] > facts["peak_db"] > 0.0
    assert f"exceeds full scale: true peak {expected:+.1f} dBTP" in printed


def test_upmix_of_the_bundled_song_prints_its_facts(folder, capsys):
    assert main(["upmix", str(sample_path()), "-o", "song.flac"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("song.flac: 5.1, 6 channels, 30.00 s at 44100 Hz, peak -")
    assert "by ambience; downmix SNR " in printed
    assert info("song.flac").format == get_layout("5.1")


def test_upmix_of_several_files_shows_a_progress_bar_in_a_terminal(folder, capsys, monkeypatch):
    line = "upmix stereo.wav mono.wav -o up --force"
    for terminal, options, shown in (
        (False, "", False),
        (True, " --json", False),
        (True, "", True),
    ):
        monkeypatch.setattr(sys.stderr, "isatty", lambda terminal=terminal: terminal)
        assert run_command(line + options) == 0
        captured = capsys.readouterr()
        assert ("0/2" in captured.err) == shown
        assert captured.out.count("up/stereo.wav") == captured.out.count("up/mono.wav") == 1
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(conversion, "DELAY", 600.0)  # on a slow machine a short file takes longer
    assert run_command("upmix stereo.wav -o one.wav") == 0
    assert capsys.readouterr().err == ""


def test_upmix_of_several_files_continues_after_an_error(folder, capsys):
    assert run_command("upmix stereo.wav words.wav mono.wav -o up --json") == 1
    captured = capsys.readouterr()
    done = json.loads(captured.out)
    assert [facts["input"] for facts in done] == ["stereo.wav", "words.wav", "mono.wav"]
    assert ["error" in facts for facts in done] == [False, True, False]
    assert captured.err == "Error: words.wav is not a supported audio file\n"
    left = ["mono.wav", "stereo.wav", "upmix.jsonl"]
    assert sorted(path.name for path in (folder / "up").iterdir()) == left


def test_an_error_of_an_upmixer_fails_its_files_only(folder, capsys, monkeypatch):
    class Breaking(Upmixer):
        """Upmixer that raises an error."""

        name = "breaking"
        accepts = (1, 2)
        format = get_layout("stereo")

        def _upmix(self, audio, sample_rate):
            if len(audio) == 1:
                raise ZeroDivisionError("no reason")
            return audio

    monkeypatch.setattr(registry.UPMIXERS, "registered", {"breaking": Breaking})
    assert run_command("upmix mono.wav stereo.wav -o up --upmixer breaking") == 1
    captured = capsys.readouterr()
    assert captured.err == "Error: mono.wav: ZeroDivisionError: no reason\n"
    assert "; downmix SNR inf dB\n" in captured.out


@pytest.mark.parametrize("output", ["here", "here/", "new/", "new.wav/"])
def test_upmix_accepts_a_folder_for_one_input(folder, capsys, output):
    (folder / "here").mkdir()
    for force in ("", " --force"):
        assert run_command(f"upmix stereo.wav -o {output}{force}") == 0
    (made,) = (folder / output).iterdir()
    assert made.name == "stereo.wav"
    assert info(made).format == get_layout("5.1")
    assert run_command(f"upmix stereo.wav -o {output}") == 2
    assert f"{output.rstrip('/')}/stereo.wav exists: add --force" in capsys.readouterr().err


def test_the_printed_layout_is_that_of_the_file(folder, capsys):
    for line in (
        "decode scene.wav -o out.wav --layout 7.1.4:film",
        "render stereo.wav -o out.wav --to 7.1.4:film",
        "pan mono.wav -o out.wav --azimuth 0 --layout 7.1.4:film",
        "upmix stereo.wav -o out.wav --layout 7.1.4:film",
    ):
        assert run_command(f"{line} --force") == 0
        assert capsys.readouterr().out.startswith("out.wav: 7.1.4 in WAVE order, 12 channels, ")
        assert run_command(f"{line} --force --json") == 0
        facts = json.loads(capsys.readouterr().out)
        facts = facts[0] if isinstance(facts, list) else facts
        assert (facts["format"], facts["reordered"]) == (info("out.wav").format.name, True)
    as_they_are = {name: name for name in ("7.1.4", "0+5+0", "ambix2")} | {"quad:film": "quad"}
    for asked, printed in as_they_are.items():
        assert run_command(f"render stereo.wav -o out.wav --to {asked} --force") == 0
        assert capsys.readouterr().out.startswith(f"out.wav: {printed}, ")


def test_layouts_can_be_json_files(folder, room, capsys):
    assert run_command("pan mono.wav -o pan.wav --azimuth 80 --layout room.json") == 0
    assert np.array_equal(samples("pan.wav"), vbap_pan(samples("mono.wav")[0], 80.0, layout=room))
    assert capsys.readouterr().out.startswith("pan.wav: room, 4 channels, ")
    assert run_command("decode scene.wav -o decoded.wav --layout room.json") == 0
    assert np.array_equal(samples("decoded.wav"), decode_ambisonics(samples("scene.wav"), room))
    assert run_command("render surround.wav -o to.wav --to room.json") == 0
    assert np.array_equal(samples("to.wav"), render(samples("surround.wav"), "5.1", room))
    assert run_command("render pan.wav -o from.wav --from room.json --to stereo") == 0
    assert np.array_equal(samples("from.wav"), render(samples("pan.wav"), room, "stereo"))
    capsys.readouterr()
    assert run_command("evaluate pan.wav decoded.wav --from room.json --json") == 0
    scores = evaluate(samples("pan.wav"), samples("decoded.wav"), layout=room, sample_rate=RATE)
    assert json.loads(capsys.readouterr().out)["energy_vector_angle"] == pytest.approx(
        scores["energy_vector_angle"]
    )
    assert run_command("layouts room.json --json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [channel["azimuth"] for channel in facts["channels"]] == room.azimuth.tolist()


def test_downmix_accepts_layout_files_for_input_and_output(folder):
    for name in ("5.1", "quad"):
        (folder / f"{name}.json").write_text(get_layout(name).to_json())
    assert run_command("downmix surround.wav -o out.wav --from 5.1.json --to quad.json") == 0
    assert np.array_equal(samples("out.wav"), downmix(samples("surround.wav"), "5.1", "quad"))


@pytest.mark.parametrize("option", ["--layout wide.json", "-O layout=wide.json"])
def test_upmix_accepts_a_layout_file(folder, option):
    quad = get_layout("quad")
    wide = Layout("wide", quad.labels, [60.0, -60.0, 130.0, -130.0])
    (folder / "wide.json").write_text(wide.to_json())
    assert run_command(f"upmix stereo.wav -o up.wav --upmixer matrix {option}") == 0
    expected = get_upmixer("matrix", layout=wide).upmix(samples("stereo.wav"), RATE)
    assert np.array_equal(samples("up.wav"), expected)


def test_an_assumed_format_is_printed(folder, capsys):
    write("scene.wav", samples("scene.wav"), RATE, overwrite=True)  # without a format
    assert run_command("decode scene.wav -o out.wav") == 0
    assert capsys.readouterr().out.endswith("\n  scene.wav read as ambix2\n")
    assert run_command("decode scene.wav -o out.wav --force --json") == 0
    assert json.loads(capsys.readouterr().out)["read_as"] == "ambix2"
    assert run_command("decode scene.wav -o out.wav --force --from ambix2") == 0
    assert "read as" not in capsys.readouterr().out
    write("unsaid.wav", samples("surround.wav"), RATE)
    for line in ("surround.wav unsaid.wav", "unsaid.wav surround.wav"):
        assert run_command(f"evaluate {line}") == 0
        assert capsys.readouterr().out.endswith("\nunsaid.wav read as 5.1\n")
        assert run_command(f"evaluate {line} --json") == 0
        assert json.loads(capsys.readouterr().out)["read_as"] == "5.1"


def test_pan_gives_each_channel_its_direction(folder):
    assert (
        run_command("pan stereo.wav -o out.wav --azimuth 45,-100 --elevation 20 --layout 7.1.4")
        == 0
    )
    expected = vbap_pan(samples("stereo.wav"), [45.0, -100.0], 20.0, layout="7.1.4")
    assert np.array_equal(samples("out.wav"), expected)


def test_pan_and_decode_have_the_default_layout_of_the_library(folder):
    assert run_command("pan mono.wav -o out.wav --azimuth 70") == 0
    assert np.array_equal(samples("out.wav"), vbap_pan(samples("mono.wav")[0], 70.0))
    assert run_command("decode scene.wav -o decoded.wav") == 0
    assert np.array_equal(samples("decoded.wav"), decode_ambisonics(samples("scene.wav")))


def test_pan_moves_along_a_path(folder):
    assert run_command("pan mono.wav -o out.wav --azimuth -30:0:90 --spread 40 --layout 5.0") == 0
    expected = vbap_pan(samples("mono.wav")[0], [-30.0, 0.0, 90.0], layout="5.0", spread=40.0)
    assert np.array_equal(samples("out.wav"), expected)
    assert run_command("pan stereo.wav -o two.wav --azimuth 0:180,30 --layout 5.0") == 0
    expected = vbap_pan(samples("stereo.wav"), [[0.0, 180.0], [30.0, 30.0]], layout="5.0")
    assert np.array_equal(samples("two.wav"), expected)


def test_a_negative_azimuth_is_not_parsed_as_an_option(folder):
    assert run_command("pan mono.wav -o right.wav --azimuth -110 --layout 5.0") == 0
    assert np.abs(samples("right.wav")).max(axis=1).argmax() == 4


def test_encode_decode_and_render_equal_the_library(folder):
    assert run_command("encode stereo.wav -o scene3.wav --azimuth 30,-90 --order 3") == 0
    scene = encode_ambisonics(samples("stereo.wav"), [30.0, -90.0], order=3)
    assert np.array_equal(samples("scene3.wav"), scene)
    assert info("scene3.wav").wave_mask == 0
    assert (
        run_command(
            "decode scene3.wav -o out.wav --layout 7.1.4 --decoder sampling --weights basic"
        )
        == 0
    )
    expected = decode_ambisonics(scene, "7.1.4", decoder="sampling", weights="basic")
    assert np.array_equal(samples("out.wav"), expected)
    assert run_command("render scene3.wav -o out2.wav --from ambix3 --to 5.1") == 0
    assert np.array_equal(samples("out2.wav"), render(scene, "ambix3", "5.1"))


def test_microphones_equal_the_library(folder, capsys):
    scene = samples("scene.wav")
    assert run_command("microphones scene.wav -o pair.wav --azimuth 60,-60") == 0
    printed = capsys.readouterr().out
    assert printed.startswith("pair.wav: stereo, 2 channels, 0.18 s at 44100 Hz, peak ")
    assert "read as" not in printed  # the file contains its format
    # Float32 sums of four terms, in another order.
    close = {"rtol": 0.0, "atol": 1e-6}
    np.testing.assert_allclose(
        samples("pair.wav"), virtual_microphones(scene, [60.0, -60.0]), **close
    )
    line = "--azimuth -10,0,190 --elevation 5 --pattern 0,0.5,1 --from ambix2 --json"
    assert run_command(f"microphones scene.wav -o three.wav {line}") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["format"], facts["channels"], "read_as" in facts) == (None, 3, False)
    expected = virtual_microphones(scene, [-10.0, 0.0, 190.0], 5.0, pattern=[0.0, 0.5, 1.0])
    np.testing.assert_allclose(samples("three.wav"), expected, **close)
    assert facts["peak_db"] == pytest.approx(20 * np.log10(np.abs(expected).max()), abs=1e-4)
    write("fuma.wav", scene[:4], RATE)
    assert run_command("microphones fuma.wav -o one.wav --azimuth 90 --from fuma1") == 0
    fuma = {"normalization": "FuMa", "channel_order": "FuMa"}
    expected = virtual_microphones(scene[:4], [90.0], **fuma)
    np.testing.assert_allclose(samples("one.wav"), expected, **close)
    assert info("one.wav").format == get_layout("mono")


def test_microphones_record_long_files_in_blocks(folder, monkeypatch):
    scene = np.random.default_rng(0).uniform(-0.5, 0.5, (4, 150_000)).astype(np.float32)
    write("long.wav", scene, RATE)
    sizes = []

    def counted(block, **options):
        sizes.append(block.shape[1])
        return virtual_microphones(block, **options)

    monkeypatch.setattr("spatialkit.ambisonics.virtual_microphones", counted)
    assert run_command("microphones long.wav -o out.wav --azimuth 60,-60") == 0
    assert sum(sizes) == 150_000
    assert max(sizes) <= 65536
    expected = virtual_microphones(scene, [60.0, -60.0])
    np.testing.assert_allclose(samples("out.wav"), expected, rtol=0.0, atol=1e-6)
    write("none.wav", scene[:, :0], RATE)
    assert run_command("microphones none.wav -o empty.wav --azimuth 60,-60") == 0
    assert info("empty.wav").samples == 0


def test_decode_supports_other_conventions_and_both_bands(folder):
    write("fuma.wav", samples("scene.wav")[:4], RATE)
    assert (
        run_command("decode fuma.wav -o out.wav --from fuma1 --layout quad --weights dual-band")
        == 0
    )
    expected = decode_ambisonics(
        samples("fuma.wav"),
        "quad",
        weights="dual-band",
        sample_rate=RATE,
        normalization="FuMa",
        channel_order="FuMa",
    )
    assert np.array_equal(samples("out.wav"), expected)


def test_downmix_equals_the_library(folder):
    surround = samples("surround.wav")
    assert run_command("downmix surround.wav -o two.wav") == 0
    assert np.array_equal(samples("two.wav"), downmix(surround, "5.1"))
    assert run_command("downmix surround.wav -o one.wav --to mono --from 0+5+0") == 0
    assert np.array_equal(samples("one.wav"), downmix(surround, "5.1", "mono"))
    assert run_command("downmix surround.wav -o lt.wav --method dplii") == 0
    assert np.array_equal(samples("lt.wav"), downmix(surround, "5.1", method="dplii"))


def test_force_replaces_and_only_force(folder, capsys):
    assert run_command("downmix surround.wav -o out.wav") == 0
    assert run_command("render surround.wav -o out.wav --to mono") == 2
    assert "out.wav exists: add --force to replace it" in capsys.readouterr().err
    assert info("out.wav").channels == 2
    assert run_command("render surround.wav -o out.wav --to mono --force") == 0
    assert info("out.wav").channels == 1


# Printed text


def test_evaluate_prints_the_metrics(folder, capsys):
    write("quieter.wav", 0.5 * samples("surround.wav"), RATE, format="5.1")
    assert run_command("evaluate surround.wav quieter.wav --json") == 0
    printed = json.loads(capsys.readouterr().out)
    pair = samples("surround.wav"), samples("quieter.wav")
    expected = evaluate(*pair, layout="5.1", sample_rate=RATE)
    assert printed.keys() == expected.keys()
    finite = [name for name, value in expected.items() if np.isfinite(value)]
    assert len(finite) > 5
    for name in finite:
        assert printed[name] == pytest.approx(expected[name])
    assert printed["si_sdr"] == str(expected["si_sdr"]) or "si_sdr" in finite
    assert run_command("evaluate surround.wav quieter.wav") == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].split() == ["metric", "value", "unit"]
    rows = {name: rest for name, *rest in map(str.split, text.splitlines()[1:])}
    assert rows["snr"] == ["6.021", "dB"]  # a half is what is missing: 20 log10(2)
    assert rows["true_peak_estimate"] == [f"{expected['true_peak_estimate']:.3f}", "dBTP"]
    assert rows["energy_vector_angle"] == ["0.000", "degrees"]
    assert rows["energy_vector_difference"] == ["0.000"]
    assert rows.keys() == expected.keys()


@pytest.mark.parametrize("option", ["--from", "--layout"])
def test_evaluate_accepts_a_format(folder, capsys, option):
    pair = samples("scene.wav"), 0.5 * samples("scene.wav")
    write("quieter.wav", pair[1], RATE)
    assert run_command(f"evaluate scene.wav quieter.wav {option} ambix2 --json") == 0
    expected = evaluate(*pair, layout="ambix2", sample_rate=RATE)
    assert json.loads(capsys.readouterr().out).keys() == expected.keys()


def test_infinite_values_are_text_and_undefined_ones_null_in_json(folder, capsys):
    assert run_command("evaluate stereo.wav stereo.wav --json") == 0
    assert json.loads(capsys.readouterr().out)["snr"] == "inf"
    write("silence.wav", np.zeros((2, 8000)), RATE)
    assert run_command("evaluate silence.wav stereo.wav --json") == 0
    assert json.loads(capsys.readouterr().out)["snr"] is None


def test_layouts_lists_all_and_details_one(capsys):
    assert main(["layouts", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [layout["name"] for layout in listed] == list(layout_names())
    assert main(["layouts", "5.1:film", "--json"]) == 0
    film = json.loads(capsys.readouterr().out)
    assert [channel["label"] for channel in film["channels"]] == [
        "FL",
        "FC",
        "FR",
        "SL",
        "SR",
        "LFE",
    ]
    assert film["channels"][3]["azimuth"] == 110.0
    assert film["channels"][5]["azimuth"] is None
    assert main(["layouts"]) == 0
    text = capsys.readouterr().out
    assert max(map(len, text.splitlines())) <= 80
    assert all(f"\n{name} " in text for name in layout_names())
    assert main(["layouts", "7.1"]) == 0
    assert "4        LFE    LFE\n" in capsys.readouterr().out


def test_info_prints_the_format_of_the_file(folder, capsys):
    assert main(["info", "surround.wav", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["format"], facts["wave_mask"], facts["samples"]) == ("5.1", 0x60F, 8000)
    assert facts["labels"] == ["FL", "FR", "FC", "LFE", "SL", "SR"]
    assert main(["info", "scene.wav"]) == 0
    assert "9 channels, ambix2 (mask: 0x0)" in capsys.readouterr().out
    write("scene.wav", samples("scene.wav"), RATE, overwrite=True)
    assert main(["info", "scene.wav"]) == 0
    assert "9 channels, format not specified (mask: 0x0)" in capsys.readouterr().out
    assert main(["info", "mono.wav"]) == 0
    assert "\n1 channel, mono: FC (mask: 0x4)\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["9.1.6", "22.2", "3+7+0", "4+5+1", "ambix3", "fuma1"])
def test_the_format_of_our_own_files_is_known_to_every_command(folder, capsys, name):
    assert run_command(f"render stereo.wav -o own.wav --to {name}") == 0
    capsys.readouterr()
    assert main(["info", "own.wav", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["format"], facts["wave_mask"]) == (name, 0)
    if name in ("ambix3", "fuma1"):
        assert run_command("decode own.wav -o back.wav --layout 5.1 --json") == 0
        assert "read_as" not in json.loads(capsys.readouterr().out)
    assert run_command("render own.wav -o back.wav --to stereo --force") == 0
    assert np.array_equal(samples("back.wav"), render(samples("own.wav"), name, "stereo"))


def test_b_format_is_decoded_as_fuma(folder, capsys):
    data = bytearray((folder / "scene.wav").read_bytes())
    tail = data.index(b"fmt ") + 8 + 26
    data[tail : tail + 14] = bytes.fromhex("00002107d3118644c8c1ca000000")
    (folder / "b.amb").write_bytes(data)
    assert run_command("decode b.amb -o out.wav --layout 7.1 --json") == 0
    assert "read_as" not in json.loads(capsys.readouterr().out)
    assert np.array_equal(
        samples("out.wav"),
        decode_ambisonics(samples("scene.wav"), "7.1", normalization="FuMa", channel_order="FuMa"),
    )


def test_info_of_several_files_continues_after_an_error(folder, capsys):
    assert run_command("info mono.wav words.wav stereo.wav") == 1
    captured = capsys.readouterr()
    assert captured.out.count("\n\n") == 1
    assert captured.out.index("mono.wav: WAV FLOAT") < captured.out.index("stereo.wav: WAV FLOAT")
    assert captured.err == "Error: words.wav is not a supported audio file\n"
    assert run_command("info mono.wav words.wav --json") == 1
    first, second = json.loads(capsys.readouterr().out)
    assert (first["file"], first["channels"]) == ("mono.wav", 1)
    assert second["error"].startswith("words.wav is not a supported")
    assert run_command("info words.wav nothing.wav") == 1
    assert capsys.readouterr().out == ""


def test_one_channel_is_singular(folder, capsys):
    assert run_command("downmix surround.wav -o one.wav --to mono") == 0
    assert run_command("layouts mono") == 0
    text = capsys.readouterr().out
    assert "one.wav: mono, 1 channel, " in text
    assert "mono: 1 channel, " in text


def test_upmixers_are_listed_from_their_declaration(capsys):
    assert main(["upmixers"]) == 0
    text = capsys.readouterr().out
    assert "-O ambience=0.0  Level of the ambience. (number from -60 to 12 dB)" in text
    assert max(map(len, text.splitlines())) <= 80
    assert main(["upmixers", "--json"]) == 0
    found = {facts["name"]: facts for facts in json.loads(capsys.readouterr().out)}
    assert found["matrix"]["options"][0]["default"] == "5.1"
    assert found["matrix"]["problem"] is None
    assert main(["upmixers", "Matrix", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [found["matrix"]]
    assert main(["upmixers", "matrx"]) == 2
    assert "unknown upmixer 'matrx'" in capsys.readouterr().err


def test_defaults_of_upmixers_are_numbers_and_booleans_in_json(capsys, monkeypatch):
    @dataclass(frozen=True)
    class Options:
        layout: Layout = option("quad", "Loudspeakers.")
        gain: float = option(0.5, "Gain.")
        taps: int = option(8, "Length.")
        steady: bool = option(True, "Whether it moves.")

    class Various(Upmixer):
        """Has options of all kinds."""

        name = "various"
        accepts = (2,)
        format = get_layout("stereo")
        options_class = Options

    monkeypatch.setattr(registry.UPMIXERS, "registered", {"various": Various})
    assert main(["upmixers", "--json"]) == 0
    found = {facts["name"]: facts for facts in json.loads(capsys.readouterr().out)}
    defaults = [option["default"] for option in found["various"]["options"]]
    assert defaults == ["quad", 0.5, 8, True]
    assert list(map(type, defaults)) == [str, float, int, bool]


def test_a_broken_upmixer_does_not_break_the_list(capsys, monkeypatch):
    broken = EntryPoint("broken", "no_such_package:Broken", registry.UPMIXERS.group)
    entries = {**registry.UPMIXERS.entries(), "broken": [broken]}
    monkeypatch.setattr(registry.UPMIXERS, "entries", lambda: entries)
    assert main(["upmixers"]) == 0
    text = capsys.readouterr().out
    assert "cannot be used: upmixer 'broken'" in text
    assert "\nmatrix\n" in text


# Errors


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sing", "unknown command 'sing'. Accepted: 'upmix', "),
        ("pan", "Missing argument 'IN'. See: spatialkit pan --help"),
        ("pan mono.wav --azimuth 0", "Missing option '-o' / '--output'"),
        ("pan mono.wav -o out.wav", "--azimuth or --trajectory is required"),
        ("pan mono.wav -o out.wav --azimuth left", "--azimuth must be degrees such as"),
        ("pan mono.wav -o out.wav --azimuth nan", "azimuth must be finite degrees"),
        ("pan mono.wav -o out.wav --azimuth 0 --elevation 91", "elevation must be from -90"),
        ("pan mono.wav -o out.wav --azimuth 0 --spread 400", "spread must be from 0 to 360"),
        (
            "pan mono.wav -o out.wav --azimuth 1,2,3",
            "--azimuth has 3 values, IN has 1 channel: give one",
        ),
        (
            "pan mono.wav -o out.wav --azimuth 0:90 --elevation 0:10:20",
            "--azimuth has 2 points, --elevation 3: paths need the same number of points",
        ),
        ("pan stereo.wav -o out.wav --azimuth 0:90,0:1:2", "--azimuth has 2 and 3 points: paths"),
        ("pan mono.wav -o folder --azimuth 0", "folder is a folder: name a file in it"),
        ("pan mono.wav -o out.wav --azimuth 0 --layout no.json", "no.json cannot be read: No such"),
        ("render mono.wav -o out.wav --to odd.json", "odd.json: not a loudspeaker layout"),
        ("layouts bytes.json", "bytes.json is not valid JSON: 'utf-8' codec"),
        ("upmix stereo.wav -o out.wav --layout no.json", "no.json cannot be read: No such"),
        ("pan nan.wav -o out.wav --azimuth 0", "Error: nan.wav holds nan at index (0, 1)"),
        ("upmix nan.wav -o out.wav", "Error: nan.wav holds nan at index (0, 1)"),
        ("evaluate mono.wav nan.wav", "Error: nan.wav holds nan at index (0, 1)"),
        ("pan mono.wav -o out.wav --azimuth 0 --layout 8.8", "unknown layout '8.8'"),
        ("pan mono.wav -o out.mp3 --azimuth 0", "unknown output file extension '.mp3'"),
        ("pan mono.wav -o no/out.wav --azimuth 0", "there is no folder no"),
        ("encode mono.wav -o out.wav --azimuth 0 --order 9", "order must be from 1 to 7, got 9"),
        ("encode mono.wav -o out.wav --azimuth 0 --order two", "'two' is not a valid integer"),
        ("decode stereo.wav -o out.wav", "stereo.wav has the format 'stereo', not Ambisonics"),
        ("decode surround.wav -o out.wav --from ambix1", "6 channels, but format 'ambix1' has 4"),
        ("microphones scene.wav -o out.wav", "Missing option '--azimuth'"),
        (
            "microphones scene.wav -o out.wav --azimuth 60:90",
            "--azimuth must be a number, or one per microphone such as 60,-60, got '60:90'",
        ),
        ("microphones scene.wav -o out.wav --azimuth 0 --pattern 2", "pattern must be from 0 to 1"),
        ("microphones scene.wav -o out.wav --azimuth 0,1,2 --pattern 0,1", "pattern of shape (2,)"),
        ("microphones scene.wav -o out.wav --azimuth 0 --elevation 91", "elevation must be from"),
        ("microphones stereo.wav -o out.wav --azimuth 0", "the format 'stereo', not Ambisonics"),
        ("microphones five.wav -o out.wav --azimuth 0", "five.wav has 5 channels, not Ambisonics"),
        ("microphones nan4.wav -o out.wav --azimuth 0", "nan4.wav holds nan at index (0, 1)"),
        ("microphones scene.wav -o scene.wav --azimuth 0 --force", "output scene.wav is the input"),
        ("decode scene.wav -o out.wav --from ambix3", "has 9 channels, but format 'ambix3' has 16"),
        ("decode scene.wav -o out.wav --decoder magic", "unknown decoder 'magic'"),
        (
            "render five.wav -o out.wav --to 5.1",
            "does not specify the format of its 5 channels: add --from",
        ),
        (
            "render stereo.wav -o out.wav --to 5.1 --yaw 9",
            "--yaw requires --to binaural, got --to 5",
        ),
        (
            "render stereo.wav -o out.wav --to binaural --hrtf a.sofa",
            "a.sofa cannot be read: No such",
        ),
        ("render stereo.wav -o out.wav --to binaural --method best", "unknown method 'best'"),
        ("render stereo.wav -o out.wav --to binaural --yaw nan", "yaw must be finite"),
        ("downmix stereo.wav -o out.wav --to 7.1", "render"),
        ("downmix surround.wav -o surround.wav --force", "output surround.wav is the input"),
        ("upmix nothing.wav -o out.wav", "nothing.wav cannot be read: No such file"),
        ("upmix words.wav -o out.wav", "words.wav is not a supported audio file"),
        (
            "upmix surround.wav -o out.wav",
            "surround.wav has 6 channels (5.1): upmixer 'ambience' accepts 1 or 2\n",
        ),
        (
            "upmix stereo.wav -o out.wav --subtype PCM_8",
            "'PCM_8'; did you mean 'PCM_24'?",
        ),
        (
            "upmix stereo.wav -o out.flac --subtype FLOAT",
            "unknown subtype of .flac",
        ),
        ("upmix stereo.wav -o new/ --subtype VORBIS", "unknown subtype of .wav 'VORBIS'"),
        ("upmix no.wav -o new/deep/", "no.wav cannot be read: No such file"),
        (
            "upmix stereo.wav -o out.wav --upmixer magic",
            "unknown upmixer 'magic'",
        ),
        (
            "upmix stereo.wav -o out.wav -O loud=1",
            "unknown option 'loud'; did you mean 'layout'? Accepted: ",
        ),
        (
            "upmix stereo.wav -o out.wav -O loud",
            "-O must be KEY=VALUE, such as -O ambience=-3; got 'loud'",
        ),
        ("upmix stereo.wav -o out.wav -O ambience=x", "ambience must be a number of dB"),
        ("upmix stereo.wav -o out.wav --layout 5.1 -O layout=5.0", "'layout' is specified twice"),
        ("upmix stereo.wav mono.wav -o out.wav", "out.wav must be a folder for 2 inputs"),
        ("upmix stereo.wav mono.wav -o .", "output stereo.wav is the input stereo.wav"),
        ("upmix stereo.wav stereo.wav -o up", "have the same output up/stereo.wav"),
        ("upmix stereo.wav mono.wav -o words.wav/up", "folder words.wav/up cannot be created"),
        ("evaluate stereo.wav mono.wav", "the format 'stereo', the estimate 'mono'"),
        ("evaluate stereo.wav slow.wav", "stereo.wav has 44100 Hz, slow.wav has 48000 Hz"),
        ("layouts 5.2", "unknown layout '5.2'"),
        ("info words.wav", "words.wav is not a supported audio file"),
        ("info .", ". cannot be read: Is a directory"),
    ],
)
def test_errors_are_one_sentence(folder, capsys, line, words):
    write("slow.wav", np.zeros((2, 100)), 48000)
    soundfile.write("nan.wav", [0.0, np.nan], RATE, subtype="FLOAT")
    soundfile.write("nan4.wav", [4 * [0.0], [np.nan, 0.0, 0.0, 0.0]], RATE, subtype="FLOAT")
    write("five.wav", np.zeros((5, 100)), RATE)
    (folder / "odd.json").write_text("{}")
    (folder / "bytes.json").write_bytes(b"\xff{}")
    (folder / "folder").mkdir()
    before = sorted(folder.iterdir())
    assert run_command(line) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert sorted(folder.iterdir()) == before


@pytest.mark.filterwarnings("always")
def test_warnings_are_one_line(folder, capsys):
    soundfile.write("eight.wav", samples("scene.wav")[:8].T, RATE, format="WAVEX")
    assert info("eight.wav").wave_mask == 0xFF
    show = warnings.showwarning
    assert run_command("render eight.wav -o out.wav --to stereo") == 0
    assert warnings.showwarning is show
    error = capsys.readouterr().err
    assert error.startswith("warning: eight.wav has the channel mask 0xff")
    assert "--from 7.1" in error
    assert error.count("\n") == 1
    assert run_command("render eight.wav -o out2.wav --to stereo --from 7.1") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("line", ["--debug info nothing.wav", "info nothing.wav --debug"])
def test_debug_adds_the_traceback(folder, capsys, line):
    assert run_command(line) == 2
    error = capsys.readouterr().err
    assert error.startswith("Traceback")
    assert error.endswith("Error: nothing.wav cannot be read: No such file or directory\n")


def test_an_unexpected_error_is_reported_as_such(folder, capsys, monkeypatch):
    def faulty(*arguments, **options):
        raise KeyError("lost")

    monkeypatch.setattr("spatialkit.rendering.render", faulty)
    assert run_command("render stereo.wav -o out.wav --to 5.1") == 2
    assert capsys.readouterr().err == "Error: unexpected KeyError: 'lost' (see --debug)\n"


# Commands of other packages


def test_commands_of_other_packages_are_found_and_loaded_on_use(capsys, monkeypatch):
    package = types.ModuleType("greetings")
    package.greet = click.Command("greet", callback=lambda: click.echo("hello"))

    def fail():
        raise click.ClickException("nobody is here")

    package.fail = click.Command("fail", callback=fail)
    monkeypatch.setitem(sys.modules, "greetings", package)
    found = {
        "greet": EntryPoint("greet", "greetings:greet", commands.GROUP),
        "fail": EntryPoint("fail", "greetings:fail", commands.GROUP),
        "lost": EntryPoint("lost", "no_such_package:command", commands.GROUP),
        "no": EntryPoint("no", "greetings:greet.name", commands.GROUP),
    }
    monkeypatch.setattr(plugins, "find_plugins", lambda group: found)
    assert main(["--help"]) == 0
    assert "From no_such_package:command." in capsys.readouterr().out
    assert main(["greet"]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert main(["fail"]) == 2
    assert capsys.readouterr().err == "Error: nobody is here\n"
    assert main(["lost"]) == 2
    assert "command 'lost' (no_such_package:command) failed to import" in capsys.readouterr().err
    assert main(["no"]) == 2
    assert "(greetings:greet.name) is not a click.Command: 'greet'" in capsys.readouterr().err


@pytest.mark.parametrize("distance", ["4", "1:9"])
def test_distance_of_a_source(folder, distance):
    metres = [float(each) for each in distance.split(":")]
    line = f"mono.wav --azimuth 30 --distance {distance} --force"
    assert run_command(f"pan {line} -o out.wav") == 0
    mono = samples("mono.wav")[0]
    expected = vbap_pan(mono, 30.0, distance=metres)
    assert samples("out.wav") == pytest.approx(expected, abs=1e-6)
    assert run_command(f"encode {line} -o out.wav") == 0
    assert samples("out.wav") == pytest.approx(
        encode_ambisonics(mono, 30.0, distance=metres), abs=1e-6
    )
    assert run_command(f"pan {line} -o out.wav --distance near") == 2


@pytest.mark.skipif(os.name == "nt", reason="other limits of names")
def test_a_name_that_is_too_long_is_one_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--rooms", "rooms", "--out", "out", "--train", "1", "--valid", "0", "--test", "0"]
    assert main(["scenes", "--stems", "1" * 400, *arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("Error: 111")
    assert "unexpected" not in said
    assert len(said.splitlines()) == 1
