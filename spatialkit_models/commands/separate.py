"""``spatialkit separate``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from spatialkit.commands import batches, toolkit
from spatialkit.errors import AudioFileError, ShapeError
from spatialkit.storage import draft_folder, move, writing_errors

__all__ = ["command"]


@dataclass(frozen=True)
class _Job:
    source: Path
    output: Path
    separator: Any
    force: bool
    reading: Mapping[str, Any]


def _load(name: str) -> Any:
    from spatialkit_models.separation import load_separator

    return load_separator(name)


def _names() -> tuple[str, ...]:
    from spatialkit_models.separation import separator_names

    return separator_names()


@toolkit.command(
    "spatialkit separate song.wav -o stems/",
    "spatialkit separate *.flac -o stems/ --separator demucs -O model=htdemucs_ft",
)
@toolkit.files_argument
@click.option(
    "-o",
    "--output",
    "folder",
    required=True,
    metavar="DIR",
    type=toolkit.FILE,
    help="Output folder: DIR/<song>/vocals.wav and so on.",
)
@click.option(
    "--separator",
    "name",
    type=toolkit.Name(_names),
    metavar="NAME",
    default="masks",
    show_default=True,
    help="Name of the separator (see spatialkit separators).",
)
@toolkit.plugin_option("separator", _load)
@toolkit.reading_options()
@toolkit.force_option
@toolkit.json_option
def command(
    sources: tuple[Path, ...],
    folder: Path,
    name: str,
    settings: tuple[str, ...],
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
) -> int:
    """Separate songs into stems: vocals, drums, bass and other.

    The sum of the stems is the song: the residual of the separator is added to other. Stems are
    .wav files of 32-bit floats at the sample rate of the song, in a folder with the name of the
    song, which spatialkit upmix accepts as -O stems=DIR/<song>. Songs are processed in blocks, in
    constant memory. Tags of IN are not copied.

    Exit status: 1 if a song failed.
    """
    from spatialkit.upmixing import parse_options
    from spatialkit_models.separation import get_separator

    options = parse_options(_load(name), toolkit.parse_settings(settings))
    with toolkit.isolated_plugins():
        separator = get_separator(name, **options)
    outputs = _outputs(folder, sources)
    stems = [output / f"{stem}.wav" for output in outputs for stem in separator.stems]
    toolkit.check_outputs(stems, sources, force)
    work = [
        _Job(source, output, separator, force, reading)
        for source, output in zip(sources, outputs, strict=True)
    ]
    if len(work) == 1:
        records = [{"status": "done", **_separate(work[0])}]
    else:
        quiet = as_json or not sys.stderr.isatty()
        names = list(map(str, sources))
        found = batches.run_jobs(
            _separate_in_batch, work, None, names=names, unit="song", quiet=quiet
        )
        records = [record for _, record in found]
    if as_json:
        toolkit.print_json(records)
    else:
        for record in records:
            if record["status"] == "done":
                stems_text = ", ".join(record["stems"])
                toolkit.print_line(f"{record['output']}: {stems_text}")
                for stem, true_peak_db in record["true_peak_db"].items():
                    toolkit.print_line(f"  {toolkit.overload(true_peak_db, stem)}")
    return int(any(record["status"] == "failed" for record in records))


def _outputs(folder: Path, sources: Sequence[Path]) -> list[Path]:
    """Return the folder of the stems of each song."""
    outputs: dict[Path, Path] = {}
    for source in sources:
        output = folder / source.stem
        if output in outputs:
            raise AudioFileError(
                f"{outputs[output]} and {source} have the same output {output}: rename one of "
                "them, or use another DIR for it"
            )
        outputs[output] = source
    return list(outputs)


def _separate(job: _Job) -> dict[str, Any]:
    """Separate one song to files that appear when all of them are complete."""
    parents = [path for path in job.output.parents if not path.exists()]
    try:
        with writing_errors(job.output):
            job.output.parent.mkdir(parents=True, exist_ok=True)
            with draft_folder(job.output.parent) as draft:
                with toolkit.isolated_plugins():
                    facts = _write_stems(job, draft)
                job.output.mkdir(exist_ok=True)
                for path in sorted(draft.iterdir()):
                    move(path, job.output / path.name)
    finally:
        with suppress(OSError):  # not empty
            for path in parents:
                path.rmdir()
    return facts


def _separate_in_batch(job: _Job) -> dict[str, Any]:
    batches.require_regular(job.source)
    return _separate(job)


def _write_stems(job: _Job, folder: Path) -> dict[str, Any]:
    """Write the stems of one song to a folder, block by block."""
    from spatialkit.files import stream, write_stream

    separator = job.separator
    with stream(job.source, **job.reading) as song, ExitStack() as stack:
        if song.channels not in separator.accepts:
            raise ShapeError(
                f"{job.source} must be mono or stereo to be separated, got {song.channels} channels"
            )
        separator.check_song(song.samples, song.sample_rate)
        stems = separator.stream(song.sample_rate, song.channels)
        options: dict[str, Any] = {
            "format": song.format,
            "channels": song.channels,
            "samples": song.samples,
            "subtype": "FLOAT",
        }
        writers = [
            stack.enter_context(write_stream(folder / f"{stem}.wav", song.sample_rate, **options))
            for stem in separator.stems
        ]
        report = stack.enter_context(toolkit.progress_bar())
        for block in song:
            _write(writers, stems.process(block))
            report(block.shape[1] / song.sample_rate, song.duration)
        _write(writers, stems.flush())
    overloads = {
        stem: facts["true_peak_db"]
        for stem, writer in zip(separator.stems, writers, strict=True)
        if (facts := toolkit.overload_facts(folder / f"{stem}.wav", writer.peak))
    }
    return {
        "input": str(job.source),
        "output": str(job.output),
        "stems": list(separator.stems),
        "separator": separator.name,
        "version": separator.version,
        "sample_rate": song.sample_rate,
        "duration": song.samples / song.sample_rate,
        "true_peak_db": overloads,
    }


def _write(writers: Sequence[Any], blocks: Any) -> None:
    for writer, block in zip(writers, blocks, strict=True):
        writer.write(block)
