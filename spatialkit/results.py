"""Parts of result tables: metrics, Markdown, JSON, and panels of figures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from spatialkit._json import to_json

__all__ = [
    "Bar",
    "Metric",
    "Panel",
    "markdown_table",
    "to_json",
]


@dataclass(frozen=True)
class Metric:
    """Column of a table.

    Parameters
    ----------
    name : str
        Name of the values in JSON.
    title, unit : str
        Title and unit of the column; the unit may be empty.
    better : {"higher", "lower", "near 0"}
        Direction of better values.
    help : str
        Definition of the metric in one sentence; may be empty.
    table : str
        Title of the table that contains the column; empty for the first table.
    decimals : int
        Digits after the decimal point in tables.
    """

    name: str
    title: str
    unit: str
    better: str
    help: str
    table: str = ""
    decimals: int = 1

    @property
    def header(self) -> str:
        """Title and unit."""
        return f"{self.title}, {self.unit}" if self.unit else self.title

    @property
    def aim(self) -> str:
        """Direction of better values as text."""
        return {"higher": "Higher is better", "lower": "Lower is better"}.get(
            self.better, f"Best {self.better}"
        )


@dataclass(frozen=True)
class Bar:
    """Bar of a figure: one system and one metric.

    Parameters
    ----------
    label : str
        Name beside the bar.
    mean : float
        Length of the bar; a value that is not finite is shown as text.
    low, high : float
        Confidence interval; NaN for none.
    points : tuple of float
        Single values.
    group : str
        Bars of the same group have the same colour; by default the label.
    """

    label: str
    mean: float
    low: float = math.nan
    high: float = math.nan
    points: tuple[float, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Panel:
    """Panel of a figure: one metric, one bar per system.

    Parameters
    ----------
    title : str
        Title with unit.
    aim : str
        Direction of better values, such as "higher is better"; may be empty.
    bars : tuple of Bar
    decimals : int
        Digits after the decimal point.
    """

    title: str
    aim: str
    bars: tuple[Bar, ...]
    decimals: int = 1


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> str:
    """Format cells as a Markdown table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
        Cells, as many per row as in the header.
    left : int
        Number of columns, from the first, that are aligned left; the others are aligned right.

    Examples
    --------
    >>> print(markdown_table(["system", "SNR, dB"], [["matrix", "12.1"]]))
    | system | SNR, dB |
    | --- | ---: |
    | matrix | 12.1 |
    """
    marks = [*["---"] * left, *["---:"] * (len(header) - left)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (header, marks, *rows))
