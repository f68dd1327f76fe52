"""The examples run as a newcomer would run them."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]*.py"))


def test_examples_are_numbered_without_a_gap():
    assert [path.name[:2] for path in EXAMPLES] == [f"{n:02}" for n in range(1, 1 + len(EXAMPLES))]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run_and_say_something(path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), run_name="__main__")
    assert len(capsys.readouterr().out.splitlines()) >= 5


def test_the_demo_makes_the_files_that_it_names(tmp_path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "demo.py"), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("francium-5.1.wav", "francium-7.1.4.wav"):
        path = tmp_path / name
        assert str(path) in done.stdout
        assert path.stat().st_size > 10_000_000
