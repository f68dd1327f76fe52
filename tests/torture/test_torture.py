"""A few cases of each kind of attack; `make torture` runs any number."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
CASES = {"files": 60, "calls": 800, "json": 30, "commands": 25, "tensors": 60}

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="limits of Linux")


def torture(*arguments):
    command = [sys.executable, str(HERE), *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("kind", CASES)
def test_a_short_run_finds_nothing(kind):
    done = torture("--only", kind, "--cases", str(CASES[kind]), "--minutes", "2")
    assert done.returncode == 0, done.stdout
    assert f"{kind} {CASES[kind]} (" in done.stdout


@pytest.mark.parametrize(
    ("module", "found"),
    [
        ("raise ValueError('text')", "ValueError: text"),
        ("while True: pass", "more than 0.5 s of CPU time"),
        ("import os; os._exit(3)", "ended with exit status 3"),
        ("import os; os.abort()", "crashed by SIGABRT"),
        ("return bytes(3 * 2**30)", "MemoryError"),
        ("import time; time.sleep(9)", "more than 2 s"),
    ],
)
def test_each_kind_of_fault_is_found_and_repeated(tmp_path, monkeypatch, capsys, module, found):
    """In a worker, that one case does not end the others."""
    (tmp_path / "attack_files.py").write_text(
        "def prepare(folder): pass\n"
        f"def attack(state, folder, rng):\n    if rng.random() < 0.5: return 'done'\n    {module}\n"
    )
    main = (HERE / "__main__.py").read_text()
    for name, value in (("CPU_SECONDS = 20.0", 0.5), ("CLOCK_SECONDS = 120.0", 2.0)):
        assert name in main
        main = main.replace(name, f"{name.partition(' ')[0]} = {value}")
    (tmp_path / "__main__.py").write_text(main)
    command = [sys.executable, str(tmp_path), "--only", "files", "--cases", "3"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    first = next(case for case in range(3) if np.random.default_rng([0, 0, case]).random() >= 0.5)
    assert f"files {first}: {found}" in done.stdout
    assert f"make torture SEED=0 ONLY=files CASE={first}" in done.stdout
    assert "files 3 (" in done.stdout
