"""Index of the reports in a folder: an HTML page with a row per song."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

from spatialkit.errors import AudioFileError
from spatialkit.report.page import number_text
from spatialkit.storage import replace_file
from spatialkit.typing import StrPath
from spatialkit.validation import as_path
from spatialkit.web import fill_template

__all__ = ["IndexEntry", "write_index"]

# Columns: measurement of a report, title, unit, decimals.
COLUMNS = (
    ("loudness", "loudness", "LUFS", 1),
    ("true_peak", "true peak", "dBTP", 1),
    ("downmix_snr", "downmix SNR", "dB", 1),
    ("surround_level", "surround level", "dB", 1),
)


@dataclass(frozen=True)
class IndexEntry:
    """Row of an index.

    Parameters
    ----------
    name : str
        Name of the song.
    page : str or path, optional
        Its report; None if there is none.
    measures : mapping of str to float
        Measurements of the report by name, as in `Report.measures`.
    advice : sequence of str
        As in `Report.advice`.
    error : str
        Why there is no report.
    """

    name: str
    page: StrPath | None = None
    measures: Mapping[str, Any] = field(default_factory=dict)
    advice: Sequence[str] = ()
    error: str = ""


def write_index(path: StrPath, entries: Sequence[IndexEntry], *, title: str = "Reports") -> None:
    """Write a page with a row per song and a link to each report; an older page is replaced.

    Parameters
    ----------
    path : str or path
        Output, with the extension .html. Links are relative to its folder.
    entries : sequence of IndexEntry
        Rows in their order.
    title : str
        Title of the page.

    Raises
    ------
    AudioFileError
        If the page cannot be written.
    """
    target = as_path(path)
    failed = sum(bool(each.error) for each in entries)
    advised = sum(bool(each.advice) for each in entries)
    songs = "1 song" if len(entries) == 1 else f"{len(entries)} songs"
    heads = [f"<th scope=col>{title}</th>" for _, title, _, _ in COLUMNS]
    page = fill_template(
        "spatialkit.report",
        "site",
        page="index.html",
        title=escape(title),
        summary=f"{songs}, {advised} with advice, {failed} failed. Each report has the sound.",
        heads="".join(heads),
        rows="\n".join(_row(each, target.parent) for each in entries),
    )
    replace_file(target, page, error=AudioFileError)


def _row(entry: IndexEntry, folder: Path) -> str:
    name = escape(entry.name)
    if entry.error:
        cell = f'<td class="text" colspan="{len(COLUMNS) + 1}">failed: {escape(entry.error)}</td>'
        return f'<tr class="failed"><th scope=row>{name}</th>{cell}</tr>'
    if entry.page is not None:
        relative = Path(os.path.relpath(as_path(entry.page), folder)).as_posix()
        name = f'<a href="{quote(os.fsencode(relative))}">{name}</a>'
    cells = [
        f'<td data-label="{title}">'
        f"{number_text(_value(entry.measures.get(key)), decimals, unit)}</td>"
        for key, title, unit, decimals in COLUMNS
    ]
    advice = "".join(f"<p>{escape(sentence)}</p>" for sentence in entry.advice) or "no advice"
    return f'<tr><th scope=row>{name}</th>{"".join(cells)}<td class="text">{advice}</td></tr>'


def _value(value: Any) -> float:
    """Return a number from JSON, in which NaN is null and infinity text."""
    return math.nan if value is None else float(value)
