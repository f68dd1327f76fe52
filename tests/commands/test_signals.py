"""Signals end commands as Ctrl-C does: a status of their own, and nothing half-written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from spatialkit.files import write

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def restore_signals():
    """Undo what a background job of a shell inherits."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Folder with two songs that take seconds to upmix."""
    folder = tmp_path_factory.mktemp("songs")
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 6_000_000)).astype(np.float32)
    for name in "ab":
        write(folder / f"{name}.wav", noise, 48000)
    return folder


def start(folder, inputs, output):
    """Start an upmix, and wait until it writes."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "spatialkit",
            "upmix",
            *map(str, inputs),
            *output,
            "-O",
            "layout=22.2",
        ],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        preexec_fn=restore_signals,
    )
    deadline = time.monotonic() + 60.0
    while not list(folder.rglob("*.part*")) and not list(folder.rglob(".*")):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("batch", [False, True])
def test_a_signal_ends_an_upmix_and_leaves_nothing(songs, tmp_path, number, batch):
    inputs = [songs / "a.wav", songs / "b.wav"] if batch else [songs / "a.wav"]
    output = ["-o", "out/", "--jobs", "2"] if batch else ["-o", "out.wav"]
    process = start(tmp_path, inputs, output)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert errors.endswith("interrupted\n")
    left = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".jsonl"]
    assert left == []


def test_workers_end_when_their_leader_is_killed(songs, tmp_path):
    inputs = [songs / "a.wav", songs / "b.wav"]
    process = start(tmp_path, inputs, ["-o", "out/", "--jobs", "2"])
    process.kill()
    process.communicate(timeout=60)  # until the last worker closes the pipe
    assert process.returncode == -signal.SIGKILL
    assert not list((tmp_path / "out").glob("*.wav"))
