"""``spatialkit evaluate --batch``: one record per pair, with the metrics of the library."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from spatialkit.__main__ import main
from spatialkit.downmix import downmix
from spatialkit.files import read, write
from spatialkit.layouts import Layout, get_layout
from spatialkit.metrics import Results, evaluate
from spatialkit.upmixing import get_upmixer

RATE = 44100


@pytest.fixture
def pairs(tmp_path, monkeypatch, rng):
    """Create a table of valid and invalid pairs in a new folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "songs").mkdir()
    for name, channels in (("a", 2), ("b", 2), ("six", 6), ("seven", 6), ("mono", 1)):
        noise = rng.uniform(-0.5, 0.5, (channels, 8000)).astype(np.float32)
        write(f"songs/{name}.wav", noise, RATE)
    (tmp_path / "songs" / "words.wav").write_text("no sound\n" * 20)
    (tmp_path / "songs" / "room.json").write_text(get_layout("5.1").to_json())
    (tmp_path / "songs" / "pairs.csv").write_text(
        "name,reference,estimate,layout\n"
        "1,a.wav,b.wav,\n"
        "2,a.wav,words.wav,\n"
        "3,six.wav,seven.wav,room.json\n"
        "4,a.wav\n"
        '5,"a.wav",mono.wav,\n'
        "6,b.wav,a.wav,stereo\n",
        encoding="utf-8-sig",
    )
    return tmp_path


def run_command(line):
    return main(line.split())


def last_line(capsys):
    return capsys.readouterr().out.splitlines()[-1]


def logged(path="scores.jsonl"):
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def require_scores(records):
    """Assert that three pairs have the metrics of the library and the others an error."""
    found = {(record["reference"], record["estimate"]): record for record in records}
    layout = Layout.from_json(Path("songs/room.json").read_text())
    formats = {
        ("a.wav", "b.wav"): "stereo",
        ("six.wav", "seven.wav"): layout,
        ("b.wav", "a.wav"): "stereo",
    }
    for pair, format in formats.items():
        signals = [read(Path("songs", name)).samples for name in pair]
        expected = evaluate(*signals, layout=format, sample_rate=RATE)
        assert found.pop(pair)["metrics"] == {
            name: value if np.isfinite(value) else None if np.isnan(value) else str(value)
            for name, value in expected.items()
        }
    assert {pair: record["error"] for pair, record in found.items()} == {
        ("a.wav", "words.wav"): "songs/words.wav is not a supported audio file",
        ("a.wav", ""): "line 5 of songs/pairs.csv has no estimate",
        ("a.wav", "mono.wav"): "the reference has the format 'stereo', the estimate 'mono': "
        "render one to the format of the other",
    }


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_pair_has_a_record_and_bad_ones_stop_nothing(pairs, capsys, jobs):
    assert run_command(f"evaluate --batch songs/pairs.csv -o scores.jsonl --jobs {jobs}") == 1
    captured = capsys.readouterr()
    *table, last = captured.out.splitlines()
    assert last == "3 done, 3 failed; records: scores.jsonl"
    assert table[0].split() == ["metric", "mean", "95", "%", "interval", "median", "unit", "n"]
    assert {line.split()[0] for line in table[1:]} >= {"snr", "wild", "true_peak_estimate"}
    assert captured.err.count("Error: ") == captured.err.count("\n") == 3
    require_scores(logged())


def test_records_are_printed_if_they_go_nowhere_else(pairs, capsys):
    assert run_command("evaluate --batch songs/pairs.csv") == 1
    require_scores([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    Path("songs/good.csv").write_text("estimate,reference\na.wav,b.wav\n")
    assert run_command("evaluate --batch songs/good.csv") == 0
    (record,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (record["reference"], record["status"]) == ("b.wav", "done")


def test_json_prints_the_records_that_are_logged(pairs, capsys):
    assert run_command("evaluate --batch songs/pairs.csv -o scores.jsonl --json") == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed == logged()


def test_resume_skips_finished_pairs(pairs, capsys):
    line = "evaluate --batch songs/pairs.csv -o scores.jsonl"
    assert run_command(line) == 1
    first = logged()
    capsys.readouterr()
    assert run_command(f"{line} --resume") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "0 done, 3 skipped, 3 failed; records: scores.jsonl"
    assert logged()[: len(first)] == first
    write("songs/b.wav", read("songs/a.wav").samples, RATE, overwrite=True)
    assert run_command(f"{line} --resume") == 1
    assert last_line(capsys).startswith("2 done, 1 skipped, 3 failed;")
    require_scores(logged())
    hostile = '{"status": "done", "reference": [], "estimate": {}, "layout": 5, "key": 1}'
    text = Path("scores.jsonl").read_text()
    Path("scores.jsonl").write_text(f"{{}}\n{hostile}\n[1]\n{'[' * 100_000}\n{text}")
    assert run_command(f"{line} --resume") == 1
    assert last_line(capsys).startswith("0 done, 3 skipped, 3 failed;")
    Path("scores.jsonl").write_text(text)
    assert run_command(f"{line} --resume --from stereo") == 1  # of the pairs that have no layout
    assert last_line(capsys).startswith("1 done, 2 skipped, 3 failed;")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "specify two files, REFERENCE and ESTIMATE, or --batch"),
        ("songs/a.wav", "specify two files"),
        ("songs/a.wav songs/b.wav --batch songs/pairs.csv", "either two files or --batch, not"),
        ("songs/a.wav songs/b.wav -o scores.jsonl", "-o cannot be used with two files"),
        ("--batch songs/pairs.csv --resume", "--resume requires -o"),
        ("--batch nothing.csv", "nothing.csv cannot be read: No such file"),
        ("--batch songs/words.wav", "must have the columns reference and estimate"),
        ("--batch songs/empty.csv", "songs/empty.csv has no line below its header"),
        ("--batch songs/a.wav", "songs/a.wav is not text in UTF-8"),
        ("songs/a.wav songs/b.wav --upmixer matrix", "--upmixer cannot be used with two files"),
        ("songs songs/b.wav", "must be two files or two folders"),
        ("songs", "specify the folder ESTIMATE, or --upmixer"),
        ("songs songs --upmixer matrx", "did you mean 'matrix'"),
        ("songs songs --upmixer matrix:widht=3", "did you mean 'width'"),
        ("songs songs --metric wildd", "unknown metric 'wildd'; did you mean 'wild'"),
        ("--batch songs/pairs.csv -o songs/pairs.csv", "output songs/pairs.csv is the input"),
        ("--batch songs/pairs.csv -o songs/empty.csv", "songs/empty.csv exists"),
        ("--batch songs/pairs.csv -o songs/a.wav", "songs/a.wav is not a file of records"),
        ("--batch songs/pairs.csv -o no/scores.jsonl", "no/scores.jsonl cannot be written: No"),
    ],
)
def test_errors_are_one_sentence(pairs, capsys, line, words):
    Path("songs/empty.csv").write_text("reference,estimate,layout\n")
    before = {path: path.read_bytes() for path in Path("songs").iterdir()}
    assert run_command(f"evaluate {line}") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert captured.err.count("\n") == 1
    assert words in captured.err
    assert {path: path.read_bytes() for path in Path("songs").iterdir()} == before


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in the file system")
def test_a_table_is_a_regular_file(tmp_path, capsys):
    """Reading a pipe that nobody writes to, or a device, never ends."""
    os.mkfifo(tmp_path / "pairs.csv")
    places = [tmp_path / "pairs.csv", Path("/dev/zero")]
    for place in places if places[1].is_char_device() else places[:1]:
        assert main(["evaluate", "--batch", str(place)]) == 2
        assert capsys.readouterr().err == f"Error: {place} is not a regular file\n"


@pytest.fixture
def folders(tmp_path, monkeypatch, rng):
    """Create folders of references, and of estimates by a system of one's own."""
    monkeypatch.chdir(tmp_path)
    for number in range(6):
        for folder, extension in (("references", "wav"), ("mine", "flac")):
            (tmp_path / folder / "disc 1").mkdir(parents=True, exist_ok=True)
            noise = rng.uniform(-0.5, 0.5, (5, 22_050)).astype(np.float32)
            write(f"{folder}/disc 1/{number}.{extension}", noise, RATE, format="5.0")
    return tmp_path


def test_folders_upmixers_and_a_comparison_in_two_commands(folders, capsys):
    line = "evaluate references mine -o scores.csv --upmixer matrix --upmixer ambience:width=45"
    assert run_command(line) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == "18 done; table: scores.csv, records: scores.jsonl"
    results = Results.read("scores.csv")
    assert results.systems == ("mine", "matrix", "ambience:width=45")
    assert results.columns[:3] == ("system", "reference", "estimate")
    own = evaluate("references/disc 1/3.wav", "mine/disc 1/3.flac")
    place = [item["reference"] for item in results.select(system="mine").items].index(
        "disc 1/3.wav"
    )
    np.testing.assert_equal({name: results[name][place] for name in own}, own)
    reference = read("references/disc 1/3.wav")
    upmixer = get_upmixer("ambience", width=45.0, layout="5.0")
    upmix = upmixer.upmix(downmix(reference.samples, "5.0", "stereo"), RATE)
    (found,) = results.select(system="ambience:width=45", reference="disc 1/3.wav")["snr"]
    assert found == pytest.approx(evaluate(reference, upmix)["snr"], rel=1e-6)
    command = "compare scores.csv -o scores.md --bibtex scores.bib --baseline mine"
    assert run_command(command) == 0
    statement = capsys.readouterr().out
    text = Path("scores.md").read_text(encoding="utf-8")
    assert statement.strip() in text
    assert "| metric | mine | matrix | ambience:width=45 |" in text
    assert "@inproceedings{leroux2019sdr," in Path("scores.bib").read_text(encoding="utf-8")
    assert run_command(command) == 2
    assert "exists" in capsys.readouterr().err
    assert run_command(line) == 2  # scores.csv exists
    assert run_command(f"{line} --resume") == 0
    assert last_line(capsys).startswith("0 done, 18 skipped;")
    np.testing.assert_array_equal(Results.read("scores.csv")["wild"], results["wild"])


def test_a_reference_without_estimate_is_a_failed_row(folders, capsys):
    Path("mine/disc 1/4.flac").unlink()
    assert run_command("evaluate references mine -o scores.csv --metric snr") == 1
    assert capsys.readouterr().err == "Error: reference references/disc 1/4.wav has no estimate\n"
    results = Results.read("scores.csv")
    assert results.metrics == ("snr",)
    assert results.failed.tolist() == [False] * 4 + [True, False]


def test_two_tables_are_two_systems(folders, capsys):
    assert run_command("evaluate references mine -o a.csv --metric distortion") == 0
    assert run_command("evaluate references references -o b.csv --metric distortion") == 0
    capsys.readouterr()
    assert run_command("compare a.csv b.csv --json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["systems"] == ["mine", "references"]
    assert [test["better"] for test in facts["tests"]] == ["references"] * 3
    assert {test["difference"] for test in facts["tests"]} == {"inf"}


def test_a_figure_of_all_systems(folders, capsys):
    pytest.importorskip("matplotlib")
    line = "evaluate references mine -o a.csv --upmixer matrix --metric levels"
    assert run_command(line) == 0
    assert run_command("compare a.csv --figure a.svg") == 0
    assert "WILD, dB" in Path("a.svg").read_text() or Path("a.svg").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "Missing argument"),
        ("none.csv", "none.csv cannot be read"),
        ("a.csv", "a.csv contains 0 systems; a comparison needs two"),
        ("a.csv a.csv", "the system 'a' is in more than one table"),
        ("a.csv b.csv", "no item in common"),
        ("a.csv b.csv -o a.txt", "unsupported output extension '.txt'; use .md, .json, .csv"),
        ("a.csv b.csv -o a.csv", "output a.csv is the input"),
    ],
)
def test_errors_of_compare_are_one_sentence(tmp_path, monkeypatch, capsys, line, words):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text("reference,snr\nx,1\n")
    Path("b.csv").write_text("reference,snr\ny,1\n")
    assert run_command(f"compare {line}") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Error: ")
    assert words in captured.err
    assert captured.err.count("\n") == 1
