"""``spatialkit evaluate``."""

from __future__ import annotations

import csv
import json
import sys
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import batches, toolkit
from spatialkit.errors import AudioFileError, LayoutError, OptionError
from spatialkit.layouts import get_layout

if TYPE_CHECKING:
    from spatialkit.files import Audio
    from spatialkit.layouts import AmbisonicFormat, Layout


@toolkit.command(
    "spatialkit evaluate original.wav decoded.wav",
    "spatialkit evaluate --batch pairs.csv -o scores.jsonl --jobs 4",
)
@click.argument("reference", required=False, type=toolkit.FILE)
@click.argument("estimate", required=False, type=toolkit.FILE)
@toolkit.reading_options(source="both files", also="--layout", output=False)
@click.option(
    "--binaural",
    is_flag=True,
    help="Also compare both files as heard through headphones.",
)
@click.option(
    "--batch",
    type=toolkit.FILE,
    metavar="FILE.csv",
    help="Table of pairs of files to evaluate instead of one pair.",
)
@click.option(
    "-o",
    "--output",
    type=toolkit.FILE,
    metavar="FILE.jsonl",
    help="File for the records of a batch (JSON lines). By default they are printed.",
)
@batches.jobs_option
@batches.resume_option("the records in FILE.jsonl")
@toolkit.json_option
def command(
    reference: Path | None,
    estimate: Path | None,
    reading: dict[str, Any],
    binaural: bool,
    batch: Path | None,
    output: Path | None,
    jobs: int,
    resume: bool,
    as_json: bool,
) -> int:
    """Measure how ESTIMATE differs from REFERENCE.

    The metrics that are defined for the format are calculated: SNR, SD-SDR and SI-SDR, also of the
    stereo downmixes (downmix_snr); level differences between channels (ild_error; wild, summed over
    the pairs of channels); directions of energy or intensity; diffuseness; loudness (BS.1770) and
    true peak. Both files must have the same channels and sample rate.

    The table of a --batch has the columns reference, estimate and optionally layout, which replaces
    --from; paths are relative to its folder. --resume skips pairs with a record and repeats those
    that failed or had other content, options or versions.

    --binaural renders both files with the bundled HRTF and adds errors of the interaural time
    difference, level difference and coherence, and of the composite loudness per ERB band.

    In JSON, undefined values are null and infinite values "inf" or "-inf".
    """
    if batch is not None:
        if reference or estimate:
            raise OptionError("specify either two files or --batch, not both")
        if resume and not output:
            raise OptionError("--resume requires -o, the file with the records to resume from")
        return _evaluate_all(_pairs(batch, reading, binaural), output, jobs, resume, as_json)
    if output or resume:
        raise OptionError("-o and --resume require --batch")
    if not (reference and estimate):
        raise OptionError("specify two files, REFERENCE and ESTIMATE, or --batch FILE.csv")
    values, assumed = _evaluate(reference, estimate, reading, binaural, "with --from")
    if as_json:
        toolkit.print_json({**values, **({"read_as": assumed[1]} if assumed else {})})
    else:
        _print(values)
        if assumed:
            toolkit.print_line(f"{assumed[0]} read as {assumed[1]}")
    return 0


def _evaluate(
    reference: Path, estimate: Path, reading: dict[str, Any], binaural: bool, place: str
) -> tuple[dict[str, float], tuple[Path, str] | None]:
    """Return the metrics of two files.

    Also the file without a format and the format assumed for it, that of the other file; None if
    there is none. ``place`` names where users can specify the format, for errors.
    """
    from spatialkit.metrics import evaluate

    first = toolkit.read_input(reference, **reading)
    second = toolkit.read_input(estimate, **reading)
    if first.sample_rate != second.sample_rate:
        raise OptionError(
            f"{reference} has {first.sample_rate} Hz, {estimate} has {second.sample_rate} Hz: "
            "resample one of them"
        )
    both = _common_format(first, second, place)
    values = evaluate(
        first.samples,
        second.samples,
        layout=both,
        sample_rate=first.sample_rate,
        binaural=binaural,
    )
    if both and not (first.format and second.format):
        return values, (estimate if first.format else reference, both.name)
    return values, None


def _print(values: dict[str, float]) -> None:
    from spatialkit.metrics import UNITS

    rows = [
        (name, f"{round(value, 3) + 0.0:10.3f}", UNITS[name])  # no "-0.000"
        for name, value in values.items()
    ]
    toolkit.print_table(("metric", f"{'value':>10}", "unit"), rows)


def _common_format(first: Audio, second: Audio, place: str) -> Layout | AmbisonicFormat | None:
    """Return the format of both files; a file without a format is assumed to have the other's."""
    if first.format and second.format and first.format != second.format:
        advice = "render one to the format of the other"
        if first.format.n_channels == second.format.n_channels:
            advice += f", or specify the format of both {place} and add --force-format"
        raise LayoutError(
            f"the reference has the format {first.format.name!r}, the estimate "
            f"{second.format.name!r}: {advice}"
        )
    return first.format or second.format


@dataclass(frozen=True)
class _Pair:
    """Line of a batch table; ``recorded`` is the key of its record."""

    reference: str
    estimate: str
    layout: str
    folder: Path
    line: str
    reading: dict[str, Any]
    binaural: bool
    recorded: str | None = None

    @property
    def names(self) -> tuple[str, str, str]:
        """Fields that identify the line."""
        return self.reference, self.estimate, self.layout


def _pairs(table_file: Path, reading: dict[str, Any], binaural: bool) -> list[_Pair]:
    """Read the lines of a batch table; ``reading`` has the format of lines without one."""
    if table_file.is_char_device() or table_file.is_block_device():  # /dev/zero never ends
        raise AudioFileError(f"{table_file} is a device, not a table of files")
    try:
        with table_file.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, restval="")
            if not {"reference", "estimate"} <= set(table.fieldnames or ()):
                raise OptionError(
                    f"{table_file} must have the columns reference and estimate in its first line, "
                    f"got {', '.join(table.fieldnames or ()) or 'none'}"
                )
            pairs = [
                _Pair(
                    row["reference"],
                    row["estimate"],
                    row.get("layout", ""),
                    table_file.parent,
                    f"line {table.line_num} of {table_file}",
                    reading,
                    binaural,
                )
                for row in table
            ]
    except OSError as error:
        raise AudioFileError(f"{table_file} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise OptionError(f"{table_file} is not CSV in UTF-8: {error}") from error
    if not pairs:
        raise OptionError(f"{table_file} has no line below its header: add one per pair of files")
    return pairs


def _evaluate_all(
    pairs: list[_Pair], output: Path | None, jobs: int, resume: bool, as_json: bool
) -> int:
    """Evaluate all pairs, append their records to a file or print them, return the status."""
    if resume and output:
        recorded = batches.finished([output], ("reference", "estimate", "layout"), ("key",))
        pairs = [replace(pair, recorded=recorded.get(pair.names, (None,))[0]) for pair in pairs]
    quiet = as_json or not sys.stderr.isatty() or not output
    records: dict[int, dict[str, Any]] = {}
    with (
        batches.RecordLog(output) if output else nullcontext() as log,
        batches.workers(jobs, len(pairs)) as executor,
    ):
        for number, facts in batches.run_jobs(
            _evaluate_pair,
            pairs,
            executor,
            names=[pair.line for pair in pairs],
            unit="pair",
            quiet=quiet,
        ):
            pair = pairs[number]
            names = dict(zip(("reference", "estimate", "layout"), pair.names, strict=True))
            records[number] = {**names, **facts}
            if log is None:
                toolkit.print_line(toolkit.json_line(records[number]).rstrip())
            elif facts["status"] != "skipped":
                log.add(records[number])
    found = [records[number] for number in sorted(records)]
    if output and as_json:
        toolkit.print_json(found)
    elif output:
        toolkit.print_line(f"{batches.summarize(found)}; records: {output}")
    return int(any(record["status"] == "failed" for record in found))


def _evaluate_pair(pair: _Pair) -> dict[str, Any]:
    """Evaluate a pair, in any process, unless its record is up to date."""
    from spatialkit._version import __version__

    for column, name in (("reference", pair.reference), ("estimate", pair.estimate)):
        if not name:
            raise OptionError(f"{pair.line} has no {column}")
    paths = pair.folder / pair.reference, pair.folder / pair.estimate
    reading = pair.reading
    if pair.layout:
        is_file = pair.layout.lower().endswith(".json")
        layout = get_layout(str(pair.folder / pair.layout)) if is_file else pair.layout
        reading = {**reading, "format": layout}
    settings = [__version__, toolkit.reading_facts(reading), *["binaural"] * pair.binaural]
    key = batches.file_key(paths, json.dumps(settings))
    if pair.recorded == key:
        return {"status": "skipped", "key": key}
    with batches.collect_warnings() as warnings:
        place = f"in the column layout of {pair.line}"
        values, assumed = _evaluate(*paths, reading, pair.binaural, place)
    facts: dict[str, Any] = {"key": key, "metrics": values}
    if assumed:
        facts["read_as"] = assumed[1]
    if warnings:
        facts["warnings"] = warnings
    return facts
