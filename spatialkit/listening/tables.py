"""Tables of statistics as records and Markdown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from spatialkit.results import markdown_table

__all__ = ["Table"]

# Columns that are shown as probabilities.
P_VALUES = ("p", "p_holm", "p_sign")


@dataclass(frozen=True)
class Table:
    """Table of an analysis.

    Attributes
    ----------
    name, title : str
    columns : tuple of str
    rows : tuple of tuple
        Values in the order of the columns.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def records(self) -> list[dict[str, Any]]:
        """Return each row as a dictionary."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def to_markdown(self) -> str:
        """Return the table as Markdown, numbers rounded."""
        texts = sum(isinstance(value, str) for value in self.rows[0]) if self.rows else 0
        cells = [
            [_shown(name, value) for name, value in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]
        return markdown_table([name.replace("_", " ") for name in self.columns], cells, left=texts)


def _shown(column: str, value: Any) -> str:
    if isinstance(value, str):
        return value.replace("|", "\\|").replace("\n", " ")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "-"
    if column in P_VALUES:
        return f"{value:.4f}" if value >= 0.0001 else f"{value:.1e}"
    return f"{value:.3f}" if abs(value) <= 1.0 else f"{value:.1f}"
