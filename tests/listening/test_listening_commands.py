"""``spatialkit listening-test``."""

from __future__ import annotations

import json

import pytest
from listening_cases import abx_trials, definition, noise, save

from spatialkit import write
from spatialkit.commands import main


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Folders with two items in three conditions, and one stereo song."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("references", "transfer", "baseline")):
        (tmp_path / name).mkdir()
        for item in ("one", "two"):
            write(tmp_path / name / f"{item}.wav", noise(6, seed=seed, format="5.1"))
    write(tmp_path / "song.wav", noise(seed=9))
    return tmp_path


def run(line):
    return main(["listening-test", *line.split()])


def test_three_commands_make_the_test_of_the_paper(folder, capsys):
    line = "build style-transfer -r references -c transfer=transfer -c baseline=baseline"
    assert run(f"{line} -o test.html --duration 1") == 0
    out = capsys.readouterr().out
    assert "test.html: 5 trials, 6 samples at -23.0 LUFS" in out
    assert "4 of 5 are not (p = 0.19)" in " ".join(out.split())
    assert run(f"{line} -o test.html --duration 1") == 2
    assert "exists; add --force" in capsys.readouterr().err
    assert run(f"{line} -o test.html --duration 1 --force --json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [each["item"] for each in facts["trials"]] == ["one", "two", "one", "two", "one"]


@pytest.mark.parametrize(
    "line",
    [
        "abx -c a=transfer -c b=baseline --trials 4",
        "abx -c a=transfer/one.wav -c b=baseline/two.wav",
        "preference song.wav -u ambience -u matrix",
        "preference -c a=transfer -c b=baseline -r references --question v=Vocals?",
        "mushra -r references -u ambience -c other=baseline --no-training",
        "mushra -r references/one.wav -u matrix --layout quad --playback loudspeakers",
    ],
)
def test_tests_are_built(folder, line, capsys):
    assert run(f"build {line} -o test.html --duration 1 --json") == 0, capsys.readouterr().err
    facts = json.loads(capsys.readouterr().out)
    assert facts["kind"] == line.split()[0]
    assert (folder / "test.html").stat().st_size > 100_000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("abx -c a=transfer", "must have two conditions"),
        ("abx -c a=transfer -c b=none.wav", "must have files of the same names"),
        ("abx -c a -c b=x", "--condition must be NAME=VALUE"),
        ("abx -c a=song.wav -c a=song.wav", "specified twice"),
        ("abx -c a=transfer -c b=baseline -r references", "--reference has no effect"),
        ("abx -c a=transfer -c b=baseline --question a=b", "--question has no effect"),
        ("abx song.wav", "IN needs --upmixer"),
        ("mushra -c a=transfer", "needs --reference"),
        ("mushra -c a=transfer -r references --trials 3", "--trials has no effect"),
        ("preference -u ambience", "--upmixer needs songs"),
        ("preference -c a=transfer -c b=baseline -o no/test.html", "does not exist"),
        ("other", "unknown kind"),
    ],
)
def test_wrong_use_is_one_sentence(folder, line, message, capsys):
    before = sorted(folder.rglob("*"))
    output = "" if "-o" in line else "-o test.html"
    assert run(f"build {line} {output}") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_answers_are_analysed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "answers").mkdir()
    for listener in ("P01", "P02"):
        save(tmp_path / "answers", listener, definition("abx"), abx_trials(12, 16))
    assert run("analyse answers") == 0
    assert "| 24 | 32 | 0.750 | 0.0035 |" in capsys.readouterr().out
    for output in ("results.json", "results.csv", "results.md"):
        assert run(f"analyse answers -o {output}") == 0
    assert json.loads((tmp_path / "results.json").read_text())["kind"] == "abx"
    assert (tmp_path / "results.csv").read_text().startswith("listener,item,x,answer,correct\n")
    assert run("analyse answers -o results.txt") == 2
    assert "unsupported output extension '.txt'" in capsys.readouterr().err
    assert run("analyse answers -o results.md") == 2
    pytest.importorskip("matplotlib")
    assert run("analyse answers --figure results.svg") == 0


def test_trials_are_planned(capsys):
    assert run("plan") == 0
    assert "| 70 % | 0.17 | 0.45 | 42 | 58 |" in capsys.readouterr().out
    assert run("plan --probability 0.5") == 2
