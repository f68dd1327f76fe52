"""Options of what is read: one meaning in every command that reads audio."""

from __future__ import annotations

import json
import re

import click
import numpy as np
import pytest

from spatialkit.ambisonics import decode_ambisonics
from spatialkit.commands import cli, main
from spatialkit.downmix import downmix
from spatialkit.files import read, write
from spatialkit.layouts import channel_map, get_layout
from spatialkit.metrics import evaluate
from spatialkit.rendering import render

RATE = 44100
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """Create files that contain their format: 5.0, quad and stereo."""
    monkeypatch.chdir(tmp_path)
    for name, layout in (("five", "5.0"), ("quad", "quad"), ("two", "stereo")):
        noise = rng.uniform(-0.5, 0.5, (get_layout(layout).n_channels, 8000))
        write(f"{name}.wav", noise.astype(np.float32), RATE, format=layout)
    read_five = read("five.wav").samples
    write("noisy.wav", 0.9 * read_five, RATE, format="5.0")
    write("pair.flac", read("two.wav").samples, RATE)
    return tmp_path


def run_command(line):
    return main(line.split())


def samples(path):
    return read(path).samples


READING = {
    "render five.wav -o out.wav --to stereo": "paper5",
    "downmix five.wav -o out.wav": "paper5",
    "decode quad.wav -o out.wav": "ambix1",
    "microphones quad.wav -o out.wav --azimuth 0": "fuma1",
    "upmix two.wav -o out.wav": "pair.json",
    "upmix two.wav pair.flac -o folder": "pair.json",
    "evaluate five.wav noisy.wav": "paper5",
}


@pytest.mark.parametrize("line", READING)
def test_another_format_than_that_of_the_file_is_an_error(folder, capsys, line):
    pair = {"LoudspeakerLayout": {"Name": "pair", "Loudspeakers": []}}
    for number, azimuth in enumerate((45.0, -45.0), 1):
        pair["LoudspeakerLayout"]["Loudspeakers"].append(
            {"Azimuth": azimuth, "Elevation": 0.0, "Channel": number, "IsImaginary": False}
        )
    (folder / "pair.json").write_text(json.dumps(pair))
    command = [*line.split(), "--from", READING[line]]
    assert main(command) == (1 if "folder" in line else 2)
    error = capsys.readouterr().err
    assert re.search(r"\w+\.(wav|flac) contains the format '[^']+' \(.*\), requested is ", error)
    assert "omit it, or add --force-format to replace the format of the file\n" in error
    main([*command, "--force-format"])
    assert "contains the format" not in capsys.readouterr().err


def test_force_format_takes_the_channels_in_the_order_of_the_file(folder):
    five, quad = samples("five.wav"), samples("quad.wav")
    assert run_command("downmix five.wav -o a.wav --from paper5 --force-format") == 0
    assert np.array_equal(samples("a.wav"), downmix(five, "paper5"))
    assert run_command("render five.wav -o b.wav --to 7.1.4 --from paper5 --force-format") == 0
    assert np.array_equal(samples("b.wav"), render(five, "paper5", "7.1.4"))
    assert run_command("decode quad.wav -o c.wav --from ambix1 --force-format") == 0
    assert np.array_equal(samples("c.wav"), decode_ambisonics(quad))


def test_evaluate_uses_the_format_of_the_files(folder, capsys, rng):
    """A file in the order of the paper is stored in that of WAVE, and so evaluated."""
    reference = rng.uniform(-0.5, 0.5, (5, 8000)).astype(np.float32)
    estimate = reference + 0.1 * rng.standard_normal(reference.shape).astype(np.float32)
    for name, signal in (("reference", reference), ("estimate", estimate)):
        write(f"{name}.wav", signal, RATE, format="paper5")
        write(f"{name}-raw.wav", signal, RATE)  # without format, in the order of the paper
    expected = evaluate(reference, estimate, layout="paper5", sample_rate=RATE)
    order = channel_map("paper5", "5.0")
    assert np.array_equal(samples("reference.wav"), reference[order])
    assert run_command("evaluate reference.wav estimate.wav --json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["downmix_snr"] == pytest.approx(expected["downmix_snr"], abs=1e-4)
    assert run_command("evaluate reference-raw.wav estimate-raw.wav --from paper5 --json") == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores["downmix_snr"] == pytest.approx(expected["downmix_snr"], abs=1e-4)


def test_a_batch_has_the_same_rule(folder, capsys):
    (folder / "pairs.csv").write_text(
        "reference,estimate,layout\n"
        "five.wav,noisy.wav,\n"
        "five.wav,noisy.wav,5.0\n"
        "five.wav,noisy.wav,paper5\n"
    )
    assert run_command("evaluate --batch pairs.csv") == 1
    captured = capsys.readouterr()
    records = [json.loads(line) for line in captured.out.splitlines()]
    assert [record["status"] for record in records] == ["done", "done", "failed"]
    assert "five.wav contains the format '5.0'" in records[2]["error"]
    assert "add --force-format" in records[2]["error"]
    assert run_command("evaluate --batch pairs.csv --force-format") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    forced = evaluate(samples("five.wav"), samples("noisy.wav"), layout="paper5", sample_rate=RATE)
    assert records[2]["metrics"]["downmix_snr"] == pytest.approx(forced["downmix_snr"])
    assert run_command("evaluate --batch pairs.csv --from paper5") == 1
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["status"] for record in records] == ["failed", "done", "failed"]


def test_resume_repeats_what_was_read_otherwise(folder, capsys):
    assert run_command("upmix pair.flac -o folder/ --resume") == 0
    for line, summary in (
        ("", "0 done, 1 skipped"),
        ("--from stereo", "1 done"),
        ("--from stereo", "0 done, 1 skipped"),
    ):
        capsys.readouterr()
        assert run_command(f"upmix pair.flac -o folder/ --resume {line}") == 0
        assert capsys.readouterr().out.splitlines()[-1].startswith(summary)


def commands_that_read():
    """Return the commands with an audio file as argument or with a table of files."""
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        arguments = {each.name for each in command.params if isinstance(each, click.Argument)}
        if arguments & {"source", "sources", "reference"} and name != "convert-checkpoint":
            yield name, command


def test_every_command_that_needs_a_format_has_the_options():
    found = dict(commands_that_read())
    assert {"upmix", "pan", "encode", "decode", "render", "evaluate", "separate"} <= found.keys()
    for name, command in found.items():
        options = {option for each in command.params for option in each.opts}
        assert name in ("pan", "encode") or {"--from", "--force-format"} <= options


INVALID = {
    "pan": "{} -o out.wav --azimuth 0",
    "encode": "{} -o out.wav --azimuth 0",
    "decode": "{} -o out.wav",
    "microphones": "{} -o out.wav --azimuth 0",
    "render": "{} -o out.wav --to 5.1",
    "downmix": "{} -o out.wav",
    "upmix": "{} -o out.wav",
    "evaluate": "{} {}",
    "info": "{}",
    "separate": "{} -o stems",
}


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize("name", INVALID)
def test_no_message_names_an_option_that_the_command_lacks(folder, capsys, name):
    """Run commands on files that cause errors and warnings with advice."""
    for channels, mask in ((8, 0xFF), (6, 0x3), (3, 0), (9, 0)):
        path = folder / f"{channels}.wav"
        write(path, np.zeros((channels, 100)), RATE)
        data = bytearray(path.read_bytes())
        at = data.index(b"fmt ") + 28
        data[at : at + 4] = mask.to_bytes(4, "little")
        path.write_bytes(data)
    write("out.wav", np.zeros((2, 9)), RATE)
    context = click.Context(cli)
    command = cli.get_command(context, name)
    known = {option for each in command.params for option in each.opts} | {"--help", "--debug"}
    for file in ("8.wav", "6.wav", "3.wav", "9.wav", "five.wav", "quad.wav"):
        line = INVALID[name].format(file, "two.wav")
        for output in ("out.wav", "new.wav", "new.opus"):
            main([name, *line.replace("out.wav", output).split()])
            text = capsys.readouterr().err
            assert set(OPTION.findall(text)) <= known, text
            (folder / "new.wav").unlink(missing_ok=True)
