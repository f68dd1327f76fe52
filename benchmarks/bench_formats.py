"""Writing of delivery formats: time beside the encoder alone, and peak memory.

The encoder alone is the command line of FFmpeg on the same WAV file (24 bits), with one thread and
the same bit rate. For IAMF, whose loudness FFmpeg does not measure, it encodes the same mono and
stereo streams into Matroska. Times are those of the processor, as the programs wait for the disk.
The audio is the bundled song in 5.1 or 7.1.4, 20 s; memory is that of a process that writes 30 s
and 2 minutes. ``python -m benchmarks.bench_formats 60`` writes an hour.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.harness import Row, best_times, markdown
from spatialkit.files import read, resample, stream, write, write_stream
from spatialkit.layouts import get_format
from spatialkit.sample import sample_path

SECONDS, RATE, RUNS = 20, 48000, 2
MINUTES = (0.5, 2)
_LAYOUT = ["-af", "aformat=channel_layouts=5.1"]
_WIDE = ["-sample_fmt", "s32p"]
_OPUS_MONO = ["-b:a:5", "80k", "-b:a:6", "24k"]
# The streams of 7.1.4 in IAMF by their channels.
_STREAMS = ((0, 1), (4, 5), (6, 7), (8, 9), (10, 11), (2,), (3,))


def _streams(*options: str) -> list[str]:
    """Return FFmpeg's options that encode the streams of IAMF."""
    filters, maps = [f"asplit={len(_STREAMS)}" + "".join(f"[i{n}]" for n in range(7))], []
    for number, channels in enumerate(_STREAMS):
        mapped = "|".join(f"c{place}=c{channel}" for place, channel in enumerate(channels))
        layout = "stereo" if len(channels) == 2 else "mono"
        filters.append(f"[i{number}]pan={layout}|{mapped}[o{number}]")
        maps += ["-map", f"[o{number}]"]
    return ["-filter_complex", ";".join(filters), *maps, *options]


# Suffix, encoding, layout, and FFmpeg's options of the same encoding.
CASES = (
    (".wav", "PCM_24", "7.1.4", ["-c:a", "pcm_s24le"]),
    (".flac", "PCM_24", "5.1", ["-c:a", "flac", "-sample_fmt", "s32"]),
    (".caf", "PCM_24", "7.1.4", ["-c:a", "pcm_s24le"]),
    (".mov", "PCM_24", "7.1.4", ["-c:a", "pcm_s24le"]),
    (".wv", "WAVPACK", "7.1.4", ["-c:a", "wavpack", *_WIDE]),
    (".mka", "FLAC", "5.1", ["-c:a", "flac", "-sample_fmt", "s32"]),
    (".m4a", "ALAC", "5.1", [*_LAYOUT, "-c:a", "alac", *_WIDE]),
    (".m4a", "AAC", "5.1", [*_LAYOUT, "-c:a", "aac", "-b:a", "512k"]),
    (".opus", "OPUS", "5.1", [*_LAYOUT, "-c:a", "libopus", "-b:a", "424k"]),
    (".webm", "OPUS", "5.1", [*_LAYOUT, "-c:a", "libopus", "-b:a", "424k"]),
    (".mp4", "OPUS", "5.1", [*_LAYOUT, "-c:a", "libopus", "-b:a", "424k"]),
    (".mp4", "EAC3", "5.1", ["-c:a", "eac3", "-b:a", "640k"]),
    (".ac3", "AC3", "5.1", ["-c:a", "ac3", "-b:a", "640k"]),
    (".iamf", "PCM_24", "7.1.4", _streams("-c:a", "pcm_s24le")),
    (".iamf", "FLAC", "7.1.4", _streams("-c:a", "flac", "-sample_fmt", "s32")),
    (".iamf", "OPUS", "7.1.4", _streams("-c:a", "libopus", "-b:a", "160k", *_OPUS_MONO)),
)
MEMORY = (
    *((".wav", "FLOAT"), (".caf", "PCM_24"), (".mov", "PCM_24"), (".wv", "WAVPACK")),
    *((".webm", "OPUS_DISCRETE"), (".adm.wav", "PCM_24"), (".iamf", "PCM_24")),
)
# The peak since the start of the program (Linux): that of getrusage includes the parent process.
_WRITER = """
import re, sys
from benchmarks.bench_formats import write_minutes
write_minutes(sys.argv[1], sys.argv[2], float(sys.argv[3]))
print(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def rows(*lengths: float) -> list[Row]:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        found = [row for case in CASES for row in _timed(Path(folder), *case)]
        return found + [_memory(Path(folder), *case, lengths or MINUTES) for case in MEMORY]


def _timed(folder: Path, suffix: str, subtype: str, layout: str, options: list[str]) -> list[Row]:
    source = folder / f"{layout}.wav"
    if not source.exists():
        _write_source(source, layout)
    other = ".mka" if suffix == ".iamf" else suffix
    ours, theirs = folder / f"ours{suffix}", folder / f"theirs{other}"
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", "-threads", "1", "-i", source]
    command = [*map(str, command), *options, "-threads", "1", "-strict", "-2", str(theirs)]

    def convert() -> None:
        with stream(source) as audio:
            form = {"format": audio.format, "samples": audio.samples, "subtype": subtype}
            with write_stream(ours, audio.sample_rate, **form, overwrite=True) as target:
                for block in audio:
                    target.write(block)

    tasks: dict[str, Callable[[], object]] = {
        "spatialkit": convert,
        "FFmpeg": lambda: subprocess.run(command, check=True),
    }
    best = best_times(tasks, RUNS, _processor_time)
    task = f"{suffix[1:]}, {subtype}, {layout}"
    ratio = f"{best['spatialkit'] / best['FFmpeg']:.2f} x the encoder alone"
    return [
        Row(task, "spatialkit", best["spatialkit"], note=ratio),
        Row(task, "FFmpeg", best["FFmpeg"]),
    ]


def _processor_time() -> float:
    """Return the seconds of the processor that this process and its children have used."""
    used = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _write_source(path: Path, layout: str) -> None:
    song = read(sample_path()).samples
    song = resample(song, 44100, RATE)[:, : SECONDS * RATE]
    gains = np.random.default_rng(0).uniform(0.2, 0.4, get_format(layout).n_channels)
    audio = np.stack([gain * song[number % 2] for number, gain in enumerate(gains)])
    write(path, audio.astype(np.float32), RATE, format=layout, subtype="PCM_24")


def write_minutes(path: str, subtype: str, minutes: float) -> None:
    """Write noise of 7.1.4."""
    block = np.random.default_rng(0).uniform(-0.3, 0.3, (12, RATE)).astype(np.float32)
    form = {"format": "7.1.4", "subtype": subtype, "overwrite": True}
    with write_stream(path, RATE, **form) as target:
        for second in range(round(60 * minutes)):
            target.write(np.roll(block, 7 * second, axis=1))


def _memory(folder: Path, suffix: str, subtype: str, lengths: tuple[float, ...]) -> Row:
    path, notes = folder / f"noise{suffix}", []
    for minutes in lengths:
        arguments = [str(path), subtype, str(minutes)]
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", _WRITER, *arguments],
            capture_output=True,
            text=True,
            check=True,
        )
        notes.append(f"{minutes:g} min {int(done.stdout) / 1024:.0f} MB")
        path.unlink()
    return Row(
        f"memory of {suffix[1:]}, {subtype}, 7.1.4", "spatialkit", 0.0, note=", ".join(notes)
    )


if __name__ == "__main__":
    print(markdown(rows(*map(float, sys.argv[1:]))))
