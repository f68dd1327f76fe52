"""Lines and tables about the written files of ``spatialkit upmix``."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spatialkit.commands import toolkit
from spatialkit.storage import replace_file

if TYPE_CHECKING:
    from spatialkit.commands.upmix.job import BatchJob

# Columns of the report, with the fields of a record.
COLUMNS = (
    *("name", "input", "output", "status", "format", "sample_rate", "duration", "subtype", "size"),
    *("source_loudness", "loudness", "true_peak_db", "gain_db", "downmix_snr_db", "surround_db"),
    *("tags_left_out", "warnings", "error"),
)


def delivery_lines(facts: Mapping[str, Any]) -> list[str]:
    """Return lines about loudness, tags and cover of an output."""
    lines = []
    levels = facts.get("levels") or {}
    if levels:
        lines.append(
            f"loudness {levels['loudness']:.1f} LUFS ({facts['input']} "
            f"{levels['source_loudness']:.1f}), gain {facts['gain_db']:+.1f} dB, "
            f"true peak {levels['true_peak_db']:.1f} dBTP, surround {levels['surround_db']:.1f} dB"
        )
    lines += facts.get("tag_notes", ())
    if facts.get("cover"):
        lines.append(f"cover: {facts['cover']}")
    return lines


def report_row(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a record: numbers, texts, or None for what is unknown."""
    texts = [
        *record.get("warnings", ()),
        *record.get("notes", ()),
        *record.get("tag_notes", ()),
        *record.get("hints", ()),
    ]
    values = {
        **record,
        **(record.get("levels") or {}),
        "downmix_snr_db": record.get("downmix_error_db"),
        "tags_left_out": ", ".join(record.get("tags_left_out", ())),
        "warnings": " | ".join(texts),
    }
    row = {name: values.get(name) for name in COLUMNS}
    return {name: None if _is_nan(value) else value for name, value in row.items()}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def write_report(
    records: Sequence[Mapping[str, Any]],
    earlier: Iterable[Mapping[str, Any]],
    folder: Path,
    shard: tuple[int, int] | None,
) -> list[Path]:
    """Write a table of all files as CSV and JSON lines, and return the paths.

    Parameters
    ----------
    records : sequence of dict
        Records of this run.
    earlier : iterable of dict
        Records in the log, for the facts about files that were skipped.
    folder : Path
        Output folder.
    shard : tuple of int, optional
        Number and count of the shard, for the names.
    """
    known = {record.get("name"): record for record in earlier if record.get("status") == "done"}
    rows = [
        report_row({**known.get(record["name"], {}), **record})
        if record["status"] == "skipped"
        else report_row(record)
        for record in records
    ]
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    end = "-{}-of-{}".format(*shard) if shard else ""
    paths = [folder / f"report{end}.csv", folder / f"report{end}.jsonl"]
    lines = "".join(toolkit.json_line(row) for row in rows)
    for path, text in zip(paths, (table.getvalue(), lines), strict=True):
        replace_file(path, text.encode("utf-8", "surrogateescape"))
    return paths


def print_plan(jobs: Sequence[BatchJob], as_json: bool) -> int:
    """Print what a batch would write, for --dry-run, and return the exit status."""
    from spatialkit.commands.upmix.job import is_up_to_date

    plan = []
    for job in jobs:
        action = "skip" if is_up_to_date(job) else "write"
        if action == "write" and Path(job.work.output).exists():
            action = "replace"
        paths = {"input": str(job.work.source), "output": str(job.work.output)}
        plan.append({"action": action, **paths})
    if as_json:
        toolkit.print_json(plan)
        return 0
    for each in plan:
        toolkit.print_line(f"{each['action']}: {each['input']} -> {each['output']}")
    counts = [
        f"{sum(each['action'] == action for each in plan)} to {action}"
        for action in ("write", "replace", "skip")
    ]
    toolkit.print_line(f"{', '.join(counts)}; nothing was written (--dry-run)")
    return 0
