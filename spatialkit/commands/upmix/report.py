"""Lines and tables about the written files of ``spatialkit upmix``."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from spatialkit.commands import toolkit
from spatialkit.commands.report import index_entry
from spatialkit.commands.upmix.files import report_path
from spatialkit.storage import replace_file

if TYPE_CHECKING:
    from spatialkit.commands.upmix.job import BatchJob
    from spatialkit.report import IndexEntry

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


def write_tables(
    records: Sequence[Mapping[str, Any]],
    earlier: Iterable[Mapping[str, Any]],
    folder: Path,
    shard: tuple[int, int] | None,
) -> Path:
    """Write the index of all reports, and the table of all files as CSV and JSON lines.

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

    Returns
    -------
    Path
        The index.
    """
    from spatialkit.report import write_index

    known = {record.get("name"): record for record in earlier if record.get("status") == "done"}
    complete = [
        {**known.get(record["name"], {}), **record} if record["status"] == "skipped" else record
        for record in records
    ]
    rows = [report_row(record) for record in complete]
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    end = "-{}-of-{}".format(*shard) if shard else ""
    paths = [folder / f"report{end}.csv", folder / f"report{end}.jsonl"]
    lines = "".join(toolkit.json_line(row) for row in rows)
    for path, text in zip(paths, (table.getvalue(), lines), strict=True):
        replace_file(path, text.encode("utf-8", "surrogateescape"))
    index = folder / f"index{end}.html"
    write_index(index, [_entry(record) for record in complete], title=folder.absolute().name)
    return index


def _entry(record: Mapping[str, Any]) -> IndexEntry:
    """Return the row of a record in the index; its report is at its place in this run."""
    facts = record.get("report")
    if facts:
        facts = {**facts, "output": report_path(record["output"])}
    name = PurePosixPath(record["name"]).with_suffix("").as_posix()
    return index_entry(name, facts, record.get("error", ""))


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
