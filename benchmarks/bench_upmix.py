"""Upmixing from file to file: time of whole processes, and their peak memory.

The audio is the bundled song, repeated: 30 s, where the start of a process counts, and 10 minutes.
Every program reads FLAC and writes WAV of 32-bit float. For one hour: ``python -m
benchmarks.bench_upmix 60``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.harness import Row, markdown
from spatialkit.files import read, write_stream
from spatialkit.sample import sample_path

MINUTES = (0.5, 10.0)
RUNS = 4
# Runs a command and prints its peak memory in KiB.
MEASURED = (
    "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, "
    "stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
)


def rows(*lengths: float) -> list[Row]:
    return [row for minutes in lengths or MINUTES for row in _rows(minutes)]


def _rows(minutes: float) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.flac"
        _write_song(song, minutes)
        found = [
            _row(f"{name} to {layout}", "spatialkit upmix", minutes, song, _ours(name, layout))
            for name, layout in (("ambience", "7.1.4"), ("ambience", "5.1"), ("matrix", "7.1.4"))
        ]
        if shutil.which("ffmpeg"):
            filters = ["-af", "surround", "-c:a", "pcm_f32le"]
            command = ["ffmpeg", "-nostdin", "-i", "{in}", *filters, "-y", "{out}"]
            found.append(_row("surround to 5.1", "ffmpeg", minutes, song, command))
        return found


def _ours(name: str, layout: str) -> list[str]:
    script = [sys.executable, "-m", "spatialkit", "upmix", "{in}", "-o", "{out}"]
    return [*script, "--force", "--upmixer", name, "--layout", layout]


def _row(task: str, library: str, minutes: float, song: Path, command: list[str]) -> Row:
    output = song.with_name("upmix.wav")
    places = {"in": str(song), "out": str(output)}
    filled = [part.format(**places) for part in command]
    best, memory = float("inf"), 0
    for _ in range(RUNS):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", MEASURED, *filled], check=True, capture_output=True, text=True
        )
        best = min(best, time.perf_counter() - start)
        memory = max(memory, int(done.stdout))
        output.unlink()
    note = f"{60.0 * minutes / best:.0f} x real time, {memory / 1024:.0f} MB"
    return Row(f"{minutes:g} minutes of stereo by {task}", library, best, "s", None, note)


def _write_song(path: Path, minutes: float) -> None:
    audio = read(sample_path())
    times = round(60.0 * minutes / audio.duration)
    with write_stream(path, audio.sample_rate, format="stereo", subtype="PCM_16") as target:
        for _ in range(times):
            target.write(0.8 * audio.samples)


if __name__ == "__main__":
    print(markdown(rows(*map(float, sys.argv[1:]))))
