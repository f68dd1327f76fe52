"""``spatialkit report``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, get_args

import click

from spatialkit.commands import toolkit
from spatialkit.errors import AudioFileError, OptionError, SpatialkitError


def carrier_names() -> tuple[str, ...]:
    """Return the encodings of the audio in a report."""
    from spatialkit.report import Carrier

    return get_args(Carrier)


@toolkit.command(
    "spatialkit report surround.wav -o report.html",
    "spatialkit report surround.wav -o report.html --original song.wav",
    "spatialkit report surround/*.wav -o reports/",
)
@click.argument("sources", metavar="IN...", nargs=-1, required=True, type=toolkit.FILE)
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="OUT",
    type=click.Path(),
    help="Output file (.html), or folder for several inputs.",
)
@click.option(
    "--original",
    type=toolkit.FILE,
    metavar="FILE",
    help="Audio of which IN is an upmix, or another mix of it, of the same length.",
)
@click.option("--title", metavar="TEXT", help="Title. By default the name of IN.")
@click.option(
    "--excerpt",
    type=float,
    metavar="SECONDS",
    default=30.0,
    show_default=True,
    help="Length of the part that can be heard, 1 to 300.",
)
@click.option(
    "--excerpt-start",
    "start",
    type=float,
    metavar="SECONDS",
    help="Start of that part. By default the loudest part.",
)
@click.option(
    "--order",
    type=int,
    metavar="N",
    default=3,
    show_default=True,
    help="Ambisonic order of the version for headphones, 1 to 7.",
)
@click.option(
    "--hrtf",
    type=toolkit.Name(("ku100",)),
    metavar="NAME",
    default="ku100",
    show_default=True,
    help="HRTF: ku100, or a .sofa or .mhr file.",
)
@click.option(
    "--carrier",
    type=toolkit.Name(carrier_names),
    metavar="NAME",
    default="opus",
    show_default=True,
    help="Encoding of the sound in OUT: opus, or flac (lossless, large).",
)
@toolkit.reading_options(output=False)
@toolkit.force_option
@toolkit.json_option
def command(
    sources: tuple[Path, ...],
    output: str,
    original: Path | None,
    reading: dict[str, Any],
    force: bool,
    as_json: bool,
    **options: Any,
) -> int:
    """Write an HTML report of audio that can be heard.

    It is one file, which opens from disk. OUT plays an excerpt on headphones, with rotation of the
    head, solo and mute of each channel, and the original in sync at the same loudness. It contains
    levels, spectrograms, the energy by direction, measurements of the whole file, checksums, and
    advice where a value is unusual.

    OUT is a folder if it exists as one, ends in "/", or there are several inputs; the names are
    then those of the inputs with .html.
    """
    is_folder = len(sources) > 1 or os.path.isdir(output) or output.endswith(("/", os.sep))
    targets = [Path(output)]
    if is_folder:
        if original is not None and len(sources) > 1:
            raise OptionError("--original is for one IN, got several")
        targets = [Path(output, f"{source.stem}.html") for source in sources]
        toolkit.check_outputs(targets, sources, force)
        _make_folder(Path(output))
    else:
        toolkit.check_file(targets[0], force)
    found, failed = [], 0
    for source, target in zip(sources, targets, strict=True):
        try:
            found.append(_report(source, target, original, reading, force, options))
        except (SpatialkitError, OSError) as error:  # OSError: a name that is too long
            if len(sources) == 1:
                raise
            failed += 1
            message = toolkit.message_of(error)
            found.append({"input": str(source), "error": message})
            toolkit.print_error(message, click.get_current_context().obj["debug"])
            continue
        if not as_json:
            print_report(found[-1])
    if as_json:
        toolkit.print_json(found if len(sources) > 1 else found[0])
    return 1 if failed else 0


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AudioFileError(f"folder {folder} cannot be created: {error.strerror}") from error


def _report(
    source: Path,
    target: Path,
    original: Any,
    reading: dict[str, Any],
    force: bool,
    options: dict[str, Any],
) -> dict[str, Any]:
    from spatialkit.report import write_report

    # Files are read by the report itself if possible: it then contains their checksums.
    audio = toolkit.read_input(source, **reading) if reading else source
    part = {name: value for name, value in reading.items() if name in ("offset", "duration")}
    if original is not None and part:
        original = toolkit.read_input(original, **part)
    chosen = options | {"title": options["title"] or source.name}
    report = write_report(target, audio, original=original, overwrite=force, **chosen)
    return {"input": str(source), **report_facts(report)}


def report_facts(report: Any) -> dict[str, Any]:
    """Return the facts of a report as JSON values."""
    return {
        "output": str(report.path),
        "size": report.size,
        "start": report.start,
        "duration": report.duration,
        "measures": {each.name: each.value for each in report.measures},
        "correlations": dict(report.correlations),
        "advice": list(report.advice),
    }


def print_report(facts: dict[str, Any]) -> None:
    """Print the path and size of a report, and its advice."""
    end = facts["start"] + facts["duration"]
    toolkit.print_line(
        f"{facts['output']}: report, {facts['size'] / 1e6:.1f} MB, with the sound from "
        f"{facts['start']:.1f} to {end:.1f} s"
    )
    for sentence in facts["advice"]:
        toolkit.print_wrapped(sentence, first=2, rest=2)
