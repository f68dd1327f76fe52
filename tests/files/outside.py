"""Programs that are not ours and read our files, run where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile


def program(name: str) -> str:
    """Return the path of a program: that in a variable such as EAR_RENDER, or on PATH."""
    found = os.environ.get(name.upper().replace("-", "_")) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed")
    return found


def run(name: str, *arguments: object) -> str:
    """Run a program and return its output."""
    command = [program(name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    return done.stdout + done.stderr


def ear_render(path: Path, system: str, *options: str) -> np.ndarray:
    """Render an ADM file with the EBU renderer, which refuses any doubt."""
    output = path.with_suffix(".ear.wav")
    run("ear-render", "--strict", *options, "-s", system, path, output)
    return soundfile.read(output, always_2d=True)[0].T
