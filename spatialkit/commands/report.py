"""``spatialkit report``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from spatialkit.commands import file_pairs, toolkit
from spatialkit.errors import AudioFileError, OptionError, SpatialkitError

if TYPE_CHECKING:
    from spatialkit.report import IndexEntry

# Name of the index in a folder.
INDEX = "index.html"


def carrier_names() -> tuple[str, ...]:
    """Return the encodings of the audio in a report."""
    from spatialkit.report import Carrier

    return get_args(Carrier)


@toolkit.command(
    "spatialkit report surround.wav -o report.html",
    "spatialkit report surround.wav -o report.html --original song.wav",
    "spatialkit report surround/ -o reports/",
)
@toolkit.files_argument
@toolkit.outputs_option(".html")
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
@toolkit.hrtf_option("HRTF")
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

    OUT is a folder if it exists as one, ends in "/", or there are several inputs. An IN that is a
    folder stands for all audio files in it; OUT then has the same subfolders. The names are those
    of the inputs with .html, and index.html has a row per file, also for those that failed.
    """
    if not file_pairs.is_folder(sources, output):
        toolkit.check_file(Path(output), force)
        facts = _report(sources[0], Path(output), original, reading, force, options)
        if as_json:
            toolkit.print_json(facts)
        else:
            print_report(facts)
        return 0
    folder, index = Path(output), Path(output, INDEX)
    pairs = file_pairs.pairs_in(folder, sources, ".html")
    if original is not None and len(pairs) > 1:
        raise OptionError(f"--original is for one IN, got {len(pairs)}")
    for pair in pairs:
        if pair.name == INDEX:
            raise AudioFileError(f"the report of {pair.source} would be the index: rename it")
    toolkit.check_outputs([pair.output for pair in pairs], [pair.source for pair in pairs], force)
    file_pairs.make_folders(folder, pairs)
    found = []
    for pair in pairs:
        try:
            found.append(_report(pair.source, pair.output, original, reading, force, options))
        except (SpatialkitError, OSError) as error:  # OSError: a name that is too long
            message = toolkit.message_of(error)
            found.append({"input": str(pair.source), "error": message})
            toolkit.print_error(message, click.get_current_context().obj["debug"])
            continue
        if not as_json:
            print_report(found[-1])
    _write_index(index, pairs, found)
    if as_json:
        toolkit.print_json(found)
    else:
        toolkit.print_line(f"{index}: index of the reports")
    return int(any("error" in facts for facts in found))


def _write_index(
    index: Path, pairs: Sequence[file_pairs.Pair], found: Sequence[dict[str, Any]]
) -> None:
    from spatialkit.report import write_index

    entries = [
        index_entry(pair.name.removesuffix(".html"), facts, facts.get("error", ""))
        for pair, facts in zip(pairs, found, strict=True)
    ]
    write_index(index, entries, title=index.absolute().parent.name)


def index_entry(name: str, facts: Mapping[str, Any] | None, error: str) -> IndexEntry:
    """Return the row of an index from the facts of a report, or an error."""
    from spatialkit.report import IndexEntry

    if error or not facts:
        return IndexEntry(name, error=error)
    return IndexEntry(name, facts["output"], facts["measures"], facts["advice"])


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
