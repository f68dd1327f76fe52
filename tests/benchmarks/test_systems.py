"""Systems of benchmarks: upmixers, objects, other programs, folders of outputs."""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.benchmarks import (
    StimulusWriter,
    System,
    as_systems,
    benchmark_upmixers,
    command_system,
    estimates_system,
    fingerprint,
    named_value,
    write_upmix_stimuli,
)
from spatialkit.errors import (
    AudioFileError,
    LayoutError,
    OptionError,
    ShapeError,
    SignalError,
    UpmixerError,
)
from spatialkit.files import read, write
from spatialkit.layouts import get_format, get_layout
from spatialkit.upmixing import get_upmixer

RATE = 8000
QUAD = """
import sys, soundfile
audio, rate = soundfile.read(sys.argv[1])
soundfile.write(sys.argv[2], audio[:, [0, 1, 0, 1]], rate, subtype="FLOAT")
"""


@pytest.fixture
def noise(rng):
    return rng.uniform(-0.5, 0.5, (2, 4000)).astype(np.float32)


def script(folder, text):
    """Write a program and return the command that calls it."""
    path = folder / "my program.py"
    path.write_text(text)
    return f"'{sys.executable}' '{path}' {{input}} {{output}}"


def entries(folder):
    return sorted(os.listdir(folder))


# Programs


def test_a_program_processes_files_and_leaves_nothing_behind(tmp_path, noise, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    system = command_system(script(tmp_path, QUAD), "quad", name="mine")
    assert (system.name, system.format.name) == ("mine", "quad")
    np.testing.assert_array_equal(system.run(noise, RATE), noise[[0, 1, 0, 1]])
    assert entries(scratch) == []


def test_arguments_reach_the_program_without_a_shell(tmp_path, noise):
    text = QUAD + "assert sys.argv[3:] == ['a b', '$HOME; exit 3', '*'], sys.argv"
    command = script(tmp_path, text) + " 'a b' '$HOME; exit 3' *"
    assert command_system(command, "quad").run(noise, RATE).shape == (4, 4000)


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("import sys; print('one'); sys.exit('no licence')", UpmixerError, "status 1: no licence"),
        ("raise SystemExit(3)", UpmixerError, "failed with status 3: it printed nothing"),
        ("import os; os.kill(os.getpid(), 9)", UpmixerError, "failed with signal 9"),
        ("pass", AudioFileError, r"ended without an error but did not write \{output\}"),
        (QUAD.replace("[0, 1, 0, 1]", "[0, 1, 0]"), AudioFileError, "3 channels.*quad"),
        (QUAD.replace("rate, sub", "2 * rate, sub"), AudioFileError, "wrote 16000 Hz.*8000 Hz"),
        (QUAD.replace("audio[:", "audio[5:"), ShapeError, "4 channels .*4000 samples.*4 x 3995"),
        ("import sys; open(sys.argv[2], 'w').write('x')", AudioFileError, r"\{output\}"),
    ],
)
def test_what_a_program_does_wrong_is_named(tmp_path, noise, text, error, words):
    system = command_system(script(tmp_path, text), "quad")
    with pytest.raises(error, match=words) as raised:
        system.run(noise, RATE)
    assert "spatialkit-" not in str(raised.value)  # the temporary folder


def test_a_channel_mask_that_contradicts_the_format_is_refused(noise, tmp_path):
    system = command_system("cp {input} {output}", get_layout("stereo"), name="copy")
    np.testing.assert_array_equal(system.run(noise, RATE), noise)
    write(tmp_path / "seven.wav", np.tile(noise, (4, 1)), RATE, format="7.1")
    text = f"import sys, shutil\nshutil.copy({str(tmp_path / 'seven.wav')!r}, sys.argv[2])"
    with pytest.raises(LayoutError, match=r"output of .*7\.1"):
        command_system(script(tmp_path, text), "5.1.2").run(noise, RATE)


def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path, noise):
    alive = tmp_path / "alive"
    text = (
        "import subprocess, sys, time\n"
        f'child = \'import time; time.sleep(4); open("{alive}", "w")\'\n'
        "subprocess.Popen([sys.executable, '-c', child])\n"
        "time.sleep(60)"
    )
    with pytest.raises(UpmixerError, match=r"took more than 1\.5 s and was ended"):
        command_system(script(tmp_path, text), "quad", timeout=1.5).run(noise, RATE)
    time.sleep(4.0)
    assert not alive.exists()


@pytest.mark.parametrize(
    ("command", "error", "words"),
    [
        ("", OptionError, "placeholders {input} and {output}"),
        ("cp {input}", OptionError, "placeholders {input} and {output}"),
        ("cp '{input} {output}", OptionError, "cannot be split into words: No closing quotation"),
        ("no-such-program {input} {output}", UpmixerError, "'no-such-program' was not found"),
    ],
)
def test_commands_that_cannot_be_called_are_refused(command, error, words):
    with pytest.raises(error, match=words):
        command_system(command, "5.1")


# Objects and names


def test_outputs_of_functions_are_checked(noise):
    quad = get_layout("quad")
    with pytest.raises(ShapeError, match=r"4 channels \(quad: FL FR BL BR\) and 4000 .* 2 x 4000"):
        System("copy", lambda audio, rate: audio, quad).run(noise, RATE)
    with pytest.raises(SignalError, match="NaN or infinity"):
        System("nan", lambda audio, rate: np.nan * np.tile(audio, (2, 1)), quad).run(noise, RATE)


def test_names_and_objects_become_systems(noise):
    own = System("own", lambda audio, rate: np.tile(audio, (3, 1)), get_layout("5.1"))
    matrix = get_upmixer("matrix", layout="quad")
    found, failures, notes = as_systems(
        ["all-channel-stereo:gain=0.25", matrix, own], get_format("5.1")
    )
    assert [system.name for system in found] == ["all-channel-stereo:gain=0.25", "matrix", "own"]
    assert [system.format.name for system in found] == ["5.0", "quad", "5.1"]
    assert (failures, notes) == ({}, [])
    np.testing.assert_allclose(found[0].run(noise, RATE)[0], 0.25 * noise[0])
    np.testing.assert_array_equal(found[1].run(noise, RATE), matrix.upmix(noise, RATE))
    (exact,), _, _ = as_systems(["ambience"], get_format("foa"))
    assert exact.format == get_format("foa")
    (fixed,), _, _ = as_systems(["matrix"], get_format("foa"))  # it has no Ambisonic output
    assert fixed.format == get_layout("5.1")


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs an ffmpeg")
def test_programs_have_the_format_or_one_that_stands_for_it():
    for name, expected in (("7.1", "7.1"), ("foa", "5.1")):
        (system,), _, notes = as_systems(["ffmpeg"], get_format(name))
        assert (system.format.name, system.accepts, notes) == (expected, (2,), [])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("python3 a.py {input} {output}", ("", "", "python3 a.py {input} {output}")),
        ("mine=a.py -x=1 {input} {output}", ("mine", "", "a.py -x=1 {input} {output}")),
        ("v1.2@7.1.4=dir/with=sign", ("v1.2", "7.1.4", "dir/with=sign")),
        ("dir/with=sign", ("", "", "dir/with=sign")),
        ("@5.0=dir", ("", "", "@5.0=dir")),
    ],
)
def test_texts_have_a_name_and_a_format(text, parts):
    assert named_value(text) == parts


# Outputs that were computed before


def test_outputs_are_found_by_the_fingerprint_of_their_stimulus(tmp_path, noise):
    writer = StimulusWriter(tmp_path / "stimuli")
    writer.add("song/dry 1", noise, RATE)
    writer.add("again", noise, RATE)
    assert writer.finish("test", {"seed": 1}) == 1
    name = f"song-dry-1-{fingerprint(noise, RATE)}.wav"
    assert entries(tmp_path / "stimuli") == [name, "stimuli.json"]
    np.testing.assert_array_equal(read(tmp_path / "stimuli" / name).samples, noise)
    facts = json.loads((tmp_path / "stimuli" / "stimuli.json").read_text())
    assert facts["stimuli"] == {name: "song/dry 1"}
    outputs = tmp_path / "mine"
    outputs.mkdir()
    with pytest.raises(AudioFileError, match="contains no estimate"):
        estimates_system(outputs, "quad")
    write(outputs / name, noise[[0, 1, 0, 1]], RATE, format="quad", subtype="FLOAT")
    system = estimates_system(outputs, "quad")
    assert (system.name, system.is_recorded) == ("mine", True)
    np.testing.assert_array_equal(system.run(noise, RATE), noise[[0, 1, 0, 1]])
    with pytest.raises(AudioFileError, match="belongs to other stems, seconds"):
        system.run(noise[::-1], RATE)
    write(outputs / f"copy-{name}", noise, RATE)
    with pytest.raises(AudioFileError, match="belong to the same stimulus"):
        estimates_system(outputs, "quad")
    with pytest.raises(AudioFileError, match="must be a new or an empty directory"):
        StimulusWriter(outputs)
    with pytest.raises(AudioFileError, match="is not a directory of estimates"):
        estimates_system(outputs / name, "quad")


def test_fingerprints_depend_on_samples_shape_and_rate(noise):
    same = fingerprint(noise.astype(np.float64), RATE)
    assert fingerprint(noise, RATE) == same
    others = {
        fingerprint(noise[::-1], RATE),
        fingerprint(noise, 44100),
        fingerprint(noise.reshape(1, -1), RATE),
    }
    assert len({same, *others}) == 4


def test_all_origins_of_one_upmixer_have_equal_scores(tmp_path):
    """A name, an object, a program and a folder of outputs: the same numbers."""
    options = {"seconds": 2.0, "scenes": 1}
    assert write_upmix_stimuli(tmp_path / "stimuli", **options) == 7  # two of them exchanged
    quad = get_upmixer("matrix", layout="quad")
    (tmp_path / "outputs").mkdir()
    for path in (tmp_path / "stimuli").glob("*.wav"):
        audio = read(path)
        upmix = quad.upmix(audio)
        write(tmp_path / "outputs" / path.name, upmix, audio.sample_rate, subtype="FLOAT")
    text = (
        "import sys, spatialkit\n"
        "audio = spatialkit.read(sys.argv[1])\n"
        "upmix = spatialkit.get_upmixer('matrix', layout='quad').upmix(audio)\n"
        "spatialkit.write(sys.argv[2], upmix, audio.sample_rate, format='quad', subtype='FLOAT')"
    )
    systems = [
        "matrix:layout=quad",
        quad,
        command_system(script(tmp_path, text), "quad", name="program"),
        estimates_system(tmp_path / "outputs", "quad", name="folder"),
    ]
    results = benchmark_upmixers(systems, **options)
    first, *others = results.rows
    assert [row.error for row in results.rows] == [""] * 4
    for row in others:
        assert row.layout == "quad"
        for name, value in first.measures.items():
            assert row.measures[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name
    assert np.isnan(others[2].speed)
    facts = json.loads(results.to_json())
    names = {path.name for path in (tmp_path / "stimuli").glob("*.wav")}
    for scene, digits in facts["stimuli"].items():
        assert f"{scene.replace('/', '-').replace(' ', '-')}-{digits}.wav" in names
    assert {"spatialkit", "numpy", "python"} <= facts["versions"].keys()
    same = results.compare("program")
    assert {test.difference for test in same.tests if test.metric == "direction_error"} == {0.0}


# Command line


def test_a_stranger_compares_a_program_and_a_folder_on_the_command_line(tmp_path, capsys):
    short = ["benchmark", "upmix", "--seconds", "2", "--scenes", "1"]
    assert main([*short, "--write-stimuli", str(tmp_path / "in")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'in'}: 7 stimuli\n"
    program = script(tmp_path, QUAD)
    (tmp_path / "out").mkdir()
    for path in (tmp_path / "in").glob("*.wav"):
        audio = read(path)
        copies = audio.samples[[0, 1, 0, 1]]
        write(tmp_path / "out" / path.name, copies, audio.sample_rate, subtype="FLOAT")
    line = [*short, "-u", "matrix", "--command", f"mine@quad={program}"]
    line += ["--estimates", f"@quad={tmp_path / 'out'}"]
    assert main(line) == 2  # a format needs a name
    assert "is not a directory of estimates" in capsys.readouterr().err
    line[-1] = f"folder@quad={tmp_path / 'out'}"
    table = tmp_path / "scores.csv"
    assert main([*line, "--markdown", "--baseline", "matrix", "--csv", str(table)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("|  | matrix | mine | folder | better |")
    assert "mine has output format quad." in text
    assert "| direction error | mine - matrix | +" in text
    assert "| p (Holm) |" in text
    assert main(["compare", str(table), "--baseline", "matrix"]) == 0
    assert "mine - matrix" in capsys.readouterr().out
    assert main([*line, "--json", "--baseline", "matrix"]) == 0
    comparison = json.loads(capsys.readouterr().out)["comparison"]
    assert comparison["systems"] == ["matrix", "mine", "folder"]
    assert {test["first"] for test in comparison["tests"]} == {"matrix"}
    assert comparison["statement"] in text
    assert main([*short, "-u", "matrix", "--baseline", "mine"]) == 2
    assert "unknown baseline 'mine'" in capsys.readouterr().err
    assert main([*short, "-u", "matrix", "--write-stimuli", str(tmp_path / "other")]) == 2
    assert "omit the systems" in capsys.readouterr().err
    assert not Path(tmp_path / "other").exists()


def test_a_failing_program_is_a_note_and_status_1(tmp_path, capsys):
    program = script(tmp_path, "import sys; sys.exit('no licence')")
    line = ["benchmark", "upmix", "--seconds", "2", "--scenes", "1", "-u", "matrix"]
    assert main([*line, "--command", f"mine={program}"]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "failed with status 1: no licence" in text
    assert "mine failed: noise:" in text
