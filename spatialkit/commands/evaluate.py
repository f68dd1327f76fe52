"""``spatialkit evaluate``."""

from __future__ import annotations

import math
import sys
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from spatialkit.commands import batches, toolkit
from spatialkit.commands.evaluation_pairs import (
    Pair,
    evaluate_files,
    folder_pairs,
    table_pairs,
    upmixed_pairs,
)
from spatialkit.errors import OptionError

if TYPE_CHECKING:
    from spatialkit.metrics import Results


def _metric_names() -> tuple[str, ...]:
    from spatialkit.metrics import GROUPS, METRICS

    return (*GROUPS, *METRICS)


@toolkit.command(
    "spatialkit evaluate original.wav decoded.wav",
    "spatialkit evaluate references/ mine/ -o scores.csv --upmixer ambience",
    "spatialkit evaluate --batch pairs.csv -o scores.csv --jobs 4",
)
@click.argument("reference", required=False, type=toolkit.FILE)
@click.argument("estimate", required=False, type=toolkit.FILE)
@toolkit.reading_options(source="both files", also="--layout", output=False)
@click.option(
    "--metric",
    "metrics",
    multiple=True,
    type=toolkit.Name(_metric_names),
    metavar="NAME",
    help="Metric or group of metrics to calculate (repeatable). By default all that apply.",
)
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
    "--system",
    metavar="NAME",
    help="Name of the system in ESTIMATE, for tables. By default that of the folder.",
)
@click.option(
    "--upmixer",
    "upmixers",
    multiple=True,
    metavar="NAME[:KEY=VALUE,...]",
    help="Also evaluate upmixes of the downmix of each reference (repeatable).",
)
@click.option(
    "-o",
    "--output",
    type=toolkit.FILE,
    metavar="FILE",
    help="Table of a batch (.csv), or its records (.jsonl). By default records are printed.",
)
@batches.jobs_option
@batches.resume_option("the records beside the table")
@toolkit.force_option
@toolkit.json_option
def command(
    reference: Path | None,
    estimate: Path | None,
    reading: dict[str, Any],
    metrics: tuple[str, ...],
    binaural: bool,
    batch: Path | None,
    system: str | None,
    upmixers: tuple[str, ...],
    output: Path | None,
    jobs: int,
    resume: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Measure how ESTIMATE differs from REFERENCE.

    The metrics that are defined for the format are calculated: SNR, SD-SDR and SI-SDR, also of the
    stereo downmixes (downmix_snr); level differences between channels (ild_error; wild, summed over
    the pairs of channels) and their correlation; spatial and residual distortion (ssr, srr);
    spectra; directions of energy or intensity; diffuseness; loudness (BS.1770, R 128) and true
    peak. Both files must have the same channels and sample rate.

    REFERENCE and ESTIMATE can be folders: files with the same name, apart from the extension, are
    compared. The table of a --batch has the columns reference, estimate and optionally layout,
    which replaces --from, and system; paths are relative to its folder.

    A table scores.csv has one row per pair, and scores.jsonl beside it one record, from which
    --resume continues: it skips pairs with a record and repeats those that failed or had other
    content, options or versions. "spatialkit compare" compares the systems in such tables.

    --binaural renders both files with the bundled HRTF and adds errors of the interaural time
    difference, level difference and coherence, and of the composite loudness per ERB band.

    In JSON, undefined values are null and infinite values "inf" or "-inf".
    """
    from spatialkit.metrics import select_metrics

    select_metrics(metrics or None)  # unknown names are wrong for all pairs
    chosen = metrics or None
    fields = {"options": reading, "metrics": chosen, "binaural": binaural}
    folders = [path for path in (reference, estimate) if path and path.is_dir()]
    if batch is not None:
        if reference or estimate:
            raise OptionError("specify either two files or --batch, not both")
        pairs = table_pairs(batch, **fields)
    elif folders:
        if reference is None or not reference.is_dir() or (estimate and not estimate.is_dir()):
            raise OptionError("REFERENCE and ESTIMATE must be two files or two folders")
        if estimate is None and not upmixers:
            raise OptionError("specify the folder ESTIMATE, or --upmixer")
        name = system or (estimate.resolve().name if estimate else "")
        pairs = folder_pairs(reference, estimate, name, **fields)
    else:
        if output or resume or upmixers or system:
            used = {"-o": output, "--resume": resume, "--system": system, "--upmixer": upmixers}
            names = " and ".join(name for name, value in used.items() if value)
            raise OptionError(f"{names} cannot be used with two files: see --batch and folders")
        if not (reference and estimate):
            raise OptionError("specify two files, REFERENCE and ESTIMATE, or --batch FILE.csv")
        return _evaluate_one((reference, estimate), reading, binaural, chosen, as_json)
    if resume and not output:
        raise OptionError("--resume requires -o, the file with the records to resume from")
    if output and output.suffix.lower() == ".csv":
        toolkit.check_outputs([output], filter(None, [batch]), force or resume)
        toolkit.check_file(output, force=True)
    if upmixers:
        own = pairs if batch or estimate else []
        pairs = [*own, *upmixed_pairs(pairs, upmixers)]
    return _evaluate_all(pairs, output, jobs, resume, as_json)


def _evaluate_one(
    paths: tuple[Path, Path],
    reading: dict[str, Any],
    binaural: bool,
    metrics: tuple[str, ...] | None,
    as_json: bool,
) -> int:
    from spatialkit.metrics import read_signal

    signals = tuple(read_signal(path, **reading) for path in paths)
    values, assumed = evaluate_files(
        paths, (signals[0], signals[1]), binaural, metrics, "with --from"
    )
    if as_json:
        toolkit.print_json({**values, **({"read_as": assumed[1]} if assumed else {})})
    else:
        _print(values)
        if assumed:
            toolkit.print_line(f"{assumed[0]} read as {assumed[1]}")
    return 0


def _print(values: dict[str, float]) -> None:
    from spatialkit.metrics import UNITS

    rows = [
        (name, f"{round(value, 3) + 0.0:10.3f}", UNITS[name])  # no "-0.000"
        for name, value in values.items()
    ]
    toolkit.print_table(("metric", f"{'value':>10}", "unit"), rows)


def _evaluate_all(
    pairs: list[Pair], output: Path | None, jobs: int, resume: bool, as_json: bool
) -> int:
    """Evaluate all pairs, write or print their records, return the status."""
    is_table = bool(output and output.suffix.lower() == ".csv")
    log_path = output.with_suffix(".jsonl") if output and is_table else output
    if resume and log_path:
        recorded = {
            tuple(pair.names): batches.finished([log_path], tuple(pair.names), ("key", "metrics"))
            for pair in {tuple(pair.names): pair for pair in pairs}.values()
        }
        pairs = [
            replace(pair, recorded=recorded[tuple(pair.names)].get(tuple(pair.names.values())))
            for pair in pairs
        ]
    quiet = as_json or not sys.stderr.isatty() or not output
    records: dict[int, dict[str, Any]] = {}
    with (
        batches.RecordLog(log_path) if log_path else nullcontext() as log,
        batches.workers(jobs, len(pairs)) as executor,
    ):
        for number, facts in batches.run_jobs(
            Pair.facts,
            pairs,
            executor,
            names=[pair.place for pair in pairs],
            unit="pair",
            quiet=quiet,
        ):
            records[number] = {**pairs[number].names, **facts}
            if log is None:
                toolkit.print_line(toolkit.json_line(records[number]).rstrip())
            elif facts["status"] != "skipped":
                log.add(records[number])
    found = [records[number] for number in sorted(records)]
    results = _results(found) if output else None
    if results and output and is_table:
        results.to_csv(output)
    if output and as_json:
        toolkit.print_json(found)
    elif results:
        _print_summary(results)
        kind = f"table: {output}, records" if is_table else "records"
        toolkit.print_line(f"{batches.summarize(found)}; {kind}: {log_path}")
    return int(any(record["status"] == "failed" for record in found))


def _results(records: list[dict[str, Any]]) -> Results:
    """Return the table of records."""
    from spatialkit.metrics import Results

    columns = ("system", "reference", "estimate", "layout", "read_as", "error")
    used = [name for name in columns if any(record.get(name) for record in records)]
    rows = []
    for record in records:
        values = {
            name: math.nan if value is None else float(value)
            for name, value in (record.get("metrics") or {}).items()
        }
        rows.append(({name: str(record.get(name) or "") for name in used}, values))
    return Results.from_rows(rows)


def _print_summary(results: Results) -> None:
    """Print the distribution of each metric, of each system."""
    for system in results.systems or ("",):
        part = results.select(system=system) if system else results
        if system:
            toolkit.print_line(system)
        rows = []
        for each in filter(lambda each: each.count, part.summary()):
            metric, unit, mean, interval, median, _, count, undefined = each.cells()
            note = f"{count}, {undefined} undefined" if each.undefined else count
            rows.append((metric, mean, interval, median, unit or "-", note))
        if rows:
            header = ("metric", "mean", "95 % interval", "median", "unit", "n")
            toolkit.print_table(header, rows)
