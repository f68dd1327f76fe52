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
from spatialkit.layouts import Layout

if TYPE_CHECKING:
    from spatialkit.files import Audio
    from spatialkit.layouts import AmbisonicFormat


@toolkit.command(
    "spatialkit evaluate original.wav decoded.wav",
    "spatialkit evaluate --catalogue pairs.csv -o scores.jsonl --jobs 4",
)
@click.argument("reference", required=False, type=toolkit.FILE)
@click.argument("estimate", required=False, type=toolkit.FILE)
@click.option(
    "--from",
    "--layout",
    "layout",
    type=toolkit.LayoutName(),
    metavar="FORMAT",
    help="What the channels of both files are, if they do not say: a layout, "
    f"{toolkit.LAYOUT_FILE}, or ambix1 ... ambix7, fuma1 ... fuma3.",
)
@click.option(
    "--catalogue",
    type=toolkit.FILE,
    metavar="FILE.csv",
    help="Many pairs instead: a table with the columns reference, estimate and, if need be, "
    "layout; files are named from its folder.",
)
@click.option(
    "-o",
    "--output",
    type=toolkit.FILE,
    metavar="FILE.jsonl",
    help="Where a record of each pair of the catalogue is added, as JSON lines; by default they "
    "are printed.",
)
@batches.jobs_option
@batches.resume_option("the records in FILE.jsonl")
@toolkit.json_option
def command(
    reference: Path | None,
    estimate: Path | None,
    layout: str | Layout | None,
    catalogue: Path | None,
    output: Path | None,
    jobs: int,
    resume: bool,
    as_json: bool,
) -> int:
    """Measure how ESTIMATE differs from REFERENCE.

    What applies of: SNR, SD-SDR, SI-SDR, also of the stereo fold-downs (downmix_snr); level
    differences between channels (ild_error; wild, summed over the pairs of channels);
    directions of energy or intensity; diffuseness; loudness (BS.1770) and true peak.

    Both have the same channels and sample rate. In JSON a value that is not defined is null, an
    infinite one "inf" or "-inf".
    """
    if catalogue is not None:
        if reference or estimate:
            raise OptionError("give two files, or --catalogue, not both")
        if resume and not output:
            raise OptionError("--resume needs -o: the records of what is done")
        return _evaluate_all(_pairs(catalogue, layout), output, jobs, resume, as_json)
    if output or resume:
        raise OptionError("-o and --resume are for --catalogue")
    if not (reference and estimate):
        raise OptionError("two files are needed, REFERENCE and ESTIMATE, or --catalogue")
    values, assumed = _evaluate(reference, estimate, layout, "with --from")
    if as_json:
        toolkit.print_json({**values, **({"read_as": assumed[1]} if assumed else {})})
    else:
        _print(values)
        if assumed:
            click.echo(f"{assumed[0]} read as {assumed[1]}")
    return 0


def _evaluate(
    reference: Path, estimate: Path, layout: str | Layout | None, place: str
) -> tuple[dict[str, float], tuple[Path, str] | None]:
    """Metrics of two files, and what one of them is taken as that does not say what it is.

    ``place`` is where users can say what both are.
    """
    from spatialkit.metrics import evaluate

    first = toolkit.read_input(reference, layout)
    second = toolkit.read_input(estimate, layout)
    if first.sample_rate != second.sample_rate:
        raise OptionError(
            f"{reference} has {first.sample_rate} Hz, {estimate} has {second.sample_rate} Hz: "
            "resample one of them"
        )
    both = _common_format(first, second, place)
    values = evaluate(first.samples, second.samples, layout=both, sample_rate=first.sample_rate)
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
    """Format of both; one that does not say is taken as the other."""
    if first.format and second.format and first.format != second.format:
        raise LayoutError(
            f"the reference is {first.format.name!r}, the estimate {second.format.name!r}: render "
            f"one to the other's format, or say {place} what both are"
        )
    return first.format or second.format


@dataclass(frozen=True)
class _Pair:
    """A line of a catalogue; ``known`` is the key of the record that it has."""

    reference: str
    estimate: str
    layout: str
    folder: Path
    line: str
    default: str | Layout | None
    known: str | None = None

    @property
    def names(self) -> tuple[str, str, str]:
        """What tells it from others."""
        return self.reference, self.estimate, self.layout


def _pairs(catalogue: Path, default: str | Layout | None) -> list[_Pair]:
    """Lines of a catalogue."""
    try:
        with catalogue.open(encoding="utf-8-sig", newline="") as file:
            table = csv.DictReader(file, restval="")
            if not {"reference", "estimate"} <= set(table.fieldnames or ()):
                raise OptionError(
                    f"{catalogue} must have the columns reference and estimate in its first line, "
                    f"got {', '.join(table.fieldnames or ()) or 'none'}"
                )
            pairs = [
                _Pair(
                    row["reference"],
                    row["estimate"],
                    row.get("layout", ""),
                    catalogue.parent,
                    f"line {table.line_num} of {catalogue}",
                    default,
                )
                for row in table
            ]
    except OSError as error:
        raise AudioFileError(f"{catalogue} cannot be read: {error.strerror}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise OptionError(f"{catalogue} is no CSV in UTF-8: {error}") from error
    if not pairs:
        raise OptionError(f"{catalogue} has no line below its header: it must name pairs of files")
    return pairs


def _evaluate_all(
    pairs: list[_Pair], output: Path | None, jobs: int, resume: bool, as_json: bool
) -> int:
    """Evaluate all pairs, add their records to a file or print them."""
    if resume and output:
        known = {
            (record.get("reference"), record.get("estimate"), record.get("layout")): record
            for record in batches.read_records([output])
            if record.get("status") == "done"
        }
        pairs = [replace(pair, known=known.get(pair.names, {}).get("key")) for pair in pairs]
    quiet = as_json or not sys.stderr.isatty() or not output
    records: dict[int, dict[str, Any]] = {}
    with (
        batches.RecordLog(output) if output else nullcontext() as log,
        batches.workers(jobs, len(pairs)) as executor,
    ):
        for number, facts in batches.records_of(
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
                click.echo(toolkit.json_line(records[number]), nl=False)
            elif facts["status"] != "skipped":
                log.add(records[number])
    found = [records[number] for number in sorted(records)]
    if output and as_json:
        toolkit.print_json(found)
    elif output:
        click.echo(f"{batches.count(found)}; records: {output}")
    return int(any(record["status"] == "failed" for record in found))


def _evaluate_pair(pair: _Pair) -> dict[str, Any]:
    """In a worker: evaluate a pair unless that is done."""
    from spatialkit._version import __version__

    for column, name in (("reference", pair.reference), ("estimate", pair.estimate)):
        if not name:
            raise OptionError(f"{pair.line} names no {column}")
    paths = pair.folder / pair.reference, pair.folder / pair.estimate
    layout = pair.default
    if pair.layout:
        own = pair.layout.lower().endswith(".json")
        layout = toolkit.resolve_layout(str(pair.folder / pair.layout) if own else pair.layout)
    settings = [__version__, layout.to_json() if isinstance(layout, Layout) else layout]
    key = batches.file_key(paths, json.dumps(settings))
    if pair.known == key:
        return {"status": "skipped", "key": key}
    with batches.noted_warnings() as warnings:
        values, assumed = _evaluate(*paths, layout, f"in the column layout, {pair.line},")
    facts: dict[str, Any] = {"key": key, "metrics": values}
    if assumed:
        facts["read_as"] = assumed[1]
    if warnings:
        facts["warnings"] = warnings
    return facts
