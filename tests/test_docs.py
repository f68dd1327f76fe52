"""What README and docs show runs as it is printed."""

import re
from pathlib import Path

import pytest

import spatialkit
from spatialkit.commands import COMMANDS

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"

pytestmark = pytest.mark.skipif(not README.exists(), reason="documents are in the source tree")


def run_blocks(path):
    namespace = {"__name__": "__main__"}
    for block in re.findall(r"```python\n(.*?)```", path.read_text(), flags=re.DOTALL):
        exec(compile(block, str(path), "exec"), namespace)
    return namespace


def test_the_readme_runs():
    shown = run_blocks(README)
    assert shown["surround"].shape[0] == 12
    assert shown["speakers"].shape[0] == 6
    assert shown["reference"].shape == (8, 5, 44100)


def test_the_upmixer_of_the_how_to_keeps_the_contract():
    spatialkit.check_upmixer(run_blocks(ROOT / "docs" / "upmixers.md")["WideQuad"](ambience=-3.0))


def test_the_catalogue_of_the_how_to_is_upmixed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    run_blocks(ROOT / "docs" / "catalogues.md")
    lines = sorted(capsys.readouterr().out.splitlines())
    assert [line.split()[:2] for line in lines] == [
        ["surround/francium-drums.wav", "done"],
        ["surround/francium-vocals.wav", "done"],
        ["surround/missing.wav", "failed"],
    ]
    for name in ("drums", "vocals"):
        assert spatialkit.info(f"surround/francium-{name}.wav").channels == 12


@pytest.mark.parametrize("command", COMMANDS)
def test_the_readme_names_every_command(command):
    assert command in README.read_text()


def test_figures_that_are_shown_exist():
    for name in re.findall(r"\]\((docs/[^)]*|examples)\)", README.read_text()):
        assert (ROOT / name).exists()
