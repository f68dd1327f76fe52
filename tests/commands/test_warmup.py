"""``spatialkit warmup`` and the notice that numba compiles."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from spatialkit._compiling import CompileClock
from spatialkit.files import write

NOTICE = "Compiling numba kernels (first run only) ...\n"
# Runs commands, then prints the names of the functions of this package that were compiled.
SCRIPT = """
import sys
from numba.core import event
from spatialkit.commands import main

class Listener(event.Listener):
    def on_start(self, event):
        function = event.data["dispatcher"].py_func
        if function.__module__.startswith("spatialkit"):
            compiled.append(function.__qualname__)
    def on_end(self, event):
        pass

compiled = []
event.register("numba:compile", Listener())
for line in sys.argv[1:]:
    assert main(line.split()) == 0
print("compiled:", compiled)
"""
LINES = (
    "upmix stereo.wav -o a.wav --layout 5.1",
    "upmix mono.wav -o b.wav --layout 7.1.4 -O lfe=no",
    "upmix stereo.wav mono.wav -o c/",
    "pan stereo.wav -o d.wav --azimuth 30,-30 --spread 20",
    "pan mono.wav -o e.wav --azimuth 0:90 --layout 7.1.4",
    "pan stereo.wav -o f.wav --azimuth 0:90,30",
    "encode stereo.wav -o g.wav --azimuth 0:90 --elevation 0:20 --order 3",
    "decode g.wav -o h.wav --layout 5.1.4",
    "render stereo.wav -o i.wav --to 22.2",
    "encode stereo.wav -o j.wav --azimuth 30,-30",
    "decode j.wav -o k.wav --layout 5.1.4 --decoder dirac",
    "upmix stereo.wav -o l.wav --upmixer foa-pair --layout ambix3 -O decoder=dirac",
    "upmix stereo.wav -o m.iamf --layout 7.1.4",
    "benchmark upmix --upmixer ambience --seconds 2",
)


@pytest.fixture
def folder(tmp_path, monkeypatch, rng):
    """Create mono.wav and stereo.wav in a new folder, with an empty cache of numba."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    for name, channels in (("mono", 1), ("stereo", 2)):
        write(f"{name}.wav", rng.uniform(-0.2, 0.2, (channels, 70_000)).astype(np.float32), 44100)
    return tmp_path


@pytest.mark.slow
def test_warmup_compiles_every_kernel_and_reports_it_once(folder):
    command = [sys.executable, "-m", "spatialkit", "warmup"]
    first = subprocess.run([*command, "--json"], capture_output=True, text=True, check=True)
    assert first.stderr == NOTICE
    facts = json.loads(first.stdout)
    assert facts["seconds"] > facts["compile_seconds"] > 1.0
    second = subprocess.run(command, capture_output=True, text=True, check=True)
    assert second.stderr == ""
    assert second.stdout.startswith("numba kernels loaded from the cache in ")
    later = subprocess.run(
        [sys.executable, "-c", SCRIPT, *LINES], capture_output=True, text=True, check=True
    )
    assert later.stdout.splitlines()[-1] == "compiled: []"
    assert "Compiling" not in later.stderr


def wait_until(condition):
    deadline = time.monotonic() + 10.0
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.005)


def test_a_slow_compilation_is_notified_once_and_while_it_runs():
    clock, notes = CompileClock(limit=0.05), []
    with clock.notified(lambda: notes.append(1)):
        clock.start()
        clock.start()  # a kernel that calls another one
        wait_until(lambda: notes)
        assert notes == [1]
        clock.stop()
        clock.stop()
        clock.start()
        time.sleep(0.1)
        clock.stop()
    assert notes == [1]
    assert clock.seconds >= 0.15


def test_fast_compilations_are_not_notified():
    clock, notes = CompileClock(limit=60.0), []
    with clock.notified(lambda: notes.append(1)):
        clock.start()
        clock.stop()
    assert clock.seconds < 60.0
    assert not notes


def test_many_fast_compilations_add_up():
    clock, notes = CompileClock(limit=0.1), []
    with clock.notified(lambda: notes.append(1)):
        clock.seconds = 0.2
        clock.start()
        wait_until(lambda: notes)
        clock.stop()
    assert notes == [1]


def test_nothing_is_notified_outside_of_a_command():
    clock = CompileClock(limit=0.0)
    clock.start()
    time.sleep(0.02)
    clock.stop()
    assert clock.seconds > 0.0
